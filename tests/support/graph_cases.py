"""Graphs for the tests of the tour."""

import numpy as np

from strokebot.tour.graph import Graph


def random_graph(seed: int, nodes: int, edges: int) -> Graph:
    """A connected graph of bent lines between random places, loops and parallels included."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    for k in range(nodes):
        graph.add_node(k, rng.random(2) * 100, 1.0)
    pairs = [(int(rng.integers(0, k)), k) for k in range(1, nodes)]
    pairs += [(int(a), int(b)) for a, b in rng.integers(0, nodes, (edges, 2))]
    for a, b in pairs:
        middle = (graph.place[a] + graph.place[b]) / 2 + rng.normal(size=2) * 10
        graph.add_edge(a, b, np.array([graph.place[a], middle, graph.place[b]]))
    return graph
