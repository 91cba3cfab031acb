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
leaves one line. Where ink is wider than the pen, lines that fill it take the skeleton's
place (``areas``); for a pen of any width it is its skeleton with the width of the area.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from strokebot.chain import chain
from strokebot.errors import ImageError
from strokebot.fill.filling import FillMode
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.image import InkImage
from strokebot.tour.areas import fill_graph, measure_apart, shortest_walk
from strokebot.tour.calm import calm
from strokebot.tour.centreline import Line, is_blot
from strokebot.tour.graph import Graph, Points, clean, split_corners, trace
from strokebot.tour.natural import natural_walk
from strokebot.tour.order import order_pieces
from strokebot.tour.postman import Walk, leave_direction
from strokebot.tour.simplify import simplify
from strokebot.tour.working import Working, prepare

__all__ = ["tour_gesture"]

Piece: TypeAlias = NDArray[np.float64]

# A gesture is simplified by at most this deviation, px of the picture.
_TOLERANCE_PX = 0.15
# Changes of width and ink over less than this many line widths are noise, or too short for a pen.
_NOISE_WIDTHS = 0.3
# Lines leaving a node within this cosine of opposite go straight through it.
_STRAIGHT = -0.75
# A drawn point has at least this intensity: under the lift threshold it would not be drawn.
_FAINTEST = LIFT_THRESHOLD + 0.01


def tour_gesture(
    ink: InkImage, *, pen_px: tuple[float, float] | None = None, fill: FillMode = "spiral"
) -> Gesture:
    """Draws an ink image as one continuous gesture.

    Args:
        ink: the picture.
        pen_px: thinnest and widest line of the pen, px of the picture; None if it draws any width.
        fill: how ink that is wider than the pen is filled.

    Returns:
        The gesture, canvas units. It has one lift less than the picture has parts, but
        outlines of areas with holes are drawn apart.

    Raises:
        ImageError: if nothing in the picture is dark enough to be ink.
    """
    work = prepare(ink.ink)
    if len(work.box) == 0:
        raise ImageError("The picture has no ink to draw.")
    skeleton = np.asarray(skeletonize(work.labels > 0))  # type: ignore[no-untyped-call]
    found = None if pen_px is None else fill_graph(work, skeleton, pen_px[1], fill)
    if found is None:
        graph, filled = trace(skeleton, work.depth), dict[int, Line]()
        # A node bears the number of the skeleton pixel that it was made of.
        part = dict(enumerate((work.labels[skeleton] - 1).tolist()))
        clean(graph)
        split_corners(graph)
    else:
        graph, filled, part = found
    lines = measure_apart(graph, filled, work)
    shapes = {number: line.body[:, :2] for number, line in lines.items()}
    pieces: list[tuple[int, Piece]] = []
    for nodes in graph.components():
        if graph.at[nodes[0]]:
            number = next(part[node] for node in nodes if node in part)
            fills = any(k in filled for node in nodes for k in graph.at[node])
            walk = shortest_walk(graph, nodes) if fills else natural_walk(graph, nodes, shapes)
            pieces.append((number, _drawn(graph, lines, walk, work.unit)))
    pieces += [(k, _dot(work, k)) for k in sorted(set(range(len(work.box))) - {k for k, _ in pieces})]
    pieces.sort(key=lambda piece: piece[0])
    if pen_px is not None:
        for _, piece in pieces:
            piece[:, 2] = np.minimum(piece[:, 2], pen_px[1] * work.unit)
    ordered = order_pieces([piece for _, piece in pieces], work.box[[k for k, _ in pieces]] * work.unit)
    side = work.unit * ink.longer_side
    return chain(
        [np.column_stack([piece[:, :3] / side, np.clip(piece[:, 3], _FAINTEST, 1.0)]) for piece in ordered]
    )


def _drawn(graph: Graph, lines: dict[int, Line], walk: Walk, unit: float) -> Piece:
    """The piece of one component: its walk, straight through junctions where it does not turn."""
    rows: list[Piece] = []
    arriving: tuple[Line, Points] | None = None
    for number, forward in walk:
        edge = graph.edges[number]
        line = lines[number] if forward else lines[number].reversed()
        points = edge.points if forward else edge.points[::-1]
        start, end = (edge.a, edge.b) if forward else (edge.b, edge.a)
        out = leave_direction(points, graph.radius[start])
        if line.first is not None:
            through = arriving is not None and float(arriving[1] @ out) < _STRAIGHT
            through &= arriving is None or not is_blot(arriving[0].body[-1], line.first)
            if not through:
                rows.append(line.first[None])
        rows.append(line.body)
        arriving = (line, leave_direction(points[::-1], graph.radius[end]))
    if arriving is not None and arriving[0].last is not None:
        rows.append(arriving[0].last[None])
    return _calm(rows, unit)


def _calm(rows: list[Piece], unit: float) -> Piece:
    """Strings rows of points together, with no more points and changes of width than can be seen."""
    number = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    piece = np.concatenate(rows)
    moved = np.concatenate([[True], np.any(np.diff(piece[:, :2], axis=0) != 0.0, axis=1)])
    if not moved[1:].any():
        return piece[[0, -1]]
    piece, number = piece[moved], number[moved]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(piece[:, :2], axis=0).T))])
    piece[:, 2:] = calm(along, piece[:, 2:], _NOISE_WIDTHS * float(np.median(piece[:, 2])))
    piece[:, 2:] = np.maximum(piece[:, 2:], 0.0)
    bounds = np.flatnonzero(np.diff(number)) + 1
    parts = [simplify(part, _TOLERANCE_PX * unit) for part in np.split(piece, bounds)]
    return np.concatenate(parts)


def _dot(work: Working, part: int) -> Piece:
    """A part without a line is a dot: a disc of its ink's area, at its centre of mass."""
    x0, y0, x1, y1 = np.round(work.box[part] * work.unit).astype(int)
    inside = work.labels[y0:y1, x0:x1] == part + 1
    ink = np.where(inside, work.ink[y0:y1, x0:x1], 0.0).astype(np.float64)
    mass, peak = float(ink.sum()), float(ink.max())
    x = x0 + float(ink.sum(axis=0) @ (np.arange(x1 - x0) + 0.5)) / mass
    y = y0 + float(ink.sum(axis=1) @ (np.arange(y1 - y0) + 0.5)) / mass
    # Twice the same point: a pen that touches down and lifts again.
    return np.tile([x, y, 2.0 * np.sqrt(mass / (peak * np.pi)), peak], (2, 1))
