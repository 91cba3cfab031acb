"""Cuts for a firmware that guesses arcs: even, never too short, and true to the curve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.program import MoveKind
from firmware_bridge.simulator.marlin.planner import _LEAST_STEPS
from firmware_bridge.simulator.run import simulate_lines
from strokebot.trajectory.compile.compile import approach_time_s, compile_program
from strokebot.trajectory.compile.marlin_segments import SURE_STEPS, cut_times
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support.trajectory_shapes import cursive, distance_to_polyline, path_of, scribbles

PROFILE = Profile.load("marlin-printer")
STEPS_PER_MM = PROFILE.machine.steps_per_mm[0]
E_MM = 0.005


def cut(xy, speed_mm_s=None, pen=1.5):
    """Times and places of the cuts of a line (K, 2) that is passed at a speed."""
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1))])
    t_s = s / 20.0 if speed_mm_s is None else np.concatenate([[0.0], np.cumsum(np.diff(s) / speed_mm_s)])
    when = cut_times(t_s, np.column_stack([xy, np.full(len(xy), pen)]), PROFILE, E_MM)
    return when, np.column_stack([np.interp(when, t_s, column) for column in xy.T])


def arc(radius_mm, angle, points=4000):
    t = np.linspace(0.0, angle, points)
    return radius_mm * np.column_stack([np.sin(t), 1 - np.cos(t)])


@pytest.mark.parametrize("radius", [0.5, 2.0, 10.0, 25.0])
def test_an_arc_is_cut_evenly_and_within_the_chord_error(radius):
    _, places = cut(arc(radius, 20.0 / radius))
    length = np.linalg.norm(np.diff(places, axis=0), axis=1)
    s = np.cumsum(length)
    length = length[(s > 5.0) & (s < 15.0)]  # the stroke rests at its ends: they are cut more finely
    assert length.max() / length.min() < 1.02
    assert (length**2 / (8 * radius)).max() < 1.15 * E_MM
    # Not shorter than it needs to be, either: a controller must read every segment.
    assert length.mean() > 0.85 * min(np.sqrt(8 * E_MM * radius), 1.0)


def test_lengths_change_slowly_where_the_radius_jumps():
    """A clothoid's opposite: a straight line that runs into a tight bend at once."""
    line = np.column_stack([np.linspace(-8.0, 0.0, 4000), np.zeros(4000)])
    _, places = cut(np.concatenate([line[:-1], arc(0.5, 3.0)]))
    length = np.linalg.norm(np.diff(places, axis=0), axis=1)
    ratio = length[1:] / length[:-1]
    assert np.maximum(ratio, 1 / ratio).max() < 1.4
    assert length.max() > 3 * length.min()


def test_a_sharp_bend_keeps_its_apex():
    """Corner of 90 degrees, rounded within a fiftieth of a millimetre: less than the shortest move."""
    side = np.linspace(0.0, 5.0, 600)
    xy = np.concatenate(
        [
            np.column_stack([side[side < 4.97], 0 * side[side < 4.97]]),
            [[4.98, 0.0], [5.0, 0.02]],
            np.column_stack([0 * side + 5, side + 0.03]),
        ]
    )
    _, places = cut(xy)
    assert np.linalg.norm(places - [4.99, 0.01], axis=1).min() < 0.012


def test_a_line_from_rest_to_rest_has_shorter_segments_at_its_ends():
    xy = np.column_stack([np.linspace(0.0, 10.0, 4001), np.zeros(4001)])
    s = 0.5 * (xy[1:, 0] + xy[:-1, 0])
    speed = np.minimum(np.sqrt(2 * 500 * np.minimum(s, 10.0 - s)), 50.0)
    _, places = cut(xy, speed)
    length = np.diff(places[:, 0])
    assert max(length[0], length[-1]) < 0.2
    assert length.max() > 0.6


def test_a_stroke_of_two_samples_is_cut_in_equal_parts():
    when, places = cut(np.array([[0.0, 0.0], [2.5, 0.0]]))
    assert places[:, 0].tolist() == pytest.approx([0.0, 2.5 / 3, 5 / 3, 2.5])
    assert (np.diff(when) > 0).all()


@pytest.mark.parametrize("steps_per_mm", [20.0, 33.0, 80.0])
def test_the_tip_of_a_line_that_turns_back_is_reached(steps_per_mm):
    machine = replace(PROFILE.machine, steps_per_mm=(steps_per_mm, steps_per_mm, 400.0))
    profile = replace(PROFILE, machine=machine)
    program = compile_program(parametrise(path_of([[5, 5], [5, 9], [5, 5]], width=0.3), profile), profile)
    assert program.xy_mm()[:, 1].max() == pytest.approx(profile.to_machine([[5.0, 9.0]])[0, 1], abs=1e-3)


drawable = scribbles().filter(lambda path: path.pen_down.any())


@settings(max_examples=40, deadline=None)
@given(drawable, st.booleans(), st.floats(20, 400))
def test_the_firmware_leaves_out_no_move_and_the_line_is_followed(path, smoothed, steps_per_mm):
    machine = replace(PROFILE.machine, steps_per_mm=(steps_per_mm, steps_per_mm, 400.0))
    profile = replace(PROFILE, machine=machine)
    trajectory = parametrise(smooth(path, 0.1) if smoothed else path, profile)
    program = compile_program(trajectory, profile)
    before, strokes = None, {}
    stroke = 0
    for move in program:
        stroke += move.kind is MoveKind.LOWER
        if move.kind is MoveKind.DRAW:
            here = np.round(np.array([move.x_mm, move.y_mm, move.pen]) * machine.steps_per_mm)
            strokes.setdefault(stroke, []).append(np.abs(here - before).max())
        before = np.round(np.array([move.x_mm, move.y_mm, move.pen]) * machine.steps_per_mm)
    for steps in strokes.values():  # a stroke shorter than that cannot be helped
        assert len(steps) == 1 or min(steps) >= _LEAST_STEPS
    when = np.union1d(trajectory.t_s, np.linspace(trajectory.t_s[0], trajectory.t_s[-1], 2000))
    planned = profile.to_machine(trajectory.at(when))
    down = trajectory.pen_down[np.searchsorted(trajectory.t_s, when)]
    least_mm = np.sqrt(2.0) * SURE_STEPS / steps_per_mm
    assert distance_to_polyline(planned[down], program.xy_mm()) <= E_MM + 0.5 * least_mm


def pages():
    ripple = 0.7 + 0.35 * np.sin(np.linspace(0, 40, 1500))
    loops = cursive(1500, loops=9, size=2.0)
    rng = np.random.default_rng(11)
    return {
        "large letters": path_of(cursive(1500, loops=6, size=9.0)),
        "small letters": path_of(cursive(1500, loops=9, size=1.0)),
        "letters with pressure": path_of(loops, width=ripple),
        "straight lines": path_of(rng.uniform(10, 40, (14, 2))),
        "a square": path_of([[20, 20], [80, 20], [80, 60], [20, 60], [20, 20]]),
    }


@pytest.mark.parametrize("name", pages())
def test_a_virtual_marlin_keeps_the_planned_time_and_path(name):
    trajectory = parametrise(smooth(pages()[name]), PROFILE)
    program = compile_program(trajectory, PROFILE)
    recording = simulate_lines(dialect_of("marlin").encode(program, PROFILE.machine), PROFILE.machine)
    planned_s = trajectory.duration_s + approach_time_s(trajectory, PROFILE)
    moved = np.flatnonzero(np.diff(np.column_stack([recording.xy_mm, recording.pen]), axis=0).any(axis=1))
    done_s = recording.t_s[moved[-1] + 1] - recording.t_s[moved[0]]
    assert 0.98 <= done_s / planned_s <= 1.02
    when = np.union1d(trajectory.t_s, np.linspace(trajectory.t_s[0], trajectory.t_s[-1], 20000))
    planned = PROFILE.to_machine(trajectory.at(when))
    down = trajectory.pen_down[np.searchsorted(trajectory.t_s, when)]
    touching = PROFILE.drawn_width_mm(recording.pen) > 0
    assert distance_to_polyline(recording.xy_mm[touching][::5], planned) <= 0.02
    assert distance_to_polyline(planned[down][::5], recording.xy_mm[touching]) <= 0.02
