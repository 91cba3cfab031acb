"""What the pen axis does along a path: its value at each point, and the time it takes to get there.

Nouns:
    pen value    what the pen axis takes (see ``calibration.pen``)
    stroke       from one lowering of the pen to the next lift
    junction     the meeting of two moves; the controller passes it without a full stop

A z axis moves together with x and y, so its value follows the line's width. A servo on a
controller made for spindles does not: a new value stops the stroke or comes at the wrong
time. So a servo keeps, for the whole stroke, the value of the stroke's mean width. A pen
whose profile counts its servo's ``levels`` follows the width in those steps: at each of them
the stroke stops while the servo turns, and between two steps it keeps the value of the mean.

Symbols: D = way of the pen axis, v, a = its limits, v_0, v_1 = speeds at its start and end:

    T = (v - v_0)/a + (v - v_1)/a + (D - (2 v^2 - v_0^2 - v_1^2) / 2a) / v

and the same with v^2 = a D + (v_0^2 + v_1^2)/2 where the way is too short to reach v. A z
axis enters and leaves at the speed of the junction with the move in x and y, a right angle:
v_j^2 = a_j delta s / (1 - s), s = sin(45 deg), delta = junction deviation, a_j = the least of the
axes' limits along the diagonal (gnea/grbl, planner.c). A servo turns at its speed and then
needs ``SERVO_SETTLE_S`` to come to rest, during which the machine waits; its two lines are read
at rest, too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from calibration.pen import PenModel
from calibration.profile import Profile

# A hobby servo swings on for about this long after it has arrived.
SERVO_SETTLE_S = 0.05
# Lines that the controller reads while nothing moves: the new value, and the wait for it.
_SERVO_LINES = 2
# How far past the middle between two levels the wanted value must be before the servo turns.
HYSTERESIS_LEVELS = 0.25


def pen_values(
    xy_mm: NDArray[np.float64],
    width_mm: NDArray[np.float64],
    intensity: NDArray[np.float64],
    drawn: NDArray[np.bool_],
    profile: Profile,
    turned: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Pen values with the pen down, at the points of a path, shape (K,).

    Args:
        xy_mm: (K, 2) points.
        width_mm: (K,) wanted widths.
        intensity: (K,) wanted ink.
        drawn: (K-1,) whether each segment is drawn; it parts the strokes.
        profile: width to pen value, and the kind of pen.
        turned: (K,) points from which on a servo may take another value; None for none.
    """
    if profile.machine.pen_actuator == "z":
        return profile.pen_value(width_mm, intensity, np.ones(len(xy_mm), dtype=bool), xy_mm)
    # A stretch holds one value: a longest run of drawn segments, parted where the servo turns.
    # Points that belong to none are stretches of their own: dots.
    begins = np.concatenate([[True], ~drawn])
    if turned is not None:
        begins |= turned
    stretch = np.cumsum(begins) - 1
    width = profile.pen.effective_width_mm(width_mm, intensity)
    length = np.where(drawn, np.linalg.norm(np.diff(xy_mm, axis=0), axis=1), 0.0)
    count = int(stretch[-1]) + 1
    total = np.bincount(stretch[:-1], weights=length, minlength=count)
    area = np.bincount(stretch[:-1], weights=length * 0.5 * (width[1:] + width[:-1]), minlength=count)
    plain = np.bincount(stretch, weights=width) / np.bincount(stretch)
    mean = np.where(total > 0, area / np.where(total > 0, total, 1.0), plain)
    height = np.bincount(stretch, weights=profile.height(xy_mm)) / np.bincount(stretch)
    return np.asarray(_on_levels(profile.pen.value_for(mean) + height, profile.pen)[stretch])


def servo_turns(
    width_mm: NDArray[np.float64], intensity: NDArray[np.float64], drawn: NDArray[np.bool_], profile: Profile
) -> NDArray[np.bool_]:
    """Points (K,) inside strokes at which a servo of few levels goes to another one.

    A level is kept until the wanted value is ``HYSTERESIS_LEVELS`` farther from it than the middle
    between two levels, so that a width that wavers about such a middle turns nothing.
    """
    turned = np.zeros(len(width_mm), dtype=bool)
    pen = profile.pen
    if pen.levels is None:
        return turned
    wanted = _level(pen.value_for(pen.effective_width_mm(width_mm, intensity)), pen).tolist()
    before = np.concatenate([[False], drawn]).tolist()
    after = np.concatenate([drawn, [False]]).tolist()
    level = 0
    for k, value in enumerate(wanted):
        if not before[k]:
            level = round(value)
        elif after[k] and abs(value - level) > 0.5 + HYSTERESIS_LEVELS:
            level = round(value)
            turned[k] = True
    return turned


def _level(value: NDArray[np.float64], pen: PenModel) -> NDArray[np.float64]:
    """Pen values counted in levels from touch, not rounded."""
    return np.asarray((value - pen.touch) / (pen.full - pen.touch) * ((pen.levels or 2) - 1))


def _on_levels(value: NDArray[np.float64], pen: PenModel) -> NDArray[np.float64]:
    """The nearest values that the servo can take; the values themselves where it has no levels."""
    if pen.levels is None:
        return value
    share = np.round(_level(value, pen)) / (pen.levels - 1)
    return np.asarray(pen.touch + share * (pen.full - pen.touch))


def sent_ahead(t_s: NDArray[np.float64], value: NDArray[np.float64], lag_s: float) -> NDArray[np.float64]:
    """What to send so that the line follows it late by ``lag_s`` and is right: v(t + lag), held at the end.

    A shift in time keeps the pen axis within its limits, which the rate times the lag added on top
    would not.

    Args:
        t_s: (K,) times of one stroke.
        value: (K,) wanted pen values.
        lag_s: see ``PenModel.lag_s``.
    """
    return value if lag_s == 0.0 else np.asarray(np.interp(t_s + lag_s, t_s, value))


def pen_move_time_s(way: float, profile: Profile, from_rest: bool = False, to_rest: bool = False) -> float:
    """Time that x and y rest while the pen axis goes a way, in pen units.

    Args:
        way: the way.
        profile: kind and limits of the pen axis.
        from_rest: whether no move in x and y comes right before.
        to_rest: whether none comes right after.
    """
    machine = profile.machine
    if machine.pen_actuator == "servo":
        return way / machine.pen_max_speed + SERVO_SETTLE_S + _SERVO_LINES / machine.line_rate_per_s
    least = min(*machine.max_acceleration_mm_s2, machine.pen_max_acceleration)
    sine = math.sqrt(0.5)
    junction = math.sqrt(least / sine * machine.junction_deviation_mm * sine / (1 - sine))
    ends = (0.0 if from_rest else junction, 0.0 if to_rest else junction)
    return ramp_time_s(way, machine.pen_max_speed, machine.pen_max_acceleration, ends)


def ramp_time_s(
    way: float, speed: float, acceleration: float, ends: tuple[float, float] = (0.0, 0.0)
) -> float:
    """Shortest time for a way under a speed and an acceleration, with given speeds at both ends.

    Where the way is too short to come from one end speed to the other, it is taken at a ramp
    from the lower one.
    """
    low, high = sorted(min(end, speed) for end in ends)
    high = min(high, math.sqrt(low**2 + 2 * acceleration * way))
    peak = min(speed, math.sqrt(acceleration * way + 0.5 * (low**2 + high**2)))
    ramps = (2 * peak**2 - low**2 - high**2) / (2 * acceleration)
    return (2.0 * peak - low - high) / acceleration + (way - ramps) / peak
