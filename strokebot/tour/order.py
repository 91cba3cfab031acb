"""The order and direction in which the parts of a drawing are drawn.

Nouns:
    piece    the drawn points of one part, in its own direction
    travel   the way in the air from the end of a piece to the start of the next

Writing is drawn as it is read, every piece in its own direction. That order is
kept as long as its travel is at most ``_READING`` times that of the shorter one:
nearest piece next, either way round, then improved by reversing runs of pieces
while that shortens the travel (2-opt: Croes 1958).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from strokebot.reading import characters, reading_order, union_boxes

Piece = NDArray[np.float64]

# Reading order is kept while its travel is at most this many times the shorter one.
_READING = 2.0
# Pieces up to which reversals are tried; each round looks at all pairs.
_IMPROVE = 300
_ROUNDS = 20


def order_pieces(pieces: list[Piece], boxes: NDArray[np.float64]) -> list[Piece]:
    """Orders pieces, and turns them round where that saves travel.

    Args:
        pieces: (N_k, 4) each, x, y first, px.
        boxes: (P, 4) x0, y0, x1, y1 of the ink of each piece, px.

    Returns:
        The same pieces in drawing order, some of them reversed.
    """
    if len(pieces) < 2:
        return list(pieces)
    ends = np.array([[piece[0, :2], piece[-1, :2]] for piece in pieces])  # (P, 2, 2)
    reading = _as_read(boxes)
    natural = [(int(k), False) for k in reading]
    short = _nearest(ends, int(reading[0]))
    if len(pieces) <= _IMPROVE:
        short = _reversals(ends, short)
    chosen = natural if travel(ends, natural) <= _READING * travel(ends, short) else short
    return [pieces[k][::-1] if turned else pieces[k] for k, turned in chosen]


def travel(ends: NDArray[np.float64], order: list[tuple[int, bool]]) -> float:
    """Length of the way in the air, px: ends (P, 2, 2), first and last point of each piece."""
    starts = np.array([ends[k, int(turned)] for k, turned in order])
    stops = np.array([ends[k, 1 - int(turned)] for k, turned in order])
    return float(np.hypot(*(starts[1:] - stops[:-1]).T).sum())


def _as_read(boxes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Reading order of the pieces; marks follow the letter they belong to."""
    character = characters(boxes)
    order, _ = reading_order(union_boxes(boxes, character))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.lexsort((np.arange(len(boxes)), -area, rank[character])).astype(np.int64)


def _nearest(ends: NDArray[np.float64], first: int) -> list[tuple[int, bool]]:
    """Nearest end next, from the start of the first piece."""
    count = len(ends)
    tree = cKDTree(ends.reshape(-1, 2))
    left = np.ones(count, dtype=bool)
    order, here = [(first, False)], ends[first, 1]
    left[first] = False
    for _ in range(count - 1):
        near = 8
        while True:
            _, found = tree.query(here, k=min(near, 2 * count))
            free = [int(k) for k in np.atleast_1d(found) if left[k // 2]]
            if free:
                break
            near *= 4
        piece, turned = free[0] // 2, bool(free[0] % 2)
        left[piece] = False
        order.append((piece, turned))
        here = ends[piece, 0 if turned else 1]
    return order


def _reversals(ends: NDArray[np.float64], order: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Reverses runs of pieces while the travel gets shorter; the first piece stays first."""
    order = list(order)
    for _ in range(_ROUNDS):
        improved = False
        for i in range(1, len(order)):
            start = np.array([ends[k, int(t)] for k, t in order])
            stop = np.array([ends[k, 1 - int(t)] for k, t in order])
            # Reverse i..j: the ways i-1 -> i and j -> j+1 become i-1 -> j's stop, i's start -> j+1.
            j = np.arange(i, len(order))
            after = np.vstack([start[i + 1 :], start[-1:]])
            open_end = j == len(order) - 1
            now = np.hypot(*(start[i] - stop[i - 1])) + np.where(open_end, 0, np.hypot(*(after - stop[i:]).T))
            then = np.hypot(*(stop[i:] - stop[i - 1]).T) + np.where(
                open_end, 0, np.hypot(*(after - start[i]).T)
            )
            best = int(np.argmax(now - then))
            if now[best] - then[best] > 1e-9:
                run = [(k, not t) for k, t in order[i : i + best + 1]]
                order[i : i + best + 1] = run[::-1]
                improved = True
        if not improved:
            break
    return order
