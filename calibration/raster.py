"""Lays ink on a pixel grid: what a round pen of changing width leaves on its way.

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

Every pixel is the mean of ``subsamples`` x ``subsamples`` samples, and a sample holds
the GREATEST intensity of the segments over it: a retraced line is not darker.

Source: the distance to the hull of two discs is elementary (see the equations
above); box-filtered coverage is described in E. Catmull, "A hidden-surface
algorithm with anti-aliasing", SIGGRAPH 1978.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Array32: TypeAlias = NDArray[np.float32]

# Samples a pixel side. Against 20 a side, the worst pixel of random lines is off by 0.017 (0.05 at most).
SUBSAMPLES = 4
# Longest piece of a segment, px: a long diagonal in one piece would fill its whole bounding box.
_PIECE_PX = 24.0
# Rows of pixels worked on at a time: bounds the memory for large pictures.
_BAND_ROWS = 256
# Samples worked on at a time: a dozen arrays of so many stay in cache.
_CHUNK_SAMPLES = 16_384
# Segments whose rows are found at a time: bounds the memory too, at some 10 kB each.
_CHUNK_SEGMENTS = 8192
# Rows are made longer to a multiple of so many samples, so that more of them are alike.
_ROW_STEP = 4
# A segment shorter than this many samples is a disc.
_LEAST_LENGTH = 1e-6
# Ink reaches half a sample beyond the radius; the rest is for rounding.
_EDGE = 0.51


def lay_ink(
    xy_px: NDArray[np.float64],
    width_px: NDArray[np.float64],
    intensity: NDArray[np.float64],
    pen_down: NDArray[np.bool_],
    shape: tuple[int, int],
    subsamples: int = SUBSAMPLES,
) -> NDArray[np.float32]:
    """Renders a polyline of changing width and intensity.

    Args:
        xy_px: (K, 2) points, px, y down.
        width_px: (K,) full line widths, px.
        intensity: (K,) ink in [0, 1].
        pen_down: (K,) bool, True where the segment k-1 -> k is drawn; entry 0 matters
            only for a single point (K = 1), which is drawn as a dot.
        shape: (height, width) of the picture, px.
        subsamples: samples a pixel side.

    Returns:
        (height, width) float32 in [0, 1], 1 = full ink. Ink outside the picture is lost.
    """
    if len(xy_px) == 1:
        xy_px, width_px, intensity = (np.repeat(v, 2, axis=0) for v in (xy_px, width_px, intensity))
        pen_down = np.repeat(pen_down, 2)
    scale = float(subsamples)
    table = np.column_stack([xy_px, width_px / 2, intensity]) * [scale, scale, scale, 1.0]
    segments = _pieces(table, pen_down, _PIECE_PX * scale)

    segments = segments[np.maximum(segments[:, 2], segments[:, 6]) > 0]

    height, width_n = shape
    picture = np.zeros(shape, dtype=np.float32)
    top = (segments[:, [1, 5]] - segments[:, [2, 6]]).min(axis=1) - 1
    bottom = (segments[:, [1, 5]] + segments[:, [2, 6]]).max(axis=1) + 1
    for first in range(0, height, _BAND_ROWS):
        last = min(first + _BAND_ROWS, height)
        canvas = np.zeros(((last - first) * subsamples, width_n * subsamples), dtype=np.float32)
        touches = (bottom > first * subsamples) & (top < last * subsamples)
        near = segments[touches]
        for begin in range(0, len(near), _CHUNK_SEGMENTS):
            _draw_segments(canvas, near[begin : begin + _CHUNK_SEGMENTS], first * subsamples)
        picture[first:last] = _means(canvas, subsamples)
    return picture


def _means(canvas: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Means over squares of so many samples a side, added up line by line, which is faster than ``mean``."""
    rows = canvas.reshape(-1, side, canvas.shape[1])
    sums = rows[:, 0].copy()
    for k in range(1, side):
        sums += rows[:, k]
    cells = sums[:, ::side].copy()
    for k in range(1, side):
        cells += sums[:, k::side]
    cells *= np.float32(1.0 / (side * side))
    return cells


def _pieces(table: NDArray[np.float64], down: NDArray[np.bool_], longest: float) -> NDArray[np.float64]:
    """Drawn segments as rows (x, y, r, ink) twice, none longer than ``longest`` subsamples."""
    starts, ends = table[:-1][down[1:]], table[1:][down[1:]]
    length = np.hypot(*(ends - starts)[:, :2].T)
    count = np.maximum(1, np.ceil(length / longest).astype(int))
    which = np.repeat(np.arange(len(starts)), count)
    index = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    low = (index / count[which])[:, None]
    high = ((index + 1) / count[which])[:, None]
    first, step = starts[which], (ends - starts)[which]
    return np.hstack([first + step * low, first + step * high])


class _Rows(NamedTuple):
    """Rows of samples that capsules touch, each (n,): what all samples of a row share.

    All are relative to a, so that 32-bit floats are exact to a ten-thousandth of a sample.
    """

    samples: NDArray[np.intp]  # how many samples, some of them beside the capsule
    start: NDArray[np.intp]  # index of the leftmost one in the canvas
    dx: Array32  # of the leftmost one
    dy: Array32
    step_x: Array32  # b - a
    step_y: Array32
    ux: Array32
    uy: Array32
    along: Array32  # dy u_y
    across: Array32  # dy u_x
    slope: Array32  # k / sqrt(1 - k^2)
    length: Array32
    radius: Array32
    widening: Array32
    ink: Array32
    darkening: Array32


def _draw_segments(canvas: NDArray[np.float32], segments: Array, row_offset: int) -> None:
    """Lays capsules over the subsampled canvas, whose first row is ``row_offset``."""
    rows = _touched_rows(segments, row_offset, canvas.shape)
    if len(rows.samples) == 0:
        return
    flat = canvas.reshape(-1)
    # Rows of one length are worked on together, the samples of each below each other.
    order = np.argsort(rows.samples, kind="stable")
    counts, begins = np.unique(rows.samples[order], return_index=True)
    for count, begin, end in zip(counts.tolist(), begins, [*begins[1:], len(order)], strict=True):
        most = max(1, _CHUNK_SAMPLES // count)
        for first in range(int(begin), int(end), most):
            part = order[first : min(first + most, int(end))]
            chosen = _Rows(rows.samples[part], rows.start[part], *(v[part] for v in rows[2:]))
            _draw_rows(flat, chosen, count)


def _touched_rows(segments: Array, row_offset: int, shape: tuple[int, ...]) -> _Rows:
    """The rows of samples with ink of each capsule, on a canvas of this shape."""
    height, width = shape
    ax, ay, ra, ia, bx, by, rb, ib = segments.T
    ay, by = ay - row_offset, by - row_offset
    top = np.clip((np.minimum(ay - ra, by - rb) - 1).astype(np.intp), 0, height)
    bottom = np.clip((np.maximum(ay + ra, by + rb) + 2).astype(np.intp), 0, height)
    rows = np.maximum(bottom - top, 0)
    of = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(len(of)) - (np.cumsum(rows) - rows - top)[of]

    step_x, step_y, widening = bx - ax, by - ay, rb - ra
    length = np.hypot(step_x, step_y)
    swallowed = np.abs(widening) >= np.where(length < _LEAST_LENGTH, 0.0, length)
    safe = np.where(swallowed, 1.0, length)
    ux, uy, k = (np.where(swallowed, 0.0, v / safe) for v in (step_x, step_y, widening))
    dy = row + (0.5 - ay)[of]
    left, right = _span(dy, *(v[of] for v in (step_x, step_y, ra, rb, ux, uy, k)))
    left = np.clip(np.ceil(left + (ax - 0.5)[of]), 0, width)
    right = np.clip(np.floor(right + (ax - 0.5)[of]) + 1, 0, width)
    touched = np.flatnonzero(right > left)
    of, dy, row = of[touched], dy[touched], row[touched]
    count = np.ceil((right - left)[touched] / _ROW_STEP).astype(np.intp) * _ROW_STEP
    count = np.minimum(count, width)
    column = np.minimum(left[touched].astype(np.intp), width - count)
    # Where one disc holds the other, t is 0 or 1 everywhere.
    along = np.where(swallowed[of], np.where(widening > 0, 2.0, -1.0)[of], dy * uy[of])
    ux, uy, slope, safe, ra, widening, ia, darkening = (
        v[of] for v in (ux, uy, k / np.sqrt(1 - k * k), safe, ra, widening, ia, ib - ia)
    )
    shared = (
        column + (0.5 - ax)[of], dy, step_x[of], step_y[of], ux, uy, along, dy * ux, slope, safe, ra,
        widening, ia, darkening,
    )  # fmt: skip
    return _Rows(count, row * width + column, *(v.astype(np.float32) for v in shared))


def _span(
    dy: Array, step_x: Array, step_y: Array, ra: Array, rb: Array, ux: Array, uy: Array, k: Array
) -> tuple[Array, Array]:
    """Leftmost and rightmost place on a row where a capsule lays ink, from the x of a; none if left > right.

    The hull of two discs ends, on any row, at one of the discs or at one of their common tangents.
    """
    reach_a, reach_b = ra + _EDGE, rb + _EDGE
    half_a = np.sqrt(np.maximum(reach_a * reach_a - dy * dy, 0.0))
    half_b = np.sqrt(np.maximum(reach_b * reach_b - (dy - step_y) ** 2, 0.0))
    on_a, on_b = np.abs(dy) <= reach_a, np.abs(dy - step_y) <= reach_b
    left = np.minimum(np.where(on_a, -half_a, np.inf), np.where(on_b, step_x - half_b, np.inf))
    right = np.maximum(np.where(on_a, half_a, -np.inf), np.where(on_b, step_x + half_b, -np.inf))
    side = np.sqrt(1 - k * k)
    for sign in (-1.0, 1.0):
        mx, my = -k * ux - sign * side * uy, -k * uy + sign * side * ux  # where a tangent touches
        y0, rise = reach_a * my, step_y + (reach_b - reach_a) * my
        share = (dy - y0) / np.where(rise == 0.0, 1.0, rise)
        x = reach_a * mx + share * (step_x + (reach_b - reach_a) * mx)
        on = (share >= 0.0) & (share <= 1.0)
        left, right = np.where(on, np.minimum(left, x), left), np.where(on, np.maximum(right, x), right)
    return left, right


def _draw_rows(canvas: NDArray[np.float32], rows: _Rows, count: int) -> None:
    """Lays rows of ``count`` samples over the flattened canvas."""
    sample = np.arange(count, dtype=np.float32)[:, None]
    half, none, full = np.float32(0.5), np.float32(0.0), np.float32(1.0)
    dx = rows.dx + sample
    away = np.abs(dx * rows.uy - rows.across)
    t = np.clip((dx * rows.ux + rows.along + away * rows.slope) / rows.length, none, full)
    x, y = dx - t * rows.step_x, rows.dy - t * rows.step_y
    d = np.sqrt(x * x + y * y)
    r = rows.radius + t * rows.widening
    coverage = np.clip(np.minimum(d + half, r) - np.maximum(d - half, -r), none, full)
    ink = (coverage * (rows.ink + t * rows.darkening)).ravel()
    where = (rows.start + np.arange(count)[:, None]).ravel()
    while len(where):  # of samples of one place, one a time
        canvas[where] = np.maximum(canvas[where], ink)
        lost = np.flatnonzero(canvas[where] < ink)
        where, ink = where[lost], ink[lost]
