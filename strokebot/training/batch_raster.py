"""The independent rasteriser for many small pictures at once; ``strokebot.raster`` is its oracle.

Nouns, symbols and equations are those of ``strokebot.raster.draw_ink``. Here segment k of all
gestures is drawn in one go: the segments are sorted by the size of the window that each can
touch, and those of like size share one array operation. Two segments of one gesture are
never drawn together, so that taking the greater ink needs no locking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.raster import SUBSAMPLES

# Pictures drawn together, which bounds the memory, and segments in one array operation:
# few enough to share a window size and to stay in the processor's cache.
_PICTURES = 256
_SEGMENTS = 64


def draw_batch(
    xy_px: NDArray[np.float64],
    width_px: NDArray[np.float64],
    intensity: NDArray[np.float64],
    pen_down: NDArray[np.bool_],
    side_px: int,
) -> NDArray[np.float32]:
    """Renders polylines of equally many points into square pictures.

    Args:
        xy_px: (B, N, 2) points, px, y down.
        width_px: (B, N) full line widths, px, at least 0.
        intensity: (B, N) ink in [0, 1].
        pen_down: (B, N) True where the segment k-1 -> k is drawn; entry 0 matters only for N = 1.
        side_px: side of each picture, px.

    Returns:
        (B, side, side) float32 ink in [0, 1].
    """
    table = np.concatenate([xy_px, width_px[..., None] / 2, intensity[..., None]], axis=2)
    table = table * [SUBSAMPLES, SUBSAMPLES, SUBSAMPLES, 1.0]
    down = pen_down
    if table.shape[1] == 1:
        table, down = np.repeat(table, 2, axis=1), np.repeat(down, 2, axis=1)
    pictures = np.zeros((len(table), side_px, side_px), np.float32)
    for first in range(0, len(table), _PICTURES):
        part = slice(first, first + _PICTURES)
        pictures[part] = _draw(table[part], down[part], side_px)
    return pictures


def _draw(table: NDArray[np.float64], down: NDArray[np.bool_], side_px: int) -> NDArray[np.float32]:
    side = side_px * SUBSAMPLES
    # Room to the right and below, so that a window of another segment's size never ends outside.
    canvas = np.zeros((len(table), 2 * side, 2 * side), np.float32)
    for k in range(1, table.shape[1]):
        a, b = table[:, k - 1], table[:, k]
        radius = np.maximum(a[:, 2], b[:, 2])
        low = np.floor(np.minimum(a[:, :2] - a[:, 2:3], b[:, :2] - b[:, 2:3]) - 1).clip(0, side)
        high = np.ceil(np.maximum(a[:, :2] + a[:, 2:3], b[:, :2] + b[:, 2:3]) + 1).clip(0, side)
        extent = (high - low).astype(np.int64)
        chosen = np.flatnonzero(down[:, k] & (radius > 0) & (extent > 0).all(axis=1))
        chosen = chosen[np.argsort(extent[chosen].max(axis=1), kind="stable")]
        for start in range(0, len(chosen), _SEGMENTS):
            i = chosen[start : start + _SEGMENTS]
            columns, rows = extent[i].max(axis=0)
            _lay(canvas, i, low[i].astype(np.int64), int(columns), int(rows), a[i], b[i])
    inside = canvas[:, :side, :side]
    cells = inside.reshape(len(table), side_px, SUBSAMPLES, side_px, SUBSAMPLES)
    return np.asarray(cells.mean(axis=(2, 4)))


def _lay(
    canvas: NDArray[np.float32],
    i: NDArray[np.intp],
    low: NDArray[np.int64],
    columns: int,
    rows: int,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> None:
    """Lays one capsule on each of the pictures ``i``, within windows of one size."""

    def column(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return values.astype(np.float32)[:, None, None]

    vector = b[:, :2] - a[:, :2]
    length = np.hypot(vector[:, 0], vector[:, 1])
    growth = b[:, 2] - a[:, 2]
    swallowed = np.abs(growth) >= length
    safe = np.where(swallowed, 1.0, length)
    unit = vector / safe[:, None]
    slope = np.where(swallowed, 0.0, growth / safe)
    lean = slope / np.sqrt(1 - slope**2)
    # Samples relative to a, from whole numbers and a fraction, so that 32-bit floats suffice.
    dx = (np.arange(columns) + 0.5).astype(np.float32)[None, None, :] + column(low[:, 0] - a[:, 0])
    dy = (np.arange(rows) + 0.5).astype(np.float32)[None, :, None] + column(low[:, 1] - a[:, 1])
    ux, uy = column(unit[:, 0]), column(unit[:, 1])
    away = np.abs(dx * uy - dy * ux)
    t = np.clip((dx * ux + dy * uy + away * column(lean)) * column(1 / safe), 0.0, 1.0)
    t[swallowed] = (growth[swallowed] > 0).astype(np.float32)[:, None, None]
    off_x, off_y = dx - t * column(vector[:, 0]), dy - t * column(vector[:, 1])
    d = np.sqrt(off_x * off_x + off_y * off_y)
    r = column(a[:, 2]) + t * column(growth)
    ink = np.clip(np.minimum(d + 0.5, r) - np.maximum(d - 0.5, -r), 0.0, 1.0)
    ink *= column(a[:, 3]) + t * column(b[:, 3] - a[:, 3])
    window = (
        i[:, None, None],
        low[:, 1][:, None, None] + np.arange(rows)[None, :, None],
        low[:, 0][:, None, None] + np.arange(columns)[None, None, :],
    )
    canvas[window] = np.maximum(canvas[window], ink)
