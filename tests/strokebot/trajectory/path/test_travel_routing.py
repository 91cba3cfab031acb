"""Travel of arms: round what cannot be reached, and nothing else is touched."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Paper, Profile
from firmware_bridge.checks import preflight
from firmware_bridge.errors import ReachError
from firmware_bridge.machine import kinematics_of
from strokebot.trajectory.compile.compile import compile_program
from strokebot.trajectory.path.travel_routing import with_travel_routed
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support.trajectory_shapes import cursive, path_of

SCARA = Profile.load("scara")
# Paper that lies all around the arm, so that lines across it pass its base.
WIDE = replace(SCARA, paper=Paper((600.0, 300.0), (-300.0, 0.0)))
KINEMATICS = kinematics_of(WIDE.machine)
ARMS = {name: Profile.load(name) for name in ("scara", "fivebar", "polargraph")}


def points_in_reach(profile, count, seed):
    """Places in reach, paper mm, anywhere on the machine."""
    box = profile.machine.envelope
    rng = np.random.default_rng(seed)
    low, high = [box.x_min_mm, box.y_min_mm], [box.x_max_mm, box.y_max_mm]
    some = rng.uniform(low, high, (400 * count, 2))
    some = some[kinematics_of(profile.machine).reachable(some)][:count]
    return profile.from_machine(some)


def on_lines(xy, step_mm=0.25):
    parts = [
        a + np.linspace(0, 1, max(2, int(np.hypot(*(b - a)) / step_mm)))[:, None] * (b - a)
        for a, b in itertools.pairwise(xy)
    ]
    return np.concatenate(parts)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(ARMS)), st.integers(0, 10_000))
def test_travel_between_places_in_reach_stays_in_reach(name, seed):
    profile = replace(ARMS[name], paper=Paper((600.0, 600.0), (-300.0, -300.0)))
    ends = points_in_reach(profile, 4, seed)
    path = path_of(ends, down=False)
    routed = with_travel_routed(path, profile)
    assert not routed.pen_down.any()
    at = [np.flatnonzero((routed.xy_mm == end).all(axis=1))[0] for end in ends]
    assert at == sorted(at)
    assert at[0] == 0
    assert at[-1] == len(routed) - 1
    assert kinematics_of(profile.machine).reachable(profile.to_machine(on_lines(routed.xy_mm))).all()


def test_only_the_travel_that_leaves_the_reach_is_changed_and_the_plan_then_passes():
    left, right = cursive(200, loops=3, at=(60.0, 150.0)), cursive(200, loops=3, at=(440.0, 150.0))
    xy = np.concatenate([left, right])
    down = np.ones(len(xy), dtype=bool)
    down[len(left)] = False
    path = path_of(xy, width=0.6, down=down)
    profile = next(
        candidate
        for y in np.arange(0.0, 200.0, 5.0)
        if _needs_a_detour(candidate := replace(WIDE, paper=Paper((600.0, 300.0), (-300.0, -y))), path)
    )
    with pytest.raises(ReachError, match="out of reach"):
        parametrise(path, profile)
    routed = with_travel_routed(path, profile)
    added = len(routed) - len(path)
    assert 1 <= added <= 8
    np.testing.assert_array_equal(routed.xy_mm[: len(left)], left)
    np.testing.assert_array_equal(routed.xy_mm[-len(right) :], right)
    assert routed.drawn_mm == pytest.approx(path.drawn_mm)
    program = compile_program(parametrise(routed, profile), profile)
    preflight.require(program, profile.machine)


def _needs_a_detour(profile, path):
    whole = kinematics_of(profile.machine).reachable(profile.to_machine(path.xy_mm)).all()
    return whole and len(with_travel_routed(path, profile)) > len(path)


def test_gantries_and_travel_in_reach_are_left_alone():
    path = path_of(np.random.default_rng(2).uniform(20, 90, (30, 2)), down=np.arange(30) % 3 > 0)
    assert with_travel_routed(path, Profile.load("grbl-z")) is path
    assert with_travel_routed(path_of([[10, 10], [40, 60]], down=False), SCARA).xy_mm.tolist() == [
        [10, 10],
        [40, 60],
    ]


def test_a_place_out_of_reach_stays_for_the_preflight_to_refuse():
    path = path_of([[10.0, 10.0], [900.0, 900.0]], down=False)
    assert with_travel_routed(path, SCARA) is path
