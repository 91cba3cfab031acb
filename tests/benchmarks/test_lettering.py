"""Lettering: strokes go where their control points say, in their order and direction."""

from __future__ import annotations

import numpy as np

from benchmarks.lettering import LETTERS, curve, fit, write


def test_a_curve_passes_its_control_points_in_order() -> None:
    points = np.array([(0, 0), (1, 2), (3, 1), (4, 4)], dtype=float)
    drawn = curve(points, 10)
    assert np.allclose(drawn[[0, 10, 20, 30]], points)
    assert len(drawn) == 31


def test_a_straight_row_of_points_stays_straight_and_a_dot_a_dot() -> None:
    drawn = curve([(0, 0), (1, 1), (2, 2), (3, 3)])
    assert np.allclose(drawn[:, 0], drawn[:, 1])
    assert np.all(np.diff(drawn[:, 0]) > 0)
    assert curve([(2, 3)]).tolist() == [[2, 3]]


def test_text_runs_from_left_to_right_and_repeats_itself() -> None:
    strokes = write("tin", 3)
    assert len(strokes) == sum(len(LETTERS[c]) for c in "tin")
    middles = [float(s[:, 0].mean()) for s in strokes]
    assert max(middles[:2]) < min(middles[2:4]) < min(middles[4:])
    again, other = write("tin", 3), write("tin", 4)
    assert all(np.array_equal(a, b) for a, b in zip(strokes, again, strict=True))
    assert not np.array_equal(strokes[0], other[0])


def test_a_t_is_written_down_then_across() -> None:
    stem, bar = write("t", 0)
    assert stem[-1, 1] > stem[0, 1] + 1
    assert bar[-1, 0] > bar[0, 0] + 0.4


def test_fit_keeps_the_margin() -> None:
    placed, (height, width) = fit(write("hand", 1), 40.0, 9.0)
    everything = np.concatenate(placed)
    assert np.allclose(everything.min(axis=0), 9.0)
    assert np.all(everything.max(axis=0) <= (width - 9.0 + 1e-9, height - 9.0 + 1e-9))
