"""The plain tour of an image, as the baseline of a learned gesture. Torch-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strokebot.image import InkImage
from strokebot.tour import tour_gesture


def tour_paths(images: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Tours of images (B, H, W) as padded paths.

    Returns:
        Pen positions (B, N, 2), canvas units, N of the longest tour (shorter ones stay at
        their end), and drawn segments (B, N - 1).
    """
    gestures = [tour_gesture(InkImage(image)) for image in images]
    longest = max((len(g) for g in gestures), default=1)
    points = np.zeros((len(gestures), longest, 2))
    drawn = np.zeros((len(gestures), longest - 1), dtype=bool)
    for i, gesture in enumerate(gestures):
        n = len(gesture)
        points[i, :n] = gesture.positions
        points[i, n:] = points[i, n - 1]
        drawn[i, : n - 1] = gesture.pen_down[1:] & gesture.pen_down[:-1]
    return points, drawn
