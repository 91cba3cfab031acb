"""The banded step is the plain least-squares step, and stiffness does what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.polish import solver
from strokebot.polish.pairs import SUMS, Normal
from strokebot.polish.strokes import PAGE, Strokes
from tests.support.refine_cases import Floats, wander


def pixels(strokes: Strokes, rng: np.random.Generator) -> tuple[Normal, Floats, Floats]:
    """Random pixels of each segment: their sums, and the Jacobian and residuals row by row."""
    n, rows, residuals = len(strokes.points), [], []
    sums = np.zeros((SUMS, len(strokes.segments)))
    upper = [(i, j) for i in range(3) for j in range(i, 3)]
    for s, first in enumerate(strokes.segments):
        for _ in range(rng.integers(0, 6)):
            c, f, e = rng.normal(size=3), rng.random(), rng.normal()
            g = 1 - f
            sums[:18, s] += [m * c[i] * c[j] for m in (g * g, g * f, f * f) for i, j in upper]
            sums[18:, s] += np.concatenate([g * e * c, f * e * c])
            row = np.zeros((n, 3))
            row[first], row[first + 1] = g * c, f * c
            rows.append(row.ravel())
            residuals.append(e)
    return Normal(sums), np.array(rows).reshape(-1, 3 * n), np.array(residuals)


def stiffness(strokes: Strokes) -> tuple[Floats, Floats]:
    """Rows of the stiffness, one a turn, by the equations of the header."""
    z, n = np.column_stack([strokes.points, strokes.radius]), len(strokes.points)
    rows, residuals = [], []
    for a, b in zip(strokes.first, np.append(strokes.first[1:], n), strict=True):
        for k in range(a + 1, b - 1):
            h0, h1 = (np.hypot(*(z[k + i, :2] - z[k + i - 1, :2])) for i in (0, 1))
            turn = (z[k + 1] - z[k]) / h1 - (z[k] - z[k - 1]) / h0
            sharp = np.hypot(*turn[:2]) / solver.CORNER_RAD
            h = (h0 + h1) / 2
            for c in range(3):
                stiff = PAGE.width_bending / h if c == 2 else PAGE.bending / h / (1 + sharp**2)
                row = np.zeros((n, 3))
                row[k + 1, c], row[k, c], row[k - 1, c] = 1 / h1, -1 / h1 - 1 / h0, 1 / h0
                rows.append(np.sqrt(stiff) * row.ravel())
                residuals.append(-np.sqrt(stiff) * turn[c])
    return np.array(rows).reshape(-1, 3 * n), np.array(residuals)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), points=st.integers(4, 12))
def test_the_step_is_the_least_squares_solution(seed: int, points: int) -> None:
    strokes = wander(seed, points)
    normal, jacobian, residual = pixels(strokes, np.random.default_rng(seed))
    bend, bend_residual = stiffness(strokes)
    held = np.sqrt(solver.DAMPING) * np.eye(3 * points)
    matrix = np.concatenate([jacobian, bend, held])
    right = np.concatenate([residual, bend_residual, np.zeros(3 * points)])
    plain = np.linalg.lstsq(matrix, right, rcond=None)[0].reshape(points, 3)
    np.testing.assert_allclose(solver.step(strokes, normal), plain, atol=1e-8)


def test_strokes_do_not_pull_at_each_other() -> None:
    strokes = wander(1, 10)
    normal, _, _ = pixels(strokes, np.random.default_rng(1))
    whole = solver.step(strokes, normal)
    elsewhere = strokes.points.copy()
    elsewhere[5:] += 1000.0
    apart = solver.step(strokes.moved(elsewhere, strokes.radius), normal)
    np.testing.assert_allclose(apart, whole, atol=1e-9)


def test_jitter_is_ironed_out_and_a_corner_is_not() -> None:
    x = np.arange(20.0) * 3
    bare = Normal(np.zeros((SUMS, 19)))
    jitter = np.column_stack([x, 0.1 * (-1.0) ** np.arange(20)])
    corner = np.column_stack([x, 3 * np.maximum(0, np.arange(20.0) - 10)])
    moved = []
    for points in (jitter, corner):
        strokes = Strokes(points, np.ones(20), np.ones(20), np.array([0]))
        moved.append(np.abs(solver.step(strokes, bare)[:, 1]).max())
    assert moved[0] > 0.05  # half the way and more
    assert moved[1] < 0.5


def test_nothing_pulls_at_a_straight_line() -> None:
    line = Strokes(np.column_stack([np.arange(5.0) ** 2, np.zeros(5)]), np.ones(5), np.ones(5), np.array([0]))
    assert np.abs(solver.step(line, Normal(np.zeros((SUMS, 4))))).max() == pytest.approx(0, abs=1e-12)
