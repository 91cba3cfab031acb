r"""The step that the pixels and the stiffness of the line ask for: one Gauss-Newton step.

Symbols, unknowns z_k = (x, y, r) of each point k, px:
    Y, X        drawn and wanted ink, J = dY/dz (``pairs.py``, ``capsules.py``)
    h_k         distance from point k to the next
    e_k         (z_{k+1} - z_k) / h_k - (z_k - z_{k-1}) / h_{k-1}: the turn of the line, and of its taper
    step        the dz that minimises
                sum |X - Y - J dz|^2  +  sum_k c_k |e_k(z + dz)|^2  +  sum_k m |dz_k|^2

Every pixel belongs to one segment, hence couples two neighbouring points, and e_k couples
three: the normal matrix has 6 bands beside its diagonal, and the step costs no more than
the gradient.

The bending c_k = c / h with h the mean of both distances is that of an elastic strip of
stiffness c (px^3): it irons out waves shorter than about 2 pi c^(1/4) px, which are those of
the pixel grid. At corners the strip gives way: c_k falls as 1 / (1 + (|e_k| / corner)^2).

Source: Gauss-Newton with damping, Levenberg 1944; thin strips, Horn, "The curve of least
energy", 1983.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from strokebot.polish.pairs import Normal
from strokebot.polish.strokes import PAGE, Detail, Strokes

# Turns sharper than this are corners and bend freely (rad).
CORNER_RAD = 0.5
# Pull of every point to where it is, in squared ink per square px: holds what no pixel holds, such
# as points along their own line; a point sees about 1 for each px of line.
DAMPING = 0.1
# Distances of points count as this at least (px): a turn between closer ones is no turn.
_LEAST_STEP_PX = 0.5
_BANDS = 6


def step(strokes: Strokes, normal: Normal, detail: Detail = PAGE) -> NDArray[np.float64]:
    """The step (N, 3) of x, y and half width, px."""
    n = len(strokes.points)
    z = np.column_stack([strokes.points, strokes.radius])
    bands, right = np.zeros((_BANDS + 1, n, 3)), np.zeros((n, 3))
    _add_pixels(bands, right, strokes.segments, normal.sums)
    _add_stiffness(bands, right, z, strokes, detail)
    bands[_BANDS] += DAMPING
    solved = solveh_banded(bands.reshape(_BANDS + 1, 3 * n), right.ravel(), check_finite=False)
    return np.asarray(solved).reshape(n, 3)


def _add_pixels(
    bands: NDArray[np.float64], right: NDArray[np.float64], first: NDArray[np.intp], sums: NDArray[np.float64]
) -> None:
    """Adds J^T J and J^T (X - Y) of segments that begin at the points ``first``."""
    upper = [(i, j) for i in range(3) for j in range(i, 3)]
    for k, (i, j) in enumerate(upper):
        bands[_BANDS + i - j, first, j] += sums[k]
        bands[_BANDS + i - j, first + 1, j] += sums[12 + k]
        for a, b in {(i, j), (j, i)}:
            bands[_BANDS + a - b - 3, first + 1, b] += sums[6 + k]
    right[first] += sums[18:21].T
    right[first + 1] += sums[21:24].T


def _add_stiffness(
    bands: NDArray[np.float64],
    right: NDArray[np.float64],
    z: NDArray[np.float64],
    strokes: Strokes,
    detail: Detail,
) -> None:
    inner = np.zeros(len(z), dtype=bool)
    inner[strokes.segments] = True
    inner[strokes.first] = False
    at = np.flatnonzero(inner)
    if len(at) == 0:
        return
    gap = np.maximum(np.hypot(*np.diff(z[:, :2], axis=0).T), _LEAST_STEP_PX)
    before, after = gap[at - 1], gap[at]
    factors = (1 / before, -1 / before - 1 / after, 1 / after)
    turn = sum(c[:, None] * z[at + k] for c, k in zip(factors, (-1, 0, 1), strict=True))
    sharp = np.hypot(turn[:, 0], turn[:, 1]) / CORNER_RAD
    weight = 2.0 / (before + after)
    give = detail.bending * weight / (1.0 + sharp * sharp)
    weights = np.column_stack([give, give, detail.width_bending * weight])
    for i in range(3):
        right[at + i - 1] -= weights * factors[i][:, None] * turn
        for j in range(i, 3):
            bands[_BANDS - 3 * (j - i), at + j - 1] += weights * (factors[i] * factors[j])[:, None]
