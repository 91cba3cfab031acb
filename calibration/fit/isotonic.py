"""Monotone regression, and tables that rise strictly.

``isotonic`` finds the rising values nearest to measured ones: weighted least squares by pooling
adjacent violators (M. Ayer et al., "An empirical distribution function for sampling with
incomplete information", Ann. Math. Stat. 26 (1955)). Neighbours that fall are replaced by their
weighted mean until nothing falls.

``rising`` makes a strict rise of it, as the inverse of a curve needs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def isotonic(values: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The values (n,) that never fall and are nearest to ``values``, weighted least squares.

    Args:
        values: (n,) measured.
        weights: (n,) above 0; None for equal ones.
    """
    y = np.asarray(values, dtype=np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for mean, weight in zip(y.tolist(), w.tolist(), strict=True):
        count = 1
        while pools and pools[-1][0] >= mean:
            left, left_weight, left_count = pools.pop()
            total = left_weight + weight
            mean = (left * left_weight + mean * weight) / total
            weight, count = total, count + left_count
        pools.append((mean, weight, count))
    return np.repeat([mean for mean, _, _ in pools], [count for _, _, count in pools])


def rising(values: ArrayLike, least_rise: float) -> NDArray[np.float64]:
    """Values (n,) that rise by ``least_rise`` or more at each step, nearest to ``values``."""
    y = np.asarray(values, dtype=np.float64)
    ladder = least_rise * np.arange(len(y))
    return np.asarray(isotonic(y - ladder) + ladder)
