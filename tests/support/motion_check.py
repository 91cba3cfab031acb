"""The dense check of a plan against the limits: positions at close moments, and their differences.

It knows nothing of the rows, caps and Jacobians with which the plan was made: the place of
the pen comes from the exact motion, the joints from inverse kinematics, rates from
differences over some tens of microseconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.timing.plan import MotionPlan, plan_motion
from strokebot.trajectory.timing.waypoints import chain_of

Array = NDArray[np.float64]

# Moments in each interval of the grid, at their middles.
_MOMENTS = 9
# Half of the time between two positions whose difference is a rate, at the most.
_HALF_STEP_S = 2e-4
# Under this a second difference of positions has no digits left.
_LEAST_HALF_STEP_S = 2e-5


def violation(path: Path, profile: Profile) -> float:
    """The greatest use of any limit anywhere on the planned way; 1 is all of it, 0 if nothing moves."""
    chain = chain_of(path)
    if len(chain.xy_mm) < 2:
        return 0.0
    return max(uses(plan_motion(chain, profile), profile).values())


def uses(motion: MotionPlan, profile: Profile) -> dict[str, float]:
    """The greatest use of each limit: name of the limit to share, 1 is all of it."""
    n = len(motion.step)
    interval = np.repeat(np.arange(n), _MOMENTS)
    middle = (np.tile(np.arange(_MOMENTS), n) + 0.5) / _MOMENTS * motion.duration[interval]
    half = np.minimum(_HALF_STEP_S, 0.4 * motion.duration[interval] / _MOMENTS)
    v0, v1 = np.sqrt(motion.x[:-1])[interval], np.sqrt(motion.x[1:])[interval]
    u = (v1 - v0) / motion.duration[interval]

    def place(moment: Array) -> Array:
        part = (v0 * moment + 0.5 * u * moment**2) / motion.step[interval]
        return motion.at(interval, np.clip(part, 0.0, 1.0)).position

    before, here, after = place(middle - half), place(middle), place(middle + half)
    good = half >= _LEAST_HALF_STEP_S
    machine, pen = profile.machine, profile.pen
    speed, acceleration = _rates(before, here, after, half)
    drawn = motion.drawn[interval]
    result = {
        "speed": _worst(np.abs(speed[:, :2]) / machine.max_speed_mm_s),
        "acceleration": _worst(np.abs(acceleration[good, :2]) / machine.max_acceleration_mm_s2),
        "pen speed": _worst(np.abs(speed[drawn, 2]) / machine.pen_max_speed),
        "pen acceleration": _worst(np.abs(acceleration[good & drawn, 2]) / machine.pen_max_acceleration),
        "drawing speed": _worst(np.hypot(*speed[drawn, :2].T) / pen.draw_speed_mm_s),
    }
    if pen.draw_acceleration_mm_s2 is not None:
        size = np.hypot(*acceleration[good & drawn, :2].T)
        result["drawing acceleration"] = _worst(size / pen.draw_acceleration_mm_s2)
    if machine.joint_max_speed is not None or machine.joint_max_acceleration is not None:
        inverse = kinematics_of(machine).inverse
        joints = [inverse(points[:, :2]) for points in (before, here, after)]
        speed, acceleration = _rates(*joints, half)
        if machine.joint_max_speed is not None:
            result["joint speed"] = _worst(np.abs(speed) / machine.joint_max_speed)
        if machine.joint_max_acceleration is not None:
            share = np.abs(acceleration[good]) / machine.joint_max_acceleration
            result["joint acceleration"] = _worst(share)
    return result


def _rates(before: Array, here: Array, after: Array, half_s: Array) -> tuple[Array, Array]:
    half = half_s[:, None]
    return (after - before) / (2 * half), (after - 2 * here + before) / half**2


def _worst(share: Array) -> float:
    return float(share.max(initial=0.0))
