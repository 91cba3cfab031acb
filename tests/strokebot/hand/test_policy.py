"""What the drawing networks are told and answer: frames and limits."""

from __future__ import annotations

import numpy as np
import pytest

from strokebot.hand import policy
from strokebot.hand.retina import ANGLES, RADII, RINGS, WORK_PX


def test_points_ahead_lie_in_the_direction_of_the_heading():
    places = policy.on_paper(
        np.array([[10.0, 20.0]]), np.array([np.pi / 2]), np.array([4.0]), np.array([[[1.0, 0.0], [0.0, 1.0]]])
    )
    assert places[0] == pytest.approx(np.array([[10.0, 24.0], [6.0, 20.0]]))


def test_the_pen_is_told_its_past_in_its_own_frame():
    past = np.full((1, policy.PAST_POINTS, 2), np.nan)
    past[0, 0] = [10.0, 16.0]
    told = policy.pen_extras(
        np.array([[10.0, 20.0]]),
        np.array([np.pi / 2]),
        np.array([2.0]),
        past=past,
        drawn_px=np.array([20.0]),
        looks=np.array([3]),
        style=1.0,
    )
    assert told.shape == (1, policy.PEN_EXTRAS)
    assert told[0, :6] == pytest.approx([1.0, 0.0, 0.5, np.log2(2 / 3), -1.0, 0.0], abs=1e-6)
    assert not told[0, 6:].any()


def test_the_eye_is_told_the_newest_strokes_first():
    history = policy.StrokeHistory.empty(2)
    for k in range(8):
        place = np.array([[3.0 * k, 0.0]])
        history = history.added(np.array([1]), place, place + np.array([0.0, 3.0]), np.array([30.0]))
    told = policy.eye_extras(
        np.zeros((2, 2)), history, heading=np.zeros(2), looks=np.zeros(2, int), left=np.ones(2), style=0.0
    )
    assert told.shape == (2, policy.EYE_EXTRAS)
    assert told[0].tolist() == [0, 0, 1, *[0] * 33]
    assert told[1, 1] == pytest.approx(0.5)
    # The newest stroke began at (21, 0) px: 7 widths away of 7 + 8; it is 10 widths long.
    assert told[1, 6:8] == pytest.approx([7 / 15, 0.0])
    assert told[1, 10] == pytest.approx(0.5)


def test_cells_are_the_places_of_the_look_and_landing_stays():
    cells = np.array([policy.LAND, 0, 5 * ANGLES + 6, RINGS * ANGLES - 24])
    places = policy.cell_place(np.full((4, 2), 7.0), cells)
    assert places[0].tolist() == [7.0, 7.0]
    assert places[1] == pytest.approx([7.0 + RADII[0] * WORK_PX, 7.0])
    assert places[2] == pytest.approx([7.0, 7.0 + RADII[5] * WORK_PX])
    assert places[3] == pytest.approx([7.0 + RADII[13] * WORK_PX, 7.0])


def test_the_heading_is_that_of_the_last_real_move():
    xy, scale = np.zeros((3, 2)), np.full(3, 3.0)
    places = np.array([[[1, 0], [1, 1]], [[0, 2], [0, 2.1]], [[0.1, 0.1], [0, 0]]], float)
    after = policy.heading_after(xy, np.array([9.0, 9.0, 9.0]), scale, places)
    assert after == pytest.approx([np.pi / 2, np.pi / 2, 9.0])
