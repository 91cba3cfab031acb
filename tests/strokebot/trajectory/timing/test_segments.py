from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Profile
from firmware_bridge.errors import ProgramError
from strokebot.trajectory.timing.segments import (
    CHORD_ERROR_MM,
    MAX_SEGMENT_MM,
    even_segments,
    segment_ends,
    stream_speed_mm_s,
)
from tests.support.trajectory_shapes import distance_to_polyline, spiral

PROFILE = Profile.load("grbl-z")


@settings(max_examples=12, deadline=None)
@given(st.floats(1, 40), st.floats(0, 1.5), st.integers(1, 9))
def test_chords_stay_close_and_short(size, depth, waves):
    xy = spiral(4000, 3, size=3 + size)
    pen = -0.75 - 0.5 * depth * np.sin(np.linspace(0, 2 * np.pi * waves, len(xy)))
    points = np.column_stack([xy, pen])
    keep = np.zeros(len(xy), dtype=bool)
    keep[1234] = True
    ends = segment_ends(points, PROFILE, keep)
    assert {0, 1234, len(xy) - 1} <= set(ends)
    assert distance_to_polyline(xy[::7], xy[ends]) <= CHORD_ERROR_MM + 1e-9
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=1).max()
    assert np.linalg.norm(np.diff(xy[ends], axis=0), axis=1).max() <= MAX_SEGMENT_MM + steps
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1))])
    error = np.abs(np.interp(s, s[ends], pen[ends]) - pen)
    assert error.max() <= 0.02 * 1.5  # a hundredth of the pen's way, and what the corner between adds


def test_long_segments_follow_the_look_ahead_and_short_ones_the_line_rate():
    machine = PROFILE.machine
    fast = stream_speed_mm_s(np.full(50, 1.0), PROFILE)
    np.testing.assert_allclose(fast, np.sqrt(2 * 1000 * (machine.planner_blocks - 1)))
    slow = stream_speed_mm_s(np.full(50, 0.05), PROFILE)
    np.testing.assert_allclose(slow, 0.9 * machine.line_rate_per_s * 0.05)


def test_one_short_segment_among_long_ones_hardly_counts():
    length = np.full(41, 0.2)
    length[20] = 0.01
    speed = stream_speed_mm_s(length, PROFILE)
    assert speed.min() == pytest.approx(0.9 * 200 * (0.81 / 5))
    assert len(stream_speed_mm_s(np.array([0.3]), PROFILE)) == 1


def test_segments_are_halved_where_the_speed_changes_and_the_controller_can_follow():
    x = np.linspace(0, 10, 1001)
    points = np.column_stack([x, np.zeros(1001)])
    speed = np.where(np.abs(x[1:] - 5.05) < 0.3, 20.0, 50.0)
    ends = even_segments(points, speed, np.arange(0, 1001, 100), PROFILE)
    lengths = np.diff(x[ends])
    assert set(np.arange(0, 1001, 100)) <= set(ends)
    assert lengths.min() >= 50 / 180 - 0.011  # 0.9 * 200 lines a second
    assert lengths.min() == pytest.approx(0.5)
    far = (x[ends[:-1]] > 6) | (x[ends[1:]] < 4)
    np.testing.assert_allclose(lengths[far], 1.0)
    even = even_segments(points, np.full(1000, 50.0), np.arange(0, 1001, 100), PROFILE)
    assert len(even) == 11


def test_a_machine_that_is_no_more_exact_gets_fewer_and_longer_moves():
    t = np.linspace(0, 2 * np.pi, 4001)
    circle = np.column_stack([10 * np.cos(t), 10 * np.sin(t), np.full(len(t), PROFILE.pen.touch)])
    line = np.column_stack([np.linspace(0, 20, 4001), np.zeros((4001, 2))])
    nothing = np.zeros(len(t), dtype=bool)
    coarse = replace(PROFILE, machine=replace(PROFILE.machine, chord_error_mm=0.05))
    fine, long = (segment_ends(circle, profile, nothing) for profile in (PROFILE, coarse))
    assert len(long) < 0.5 * len(fine)
    sagitta = 10 * (1 - np.cos(np.diff(t[long]) / 2))
    assert CHORD_ERROR_MM < sagitta.max() <= 0.05 + 1e-9
    assert np.diff(line[segment_ends(line, coarse, nothing), 0]).max() == pytest.approx(5.0, abs=0.01)
    # A coarser drawing is not made finer.
    assert len(segment_ends(circle, coarse, nothing, 0.2)) < len(long)
    with pytest.raises(ProgramError, match="chord_error_mm"):
        replace(PROFILE.machine, chord_error_mm=-1.0)
