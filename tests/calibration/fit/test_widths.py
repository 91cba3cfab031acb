import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from calibration.fit.widths import isotonic, rising

NUMBERS = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 10)), min_size=1, max_size=25)


def oracle(y, w):
    """The minimax formula: the greatest, over all beginnings, of the least mean over all ends."""
    n = len(y)

    def mean(a, b):
        return np.average(y[a : b + 1], weights=w[a : b + 1])

    return [max(min(mean(a, b) for b in range(k, n)) for a in range(k + 1)) for k in range(n)]


@given(NUMBERS)
def test_pools_agree_with_the_minimax_formula(rows):
    y, w = np.array(rows).T
    np.testing.assert_allclose(isotonic(y, w), oracle(y, w), atol=1e-9)


@given(NUMBERS)
def test_never_falls_and_leaves_rising_values_alone(rows):
    y, w = np.array(rows).T
    fitted = isotonic(y, w)
    assert (np.diff(fitted) >= 0).all()
    np.testing.assert_allclose(isotonic(np.sort(y), w), np.sort(y), atol=1e-12)
    np.testing.assert_allclose(np.average(fitted, weights=w), np.average(y, weights=w), atol=1e-9)


@given(NUMBERS, st.floats(1e-4, 0.5))
def test_a_table_rises_at_each_step(rows, least):
    table = rising([y for y, _ in rows], least)
    assert (np.diff(table) >= least - 1e-9).all()
