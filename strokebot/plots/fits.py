"""What a fit found: measured data, the fitted curve and its band; places before and after."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from calibration.curve import MonotoneCurve
from calibration.fit.geometry import GeometryFit
from calibration.fit.outcome import PenFit
from strokebot.plots import style

_FIGURE_INCH = (10.0, 4.4)
_DATA = "#0072B2"
_CURVE = "#000000"
_POINTS = 200
# The longest arrow of the geometry figure, as a share of the sheet.
_ARROW_SHARE = 0.12


def pen_fit_figure(fit: PenFit, name: str) -> Figure:
    """Width and darkness over the pen value: data, curve, 95 % band, touch point."""
    figure = Figure(figsize=_FIGURE_INCH, layout="constrained")
    width_axes, ink_axes = figure.subplots(1, 2)
    steady, used = fit.data_steady, fit.data_used
    moving = ~steady & used
    width_axes.plot(
        fit.data_values[moving], fit.data_widths_mm[moving], ".", color=style.TRAVEL, markersize=2,
        label="ramps and landings",
    )  # fmt: skip
    width_axes.plot(
        fit.data_values[steady & used], fit.data_widths_mm[steady & used], "o", color=_DATA, markersize=4,
        fillstyle="none", label="lines",
    )  # fmt: skip
    if (~used).any():
        width_axes.plot(
            fit.data_values[~used], fit.data_widths_mm[~used], "x", color=style.ASTRAY, markersize=5,
            label="left out",
        )  # fmt: skip
    order = np.argsort(fit.values)
    values = np.linspace(fit.values.min(), fit.values.max(), _POINTS)
    width_axes.fill_between(
        fit.values[order], fit.low_mm[order], fit.high_mm[order], color=_DATA, alpha=0.2, linewidth=0,
        label="95 % band",
    )  # fmt: skip
    width_axes.plot(values, _curve(fit)(values), color=_CURVE, linewidth=1.2, label="curve")
    width_axes.axvline(fit.touch, color=style.LIMIT, linestyle="--", linewidth=0.8, label="touch")
    width_axes.set(xlabel="pen value", ylabel="line width, mm", ylim=(0, None))
    ink_axes.plot(
        fit.data_values[steady & used], fit.data_darkness[steady & used], "o", color=_DATA, markersize=4,
        fillstyle="none",
    )  # fmt: skip
    if fit.darkness is not None:  # a caliper tells widths alone
        ink_axes.plot(fit.values[order], fit.darkness[order], color=_CURVE, linewidth=1.2)
    ink_axes.axvline(fit.touch, color=style.LIMIT, linestyle="--", linewidth=0.8)
    ink_axes.set(xlabel="pen value", ylabel="darkness, 1 = solid hatch", ylim=(0, None))
    for axes in (width_axes, ink_axes):
        if fit.values[0] > fit.values[-1]:  # more pressure to the right, whichever way the axis counts
            axes.invert_xaxis()
    width_axes.legend(fontsize=style.SMALL_PT, frameon=False)
    style.set_title(figure, name, ["pen", f"residual {fit.residual_mm:.3f} mm"])
    return figure


def geometry_fit_figure(fit: GeometryFit, name: str) -> Figure:
    """Errors of the corners before and after the fit, as arrows on the sheet."""
    figure = Figure(figsize=_FIGURE_INCH, layout="constrained")
    before = fit.measured_mm - fit.planned_mm
    after = fit.measured_mm - fit.fitted_mm
    greatest = max(float(np.hypot(*before.T).max()), 1e-6)
    longest_mm = _ARROW_SHARE * float(np.ptp(fit.planned_mm, axis=0).max())
    for axes, errors, (rms, most), title in zip(
        figure.subplots(1, 2, sharex=True, sharey=True),
        (before, after), (fit.before_mm, fit.after_mm), ("before", "after"), strict=True,
    ):  # fmt: skip
        scale = longest_mm / greatest
        for used, colour in ((fit.used, _DATA), (~fit.used, style.ASTRAY)):
            axes.quiver(
                *fit.planned_mm[used].T, *(scale * errors[used]).T, color=colour, angles="xy",
                scale_units="xy", scale=1, width=0.004,
            )  # fmt: skip
        axes.set(
            aspect="equal", xlabel="x, mm", ylabel="y, mm", title=f"{title}: {rms:.3f} mm, at most {most:.3f}"
        )
    style.set_title(figure, name, [f"errors drawn {longest_mm / greatest:.0f} times as long"])
    return figure


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
