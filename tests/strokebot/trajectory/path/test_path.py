import numpy as np
import pytest

from strokebot.errors import TrajectoryError
from strokebot.trajectory.path.path import Path, Run


def path_of(xy, down, width=0.6):
    n = len(xy)
    return Path(xy, np.full(n, width), np.ones(n), down)


def test_runs_share_their_points_and_lengths_add_up():
    path = path_of([[0, 0], [3, 0], [3, 4], [3, 5], [0, 5]], [True, True, True, False, True])
    assert list(path.runs()) == [Run(0, 2, True), Run(2, 3, False), Run(3, 4, True)]
    assert path.drawn_mm == pytest.approx(10.0)
    assert path.travel_mm == pytest.approx(1.0)
    assert path.lifts == 1


def test_one_point_is_a_dot():
    dot = path_of([[1, 2]], [False])
    assert list(dot.runs()) == [Run(0, 0, True)]
    assert dot.drawn_mm == dot.travel_mm == dot.lifts == 0


def test_the_first_flag_repeats_the_second():
    assert not path_of([[0, 0], [1, 0]], [True, False]).pen_down[0]


def test_clamped_points_count_drawn_points_alone(profile):
    xy = [[0, 0], [1, 0], [2, 0], [3, 0]]
    wide = Path(xy, [0.5, 5.0, 0.5, 5.0], np.ones(4), [True, True, False, False])
    assert wide.clamped_points(profile.pen) == 1  # the last point is reached in the air


def test_arrays_are_copies_that_cannot_be_written():
    xy = np.zeros((2, 2))
    path = path_of(xy, [True, True])
    xy[0] = 9
    assert path.xy_mm[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        path.xy_mm[0] = 1


@pytest.mark.parametrize(
    ("xy", "width", "intensity", "down", "word"),
    [
        (np.zeros((0, 2)), [], [], [], "at least one point"),
        ([[0, 0]], [-1], [1], [True], "width_mm"),
        ([[0, 0]], [1], [2], [True], "intensity"),
        ([[0, np.nan]], [1], [1], [True], "xy_mm"),
        ([[0, 1e9]], [1], [1], [True], "xy_mm"),
        ([[0, 0], [1, 1]], [1, 1], [1, 1], [True], "pen_down"),
        ([[0, 0], [1, 1]], [1], [1, 1], [True, True], "width_mm"),
    ],
)
def test_wrong_arrays_are_named(xy, width, intensity, down, word):
    with pytest.raises(TrajectoryError, match=word):
        Path(xy, width, intensity, down)
