"""Lines and pictures for the tests of the refinement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.gesture import Gesture
from strokebot.polish.strokes import Strokes

Floats = NDArray[np.float64]


def wander(seed: int, points: int = 9, side: int = 40, least_radius: float = 1.3) -> Strokes:
    """Two strokes without sharp tapers, px, on a picture of so many pixels a side."""
    rng = np.random.default_rng(seed)
    place = np.cumsum(rng.uniform(-6, 6, (points, 2)), axis=0)
    place = side * 0.2 + 0.6 * side * (place - place.min(0)) / np.maximum(np.ptp(place, axis=0), 1e-9)
    return Strokes(
        place,
        least_radius + 0.3 * rng.random(points),
        np.full(points, 1.0),
        np.array([0, points // 2]),
    )


def curve(side: int, width_px: float, bend: float = 0.2) -> Gesture:
    """A wave across a square picture."""
    x = np.linspace(0.15, 0.85, 40)
    y = 0.5 + bend * np.sin(9 * x)
    return Gesture.from_positions(np.column_stack([x, y]), np.full(40, width_px / side), np.ones(40))
