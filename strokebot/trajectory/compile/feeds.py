"""Feeds of the moves along a drawn line: so that the firmware keeps the planned time.

Nouns:
    feed       speed along a move, over its length in x, y and z for a z pen
    junction   the place between two moves

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

Where the plan turns from slowing down to speeding up in one place, as at a corner, the firmware may
pass the junction faster than planned. There the move after it gets its mean, which costs after the
junction the time that was gained before it: with the move's length L, the passing speed f and the planned
one v, the gain is 2 (f - v) / a, the loss is L / f, and the two are equal for the mean speed of the move.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.program import Move, MoveKind
from strokebot.geometry.polyline import arc_length
from strokebot.trajectory.timing.corners import junction_speed_sqr

# A feed never falls under this: a segment shorter than a motor step has no speed of its own.
_LEAST_FEED_MM_S = 0.1
_FEED_DIGITS = 3
_TINY = 1e-12


def drawn_moves(
    points: NDArray[np.float64], t_s: NDArray[np.float64], ends: NDArray[np.intp], profile: Profile
) -> list[Move]:
    """The moves of one drawn span, with their feeds.

    Args:
        points: (K, 3) machine x, y and pen value of its samples.
        t_s: (K,) their times.
        ends: indices of the samples at which moves end; the first is where the span begins.
        profile: kind of the pen axis, and the limits.
    """
    if len(ends) < 2:
        return []
    machine = profile.machine
    s = arc_length(points[:, :2])
    speed = np.diff(s) / np.diff(t_s)
    step = np.diff(points[ends], axis=0)
    flat = np.linalg.norm(step[:, :2], axis=1)
    full = np.linalg.norm(step, axis=1) if machine.pen_actuator == "z" else flat
    axes = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])
    allowed = (axes * flat[:, None] / np.maximum(np.abs(step), _TINY)).min(axis=1)
    peak = np.maximum.reduceat(speed, ends[:-1])
    mean = np.diff(s[ends]) / np.diff(t_s[ends])
    at_end = end_speeds(speed, t_s)[ends]
    ramp = np.abs(np.diff(at_end**2)) / (2 * np.diff(s[ends]) * allowed)
    ramp = np.minimum(ramp, 1.0) * (1.0 - _overtaken(step, full, at_end, mean, profile))
    feed = mean + ramp * (peak - mean)
    limits = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    feed = rounded_feeds(feed * full / flat, step, full, limits)
    return [
        Move(x, y, value, f, MoveKind.DRAW)
        for (x, y, value), f in zip(points[ends[1:]].tolist(), feed.tolist(), strict=True)
    ]


def _overtaken(
    step: NDArray[np.float64],
    full: NDArray[np.float64],
    at_end: NDArray[np.float64],
    mean: NDArray[np.float64],
    profile: Profile,
) -> NDArray[np.float64]:
    """How far (N,) the firmware would outrun the plan where that turns from slowing down to speeding up.

    0 where it passes the place between two moves at the planned speed, 1 where it would pass at the
    mean speed of the move after it, or faster; ``at_end`` (N+1,) are the planned speeds there.
    """
    machine = profile.machine
    axes = 3 if machine.pen_actuator == "z" else 2
    unit = step[:, :axes] / full[:, None]
    limits = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])[:axes]
    passed = np.sqrt(junction_speed_sqr(unit[:-1], unit[1:], limits, machine.junction_deviation_mm))
    before, here, after = at_end[:-2], at_end[1:-1], at_end[2:]
    least = (here < before) & (here < after)
    gain = (passed - here) / np.maximum(mean[1:] - here, _TINY)
    return np.append(0.0, np.where(least, np.clip(gain, 0.0, 1.0), 0.0))


def end_speeds(speed: NDArray[np.float64], t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speeds at the samples (K,) of a span that begins and ends at rest, from those between them (K-1,)."""
    step = np.diff(t_s)
    inner = (speed[:-1] * step[1:] + speed[1:] * step[:-1]) / (step[1:] + step[:-1])
    return np.concatenate([[0.0], inner, [0.0]])


def rounded_feeds(
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
