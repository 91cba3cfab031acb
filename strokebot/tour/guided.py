"""The tour's lines in the order and direction of a guide, part by part, where that costs no more than it may.

Nouns, besides those of ``follow`` and ``runs``:
    own runs      what the tour would do with a part by itself
    guided runs   what follows the guide
    voter         a drawing of the whole picture that says something of each line: those of the guide,
                  and the tour's own, whose habits were fitted to writers too
    cost          time of the machine for the runs of a part, from the first point to the last

Symbols: L drawn length, n runs, D ways between them, v and u speeds of drawing and travel, T time to
lift the pen and to lower it again; q weights of the voters, sum 1; f, t their votes, f forward and t when,
as a share of their length:

    cost       L / v + (n - 1) T + D / u
    direction  a run is turned round if  sum over its edges, first passes, of length sum_q q f  < 0
    order      of two items (runs, or parts for a guide that does not lift) the one comes first that
               is first for the voters with more weight; of all orders that is taken which has the
               least weight of voters against its pairs, as far as moving one item at a time finds it
               (J. G. Kemeny, "Mathematics without numbers", Daedalus 1959)

A part is the tour's where the guide has not drawn it, or has drawn its lines now this way, now that:
where the mean over its length of  seen |forward|  is under ``_DRAWN``; and so is every part where the guide
is ``_LOST`` times as long as all lines.

For a guide that may lift, the guided runs are those of ``runs``, if they have no more lifts than one and
one for every ``_LIFT_EVERY`` line widths: people lift less. For one that may not, the links between
strokes are drawn as well, whatever their length. Of these ways the first is taken that costs at most
``_DEARER`` times as much as the own runs: the strokes joined so; and the tour's own search for a walk, with
the guide's votes beside its habits, at full strength and at less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from strokebot.tour.centreline import CentreLine
from strokebot.tour.follow import Guide, Track, Vote
from strokebot.tour.graph import Graph
from strokebot.tour.local_search import StrokePrior, features, local_search_walk, stroke_prior
from strokebot.tour.pieces import Drawn, Piece
from strokebot.tour.postman import TourCosts, Walk, cut_retraces
from strokebot.tour.runs import follow_runs

Floats = NDArray[np.float64]

# Share of the length of a part that a guide has to draw, each line in one direction, to be followed there.
_DRAWN = 0.6
# A guide that draws this many times the length of all lines was lost everywhere.
_LOST = 2.0
# A guide that lifts more often than this, line widths, was lost; people's strokes are 20 on the mean.
_LIFT_EVERY = 8.0
# How much dearer than the tour's own runs the guided ones of a part may be, where lifts are not wanted.
_DEARER = 1.05
# Where nobody says what a machine takes: speeds alike, and a lift as long as this many line widths.
_LIFT_WIDTHS = 20.0
# Weight of the drawing that is followed, and of the tour's own, over that of all other drawings together
# (which the first has too where there are no others).
FOLLOWED, HABIT = 0.3, 0.25
# Weights of the voters' direction, order and start beside the tour's habits, in its search for a walk.
_DIRECTION, _ORDER, _START = 3.0, 0.5, 1.0
_STRENGTHS = (1.0, 0.3, 0.1)
# Items up to which the best order is looked for; more are drawn as the drawing that is followed has them.
_MOST_ITEMS = 80
# Travel of an order that does not lift, over that of the tour's order, at most; and line widths.
_FARTHER, _ALLOWED = 1.1, 10.0
_ANY = 1e9


class Guided:
    """What a guide says of the lines of one picture; counts what was taken of it.

    Args:
        guide: the drawings.
        graph: the picture's lines.
        measured: the drawn line of every edge.
        costs: times of the machine, None if nobody knows them.
        unit: working px in one px of the picture.
        own: what the tour draws by itself, in order, working px.
    """

    def __init__(
        self,
        guide: Guide,
        graph: Graph,
        measured: Mapping[int, CentreLine],
        costs: TourCosts | None,
        unit: float,
        own: Sequence[Piece],
    ) -> None:
        self._guide, self._graph = guide, graph
        self._shapes = {number: line.body[:, :2] for number, line in measured.items()}
        self._costs, self._unit = costs, unit
        self._width = guide.width_px * unit
        drawings = [[stroke * unit for stroke in strokes] for strokes in (guide.strokes, *guide.others)]
        drawings.append([piece[:, :2] for piece in own])
        self._tracks = [Track(strokes, self._width) for strokes in drawings]
        weight = np.full(len(drawings), 1.0 / max(len(guide.others), 1))
        weight[0], weight[-1] = FOLLOWED + (0.0 if guide.others else 1.0), HABIT
        self._weight = weight / weight.sum()
        self._votes = [track.votes(self._shapes) for track in self._tracks]
        self._length = {number: edge.length for number, edge in graph.edges.items()}
        self._ink = {
            number: self._length[number] * float(line.body[:, 2].mean()) for number, line in measured.items()
        }
        self._followed = 0.0
        # Lifts inside parts that the guide made.
        self.lifts = 0

    @property
    def share(self) -> float:
        """Share of the ink of all lines that follows the guide."""
        whole = sum(self._ink.values())
        return self._followed / whole if whole > 0 else 0.0

    def runs(self, nodes: Sequence[int], own: list[Walk]) -> list[Walk] | None:
        """The guide's runs of one component; None where it has none that is worth it.

        Args:
            nodes: all nodes of the component.
            own: what the tour would do with it.
        """
        if self._tracks[0].length > _LOST * sum(self._length.values()):
            return None
        numbers = {k for node in nodes for k in self._graph.at[node]}
        length = sum(self._length[k] for k in numbers)
        votes = self._votes[0]
        drawn = sum(self._length[k] * votes[k].seen * abs(votes[k].forward) for k in numbers)
        if drawn < _DRAWN * length:
            return None
        if self._guide.lifts:
            best = [self._turned(run) for run in follow_runs(self._graph, nodes, votes, self._width)]
            if len(best) - 2 > length / (_LIFT_EVERY * self._width):
                return None
        else:
            most = _DEARER * self.cost(own)
            best = next((way for way in self._joined_ways(nodes) if self.cost(way) <= most), [])
            if not best:
                return None
        self._followed += sum(self._ink[k] for k in numbers)
        self.lifts += len(best) - 1 if self._guide.lifts else 0
        return best

    def cost(self, runs: list[Walk]) -> float:
        """Seconds that the machine takes for the runs of a part (line widths where no machine is known)."""
        graph = self._graph
        drawn = sum(self._length[number] for run in runs for number, _ in run)
        ways = 0.0
        for before, after in pairwise(runs):
            (last, onward), (first, forward) = before[-1], after[0]
            end = graph.edges[last].b if onward else graph.edges[last].a
            start = graph.edges[first].a if forward else graph.edges[first].b
            ways += float(np.hypot(*(graph.place[start] - graph.place[end])))
        lifts = len(runs) - 1
        if self._costs is None:
            return (drawn + ways) / self._width + lifts * _LIFT_WIDTHS
        return (
            drawn / self._unit / self._costs.draw_px_s
            + ways / self._unit / self._costs.travel_px_s
            + lifts * self._costs.lift_s
        )

    # -- one part -------------------------------------------------------------------------------

    def _forward(self, number: int) -> float:
        """What all voters together say of the direction of an edge."""
        votes = (vote[number].forward for vote in self._votes)
        return float(sum(q * f for q, f in zip(self._weight.tolist(), votes, strict=True)))

    def _turned(self, run: Walk) -> Walk:
        """A run, turned round if the voters are for that."""
        passed, balance = set[int](), 0.0
        for number, ahead in run:
            if number not in passed:
                passed.add(number)
                balance += self._length[number] * self._forward(number) * (1 if ahead else -1)
        return run if balance >= 0 else [(number, not ahead) for number, ahead in run[::-1]]

    def _joined_ways(self, nodes: Sequence[int]) -> Iterator[list[Walk]]:
        """Ways that draw a part without the guide's lifts, the nearest to the guide first."""
        yield self._cut(follow_runs(self._graph, nodes, self._votes[0], self._width, _ANY, _ANY))
        for strength in _STRENGTHS:
            prior = self._prior(nodes, strength)
            yield self._cut([local_search_walk(self._graph, nodes, self._shapes, prior)])

    def _cut(self, runs: list[Walk]) -> list[Walk]:
        """The runs with lifts where these are quicker than a retrace."""
        if self._costs is None:
            return runs
        return [part for run in runs for part in cut_retraces(self._graph, run, self._costs, self._unit)]

    def _prior(self, nodes: Sequence[int], strength: float) -> StrokePrior:
        """The tour's habits with the guide's votes added so strongly; see ``local_search`` for D, O and S."""
        own = stroke_prior(self._graph, nodes, self._shapes)
        numbers = list(own.length)
        height = features(numbers, self._shapes)[3]
        votes = {k: self._votes[0][k] for k in numbers}
        known = [k for k in numbers if votes[k].seen > 0]
        whole = sum(own.length[k] for k in known)
        middle = sum(votes[k].when * own.length[k] for k in known) / whole if whole > 0 else 0.0

        def late(k: int, vote: Vote) -> float:
            if vote.seen <= 0:
                return 0.0
            return -strength * _ORDER * (vote.when - middle) / height * own.length[k]

        start = dict(own.start)
        if known:
            first = min(known, key=lambda k: (votes[k].stroke, votes[k].when))
            edge = self._graph.edges[first]
            at = self._graph.place[edge.a if votes[first].forward >= 0 else edge.b]
            for node in nodes:
                away = float(np.hypot(*(self._graph.place[node] - at))) / height
                start[node] = own.start[node] - strength * _START * min(1.0, away)
        return StrokePrior(
            {k: own.forward[k] + strength * _DIRECTION * self._forward(k) * own.length[k] for k in numbers},
            {k: own.late[k] + late(k, votes[k]) for k in numbers},
            own.length,
            start,
        )

    # -- all parts ------------------------------------------------------------------------------

    def ordered(self, parts: Sequence[Drawn], own: list[Piece]) -> list[Piece]:
        """The pieces of all parts in the order of the voters.

        Args:
            parts: what is drawn of each.
            own: the same pieces in the tour's order, some turned round.
        """
        if self._guide.lifts:
            items = [
                ([piece], [run]) for one in parts for piece, run in zip(one.pieces, one.runs, strict=True)
            ]
        else:
            items = [(one.pieces, one.runs) for one in parts]
        whens = np.array([self._whens(*item) for item in items])
        order = (
            best_order(whens, self._weight)
            if len(items) <= _MOST_ITEMS
            else np.argsort(whens[:, 0], kind="stable")
        )
        pieces = [piece for k in order for piece in items[k][0]]
        if not self._guide.lifts and _travel(pieces) > _FARTHER * _travel(own) + _ALLOWED * self._width:
            return own
        return pieces

    def _whens(self, pieces: list[Piece], runs: list[Walk]) -> list[float]:
        """When each voter begins an item, as a share of all that it draws."""
        found = list[float]()
        numbers = {number for run in runs for number, _ in run}
        for track, votes in zip(self._tracks, self._votes, strict=True):
            times = [votes[number].when for number in numbers if votes[number].seen > 0]
            when = min(times) if times else track.when_near(pieces[0][0, :2])
            found.append(min(when / max(track.length, 1e-9), 1.0))
        return found


def best_order(whens: Floats, weight: Floats) -> NDArray[np.int64]:
    """An order of items that few voters are against; see the top of the file.

    Args:
        whens: (n, voters) when each voter has each item.
        weight: (voters,) of each.
    """
    order = np.argsort(whens[:, 0], kind="stable").tolist()
    # Gain of i before j.
    gain = (np.sign(whens[None] - whens[:, None]) @ weight).tolist()
    moved = True
    while moved:
        moved = False
        for item in list(order):
            rest = [other for other in order if other != item]
            # Standing before the first k of the rest instead of behind them gains so much.
            sums = np.concatenate(
                [[0.0], np.cumsum([gain[other][item] - gain[item][other] for other in rest])]
            )
            at = order.index(item)
            best = int(sums.argmax())
            if sums[best] > sums[at] + 1e-9:
                order = [*rest[:best], item, *rest[best:]]
                moved = True
    return np.array(order, dtype=np.int64)


def _travel(pieces: Sequence[Piece]) -> float:
    return float(sum(np.hypot(*(after[0, :2] - before[-1, :2])) for before, after in pairwise(pieces)))
