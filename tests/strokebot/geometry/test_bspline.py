"""B-splines against those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline as Reference

from strokebot.geometry.bspline import BSpline, basis, normal_equations

SEEDS = st.integers(0, 2**32 - 1)


def some(seed):
    """Knots with fourfold ends and single and threefold ones inside, coefficients, places."""
    rng = np.random.default_rng(seed)
    bounds = np.cumsum(rng.uniform(0.05, 3.0, int(rng.integers(2, 12))))
    times = rng.choice([1, 3], len(bounds))
    times[[0, -1]] = 4
    knots = np.repeat(bounds, times)
    places = np.sort(np.concatenate([rng.uniform(bounds[0], bounds[-1], 60), bounds]))
    return knots, rng.normal(size=(len(knots) - 4, 2)), places, rng


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_values_and_derivatives_are_those_of_scipy(seed):
    knots, coefficients, places, _ = some(seed)
    ours, theirs = BSpline(knots, coefficients), Reference(knots, coefficients, 3)
    np.testing.assert_allclose(ours(places), theirs(places), atol=1e-12)
    inside = places[~np.isin(places, knots)]
    slope = theirs.derivative()(inside)
    np.testing.assert_allclose(ours.derivative()(inside), slope, atol=1e-10 * np.abs(slope).max())


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_the_basis_sums_to_one_and_the_normal_equations_are_those_of_the_whole_matrix(seed):
    knots, _, places, rng = some(seed)
    first, values = basis(places, knots, 3)
    np.testing.assert_allclose(values.sum(axis=1), 1.0)
    assert values.min() >= -1e-15
    matrix = np.zeros((len(places), len(knots) - 4))
    for row, (k, part) in enumerate(zip(first, values, strict=True)):
        matrix[row, k : k + 4] = part
    np.testing.assert_allclose(matrix, Reference.design_matrix(places, knots, 3).toarray(), atol=1e-14)
    target, weights = rng.normal(size=(len(places), 2)), rng.uniform(0, 2, len(places))
    bands, right = normal_equations(places, target, weights, knots)
    normal = matrix.T @ (weights[:, None] * matrix)
    for k in range(4):
        np.testing.assert_allclose(bands[k, : len(normal) - k], np.diagonal(normal, -k), atol=1e-12)
    np.testing.assert_allclose(right, matrix.T @ (weights[:, None] * target), atol=1e-12)


def test_a_straight_line_is_met_exactly():
    knots = np.repeat([0.0, 1.0, 2.5], [4, 1, 4])
    greville = np.array([knots[k + 1 : k + 4].mean() for k in range(5)])
    line = BSpline(knots, greville[:, None])
    np.testing.assert_allclose(line(np.array([0.0, 0.7, 2.5]))[:, 0], [0.0, 0.7, 2.5])
    assert line.derivative()(np.array([1.3]))[0, 0] == pytest.approx(1.0)
