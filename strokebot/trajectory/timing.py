"""Time parametrisation: a path becomes a trajectory within the limits of machine and pen.

Nouns:
    chain      the path's distinct points, its stops and corners (``chain.py``)
    curve      the spline through them in the machine's frame, pen value as third column
    grid       places on the curve at which limits are asked; every point of the chain is one
    sample     a moment of the finished trajectory

The steps:
    1. Chain and curve. At corners and stops the pen rests.
    2. Grid: so fine that the tangent turns by at most ``GRID_TURN_RAD`` from one place to
       the next; on coarser grids every method overshoots its limits between them.
    3. Caps: machine and pen speeds, and what the controller can follow (``segments.py``).
    4. The fastest motion under all rows (``topp.py``).
    5. A dense check between the grid places. Where a limit is exceeded, the limits of that
       interval are lowered by the excess and step 4 is done again; what is left after
       that is stretched in time.
    6. Samples of the exact motion, at most ``SAMPLE_STEP_S`` apart, with the stops put in:
       lifting and lowering take the time of a trapezoid of speed (``pressure.py``).

Source of the method: see ``topp.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.errors import TrajectoryError
from strokebot.trajectory.chain import Chain, StopKind, chain_of
from strokebot.trajectory.limits import Limits
from strokebot.trajectory.path import Path
from strokebot.trajectory.pressure import pen_move_time_s, pen_values
from strokebot.trajectory.segments import segment_ends, stream_speed_mm_s
from strokebot.trajectory.spline import Derivatives, PieceSpline
from strokebot.trajectory.topp import fastest_speeds, travel_times
from strokebot.trajectory.trajectory import Trajectory

GRID_TURN_RAD = 0.1
SAMPLE_STEP_S = 0.004
# A dot is drawn by lowering and lifting alone; its drawn sample needs some length of time.
DOT_S = 0.001
# Intervals of a piece from rest to rest: enough to place the change from speeding up to
# slowing down, however few points the piece has.
_PIECE_INTERVALS = (8, 64)
_PIECE_INTERVAL_MM = 0.05
# Intervals of one segment at the most: a bound on the work where the pressure jumps.
_MOST_PARTS = 200
# Places inside an interval at which the limits are checked.
_CHECK_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# An excess that is left alone, as a share of the limit: half of the one hundredth promised.
_TOLERATED_EXCESS = 0.005
_REPAIRS = 6


@dataclass(frozen=True, eq=False)
class Motion:
    """The exact motion along a curve: squared speed linear in s within each interval.

    Attributes:
        curve: the spline, machine frame, columns x, y, pen.
        segment: (n,) segment of the curve of each interval.
        share: (n, 2) first and last place in that segment.
        step: (n,) length of each interval in s, mm.
        x: (n + 1,) squared speeds ds/dt at the grid places.
        drawn: (n,) whether the interval is drawn.
        duration: (n,) time of each interval, s.
    """

    curve: PieceSpline
    segment: NDArray[np.intp]
    share: NDArray[np.float64]
    step: NDArray[np.float64]
    x: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    duration: NDArray[np.float64]

    def at(self, interval: NDArray[np.intp], part: NDArray[np.float64]) -> Derivatives:
        """The curve at places inside intervals, ``part`` running from 0 to 1 along s."""
        low, high = self.share[interval, 0], self.share[interval, 1]
        return self.curve.at(self.segment[interval], low + part * (high - low))


def parametrise(path: Path, profile: Profile) -> Trajectory:
    """Times a path so that it is drawn as fast as machine and pen allow.

    The trajectory begins above the first point with the pen up, at rest, and ends the same
    way above the last.

    Args:
        path: what to draw; smooth it before, or the pen rests at every corner.
        profile: limits of machine and pen, and where the paper lies.

    Raises:
        TrajectoryError: if there is nothing to do, or a limit leaves no speed at all.
    """
    chain = chain_of(path)
    if len(chain.xy_mm) == 1 and not chain.stops:
        raise TrajectoryError("The path neither draws nor moves: there is nothing to time.")
    if len(chain.xy_mm) == 1:
        moving = _Samples.resting(chain)
    else:
        moving = _sample(chain, plan_motion(chain, profile), profile)
    return _with_stops(chain, moving, profile)


def plan_motion(chain: Chain, profile: Profile) -> Motion:
    """The fastest motion along a chain of two points or more (steps 2 to 5)."""
    pen = pen_values(chain.xy_mm, chain.width_mm, chain.intensity, chain.drawn, profile)
    curve = PieceSpline(np.column_stack([profile.to_machine(chain.xy_mm), pen]), chain.corner)
    # The pen axis in units in which all axes accelerate alike: a bend of the pressure needs
    # as fine a grid as one of the line.
    limits = Limits(profile)
    scale = limits.limit[:2].min() / limits.limit[:3]
    segment, share = _grid(curve, chain.corner, scale)
    step = curve.length[segment] * (share[:, 1] - share[:, 0])
    drawn = chain.drawn[segment]
    rest = np.concatenate([chain.corner[segment] & (share[:, 0] == 0.0), [True]])

    parts = [curve.at(segment, share[:, 0] + part * (share[:, 1] - share[:, 0])) for part in _CHECK_SHARES]
    rows = [limits.rows(part, drawn) for part in parts]
    fastest = np.minimum.reduce([limits.cap(part, drawn) for part in parts])
    fastest = np.minimum(fastest, _stream_cap(parts[0], parts[-1], drawn, rest, profile))
    cap = np.full(len(step) + 1, np.inf)
    cap[:-1] = fastest
    cap[1:] = np.minimum(cap[1:], fastest)
    cap[rest] = 0.0

    limit = np.tile(limits.limit, (len(step), 1))
    for _ in range(_REPAIRS):
        x = fastest_speeds(step, rows[0], rows[-1], limit, cap)
        excess = _excess(step, rows, limits.limit, x)
        if excess.max() <= 1.0 + _TOLERATED_EXCESS:
            break
        limit /= np.maximum(excess, 1.0)[:, None]
    else:
        x = _stretched(x, _excess(step, rows, limits.limit, x), rest)
    return Motion(curve, segment, share, step, x, drawn, travel_times(step, x))


def _grid(
    curve: PieceSpline, corner: NDArray[np.bool_], scale: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Intervals of the grid: their segments (n,) and their shares of them (n, 2)."""
    piece = np.cumsum(corner[:-1]) - 1
    piece_mm = np.bincount(piece, weights=curve.length)
    wanted = np.clip(np.ceil(piece_mm / _PIECE_INTERVAL_MM), *_PIECE_INTERVALS)
    longest = (piece_mm / wanted)[piece]
    parts = np.ceil(np.maximum(curve.turns(scale) / GRID_TURN_RAD, curve.length / longest) - 1e-9)
    parts = np.clip(parts, 1, _MOST_PARTS).astype(np.int64)
    segment = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(parts) - parts, parts)
    count = parts[segment]
    return segment, np.column_stack([number / count, (number + 1) / count])


def _stream_cap(
    start: Derivatives, end: Derivatives, drawn: NDArray[np.bool_], rest: NDArray[np.bool_], profile: Profile
) -> NDArray[np.float64]:
    """Greatest x (n,) at which the controller can follow the drawn segments."""
    cap = np.full(len(drawn), np.inf)
    if not drawn.any():
        return cap
    points = np.concatenate([start.position, end.position[-1:]])
    edges = np.concatenate([[True], drawn[1:] != drawn[:-1], [True]])
    ends = segment_ends(points, profile, rest | edges)
    length = np.linalg.norm(np.diff(points[ends, :2], axis=0), axis=1)
    speed = np.repeat(stream_speed_mm_s(length, profile), np.diff(ends))
    cap[drawn] = speed[drawn] ** 2
    return cap


def _excess(
    step: NDArray[np.float64],
    rows: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    limit: NDArray[np.float64],
    x: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The greatest use of any limit in each interval, 1 = all of it, shape (n,)."""
    u = (np.diff(x) / (2 * step))[:, None]
    worst = np.zeros(len(step))
    for part, (c, d) in zip(_CHECK_SHARES, rows, strict=True):
        inside = (x[:-1] + part * np.diff(x))[:, None]
        np.maximum(worst, (np.abs(c * u + d * inside) / limit).max(axis=1), out=worst)
    return worst


def _stretched(
    x: NDArray[np.float64], excess: NDArray[np.float64], rest: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The speeds with each piece from rest to rest slowed down by its own greatest excess."""
    starts = np.flatnonzero(rest[:-1])
    factor = np.maximum(np.maximum.reduceat(excess, starts), 1.0)
    lengths = np.diff(np.append(starts, len(excess)))
    slowed = x.copy()
    slowed[:-1] /= np.repeat(factor, lengths)  # rests have x = 0, so borders belong to either side
    return slowed


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples of the motion without its stops.

    ``at_point`` (n,) is the index of the sample at each point of the chain; the first
    sample is at the first point.
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    pen_down: NDArray[np.bool_]
    at_point: NDArray[np.intp]

    @classmethod
    def resting(cls, chain: Chain) -> _Samples:
        """The one sample of a chain that never moves."""
        none = np.zeros(1, dtype=np.intp)
        flag = np.array([False])
        return cls(np.zeros(1), chain.xy_mm, chain.width_mm, chain.intensity, flag, none)


def _sample(chain: Chain, motion: Motion, profile: Profile) -> _Samples:
    """Samples of the exact motion, at most ``SAMPLE_STEP_S`` apart, every grid place among them."""
    parts = np.maximum(1, np.ceil(motion.duration / SAMPLE_STEP_S)).astype(np.int64)
    interval = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(1, len(interval) + 1) - np.repeat(np.cumsum(parts) - parts, parts)
    last = number == parts[interval]
    passed = motion.duration[interval] * number / parts[interval]
    u = np.diff(motion.x) / (2 * motion.step)
    way = np.sqrt(motion.x[:-1])[interval] * passed + 0.5 * u[interval] * passed**2
    part = np.where(last, 1.0, np.clip(way / motion.step[interval], 0.0, 1.0))
    position = motion.at(interval, part).position[:, :2]
    start = np.concatenate([[0.0], np.cumsum(motion.duration)])
    t_s = np.where(last, start[interval + 1], start[interval] + passed)

    low, high = motion.share[interval, 0], motion.share[interval, 1]
    share, k = low + part * (high - low), motion.segment[interval]
    first = np.concatenate([[0], np.cumsum(parts)])
    point_interval = np.append(np.flatnonzero(motion.share[:, 0] == 0.0), len(parts))
    at_point = first[point_interval]
    xy = np.concatenate([chain.xy_mm[:1], profile.from_machine(position)])
    xy[at_point] = chain.xy_mm  # without the rounding of two changes of frame
    return _Samples(
        np.concatenate([[0.0], t_s]),
        xy,
        np.concatenate([chain.width_mm[:1], _between(chain.width_mm, k, share)]),
        np.concatenate([chain.intensity[:1], _between(chain.intensity, k, share)]),
        np.concatenate([[False], motion.drawn[interval]]),
        at_point,
    )


def _between(
    values: NDArray[np.float64], k: NDArray[np.intp], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray((1.0 - share) * values[k] + share * values[k + 1])


def _with_stops(chain: Chain, moving: _Samples, profile: Profile) -> Trajectory:
    """Puts the stops between the samples of the motion."""
    at = [stop.point for stop in chain.stops]
    touch = pen_values(chain.xy_mm, chain.width_mm, chain.intensity, chain.drawn, profile)[at]
    t: list[NDArray[np.float64]] = []
    source: list[NDArray[np.intp]] = []
    down: list[NDArray[np.bool_]] = []
    delay, begin = 0.0, 0
    for stop, value in zip(chain.stops, touch.tolist(), strict=True):
        here = int(moving.at_point[stop.point])
        t.append(moving.t_s[begin : here + 1] + delay)
        source.append(np.arange(begin, here + 1))
        down.append(moving.pen_down[begin : here + 1])
        begin = here + 1
        way = abs(profile.pen.up - value)
        hold = DOT_S if stop.kind is StopKind.DOT else pen_move_time_s(way, profile)
        count = math.ceil(hold / SAMPLE_STEP_S)
        t.append(moving.t_s[here] + delay + hold * np.arange(1, count + 1) / count)
        source.append(np.full(count, here))
        down.append(np.full(count, stop.kind is StopKind.DOT))
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
    )
