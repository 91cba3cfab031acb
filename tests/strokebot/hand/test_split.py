"""A picture taken apart: nothing is lost, and parts are drawn where they lie."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from strokebot.hand.retina import WorkPicture
from strokebot.hand.split import split


@given(st.integers(0, 2**16), st.floats(0.02, 0.4))
@settings(max_examples=40)
def test_parts_are_the_connected_ink_and_hold_all_of_the_ridge_once(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    inked = rng.random((23, 31)) < share
    ink = np.where(inked, rng.integers(128, 256, inked.shape), rng.integers(0, 128, inked.shape))
    ridge = inked & (rng.random(inked.shape) < 0.6)
    work = WorkPicture(ink.astype(np.uint8), ridge, np.where(inked, 3.0, 0.0).astype(np.float32), 0.5)
    labels, _ = label(inked, structure=np.ones((3, 3)))
    seen = np.zeros(ridge.shape, np.int64)
    parts = split(work)
    for part in parts:
        left, high = part.corner.astype(int)
        rows, columns = part.picture.ink.shape
        near = np.s_[high : high + rows, left : left + columns]
        seen[near] += part.picture.ridge
        own = np.unique(labels[near][part.picture.ridge])
        assert len(own) == 1
        # The ink of the part as it is, and no other.
        mine = labels[near] == own[0]
        assert mine.sum() == (labels == own[0]).sum()
        assert np.array_equal(part.picture.ink[mine], work.ink[near][mine])
        assert (part.picture.ink[~mine] < 128).all()
        x, y = np.flatnonzero((labels == own[0]).any(0)), np.flatnonzero((labels == own[0]).any(1))
        assert part.box.tolist() == [x[0], y[0], x[-1] + 1, y[-1] + 1]
    assert np.array_equal(seen, ridge)
    assert len(parts) == len(np.unique(labels[ridge]))
