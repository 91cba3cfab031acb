"""The lines that fill an area: rings along its edge, hatching, and strokes for what these leave white.

Nouns:
    pass    one line of full width inside an area
    ring    a closed pass at one depth; the first runs half a width inside the edge
    hatch   a pass to and fro in parallel rows (boustrophedon)
    gap     ink of an area that lies farther than half a width from all passes

Symbols, px of the grid:
    F, r    depth and half width, see ``field``
    s       spacing, ``SPACING`` times the width: less than 1, since in the corners of a ring
            the next one lies farther away than s

    rings     level sets F = r + k s
    hatch     in {F >= ``_INSIDE`` r}: a row at the edge may lie s deeper than the edge of that,
              and still overlaps the first ring, which reaches down to 2 r
    gaps      {F >= r, distance to passes > r}; each is drawn along the longest way through its skeleton

Level sets are found by marching squares (Lorensen and Cline 1987, in two dimensions).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from scipy.spatial import cKDTree
from skimage.measure import find_contours
from skimage.morphology import skeletonize

from strokebot.fill.field import Field
from strokebot.geometry.distance import distance_at
from strokebot.geometry.polyline import arc_length

Points = NDArray[np.float64]

# Distance of neighbouring passes, in widths.
SPACING = 0.85
# Where hatch rows end, in r.
_INSIDE = 1.3
# Vertices of a pass lie this far apart, in r, and at least this many px.
_STEP = 0.25
_STEP_PX = 1.0
# Shortest ring, in widths: a shorter one covers no more than the ring around it and a stroke.
_SHORTEST = 1.0
# A gap is worth a stroke from this area on, in squares of the width, and from these px.
_GAP = 0.06
_GAP_PX = 3
# White that reaches less far from a line's edge than this, px, is none; and how exactly that is known.
_SLACK_PX = 0.15
_DENSE_PX = 0.5
# So far outside the first ring, in r and in px, a line inside an area may run: rings are smoothed.
_OUTSIDE, _OUTSIDE_PX = 0.05, 0.25
# Rounds of gaps: what the longest way through a branched gap leaves is drawn in the next round.
_ROUNDS = 3
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Pass:
    """One line of full width inside an area.

    Attributes:
        points: (K, 2) px of the grid; of a closed one the last is not the first again.
        closed: whether it goes on from the last point to the first.
        area: number of the area.
        is_root: whether lines from outside may end on it, or it is a way from one place of the
            edge to another: first rings, and hatch. The others are visited from a root.
    """

    points: Points
    closed: bool
    area: int
    is_root: bool = False


def rings(field: Field, deepest: int | None = None) -> list[Pass]:
    """The rings of all areas, from the edge inwards.

    Args:
        field: the areas.
        deepest: rings beside each other at most, None for as many as there is room for.
    """
    found: list[Pass] = []
    # The last level of a piece of the field is looked for in that piece alone.
    depth, offset, level = np.pad(field.depth, 1), np.array([-1.0, -1.0]), 0
    step = max(_STEP * field.radius, _STEP_PX)
    while deepest is None or level < deepest:
        height = field.radius * (1.0 + 2.0 * SPACING * level)
        rows, columns = (np.flatnonzero((depth >= height).any(axis=k)) for k in (1, 0))
        if len(rows) == 0:
            break
        y, x = max(rows[0] - 1, 0), max(columns[0] - 1, 0)
        depth = depth[y : rows[-1] + 2, x : columns[-1] + 2]
        offset += (x, y)
        for line in find_contours(depth, height):  # type: ignore[no-untyped-call]
            points = _evenly(line[:-1, ::-1] + offset + 0.5, step)
            if points is not None and (level == 0 or _length(points) >= _SHORTEST * 2.0 * field.radius):
                found.append(Pass(points, True, _area(field, points), level == 0))
        level += 1
    return found


def _length(points: Points) -> float:
    return float(np.hypot(*(np.roll(points, -1, axis=0) - points).T).sum())


def _area(field: Field, points: Points) -> int:
    """The area that a ring belongs to: at its first vertex that has one beside it."""
    height, width = field.label.shape
    x, y = (points - 0.5).T
    best = np.zeros(len(points), dtype=np.int32)
    for dy in (0, 1):
        for dx in (0, 1):
            row = np.clip(np.floor(y).astype(int) + dy, 0, height - 1)
            column = np.clip(np.floor(x).astype(int) + dx, 0, width - 1)
            best = np.maximum(best, field.label[row, column])
    return int(np.median(best[best > 0])) - 1 if (best > 0).any() else 0


def _evenly(points: Points, step: float) -> Points | None:
    """A closed line (K, 2) with even steps and without the noise of the grid; None for a mere point."""
    closed = np.vstack([points, points[:1]])
    along = arc_length(closed)
    count = round(float(along[-1]) / step)
    if count < 4:
        return None
    at = np.arange(count) * along[-1] / count
    even = np.column_stack([np.interp(at, along, column) for column in closed.T])
    return np.asarray(ndimage.gaussian_filter1d(even, _STEP_PX / step, axis=0, mode="wrap"))


def hatching(field: Field) -> list[Pass]:
    """Rows to and fro through all areas, along the longer extent of each."""
    found = []
    boxes = ndimage.find_objects(field.label)
    for area, box in enumerate(boxes):
        rows, columns = np.nonzero(field.label[box] == area + 1)
        place = np.column_stack([columns + box[1].start, rows + box[0].start]) + 0.5
        middle = place.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov((place - middle).T) if len(place) > 1 else np.eye(2))
        along, across = axes[:, 1], axes[:, 0]
        found += [
            Pass(points, False, area, True)
            for points in _rows(field, area, place - middle, middle, along, across)
        ]
    return found


def _rows(
    field: Field, area: int, place: Points, middle: Points, along: Points, across: Points
) -> list[Points]:
    """The zigzags through one area, its pixels (K, 2) given around its middle."""
    spacing, step = 2.0 * SPACING * field.radius, max(_STEP * field.radius, _STEP_PX)
    low, high = float((place @ across).min()), float((place @ across).max())
    first, last = float((place @ along).min()) - step, float((place @ along).max()) + step
    t = np.arange(first, last + step, step)
    open_ones: list[tuple[float, float, list[Points]]] = []
    done: list[list[Points]] = []
    # Rows as far from one side as from the other.
    count = max(int((high - low) / spacing), 1)
    offsets = low + ((high - low) - (count - 1) * spacing) / 2 + spacing * np.arange(count)
    for offset in offsets:
        points = middle + offset * across + t[:, None] * along
        inside = field.at(points) >= _INSIDE * field.radius
        column, row = np.floor(points).astype(int).T
        within = (row >= 0) & (row < field.label.shape[0]) & (column >= 0) & (column < field.label.shape[1])
        inside &= within
        inside[inside] = field.label[row[inside], column[inside]] == area + 1
        change = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
        spans = [(t[a], t[b - 1]) for a, b in zip(change[::2], change[1::2], strict=True)]
        still: list[tuple[float, float, list[Points]]] = []
        used = set()
        for a, b in spans:
            touching = [k for k, (c, d, _) in enumerate(open_ones) if c <= b and a <= d]
            alone = (
                len(touching) == 1
                and sum(c <= open_ones[touching[0]][1] and open_ones[touching[0]][0] <= d for c, d in spans)
                == 1
            )
            ends = middle + offset * across + np.array([[a], [b]]) * along
            chain: list[Points] = []
            if alone:
                before = open_ones[touching[0]][2]
                if len(before) % 2:
                    ends = ends[::-1]
                if is_free(field, before[-1][-1], ends[0]):
                    chain = before
                    used.add(touching[0])
                elif len(before) % 2:
                    ends = ends[::-1]
            still.append((a, b, [*chain, ends]))
        done += [chain for k, (_, _, chain) in enumerate(open_ones) if k not in used]
        open_ones = still
    done += [chain for _, _, chain in open_ones]
    return [_stretched(np.concatenate(chain), step) for chain in done]


def is_free(field: Field, a: Points, b: Points) -> bool:
    """Whether the straight way from a to b stays half a width inside the area."""
    count = max(int(np.hypot(*(b - a)) / _STEP_PX), 1) + 1
    way = a + np.linspace(0.0, 1.0, count)[:, None] * (b - a)
    return bool(field.at(way).min() >= (1.0 - _OUTSIDE) * field.radius - _OUTSIDE_PX)


def _stretched(points: Points, step: float) -> Points:
    """A polyline (K, 2) with vertices at most a step apart, its own among them."""
    pieces = [points[:1]]
    for a, b in pairwise(points):
        count = max(int(np.ceil(np.hypot(*(b - a)) / step)), 1)
        pieces.append(a + np.arange(1, count + 1)[:, None] / count * (b - a))
    return np.concatenate(pieces)


def strokes_in_gaps(field: Field, passes: list[Pass]) -> list[Pass]:
    """Strokes along what a set of passes leaves white."""
    found: list[Pass] = []
    white = _white(field, np.concatenate([_dense(line) for line in passes]))
    for _ in range(_ROUNDS):
        gaps, count = ndimage.label(white, structure=_EIGHT)
        area = np.bincount(gaps.ravel(), minlength=count + 1)
        worth = area >= max(_GAP * (2.0 * field.radius) ** 2, _GAP_PX)
        worth[0] = False
        if not worth.any():
            break
        ways = _longest_ways(np.asarray(skeletonize(worth[gaps])))  # type: ignore[no-untyped-call]
        strokes = []
        for way in ways:
            row, column = np.floor(way[0]).astype(int)[::-1]
            strokes.append(Pass(way, False, int(field.label[row, column]) - 1))
        found += strokes
        # What was white before and what these strokes do not reach still is.
        left = np.argwhere(white)
        near, _ = cKDTree(np.concatenate([_dense(stroke) for stroke in strokes])).query(left[:, ::-1] + 0.5)
        white[tuple(left[near <= field.radius + _SLACK_PX].T)] = False
    return found


def _dense(line: Pass) -> Points:
    """The points (K, 2) of a pass, ``_DENSE_PX`` apart."""
    points = np.vstack([line.points, line.points[:1]]) if line.closed else line.points
    return _stretched(points, _DENSE_PX)


def _white(field: Field, drawn: Points) -> NDArray[np.bool_]:
    """The pixels (H, W) of areas that lie farther than the radius from all drawn points (K, 2)."""
    height, width = field.label.shape
    line = np.zeros((height, width), dtype=np.bool_)
    column, row = np.floor(drawn).astype(int).T
    line[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)] = True
    # To the pixel at first, exactly where that does not tell.
    place = np.argwhere(field.label > 0)
    sure = field.radius - np.sqrt(0.5)
    place = place[distance_at(line, *place.T, reach=sure) > sure]
    nearest, _ = cKDTree(drawn).query(place[:, ::-1] + 0.5)
    white = np.zeros((height, width), dtype=np.bool_)
    white[tuple(place.T)] = nearest > field.radius + _SLACK_PX
    return white


def _longest_ways(skeleton: NDArray[np.bool_]) -> list[Points]:
    """The longest way through each connected piece of a skeleton; a mere pixel gives a short dash."""
    rows, columns = np.nonzero(skeleton)
    number = np.full((skeleton.shape[0] + 2, skeleton.shape[1] + 2), -1)
    number[rows + 1, columns + 1] = np.arange(len(rows))
    starts, ends = [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[rows + 1 + dy, columns + 1 + dx]
        starts.append(np.flatnonzero(other >= 0))
        ends.append(other[other >= 0])
    a, b = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows))).tocsr()
    seen = np.zeros(len(rows), dtype=bool)
    place = np.column_stack([columns, rows]).astype(np.float64) + 0.5
    ways: list[Points] = []
    for root in range(len(rows)):
        if seen[root]:
            continue
        order = breadth_first_order(graph, root, directed=False, return_predecessors=False)
        seen[order] = True
        order, before = breadth_first_order(graph, int(order[-1]), directed=False)
        way = [int(order[-1])]
        while before[way[-1]] >= 0:
            way.append(int(before[way[-1]]))
        points = place[way]
        if len(points) == 1:
            points = points + np.array([[-_STEP_PX / 2, 0.0], [_STEP_PX / 2, 0.0]])
        elif len(points) > 4:
            points[1:-1] = ndimage.gaussian_filter1d(points, 1.0, axis=0, mode="nearest")[1:-1]
        ways.append(points)
    return ways
