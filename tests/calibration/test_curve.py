import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from calibration.curve import MonotoneCurve
from calibration.errors import ProfileError

steps = st.lists(st.floats(0.05, 2.0), min_size=1, max_size=12)


@st.composite
def knots(draw):
    dx = draw(steps)
    dy = draw(st.lists(st.floats(0.05, 2.0), min_size=len(dx), max_size=len(dx)))
    start = draw(st.floats(-5, 5))
    return start + np.cumsum([0.0, *dx]), np.cumsum([0.3, *dy])


@settings(max_examples=30, deadline=None)
@given(knots())
def test_curve_rises_everywhere_and_meets_its_knots(table):
    x, y = table
    curve = MonotoneCurve(x, y)
    dense = np.linspace(x[0], x[-1], 2001)
    assert (np.diff(curve(dense)) >= -1e-12).all()
    np.testing.assert_allclose(curve(x), y, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(knots())
def test_inverse_undoes_the_curve_both_ways(table):
    x, y = table
    curve = MonotoneCurve(x, y)
    values = np.linspace(y[0], y[-1], 301)
    np.testing.assert_allclose(curve(curve.inverse(values)), values, rtol=0, atol=1e-12)
    at = np.linspace(x[0], x[-1], 301)
    np.testing.assert_allclose(curve(curve.inverse(curve(at))), curve(at), rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(knots())
def test_inner_pieces_agree_with_scipys_pchip(table):
    x, y = table
    if len(x) < 5:
        return
    ours, theirs = MonotoneCurve(x, y), PchipInterpolator(x, y)
    at = np.linspace(x[1], x[-2], 200)  # the end slopes differ on purpose
    np.testing.assert_allclose(ours(at), theirs(at), rtol=0, atol=1e-9)


def test_values_beyond_the_knots_are_clamped():
    curve = MonotoneCurve([0, 1, 2], [1, 2, 4])
    np.testing.assert_array_equal(curve([-1, 3]), [1, 4])
    np.testing.assert_allclose(curve.inverse([0, 9]), [0, 2], atol=1e-12)


@pytest.mark.parametrize(
    ("x", "y"), [([0], [0]), ([0, 0], [0, 1]), ([0, 1], [1, 1]), ([0, 1, 2], [0, 1]), ([0, np.nan], [0, 1])]
)
def test_knots_that_do_not_rise_are_refused(x, y):
    with pytest.raises(ProfileError):
        MonotoneCurve(x, y)
