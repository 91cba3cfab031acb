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
``_DEARER`` times as much as the own runs: the strokes joined so; the tour's own search for a walk, with
the guide's votes beside its habits, at full strength and at less; and the tour's walk with its loops turned
and exchanged as the votes say, which makes it no longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length
from strokebot.tour.centreline import CentreLine
from strokebot.tour.follow import Guide, Judge, Track, Vote
from strokebot.tour.graph import Graph
from strokebot.tour.local_search import (
    StrokePrior,
    improved_walk,
    local_search_walk,
    part_height,
    stroke_prior,
)
from strokebot.tour.pieces import Drawn, Piece
from strokebot.tour.postman import TourCosts, Walk, cut_retraces
from strokebot.tour.runs import follow_runs

Floats = NDArray[np.float64]

# Share of the length of a part that a guide has to draw, each line in one direction, to be followed there.
_DRAWN = 0.6
# Share of the length of a part that is lines rather than the filling of areas, for a guide to be asked.
_LINES = 0.5
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
# The latter in the order of what is drawn.
ORDER_HABIT = 0.25
# Weights of the voters' direction, order and start beside the tour's habits, in its search for a walk.
_DIRECTION, _ORDER, _START = 3.0, 0.5, 1.0
_STRENGTHS = (1.0, 0.3, 0.1)
# Weight of the voters beside the judge's logit of a direction; and of the judge beside them in an order.
_VOTED_DIRECTION, _JUDGED_ORDER = 1.5, 2.0
# Items up to which the best order is looked for; more are drawn as the drawing that is followed has them.
_MOST_ITEMS = 80
# Travel of an order that does not lift, over that of the tour's order, at most; and line widths.
_FARTHER, _ALLOWED = 1.1, 10.0
_ANY = 1e9

# What becomes of a part: it follows the guide; or the tour draws it by itself, since the guide did not draw
# it or drew its lines now this way, now that; would lift more often than people do; would take the machine
# longer; or since most of it fills areas, for which nobody's hand has habits.
Decision: TypeAlias = Literal["followed", "lost", "lifts", "dearer", "areas"]
# What is drawn in one go, or of one part: its pieces, and their runs.
_Item: TypeAlias = tuple[list[Piece], list[Walk]]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


class Guided:
    """What a guide says of the lines of one picture; counts what was taken of it.

    Args:
        guide: the drawings.
        graph: the picture's lines.
        measured: the drawn line of every edge.
        filled: edges that fill areas.
        costs: times of the machine, None if nobody knows them.
        unit: working px in one px of the picture.
        own: what the tour draws by itself, in order, working px.
    """

    def __init__(
        self,
        guide: Guide,
        graph: Graph,
        measured: Mapping[int, CentreLine],
        filled: Set[int],
        costs: TourCosts | None,
        unit: float,
        own: Sequence[Piece],
    ) -> None:
        self._guide, self._graph, self._filled = guide, graph, filled
        self._shapes = {number: line.body[:, :2] for number, line in measured.items()}
        self._costs, self._unit = costs, unit
        self._width = guide.width_px * unit
        drawings = [[stroke * unit for stroke in strokes] for strokes in (guide.strokes, *guide.others)]
        drawings.append([piece[:, :2] for piece in own])
        self._tracks = [Track(strokes, self._width) for strokes in drawings]
        weight = np.full(len(drawings), 1.0 / max(len(guide.others), 1))
        weight[0], weight[-1] = FOLLOWED + (0.0 if guide.others else 1.0), HABIT
        self._weight = weight / weight.sum()
        weight[-1] = ORDER_HABIT
        self._order_weight = weight / weight.sum()
        self._votes = [track.votes(self._shapes) for track in self._tracks]
        self._length = {number: edge.length for number, edge in graph.edges.items()}
        self._ink = {
            number: self._length[number] * float(line.body[:, 2].mean()) for number, line in measured.items()
        }
        self._whole = max(sum(self._ink.values()), 1e-9)
        # Of the part that was asked for last, by its first node.
        self._habits_of: tuple[int, StrokePrior, float] | None = None
        # Lifts inside parts that the guide made.
        self.lifts = 0
        # Share of the ink of all lines by what was decided of its part.
        self.shares: dict[str, float] = dict.fromkeys(DECISIONS, 0.0)

    @property
    def share(self) -> float:
        """Share of the ink of all lines that follows the guide."""
        return self.shares["followed"]

    def runs(self, nodes: Sequence[int], walk: Walk, own: list[Walk]) -> list[Walk] | None:
        """The guide's runs of one component of lines; None where it has none that is worth it.

        Args:
            nodes: all nodes of the component.
            walk: the tour's own walk over it.
            own: the same with lifts where these are quicker: what the tour would draw.
        """
        decision, best = self._decided(nodes, walk, own)
        ink = sum(self._ink[k] for k in {k for node in nodes for k in self._graph.at[node]}) / self._whole
        self.shares[decision] += ink
        if best is not None and self._guide.lifts:
            self.lifts += len(best) - 1
        return best

    def _decided(
        self, nodes: Sequence[int], walk: Walk, own: list[Walk]
    ) -> tuple[Decision, list[Walk] | None]:
        every = {k for node in nodes for k in self._graph.at[node]}
        numbers = every - self._filled
        length = sum(self._length[k] for k in numbers)
        if length < _LINES * sum(self._length[k] for k in every):
            return "areas", None
        votes = self._votes[0]
        drawn = sum(self._length[k] * votes[k].seen * abs(votes[k].forward) for k in numbers)
        if drawn < _DRAWN * length or self._tracks[0].length > _LOST * sum(self._length.values()):
            return "lost", None
        if self._guide.lifts:
            best = [self._turned(run) for run in follow_runs(self._graph, nodes, votes, self._width)]
            if len(best) - 2 > length / (_LIFT_EVERY * self._width):
                return "lifts", None
            return "followed", best
        most = _DEARER * self.cost(own)
        for way in self._joined_ways(nodes, walk):
            if self.cost(way) <= most:
                return "followed", way
        return "dearer", None

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

    def _balance(self, run: Walk) -> tuple[float, float]:
        """Length of first passes in the direction of the voters, less that of others; and of all of them."""
        passed, balance, length = set[int](), 0.0, 0.0
        for number, ahead in run:
            if number not in passed:
                passed.add(number)
                balance += self._length[number] * self._forward(number) * (1 if ahead else -1)
                length += self._length[number]
        return balance, length

    def _turned(self, run: Walk) -> Walk:
        """A run, turned round if the voters are for that."""
        return run if self._balance(run)[0] >= 0 else _backwards(run)

    def _joined_ways(self, nodes: Sequence[int], own: Walk) -> Iterator[list[Walk]]:
        """Ways that draw a part without the guide's lifts, the nearest to the guide first."""
        yield self._cut(follow_runs(self._graph, nodes, self._votes[0], self._width, _ANY, _ANY))
        for strength in _STRENGTHS:
            prior = self._prior(nodes, strength)
            yield self._cut([local_search_walk(self._graph, nodes, self._shapes, prior)])
        yield self._cut([improved_walk(self._graph, self._prior(nodes, 1.0), own)])

    def _cut(self, runs: list[Walk]) -> list[Walk]:
        """The runs with lifts where these are quicker than a retrace."""
        if self._costs is None:
            return runs
        return [part for run in runs for part in cut_retraces(self._graph, run, self._costs, self._unit)]

    def _habits(self, nodes: Sequence[int]) -> tuple[StrokePrior, float]:
        """The tour's habits in a part, and the height H of the part."""
        if self._habits_of is None or self._habits_of[0] != nodes[0]:
            own = stroke_prior(self._graph, nodes, self._shapes)
            extent = np.ptp(np.concatenate([self._shapes[k] for k in own.length]), axis=0)
            self._habits_of = nodes[0], own, part_height(extent)
        return self._habits_of[1:]

    def _prior(self, nodes: Sequence[int], strength: float) -> StrokePrior:
        """The tour's habits with the guide's votes added so strongly; see ``local_search`` for D, O and S."""
        own, height = self._habits(nodes)
        numbers = list(own.length)
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
        items: list[_Item]
        if self._guide.lifts:
            items = [
                ([piece], [run]) for one in parts for piece, run in zip(one.pieces, one.runs, strict=True)
            ]
        else:
            items = [(one.pieces, one.runs) for one in parts]
        before = np.zeros((len(items), len(items)))
        if self._guide.judge is not None:
            items, before = self._judged(items, self._guide.judge)
        whens = np.array([self._whens(*item) for item in items])
        order = (
            best_order(whens, self._order_weight, before)
            if len(items) <= _MOST_ITEMS
            else np.argsort(whens[:, 0], kind="stable")
        )
        pieces = [piece for k in order for piece in items[k][0]]
        if not self._guide.lifts and _travel(pieces) > _FARTHER * _travel(own) + _ALLOWED * self._width:
            return own
        return pieces

    def _judged(self, items: list[_Item], judge: Judge) -> tuple[list[_Item], Floats]:
        """The items, turned round where votes and judge together are for that; and votes for i before j.

        The judge knows strokes of people, of which order is told by all of its points; of parts drawn in one
        go it is not, and there the drawings know better.
        """
        strokes = [piece[:, :2] / self._unit for pieces, _ in items for piece in pieces]
        logit, forward = judge(strokes)
        turned, firsts, at = list[_Item](), list[int](), 0
        for pieces, runs in items:
            own = slice(at, at + len(pieces))
            length = np.array([arc_length(piece[:, :2])[-1] for piece in pieces])
            balance = float(length @ forward[own]) / max(float(length.sum()), 1e-9)
            balance += _VOTED_DIRECTION * self._agreement(runs)
            if balance < 0:
                pieces = [piece[::-1] for piece in pieces[::-1]]
                runs = [_backwards(run) for run in runs[::-1]]
            firsts.append(own.stop - 1 if balance < 0 else at)
            turned.append((pieces, runs))
            at = own.stop
        if not self._guide.lifts:
            return turned, np.zeros((len(items), len(items)))
        return turned, _JUDGED_ORDER * np.tanh(logit[np.ix_(firsts, firsts)] / 2)

    def _agreement(self, runs: Sequence[Walk]) -> float:
        """What all voters say of the direction of runs, in [-1, 1]: the mean over first passes."""
        balances = [self._balance(run) for run in runs]
        return sum(balance for balance, _ in balances) / max(sum(length for _, length in balances), 1e-9)

    def _whens(self, pieces: list[Piece], runs: list[Walk]) -> list[float]:
        """When each voter begins an item, as a share of all that it draws."""
        found = list[float]()
        numbers = {number for run in runs for number, _ in run}
        for track, votes in zip(self._tracks, self._votes, strict=True):
            times = [votes[number].when for number in numbers if votes[number].seen > 0]
            when = min(times) if times else track.when_near(pieces[0][0, :2])
            found.append(min(when / max(track.length, 1e-9), 1.0))
        return found


def best_order(whens: Floats, weight: Floats, more: Floats | None = None) -> NDArray[np.int64]:
    """An order of items that few voters are against; see the top of the file.

    Args:
        whens: (n, voters) when each voter has each item.
        weight: (voters,) of each.
        more: (n, n) votes of the same kind for i before j from elsewhere.
    """
    order = np.argsort(whens[:, 0], kind="stable").tolist()
    # Gain of i before j.
    votes = np.sign(whens[None] - whens[:, None]) @ weight
    gain = (votes if more is None else votes + more).tolist()
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


def _backwards(run: Walk) -> Walk:
    return [(number, not ahead) for number, ahead in run[::-1]]


def _travel(pieces: Sequence[Piece]) -> float:
    return float(sum(np.hypot(*(after[0, :2] - before[-1, :2])) for before, after in pairwise(pieces)))
