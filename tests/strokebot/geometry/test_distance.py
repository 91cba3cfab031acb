"""Distances at chosen pixels are those of the whole transform, and of looking at every pixel."""

import numpy as np
from hypothesis import given
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


@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0))
def test_beyond_the_edge_of_the_picture_is_paper(seed: int, share: float) -> None:
    mask = random_mask(seed, share)
    slow = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    assert np.allclose(depth(mask), slow, atol=1e-5)
    assert (depth(mask)[~mask] == 0).all()
