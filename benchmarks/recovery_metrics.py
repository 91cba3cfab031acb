"""AIoU and LDTW: the two figures by which published work measures a recovered pen path.

Nouns:
    glyph      the ink of the picture, as a mask
    path       the drawn points of a pen in order, without those above the paper
    alignment  a monotone way through all pairs of points of two paths, from the first to the last

Symbols: P the path's line, one pixel wide; D^n its dilation by n squares of 3 x 3; G the glyph.

    AIoU   max over n = 0, 1, ... of |D^n P and G| / |D^n P or G|, stopped as soon as it falls:
           how much of the glyph the line covers, whatever the pen's width
    LDTW   min over alignments of the sum of |p_i - g_j| (dynamic time warping), over the number
           of pairs in that alignment: the mean distance of points drawn at the same time

LDTW is in 1/64 of the longer side of the writing's box, the size of the pictures in the source.
Paths are ``_POINTS`` points at equal steps along the ink, since neither of two pens has its points where the
other has.

Source: Z. Chen, D. Yang, J. Liang et al., "Complex handwriting trajectory recovery: evaluation
metrics and algorithm" (PEN-Net), ACCV 2022. The paper leaves the dilation's kernel and the points of
a path open; what is said here is what is done here, so compare with published figures with care.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.picture.parts import ink_mask
from strokebot.raster import draw_ink, segments_down
from strokebot.training import truth

Floats = NDArray[np.float64]

_EIGHT = np.ones((3, 3), dtype=bool)
# Side of the pictures in the source: the unit of LDTW is a pixel there.
_SIDE = 64.0
# Points of a path: a word of ten letters has about 500 px of line.
_POINTS = 256


def aiou(gesture: Gesture, image: InkImage) -> float:
    """AIoU of a gesture and the ink of its picture; see the top of the file."""
    points = gesture.positions * image.longer_side
    ones = np.ones(len(points))
    down = segments_down(gesture.pen_down)
    line = draw_ink(points, ones, ones, down, (image.height, image.width)) >= 0.5
    return adaptive_iou(line, ink_mask(image.ink))


def adaptive_iou(line: NDArray[np.bool_], glyph: NDArray[np.bool_]) -> float:
    """AIoU of a line (H, W), one pixel wide, and a glyph (H, W); 1 if both are empty."""
    best = -1.0
    while True:
        union = np.count_nonzero(line | glyph)
        now = np.count_nonzero(line & glyph) / union if union else 1.0
        if now <= best:
            return best
        best = now
        line = ndimage.binary_dilation(line, _EIGHT)


def ldtw(gesture: Gesture, image: InkImage, strokes: Sequence[Floats]) -> float:
    """LDTW of a gesture and the true strokes (K, 2), px of the picture; see the top of the file."""
    drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
    joined = np.concatenate(list(strokes))
    inside = np.ones(len(joined) - 1, dtype=bool)
    inside[np.cumsum([len(stroke) for stroke in strokes])[:-1] - 1] = False
    one, _ = truth.along_ink((gesture.positions * image.longer_side)[None], drawn[None], _POINTS)
    other, _ = truth.along_ink(joined[None], inside[None], _POINTS)
    unit = max(float(np.ptp(joined, axis=0).max()), 1e-9) / _SIDE
    return warped_distance(one[0], other[0]) / unit


def warped_distance(one: Floats, other: Floats) -> float:
    """Sum of distances over the best alignment of two paths (n, 2) and (m, 2), over its pairs.

    Of alignments that cost the same, that with the fewest pairs counts.
    """
    n, m = len(one), len(other)
    cost = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1))
    # Along anti-diagonals i + j = k everything depends on the two before: no loop over cells.
    before: list[tuple[Floats, Floats, int]] = []
    for k in range(n + m - 1):
        low, high = max(0, k - m + 1), min(n - 1, k)
        i = np.arange(low, high + 1)
        total, pairs = np.full(len(i), np.inf), np.full(len(i), np.inf)
        if k == 0:
            total[:], pairs[:] = 0.0, 0.0
        for back, step in ((1, 0), (1, 1), (2, 1)):  # left, up, both: i - step of diagonal k - back
            if back > len(before):
                continue
            sums, counts, first = before[-back]
            at = i - step - first
            fits = (at >= 0) & (at < len(sums))
            there = np.where(fits, at, 0)
            new = np.where(fits, sums[there], np.inf)
            long = np.where(fits, counts[there], np.inf)
            better = (new < total) | ((new == total) & (long < pairs))
            total, pairs = np.where(better, new, total), np.where(better, long, pairs)
        before = [*before[-1:], (total + cost[i, k - i], pairs + 1.0, low)]
    sums, counts, _ = before[-1]
    return float(sums[0] / counts[0])
