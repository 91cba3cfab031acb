from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import DataError
from strokebot.training.manifold import curve, layout, neighbour_graph, spectral, unit_rows


def rings(n: int = 150) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Two rings, one inside the other: no straight cut tells them apart."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 2 * n)
    which = np.repeat([0, 1], n)
    radius = np.where(which == 0, 1.0, 3.0) + rng.normal(0, 0.05, 2 * n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), which


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=8)
def test_graph_is_symmetric_with_weights_of_fuzzy_sets(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(60, 3))
    graph = neighbour_graph(points, 5)
    dense = graph.toarray()
    assert np.allclose(dense, dense.T)
    assert dense.min() >= 0
    assert dense.max() <= 1 + 1e-12
    assert (np.diag(dense) == 0).all()
    # The nearest neighbour is certain, and everyone has at least k neighbours.
    assert np.allclose(dense.max(axis=1), 1)
    assert ((dense > 0).sum(axis=1) >= 5).all()


def test_too_few_points() -> None:
    with pytest.raises(DataError, match="too few"):
        neighbour_graph(np.zeros((15, 2)))


def test_spectral_tells_rings_apart() -> None:
    points, which = rings()
    rows = unit_rows(spectral(neighbour_graph(points, 8), 2))
    assert rows.shape == (300, 2)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    # The rings do not touch, so the rows of each ring point one way, at a right angle to the other's.
    inner, outer = rows[which == 0], rows[which == 1]
    assert (inner @ inner[0] > 0.99).all()
    assert (outer @ outer[0] > 0.99).all()
    assert np.abs(inner @ outer.T).max() < 0.01


def test_layout_keeps_neighbours_and_parts_strangers() -> None:
    points, which = rings()
    placed = layout(neighbour_graph(points, 8), 2, seed=1, epochs=100)
    assert np.isfinite(placed).all()
    distance = np.linalg.norm(placed[:, None] - placed, axis=2) + np.eye(300) * 1e9
    assert (which[distance.argmin(axis=1)] == which).mean() > 0.99
    assert np.array_equal(placed, layout(neighbour_graph(points, 8), 2, seed=1, epochs=100))


def test_curve_is_near_one_close_by_and_falls() -> None:
    a, b = curve()
    q = [1 / (1 + a * x ** (2 * b)) for x in (0.01, 1.0, 3.0)]
    assert q[0] > 0.95
    assert q[1] == pytest.approx(np.exp(-1), abs=0.06)
    assert q[2] < 0.15
