"""The tour's lines in the order and direction of a guide, part by part, where that costs no more than it may.

Nouns, besides those of ``follow`` and ``runs``:
    own runs      what the tour would do with a part by itself
    guided runs   what follows the guide
    cost          time of the machine for the runs of a part, from the first point to the last

Symbols: L drawn length, n runs, D ways between them, v and u speeds of drawing and travel, T time to
lift the pen and to lower it again:

    cost = L / v + (n - 1) T + D / u

A part is the tour's where the guide has not drawn it, or has drawn its lines now this way, now that:
where the mean over its length of  seen |forward|  is under ``_DRAWN``.

For a guide that may lift, the guided runs are those of ``runs``, if they have no more lifts than one and
one for every ``_LIFT_EVERY`` line widths: people lift less. For one that may not, the links between
strokes are drawn as well, whatever their length, and the less costly of two ways is taken, if it costs
at most ``_DEARER`` times as much as the own runs: the strokes joined so; and the tour's own search for a
walk, with the guide's votes beside its habits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_DRAWN = 0.85
# A guide that lifts more often than this, line widths, was lost; people's strokes are 20 on the mean.
_LIFT_EVERY = 8.0
# How much dearer than the tour's own runs the guided ones of a part may be, where lifts are not wanted.
_DEARER = 1.05
# Where nobody says what a machine takes: speeds alike, and a lift as long as this many line widths.
_LIFT_WIDTHS = 20.0
# Weights of the guide's direction, order and start beside the tour's own, which count ``_OWN`` times.
_DIRECTION, _ORDER, _START, _OWN = 3.0, 0.5, 1.0, 1.0
_ANY = 1e9


class Guided:
    """What a guide says of the lines of one picture; counts what was taken of it.

    Args:
        guide: the drawing.
        graph: the picture's lines.
        measured: the drawn line of every edge.
        costs: times of the machine, None if nobody knows them.
        unit: working px in one px of the picture.
    """

    def __init__(
        self,
        guide: Guide,
        graph: Graph,
        measured: Mapping[int, CentreLine],
        costs: TourCosts | None,
        unit: float,
    ) -> None:
        self._guide, self._graph = guide, graph
        self._shapes = {number: line.body[:, :2] for number, line in measured.items()}
        self._costs, self._unit = costs, unit
        self._width = guide.width_px * unit
        self._track = Track([stroke * unit for stroke in guide.strokes], self._width)
        self._votes = self._track.votes(self._shapes)
        self._length = {number: edge.length for number, edge in graph.edges.items()}
        self._ink = {
            number: self._length[number] * float(measured[number].body[:, 2].mean()) for number in measured
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
        numbers = {k for node in nodes for k in self._graph.at[node]}
        length = sum(self._length[k] for k in numbers)
        drawn = sum(self._length[k] * self._votes[k].seen * abs(self._votes[k].forward) for k in numbers)
        if drawn < _DRAWN * length:
            return None
        if self._guide.lifts:
            best = follow_runs(self._graph, nodes, self._votes, self._width)
            if len(best) - 2 > length / (_LIFT_EVERY * self._width):
                return None
        else:
            best = min((self._joined(nodes), self._searched(nodes)), key=self.cost)
            if self.cost(best) > _DEARER * self.cost(own):
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

    def ordered(self, drawings: Sequence[Drawn]) -> list[Piece]:
        """The pieces of all parts in the order of the guide."""
        timed: list[tuple[float, int, Piece]] = []
        for one in drawings:
            whole = [self._when(piece, run) for piece, run in zip(one.pieces, one.runs, strict=True)]
            if not self._guide.lifts:
                whole = [min(whole)] * len(whole)
            timed += [
                (when, len(timed) + k, piece)
                for k, (when, piece) in enumerate(zip(whole, one.pieces, strict=True))
            ]
        return [piece for _, _, piece in sorted(timed, key=lambda item: item[:2])]

    def _when(self, piece: Piece, run: Walk) -> float:
        """When the guide draws a piece: as its first drawn edge, or where a dot is."""
        times = [self._votes[number].when for number, _ in run if self._votes[number].seen > 0]
        return min(times) if times else self._track.when_near(piece[0, :2])

    def _joined(self, nodes: Sequence[int]) -> list[Walk]:
        runs = follow_runs(self._graph, nodes, self._votes, self._width, _ANY, _ANY)
        return self._cut(runs)

    def _searched(self, nodes: Sequence[int]) -> list[Walk]:
        prior = self._prior(nodes)
        return self._cut([local_search_walk(self._graph, nodes, self._shapes, prior)])

    def _cut(self, runs: list[Walk]) -> list[Walk]:
        """The runs with lifts where these are quicker than a retrace."""
        if self._costs is None:
            return runs
        return [part for run in runs for part in cut_retraces(self._graph, run, self._costs, self._unit)]

    def _prior(self, nodes: Sequence[int]) -> StrokePrior:
        """The tour's habits with the guide's votes added; see ``local_search`` for D, O and S."""
        own = stroke_prior(self._graph, nodes, self._shapes)
        numbers = list(own.length)
        height = features(numbers, self._shapes)[3]
        votes = {k: self._votes[k] for k in numbers}
        known = [k for k in numbers if votes[k].seen > 0]
        whole = sum(own.length[k] for k in known)
        middle = sum(votes[k].when * own.length[k] for k in known) / whole if whole > 0 else 0.0

        def late(k: int, vote: Vote) -> float:
            if vote.seen <= 0:
                return 0.0
            return -_ORDER * (vote.when - middle) / height * own.length[k]

        start = dict(own.start)
        if known:
            first = min(known, key=lambda k: (votes[k].stroke, votes[k].when))
            edge = self._graph.edges[first]
            at = self._graph.place[edge.a if votes[first].forward >= 0 else edge.b]
            for node in nodes:
                away = float(np.hypot(*(self._graph.place[node] - at))) / height
                start[node] = _OWN * start[node] - _START * min(1.0, away)
        return StrokePrior(
            {k: _OWN * own.forward[k] + _DIRECTION * votes[k].forward * own.length[k] for k in numbers},
            {k: _OWN * own.late[k] + late(k, votes[k]) for k in numbers},
            own.length,
            start,
        )
