"""The legend of a test chart: what is where, for a person who holds the sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.chart.fiducial import dark_runs
from calibration.chart.spec import Chart, Mark, MarkKind
from strokebot.plots import style
from strokebot.plots.figure import Area, Entry, Figure, Key, Line, Marks, Panel, Words
from strokebot.plots.paint import key_widths

# The sheet in the figure at most, and the room around it for words, inch: left, above, right, below.
_SHEET_INCH = (6.2, 8.8)
_AROUND_INCH = (0.75, 0.5, 0.3, 0.6)
_LINE_PT, _DOT_PT, _NAME_PT, _NAME_PAD_PT = 1.2, 3.0, 4.5, 2.0
_PT_PER_INCH = 72.0
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
    kinds = list(dict.fromkeys(mark.kind for mark in chart.marks))
    colours = {kind: _COLOURS[k % len(_COLOURS)] for k, kind in enumerate(kinds)}
    key = [
        Entry(Line(np.zeros((0, 2)), colours[kind], _LINE_PT), _LEGEND_LINE.format(kind.value, _WORDS[kind]))
        for kind in kinds
    ]
    left, above, right, below = _AROUND_INCH
    legend = max(key_widths(key))
    figure = Figure(left + inch * width + right + legend, above + inch * height + below)
    panel = figure.panel(left, above, inch * width, inch * height)
    panel.spanned(0.0, width, 0.0, height)
    panel.label("", "x, mm", "y, mm")
    if chart.printed:
        _print_fiducials(panel, chart)
    for mark in chart.marks:
        if len(mark.xy_mm) == 1:
            panel.show(Marks(mark.xy_mm, "dot", _DOT_PT, colours[mark.kind], colours[mark.kind]))
        else:
            panel.show(Line(mark.xy_mm, colours[mark.kind], _LINE_PT))
    for kind in kinds:
        if kind is not MarkKind.FIDUCIAL:
            _name(panel, chart.of_kind(kind), _NAME_PAD_PT / _PT_PER_INCH / inch)
    figure.keys.append(Key((figure.width - right / 2 - legend, above, legend, inch * height), key))
    figure.title = style.title(chart.title, [chart.profile, f"{len(chart.marks)} marks"])
    return figure


def _name(panel: Panel, marks: Sequence[Mark], pad_mm: float) -> None:
    """The number of each mark of one kind, left of it."""
    if len(marks) > 60:  # crosses name themselves by their place
        return
    for mark in marks:
        x, y = mark.xy_mm[0].tolist()
        number = mark.name[len(mark.kind.value) + 1 :]
        panel.show(Words(x - pad_mm, y, number, style.TRAVEL, _NAME_PT, left=True))


def _print_fiducials(panel: Panel, chart: Chart) -> None:
    for figure in chart.fiducials:
        module = figure.size_mm / 6
        corner = np.array(figure.centre_mm) - figure.size_mm / 2
        for x0, y0, x1, y1 in dark_runs(figure.number):
            square = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
            panel.show(Area(corner + module * square, style.DRAWN))
