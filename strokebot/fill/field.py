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

Where r is under ``_FINE`` px the grid is made twice as fine first, and finer where it is still under
``_FINEST`` px. Areas are looked for in the
rectangles (``blocks``) in which ink is deep enough for a core; the rest of a picture costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.fill.widths import WORTH_A_PASS
from strokebot.geometry.distance import distance_at, nearest, nearest_at
from strokebot.geometry.pixels import repeated
from strokebot.picture.parts import FAINTEST_INK

# How far beyond its core an area reaches at most, in r.
_REACH = 3.0
# White that a single line would leave, in squares of its width, for an area to be one.
_WORTH = 0.4
# Least half width of the pen, px of the grid, half width up to which it is refined once, and pixels of the
# refined grid at most.
_FINEST = 1.6
_FINE = 4.5
_PIXELS = 8_000_000
# Half ink is the edge of full ink; a paler edge is found at half of what is around it.
_HALF = 0.5
_AROUND_PX = 2
# How exact the place of a skeleton is, px.
_SKELETON_PX = 0.25
# Pictures are searched for areas in squares of this side, px, or more; and a rectangle's spare margin.
_TILE_PX = 128
_SPARE_PX = 4
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
    zoom = max(1, min(max(int(np.ceil(2.0 * _FINEST / widest)), 2 if widest < 2.0 * _FINE else 1), room))
    if zoom > 1:
        ink = np.asarray(ndimage.zoom(ink, zoom, order=1, grid_mode=True, mode="nearest"))
        is_ink, skeleton = (repeated(mask, zoom) for mask in (is_ink, skeleton))
    radius = widest * zoom / 2
    depth = _depth(ink, is_ink, softness * zoom)
    core = depth > WORTH_A_PASS * radius
    if not core.any():
        return None
    field = np.where(core, depth, 0.0)
    rim = np.nonzero((depth > 0) & ~core)
    # Farther from a core than this, and a pixel for interpolation, there is no area.
    beyond = (1.0 + _REACH) * radius + _SPARE_PX
    field[rim] = np.minimum(depth[rim], (1.0 + _REACH) * radius - distance_at(core, *rim, reach=beyond))
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


def _depth(ink: NDArray[np.float32], is_ink: NDArray[np.bool_], softness: float) -> NDArray[np.float64]:
    """D (H, W); a frame of paper: ink that runs off the picture ends there."""
    grey = np.pad(ink, 1)
    rows, columns = (places + 1 for places in np.nonzero(is_ink))
    paper = nearest(~np.pad(is_ink, 1))
    y, x = (places[rows, columns] for places in paper)
    around = ndimage.maximum_filter(grey, size=2 * _AROUND_PX + 1)[y, x]
    edge = np.clip(_HALF * around, FAINTEST_INK, _HALF)
    short = np.clip((edge - grey[y, x]) * softness, 0.0, 1.0)
    found = np.zeros(is_ink.shape)
    found[rows - 1, columns - 1] = np.maximum(np.hypot(y - rows, x - columns) - short, 0.0)
    return found


def _white(
    label: NDArray[np.signedinteger],
    count: int,
    depth: NDArray[np.float64],
    skeleton: NDArray[np.bool_],
    radius: float,
) -> NDArray[np.float64]:
    """Pixels (N,) at each candidate that discs of the radius reach, but not those on the skeleton."""
    rows, columns = np.nonzero(depth > 0)
    y, x = nearest_at(label > 0, rows, columns, reach=radius)
    white = (y >= 0) & (np.hypot(y - rows, x - columns) <= radius)
    line = skeleton & (depth >= radius)
    far = radius + _SKELETON_PX
    white[white] = distance_at(line, rows[white], columns[white], reach=far) > far
    return np.bincount(label[y[white], x[white]], minlength=count + 1)[1:].astype(np.float64)


def blocks(depth: NDArray[np.floating], widest: float) -> list[tuple[slice, slice]]:
    """Rectangles of a picture outside of which there is no area; they do not overlap.

    Every core lies so deep inside its rectangle that all it needs is in there: an area reaches
    ``_REACH`` r beyond its cores, the ink it lies in is looked at for another r, and the paper
    that says how deep that lies is hardly farther.

    Args:
        depth: (H, W) distance of each ink pixel's centre to the nearest paper pixel's, px.
        widest: the pen's widest line, px.

    Returns:
        Rows and columns of each rectangle.
    """
    rows, columns = np.nonzero(depth > WORTH_A_PASS * widest / 2)
    if len(rows) == 0:
        return []
    margin = int(np.ceil((_REACH + 2.5) * widest / 2)) + _SPARE_PX
    tile = max(_TILE_PX, margin)
    height, width = depth.shape
    needed = np.zeros((height // tile + 1, width // tile + 1), dtype=bool)
    for dy in (-margin, margin):
        for dx in (-margin, margin):
            y, x = np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)
            needed[y // tile, x // tile] = True
    boxes = [
        (y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(ndimage.label(needed, _EIGHT)[0])
    ]
    apart: list[tuple[int, int, int, int]] = []
    while boxes:
        one = boxes.pop()
        meeting = [two for two in apart if _meet(one, two)]
        if meeting:
            apart = [two for two in apart if two not in meeting]
            table = np.array([one, *meeting])
            low, high = table[:, :2].min(axis=0).tolist(), table[:, 2:].max(axis=0).tolist()
            boxes.append((*low, *high))
        else:
            apart.append(one)
    return [
        (slice(top * tile, min(bottom * tile, height)), slice(left * tile, min(right * tile, width)))
        for top, left, bottom, right in sorted(apart)
    ]


def _meet(one: tuple[int, int, int, int], two: tuple[int, int, int, int]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
