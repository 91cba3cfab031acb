"""Where the pen touches: from lines on which it lands and leaves, and from steady lines that left ink.

Nouns:
    edge      the place along a landing where the ink begins or ends, and the commanded pressure there
    touch     T, pressure at which the tip touches; a steady line leaves ink if u - eta >= T

On the way down the tip follows late by play and lag, on the way up too, so that

    edge down = T + eta + tau r,    edge up = T - eta - tau r,    r = |du/dt| of the landing

and T is their mean, whatever play and lag are. The windows of a landing are short but not
infinitely so: the ink of the few about the edge, over that of the next, says where in its window
the edge is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart, Mark, MarkKind
from calibration.errors import FitError
from calibration.fit.observe import LEAST_COVERAGE, STEADY, along, pressure
from calibration.fit.widths import WidthFit
from calibration.measurements import LineMeasurement, Measurements

Floats = NDArray[np.float64]

# Windows about the edge over which its ink is summed, and windows after it that say how much a full one has.
_NEAR = 3
_AFTER = 4
# An edge this close to an end of the landing, in windows, is none: the pen touched all along, or never.
_END_WINDOWS = 3
# What an edge is off by, in mm along the landing (half a window), and the least deviation of T, in pressure.
_EDGE_MM = 0.25
_LEAST_SIGMA = 0.002
# Disagreement of landings and steady lines about T that is put into words, in pressure.
_DISAGREE = 0.05


@dataclass(frozen=True)
class Touch:
    """The touch point, in pressure of the chart, in the middle of the sheet.

    Attributes:
        u: T. sigma: its standard deviation.
        half: half the distance of the edges down and up: eta + tau r; None if only one way was seen.
        rate: r.
        half_sigma: deviation of ``half``.
        words: what is odd about it.
        dry: steady lines that should have left ink and did not.
    """

    u: float
    sigma: float
    half: float | None
    rate: float
    half_sigma: float
    words: tuple[str, ...]
    dry: tuple[str, ...]


def fit_touch(chart: Chart, measurements: Measurements, widths: WidthFit, moving: bool = True) -> Touch:
    """Finds the touch point.

    Args:
        chart: what was drawn.
        measurements: what was measured.
        widths: the curve, for tilt and play.
        moving: whether the pen value can change along a mark, so that landings tell something.

    Raises:
        FitError: if neither landings nor lines show it.
    """
    down, up, rate = _edges(chart, measurements, widths) if moving else ([], [], 0.0)
    low, high, dry = _bracket(chart, measurements, widths)
    words: list[str] = []
    half: float | None = None
    deviation = max(_LEAST_SIGMA, _EDGE_MM * rate / max(_speed(chart), 1e-9))
    if down and up:
        first, second = float(np.median(down)), float(np.median(up))
        u, half = (first + second) / 2, (first - second) / 2
        sigma = deviation / np.sqrt(len(down) + len(up))
    elif down or up:
        sign = 1.0 if down else -1.0
        u = float(np.median(down or up)) - sign * (widths.eta + widths.tau_s * rate)
        sigma = float(np.hypot(deviation, widths.sigma["eta"]))
        words.append("The pen was seen to touch on its way one way only: its play is less sure.")
    elif low is not None and high is not None:
        u, sigma = (low + high) / 2, (high - low) / 2
        words.append("No landing shows the touch point: it was taken from the lines that left ink.")
    elif high is not None and high < 0.5:
        u, sigma = high, abs(high) / 2 + 0.1
        words.append(
            "Every measured line left ink, so the lightest of them counts as the touch point, though the pen "
            "may touch earlier: measure lighter ones, or move the pen up in its holder and draw again."
        )
    else:
        raise FitError(
            "Nothing on the chart shows where the pen touches: correct pen.touch and draw the chart again."
        )
    if (down or up) and low is not None and high is not None and not low - _DISAGREE <= u <= high + _DISAGREE:
        words.append(
            "The landings and the lines that left ink disagree about the touch point by "
            f"{max(low - u, u - high) * abs(chart.pen_range[2] - chart.pen_range[1]):.2f}: "
            "does the pen slip in its holder?"
        )
    return Touch(
        u, float(sigma), half, rate, float(deviation / np.sqrt(max(1, min(len(down), len(up))))),
        tuple(words), tuple(dry),
    )  # fmt: skip


def _edges(
    chart: Chart, measurements: Measurements, widths: WidthFit
) -> tuple[list[float], list[float], float]:
    """Pressures at the edges on the way down and up, and the rate of pressure of the landings."""
    down: list[float] = []
    up: list[float] = []
    rates = []
    for mark in chart.of_kind(MarkKind.LANDING):
        line = measurements.line(mark.name)
        ends, u = along(chart, mark)
        rates.append(abs(u[-1] - u[0]) / ends[-1] * mark.feed_mm_s)
        place = None if line is None else _edge_mm(line, bool(u[-1] > u[0]))
        if place is not None:
            xy = np.array([np.interp(place, ends, mark.xy_mm[:, k]) for k in (0, 1)])
            pressed = float(widths.level_u(np.array([np.interp(place, ends, u)]), xy[None])[0])
            (down if u[-1] > u[0] else up).append(pressed)
    return down, up, float(np.median(rates)) if rates else 0.0


def _edge_mm(line: LineMeasurement, landing: bool) -> float | None:
    """Arc length of the edge of the ink along a landing, or None if there is none."""
    if len(line.samples) < 2 * _END_WINDOWS + _AFTER + 1:
        return None
    s, width, darkness = np.array([(p.s_mm, p.width_mm, p.darkness) for p in line.samples]).T
    if not landing:
        s, width, darkness = -s[::-1], width[::-1], darkness[::-1]
    ink = (width > 0).astype(float)
    # The cut with the fewest windows on its wrong side: ink before it, or none after it.
    wrong = np.concatenate([[0.0], np.cumsum(ink)]) + np.concatenate(
        [np.cumsum((1 - ink)[::-1])[::-1], [0.0]]
    )
    cut = int(np.argmin(wrong))
    if not _END_WINDOWS <= cut <= len(s) - _AFTER - _END_WINDOWS:
        return None
    window = float(np.median(np.diff(s)))
    mass = width * darkness
    full = float(np.median(mass[cut + 1 : cut + 1 + _AFTER]))
    inked = float(np.clip(mass[max(cut - _NEAR, 0) : cut + 1], 0.0, full).sum()) / max(full, 1e-12)
    edge = s[cut] + window / 2 - inked * window
    return float(edge if landing else -edge)


def _bracket(
    chart: Chart, measurements: Measurements, widths: WidthFit
) -> tuple[float | None, float | None, list[str]]:
    """Greatest pressure without ink and least with ink of the steady lines, and lines that were dry."""
    with_ink, without = [], []
    for mark in chart.of_kind(*STEADY):
        line = measurements.line(mark.name)
        if line is None:
            continue
        u = float(_level(chart, widths, mark) - widths.eta)
        if line.coverage >= LEAST_COVERAGE and line.width_mm > 0:
            with_ink.append(u)
        elif line.coverage < 1 - LEAST_COVERAGE:
            without.append((u, mark.name))
    if not with_ink:
        return (max(u for u, _ in without) if without else None), None, []
    # One line that left ink by chance must not call all lines without ink dry: the second lightest counts.
    high = sorted(with_ink)[min(1, len(with_ink) - 1)]
    dry = [name for u, name in without if u > high + _DISAGREE]
    clear = [u for u, name in without if name not in dry]
    return (max(clear) if clear else None), min(with_ink), dry


def _level(chart: Chart, widths: WidthFit, mark: Mark) -> float:
    u = pressure(chart, mark.pen[:1])
    return float(widths.level_u(u, mark.xy_mm.mean(axis=0)[None])[0])


def _speed(chart: Chart) -> float:
    marks = chart.of_kind(MarkKind.LANDING)
    return float(np.median([mark.feed_mm_s for mark in marks])) if marks else 0.0
