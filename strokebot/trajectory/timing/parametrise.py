"""Time parametrisation: a path becomes a trajectory within the limits of machine and pen.

Nouns:
    motion     the fastest one along the path's chain of points (``plan.py``)
    sample     a moment of the finished trajectory
    stop       a place where x and y rest while the pen axis moves

The motion is sampled at every place of its grid and at most ``SAMPLE_STEP_S`` apart; then
the stops are put in: lifting and lowering take the time of a trapezoid of speed
(``pressure.py``). Source of the method: see ``topp.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.errors import TrajectoryError
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.timing.plan import MotionPlan, plan_motion
from strokebot.trajectory.timing.pressure import pen_move_time_s, pen_values, servo_turns
from strokebot.trajectory.timing.segments import CHORD_ERROR_MM
from strokebot.trajectory.timing.trajectory import Trajectory
from strokebot.trajectory.timing.waypoints import Chain, StopKind, chain_of, with_turns

SAMPLE_STEP_S = 0.004
# A dot is drawn by lowering and lifting alone; its drawn sample needs some length of time.
DOT_S = 0.001


def parametrise(path: Path, profile: Profile, chord_error_mm: float = CHORD_ERROR_MM) -> Trajectory:
    """Times a path so that it is drawn as fast as machine and pen allow.

    The trajectory begins above the first point with the pen up, at rest, and ends the same
    way above the last.

    Args:
        path: what to draw; smooth it before, or every point is a corner.
        profile: limits of machine and pen, and where the paper lies.
        chord_error_mm: with which it will be compiled: shorter moves may ask for a slower plan.

    Raises:
        TrajectoryError: if there is nothing to do, or a limit leaves no speed at all.
    """
    chain = chain_of(path)
    turned = servo_turns(chain.width_mm, chain.intensity, chain.drawn, profile)
    chain = with_turns(chain, turned)
    if len(chain.xy_mm) == 1 and not chain.stops:
        raise TrajectoryError("The path neither draws nor moves: there is nothing to time.")
    if len(chain.xy_mm) == 1:
        moving = _Samples.resting(chain)
    else:
        moving = _sample(chain, plan_motion(chain, profile, chord_error_mm), profile)
    return _with_stops(chain, moving, turned, profile)


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples of the motion without its stops.

    ``at_point`` (n,) is the index of the sample at each point of the chain, or of the one
    after it where the point is a corner that is passed; the first sample is at the first point.
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    pen_down: NDArray[np.bool_]
    velocity_mm_s: NDArray[np.float64]
    at_point: NDArray[np.intp]

    @classmethod
    def resting(cls, chain: Chain) -> _Samples:
        """The one sample of a chain that never moves."""
        none = np.zeros(1, dtype=np.intp)
        flag = np.array([False])
        return cls(np.zeros(1), chain.xy_mm, chain.width_mm, chain.intensity, flag, np.zeros((1, 2)), none)


def _sample(chain: Chain, motion: MotionPlan, profile: Profile) -> _Samples:
    """Samples of the exact motion, at most ``SAMPLE_STEP_S`` apart, every grid place among them.

    There are none inside the blend of a corner: the motion goes straight from its first to its
    last moment, which is the blend as ``Trajectory`` reads it.
    """
    parts = np.maximum(1, np.ceil(motion.duration / SAMPLE_STEP_S)).astype(np.int64)
    interval = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(1, len(interval) + 1) - np.repeat(np.cumsum(parts) - parts, parts)
    last = number == parts[interval]
    passed = motion.duration[interval] * number / parts[interval]
    u = np.diff(motion.x) / (2 * motion.step)
    way = np.sqrt(motion.x[:-1])[interval] * passed + 0.5 * u[interval] * passed**2
    part = np.where(last, 1.0, np.clip(way / motion.step[interval], 0.0, 1.0))
    place = motion.at(interval, part)
    position = place.position[:, :2]
    speed = np.where(
        last, np.sqrt(motion.x[1:])[interval], np.sqrt(motion.x[:-1])[interval] + u[interval] * passed
    )
    speed = np.concatenate([np.sqrt(motion.x[:1]), np.maximum(speed, 0.0)])
    tangent = np.concatenate([motion.at(interval[:1], np.zeros(1)).first, place.first])[:, :2]
    velocity = profile.from_machine(speed[:, None] * tangent + profile.to_machine(np.zeros((1, 2))))
    start = np.concatenate([[0.0], np.cumsum(motion.duration)])
    t_s = np.where(last, start[interval + 1], start[interval] + passed)

    low, high = motion.share[interval, 0], motion.share[interval, 1]
    share, k = low + part * (high - low), motion.segment[interval]
    first = np.concatenate([[0], np.cumsum(parts)])
    point_interval = np.append(np.flatnonzero(motion.share[:, 0] == 0.0), len(parts))
    at_point = first[point_interval]
    xy = np.concatenate([chain.xy_mm[:1], profile.from_machine(position)])
    xy[at_point] = chain.xy_mm  # without the rounding of two changes of frame
    turning = motion.turning[interval]
    kept = np.concatenate([[True], (turning == 0) | ((turning > 0) & last)])
    return _Samples(
        np.concatenate([[0.0], t_s])[kept],
        xy[kept],
        np.concatenate([chain.width_mm[:1], _between(chain.width_mm, k, share)])[kept],
        np.concatenate([chain.intensity[:1], _between(chain.intensity, k, share)])[kept],
        np.concatenate([[False], motion.drawn[interval]])[kept],
        velocity[kept],
        (np.cumsum(kept) - kept)[at_point],
    )


def _between(
    values: NDArray[np.float64], k: NDArray[np.intp], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray((1.0 - share) * values[k] + share * values[k + 1])


def _with_stops(chain: Chain, moving: _Samples, turned: NDArray[np.bool_], profile: Profile) -> Trajectory:
    """Puts the stops between the samples of the motion."""
    value = pen_values(chain.xy_mm, chain.width_mm, chain.intensity, chain.drawn, profile, turned)
    t: list[NDArray[np.float64]] = []
    source: list[NDArray[np.intp]] = []
    down: list[NDArray[np.bool_]] = []
    delay, begin = 0.0, 0
    for number, stop in enumerate(chain.stops):
        here = int(moving.at_point[stop.point])
        t.append(moving.t_s[begin : here + 1] + delay)
        source.append(np.arange(begin, here + 1))
        down.append(moving.pen_down[begin : here + 1])
        begin = here + 1
        hold = _hold_s(chain, number, value, profile)
        count = math.ceil(hold / SAMPLE_STEP_S)
        t.append(moving.t_s[here] + delay + hold * np.arange(1, count + 1) / count)
        source.append(np.full(count, here))
        down.append(np.full(count, stop.kind in (StopKind.DOT, StopKind.TURN)))
        delay += hold
    t.append(moving.t_s[begin:] + delay)
    source.append(np.arange(begin, len(moving.t_s)))
    down.append(moving.pen_down[begin:])
    index = np.concatenate(source)
    return Trajectory(
        np.concatenate(t),
        moving.xy_mm[index],
        moving.width_mm[index],
        moving.intensity[index],
        np.concatenate(down),
        moving.velocity_mm_s[index],
    )


def _hold_s(chain: Chain, number: int, value: NDArray[np.float64], profile: Profile) -> float:
    """How long x and y rest at a stop of the chain, whose pen values are ``value`` (n,)."""
    stop = chain.stops[number]
    here = float(value[stop.point])
    if stop.kind is StopKind.DOT:
        return DOT_S
    if stop.kind is StopKind.TURN:
        return pen_move_time_s(abs(here - float(value[stop.point - 1])), profile)
    # Between lowering and lifting for a dot, and after the last lift, nothing moves in x and y.
    dwell = profile.pen.dwell_s if stop.kind is StopKind.LOWER else 0.0
    from_dot = number > 0 and chain.stops[number - 1].kind is StopKind.DOT
    to_dot = number + 1 == len(chain.stops) or chain.stops[number + 1].kind is StopKind.DOT
    return pen_move_time_s(abs(profile.pen.up - here), profile, from_dot, to_dot or dwell > 0) + dwell
