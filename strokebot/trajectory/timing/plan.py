"""The fastest motion along a chain: limits asked on a grid, checked between its places.

Nouns:
    chain      the path's distinct points, its stops and corners (``chain.py``)
    curve      the spline through them in the machine's frame, pen value as third column
    grid       places on the curve at which limits are asked; every point of the chain is one
    turning    an interval of the grid beside a corner that is passed (``corners.py``)

The steps:
    1. Curve, and the speeds at its corners. At stops the pen rests.
    2. Grid: so fine that the tangent turns by at most ``GRID_TURN_RAD`` from one place to
       the next; on coarser grids every method overshoots its limits between them.
    3. Caps: machine and pen speeds, the speed that leaves the wanted ink, and what the
       controller can follow (``segments.py``).
    4. The fastest motion under all rows (``topp.py``).
    5. A dense check between the grid places. Where a limit is exceeded, the limits of that
       interval are lowered by the excess and step 4 is done again; what is left after
       that is stretched in time.
    6. With a jerk limit, its caps in step 3 and its rounding after step 5 (``jerk.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.trajectory.timing.corners import BLEND_SHARE, CornerPasses, corner_passes
from strokebot.trajectory.timing.jerk import jerk_cap, jerk_use, rounded
from strokebot.trajectory.timing.limits import MotionLimits, Rows
from strokebot.trajectory.timing.pressure import pen_values
from strokebot.trajectory.timing.segments import CHORD_ERROR_MM, segment_ends, stream_speed_mm_s
from strokebot.trajectory.timing.spline import Derivatives, PieceSpline
from strokebot.trajectory.timing.topp import fastest_speeds, travel_times
from strokebot.trajectory.timing.waypoints import Chain

GRID_TURN_RAD = 0.1
# Intervals of a piece from rest to rest: enough to place the change from speeding up to
# slowing down, however few points the piece has.
_PIECE_INTERVALS = (8, 40)
_PIECE_INTERVAL_MM = 0.05
# Intervals of one segment at the most: a bound on the work where the pressure jumps.
_MOST_PARTS = 200
# Places inside an interval at which the limits are checked.
_CHECK_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# An excess that is left alone, as a share of the limit: half of the one hundredth promised.
_TOLERATED_EXCESS = 0.005
_REPAIRS = 6
# Times that caps are lowered for a jerk limit before the rest is stretched.
_JERK_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class MotionPlan:
    """The exact motion along a curve: squared speed linear in s within each interval.

    Attributes:
        curve: the spline, machine frame, columns x, y, pen.
        segment: (n,) segment of the curve of each interval.
        share: (n, 2) first and last place in that segment.
        step: (n,) length of each interval in s, mm.
        x: (n + 1,) squared speeds ds/dt at the grid places.
        drawn: (n,) whether the interval is drawn.
        turning: (n,) -1 on the way into a corner that is passed, 1 on the way out, 0 elsewhere.
        duration: (n,) time of each interval, s.
    """

    curve: PieceSpline
    segment: NDArray[np.intp]
    share: NDArray[np.float64]
    step: NDArray[np.float64]
    x: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    turning: NDArray[np.int64]
    duration: NDArray[np.float64]

    def at(self, interval: NDArray[np.intp], part: NDArray[np.float64]) -> Derivatives:
        """The curve at places inside intervals, ``part`` running from 0 to 1 along s."""
        low, high = self.share[interval, 0], self.share[interval, 1]
        return self.curve.at(self.segment[interval], low + part * (high - low))


def plan_motion(chain: Chain, profile: Profile, chord_error_mm: float = CHORD_ERROR_MM) -> MotionPlan:
    """The fastest motion along a chain of two points or more; see ``timing.parametrise``."""
    # A servo turns at stops alone: along the curve it does not move.
    pen = np.zeros(len(chain.xy_mm))
    if profile.machine.pen_actuator == "z":
        pen = pen_values(chain.xy_mm, chain.width_mm, chain.intensity, chain.drawn, profile)
    curve = PieceSpline(np.column_stack([profile.to_machine(chain.xy_mm), pen]), chain.corner)
    limits = MotionLimits(profile)
    passes = corner_passes(chain, curve, limits, profile)
    segment, share, turning = _grid(curve, chain.corner, passes, limits.scale)
    step = curve.length[segment] * (share[:, 1] - share[:, 0])
    drawn = chain.drawn[segment]
    begins = share[:, 0] == 0.0
    corner = np.append(chain.corner[segment] & begins, True)
    rest = np.append((passes.x[segment] == 0.0) & begins, True)

    parts = [curve.at(segment, share[:, 0] + part * (share[:, 1] - share[:, 0])) for part in _CHECK_SHARES]
    rows = [limits.rows(part, drawn) for part in parts]
    fastest = np.minimum.reduce([limits.cap(part, drawn) for part in parts])
    fastest = np.minimum(fastest, _stream_cap(parts[0], parts[-1], drawn, corner, profile, chord_error_mm))
    if profile.pen.darkness_speed_exponent > 0:
        ink = profile.pen.speed_for(chain.width_mm, chain.intensity)
        slower = np.minimum(ink[segment], ink[segment + 1])
        way = np.max([np.hypot(*part.first.T[:2]) for part in parts], axis=0)
        fastest[drawn] = np.minimum(fastest, (slower / way) ** 2)[drawn]
    fastest[turning < 0] = np.minimum(fastest, passes.x[segment + 1])[turning < 0]
    fastest[turning > 0] = np.minimum(fastest, passes.x[segment])[turning > 0]
    cap = np.full(len(step) + 1, np.inf)
    cap[:-1] = fastest
    cap[1:] = np.minimum(cap[1:], fastest)
    cap[rest] = 0.0

    jerk = profile.machine.max_jerk_mm_s3
    if jerk is not None:
        cap[:-1] = np.minimum(cap[:-1], bend := jerk_cap(parts[0], parts[-1], step, jerk))
        cap[1:] = np.minimum(cap[1:], bend)
    full = np.where(turning == 0, 1.0, 1.0 - BLEND_SHARE) * limits.limit[:, None]

    def solve(cap: NDArray[np.float64]) -> NDArray[np.float64]:
        limit = full.copy()
        for _ in range(_REPAIRS):
            x = fastest_speeds(step, rows[0], rows[-1], limit, cap)
            excess = _excess(step, rows, full, x)
            if excess.max() <= 1.0 + _TOLERATED_EXCESS:
                return x
            limit /= np.maximum(excess, 1.0)
        return _stretched(x, _excess(step, rows, full, x), rest)

    x = solve(cap)
    if jerk is None:
        return MotionPlan(curve, segment, share, step, x, drawn, turning, travel_times(step, x))
    for last in [False] * _JERK_ROUNDS + [True]:
        motion, use = _rounded(curve, chain, limits, segment, share, x, jerk)
        if last or use.max() <= 1.0 + _TOLERATED_EXCESS:
            break
        # Lower the caps wherever an interval of the result exceeds a limit.
        worst = np.ones(len(step))
        where = motion.curve.length.cumsum()
        start = np.concatenate([[0.0], where])
        middle = start[motion.segment] + motion.share.mean(axis=1) * curve.length[motion.segment]
        grid = start[segment] + share[:, 0] * curve.length[segment]
        np.maximum.at(worst, np.searchsorted(grid, middle, side="right") - 1, use)
        cap[:-1] /= worst
        cap[1:] = np.minimum(cap[1:], cap[1:] / worst)
        x = solve(cap)
    if use.max() > 1.0 + _TOLERATED_EXCESS:
        resting = motion.x == 0.0
        slow = _stretched(motion.x, use, resting)
        motion = replace(motion, x=slow, duration=travel_times(motion.step, slow))
    return motion


def _rounded(
    curve: PieceSpline,
    chain: Chain,
    limits: MotionLimits,
    segment: NDArray[np.intp],
    share: NDArray[np.float64],
    x: NDArray[np.float64],
    jerk: float,
) -> tuple[MotionPlan, NDArray[np.float64]]:
    """The motion with its jumps of acceleration rounded, and the greatest use of any limit in its intervals.

    The use of the jerk counts by its power of 2/3: that is what the squared speed must fall by.
    """
    knots = np.concatenate([[0.0], np.cumsum(curve.length)])
    grid = np.append(knots[segment] + share[:, 0] * curve.length[segment], knots[-1])
    places = rounded(grid, x, knots[1:-1], jerk)
    at = np.clip(np.searchsorted(knots, places.s[:-1], side="right") - 1, 0, len(curve.length) - 1)
    low = (places.s[:-1] - knots[at]) / curve.length[at]
    high = np.where(places.s[1:] >= knots[at + 1], 1.0, (places.s[1:] - knots[at]) / curve.length[at])
    step = np.diff(places.s)
    drawn = chain.drawn[at]
    points = [curve.at(at, low + part * (high - low)) for part in _CHECK_SHARES]
    rows = [limits.rows(point, drawn) for point in points]
    use = _excess(step, rows, np.broadcast_to(limits.limit[:, None], rows[0][0].shape), places.x)
    caps = np.minimum.reduce([limits.cap(point, drawn) for point in points])
    use = np.maximum(use, np.maximum(places.x[1:], places.x[:-1]) / caps)
    middle = points[len(points) // 2]
    use = np.maximum(use, jerk_use(middle, step, places.x, jerk) ** (2 / 3))
    share = np.column_stack([low, high])
    turning = np.zeros(len(step), dtype=np.int64)
    duration = travel_times(step, places.x)
    return MotionPlan(curve, at, share, step, places.x, drawn, turning, duration), use


def _grid(
    curve: PieceSpline, corner: NDArray[np.bool_], passes: CornerPasses, scale: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64]]:
    """Intervals of the grid: their segments (n,), their shares of them (n, 2), and ``turning`` (n,).

    The tangent whose turns are bounded has the pen axis as its third column, in units in which
    all axes have the same reserve: a bend of the pressure needs as fine a grid as one of the line.
    """
    piece = np.cumsum(corner[:-1]) - 1
    piece_mm = np.bincount(piece, weights=curve.length)
    wanted = np.clip(np.ceil(piece_mm / _PIECE_INTERVAL_MM), *_PIECE_INTERVALS)
    longest = (piece_mm / wanted)[piece]
    parts = np.ceil(np.maximum(curve.turns(scale) / GRID_TURN_RAD, curve.length / longest) - 1e-9)
    parts = np.clip(parts, 1, _MOST_PARTS).astype(np.int64)
    # Beside a corner that is passed, its reach is an interval of its own.
    low = passes.reach_mm[:-1] / curve.length
    high = 1.0 - passes.reach_mm[1:] / curve.length
    inner = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(len(inner)) - np.repeat(np.cumsum(parts) - parts, parts)
    width = (high - low)[inner]
    first = low[inner] + width * (number / parts[inner])
    last = low[inner] + width * ((number + 1) / parts[inner])
    last = np.where(number + 1 == parts[inner], high[inner], last)
    out, into = np.flatnonzero(low > 0), np.flatnonzero(high < 1)
    segment = np.concatenate([out, inner, into])
    share = np.concatenate(
        [
            np.column_stack([np.zeros(len(out)), low[out]]),
            np.column_stack([first, last]),
            np.column_stack([high[into], np.ones(len(into))]),
        ]
    )
    turning = np.repeat([1, 0, -1], [len(out), len(inner), len(into)])
    order = np.lexsort([share[:, 0], segment])
    return segment[order], share[order], turning[order]


def _stream_cap(
    start: Derivatives,
    end: Derivatives,
    drawn: NDArray[np.bool_],
    corner: NDArray[np.bool_],
    profile: Profile,
    chord_error_mm: float,
) -> NDArray[np.float64]:
    """Greatest x (n,) at which the controller can follow the drawn segments."""
    cap = np.full(len(drawn), np.inf)
    if not drawn.any():
        return cap
    points = np.concatenate([start.position, end.position[-1:]])
    edges = np.concatenate([[True], drawn[1:] != drawn[:-1], [True]])
    ends = segment_ends(points, profile, corner | edges, chord_error_mm)
    length = np.linalg.norm(np.diff(points[ends, :2], axis=0), axis=1)
    speed = np.repeat(stream_speed_mm_s(length, profile), np.diff(ends))
    cap[drawn] = speed[drawn] ** 2
    return cap


def _excess(
    step: NDArray[np.float64], rows: list[Rows], limit: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The greatest use of any limit in each interval, 1 = all of it, shape (n,)."""
    u = np.diff(x) / (2 * step)
    worst = np.zeros(len(step))
    for part, (c, d) in zip(_CHECK_SHARES, rows, strict=True):
        inside = x[:-1] + part * np.diff(x)
        for slope, bend, allowed in zip(c, d, limit, strict=True):
            np.maximum(worst, np.abs(slope * u + bend * inside) / allowed, out=worst)
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
