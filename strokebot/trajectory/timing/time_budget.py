"""Where the time of a drawing goes: the same seconds as the trajectory's, sorted by what is done.

Nouns:
    steady     the drawn length at the pen's own drawing speed: the least that this pen can take
    bends      what drawing takes beyond that: starts and stops, bends, corners, dark ink, and
               a controller that cannot be fed faster
    travel     moving with the pen up
    pen        the pen goes up, down or to another level, or rests on the paper, while x and y stand
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.profile import Profile
from strokebot.trajectory.timing.trajectory import Trajectory

# Two samples closer than this are at one place.
_SAME_PLACE_MM = 1e-7


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds of each stage; their sum is the duration of the trajectory.

    Attributes:
        steady_s: drawing at the pen's own speed.
        bends_s: drawing slower than that.
        travel_s: moving with the pen up.
        pen_s: lifting, lowering, turning and resting.
    """

    steady_s: float
    bends_s: float
    travel_s: float
    pen_s: float

    @property
    def total_s(self) -> float:
        """The whole duration."""
        return self.steady_s + self.bends_s + self.travel_s + self.pen_s


def stage_times(trajectory: Trajectory, profile: Profile) -> StageTimes:
    """Sorts the time of a trajectory by stage."""
    step = np.diff(trajectory.t_s)
    moved = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) > _SAME_PLACE_MM
    drawn = trajectory.pen_down[1:] & moved
    drawing = float(step[drawn].sum())
    steady = min(trajectory.drawn_mm / profile.pen.draw_speed_mm_s, drawing)
    travel = float(step[moved & ~drawn].sum())
    return StageTimes(steady, drawing - steady, travel, float(step[~moved].sum()))
