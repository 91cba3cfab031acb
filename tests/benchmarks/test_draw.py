"""The benchmark of a drawing: it runs, its stages add up, its file is flat numbers."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def draw():
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.draw")
    finally:
        sys.path.remove(str(ROOT))


def test_medians_and_ratios(draw, capsys, tmp_path):
    harness = sys.modules["benchmarks.harness"]
    seconds = harness.medians([{"total": 4.0, "a": 1.0}, {"total": 8.0, "a": 3.0}, {"total": 2.0, "b": 9.0}])
    assert seconds == {"total": 4.0, "a": 2.0, "b": 9.0}
    flat = harness.table("title", seconds, "total", "x_")
    assert flat == {
        "x_total_s": 4.0, "x_total_ratio": 1.0, "x_a_s": 2.0, "x_a_ratio": 0.5,
        "x_b_s": 9.0, "x_b_ratio": 2.25,
    }  # fmt: skip
    assert capsys.readouterr().out.startswith("title\n")
    harness.save(flat, harness.options("", ["--json", str(tmp_path / "f.json")]))
    assert json.loads((tmp_path / "f.json").read_text()) == flat


def test_the_stages_of_a_drawing_add_up_to_its_total(draw, tmp_path):
    picture = draw.scribble(tmp_path / "s.png", (160, 100), 8)
    seconds = draw.measure(picture, draw.DrawOptions(method="tour"), tmp_path / "out")
    total = seconds.pop("total")
    stages = {"read", "compare", "gesture", "polish", "path"}
    stages |= {"timing", "compile", "simulate", "fidelity", "save"}
    assert set(seconds) == stages
    assert 0.9 * total <= sum(seconds.values()) <= total


@pytest.mark.slow
def test_the_quick_benchmark_writes_flat_numbers(draw, tmp_path, capsys):
    file = tmp_path / "draw.json"
    assert draw.main(["--quick", "--json", str(file)]) == 0
    flat = json.loads(file.read_text())
    assert {"draw_total_s", "draw_total_ratio", "draw_simulate_s", "draw_model_total_s"} <= set(flat)
    assert all(isinstance(value, float) and value > 0 for value in flat.values())
    assert "simulate" in capsys.readouterr().out
