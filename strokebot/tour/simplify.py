"""Leaves out the points of a piece that a straight, evenly widening line gives back.

Symbols: a point is (x, y, w / 2, a h) with width w and intensity a, where h is half
the mean width, so that one tolerance in px bounds centre line, edge and ink alike.

Source: Ramer 1972; Douglas and Peucker 1973, in four dimensions, without recursion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import GestureError
from strokebot.gesture import LIFT_THRESHOLD, Gesture


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
    change = np.flatnonzero(np.diff(gesture.pen_down.astype(np.int8))) + 1
    runs = np.split(table, change)
    kept = [simplify(run, tolerance) if run[0, 3] >= LIFT_THRESHOLD else run for run in runs]
    rows = np.concatenate(kept)
    return Gesture.from_positions(rows[:, :2], rows[:, 2], rows[:, 3])


def simplify(piece: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Simplifies a piece.

    Args:
        piece: (N, 4) x, y, width, intensity.
        tolerance: greatest deviation of centre line and edge, in the unit of x and y.

    Returns:
        (K, 4), K <= N, some of the same points, the first and the last among them.
    """
    count = len(piece)
    if count <= 2:
        return piece
    half = float(piece[:, 2].mean()) / 2
    space = np.column_stack([piece[:, :2], piece[:, 2] / 2, piece[:, 3] * half])
    keep = np.zeros(count, dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, count - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inner = space[first + 1 : last] - space[first]
        chord = space[last] - space[first]
        # The foot on the segment in the plane: width and ink change evenly along it.
        length = float(chord[:2] @ chord[:2])
        along = np.clip(inner[:, :2] @ chord[:2] / length, 0.0, 1.0) if length > 0 else np.zeros(len(inner))
        deviation = np.linalg.norm(inner - along[:, None] * chord, axis=1)
        worst = int(np.argmax(deviation))
        if deviation[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return piece[keep]
