"""The benchmark of motion: it runs, its file is flat numbers with the promised names."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def motion():
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.motion")
    finally:
        sys.path.remove(str(ROOT))


@pytest.mark.slow
def test_the_quick_run_writes_every_promised_number(motion, tmp_path, capsys):
    file = tmp_path / "motion.json"
    assert motion.main(["--quick", "--json", str(file)]) == 0
    flat = json.loads(file.read_text(encoding="utf-8"))
    assert all(isinstance(value, float) for value in flat.values())
    wanted = {
        "max_violation", "time_over_optimum", "plan_2000_s", "plan_50000_s", "grbl_time_over_plan",
        "marlin_time_over_plan", "path_error_mm", "pen_error_fraction", "ik_50000_s", "gcode_error_mm",
    }  # fmt: skip
    assert wanted <= flat.keys()
    assert flat["max_violation"] <= 1.01
    assert 0.9995 <= flat["time_over_optimum"] <= 1.005
    assert 0.98 <= flat["grbl_time_over_plan"] <= 1.02
    assert 0.98 <= flat["marlin_time_over_plan"] <= 1.02
    assert flat["path_error_mm"] <= 0.02
    assert flat["pen_error_fraction"] <= 0.02
    assert flat["stalls"] == 0
    assert "optimum" in capsys.readouterr().out
