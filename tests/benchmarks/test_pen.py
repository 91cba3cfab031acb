"""The pen benchmark compares like with like and writes the keys that it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import pen


def test_figures_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiling takes longer than all other tests of the pens together.
    monkeypatch.setattr(pen, "_compiler_is_there", lambda _: False)
    monkeypatch.setattr(pen, "_BATCH", 4)
    monkeypatch.setattr(pen, "_QUICK_TURNS", 1)
    assert pen.main(["--quick", "--json", str(tmp_path / "pen.json")]) == 0
    figures = json.loads((tmp_path / "pen.json").read_text())
    assert figures["pen_speedup_vs_article"] > 0
    assert figures["pen_speedup_vs_autograd"] > 0
    assert figures["pen_max_abs_error"] <= 1e-5


def test_the_gestures_are_handwriting_sized() -> None:
    start, steps = pen.gestures(torch.device("cpu"))
    length_px = steps[:, :-1, :2].norm(dim=-1).sum(1) * 28
    assert start.shape == (128, 2)
    assert steps.shape == (128, 32, 4)
    assert 20 < float(length_px.mean()) < 60
    assert torch.equal(steps, pen.gestures(torch.device("cpu"))[1])
