"""Gestures as the arrays of networks and pens, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.gesture import Gesture, arrays_of, gestures_of


def gesture(seed: int, points: int) -> Gesture:
    rng = np.random.default_rng(seed)
    return Gesture.from_positions(rng.random((points, 2)), rng.random(points), rng.random(points))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_shorter_gestures_rest_at_their_last_point(lengths: list[int]) -> None:
    gestures = [gesture(k, n) for k, n in enumerate(lengths)]
    start, steps = arrays_of(gestures)
    assert steps.shape == (len(lengths), max(lengths), 4)
    for n, before, after in zip(lengths, gestures, gestures_of(start, steps), strict=True):
        np.testing.assert_allclose(after.positions[:n], before.positions, atol=1e-5)
        np.testing.assert_allclose(
            after.positions[n:], np.tile(before.positions[-1], (max(lengths) - n, 1)), atol=1e-5
        )
        np.testing.assert_allclose(after.size[:n], before.size, atol=1e-6)
        assert after.lifts == before.lifts


def test_no_gestures() -> None:
    start, steps = arrays_of([])
    assert start.shape == (0, 2)
    assert steps.shape == (0, 0, 4)
    assert gestures_of(start, steps) == []
