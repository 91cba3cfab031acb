"""The two rasterisers, which share no code, agree; and each fails where it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.supersampled import draw_strokes
from strokebot.raster import draw_ink


def judge(stroke: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    n = len(stroke)
    return draw_ink(stroke[:, :2], stroke[:, 2], stroke[:, 3], np.ones(n, bool), shape)


def test_a_straight_line_covers_its_area() -> None:
    stroke = np.array([(10.0, 8.0, 4.0, 1.0), (30.0, 8.0, 4.0, 1.0)])
    drawn = draw_strokes([stroke], (16, 40))
    assert float(drawn.sum()) == pytest.approx(20 * 4 + np.pi * 4, rel=0.02)
    assert drawn[6:10, 10:30].min() > 0.9
    assert drawn[:5].max() == 0.0


def test_a_disc_and_a_tinted_line() -> None:
    assert float(draw_strokes([np.array([(8.0, 8.0, 6.0)])], (16, 16)).sum()) == pytest.approx(
        9 * np.pi, rel=0.03
    )
    grey = draw_strokes([np.array([(4.0, 8.0, 6.0, 0.5), (12.0, 8.0, 6.0, 0.5)])], (16, 16))
    assert float(grey.max()) == pytest.approx(0.5, abs=0.01)


def test_the_darker_line_lies_on_top() -> None:
    faint = np.array([(2.0, 8.0, 4.0, 0.4), (14.0, 8.0, 4.0, 0.4)])
    dark = np.array([(8.0, 2.0, 4.0, 0.9), (8.0, 14.0, 4.0, 0.9)])
    for order in ([faint, dark], [dark, faint]):
        assert draw_strokes(order, (16, 16))[8, 8] == pytest.approx(0.9, abs=0.01)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1.0, 9.0))
def test_both_rasterisers_draw_the_same_line(seed: int, width: float) -> None:
    rng = np.random.default_rng(seed)
    points = np.cumsum(rng.uniform(-9, 9, (8, 2)), axis=0) + 30
    stroke = np.column_stack([points, np.full(8, width), np.ones(8)])
    a, b = draw_strokes([stroke], (60, 60)), judge(stroke, (60, 60))
    assert float(np.abs(a - b).max()) < 0.25
    assert float(np.abs(a - b).mean()) < 0.005
    # A cell is an eighth of a pixel: the width agrees to less than half of one along the whole line.
    length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    assert float(abs(a.sum() - b.sum())) < 0.06 * length + 0.5


def test_the_comparison_can_fail() -> None:
    stroke = np.array([(10.0, 10.0, 4.0, 1.0), (30.0, 20.0, 4.0, 1.0)])
    moved = stroke + np.array([0.5, 0.0, 0.0, 0.0])
    assert float(np.abs(draw_strokes([stroke], (30, 40)) - judge(moved, (30, 40))).max()) > 0.2
    wider = stroke * np.array([1.0, 1.0, 1.15, 1.0])
    a, b = draw_strokes([stroke], (30, 40)), judge(wider, (30, 40))
    assert float(b.sum()) > 1.08 * float(a.sum())
