"""Running extrema are those of scipy, whatever the window and the shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from strokebot.picture import extrema, ink


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 90)),
    reach=st.integers(0, 50),
    axis=st.sampled_from([0, 1]),
    dtype=st.sampled_from([np.float32, np.int32, np.bool_]),
    seed=st.integers(0, 9),
)
def test_extrema_are_those_of_scipy(
    shape: tuple[int, int], reach: int, axis: int, dtype: type, seed: int
) -> None:
    field = (np.random.default_rng(seed).random(shape) * 3).astype(np.int32).astype(dtype)
    size = 2 * reach + 1
    for ours, slow in (
        (extrema.running_maximum, ndimage.maximum_filter1d),
        (extrema.running_minimum, ndimage.minimum_filter1d),
    ):
        found = ours(field, size, axis)
        assert found.dtype == field.dtype
        np.testing.assert_array_equal(found, slow(field, size, axis=axis, mode="nearest"))
        own = field.copy()
        assert ours(own, size, axis, out=own) is own
        np.testing.assert_array_equal(own, found)


def test_strips_meet() -> None:
    field = np.random.default_rng(1).random((700, 3000), dtype=np.float32)
    np.testing.assert_array_equal(extrema.square_maximum(field, 7), ndimage.maximum_filter(field, 7))
    np.testing.assert_array_equal(extrema.square_minimum(field, 253), ndimage.minimum_filter(field, 253))


@pytest.mark.parametrize("share", [0.0, 0.002, 0.05, 1.0])
def test_near_distances_are_exact(share: float) -> None:
    mask = np.random.default_rng(2).random((60, 75)) < share
    found = ink._squared_distance(mask)
    slow = ndimage.distance_transform_edt(~mask) ** 2 if mask.any() else np.full(mask.shape, np.inf)
    near = slow <= ink._CREST_REACH_PX**2
    np.testing.assert_allclose(found[near], slow[near])
    assert (found[~near] > ink._CREST_REACH_PX**2).all()
