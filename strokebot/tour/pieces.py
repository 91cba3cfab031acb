"""The drawn points of a part: its walk, straight through junctions, calm and with few points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length, simplify_runs
from strokebot.geometry.whittaker import whittaker_smooth
from strokebot.tour.centreline import CentreLine, is_blot
from strokebot.tour.graph import Graph, Points
from strokebot.tour.postman import Walk, leave_direction
from strokebot.tour.upsample import UpsampledInk

Piece: TypeAlias = NDArray[np.float64]

# A piece is simplified by at most this deviation, px of the picture.
_TOLERANCE_PX = 0.15
# Changes of width and ink over less than this many line widths are noise, or too short for a pen.
_NOISE_WIDTHS = 0.3
# Lines leaving a node within this cosine of opposite go straight through it.
_STRAIGHT = -0.75


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is drawn of one connected part.

    Attributes:
        pieces: one for each run, in order; the pen is lifted between them.
        runs: the steps of each; none for a dot.
    """

    pieces: list[Piece]
    runs: list[Walk]


def drawn(graph: Graph, lines: dict[int, CentreLine], walk: Walk, unit: float) -> Piece:
    """The piece (N, 4) of one walk: x, y, width, intensity, working px.

    Args:
        graph: the graph.
        lines: the measured line of each edge.
        walk: steps over the graph, one at least.
        unit: working px in one px of the picture.
    """
    rows: list[Piece] = []
    arriving: tuple[CentreLine, Points] | None = None
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
    along = arc_length(piece[:, :2])
    piece[:, 2:] = whittaker_smooth(along, piece[:, 2:], _NOISE_WIDTHS * float(np.median(piece[:, 2])))
    piece[:, 2:] = np.maximum(piece[:, 2:], 0.0)
    # The lines of a reduced picture are no more exact than its own pixels.
    tolerance = _TOLERANCE_PX * max(unit, 1.0)
    return np.asarray(piece[simplify_runs(piece, number, tolerance)])


def dot(work: UpsampledInk, part: int) -> Piece:
    """A part without a line is a dot: a disc of its ink's area, at its centre of mass."""
    x0, y0, x1, y1 = np.round(work.box[part] * work.unit).astype(int)
    inside = work.labels[y0:y1, x0:x1] == part + 1
    ink = np.where(inside, work.ink[y0:y1, x0:x1], 0.0).astype(np.float64)
    mass, peak = float(ink.sum()), float(ink.max())
    x = x0 + float(ink.sum(axis=0) @ (np.arange(x1 - x0) + 0.5)) / mass
    y = y0 + float(ink.sum(axis=1) @ (np.arange(y1 - y0) + 0.5)) / mass
    # Twice the same point: a pen that touches down and lifts again.
    return np.tile([x, y, 2.0 * np.sqrt(mass / (peak * np.pi)), peak], (2, 1))
