from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.raster import draw_ink
from strokebot.training.batch_raster import draw_batch


@given(st.integers(0, 10**6), st.integers(1, 7), st.sampled_from([0.0, 0.3, 1.0, 4.0]))
@settings(deadline=None, max_examples=25)
def test_agrees_with_the_single_rasteriser(seed: int, n: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    # Walks that stand still, overlap, leave the picture, and change width faster than they move.
    xy = rng.uniform(-3, 31, (5, 1, 2)) + np.cumsum(rng.normal(0, step, (5, n, 2)), axis=1)
    width = rng.uniform(0, 6, (5, n)) * (rng.random((5, n)) < 0.9)
    ink = rng.random((5, n))
    down = rng.random((5, n)) < 0.8
    drawn = draw_batch(xy, width, ink, down, 28)
    for k in range(5):
        oracle = draw_ink(xy[k], width[k], ink[k], down[k], (28, 28))
        assert np.abs(drawn[k] - oracle).max() < 1e-5


def test_more_pictures_than_fit_in_one_go() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 8, (300, 3, 2))
    drawn = draw_batch(xy, np.full((300, 3), 1.5), np.ones((300, 3)), np.ones((300, 3), bool), 8)
    for k in (0, 255, 256, 299):
        oracle = draw_ink(xy[k], np.full(3, 1.5), np.ones(3), np.ones(3, bool), (8, 8))
        assert np.abs(drawn[k] - oracle).max() < 1e-5
    assert draw_batch(xy[:0], np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3), bool), 8).shape == (
        0,
        8,
        8,
    )
