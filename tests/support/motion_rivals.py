"""Other ways to time a curve, for comparison, and an independent solver for the optimum.

All take a curve as dense places s with the derivatives q' and q'' of its axes, the limits
of those axes, and a greatest speed along the first two; all give squared speeds x = (ds/dt)^2.

    forward-backward   v <= sqrt(a / kappa) in bends, then the whole acceleration along the path
                       forwards and backwards: the plain two-pass planner
    cornering          v^2 <= a delta s / (1 - s) at each point of the polyline, then the same two
                       passes: what GRBL, Marlin and axi do
    copp               TOPP-RA of the package copp-py (MIT), a dependency of the tests alone

Sources: S. K. Jeon, "Improving Grbl: Cornering Algorithm", 2011; M. Fogleman, axi; copp-py 0.2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# For limits that are none: far above anything, and still a number for the solver.
_UNLIMITED = 1e9
_LEAST = 1e-12
# Sines of half the angle between two lines above this count as straight on.
_STRAIGHT = 1.0 - 1e-9


class Curve(NamedTuple):
    """A curve at dense places: s (n,), derivatives (n, D) by s, the first two columns x and y."""

    s: Array
    position: Array
    first: Array
    second: Array


class Bounds(NamedTuple):
    """Greatest speeds (D,) and accelerations (D,) of the axes, and the greatest speed in x and y."""

    speed: Array
    acceleration: Array
    path_speed: float


def speed_cap(curve: Curve, bounds: Bounds) -> Array:
    """Greatest squared speeds (n,) that the speed limits allow."""
    by_axis = (bounds.speed / np.maximum(np.abs(curve.first), _LEAST)).min(axis=1)
    by_path = bounds.path_speed / np.maximum(np.hypot(*curve.first[:, :2].T), _LEAST)
    return np.asarray(np.minimum(by_axis, by_path) ** 2)


def copp(curve: Curve, bounds: Bounds) -> Array:
    """Squared speeds (n,) by copp-py: rest to rest, every axis within its limits."""
    import copp_py as copp_module  # type: ignore[import-untyped, unused-ignore]

    module: Any = copp_module
    n, d = curve.position.shape
    # One more axis that counts the way in x and y carries the greatest speed along the path.
    rate = np.hypot(*curve.first[:, :2].T)[:, None]
    robot = module.robot.Robot.point_mass(d + 1)
    robot.append_s(curve.s)
    zeros = np.zeros((n, 1))
    robot.set_q(
        np.hstack([curve.position, zeros]), np.hstack([curve.first, rate]),
        np.hstack([curve.second, zeros]), 0,
    )  # fmt: skip
    speed = np.append(bounds.speed, bounds.path_speed)
    acceleration = np.append(bounds.acceleration, _UNLIMITED)
    robot.add_velocity_limits(speed, -speed, start_idx_s=0, length=n)
    robot.add_acceleration_limits(acceleration, -acceleration, start_idx_s=0, length=n)
    problem = module.solver.topp2_ra.Problem(
        robot.constraints, idx_s_interval=(0, n - 1), a_boundary=(0.0, 0.0)
    )
    return np.asarray(module.solver.topp2_ra.solve(problem), dtype=np.float64)


def forward_backward(curve: Curve, bounds: Bounds) -> Array:
    """Squared speeds (n,) of the plain two passes with the curvature's speed."""
    a = float(bounds.acceleration[:2].min())
    (x1, y1), (x2, y2) = curve.first[:, :2].T, curve.second[:, :2].T
    curvature = np.abs(x1 * y2 - y1 * x2) / np.maximum(np.hypot(x1, y1), _LEAST) ** 3
    return _two_passes(curve, np.minimum(speed_cap(curve, bounds), a / np.maximum(curvature, _LEAST)), a)


def cornering(curve: Curve, bounds: Bounds, deviation_mm: float) -> Array:
    """Squared speeds (n,) of a planner that sees the points alone and rounds each by ``deviation_mm``."""
    a = float(bounds.acceleration[:2].min())
    step = np.diff(curve.position[:, :2], axis=0)
    unit = step / np.maximum(np.linalg.norm(step, axis=1), _LEAST)[:, None]
    cosine = -(unit[1:] * unit[:-1]).sum(axis=1)
    sine = np.sqrt(np.clip(0.5 * (1.0 - cosine), 0.0, 1.0))
    junction = np.where(sine > _STRAIGHT, np.inf, a * deviation_mm * sine / np.maximum(1.0 - sine, _LEAST))
    cap = speed_cap(curve, bounds)
    cap[1:-1] = np.minimum(cap[1:-1], junction)
    return _two_passes(curve, cap, a)


def _two_passes(curve: Curve, cap: Array, acceleration: float) -> Array:
    """From rest to rest under a cap, with one acceleration along the path."""
    x = cap.tolist()
    rise = (2 * acceleration * np.diff(curve.s)).tolist()
    x[0] = x[-1] = 0.0
    for k in range(1, len(x)):
        x[k] = min(x[k], x[k - 1] + rise[k - 1])
    for k in range(len(x) - 2, -1, -1):
        x[k] = min(x[k], x[k + 1] + rise[k])
    return np.array(x)


def duration_s(curve: Curve, x: Array) -> float:
    """Time from end to end, the acceleration constant in each interval."""
    v = np.sqrt(x)
    return float((2 * np.diff(curve.s) / np.maximum(v[1:] + v[:-1], _LEAST)).sum())


def worst_use(curve: Curve, bounds: Bounds, x: Array) -> float:
    """Greatest use of any axis' acceleration, asked at both ends of every interval; 1 is all of it."""
    u = (np.diff(x) / (2 * np.diff(curve.s)))[:, None]
    worst = 0.0
    for part in (slice(None, -1), slice(1, None)):
        acceleration = curve.first[part] * u + curve.second[part] * x[part, None]
        worst = max(worst, float((np.abs(acceleration) / bounds.acceleration).max()))
    return worst
