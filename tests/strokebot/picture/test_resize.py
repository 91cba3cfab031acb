"""Strips of a resized picture are those of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strokebot.picture import resize


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 60)),
    how=st.sampled_from([resize.BOX, resize.BILINEAR, resize.BICUBIC, resize.NEAREST]),
    strip=st.integers(1, 900),
    seed=st.integers(0, 9),
)
def test_strips_are_those_of_the_whole(
    shape: tuple[int, int], size: tuple[int, int], how: Image.Resampling, strip: int, seed: int
) -> None:
    field = np.random.default_rng(seed).random(shape, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resize, "_STRIP", strip)
        found = resize.resized(field, size, how)
    whole = np.asarray(Image.fromarray(field).resize(size, how))
    if how == resize.NEAREST:  # a middle between two pixels may fall to either
        assert (np.isclose(found, whole, atol=1e-6).mean() > 0.9) or min(shape) < 3
    else:
        np.testing.assert_allclose(found, whole, atol=1e-5)
