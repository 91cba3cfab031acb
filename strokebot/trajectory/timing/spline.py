"""The smooth curve through a path's points, by chord length, with breaks at corners.

Nouns:
    knot      a point of the polyline, with as many columns as wanted (x, y, pen value)
    break     a knot at which the tangent jumps; pieces between breaks are splines of their own
    moment    M_k, the second derivative at a knot; 0 at breaks and ends (natural ends)

Symbols: h = s_{k+1} - s_k, B = (s - s_k) / h, A = 1 - B. On segment k

    q(s)   = A p_k + B p_{k+1} + ((A^3 - A) M_k + (B^3 - B) M_{k+1}) h^2 / 6
    q'(s)  = (p_{k+1} - p_k) / h - (3 A^2 - 1) h M_k / 6 + (3 B^2 - 1) h M_{k+1} / 6
    q''(s) = A M_k + B M_{k+1}

and the moments of the smooth knots solve one tridiagonal system (continuous q'):

    h_{k-1} M_{k-1} / 6 + (h_{k-1} + h_k) M_k / 3 + h_k M_{k+1} / 6
        = (p_{k+1} - p_k) / h_k - (p_k - p_{k-1}) / h_{k-1}

Since M = 0 at every break, all pieces together are a single system, whatever their number.
Source: de Boor, "A Practical Guide to Splines", 1978, chapter IV.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded


class Derivatives(NamedTuple):
    """Position, first and second derivative by s, each (K, D)."""

    position: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]


class PieceSpline:
    """Cubic splines through knots, C2 except at breaks.

    Attributes:
        knots: (n, D) points, n at least 2.
        length: (n-1,) chord lengths of the first two columns, all above 0.
        moments: (n, D) second derivatives at the knots.
    """

    def __init__(self, knots: NDArray[np.float64], breaks: NDArray[np.bool_]) -> None:
        self.knots = knots
        self.length = np.linalg.norm(np.diff(knots[:, :2], axis=0), axis=1)
        h = self.length
        fixed = breaks.copy()
        fixed[[0, -1]] = True
        free = ~fixed
        bands = np.zeros((3, len(knots)))
        bands[1] = 1.0
        right = np.zeros_like(knots)
        inner = np.flatnonzero(free)
        before, after = h[inner - 1], h[inner]
        bands[1, inner] = (before + after) / 3
        bands[0, inner + 1] = after / 6  # upper band: column of the right neighbour
        bands[2, inner - 1] = before / 6  # lower band: column of the left neighbour
        secant = np.diff(knots, axis=0) / h[:, None]
        right[inner] = secant[inner] - secant[inner - 1]
        self.moments: NDArray[np.float64] = solve_banded((1, 1), bands, right)

    def at(self, segment: NDArray[np.intp], share: NDArray[np.float64]) -> Derivatives:
        """Evaluates the curve.

        Args:
            segment: (K,) segment of each wanted point.
            share: (K,) place in the segment, 0 at its first knot, 1 at its second.
        """
        p, q = self.knots[segment], self.knots[segment + 1]
        m, n = self.moments[segment], self.moments[segment + 1]
        h = self.length[segment][:, None]
        b = share[:, None]
        a = 1.0 - b
        return Derivatives(
            a * p + b * q + ((a**3 - a) * m + (b**3 - b) * n) * h**2 / 6,
            (q - p) / h - (3 * a**2 - 1) * h * m / 6 + (3 * b**2 - 1) * h * n / 6,
            a * m + b * n,
        )

    def turns(self, scale: NDArray[np.float64]) -> NDArray[np.float64]:
        """About how far the tangent turns within each segment, shape (n-1,), rad.

        Args:
            scale: (D,) factors of the columns, which make them comparable.
        """
        bend = np.linalg.norm(self.moments * scale, axis=1)
        chord = np.linalg.norm(np.diff(self.knots, axis=0) * scale, axis=1)
        return np.asarray(np.maximum(bend[1:], bend[:-1]) * self.length**2 / chord)
