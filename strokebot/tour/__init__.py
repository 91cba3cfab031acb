"""Ink becomes one continuous gesture by way of its skeleton; no network, no weights.

    ink -> parts -> skeleton graph -> measured centre lines -> one walk per part
        -> parts in order -> one gesture

Nouns:
    working pixel  pixel of the resampled picture on which the skeleton is made
    unit           working pixels in one pixel of the picture
    piece          the points of one part, (N, 4): x, y, width, intensity

Every connected part is drawn in one go: the pen leaves the paper exactly once
less than there are parts. Where the lines of a part cannot be followed without
interruption, some of them are drawn twice (``postman``): a pen that passes twice
leaves one line. Filled areas are drawn as their skeleton with the width of the area.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.morphology import skeletonize

from strokebot.chain import chain
from strokebot.errors import ImageError
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.image import InkImage
from strokebot.parts import Parts, find_parts, line_width
from strokebot.tour.centreline import Line, measure
from strokebot.tour.graph import Graph, clean, trace
from strokebot.tour.order import order_pieces
from strokebot.tour.postman import leave_direction, postman_walk
from strokebot.tour.simplify import simplify

__all__ = ["tour_gesture"]

Piece: TypeAlias = NDArray[np.float64]

# Lines are enlarged to about this many working px for a skeleton that follows them.
_LINE_PX = 12.0
# Enlargement at most, and working pixels at most (time and memory).
_LARGEST_UNIT = 4
_WORKING_PIXELS = 4_000_000
# A gesture is simplified by at most this deviation, px of the picture.
_TOLERANCE_PX = 0.15
# Lines leaving a node within this cosine of opposite go straight through it.
_STRAIGHT = -0.75
# A drawn point has at least this intensity: under the lift threshold it would not be drawn.
_FAINTEST = LIFT_THRESHOLD + 0.01


def tour_gesture(ink: InkImage) -> Gesture:
    """Draws an ink image as one continuous gesture.

    Args:
        ink: the picture.

    Returns:
        The gesture, canvas units. It has one lift less than the picture has parts.

    Raises:
        ImageError: if nothing in the picture is dark enough to be ink.
    """
    field, unit = _working(ink.ink)
    parts = find_parts(field)
    if len(parts) == 0:
        raise ImageError("The picture has no ink to draw.")
    mask = parts.labels > 0
    graph = trace(np.asarray(skeletonize(mask)), parts.depth)
    clean(graph)
    lines = measure(graph, field, parts.depth, unit)
    pieces: list[Piece | None] = [None] * len(parts)
    for nodes in graph.components():
        column, row = (int(v) for v in graph.place[nodes[0]])
        part = int(parts.labels[min(row, mask.shape[0] - 1), min(column, mask.shape[1] - 1)]) - 1
        if part >= 0 and graph.at[nodes[0]]:
            pieces[part] = _drawn(graph, lines, nodes)
    drawn = [piece if piece is not None else _dot(parts, k, field) for k, piece in enumerate(pieces)]
    compact = [simplify(piece, _TOLERANCE_PX * unit) for piece in drawn]
    ordered = order_pieces(compact, parts.box.astype(np.float64))
    side = unit * ink.longer_side
    scaled = [np.column_stack([p[:, :3] / side, np.clip(p[:, 3], _FAINTEST, 1.0)]) for p in ordered]
    return chain(scaled)


def _working(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The picture resampled for the skeleton, and the unit."""
    height, width = ink.shape
    line = line_width(ink)
    room = np.sqrt(_WORKING_PIXELS / (height * width))
    if room < 1.0:
        unit = float(room)  # very large pictures are reduced; a pen is not that fine
    else:
        unit = float(min(max(1, int(np.ceil(_LINE_PX / line))), _LARGEST_UNIT, int(room)))
    if unit == 1.0:
        return ink, unit
    size = (max(1, round(width * unit)), max(1, round(height * unit)))
    how = Image.Resampling.BICUBIC if unit > 1 else Image.Resampling.BOX
    field = np.asarray(Image.fromarray(np.ascontiguousarray(ink)).resize(size, how), dtype=np.float32)
    return np.clip(field, 0.0, 1.0), size[0] / width if width >= height else size[1] / height


def _drawn(graph: Graph, lines: dict[int, Line], nodes: list[int]) -> Piece:
    """The piece of one component: its walk, straight through nodes where it does not turn."""
    steps = []
    for number, forward in postman_walk(graph, nodes):
        edge = graph.edges[number]
        line = lines[number] if forward else lines[number].reversed()
        start, end = (edge.a, edge.b) if forward else (edge.b, edge.a)
        steps.append((start, end, line))
    rows: list[Piece] = []
    for k, (_, end, line) in enumerate(steps):
        table = np.column_stack([line.points, line.width, line.intensity])
        if k + 1 < len(steps) and len(graph.at[end]) >= 3:
            following = steps[k + 1][2]
            out = leave_direction(line.points[::-1], graph.radius[end])
            onward = leave_direction(following.points, graph.radius[end])
            straight = float(out @ onward) < _STRAIGHT and len(line.points) > 2 and len(following.points) > 2
            if straight:
                # Neither the node nor its doubled entry: the lines meet on the way between them.
                table = table[:-1]
                steps[k + 1] = (
                    steps[k + 1][0],
                    steps[k + 1][1],
                    Line(following.points[1:], following.width[1:], following.intensity[1:]),
                )
        rows.append(table)
    return np.concatenate(rows)


def _dot(parts: Parts, part: int, field: NDArray[np.float32]) -> Piece:
    """A part without a line is a dot: a disc of its ink's area, at its centre of mass."""
    x0, y0, x1, y1 = parts.box[part]
    inside = parts.labels[y0:y1, x0:x1] == part + 1
    ink = np.where(inside, field[y0:y1, x0:x1], 0.0).astype(np.float64)
    mass, peak = float(ink.sum()), float(ink.max())
    x = x0 + float(ink.sum(axis=0) @ (np.arange(x1 - x0) + 0.5)) / mass
    y = y0 + float(ink.sum(axis=1) @ (np.arange(y1 - y0) + 0.5)) / mass
    # Twice the same point: a pen that touches down and lifts again.
    return np.tile([x, y, 2.0 * np.sqrt(mass / (peak * np.pi)), peak], (2, 1))
