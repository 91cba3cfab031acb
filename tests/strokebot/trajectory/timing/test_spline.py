import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from strokebot.trajectory.timing.spline import PieceSpline


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_each_piece_is_scipys_natural_spline(n, seed):
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.uniform(0.1, 2.0, (n, 3)), axis=0)
    breaks = rng.random(n) < 0.25
    curve = PieceSpline(knots, breaks)
    s = np.concatenate([[0.0], np.cumsum(curve.length)])
    bounds = np.unique([0, *np.flatnonzero(breaks), n - 1])
    for first, last in itertools.pairwise(bounds):
        piece = slice(first, last + 1)
        ends = "natural" if last - first > 1 else ((2, np.zeros(3)), (2, np.zeros(3)))
        theirs = CubicSpline(s[piece], knots[piece], bc_type=ends)
        segment = np.repeat(np.arange(first, last), 5)
        share = np.tile(np.linspace(0, 1, 5), last - first)
        at = s[segment] + share * curve.length[segment]
        ours = curve.at(segment, share)
        np.testing.assert_allclose(ours.position, theirs(at), atol=1e-9)
        np.testing.assert_allclose(ours.first, theirs(at, 1), atol=1e-8)
        np.testing.assert_allclose(ours.second, theirs(at, 2), atol=1e-7)


def test_turns_bound_how_far_the_tangent_turns():
    angle = np.linspace(0, 3, 40)
    curve = PieceSpline(np.column_stack([5 * np.cos(angle), 5 * np.sin(angle)]), np.zeros(40, dtype=bool))
    np.testing.assert_allclose(curve.turns(np.ones(2))[5:-5], np.diff(angle)[5:-5], rtol=0.01)
