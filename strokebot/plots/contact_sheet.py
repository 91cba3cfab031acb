"""The contact sheet: one picture in every style, with the time and the metres of ink of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strokebot.plots import style
from strokebot.plots.figure import Figure, Picture
from strokebot.plots.paint import PRINT_DPI, fitting

_COLUMNS = 3
_PANEL_INCH = 3.4
_EDGE_INCH = 0.05
# Room below a panel for its words, and above all for the title.
_WORDS_INCH = 0.75
_TITLE_INCH = 0.5
# A panel is printed with so many pixels: a finer picture shows nothing more.
FINENESS_PX = int(_PANEL_INCH * PRINT_DPI)


def contact_sheet(
    title: str, panels: Sequence[tuple[str, Sequence[str], NDArray[np.float32] | None]]
) -> Figure:
    """A figure of pictures in rows.

    Args:
        title: what they are of.
        panels: name, lines of words below it, and ink (H, W) of each; None where there is none.
    """
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    shapes = [ink.shape for _, _, ink in panels if ink is not None]
    tall = max((h / w for h, w in shapes), default=1.0)
    height = min(max(tall, 0.4), 1.6) * _PANEL_INCH
    figure = Figure(columns * _PANEL_INCH, rows * (height + _WORDS_INCH) + _TITLE_INCH)
    for k, (name, words, ink) in enumerate(panels):
        left, top = k % columns * _PANEL_INCH, _TITLE_INCH + k // columns * (height + _WORDS_INCH)
        panel = figure.panel(left + _EDGE_INCH, top, _PANEL_INCH - 2 * _EDGE_INCH, height)
        panel.frame, panel.x.ticks, panel.y.ticks = False, (), ()
        panel.x.label = "\n".join(fitting(line, _PANEL_INCH) for line in (name, *words))
        if ink is not None:
            # In one scale across and up, in the middle.
            across, up = ink.shape[1] / panel.place[2], ink.shape[0] / panel.place[3]
            wide, high = ink.shape[1] / max(across, up), ink.shape[0] / max(across, up)
            x, y = (panel.place[2] - wide) / 2, (panel.place[3] - high) / 2
            panel.spanned(0.0, panel.place[2], 0.0, panel.place[3])
            panel.show(Picture(style.grey(ink), (x, x + wide, y, y + high)))
    figure.title = style.title(title, ["every style, with its time, its ink and its lifts"])
    return figure
