"""Compiles a trajectory into a program: straight moves with feeds, in the machine's frame.

Nouns:
    span       samples between two changes of the pen: drawn, travelled, or held
    segment    one straight move: ``segments.py`` and ``cuts.py`` decide where a curve is cut
    feed       speed along a move, over its length in x, y and z for a z pen (``feeds.py``)

Lifting and lowering are moves of the pen axis alone. The program begins with the travel
from wherever the machine stands, pen up, to the first point, and ends with the pen up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.joint_moves import controller_words
from firmware_bridge.program import Move, MoveKind, Program
from strokebot.errors import TrajectoryError
from strokebot.geometry.polyline import arc_length, simplify
from strokebot.trajectory.compile.backlash import with_backlash_compensation
from strokebot.trajectory.compile.feeds import drawn_moves, end_speeds, rounded_feeds
from strokebot.trajectory.compile.marlin_segments import cut_times, without_short
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.timing.pressure import pen_move_time_s, pen_values, ramp_time_s, sent_ahead
from strokebot.trajectory.timing.segments import CHORD_ERROR_MM, even_segments, segment_ends
from strokebot.trajectory.timing.trajectory import Trajectory

# A travel that bends by less than this is one move.
_TRAVEL_ERROR_MM = 0.05
# Two samples closer than this are at one place.
_SAME_PLACE_MM = 1e-7
_SAME_TIME_S = 1e-7
_TINY = 1e-12


def compile_program(
    trajectory: Trajectory,
    profile: Profile,
    header: Sequence[str] = (),
    chord_error_mm: float = CHORD_ERROR_MM,
    park: bool = False,
) -> Program:
    """Turns a trajectory into moves of the machine.

    Args:
        trajectory: the timed path, paper mm.
        profile: paper to machine, width to pen value, limits.
        header: comment lines for the head of the G-code file.
        chord_error_mm: greatest distance of a drawn curve from its moves.
        park: whether to travel to the paper's origin at the end.

    Raises:
        TrajectoryError: if the chord error is not above 0.
    """
    if not (math.isfinite(chord_error_mm) and chord_error_mm > 0):
        raise TrajectoryError(f"A chord error of {chord_error_mm:g} mm is not possible: give one above 0.")
    pen, machine = profile.pen, profile.machine
    xy = profile.to_machine(trajectory.xy_mm)
    turned = _turned(trajectory)
    speed = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) / np.diff(trajectory.t_s)
    width = trajectory.width_mm
    if pen.bleed_mm2_mm_s > 0 and machine.pen_actuator == "z":
        width = pen.against_bleed(width, end_speeds(speed, trajectory.t_s))
    value = pen_values(
        trajectory.xy_mm, width, trajectory.intensity, trajectory.pen_down[1:], profile, turned
    )
    limits = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    # The direction of the first travel is not known: a feed that suits every direction.
    moves = [Move(float(xy[0, 0]), float(xy[0, 1]), pen.up, float(limits[:2].min()), MoveKind.TRAVEL)]

    def pen_move(at: int, target: float, kind: MoveKind, dwell_s: float = 0.0) -> None:
        move = Move(float(xy[at, 0]), float(xy[at, 1]), target, machine.pen_max_speed, kind, dwell_s)
        # A dot on the spot where a line begins: the pen is down there already.
        if moves[-1] != replace(move, dwell_s=moves[-1].dwell_s):
            moves.append(move)

    for start, stop, down in _spans(trajectory):
        if down:
            for part in np.split(np.arange(start, stop + 1), np.flatnonzero(turned[start:stop])):
                t_s, values = trajectory.t_s[part], value[part]
                if machine.pen_actuator == "z":
                    values = pen.against_play(t_s, sent_ahead(t_s, values, pen.lag_s))
                dwell_s = pen.dwell_s if part[0] == start else 0.0
                pen_move(int(part[0]), float(values[0]), MoveKind.LOWER, dwell_s)
                points = np.column_stack([xy[part], values])
                moving = slice(0, _first_at_end(xy[part]) + 1)
                if dialect_of(machine.dialect).words.guesses_arcs and not machine.raw_joints:
                    moves += _cut_evenly(trajectory, points[moving], t_s[moving], profile, chord_error_mm)
                else:
                    moves += _drawn(points[moving], t_s[moving], profile, chord_error_mm)
            pen_move(stop, pen.up, MoveKind.LIFT)
        else:
            moves += _travelled(xy[start : stop + 1], speed[start:stop], limits, pen.up)
    if park:
        corner = profile.to_machine(np.zeros((1, 2)))[0]
        moves.append(Move(float(corner[0]), float(corner[1]), pen.up, moves[0].feed_mm_s, MoveKind.TRAVEL))
    return Program(tuple(with_backlash_compensation(moves, machine)), tuple(header))


def approach_time_s(
    trajectory: Trajectory, profile: Profile, from_machine_mm: tuple[float, float] | None = None
) -> float:
    """Time before the trajectory begins: the pen is made sure to be up, then the first travel.

    A servo is given the time to turn through its whole range, since nobody knows where it stands;
    a z axis is taken to stand at ``pen.up``. A machine that takes joint values swings its joints.

    Args:
        trajectory: the timed path.
        profile: limits, and where the paper lies.
        from_machine_mm: where the machine stands before, at rest; None for where it is switched on.

    Raises:
        ReachError: if the machine takes joint values and cannot reach either end.
    """
    machine, box = profile.machine, profile.machine.envelope
    wait = pen_move_time_s(box.pen_max - box.pen_min, profile) if machine.pen_actuator == "servo" else 0.0
    begin = machine.start_mm if from_machine_mm is None else from_machine_mm
    ends = controller_words(np.array([begin, profile.to_machine(trajectory.xy_mm[:1])[0]]), machine)
    way = np.abs(ends[1] - ends[0])
    distance = float(np.linalg.norm(way))
    if distance <= _SAME_PLACE_MM:
        return wait
    axes = machine.as_controller()
    acceleration = float((np.asarray(axes.max_acceleration_mm_s2) * distance / np.maximum(way, _TINY)).min())
    return wait + ramp_time_s(distance, min(axes.max_speed_mm_s), acceleration)


def _spans(trajectory: Trajectory) -> Iterator[tuple[int, int, bool]]:
    """First and last sample of the drawn spans, and of the spans between them that move."""
    path = Path(trajectory.xy_mm, trajectory.width_mm, trajectory.intensity, trajectory.pen_down)
    for run in path.runs():
        moved = np.linalg.norm(np.diff(trajectory.xy_mm[run.start : run.stop + 1], axis=0), axis=1)
        if run.down or (moved > _SAME_PLACE_MM).any():
            yield run.start, run.stop, run.down


def _turned(trajectory: Trajectory) -> NDArray[np.bool_]:
    """Samples (M,) at which a servo has just turned: where a stroke goes on after a rest inside it."""
    moved = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) > _SAME_PLACE_MM
    drawn = trajectory.pen_down[1:]
    turned = np.zeros(len(trajectory), dtype=bool)
    turned[1:-1] = ~moved[:-1] & drawn[:-1] & moved[1:] & drawn[1:]
    return turned


def _first_at_end(xy: NDArray[np.float64]) -> int:
    """Index of the first of the samples (K, 2) that rest at the last place."""
    away = np.flatnonzero(np.abs(xy - xy[-1]).max(axis=1) > _SAME_PLACE_MM)
    return int(away[-1]) + 1 if len(away) else 0


def _drawn(
    points: NDArray[np.float64], t_s: NDArray[np.float64], profile: Profile, chord_error_mm: float
) -> list[Move]:
    """Moves of one drawn span.

    Args:
        points: (K, 3) machine x, y and pen value of its samples.
        t_s: (K,) their times.
        profile: scale and kind of the pen axis, and the limits.
        chord_error_mm: greatest distance of the curve from its moves.
    """
    s = arc_length(points[:, :2])
    speed = np.diff(s) / np.diff(t_s)
    ends = segment_ends(points, profile, np.zeros(len(points), dtype=bool), chord_error_mm)
    ends = even_segments(points, speed, ends, profile)
    ends = ends[np.append(np.diff(s[ends]) > _SAME_PLACE_MM, True)]  # a dot has no move of its own
    return drawn_moves(points, t_s, ends, profile)


def _cut_evenly(
    trajectory: Trajectory,
    points: NDArray[np.float64],
    t_s: NDArray[np.float64],
    profile: Profile,
    chord_error_mm: float,
) -> list[Move]:
    """Moves of one drawn span for a firmware that guesses arcs; see ``cuts.py`` and ``_drawn``."""
    apart = np.append(True, np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1) > _SAME_PLACE_MM)
    points, t_s = points[apart], t_s[apart]
    if len(points) < 2:
        return []
    cuts = cut_times(t_s, points, profile, chord_error_mm)
    nearest = np.clip(np.searchsorted(cuts, t_s), 1, len(cuts) - 1)
    beside = np.minimum(np.abs(t_s - cuts[nearest]), np.abs(t_s - cuts[nearest - 1]))
    when = np.union1d(t_s[beside > _SAME_TIME_S], cuts)
    place = profile.to_machine(trajectory.at(when))
    value = np.interp(when, t_s, points[:, 2])
    ends = np.searchsorted(when, cuts)
    points = np.column_stack([place, value])
    return drawn_moves(points, when, without_short(points, ends, profile), profile)


def _travelled(
    xy: NDArray[np.float64], speed: NDArray[np.float64], limits: NDArray[np.float64], up: float
) -> list[Move]:
    """Moves of one travelled span, with the pen value ``up``; the other arguments as for ``_drawn``."""
    ends = simplify(xy, _TRAVEL_ERROR_MM)
    step = np.diff(xy[ends], axis=0)
    length = np.linalg.norm(step, axis=1)
    feed = rounded_feeds(np.maximum.reduceat(speed, ends[:-1]), step, length, limits[:2])
    return [
        Move(x, y, up, f, MoveKind.TRAVEL)
        for (x, y), f in zip(xy[ends[1:]].tolist(), feed.tolist(), strict=True)
    ]
