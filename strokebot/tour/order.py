"""The order and direction in which the parts of a drawing are drawn.

Nouns:
    piece    the drawn points of one part, in its own direction
    travel   the way in the air from the end of a piece to the start of the next

Writing is drawn as it is read, every piece in its own direction, the parts of a character by
how late hands draw such parts: from the left, tiny ones (dots, accents) and flat ones after others.
(Of writers who dot and cross at the end of the word there are about as many as of those who do so
at once: on UNIPEN words both rules agree with the hand equally well, and at once is the shorter
way.) That order is kept as long as its travel is at most
``_READING`` times that of the shorter one and no more than that of the parts as they came, give
or take ``_ALLOWED`` heights of the writing.

The shorter one: nearest piece next, either way round, or the pieces as they come if that is
shorter, made shorter by 2-opt; so it is never longer than the order that came in.

2-opt on pieces p_0 .. p_n with starts a and stops b: reversing the run i + 1 .. j, each piece in it
too, replaces the ways b_i a_(i+1) and b_j a_(j+1) by b_i b_j and a_(i+1) a_(j+1) (G. A. Croes 1958).
A gain needs a new way shorter than an old one, so only the ``_NEIGHBOURS`` ends nearest to
each end are tried, and only at ends whose surroundings have changed (J. L. Bentley, "Fast
algorithms for geometric traveling salesman problems", ORSA J. Computing 4, 1992).
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from strokebot.writing.reading_order import MOST_READ, characters, reading_order, union_boxes, writing_height

Order = list[tuple[int, bool]]

# Reading order is kept while its travel is at most this many times the shorter one (2.2 on a page
# of 164 written words), and this many heights of the writing: a dot may be far from its stem's end.
_READING = 3.0
_ALLOWED = 4.0
# How late a part is drawn within its character, in the order of ``lateness``: fitted (logistic
# regression on pairs of parts) to letters and words of UNIPEN's training writers.
LATE_WEIGHTS = (2.5, -0.58, 0.2, 0.48, 1.29)
# A character lower than this share of its width is taken as this high; a tiny part's longer side is
# under a share of that height, and a share is added to both sides before they are compared.
_FLATTEST, _TINY, _LEAST_SIDE = 0.3, 0.3, 0.1
_NEIGHBOURS = 8
# Reversals tried for each piece, at most: a bound on the time that is hardly ever met.
_TRIES = 200


def order_pieces(ends: NDArray[np.float64], boxes: NDArray[np.float64]) -> Order:
    """Orders pieces, and turns them round where that saves travel.

    Args:
        ends: (P, 2, 2) first and last point of each piece, px.
        boxes: (P, 4) x0, y0, x1, y1 of the ink of each piece, px.

    Returns:
        Numbers of the pieces in drawing order, with True where one is drawn the other way round.
    """
    if len(ends) < 2:
        return [(k, False) for k in range(len(ends))]
    if len(ends) > MOST_READ:
        return short_order(ends, 0)
    reading = as_read(boxes)
    natural = [(int(k), False) for k in reading]
    short = short_order(ends, int(reading[0]))
    as_they_came = travel(ends, [(k, False) for k in range(len(ends))])
    most = min(_READING * travel(ends, short), as_they_came) + _ALLOWED * writing_height(boxes)
    return natural if travel(ends, natural) <= most else short


def travel(ends: NDArray[np.float64], order: Order) -> float:
    """Length of the way in the air, px: ends (P, 2, 2), first and last point of each piece."""
    which = np.array([k for k, _ in order])
    turned = np.array([int(t) for _, t in order])
    starts, stops = ends[which, turned], ends[which, 1 - turned]
    return float(np.hypot(*(starts[1:] - stops[:-1]).T).sum())


def short_order(ends: NDArray[np.float64], first: int) -> Order:
    """An order with little travel, never more than that of the pieces as they come.

    Args:
        ends: (P, 2, 2) first and last point of each piece.
        first: the piece to begin with, unless the order that came in is the better start.

    Returns:
        Numbers of the pieces, with True where a piece is drawn the other way round.
    """
    as_they_come = [(k, False) for k in range(len(ends))]
    order = _reversals(ends, _nearest(ends, first))
    # Nearest first is worse only by rare bad luck; reversals make nothing worse.
    return order if travel(ends, order) <= travel(ends, as_they_come) else _reversals(ends, as_they_come)


def as_read(boxes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Reading order of the pieces; within a character by how late a hand draws them."""
    character = characters(boxes)
    order, _ = reading_order(union_boxes(boxes, character))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    late = lateness(boxes, union_boxes(boxes, character)[character])
    return np.lexsort((np.arange(len(boxes)), late, rank[character])).astype(np.int64)


def lateness(boxes: NDArray[np.float64], around: NDArray[np.float64]) -> NDArray[np.float64]:
    """How late a hand draws a part of a character, (P,): boxes (P, 4), and those of the characters (P, 4)."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    whole = np.maximum(around[:, 3] - around[:, 1], _FLATTEST * (around[:, 2] - around[:, 0]))
    whole = np.maximum(whole, 1e-9)
    side = np.maximum(width, height)
    shape = np.log((width / whole + _LEAST_SIDE) / (height / whole + _LEAST_SIDE))
    features = [
        boxes[:, 0] / whole, boxes[:, 1] / whole, np.log(np.maximum(side / whole, 1e-9)), shape,
        side < _TINY * whole,
    ]  # fmt: skip
    return np.asarray(np.dot(LATE_WEIGHTS, features))


def _nearest(ends: NDArray[np.float64], first: int) -> Order:
    """Nearest end next, from the start of the first piece."""
    count = len(ends)
    tree = cKDTree(ends.reshape(-1, 2))
    left = np.ones(count, dtype=bool)
    order, here = [(first, False)], ends[first, 1]
    left[first] = False
    for done in range(1, count):
        if done % max(count // 8, 256) == 0:  # a tree of what is left, so that searches stay short
            free = np.flatnonzero(left)
            tree = cKDTree(ends[free].reshape(-1, 2))
            number = free
        elif done == 1:
            number = np.arange(count)
        near = 8
        while True:
            _, found = tree.query(here, k=min(near, 2 * len(number)))
            open_ones = [int(k) for k in np.atleast_1d(found) if left[number[k // 2]]]
            if open_ones:
                break
            near *= 4
        piece, turned = int(number[open_ones[0] // 2]), bool(open_ones[0] % 2)
        left[piece] = False
        order.append((piece, turned))
        here = ends[piece, 0 if turned else 1]
    return order


def _reversals(ends: NDArray[np.float64], order: Order) -> Order:
    """Reverses runs of pieces while the travel gets shorter; the first piece stays first."""
    count = len(order)
    points = ends.reshape(-1, 2)  # end 2 k is the start of piece k, end 2 k + 1 its stop
    _, found = cKDTree(points).query(points, k=min(_NEIGHBOURS + 2, 2 * count))
    near = np.asarray(found).tolist()
    x, y = points[:, 0].tolist(), points[:, 1].tolist()
    line = np.array([k for k, _ in order])
    place = np.empty(count, dtype=np.int64)
    place[line] = np.arange(count)
    turned = np.zeros(count, dtype=np.int64)
    turned[line] = [int(t) for _, t in order]

    def way(a: int, b: int) -> float:
        return math.hypot(x[a] - x[b], y[a] - y[b]) if a >= 0 and b >= 0 else 0.0

    def start(at: int) -> int:
        return int(2 * line[at] + turned[line[at]]) if at < count else -1

    def stop(at: int) -> int:
        return int(2 * line[at] + 1 - turned[line[at]])

    def better(end: int) -> tuple[int, int] | None:
        """A run to reverse that gives the end a shorter way, as its places i + 1 and j."""
        at = int(place[end // 2])
        is_stop = stop(at) == end
        if not is_stop and at == 0:
            return None
        old = way(end, start(at + 1)) if is_stop else way(stop(at - 1), end)
        for other in near[end]:
            new = way(end, other)
            if new >= old:
                break
            there = int(place[other // 2])
            if there == at or (stop(there) == other) != is_stop or (not is_stop and there == 0):
                continue
            # Two stops b_i, b_j, or the two starts behind them.
            i, j = (at, there) if is_stop else (at - 1, there - 1)
            i, j = min(i, j), max(i, j)
            gain = way(stop(i), start(i + 1)) + way(stop(j), start(j + 1))
            gain -= way(stop(i), stop(j)) + way(start(i + 1), start(j + 1))
            if gain > 1e-9:
                return i + 1, j
        return None

    waiting = deque(end for at in range(count) for end in (start(at), stop(at)))
    queued = bytearray(b"\x01") * (2 * count)
    tries = _TRIES * count
    while waiting and tries > 0:
        tries -= 1
        end = waiting.popleft()
        queued[end] = 0
        run = better(end)
        if run is None:
            continue
        low, high = run
        touched = [stop(low - 1), start(low), stop(high), start(high + 1), end]
        line[low : high + 1] = line[low : high + 1][::-1].copy()
        turned[line[low : high + 1]] ^= 1
        place[line[low : high + 1]] = np.arange(low, high + 1)
        for one in touched:
            if one >= 0 and not queued[one]:
                queued[one] = 1
                waiting.append(one)
    return [(int(k), bool(turned[k])) for k in line]
