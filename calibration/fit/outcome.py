"""What a fit of a pen says, and the profile that it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from calibration.errors import FitError, ProfileError
from calibration.profile import Profile

Floats = NDArray[np.float64]

# Digits of what is written into a profile: pen values travel with three.
DECIMALS = 4


@dataclass(frozen=True, eq=False)
class PenFit:
    """What a pen does, as measured, with everything that a plot needs.

    Attributes:
        touch: pen value. touch_sigma: its deviation, pen units. full: pen value.
        values: (n,) pen values of the table. widths_mm: (n,). low_mm, high_mm: (n,) 95 % band.
        darkness: (n,) against the solid hatch of the same pen; None where it was not measured.
        opacity: darkness that no amount of the ink exceeds, against the hatch.
        play: dead band of the pen axis, pen units. lag_s: lag.
        darkness_speed_exponent: n. reference_speed_mm_s: speed of the table.
        bleed_mm2_mm_s: growth of slow lines, see ``ink.py``; None where it was not seen.
        blot_mm2_s: growth of r^2 at rest; None without dots.
        drift_mm_per_m: growth of the width for each metre drawn.
        height: (h, h_x, h_y), pen value of the paper's surface over the sheet, h + h_x x + h_y y.
        residual_mm: standard deviation of the lines about the curve.
        data_values: (m,) pen values of the measured points, freed of play, tilt and lag.
        data_widths_mm: (m,) their widths, freed of drift. data_steady: (m,) lines, not samples of ramps.
        data_used: (m,) False for outliers. data_darkness: (m,). data_names: (m,) their marks.
        outliers: marks that were left out.
        words: what a person should know, one sentence each.
    """

    touch: float
    touch_sigma: float
    full: float
    values: Floats
    widths_mm: Floats
    low_mm: Floats
    high_mm: Floats
    darkness: Floats | None
    opacity: float
    play: float
    lag_s: float
    darkness_speed_exponent: float
    reference_speed_mm_s: float
    bleed_mm2_mm_s: float | None
    blot_mm2_s: float | None
    drift_mm_per_m: float
    height: tuple[float, float, float]
    residual_mm: float
    data_values: Floats
    data_widths_mm: Floats
    data_darkness: Floats
    data_steady: NDArray[np.bool_]
    data_used: NDArray[np.bool_]
    data_names: NDArray[np.str_]
    outliers: tuple[str, ...]
    words: tuple[str, ...]

    def apply(self, profile: Profile, today: date) -> Profile:
        """The profile with this pen.

        Raises:
            FitError: if pen and machine then contradict each other.
        """
        # A servo keeps one value a stroke and comes to it from above: its table says what it then draws.
        steps = profile.pen.actuator == "servo"
        way = math.copysign(1.0, self.full - self.touch)
        values = (self.values + (way * self.play / 2 if steps else 0.0)).round(DECIMALS)
        darkness = self._darkness_in(profile)
        try:
            pen = replace(
                profile.pen,
                touch=float(values[0]),
                full=float(values[-1]),
                values=tuple(values.tolist()),
                widths_mm=tuple(self.widths_mm.tolist()),
                darkness=tuple(np.maximum.accumulate(darkness).round(DECIMALS).tolist()),
                lag_s=0.0 if steps else round(self.lag_s, DECIMALS),
                play=0.0 if steps else round(self.play, DECIMALS),
                darkness_speed_exponent=self._exponent_in(profile),
                bleed_mm2_mm_s=_or_old(self.bleed_mm2_mm_s, profile.pen.bleed_mm2_mm_s),
                blot_mm2_s=_or_old(self.blot_mm2_s, profile.pen.blot_mm2_s),
                reference_speed_mm_s=round(self.reference_speed_mm_s, DECIMALS),
                calibrated=today,
                residual_mm=round(self.residual_mm, DECIMALS),
            )
            return replace(profile, pen=pen, paper=replace(profile.paper, height=self.height))
        except ProfileError as cause:
            raise FitError(f"The measured pen does not fit the profile: {cause}") from cause

    def _exponent_in(self, profile: Profile) -> float:
        if self.darkness is None:
            return profile.pen.darkness_speed_exponent
        return round(self.darkness_speed_exponent, DECIMALS)

    def _darkness_in(self, profile: Profile) -> Floats:
        """Darkness of the table's rows; where it was not measured, that of the profile at such pressures."""
        if self.darkness is not None:
            return np.asarray(np.clip(self.darkness / self.opacity, 0.0, 1.0))
        share = (self.values - self.values[0]) / (self.values[-1] - self.values[0])
        old = profile.pen
        return old.drawn_darkness(old.touch + share * (old.full - old.touch))


def _or_old(measured: float | None, old: float) -> float:
    return old if measured is None else round(measured, DECIMALS)
