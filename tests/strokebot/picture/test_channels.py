"""Channels that are made when they are asked for are those that a tuple of them would be."""

import numpy as np
import pytest

from strokebot.picture.channels import LUMA, MadeChannels, luminance_of


def test_made_channels_are_a_sequence() -> None:
    fields = tuple(np.full((2, 3), value, dtype=np.float32) for value in (0.1, 0.5, 0.9))
    made = MadeChannels(3, lambda k: fields[k].copy())
    assert len(made) == 3
    for found, field in zip(made, fields, strict=True):
        np.testing.assert_array_equal(found, field)
    np.testing.assert_array_equal(made[-1], fields[-1])
    assert len(made[1:]) == 2
    with pytest.raises(IndexError):
        made[3]
    np.testing.assert_allclose(luminance_of(made), np.dot(LUMA, (0.1, 0.5, 0.9)), rtol=1e-6)
    np.testing.assert_array_equal(luminance_of(made), luminance_of(fields))
