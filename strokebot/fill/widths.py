"""How wide the lines of a picture are, apart from its filled areas: the rule for its size on paper.

A picture is drawn at a size at which the pen can draw its LINES; its areas are filled in
several passes at any size. So the widest area must not decide the size, and a picture
without lines (a silhouette) has no size of its own: it fills the paper.

Nouns:
    ridge    the points of the skeleton
    line     ridge that looks drawn by a pen: of even width for a length of some widths
    area     the rest

Symbols, in px of the picture:
    D(x)     distance from the centre of an ink pixel to that of the nearest paper pixel
    w(x)     2 D(x) - 1, the width of the ink across the ridge at x
    like     y is like x if w(y) is w(x), give or take ``_ABOUT``

The rule:
    1. x lies on a line if there are ``_LONG`` w(x) ridge points like it within ``_AROUND`` w(x),
       and of those within w(x) at least ``_EVEN`` are like it: the stroke of a digit is longer
       than that and as wide all along; a leaf tapers, and a blot is as wide as it is long. A line
       is not wider than ``_THICK`` of the longer side of its connected part.
    2. The thin lines say what the pen is: where M is the median of w over the lines, lines wider
       than ``_BOLD`` M are areas (a window band beside hairlines).
    3. The picture's line width W is the ``_QUANTILE`` quantile of w over its lines; where that is over
       ``_MIXED`` times their median, thick pens and thin ones are mixed: then it is the median, and the
       thick lines are filled.
    4. Where W is over ``_WIDE`` of the picture's longer side, the picture would be drawn a few lines small,
       which is right for a digit: one line of width W along the ridge is the digit. Where that line
       would put more than ``_SPILT`` of the ink beside it, the outline says more than the
       line (the teeth of a gear), and what looked like a line is an area.

Where the lines hold less than ``MOSTLY_LINES`` of the ink, what looks like a line is the
narrow piece of some area, and the picture has no size of its own. A picture that is one
thick digit is all line: it is drawn so large that the pen's widest line is as wide as its
stroke. Where the pen's width in px is known, ``has_areas`` says how much ink one line of
the pen cannot cover.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from strokebot.geometry.distance import depth, distance_at
from strokebot.geometry.pixels import reduced, resized
from strokebot.picture.parts import ink_mask

# How far a line is followed from each of its points, in widths, and how much of it must be there.
# (A line on the diagonal has a ridge point every 1.4 px.)
_AROUND = 2.5
_LONG = 1.6
# Widths that differ by this share, and half a pixel for the grid, are the same.
_ABOUT = 0.25
_GRID_PX = 0.5
# So much of the ridge nearby is of the same width; the ends of a line and its junctions are not.
_EVEN = 0.6
# The stroke of a digit has 0.13 to 0.2 of its size. Where a part has few pixels, it is a letter rather
# than a shape, and that of a bold one has a third.
_THICK = 0.22
_THICK_LETTER = 0.36
_LETTER_PX = 56
# From this share of the ink on the lines decide how large a picture is drawn.
MOSTLY_LINES = 0.25
# Lines wider than this many times the picture's typical line are areas.
_BOLD = 3.0
# The picture's line width is exceeded on a tenth of the length: joints and flourishes.
_QUANTILE = 0.9
_MIXED = 2.4
# Widths from this share of the longer side on are doubted (thinner pens draw a picture of 20 lines
# and more), and what a line of that width may put beside the ink, of the ink: rings and
# handwritten digits have up to 0.08, gears 0.3 and more.
_WIDE = 0.05
_SPILT = 0.2
# Pixels looked at, at most: larger pictures are reduced first.
_PIXELS = 2_000_000
# Pictures smaller than this are enlarged, so many times at the most: a width of 2 px is measured
# in whole pixels, and the stroke of a small letter is as wide as its loops.
_SMALL_PX = 224
_LARGEST_STEP = 8
# Ridge points are one place within this share of a width, and where their widths differ by less than an
# octave over this number: about as exact as the pixels of a line of that many.
_CELLS, _CLASSES = 8, 8
# One line covers ink up to this many times as wide: more is worth another pass.
WORTH_A_PASS = 1.12
# Points whose neighbours are looked up at a time: bounds the memory.
_BLOCK = 2_000
_EIGHT = np.ones((3, 3), dtype=bool)


def has_areas(ink: NDArray[np.float32], widest_px: float) -> float:
    """The share of the ink that one line of the pen cannot cover.

    Args:
        ink: (H, W) in [0, 1].
        widest_px: the pen's widest line, px of the picture.

    Returns:
        The share in [0, 1] of the ink's pixels in areas: the opening of the ink with a disc
        ``WORTH_A_PASS`` times as wide as the widest line. 0 without ink.
    """
    mask, unit = _reduced(ink)
    total = np.count_nonzero(mask)
    if total == 0:
        return 0.0
    # Between pixel centres half a pixel is paper.
    radius = WORTH_A_PASS * widest_px * unit / 2
    core = depth(mask) - 0.5 > radius
    if not core.any():
        return 0.0
    return float(
        np.count_nonzero(distance_at(core, *np.nonzero(mask), reach=radius + 0.5) < radius + 0.5) / total
    )


def line_width_px(ink: NDArray[np.float32]) -> tuple[float, float]:
    """The width of a picture's lines, areas left out; see the rule above.

    Args:
        ink: (H, W) in [0, 1].

    Returns:
        The width of its lines, px (0 if it has none), and the share of the ink in lines.
    """
    mask, unit = _enlarged(ink)
    if not mask.any():
        return 0.0, 0.0
    place, width = _ridge(mask)
    labels, _ = ndimage.label(mask, structure=_EIGHT)
    size = np.array([max(y.stop - y.start, x.stop - x.start) for y, x in ndimage.find_objects(labels)])
    thickest = size * np.where(size <= _LETTER_PX * unit, _THICK_LETTER, _THICK)
    thick = width > thickest[labels[tuple(place.T)] - 1]
    width = width[_is_line(place, width) & ~thick]
    if len(width) == 0:
        return 0.0, 0.0
    width = width[width <= _BOLD * np.median(width)]
    share = min(1.0, float(width.sum()) / np.count_nonzero(mask))
    widest, middle = float(np.quantile(width, _QUANTILE)), float(np.median(width))
    if widest > _MIXED * middle:
        widest = middle
    if widest > _WIDE * max(mask.shape) and _spilt(mask, place, widest, unit) > _SPILT:
        return 0.0, 0.0
    return widest / unit, share


def _spilt(mask: NDArray[np.bool_], place: NDArray[np.intp], width: float, unit: float) -> float:
    """What a line of one width along ridge points (K, 2) puts beside the ink, as a share of the ink.

    A pixel of the picture, ``unit`` px, along the outline is not counted: the grid is no more exact.
    """
    line = np.zeros(mask.shape, dtype=bool)
    line[tuple(place.T)] = True
    beside = distance_at(line, *np.nonzero(~mask), reach=width / 2) < width / 2 - unit
    return float(np.count_nonzero(beside) / np.count_nonzero(mask))


def _is_line(place: NDArray[np.intp], width: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which ridge points (K, 2) lie on a stretch of even width (K,).

    Points are looked up octave by octave of their widths, neighbouring points of about one width
    as one place with their number, so that the work does not grow with the width.
    """
    line = np.zeros(len(place), dtype=bool)
    octave = np.floor(np.log2(width)).astype(np.intp)
    for k in np.unique(octave):
        cell = max(1.0, 2.0**k / _CELLS)
        spot, wide, count, spot_of = _spots(place, width, cell)
        asked = np.unique(spot_of[octave == k])
        alike, near, near_alike = np.zeros((3, len(spot)))
        for point, other in _pairs(spot, asked, _AROUND * wide[asked]):
            like = np.abs(wide[other] - wide[point]) <= _ABOUT * wide[point] + _GRID_PX
            close = np.hypot(*(spot[other] - spot[point]).T) <= wide[point]
            for total, which in ((alike, like), (near, close), (near_alike, like & close)):
                total += np.bincount(point[which], count[other[which]], minlength=len(spot))
        even = (alike >= _LONG * wide) & (near_alike >= _EVEN * near)
        line[octave == k] = even[spot_of[octave == k]]
    return line


def _spots(
    place: NDArray[np.intp], width: NDArray[np.float64], cell: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Points (K, 2) of one cell and one class of width as one: its place, width, number, and whose it is."""
    if cell <= 1.0:
        everything = np.arange(len(place))
        return place.astype(np.float64), width, np.ones(len(place), dtype=np.intp), everything
    key = np.column_stack([np.floor(place / cell), np.floor(_CLASSES * np.log2(width))])
    _, spot_of, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    spot_of = spot_of.ravel()
    mean = [np.bincount(spot_of, weights=values) / count for values in (*place.T, width)]
    return np.column_stack(mean[:2]), mean[2], count, spot_of


def _ridge(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The skeleton's pixels (K, 2), and the width of the ink across each."""
    place = np.argwhere(skeletonize(mask))  # type: ignore[no-untyped-call]
    return place, np.maximum(2.0 * depth(mask)[tuple(place.T)] - 1.0, 1.0)


def _pairs(
    place: NDArray[np.float64], asked: NDArray[np.intp], reach: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The numbers of points asked for, each with every place (K, 2) within its reach, itself included."""
    tree = cKDTree(place)
    for low in range(0, len(asked), _BLOCK):
        some = asked[low : low + _BLOCK]
        near = tree.query_ball_point(place[some], reach[low : low + _BLOCK])
        yield np.repeat(some, [len(others) for others in near]), np.concatenate(near).astype(np.intp)


def _enlarged(ink: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    """As ``_reduced``, but small pictures are made larger."""
    height, width = ink.shape
    if max(height, width) >= _SMALL_PX:
        return _reduced(ink)
    step = min(-(-_SMALL_PX // max(height, width)), _LARGEST_STEP)
    return ink_mask(resized(ink, (width * step, height * step), Image.Resampling.BICUBIC)), float(step)


def _reduced(ink: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    """The mask of the ink, at most ``_PIXELS`` large, and how many of its pixels make one of the picture."""
    field, unit = reduced(ink, _PIXELS)
    return ink_mask(field), unit
