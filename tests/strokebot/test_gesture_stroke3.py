"""Stroke-3 and SVG of a bare gesture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import GestureError
from strokebot.gesture import Gesture
from strokebot.svg import gesture_svg


def drawn(gesture: Gesture) -> list[list[tuple[float, float]]]:
    """The strokes, point by point: the slow, obvious way."""
    strokes: list[list[tuple[float, float]]] = []
    before = False
    for point, down in zip(gesture.positions, gesture.pen_down, strict=True):
        if down and not before:
            strokes.append([])
        if down:
            strokes[-1].append((round(float(point[0]), 6), round(float(point[1]), 6)))
        before = bool(down)
    return strokes


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=12))
def test_strokes_come_back(rows: list[tuple[float, float, bool]]) -> None:
    table = np.array([row[:2] for row in rows])
    ink = np.array([0.9 if row[2] else 0.1 for row in rows])
    gesture = Gesture.from_positions(table, np.full(len(rows), 0.05), ink)
    stroke3 = gesture.to_stroke3()
    assert stroke3.shape == (int(gesture.pen_down.sum()), 3)
    assert int(stroke3[:, 2].sum()) == len(drawn(gesture))
    if len(stroke3):
        again = Gesture.from_stroke3(stroke3, size=0.05)
        np.testing.assert_allclose(np.concatenate(drawn(again)), np.concatenate(drawn(gesture)), atol=2e-6)
        assert [len(s) for s in drawn(again)] == [len(s) for s in drawn(gesture)]


def test_rows_of_another_unit_are_scaled() -> None:
    gesture = Gesture.from_stroke3(np.array([[10, 20, 0], [30, 0, 1], [0, 5, 1]]), size=0.02, scale=0.01)
    np.testing.assert_allclose(gesture.positions[[0, 1, -1]], [[0.1, 0.2], [0.4, 0.2], [0.4, 0.25]])
    assert gesture.lifts == 1
    assert set(gesture.size) == {0.02}


@pytest.mark.parametrize("rows", [np.zeros((0, 3)), np.zeros((3, 2)), [[0, np.nan, 1]], [1, 2, 3]])
def test_rows_that_are_none_are_refused(rows: object) -> None:
    with pytest.raises(GestureError):
        Gesture.from_stroke3(rows)  # type: ignore[arg-type]


def test_svg_has_the_gesture_the_right_way_up() -> None:
    gesture = Gesture.from_positions(np.array([[0.1, 0.2], [0.5, 0.2]]), np.full(2, 0.02), np.ones(2))
    svg = gesture_svg(gesture, side_mm=50.0, title="a line")
    assert 'width="50mm"' in svg
    assert "a line" in svg
    assert "5,10" in svg.replace(" ", ",")  # 0.1 x 50 mm from the left, 0.2 x 50 mm from the top
    assert gesture_svg(gesture) == gesture_svg(gesture)
