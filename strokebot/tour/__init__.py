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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from strokebot.errors import ImageError
from strokebot.fill.filling import FillMode
from strokebot.gesture import LIFT_THRESHOLD, Gesture, chain
from strokebot.picture.image import InkImage
from strokebot.tour.areas import fill_graph, measure_apart
from strokebot.tour.centreline import CentreLine
from strokebot.tour.follow import Guide
from strokebot.tour.graph import Graph, clean, split_corners, trace
from strokebot.tour.guided import Guided
from strokebot.tour.local_search import local_search_walk
from strokebot.tour.order import order_pieces
from strokebot.tour.pieces import Drawn, Piece, dot, drawn
from strokebot.tour.postman import TourCosts, Walk, cut_retraces, postman_walk
from strokebot.tour.upsample import UpsampledInk, prepare

__all__ = [
    "FilledGraph",
    "Guide",
    "Lines",
    "Skeleton",
    "Tour",
    "TourCosts",
    "areas_of",
    "lines_of",
    "plan_tour",
    "skeleton_of",
    "tour_gesture",
    "walk_lines",
]

# Called with the share of the work that is done.
ProgressCallback: TypeAlias = Callable[[float], None]

# Shares of the work after which progress is reported: skeleton, lines measured; and that of the walk.
_SKELETON, _MEASURED, _WALKED = 0.35, 0.6, 0.35
# A drawn point has at least this intensity: under the lift threshold it would not be drawn.
_FAINTEST = LIFT_THRESHOLD + 0.01


# The number of a part, and one for each walk through it.
_Walk: TypeAlias = tuple[int, int]
# A graph with the lines that fill its areas, and the part of each node: see ``areas.fill_graph``.
FilledGraph: TypeAlias = tuple[Graph, dict[int, CentreLine], dict[int, int]]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What a tour needs of a picture, whatever the pen: the picture at working size and its skeleton.

    Attributes:
        work: the picture at working size.
        mask: (H, W) pixels of its skeleton.
        side_px: longer side of the picture, px.
    """

    work: UpsampledInk
    mask: NDArray[np.bool_]
    side_px: int


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a picture before they are walked, whatever the machine.

    Attributes:
        graph: which line meets which.
        filled: those that fill areas.
        part: number of the connected part of each node that is known.
        measured: the drawn line of every edge.
    """

    graph: Graph
    filled: dict[int, CentreLine]
    part: dict[int, int]
    measured: dict[int, CentreLine]


@dataclass(frozen=True, eq=False)
class Tour:
    """A gesture and the lifts in it that save time.

    Attributes:
        gesture: canvas units.
        cheaper_lifts: lifts inside connected parts, each quicker than the retrace it stands for.
        guided_lifts: lifts inside connected parts that a guide made.
        guided_share: share of the ink whose order and direction are a guide's.
        decisions: share of the ink of all lines by what was decided of its part, see ``guided``; empty
            without a guide.
        plain: the same without the guide; None where it changed nothing.
    """

    gesture: Gesture
    cheaper_lifts: int
    guided_lifts: int = 0
    guided_share: float = 0.0
    decisions: Mapping[str, float] = field(default_factory=dict)
    plain: Gesture | None = None


def tour_gesture(
    ink: InkImage,
    *,
    pen_px: tuple[float, float] | None = None,
    fill: FillMode = "spiral",
    costs: TourCosts | None = None,
    progress: ProgressCallback | None = None,
) -> Gesture:
    """Draws an ink image as one continuous gesture; see ``plan_tour``."""
    return plan_tour(ink, pen_px=pen_px, fill=fill, costs=costs, progress=progress).gesture


def plan_tour(
    ink: InkImage,
    *,
    pen_px: tuple[float, float] | None = None,
    fill: FillMode = "spiral",
    costs: TourCosts | None = None,
    progress: ProgressCallback | None = None,
) -> Tour:
    """Draws an ink image as one continuous gesture.

    Args:
        ink: the picture.
        pen_px: thinnest and widest line of the pen, px of the picture; None if it draws any width.
        fill: how ink that is wider than the pen is filled.
        costs: times of the machine, for which the pen is lifted instead of drawing a line
            twice where that is quicker; None never to lift it inside a part.
        progress: called with the share of the work that is done, in (0, 1], ascending.

    Returns:
        The gesture, canvas units, and its lifts for the sake of time. Without these it has one
        lift less than the picture has parts, but outlines of areas with holes are drawn apart.

    Raises:
        ImageError: if nothing in the picture is dark enough to be ink.
    """
    tell = progress or (lambda share: None)
    skeleton = skeleton_of(ink)
    tell(_SKELETON)
    lines = lines_of(skeleton, areas_of(skeleton, pen_px, fill))
    tell(_MEASURED)
    tour = walk_lines(skeleton, lines, pen_px, costs, lambda share: tell(_MEASURED + _WALKED * share))
    tell(1.0)
    return tour


def skeleton_of(ink: InkImage) -> Skeleton:
    """The first step of ``plan_tour``, which depends on the picture alone.

    Raises:
        ImageError: if nothing in the picture is dark enough to be ink.
    """
    work = prepare(ink.ink)
    if len(work.box) == 0:
        raise ImageError("The picture has no ink to draw.")
    mask = np.asarray(skeletonize(work.labels > 0))  # type: ignore[no-untyped-call]
    return Skeleton(work, mask, ink.longer_side)


def areas_of(skeleton: Skeleton, pen_px: tuple[float, float] | None, fill: FillMode) -> FilledGraph | None:
    """The second step of ``plan_tour``: the graph with filled areas; None where there is nothing to fill."""
    return None if pen_px is None else fill_graph(skeleton.work, skeleton.mask, pen_px[1], fill)


def lines_of(skeleton: Skeleton, areas: FilledGraph | None) -> Lines:
    """The third step of ``plan_tour``: all lines, measured on the ink."""
    work = skeleton.work
    if areas is None:
        graph, filled = trace(skeleton.mask, work.depth), dict[int, CentreLine]()
        # A node bears the number of the skeleton pixel that it was made of.
        part = dict(enumerate((work.labels[skeleton.mask] - 1).tolist()))
        clean(graph)
        split_corners(graph)
    else:
        graph, filled, part = areas
    return Lines(graph, filled, part, measure_apart(graph, filled, work))


def walk_lines(
    skeleton: Skeleton,
    lines: Lines,
    pen_px: tuple[float, float] | None = None,
    costs: TourCosts | None = None,
    progress: ProgressCallback | None = None,
    guide: Guide | None = None,
) -> Tour:
    """The last step of ``plan_tour``: an order and a direction for every line.

    Args:
        skeleton: of the picture.
        lines: of the picture.
        pen_px: as for ``plan_tour``.
        costs: as for ``plan_tour``.
        progress: as for ``plan_tour``.
        guide: a drawing whose order and direction are taken, part by part, where it draws the part
            and costs the machine no more than it may; None for the tour's own.
    """
    work, graph, filled = skeleton.work, lines.graph, lines.filled
    shapes = {number: line.body[:, :2] for number, line in lines.measured.items()}
    # What is drawn of each part, by its number and, since the rims of an area whose inside stays white
    # are drawn apart, one for each walk; its nodes, and the walk before lifts were put into it.
    parts: dict[_Walk, Drawn] = {}
    walks: dict[_Walk, tuple[list[int], Walk]] = {}
    walked = 0
    for nodes in graph.components():
        if graph.at[nodes[0]]:
            number = next(lines.part[node] for node in nodes if node in lines.part), len(parts)
            # Nobody's hand has habits for filling areas.
            fills = any(k in filled for node in nodes for k in graph.at[node])
            walk = postman_walk(graph, nodes) if fills else local_search_walk(graph, nodes, shapes)
            runs = [walk] if costs is None else cut_retraces(graph, walk, costs, work.unit)
            parts[number] = Drawn([drawn(graph, lines.measured, run, work.unit) for run in runs], runs)
            walks[number] = nodes, walk
        walked += len(nodes)
        if progress is not None:
            progress(walked / len(graph.at))
    for k in set(range(len(work.box))) - {part for part, _ in parts}:
        parts[k, 0] = Drawn([dot(work, k)], [[]])
    rows = _ordered(parts, work)
    cheaper = sum(len(one.pieces) - 1 for one in parts.values())
    own = Tour(_chained(rows, skeleton, pen_px), cheaper)
    if guide is None:
        return own
    guided = Guided(guide, graph, lines.measured, set(filled), costs, work.unit, rows)
    for number, (nodes, walk) in walks.items():
        found = guided.runs(nodes, walk, parts[number].runs)
        if found is not None:
            parts[number] = Drawn([drawn(graph, lines.measured, run, work.unit) for run in found], found)
    if guided.share == 0.0:
        return replace(own, decisions=guided.shares)
    rows = guided.ordered([parts[k] for k in sorted(parts)], _ordered(parts, work))
    cheaper = sum(len(one.pieces) - 1 for one in parts.values()) - guided.lifts
    return Tour(
        _chained(rows, skeleton, pen_px), cheaper, guided.lifts, guided.share, guided.shares, own.gesture
    )


def _ordered(parts: dict[_Walk, Drawn], work: UpsampledInk) -> list[Piece]:
    """The pieces of all parts, by their numbers, in the order and the direction in which they are drawn."""
    numbers = sorted(parts)
    ends = np.array([[parts[k].pieces[0][0, :2], parts[k].pieces[-1][-1, :2]] for k in numbers])
    rows: list[Piece] = []
    for k, turned in order_pieces(ends, work.box[[part for part, _ in numbers]] * work.unit):
        own = parts[numbers[k]].pieces
        rows += [piece[::-1] for piece in own[::-1]] if turned else own
    return rows


def _chained(rows: list[Piece], skeleton: Skeleton, pen_px: tuple[float, float] | None) -> Gesture:
    return chain([_on_canvas(piece, skeleton.work.unit, skeleton.side_px, pen_px) for piece in rows])


def _on_canvas(piece: Piece, unit: float, side_px: int, pen_px: tuple[float, float] | None) -> Piece:
    """A piece in canvas units, no wider than the pen."""
    widest = np.inf if pen_px is None else pen_px[1] * unit
    width = np.minimum(piece[:, 2], widest)
    return np.column_stack(
        [piece[:, :2] / (unit * side_px), width / (unit * side_px), np.clip(piece[:, 3], _FAINTEST, 1.0)]
    )
