"""Colours, sizes and small helpers that all figures share.

The colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008), which
people with any kind of colour vision tell apart. Time runs along viridis, cut before
its pale end, so that it is also readable in grey.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INPUT = "#56B4E9"  # sky blue: ink of the picture that was asked for
DRAWN = "#000000"  # black: ink that was drawn on it
ASTRAY = "#D55E00"  # vermillion: ink that was drawn beside it
TRAVEL = "#777777"
BENDS = "#E69F00"  # orange: drawing slower than the pen allows
PEN = "#009E73"  # bluish green: the pen going up and down
APPROACH = "#BBBBBB"  # light grey: on the way to the first line
LIMIT = "#CC79A7"  # reddish purple

PRINT_DPI = 110
TITLE_PT = 11.0
LABEL_PT = 9.0
SMALL_PT = 8.0
# Longest file name in a title, characters; the middle of a longer one is left out.
_LONGEST_NAME = 44
# Paper above the title line, inch.
_TITLE_TOP_INCH = 0.12
# Room between a panel and its title, points: the topmost tick label reaches up by half its height.
_TITLE_PAD_PT = 8.0
# Space for one tick label, inch.
_TICK_INCH = 0.45


def time_colours() -> Colormap:
    """Colours of time, dark to bright, all visible on white."""
    return ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.87, 256)), name="time")


def png_bytes(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """Renders a figure as PNG, with no date in it, so that equal figures give equal files."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A file name may hold letters that the font lacks: it shows boxes there.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def set_title(figure: Figure, name: str, facts: Sequence[str]) -> None:
    """The title line: a name, then the facts. Nothing in it is read as mathematics."""
    if len(name) > _LONGEST_NAME:
        half = (_LONGEST_NAME - 3) // 2
        name = f"{name[:half]}...{name[-half:]}"
    top = 1.0 - _TITLE_TOP_INCH / figure.get_figheight()
    text = figure.suptitle(f"{name}:  {',  '.join(facts)}", fontsize=TITLE_PT, y=top)
    text.set_parse_math(False)


def dress(axes: Axes, title: str, x_label: str, y_label: str, size_inch: tuple[float, float]) -> None:
    """Labels an axes, with as many ticks as there is room for."""
    axes.set_title(title, fontsize=LABEL_PT, pad=_TITLE_PAD_PT)
    axes.set_xlabel(x_label, fontsize=SMALL_PT, labelpad=2)
    axes.set_ylabel(y_label, fontsize=SMALL_PT, labelpad=2)
    axes.tick_params(labelsize=SMALL_PT, length=3)
    for axis, inches in ((axes.xaxis, size_inch[0]), (axes.yaxis, size_inch[1])):
        axis.set_major_locator(MaxNLocator(nbins=int(np.clip(inches / _TICK_INCH, 1, 8)), min_n_ticks=2))


def right_labels(axes: Axes, marks: Sequence[tuple[float, str]], colour: str, gap: float = 0.18) -> None:
    """Writes labels right of an axes at the given heights, pushed apart where they would touch.

    Args:
        axes: its y limits must be final.
        marks: heights in data units and texts.
        colour: of the text.
        gap: least distance of two labels, as a share of the axes' height.
    """
    low, high = axes.get_ylim()
    ordered = sorted(marks)
    heights = [(value - low) / (high - low) for value, _ in ordered]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    over = max(0.0, heights[-1] - 1.0) if heights else 0.0
    for k in range(len(heights) - 1, -1, -1):
        top = 1.0 if k == len(heights) - 1 else heights[k + 1] - gap
        heights[k] = min(heights[k], top) if over else heights[k]
    for height, (_, text) in zip(heights, ordered, strict=True):
        axes.annotate(
            text, (1.0, height), (4, 0), xycoords="axes fraction", textcoords="offset points",
            fontsize=SMALL_PT, color=colour, va="center", ha="left", annotation_clip=False,
        )  # fmt: skip


def overlay(ink: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Colours of drawn ink over a picture's ink.

    Where they agree it is black; ink not drawn stays blue; ink beside the picture is vermillion.

    Args:
        ink: (H, W) ink of the picture in [0, 1].
        drawn: (H, W) drawn ink in [0, 1].

    Returns:
        (H, W, 3) colours in [0, 1].
    """
    ink, drawn = ink[..., None], drawn[..., None]
    paper = 1 - ink + ink * np.array(to_rgb(INPUT))
    pen = (1 - ink) * np.array(to_rgb(ASTRAY)) + ink * np.array(to_rgb(DRAWN))
    return np.asarray(np.clip((1 - drawn) * paper + drawn * pen, 0.0, 1.0))
