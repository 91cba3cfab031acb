import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import TrajectoryError
from strokebot.geometry.polyline import arc_length, turning_angles
from strokebot.trajectory.path.smooth import PRESSURE_WINDOW_MM, smooth, smooth_and_report
from strokebot.trajectory.timing.waypoints import chain_of
from tests.support.trajectory_shapes import cursive, distance_to_polyline, path_of, scribbles, spiral


def drawn_lines(path):
    return [path.xy_mm[run.start : run.stop + 1] for run in path.runs() if run.down]


@settings(max_examples=40, deadline=None)
@given(scribbles(most_points=9), st.sampled_from([0.02, 0.1, 0.5]))
def test_the_tolerance_holds_both_ways_against_the_input(path, tolerance):
    result = smooth_and_report(path, tolerance)
    before, after = drawn_lines(path), drawn_lines(result.path)
    # Runs without length may vanish into each other; the drawn ones keep their order.
    assert len(before) == len(after)
    worst = 0.0
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(b[[0, -1]], a[[0, -1]], atol=1e-9)
        worst = max(worst, distance_to_polyline(a, b), distance_to_polyline(b[::3], a))
    assert worst <= tolerance + 1e-9
    assert worst <= result.deviation_mm + 1e-9
    assert result.deviation_mm <= tolerance + 1e-9


@settings(max_examples=30, deadline=None)
@given(scribbles())
def test_width_and_ink_stay_within_those_of_the_input(path):
    result = smooth(path, 0.1)
    for name in ("width_mm", "intensity"):
        before, after = getattr(path, name), getattr(result, name)
        assert after.min() >= before.min() - 1e-9
        assert after.max() <= before.max() + 1e-9


def test_travel_becomes_straight_and_keeps_its_ends():
    line = cursive(200)
    down = np.zeros(200, dtype=bool)
    down[:60] = down[140:] = True
    result = smooth(path_of(line, down=down), 0.05)
    travel = [run for run in result.runs() if not run.down]
    assert [run.stop - run.start for run in travel] == [1]
    np.testing.assert_allclose(result.xy_mm[[travel[0].start, travel[0].stop]], line[[59, 139]])


@pytest.mark.parametrize("jitter", [0.0, 0.02])
def test_jitter_goes_and_nothing_is_left_that_stops_the_pen(jitter):
    truth = spiral(2500)
    noisy = truth + np.random.default_rng(1).normal(0, jitter, truth.shape)
    result = smooth_and_report(path_of(noisy), 0.08)
    assert result.corners == result.rough_pieces == 0
    assert distance_to_polyline(truth[::9], result.path.xy_mm) < max(0.6 * 0.02, 0.002) * 3
    assert not chain_of(result.path).corner[1:-1].any()
    assert turning_angles(result.path.xy_mm).max() < 0.2


def test_a_pixel_stair_is_no_row_of_corners():
    angle = np.linspace(0, 2 * np.pi, 5000)
    pixel = 0.4
    stair = np.round((40 + 20 * np.column_stack([np.cos(angle), np.sin(angle)])) / pixel) * pixel
    stair = stair[np.r_[True, np.abs(np.diff(stair, axis=0)).sum(axis=1) > 0]]
    result = smooth_and_report(path_of(stair), 0.6 * pixel)
    assert result.corners == 0
    radius = np.linalg.norm(result.path.xy_mm - 40, axis=1)
    assert np.abs(radius - 20).max() < 0.6 * pixel + 0.5 * pixel


@settings(max_examples=40, deadline=None)
@given(st.floats(70, 180), st.floats(0, 360), st.integers(1, 30))
def test_corners_over_sixty_degrees_stay_exactly(turn, heading, points):
    first, second = np.radians([heading, heading + turn])
    arms = np.linspace(0, 8, points + 1)[1:, None]
    tip = np.array([50.0, 50.0])
    one = tip - arms[::-1] * [np.cos(first), np.sin(first)]
    two = tip + arms * [np.cos(second), np.sin(second)]
    result = smooth_and_report(path_of(np.concatenate([one, [tip], two])), 0.05)
    assert result.corners == 1
    assert np.abs(result.path.xy_mm - tip).sum(axis=1).min() < 1e-9


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 5.0), st.integers(40, 400))
def test_round_loops_have_no_corners(radius, points):
    angle = np.linspace(0, 2 * np.pi, points)
    loop = 20 + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    result = smooth_and_report(path_of(loop), 0.05)
    assert result.corners == 0
    assert not chain_of(result.path).corner[1:-1].any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_width_is_the_mean_over_its_window(seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([[0], np.cumsum(rng.uniform(0.05, 0.8, 30))])
    width = rng.uniform(0.3, 1.2, 31)
    result = smooth(path_of(np.column_stack([x, np.zeros(31)]), width=width), 0.05)
    fine = np.linspace(0, x[-1], 200001)
    running = np.concatenate([[0], np.cumsum(np.interp(fine, x, width)[:-1] * np.diff(fine))])
    at = result.xy_mm[1:-1, 0]
    half = np.minimum(PRESSURE_WINDOW_MM / 2, np.minimum(at, x[-1] - at))
    mean = (np.interp(at + half, fine, running) - np.interp(at - half, fine, running)) / (2 * half)
    np.testing.assert_allclose(result.width_mm[1:-1], mean, atol=2e-3)
    np.testing.assert_allclose(result.width_mm[[0, -1]], width[[0, -1]], atol=1e-9)


def test_points_lie_so_dense_that_the_next_stage_sees_one_curve():
    result = smooth(path_of(cursive(240)), 0.05)
    step = np.diff(arc_length(result.xy_mm))
    assert step.max() < 0.21
    turns = turning_angles(result.xy_mm)
    assert (turns * np.maximum(step[1:], step[:-1]) / 8).max() < 0.02


def test_small_inputs():
    assert len(smooth(path_of([[3, 4]]))) == 1
    two = smooth(path_of([[0, 0], [1, 0]], width=[0.3, 0.9]))
    np.testing.assert_allclose(two.xy_mm[[0, -1]], [[0, 0], [1, 0]])
    np.testing.assert_allclose(two.width_mm[[0, -1]], [0.3, 0.9])
    same = smooth(path_of([[2, 2], [2, 2], [2, 2]]))
    np.testing.assert_allclose(same.xy_mm, [[2, 2], [2, 2]])
    dots = smooth(path_of([[0, 0], [0, 0], [5, 5], [5, 5]], down=[1, 1, 0, 1]))
    assert [run.down for run in dots.runs()] == [True, False, True]


@pytest.mark.slow
def test_a_hundred_thousand_points():
    truth = spiral(100_000, turns=20, centre=(150, 150), size=100)
    noisy = truth + np.random.default_rng(2).normal(0, 0.01, truth.shape)
    result = smooth_and_report(path_of(noisy), 0.05)
    assert result.deviation_mm <= 0.05
    assert result.corners == 0


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1e-6, 99.0, float("nan")])
def test_a_tolerance_out_of_bounds_is_refused(tolerance):
    with pytest.raises(TrajectoryError, match="tolerance"):
        smooth(path_of([[0, 0], [1, 0]]), tolerance)
