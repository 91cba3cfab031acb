"""Compiles a trajectory into a program: straight moves with feeds, in the machine's frame.

Nouns:
    span       samples between two changes of the pen: drawn, travelled, or held
    segment    one straight move (``segments.py`` decides where a curve is cut)
    feed       speed along a move, over its length in x, y and z for a z pen

The feed of a segment lies between the mean and the greatest planned speed inside it:

    feed = mean + r (greatest - mean),    r = |v_end^2 - v_start^2| / (2 L a)

where a is the acceleration that the axes allow along the segment, so that r is the share
of it that the plan uses. On a ramp (r = 1) the firmware needs the greatest speed, and
follows the plan through its own acceleration: with the mean it would lag. Where the plan
slows down for a bend, which a chord no longer shows, the firmware would pass at the
greatest speed, so the mean it is. (The feed at which the firmware's own ramp takes exactly the
planned time was measured too: its times were up to 1.5 % longer on cusps.) The feed is then
taken over the length in x, y and z for a z pen, as GRBL measures moves, and rounded up to
three digits.

Marlin leaves out moves of fewer than 6 motor steps and draws the next one from where it
stands, which cuts corners. So short segments are joined here, where the least is lost.

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
from firmware_bridge.kinematics.joints import controller_words
from firmware_bridge.program import Move, MoveKind, Program
from strokebot.errors import TrajectoryError
from strokebot.trajectory.path import Path
from strokebot.trajectory.polyline import arc_length, simplify
from strokebot.trajectory.pressure import pen_move_time_s, pen_values, ramp_time_s, sent_ahead
from strokebot.trajectory.segments import CHORD_ERROR_MM, even_segments, segment_ends
from strokebot.trajectory.trajectory import Trajectory

# A travel that bends by less than this is one move.
_TRAVEL_ERROR_MM = 0.05
# A feed never falls under this: a segment shorter than a motor step has no speed of its own.
_LEAST_FEED_MM_S = 0.1
_FEED_DIGITS = 3
# Two samples closer than this are at one place.
_SAME_PLACE_MM = 1e-7
_TINY = 1e-12
# The fewest motor steps of a move that a firmware draws: MIN_STEPS_PER_SEGMENT of Marlin.
_LEAST_STEPS = {"marlin": 6}


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
    value = pen_values(
        trajectory.xy_mm, trajectory.width_mm, trajectory.intensity, trajectory.pen_down[1:], profile, turned
    )
    limits = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    # The direction of the first travel is not known: a feed that suits every direction.
    moves = [Move(float(xy[0, 0]), float(xy[0, 1]), pen.up, float(limits[:2].min()), MoveKind.TRAVEL)]

    def pen_move(at: int, target: float, kind: MoveKind, dwell_s: float = 0.0) -> None:
        move = Move(float(xy[at, 0]), float(xy[at, 1]), target, machine.pen_max_speed, kind, dwell_s)
        # A dot on the spot where a line begins: the pen is down there already.
        if moves[-1] != replace(move, dwell_s=moves[-1].dwell_s):
            moves.append(move)

    speed = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) / np.diff(trajectory.t_s)
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
                moves += _drawn(points[moving], t_s[moving], profile, chord_error_mm)
            pen_move(stop, pen.up, MoveKind.LIFT)
        else:
            moves += _travelled(xy[start : stop + 1], speed[start:stop], limits, pen.up)
    if park:
        corner = profile.to_machine(np.zeros((1, 2)))[0]
        moves.append(Move(float(corner[0]), float(corner[1]), pen.up, moves[0].feed_mm_s, MoveKind.TRAVEL))
    return Program(tuple(moves), tuple(header))


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
    machine = profile.machine
    s = arc_length(points[:, :2])
    speed = np.diff(s) / np.diff(t_s)
    ends = segment_ends(points, profile, np.zeros(len(points), dtype=bool), chord_error_mm)
    ends = even_segments(points, speed, ends, profile)
    ends = ends[np.append(np.diff(s[ends]) > _SAME_PLACE_MM, True)]  # a dot has no move of its own
    ends = _joined(points, ends, profile)
    if len(ends) < 2:
        return []
    step = np.diff(points[ends], axis=0)
    flat = np.linalg.norm(step[:, :2], axis=1)
    full = np.linalg.norm(step, axis=1) if machine.pen_actuator == "z" else flat
    axes = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])
    allowed = (axes * flat[:, None] / np.maximum(np.abs(step), _TINY)).min(axis=1)
    peak = np.maximum.reduceat(speed, ends[:-1])
    mean = np.diff(s[ends]) / np.diff(t_s[ends])
    at_end = _end_speeds(speed, t_s)[ends]
    ramp = np.abs(np.diff(at_end**2)) / (2 * np.diff(s[ends]) * allowed)
    feed = mean + np.minimum(ramp, 1.0) * (peak - mean)
    limits = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    feed = _feeds(feed * full / flat, step, full, limits)
    return [
        Move(x, y, value, f, MoveKind.DRAW)
        for (x, y, value), f in zip(points[ends[1:]].tolist(), feed.tolist(), strict=True)
    ]


def _joined(points: NDArray[np.float64], ends: NDArray[np.intp], profile: Profile) -> NDArray[np.intp]:
    """The ends without those of segments too short for the firmware; the first and the last stay.

    Of the two ends of a short segment the one goes whose loss moves the line less.
    """
    least = _LEAST_STEPS.get(profile.machine.dialect, 0)
    if least == 0 or len(ends) < 3:
        return ends
    steps = points * np.asarray(profile.machine.steps_per_mm)
    kept = ends.tolist()

    def loss(k: int) -> float:
        if k in (0, len(kept) - 1):
            return math.inf
        a, b, c = (points[kept[k + shift], :2] for shift in (-1, 0, 1))
        chord = c - a
        length = max(float(np.hypot(*chord)), _TINY)
        return abs(float(chord[0] * (b - a)[1] - chord[1] * (b - a)[0])) / length

    k = 0
    while k < len(kept) - 1:
        # Two more than the firmware asks for: it rounds both ends to whole steps.
        if np.abs(steps[kept[k + 1]] - steps[kept[k]]).max() >= least + 2 or len(kept) == 2:
            k += 1
            continue
        del kept[k if loss(k) < loss(k + 1) else k + 1 if k + 1 < len(kept) - 1 else k]
        k = max(k - 1, 0)
    return np.array(kept)


def _end_speeds(speed: NDArray[np.float64], t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speeds at the samples (K,) of a span that begins and ends at rest, from those between them (K-1,)."""
    step = np.diff(t_s)
    inner = (speed[:-1] * step[1:] + speed[1:] * step[:-1]) / (step[1:] + step[:-1])
    return np.concatenate([[0.0], inner, [0.0]])


def _travelled(
    xy: NDArray[np.float64], speed: NDArray[np.float64], limits: NDArray[np.float64], up: float
) -> list[Move]:
    """Moves of one travelled span, with the pen value ``up``; the other arguments as for ``_drawn``."""
    ends = simplify(xy, _TRAVEL_ERROR_MM)
    step = np.diff(xy[ends], axis=0)
    length = np.linalg.norm(step, axis=1)
    feed = _feeds(np.maximum.reduceat(speed, ends[:-1]), step, length, limits[:2])
    return [
        Move(x, y, up, f, MoveKind.TRAVEL)
        for (x, y), f in zip(xy[ends[1:]].tolist(), feed.tolist(), strict=True)
    ]


def _feeds(
    speed: NDArray[np.float64],
    step: NDArray[np.float64],
    length: NDArray[np.float64],
    limits: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Feeds of moves: the speeds rounded up to three digits, but within the speed of each axis.

    Args:
        speed: (K,) wanted speeds along the moves.
        step: (K, D) the moves.
        length: (K,) lengths of the moves as the controller measures them.
        limits: (D,) greatest speed of each axis.
    """
    wanted = np.maximum(speed, _LEAST_FEED_MM_S)
    unit = 10.0 ** (np.floor(np.log10(wanted)) + 1 - _FEED_DIGITS)
    rounded = np.round(np.ceil(wanted / unit - 1e-9) * unit, 9)
    by_axis = (limits * length[:, None] / np.maximum(np.abs(step), _TINY)).min(axis=1)
    return np.asarray(np.maximum(np.minimum(rounded, by_axis), _LEAST_FEED_MM_S))
