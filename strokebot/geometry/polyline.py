"""What several files need of polylines: arc length, turning angles, simplification, deviation.

Nouns:
    chord       the straight line between two kept points
    sagitta     distance of a skipped point from its chord

``simplify`` is the method of Ramer, Douglas and Peucker (Comput. Graphics Image
Process. 1, 1972; Cartographica 10, 1973), level by level: all chords of one level that
were split in the one before are measured at once, a few array operations a level. Where
the farthest points lie beside the ends of their chords time and again, as in a zigzag, the
number of levels would grow with that of the points: from some level on the middle of a
chord is kept too.

A drawn line is simplified in four dimensions: a point is (x, y, w / 2, a h) with width w and
intensity a, where h is half the mean width of its run, so that one tolerance bounds centre
line, edge and ink alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import GestureError
from strokebot.gesture import Gesture

# Segments on each side of the matching place that are searched for the nearest one: so many
# for every point, and so many for a point that is not near enough yet.
SEARCH_SEGMENTS = 3
_LONG_SEARCH_SEGMENTS = 100
# Levels of ``simplify`` after which chords are halved too; a drawing needs about 20.
_MOST_LEVELS = 48


def arc_length(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length along a polyline (K, D) up to each point, shape (K,), 0 at the first."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def drawn_and_travelled(points: NDArray[np.float64], pen_down: NDArray[np.bool_]) -> tuple[float, float]:
    """Lengths of what a pen draws and of what it travels above the paper, in the unit of the points.

    Args:
        points: (K, D) polyline.
        pen_down: (K,) whether the segment k-1 -> k is drawn; entry 0 says nothing.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return float(steps[pen_down[1:]].sum()), float(steps[~pen_down[1:]].sum())


def turning_angles(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle between the segments at each inner point of a polyline (K, 2), shape (K-2,), in [0, pi]."""
    step = np.diff(points, axis=0)
    before, after = step[:-1], step[1:]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    dot = (before * after).sum(axis=1)
    return np.asarray(np.abs(np.arctan2(cross, dot)))


def distinct(points: NDArray[np.float64], least_step: float) -> NDArray[np.intp]:
    """Indices of points (of a (K, 2) polyline) that leave no step shorter than ``least_step``.

    Both ends stay, unless everything lies within ``least_step`` of the first point: then
    that point alone is left.
    """
    everything = np.arange(len(points))
    if not (np.linalg.norm(np.diff(points, axis=0), axis=1) < least_step).any():
        return everything
    x, y = points[:, 0].tolist(), points[:, 1].tolist()
    kept = [0]
    for k in range(1, len(x)):
        if math.hypot(x[k] - x[kept[-1]], y[k] - y[kept[-1]]) >= least_step:
            kept.append(k)
    last = len(x) - 1
    if kept[-1] != last and len(kept) > 1:
        while len(kept) > 1 and math.hypot(x[last] - x[kept[-1]], y[last] - y[kept[-1]]) < least_step:
            kept.pop()
        kept.append(last)
    return everything[kept]


def simplify(
    points: NDArray[np.float64], tolerance: float, keep: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """Indices of the points whose chords stay within ``tolerance`` of all skipped points.

    Args:
        points: (K, D) polyline, K at least 1.
        tolerance: greatest distance of a skipped point from its chord, above 0.
        keep: (K,) points that must stay; both ends always do.
    """
    columns = [np.ascontiguousarray(column) for column in points.T]
    kept = np.zeros(len(points), dtype=bool) if keep is None else keep.copy()
    kept[[0, -1]] = True
    bounds = np.flatnonzero(kept)
    first, last = bounds[:-1], bounds[1:]  # the chords of this level
    level = 0
    while True:
        skipping = last - first > 1
        first, last = first[skipping], last[skipping]
        if len(first) == 0:
            return np.flatnonzero(kept)
        count = last - first - 1
        begin = np.cumsum(count) - count
        chord = np.repeat(np.arange(len(count)), count)
        inside = np.arange(len(chord)) - begin[chord] + first[chord] + 1
        along = [c[last] - c[first] for c in columns]
        offset = [c[inside] - c[first][chord] for c in columns]
        distance = _distance_to_segment(offset, along, chord)
        worst = np.maximum.reduceat(distance, begin)
        # The first of equally distant points in each chord.
        at = np.flatnonzero((distance == worst[chord]) & (distance > tolerance))
        split, one = np.unique(chord[at], return_index=True)
        middle = inside[at[one]]
        first, last = first[split], last[split]
        level += 1
        half = (first + last) // 2 if level > _MOST_LEVELS else middle
        kept[middle] = kept[half] = True
        low, high = np.minimum(middle, half), np.maximum(middle, half)
        first, last = np.concatenate([first, low, high]), np.concatenate([low, high, last])


def sync_deviation(
    points: NDArray[np.float64],
    points_at: NDArray[np.float64],
    line: NDArray[np.float64],
    line_at: NDArray[np.float64],
    enough: float,
    least_search: int = SEARCH_SEGMENTS,
) -> NDArray[np.float64]:
    """Distance of each point from a polyline, searched near the place with the same parameter.

    The result is never below the true distance, since only some segments are looked at:
    a few for every point, more for those that are farther away than ``enough``.

    Args:
        points: (K, 2) points.
        points_at: (K,) their parameters.
        line: (M, 2) polyline, M at least 2.
        line_at: (M,) parameters of its points, increasing.
        enough: distance that needs no longer search.
        least_search: segments on each side that are searched for every point; 0 where it matters only
            which points are farther away than ``enough``.
    """
    last = len(line) - 2
    centre = np.clip(np.searchsorted(line_at, points_at, side="right") - 1, 0, last)
    xy, starts = points.T.copy(), line.T.copy()
    steps = starts[:, 1:] - starts[:, :-1]
    best = np.full(len(points), np.inf)

    def look(wanted: NDArray[np.intp], shifts: NDArray[np.intp]) -> None:
        """At the segments so many places on from the matching ones, for some points."""
        k = np.clip(centre[wanted] + shifts[:, None], 0, last)
        offset = [c[wanted] - s[k] for c, s in zip(xy, starts, strict=True)]
        distance = _distance_to_segment(offset, list(steps), k)
        best[wanted] = np.minimum(best[wanted], distance.min(axis=0))

    everything = np.arange(len(points))
    longest = min(_LONG_SEARCH_SEGMENTS, last)
    reach = min(least_search, longest)
    for shift in range(-reach, reach + 1):
        look(everything, np.array([shift]))
    while reach < longest:
        wanted = np.flatnonzero(best > enough)
        if len(wanted) == 0:
            break
        # Twice as far each time: few points are left by then, and each look has its price.
        farther = np.arange(reach + 1, min(max(2 * reach, 2), longest) + 1)
        look(wanted, np.concatenate([-farther, farther]))
        reach = int(farther[-1])
    return best


def _distance_to_segment(
    offset: list[NDArray[np.float64]], along: list[NDArray[np.float64]], segment: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Distance of each point from its own segment.

    Args:
        offset: (K,) for each axis: the point minus the start of its segment; changed.
        along: (S,) for each axis: end minus start of the segments.
        segment: (K,) which segment.
    """
    square = np.maximum(_dot(along, along), np.finfo(np.float64).tiny)
    own = [c[segment] for c in along]
    share = np.clip(_dot(offset, own) / square[segment], 0.0, 1.0)
    for k, c in enumerate(own):
        offset[k] -= share * c
    return np.asarray(np.sqrt(_dot(offset, offset)))


def _dot(a: list[NDArray[np.float64]], b: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Dot products of points that are given axis by axis, summed in a fixed order."""
    sums = [a[k] * b[k] for k in range(min(2, len(a)))]
    for k in range(2, len(a)):
        sums[k % 2] = sums[k % 2] + a[k] * b[k]
    return sums[0] if len(sums) == 1 else sums[0] + sums[1]


def simplify_gesture(gesture: Gesture, tolerance: float) -> Gesture:
    """Leaves out the points of a gesture that cannot be seen at the size at which it is drawn.

    Args:
        gesture: what to simplify.
        tolerance: greatest deviation of centre line and edge, canvas units: with s mm to a
            canvas unit, a tolerance of e mm is e / s.

    Returns:
        A gesture of some of the same points. Every drawn run keeps its first and its last one,
        so that lifts and travel stay as they are.

    Raises:
        GestureError: for a tolerance that is not a number, or negative.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0.0):
        raise GestureError(f"A tolerance of {tolerance} cannot be kept: it must be 0 or more.")
    table = np.column_stack([gesture.positions, gesture.size, gesture.intensity])
    run = np.concatenate([[0], np.cumsum(np.diff(gesture.pen_down))])
    rows = table[simplify_runs(table, run, tolerance, keep=~gesture.pen_down)]
    return Gesture.from_positions(rows[:, :2], rows[:, 2], rows[:, 3])


def simplify_runs(
    table: NDArray[np.float64],
    run: NDArray[np.integer],
    tolerance: float,
    keep: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp]:
    """Indices of the points that tapering straight lines do not give back, of several runs at once.

    Args:
        table: (N, 4) x, y, full width, intensity.
        run: (N,) number of the run that each point belongs to, ascending.
        tolerance: greatest deviation of centre line, edge and ink, in the unit of x and y.
        keep: (N,) points that must stay; both ends of every run always do.

    Returns:
        The indices, ascending.
    """
    ends = np.zeros(len(table), dtype=bool) if keep is None else keep.copy()
    change = np.flatnonzero(np.diff(run))
    ends[change] = ends[change + 1] = True
    starts = np.concatenate([[0], change + 1])
    counts = np.diff(np.append(starts, len(table)))
    half = np.repeat(np.add.reduceat(table[:, 2], starts) / counts, counts) / 2
    return simplify(np.column_stack([table[:, :2], table[:, 2] / 2, table[:, 3] * half]), tolerance, ends)
