"""One walk over all lines of a connected drawing, with the least retracing.

Nouns:
    odd node    a node at which an odd number of edge ends meet
    walk        edges in the order and the direction in which the pen follows them
    dart        one end of one copy of an edge
    transition  a pair of darts at a node: the walk comes in by one and leaves by the other

Symbols:
    d(u, v)     shortest way between nodes along the lines, px
    u_k         direction in which dart k leaves its node
    turn        (1 + u_j . u_k) / 2 of a transition: 0 straight on, 1 back the same way

Chinese postman (Kwan 1962; Edmonds and Johnson, "Matching, Euler tours and the
Chinese postman", 1973), open: all odd nodes but the start and the end are matched
in pairs, the sum of d over the pairs being least, and the ways between the pairs
are walked twice. Start and end are matched to two extra nodes, whose costs prefer a
free end on the upper left and one on the right, so that a gesture goes on to the next.

Euler walk: at every node the darts are paired for the least turning, which leaves
closed walks; while there are several, two transitions of different walks at one
node, the pair with the least extra turning first, exchange darts (Hierholzer's
splicing, with the smoothest splice instead of the first).

Lifts inside a part, where one takes less time than drawing a line a second time.

Nouns:
    retrace   a run of steps of a walk over edges that it has passed before: no new ink

Symbols: L = length of a retrace, d = distance between its ends, both px of the picture;
v, u = speed of drawing and of travel, T = time to lift the pen and to lower it again:

    the pen is lifted where  L / v > T + d / u

A retrace after which nothing new is drawn is left out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra, minimum_spanning_tree

from strokebot.errors import GestureError
from strokebot.tour.graph import Graph, Points

# Above this many odd nodes the exact matching, cubic in their number, gives way to greedy
# pairs improved by exchanges.
_EXACT_ODD = 24
# Odd nodes up to which all sets of them are looked at.
_FEW_ODD = 14
# Above this many even those, quadratic in memory, give way to a spanning tree.
_GREEDY_ODD = 600
# Rounds of exchanges.
_ROUNDS = 10
# Weight of the preference for start and end, px of retracing for a px of distance.
_PREFER = 0.25
# Darts at a node up to which all pairings are tried (8: 105 pairings).
_ALL_PAIRINGS = 8
# A direction is taken over this many radii of the node, and at least this many points.
_DIRECTION_RADII = 2.5
_DIRECTION_POINTS = 4

Step = tuple[int, bool]
Walk = list[Step]
Link = tuple[float, int]  # length and number of an edge
Turn = Callable[[int, int], float]  # cost of a transition between two darts


def postman_walk(graph: Graph, nodes: Sequence[int]) -> Walk:
    """A walk over all edges of one component with the least retracing; see ``least_retracing``."""
    doubled, start, end = least_retracing(graph, nodes)
    numbers = sorted({k for node in nodes for k in graph.at[node]})
    return euler_walk(graph, [*numbers, *doubled], start, end)


def least_retracing(graph: Graph, nodes: Sequence[int]) -> tuple[list[int], int, int]:
    """What an open walk over all edges of one component must pass twice.

    Args:
        graph: the graph.
        nodes: all nodes of one of its components, with at least one edge.

    Returns:
        The numbers of the edges to walk twice, the start and the end of the walk.
    """
    odd = [node for node in nodes if len(graph.at[node]) % 2]
    if odd:
        return _match(graph, nodes, odd)
    start = _closed_start(graph, nodes)
    return [], start, start


def _closed_start(graph: Graph, nodes: Sequence[int]) -> int:
    """Where a closed walk starts: at the top, rather to the left."""
    return min(nodes, key=lambda node: float(graph.place[node] @ (0.5, 1.0)))


def _match(graph: Graph, nodes: Sequence[int], odd: list[int]) -> tuple[list[int], int, int]:
    """The edges to walk twice, the start and the end of the walk."""
    place = np.array([graph.place[node] for node in odd])
    leaf = np.array([len(graph.at[node]) == 1 for node in odd])
    low, high = place.min(axis=0), place.max(axis=0)
    # An inner node is no natural place to start or end: half the extent of the drawing is the fee.
    fee = np.where(leaf, 0.0, 0.5 * float((high - low).sum()))
    start_cost = _PREFER * ((place - low) @ (1.0, 0.7) + fee)
    end_cost = _PREFER * ((high - place) @ (1.0, 0.2) + fee)
    if len(odd) == 2:
        forward = start_cost[0] + end_cost[1] <= start_cost[1] + end_cost[0]
        return [], odd[0 if forward else 1], odd[1 if forward else 0]
    index = {node: k for k, node in enumerate(nodes)}
    shortest: dict[tuple[int, int], Link] = {}
    for number in {k for node in nodes for k in graph.at[node]}:
        edge = graph.edges[number]
        key = (min(edge.a, edge.b), max(edge.a, edge.b))
        if edge.a != edge.b:
            shortest[key] = min(shortest.get(key, (np.inf, -1)), (max(edge.length, 1e-9), number))
    pairs = np.array([(index[a], index[b]) for a, b in shortest])
    length = np.array([value[0] for value in shortest.values()])
    n = len(nodes)
    weights = coo_array((length, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    sources = np.array([index[node] for node in odd])
    if len(odd) > _GREEDY_ODD:
        start = int(np.argmin(start_cost))
        end = int(np.argmin(np.where(np.arange(len(odd)) == start, np.inf, end_cost)))
        return _tree_pairs(weights, np.delete(sources, [start, end]), nodes, shortest), odd[start], odd[end]
    way, before = dijkstra(weights, directed=False, indices=sources, return_predecessors=True)
    between = way[:, sources]
    solve = _exact_pairs if len(odd) <= _EXACT_ODD else _greedy_pairs
    matched, start, end = solve(between, start_cost, end_cost)
    parity: dict[int, int] = {}
    for i, j in matched:
        at = int(sources[j])
        while at != sources[i]:
            prior = int(before[i, at])
            a, b = nodes[prior], nodes[at]
            number = shortest[(min(a, b), max(a, b))][1]
            parity[number] = parity.get(number, 0) ^ 1
            at = prior
    # An edge that two ways share would be walked three times; twice less is the same walk.
    return sorted(k for k, twice in parity.items() if twice), odd[start], odd[end]


def _exact_pairs(
    between: NDArray[np.float64], start_cost: NDArray[np.float64], end_cost: NDArray[np.float64]
) -> tuple[list[tuple[int, int]], int, int]:
    """The cheapest matching of the odd nodes (n, n), two of them with the extra nodes n and n + 1."""
    n = len(between)
    if n <= _FEW_ODD:
        partners = _fewest(_cost_table(between, start_cost, end_cost))
        return [(i, j) for i, j in enumerate(partners) if i < j < n], partners[n], partners[n + 1]
    import networkx as nx  # slow to load, and most drawings of few strokes do without

    problem = nx.Graph()
    problem.add_weighted_edges_from((i, j, float(between[i, j])) for i in range(n) for j in range(i))
    problem.add_weighted_edges_from((i, n, float(start_cost[i])) for i in range(n))
    problem.add_weighted_edges_from((i, n + 1, float(end_cost[i])) for i in range(n))
    partner: dict[int, int] = {}
    for i, j in nx.min_weight_matching(problem):
        partner[i], partner[j] = j, i
    pairs = [(i, j) for i, j in sorted(partner.items()) if i < j < n]
    return pairs, partner[n], partner[n + 1]


def _fewest(cost: NDArray[np.float64]) -> list[int]:
    """The partner of each of a few nodes in the cheapest perfect matching, by cost (m, m), m even.

    c(S), the least cost of matching the nodes of a set S with each other, is the least over j in S of
    cost[i, j] + c(S without i and j), i being the lowest node of S (R. Bellman, 1962: dynamic programming
    over sets, here the bits of a number).
    """
    m = len(cost)
    sets = np.arange(2**m)
    bits = 1 << np.arange(m)
    holds = (sets[:, None] & bits) > 0
    size, lowest = holds.sum(axis=1), np.argmax(holds, axis=1)
    least, mate = np.full(len(sets), np.inf), np.zeros(len(sets), dtype=np.intp)
    least[0] = 0.0
    for count in range(2, m + 1, 2):
        own = np.flatnonzero(size == count)
        i = lowest[own]
        rest = (own ^ bits[i])[:, None] & ~bits
        total = np.where(holds[own] & (np.arange(m) != i[:, None]), cost[i] + least[rest], np.inf)
        mate[own] = np.argmin(total, axis=1)
        least[own] = total[np.arange(len(own)), mate[own]]
    partners, left = [0] * m, len(sets) - 1
    while left:
        i, j = int(lowest[left]), int(mate[left])
        partners[i], partners[j] = j, i
        left ^= int(bits[i] | bits[j])
    return partners


def _cost_table(
    between: NDArray[np.float64], start_cost: NDArray[np.float64], end_cost: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Costs (n + 2, n + 2) of all pairs, of the extra nodes too, which do not go with each other."""
    n = len(between)
    cost = np.full((n + 2, n + 2), np.inf)
    cost[:n, :n] = between
    cost[n, :n] = cost[:n, n] = start_cost
    cost[n + 1, :n] = cost[:n, n + 1] = end_cost
    np.fill_diagonal(cost, np.inf)
    return cost


def _greedy_pairs(
    between: NDArray[np.float64], start_cost: NDArray[np.float64], end_cost: NDArray[np.float64]
) -> tuple[list[tuple[int, int]], int, int]:
    """Nearest pairs first, then exchanges of two pairs as long as one helps."""
    n = len(between)
    cost = _cost_table(between, start_cost, end_cost)
    rows, columns = np.triu_indices(n + 2, 1)
    partner = np.full(n + 2, -1)
    # The extra nodes choose last: which nodes are left for start and end matters least.
    rank = cost[rows, columns] + np.where(columns >= n, between[np.isfinite(between)].max(), 0.0)
    for k in np.argsort(rank, kind="stable"):
        i, j = rows[k], columns[k]
        if partner[i] < 0 and partner[j] < 0 and np.isfinite(cost[i, j]):
            partner[i], partner[j] = j, i
    for _ in range(_ROUNDS):
        improved = False
        for i in range(n + 2):
            j = partner[i]
            others = np.arange(n + 2)
            now = cost[i, j] + cost[others, partner]
            # i takes the other's partner, j the other.
            then = cost[i, partner] + cost[j, others]
            gain = np.where((others != i) & (others != j), now - then, -np.inf)
            k = int(np.argmax(gain))
            if gain[k] > 1e-9:
                m = partner[k]
                partner[i], partner[m], partner[j], partner[k] = m, i, k, j
                improved = True
        if not improved:
            break
    pairs = [(int(i), int(j)) for i, j in enumerate(partner) if i < j < n]
    return pairs, int(partner[n]), int(partner[n + 1])


def _tree_pairs(
    weights: csr_array, odd: NDArray[np.int64], nodes: Sequence[int], shortest: dict[tuple[int, int], Link]
) -> list[int]:
    """The edges to walk twice so that every node in ``odd`` becomes even, all on the shortest tree.

    An edge of the tree is needed twice where it parts an odd number of odd nodes from the rest.
    """
    order, before = breadth_first_order(minimum_spanning_tree(weights), 0, directed=False)
    parity = np.zeros(len(nodes), dtype=np.int64)
    parity[odd] = 1
    doubled = []
    for at in order[:0:-1]:
        if parity[at]:
            prior = int(before[at])
            parity[prior] ^= 1
            a, b = nodes[int(at)], nodes[prior]
            doubled.append(shortest[(min(a, b), max(a, b))][1])
    return sorted(doubled)


def leave_direction(points: Points, radius: float) -> Points:
    """The unit direction (2,) in which a polyline (K, 2) leaves its first point."""
    away = np.hypot(*(points - points[0]).T)
    far = np.flatnonzero(away >= _DIRECTION_RADII * radius)
    at = max(int(far[0]) if len(far) else len(points) - 1, min(_DIRECTION_POINTS, len(points) - 1))
    if len(far) == 0:  # a short edge or a loop: where it is farthest away
        at = max(int(np.argmax(away)), 1)
    step = points[at] - points[0]
    length = float(np.hypot(*step))
    return step / length if length > 0 else np.array([1.0, 0.0])


class Turns:
    """What transitions between the edges of a graph cost, see the top of the file; each is found once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._leaving: dict[Step, tuple[float, float]] = {}
        self._cost: dict[tuple[Step, Step], float] = {}

    def leaving(self, step: Step) -> tuple[float, float]:
        """The direction in which a step leaves its first node."""
        if step not in self._leaving:
            edge = self._graph.edges[step[0]]
            points, node = (edge.points, edge.a) if step[1] else (edge.points[::-1], edge.b)
            x, y = leave_direction(points, self._graph.radius[node]).tolist()
            self._leaving[step] = (x, y)
        return self._leaving[step]

    def between(self, before: Step, after: Step) -> float:
        """The cost of the transition from one step of a walk to the next."""
        key = (before, after)
        if key not in self._cost:
            back = (before[0], not before[1])
            (ux, uy), (vx, vy) = self.leaving(back), self.leaving(after)
            # The two copies of one edge: only at its end is going back what is wanted.
            self._cost[key] = (1.0 + ux * vx + uy * vy) / 2 + (0.5 if back == after else 0.0)
        return self._cost[key]


def euler_walk(graph: Graph, copies: list[int], start: int, end: int, turns: Turns | None = None) -> Walk:
    """Strings copies of edges together to one walk from start to end.

    Args:
        graph: the graph.
        copies: edge numbers, so often as they are to be walked; every node but the start and
            the end, if these differ, must be met by an even number of edge ends.
        start: node where the walk begins.
        end: node where it ends.
        turns: costs of the transitions of this graph, if they are at hand.

    Returns:
        Edge numbers with True where the edge is walked from a to b.
    """
    # Darts 2c and 2c + 1 are the ends a and b of copy c; the last copy is a way back from the
    # end to the start through the air, at which the closed walk is opened.
    costs = turns or Turns(graph)
    node_of: list[int] = []
    for number in copies:
        node_of += [graph.edges[number].a, graph.edges[number].b]
    node_of += [end, start]
    way = len(node_of) - 2
    at: dict[int, list[int]] = {}
    for dart, node in enumerate(node_of):
        at.setdefault(node, []).append(dart)

    def turn(i: int, j: int) -> float:
        if i >= way or j >= way:
            return 0.5
        return costs.between((copies[i >> 1], i % 2 == 1), (copies[j >> 1], j % 2 == 0))

    partner = [-1] * len(node_of)
    for darts in at.values():
        for i, j in _best_pairing(darts, turn):
            partner[i], partner[j] = j, i
    _splice(at, partner, turn)
    walk: Walk = []
    dart = partner[len(node_of) - 1]  # leaves the start
    while dart < len(node_of) - 2:
        walk.append((copies[dart >> 1], dart % 2 == 0))
        dart = partner[dart ^ 1]
    return walk


def _best_pairing(darts: list[int], turn: Turn) -> list[tuple[int, int]]:
    """The pairing of an even number of darts with the least turning; nearest pairs if there are many."""
    if len(darts) > _ALL_PAIRINGS:
        ranked = sorted((turn(i, j), i, j) for k, i in enumerate(darts) for j in darts[k + 1 :])
        pairs, taken = [], set()
        for _, i, j in ranked:
            if i not in taken and j not in taken:
                pairs.append((i, j))
                taken |= {i, j}
        return pairs

    def search(left: list[int]) -> tuple[float, list[tuple[int, int]]]:
        if not left:
            return 0.0, []
        first, rest = left[0], left[1:]
        best: tuple[float, list[tuple[int, int]]] = (np.inf, [])
        for k, other in enumerate(rest):
            cost, pairs = search(rest[:k] + rest[k + 1 :])
            cost += turn(first, other)
            if cost < best[0]:
                best = (cost, [(first, other), *pairs])
        return best

    return search(darts)[1]


def _splice(at: dict[int, list[int]], partner: list[int], turn: Turn) -> None:
    """Joins the closed walks of a pairing to one, in place, the smoothest splices first."""
    leader = list(range(len(partner) // 2))

    def walk_of(dart: int) -> int:
        copy = dart >> 1
        while leader[copy] != copy:
            leader[copy] = leader[leader[copy]]
            copy = leader[copy]
        return copy

    for dart, other in enumerate(partner):
        leader[walk_of(dart)] = walk_of(other)
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(i: int, node: int) -> None:
        j = partner[i]
        for k in at[node]:
            m = partner[k]
            if k < m and walk_of(i) != walk_of(k):
                now = turn(i, j) + turn(k, m)
                for p, q in ((k, m), (m, k)):  # i with p, j with q
                    heapq.heappush(heap, (turn(i, p) + turn(j, q) - now, i, j, p, q))

    node_at = {dart: node for node, darts in at.items() for dart in darts}
    for node, darts in at.items():
        for dart in darts:
            if dart < partner[dart]:
                offer(dart, node)
    while heap:
        _, i, j, p, q = heapq.heappop(heap)
        if partner[i] != j or partner[p] != q or walk_of(i) == walk_of(p):
            continue
        partner[i], partner[p], partner[j], partner[q] = p, i, q, j
        leader[walk_of(i)] = walk_of(p)
        offer(i, node_at[i])
        offer(j, node_at[i])


@dataclass(frozen=True, slots=True)
class TourCosts:
    """What the machine needs for drawing, travelling and lifting.

    Attributes:
        draw_px_s: speed on the paper, px of the picture a second.
        travel_px_s: speed in the air.
        lift_s: time to lift the pen and to lower it again.

    Raises:
        GestureError: for a value that is not a number above 0 (a lift may take no time).
    """

    draw_px_s: float
    travel_px_s: float
    lift_s: float

    def __post_init__(self) -> None:
        values = (self.draw_px_s, self.travel_px_s, self.lift_s)
        if not all(map(math.isfinite, values)) or min(values[:2]) <= 0 or self.lift_s < 0:
            raise GestureError("Speeds of a tour must be above 0, and a lift must take 0 s or more.")


def cut_retraces(graph: Graph, walk: Walk, costs: TourCosts, unit: float) -> list[Walk]:
    """The parts of a walk between the lifts that are cheaper than a retrace.

    Args:
        graph: the graph.
        walk: steps over it.
        costs: times of the machine.
        unit: working px in one px of the picture.

    Returns:
        One run of steps or more; between two of them the pen is lifted.
    """
    seen = set[int]()
    runs: list[Walk] = [[]]
    retrace: Walk = []
    for step in walk:
        if step[0] in seen:
            retrace.append(step)
            continue
        seen.add(step[0])
        if _slow(graph, retrace, costs, unit):
            runs.append([])
        else:
            runs[-1] += retrace
        runs[-1].append(step)
        retrace = []
    return runs


def _slow(graph: Graph, retrace: Walk, costs: TourCosts, unit: float) -> bool:
    """Whether a lift is cheaper than a retrace."""
    if not retrace:
        return False
    length = sum(graph.edges[number].length for number, _ in retrace) / unit
    (first, forward), (last, onward) = retrace[0], retrace[-1]
    start = graph.edges[first].a if forward else graph.edges[first].b
    end = graph.edges[last].b if onward else graph.edges[last].a
    way = float(np.hypot(*(graph.place[end] - graph.place[start]))) / unit
    return length / costs.draw_px_s > costs.lift_s + way / costs.travel_px_s
