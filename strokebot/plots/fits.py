"""What a fit found: measured data, the fitted curve and its band; places before and after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.curve import MonotoneCurve
from calibration.fit.geometry import GeometryFit
from calibration.fit.outcome import PenFit
from strokebot.plots import style
from strokebot.plots.figure import Area, Entry, Figure, Key, Line, Marks, Panel

# The page, and the edges of its two panels, inch: left, above, between, right, below; room for the key.
_PAGE_INCH = (10.0, 4.6)
_LEFT_INCH, _ABOVE_INCH, _GAP_INCH, _RIGHT_INCH, _BELOW_INCH, _KEY_INCH = 0.75, 0.68, 0.85, 0.25, 0.6, 0.4
_DATA = "#0072B2"
_CURVE = "#000000"
_POINTS = 200
# Room above the highest value, as a share of it, and beside the outermost ones, as a share of the range.
_HEADROOM, _SIDE_ROOM = 0.06, 0.04
_BAND_SHARE = 0.2
# The longest arrow of the geometry figure, as a share of the sheet; its head, as a share of its length.
_ARROW_SHARE, _HEAD_SHARE = 0.12, 0.3


def pen_fit_figure(fit: PenFit, name: str) -> Figure:
    """Width and darkness over the pen value: data, curve, 95 % band, touch point."""
    figure, (width_panel, ink_panel) = _two_panels(_KEY_INCH)
    steady, used = fit.data_steady, fit.data_used
    order = np.argsort(fit.values)
    values = np.linspace(fit.values.min(), fit.values.max(), _POINTS)
    band = np.concatenate(
        [
            np.column_stack([fit.values[order], fit.low_mm[order]]),
            np.column_stack([fit.values[order], fit.high_mm[order]])[::-1],
        ]
    )
    key = [
        Entry(Area(band, style.pale(_DATA, _BAND_SHARE)), "95 % band"),
        Entry(_dots(fit, fit.data_widths_mm, ~steady & used, style.TRAVEL, 2.0), "ramps and landings"),
        Entry(_rings(fit, fit.data_widths_mm, steady & used), "lines"),
    ]
    if (~used).any():
        left_out = np.column_stack([fit.data_values, fit.data_widths_mm])[~used]
        key.append(Entry(Marks(left_out, "cross", 6.0, style.ASTRAY), "left out"))
    key.append(Entry(Line(np.column_stack([values, _curve(fit)(values)]), _CURVE, 1.2), "curve"))
    widest = max(float(fit.data_widths_mm.max(initial=0.0)), float(fit.high_mm.max(initial=0.0)))
    darkest = max(float(fit.data_darkness[steady & used].max(initial=0.0)), 1e-9)
    ink_panel.show(_rings(fit, fit.data_darkness, steady & used))
    if fit.darkness is not None:  # a caliper tells widths alone
        ink_panel.show(Line(np.column_stack([fit.values[order], fit.darkness[order]]), _CURVE, 1.2))
        darkest = max(darkest, float(fit.darkness.max()))
    low, high = (float(pick(np.append(fit.data_values, fit.values))) for pick in (np.min, np.max))
    room = _SIDE_ROOM * (high - low)
    span = (low - room, high + room)
    if fit.values[0] > fit.values[-1]:  # more pressure to the right, whichever way the axis counts
        span = span[::-1]
    width_panel.show(*(entry.sample for entry in key))
    key.append(Entry(_touch(fit, 0.0), "touch"))
    for panel, top, label in (
        (width_panel, widest, "line width, mm"),
        (ink_panel, darkest, "darkness, 1 = solid hatch"),
    ):
        top *= 1 + _HEADROOM
        panel.show(_touch(fit, top))
        panel.spanned(*span, 0.0, top)
        panel.label("", "pen value", label)
    figure.keys.append(Key((0.0, figure.height - _KEY_INCH, figure.width, _KEY_INCH), key, len(key)))
    figure.title = style.title(name, ["pen", f"residual {fit.residual_mm:.3f} mm"])
    return figure


def geometry_fit_figure(fit: GeometryFit, name: str) -> Figure:
    """Errors of the corners before and after the fit, as arrows on the sheet."""
    figure, panels = _two_panels()
    before = fit.measured_mm - fit.planned_mm
    after = fit.measured_mm - fit.fitted_mm
    greatest = max(float(np.hypot(*before.T).max()), 1e-6)
    longest_mm = _ARROW_SHARE * float(np.ptp(fit.planned_mm, axis=0).max())
    low, high = fit.planned_mm.min(axis=0) - longest_mm, fit.planned_mm.max(axis=0) + longest_mm
    for panel, errors, (rms, most), title in zip(
        panels, (before, after), (fit.before_mm, fit.after_mm), ("before", "after"), strict=True
    ):
        for used, colour in ((fit.used, _DATA), (~fit.used, style.ASTRAY)):
            arrows = _arrows(fit.planned_mm[used], longest_mm / greatest * errors[used])
            panel.show(Line(arrows, colour, 1.2))
        _equal(panel, low, high)
        panel.label(f"{title}: {rms:.3f} mm, at most {most:.3f}", "x, mm", "y, mm")
    figure.title = style.title(name, [f"errors drawn {longest_mm / greatest:.0f} times as long"])
    return figure


def _two_panels(key_inch: float = 0.0) -> tuple[Figure, list[Panel]]:
    """A page with two panels side by side, and room for a key below them."""
    figure = Figure(_PAGE_INCH[0], _PAGE_INCH[1] + key_inch)
    width = (_PAGE_INCH[0] - _LEFT_INCH - _GAP_INCH - _RIGHT_INCH) / 2
    height = _PAGE_INCH[1] - _ABOVE_INCH - _BELOW_INCH
    places = [_LEFT_INCH, _LEFT_INCH + width + _GAP_INCH]
    return figure, [figure.panel(left, _ABOVE_INCH, width, height) for left in places]


def _equal(panel: Panel, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Lets a panel span a box in one scale, the box in its middle."""
    _, _, width, height = panel.place
    mm_per_inch = max((high - low)[0] / width, (high - low)[1] / height)
    middle, half = (low + high) / 2, mm_per_inch * np.array([width, height]) / 2
    (left, bottom), (right, top) = (middle - half).tolist(), (middle + half).tolist()
    panel.spanned(left, right, bottom, top)


def _touch(fit: PenFit, top: float) -> Line:
    return Line(np.array([[fit.touch, 0.0], [fit.touch, top]]), style.LIMIT, 0.8, dashed=True)


def _dots(
    fit: PenFit, values: NDArray[np.float64], chosen: NDArray[np.bool_], colour: str, size_pt: float
) -> Marks:
    places = np.column_stack([fit.data_values, values])[chosen]
    return Marks(places, "dot", size_pt, colour, colour)


def _rings(fit: PenFit, values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> Marks:
    return Marks(np.column_stack([fit.data_values, values])[chosen], "circle", 5.0, _DATA)


def _arrows(places: NDArray[np.float64], ways: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arrows (N, 2) from places along ways (K, 2), as one parted line."""
    tip = places + ways
    across = np.column_stack([-ways[:, 1], ways[:, 0]])
    barbs = [tip - _HEAD_SHARE * (ways + side * 0.6 * across) for side in (1, -1)]
    nowhere = np.full_like(places, np.nan)
    return np.stack([places, tip, barbs[0], nowhere, tip, barbs[1], nowhere], axis=1).reshape(-1, 2)


def _curve(fit: PenFit) -> MonotoneCurve | _Turned:
    """Width over pen value, whichever way the pen axis counts."""
    if fit.values[0] < fit.values[-1]:
        return MonotoneCurve(fit.values, fit.widths_mm)
    return _Turned(MonotoneCurve(-fit.values, fit.widths_mm))


class _Turned:
    """A curve over the negative of its argument."""

    def __init__(self, curve: MonotoneCurve) -> None:
        self._curve = curve

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._curve(-x)
