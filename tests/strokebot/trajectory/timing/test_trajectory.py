from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import StrokebotError, TrajectoryError
from strokebot.trajectory.timing.trajectory import Trajectory


def trajectory_of(t, xy, down=True):
    n = len(t)
    return Trajectory(t, xy, np.full(n, 0.5), np.ones(n), np.broadcast_to(down, n))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.001, 0.5), min_size=2, max_size=20),
    st.lists(st.floats(-50, 50), min_size=6, max_size=6),
)
def test_a_motion_of_constant_acceleration_is_exact_between_samples(steps, p):
    t = np.cumsum([0.0, *steps])

    def position(at):
        return np.column_stack([p[0] + p[1] * at + p[2] * at**2, p[3] + p[4] * at + p[5] * at**2])

    trajectory = trajectory_of(t, position(t))
    at = np.linspace(0, t[-1], 101)
    np.testing.assert_allclose(trajectory.at(at), position(at), atol=1e-8)
    np.testing.assert_allclose(
        trajectory.at(at, 1), np.column_stack([p[1] + 2 * p[2] * at, p[4] + 2 * p[5] * at]), atol=1e-6
    )
    np.testing.assert_allclose(trajectory.at(at, 2), np.tile([2 * p[2], 2 * p[5]], (101, 1)), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=20))
def test_the_position_meets_the_samples_and_is_continuous(rows):
    table = np.array(rows)
    t = np.cumsum(table[:, 0])
    trajectory = trajectory_of(t, table[:, 1:])
    np.testing.assert_allclose(trajectory.at(t), table[:, 1:], atol=1e-9)
    near = trajectory.at(t[1:-1] - 1e-9) - trajectory.at(t[1:-1] + 1e-9)
    assert np.abs(near).max(initial=0) < 1e-4
    np.testing.assert_allclose(trajectory.at([t[0] - 5, t[-1] + 5]), table[[0, -1], 1:], atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_speed_and_acceleration_are_the_derivatives_of_the_position(seed, known):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.uniform(0.01, 1.0, 8))
    plain = trajectory_of(t, rng.uniform(-9, 9, (8, 2)))
    velocity = rng.uniform(-9, 9, (8, 2)) if known else None
    trajectory = replace(plain, velocity_mm_s=velocity)
    inside = t[:-1] + np.diff(t) * rng.uniform(0.1, 0.9, 7)
    h = 1e-4 * np.diff(t).min()
    before, after = (trajectory.at(inside + shift) for shift in (-h, h))
    np.testing.assert_allclose(trajectory.at(inside, 1), (after - before) / (2 * h), rtol=1e-3, atol=1e-3)
    slope = (trajectory.at(inside + h, 1) - trajectory.at(inside - h, 1)) / (2 * h)
    np.testing.assert_allclose(trajectory.at(inside, 2), slope, rtol=1e-3, atol=1e-2)
    if known:
        np.testing.assert_allclose(trajectory.at(t, 1), velocity, atol=1e-9)


def test_known_velocities_are_kept_in_the_file_and_wrong_ones_named(tmp_path):
    plain = trajectory_of([0, 0.5, 1.5], [[0, 0], [1, 2], [3, 1.0]])
    moving = replace(plain, velocity_mm_s=np.array([[0, 0], [3, 1], [0, 0.0]]))
    moving.save(tmp_path / "a.npz")
    np.testing.assert_array_equal(Trajectory.load(tmp_path / "a.npz").velocity_mm_s, moving.velocity_mm_s)
    plain.save(tmp_path / "b.npz")
    assert Trajectory.load(tmp_path / "b.npz").velocity_mm_s is None
    with pytest.raises(TrajectoryError, match="velocity_mm_s"):
        replace(plain, velocity_mm_s=np.zeros((2, 2)))


def test_lengths_and_duration():
    trajectory = trajectory_of(
        [1, 2, 3, 5.0], [[0, 0], [3, 4], [3, 4], [3, 10.0]], [False, True, False, False]
    )
    assert trajectory.drawn_mm == pytest.approx(5)
    assert trajectory.travel_mm == pytest.approx(6)
    assert trajectory.duration_s == pytest.approx(4)
    assert trajectory.pen_down[0]


def test_files_survive_a_round_trip_and_equal_trajectories_are_equal_bytes(tmp_path):
    trajectory = trajectory_of([0, 0.5, 1.5], [[0, 0], [1, 2], [3, 1.0]], [True, True, False])
    for name in ("a.npz", "b.npz"):
        trajectory.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]
    with np.load(tmp_path / "a.npz") as data:
        assert sorted(data.files) == ["intensity", "pen_down", "t_s", "width_mm", "x_mm", "y_mm"]
        assert data["pen_down"].dtype == np.bool_
    again = Trajectory.load(tmp_path / "a.npz")
    for name in ("t_s", "xy_mm", "width_mm", "intensity", "pen_down"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trajectory, name))


def test_damaged_files_are_one_line_errors(tmp_path):
    good = tmp_path / "good.npz"
    trajectory_of([0, 1.0], [[0, 0], [1, 1.0]]).save(good)
    data = good.read_bytes()
    cases = {"missing": None, "empty": b"", "text": b"hello", "cut": data[: len(data) // 2]}
    for name, content in cases.items():
        path = tmp_path / f"{name}.npz"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(TrajectoryError, match="Cannot read") as caught:
            Trajectory.load(path)
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "uneven.npz", t_s=[0, 1], x_mm=[0, 1], y_mm=[0], width_mm=1, intensity=1, pen_down=1)
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("other.npz", "uneven.npz", "array.npy"):
        with pytest.raises(TrajectoryError):
            Trajectory.load(tmp_path / name)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    trajectory = trajectory_of([0, 1.0], [[0, 0], [1, 1.0]])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StrokebotError, match="Cannot write"):
        trajectory.save(tmp_path / "file" / "where.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(StrokebotError, match="Cannot write"):
        trajectory.save(tmp_path / "folder.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.npz"]


@pytest.mark.parametrize(
    ("t", "xy", "word"),
    [
        ([0.0], [[0, 0]], "two samples"),
        ([0, 0], [[0, 0], [1, 1]], "t_s must increase"),
        ([1, 0], [[0, 0], [1, 1]], "t_s must increase"),
        ([0, np.inf], [[0, 0], [1, 1]], "t_s"),
        ([0, 1], [[0, 0]], "xy_mm"),
        ([0, 1], [[0, 0], [np.nan, 1]], "xy_mm"),
    ],
)
def test_wrong_arrays_are_named(t, xy, word):
    with pytest.raises(TrajectoryError, match=word):
        trajectory_of(t, xy)


def test_other_orders_are_refused():
    with pytest.raises(TrajectoryError, match="not 3"):
        trajectory_of([0, 1.0], [[0, 0], [1, 1.0]]).at([0.5], order=3)


def test_a_long_trajectory_is_packed_and_loses_nothing(tmp_path, monkeypatch):
    from strokebot.trajectory.timing import trajectory as room

    t = np.linspace(0, 100, 5000)
    long = trajectory_of(t, np.column_stack([np.round(t, 1), np.zeros_like(t)]), np.ones(5000, bool))
    plain = long.to_bytes()
    monkeypatch.setattr(room, "_PLAIN_SAMPLES", 1000)
    assert len(long.to_bytes()) < 0.7 * len(plain)
    long.save(tmp_path / "long.npz")
    again = Trajectory.load(tmp_path / "long.npz")
    for name in ("t_s", "xy_mm", "width_mm", "intensity", "pen_down"):
        np.testing.assert_array_equal(getattr(again, name), getattr(long, name))


@given(st.integers(0, 2**32 - 1), st.integers(60, 400))
@settings(max_examples=30, deadline=None)
def test_a_thinned_trajectory_has_few_samples_and_is_the_same_motion(seed, most):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.uniform(0.001, 0.01, 900))
    phase = rng.uniform(0, 6, 2)
    xy = np.column_stack([100 + 50 * np.sin(t + phase[0]), 100 + 40 * np.cos(1.3 * t + phase[1])])
    speed = np.column_stack([50 * np.cos(t + phase[0]), -52 * np.sin(1.3 * t + phase[1])])
    down = (t > 1.0) & (t < 3.0)
    whole = Trajectory(t, xy, 0.5 + 0.2 * np.sin(t), np.ones(900), down, speed)
    few = whole.thinned(most)
    assert len(few) <= most
    assert (few.t_s[0], few.t_s[-1]) == (t[0], t[-1])
    np.testing.assert_allclose(few.at(t), xy, atol=0.02)
    np.testing.assert_allclose(np.interp(t, few.t_s, few.width_mm), whole.width_mm, atol=0.02)
    assert few.drawn_mm == pytest.approx(whole.drawn_mm, rel=0.01)
    for k in np.flatnonzero(np.diff(down)):  # where the pen goes up or down stays
        assert t[k] in few.t_s
    assert whole.thinned(900) is whole
