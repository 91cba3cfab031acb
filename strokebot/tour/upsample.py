"""The picture at the size at which its skeleton is made, with the parts it had before.

Thin lines and small pictures are enlarged: a skeleton is exact to a pixel, so its
pixels must be small against the line. Enlarging rounds the edges of the ink, which may
part pixels that touched, or join some that did not. The parts of the picture itself
count: what touched is linked again, and between two parts a gap is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from strokebot.geometry.distance import depth
from strokebot.geometry.pixels import reduced, repeated, resized
from strokebot.picture.parts import find_parts, ink_mask, line_width

# Lines are enlarged to about this many working px for a skeleton that follows them.
_LINE_PX = 8.0
# Enlargement at most, and working pixels at most (time and memory).
_LARGEST_UNIT = 4
_WORKING_PIXELS = 4_000_000


@dataclass(frozen=True, eq=False)
class UpsampledInk:
    """The resampled picture.

    Attributes:
        ink: (H, W) float32 in [0, 1].
        labels: (H, W) int32, part number + 1, 0 = paper.
        depth: (H, W) distance of each ink pixel's centre to the nearest paper pixel's, working px.
        box: (N, 4) x0, y0, x1, y1 of each part, px of the picture.
        unit: working px in one px of the picture.
    """

    ink: NDArray[np.float32]
    labels: NDArray[np.int32]
    depth: NDArray[np.floating]
    box: NDArray[np.float64]
    unit: float


def prepare(ink: NDArray[np.float32]) -> UpsampledInk:
    """Resamples a picture for the skeleton.

    Args:
        ink: (H, W) in [0, 1].

    Returns:
        The picture at working size. Very large ones are reduced, and small marks
        that touch in the reduced picture are one part.
    """
    field, unit = reduced(ink, _WORKING_PIXELS)
    if unit < 1.0:
        parts = find_parts(field)
        return UpsampledInk(field, parts.labels, parts.depth, parts.box / unit, unit)
    height, width = ink.shape
    room = float(np.sqrt(_WORKING_PIXELS / ink.size))
    parts = find_parts(ink)
    times = min(max(1, int(np.ceil(_LINE_PX / line_width(ink)))), _LARGEST_UNIT, int(room))
    box = parts.box.astype(np.float64)
    if times == 1:
        return UpsampledInk(ink, parts.labels, parts.depth, box, 1.0)
    field = resized(ink, (width * times, height * times), Image.Resampling.BICUBIC)
    labels = _labels(field, parts.labels, times)
    return UpsampledInk(field, labels, depth(labels > 0), box, float(times))


def _labels(field: NDArray[np.float32], parts: NDArray[np.int32], unit: int) -> NDArray[np.int32]:
    """The parts (h, w) of a picture in its enlarged ink (h unit, w unit): as many, joined as before."""
    labels = np.where(ink_mask(field), repeated(_grown(parts), unit), 0)
    rows, columns = np.nonzero(parts)
    number = parts[rows, columns]
    middle = unit // 2
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        there = _shifted(parts, dy, dx)[rows, columns] > 0
        if dy and dx:  # across a corner only where there is no way around it
            there &= (_shifted(parts, dy, 0)[rows, columns] == 0) & (
                _shifted(parts, 0, dx)[rows, columns] == 0
            )
        r, c, n = rows[there] * unit + middle, columns[there] * unit + middle, number[there]
        for step in range(unit + 1):
            labels[r + step * dy, c + step * dx] = n
    rows, columns = rows * unit + middle, columns * unit + middle
    labels[rows, columns] = number
    # Where two parts meet, the one of the greater number gives way.
    y, x = np.nonzero(labels)
    own = labels[y, x]
    clash = np.zeros(len(own), dtype=bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            other = _shifted(labels, dy, dx)[y, x]
            clash |= (other > 0) & (other < own)
    labels[y[clash], x[clash]] = 0
    labels[rows, columns] = number
    return _whole(labels, rows, columns)


def _grown(parts: NDArray[np.int32]) -> NDArray[np.int32]:
    """The parts (h, w) and the paper pixels beside them: first across edges, then across corners."""
    grown = parts.copy()
    for around in (((0, 1), (1, 0), (0, -1), (-1, 0)), ((1, 1), (1, -1), (-1, 1), (-1, -1))):
        before = grown.copy()
        for dy, dx in around:
            np.copyto(grown, _shifted(parts, dy, dx), where=(before == 0) & (grown == 0))
    return grown


def _shifted(parts: NDArray[np.int32], dy: int, dx: int) -> NDArray[np.int32]:
    """The neighbour dy below and dx to the right of each pixel, each -1 to 1; 0 outside."""
    height, width = parts.shape
    return np.pad(parts, 1)[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def _whole(labels: NDArray[np.int32], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.int32]:
    """Drops enlarged ink that hangs on no pixel of its part."""
    pieces, count = ndimage.label(labels > 0, structure=np.ones((3, 3), dtype=bool))
    held = np.zeros(count + 1, dtype=bool)
    held[pieces[rows, columns]] = True
    return np.where(held[pieces], labels, 0).astype(np.int32)
