"""Chains drawn pieces into one gesture, the pen lifted in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import GestureError
from strokebot.gesture import Gesture


def chain(pieces: list[NDArray[np.float64]]) -> Gesture:
    """Chains pieces into one gesture.

    Between two points a gesture's intensity changes linearly. So that drawn ends do
    not fade, the last point before a travel and the first after it are doubled with
    intensity 0: the pen lifts and lands on the spot.

    Args:
        pieces: arrays (N_k, 4) of x, y, size and intensity, canvas units.

    Returns:
        One gesture of all the points, in order.

    Raises:
        GestureError: if there is no piece.
    """
    if not pieces:
        raise GestureError("There is nothing to join.")
    rows = [pieces[0]]
    for piece in pieces[1:]:
        lift, lower = rows[-1][-1:].copy(), piece[:1].copy()
        lift[:, 3] = lower[:, 3] = 0.0
        rows += [lift, lower, piece]
    table = np.concatenate(rows)
    return Gesture.from_positions(table[:, :2], table[:, 2], table[:, 3])
