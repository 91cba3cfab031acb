"""Measures the marks of a chart in a scan or a photo, or refuses the picture with the reason.

The steps:
    1. The fiducials say where the sheet is (``find.py``, ``view.py``); a picture that is mirrored,
       cropped, blurred, too coarse or of another chart is refused here.
    2. The wide lines of the chart say how blurred the picture is.
    3. Each mark is measured across its plan in windows along it (``lines.py``); medians over the
       windows, the ends left out, are its measures. Ramps and landings keep their windows.
    4. Widths on a flatbed's scan are counted in its own resolution; darkness is divided by that of the
       solid hatch.
    5. If ink is missing where the chart has lines that any pen draws, it is the wrong chart.

What is no ink of the chart must not be measured as such. Where the paper beside a line is not even (a speck,
the edge of a shadow, a rule of the paper) the window counts for nothing; where that is so in many places
where nothing is drawn, the paper is squared, ruled or dotted, and the picture is refused. So is one that is
overexposed: where the paper is as white as a file can say, nobody knows how much brighter it was, and edges
lie further in than they seem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart, Mark, MarkKind
from calibration.errors import MeasureError
from calibration.measurements import LineMeasurement, Measurements, Point, Sample
from calibration.scan.crosses import cross_offsets
from calibration.scan.find import find_fiducials, sample
from calibration.scan.lines import (
    LEAST_DARKNESS,
    WIDE_SIGMAS,
    Bars,
    fit_bars,
    fit_sigma,
    profiles,
    stray_darkness,
)
from calibration.scan.picture import MM_PER_INCH, Picture
from calibration.scan.view import LEAST_FIDUCIALS, MOST_GROWTH_MM, View, fit_view

Floats = NDArray[np.float64]

# What a picture must have: resolution, sharpness, fit of the fiducials.
_LEAST_PX_PER_MM = 5.5
_MOST_BLUR_MM = 0.14
_MOST_RESIDUAL_MM = 0.25
# A stated resolution that differs by less than this share from the seen one is a flatbed's.
_SCAN_SHARE = 0.03
# Reach across a line beyond the pen's widest one as planned, mm.
_REACH_MM = 1.0
# Windows along lines, and along marks whose pen value changes.
_WINDOW_MM = 1.5
_FINE_WINDOW_MM = 0.5
# The ends of a line, where the pen lands, speeds up, slows down and lifts.
_END_MM = 3.0
# Of the lines that any pen draws, so many must be there.
_PRESENT_SHARE = 0.7
# Lines of these kinds are drawn well below the touch point.
_SURE = (MarkKind.DRIFT, MarkKind.RULER, MarkKind.DIRECTION, MarkKind.RAMP, MarkKind.GRID)
_STRAIGHT = (
    MarkKind.PRESSURE_UP, MarkKind.PRESSURE_DOWN, MarkKind.PRESSURE_RANDOM, MarkKind.SPEED,
    MarkKind.DRIFT, MarkKind.DIRECTION, MarkKind.RULER,
)  # fmt: skip
_FINE = (MarkKind.LANDING, MarkKind.RAMP)
# Crosses: the part of an arm that shows the arm alone, from its corner.
_ARM_MM = (1.6, 3.6)
_DOT_REACH_MM = 2.2
_MAD = 1.4826
# Lines that stand in rows. What lies beside one is ink of something else from so many times its noise on,
# and from what counts as ink on; what lies beyond its ends, so many mm from them, where nothing is drawn,
# shows more.
_ROWS = (*_STRAIGHT[:5], *_FINE)
_STRAY_NOISE = 6.0
_BEYOND_DARKNESS = 0.04
_BEYOND_MM = (1.25, 2.75)
# Paper on which there is something in more of these places than this is not blank.
_MOST_BEYOND = 0.15
# Paper of which so much is white is overexposed, and so many lines may lie on such paper.
_WHITE_SHARE, _MOST_WHITE = 0.9, 0.1
_WHITE_PLACES = 24
# Paper darker than this, white being 1, has too few steps in a file of 8 bits.
_LEAST_LIGHT = 0.04
# Paper of which so much is white is overexposed, and so many lines may lie on such paper.
_WHITE_SHARE, _MOST_WHITE = 0.9, 0.1


@dataclass(frozen=True, eq=False)
class Reading:
    """What was measured, and where.

    Attributes:
        measurements: the measures.
        view: where the paper is in the picture.
        hatch_darkness: absolute darkness of the solid hatch, or 1 where the chart has none.
    """

    measurements: Measurements
    view: View
    hatch_darkness: float


def measure(picture: Picture, chart: Chart, source: str = "auto") -> Reading:
    """Measures a chart.

    Args:
        picture: scan or photo of the whole sheet.
        chart: what was drawn.
        source: ``scan`` (flatbed; its resolution is the measure of the geometry chart), ``photo``, or
            ``auto`` to tell by the resolution that the file states.

    Raises:
        MeasureError: if the picture cannot be used; says why.
    """
    grey = picture.grey
    view, blur_px, is_scan, flatbed_px_per_mm = _look(picture, chart, source)
    widest = _widest_mm(chart)
    _require_exposure(picture, view, chart, widest)
    sigma = blur_px / view.px_per_mm
    sigma = _blur(grey, view, chart, widest, sigma)
    if sigma > _MOST_BLUR_MM:
        raise MeasureError(
            f"The picture is blurred ({sigma:.2f} mm): hold the camera still, nearer, and focus on the sheet."
        )
    bars = {
        mark.name: _bars(grey, view, mark, widest, sigma, None)
        for mark in chart.marks
        if mark.kind in _STRAIGHT + _FINE
    }
    clean = _clean(grey, view, chart, widest, bars)
    trend = _darkness_trend([b for b in bars.values()], sigma)
    bars = {
        name: fit if (fit.width_mm >= WIDE_SIGMAS * sigma).all() else _bars(
            grey, view, chart.mark(name), widest, sigma, trend
        )
        for name, fit in bars.items()
    }  # fmt: skip
    if flatbed_px_per_mm is not None:
        bars = {
            name: replace(fit, width_mm=fit.width_mm * _across(view, chart.mark(name)) / flatbed_px_per_mm)
            for name, fit in bars.items()
        }
    hatch = _hatch_darkness(grey, view, chart)
    lines = [
        _line(chart.mark(name), fit.take(clean[name]), hatch)
        for name, fit in bars.items()
        if clean[name].any()
    ]
    lines += [_dot(grey, view, mark, hatch) for mark in chart.of_kind(MarkKind.DWELL)]
    points, arms = _crosses(grey, view, chart, widest, sigma)
    _require_this_chart(chart, lines, arms)
    source = "scan" if is_scan else "photo"
    measured = Measurements(
        chart.checksum, source, view.px_per_mm, sigma, view.residual_mm, tuple(lines), tuple(points),
        picture.virtual,
    )  # fmt: skip
    return Reading(measured, view, hatch)


def _look(picture: Picture, chart: Chart, source: str) -> tuple[View, float, bool, float | None]:
    """The view, the blur of its edges in px, whether it is a flatbed's, and the resolution of that one."""
    grey = picture.grey
    sightings = find_fiducials(grey)
    mirrored = [s for s in sightings if s.mirrored]
    if len(mirrored) > len(sightings) / 2:
        raise MeasureError("The picture is mirrored: turn off mirroring in the camera or scanner program.")
    planned = {figure.number for figure in chart.fiducials}
    seen = {s.number for s in sightings if not s.mirrored}
    if len(seen & planned) < LEAST_FIDUCIALS:
        if not seen:
            raise MeasureError(
                "No fiducial of a chart is in the picture: is it a picture of the whole chart, flat, "
                "evenly lit and sharp?"
            )
        if len(seen - planned) > len(seen & planned):
            raise MeasureError("The fiducials are those of another chart: give the file of this one.")
        raise MeasureError(
            f"Only {len(seen & planned)} of the chart's {len(planned)} fiducials are in sight "
            f"({', '.join(map(str, sorted(planned - seen)))} are missing): take the whole sheet."
        )
    view = fit_view(sightings, chart, grey.shape)
    if abs(view.growth_mm) > MOST_GROWTH_MM or view.residual_mm > _MOST_RESIDUAL_MM:
        raise MeasureError(
            "The fiducials do not lie as on this chart (off by "
            f"{max(abs(view.growth_mm), view.residual_mm):.2f} mm): it is another chart, or the paper "
            "is not flat."
        )
    if view.px_per_mm < _LEAST_PX_PER_MM:
        raise MeasureError(
            f"The picture has only {view.px_per_mm * MM_PER_INCH:.0f} dpi on the sheet: scan at 300 dpi or "
            "more, or take the photo from nearer."
        )
    blur = float(np.median([s.edge_sigma_px for s in sightings if s.number in planned]))
    stated = None if picture.dpi is None else picture.dpi / MM_PER_INCH
    flat = stated is not None and abs(stated / view.px_per_mm - 1) < _SCAN_SHARE
    is_scan = flat if source == "auto" else source == "scan"
    if is_scan and chart.of_kind(MarkKind.GRID) and not chart.printed:
        if stated is None:
            raise MeasureError(
                "The scan does not state its resolution: scan to a file that does, such as PNG."
            )
        view = fit_view(sightings, chart, grey.shape, rigid_px_per_mm=stated)
    return view, blur, is_scan, stated if is_scan and flat else None


def _require_exposure(picture: Picture, view: View, chart: Chart, widest: float) -> None:
    """Raises MeasureError if the paper beside the lines is whiter than the file can say, or nearly black."""
    marks = chart.of_kind(*_STRAIGHT, *_FINE, MarkKind.GRID)
    rows, columns = picture.grey.shape
    shares, lights = [], []
    for mark in marks:
        a, b = mark.xy_mm[:2]
        left = np.array([a[1] - b[1], b[0] - a[0]]) / np.linalg.norm(b - a)
        along = a + np.linspace(0.1, 0.9, _WHITE_PLACES)[:, None] * (b - a)
        reach = (widest / 2 + _REACH_MM) * np.array([-0.9, -0.8, 0.8, 0.9])
        seen = view.to_picture(along[:, None] + reach[None, :, None] * left).reshape(-1, 2).astype(int)
        inside = (seen >= 0).all(axis=1) & (seen < (columns, rows)).all(axis=1)
        if inside.any():
            y, x = seen[inside, 1], seen[inside, 0]
            lights.append(float(np.median(picture.grey[y, x])))
            shares.append(0.0 if picture.white is None else float(picture.white[y, x].mean()))
    if not shares:
        return
    if np.median(lights) < _LEAST_LIGHT:
        raise MeasureError(
            "The picture is underexposed: the paper is nearly black. Take the photo with more light."
        )
    over = float(np.mean(np.array(shares) > _WHITE_SHARE))
    if over > _MOST_WHITE:
        raise MeasureError(
            f"The picture is overexposed: beside {over:.0%} of the lines the paper is whiter than the file "
            "can say, which makes lines thin. Scan without automatic brightness or contrast, or darker; take "
            "the photo with less exposure."
        )


def _clean(
    grey: NDArray[np.float32], view: View, chart: Chart, widest: float, bars: dict[str, Bars]
) -> dict[str, NDArray[np.bool_]]:
    """For each line the windows (n,) beside which there is nothing but paper.

    Raises:
        MeasureError: if there are too few of them.
    """
    rows = [name for name in bars if chart.mark(name).kind in _ROWS]
    found = {name: np.ones(len(fit.s_mm), dtype=bool) for name, fit in bars.items()}
    beyond: list[bool] = []
    for kinds in (_STRAIGHT, _FINE):
        names = [name for name in rows if chart.mark(name).kind in kinds]
        noise = _STRAY_NOISE * float(np.median([bars[name].stray_noise for name in names] or [0.0]))
        for name in names:
            found[name] = bars[name].stray < max(LEAST_DARKNESS, noise)
            beyond += _beyond(grey, view, chart.mark(name), widest, max(_BEYOND_DARKNESS, noise))
    if beyond and np.mean(beyond) > _MOST_BEYOND:
        raise MeasureError(
            f"The paper is not blank: there is something in {np.mean(beyond):.0%} of the places where "
            "nothing is drawn. Squares, rules, dots and creases would be measured as ink: draw the chart on "
            "plain white paper, and light it evenly."
        )
    return found


def _beyond(grey: NDArray[np.float32], view: View, mark: Mark, widest: float, limit: float) -> list[bool]:
    """Whether there is something beyond either end of a straight line, where nothing is drawn."""
    first, last = mark.xy_mm[0], mark.xy_mm[-1]
    unit = (last - first) / np.linalg.norm(last - first)
    near, far = _BEYOND_MM
    found = []
    for end, away in ((first, -unit), (last, unit)):
        path = np.array([end + near * away, end + far * away])
        _, t, darkness = profiles(grey, view, path, widest / 2 + _REACH_MM, far - near)
        found.append(bool(stray_darkness(t, darkness).max() > limit))
    return found


def _across(view: View, mark: Mark) -> float:
    """Pixels of a way across a mark that the chart calls a millimetre.

    Where the machine drew the fiducials itself, its own scale is in them; a flatbed knows better.
    """
    way = mark.xy_mm[-1] - mark.xy_mm[0]
    left = np.array([-way[1], way[0]]) / np.linalg.norm(way)
    middle = mark.xy_mm.mean(axis=0)
    a, b = view.to_picture(np.array([middle - left / 2, middle + left / 2]))
    return float(np.linalg.norm(b - a))


def _widest_mm(chart: Chart) -> float:
    """Room between the lines of a chart, as a bound of their width."""
    rows = sorted({round(float(m.xy_mm[0, 1]), 3) for m in chart.of_kind(*_STRAIGHT[:4])})
    pitch = min(np.diff(rows)) if len(rows) > 1 else 4.0
    return float(max(0.5, pitch - 2 * _REACH_MM))


def _bars(
    grey: NDArray[np.float32], view: View, mark: Mark, widest: float, sigma: float, trend: Floats | None
) -> Bars:
    """Bars along a mark: its ends left out unless its pen value changes."""
    window = _FINE_WINDOW_MM if mark.kind in _FINE else _WINDOW_MM
    s, t, darkness = profiles(grey, view, mark.xy_mm, widest / 2 + _REACH_MM, window)
    if mark.kind not in _FINE:
        inner = (s > _END_MM) & (s < mark.length_mm - _END_MM)
        s, darkness = s[inner], darkness[inner]
    held = None
    if trend is not None:
        first = fit_bars(s, t, darkness, sigma)
        held = np.interp(first.width_mm, trend[0], trend[1])
    return fit_bars(s, t, darkness, sigma, held)


def _blur(grey: NDArray[np.float32], view: View, chart: Chart, widest: float, start_mm: float) -> float:
    """Blur as the wider lines of the chart show it, mm."""
    marks = [m for m in chart.marks if m.kind in (*_STRAIGHT[:3], MarkKind.GRID)]
    found = []
    for mark in marks:
        s, t, darkness = profiles(grey, view, mark.xy_mm[:2], widest / 2 + _REACH_MM, _WINDOW_MM)
        inner = (s > _END_MM) & (s < np.linalg.norm(mark.xy_mm[1] - mark.xy_mm[0]) - _END_MM)
        if not inner.any():
            continue
        mean = darkness[inner]
        bars = fit_bars(s[inner], t, mean, start_mm)
        if np.median(bars.width_mm) > 1.5 * WIDE_SIGMAS * start_mm:
            found.append((float(np.median(bars.width_mm)), t, mean))
    if not found:
        return start_mm
    found.sort(key=lambda item: item[0])
    chosen = found[len(found) // 2 :][:8]
    return float(np.median([fit_sigma(t, mean, start_mm) for _, t, mean in chosen]))


def _darkness_trend(bars: list[Bars], sigma: float) -> Floats | None:
    """Darkness over width (2, n) of lines wide enough to show their own, thinnest first."""
    rows = [
        (float(np.median(b.width_mm)), float(np.median(b.darkness)))
        for b in bars
        if len(b.width_mm) and np.median(b.width_mm) >= WIDE_SIGMAS * sigma
    ]
    if len(rows) < 3:
        return None
    table = np.array(sorted(rows)).T
    count = max(3, table.shape[1] // 4)
    # The thinnest quarter stands for what is thinner still.
    return np.array(
        [[table[0, 0], table[0, -1]], [np.median(table[1, :count]), np.median(table[1, -count:])]]
    )


def _hatch_darkness(grey: NDArray[np.float32], view: View, chart: Chart) -> float:
    """Darkness of the solid hatch against the paper around it; 1 without one."""
    marks = chart.of_kind(MarkKind.HATCH)
    if not marks:
        return 1.0
    low, high = marks[0].xy_mm.min(axis=0), marks[0].xy_mm.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    u = np.linspace(-1, 1, 25)
    grid = np.stack(np.meshgrid(u, u), axis=-1).reshape(-1, 2)
    inside = np.median(sample(grey, view.to_picture(middle + 0.7 * half * grid)))
    side = np.abs(grid).max(axis=1) > 0.99
    around = sample(grey, view.to_picture(middle + (half + 1.2) * grid[side]))
    darkness = 1.0 - float(inside) / max(float(np.median(around)), 1e-3)
    if darkness < 0.2:
        raise MeasureError(
            "The solid hatch of the chart is missing or pale: the pen was dry, or it is another chart."
        )
    return darkness


def _line(mark: Mark, bars: Bars, hatch: float) -> LineMeasurement:
    ink = bars.width_mm > 0
    samples: tuple[Sample, ...] = ()
    relative = bars.darkness / hatch
    if mark.kind in _FINE:
        samples = tuple(
            Sample(*values)
            for values in np.column_stack([bars.s_mm, bars.width_mm, relative]).round(4).tolist()
        )
    if not ink.any():
        return LineMeasurement(mark.name, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, samples)
    width, width_sigma = _middle(bars.width_mm[ink])
    darkness, darkness_sigma = _middle(relative[ink])
    return LineMeasurement(
        mark.name, width, width_sigma, darkness, darkness_sigma, float(ink.mean()),
        float(np.median(bars.centre_mm[ink])), samples,
    )  # fmt: skip


def _middle(values: Floats) -> tuple[float, float]:
    """Median of values (n,) and its standard error, from the median deviation."""
    middle = float(np.median(values))
    spread = _MAD * float(np.median(np.abs(values - middle)))
    return middle, spread * math.sqrt(math.pi / 2) / math.sqrt(len(values))


def _dot(grey: NDArray[np.float32], view: View, mark: Mark, hatch: float) -> LineMeasurement:
    """A dot: its width is the diameter of a disc of its ink."""
    step = 0.5 / view.px_per_mm
    u = np.arange(-_DOT_REACH_MM, _DOT_REACH_MM + step / 2, step)
    x, y = np.meshgrid(u, u)
    light = sample(grey, view.to_picture(mark.xy_mm[0] + np.stack([x, y], axis=-1)))
    far = np.hypot(x, y) > 0.8 * _DOT_REACH_MM
    darkness = 1.0 - light / np.quantile(light[far], 0.6)
    near = np.hypot(x, y) < 0.8 * _DOT_REACH_MM
    peak = float(np.quantile(darkness[near], 0.999))
    if peak < 0.1:
        return LineMeasurement(mark.name, 0.0, 0.0, 0.0, 0.0, 0.0)
    body = np.where(near & (darkness > 0.25 * peak), darkness, 0.0)
    centre = np.array([(body * x).sum(), (body * y).sum()]) / body.sum()
    # A dot of some blur's width never shows its full darkness: the hatch's is known.
    area = float(body.sum()) * step**2 / max(peak, 0.8 * hatch)
    return LineMeasurement(
        mark.name,
        math.sqrt(4 * area / math.pi),
        step,
        peak / hatch,
        0.0,
        1.0,
        float(np.hypot(*centre)),
    )


def _crosses(
    grey: NDArray[np.float32], view: View, chart: Chart, widest: float, sigma: float
) -> tuple[list[Point], list[bool]]:
    """Corners of the crosses of a geometry chart, and for each whether it is there."""
    points, there = [], []
    marks = chart.of_kind(MarkKind.GRID)
    offsets = cross_offsets(grey, view, np.array([mark.xy_mm[1] for mark in marks]).reshape(-1, 2))
    for mark, offset in zip(marks, offsets, strict=True):
        arms = []
        for a, b in ((mark.xy_mm[1], mark.xy_mm[0]), (mark.xy_mm[1], mark.xy_mm[2])):
            unit = (b - a) / np.linalg.norm(b - a)
            path = offset + np.array([a + _ARM_MM[0] * unit, a + _ARM_MM[1] * unit])
            s, t, darkness = profiles(grey, view, path, min(widest / 2 + _REACH_MM, 2.5), _FINE_WINDOW_MM)
            bars = fit_bars(s, t, darkness, sigma)
            ink = bars.width_mm > 0
            if np.count_nonzero(ink) >= 2:
                left = np.array([-unit[1], unit[0]])
                arms.append(path[0] + s[ink, None] * unit + bars.centre_mm[ink, None] * left)
        there.append(len(arms) == 2)
        if len(arms) == 2:
            corner = _corner(*arms)
            points.append(Point(mark.name, _pair(mark.xy_mm[1]), _pair(corner)))
    return points, there


def _corner(first: Floats, second: Floats) -> Floats:
    """Where the lines through two arms (n, 2) meet."""
    (p, u), (q, v) = (
        (arm.mean(axis=0), np.linalg.svd(arm - arm.mean(axis=0))[2][0]) for arm in (first, second)
    )
    w = q - p
    return np.asarray(p + u * (w[0] * v[1] - w[1] * v[0]) / (u[0] * v[1] - u[1] * v[0]))


def _pair(point: Floats) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _require_this_chart(chart: Chart, lines: list[LineMeasurement], crosses: list[bool]) -> None:
    """Raises MeasureError if lines that any pen draws are missing."""
    names = {mark.name for mark in chart.of_kind(*_SURE)}
    present = [line.coverage > 0.5 for line in lines if line.name in names] + crosses
    if present and np.mean(present) < _PRESENT_SHARE:
        raise MeasureError(
            f"Only {sum(present)} of {len(present)} lines that any pen draws are where this chart has them: "
            "it is another chart, or the pen ran dry."
        )
