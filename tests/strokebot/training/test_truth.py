from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from strokebot.errors import DataError
from strokebot.training.truth import along_ink, compare, dtw, shuffled


def slow_dtw(g: np.ndarray, t: np.ndarray) -> float:  # type: ignore[type-arg]
    """The textbook table, cell by cell."""
    table = np.full((len(g) + 1, len(t) + 1), np.inf)
    table[0, 0] = 0
    for i in range(len(g)):
        for j in range(len(t)):
            best = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = np.hypot(*(g[i] - t[j])) + best
    return float(table[-1, -1]) / max(len(g), len(t))


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_fast_dtw_agrees_with_the_table(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    g, t = rng.random((3, n, 2)), rng.random((3, m, 2))
    assert dtw(g, t) == pytest.approx([slow_dtw(a, b) for a, b in zip(g, t, strict=True)])


def line(*corners: tuple[float, float], n: int = 30) -> np.ndarray:  # type: ignore[type-arg]
    c = np.array(corners)
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(c, axis=0).T))])
    s = np.linspace(0, along[-1], n)
    return np.column_stack([np.interp(s, along, c[:, 0]), np.interp(s, along, c[:, 1])])[None]


ELL = line((0.2, 0.1), (0.2, 0.9), (0.7, 0.9))
ALL = np.ones((1, 29), bool)


def test_the_same_line_with_other_points() -> None:
    other = line((0.2, 0.1), (0.2, 0.9), (0.7, 0.9), n=9)
    result = compare(other, np.ones((1, 8), bool), ELL, ALL)
    assert result.dtw[0] < 0.005
    assert result.direction[0] > 0.98
    assert result.order[0] > 0.999


def test_the_line_backwards() -> None:
    result = compare(ELL[:, ::-1], ALL, ELL, ALL)
    assert result.dtw[0] > 0.2
    assert result.direction[0] < 0.02
    assert result.order[0] < -0.999


def test_a_shifted_line_is_off_by_the_shift() -> None:
    flat = line((0.1, 0.5), (0.9, 0.5))
    result = compare(flat + np.array([0, 0.1]), ALL, flat, ALL)
    assert result.dtw[0] == pytest.approx(0.1, rel=1e-6)
    assert result.order[0] == pytest.approx(1)


def test_lifted_parts_do_not_count() -> None:
    points = np.array([[[0, 0], [1, 0], [1, 5], [0, 5]]], float)
    got, way = along_ink(points, np.array([[True, False, True]]), 4)
    assert np.allclose(got[0], [[0.25, 0], [0.75, 0], [0.75, 5], [0.25, 5]])
    assert np.allclose(way[0], [[1, 0], [1, 0], [-1, 0], [-1, 0]])


def test_gestures_without_length() -> None:
    points = np.array([[[0.1, 0.2], [0.5, 0.5], [0.5, 0.5]]])
    got, way = along_ink(points, np.array([[False, True]]), 3)
    assert np.allclose(got, [0.5, 0.5])
    assert (way == 0).all()
    assert np.allclose(along_ink(points, np.array([[False, False]]), 3)[0], [0.1, 0.2])
    assert np.allclose(along_ink(points[:, :1], np.zeros((1, 0), bool), 3)[0], [0.1, 0.2])
    nothing = compare(points, np.zeros((1, 2), bool), ELL, ALL)
    assert np.isfinite(nothing.dtw[0])
    assert nothing.order[0] == 0


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=15)
def test_order_is_kendalls_tau(seed: int) -> None:
    # Two parallel lines of points in another order: nearest points have no ties.
    rng = np.random.default_rng(seed)
    order = rng.permutation(6)
    truth = np.column_stack([np.arange(6), np.zeros(6)])[None].astype(float)
    truth_drawn = np.ones((1, 5), bool)
    # One short drawn segment at the middle of each truth stretch of 5/6, in random order.
    centres = (order + 0.5) * 5 / 6
    gesture = np.stack(
        [np.column_stack([centres - 0.01, 0 * centres]), np.column_stack([centres + 0.01, 0 * centres])]
    )
    gesture = gesture.transpose(1, 0, 2).reshape(1, -1, 2)
    drawn = np.array([[k % 2 == 0 for k in range(11)]])
    result = compare(gesture, drawn, truth, truth_drawn)
    assert result.order[0] == pytest.approx(kendalltau(np.arange(6), order).statistic, abs=0.12)


def test_chance_keeps_the_ink_and_loses_the_order() -> None:
    points = np.repeat(np.array([[[0, 0], [1, 0], [1, 5], [0, 5], [7, 7], [7, 8]]], float), 1000, axis=0)
    drawn = np.repeat(np.array([[True, False, True, False, True]]), 1000, axis=0)
    mixed, flags = shuffled(points, drawn, np.random.default_rng(0))
    for k in range(1000):
        strokes = {frozenset(map(tuple, mixed[k, i : i + 2])) for i in range(5) if flags[k, i]}
        assert strokes == {
            frozenset({(0, 0), (1, 0)}),
            frozenset({(1, 5), (0, 5)}),
            frozenset({(7, 7), (7, 8)}),
        }
    # Three strokes, each two ways: 48 drawings, all of which come up.
    assert len({mixed[k].tobytes() for k in range(1000)}) == 48
    assert abs(np.mean(compare(mixed, flags, points, drawn).order)) < 0.1


def test_shapes_must_fit() -> None:
    with pytest.raises(DataError, match="do not fit"):
        along_ink(ELL, ALL[:, 1:])
    with pytest.raises(DataError, match="true paths"):
        compare(ELL, ALL, np.repeat(ELL, 2, axis=0), np.repeat(ALL, 2, axis=0))
