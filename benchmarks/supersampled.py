"""A second rasteriser, plain and slow: polygons and discs on a finer grid, then averaged.

It makes the pictures of the benchmark, so that no drawing is judged by the rasteriser that
made its original, and the tests check ``strokebot.raster`` against it.

A segment from (a, r_a) to (b, r_b) is its two end discs and the quadrilateral between their
diameters across the segment. (For unlike radii that is a little less than the hull of the
discs; the lines drawn here change width slowly.) Greater intensity lies on top.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

# Cells a pixel side: Pillow rounds to whole cells, so an edge is off by a sixteenth of a pixel.
OVERSAMPLING = 8
_LEVELS = 255


def draw_strokes(strokes: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Draws polylines with round ends.

    Args:
        strokes: (K, 3) or (K, 4): x, y, full line width, px (pixel i spans [i, i + 1]), and ink in
            [0, 1], 1 where it is left out.
        shape: (height, width), px.

    Returns:
        (height, width) float32 in [0, 1].
    """
    size = (shape[1] * OVERSAMPLING, shape[0] * OVERSAMPLING)
    image = Image.new("L", size, 0)
    pen = ImageDraw.Draw(image)
    for segment in sorted(_segments(strokes), key=lambda row: row[6]):
        ax, ay, ra, bx, by, rb, ink = segment
        level = round(_LEVELS * ink)
        length = np.hypot(bx - ax, by - ay)
        if length > 0:
            nx, ny = (by - ay) / length, (ax - bx) / length
            corners = [
                (ax + nx * ra, ay + ny * ra),
                (bx + nx * rb, by + ny * rb),
                (bx - nx * rb, by - ny * rb),
                (ax - nx * ra, ay - ny * ra),
            ]
            pen.polygon(corners, fill=level)
        for x, y, r in ((ax, ay, ra), (bx, by, rb)):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=level)
    small = image.reduce(OVERSAMPLING)
    return np.asarray(np.asarray(small) / _LEVELS, dtype=np.float32)


def _segments(strokes: Sequence[NDArray[np.float64]]) -> list[list[float]]:
    """Rows (x, y, r, x, y, r, ink) in cells; Pillow's cell i has its centre at i."""
    rows = []
    for stroke in strokes:
        table = np.asarray(stroke, dtype=np.float64)
        if table.shape[1] == 3:
            table = np.column_stack([table, np.ones(len(table))])
        if len(table) == 1:
            table = np.repeat(table, 2, axis=0)
        cells = table[:, :3] * OVERSAMPLING - [0.5, 0.5, 0.0]
        # Pillow paints the cells under the outline too: half a cell all around.
        cells[:, 2] = np.maximum(cells[:, 2] / 2 - 0.5, 0.0)
        for k in range(len(table) - 1):
            rows.append([*cells[k], *cells[k + 1], float((table[k, 3] + table[k + 1, 3]) / 2)])
    return rows
