"""Colours that all figures share, and what is made of them.

The colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008), which
people with any kind of colour vision tell apart. Time runs along viridis (S. van der Walt and
N. Smith, 2015), cut before its pale end, so that it is also readable in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

INPUT = "#56B4E9"  # sky blue: ink of the picture that was asked for
DRAWN = "#000000"  # black: ink that was drawn on it
ASTRAY = "#D55E00"  # vermillion: ink that was drawn beside it
TRAVEL = "#777777"
BENDS = "#E69F00"  # orange: drawing slower than the pen allows
PEN = "#009E73"  # bluish green: the pen going up and down
APPROACH = "#BBBBBB"  # light grey: on the way to the first line
LIMIT = "#CC79A7"  # reddish purple

# Colours of time at equal distances, between which others are mixed.
_TIME = (
    "#440154", "#481467", "#482677", "#453882", "#3F4889", "#38588C", "#31668E", "#2C738E", "#26818E",
    "#218E8D", "#1E9B8A", "#22A884", "#31B57B", "#46C06F", "#63CB5F", "#84D44B", "#A8DB34",
)  # fmt: skip
# Longest file name in a title, characters; the middle of a longer one is left out.
_LONGEST_NAME = 44


def rgb(colour: str) -> NDArray[np.float64]:
    """Red, green and blue of "#RRGGBB", in [0, 1]."""
    return np.array([int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)])


def pale(colour: str, share: float) -> str:
    """A colour of which only a share covers the white paper."""
    mixed = 1.0 - share * (1.0 - rgb(colour))
    return "#" + "".join(f"{round(255 * value):02X}" for value in mixed.tolist())


@lru_cache(maxsize=1)
def time_colours() -> NDArray[np.uint8]:
    """Colours of time (256, 3), dark to bright, all visible on white."""
    known = np.array([rgb(colour) for colour in _TIME])
    places = np.linspace(0.0, 1.0, 256)
    mixed = [np.interp(places, np.linspace(0.0, 1.0, len(known)), known[:, k]) for k in range(3)]
    return np.round(255.0 * np.stack(mixed, axis=1)).astype(np.uint8)


def grey(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Ink (H, W) in [0, 1] as black on white (H, W, 3)."""
    values = np.round(255.0 * (1.0 - np.clip(ink, 0.0, 1.0))).astype(np.uint8)
    return np.stack([values] * 3, axis=-1)


def overlay(ink: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours of drawn ink over a picture's ink.

    Where they agree it is black; ink not drawn stays blue; ink beside the picture is vermillion.

    Args:
        ink: (H, W) ink of the picture in [0, 1].
        drawn: (H, W) drawn ink in [0, 1].

    Returns:
        (H, W, 3) colours.
    """
    channels = []
    for missing, astray, both in zip(rgb(INPUT), rgb(ASTRAY), rgb(DRAWN), strict=True):
        paper = 1 - ink * (1 - missing)
        pen = astray + ink * (both - astray)
        channels.append(paper + drawn * (pen - paper))
    colours: NDArray[np.uint8] = np.round(255.0 * np.clip(np.stack(channels, axis=-1), 0.0, 1.0)).astype(
        np.uint8
    )
    return colours


def title(name: str, facts: Sequence[str]) -> str:
    """The title line: a name, then the facts."""
    if len(name) > _LONGEST_NAME:
        half = (_LONGEST_NAME - 3) // 2
        name = f"{name[:half]}...{name[-half:]}"
    return f"{name}:  {',  '.join(facts)}" if facts else name
