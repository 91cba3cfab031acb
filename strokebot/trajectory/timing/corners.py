"""How fast the pen passes a corner: a turn of the tangent in one point.

Nouns:
    corner      a point of the chain at which the tangent jumps; a stop is none
    reach       way before and after the corner on which the motion turns
    blend       the motion over the reach: constant acceleration from one direction to the other

A controller does not stop at a corner. It passes at a speed at which an arc that leaves
the corner by the junction deviation would need no more than the axes' acceleration, and
so must the plan, or its times are wrong. A plan that jumps from one velocity to the other
would break the acceleration limit, so the corner is cut by as little:

    u = t_out - t_in            jump of the tangent (3 columns: x, y, pen value)
    v^2 <= a_j delta s / (1-s)  GRBL's junction speed; s = cos(turn / 2), a_j = the axes'
                                limit along the jump, delta = junction deviation
    T = v k,  k = max_i |u_i| / (a_i BLEND_SHARE)      time in which the axes can turn
    d = v T / 2 = v^2 k / 2                            reach
    e = |u_xy| v T / 8 <= min(delta, 0.0125 mm)        greatest distance from the corner

The rest of the acceleration is left for speeding up or slowing down over the reach. A
line that turns back on itself (s = 0) rests.

Sources: junction speed: S. K. Jeon, "Improving Grbl: Cornering Algorithm", 2011, and
gnea/grbl planner.c; blend: Kunz and Stilman, "Time-Optimal Trajectory Generation for Path
Following with Bounded Acceleration and Velocity", RSS 2012.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.trajectory.timing.limits import MotionLimits
from strokebot.trajectory.timing.spline import Derivatives, PieceSpline
from strokebot.trajectory.timing.waypoints import Chain

# Share of each acceleration limit that the turn takes.
BLEND_SHARE = 0.5
# The reach takes no more than this part of a segment beside the corner.
_REACH_SHARE = 0.4
# A corner that would be passed slower than this is a rest: 0.1 mm/s squared.
_LEAST_SQUARE = 0.01
# No corner is cut by more, however large the firmware's deviation: it is drawn, not printed.
_MOST_CUT_MM = 0.0125
_TINY = 1e-12


class CornerPasses(NamedTuple):
    """How each point of the chain is passed.

    Attributes:
        x: (n,) greatest squared speed: 0 at rests, infinite where the curve is smooth.
        reach_mm: (n,) reach of the blend, 0 where there is none.
    """

    x: NDArray[np.float64]
    reach_mm: NDArray[np.float64]


def corner_passes(chain: Chain, curve: PieceSpline, limits: MotionLimits, profile: Profile) -> CornerPasses:
    """Finds the speeds and reaches at the corners of a chain with two points or more."""
    n = len(chain.xy_mm)
    x = np.where(chain.corner, 0.0, np.inf)
    reach = np.zeros(n)
    turning = chain.corner.copy()
    turning[[stop.point for stop in chain.stops]] = False
    turning[[0, -1]] = False
    at = np.flatnonzero(turning)
    # A corner that is passed turns the velocity at one acceleration, which begins and ends at once.
    if len(at) == 0 or profile.machine.max_jerk_mm_s3 is not None:
        return CornerPasses(x, reach)
    before = curve.at(at - 1, np.ones(len(at)))
    after = curve.at(at, np.zeros(len(at)))
    drawn = chain.drawn[at]
    jump = after.first - before.first
    jump[:, 2] *= drawn
    flat = np.maximum(np.linalg.norm(jump[:, :2], axis=1), _TINY)

    deviation = profile.machine.junction_deviation_mm
    along = (limits.limit[:2] * flat[:, None] / np.maximum(np.abs(jump[:, :2]), _TINY)).min(axis=1)
    square = _junction(along, flat, deviation)
    k = (np.abs(jump) / limits.limit[:3]).max(axis=1) / BLEND_SHARE
    if profile.pen.draw_acceleration_mm_s2 is not None:
        k = np.maximum(k, drawn * flat / (profile.pen.draw_acceleration_mm_s2 * BLEND_SHARE))
    if limits.joint_acceleration is not None:
        joints = np.abs(limits.joint_rates(before.position, jump)) / limits.joint_acceleration
        k = np.maximum(k, joints.max(axis=1) / BLEND_SHARE)
    k = np.maximum(k, _TINY)
    if profile.machine.raw_joints:
        square = np.minimum(square, _joint_junction(before, after, limits, deviation))
    room = np.minimum(curve.length[at - 1], curve.length[at])
    for bound in (
        8 * min(deviation, _MOST_CUT_MM) / (flat * k),
        2 * _REACH_SHARE * room / k,
        limits.cap(before, drawn),
        limits.cap(after, drawn),
    ):
        square = np.minimum(square, bound)
    passing = square >= _LEAST_SQUARE
    x[at[passing]] = square[passing]
    reach[at[passing]] = (0.5 * square * k)[passing]
    return CornerPasses(x, reach)


def junction_speed_sqr(
    before: NDArray[np.float64], after: NDArray[np.float64], limits: NDArray[np.float64], deviation_mm: float
) -> NDArray[np.float64]:
    """Greatest squared speeds (K,) at which a firmware passes from one straight move to the next.

    Args:
        before: (K, D) directions of the moves before, of unit length.
        after: (K, D) those of the moves after.
        limits: (D,) accelerations of the axes.
        deviation_mm: the firmware's junction deviation.
    """
    jump = after - before
    size = np.maximum(np.linalg.norm(jump, axis=1), _TINY)
    along = (limits * size[:, None] / np.maximum(np.abs(jump), _TINY)).min(axis=1)
    return _junction(along, size, deviation_mm)


def _junction(along: NDArray[np.float64], jump: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """The firmware's squared speed at a jump of the unit tangent, under the acceleration along it."""
    sine = np.sqrt(np.maximum(1.0 - (jump / 2) ** 2, 0.0))  # of half the angle between the lines
    return np.asarray(along * deviation * sine / np.maximum(1.0 - sine, _TINY))


def _joint_junction(
    before: Derivatives, after: Derivatives, limits: MotionLimits, deviation: float
) -> NDArray[np.float64]:
    """Squared speeds in mm/s at which a controller that sees joints alone passes the corners.

    Its corner is between the directions of the joints, its deviation and acceleration are in joint
    units, and so is its speed, which is turned into mm/s by the faster of the two joint ways.
    """
    rates = [limits.joint_rates(side.position, side.first) for side in (before, after)]
    sizes = [np.maximum(np.linalg.norm(rate, axis=1), _TINY) for rate in rates]
    jump = rates[1] / sizes[1][:, None] - rates[0] / sizes[0][:, None]
    size = np.maximum(np.linalg.norm(jump, axis=1), _TINY)
    allowed = np.asarray(limits.joint_acceleration or (np.inf, np.inf))
    along = (allowed * size[:, None] / np.maximum(np.abs(jump), _TINY)).min(axis=1)
    return np.asarray(_junction(along, size, deviation) / np.maximum(*sizes) ** 2)
