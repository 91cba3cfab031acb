"""A drawing that somebody made of the picture, laid onto the lines of its graph.

Nouns:
    drawing    strokes in order, (K, 2) each, along the picture's lines but neither exact nor complete
    track      places on a drawing about a third of a line width apart, with direction and time
    place      one of some points on an edge
    first pass the earliest part of the track beside a place and along the edge there
    vote       what a drawing says of an edge: which way it was first drawn, when, in which stroke

Symbols, working px; w = line width:
    x_j, u_j   place j of an edge, and the unit direction from node a to node b there
    y_i, v_i   place i of the track and its unit direction, at drawn length t_i
    near       |y_i - x_j| <= min(``_REACH`` w, least such distance + w / 2)  and  |u_j . v_i| >= ``_ALONG``
    i(j)       the least i near x_j
    forward    mean over j of u_j . v_i(j), over the places that have one; in [-1, 1]
    when       mean over j of t_i(j)
    seen       share of the places that have one

So the geometry stays that of the measured lines, and what the drawing decides is order and direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from strokebot.geometry.polyline import arc_length

Floats = NDArray[np.float64]

# How far beside a line a drawing may run, line widths, and what runs along rather than across: cos 60 deg.
_REACH = 0.9
_ALONG = 0.5
# Places of the track in a line width; places looked at on an edge for each line width, at least and at most.
_TRACK = 3.0
_PLACES = 1.5
_LEAST_PLACES, _MOST_PLACES = 3, 24
# Places of the track looked at beside one place: three passes of five, with some to spare.
_NEIGHBOURS = 24


Judge: TypeAlias = Callable[[Sequence[Floats]], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Guide:
    """Drawings of a picture whose order and direction are wanted.

    Attributes:
        strokes: of the drawing that is followed, in order, (K, 2) each, px of the picture; a single point is
            a dot.
        width_px: line width, px of the picture.
        others: further drawings, which have a say in doubtful cases.
        lifts: True to lift where it lifts; False for as few lifts as the tour has.
        judge: tells of strokes (K, 2) each, px, the logit that people begin i before j, (n, n), and that
            they draw i in the direction that it has, (n,); None where nobody does.
    """

    strokes: tuple[Floats, ...]
    width_px: float
    lifts: bool = True
    others: tuple[tuple[Floats, ...], ...] = ()
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What one drawing says of one edge; see the top of the file.

    Attributes:
        forward: in [-1, 1], positive where the edge is first drawn from node a to node b.
        when: drawn length before it, working px; NaN where ``seen`` is 0.
        stroke: number of the stroke that draws most of it first; -1 where ``seen`` is 0.
        seen: share of it that is drawn at all.
    """

    forward: float
    when: float
    stroke: int
    seen: float


class Track:
    """A drawing, ready to be asked about edges.

    Args:
        strokes: in order, (K, 2) each, working px; a single point is a dot.
        width: line width, working px.
    """

    def __init__(self, strokes: Sequence[Floats], width: float) -> None:
        self._width = width
        place, way, when, stroke = [np.zeros((0, 2))], [np.zeros((0, 2))], [np.zeros(0)], [np.zeros(0)]
        drawn = 0.0
        for number, points in enumerate(strokes):
            along = arc_length(points)
            count = max(2, int(np.ceil(along[-1] * _TRACK / width)) + 1)
            at = np.linspace(0.0, along[-1], count)
            where = np.column_stack([np.interp(at, along, column) for column in points.T])
            step = np.gradient(where, axis=0)
            length = np.hypot(*step.T)
            place.append(where)
            way.append(step / np.maximum(length, 1e-9)[:, None])
            when.append(drawn + at)
            stroke.append(np.full(count, number))
            drawn += float(along[-1])
        self._place, self._way = np.concatenate(place), np.concatenate(way)
        self._when, self._stroke = np.concatenate(when), np.concatenate(stroke)
        self._tree = cKDTree(self._place)
        # Length of all strokes, working px.
        self.length = drawn

    def votes(self, shapes: Mapping[int, Floats]) -> dict[int, Vote]:
        """The vote on each edge, given its line (K, 2) from node a to node b."""
        if not shapes or len(self._place) == 0:
            return {number: Vote(0.0, np.nan, -1, 0.0) for number in shapes}
        rows = [self._places(points) for points in shapes.values()]
        counts = np.array([len(row) for row in rows])
        place = np.concatenate(rows)
        way = np.concatenate([_directions(row) for row in rows])
        k = min(_NEIGHBOURS, len(self._place))
        found_distance, found_near = self._tree.query(place, k=k)
        distance, near = np.reshape(found_distance, (-1, k)), np.reshape(found_near, (-1, k))
        cosine = (self._way[near] * way[:, None]).sum(axis=2)
        distance = np.where(np.abs(cosine) >= _ALONG, distance, np.inf)
        limit = np.minimum(_REACH * self._width, distance.min(axis=1) + self._width / 2)
        when = np.where(distance <= limit[:, None], self._when[near], np.inf)
        own, first = np.arange(len(place)), when.argmin(axis=1)
        when, cosine = when[own, first], cosine[own, first]
        stroke = self._stroke[near[own, first]]
        found, low = {}, 0
        for number, count in zip(shapes, counts.tolist(), strict=True):
            own = np.arange(low, low + count)
            low += count
            own = own[np.isfinite(when[own])]
            if len(own) == 0:
                found[number] = Vote(0.0, np.nan, -1, 0.0)
                continue
            names, times = np.unique(stroke[own], return_counts=True)
            most = names[times.argmax()]
            same = own[stroke[own] == most]
            found[number] = Vote(
                float(cosine[own].mean()), float(when[same].mean()), int(most), len(own) / count
            )
        return found

    def when_near(self, place: Floats) -> float:
        """When the drawing comes nearest to a place (2,) for the first time; inf for an empty drawing."""
        if len(self._place) == 0:
            return np.inf
        distance, near = self._tree.query(place, k=min(_NEIGHBOURS, len(self._place)))
        distance, near = np.atleast_1d(distance), np.atleast_1d(near)
        return float(self._when[near[distance <= distance.min() + self._width / 2]].min())

    def _places(self, points: Floats) -> Floats:
        along = arc_length(points)
        count = int(np.clip(along[-1] * _PLACES / self._width, _LEAST_PLACES, _MOST_PLACES))
        # Not at the very ends, where other lines are as near.
        at = (np.arange(count) + 0.5) / count * along[-1]
        return np.column_stack([np.interp(at, along, column) for column in points.T])


def _directions(points: Floats) -> Floats:
    step = np.gradient(points, axis=0)
    return np.asarray(step / np.maximum(np.hypot(*step.T), 1e-9)[:, None])
