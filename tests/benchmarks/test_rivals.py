"""Rivals: what their output is read as. The programs themselves run only where they are installed."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest

from benchmarks import rivals
from benchmarks.line_metrics import Drawing, Target, line_f1
from benchmarks.supersampled import draw_strokes


def target() -> Target:
    stroke = np.array([(12.0, 20.0, 6.0), (60.0, 20.0, 6.0)])
    return Target.of(draw_strokes([stroke], (40, 72)))


def test_lines_of_an_svg() -> None:
    svg = (
        '<svg width="9"><g fill="none" stroke-width="4"><path d="M1.0 2.0L3.5 -2.0"/>'
        '<path d="M0.0 0.0L1.0 0.0L1.0 5.0"/></g></svg>'
    )
    drawing = rivals.svg_lines(svg)
    assert [s[:, :2].tolist() for s in drawing.strokes] == [
        [[1.5, 2.5], [4.0, -1.5]],
        [[0.5, 0.5], [1.5, 0.5], [1.5, 5.5]],
    ]
    assert drawing.strokes[0][0, 2] == 4.0


def test_an_absent_rival_is_named_with_its_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals.shutil, "which", lambda _: None)
    monkeypatch.setattr(rivals.importlib.util, "find_spec", lambda _: None)
    found, missing = rivals.find_rivals()
    assert [rival.key for rival in found] == ["tour"]
    assert len(missing) == 2
    assert all("install" in line for line in missing)


def test_the_outline_takes_the_pen_that_suits_best(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = np.array([(12, 17), (60, 17), (60, 23), (12, 23), (12, 17)], dtype=float)
    drawing = rivals._outlined(target(), lambda _: [loop])
    assert drawing.strokes[0][0, 2] > 1.0  # one pixel leaves the middle of the bar bare
    assert isinstance(drawing, Drawing)


def test_the_line_width_of_a_bar() -> None:
    t = target()
    assert rivals.line_width_px(t.mask, t.skeleton) == pytest.approx(6.0, abs=1.0)


@pytest.mark.skipif(shutil.which("potrace") is None, reason="potrace is not installed")
def test_the_potrace_program_draws_both_edges() -> None:
    loops = rivals._potrace_program(target().mask)
    assert len(loops) == 1
    assert loops[0][:, 0].min() == pytest.approx(9.0, abs=0.7)
    assert loops[0][:, 1].min() == pytest.approx(17.0, abs=0.3)
    assert loops[0][:, 1].max() == pytest.approx(23.0, abs=0.3)


@pytest.mark.skipif(importlib.util.find_spec("potrace") is None, reason="potracer is not installed")
def test_potracer_draws_both_edges() -> None:
    loops = rivals._potracer(target().mask)
    assert len(loops) == 1
    assert loops[0][:, 1].min() == pytest.approx(17.0, abs=0.3)
    assert loops[0][:, 1].max() == pytest.approx(23.0, abs=0.3)


@pytest.mark.skipif(importlib.util.find_spec("centerline_svg") is None, reason="not installed")
def test_centerline_svg_draws_the_middle() -> None:
    t = target()
    drawing = rivals._centreline(t.mask)
    assert line_f1(t.skeleton, drawing) > 0.9
    assert np.median(drawing.strokes[0][:, 1]) == pytest.approx(20.0, abs=0.6)
