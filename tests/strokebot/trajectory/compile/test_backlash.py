"""A loose machine draws what a tight one draws."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from calibration.virtual.machine import TrueMachine
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import ProgramError
from firmware_bridge.program import Move, MoveKind
from firmware_bridge.simulator.run import simulate_lines
from strokebot.trajectory.compile.backlash import with_backlash_compensation
from strokebot.trajectory.compile.compile import compile_program
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support.trajectory_shapes import cursive, distance_to_polyline, path_of, spiral

PLAIN = Profile.load("grbl-z")
PLAY_MM = (0.15, 0.1)


def loose(play_mm=PLAY_MM):
    return replace(PLAIN, machine=replace(PLAIN.machine, backlash_mm=play_mm))


def moves_of(places):
    return [Move(float(x), float(y), 0.0, 20.0, MoveKind.DRAW) for x, y in places]


def followed(moves, play_mm):
    """Where the tool goes, (M, 2), on a machine with play, switched on at 0, 0: the obvious way."""
    sent = np.array([(0.0, 0.0), *((move.x_mm, move.y_mm) for move in moves)])
    fine = np.concatenate([np.linspace(a, b, 50) for a, b in itertools.pairwise(sent)])
    return TrueMachine(play_mm=play_mm).position_mm(fine)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=2, max_size=12))
def test_the_tool_visits_every_place_and_stays_on_the_lines(places):
    places = np.round(places, 3)
    moves = with_backlash_compensation(moves_of(places), loose().machine)
    way = followed(moves, PLAY_MM)
    # Where it was at first is not known: each axis is right once it has turned.
    settled = [np.flatnonzero(np.diff(c))[0] if np.ptp(c) else len(c) for c in places.T]
    begin = max(settled) + 1
    if begin >= len(places):
        return
    visited = np.linalg.norm(places[begin:, None] - way, axis=2).min(axis=1)
    assert visited.max() <= 0.02 + 1e-6


def test_without_play_nothing_changes():
    moves = moves_of(np.random.default_rng(1).uniform(0, 9, (20, 2)))
    assert with_backlash_compensation(moves, PLAIN.machine) == moves
    assert with_backlash_compensation(moves, loose((0.0, 0.0)).machine) == moves


def test_a_wavering_line_does_not_shake_the_axis():
    x = 5.0 + 0.004 * np.sin(np.arange(200))
    moves = with_backlash_compensation(
        moves_of(np.column_stack([x, np.linspace(1, 60, 200)])), loose().machine
    )
    assert len(moves) == 200
    assert np.ptp([move.x_mm for move in moves[5:]]) < 0.02


def test_a_corner_is_crossed_at_rest_and_a_gentle_turn_on_the_way():
    corner = with_backlash_compensation(moves_of([(5, 5), (9, 5), (5, 6)]), loose().machine)
    assert [(m.x_mm, m.y_mm) for m in corner] == [
        pytest.approx(p) for p in [(5.075, 5.05), (9.075, 5.05), (8.925, 5.05), (4.925, 6.05)]
    ]
    t = np.linspace(0.1, 6.0, 120)
    circle = with_backlash_compensation(
        moves_of(10 + 5 * np.column_stack([np.cos(t), np.sin(t)])), loose().machine
    )
    assert len(circle) <= 124


@pytest.mark.parametrize("name", ["loops", "spiral", "corners"])
def test_the_virtual_machine_draws_the_planned_line_in_spite_of_its_play(name):
    path = {
        "loops": path_of(cursive(1500, loops=9, size=3.0), width=0.6),
        "spiral": path_of(spiral(1500)),
        "corners": path_of(np.random.default_rng(4).uniform(20, 60, (12, 2))),
    }[name]
    worst = {}
    for profile in (PLAIN, loose()):
        trajectory = parametrise(smooth(path), profile)
        lines = dialect_of("grbl").encode(compile_program(trajectory, profile), profile.machine)
        recording = simulate_lines(lines, profile.machine)
        tool = TrueMachine(play_mm=PLAY_MM).position_mm(recording.xy_mm)
        touching = profile.drawn_width_mm(recording.pen) > 0
        planned = profile.to_machine(trajectory.at(np.linspace(0, trajectory.duration_s, 20000)))
        worst[profile.machine.backlash_mm] = distance_to_polyline(tool[touching][::4], planned)
    assert worst[None] > 0.06
    assert worst[PLAY_MM] <= 0.03


def test_play_of_joints_is_refused_and_the_profile_keeps_that_of_axes():
    arm = Profile.load("scara").machine
    with pytest.raises(ProgramError, match="backlash_mm is for straight axes"):
        replace(arm, backlash_mm=PLAY_MM)
    with pytest.raises(ProgramError, match="backlash_mm"):
        loose((-0.1, 0.0))
    assert Profile.from_toml(loose().to_toml()) == loose()
