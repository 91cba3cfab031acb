"""Puts the lines that fill areas into the skeleton graph, in place of the skeleton there.

The skeleton of an area says nothing about how to fill it: it is left out, and the lines
that lead out of the area end at its first ring. So that these ends are not taken for line
ends while the graph is cleaned, each is held by a loop until the rings are there.

Symbols, working px: r = half the pen's widest line, the radius of a ring's nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from strokebot.fill import FillMode
from strokebot.fill.filling import Filling, fill_areas
from strokebot.geometry.distance import nearest_at
from strokebot.geometry.polyline import simplify
from strokebot.tour.centreline import CentreLine, measure, sample
from strokebot.tour.graph import Graph, Points, clean, split_corners, trace
from strokebot.tour.upsample import UpsampledInk

# A loop that holds an end is longer than any that cleaning drops, px.
_HOLD_PX = 1e6
# An end that leads to an area lies beside a pixel of it; this is more than near enough, px.
_NEAR_PX = 8
# Areas with so much ink are covered: paler lines would leave white between them.
_FULL = 0.5
# Ink is averaged over this length of a pass, in r.
_EVEN = 2.0
# A filling line is simplified by at most this deviation, px of the picture.
_TOLERANCE_PX = 0.1
_EIGHT = np.ones((3, 3), dtype=bool)


class _Roots:
    """The passes of a filling in px of the picture, and the nodes at which roots are cut.

    Attributes:
        points: (K, 2) of each pass, working px.
        cuts: of each pass, vertex -> node.
    """

    def __init__(self, filling: Filling) -> None:
        self.points = [filling.in_picture(line.points) for line in filling.passes]
        self.cuts: list[dict[int, int]] = [{} for _ in self.points]


class Areas:
    """The filled areas of one picture.

    Attributes:
        mask: (H, W) where the skeleton is replaced, working px.
        lines: the drawn line of each filling edge, once ``join`` has put these into the graph.
        part: node -> number of the part it belongs to, for the nodes that ``join`` adds.
    """

    def __init__(self, fillings: Sequence[Filling], work: UpsampledInk) -> None:
        self.mask: NDArray[np.bool_] = np.zeros(work.labels.shape, dtype=bool)
        for filling in fillings:
            self.mask[filling.rows, filling.columns] = filling.field.mask()
        self.lines: dict[int, CentreLine] = {}
        self.part: dict[int, int] = {}
        self._fillings, self._work = fillings, work
        # For each filling: loop that holds an end -> number of the area to which that end leads.
        self._held: list[dict[int, int]] = [{} for _ in fillings]
        self._radius = fillings[0].field.radius / fillings[0].field.zoom

    @classmethod
    def find(
        cls, work: UpsampledInk, skeleton: NDArray[np.bool_], widest_px: float, mode: FillMode
    ) -> Areas | None:
        """The areas of a picture; None where there is nothing to fill.

        Args:
            work: the picture at working size.
            skeleton: its skeleton.
            widest_px: the pen's widest line, px of the picture.
            mode: how to fill.
        """
        softness = max(work.unit, 1.0)
        fillings = fill_areas(work.ink, work.depth, skeleton, widest_px * work.unit, softness, mode)
        return cls(fillings, work) if fillings else None

    def hold(self, graph: Graph, skeleton: NDArray[np.bool_]) -> None:
        """Holds the ends of lines that lead into areas, before the graph is cleaned.

        Args:
            graph: the traced skeleton outside of areas.
            skeleton: (H, W) the whole skeleton.
        """
        led_to = np.zeros(self.mask.shape, dtype=bool)
        for filling in self._fillings:
            block = filling.rows, filling.columns
            led_to[block] = ndimage.binary_dilation(skeleton[block] & self.mask[block], _EIGHT)
        if not led_to.any():
            return
        for number, edge in list(graph.edges.items()):
            column, row = np.floor(edge.points).astype(int).T
            touching = led_to[row, column]
            touching[np.cumprod(touching).astype(bool)] = False  # what touches at its ends
            touching[::-1][np.cumprod(touching[::-1]).astype(bool)] = False
            for k in np.flatnonzero(np.diff(touching.astype(np.int8)) == 1)[::-1] + 1:
                number = self._split(graph, number, int(k))
        nodes = list(graph.place)
        cells = np.floor(np.array([graph.place[node] for node in nodes]).reshape(-1, 2)).astype(int)
        for filling, held in zip(self._fillings, self._held, strict=True):
            field, (top, left) = filling.field, (filling.rows.start, filling.columns.start)
            inside = (cells >= (left, top)) & (cells < (filling.columns.stop, filling.rows.stop))
            leading = np.flatnonzero(inside.all(axis=1) & led_to[cells[:, 1], cells[:, 0]])
            if len(leading) == 0:
                continue
            places = np.array([graph.place[nodes[k]] for k in leading])
            columns, rows = np.floor((places - (left, top)) * field.zoom).astype(int).T
            y, x = nearest_at(field.label > 0, rows, columns, reach=_NEAR_PX * field.zoom)
            for k, place, area in zip(leading, places, field.label[y, x].tolist(), strict=True):
                loop = graph.add_edge(nodes[k], nodes[k], np.array([place, place + _HOLD_PX, place]))
                held[loop] = area - 1

    def _split(self, graph: Graph, number: int, k: int) -> int:
        """Puts a node on an inner point of an edge; the number of the edge before it."""
        edge = graph.edges[number]
        node = graph.new_node(edge.points[k], self._radius)
        self._note_part(node, edge.points[k])
        graph.drop_edge(number)
        graph.add_edge(node, edge.b, edge.points[k:])
        return graph.add_edge(edge.a, node, edge.points[: k + 1])

    def join(self, graph: Graph) -> None:
        """Puts passes and links into the graph and ties the held lines to them."""
        for filling, held in zip(self._fillings, self._held, strict=True):
            self._join(graph, filling, held)

    def _join(self, graph: Graph, filling: Filling, held: dict[int, int]) -> None:
        """Does so for one filling and the loops that hold lines leading to its areas."""
        roots = _Roots(filling)
        ties: list[tuple[int, int]] = []
        first = [k for k, line in enumerate(filling.passes) if line.is_root and line.closed]
        trees: dict[int, tuple[cKDTree, NDArray[np.intp], NDArray[np.intp]]] = {}
        for area in sorted(set(held.values())):
            own = [k for k in first if filling.passes[k].area == area]
            owner = np.concatenate([np.full(len(roots.points[k]), k) for k in own])
            vertex = np.concatenate([np.arange(len(roots.points[k])) for k in own])
            trees[area] = (cKDTree(np.concatenate([roots.points[k] for k in own])), owner, vertex)
        for loop, area in held.items():
            node = graph.edges[loop].a
            graph.drop_edge(loop)
            tree, owner, vertex = trees[area]
            _, near = tree.query(graph.place[node])
            ties.append((node, self._node(graph, roots, int(owner[near]), int(vertex[near]))))
        ways = [
            (self._node(graph, roots, link.a, link.u), self._node(graph, roots, link.b, link.v), link.points)
            for link in filling.links
        ]
        for detour in filling.detours:
            node = self._node(graph, roots, detour.a, detour.u)
            ways.append((node, node, detour.points))
        for k, line in enumerate(filling.passes):
            if line.is_root:
                self._add_pass(graph, roots, k, line.closed)
        for a, b, points in ways:
            self._add(graph, a, b, filling.in_picture(points))
        tied: dict[int, int] = {}
        for node, _ in ties:
            tied[node] = tied.get(node, 0) + 1
        for node, ring in ties:
            if len(graph.at[node]) == 1 and tied[node] == 1:
                _move_end(graph, node, ring)
            else:
                self._add(graph, node, ring, np.array([graph.place[node], graph.place[ring]]))

    def _node(self, graph: Graph, roots: _Roots, k: int, vertex: int) -> int:
        """The node at a vertex of a pass."""
        if vertex not in roots.cuts[k]:
            place = roots.points[k][vertex]
            node = roots.cuts[k][vertex] = graph.new_node(place, self._radius)
            self._note_part(node, place)
        return roots.cuts[k][vertex]

    def _note_part(self, node: int, place: Points) -> None:
        height, width = self._work.labels.shape
        column, row = (min(max(int(place[k]), 0), n - 1) for k, n in ((0, width), (1, height)))
        self.part[node] = int(self._work.labels[row, column]) - 1

    def _add_pass(self, graph: Graph, roots: _Roots, k: int, closed: bool) -> None:
        """Adds a pass, cut at its nodes."""
        points, cuts = roots.points[k], roots.cuts[k]
        if closed and not cuts:
            self._node(graph, roots, k, int(np.argmin(points @ (0.5, 1.0))))
        if not closed:
            self._node(graph, roots, k, 0)
            self._node(graph, roots, k, len(points) - 1)
        at = sorted(cuts)
        for u, v in pairwise(at):
            self._add(graph, cuts[u], cuts[v], points[u : v + 1])
        if closed:
            around = np.concatenate([points[at[-1] :], points[: at[0] + 1]])
            self._add(graph, cuts[at[-1]], cuts[at[0]], around)

    def _add(self, graph: Graph, a: int, b: int, points: Points) -> None:
        """Adds a filling edge and its drawn line."""
        number = graph.add_edge(a, b, points)
        depth = sample(self._work.depth, points)
        width = np.minimum(2.0 * self._radius, np.maximum(2.0 * depth, 1.0))
        ink = sample(self._work.ink, points)
        if len(points) > 3:
            step = max(float(np.hypot(*np.diff(points, axis=0).T).mean()), 1e-9)
            ink = ndimage.gaussian_filter1d(ink, _EVEN * self._radius / step, mode="nearest")
        ink = np.where(ink >= _FULL, 1.0, ink)
        body = np.column_stack([points, width, ink])
        space = np.column_stack([points, width / 2, ink * self._radius])
        self.lines[number] = CentreLine(body[simplify(space, _TOLERANCE_PX * self._work.unit)], None, None)


def _move_end(graph: Graph, node: int, ring: int) -> None:
    """Moves the one end of an edge at a node to a ring's node."""
    number = graph.at[node][0]
    edge = graph.edges[number]
    end = graph.place[ring][None]
    graph.drop_edge(number)
    if edge.a == node:
        graph.add_edge(ring, edge.b, np.concatenate([end, edge.points]))
    else:
        graph.add_edge(edge.a, ring, np.concatenate([edge.points, end]))
    graph.drop_node(node)


def fill_graph(
    work: UpsampledInk, skeleton: NDArray[np.bool_], widest_px: float, mode: FillMode
) -> tuple[Graph, dict[int, CentreLine], dict[int, int]] | None:
    """The graph of a picture with areas, cleaned, the lines that fill these among its edges.

    Args:
        work: the picture at working size.
        skeleton: its skeleton.
        widest_px: the pen's widest line, px of the picture.
        mode: how to fill.

    Returns:
        The graph, the drawn lines of its filling edges, and the part of each node that is
        known; None where there is nothing to fill.
    """
    areas = Areas.find(work, skeleton, widest_px, mode)
    if areas is None:
        return None
    outside = skeleton & ~areas.mask
    graph = trace(outside, work.depth)
    areas.hold(graph, skeleton)
    # A node bears the number of the skeleton pixel that it was made of.
    part = dict(enumerate((work.labels[outside] - 1).tolist()))
    clean(graph)
    split_corners(graph)
    areas.join(graph)
    return graph, areas.lines, part | areas.part


def measure_apart(graph: Graph, filled: dict[int, CentreLine], work: UpsampledInk) -> dict[int, CentreLine]:
    """The drawn line of every edge of a graph, given those of its filling edges."""
    edges = {number: edge for number, edge in graph.edges.items() if number not in filled}
    rest = Graph(graph.place, graph.radius, edges, graph.at)
    return measure(rest, work.ink, work.depth, work.unit) | filled
