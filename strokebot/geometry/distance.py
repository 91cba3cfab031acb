"""Distances on a pixel grid, computed where they are asked for.

Symbols, px, between pixel centres:
    nearest(x)   the pixel of a mask that lies nearest to x (the feature transform of the mask)
    d(x)         |x - nearest(x)|

The feature transform of all pixels takes about as long as turning it into distances of all
pixels; drawings are mostly paper, so distances are taken at the pixels that matter alone.

Source: C. R. Maurer, R. Qi, V. Raghavan, "A linear time algorithm for computing exact Euclidean
distance transforms of binary images in arbitrary dimensions", IEEE PAMI 25, 2003 (scipy's).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt


def nearest(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row and column (H, W) of the nearest pixel of a mask (H, W) that has at least one."""
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return rows, columns


def distance_at(
    mask: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Distance (K,) of some pixels to the nearest pixel of a mask (H, W); inf if the mask is empty."""
    if not mask.any():
        return np.full(len(rows), np.inf)
    y, x = nearest(mask)
    return np.asarray(np.hypot(y[rows, columns] - rows, x[rows, columns] - columns))


def depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance (H, W) of each pixel of a mask to the nearest one outside it, 0 outside.

    Beyond the edge of the picture everything is outside: ink that runs off the picture ends there.
    """
    found = np.zeros(mask.shape, dtype=np.float32)
    rows, columns = np.nonzero(mask)
    if len(rows):
        found[rows, columns] = distance_at(np.pad(~mask, 1, constant_values=True), rows + 1, columns + 1)
    return found
