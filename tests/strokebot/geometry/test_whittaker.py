"""The calm course is the minimum of its own definition, and leaves straight courses alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot.geometry.whittaker import whittaker_smooth


@given(seed=st.integers(0, 10_000), count=st.integers(3, 40), length=st.floats(0.1, 12.0))
def test_it_is_the_least_of_all_courses(seed: int, count: int, length: float) -> None:
    """Against the dense normal equations of the same sum."""
    values = np.random.default_rng(seed).normal(size=(count, 2))
    second = np.diff(np.eye(count), n=2, axis=0)
    dense = np.linalg.solve(np.eye(count) + length**4 * second.T @ second, values)
    assert whittaker_smooth(np.arange(count, dtype=float), values, length) == pytest.approx(dense, abs=1e-7)


@given(slope=st.floats(-3.0, 3.0), length=st.floats(0.0, 50.0), seed=st.integers(0, 1000))
def test_a_straight_course_stays(slope: float, length: float, seed: int) -> None:
    places = np.concatenate([[0.0], np.cumsum(np.random.default_rng(seed).uniform(0.05, 2.0, 30))])
    line = np.column_stack([2.0 + slope * places, 5.0 - places])
    assert whittaker_smooth(places, line, length) == pytest.approx(line, abs=1e-5)


def test_short_waves_go_and_long_ones_stay() -> None:
    places = np.arange(0.0, 400.0, 0.5)
    for periods, least, most in ((0.5, 0.0, 0.1), (1.0, 0.45, 0.55), (2.0, 0.9, 0.97)):
        wave = np.sin(places / (5.0 * periods))[:, None]
        middle = slice(200, 600)
        kept = np.abs(whittaker_smooth(places, wave, 5.0)[middle]).max()
        assert least <= kept <= most


def test_lines_too_short_to_smooth() -> None:
    for count in (1, 2):
        values = np.ones((count, 2))
        assert np.array_equal(whittaker_smooth(np.arange(count) * 0.4, values, 3.0), values)
