"""A strictly monotone curve through measured points, and its exact inverse.

Nouns:
    knots     the measured points (x_k, y_k), both strictly increasing
    slope     d_k, the derivative at a knot, above 0

Symbols: h_k = x_{k+1} - x_k, m_k = (y_{k+1} - y_k) / h_k, u = (x - x_k) / h_k in [0, 1]

Inside knot interval k the curve is the cubic Hermite polynomial

    y(u) = y_k + h_k u [ d_k + u ( (3 m_k - 2 d_k - d_{k+1}) + u (d_k + d_{k+1} - 2 m_k) ) ]

with the slopes of Fritsch and Butland, "A method for constructing local monotone
piecewise cubic interpolants", SIAM J. Sci. Stat. Comput. 5 (1984), in the weighted
harmonic form that scipy's PchipInterpolator uses too. At the two ends their
three-point formula may give 0, where the inverse would be ill conditioned; the
slope there is kept above a tenth of the end secant, which leaves the curve monotone.

Written with numpy alone: a host that only streams need not import scipy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import ProfileError

# Least end slope as a share of the end secant: keeps the inverse well conditioned.
_END_SLOPE_SHARE = 0.1
# Steps of the inverse on [0, 1]: halvings alone are so many until the bracket is one rounding unit wide;
# and a step at which it ends.
_MOST_STEPS, _EXACT = 54, 1e-16


class MonotoneCurve:
    """A strictly increasing curve y(x) through knots, with its inverse x(y).

    Attributes:
        x: (n,) knots, strictly increasing.
        y: (n,) values, strictly increasing.

    Raises:
        ProfileError: for fewer than two knots, or values that do not increase.
    """

    def __init__(self, x: ArrayLike, y: ArrayLike) -> None:
        self.x = np.array(x, dtype=np.float64)
        self.y = np.array(y, dtype=np.float64)
        if self.x.ndim != 1 or self.x.shape != self.y.shape or len(self.x) < 2:
            raise ProfileError("A curve needs two or more knots, and as many values as knots.")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ProfileError("A curve holds a value that is not a finite number.")
        if (np.diff(self.x) <= 0).any() or (np.diff(self.y) <= 0).any():
            raise ProfileError("A curve must rise from each knot to the next.")
        self.slope = _slopes(self.x, self.y)
        for array in (self.x, self.y, self.slope):
            array.setflags(write=False)

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Values at ``x`` (any shape), which is clamped to the knots' range."""
        at = np.clip(np.asarray(x, dtype=np.float64), self.x[0], self.x[-1])
        k = np.clip(np.searchsorted(self.x, at, side="right") - 1, 0, len(self.x) - 2)
        return self._cubic(k, (at - self.x[k]) / (self.x[k + 1] - self.x[k]))

    def inverse(self, y: ArrayLike) -> NDArray[np.float64]:
        """The x at which the curve takes the values ``y`` (any shape), clamped to the values' range."""
        want = np.clip(np.asarray(y, dtype=np.float64), self.y[0], self.y[-1])
        k = np.clip(np.searchsorted(self.y, want, side="right") - 1, 0, len(self.y) - 2)
        h, left, b, c = self._coefficients(k)
        rise = want - self.y[k]
        low, high = np.zeros_like(want), np.ones_like(want)
        u = np.clip(rise / (self.y[k + 1] - self.y[k]), 0.0, 1.0)
        for _ in range(_MOST_STEPS):
            # Newton's step, or the middle of the bracket where that would leave it.
            over = h * u * (left + u * (b + u * c)) - rise
            low, high = np.where(over < 0, u, low), np.where(over < 0, high, u)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = u - over / (h * (left + u * (2 * b + u * 3 * c)))
            to = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            done = np.abs(to - u).max(initial=0.0) <= _EXACT
            u = to
            if done:
                break
        return np.asarray(self.x[k] + u * h)

    def _cubic(self, k: NDArray[np.intp], u: NDArray[np.float64]) -> NDArray[np.float64]:
        h, left, b, c = self._coefficients(k)
        return np.asarray(self.y[k] + h * u * (left + u * (b + u * c)))

    def _coefficients(self, k: NDArray[np.intp]) -> tuple[NDArray[np.float64], ...]:
        """h, a, b and c of the pieces k, in which y = y_k + h u (a + u (b + u c))."""
        h = self.x[k + 1] - self.x[k]
        m = (self.y[k + 1] - self.y[k]) / h
        left, right = self.slope[k], self.slope[k + 1]
        return h, left, 3 * m - 2 * left - right, left + right - 2 * m


def _slopes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes at the knots, shape (n,), all above 0."""
    h = np.diff(x)
    m = np.diff(y) / h
    if len(h) == 1:
        return np.array([m[0], m[0]])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = (w1 + w2) / (w1 / m[:-1] + w2 / m[1:])
    first = _end_slope(h[0], h[1], m[0], m[1])
    last = _end_slope(h[-1], h[-2], m[-1], m[-2])
    return np.concatenate([[first], inner, [last]])


def _end_slope(h0: float, h1: float, m0: float, m1: float) -> float:
    slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    return float(np.clip(slope, _END_SLOPE_SHARE * m0, 3 * m0))
