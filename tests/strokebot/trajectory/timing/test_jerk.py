import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.plan import plan_motion
from strokebot.trajectory.timing.waypoints import chain_of
from tests.support import motion_shapes
from tests.support.motion_check import uses
from tests.support.trajectory_shapes import cursive, distance_to_polyline, path_of, spiral

PROFILE = Profile.load("grbl-z")
# The plan is a staircase of accelerations of 2 ms: third differences over this time see its slope.
WINDOW_S = 0.004


def gentle(jerk):
    return replace(PROFILE, machine=replace(PROFILE.machine, max_jerk_mm_s3=jerk))


def greatest_jerk(motion):
    """By third differences of positions at equal times."""
    start = np.concatenate([[0.0], np.cumsum(motion.duration)])
    t = np.arange(0.0, start[-1], WINDOW_S)
    k = np.clip(np.searchsorted(start, t, side="right") - 1, 0, len(motion.step) - 1)
    v = np.sqrt(motion.x)
    u = np.diff(v) / motion.duration
    passed = t - start[k]
    part = np.clip((v[k] * passed + 0.5 * u[k] * passed**2) / motion.step[k], 0.0, 1.0)
    position = motion.at(k, part).position[:, :2]
    return np.linalg.norm(np.diff(position, 3, axis=0), axis=1).max(initial=0.0) / WINDOW_S**3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(3e3, 1e6), st.booleans())
def test_the_jerk_and_every_other_limit_hold_on_random_lines(seed, points, jerk, smoothed):
    path = motion_shapes.random_line(np.random.default_rng(seed), points)
    path = smooth(path, 0.1) if smoothed else path
    profile = gentle(jerk)
    motion = plan_motion(chain_of(path), profile)
    assert greatest_jerk(motion) <= 1.05 * jerk
    assert max(uses(motion, profile).values()) <= 1.01
    assert motion.x[0] == motion.x[-1] == 0.0
    # Corners are rests: at every one of them the speed is 0.
    chain = chain_of(path)
    begins = motion.share[:, 0] == 0.0
    assert begins.sum() == len(chain.xy_mm) - 1
    assert (motion.x[:-1][begins & chain.corner[motion.segment]] == 0.0).all()


@pytest.mark.parametrize("shape", [lambda: cursive(1500), lambda: spiral(1200)])
def test_a_lower_jerk_takes_longer_and_the_same_way(shape):
    path = smooth(path_of(shape()))
    times = [parametrise(path, gentle(jerk)) for jerk in (1e6, 5e4, 2e4, 5e3)]
    durations = [trajectory.duration_s for trajectory in times]
    # Lowering the caps place by place is no exact science: a hundredth is let go.
    assert all(a <= 1.01 * b for a, b in itertools.pairwise(durations))
    assert durations[-1] > 1.05 * durations[0]
    free = parametrise(path, PROFILE)
    assert durations[0] == pytest.approx(free.duration_s, rel=0.02)
    assert durations[2] < 1.25 * free.duration_s
    for trajectory in times:
        assert distance_to_polyline(trajectory.xy_mm[::5], free.xy_mm) < 0.005


def test_a_straight_line_takes_the_time_of_its_rounded_trapezoid():
    free = plan_motion(chain_of(path_of([[10, 10], [60, 10]])), PROFILE).duration.sum()
    motion = plan_motion(chain_of(path_of([[10, 10], [60, 10]])), gentle(2e4))
    assert motion.duration.sum() == pytest.approx(free + 2 * 1000 / 2e4, rel=0.01)
