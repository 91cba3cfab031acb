"""What stays white in a tone drawing, and the course of the line without it.

Nouns:
    region   a place of the picture that stays white: paper as light as the white point, wide
             enough that a line across it would be seen as a mistake
    run      a stretch of the course outside of regions

Symbols, px of the averaged picture; s = spacing of the lines there:
    W      mean darkness over ``_SOFT`` s is under the white point
    W'     W closed with a disc of ``_SPECK`` s (dust in a sky is no reason to draw), then opened
           with one of ``_NARROW`` s / 2: a gap that is narrower gets the lightest line instead
    region connected W' of at least (``_LEAST`` s)^2

Deciding place by place, and not along each line by itself, gives a region one smooth edge: a
clipped sky does not end in lines of chance lengths. At a region the line turns round: runs
are drawn to and fro, each from the end that is nearest to where the pen is, with a lift
only where that is more than ``_LONGEST_LINK`` s away. A region is wider than that, so none is crossed.

Source: opening and closing, J. Serra, "Image Analysis and Mathematical Morphology", 1982; the
order of the runs is a boustrophedon decomposition by the nearest end, H. Choset, "Coverage of
known spaces: the boustrophedon cellular decomposition", Autonomous Robots 9, 2000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from strokebot.geometry.distance import distance_at
from strokebot.tone.course import Piece, to_and_fro

_SOFT = 0.5
_SPECK = 1.0
_NARROW = 3.0
_LEAST = 5.0
_LONGEST_LINK = 2.5
# A run shorter than this many spacings is none.
_SHORTEST_RUN = 0.5
_EIGHT = np.ones((3, 3), dtype=bool)


def white_regions(tone: NDArray[np.float32], spacing: float, white: float) -> NDArray[np.bool_]:
    """The places (H, W) that stay white.

    Args:
        tone: (H, W) darkness of the picture, averaged to about four pixels in a spacing.
        spacing: of the lines, px of that picture.
        white: the white point, darkness in [0, 1].
    """
    mask = np.asarray(gaussian_filter(tone, _SOFT * spacing, mode="nearest") < white)
    mask = ~_opened(~mask, _SPECK * spacing)
    mask = _opened(mask, _NARROW * spacing / 2)
    number, count = label(mask, _EIGHT)
    large = np.bincount(number.ravel(), minlength=count + 1) >= (_LEAST * spacing) ** 2
    large[0] = False
    return np.asarray(large[number])


def _opened(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """The part of a mask (H, W) that discs inside it cover; beyond the edge it goes on as at the edge."""
    edge = int(np.ceil(radius)) + 1
    wide = np.pad(mask, edge, mode="edge")
    places = np.nonzero(wide)
    core = np.zeros_like(wide)
    core[places] = distance_at(~wide, *places) > radius
    opened = np.zeros_like(wide)
    opened[places] = distance_at(core, *places) <= radius
    return opened[edge:-edge, edge:-edge]


def without_white(
    course: list[Piece], region: NDArray[np.bool_], unit: tuple[float, float], spacing: float, step: float
) -> list[Piece]:
    """A course that leaves regions out.

    Args:
        course: pieces (K, 3), px of the picture.
        region: (h, w) what stays white.
        unit: px of the picture in one of the regions', along x and y.
        spacing: of the lines, px of the picture.
        step: distance of the points of links, px of the picture.
    """
    if not region.any():
        return course
    height, width = region.shape
    runs: list[Piece] = []
    for piece in course:
        column = np.clip((piece[:, 0] / unit[0]).astype(np.intp), 0, width - 1)
        row = np.clip((piece[:, 1] / unit[1]).astype(np.intp), 0, height - 1)
        inside = np.concatenate([[False], ~region[row, column], [False]]).astype(np.int8)
        for first, last in np.flatnonzero(np.diff(inside)).reshape(-1, 2):
            run = piece[first:last]
            if last - first > 1 and np.hypot(*np.diff(run[:, :2], axis=0).T).sum() >= _SHORTEST_RUN * spacing:
                runs.append(run)
    return to_and_fro(runs, _LONGEST_LINK * spacing, step) if runs else []
