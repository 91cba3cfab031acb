"""The plain tour: what one gets without any care. The baseline of ``benchmarks.pictures``.

    ink -> skeleton pixels -> graph -> Chinese postman per part -> parts by the nearest next

Nouns:
    node    a skeleton pixel with a number of neighbours other than two (of a ring: any one)
    edge    the pixels between two nodes
    odd     a node at which an odd number of edges ends

Open Chinese postman: all odd nodes but two are matched in pairs so that the ways between them
are shortest in sum (two extra nodes without cost take the two ends), the edges on those ways
are doubled, and the Eulerian walk is networkx's, which knows nothing of corners. Above
``_EXACT_ODD`` odd nodes each takes the nearest one left, the shortest pairs first. The line
width is twice the distance to the paper less half a pixel. No spur is cut, no point is moved,
nothing is simplified, no order is natural.

It shares no code with ``strokebot.tour``. Source: Edmonds and Johnson, "Matching, Euler tours
and the Chinese postman", 1973.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from typing import Any, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from benchmarks.line_metrics import Drawing

Pixel: TypeAlias = tuple[int, int]  # row, column

# networkx's matching is cubic and in Python: 80 odd nodes take about a second.
_EXACT_ODD = 80
# The distance transform counts to the centre of the paper pixel, half a pixel beyond the edge on
# either side; of the whole pixel half is kept, which fits best (IoU 0.948).
_WIDTH_LESS_PX = 0.5
_LEAST_WIDTH_PX = 0.5


def plain_tour(mask: NDArray[np.bool_]) -> Drawing:
    """Draws a mask (H, W) by its skeleton, one stroke for each part of it."""
    skeleton = np.asarray(skeletonize(mask), dtype=np.bool_)  # type: ignore[no-untyped-call]
    width = 2 * ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] - _WIDTH_LESS_PX
    width = np.maximum(width, _LEAST_WIDTH_PX)
    pixels = _pixel_graph(skeleton)
    walks = [_walk(pixels.subgraph(part)) for part in nx.connected_components(pixels)]
    strokes = []
    for walk in _nearest_first(walks):
        rows, columns = np.array(walk).T
        points = np.column_stack([columns + 0.5, rows + 0.5, width[rows, columns], np.ones(len(rows))])
        strokes.append(points)
    return Drawing(tuple(strokes))


def _pixel_graph(skeleton: NDArray[np.bool_]) -> Any:
    """Skeleton pixels, joined by edges, and by corners where no edge joins them."""
    graph: Any = nx.Graph()
    rows, columns = np.nonzero(skeleton)
    there = set(zip(rows.tolist(), columns.tolist(), strict=True))
    graph.add_nodes_from(sorted(there))
    for r, c in sorted(there):
        for dr, dc in ((0, 1), (1, 0)):
            if (r + dr, c + dc) in there:
                graph.add_edge((r, c), (r + dr, c + dc), length=1.0)
        for dr, dc in ((1, 1), (1, -1)):
            if (r + dr, c + dc) in there and not {(r + dr, c), (r, c + dc)} & there:
                graph.add_edge((r, c), (r + dr, c + dc), length=2**0.5)
    return graph


def _walk(pixels: Any) -> list[Pixel]:
    """The pixels of one part in the order of an open postman walk."""
    graph = _contracted(pixels)
    if graph.number_of_edges() == 0:
        return [min(graph.nodes)]
    odd = sorted(node for node, degree in graph.degree() if degree % 2)
    start = min(graph.nodes)
    if odd:
        pairs, (start, _) = _matched(graph, odd)
        for a, b in pairs:
            way = nx.shortest_path(graph, a, b, weight="length")
            for u, v in itertools.pairwise(way):
                graph.add_edge(u, v, **min(graph.get_edge_data(u, v).values(), key=lambda d: d["length"]))
    steps = nx.eulerian_path(graph, source=start, keys=True)
    walk = [start]
    for u, v, key in steps:
        way = graph.edges[u, v, key]["pixels"]
        walk += way[1:] if way[0] == u else way[-2::-1]
    return walk


def _contracted(pixels: Any) -> Any:
    """The multigraph of nodes, whose edges hold their pixels and length."""
    graph: Any = nx.MultiGraph()
    nodes = sorted(p for p in pixels if pixels.degree(p) != 2) or [min(pixels)]
    ends = set(nodes)
    graph.add_nodes_from(nodes)
    done: set[Hashable] = set()
    for node in nodes:
        for first in sorted(pixels[node]):
            if (node, first) in done:
                continue
            way, length = [node, first], pixels.edges[node, first]["length"]
            while way[-1] not in ends:
                onward = next(p for p in sorted(pixels[way[-1]]) if p != way[-2])
                length += pixels.edges[way[-1], onward]["length"]
                way.append(onward)
            done |= {(node, first), (way[-1], way[-2])}
            graph.add_edge(node, way[-1], length=length, pixels=way)
    return graph


def _matched(graph: Any, odd: list[Pixel]) -> tuple[list[tuple[Pixel, Pixel]], tuple[Pixel, Pixel]]:
    """Pairs of odd nodes to walk twice between, and the two ends of the walk."""
    index = {node: k for k, node in enumerate(odd)}
    away: dict[tuple[int, int], float] = {}
    for node, k in index.items():
        reach = nx.single_source_dijkstra_path_length(graph, node, weight="length")
        away |= {(k, j): reach[other] for other, j in index.items() if j > k}
    if len(odd) <= _EXACT_ODD:
        best: Any = nx.Graph()
        best.add_weighted_edges_from((k, j, length) for (k, j), length in away.items())
        for extra in (-1, -2):
            best.add_weighted_edges_from((k, extra, 0.0) for k in index.values())
        matched = [tuple(sorted(pair)) for pair in nx.min_weight_matching(best)]
        pairs = [(odd[k], odd[j]) for k, j in matched if k >= 0]
        ends = [odd[j] for k, j in sorted(matched) if k < 0]
        return sorted(pairs), (min(ends), max(ends))
    left = set(index.values())
    greedy: list[tuple[Pixel, Pixel]] = []
    for (k, j), _ in sorted(away.items(), key=lambda item: (item[1], item[0])):
        if k in left and j in left and len(left) > 2:
            left -= {k, j}
            greedy.append((odd[k], odd[j]))
    first, last = sorted(left)
    return greedy, (odd[first], odd[last])


def _nearest_first(walks: list[list[Pixel]]) -> list[list[Pixel]]:
    """Walks in the order of the nearest start next, the uppermost first; none is turned around."""
    left = sorted(walks, key=lambda walk: walk[0])
    ordered = left[:1]
    left = left[1:]
    while left:
        r, c = ordered[-1][-1]
        k = min(range(len(left)), key=lambda j: ((left[j][0][0] - r) ** 2 + (left[j][0][1] - c) ** 2, j))
        ordered.append(left.pop(k))
    return ordered
