"""What ``--speed`` and ``--quality`` mean: shares of real limits, and tolerances in mm.

Nouns:
    speed      how hard machine and pen are driven: careful, normal, fast
    quality    how closely the line is followed: draft, normal, fine

| speed | machine speeds | accelerations | drawing speed |
|---|---|---|---|
| careful | 0.6 | 0.4 | 0.6 |
| normal | 1 | 1 | 1 |
| fast | 1 | 1 | 1.5 |

All are shares of what the profile says. ``careful`` is for a wobbly frame, a loose pen or a first
try: 0.4 of the acceleration bends a springy arm 0.4 as far. ``normal`` is the profile. The
profile's limits of the machine are true limits, so ``fast`` leaves them alone: it lets the pen
go half as fast again as it draws an even line, at the cost of paler and skipping lines.

| quality | smoothing | pixels | chord error | corners |
|---|---|---|---|---|
| draft | 0.1 mm | 0.5 | 0.010 mm | 1 |
| normal | 0.02 mm | 0.15 | 0.005 mm | 1 |
| fine | 0.01 mm | 0.08 | 0.002 mm | 0.5 |

Smoothing is how far the line may leave the one that was asked for, in mm or in pixels of the
picture, whichever is more. Chord error is how far the straight moves may leave the curve:
smaller ones make shorter moves, for which a slow controller must slow down, and the plan
does. Corners is the share of the machine's junction deviation by which a corner may be cut; more
than 1 would be a plan that the firmware does not follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from calibration.profile import Profile
from strokebot.errors import TrajectoryError
from strokebot.modes import Quality, Speed
from strokebot.trajectory.timing.segments import CHORD_ERROR_MM

# The slowest drawing speed and the smallest corner that a profile may have: see calibration.pen, machine.
_LEAST_SPEED_MM_S = 0.1
_LEAST_JUNCTION_MM = 1e-4
_MOST_DRAW_SPEED_MM_S = 1000.0


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How closely a line is followed.

    Attributes:
        smooth_mm: greatest distance of the smoothed line from the one asked for, at the least.
        smooth_px: the same in pixels of the picture; the greater of the two counts.
        chord_mm: greatest distance of a drawn curve from its straight moves.
        corner_share: share of the machine's junction deviation by which a corner is cut.
    """

    smooth_mm: float
    smooth_px: float
    chord_mm: float
    corner_share: float

    def smoothing_mm(self, pixel_mm: float) -> float:
        """The tolerance of ``smooth`` for a picture whose pixels have this size on the paper."""
        return max(self.smooth_mm, self.smooth_px * pixel_mm)


@dataclass(frozen=True, slots=True)
class _Drive:
    """Shares of the profile's limits."""

    speed: float
    acceleration: float
    draw_speed: float


_DRIVES: dict[str, _Drive] = {
    "careful": _Drive(0.6, 0.4, 0.6),
    "normal": _Drive(1.0, 1.0, 1.0),
    "fast": _Drive(1.0, 1.0, 1.5),
}
_TOLERANCES: dict[str, Tolerances] = {
    "draft": Tolerances(0.1, 0.5, 0.010, 1.0),
    "normal": Tolerances(0.02, 0.15, CHORD_ERROR_MM, 1.0),
    "fine": Tolerances(0.01, 0.08, 0.002, 0.5),
}


def apply_presets(
    profile: Profile, speed: Speed = "normal", quality: Quality = "normal"
) -> tuple[Profile, Tolerances]:
    """The profile to plan with, and the tolerances, for what the user chose.

    The plan is made with the result; the machine, real or virtual, stays the one of ``profile``.

    Raises:
        TrajectoryError: for an unknown word.
    """
    for name, word, known in (("speed", speed, get_args(Speed)), ("quality", quality, get_args(Quality))):
        if word not in known:
            raise TrajectoryError(f"There is no {name} '{word}': choose one of {', '.join(known)}.")
    drive, tolerances = _DRIVES[speed], _TOLERANCES[quality]
    machine, pen = profile.machine, profile.pen

    def scaled(pair: tuple[float, float], share: float) -> tuple[float, float]:
        return pair[0] * share, pair[1] * share

    slower = replace(
        machine,
        max_speed_mm_s=scaled(machine.max_speed_mm_s, drive.speed),
        max_acceleration_mm_s2=scaled(machine.max_acceleration_mm_s2, drive.acceleration),
        joint_max_speed=machine.joint_max_speed and scaled(machine.joint_max_speed, drive.speed),
        joint_max_acceleration=machine.joint_max_acceleration
        and scaled(machine.joint_max_acceleration, drive.acceleration),
        junction_deviation_mm=max(
            machine.junction_deviation_mm * tolerances.corner_share, _LEAST_JUNCTION_MM
        ),
    )
    draw_speed = pen.draw_speed_mm_s * drive.draw_speed
    bound = pen.draw_acceleration_mm_s2
    gentler = replace(
        pen,
        draw_speed_mm_s=min(max(draw_speed, _LEAST_SPEED_MM_S), _MOST_DRAW_SPEED_MM_S),
        # The ink model goes by the speed at which the pen was measured, not by the one it is driven at.
        reference_speed_mm_s=pen.reference_speed_mm_s or pen.draw_speed_mm_s,
        draw_acceleration_mm_s2=None if bound is None else bound * drive.acceleration,
    )
    return replace(profile, machine=slower, pen=gentler), tolerances
