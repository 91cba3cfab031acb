"""Which ink one line of the pen cannot cover, and how deep every place of it lies.

Nouns:
    area    connected ink that a single line of the pen, however wide, leaves partly white
    core    where an inscribed disc is ``WORTH_A_PASS`` times as wide as the pen's widest line
    field   the depth inside areas, cut off where an area goes over into a line

Symbols, px of the grid:
    r       half the pen's widest line
    D(x)    distance from x to the edge of the ink: to the centre of the nearest paper pixel q,
            less how far the edge lies from there, which the grey of q tells
    E(x)    distance from x to the nearest core
    F(x)    min(D, r + ``_REACH`` r - E): a line hardly wider than r that leads out of an area is no
            longer area ``_REACH`` r away from the core
    area    connected F >= r with a core

A crossing of lines has a core too, but the lines cover it. So the ink that a line of radius r
along the skeleton leaves white is counted, and an area needs ``_WORTH`` of a square of the
pen's width of it.

Where the pen is narrower than ``_FINEST`` px the grid is refined first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.fill.widths import WORTH_A_PASS
from strokebot.picture.parts import FAINTEST_INK

# How far beyond its core an area reaches at most, in r.
_REACH = 3.0
# White that a single line would leave, in squares of its width, for an area to be one.
_WORTH = 0.4
# Least half width of the pen, px of the grid, and pixels of the refined grid at most.
_FINEST = 1.6
_PIXELS = 8_000_000
# Half ink is the edge of full ink; a paler edge is found at half of what is around it.
_HALF = 0.5
_AROUND_PX = 2
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Field:
    """Areas on their grid.

    Attributes:
        depth: (H, W) F in areas, 0 elsewhere, px of the grid.
        label: (H, W) number of the area + 1, 0 elsewhere.
        count: how many areas there are.
        radius: r, half the pen's widest line, px of the grid.
        zoom: px of the grid in one px of the picture that came in.
    """

    depth: NDArray[np.float64]
    label: NDArray[np.int32]
    count: int
    radius: float
    zoom: int

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """F at points (K, 2), px of the grid."""
        where = np.stack([points[:, 1] - 0.5, points[:, 0] - 0.5])
        return np.asarray(ndimage.map_coordinates(self.depth, where, order=1, mode="constant"))

    def mask(self) -> NDArray[np.bool_]:
        """The areas, px of the picture that came in."""
        height, width = (n // self.zoom for n in self.label.shape)
        return np.asarray((self.label > 0).reshape(height, self.zoom, width, self.zoom).any(axis=(1, 3)))


def find_areas(
    ink: NDArray[np.float32],
    is_ink: NDArray[np.bool_],
    skeleton: NDArray[np.bool_],
    widest: float,
    softness: float,
) -> Field | None:
    """Finds the areas of a picture.

    Args:
        ink: (H, W) in [0, 1].
        is_ink: (H, W) which pixels are ink.
        skeleton: (H, W) its skeleton.
        widest: the pen's widest line, px.
        softness: px over which an edge of the ink rises from paper to full ink.

    Returns:
        The areas, or None if there are none.
    """
    room = int(np.sqrt(_PIXELS / max(ink.size, 1)))
    zoom = max(1, min(int(np.ceil(2.0 * _FINEST / widest)), room))
    if zoom > 1:
        ink = np.asarray(ndimage.zoom(ink, zoom, order=1, grid_mode=True, mode="nearest"))
        block = np.ones((zoom, zoom), dtype=bool)
        is_ink, skeleton = np.kron(is_ink, block), np.kron(skeleton, block)
    radius = widest * zoom / 2
    depth = _depth(ink, is_ink, softness * zoom)
    core = depth > WORTH_A_PASS * radius
    if not core.any():
        return None
    field = np.where(core, depth, np.minimum(depth, (1.0 + _REACH) * radius - _distance(core)))
    wide = field >= radius
    # Areas side by side are one: the skeleton between them has no pixel of its own.
    near = ndimage.binary_dilation(wide, _EIGHT, iterations=zoom)
    label, count = ndimage.label(near, _EIGHT)
    label = np.where(wide, label, 0)
    keep = _white(label, count, depth, skeleton, radius) >= _WORTH * (2.0 * radius) ** 2
    # What no line leads to or through could not be joined to the rest; it is a mere blot then.
    keep &= np.bincount(label[skeleton], minlength=count + 1)[1:] > 0
    if not keep.any():
        return None
    number = np.concatenate([[0], np.where(keep, np.cumsum(keep), 0)]).astype(np.int32)
    label = number[label]
    # Between an area and the paper the field goes on, so that the area's edge is found exactly.
    beside = ndimage.binary_dilation(label > 0, _EIGHT) & (~wide | (label > 0))
    return Field(np.where(beside, field, 0.0), label, int(keep.sum()), radius, zoom)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each pixel to the nearest one of a mask."""
    return np.asarray(ndimage.distance_transform_edt(~mask))


def _depth(ink: NDArray[np.float32], is_ink: NDArray[np.bool_], softness: float) -> NDArray[np.float64]:
    """D (H, W); a frame of paper: ink that runs off the picture ends there."""
    grey = np.pad(ink, 1)
    edge = np.clip(_HALF * ndimage.maximum_filter(grey, size=2 * _AROUND_PX + 1), FAINTEST_INK, _HALF)
    short = np.clip((edge - grey) * softness, 0.0, 1.0)
    distance, (rows, columns) = ndimage.distance_transform_edt(np.pad(is_ink, 1), return_indices=True)
    return np.asarray(np.maximum(distance - short[rows, columns], 0.0))[1:-1, 1:-1] * is_ink


def _white(
    label: NDArray[np.signedinteger],
    count: int,
    depth: NDArray[np.float64],
    skeleton: NDArray[np.bool_],
    radius: float,
) -> NDArray[np.float64]:
    """Pixels (N,) at each candidate that discs of the radius reach, but not those on the skeleton."""
    wide = depth >= radius
    line = skeleton & wide
    beyond, (rows, columns) = ndimage.distance_transform_edt(label == 0, return_indices=True)
    white = (beyond <= radius) & (depth > 0)
    if line.any():
        white &= _distance(line) > radius
    nearest = label[rows[white], columns[white]]
    return np.bincount(nearest, minlength=count + 1)[1:].astype(np.float64)
