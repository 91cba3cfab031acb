"""Distances at chosen pixels are those of the whole transform, and of looking at every pixel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from strokebot.geometry.distance import depth, distance_at, nearest


def random_mask(seed: int, share: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.random(tuple(rng.integers(1, 25, 2))) < share)


@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_distances_are_those_of_looking_at_every_pixel(seed: int, share: float) -> None:
    mask = random_mask(seed, share)
    rows, columns = np.nonzero(random_mask(seed + 1, 0.5)[: mask.shape[0], : mask.shape[1]])
    found = distance_at(mask, rows, columns)
    places = np.argwhere(mask)
    for row, column, distance in zip(rows, columns, found, strict=True):
        slow = min((np.hypot(*(place - (row, column))) for place in places), default=np.inf)
        assert distance == slow or abs(distance - slow) < 1e-9
    if mask.any():
        y, x = nearest(mask)
        assert mask[y, x].all()


@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.02), reach=st.floats(0.0, 70.0))
@settings(max_examples=40)
def test_distances_within_reach_are_exact_in_large_pictures(seed: int, share: float, reach: float) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros(tuple(rng.integers(1, 250, 2)), dtype=bool)
    mask[rng.random(mask.shape) < share**2] = True
    rows, columns = np.indices(mask.shape).reshape(2, -1)
    slow = distance_transform_edt(~mask).ravel() if mask.any() else np.full(mask.size, np.inf)
    found = distance_at(mask, rows, columns, reach=reach)
    within = slow <= reach
    np.testing.assert_allclose(found[within], slow[within], atol=1e-9)
    assert (found[~within] > reach).all()


@given(seed=st.integers(0, 10_000), width=st.integers(1, 40))
@settings(max_examples=40)
def test_the_depth_of_lines_and_areas_of_any_width_is_exact(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    paper = np.ones(tuple(rng.integers(1, 120, 2)), dtype=bool)
    for y, x in rng.integers(0, paper.shape, (5, 2)).tolist():
        paper[max(0, y - width) : y + 1, x : x + int(rng.integers(1, 90))] = False
    slow = distance_transform_edt(np.pad(~paper, 1))[1:-1, 1:-1]
    np.testing.assert_allclose(depth(~paper), slow, rtol=1e-6)


@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_beyond_the_edge_of_the_picture_is_paper(seed: int, share: float) -> None:
    mask = random_mask(seed, share)
    slow = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    assert np.allclose(depth(mask), slow, atol=1e-5)
    assert (depth(mask)[~mask] == 0).all()
