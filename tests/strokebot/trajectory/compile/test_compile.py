from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Paper, Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.program import MoveKind
from firmware_bridge.simulator.run import simulate_lines
from strokebot.errors import TrajectoryError
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s, compile_program
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.presets import apply_presets
from strokebot.trajectory.timing.segments import CHORD_ERROR_MM, MAX_SEGMENT_MM
from strokebot.trajectory.timing.trajectory import Trajectory
from tests.support.trajectory_shapes import cursive, distance_to_polyline, path_of, scribbles, spiral

PROFILE = Profile.load("grbl-z")
DRAW, TRAVEL, LIFT, LOWER = MoveKind.DRAW, MoveKind.TRAVEL, MoveKind.LIFT, MoveKind.LOWER
# A path that is all travel may be nothing at all.
strokes = scribbles().filter(lambda path: path.pen_down.any())


def program_of(path, profile=PROFILE, **arguments):
    trajectory = parametrise(path, profile)
    return trajectory, compile_program(trajectory, profile, **arguments)


@settings(max_examples=15, deadline=None)
@given(strokes)
def test_the_pen_is_up_in_travel_and_each_stroke_is_lowered_and_lifted(path):
    _, program = program_of(smooth(path, 0.1))
    kinds = [move.kind for move in program]
    assert kinds[0] is TRAVEL
    strokes = sum(run.down for run in path.runs())
    assert kinds.count(LOWER) == kinds.count(LIFT) <= strokes
    down = False
    for before, move in zip(program.moves, program.moves[1:], strict=False):
        if move.kind in (LIFT, LOWER):
            assert (move.x_mm, move.y_mm) == (before.x_mm, before.y_mm)
            assert down is (move.kind is LIFT)
            down = move.kind is LOWER
        assert down is (move.pen != PROFILE.pen.up)
        if move.kind is DRAW:
            assert down
            assert PROFILE.pen.full - 1e-9 <= move.pen <= PROFILE.pen.touch + 1e-9
        if move.kind is TRAVEL:
            assert not down
    assert not down


@settings(max_examples=12, deadline=None)
@given(strokes, st.floats(-45, 45))
def test_moves_follow_the_trajectory_and_keep_the_axes_speeds(path, angle):
    profile = replace(PROFILE, paper=Paper((210, 297), (120, 80), angle))
    trajectory, program = program_of(smooth(path, 0.1), profile)
    xy = program.xy_mm()
    planned = profile.to_machine(trajectory.xy_mm)
    assert distance_to_polyline(planned[trajectory.pen_down], xy) <= CHORD_ERROR_MM + 1e-9
    assert distance_to_polyline(xy, planned) <= 1e-9
    speeds = np.array([*profile.machine.max_speed_mm_s, profile.machine.pen_max_speed])
    for before, move in zip(program.moves, program.moves[1:], strict=False):
        step = np.array([move.x_mm - before.x_mm, move.y_mm - before.y_mm, move.pen - before.pen])
        length = np.linalg.norm(step)
        if length > 0:
            assert (np.abs(step) / length * move.feed_mm_s <= speeds * 1.0001).all()
        if move.kind is DRAW:
            assert 0 < np.linalg.norm(step[:2]) <= MAX_SEGMENT_MM + 0.25


def test_feeds_lie_between_mean_and_peak_speed_over_the_length_with_the_pen():
    width = np.linspace(0.3, 1.2, 400)
    line = np.column_stack([np.linspace(10, 14, 400), np.full(400, 10.0)])
    trajectory, program = program_of(path_of(line, width=width))
    x = trajectory.xy_mm[:, 0] + 5
    speed = np.diff(x) / np.diff(trajectory.t_s)
    before = program.moves[1]
    for move in program.moves[2:-1]:
        ends = np.searchsorted(x, [before.x_mm - 1e-9, move.x_mm - 1e-9])
        flat = move.x_mm - before.x_mm
        longer = np.hypot(flat, move.pen - before.pen) / flat
        start_s = trajectory.t_s[np.flatnonzero(x <= before.x_mm + 1e-9)[-1]]
        mean = flat / (trajectory.t_s[ends[1]] - start_s)
        peak = speed[ends[0] : ends[1]].max()
        assert mean * longer * 0.999 <= move.feed_mm_s <= peak * longer * 1.01
        before = move
    # From rest the plan uses all of the acceleration: the peak, or the firmware would lag.
    first = program.moves[2]
    k = np.searchsorted(x, first.x_mm - 1e-9)
    peak = speed[:k].max() * np.hypot(first.x_mm - 15, first.pen - program.moves[1].pen) / (first.x_mm - 15)
    assert first.feed_mm_s > 0.8 * peak


def test_width_becomes_pen_value_at_each_move():
    xy = cursive(400)
    width = 0.7 + 0.3 * np.sin(np.linspace(0, 20, 400))
    trajectory, program = program_of(path_of(xy, width=width))
    for move in program:
        if move.kind is DRAW:
            machine = PROFILE.to_machine(trajectory.xy_mm)
            k = np.abs(machine - [move.x_mm, move.y_mm]).sum(axis=1).argmin()
            assert PROFILE.drawn_width_mm([move.pen])[0] == pytest.approx(trajectory.width_mm[k], abs=1e-6)


def test_header_park_and_chord_error():
    path = smooth(path_of(spiral(800)))
    _, plain = program_of(path, header=("one", "two"))
    assert plain.header == ("one", "two")
    assert plain.moves[-1].kind is LIFT
    _, parked = program_of(path, park=True)
    last = parked.moves[-1]
    assert (last.kind, last.x_mm, last.y_mm, last.pen) == (TRAVEL, 5.0, 5.0, 3.0)
    _, coarse = program_of(path, chord_error_mm=0.05)
    assert len(coarse) < len(plain)
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(TrajectoryError, match="chord error"):
            program_of(path, chord_error_mm=bad)


def test_a_dot_is_a_lower_and_a_lift():
    _, program = program_of(path_of([[10, 20]]))
    assert [m.kind for m in program] == [TRAVEL, LOWER, LIFT]


def test_a_trajectory_from_elsewhere_is_lifted_at_its_end():
    trajectory = Trajectory([0, 1.0], [[1, 1], [2, 1.0]], [0.5, 0.5], [1, 1], [True, True])
    assert [m.kind for m in compile_program(trajectory, PROFILE)] == [TRAVEL, LOWER, DRAW, LIFT]


def wavy(xy, low, high, waves):
    return 0.5 * (low + high) + 0.5 * (high - low) * np.sin(np.linspace(0, 2 * np.pi * waves, len(xy)))


def row_of_words(count=3):
    """Several strokes with travel between them."""
    parts, down = [], []
    for k in range(count):
        word = cursive(300, loops=5, at=(15.0, 20.0 + 12 * k), size=3.0)
        parts.append(word)
        down += [False] + [True] * (len(word) - 1)
    xy = np.concatenate(parts)
    return path_of(xy, width=wavy(xy, 0.4, 1.1, 15), down=down)


DRAWINGS = {
    "spiral": lambda: path_of(spiral(size=15) + np.random.default_rng(3).normal(0, 0.01, (1500, 2))),
    "cursive": lambda: path_of(cursive()),
    "cursive with pressure": lambda: path_of(cursive(), width=wavy(cursive(), 0.35, 1.15, 20)),
    "words": row_of_words,
    "square": lambda: path_of([[20, 20], [80, 20], [80, 60], [20, 60], [20, 20]]),
    "dots": lambda: path_of([[10, 10], [10, 10], [30, 10], [30, 10]], down=[1, 1, 0, 1]),
}


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("machine", ["grbl-z", "grbl-servo"])
def test_the_machine_does_what_the_plan_says_when_it_says(name, machine):
    profile = Profile.load(machine)
    trajectory, program = program_of(smooth(DRAWINGS[name](), 0.05), profile)
    lines = dialect_of("grbl").encode(program, profile.machine)
    recording = simulate_lines(lines, profile.machine)
    planned_s = trajectory.duration_s + approach_time_s(trajectory, profile)
    assert 0.98 <= recording.duration_s / planned_s <= 1.02
    when = np.union1d(trajectory.t_s, np.linspace(trajectory.t_s[0], trajectory.t_s[-1], 8000))
    planned = profile.to_machine(trajectory.at(when))
    down = trajectory.pen_down[np.searchsorted(trajectory.t_s, when)]
    touching = profile.drawn_width_mm(recording.pen) > 0
    assert distance_to_polyline(planned[down][::7], recording.xy_mm[touching]) <= 0.02
    # Samples with the pen on the paper lie on a drawn line, wherever it was lowered.
    assert distance_to_polyline(recording.xy_mm[touching][::23], planned) <= 0.02


@pytest.mark.parametrize("quality", ["draft", "fine"])
@pytest.mark.parametrize("machine", ["grbl-z", "marlin-printer"])
def test_the_plan_knows_how_finely_it_will_be_compiled(quality, machine):
    own = Profile.load(machine)
    profile, tolerances = apply_presets(own, "normal", quality)
    path = smooth(path_of(cursive(1500, loops=9, size=2.0)), 0.02)
    trajectory = parametrise(path, profile, tolerances.chord_mm)
    program = compile_program(trajectory, profile, chord_error_mm=tolerances.chord_mm)
    recording = simulate_lines(dialect_of(own.machine.dialect).encode(program, own.machine), own.machine)
    moved = np.flatnonzero(np.diff(np.column_stack([recording.xy_mm, recording.pen]), axis=0).any(axis=1))
    done_s = recording.t_s[moved[-1] + 1] - recording.t_s[moved[0]]
    assert 0.98 <= done_s / (trajectory.duration_s + approach_time_s(trajectory, profile)) <= 1.02


def test_the_machine_draws_the_planned_widths():
    trajectory, program = program_of(smooth(DRAWINGS["cursive with pressure"](), 0.05))
    recording = simulate_lines(dialect_of("grbl").encode(program, PROFILE.machine), PROFILE.machine)
    width = PROFILE.drawn_width_mm(recording.pen)
    moving = np.concatenate([[False], np.linalg.norm(np.diff(recording.xy_mm, axis=0), axis=1) > 0])
    drawn = (width > 0) & moving
    planned = PROFILE.to_machine(trajectory.xy_mm)
    pen_down = np.flatnonzero(trajectory.pen_down)
    error = []
    for point, got in zip(recording.xy_mm[drawn][::20], width[drawn][::20], strict=True):
        k = pen_down[np.linalg.norm(planned[pen_down] - point, axis=1).argmin()]
        error.append(abs(trajectory.width_mm[k] - got))
    # The line crosses itself, so a few nearest points belong to another place.
    assert np.quantile(error, 0.9) < 0.02


def test_slow_corners_of_a_bleeding_pen_are_pressed_less_so_that_the_line_keeps_its_width():
    bleeding = replace(PROFILE, pen=replace(PROFILE.pen, bleed_mm2_mm_s=0.05, reference_speed_mm_s=20.0))
    path = path_of([[20, 20], [24, 20], [24, 24], [28, 24], [28, 28], [32, 28]], width=0.7)
    worst = []
    for told in (PROFILE, bleeding):
        _, program = program_of(path, told)
        recording = simulate_lines(dialect_of("grbl").encode(program, told.machine), told.machine)
        trace = Trace.recorded(recording, bleeding)
        moving = np.concatenate([[False], np.linalg.norm(np.diff(trace.xy_mm, axis=0), axis=1) > 0])
        worst.append(np.quantile(np.abs(trace.width_mm[(trace.width_mm > 0) & moving] - 0.7), 0.9))
    assert worst[1] < 0.6 * worst[0]


def moves_of_stroke(profile, waves=2):
    xy = np.column_stack([np.linspace(20, 80, 800), np.full(800, 30.0)])
    path = path_of(xy, width=wavy(xy, 0.4, 1.1, waves))
    return program_of(path, profile)


def test_a_servo_of_few_levels_stops_for_each_turn_and_the_machine_keeps_the_time():
    servo = Profile.load("grbl-servo")
    profile = replace(servo, pen=replace(servo.pen, levels=7))
    trajectory, program = moves_of_stroke(profile)
    kinds = [move.kind for move in program]
    assert kinds.count(LIFT) == 1
    assert kinds.count(LOWER) > 5
    pen = profile.pen
    levels = {round((m.pen - pen.touch) / (pen.full - pen.touch) * 6, 6) for m in program if m.kind is LOWER}
    assert levels <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
    assert len(levels) > 3
    lines = dialect_of("grbl").encode(program, profile.machine)
    recording = simulate_lines(lines, profile.machine)
    planned_s = trajectory.duration_s + approach_time_s(trajectory, profile)
    assert 0.98 <= recording.duration_s / planned_s <= 1.02
    steady, _ = moves_of_stroke(servo)
    assert trajectory.duration_s > steady.duration_s + 5 * 0.05


def test_a_lagging_pen_is_sent_ahead_by_its_lag():
    slow = replace(PROFILE, pen=replace(PROFILE.pen, lag_s=0.1))
    trajectory, plain = moves_of_stroke(PROFILE)
    _, ahead = moves_of_stroke(slow)

    def pen_at(program):
        moves = [m for m in program if m.kind is DRAW]
        return np.array([m.x_mm for m in moves]), np.array([m.pen for m in moves])

    x, value = pen_at(ahead)
    when = np.interp(x - 5, trajectory.xy_mm[:, 0], trajectory.t_s)
    later = np.interp(when + 0.1, trajectory.t_s, trajectory.xy_mm[:, 0]) + 5
    np.testing.assert_allclose(value, np.interp(later, *pen_at(plain)), atol=0.02)


def test_a_pen_that_must_rest_rests_where_it_touches():
    wet = replace(PROFILE, pen=replace(PROFILE.pen, dwell_s=0.3))
    trajectory, program = moves_of_stroke(wet)
    assert [m.dwell_s for m in program if m.dwell_s] == [0.3]
    assert next(m for m in program if m.dwell_s).kind is LOWER
    dry, _ = moves_of_stroke(PROFILE)
    assert trajectory.duration_s == pytest.approx(dry.duration_s + 0.3, abs=0.01)
    lines = dialect_of("grbl").encode(program, wet.machine)
    planned_s = trajectory.duration_s + approach_time_s(trajectory, wet)
    assert 0.98 <= simulate_lines(lines, wet.machine).duration_s / planned_s <= 1.02


def test_dark_ink_is_drawn_slower_where_the_speed_matters():
    pen = replace(PROFILE.pen, darkness_speed_exponent=0.5, reference_speed_mm_s=15.0)
    xy = np.column_stack([np.linspace(20, 80, 800), np.full(800, 30.0)])
    ink = np.where(xy[:, 0] < 50, 1.0, 0.85)
    trajectory = parametrise(path_of(xy, intensity=ink), replace(PROFILE, pen=pen))
    speed = np.diff(trajectory.xy_mm[:, 0]) / np.diff(trajectory.t_s)
    at = trajectory.xy_mm[1:, 0]
    assert speed[at < 49.5].max() == pytest.approx(15.0, rel=1e-3)
    wanted = pen.speed_for([0.6], [0.85])[0]
    assert 15.0 < wanted < 50.0
    assert speed[at > 51].max() == pytest.approx(wanted, rel=1e-3)


def test_no_move_is_too_short_for_marlin_and_none_strays_far():
    profile = Profile.load("marlin-printer")
    xy = cursive(3000, loops=20, at=(60.0, 60.0), size=0.25)
    trajectory, program = program_of(path_of(xy), profile)
    steps = np.abs(np.diff([[m.x_mm, m.y_mm, m.pen] for m in program if m.kind is DRAW], axis=0))
    assert (steps * profile.machine.steps_per_mm).max(axis=1).min() >= 6
    planned = profile.to_machine(trajectory.xy_mm)[trajectory.pen_down]
    # Letters a quarter of a millimetre high: half of the least move is the best there is.
    assert distance_to_polyline(planned, program.xy_mm()) <= 0.05
    _, plain = program_of(path_of(xy), PROFILE)
    short = np.abs(np.diff([[m.x_mm, m.y_mm, m.pen] for m in plain if m.kind is DRAW], axis=0))
    assert (short * profile.machine.steps_per_mm).max(axis=1).min() < 6


def read_back(lines):
    """The obvious reader of G-code: x, y, z and feed in mm/s after each line that moves."""
    now = {"X": np.nan, "Y": np.nan, "Z": np.nan, "F": np.nan, "G": 0.0}
    moves = []
    for line in lines:
        words = {w[0]: float(w[1:]) for w in line.split(";")[0].split()}
        if words.get("G", 1) in (0, 1) and words.keys() & {"X", "Y", "Z"}:
            now |= words
            moves.append([now["X"], now["Y"], now["Z"], now["F"] / 60, now["G"]])
    return np.array(moves)


@settings(max_examples=15, deadline=None)
@given(strokes, st.booleans())
def test_g_code_read_back_is_the_planned_path_and_the_programs_feeds(path, smoothed):
    path = smooth(path, 0.1) if smoothed else path
    trajectory, program = program_of(path)
    lines = dialect_of("grbl").encode(program, PROFILE.machine)
    assert max(map(len, lines)) <= 79
    moves = read_back(lines)
    placed = moves[np.isfinite(moves[:, :2]).all(axis=1)]
    planned = PROFILE.to_machine(trajectory.xy_mm)
    assert distance_to_polyline(planned[trajectory.pen_down], placed[:, :2]) <= 0.010
    drawn = [m for m in program if m.kind is DRAW]
    feeds = {}
    for move in program:
        place = (round(move.x_mm, 3), round(move.y_mm, 3), round(move.pen, 3))
        feeds.setdefault(place, []).append(move.feed_mm_s)
    seen = [
        min(abs(feed / wanted - 1) for wanted in feeds[x, y, z])
        for x, y, z, feed, word in moves[1:].tolist()
        if word == 1
    ]
    assert max(seen, default=0.0) <= 0.01
    assert len(seen) >= 0.5 * len(drawn)
