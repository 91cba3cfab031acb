"""How far a gesture is from the way a writer really moved the pen. Torch-free.

Both are turned into n points at equal steps of ARC LENGTH along what is drawn: lifted
parts are left out, and the point after a lift follows the one before it.

Symbols: g_1 .. g_n of the gesture, t_1 .. t_n of the true pen, canvas units.
    dtw        min over monotone alignments of sum |g_i - t_j|, over n: the mean distance of
               aligned points (H. Sakoe, S. Chiba, "Dynamic programming algorithm
               optimization for spoken word recognition", IEEE TASSP 1978)
    nearest    m(i) = the t_j nearest to g_i, no matter when it was drawn
    direction  share of i where the pen moves at g_i within 90° of the way at t_m(i);
               0.5 for a pen that knows the line and not its direction
    order      Kendall's tau of i and m(i): (pairs in the true order - pairs in the
               opposite order) / pairs that differ; 1 = the same order, -1 = reversed
               (M. G. Kendall, "A new measure of rank correlation", 1938)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError

Paths = NDArray[np.float64]

# Points compared a sample: a MNIST digit is about 40 px long, so a point for each 0.7 px.
COMPARED_POINTS = 64
# Samples whose pairs are compared at a time; bounds the memory (64 x 64 pairs each).
_CHUNK = 512


class Agreement(NamedTuple):
    """Figures of each sample, (B,); see the top of the file."""

    dtw: NDArray[np.float64]
    direction: NDArray[np.float64]
    order: NDArray[np.float64]


def along_ink(
    points: Paths, segment_drawn: NDArray[np.bool_], n_points: int = COMPARED_POINTS
) -> tuple[Paths, Paths]:
    """Points at equal arc length along the drawn segments only.

    Args:
        points: (B, N, 2) pen positions.
        segment_drawn: (B, N - 1) whether the pen draws from point k to k + 1.
        n_points: n.

    Returns:
        Points (B, n, 2), and the unit direction of the drawn segment that holds each,
        (B, n, 2); zero where nothing of any length is drawn. A gesture without drawn length
        stays at its first drawn point, or at its start.

    Raises:
        DataError: if the shapes do not fit.
    """
    if points.ndim != 3 or points.shape[2] != 2 or segment_drawn.shape != (len(points), points.shape[1] - 1):
        raise DataError(f"Points {points.shape} and drawn segments {segment_drawn.shape} do not fit.")
    b = len(points)
    if points.shape[1] == 1:
        return np.repeat(points, n_points, axis=1).astype(np.float64), np.zeros((b, n_points, 2))
    vector = np.diff(points.astype(np.float64), axis=1)
    length = np.hypot(vector[..., 0], vector[..., 1]) * segment_drawn
    ends = np.cumsum(length, axis=1)
    total = ends[:, -1:]
    wanted = total * (np.arange(n_points) + 0.5) / n_points
    # The first segment whose end lies beyond the wanted length has a length, unless none has.
    segment = np.minimum((ends[:, None, :] <= wanted[:, :, None]).sum(axis=2), length.shape[1] - 1)
    rows = np.arange(b)[:, None]
    empty = total[:, 0] <= 0
    segment[empty] = np.where(segment_drawn.any(axis=1), segment_drawn.argmax(axis=1), 0)[empty, None]
    inside = length[rows, segment]
    before = ends[rows, segment] - inside
    share = np.divide(wanted - before, inside, out=np.zeros_like(wanted), where=inside > 0)
    chosen = vector[rows, segment]
    direction = np.divide(chosen, inside[..., None], out=np.zeros_like(chosen), where=inside[..., None] > 0)
    return points[rows, segment] + share[..., None] * chosen, direction


def dtw(gesture: Paths, truth: Paths) -> NDArray[np.float64]:
    """Dynamic time warping distance over n of paths (B, n, 2) and (B, m, 2), over max(n, m); (B,)."""
    b, n, m = len(gesture), gesture.shape[1], truth.shape[1]
    row = np.full((b, m), np.inf)
    for i in range(n):
        cost = np.hypot(*(gesture[:, i, None] - truth).transpose(2, 0, 1))
        if i == 0:
            row = np.cumsum(cost, axis=1)
            continue
        best = np.minimum(row, np.concatenate([np.full((b, 1), np.inf), row[:, :-1]], axis=1)) + cost
        # row[j] = cost[j] + min(up or diagonal, row[j - 1]): with S = cumsum(cost) this is
        # S[j] + min over l <= j of (best[l] - S[l]), a running minimum instead of a loop.
        summed = np.cumsum(cost, axis=1)
        row = summed + np.minimum.accumulate(best - summed, axis=1)
    return np.asarray(row[:, -1] / max(n, m))


def compare(
    gesture: Paths,
    gesture_drawn: NDArray[np.bool_],
    truth: Paths,
    truth_drawn: NDArray[np.bool_],
) -> Agreement:
    """Compares gestures with true pen paths, sample by sample.

    Args:
        gesture: (B, N, 2) pen positions, canvas units.
        gesture_drawn: (B, N - 1) drawn segments.
        truth: (B, M, 2) true pen positions, canvas units.
        truth_drawn: (B, M - 1) drawn segments.

    Raises:
        DataError: if the shapes do not fit.
    """
    if len(gesture) != len(truth):
        raise DataError(f"There are {len(gesture)} gestures for {len(truth)} true paths.")
    parts = [
        _compare(*along_ink(gesture[k], gesture_drawn[k]), *along_ink(truth[k], truth_drawn[k]))
        for k in (slice(first, first + _CHUNK) for first in range(0, len(gesture), _CHUNK))
    ]
    empty = np.zeros(0)
    return Agreement(*(np.concatenate([empty, *(part[i] for part in parts)]) for i in range(3)))


def _compare(g: Paths, g_way: Paths, t: Paths, t_way: Paths) -> Agreement:
    distance = np.hypot(*(g[:, :, None] - t[:, None]).transpose(3, 0, 1, 2))
    nearest = distance.argmin(axis=2)
    way = np.take_along_axis(t_way, nearest[..., None], axis=1)
    forward = (g_way * way).sum(axis=2) > 0
    later = np.sign(nearest[:, None, :] - nearest[:, :, None])
    upper = np.triu(np.ones(later.shape[1:], dtype=bool), 1)
    balance = (later * upper).sum(axis=(1, 2))
    differing = np.count_nonzero(later * upper, axis=(1, 2))
    order = np.divide(balance, differing, out=np.zeros(len(g)), where=differing > 0)
    return Agreement(dtw(g, t), forward.mean(axis=1), order)


def shuffled(
    points: Paths, segment_drawn: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[Paths, NDArray[np.bool_]]:
    """The same strokes in random order, each in a random direction: the level of chance.

    A drawer at this level knows the line perfectly and guesses only how it was written, so it
    is a demanding level for one whose line is not perfect.

    Args:
        points: (B, N, 2).
        segment_drawn: (B, N - 1).
        generator: source of randomness.
    """
    mixed, drawn = points.copy(), segment_drawn.copy()
    for i, flags in enumerate(segment_drawn):
        strokes = np.split(np.arange(points.shape[1]), np.flatnonzero(~flags) + 1)
        chosen = [strokes[k] for k in generator.permutation(len(strokes))]
        turned = [stroke[::-1] if generator.random() < 0.5 else stroke for stroke in chosen]
        mixed[i] = points[i, np.concatenate(turned)]
        drawn[i] = True
        drawn[i, np.cumsum([len(stroke) for stroke in turned])[:-1] - 1] = False
    return mixed, drawn
