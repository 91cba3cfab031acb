"""A mask of ink becomes a graph of centre lines.

Nouns:
    skeleton   one pixel wide lines in the middle of the ink
    node       an end, a crossing or a branching of the skeleton (one point of a ring, too)
    edge       the line between two nodes, as a polyline of pixel centres
    spur       an edge to a free end that only leads to a corner of the outline
    degree     how many edge ends meet at a node

Symbols, in working pixels (x right, y down, pixel i spans [i, i + 1]):
    r(x)   distance from x to the paper: half the line width there

Steps:
    trace   pixels of degree other than 2 are nodes, chains of the rest are edges. Pixels are
            neighbours across an edge, and across a corner only where no pixel beside both
            belongs to the skeleton (m-adjacency: Rosenfeld), so that a stair is no junction.
    prune   an edge to a free end t is a spur if the disc of its junction j nearly covers it:
            |t - j| + r(t) <= (1 + ``_SPUR``) r(j) + 1.
            A loop shorter than ``_LOOP`` r encloses no real hole.
    merge   a crossing leaves two junctions close together: an edge with
            length <= ``_CLUSTER`` (r(a) + r(b)) + 1 is contracted to one node.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Points = NDArray[np.float64]

# How far a spur may reach out of its junction's disc, in radii: sqrt(2) - 1 reaches the corner
# of a square line end.
_SPUR = 0.45
# Junctions whose discs overlap by this much are one crossing.
_CLUSTER = 0.8
# The skeleton around a hole runs at least r outside of it: 2 pi r, less what pixels round.
_LOOP = 4.0
# A corner: directions over this many radii before and after it, and at least this many points,
# with at most this cosine (60 degrees).
_CORNER_RADII = 2.0
_CORNER_POINTS = 6
_CORNER = 0.5
# Working pixels of slack for both: the skeleton itself is only this exact.
_SLACK_PX = 1.0


@dataclass
class Edge:
    """A line between nodes ``a`` and ``b``; points (K, 2) run from a to b, both included."""

    a: int
    b: int
    points: Points

    @property
    def length(self) -> float:
        """Length of the polyline, px."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def other(self, node: int) -> int:
        """The node at the other end."""
        return self.b if node == self.a else self.a


@dataclass
class Graph:
    """Nodes with their places and radii, and the edges between them (parallel ones and loops too).

    Attributes:
        place: node -> (2,) x, y, px.
        radius: node -> half the line width there, px.
        edges: edge number -> edge.
        at: node -> numbers of the edges that end there; a loop stands twice.
    """

    place: dict[int, Points] = field(default_factory=dict)
    radius: dict[int, float] = field(default_factory=dict)
    edges: dict[int, Edge] = field(default_factory=dict)
    at: dict[int, list[int]] = field(default_factory=dict)
    _next: int = 0
    _last: int = 0

    def add_node(self, node: int, place: Points, radius: float) -> None:
        """Adds a node without edges."""
        self.place[node], self.radius[node], self.at[node] = place, radius, []

    def new_node(self, place: Points, radius: float) -> int:
        """Adds a node with a number of its own, and returns it."""
        self._last = min(self._last, 0) - 1
        self.add_node(self._last, place, radius)
        return self._last

    def add_edge(self, a: int, b: int, points: Points) -> int:
        """Adds an edge and returns its number."""
        number, self._next = self._next, self._next + 1
        self.edges[number] = Edge(a, b, points)
        self.at[a].append(number)
        self.at[b].append(number)
        return number

    def drop_edge(self, number: int) -> None:
        """Removes an edge; its nodes stay."""
        edge = self.edges.pop(number)
        self.at[edge.a].remove(number)
        self.at[edge.b].remove(number)

    def drop_node(self, node: int) -> None:
        """Removes a node that has no edges left."""
        del self.place[node], self.radius[node], self.at[node]

    def dissolve(self, node: int) -> None:
        """Turns a node of degree 2 into a point of the one edge through it; leaves a ring's node."""
        first, second = self.at[node]
        if first == second:
            return
        one, two = self.edges[first], self.edges[second]
        into = one.points if one.b == node else one.points[::-1]
        out = two.points if two.a == node else two.points[::-1]
        a, b = one.other(node), two.other(node)
        self.drop_edge(first)
        self.drop_edge(second)
        self.add_edge(a, b, np.concatenate([into, out[1:]]))
        self.drop_node(node)

    def components(self) -> list[list[int]]:
        """The nodes of each connected component, in a fixed order."""
        seen: set[int] = set()
        found = []
        for root in self.place:
            if root in seen:
                continue
            seen.add(root)
            stack, nodes = [root], []
            while stack:
                node = stack.pop()
                nodes.append(node)
                for number in self.at[node]:
                    other = self.edges[number].other(node)
                    if other not in seen:
                        seen.add(other)
                        stack.append(other)
            found.append(nodes)
        return found


def trace(skeleton: NDArray[np.bool_], depth: NDArray[np.floating]) -> Graph:
    """Traces a skeleton.

    Args:
        skeleton: (H, W) bool.
        depth: (H, W) distance of each pixel centre to the paper, px.

    Returns:
        Its graph. A ring has one node, its topmost point; a lone pixel is a node
        without edges.
    """
    rows, columns = np.nonzero(skeleton)
    place: Points = np.column_stack([columns, rows]).astype(np.float64) + 0.5
    radius = depth[rows, columns]
    neighbours = _neighbours(skeleton, rows, columns)
    degree = [len(beside) for beside in neighbours]
    graph = Graph()
    nodes = [k for k, d in enumerate(degree) if d != 2]
    for k in nodes:
        graph.add_node(k, place[k], float(radius[k]))
    used = bytearray(len(rows))  # chain pixels that belong to an edge already
    done: set[tuple[int, int]] = set()  # pairs of neighbouring nodes
    for k in nodes:
        for step in neighbours[k]:
            if degree[step] != 2:
                if (step, k) not in done:
                    done.add((k, step))
                    graph.add_edge(k, step, place[[k, step]])
            elif not used[step]:
                chain = _follow(k, step, neighbours, degree, used)
                graph.add_edge(k, chain[-1], place[chain])
    for k in range(len(rows)):  # what is left are rings; pixels come row by row
        if degree[k] == 2 and not used[k]:
            graph.add_node(k, place[k], float(radius[k]))
            used[k] = 1
            degree[k] = -1  # a node from now on
            chain = _follow(k, neighbours[k][0], neighbours, degree, used)
            graph.add_edge(k, k, place[chain])
    return graph


def _neighbours(
    skeleton: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> list[list[int]]:
    """For each skeleton pixel the numbers of its m-adjacent neighbours."""
    height, width = skeleton.shape
    number = np.full((height + 2, width + 2), -1, dtype=np.int64)
    number[rows + 1, columns + 1] = np.arange(len(rows))
    at = (rows + 1, columns + 1)
    found: list[list[int]] = [[] for _ in range(len(rows))]
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[at[0] + dy, at[1] + dx]
        linked = other >= 0
        if dy and dx:
            linked &= (number[at[0] + dy, at[1]] < 0) & (number[at[0], at[1] + dx] < 0)
        for a, b in zip(np.flatnonzero(linked).tolist(), other[linked].tolist(), strict=True):
            found[a].append(b)
            found[b].append(a)
    return found


def _follow(
    start: int, step: int, neighbours: list[list[int]], degree: list[int], used: bytearray
) -> list[int]:
    """The pixels from a node over a first step up to the next node."""
    chain = [start, step]
    before, here = start, step
    while degree[here] == 2:
        used[here] = 1
        first, second = neighbours[here]
        before, here = here, (second if first == before else first)
        chain.append(here)
    return chain


def clean(graph: Graph) -> None:
    """Prunes spurs and merges the junctions of one crossing, in place."""
    _prune(graph)
    _merge(graph)
    for number, edge in list(graph.edges.items()):
        lone = len(graph.at[edge.a]) == 2
        if edge.a == edge.b and not lone and edge.length < _LOOP * graph.radius[edge.a]:
            graph.drop_edge(number)
    _dissolve_passed(graph)
    _prune(graph)


def split_corners(graph: Graph) -> None:
    """Puts a node on every sharp corner of an edge, in place: a walk may start or turn there.

    The node of a ring moves to its first corner.
    """
    for number, edge in list(graph.edges.items()):
        corners = _corners(edge.points, graph.radius[edge.a], graph.radius[edge.b])
        if not corners:
            continue
        a, b, points = edge.a, edge.b, edge.points
        radius = (graph.radius[a] + graph.radius[b]) / 2
        if a == b and len(graph.at[a]) == 2:  # a ring: its node is one as good as any
            points = np.concatenate([points[corners[0] :], points[1 : corners[0] + 1]])
            corners = [k - corners[0] for k in corners[1:]]
            graph.place[a] = points[0]
        graph.drop_edge(number)
        before, start = a, 0
        for k in corners:
            node = graph.new_node(points[k], radius)
            graph.add_edge(before, node, points[start : k + 1])
            before, start = node, k
        graph.add_edge(before, b, points[start:])


def _corners(points: Points, radius_a: float, radius_b: float) -> list[int]:
    """Numbers of the points of a polyline (K, 2) at which it turns sharply, ascending."""
    reach = max(int(_CORNER_RADII * (radius_a + radius_b) / 2), _CORNER_POINTS)
    if len(points) <= 2 * reach:
        return []
    smooth = gaussian_filter1d(points, reach / 3, axis=0, mode="nearest")
    into = smooth[reach:-reach] - smooth[: -2 * reach]
    out = smooth[2 * reach :] - smooth[reach:-reach]
    length = np.maximum(np.hypot(*into.T) * np.hypot(*out.T), 1e-9)
    cosine = (into * out).sum(axis=1) / length
    found = list[int]()
    while True:
        k = int(np.argmin(cosine))
        if cosine[k] > _CORNER:
            return sorted(found)
        found.append(k + reach)
        cosine[max(k - reach, 0) : k + reach + 1] = 1.0


def _dissolve_passed(graph: Graph) -> None:
    for node in list(graph.at):
        if len(graph.at[node]) == 2:
            graph.dissolve(node)


def _prune(graph: Graph) -> None:
    """Removes spurs, the shortest first; each round may free the next line end of a fork."""
    for _ in range(2):
        spurs = []
        for number, edge in graph.edges.items():
            ends = (edge.a, edge.b) if len(graph.at[edge.a]) == 1 else (edge.b, edge.a)
            tip, junction = ends
            if len(graph.at[tip]) != 1 or len(graph.at[junction]) < 3:
                continue
            reach = float(np.hypot(*(graph.place[tip] - graph.place[junction]))) + graph.radius[tip]
            if reach <= (1.0 + _SPUR) * graph.radius[junction] + _SLACK_PX:
                spurs.append((reach, number, tip))
        for _, number, tip in sorted(spurs):
            graph.drop_edge(number)
            graph.drop_node(tip)
        _dissolve_passed(graph)
        if not spurs:
            return


def _merge(graph: Graph) -> None:
    """Contracts the short edges inside crossings; the merged node lies in the middle of its junctions."""
    leader = {node: node for node in graph.place}

    def lead(node: int) -> int:
        while leader[node] != node:
            node = leader[node]
        return node

    inner = []
    for number, edge in graph.edges.items():
        if edge.a == edge.b or len(graph.at[edge.a]) < 3 or len(graph.at[edge.b]) < 3:
            continue
        if edge.length <= _CLUSTER * (graph.radius[edge.a] + graph.radius[edge.b]) + _SLACK_PX:
            inner.append((edge.length, number))
    for _, number in sorted(inner):
        a, b = lead(graph.edges[number].a), lead(graph.edges[number].b)
        if a != b:  # a second edge between merged nodes encloses a hole and stays, as a loop
            leader[max(a, b)] = min(a, b)
            graph.drop_edge(number)
    members: dict[int, list[int]] = {}
    for node in leader:
        members.setdefault(lead(node), []).append(node)
    for head, nodes in members.items():
        if len(nodes) == 1:
            continue
        middle = np.mean([graph.place[n] for n in nodes], axis=0)
        widest = max(graph.radius[n] for n in nodes)
        for number in {k for n in nodes for k in graph.at[n]}:
            edge = graph.edges[number]
            points = edge.points.copy()
            if edge.a in nodes:
                edge.a, points[0] = head, middle
            if edge.b in nodes:
                edge.b, points[-1] = head, middle
            edge.points = points
        ends = [k for n in nodes for k in graph.at[n]]
        for node in nodes:
            graph.drop_node(node)
        graph.add_node(head, middle, widest)
        graph.at[head] = ends
    _dissolve_passed(graph)
