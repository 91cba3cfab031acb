"""Turns a walk over a part's lines into one that a hand would make.

Nouns:
    step       an edge in the direction in which the walk follows it
    first      the first pass of the walk over an edge; later passes leave no new ink
    loop       a run of steps that ends at the node where it started
    prior      which direction and order hands take more often than not, as weights

Symbols; H = height of the part, all lengths in H; an edge e followed forward has
    theta(s), k(s)   direction and curvature (k H squashed to [-1, 1]), both at length s along it
    D_e   integral over s of w_D . (cos theta, sin theta, cos 3 theta, sin 3 theta, k, k cos 2 theta,
          k sin 2 theta, h cos theta, h sin theta), h = y - the middle of the part's height: how much
          a hand would rather draw e forward; drawn backward it is -D_e
    O_e   integral over s of w_O . (x, y, |cos theta|), less the mean over the part: how much later
          than the rest a hand draws e
    t_e   time, in lengths walked, at the middle of the first pass over e
    u_k   turn of the transition from step k - 1 to step k, see ``postman``
    S     w_S . (x, y, is a line end) of the node where the walk starts, x and y in the box of the part

    cost = RETRACE retraced - sum over first passes of (+-D_e + O_e t_e) + TURN sum of u_k - S

The functions in D_e are those of the lowest order that change sign when a line is followed
the other way; with no more of them, the weights stay few. Two ways lead from one walk to
another over the same edges: a loop is walked the other way round, or two loops at
one node change places. Both change the cost of the steps inside alone, so a walk of any length
is improved loop by loop, as long as that helps. What is tried first are other starts and ends:
moving the start from s to s' doubles the edges of a way between them, or walks them once less
if they were doubled; the least retracing is that of the shortest such way with lengths
negative where an edge is doubled already (Edmonds and Johnson, see ``postman``).

The weights were chosen on letters, digits and words of the UNIPEN collection; the writers
on which ``benchmarks/order_truth.py`` measures had no part in that.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from strokebot.tour.graph import Graph, Points
from strokebot.tour.postman import Turns, Walk, euler_walk, least_retracing

Floats = NDArray[np.float64]

# Weights of D_e, O_e and S in the order of the symbols, of a length retraced, and of a turn.
DIRECTION_WEIGHTS = (0.74, 0.95, -0.08, -0.12, -0.43, 0.64, 0.45, -0.06, 0.07)
ORDER_WEIGHTS = (-0.33, -0.25, -0.78)
START_WEIGHTS = (-0.2, -0.32, 0.18)
# (The fit alone says 0.12 for the retracing. From there to 0.8, direction and order on writers stay the
# same, and a line that is drawn twice takes time on every machine.)
RETRACE = 0.8
TURN = 0.05
# A part lower than this share of its width is taken as this high.
_FLATTEST = 0.3
# A start is placed in a box of at least this many H each way.
_LEAST_BOX = 0.3
# Curvature, in 1/H, at which k is squashed to tanh 1.
_BENT = 4.0
# Directions are smoothed over this length, in H.
_SMOOTH = 0.03
# Starts and ends that are tried, the most promising first.
_STARTS, _ENDS = 20, 20
# Edges up to which other starts and ends are looked for: a long word has as many, and no hand has
# habits for a drawing with more. Edges of all the walks together that are tried then.
_MOST_EDGES = 300
_WALKED_EDGES = 900
# Walks that are improved: those that cost least before it.
_IMPROVED = 40
# Loops longer than this many steps are left alone: the work would grow faster than the walk.
_LONGEST_LOOP = 24
# Rounds of improvement.
_ROUNDS = 12
_LEAST_GAIN = 1e-9


@dataclass(frozen=True, eq=False)
class StrokePrior:
    """What a hand would rather do with each edge of a part.

    Attributes:
        forward: edge -> D_e.
        late: edge -> O_e.
        length: edge -> its length, in H.
        start: node -> S.
    """

    forward: dict[int, float]
    late: dict[int, float]
    length: dict[int, float]
    start: dict[int, float]


def part_height(extent: Floats) -> float:
    """H of a part with this width and height (2,), px."""
    return max(float(extent[1]), _FLATTEST * float(extent[0]), 1.0)


def features(numbers: Sequence[int], shapes: Mapping[int, Points]) -> tuple[Floats, Floats, Floats, float]:
    """The integrals of D_e (E, 9) and O_e (E, 3), the lengths (E,), all in H, and H, px."""
    everything = np.concatenate([shapes[k] for k in numbers])
    extent = np.ptp(everything, axis=0)
    height = part_height(extent)
    centre = float(everything[:, 1].min() + extent[1] / 2) / height
    odd, even, lengths = [], [], []
    for number in numbers:
        points = shapes[number] / height
        step = np.diff(points, axis=0)
        ds = np.hypot(*step.T)
        if not (ds > 0).any():
            odd.append(np.zeros(9))
            even.append(np.zeros(3))
            lengths.append(0.0)
            continue
        step, middle, ds = step[ds > 0], ((points[1:] + points[:-1]) / 2)[ds > 0], ds[ds > 0]
        sigma = _SMOOTH / max(float(ds.mean()), 1e-9)
        unit = gaussian_filter1d(step / ds[:, None], sigma, axis=0, mode="nearest")
        theta = np.unwrap(np.arctan2(unit[:, 1], unit[:, 0]))
        bend = np.gradient(theta) / ds if len(ds) > 1 else np.zeros(1)
        k = np.tanh(bend / _BENT)
        y = middle[:, 1] - centre
        odd.append(
            np.stack(
                [
                    np.cos(theta), np.sin(theta), np.cos(3 * theta), np.sin(3 * theta),
                    k, k * np.cos(2 * theta), k * np.sin(2 * theta),
                    y * np.cos(theta), y * np.sin(theta),
                ]
            ) @ ds
        )  # fmt: skip
        even.append(np.stack([*middle.T, np.abs(np.cos(theta))]) @ ds)
        lengths.append(float(ds.sum()))
    length = np.array(lengths)
    late = np.array(even)
    late -= length[:, None] * late.sum(axis=0) / max(float(length.sum()), 1e-9)
    return np.array(odd), late, length, height


def stroke_prior(graph: Graph, nodes: Sequence[int], shapes: Mapping[int, Points]) -> StrokePrior:
    """What a hand would rather do with the edges of one component."""
    numbers = sorted({k for node in nodes for k in graph.at[node]})
    odd, even, length, height = features(numbers, shapes)
    corner = np.min([shapes[k].min(axis=0) for k in numbers], axis=0)
    extent = np.max([shapes[k].max(axis=0) for k in numbers], axis=0) - corner
    side = np.maximum(extent, _LEAST_BOX * height)
    start = {
        node: float(np.dot(START_WEIGHTS, [*(graph.place[node] - corner) / side, len(graph.at[node]) == 1]))
        for node in nodes
    }
    return StrokePrior(
        dict(zip(numbers, (odd @ DIRECTION_WEIGHTS).tolist(), strict=True)),
        dict(zip(numbers, (even @ ORDER_WEIGHTS).tolist(), strict=True)),
        dict(zip(numbers, length.tolist(), strict=True)),
        start,
    )


def local_search_walk(
    graph: Graph, nodes: Sequence[int], shapes: Mapping[int, Points], prior: StrokePrior | None = None
) -> Walk:
    """A walk over all edges of one component as a hand might make it.

    Args:
        graph: the graph.
        nodes: all nodes of one of its components, with at least one edge.
        shapes: centre line (K, 2) of each edge from its node a to its node b, px.
        prior: what a hand would rather do; None for ``stroke_prior``.

    Returns:
        Edge numbers with True where the edge is walked from a to b. Every edge
        occurs once or twice; each step starts at the node where the last one ended.
    """
    if prior is None:
        prior = stroke_prior(graph, nodes, shapes)
    turns = Turns(graph)
    lines = [LocalSearch(graph, prior, turns, walk) for walk in starting_walks(graph, nodes, prior, turns)]
    most = 1 if len(prior.length) > _MOST_EDGES else _IMPROVED
    lines = sorted(lines, key=LocalSearch.cost)[:most]
    for line in lines:
        line.improve()
    return min(lines, key=LocalSearch.cost).steps


def improved_walk(graph: Graph, prior: StrokePrior, walk: Walk) -> Walk:
    """A walk, or the same backwards, with its loops turned and exchanged as a hand would rather do it.

    Its length stays the same.

    Args:
        graph: the graph.
        prior: what a hand would rather do.
        walk: over edges of the graph, without a lift.
    """
    turns = Turns(graph)
    backwards = [(number, not forward) for number, forward in walk[::-1]]
    lines = [LocalSearch(graph, prior, turns, way) for way in (walk, backwards)]
    for line in lines:
        line.improve()
    return min(lines, key=LocalSearch.cost).steps


def starting_walks(graph: Graph, nodes: Sequence[int], prior: StrokePrior, turns: Turns) -> list[Walk]:
    """Walks with different starts and ends, each way round."""
    numbers = list(prior.length)
    joins = least_retracing(graph, nodes)
    pairs = _moved_ends(graph, nodes, prior, *joins) if len(numbers) <= _MOST_EDGES else [joins]
    walks = list[Walk]()
    for doubled, start, end in pairs:
        walk = euler_walk(graph, [*numbers, *doubled], start, end, turns)
        walks += [walk, [(number, not forward) for number, forward in walk[::-1]]]
    return walks


def _moved_ends(
    graph: Graph, nodes: Sequence[int], prior: StrokePrior, doubled: list[int], start: int, end: int
) -> list[tuple[list[int], int, int]]:
    """Choices of what to double, the start and the end; the least retracing first."""
    found: dict[tuple[int, int], tuple[float, list[int]]] = {}

    def offer(twice: frozenset[int], s: int, e: int) -> None:
        cost = sum(prior.length[k] for k in twice)
        key = (min(s, e), max(s, e))
        if key not in found or cost < found[key][0] - _LEAST_GAIN:
            found[key] = (cost, sorted(twice))

    base = frozenset(doubled)
    offer(base, start, end)
    ways = _ways(graph, nodes, prior, base, start)
    starts = sorted(nodes, key=lambda v: _rank(graph, prior, ways[v][0], v))[:_STARTS]
    for s in starts:
        moved = base ^ ways[s][1]
        offer(moved, s, end)
        back = _ways(graph, nodes, prior, moved, end)
        for e in sorted(nodes, key=lambda v: _rank(graph, prior, back[v][0], v))[:_ENDS]:
            offer(moved ^ back[e][1], s, e)
    ranked = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    most = max(1, _WALKED_EDGES // len(prior.length))
    return [(twice, *key) for key, (_, twice) in ranked[:most]]


def _rank(graph: Graph, prior: StrokePrior, way: float, node: int) -> float:
    """How little promising a node is as an end of the walk: the retracing it costs; leaves before others."""
    return RETRACE * way + (0.0 if len(graph.at[node]) == 1 else 0.1)


def _ways(
    graph: Graph, nodes: Sequence[int], prior: StrokePrior, doubled: frozenset[int], source: int
) -> dict[int, tuple[float, frozenset[int]]]:
    """For each node the retracing that a way from the source adds, and the edges of the way."""
    done: dict[int, tuple[float, frozenset[int]]] = {}
    heap: list[tuple[float, int, float, int, frozenset[int]]] = [(0.0, 0, 0.0, source, frozenset())]
    count = 0
    while heap:
        far, _, cost, node, way = heapq.heappop(heap)
        if node in done:
            continue
        done[node] = (cost, way)
        for number in graph.at[node]:
            other = graph.edges[number].other(node)
            if other not in done:
                length = prior.length[number]
                count += 1
                # An edge walked twice already costs nothing on the way, and is a saving after it.
                step, gain = (0.0, -length) if number in doubled else (length, length)
                heapq.heappush(heap, (far + step, count, cost + gain, other, way | {number}))
    return done


class LocalSearch:
    """A walk that is improved loop by loop, in place."""

    def __init__(self, graph: Graph, prior: StrokePrior, turns: Turns, walk: Walk) -> None:
        self.steps = list(walk)
        self._graph, self._prior = graph, prior
        edge = graph.edges[walk[0][0]]
        node = edge.a if walk[0][1] else edge.b
        self._node = [node]
        for number, _ in walk:
            node = graph.edges[number].other(node)
            self._node.append(node)
        self._first: dict[int, int] = {}
        for at, (number, _) in enumerate(walk):
            self._first.setdefault(number, at)
        self._turns = turns
        self._changed = set[int]()

    def cost(self) -> float:
        """The cost of the whole walk, see the top of the file."""
        walked = sum(self._prior.length[number] for number, _ in self.steps)
        retraced = walked - sum(self._prior.length.values())
        start = self._prior.start[self._node[0]]
        return RETRACE * retraced + self._cost(self.steps, 0, len(self.steps), 0.0) - start

    def _cost(self, steps: Walk, low: int, high: int, time: float) -> float:
        """The cost of steps put in the place low .. high, with both transitions into the rest."""
        prior, seen = self._prior, set[int]()
        cost = 0.0
        turns = [*self.steps[max(low - 1, 0) : low], *steps, *self.steps[high : high + 1]]
        for before, after in pairwise(turns):
            cost += TURN * self._turns.between(before, after)
        for number, forward in steps:
            length = prior.length[number]
            if number not in seen and self._first[number] >= low:
                seen.add(number)
                d = prior.forward[number]
                cost += prior.late[number] * (time + length / 2) - (d if forward else -d)
            time += length
        return cost

    def improve(self) -> None:
        """Reverses loops and exchanges neighbouring ones as long as that makes the walk cheaper."""
        self._changed = set(self._node)
        for _ in range(_ROUNDS):
            visits: dict[int, list[int]] = {}
            for at, node in enumerate(self._node):
                if node in self._changed:
                    visits.setdefault(node, []).append(at)
            self._changed = set()
            for places in visits.values():
                self._improve_at(places)
            if not self._changed:
                return

    def _improve_at(self, places: list[int]) -> None:
        """Tries the loops at one node, given where the walk meets it."""
        for k, low in enumerate(places):
            for m in range(k + 1, len(places)):
                high = places[m]
                if high - low > _LONGEST_LOOP:
                    break
                if self._node[low] != self._node[places[k]] or self._node[low] != self._node[high]:
                    continue
                part = self.steps[low:high]
                others = [[(number, not forward) for number, forward in part[::-1]]]
                for middle in places[k + 1 : m]:
                    if self._node[middle] == self._node[low]:
                        others.append(self.steps[middle:high] + self.steps[low:middle])
                now = self._cost(part, low, high, 0.0)
                for other in others:
                    if self._cost(other, low, high, 0.0) < now - _LEAST_GAIN:
                        self._put(other, low, high)
                        break

    def _put(self, steps: Walk, low: int, high: int) -> None:
        inside = {number for number, _ in steps if self._first[number] >= low}
        self.steps[low:high] = steps
        node = self._node[low]
        self._changed.update(self._node[low : high + 1])
        for at, (number, _) in enumerate(steps, low):
            if number in inside:
                inside.remove(number)
                self._first[number] = at
            node = self._graph.edges[number].other(node)
            self._node[at + 1] = node
