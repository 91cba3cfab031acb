"""Finds the dots of dotted paper and the holes of ring binders and spiral pads among the parts of the ink.

Nouns and symbols:
    spot   a small part, about as wide as high
    d      the distance of neighbours, px: the median over the spots of that to the nearest one
    t      the direction of the lattice, in (-45, 45] degrees: the circular mean of 4 t over nearest ones
    dots   spots of which two neighbours at least lie at d along t or across it; then what lies where such
           a neighbour would be
    holes  spots of one size in a straight line along a side of the picture, evenly spaced

The dot of an i, a decimal point and a full stop have no such neighbours and stay. A dot that ink runs over is
part of that ink.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from strokebot.picture.extrema import square_maximum
from strokebot.picture.parts import ink_mask

Field = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_EIGHT = np.ones((3, 3), dtype=bool)
# Size of a spot: at most so many px, or this share of the longer side; its sides differ by this factor.
_LARGEST_PX, _LARGEST_SHARE, _ASPECT = 8, 0.012, 2.0
# Dotted paper: so many dots at least, and this share of all spots; they span this share of the picture.
_LEAST_DOTS, _DOT_SHARE, _SPANNED = 30, 0.5, 0.45
# Neighbours are so many px apart at least, and so many times their size.
_LEAST_GAP_PX, _LEAST_GAP_SIZES = 7.0, 2.5
# A neighbour is off its place by this share of d at most.
_OFF = 0.22
# Holes: so many at least, spanning this share of a side, this near to it, and no larger than this.
_LEAST_HOLES, _HOLES_SPANNED, _HOLES_WITHIN, _HOLE_SHARE = 5, 0.6, 0.14, 0.05
# The sizes of holes are within this factor of their median, their places this share of a gap from even ones.
_HOLE_ALIKE, _HOLE_OFF = 1.6, 0.2


def find_dots(ink: Field) -> tuple[Mask, float] | None:
    """Dotted paper: the dots (H, W), and the distance of neighbours, px; None where there are none.

    Args:
        ink: (H, W) in [0, 1].
    """
    labels, place, size = _spots(ink, max(_LARGEST_PX, round(_LARGEST_SHARE * max(ink.shape))))
    if len(place) < _LEAST_DOTS:
        return None
    tree = cKDTree(place)
    distances, nearest = tree.query(place, k=min(9, len(place)))
    distance, near = np.asarray(distances), np.asarray(nearest)
    d = float(np.median(distance[:, 1]))
    # Grains and the dots of a halftone lie closer together.
    if d < max(_LEAST_GAP_PX, _LEAST_GAP_SIZES * float(np.median(size))):
        return None
    away = place[near[:, 1:]] - place[:, None]
    turn = np.arctan2(away[..., 1], away[..., 0])
    t = float(np.angle(np.exp(4j * turn[:, 0]).mean())) / 4
    at = (np.stack([np.cos(turn - t), np.sin(turn - t)], axis=-1) * distance[:, 1:, None]) / d
    step = np.rint(at)
    beside = (np.abs(at - step).max(axis=-1) < _OFF) & (np.abs(step).sum(axis=-1) == 1)
    dots = beside.sum(axis=1) >= 2
    span = np.ptp(place[dots], axis=0) if dots.any() else np.zeros(2)
    if dots.sum() < max(_LEAST_DOTS, _DOT_SHARE * len(place)):
        return None
    if (span < _SPANNED * np.array(ink.shape[::-1])).any():
        return None
    placed = (np.abs(at - step).max(axis=-1) < _OFF) & (np.abs(step).max(axis=-1) <= 2)
    dots |= (placed & dots[near[:, 1:]]).any(axis=1)
    return _of(labels, dots), d


def find_holes(ink: Field) -> tuple[Mask, int] | None:
    """The holes of a binder (H, W), and how many; None where there are none.

    Args:
        ink: (H, W) in [0, 1].
    """
    height, width = ink.shape
    labels, place, size = _spots(ink, max(_LARGEST_PX, round(_HOLE_SHARE * min(ink.shape))))
    if len(place) < _LEAST_HOLES:
        return None
    sides = []
    for across, along, wide, high in ((0, 1, width, height), (1, 0, height, width)):
        for edge in (place[:, across], wide - place[:, across]):
            mine = np.flatnonzero(edge < _HOLES_WITHIN * wide)
            row = mine[_in_a_row(place[mine, along], edge[mine], size[mine], high)]
            if len(row):
                sides.append(row)
    if len(sides) != 1:  # dots all round are a frame
        return None
    found = np.zeros(len(place), dtype=bool)
    found[sides[0]] = True
    return _of(labels, found), len(sides[0])


def _in_a_row(along: Floats, off: Floats, size: Floats, high: int) -> Mask:
    """Which spots are holes: ``along`` a side of ``high`` px and ``off`` from it, px."""
    none = np.zeros(len(along), dtype=bool)
    if len(along) < _LEAST_HOLES:
        return none
    usual = float(np.median(size))
    alike = (size < _HOLE_ALIKE * usual) & (size > usual / _HOLE_ALIKE)
    alike &= np.abs(off - np.median(off)) < max(2.0, usual)
    if alike.sum() < _LEAST_HOLES:
        return none
    places = np.sort(along[alike])
    gaps = np.diff(places)
    gap = float(np.median(gaps))
    steps = gaps / max(gap, 1e-6)
    even = np.abs(steps - np.rint(steps)) < _HOLE_OFF
    if np.ptp(places) < _HOLES_SPANNED * high or even.mean() < 0.9 or gap < 1.5 * usual:
        return none
    return np.asarray(alike)


def _spots(ink: Field, largest_px: int) -> tuple[NDArray[np.int32], Floats, Floats]:
    """The spots: a map (H, W) of their numbers from 1, their middles (N, 2) x, y, and sizes (N,), px."""
    labels, count = ndimage.label(ink_mask(ink), structure=_EIGHT)
    box = np.array(
        [(x.start, x.stop, y.start, y.stop) for y, x in ndimage.find_objects(labels)], dtype=np.float64
    ).reshape(count, 4)
    wide, high = box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]
    small = (np.maximum(wide, high) <= largest_px) & (
        np.maximum(wide, high) <= np.maximum(_ASPECT * np.minimum(wide, high), np.minimum(wide, high) + 1)
    )
    number = np.zeros(count + 1, dtype=np.int32)
    number[1:][small] = np.arange(1, int(small.sum()) + 1)
    middle = np.column_stack([box[:, :2].mean(axis=1), box[:, 2:].mean(axis=1)])
    return number[labels], middle[small], np.maximum(wide, high)[small]


def _of(labels: NDArray[np.int32], chosen: Mask) -> Mask:
    """The pixels of the chosen spots, with their soft edges."""
    mask = np.concatenate([[False], chosen])[labels]
    return np.asarray(square_maximum(mask, 5))
