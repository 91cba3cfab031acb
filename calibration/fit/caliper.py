"""Widths that a person read with a caliper or a loupe, in place of a scan.

A short ladder will do: some lines of the pressure wedge, each by its name on the chart, 0 for one that
left no ink. Darkness is not read: the fit keeps that of the profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from calibration.chart.spec import Chart
from calibration.errors import MeasureError
from calibration.fit.observe import STEADY
from calibration.measurements import Line, Measurements

# What a person reads off a scale of tenths with a loupe.
READING_MM = 0.03
_WIDEST_MM = 50.0


def from_caliper(chart: Chart, widths: Mapping[str, float]) -> Measurements:
    """Measurements of widths that were typed in.

    Args:
        chart: what was drawn.
        widths: name of a line on it -> its width in mm, 0 where it left no ink.

    Raises:
        MeasureError: if a name is not that of a line, or a width impossible.
    """
    names = {mark.name for mark in chart.of_kind(*STEADY)}
    lines = []
    for name, width in widths.items():
        if name not in names:
            raise MeasureError(
                f"The chart has no line '{name}': use a name such as {min(names, default='')}."
            )
        if not (math.isfinite(width) and 0 <= width <= _WIDEST_MM):
            raise MeasureError(f"A width of {width:g} mm for {name} is impossible: give it in mm.")
        ink = 1.0 if width > 0 else 0.0
        lines.append(Line(name, float(width), READING_MM if ink else 0.0, 0.0, 0.0, ink))
    return Measurements(chart.checksum, "caliper", 0.0, 0.0, 0.0, tuple(lines))
