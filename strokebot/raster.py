"""The independent rasteriser: what a pen leaves on a pixel grid, and how close that is to a picture.

It shares no code with the differentiable pens and is the judge of what was drawn.

Nouns:
    capsule   the area that a round pen covers on a straight segment while its
              width changes linearly: the convex hull of the two end discs
    coverage  the share of a (sub)pixel that lies inside a capsule

Symbols, in pixels (y down, pixel i spans [i, i + 1], its centre lies at i + 0.5):
    a, b      ends of a segment, L = |b - a|
    r_a, r_b  half the line width at the ends,  k = (r_b - r_a) / L
    x, y      a sample in the frame of the segment: along it, and away from it (y >= 0)
    t         the position on the segment whose disc reaches the sample first

    |p - c(t)| - r(t) is convex in t; its derivative vanishes at
        t = (x + y k / sqrt(1 - k^2)) / L,    clipped to [0, 1]
    and for |k| >= 1 the greater disc holds the smaller one: t = 0 or t = 1.

    coverage(p) = length of [d - h, d + h] inside [-r, r], over 2 h,
        d = |p - c(t)|,  r = r(t),  h = half a subsample
    which is exact across a straight line of any width, thinner ones than a
    subsample included.

Every pixel is the mean of SUBSAMPLES x SUBSAMPLES samples, and a sample holds
the GREATEST intensity of the segments over it: a retraced line is not darker.

Source: the distance to the hull of two discs is elementary (see the equations
above); box-filtered coverage is described in E. Catmull, "A hidden-surface
algorithm with anti-aliasing", SIGGRAPH 1978.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from strokebot.arrays import frozen_array
from strokebot.errors import GestureError
from strokebot.trajectory.polyline import simplify

# Samples a pixel side. Against 20 a side, the worst pixel of random lines is off by 0.017 (0.05 at most).
SUBSAMPLES = 4
# Longest piece of a segment, px: a long diagonal in one piece would fill its whole bounding box.
_PIECE_PX = 24.0
# Rows of pixels worked on at a time: bounds the memory for large pictures.
_BAND_ROWS = 256
# Recorded paths are far denser than pixels; a point this near to the line without it is left out.
_THIN_PX = 0.02

# From this ink on a pixel counts as ink.
INK_THRESHOLD = 0.5
# "At the same place" for recall and precision: the half-pixel of the grid on either side and
# half a pixel of drawing error, px.
TOLERANCE_PX = 1.5
# A drawn line thinner than a pixel never covers half of one, so for recall and precision a
# pixel counts as drawn from this share of the darkest drawn pixel on (never above INK_THRESHOLD).
_MARK_SHARE = 0.25
# Equal pictures have no finite PSNR; the report says this instead, dB.
MAX_PSNR_DB = 100.0


def segments_down(point_down: ArrayLike) -> NDArray[np.bool_]:
    """Turns "the pen is down AT point k" into "the segment k-1 -> k is drawn".

    ``Gesture.pen_down`` is of the first kind, ``Path.pen_down`` and ``draw_ink`` of the
    second. A segment is drawn if the pen is down at both of its ends; a point that is
    down between two that are up is a dot, which the second kind cannot tell, so entry 0
    says whether the first point is down.

    Args:
        point_down: (N,) bool.

    Returns:
        (N,) bool.
    """
    down = np.asarray(point_down, dtype=bool)
    return np.concatenate([down[:1], down[1:] & down[:-1]])


def draw_ink(
    xy_px: ArrayLike,
    width_px: ArrayLike,
    intensity: ArrayLike,
    pen_down: ArrayLike,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Renders a polyline of changing width and intensity.

    Args:
        xy_px: (K, 2) points, px, y down.
        width_px: (K,) full line widths, px.
        intensity: (K,) ink in [0, 1].
        pen_down: (K,) bool, True where the segment k-1 -> k is drawn; entry 0 matters
            only for a single point (K = 1), which is drawn as a dot.
        shape: (height, width) of the picture, px.

    Returns:
        (height, width) float32 in [0, 1], 1 = full ink. Ink outside the picture is lost.

    Raises:
        GestureError: for a wrong shape or a value out of range.
    """
    points = np.asarray(frozen_array("xy_px", xy_px, (None, 2), GestureError), dtype=np.float64)
    n = len(points)
    width = np.asarray(frozen_array("width_px", width_px, (n,), GestureError, low=0.0))
    ink = np.asarray(frozen_array("intensity", intensity, (n,), GestureError, low=0.0, high=1.0))
    down = np.asarray(frozen_array("pen_down", pen_down, (n,), GestureError, dtype=bool))
    if n == 1:
        points, width, ink, down = (np.repeat(v, 2, axis=0) for v in (points, width, ink, down))
    table = np.column_stack([points, width / 2, ink]) * [SUBSAMPLES, SUBSAMPLES, SUBSAMPLES, 1.0]
    segments = _pieces(table, down)

    height, width_n = shape
    picture = np.zeros(shape, dtype=np.float32)
    top = (segments[:, [1, 5]] - segments[:, [2, 6]]).min(axis=1) - 1
    bottom = (segments[:, [1, 5]] + segments[:, [2, 6]]).max(axis=1) + 1
    for first in range(0, height, _BAND_ROWS):
        last = min(first + _BAND_ROWS, height)
        canvas = np.zeros(((last - first) * SUBSAMPLES, width_n * SUBSAMPLES), dtype=np.float32)
        touches = (bottom > first * SUBSAMPLES) & (top < last * SUBSAMPLES)
        for segment in segments[touches]:
            _draw_segment(canvas, segment, first * SUBSAMPLES)
        cells = canvas.reshape(last - first, SUBSAMPLES, width_n, SUBSAMPLES)
        picture[first:last] = cells.mean(axis=(1, 3))
    return picture


def _pieces(table: NDArray[np.float64], down: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Drawn segments as rows (x, y, r, ink) twice, none longer than ``_PIECE_PX``."""
    starts, ends = table[:-1][down[1:]], table[1:][down[1:]]
    length = np.hypot(*(ends - starts)[:, :2].T)
    count = np.maximum(1, np.ceil(length / (_PIECE_PX * SUBSAMPLES)).astype(int))
    which = np.repeat(np.arange(len(starts)), count)
    index = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    low = (index / count[which])[:, None]
    high = ((index + 1) / count[which])[:, None]
    first, step = starts[which], (ends - starts)[which]
    return np.hstack([first + step * low, first + step * high])


def _draw_segment(canvas: NDArray[np.float32], segment: NDArray[np.float64], row_offset: int) -> None:
    """Lays one capsule over the subsampled canvas, whose first row is ``row_offset``."""
    ax, ay, ra, ia, bx, by, rb, ib = segment.tolist()
    ay, by = ay - row_offset, by - row_offset
    rows, columns = canvas.shape
    left = max(0, int(min(ax - ra, bx - rb) - 1))
    right = min(columns, int(max(ax + ra, bx + rb) + 2))
    top = max(0, int(min(ay - ra, by - rb) - 1))
    bottom = min(rows, int(max(ay + ra, by + rb) + 2))
    if left >= right or top >= bottom or max(ra, rb) <= 0:
        return
    dx = np.arange(left, right) + (0.5 - ax)
    dy = (np.arange(top, bottom) + (0.5 - ay))[:, None]
    length = float(np.hypot(bx - ax, by - ay))
    if abs(rb - ra) >= length:
        t: NDArray[np.float64] | float = 1.0 if rb > ra else 0.0
    else:
        ux, uy, k = (bx - ax) / length, (by - ay) / length, (rb - ra) / length
        away = np.abs(dx * uy - dy * ux)
        t = np.clip((dx * ux + dy * uy + away * (k / np.sqrt(1 - k * k))) / length, 0.0, 1.0)
    d = np.hypot(dx - t * (bx - ax), dy - t * (by - ay))
    r = ra + t * (rb - ra)
    coverage = np.clip(np.minimum(d + 0.5, r) - np.maximum(d - 0.5, -r), 0.0, 1.0)
    ink = coverage if ia == ib == 1.0 else coverage * (ia + t * (ib - ia))
    area = canvas[top:bottom, left:right]
    np.maximum(area, ink, out=area, casting="same_kind")


def thin(
    xy_px: NDArray[np.float64], width_px: NDArray[np.float64], pen_down: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Chooses the points of a dense recording that matter on a pixel grid.

    Args:
        xy_px: (K, 2) points, px.
        width_px: (K,) line widths, px.
        pen_down: (K,) whether the segment k-1 -> k is drawn.

    Returns:
        Indices into the points, ascending. The edges of the line through them stay within
        twice ``_THIN_PX`` of those of the whole line; both ends of every pen change are kept.
    """
    change = np.zeros(len(pen_down), dtype=bool)
    change[:-1] = pen_down[1:] != pen_down[:-1]
    return simplify(np.column_stack([xy_px, width_px / 2]), _THIN_PX, keep=change)


def fidelity(ink: ArrayLike, drawn: ArrayLike) -> dict[str, float]:
    """Compares a drawn picture with its original, pixel by pixel.

    Args:
        ink: (H, W) the original, in [0, 1].
        drawn: (H, W) what was drawn, in [0, 1].

    Returns:
        mse: mean squared difference.
        psnr: 10 log10(1 / mse) in dB, at most ``MAX_PSNR_DB``.
        iou: intersection over union of the pixels with ink from ``INK_THRESHOLD`` on;
            1 if both pictures are empty.
        ink_recall: share of the original's ink pixels with a drawn pixel within
            ``TOLERANCE_PX`` (between centres); 1 if there is no ink.
        ink_precision: share of the drawn ink that lies within ``TOLERANCE_PX`` of an ink
            pixel of the original; 1 if nothing was drawn.

    Raises:
        GestureError: if the shapes differ or a value is out of range.
    """
    want = np.asarray(frozen_array("ink", ink, (None, None), GestureError, low=0.0, high=1.0))
    have = np.asarray(frozen_array("drawn", drawn, want.shape, GestureError, low=0.0, high=1.0))
    mse = float(np.mean((want - have) ** 2))
    want_ink, have_ink = want >= INK_THRESHOLD, have >= INK_THRESHOLD
    union = np.count_nonzero(want_ink | have_ink)
    peak = float(have.max(initial=0.0))
    marks = (have >= min(INK_THRESHOLD, _MARK_SHARE * peak)) & (have > 0)
    total = float(have.sum())
    return {
        "mse": mse,
        "psnr": float(min(MAX_PSNR_DB, -10 * np.log10(mse))) if mse > 0 else MAX_PSNR_DB,
        "iou": float(np.count_nonzero(want_ink & have_ink) / union) if union else 1.0,
        "ink_recall": float(_near(marks)[want_ink].mean()) if want_ink.any() else 1.0,
        "ink_precision": float(have[_near(want_ink)].sum() / total) if total > 0 else 1.0,
    }


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels within ``TOLERANCE_PX`` of the mask."""
    if not mask.any():
        return mask
    return np.asarray(distance_transform_edt(~mask) <= TOLERANCE_PX)


def skeleton_length_px(ink: ArrayLike) -> float:
    """Length of the centre lines of a picture, px.

    Neighbouring skeleton pixels count 1, diagonal neighbours sqrt(2) unless a common
    neighbour already joins them (the usual weights of
    8-connected curves, H. Freeman, "Boundary encoding and processing", 1970).

    Args:
        ink: (H, W) in [0, 1].
    """
    from skimage.morphology import skeletonize  # slow to import, and for this number only

    skeleton = skeletonize(np.asarray(ink) >= INK_THRESHOLD)  # type: ignore[no-untyped-call]
    bone: NDArray[np.bool_] = np.zeros((skeleton.shape[0] + 2, skeleton.shape[1] + 2), dtype=np.bool_)
    bone[1:-1, 1:-1] = skeleton
    straight = np.count_nonzero(bone[1:] & bone[:-1]) + np.count_nonzero(bone[:, 1:] & bone[:, :-1])
    falling = bone[1:, 1:] & bone[:-1, :-1] & ~bone[1:, :-1] & ~bone[:-1, 1:]
    rising = bone[1:, :-1] & bone[:-1, 1:] & ~bone[1:, 1:] & ~bone[:-1, :-1]
    return float(straight + np.sqrt(2) * (np.count_nonzero(falling) + np.count_nonzero(rising)))
