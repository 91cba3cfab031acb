"""From a measured pen chart to the pen of a profile.

The steps:
    1. rows of widths from steady lines, landings and ramps                      (``observe.py``)
    2. the curve, told apart from play, lag, tilt, memory and drift, with a band (``widths.py``)
    3. the touch point; its edges sharpen play and lag, so step 2 runs once more (``landing.py``)
    4. darkness, speed, blot                                                     (``ink.py``)
    5. a table that rises strictly, from touch to the last pressure that still widens the line
    6. words for what a person should know; an error where no pen would answer so

The table is in pen values of the tip, in the middle of the sheet: what the tip is told once its play
is taken up and the height of the paper there is added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart, MarkKind
from calibration.errors import FitError
from calibration.fit.ink import Ink, fit_ink
from calibration.fit.landing import Touch, fit_touch
from calibration.fit.observe import LEAST_COVERAGE, Rows, pen_value, reference_speed, rows_of
from calibration.fit.outcome import DECIMALS, PenFit
from calibration.fit.widths import WidthFit, fit_widths, isotonic, rising
from calibration.measurements import Measurements
from calibration.profile import Profile

Floats = NDArray[np.float64]

# Rows of the table, as shares of the way from touch to full: closer where the pen lands.
_ROWS = np.array([0.0, 0.03, 0.08, 0.14, 0.21, 0.29, 0.37, 0.46, 0.55, 0.64, 0.73, 0.82, 0.91, 1.0])
# Rows of the table rise by this or more: a little above what a pen model takes, for the rounding.
_LEAST_RISE_MM = 3e-4
_SLOPE_DECIMALS = 6
# Pressures and lines that a fit needs.
_LEAST_LEVELS = 3
_LEAST_LINES = 4
# A touch point that leaves less of the chart's range than this leaves nothing to draw with, in pressure.
_LEAST_RANGE = 0.1
# Widths that vary by more than this from line to line, and of which the curve explains less than that share.
_WILD_MM = 0.04
_EXPLAINED = 0.6
_MOST_OUTLIERS = 0.25
# A mark whose samples are outliers in this share is one itself.
_ODD_SHARE = 0.5
# Growth that is left over the last part of the range: less than this share is none.
_SATURATED_SHARE = 0.02
_SATURATED_RANGE = 0.08
# A fall of the width under more pressure that is put into words, mm, and in half widths of the band.
_FALL_MM = 0.02
_FALL_BANDS = 2.0
# Below this growth, mm, a pen counts as one that draws one width.
_CONSTANT_MM = 0.01
# Effects smaller than this many deviations, or than this share of the pen's range, are left out.
_SIGMAS = 2.5
_TILT_SHARE = 0.005
_PLAY_SHARE = 0.004
_LAG_S = 0.002
_DRIFT_MM = 0.01
# Widths of lines of different directions that differ by less are the same.
_LEAN_MM, _LEAN_SHARE, _LEAN_SIGMA_MM = 0.04, 0.06, 0.01
_FINE = 201


def fit_pen(chart: Chart, measurements: Measurements, profile: Profile) -> PenFit:
    """Fits a pen to a measured chart.

    Args:
        chart: what was drawn.
        measurements: what was measured on it.
        profile: with which it was drawn.

    Raises:
        FitError: if the measurements are of another chart or machine, too few, or fit no pen.
    """
    if chart.profile != profile.machine.name:
        raise FitError(
            f"The chart was made for '{chart.profile}', not for '{profile.machine.name}': "
            "name the profile that drew it."
        )
    moving = profile.pen.actuator == "z"
    rows = rows_of(chart, measurements, moving)
    speed = reference_speed(chart)
    rows_fit = rows.take((rows.klass > 0) | (rows.feed_mm_s == speed))
    _require_enough(rows_fit)
    widths = fit_widths(rows_fit, None)
    touch = fit_touch(chart, measurements, widths, moving)
    if touch.half is not None:
        widths = fit_widths(rows_fit, (touch.half, touch.rate, touch.half_sigma))
        touch = fit_touch(chart, measurements, widths)
    _require_sense(rows_fit, widths)
    ink = fit_ink(chart, measurements, rows, widths, speed)
    return _finish(chart, measurements, rows_fit, widths, touch, ink, speed)


def _require_enough(rows: Rows) -> None:
    steady = rows.klass == 0
    levels = len(np.unique(rows.u[steady].round(6)))
    if levels < _LEAST_LEVELS or np.count_nonzero(steady) < _LEAST_LINES:
        raise FitError(
            f"Only {np.count_nonzero(steady)} lines of {levels} pressures left ink: {_LEAST_LINES} lines of "
            f"{_LEAST_LEVELS} pressures are needed. Is the pen dry, or does it hardly touch?"
        )


def _require_sense(rows: Rows, widths: WidthFit) -> None:
    """Raises FitError if the widths do not follow the pen value."""
    steady = rows.klass == 0
    off = widths.flat_mm[steady] - widths.width_mm(widths.tip_u[steady])
    scatter, spread = float(np.std(off)), float(np.std(rows.width_mm[steady]))
    outliers = float(np.mean(~widths.used[steady]))
    if outliers > _MOST_OUTLIERS or (spread > _WILD_MM and scatter**2 > (1 - _EXPLAINED) * spread**2):
        raise FitError(
            f"The widths do not follow the pen value (they scatter by {scatter:.2f} mm about any curve): "
            "is the pen loose, or the picture one of another sheet?"
        )


def _finish(
    chart: Chart,
    measurements: Measurements,
    rows: Rows,
    widths: WidthFit,
    touch: Touch,
    ink: Ink,
    speed_mm_s: float,
) -> PenFit:
    scale = chart.pen_range[2] - chart.pen_range[1]
    words = list(touch.words)
    eta = _sure(max(widths.eta, 0.0), widths.sigma["eta"])
    if eta < _PLAY_SHARE / 2:
        eta = 0.0
    top = float(widths.level_u(rows.u, rows.xy_mm)[rows.klass == 0].max()) - eta
    if top - touch.u < _LEAST_RANGE:
        raise FitError(
            "The pen touches only at the end of the chart's range: lower it in its holder or correct "
            "pen.touch and pen.full, and draw the chart again."
        )
    if touch.dry:
        words.append(f"No ink where the pen surely touched: {', '.join(touch.dry)}. Was it dry?")
    words += _fall_words(chart, widths, touch.u, top, eta)
    top, saturated = _top(widths, touch.u, top, eta)
    if saturated:
        words.append(
            f"Beyond {float(pen_value(chart, top)):.3f} the line grows no wider: that is the new pen.full."
        )
    u = touch.u + _ROWS * (top - touch.u)
    raw, (low, high) = widths.width_mm(u + eta), widths.band_mm(u + eta)
    deviation = np.maximum((high - low) / 4, 1e-4)
    monotone = isotonic(raw, deviation**-2)
    if monotone[-1] - monotone[0] < max(_CONSTANT_MM, _LEAST_RISE_MM * len(u)):
        words.append(
            f"Pressure hardly changes the width of this pen: it draws {np.median(raw):.2f} mm throughout."
        )
        u, low, high = u[[0, -1]], low[[0, -1]], high[[0, -1]]
        monotone = monotone[[0, -1]]
    table = rising(monotone, _LEAST_RISE_MM).round(DECIMALS)
    darkness = ink.darkness(u + eta) if (rows.darkness > 0).any() else None
    tilt = np.array(widths.tilt)
    reach = np.ptp(rows.xy_mm, axis=0)
    tilt = np.array([_sure(v, widths.sigma[key]) for v, key in zip(tilt, "ab", strict=True)])
    tilt = np.where(np.abs(tilt) * reach > _TILT_SHARE, tilt, 0.0) * scale
    height = _rounded(float(-tilt @ widths.middle_mm), float(tilt[0]), float(tilt[1]))
    if tilt.any():
        words.append(
            f"The paper is not level: over the chart the pen value of its surface changes by "
            f"{float(np.abs(tilt * reach).sum()):.3f}."
        )
    drift = widths.drift_mm_per_m
    grown = drift * float(np.ptp(rows.drawn_m))
    if abs(grown) > max(_DRIFT_MM, _SIGMAS * widths.sigma["d"] * float(np.ptp(rows.drawn_m))):
        words.append(
            f"While the chart was drawn the lines became {abs(grown):.3f} mm "
            f"{'wider' if grown > 0 else 'thinner'}."
        )
    words += _lean_words(chart, measurements)
    lag = max(widths.tau_s, 0.0)
    outliers = _outliers(rows, widths)
    if outliers:
        words.append(f"Left out, since they do not fit the others: {', '.join(outliers)}.")
    return PenFit(
        touch=float(pen_value(chart, touch.u)),
        touch_sigma=touch.sigma * abs(scale),
        full=float(pen_value(chart, top)),
        values=pen_value(chart, u).round(DECIMALS),
        widths_mm=table,
        low_mm=np.minimum(low, table),
        high_mm=np.maximum(high, table),
        darkness=darkness,
        opacity=ink.opacity,
        play=2 * eta * abs(scale),
        lag_s=lag if lag > max(_SIGMAS * widths.sigma["tau"], _LAG_S) else 0.0,
        darkness_speed_exponent=ink.exponent,
        reference_speed_mm_s=speed_mm_s,
        bleed_mm2_mm_s=ink.bleed_mm2_mm_s,
        blot_mm2_s=ink.blot_mm2_s,
        drift_mm_per_m=drift,
        height=height,
        residual_mm=widths.spread_mm,
        data_values=pen_value(chart, widths.tip_u - eta),
        data_widths_mm=widths.flat_mm,
        data_darkness=rows.darkness,
        data_steady=rows.klass == 0,
        data_used=widths.used,
        data_names=rows.name,
        outliers=(*outliers, *touch.dry),
        words=tuple(words),
    )


def _sure(value: float, sigma: float) -> float:
    """A measured effect drawn towards 0 by its doubt: none that is smaller than its deviation.

    The estimate of least squared error where effects are mostly small (the positive part of W. James
    and C. Stein's, 1961): leaving out what is not significant would err by as much as that.
    """
    return value * max(0.0, 1.0 - (sigma / value) ** 2) if value else 0.0


def _top(widths: WidthFit, low_u: float, high_u: float, eta: float) -> tuple[float, bool]:
    """The pressure up to which lines grow, and whether it is less than all that was drawn."""
    u = np.linspace(low_u, high_u, _FINE)
    height = isotonic(widths.width_mm(u + eta))
    growth = height[-1] - height[0]
    if growth < _CONSTANT_MM:
        return high_u, False
    reached = int(np.argmax(height >= height[-1] - _SATURATED_SHARE * growth))
    if 1 - reached / (_FINE - 1) < _SATURATED_RANGE:
        return high_u, False
    return float(u[reached]), True


def _fall_words(chart: Chart, widths: WidthFit, low_u: float, high_u: float, eta: float) -> list[str]:
    """A sentence where more pressure makes thinner lines."""
    u = np.linspace(low_u, high_u, _FINE)
    height = widths.width_mm(u + eta)
    low, high = widths.band_mm(u + eta)
    fall = np.maximum.accumulate(height) - height
    worst = int(np.argmax(fall))
    if fall[worst] < max(_FALL_MM, _FALL_BANDS * float((high - low)[worst]) / 2):
        return []
    return [
        f"At {float(pen_value(chart, u[worst])):.3f} the line is {fall[worst]:.3f} mm thinner than under "
        "less pressure: the curve is levelled there. Does the pen slip or run dry?"
    ]


def _lean_words(chart: Chart, measurements: Measurements) -> list[str]:
    """A sentence where lines of one pen value differ with their direction."""
    found = []
    for mark in chart.of_kind(MarkKind.DIRECTION):
        line = measurements.line(mark.name)
        if line is not None and line.coverage >= LEAST_COVERAGE and line.width_mm > 0:
            way = mark.xy_mm[-1] - mark.xy_mm[0]
            degrees = round(float(np.degrees(np.arctan2(way[1], way[0])))) % 180
            found.append((line.width_mm, max(line.width_sigma_mm, _LEAN_SIGMA_MM), degrees))
    if len(found) < 2:
        return []
    thin, wide = min(found), max(found)
    more = wide[0] - thin[0]
    if more < max(_LEAN_MM, _LEAN_SHARE * thin[0], _SIGMAS * float(np.hypot(wide[1], thin[1]))):
        return []
    return [
        f"Lines towards {wide[2]} degrees are {more:.2f} mm wider than towards {thin[2]}: the pen leans or "
        "its tip is not round. The profile holds for lines along x."
    ]


def _outliers(rows: Rows, widths: WidthFit) -> tuple[str, ...]:
    """Steady lines that do not fit, and moving marks of which most samples do not."""
    names = []
    for name in dict.fromkeys(rows.name.tolist()):
        mine = rows.name == name
        share = float(np.mean(~widths.used[mine]))
        if share > _ODD_SHARE:
            names.append(name)
    return tuple(names)


def _rounded(level: float, along_x: float, along_y: float) -> tuple[float, float, float]:
    """A height whose slopes are good to a thousandth of a pen unit over a metre."""
    # Adding 0 makes a plain zero of a negative one.
    return (
        round(level, DECIMALS) + 0.0,
        round(along_x, _SLOPE_DECIMALS) + 0.0,
        round(along_y, _SLOPE_DECIMALS) + 0.0,
    )
