"""Small parts, letters above all, are drawn edge by edge in the order of a hand.

Nouns:
    growth     a drawing begun: the edges drawn so far, always connected but for lifts, and the pen's node
    step       the next edge, from a node that is drawn already, and its direction
    way        how the pen gets to where a step starts: on at once, over drawn edges, or through
               the air; only a way over drawn edges of no length is no interruption
    habit      what hands do more often than not, as weights

Symbols; lengths in H, the height of the part; e, f edges, l_e the length of e, s_e = +1 for e
drawn from its node a to its node b and -1 for the other way:
    D_e      what a hand would rather do with e, from a to b: ``natural`` has nine integrals; besides
             l (leaf at a - leaf at b), x C, x S, y K, x K and c C, with x, y the middle of e from that
             of the part, c its mean |cos theta|, C, S and K the first, second and fifth integral
    P_ef     preference for e before f: h = l_e l_f / (l_e + l_f) times differences of e and f in
             place, direction, bending, free ends and length (``_pair_features``); P_fe = -P_ef
    r_k      length of the way to step k, what it would be drawn in the time if it goes through the air
    u_k      turn from step k - 1 to step k where nothing interrupts, see ``postman``
    p        where the drawing starts, in the box of the part, and whether that is a leaf

    score = sum of s_e w_D . D_e + sum over e before f of w_P . P_ef + w_p . p
            - RETRACE sum of r_k - INTERRUPTION (ways that interrupt) - TURN sum of u_k

Every drawing of a connected part without lifts is a growth, whatever it retraces. Growths are built up
step by step; after each step the best ``_BEAM`` are kept, and at most ``_ALIKE`` of those that have
drawn the same and stand at the same node (beam search: B. Lowerre, "The HARPY speech recognition
system", 1976).

A way goes through the air where the machine is sooner there than over the lines that are drawn. Where
the pen is to begin at a free end that it has not drawn to, what is compared is going out along that
line and drawing it again on the way back.

The weights maximise what a choice with probabilities ~ exp(score) among the growths of a part agrees
with its writer, strokes in the true direction and Kendall's tau of their order, over letters and words
of UNIPEN's training writers; the writers on which ``benchmarks/order_truth.py`` measures had no part.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot.tour.graph import Graph, Points
from strokebot.tour.local_search import features
from strokebot.tour.postman import Step, TourCosts, Turns, Walk

Floats = NDArray[np.float64]

# The weights w_D, w_P and w_p in the order of the features, and the rest of the score.
DIRECTION_WEIGHTS = (
    1.67,
    4.75,
    -0.5,
    -1.37,
    -0.7,
    2.69,
    -0.04,
    1.38,
    -2.45,
    -0.23,
    1.57,
    -3.15,
    5.9,
    2.81,
    1.63,
)
ORDER_WEIGHTS = (0.97, 0.61, 3.42, -0.99, 1.49, 0.63, 0.62, 0.35, 6.7, 5.99, 1.13, -5.61, -24.4, -11.77, 4.58)
START_WEIGHTS = (-0.65, -1.06, 0.59)
RETRACE, INTERRUPTION, TURN = 2.66, 0.23, 0.61
# Edges up to which a part is grown: most letters have under 10. Joined writing has more, and follows its
# own line better by ``natural`` (point by point, order on words is 0.88 with 12 and 0.81 with 30).
MOST_EDGES = 12
# Growths kept: with 16 letters are 1 % longer, and 256 change little.
_BEAM = 64
_ALIKE = 6
# A start is placed in a box of at least this many H each way.
_LEAST_BOX = 0.3
# Differences in place from about this many H on count as one.
_NEAR = 0.25
_VERY_NEAR = 1 / 6
# Added to a length before its logarithm.
_LEAST_LENGTH = 0.05


@dataclass(frozen=True, eq=False)
class OrderFeatures:
    """What a hand would rather do with one part.

    Attributes:
        numbers: the edges, ascending; everything else counts them from 0.
        forward: (E,) w_D . D_e.
        before: (E, E) w_P . P_ef.
        length: (E,) l_e.
        start: node -> w_p . p.
        height_px: H.
    """

    numbers: list[int]
    forward: list[float]
    before: Floats
    length: list[float]
    start: dict[int, float]
    height_px: float


@dataclass(frozen=True, slots=True)
class PartialWalk:
    """How the pen comes to a node.

    Attributes:
        length: r_k, in H.
        last: the edge of the way that ends at the node; None at its beginning.
        lifted: whether it goes through the air.
    """

    length: float
    last: int | None
    lifted: bool


@dataclass(frozen=True, slots=True)
class Beam:
    """A drawing begun.

    Attributes:
        score: of what is drawn.
        drawn: bit e for every edge e that is drawn.
        node: where the pen is.
        steps: what was drawn: edge, direction, and the edges of the way to it or None for a lift.
        rest: (E,) the sum of P_ef over the edges f that are not drawn.
    """

    score: float
    drawn: int
    node: int
    steps: tuple[tuple[int, bool, Walk | None], ...]
    rest: list[float]


def order_features(graph: Graph, nodes: Sequence[int], shapes: Mapping[int, Points]) -> OrderFeatures:
    """What a hand would rather do with one component."""
    numbers = sorted({k for node in nodes for k in graph.at[node]})
    odd, _, found, height = features(graph, numbers, shapes)
    length = np.maximum(found, 1e-9)
    everything = np.concatenate([shapes[k] for k in numbers])
    corner = everything.min(axis=0)
    box = np.ptp(everything, axis=0) / height
    leaf = {node: float(len(graph.at[node]) == 1) for node in nodes}
    free = np.array([[leaf[graph.edges[k].a], leaf[graph.edges[k].b]] for k in numbers])
    lines = [(shapes[k] - corner) / height for k in numbers]
    flat, bend, middle = (np.array(column) for column in zip(*map(_shape, lines), strict=True))
    x, y = (middle - box / 2).T
    direct = np.column_stack(
        [
            odd, length * (free[:, 0] - free[:, 1]),
            x * odd[:, 0], x * odd[:, 1], y * odd[:, 4], x * odd[:, 4], flat * odd[:, 0],
        ]
    )  # fmt: skip
    pairs = _pair_features(middle, box[1], flat, bend, free.mean(axis=1), length)
    place = {graph.edges[k].a: line[0] for k, line in zip(numbers, lines, strict=True)}
    place |= {graph.edges[k].b: line[-1] for k, line in zip(numbers, lines, strict=True)}
    side = np.maximum(box, _LEAST_BOX)
    start = {node: float(np.dot(START_WEIGHTS, [*(at / side), leaf[node]])) for node, at in place.items()}
    return OrderFeatures(
        numbers, (direct @ DIRECTION_WEIGHTS).tolist(), pairs @ ORDER_WEIGHTS, length.tolist(), start, height
    )


def _shape(line: Floats) -> tuple[float, float, Floats]:
    """Mean |cos theta| of a line (K, 2), how far it is from straight in [0, 1], and its middle (2,)."""
    step = np.diff(line, axis=0)
    ds = np.hypot(*step.T)
    length = float(ds.sum())
    if length <= 0:
        return 0.0, 0.0, line[0]
    centre = (line[1:] + line[:-1]) / 2
    straight = float(np.hypot(*(line[-1] - line[0]))) / length
    return float(np.abs(step[:, 0]).sum()) / length, 1.0 - straight, ds @ centre / length


def _pair_features(
    middle: Floats, height: float, flat: Floats, bend: Floats, free: Floats, length: Floats
) -> Floats:
    """P_ef (E, E, 15), see the top of the file."""

    def later(value: Floats) -> Floats:
        return value[None, :] - value[:, None]

    dx, dy = later(middle[:, 0]), later(middle[:, 1])
    dc, dk = later(flat), later(bend)
    both_flat = flat[None, :] * flat[:, None]
    both_steep = (1 - flat)[None, :] * (1 - flat)[:, None]
    y = (middle[None, :, 1] + middle[:, None, 1] - height) / 2
    weight = length[None, :] * length[:, None] / (length[None, :] + length[:, None])
    found = np.stack(
        [
            dx, dy, dc, dk, later(free), later(np.log(length + _LEAST_LENGTH)),
            np.tanh(dx / _NEAR), np.tanh(dy / _NEAR),
            dx * both_steep, dy * both_flat, dx * both_flat, dy * both_steep,
            dc * y, dk * y, np.tanh(dx / _VERY_NEAR) * both_steep,
        ],
        axis=-1,
    )  # fmt: skip
    return np.asarray(found * weight[:, :, None])


def beam_search_walks(
    graph: Graph,
    nodes: Sequence[int],
    shapes: Mapping[int, Points],
    costs: TourCosts | None = None,
    unit: float = 1.0,
) -> list[Walk]:
    """Walks over all edges of one component as a hand might make them.

    Args:
        graph: the graph.
        nodes: all nodes of one of its components, with at least one edge, and at most ``MOST_EDGES``.
        shapes: centre line (K, 2) of each edge from its node a to its node b, working px.
        costs: times of the machine; None never to lift the pen.
        unit: working px in one px of the picture.

    Returns:
        Walks between which the pen is lifted, one if ``costs`` is None: edge numbers with True where
        the edge is walked from a to b. Every edge occurs at least once.
    """
    part = _Part(graph, order_features(graph, nodes, shapes), costs, unit)
    return part.walks(part.grow())


class _Part:
    """One component on which growths are made."""

    def __init__(self, graph: Graph, lean: OrderFeatures, costs: TourCosts | None, unit: float) -> None:
        self._lean, self._turns, self._place = lean, Turns(graph), graph.place
        self._ends = [(graph.edges[k].a, graph.edges[k].b) for k in lean.numbers]
        self._at: dict[int, list[int]] = {}
        for e, (a, b) in enumerate(self._ends):
            for node in {a: None, b: None}:
                self._at.setdefault(node, []).append(e)
        self._before = lean.before.tolist()
        # A lift and a px of travel as the lengths, in H, that are drawn in the same time.
        self._lift = np.inf if costs is None else costs.lift_s * costs.draw_px_s * unit / lean.height_px
        self._air = 0.0 if costs is None else costs.draw_px_s / costs.travel_px_s / lean.height_px

    def grow(self) -> Beam:
        """The best growth that the search finds."""
        rest = (self._lean.before.sum(axis=1)).tolist()
        beam = [Beam(score, 0, node, (), rest) for node, score in self._lean.start.items()]
        for _ in self._ends:
            longer = [found for growth in beam for found in self._longer(growth)]
            longer.sort(key=lambda found: -found[0])
            beam, alike = [], dict[tuple[int, int], int]()
            for score, growth, edge, forward, ways in longer:
                drawn, node = growth.drawn | 1 << edge, self._ends[edge][forward]
                count = alike.get((drawn, node), 0)
                if count < _ALIKE:
                    alike[drawn, node] = count + 1
                    start = self._ends[edge][not forward]
                    step = (edge, forward, self._retraced(ways, start))
                    rest = [r - row[edge] for r, row in zip(growth.rest, self._before, strict=True)]
                    beam.append(Beam(score, drawn, node, (*growth.steps, step), rest))
                    if len(beam) == _BEAM:
                        break
        return beam[0]

    def _longer(self, growth: Beam) -> list[tuple[float, Beam, int, bool, dict[int, PartialWalk]]]:
        """Every step that a growth can make: its score, the growth, edge, direction, and the ways."""
        ways = self._ways(growth)
        lean, found = self._lean, []
        for node, way in ways.items():
            for edge in self._at[node]:
                if growth.drawn >> edge & 1:
                    continue
                a, b = self._ends[edge]
                for forward in (True, False) if a == b else (a == node,):
                    score = growth.score + (lean.forward[edge] if forward else -lean.forward[edge])
                    score += growth.rest[edge]
                    if way.length > 0 or way.lifted:
                        score -= RETRACE * way.length + INTERRUPTION
                    elif growth.steps:
                        before, onward, _ = growth.steps[-1]
                        numbers = lean.numbers
                        score -= TURN * self._turns.between(
                            (numbers[before], onward), (numbers[edge], forward)
                        )
                    found.append((score, growth, edge, forward, ways))
        return found

    def _ways(self, growth: Beam) -> dict[int, PartialWalk]:
        """The ways to the nodes at which the next step may start."""
        done: dict[int, PartialWalk] = {}
        heap: list[tuple[float, int, int, int | None]] = [(0.0, 0, growth.node, None)]
        count = 0
        while heap:
            far, _, node, last = heapq.heappop(heap)
            if node in done:
                continue
            done[node] = PartialWalk(far, last, False)
            for edge in self._at[node]:
                if growth.drawn >> edge & 1:
                    a, b = self._ends[edge]
                    other = b if node == a else a
                    if other not in done:
                        count += 1
                        heapq.heappush(heap, (far + self._lean.length[edge], count, other, edge))
        return done if self._lift == np.inf or not growth.drawn else self._lifted(growth, done)

    def _lifted(self, growth: Beam, ways: dict[int, PartialWalk]) -> dict[int, PartialWalk]:
        """The ways, through the air where that is sooner; also to ends of lines that begin at one of them."""
        sooner = dict(ways)
        for node, way in ways.items():
            if way.length > 0:
                air = self._through_air(growth.node, node)
                if air < way.length:
                    sooner[node] = PartialWalk(air, None, True)
            for edge in self._at[node]:
                a, b = self._ends[edge]
                other = b if node == a else a
                if growth.drawn >> edge & 1 or other in ways:
                    continue
                air = self._through_air(growth.node, other)
                if air < way.length + self._lean.length[edge] and len(self._at[other]) == 1:
                    sooner[other] = PartialWalk(air, None, True)
        return sooner

    def _through_air(self, node: int, other: int) -> float:
        way = self._place[other] - self._place[node]
        return self._lift + self._air * float(np.hypot(*way))

    def _retraced(self, ways: dict[int, PartialWalk], node: int) -> Walk | None:
        """The steps of the way to a node over drawn edges, or None if it is through the air."""
        if ways[node].lifted:
            return None
        steps = list[Step]()
        while True:
            edge = ways[node].last
            if edge is None:
                return steps[::-1]
            a, b = self._ends[edge]
            steps.append((self._lean.numbers[edge], node == b))
            node = a if node == b else b

    def walks(self, growth: Beam) -> list[Walk]:
        """A growth as walks between lifts."""
        found: list[Walk] = [[]]
        for edge, forward, way in growth.steps:
            if way is None:
                found.append([])
            else:
                found[-1] += way
            found[-1].append((self._lean.numbers[edge], forward))
        return found
