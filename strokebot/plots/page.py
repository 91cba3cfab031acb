"""Where the panels of a figure go: sizes in inches, from the shape of the picture.

A wide picture gets its panels below each other, a lying one two in a row, any other all side by
side. In each case they are as large as the page allows, and nothing overlaps, whatever the shape:
every label has its room here. (A layout engine would find the same by drawing everything twice.)

Rows from the top, each where it is asked for: title, pictures, key of the colours, time curves with
a shared axis, a bar with its legend and, right of it, a small panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strokebot.plots.figure import Entry, Figure, Key, Panel
from strokebot.plots.paint import key_widths

Size = tuple[float, float]  # width and height, inch

PAGE_WIDTH_INCH = 11.0
# Left of every panel: tick labels and the label of the axis. Right of the last: the colour bar, or labels.
_LEFT_INCH = 0.68
_RIGHT_INCH = 0.78
_TIME_RIGHT_INCH = 1.45
_COLUMN_GAP_INCH = 0.72
# Above a panel: its title. Below: tick labels and the label of the axis.
_HEAD_INCH = 0.32
_FOOT_INCH = 0.47
_TITLE_INCH = 0.36
_KEY_INCH = 0.34
_EDGE_INCH = 0.08
_CURVE_INCH = 0.82
_CURVE_GAP_INCH = 0.16
_BAR_INCH = 0.36
_BAR_LEGEND_INCH = 0.42
_SMALL_INCH = 1.35  # width of the small panel right of the bar, its labels included
_SMALL_FOOT_INCH = 0.2  # below it: its label
_MAX_PANEL_INCH = 6.5
_MIN_PANEL_INCH = 0.55
# From these widths over heights on: two panels a row with the key in the fourth cell; one a row.
_SQUARE_ASPECT = 1.7
_STACK_ASPECT = 4.5


@dataclass(frozen=True)
class Grid:
    """Where the picture panels go, how large they are, and the gap between two of a row, inch."""

    rows: int
    columns: int
    panel: Size
    gap: float

    @classmethod
    def of(cls, count: int, aspect: float, square: bool = False, bars: bool = False) -> Grid:
        """The arrangement for some panels of one aspect, width over height.

        Args:
            count: how many panels.
            aspect: of each.
            square: whether three panels may go into two rows of two.
            bars: whether every panel may have a bar of colours at its right.
        """
        gap = _COLUMN_GAP_INCH + (_RIGHT_INCH if bars else 0.0)
        width = PAGE_WIDTH_INCH - _LEFT_INCH - _RIGHT_INCH
        if aspect >= _STACK_ASPECT:
            return cls(count, 1, (width, max(width / aspect, _MIN_PANEL_INCH)), gap)
        columns = 2 if square and aspect >= _SQUARE_ASPECT else count
        each = (width - (columns - 1) * gap) / columns
        height = min(each / aspect, _MAX_PANEL_INCH)
        return cls(-(-count // columns), columns, (height * aspect, height), gap)


class Page:
    """A figure in the making, filled from the top.

    Args:
        grid: of the pictures.
        count: how many pictures.
        curves: how many time curves below them.
        bar: whether a bar with a small panel comes last.
        key: what colours and marks mean; a line below the pictures, or the grid's free cell.
    """

    def __init__(
        self, grid: Grid, count: int, curves: int = 0, bar: bool = False, key: Sequence[Entry] = ()
    ) -> None:
        row = _HEAD_INCH + grid.panel[1] + _FOOT_INCH
        spare = grid.rows * grid.columns > count
        key_rows = [] if spare else _key_rows(key)
        height = _TITLE_INCH + grid.rows * row + _KEY_INCH * len(key_rows) + _EDGE_INCH
        if curves:
            height += _HEAD_INCH + curves * _CURVE_INCH + (curves - 1) * _CURVE_GAP_INCH + _FOOT_INCH
        if bar:
            height += _HEAD_INCH + _BAR_INCH + _FOOT_INCH + _BAR_LEGEND_INCH
        self.figure = Figure(PAGE_WIDTH_INCH, height)
        time_width = PAGE_WIDTH_INCH - _LEFT_INCH - _TIME_RIGHT_INCH

        cell = (PAGE_WIDTH_INCH - _LEFT_INCH - _RIGHT_INCH + grid.gap) / grid.columns
        corners = [
            (
                _LEFT_INCH + k % grid.columns * cell + (cell - grid.gap - grid.panel[0]) / 2,
                _TITLE_INCH + k // grid.columns * row + _HEAD_INCH,
            )
            for k in range(grid.rows * grid.columns)
        ]
        self.pictures = [self.figure.panel(x, y, *grid.panel) for x, y in corners[:count]]
        top = _TITLE_INCH + grid.rows * row
        if spare and key:
            self.figure.keys.append(Key((*corners[count], *grid.panel), key))
        for entries in key_rows:
            self.figure.keys.append(Key((0.0, top, PAGE_WIDTH_INCH, _KEY_INCH), entries, len(entries)))
            top += _KEY_INCH
        self.curves: list[Panel] = []
        if curves:
            top += _HEAD_INCH
            for _ in range(curves):
                self.curves.append(self.figure.panel(_LEFT_INCH, top, time_width, _CURVE_INCH))
                top += _CURVE_INCH + _CURVE_GAP_INCH
            top += _FOOT_INCH - _CURVE_GAP_INCH
        if bar:
            top += _HEAD_INCH
            self.bar = self.figure.panel(_LEFT_INCH, top, time_width, _BAR_INCH)
            legend = top + _BAR_INCH + _FOOT_INCH - _EDGE_INCH
            # Where the key of the bar goes, and where the small panel.
            self.bar_key = (_LEFT_INCH, legend, time_width, _BAR_LEGEND_INCH)
            right = PAGE_WIDTH_INCH - _SMALL_INCH + _EDGE_INCH
            small = _BAR_INCH + _BAR_LEGEND_INCH + _FOOT_INCH - _SMALL_FOOT_INCH
            self.small = (right, top, _SMALL_INCH - 3 * _EDGE_INCH, small)


def _key_rows(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries of a key in rows that fit the page."""
    rows: list[list[Entry]] = []
    used = PAGE_WIDTH_INCH
    for entry, width in zip(entries, key_widths(entries), strict=True):
        if used + width > PAGE_WIDTH_INCH - 2 * _EDGE_INCH:
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += width
    return rows
