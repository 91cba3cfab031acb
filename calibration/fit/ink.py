"""How dark the pen's lines are, what speed does to them, and the blot where it rests.

Symbols:
    D(u)    darkness of a steady line against the solid hatch of the same pen, at the reference speed
    D_0     opacity: darkness that no amount of this ink exceeds, against the hatch
    q       ink on the paper, q = -ln(1 - D / D_0)
    v, v_0  speed of a line, reference speed;  n = exponent

    q(u, v) = q(u, v_0) (v_0 / v)^n                       darkness against speed
    w(u, v) = w(u, v_0) + sqrt(b) (1 / sqrt(v + v_s) - 1 / sqrt(v_0 + v_s))     bleed, v_s = 2 mm/s
    r^2     = r_0^2 + B t                                 blot after a rest of t

A pen whose darkness does not change with speed does not tell D_0: then D_0 is such that its
darkest line has the darkness ``_DARKEST``. Source: J. Kim et al., PRL 107, 264501 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.chart.spec import Chart, MarkKind
from calibration.fit.observe import Rows
from calibration.fit.widths import WidthFit, basis, isotonic
from calibration.measurements import Measurements
from calibration.pen import STILL_MM_S

Floats = NDArray[np.float64]

# Absolute darkness that the darkest line of a pen counts as where nothing tells it: a pen of the shelf.
_DARKEST = 0.95
# The ink of the darkest line must stay finite.
_MOST_DARKNESS = 0.985
_OPACITY = (1.0, 1.4)
_EXPONENT = (0.0, 2.0)
# An exponent below this, or below so many of its deviations, is none.
_LEAST_EXPONENT = 0.05
_SIGMAS = 2.5
# Speeds that tell an exponent: at least so many, over at least this factor.
_LEAST_SPEEDS = 3
_LEAST_FACTOR = 2.0
_SOFT = 0.02
_DARKNESS_SIGMA = 0.01
_ROBUST_ROUNDS = 10
_BISQUARE = 4.685
_MAD = 1.4826
_LEAST_DARKNESS_SPREAD = 0.004


@dataclass(frozen=True, eq=False)
class Ink:
    """Darkness and what changes it.

    Attributes:
        knots: (k,) pressures, commanded. heights: (k,) darkness there against the hatch.
        exponent: n. exponent_sigma: its deviation.
        opacity: D_0.
        bleed_mm2_mm_s: b, or None where one speed alone was drawn.
        blot_mm2_s: B, or None without dots.
    """

    knots: Floats
    heights: Floats
    exponent: float
    exponent_sigma: float
    opacity: float
    bleed_mm2_mm_s: float | None
    blot_mm2_s: float | None

    def darkness(self, u: Floats) -> Floats:
        """Darkness against the hatch at commanded pressures, never falling."""
        return np.asarray(np.interp(u, self.knots, self.heights))


def fit_ink(chart: Chart, measurements: Measurements, rows: Rows, widths: WidthFit, speed_mm_s: float) -> Ink:
    """Fits darkness, speed and blot.

    Args:
        chart: what was drawn.
        measurements: what was measured.
        rows: of all speeds.
        widths: the fitted widths.
        speed_mm_s: reference speed.
    """
    steady = (rows.klass == 0) & (rows.feed_mm_s == speed_mm_s) & (rows.darkness > 0)
    u = widths.level_u(rows.u, rows.xy_mm)
    heights = _curve(widths.knots, u[steady], rows.darkness[steady])
    wedge = np.char.startswith(rows.name, MarkKind.SPEED.value)
    exponent, sigma, opacity = _speed_effect(rows.take(wedge), speed_mm_s)
    darkest = float(heights.max(initial=0.0))
    if exponent == 0.0:
        opacity = darkest / _DARKEST
    opacity = max(opacity, darkest / _MOST_DARKNESS, 1e-3)
    return Ink(
        widths.knots, heights, exponent, sigma, opacity,
        _bleed(rows.take(wedge), u[wedge], widths, speed_mm_s), _blot(chart, measurements),
    )  # fmt: skip


def _curve(knots: Floats, u: Floats, darkness: Floats) -> Floats:
    """Monotone darkness at the knots: robust least squares with straight lines between them."""
    if not len(u):
        return np.full(len(knots), _DARKEST)
    inside = np.clip(u, knots[0], knots[-1])
    at = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    share = (inside - knots[at]) / (knots[at + 1] - knots[at])
    matrix = np.zeros((len(u), len(knots)))
    matrix[np.arange(len(u)), at] = 1 - share
    matrix[np.arange(len(u)), at + 1] += share
    # Knots that no line is near follow their neighbours.
    bend = 0.1 * np.diff(np.eye(len(knots)), 2, axis=0)
    weight = np.ones(len(u))
    heights = np.full(len(knots), float(np.median(darkness)))
    for _ in range(_ROBUST_ROUNDS):
        root = np.sqrt(weight)
        heights = np.linalg.lstsq(
            np.vstack([root[:, None] * matrix, bend, 1e-4 * np.eye(len(knots))]),
            np.concatenate([root * darkness, np.zeros(len(bend)), 1e-4 * heights]),
            rcond=None,
        )[0]
        off = np.abs(darkness - matrix @ heights)
        spread = max(_MAD * float(np.median(off)), _LEAST_DARKNESS_SPREAD)
        weight = (1 - np.clip(off / (_BISQUARE * spread), 0.0, 1.0) ** 2) ** 2
    share_of = matrix.sum(axis=0) + 0.1
    return np.maximum(isotonic(heights, share_of), 0.0)


def _speed_effect(rows: Rows, speed_mm_s: float) -> tuple[float, float, float]:
    """Exponent, its deviation and opacity from the speed wedge; 0, 0, 1 where it does not tell."""
    levels, level = np.unique(rows.u.round(6), return_inverse=True)
    speeds = np.unique(rows.feed_mm_s)
    if len(speeds) < _LEAST_SPEEDS or speeds[-1] < _LEAST_FACTOR * speeds[0]:
        return 0.0, 0.0, 1.0
    log_v = np.log(rows.feed_mm_s / speed_mm_s)

    def off(parameters: Floats) -> Floats:
        n, opacity, q = parameters[0], parameters[1], parameters[2:]
        darkness = opacity * -np.expm1(-np.exp(q[level] - n * log_v))
        return np.asarray((darkness - rows.darkness) / _DARKNESS_SIGMA)

    start = np.array([0.2, 1.05, *np.full(len(levels), 0.5)])
    found = least_squares(
        off, start, loss="soft_l1", f_scale=_SOFT / _DARKNESS_SIGMA,
        bounds=([_EXPONENT[0], _OPACITY[0], *np.full(len(levels), -4.0)],
                [_EXPONENT[1], _OPACITY[1], *np.full(len(levels), 3.0)]),
    )  # fmt: skip
    jacobian = np.asarray(found.jac)
    normal = jacobian.T @ jacobian + 1e-6 * np.eye(len(start))
    spread = max(1.0, float(np.sqrt(2 * found.cost / max(1, len(rows.u) - len(start)))))
    sigma = spread * float(np.sqrt(np.linalg.inv(normal)[0, 0]))
    n = float(found.x[0])
    if n < max(_LEAST_EXPONENT, _SIGMAS * sigma):
        return 0.0, sigma, 1.0
    return n, sigma, float(found.x[1])


def _bleed(rows: Rows, u: Floats, widths: WidthFit, speed_mm_s: float) -> float | None:
    """The bleed b, from how widths of the speed wedge differ from those at the reference speed."""
    if len(np.unique(rows.feed_mm_s)) < 2:
        return None
    more = rows.width_mm - basis(widths.knots, u)[0] @ widths.heights_mm
    lever = (rows.feed_mm_s + STILL_MM_S) ** -0.5 - (speed_mm_s + STILL_MM_S) ** -0.5
    use = np.abs(lever) > 1e-9
    # The median of the slopes, weighted by their levers, shrugs off single odd lines.
    slope = more[use] / lever[use]
    order = np.argsort(slope)
    weight = np.cumsum(np.abs(lever[use])[order])
    root = float(slope[order][int(np.searchsorted(weight, weight[-1] / 2))])
    return max(root, 0.0) ** 2


def _blot(chart: Chart, measurements: Measurements) -> float | None:
    """B: the median slope of r^2 over the rest, over all pairs of dots (H. Theil, 1950)."""
    found = [
        (mark.dwell_s, (line.width_mm / 2) ** 2)
        for mark in chart.of_kind(MarkKind.DWELL)
        if (line := measurements.line(mark.name)) is not None and line.width_mm > 0
    ]
    if len(found) < 3:
        return None
    t, area = np.array(found).T
    i, j = np.triu_indices(len(t), 1)
    apart = np.abs(t[j] - t[i]) > 1e-9
    slopes = ((area[j] - area[i])[apart]) / (t[j] - t[i])[apart]
    return max(float(np.median(slopes)), 0.0)
