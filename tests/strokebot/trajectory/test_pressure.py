from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from strokebot.trajectory.pressure import SERVO_SETTLE_S, pen_move_time_s, pen_values, ramp_time_s

XY = np.array([[0, 0], [1, 0], [3, 0], [9, 0], [10, 0], [10, 0.0]])
DRAWN = np.array([True, True, False, True, False])
WIDTH = np.array([0.4, 0.8, 0.8, 0.5, 1.0, 0.6])


def test_a_z_pen_follows_the_width(profile):
    values = pen_values(XY, WIDTH, np.ones(6), DRAWN, profile)
    np.testing.assert_allclose(profile.drawn_width_mm(values), WIDTH, atol=1e-9)


def test_a_servo_keeps_the_mean_width_of_each_stroke():
    profile = Profile.load("grbl-servo")
    values = pen_values(XY, WIDTH, np.ones(6), DRAWN, profile)
    # 0.6 over 1 mm and 0.8 over 2 mm; 0.75 over the second stroke; the last point alone.
    wanted = [2.2 / 3, 2.2 / 3, 2.2 / 3, 0.75, 0.75, 0.6]
    np.testing.assert_allclose(profile.drawn_width_mm(values), wanted, atol=1e-9)


def test_a_servos_grey_dots_have_a_width():
    profile = Profile.load("grbl-servo")
    values = pen_values(XY[:2], WIDTH[:2], np.full(2, 0.9), np.array([False]), profile)
    np.testing.assert_allclose(profile.drawn_width_mm(values), 0.9 * WIDTH[:2], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 50), st.floats(1, 100), st.floats(10, 5000), st.floats(0, 20), st.floats(0, 20))
def test_ramp_time_is_that_of_a_fine_simulation(way, speed, acceleration, start, end):
    got = ramp_time_s(way, speed, acceleration, (start, end))
    s = np.linspace(0, way, 20001)
    from_start = min(start, speed) ** 2 + 2 * acceleration * s
    from_end = min(end, speed) ** 2 + 2 * acceleration * (way - s)
    v = np.sqrt(np.minimum(np.minimum(from_start, from_end), speed**2))
    assert got == pytest.approx((2 * np.diff(s) / (v[1:] + v[:-1])).sum(), rel=1e-3)


def test_lifts_take_the_time_of_the_axis(profile):
    plain = ramp_time_s(3.0, 25.0, 500.0)
    assert plain == pytest.approx(3 / 25 + 25 / 500)
    # GRBL's junction: sqrt(707 * 0.01 * 2.414) = 4.13 mm/s at both ends.
    assert pen_move_time_s(3.0, profile) == pytest.approx(
        ramp_time_s(3.0, 25.0, 500.0, (4.131, 4.131)), rel=1e-4
    )
    sharp = replace(profile, machine=replace(profile.machine, junction_deviation_mm=0.0001))
    assert pen_move_time_s(3.0, profile) < pen_move_time_s(3.0, sharp) < plain
    one = pen_move_time_s(3.0, profile, from_rest=True)
    assert one == pytest.approx(0.5 * (plain + pen_move_time_s(3.0, profile)))
    assert pen_move_time_s(3.0, profile, from_rest=True, to_rest=True) == pytest.approx(plain)
    servo = Profile.load("grbl-servo")
    assert pen_move_time_s(400.0, servo) == pytest.approx(0.1 + SERVO_SETTLE_S)
