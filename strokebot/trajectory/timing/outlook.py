"""How long a drawing will be and take, told from its gesture alone: before the work that knows it exactly.

Nouns:
    segment  of the gesture, between two of its points
    turn     the angle between two segments

Symbols: L length of a segment in mm, theta turn in rad, v drawing speed, a acceleration of the slower axis.
Two segments that turn by theta follow an arc of about the radius r = min(L) / theta, which is taken at
sqrt(a r) at the most; so

    v_i = min(v, sqrt(a r) at both ends of segment i),    time = sum(L_i / v_i) + travel + lifts

That leaves out the ramps of long segments (it is too short for them) and what smoothing wins at corners
(too long): within a third of the planned time for the pictures that come with the program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.profile import Profile
from strokebot.gesture import Gesture

# Where the line rests for the pen to come down or go up, beside the way of the pen itself: its ramps, s.
_PEN_RAMP_S = 0.1
# Shorter segments turn nothing, mm.
_LEAST_MM = 1e-9


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a drawing will come to.

    Attributes:
        drawn_mm: length of the line.
        duration_s: time on the machine.
        pen_share: share of a full pen's ink, or None where the profile does not say how far one goes.
    """

    drawn_mm: float
    duration_s: float
    pen_share: float | None


def outlook(gesture: Gesture, scale_mm: float, profile: Profile) -> Outlook:
    """Estimates length and time of a drawing.

    Args:
        gesture: what is drawn, canvas units.
        scale_mm: mm per canvas unit.
        profile: with the limits that the drawing is planned with.
    """
    way = np.diff(gesture.positions * scale_mm, axis=0)
    length = np.hypot(*way.T)
    down = gesture.pen_down[1:] & gesture.pen_down[:-1]
    moving = length > _LEAST_MM
    way, length, down = way[moving], length[moving], down[moving]
    speed = min(profile.pen.draw_speed_mm_s, *profile.machine.max_speed_mm_s)
    direction = np.arctan2(way[:, 1], way[:, 0])
    turn = np.abs((np.diff(direction) + np.pi) % (2 * np.pi) - np.pi)
    radius = np.minimum(length[1:], length[:-1]) / np.maximum(turn, _LEAST_MM)
    corner = np.minimum(np.sqrt(min(profile.machine.max_acceleration_mm_s2) * radius), speed)
    slowest = np.full(len(length), speed)
    slowest[1:] = np.minimum(slowest[1:], corner)
    slowest[:-1] = np.minimum(slowest[:-1], corner)
    drawn_mm = float(length[down].sum())
    pen_way = abs(profile.pen.up - profile.pen.touch) / profile.machine.pen_max_speed + _PEN_RAMP_S
    duration_s = (
        float((length[down] / slowest[down]).sum())
        + float(length[~down].sum()) / min(profile.machine.max_speed_mm_s)
        + 2.0 * (gesture.lifts + 1) * pen_way
    )
    ink_m = profile.pen.ink_m
    return Outlook(drawn_mm, duration_s, None if ink_m is None else drawn_mm / 1000.0 / ink_m)
