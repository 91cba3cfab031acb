"""The contact sheet: one picture in every style, with the time and the metres of ink of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from strokebot.plots import style

_COLUMNS = 3
_PANEL_INCH = 3.4
# Room below a panel for its words, and above all for the title.
_WORDS_INCH = 0.75
_TITLE_INCH = 0.5
# A panel is printed with so many pixels: a finer picture shows nothing more.
FINENESS_PX = int(_PANEL_INCH * style.PRINT_DPI)


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
    figure = Figure(
        figsize=(columns * _PANEL_INCH, rows * (height + _WORDS_INCH) + _TITLE_INCH), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, words, ink) in zip(grid.flat, panels, strict=False):
        if ink is not None:
            axes.imshow(1 - ink, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
        axes.text(
            0.5, -0.03, "\n".join((name, *words)), transform=axes.transAxes, ha="center", va="top",
            fontsize=style.SMALL_PT, parse_math=False, wrap=True,
        )  # fmt: skip
    style.set_title(figure, title, ["every style, with its time, its ink and its lifts"])
    return figure
