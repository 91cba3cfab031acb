"""Lifts inside a part, where one takes less time than drawing a line a second time.

Nouns:
    retrace   a run of steps of a walk over edges that it has passed before: no new ink

Symbols: L = length of a retrace, d = distance between its ends, both px of the picture;
v, u = speed of drawing and of travel, T = time to lift the pen and to lower it again:

    the pen is lifted where  L / v > T + d / u

A retrace after which nothing new is drawn is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from strokebot.errors import GestureError
from strokebot.tour.graph import Graph
from strokebot.tour.postman import Walk


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
