"""Flat areas of line art as tone: an even hatching in strokes of the pen.

Nouns and symbols:
    area       pixels of one flat darkness d, (H, W)
    row        a straight line across the area, at ``_ANGLE`` degrees
    run        the piece of a row inside the area
    s          distance of the rows, px;  w = width of the stroke, px

Strokes of width w at distance s cover w / s of the area, so s = w / d. Strokes need paper between them, so
where d is high the stroke is made wider: w = max(thinnest, gap d / (1 - d)), up to the widest of the pen.
Runs of neighbouring rows that lie over each other are walked to and fro as one stroke, so that an area costs
few lifts. The hatching is laid into the ink of the picture: the tour draws it like any other line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.raster import draw_ink

Field = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ANGLE = 45.0
# Paper between two strokes, px of the picture: less is lost in its pixels.
_LEAST_GAP_PX = 2.2
_LEAST_WIDTH_PX = 1.2
# Paper between the hatching and the lines round it, px.
_RIM_PX = 1.0
# Areas this much apart in darkness are hatched apart; paler ones than the least are left out.
_STEP, _LEAST_DARKNESS = 0.04, 0.05
_SAMPLE_PX = 0.5
# An area of fewer px holds no stroke; ink from so much on is a line that is kept clear of.
_LEAST_AREA_PX, _LINE_INK = 25, 0.25
_EIGHT = np.ones((3, 3), dtype=bool)


def hatched(areas: Field, line_ink: Field, pen_px: tuple[float, float]) -> Field:
    """Hatching of the areas, as ink.

    Args:
        areas: (H, W) in [0, 1], darkness of flat areas, 0 where there is none.
        line_ink: (H, W) in [0, 1], the lines that the hatching keeps clear of.
        pen_px: thinnest and widest line of the pen, px.

    Returns:
        (H, W) in [0, 1].
    """
    found = np.zeros_like(areas)
    level = np.round(areas / _STEP).astype(np.int32)
    for value in np.unique(level[areas >= _LEAST_DARKNESS]):
        mask = (np.abs(level - value) <= 1) & (areas >= _LEAST_DARKNESS)
        labels, _ = ndimage.label(mask & (level == value), structure=_EIGHT)
        for number, box in enumerate(ndimage.find_objects(labels), start=1):
            one = np.pad(labels[box] == number, 1)
            if np.count_nonzero(one) < _LEAST_AREA_PX:
                continue
            darkness = float(np.median(areas[box][one[1:-1, 1:-1]]))
            width = float(np.clip(_LEAST_GAP_PX * darkness / (1 - darkness), *_widths(pen_px)))
            bare = np.pad(line_ink[box] < _LINE_INK, 1)
            room = (ndimage.distance_transform_edt(one & bare) > width / 2 + _RIM_PX)[1:-1, 1:-1]
            if not room.any():
                continue
            for stroke in _strokes(room, width / darkness):
                n = len(stroke)
                laid = draw_ink(stroke, np.full(n, width), np.ones(n), np.ones(n, dtype=bool), room.shape)
                np.maximum(found[box], laid, out=found[box])
    return found


def _widths(pen_px: tuple[float, float]) -> tuple[float, float]:
    low = max(pen_px[0], _LEAST_WIDTH_PX)
    return low, max(low, pen_px[1])


def _strokes(room: Mask, spacing: float) -> list[Floats]:
    """Walks to and fro (N, 2) x, y over a mask, rows ``spacing`` px apart."""
    height, width = room.shape
    turn = np.radians(_ANGLE)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    rows, columns = np.nonzero(room)
    places = np.column_stack([columns, rows]) + 0.5
    u, v = places @ along, places @ across
    t = np.arange(u.min() - 1, u.max() + 1, _SAMPLE_PX)
    open_strokes: list[list[Floats]] = []
    done: list[list[Floats]] = []
    for row in np.arange(v.min() + spacing / 2, v.max(), spacing):
        line = t[:, None] * along + row * across
        x, y = np.floor(line).astype(np.intp).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        inside[inside] = room[y[inside], x[inside]]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
        runs = [line[[a, b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 2]
        still: list[list[Floats]] = []
        for stroke in open_strokes:
            end = stroke[-1][-1]
            near = [k for k, run in enumerate(runs) if _joins(room, end, run)]
            if not near:
                done.append(stroke)
                continue
            run = runs.pop(near[0])
            stroke.append(run if np.hypot(*(run[0] - end)) < np.hypot(*(run[1] - end)) else run[::-1])
            still.append(stroke)
        open_strokes = still + [[run] for run in runs]
    return [np.concatenate(stroke) for stroke in (*done, *open_strokes)]


def _joins(room: Mask, end: Floats, run: Floats) -> bool:
    """Whether the way from an end to the nearer end of a run stays in the mask."""
    target = run[0] if np.hypot(*(run[0] - end)) < np.hypot(*(run[1] - end)) else run[1]
    count = max(2, int(np.hypot(*(target - end)) / _SAMPLE_PX))
    way = end + np.linspace(0, 1, count)[:, None] * (target - end)
    x, y = np.floor(way).astype(np.intp).T
    height, width = room.shape
    ok = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return bool(ok.all() and room[y, x].mean() > 0.9)
