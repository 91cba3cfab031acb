"""The fastest motion along a fixed curve under linear rows: time-optimal path parametrisation.

Nouns:
    grid        parameters s_0 < s_1 < ... < s_n along the curve
    row         one limit |c u + d x| <= l on a derivative of second order
    cap         the greatest x at a grid point, from limits of first order

Symbols, for interval i of length D_i = s_{i+1} - s_i:
    x_i = (ds/dt)^2 at grid point i          u_i = d2s/dt2, constant in the interval
    x_{i+1} = x_i + 2 D_i u_i                exact, since d(x)/ds = 2 u

An axis q(s) accelerates with q'(s) u + q''(s) x, so c = q', d = q'' and l is the axis'
limit. Two-point rows: each limit is asked at BOTH ends of its interval, with the u of
the interval:

    |c_i u + d_i x_i| <= l,      |(c_{i+1} + 2 D d_{i+1}) u + d_{i+1} x_i| <= l

In the plane (u, x_i) each row is two parallel lines: u >= L_j + m_j x and u <= U_j + m_j x.
All of them allow the origin, so the feasible set is convex and holds it.

Backward pass. K_i = greatest x_i from which the end can still be reached: u must be
above every lower line and low enough that x_{i+1} <= K_{i+1}. Inserting
u = (K_{i+1} - x) / 2D into a lower line gives x (1 + 2D m_j) <= K_{i+1} - 2D L_j, so

    K_i = min( cap_i, E_i, min_j (K_{i+1} - 2D L_j) / (1 + 2D m_j) )

where E_i is the greatest x at which the lower lines do not pass above the upper ones.
Forward pass. From x_0 the greatest u that keeps x_{i+1} <= K_{i+1}.

Source: Pham and Pham, "A new approach to time-optimal path parameterization based on
reachability analysis", IEEE Trans. Robotics 34 (2018); the "interpolation" rows are
theirs too.

Both passes are recursions, x_next = min(bound, lowest line at x), and each has exactly one
solution. Where a bound is the lowest, the next value does not depend on the one before, so a
long path falls into short ramps between bounds. ``_recursion`` therefore follows all ramps
side by side: it begins with the bounds and works out again, as one array operation, those
places whose forerunner has changed, until none has. What is left of the longest ramps when few
places are still changing is done one by one. The result is that of the plain loop, to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import TrajectoryError

# A row whose c is smaller than this is treated as having it: the row then allows
# |u| up to l / _LEAST_SLOPE, which no other row does.
_LEAST_SLOPE = 1e-9
# With fewer changing places than this an array operation costs more than the plain loop.
_FEW_PLACES = 48
# Places that the plain loop takes out of the arrays at once.
_CHUNK = 32


def fastest_speeds(
    step: NDArray[np.float64],
    start_rows: tuple[NDArray[np.float64], NDArray[np.float64]],
    end_rows: tuple[NDArray[np.float64], NDArray[np.float64]],
    limit: NDArray[np.float64],
    cap: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Finds the greatest squared speeds that keep every row and every cap.

    Args:
        step: (n,) lengths of the intervals, above 0.
        start_rows: c and d, each (J, n), at the start of each interval.
        end_rows: the same at the end of each interval.
        limit: (J, n) limits l, above 0.
        cap: (n + 1,) greatest squared speed at each grid point; 0 where the motion rests.

    Returns:
        (n + 1,) squared speeds x.

    Raises:
        TrajectoryError: if a step, a limit or a cap has no meaning.
    """
    if (step <= 0).any() or (limit <= 0).any() or (cap < 0).any():
        raise TrajectoryError("The path cannot be timed: a step, a limit or a speed is not above 0.")
    c0, d0 = start_rows
    c1, d1 = end_rows
    span = 2.0 * step
    a = np.concatenate([c0, c1 + span * d1])
    b = np.concatenate([d0, d1])
    # A row and its negative are the same two lines: turn it so that a > 0.
    size = np.maximum(np.abs(a), _LEAST_SLOPE)
    slope = np.where(a < 0, b, -b) / size
    upper = np.concatenate([limit, limit]) / size
    edge = _greatest_feasible(span, slope, upper)
    reachable = _backward(span, slope, upper, np.minimum(cap[:-1], edge), float(cap[-1]))
    return _forward(span, slope, upper, reachable)


def _greatest_feasible(
    span: NDArray[np.float64], slope: NDArray[np.float64], upper: NDArray[np.float64]
) -> NDArray[np.float64]:
    """E_i: the greatest x with every lower line below every upper line, shape (n,)."""
    rows, n = slope.shape
    closest = np.zeros(n)  # 1 / x, which has no infinity in it
    # The speed must not turn negative inside the interval: u >= -x / 2D is a lower line too.
    least_slope = -1.0 / span
    for k in range(rows):
        np.maximum(closest, (least_slope - slope[k]) / upper[k], out=closest)
        for j in range(k):  # both ways at once: lower j against upper k, lower k against upper j
            np.maximum(closest, np.abs(slope[j] - slope[k]) / (upper[k] + upper[j]), out=closest)
    return np.asarray(np.divide(1.0, closest, out=np.full(n, np.inf), where=closest > 0))


def _backward(
    span: NDArray[np.float64],
    slope: NDArray[np.float64],
    upper: NDArray[np.float64],
    bound: NDArray[np.float64],
    last: float,
) -> NDArray[np.float64]:
    """K: the greatest squared speeds from which the end can be reached, shape (n + 1,)."""
    divisor = 1.0 + span * slope
    open_rows = divisor <= 0  # such a line bounds x from below, by a negative value
    factor = np.where(open_rows, 0.0, 1.0 / np.where(open_rows, 1.0, divisor))
    offset = np.where(open_rows, np.inf, span * upper * factor)
    bounds = np.concatenate([[last], bound[::-1]])
    return _recursion(factor[:, ::-1], offset[:, ::-1], bounds)[::-1]


def _forward(
    span: NDArray[np.float64],
    slope: NDArray[np.float64],
    upper: NDArray[np.float64],
    reachable: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The greatest squared speeds that can be taken from the start, shape (n + 1,)."""
    # x_{i+1} = x + 2D u with u on the lowest upper line: offset + factor x
    return _recursion(1.0 + span * slope, span * upper, reachable)


def _recursion(
    factor: NDArray[np.float64], offset: NDArray[np.float64], bound: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solves y_0 = bound_0, y_{i+1} = max(0, min(bound_{i+1}, min_j (offset_ji + factor_ji y_i))).

    Args:
        factor: (J, n) slopes of the lines.
        offset: (J, n) their values at 0.
        bound: (n + 1,) bounds.

    Returns:
        (n + 1,) values y.
    """
    y = bound.copy()
    if factor.shape[1] == 0:
        return y
    lines, shifts = np.ascontiguousarray(factor), np.ascontiguousarray(offset)
    new = np.minimum(bound[1:], (shifts + lines * y[:-1]).min(axis=0))
    np.maximum(new, 0.0, out=new)
    changed = np.flatnonzero(new != y[1:]) + 1
    y[1:] = new
    while len(changed) > _FEW_PLACES:
        at = changed[: np.searchsorted(changed, len(y) - 1)]
        new = np.minimum(bound[at + 1], (shifts[:, at] + lines[:, at] * y[at]).min(axis=0))
        np.maximum(new, 0.0, out=new)
        moved = new != y[at + 1]
        y[at + 1] = new
        changed = at[moved] + 1
    _finish(y, lines, shifts, bound, changed.tolist())
    return y


def _finish(
    y: NDArray[np.float64],
    factor: NDArray[np.float64],
    offset: NDArray[np.float64],
    bound: NDArray[np.float64],
    changed: list[int],
) -> None:
    """Carries the changes at some places of ``y`` on, place by place, until they change nothing."""
    last = len(y) - 1
    for begin in changed:
        going = True
        for low in range(begin, last, _CHUNK):
            high = min(low + _CHUNK, last)
            now = float(y[low])
            bounds, before = bound[low + 1 : high + 1].tolist(), y[low + 1 : high + 1].tolist()
            rows = zip(factor[:, low:high].T.tolist(), offset[:, low:high].T.tolist(), strict=True)
            for k, (slopes, shifts) in enumerate(rows):
                best = bounds[k]
                for f, o in zip(slopes, shifts, strict=True):
                    value = o + f * now
                    if value < best:
                        best = value
                now = best if best > 0.0 else 0.0
                if now == before[k]:
                    going = False
                    break
                before[k] = now
            y[low + 1 : high + 1] = before
            if not going:
                break


def travel_times(step: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times of the intervals, shape (n,), for squared speeds ``x`` (n + 1,) and constant u between.

    Raises:
        TrajectoryError: if the motion stands still over an interval.
    """
    speed = np.sqrt(x)
    total = speed[1:] + speed[:-1]
    if (total <= 0).any():
        raise TrajectoryError("The path cannot be timed: a limit leaves no speed at all.")
    return np.asarray(2.0 * step / total)
