"""Gestures become strokes and gestures again: the same line, as many lifts, points evenly spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot import raster
from strokebot.gesture import Gesture
from strokebot.polish.strokes import gesture_of, strokes_of

SIDE = 60
rows = st.lists(
    st.tuples(
        st.floats(0.1, 0.9),
        st.floats(0.1, 0.9),
        st.floats(0.01, 0.1),
        st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.0]),
    ),
    min_size=1,
    max_size=12,
)


def picture(gesture: Gesture) -> np.ndarray:
    return raster.draw_ink(
        gesture.positions * SIDE,
        gesture.size * SIDE,
        gesture.intensity,
        raster.segments_down(gesture.pen_down),
        (SIDE, SIDE),
    )


def of(table: list[tuple[float, ...]]) -> Gesture:
    array = np.array(table)
    return Gesture.from_positions(array[:, :2], array[:, 2], array[:, 3])


@settings(deadline=None, max_examples=40)
@given(table=rows)
def test_the_line_and_the_lifts_stay(table: list[tuple[float, ...]]) -> None:
    before = of(table)
    strokes = strokes_of(before, SIDE)
    down = np.concatenate([[False], before.pen_down])
    assert len(strokes) == np.count_nonzero(down[1:] & ~down[:-1])
    if not len(strokes):
        return
    after = gesture_of(strokes, SIDE, 0.01)
    assert after.lifts == before.lifts
    drawn_alone = before.pen_down & ~down[:-1] & ~np.append(before.pen_down[1:], False)
    if not drawn_alone.any():  # a dot between lifted points is one the rasteriser cannot tell
        np.testing.assert_allclose(picture(after), picture(before), atol=0.3)


@settings(deadline=None, max_examples=40)
@given(table=rows)
def test_segments_are_short_and_within_strokes(table: list[tuple[float, ...]]) -> None:
    strokes = strokes_of(of(table), SIDE)
    assert len(strokes.segments) == len(strokes.points) - len(strokes)
    if len(strokes):
        assert strokes.lengths.max() <= 24.0 + 1e-9
        assert not np.isin(np.append(strokes.first[1:], len(strokes.points)) - 1, strokes.segments).any()


def test_long_chords_are_divided_by_their_width() -> None:
    fine = strokes_of(of([(0.1, 0.5, 0.02, 1.0), (0.9, 0.5, 0.02, 1.0)]), 500)
    broad = strokes_of(of([(0.1, 0.5, 0.04, 1.0), (0.9, 0.5, 0.04, 1.0)]), 500)
    assert fine.lengths == pytest.approx(np.full(27, 400 / 27))
    assert len(broad.lengths) == 17


def test_points_of_a_straight_line_are_left_out_again() -> None:
    line = strokes_of(of([(0.1, 0.5, 0.02, 1.0), (0.9, 0.5, 0.02, 1.0)]), 500)
    assert len(gesture_of(line, 500, 0.05)) == 2


def test_no_ink_is_no_stroke() -> None:
    assert len(strokes_of(of([(0.1, 0.5, 0.02, 0.0), (0.9, 0.5, 0.02, 0.2)]), 500)) == 0
