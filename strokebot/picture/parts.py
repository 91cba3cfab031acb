"""The connected parts of an ink image: which pixels are ink, and which hang together.

Symbols:
    I(x)   ink in [0, 1]
    M(x)   greatest ink within ``REACH_PX`` of x
    T(x)   threshold, clip(M(x) / 2, ``FAINTEST_INK``, 1/2)
    d      distance from an ink pixel to the nearest paper pixel, px

A pixel is ink where I >= T: the edge of a black line is found at half ink, and a
hairline that an antialiasing renderer left at 0.4 is kept whole, since its
threshold is half of its own darkness.

Width of a part: across a line of width w the mean of d is w / 4 (d rises
linearly from 0 at the edge to w / 2 in the middle), so w = 4 mean(d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.arrays import frozen_array
from strokebot.errors import ImageError
from strokebot.picture.extrema import square_maximum

# Ink fainter than this is never drawn: it lies in the noise of scans and JPEG files.
FAINTEST_INK = 0.2
# Half ink is the edge of a line of full ink.
_HALF = 0.5
# The darkness of a line is looked for this far around a pixel; its core is never farther
# from its own edge than a pixel or two.
REACH_PX = 2
# Neighbours: edges and corners.
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Parts:
    """Connected parts of ink, numbered from 0.

    Attributes:
        labels: (H, W) int32, part number + 1, 0 = paper.
        box: (N, 4) int64, first and last-plus-one pixel x0, y0, x1, y1.
        area: (N,) ink pixels.
        width: (N,) mean line width, px.
        depth: (H, W) distance of each ink pixel's centre to the nearest paper pixel's, px.
    """

    labels: NDArray[np.int32]
    box: NDArray[np.int64]
    area: NDArray[np.float64]
    width: NDArray[np.float64]
    depth: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.box)
        for name, shape, dtype in (
            ("labels", (None, None), np.int32),
            ("box", (n, 4), np.int64),
            ("area", (n,), np.float64),
            ("width", (n,), np.float64),
            ("depth", (None, None), np.float64),
        ):
            object.__setattr__(
                self, name, frozen_array(name, getattr(self, name), shape, ImageError, dtype=dtype)
            )

    def __len__(self) -> int:
        return len(self.box)

    @property
    def line_width(self) -> float:
        """Typical line width of the picture, px: the median over length (0 without parts)."""
        if len(self) == 0:
            return 0.0
        order = np.argsort(self.width, kind="stable")
        length = (self.area / self.width)[order]
        middle = int(np.searchsorted(np.cumsum(length), length.sum() / 2))
        return float(self.width[order][min(middle, len(self) - 1)])


def ink_mask(ink: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tells ink from paper.

    Args:
        ink: (H, W) in [0, 1].

    Returns:
        (H, W) bool, True where there is ink.
    """
    around = square_maximum(ink, 2 * REACH_PX + 1)
    return np.asarray(ink >= np.clip(_HALF * around, FAINTEST_INK, _HALF))


def find_parts(ink: NDArray[np.float32]) -> Parts:
    """Finds the connected parts of ink; what is noise was left out when the picture was seen.

    Args:
        ink: (H, W) in [0, 1].

    Returns:
        The parts, in the order of their first pixel, row by row.
    """
    mask = ink_mask(ink)
    labels, count = ndimage.label(mask, structure=_EIGHT)
    return _measure(labels.astype(np.int32), int(count), mask)


def line_width(ink: NDArray[np.float32]) -> float:
    """Typical line width of ink (H, W), px, at once: two edges run along a line (1 at least).

    Twice the area over the length of the edges, which is the number of steps between
    ink and paper pixels, times pi / 4 for lines of all directions.
    """
    mask = np.pad(ink_mask(ink), 1)
    steps = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return max(1.0, 2.0 * np.count_nonzero(mask) / max(steps * np.pi / 4, 1.0))


def _measure(labels: NDArray[np.int32], count: int, mask: NDArray[np.bool_]) -> Parts:
    if count == 0:
        return Parts(labels, np.zeros((0, 4), np.int64), np.zeros(0), np.zeros(0), np.zeros(mask.shape))
    # A frame of paper: ink that runs off the picture ends there.
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    number = labels[mask]
    area = np.bincount(number, minlength=count + 1)[1:].astype(np.float64)
    # The distance is taken between pixel centres, so half a pixel comes off.
    mean = np.bincount(number, weights=depth[mask] - 0.5, minlength=count + 1)[1:] / area
    box = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels)]
    return Parts(labels, np.array(box, dtype=np.int64), area, np.maximum(4.0 * mean, 1.0), depth)
