"""What a sheet says about the pen, as rows of numbers.

Nouns:
    pressure   u = (pen value - touch) / (full - touch) of the CHART, as commanded
    steady     a line of one pen value
    moving     a sample of a landing or a ramp, whose pen value changes on the way
    class      marks that share an offset of their own: 0 is all steady lines, each moving mark has one

Widths that a person read with a caliper or a loupe, in place of a scan.

A short ladder will do: some lines of the pressure wedge, each by its name on the chart, 0 for one that
left no ink. Darkness is not read: the fit keeps that of the profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart, Mark, MarkKind
from calibration.errors import FitError, MeasureError
from calibration.measurements import LineMeasurement, Measurements

Floats = NDArray[np.float64]

STEADY = (
    MarkKind.PRESSURE_UP, MarkKind.PRESSURE_DOWN, MarkKind.PRESSURE_RANDOM, MarkKind.DRIFT, MarkKind.SPEED
)  # fmt: skip
# A line that shows ink over less of its length is no line.
LEAST_COVERAGE = 0.5
# What a reading of a width is off by at best, mm, and as a share of the width.
_FLOOR_MM = 0.003
_FLOOR_SHARE = 0.01
# Of a ramp, this much to either side of its turn is left out, and of a landing its beginning: there the
# play is being taken up.
_TURN_MM = 5.0
_BEGIN_MM = 3.0
# Samples along a mark lie so close that neighbours are not independent; all samples of a mark together
# count as much as so many lines.
_LINES_A_MARK = 8.0
_MM_PER_M = 1000.0


@dataclass(frozen=True, eq=False)
class Rows:
    """Widths and what belongs to them, one row each.

    Attributes:
        name: (n,) of the marks.
        width_mm: (n,). sigma_mm: (n,) how far to trust it.
        darkness: (n,).
        u: (n,) pressure as commanded.
        xy_mm: (n, 2) place.
        drawn_m: (n,) length drawn before, m.
        order: (n,) 1 where a smaller pressure came before, -1 where a greater one did, else 0.
        rate: (n,) du/dt, 1/s; 0 for steady lines.
        klass: (n,) class.
        feed_mm_s: (n,).
    """

    name: NDArray[np.str_]
    width_mm: Floats
    sigma_mm: Floats
    darkness: Floats
    u: Floats
    xy_mm: Floats
    drawn_m: Floats
    order: Floats
    rate: Floats
    klass: NDArray[np.int64]
    feed_mm_s: Floats

    def take(self, which: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(**{key: getattr(self, key)[which] for key in self.__dataclass_fields__})


def pressure(chart: Chart, value: Floats | float) -> Floats:
    """Pressure u of pen values, as the chart counts it."""
    _, touch, full = chart.pen_range
    return np.asarray((np.asarray(value, dtype=np.float64) - touch) / (full - touch))


def pen_value(chart: Chart, u: Floats | float) -> Floats:
    """Pen values of pressures u, the inverse of ``pressure``."""
    _, touch, full = chart.pen_range
    return np.asarray(touch + np.asarray(u, dtype=np.float64) * (full - touch))


def reference_speed(chart: Chart) -> float:
    """The speed of all lines but those of the speed wedge, mm/s.

    Raises:
        FitError: if the chart has no pressure wedge.
    """
    marks = chart.of_kind(*STEADY[:3])
    if not marks:
        raise FitError("The chart has no pressure wedge: fit the pen from a pen chart.")
    return float(np.median([mark.feed_mm_s for mark in marks]))


def rows_of(chart: Chart, measurements: Measurements, moving: bool = True) -> Rows:
    """All steady lines with ink, and all samples with ink of the moving marks.

    Args:
        chart: what was drawn.
        measurements: what was measured.
        moving: whether the pen value can change along a mark; a servo's cannot.

    Raises:
        FitError: if the measurements are of another chart.
    """
    if measurements.chart != chart.checksum:
        raise FitError("The measurements are of another chart: give the chart that was drawn.")
    drawn = _drawn_before(chart)
    found = []
    classes = 0
    for mark in chart.marks:
        line = measurements.line(mark.name)
        if line is None:
            continue
        if mark.kind in STEADY:
            if line.coverage >= LEAST_COVERAGE and line.width_mm > 0:
                found.append(_steady(chart, mark, line, drawn[mark.name]))
        elif moving and mark.kind in (MarkKind.LANDING, MarkKind.RAMP) and line.samples:
            classes += 1
            found += _moving(chart, mark, line, drawn[mark.name], classes)
    return _table(found)


def _drawn_before(chart: Chart) -> dict[str, float]:
    before, total = {}, 0.0
    for mark in chart.marks:
        before[mark.name] = total / _MM_PER_M
        total += mark.length_mm
    return before


def _steady(chart: Chart, mark: Mark, line: LineMeasurement, drawn_m: float) -> tuple[object, ...]:
    sigma = float(np.hypot(max(line.width_sigma_mm, _FLOOR_MM), _FLOOR_SHARE * line.width_mm))
    order = {MarkKind.PRESSURE_UP: 1.0, MarkKind.PRESSURE_DOWN: -1.0}.get(mark.kind, 0.0)
    x, y = mark.xy_mm.mean(axis=0).tolist()
    u = float(pressure(chart, float(mark.pen[0])))
    return (mark.name, line.width_mm, sigma, line.darkness, u, x, y, drawn_m, order, 0.0, 0, mark.feed_mm_s)


def _moving(
    chart: Chart, mark: Mark, line: LineMeasurement, drawn_m: float, klass: int
) -> list[tuple[object, ...]]:
    s, width, darkness = np.array([(p.s_mm, p.width_mm, p.darkness) for p in line.samples]).T
    ends, u_ends = along(chart, mark)
    u = np.interp(s, ends, u_ends)
    x, y = (np.interp(s, ends, mark.xy_mm[:, k]) for k in (0, 1))
    keep = (width > 0) & (s > _BEGIN_MM) & (s < mark.length_mm - _BEGIN_MM)
    if mark.kind is MarkKind.RAMP:
        keep &= np.abs(s - ends[int(np.argmax(u_ends))]) > _TURN_MM
    at = np.clip(np.searchsorted(ends, s) - 1, 0, len(ends) - 2)
    rate = (np.diff(u_ends) / np.diff(ends))[at] * mark.feed_mm_s
    share = np.sqrt(max(1.0, np.count_nonzero(keep) / _LINES_A_MARK))
    sigma = np.hypot(_FLOOR_MM, _FLOOR_SHARE * width) * share
    columns = (width, sigma, darkness, u, x, y)
    return [
        (mark.name, *values, drawn_m, 0.0, float(r), klass, mark.feed_mm_s)
        for values, r in zip(np.column_stack(columns)[keep].tolist(), rate[keep], strict=True)
    ]


def along(chart: Chart, mark: Mark) -> tuple[Floats, Floats]:
    """Arc lengths of a mark's points (K,), mm, and pressures there (K,)."""
    steps = np.linalg.norm(np.diff(mark.xy_mm, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)]), pressure(chart, mark.pen)


def _table(found: list[tuple[object, ...]]) -> Rows:
    if not found:
        raise FitError("No line of the chart left ink: check the touch point of the profile and the pen.")
    name, *columns = zip(*found, strict=True)
    width, sigma, darkness, u, x, y, drawn, order, rate, klass, feed = (
        np.array(column, dtype=np.float64) for column in columns
    )
    return Rows(
        np.array(name), width, sigma, darkness, u, np.column_stack([x, y]), drawn, order, rate,
        klass.astype(np.int64), feed,
    )  # fmt: skip


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
        lines.append(LineMeasurement(name, float(width), READING_MM if ink else 0.0, 0.0, 0.0, ink))
    return Measurements(chart.checksum, "caliper", 0.0, 0.0, 0.0, tuple(lines))
