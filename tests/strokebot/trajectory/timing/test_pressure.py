from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from strokebot.trajectory.timing.pressure import (
    HYSTERESIS_LEVELS,
    SERVO_SETTLE_S,
    pen_move_time_s,
    pen_values,
    ramp_time_s,
    sent_ahead,
    servo_turns,
)

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
    assert pen_move_time_s(400.0, servo) == pytest.approx(0.1 + SERVO_SETTLE_S + 0.01)  # two lines


def stepped(levels):
    servo = Profile.load("grbl-servo")
    return replace(servo, pen=replace(servo.pen, levels=levels))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 31), st.integers(0, 2**32 - 1))
def test_a_servo_of_few_levels_follows_the_width_within_a_level_and_its_hysteresis(levels, seed):
    profile = stepped(levels)
    pen = profile.pen
    rng = np.random.default_rng(seed)
    n = 300
    width = np.clip(0.7 + 0.3 * np.cumsum(rng.normal(0, 0.1, n)), 0.1, 1.4)
    xy = np.column_stack([np.arange(n) * 0.1, np.zeros(n)])
    drawn = rng.uniform(size=n - 1) > 0.02
    turned = servo_turns(width, np.ones(n), drawn, profile)
    inside = np.concatenate([[False], drawn]) & np.concatenate([drawn, [False]])
    assert not (turned & ~inside).any()
    value = pen_values(xy, width, np.ones(n), drawn, profile, turned)
    step = abs(pen.full - pen.touch) / (levels - 1)
    count = (value - pen.touch) / (pen.full - pen.touch) * (levels - 1)
    np.testing.assert_allclose(count, np.round(count), atol=1e-9)
    changes = np.flatnonzero(np.diff(value) != 0) + 1
    assert (turned[changes] | ~np.concatenate([[True], drawn])[changes]).all()
    # Between two turns no wanted value is farther from the middle of its stretch than the band allows.
    wanted = pen.value_for(width)
    begins = np.flatnonzero(turned | ~np.concatenate([[False], drawn]))
    for part in np.split(wanted, begins[begins > 0]):
        if len(part) > 1:
            inner = part[:-1]  # the servo does not turn for the last point
            assert inner.max() - inner.min() <= 2 * (0.5 + HYSTERESIS_LEVELS) * step * (1 + 1e-9)


def test_a_width_that_wavers_between_two_levels_turns_nothing():
    profile = stepped(4)
    pen = profile.pen
    middle = pen.touch + 1.5 / 3 * (pen.full - pen.touch)
    ways = np.where(np.arange(40) % 2, 0.2, -0.2) * (pen.full - pen.touch) / 3
    width = pen.drawn_width_mm(middle + ways)
    assert not servo_turns(width, np.ones(40), np.ones(39, dtype=bool), profile).any()
    further = pen.drawn_width_mm(middle + 4 * ways)
    assert servo_turns(further, np.ones(40), np.ones(39, dtype=bool), profile).sum() == 38
    one_value = replace(profile, pen=replace(pen, levels=None))
    assert not servo_turns(further, np.ones(40), np.ones(39, dtype=bool), one_value).any()


def test_a_value_sent_ahead_arrives_in_time_and_as_fast_as_before():
    t = np.linspace(0, 2, 401)
    value = np.sin(4 * t)
    sent = sent_ahead(t, value, 0.1)
    late = np.interp(t - 0.1, t, sent)
    np.testing.assert_allclose(late[t >= 0.1], value[t >= 0.1], atol=1e-4)
    assert np.abs(np.diff(sent)).max() <= np.abs(np.diff(value)).max() * (1 + 1e-9)
    assert (sent[t >= 1.9] == value[-1]).all()
    np.testing.assert_array_equal(sent_ahead(t, value, 0.0), value)
