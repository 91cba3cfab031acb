"""The trace: lengths, lifts and ink of what the pen did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.profile import Profile
from strokebot.errors import TrajectoryError
from strokebot.trace import Trace
from strokebot.trajectory.path.place import Placement

PROFILE = Profile.load(None)
UP, TOUCH, FULL = PROFILE.pen.up, PROFILE.pen.touch, PROFILE.pen.full


def trace(xy, pen, t=None):
    return Trace.of(np.arange(len(xy)) if t is None else t, np.array(xy, float), pen, PROFILE, "simulated")


def test_lengths_and_lifts_follow_the_pen_value():
    line = trace(
        [[0, 0], [0, 0], [30, 0], [30, 0], [30, 40], [30, 40], [20, 40], [20, 40]],
        [UP, FULL, FULL, UP, UP, TOUCH, TOUCH, UP],
    )
    assert (line.drawn_mm, line.travel_mm, line.lifts) == (40.0, 40.0, 1)
    assert line.pen_down.tolist() == [False, False, True, False, False, False, True, False]
    assert line.width_mm.tolist() == pytest.approx([0, 1.2, 1.2, 0, 0, 0.3, 0.3, 0])
    assert line.darkness[1] == pytest.approx(1.0)
    assert line.darkness[5] == pytest.approx(0.75 / 0.95)
    assert line.duration_s == 7.0


def test_nothing_drawn_has_no_lift():
    assert trace([[0, 0], [9, 9]], [UP, UP]).lifts == 0


def test_speed_is_way_over_time_in_every_slice():
    line = trace([[0, 0], [10, 0], [10, 0], [10, 30]], [UP] * 4, [0, 1, 2, 3])
    time, speed = line.speed_mm_s(6)
    np.testing.assert_allclose(time, np.arange(6) / 2 + 0.25)
    np.testing.assert_allclose(speed, [10, 10, 0, 0, 30, 30])


def test_ink_lies_where_the_placement_says_and_weighs_length_times_width():
    placement = Placement(100.0, 50.0, 180.0)  # a picture of 100 x 50 mm, top left at (50, 180)
    line = trace([[60, 170], [60, 170], [140, 170], [140, 170]], [UP, FULL, FULL, UP])
    ink = line.ink(placement, (100, 200))
    rows, columns = np.nonzero(ink > 0.5)
    assert (rows.min(), rows.max()) == (19, 20)  # 10 mm under the top edge at 2 px a mm
    assert columns.min() == pytest.approx(20, abs=2)
    assert columns.max() == pytest.approx(180, abs=2)
    assert ink.sum() / 4 == pytest.approx(80 * 1.2 + np.pi * 0.6**2, rel=0.01)


def test_a_pen_that_rests_leaves_a_dot_that_has_grown():
    pen = replace(PROFILE.pen, blot_mm2_s=0.2)
    t = [0.0, 0.1, 0.5, 1.5, 1.6, 2.0]
    xy = np.array([[60, 170], [60, 170], [60, 170], [80, 170], [80, 170], [80, 170]], float)
    values = [UP, FULL, FULL, FULL, UP, UP]
    plain, blotted = (
        Trace.of(t, xy, values, replace(PROFILE, pen=p), "simulated") for p in (PROFILE.pen, pen)
    )
    assert plain.blot_mm is None
    # It rests for 0.4 s after it has come down, and lifts at once.
    assert blotted.blot_mm.tolist() == pytest.approx([0, 2 * np.sqrt(0.6**2 + 0.2 * 0.4), 0, 0, 0, 0])
    placement, shape = Placement(100.0, 50.0, 180.0), (500, 1000)
    more = blotted.ink(placement, shape) - plain.ink(placement, shape)
    assert more.min() >= 0
    assert more.sum() / 100 == pytest.approx(np.pi * 0.2 * 0.4 * 0.62, rel=0.15)  # the line hides the rest
    assert blotted.drawn_mm == plain.drawn_mm


def test_slow_lines_are_wider_where_the_ink_bleeds():
    pen = replace(PROFILE.pen, bleed_mm2_mm_s=0.05, reference_speed_mm_s=20.0)
    x = np.array([0, 1, 2, 12, 22, 42, 62], float)  # at 1, then 10, then 20 mm/s
    line = Trace.of(
        np.arange(7.0), np.column_stack([x, x * 0]), [FULL] * 7, replace(PROFILE, pen=pen), "simulated"
    )
    still, v = 2.0, np.array([1.0, 20.0])
    wanted = 1.2 + np.sqrt(0.05) * ((v + still) ** -0.5 - (20.0 + still) ** -0.5)
    assert line.width_mm[[1, 6]].tolist() == pytest.approx(wanted.tolist())
    assert (np.diff(line.width_mm) <= 1e-12).all()


def test_time_must_not_run_back():
    with pytest.raises(TrajectoryError, match="run back"):
        trace([[0, 0], [1, 1]], [UP, UP], [1, 0])
