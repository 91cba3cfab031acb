from dataclasses import replace

import numpy as np
import pytest

from strokebot.trajectory.timing.limits import MotionLimits
from strokebot.trajectory.timing.spline import Derivatives


def derivatives(angle, curvature, pen_slope=0.0, pen_bend=0.0):
    n = len(angle)
    first = np.column_stack([np.cos(angle), np.sin(angle), np.full(n, pen_slope)])
    second = np.column_stack([-curvature * np.sin(angle), curvature * np.cos(angle), np.full(n, pen_bend)])
    return Derivatives(np.zeros((n, 3)), first, second)


def test_rows_are_the_axis_accelerations(profile):
    limits = MotionLimits(profile)
    angle = np.linspace(0, 6, 50)
    curve = derivatives(angle, 0.7, 0.2, -0.1)
    c, d = limits.rows(curve, np.ones(50, dtype=bool))
    u, x = 120.0, 900.0
    np.testing.assert_allclose((c * u + d * x).T, curve.first * u + curve.second * x)
    np.testing.assert_allclose(limits.limit, [1000, 1000, 500])


def test_the_pen_axis_stands_still_in_travel(profile):
    limits = MotionLimits(profile)
    curve = derivatives(np.zeros(3), 0.0, 5.0, 5.0)
    drawn = np.array([True, False, True])
    c, d = limits.rows(curve, drawn)
    np.testing.assert_array_equal(c[2], [5, 0, 5])
    np.testing.assert_array_equal(d[2], [5, 0, 5])
    # Drawing: the pen axis makes 25 mm/s at 5 mm a mm of way. Travel: the machine's 120 mm/s.
    np.testing.assert_allclose(np.sqrt(limits.cap(curve, drawn)), [5, 120, 5])


def test_the_drawing_speed_holds_along_the_path_and_the_machines_along_its_axes(profile):
    limits = MotionLimits(profile)
    curve = derivatives(np.array([0.0, np.pi / 4]), 0.0)
    np.testing.assert_allclose(np.sqrt(limits.cap(curve, np.array([True, True]))), [50, 50])
    np.testing.assert_allclose(np.sqrt(limits.cap(curve, np.array([False, False]))), [120, 120 * np.sqrt(2)])


def test_the_path_acceleration_is_a_polygon_inside_its_circle(profile):
    limit = 300.0
    limits = MotionLimits(replace(profile, pen=replace(profile.pen, draw_acceleration_mm_s2=limit)))
    curve = derivatives(np.full(400, 0.4), 1.0)
    c, d = limits.rows(curve, np.ones(400, dtype=bool))
    for angle in np.linspace(-np.pi / 2, np.pi / 2, 41):
        # Acceleration of growing length in one direction: tangential cos, centripetal sin.
        size = np.linspace(0.9, 1.1, 400) * limit
        u, x = size * np.sin(angle), size * np.cos(angle)
        allowed = (np.abs(c * u + d * x)[3:] <= limits.limit[3:, None]).all(axis=0)
        greatest = size[allowed].max()
        assert 0.975 * limit <= greatest <= 1.001 * limit


@pytest.mark.parametrize("drawn", [True, False])
def test_the_path_acceleration_is_asked_of_drawn_lines_alone(profile, drawn):
    limits = MotionLimits(replace(profile, pen=replace(profile.pen, draw_acceleration_mm_s2=300.0)))
    c, _ = limits.rows(derivatives(np.zeros(1), 0.0), np.array([drawn]))
    assert bool(c[3:].any()) is drawn
