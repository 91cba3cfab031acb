"""A bound on the jerk: the acceleration grows and falls over time instead of jumping.

Nouns:
    jerk       the change of the acceleration vector in x and y in a second, J its limit
    piece      the motion between two rests; with a jerk limit every corner is a rest
    box        a moving mean over the time T: it turns jumps of the acceleration into ramps

Symbols: q(s) the curve, s about its length, B = |q''| its bend, C the size of the change of q''
by s, u = d2s/dt2, x = (ds/dt)^2, v = ds/dt.

    in a bend at steady speed the jerk is C v^3, on a circle, where C is B^2, as on any curve:
        v <= (J / B^2)^(1/3),    v <= (J / C)^(1/3)
    along the path u jumps by at most max u - min u; the mean of s over the time T makes of
    that a ramp of jerk J if T = (max u - min u) / J:
        s_T(t) = (A(t) - A(t - T)) / T,   A = integral of s,   v_T = (s(t) - s(t - T)) / T

The mean takes the pen through a place at another speed than planned, so limits can be
exceeded a little. They are checked on the result; where one is, the speed caps there are
lowered and everything is done again, and what is left after some rounds is stretched in time
(k times the time: 1/k^2 of the acceleration, 1/k^3 of the jerk). The acceleration of the result
is constant over ``_STEP_S``, a staircase, so its jerk is that between the middles of two steps.

Source: the mean of a constant-acceleration profile is L. Biagiotti and C. Melchiorri, "FIR
filters for online trajectory planning with time- and frequency-domain specifications",
Control Engineering Practice 20 (2012).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.trajectory.timing.spline import Derivatives

Array = NDArray[np.float64]

# Longest time between two places of the result: its acceleration is constant in between.
_STEP_S = 0.002
_LEAST_PLACES = 24
# Places nearer than this to a point of the chain are left out.
_LEAST_STEP_MM = 1e-6
_LEAST = 1e-12
# Halvings of a step of time until its parts have no digits left.
_BISECTIONS = 40


class RoundedTimes(NamedTuple):
    """RoundedTimes along the whole chain: s (m,) from its start, squared speeds x (m,); rests have x = 0."""

    s: Array
    x: Array


def jerk_cap(start: Derivatives, end: Derivatives, step: Array, jerk: float) -> Array:
    """Greatest x (n,) in intervals of the grid, whose ends are given, that the jerk of their bends allows."""
    bend = np.linalg.norm(np.stack([start.second[:, :2], end.second[:, :2]]), axis=2).max(axis=0)
    change = np.linalg.norm(end.second[:, :2] - start.second[:, :2], axis=1) / step
    return np.asarray((jerk / np.maximum(np.maximum(bend**2, change), _LEAST)) ** (2 / 3))


def rounded(s: Array, x: Array, knots: Array, jerk: float) -> RoundedTimes:
    """The motion with every jump of its acceleration along the path made a ramp.

    Args:
        s: (n + 1,) places of the grid along the chain, both ends among them.
        x: (n + 1,) squared speeds there, 0 at rests, linear in s between.
        knots: (k,) places of the chain's points, which must be places of the result.
        jerk: greatest jerk.
    """
    rests = np.flatnonzero(x == 0.0)
    places, squares = [np.array([s[0]])], [np.zeros(1)]
    for first, last in zip(rests[:-1].tolist(), rests[1:].tolist(), strict=True):
        inside = knots[(knots > s[first] + _LEAST_STEP_MM) & (knots < s[last] - _LEAST_STEP_MM)]
        at, square = _piece(s[first : last + 1], x[first : last + 1], inside, jerk)
        places.append(at[1:])
        squares.append(square[1:])
    return RoundedTimes(np.concatenate(places), np.concatenate(squares))


def _piece(s: Array, x: Array, knots: Array, jerk: float) -> tuple[Array, Array]:
    """``rounded`` for one piece from rest to rest; its ends are the first and last place."""
    way, v = s - s[0], np.sqrt(x)
    t = np.concatenate([[0.0], np.cumsum(2 * np.diff(s) / (v[1:] + v[:-1]))])
    u = np.diff(v) / np.diff(t)
    width = (max(float(u.max()), 0.0) - min(float(u.min()), 0.0)) / jerk
    step = np.diff(t)
    area = np.concatenate([[0.0], np.cumsum(way[:-1] * step + v[:-1] * step**2 / 2 + u * step**3 / 6)])

    def motion(time: Array) -> tuple[Array, Array]:
        """Way and its integral at any times: at rest before and after."""
        inner = np.clip(time, 0.0, t[-1])
        k = np.clip(np.searchsorted(t, inner, side="right") - 1, 0, len(u) - 1)
        d = inner - t[k]
        gone = way[k] + v[k] * d + u[k] * d**2 / 2
        total = area[k] + way[k] * d + v[k] * d**2 / 2 + u[k] * d**3 / 6
        return gone, total + way[-1] * np.maximum(time - t[-1], 0.0)

    def mean(time: Array) -> tuple[Array, Array]:
        (now, total), (before, earlier) = motion(time), motion(time - width)
        return (total - earlier) / width, (now - before) / width

    end = float(t[-1]) + width
    time = np.linspace(0.0, end, max(_LEAST_PLACES, int(np.ceil(end / _STEP_S))) + 1)
    at, speed = mean(time)
    wanted = knots - s[0]
    # By bisection: next to a rest the way is a third power of the time, which throws Newton's steps off.
    after = np.clip(np.searchsorted(at, wanted), 1, len(time) - 1)
    low, high = time[after - 1], time[after]
    for _ in range(_BISECTIONS):
        when = 0.5 * (low + high)
        beyond = mean(when)[0] > wanted
        low, high = np.where(beyond, low, when), np.where(beyond, when, high)
    when = 0.5 * (low + high)
    # Samples beside a knot or without a way of their own are left out.
    nearest = np.searchsorted(wanted, at)
    room = np.full(len(at), np.inf)
    for side in (nearest - 1, nearest):
        good = (side >= 0) & (side < len(wanted))
        room[good] = np.minimum(room[good], np.abs(at[good] - wanted[side[good]]))
    free = (room > _LEAST_STEP_MM) & (at > _LEAST_STEP_MM) & (at < way[-1] - _LEAST_STEP_MM)
    free[1:] &= np.diff(at) > _LEAST_STEP_MM
    result = np.concatenate([s[:1], knots, s[0] + at[free], s[-1:]])
    rates = np.concatenate([[0.0], mean(when)[1], speed[free], [0.0]])
    order = np.argsort(result, kind="stable")
    return result[order], rates[order] ** 2


def jerk_use(middle: Derivatives, step: Array, x: Array, jerk: float) -> Array:
    """Use of the jerk limit in each interval (n,), 1 = all of it, by differences of the acceleration.

    Args:
        middle: the curve at the middles of the intervals.
        step: (n,) their lengths.
        x: (n + 1,) squared speeds at their ends; linear between.
        jerk: the limit.
    """
    v = np.sqrt(x)
    duration = 2 * step / (v[1:] + v[:-1])
    u, square = np.diff(x) / (2 * step), 0.5 * (x[1:] + x[:-1])
    acceleration = middle.first[:, :2] * u[:, None] + middle.second[:, :2] * square[:, None]
    apart = 0.5 * (duration[1:] + duration[:-1])
    # Over less than a step of the result a difference tells nothing: the mean over a step does.
    change = np.linalg.norm(np.diff(acceleration, axis=0), axis=1) / np.maximum(apart, 0.5 * _STEP_S)
    change[x[1:-1] == 0.0] = 0.0  # the two sides of a rest are apart by a hold
    both = np.concatenate([[0.0], change, [0.0]]) / jerk
    return np.asarray(np.maximum(both[1:], both[:-1]))
