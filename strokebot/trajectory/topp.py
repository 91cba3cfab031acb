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
theirs too. Since the lines are known beforehand, both passes are one line each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import TrajectoryError

# A row whose c is smaller than this is treated as having it: the row then allows
# |u| up to l / _LEAST_SLOPE, which no other row does.
_LEAST_SLOPE = 1e-9


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
        start_rows: c and d, each (n, J), at the start of each interval.
        end_rows: the same at the end of each interval.
        limit: (n, J) limits l, above 0.
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
    span = 2.0 * step[:, None]
    a = np.concatenate([c0, c1 + span * d1], axis=1)
    b = np.concatenate([d0, d1], axis=1)
    both = np.concatenate([limit, limit], axis=1)
    # A row and its negative are the same two lines: turn it so that a > 0.
    sign = np.where(a < 0, -1.0, 1.0)
    a = np.maximum(a * sign, _LEAST_SLOPE)
    slope = -b * sign / a
    upper = both / a
    edge = _greatest_feasible(step, slope, upper)
    reachable = _backward(span, slope, upper, np.minimum(cap[:-1], edge), cap[-1])
    return _forward(span, slope, upper, reachable)


def _greatest_feasible(
    step: NDArray[np.float64], slope: NDArray[np.float64], upper: NDArray[np.float64]
) -> NDArray[np.float64]:
    """E_i: the greatest x with every lower line below every upper line, shape (n,)."""
    n, rows = slope.shape
    edge = np.full(n, np.inf)
    # The speed must not turn negative inside the interval: u >= -x / 2D is a lower line too.
    lower_slopes = np.column_stack([slope, -0.5 / step])
    lowers = np.column_stack([-upper, np.zeros(n)])
    for j in range(rows + 1):
        for k in range(rows):
            if j == k:
                continue  # parallel lines never meet
            closing = lower_slopes[:, j] - slope[:, k]
            room = upper[:, k] - lowers[:, j]
            meet = np.divide(room, closing, out=np.full(n, np.inf), where=closing > 0)
            np.minimum(edge, meet, out=edge)
    return edge


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
    result = [0.0] * (len(bound) + 1)
    reach = result[-1] = float(last)
    rows = zip(bound[::-1].tolist(), factor[::-1].tolist(), offset[::-1].tolist(), strict=True)
    for index, (best, factors, offsets) in zip(range(len(bound) - 1, -1, -1), rows, strict=True):
        for f, o in zip(factors, offsets, strict=True):
            x = o + f * reach
            if x < best:
                best = x
        result[index] = reach = best
    return np.array(result)


def _forward(
    span: NDArray[np.float64],
    slope: NDArray[np.float64],
    upper: NDArray[np.float64],
    reachable: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The greatest squared speeds that can be taken from the start, shape (n + 1,)."""
    x = float(reachable[0])
    result = [x]
    # x_{i+1} = x + 2D u with u on the lowest upper line: offset + factor x
    factor = (1.0 + span * slope).tolist()
    offset = (span * upper).tolist()
    for best, factors, offsets in zip(reachable[1:].tolist(), factor, offset, strict=True):
        for f, o in zip(factors, offsets, strict=True):
            y = o + f * x
            if y < best:
                best = y
        x = best if best > 0.0 else 0.0
        result.append(x)
    return np.array(result)


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
