"""The cheapest matching of odd nodes is that of a general matching algorithm."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot.tour.postman import _exact_pairs


@given(seed=st.integers(0, 10_000), half=st.integers(1, 7))
def test_few_odd_nodes_are_matched_as_cheaply_as_can_be(seed: int, half: int) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * half
    place = rng.random((n, 2))
    between = np.hypot(*(place[:, None] - place).transpose(2, 0, 1))
    start, end = rng.random(n), rng.random(n)
    pairs, first, last = _exact_pairs(between, start, end)
    assert sorted([*(k for pair in pairs for k in pair), first, last]) == list(range(n))
    found = sum(between[i, j] for i, j in pairs) + start[first] + end[last]
    problem = nx.Graph()
    problem.add_weighted_edges_from((i, j, between[i, j]) for i in range(n) for j in range(i))
    problem.add_weighted_edges_from((i, n, start[i]) for i in range(n))
    problem.add_weighted_edges_from((i, n + 1, end[i]) for i in range(n))
    cheapest = sum(problem.edges[edge]["weight"] for edge in nx.min_weight_matching(problem))
    assert found == pytest.approx(cheapest)
