import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import lil_matrix

from strokebot.errors import TrajectoryError
from strokebot.trajectory.timing.topp import _recursion, fastest_speeds, travel_times


def best_by_linear_programming(step, start, end, limit, cap):
    """The same problem for a general solver: the greatest sum of x under all rows."""
    n, rows = limit.shape
    matrix = lil_matrix((4 * n * rows, n + 1))
    right = []
    k = 0
    for i in range(n):
        for j in range(rows):
            for (c, d), at in ((start, i), (end, i + 1)):
                for sign in (1.0, -1.0):
                    matrix[k, i] += -sign * c[i, j] / (2 * step[i])
                    matrix[k, i + 1] += sign * c[i, j] / (2 * step[i])
                    matrix[k, at] += sign * d[i, j]
                    right.append(limit[i, j])
                    k += 1
    bounds = [(0.0, c) for c in cap]
    found = linprog(-np.ones(n + 1), A_ub=matrix.tocsr(), b_ub=right, bounds=bounds, method="highs")
    assert found.status == 0
    return found.x


def curve_rows(s, radius, wave):
    """Rows of the two axes along a smooth curve with unit speed."""
    angle = s / radius + wave * np.sin(2 * s)
    turn = 1 / radius + 2 * wave * np.cos(2 * s)
    c = np.column_stack([np.cos(angle), np.sin(angle)])
    d = np.column_stack([-np.sin(angle) * turn, np.cos(angle) * turn])
    return c, d


def fastest(step, start, end, limit, cap):
    """With rows (n, J), as they are easiest to write down here."""
    return fastest_speeds(step, tuple(a.T for a in start), tuple(a.T for a in end), limit.T, cap)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(25, 60),
    st.floats(0.3, 20),
    st.floats(0, 0.5),
    st.floats(1, 40),
    st.floats(10, 1e4),
    st.floats(10, 1e4),
    st.integers(0, 2**32 - 1),
)
def test_passes_find_what_linear_programming_finds(n, radius, wave, top, ax, ay, seed):
    rng = np.random.default_rng(seed)
    # A fine grid, as the caller's: a tenth of a radian at most.
    step = rng.uniform(0.5, 1.0, n) * 0.1 * min(radius, 1 / (1 / radius + 2 * wave))
    s = np.concatenate([[0.0], np.cumsum(step)])
    c, d = curve_rows(s, radius, wave)
    start, end = (c[:-1], d[:-1]), (c[1:], d[1:])
    limit = np.tile([ax, ay], (n, 1))
    cap = np.full(n + 1, top**2)
    cap[[0, -1]] = 0.0
    ours = fastest(step, start, end, limit, cap)
    best = best_by_linear_programming(step, start, end, limit, cap)
    t_ours, t_best = travel_times(step, ours).sum(), travel_times(step, np.maximum(best, 0)).sum()
    assert abs(t_ours / t_best - 1) < 0.01
    # And no row is broken at either end of any interval.
    u = (np.diff(ours) / (2 * step))[:, None]
    for (cc, dd), x in ((start, ours[:-1]), (end, ours[1:])):
        assert (np.abs(cc * u + dd * x[:, None]) <= limit * (1 + 1e-6)).all()
    assert (ours <= cap * (1 + 1e-9) + 1e-12).all()


def test_a_straight_line_takes_the_time_of_a_trapezoid():
    n, length, speed, acceleration = 4000, 100.0, 50.0, 1000.0
    step = np.full(n, length / n)
    one, none = np.ones((n, 1)), np.zeros((n, 1))
    cap = np.full(n + 1, speed**2)
    cap[[0, -1]] = 0.0
    x = fastest(step, (one, none), (one, none), np.full((n, 1), acceleration), cap)
    assert travel_times(step, x).sum() == pytest.approx(length / speed + speed / acceleration, rel=1e-4)


def test_rests_inside_the_path_are_kept():
    n = 200
    one, none = np.ones((n, 1)), np.zeros((n, 1))
    cap = np.full(n + 1, np.inf)
    cap[[0, 100, -1]] = 0.0
    x = fastest(np.full(n, 0.1), (one, none), (one, none), np.full((n, 1), 10.0), cap)
    assert x[100] == 0
    assert travel_times(np.full(n, 0.1), x).sum() == pytest.approx(4 * np.sqrt(10 / 10), rel=1e-3)


def test_a_row_without_its_own_axis_limits_the_speed_alone():
    n = 50
    one, none = np.ones((n, 2)), np.zeros((n, 2))
    c, d = one.copy(), none.copy()
    c[:, 1], d[:, 1] = 0.0, 2.0  # |2 x| <= 8
    cap = np.full(n + 1, np.inf)
    cap[[0, -1]] = 0
    x = fastest(np.full(n, 1.0), (c, d), (c, d), np.tile([1.0, 8.0], (n, 1)), cap)
    assert x.max() == pytest.approx(4.0)


@pytest.mark.parametrize("what", ["step", "limit", "cap"])
def test_values_without_meaning_are_refused(what):
    values = {"step": np.ones(2), "limit": np.ones((2, 1)), "cap": np.array([0.0, 1.0, 0.0])}
    values[what] = -values[what]
    if what == "cap":
        values["cap"][1] = -1.0
    rows = (np.ones((2, 1)), np.zeros((2, 1)))
    with pytest.raises(TrajectoryError, match="cannot be timed"):
        fastest(values["step"], rows, rows, values["limit"], values["cap"])


def test_standing_still_is_no_motion():
    with pytest.raises(TrajectoryError, match="no speed"):
        travel_times(np.ones(2), np.zeros(3))


def recursion_one_by_one(factor, offset, bound):
    """What ``_recursion`` does, as the plain loop."""
    y = [float(bound[0])]
    for i in range(factor.shape[1]):
        y.append(max(0.0, min(float(bound[i + 1]), *(offset[:, i] + factor[:, i] * y[-1]).tolist())))
    return np.array(y)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 5), st.floats(0.001, 1), st.integers(0, 2**32 - 1))
def test_ramps_side_by_side_are_the_plain_loop_to_the_bit(n, rows, slack, seed):
    rng = np.random.default_rng(seed)
    factor = rng.uniform(-0.2, 1.05, (rows, n))
    offset = rng.uniform(0, slack, (rows, n))
    bound = rng.uniform(0, 30, n + 1) * rng.choice([0.0, 1.0, np.inf], n + 1, p=[0.02, 0.9, 0.08])
    bound[np.isnan(bound)] = 0.0
    bound[0] = 3.0
    np.testing.assert_array_equal(
        _recursion(factor, offset, bound), recursion_one_by_one(factor, offset, bound)
    )


def test_one_ramp_over_a_long_path_is_the_plain_loop_to_the_bit():
    n = 5000
    bound = np.full(n + 1, 1e9)
    bound[0] = 0.0
    factor, offset = np.ones((1, n)), np.random.default_rng(1).uniform(0, 1, (1, n))
    np.testing.assert_array_equal(
        _recursion(factor, offset, bound), recursion_one_by_one(factor, offset, bound)
    )
