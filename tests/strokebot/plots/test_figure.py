"""Ticks, numbers and notes: round, told apart, apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot.plots.figure import apart, numbers, round_numbers

VALUES = st.floats(-1e5, 1e5).filter(lambda value: value == 0 or abs(value) > 1e-3)


@given(VALUES, st.floats(1e-2, 1e5), st.integers(1, 8))
def test_ticks_are_round_equally_spaced_within_the_range_and_two_at_least(low, span, most):
    high = low + span
    ticks = np.array(round_numbers(low, high, most))
    assert 2 <= len(ticks) <= max(most + 1, 3) + (most < 3)
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    slack = 1e-4 * steps[0]
    assert ticks[0] >= low - slack
    assert ticks[-1] <= high + slack
    lead = steps[0] / 10 ** np.floor(np.log10(steps[0] * (1 + 1e-9)))
    assert min(abs(lead - base) for base in (1.0, 2.0, 2.5, 5.0)) < 1e-4


@given(VALUES, st.floats(1e-2, 1e5), st.integers(1, 8))
def test_numbers_say_what_the_ticks_are(low, span, most):
    ticks = round_numbers(low, low + span, most)
    texts = numbers(ticks)
    assert len(set(texts)) == len(ticks)
    assert [float(text) for text in texts] == pytest.approx(ticks, abs=1e-2 * (ticks[1] - ticks[0]))
    assert "-0" not in texts


@given(st.lists(st.floats(0, 1), max_size=5).map(sorted))
def test_notes_are_kept_apart_below_the_top(heights):
    placed = apart(heights, 0.18)
    assert (np.diff(placed) >= 0.18 - 1e-9).all()
    assert all(height <= max(1.0, *heights, 0.0) + 1e-9 for height in placed)
    if (np.diff(heights) >= 0.18).all():
        assert placed == heights


def test_an_axis_without_length_has_one_tick():
    assert round_numbers(2.0, 2.0, 5) == (2.0,)
    assert numbers((2.0,)) == ["2"]
