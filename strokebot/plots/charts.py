"""The legend of a test chart: what is where, for a person who holds the sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from calibration.chart.fiducial import dark_runs
from calibration.chart.spec import Chart, Mark, MarkKind
from strokebot.plots import style

# The sheet in the figure, and the room beside and above it for the words.
_SHEET_INCH = (6.2, 8.8)
_LEGEND_INCH = 5.4
_TITLE_INCH = 1.1
_PAD_INCH = 0.2
_LEGEND_LINE = "{}: {}"
# What a person should know of each kind of mark.
_WORDS = {
    MarkKind.DRIFT: "the same line first and last: drift",
    MarkKind.PRESSURE_UP: "more and more pressure",
    MarkKind.PRESSURE_DOWN: "less and less pressure",
    MarkKind.PRESSURE_RANDOM: "pressures in mixed order",
    MarkKind.SPEED: "one pressure at several speeds",
    MarkKind.LANDING: "comes down, or goes up, slowly: where the pen touches",
    MarkKind.RAMP: "pressure up and down along the line: lag",
    MarkKind.DIRECTION: "directions: is the pen upright?",
    MarkKind.HATCH: "solid: the darkest that the pen can do",
    MarkKind.DWELL: "dots, the pen resting longer and longer: blots",
    MarkKind.RULER: "ruler bars of known length",
    MarkKind.FIDUCIAL: "figures by which a scan is found",
    MarkKind.GRID: "crosses: where the machine draws",
}
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def legend_figure(chart: Chart) -> Figure:
    """A figure of the chart with its marks in colours by kind, and words for each kind."""
    width, height = chart.paper_mm
    inch = min(_SHEET_INCH[0] / width, _SHEET_INCH[1] / height)
    size = (inch * width + _LEGEND_INCH, inch * height + _TITLE_INCH)
    # The default padding forgets what a sheet of fixed aspect needs for its labels.
    layout = ConstrainedLayoutEngine(w_pad=_PAD_INCH, h_pad=_PAD_INCH)
    figure = Figure(figsize=size, layout=layout)
    axes = figure.add_subplot()
    kinds = list(dict.fromkeys(mark.kind for mark in chart.marks))
    colours = {kind: _COLOURS[k % len(_COLOURS)] for k, kind in enumerate(kinds)}
    for mark in chart.marks:
        axes.plot(*mark.xy_mm.T, color=colours[mark.kind], linewidth=1.2, solid_capstyle="round",
                  marker="o" if len(mark.xy_mm) == 1 else None, markersize=3)  # fmt: skip
    if chart.printed:
        _print_fiducials(axes, chart)
    for kind in kinds:
        marks = chart.of_kind(kind)
        if kind is not MarkKind.FIDUCIAL:
            _name(axes, marks)
        axes.plot([], [], color=colours[kind], label=_LEGEND_LINE.format(kind.value, _WORDS[kind]))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal", xlabel="x, mm", ylabel="y, mm")
    figure.legend(loc="outside right center", fontsize=style.SMALL_PT, frameon=False)
    style.set_title(figure, chart.title, [chart.profile, f"{len(chart.marks)} marks"])
    return figure


def _name(axes: Axes, marks: Sequence[Mark]) -> None:
    """The number of each mark of one kind, left of it."""
    if len(marks) > 60:  # crosses name themselves by their place
        return
    for mark in marks:
        x, y = mark.xy_mm[0]
        number = mark.name[len(mark.kind.value) + 1 :]
        axes.annotate(number, (x, y), (-2, 0), textcoords="offset points", ha="right", va="center",
                      fontsize=4.5, color=style.TRAVEL)  # fmt: skip


def _print_fiducials(axes: Axes, chart: Chart) -> None:
    for figure in chart.fiducials:
        module = figure.size_mm / 6
        corner = np.array(figure.centre_mm) - figure.size_mm / 2
        for x0, y0, x1, y1 in dark_runs(figure.number):
            axes.fill(*(corner + module * np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])).T, "k")
