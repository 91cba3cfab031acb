"""Takes the noise out of width and ink along a line, so that the pen axis need not follow it.

A pen axis that follows every tenth of a pixel of measured width slows the whole drawing down,
and nobody sees what it follows. What costs time is the acceleration of the axis, so that is
what is weighed against the distance from what was measured.

Symbols: m(s) = measured value at length s along the line, v(s) = the calm one, L = length
under which changes are taken for noise:

    v minimises  integral of (v - m)^2 + L^4 v''^2

on a grid of equal steps: a system of five diagonals, whose work grows with the number of points.
A wave of length 2 pi L is halved; one twice as long keeps 94 %.

Source: E. T. Whittaker, "On a new method of graduation", Proc. Edinburgh Math. Soc. 41, 1923.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Floats = NDArray[np.float64]


def whittaker_smooth(places: Floats, values: Floats, length: float, step: float = 1.0) -> Floats:
    """Smooths values along a line.

    Args:
        places: (K,) lengths along the line, ascending from 0.
        values: (K, D) measured there.
        length: L, in the unit of the places.
        step: of the grid, at most; finer than L.

    Returns:
        (K, D) calm values at the places; a straight course stays as it is.
    """
    total = float(places[-1])
    count = int(np.ceil(total / step)) + 1
    if count < 3 or length <= 0.0:
        return values
    grid = np.linspace(0.0, total, count)
    measured = np.column_stack([np.interp(grid, places, column) for column in values.T])
    weight = (length / grid[1]) ** 4
    bands = np.zeros((3, count))  # lower form of 1 + weight D'D, D = second differences
    bands[0] = 1.0
    for offset, part in enumerate(((1.0, 4.0, 1.0), (-2.0, -2.0), (1.0,))):
        for k, value in enumerate(part):
            bands[offset, k : k + count - 2] += weight * value
    smooth = solveh_banded(bands, measured, lower=True)
    return np.column_stack([np.interp(places, grid, column) for column in smooth.T])
