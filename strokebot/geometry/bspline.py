"""B-splines: their basis, their values and their derivatives, and the normal equations of a fit.

Symbols: knots t_0 <= t_1 <= ..., degree p, coefficients c_i, basis B_i,p, span s with
t_s <= x < t_(s+1); at x only B_(s-p) ... B_s differ from zero.

    B_i,0 = 1 on the span of x;  B_i,q = w_i,q B_i,q-1 + (1 - w_i+1,q) B_i+1,q-1,
    w_i,q = (x - t_i) / (t_(i+q) - t_i)                    (Cox, de Boor)
    C(x) = sum c_i B_i,p(x),   C' has degree p - 1 and coefficients p (c_(i+1) - c_i) / (t_(i+p+1) - t_(i+1))

scipy.interpolate has the same; it takes a quarter of a second to load, which a drawing would wait for.
The tests compare both.

Source: de Boor, "A Practical Guide to Splines", 1978, chapters IX and X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def basis(x: Floats, knots: Floats, degree: int) -> tuple[NDArray[np.intp], Floats]:
    """The basis functions that differ from zero at some places.

    Args:
        x: (M,) places within the knots' inner range.
        knots: (n + degree + 1,) ascending.
        degree: at least 0.

    Returns:
        (M,) the number of the first of them, and (M, degree + 1) their values.
    """
    last = len(knots) - degree - 2
    span = np.clip(np.searchsorted(knots, x, side="right") - 1, degree, last)
    values = np.zeros((len(x), degree + 1))
    values[:, 0] = 1.0
    for q in range(1, degree + 1):
        carried = np.zeros(len(x))
        for r in range(q):
            right, left = knots[span + r + 1], knots[span + r + 1 - q]
            part = values[:, r] / (right - left)
            values[:, r] = carried + (right - x) * part
            carried = (x - left) * part
        values[:, q] = carried
    return span - degree, values


@dataclass(frozen=True, eq=False)
class BSpline:
    """A curve of some degree.

    Attributes:
        knots: (n + degree + 1,) ascending.
        coefficients: (n, D).
        degree: of its polynomials.
    """

    knots: Floats
    coefficients: Floats
    degree: int = 3

    def __call__(self, x: Floats) -> Floats:
        """Points (M, D) at places (M,)."""
        first, values = basis(x, self.knots, self.degree)
        points = values[:, :1] * self.coefficients[first]
        for r in range(1, self.degree + 1):
            points += values[:, r : r + 1] * self.coefficients[first + r]
        return points

    def derivative(self) -> BSpline:
        """Its derivative; there must be no knot of more than ``degree`` times inside."""
        p, t = self.degree, self.knots
        apart = t[p + 1 : -1] - t[1 : -p - 1]
        slopes = p * np.diff(self.coefficients, axis=0) / apart[:, None]
        return BSpline(t[1:-1], slopes, p - 1)


def normal_equations(
    x: Floats, values: Floats, weights: Floats, knots: Floats, degree: int = 3
) -> tuple[Floats, Floats]:
    """The equations of the least squares fit A' W A c = A' W V with A_ji = B_i(x_j).

    Args:
        x: (M,) places.
        values: (M, D) what the spline shall be there.
        weights: (M,) of each place.
        knots: (n + degree + 1,).
        degree: of the spline.

    Returns:
        (degree + 1, n) the lower bands of A' W A, as ``scipy.linalg.solveh_banded`` takes them, and
        (n, D) the right side.
    """
    first, rows = basis(x, knots, degree)
    n = len(knots) - degree - 1
    bands = np.empty((degree + 1, n))
    weighted = rows * weights[:, None]
    places = first[:, None] + np.arange(degree + 1)
    for k in range(degree + 1):
        products = rows[:, k:] * weighted[:, : degree + 1 - k]
        bands[k] = np.bincount(places[:, : degree + 1 - k].ravel(), products.ravel(), n)
    wanted = weights[:, None] * values
    right = np.empty((n, values.shape[1]))
    for axis in range(values.shape[1]):
        right[:, axis] = np.bincount(places.ravel(), (rows * wanted[:, axis, None]).ravel(), n)
    return bands, right
