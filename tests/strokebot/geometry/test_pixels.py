"""Pictures on other grids keep their mean, their range and their edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from strokebot.geometry.pixels import reduced, repeated, resized


@given(height=st.integers(1, 40), width=st.integers(1, 40), most=st.integers(1, 400))
def test_a_picture_is_reduced_to_what_was_asked_for(height: int, width: int, most: int) -> None:
    field = np.random.default_rng(height * 41 + width).random((height, width)).astype(np.float32)
    small, unit = reduced(field, most)
    if height * width <= most:
        assert small is field
        assert unit == 1.0
        return
    assert unit < 1.0
    assert max(small.shape) == round(unit * max(height, width))
    # A side may be rounded up by half a pixel, and is one at least.
    assert small.shape[0] * small.shape[1] <= (np.sqrt(most * height / width) + 1) * (
        np.sqrt(most * width / height) + 1
    )


def test_a_pixel_of_a_reduced_picture_is_the_mean_of_those_it_stands_for() -> None:
    field = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    small, unit = reduced(field, 150)
    assert unit == 0.5
    assert small == pytest.approx(field.reshape(10, 2, 15, 2).mean(axis=(1, 3)), abs=1e-6)


def test_values_stay_in_their_range_and_edges_where_they_are() -> None:
    field = np.zeros((10, 20), dtype=np.float32)
    field[:, 10:] = 1.0
    large = resized(field, (80, 40), Image.Resampling.BICUBIC)
    assert large.shape == (40, 80)
    assert large.min() >= 0.0
    assert large.max() <= 1.0
    assert (large[:, 38] < 0.5).all()
    assert (large[:, 41] > 0.5).all()


@given(times=st.integers(1, 4))
def test_pixels_become_squares(times: int) -> None:
    values = np.arange(6).reshape(2, 3)
    assert np.array_equal(repeated(values, times), np.kron(values, np.ones((times, times), dtype=int)))
