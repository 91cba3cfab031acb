from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from calibration.profile import Paper, Profile
from firmware_bridge.machine import kinematics_of
from strokebot.errors import TrajectoryError
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.plan import plan_motion
from strokebot.trajectory.timing.pressure import pen_move_time_s, pen_values
from strokebot.trajectory.timing.waypoints import chain_of
from tests.support import motion_rivals, motion_shapes
from tests.support.motion_check import violation
from tests.support.trajectory_shapes import cursive, path_of, scribbles, spiral

PROFILE = Profile.load("grbl-z")
SHARES = np.linspace(0, 1, 23)
# Anything that a plan may exceed a limit by: one hundredth.
LIMIT = 1.01
# A path that is all travel may be nothing at all.
strokes = scribbles().filter(lambda path: path.pen_down.any())


def with_limits(
    speed=(120, 120), acceleration=(1000, 1000), pen=(25.0, 500.0), draw=50.0, path=None, turn=0.0
):
    machine = replace(
        PROFILE.machine,
        max_speed_mm_s=speed,
        max_acceleration_mm_s2=acceleration,
        pen_max_speed=pen[0],
        pen_max_acceleration=pen[1],
    )
    return Profile(
        machine,
        replace(PROFILE.pen, draw_speed_mm_s=draw, draw_acceleration_mm_s2=path),
        Paper((297, 420), (5, 7), turn),
    )


profiles = st.builds(
    with_limits,
    speed=st.tuples(st.floats(20, 200), st.floats(20, 200)),
    acceleration=st.tuples(st.floats(100, 5000), st.floats(100, 5000)),
    pen=st.tuples(st.floats(3, 60), st.floats(50, 3000)),
    draw=st.floats(5, 150),
    path=st.one_of(st.none(), st.floats(100, 3000)),
    turn=st.floats(-90, 90),
)


def check_motion(path, profile):
    """The exact motion against every limit, densely between all grid places."""
    chain = chain_of(path)
    if len(chain.xy_mm) < 2:
        return
    motion = plan_motion(chain, profile)
    machine, pen = profile.machine, profile.pen
    n = len(motion.step)
    interval = np.repeat(np.arange(n), len(SHARES))
    share = np.tile(SHARES, n)
    curve = motion.at(interval, share)
    x = motion.x[interval] + share * np.diff(motion.x)[interval]
    u = (np.diff(motion.x) / (2 * motion.step))[interval]
    drawn = motion.drawn[interval]
    velocity = curve.first * np.sqrt(x)[:, None]
    acceleration = curve.first * u[:, None] + curve.second * x[:, None]
    axes = np.abs(acceleration[:, :2]) / machine.max_acceleration_mm_s2
    assert axes.max() <= LIMIT
    assert (np.abs(velocity[:, :2]) / machine.max_speed_mm_s).max() <= LIMIT
    if machine.joint_max_acceleration is not None:
        check_joints(motion, machine)
    if drawn.any():
        assert np.abs(acceleration[drawn, 2]).max() <= LIMIT * machine.pen_max_acceleration
        assert np.abs(velocity[drawn, 2]).max() <= LIMIT * machine.pen_max_speed
        assert np.linalg.norm(velocity[drawn, :2], axis=1).max() <= LIMIT * pen.draw_speed_mm_s
        if pen.draw_acceleration_mm_s2 is not None:
            length = np.linalg.norm(acceleration[drawn, :2], axis=1)
            assert length.max() <= LIMIT * pen.draw_acceleration_mm_s2
    # At rest at both ends and at every stop, and elsewhere at corners alone.
    begins = motion.share[:, 0] == 0
    stop = np.zeros(len(chain.xy_mm), dtype=bool)
    stop[[stop.point for stop in chain.stops]] = True
    assert (motion.x[:-1][begins & stop[motion.segment]] == 0).all()
    assert motion.x[0] == motion.x[-1] == 0
    assert (motion.x[:-1][~(begins & chain.corner[motion.segment])] > 0).all()


def check_joints(motion, machine):
    """The joints by inverse kinematics of dense moments, their rates by differences: no Jacobian in it."""
    n, parts = len(motion.step), 12
    interval = np.repeat(np.arange(n), parts)
    middle = (np.tile(np.arange(parts), n) + 0.5) / parts
    v0, v1 = np.sqrt(motion.x[:-1])[interval], np.sqrt(motion.x[1:])[interval]
    duration = motion.duration[interval]
    kinematics = kinematics_of(machine)
    h = np.minimum(1e-4, 0.4 * duration / parts)  # s

    def joints(moment):
        passed = middle * duration + moment
        way = v0 * passed + 0.5 * (v1 - v0) / duration * passed**2
        return kinematics.inverse(motion.at(interval, way / motion.step[interval]).position[:, :2])

    before, here, after = joints(-h), joints(0 * h), joints(h)
    speed = np.abs(after - before) / (2 * h)[:, None] / machine.joint_max_speed
    acceleration = np.abs(after - 2 * here + before) / (h**2)[:, None] / machine.joint_max_acceleration
    assert speed.max() <= LIMIT
    # Differences of angles over very short times have no digits left.
    assert acceleration[h > 2e-5].max(initial=0) <= LIMIT


ARM = Profile.load("scara")
arms = st.builds(
    lambda speed, acceleration, turn: replace(
        ARM,
        machine=replace(
            ARM.machine, raw_joints=False, joint_max_speed=speed, joint_max_acceleration=acceleration
        ),
        paper=replace(ARM.paper, rotation_deg=turn),
    ),
    st.tuples(st.floats(5, 100), st.floats(5, 100)),
    st.tuples(st.floats(50, 2000), st.floats(50, 2000)),
    st.floats(-10, 10),
)


@settings(max_examples=40, deadline=None)
@given(scribbles(most_points=10), arms, st.booleans())
def test_no_joint_of_an_arm_exceeds_its_limits_anywhere(path, profile, smoothed):
    check_motion(smooth(path, 0.1) if smoothed else path, profile)


def test_weak_joints_slow_an_arm_down_and_strong_ones_do_not():
    path = smooth(path_of(cursive(600, loops=6)))
    free = replace(
        ARM, machine=replace(ARM.machine, raw_joints=False, joint_max_speed=None, joint_max_acceleration=None)
    )
    unlimited = parametrise(path, free).duration_s

    def with_joints(speed, acceleration):
        machine = replace(free.machine, joint_max_speed=speed, joint_max_acceleration=acceleration)
        return parametrise(path, replace(ARM, machine=machine)).duration_s

    assert with_joints((5000, 5000), (1e5, 1e5)) == pytest.approx(unlimited, rel=1e-6)
    assert with_joints((10, 10), (1e5, 1e5)) > 1.3 * unlimited
    assert with_joints((5000, 5000), (60, 60)) > 1.3 * unlimited


@settings(max_examples=40, deadline=None)
@given(scribbles(most_points=10), profiles)
def test_no_limit_is_exceeded_anywhere_on_smoothed_scribbles(path, profile):
    check_motion(smooth(path, 0.1), profile)


def test_axes_of_very_different_reserves_get_a_grid_that_is_fine_enough():
    # Found by the test above: with a grid made for the line alone the pen came to a stand
    # in the middle of the first path, and the pen axis exceeded its limits on the second.
    xy = [
        [19.26, 5.5],
        [6.24, 29.5],
        [16.65, 30.16],
        [19.26, 5.9],
        [27.65, 15.33],
        [24.45, 35],
        [15, 5],
        [13, 25],
    ]
    width = [0.0, 0.45, 1.76, 0.0, 1.8, 1.92, 0.84, 0.83]
    ink = [1.0, 0.3, 0.52, 0.94, 0.98, 1.0, 0.75, 1.0]
    uneven = with_limits((60, 20), (100, 2594), (60.0, 2594.0), 60.0, turn=41.9)
    check_motion(smooth(path_of(xy, width=width, intensity=ink), 0.1), uneven)
    xy = [[5.74, 28.35], [18.17, 5.05], [5.74, 28.35], [5.0, 7.51]]
    weak = with_limits((114, 36), (101, 1916), (14.0, 60.0), 30.7, 2911.0)
    check_motion(
        smooth(path_of(xy, width=[1.14, 0.47, 0.25, 1.73], intensity=[0.3, 0.47, 0.3, 0.3]), 0.1), weak
    )


@settings(max_examples=20, deadline=None)
@given(scribbles(most_points=10), profiles)
def test_no_limit_is_exceeded_anywhere_on_raw_scribbles(path, profile):
    check_motion(path, profile)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.3, 6), st.floats(0, 1), st.integers(1, 40), profiles)
def test_no_limit_is_exceeded_on_curves_with_changing_pressure(size, depth, waves, profile):
    xy = cursive(900, size=size)
    width = 0.75 + 0.45 * depth * np.sin(np.linspace(0, 2 * np.pi * waves, len(xy)))
    check_motion(smooth(path_of(xy, width=width), 0.02), profile)


@settings(max_examples=25, deadline=None)
@given(strokes, st.booleans())
def test_a_trajectory_begins_and_ends_at_rest_and_goes_where_the_path_goes(path, smoothed):
    path = smooth(path, 0.1) if smoothed else path
    trajectory = parametrise(path, PROFILE)
    chain = chain_of(path)
    assert (np.diff(trajectory.t_s) > 0).all()
    assert trajectory.t_s[0] == 0
    np.testing.assert_array_equal(trajectory.xy_mm[[0, -1]], chain.xy_mm[[0, -1]])
    # Every stop and every smooth point is met exactly, a corner within the junction deviation.
    where = {tuple(p) for p in trajectory.xy_mm.tolist()}
    stops = [stop.point for stop in chain.stops]
    assert {tuple(p) for p in chain.xy_mm[stops].tolist()} <= where
    assert {tuple(p) for p in chain.xy_mm[~chain.corner].tolist()} <= where
    fine = trajectory.at(np.arange(0, trajectory.duration_s + 2e-4, 2e-4))
    spacing = np.linalg.norm(np.diff(fine, axis=0), axis=1).max()
    away = cKDTree(fine).query(chain.xy_mm[chain.corner])[0].max()
    assert away <= PROFILE.machine.junction_deviation_mm + spacing / 2
    speed = np.linalg.norm(trajectory.at(trajectory.t_s[[0, -1]], 1), axis=1)
    assert speed.max() < 1e-3 + 1000 * 0.004
    # The trivial bound: every length at its greatest speed, every lift at its own time.
    lift_s = pen_move_time_s(PROFILE.pen.up - PROFILE.pen.touch, PROFILE)
    bound = trajectory.drawn_mm / 50.0 + trajectory.travel_mm / (120 * np.sqrt(2))
    strokes = sum(run.down for run in path.runs()) if len(chain.stops) else 0
    assert trajectory.duration_s >= bound + (2 * lift_s if strokes else 0.0) - 1e-9


@settings(max_examples=30, deadline=None)
@given(strokes, profiles, st.booleans())
def test_difference_quotients_of_the_samples_hold_the_limits_too(path, profile, smoothed):
    trajectory = parametrise(smooth(path, 0.1) if smoothed else path, profile)
    machine, pen = profile.machine, profile.pen
    t_s, places = trajectory.t_s, profile.to_machine(trajectory.xy_mm)
    velocity = np.diff(places, axis=0) / np.diff(t_s)[:, None]
    quotient = np.diff(velocity, axis=0) / (0.5 * (t_s[2:] - t_s[:-2]))[:, None]
    assert (np.abs(quotient) / machine.max_acceleration_mm_s2).max(initial=0) <= LIMIT
    assert (np.abs(velocity) / machine.max_speed_mm_s).max() <= LIMIT
    drawn = trajectory.pen_down[1:]
    assert np.linalg.norm(velocity[drawn], axis=1).max(initial=0) <= LIMIT * pen.draw_speed_mm_s
    if pen.draw_acceleration_mm_s2 is not None:
        inside = drawn[1:] & drawn[:-1]
        length = np.linalg.norm(quotient[inside], axis=1)
        assert length.max(initial=0) <= LIMIT * pen.draw_acceleration_mm_s2


@settings(max_examples=30, deadline=None)
@given(strokes, profiles, st.booleans())
def test_speed_and_acceleration_at_any_moment_are_those_of_the_planned_motion(path, profile, smoothed):
    path = smooth(path, 0.1) if smoothed else path
    trajectory = parametrise(path, profile)
    machine = profile.machine
    turn = profile.to_machine(np.eye(2)) - profile.to_machine(np.zeros((2, 2)))
    step = np.diff(trajectory.t_s)
    inside = (trajectory.t_s[:-1] + step * np.array([[0.0], [0.3], [0.5], [0.9]])).ravel()
    for order, limit in ((1, machine.max_speed_mm_s), (2, machine.max_acceleration_mm_s2)):
        assert (np.abs(trajectory.at(inside, order) @ turn) / limit).max() <= LIMIT
    # The exact motion, evaluated from its spline, at the moments of its grid.
    chain = chain_of(path)
    if len(chain.xy_mm) < 2:
        return
    motion = plan_motion(chain, profile)
    at = np.flatnonzero(motion.turning == 0)
    planned = motion.at(at, np.zeros(len(at))).first[:, :2] * np.sqrt(motion.x[at])[:, None]
    place = profile.from_machine(motion.at(at, np.zeros(len(at))).position[:, :2])
    distance, sample = cKDTree(trajectory.xy_mm).query(place)
    same = (distance < 1e-9) & (np.sqrt(motion.x[at]) > 0)
    lone = np.array([(np.linalg.norm(trajectory.xy_mm - p, axis=1) < 1e-6).sum() == 1 for p in place])
    got = trajectory.at(trajectory.t_s[sample], 1) @ turn
    np.testing.assert_allclose(got[same & lone], planned[same & lone], atol=1e-6)


def test_corners_are_passed_as_fast_as_the_junction_deviation_allows():
    square = path_of([[20, 20], [60, 20], [60, 60], [20, 60]])
    trajectory = parametrise(smooth(square), PROFILE)
    corner = np.array([60.0, 20.0])
    near = np.linalg.norm(trajectory.xy_mm - corner, axis=1).argsort()[:2]
    t = np.linspace(*np.sort(trajectory.t_s[near]), 101)
    closest = np.linalg.norm(trajectory.at(t) - corner, axis=1).min()
    assert 0.001 < closest <= PROFILE.machine.junction_deviation_mm
    # GRBL: v^2 = a delta s / (1 - s) with a = 1000 sqrt 2 along the diagonal; the blend takes half
    # of the acceleration, so its own bound of 8 delta / (u k) is the lower one here.
    speed = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) / np.diff(trajectory.t_s)
    least = speed[near.min() - 2 : near.max() + 2].min()
    assert least < np.sqrt(8 * 0.01 / (np.sqrt(2) / 500)) < least * 1.5
    # A line that turns back on itself comes to rest.
    back = parametrise(smooth(path_of([[20, 20], [60, 20], [30, 20]])), PROFILE)
    assert [60.0, 20.0] in back.xy_mm.tolist()


def test_holds_stand_still_with_the_pen_up_and_last_as_long_as_the_pen_axis_needs():
    xy = [[10, 10], [20, 10], [20, 30], [40, 30]]
    path = path_of(xy, width=[0.3, 1.2, 0.6, 0.6], down=[1, 1, 0, 1])
    trajectory = parametrise(path, PROFILE)
    still = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) == 0
    assert not trajectory.pen_down[1:][still].any()
    reach = 3.0 - PROFILE.pen_value([0.3, 1.2, 0.6, 0.6], np.ones(4), np.ones(4, dtype=bool))
    wanted = sum(pen_move_time_s(float(way), PROFILE, False, k == 3) for k, way in enumerate(reach))
    assert np.diff(trajectory.t_s)[still].sum() == pytest.approx(wanted)


def test_a_straight_stroke_takes_the_time_of_a_trapezoid():
    trajectory = parametrise(smooth(path_of([[10, 10], [110, 10]])), PROFILE)
    value = float(PROFILE.pen_value([0.6], [1.0], [True])[0])
    wanted = 100 / 50 + 50 / 1000 + pen_move_time_s(3.0 - value, PROFILE)
    wanted += pen_move_time_s(3.0 - value, PROFILE, to_rest=True)
    assert trajectory.duration_s == pytest.approx(wanted, rel=2e-3)


def time_by_linear_programming(position, length_mm, profile, n=600):
    """The obvious slow way: rows at the grid places by finite differences, for a general solver.

    ``position`` gives (K, 3) machine x, y and pen value at lengths (K,).
    """
    h = length_mm / n
    s = np.linspace(0, length_mm, n + 1)
    first = (position(s + 1e-4) - position(s - 1e-4)) / 2e-4
    second = (position(s + 1e-3) - 2 * position(s) + position(s - 1e-3)) / 1e-6
    machine = profile.machine
    limit = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])
    speed = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    rows, right = [], []
    for i in range(n):
        for at in (i, i + 1):
            for axis in range(3):
                row = np.zeros(n + 1)
                row[i], row[i + 1] = -first[at, axis] / (2 * h), first[at, axis] / (2 * h)
                row[at] += second[at, axis]
                rows += [row, -row]
                right += [limit[axis], limit[axis]]
    cap = np.minimum((speed / np.maximum(np.abs(first), 1e-9)).min(axis=1), profile.pen.draw_speed_mm_s) ** 2
    cap[[0, -1]] = 0
    found = linprog(
        -np.ones(n + 1), A_ub=csr_matrix(np.array(rows)), b_ub=right, bounds=[(0, c) for c in cap]
    )
    v = np.sqrt(np.maximum(found.x, 0))
    return (2 * h / (v[1:] + v[:-1])).sum()


@pytest.mark.parametrize(
    ("radii", "wave", "draw"), [((6, 6), 0.0, 150.0), ((12, 2), 0.0, 150.0), ((9, 4), 0.25, 60.0)]
)
def test_the_time_is_that_of_a_general_solver_on_the_true_curve(radii, wave, draw):
    profile = with_limits(draw=draw)
    # No controller in the way: the solver knows nothing of line rates.
    profile = replace(profile, machine=replace(profile.machine, line_rate_per_s=1e5, planner_blocks=1000))
    angle = np.linspace(-0.2, 1.9 * np.pi + 0.2, 200_001)
    line = np.column_stack([50 + radii[0] * np.cos(angle), 50 + radii[1] * np.sin(angle)])
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    first, last = np.interp([0.0, 1.9 * np.pi], angle, s)
    width = 0.7 + wave * np.sin(s)

    def position(at):
        here = at + first
        xy = np.column_stack([np.interp(here, s, line[:, k]) for k in (0, 1)])
        pen = profile.pen_value(np.interp(here, s, width), np.ones(len(at)), np.ones(len(at), dtype=bool))
        return np.column_stack([profile.to_machine(xy), pen])

    at = np.linspace(first, last, 2001)
    path = path_of(
        np.column_stack([np.interp(at, s, line[:, k]) for k in (0, 1)]), width=np.interp(at, s, width)
    )
    trajectory = parametrise(path, profile)
    moving = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) > 0
    got = np.diff(trajectory.t_s)[moving].sum()
    assert got == pytest.approx(time_by_linear_programming(position, last - first, profile), rel=0.01)


def test_rotating_the_paper_turns_the_axes_limits(profile):
    slow_x = with_limits(acceleration=(100, 5000), draw=150.0)
    turned = with_limits(acceleration=(100, 5000), draw=150.0, turn=90.0)
    line = smooth(path_of([[50, 50], [100, 50]]))
    assert parametrise(line, slow_x).duration_s > 1.3 * parametrise(line, turned).duration_s


def test_faster_limits_never_take_longer():
    path = smooth(path_of(cursive(), width=0.6 + 0.3 * np.sin(np.linspace(0, 90, 1200))))
    times = [parametrise(path, with_limits(acceleration=(a, a))).duration_s for a in (200, 500, 1000, 3000)]
    assert times == sorted(times, reverse=True)
    assert times[0] > 1.2 * times[-1]


def test_pressure_that_changes_fast_slows_the_pen():
    xy = spiral(2000, size=30)
    steady = parametrise(smooth(path_of(xy)), PROFILE).duration_s
    waves = 0.75 + 0.45 * np.sin(np.linspace(0, 2 * np.pi * 150, 2000))
    assert parametrise(smooth(path_of(xy, width=waves)), PROFILE).duration_s > 1.2 * steady


def test_a_dot_is_one_drawn_moment():
    trajectory = parametrise(path_of([[10, 20]]), PROFILE)
    assert trajectory.pen_down.sum() == 1
    assert trajectory.drawn_mm == 0
    np.testing.assert_array_equal(trajectory.xy_mm, np.tile([10, 20], (len(trajectory), 1)))


def test_nothing_to_do_is_refused():
    with pytest.raises(TrajectoryError, match="neither draws nor moves"):
        parametrise(path_of([[1, 1], [1, 1]], down=False), PROFILE)
    assert parametrise(path_of([[1, 1], [9, 1]], down=False), PROFILE).travel_mm == pytest.approx(8)


def test_samples_carry_width_and_ink_of_their_place():
    path = Path([[10, 10], [30, 10]], [0.4, 1.0], [0.6, 1.0], [True, True])
    trajectory = parametrise(path, PROFILE)
    share = (trajectory.xy_mm[:, 0] - 10) / 20
    np.testing.assert_allclose(trajectory.width_mm, 0.4 + 0.6 * share, atol=1e-6)
    np.testing.assert_allclose(trajectory.intensity, 0.6 + 0.4 * share, atol=1e-6)


@pytest.mark.slow
def test_a_page_of_fifty_thousand_points_keeps_its_limits():
    xy = spiral(50_000, turns=25, centre=(120, 120), size=100)
    width = 0.7 + 0.3 * np.sin(np.linspace(0, 900, len(xy)))
    path = path_of(xy, width=width)
    trajectory = parametrise(path, PROFILE)
    assert np.abs(trajectory.at(trajectory.t_s, 2)).max() <= 1000 * LIMIT
    values = pen_values(
        trajectory.xy_mm, trajectory.width_mm, trajectory.intensity, trajectory.pen_down[1:], PROFILE
    )
    drawn = trajectory.pen_down[1:] & trajectory.pen_down[:-1]
    rate = np.abs(np.diff(values) / np.diff(trajectory.t_s))[drawn]
    assert rate.max() <= 25 * LIMIT


@pytest.mark.parametrize(("waves", "draw"), [(0.0, 150.0), (1.0, 50.0), (3.0, 150.0)])
def test_the_time_is_within_half_a_per_cent_of_an_independent_solver_on_a_fine_grid(waves, draw):
    profile = with_limits(draw=draw)
    profile = replace(profile, machine=replace(profile.machine, line_rate_per_s=1e5, planner_blocks=1000))
    end = 2 * np.pi * 5

    def curve(places):
        return motion_shapes.ellipses(np.linspace(0, end, places), profile, waves)

    exact = curve(20_001).curve(np.linspace(0, end, 20_001))
    machine = profile.machine
    bounds = motion_rivals.Bounds(
        np.array([*machine.max_speed_mm_s, machine.pen_max_speed]),
        np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration]),
        draw,
    )
    best = motion_rivals.duration_s(exact, motion_rivals.copp(exact, bounds))
    trajectory = parametrise(motion_shapes.path_of(curve(1500), profile), profile)
    moving = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) > 0
    assert 0.9995 <= np.diff(trajectory.t_s)[moving].sum() / best <= 1.005


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.booleans(), profiles)
def test_close_moments_of_random_lines_keep_every_limit(seed, points, smoothed, profile):
    path = motion_shapes.random_line(np.random.default_rng(seed), points)
    assert violation(smooth(path, 0.1) if smoothed else path, profile) <= LIMIT


@pytest.mark.parametrize("shape", ["spiral", "handwriting", "star"])
def test_close_moments_of_known_shapes_keep_every_limit(shape):
    path = {
        "spiral": lambda: motion_shapes.spiral(1500, 8.0, (70.0, 70.0), 30.0),
        "handwriting": lambda: motion_shapes.handwriting(1500, 2, 10),
        "star": lambda: motion_shapes.star(1000),
    }[shape]()
    assert violation(smooth(path), PROFILE) <= LIMIT
    assert violation(path, PROFILE) <= LIMIT


@pytest.mark.slow
def test_thousands_of_random_lines_keep_every_limit():
    rng = np.random.default_rng(11)
    for k in range(1500):
        path = motion_shapes.random_line(rng, int(rng.integers(2, 14)))
        speed, acceleration = rng.uniform(20, 200, 2), np.exp(rng.uniform(np.log(100), np.log(5000), 2))
        profile = with_limits(
            speed=tuple(speed),
            acceleration=tuple(acceleration),
            pen=(rng.uniform(3, 60), rng.uniform(50, 3000)),
            draw=rng.uniform(5, 150),
            path=rng.uniform(100, 3000) if k % 2 else None,
            turn=rng.uniform(-90, 90),
        )
        use = violation(smooth(path, 0.1) if k % 3 else path, profile)
        assert use <= LIMIT, f"path {k} uses {use:.4f} of a limit"
