"""How well seen or drawn ink agrees with what is truly there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Ink this near to true ink is right, px.
TOLERANCE_PX = 1.5
_HALF = 0.5


def truth_f1(seen: NDArray[np.bool_], truth: NDArray[np.float32], areas: NDArray[np.float32]) -> float:
    """F1 of pixels (H, W) seen or drawn against the true coverage and the areas, both (H, W) in [0, 1]."""
    wanted = truth >= _HALF
    neutral = ~wanted & ((truth > 0.02) | (areas > 0.02))
    claimed = seen & ~neutral
    if not wanted.any() or not claimed.any():
        return float(wanted.any() == claimed.any())
    near_seen = ndimage.distance_transform_edt(~seen) <= TOLERANCE_PX
    near_truth = ndimage.distance_transform_edt(~wanted) <= TOLERANCE_PX
    recall, precision = float(near_seen[wanted].mean()), float(near_truth[claimed].mean())
    return 2 * recall * precision / (recall + precision) if recall + precision > 0 else 0.0
