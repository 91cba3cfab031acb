"""The benchmark of the speed: its slopes, its older tree, its flat numbers."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def swift():
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.swift")
    finally:
        sys.path.remove(str(ROOT))


def test_a_slope_is_that_of_the_power(swift):
    assert swift.slope([(x, 3.0 * x**1.2) for x in (10.0, 100.0, 5000.0)]) == pytest.approx(1.2)


def test_pictures_have_the_size_that_was_asked_for(swift, tmp_path):
    for side in (64, 300):
        with Image.open(swift.line_art(tmp_path, side)) as picture:
            assert max(picture.size) == side
    with Image.open(swift.tiled(tmp_path, 2)) as picture:
        assert picture.size == (2048, 2048)


def test_a_commit_that_is_not_there_gives_no_ratios(swift, tmp_path, capsys):
    assert swift.older_tree("0123456789", tmp_path) is None
    assert "no ratios" in capsys.readouterr().out


def test_a_command_that_fails_says_what_it_said(swift, tmp_path):
    with pytest.raises(RuntimeError, match=r"There is no file nothing\.png"):
        swift.run(ROOT, ["draw", "nothing.png"], tmp_path)
    done = swift.run(ROOT, ["--version"], tmp_path)
    assert done.processor_s > 0
    assert 1 < done.peak_mb < 2000


@pytest.mark.slow
def test_the_quick_benchmark_writes_flat_numbers(swift, tmp_path):
    file = tmp_path / "swift.json"
    assert swift.main(["--quick", "--json", str(file), "--before", "0123456789"]) == 0
    flat = json.loads(file.read_text())
    assert {"cold_512_s", "cold_word_s", "cold_1024_s", "warm_size_s", "warm_fill_s", "slope_pixels",
            "peak_mb_25mpx"} <= set(flat)  # fmt: skip
    assert all(isinstance(value, float) for value in flat.values())
