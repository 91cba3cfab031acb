from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from calibration.profile import Profile
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.pressure import pen_move_time_s
from strokebot.trajectory.timing.time_budget import stage_times
from tests.support.trajectory_shapes import path_of, scribbles

PROFILE = Profile.load("grbl-z")


@settings(max_examples=20, deadline=None)
@given(scribbles().filter(lambda path: path.pen_down.any()))
def test_the_stages_add_up_to_the_duration(path):
    trajectory = parametrise(path, PROFILE)
    stages = stage_times(trajectory, PROFILE)
    assert min(stages.steady_s, stages.bends_s, stages.travel_s, stages.pen_s) >= -1e-12
    assert stages.total_s == pytest.approx(trajectory.duration_s)


def test_each_second_is_where_it_belongs():
    path = path_of([[10, 10], [60, 10], [60, 40], [60, 90]], width=0.3, down=[1, 1, 0, 1])
    stages = stage_times(parametrise(path, PROFILE), PROFILE)
    assert stages.steady_s == pytest.approx(100 / 50)
    assert stages.bends_s == pytest.approx(2 * 50 / 1000, rel=0.02)  # two starts and two stops
    # 30 mm do not suffice for 120 mm/s and its ramps: 14.4 mm of them, and the rest at full speed.
    assert stages.travel_s == pytest.approx(30 / 120 + 120 / 1000, rel=0.02)
    ends = pen_move_time_s(3.0, PROFILE, False, True)
    assert stages.pen_s == pytest.approx(3 * pen_move_time_s(3.0, PROFILE) + ends, rel=1e-6)


def test_turns_of_a_servo_count_as_pen():
    servo = Profile.load("grbl-servo")
    stepped = replace(servo, pen=replace(servo.pen, levels=7))
    xy = np.column_stack([np.linspace(10, 60, 500), np.full(500, 20.0)])
    path = path_of(xy, width=0.7 + 0.35 * np.sin(np.linspace(0, 12, 500)))
    more = stage_times(parametrise(path, stepped), stepped).pen_s
    assert more > stage_times(parametrise(path, servo), servo).pen_s + 0.3
