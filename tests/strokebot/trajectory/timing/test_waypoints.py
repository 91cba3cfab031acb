import numpy as np
from hypothesis import given, settings

from strokebot.trajectory.path.path import LEAST_STEP_MM
from strokebot.trajectory.timing.waypoints import Stop, StopKind, chain_of
from tests.support.trajectory_shapes import path_of, scribbles, spiral

LOWER, DOT, LIFT = StopKind.LOWER, StopKind.DOT, StopKind.LIFT


@settings(max_examples=50, deadline=None)
@given(scribbles())
def test_the_pen_is_lowered_before_each_stroke_and_lifted_after_it(path):
    chain = chain_of(path)
    n = len(chain.xy_mm)
    assert len(chain.drawn) == n - 1
    assert (np.linalg.norm(np.diff(chain.xy_mm, axis=0), axis=1) >= LEAST_STEP_MM).all()
    np.testing.assert_allclose(chain.xy_mm[0], path.xy_mm[0])
    np.testing.assert_allclose(chain.xy_mm[-1], path.xy_mm[-1], atol=LEAST_STEP_MM)
    down, at = False, 0
    for point, kind in chain.stops:
        assert (chain.drawn[at:point] == down).all()
        assert chain.corner[point]
        assert down is (kind is not LOWER)
        down, at = kind is not LIFT, point
    assert not down
    assert not chain.drawn[at:].any()


def test_repeated_points_vanish_and_a_travel_of_no_length_is_no_lift():
    xy = [[0, 0], [0, 0], [5, 0], [5, 0], [5, 0], [9, 0]]
    chain = chain_of(path_of(xy, down=[1, 1, 1, 0, 1, 1]))
    np.testing.assert_allclose(chain.xy_mm, [[0, 0], [5, 0], [9, 0]])
    assert chain.stops == (Stop(0, LOWER), Stop(2, LIFT))
    np.testing.assert_array_equal(chain.corner, [True, False, True])


def test_dots_stay_dots():
    chain = chain_of(path_of([[1, 1]]))
    assert chain.stops == (Stop(0, LOWER), Stop(0, DOT), Stop(0, LIFT))
    chain = chain_of(path_of([[1, 1], [1, 1], [4, 1], [4, 1], [9, 1]], down=[1, 1, 0, 1, 0]))
    assert chain.stops == (
        *(Stop(0, kind) for kind in (LOWER, DOT, LIFT)),
        *(Stop(1, kind) for kind in (LOWER, DOT, LIFT)),
    )
    assert not chain.drawn.any()


def test_corners_are_where_the_tangent_jumps_or_a_curve_would_leave_the_chords():
    assert not chain_of(path_of(spiral())).corner[1:-1].any()
    square = chain_of(path_of([[0, 0], [9, 0], [9, 9], [0, 9]]))
    assert square.corner.all()
    # A small turn between long chords is a corner, between short ones it is a curve.
    bend = np.array([[0, 0], [10, 0], [20, 1.0]])
    assert chain_of(path_of(bend)).corner[1]
    assert not chain_of(path_of(0.1 * bend)).corner[1]
