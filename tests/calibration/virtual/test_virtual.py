"""The hidden truths behave as they say, since all of calibration is tested against them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.profile import Paper, Profile
from calibration.scan.picture import Picture
from calibration.virtual.camera import photo, scan
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from calibration.virtual.sheet import draw_sheet
from firmware_bridge.simulator import Recording

PX_PER_MM = 20.0


@pytest.fixture(scope="module")
def profile():
    profile = Profile.load("grbl-z")
    return Profile(profile.machine, profile.pen, Paper((40.0, 30.0), (5.0, 5.0)))


def line(profile, pen, y_mm=15.0, speed_mm_s=20.0, x_mm=(10.0, 30.0)):
    """A recorded line of one pen value, paper mm, without lowering and lifting."""
    t = np.linspace(0, (x_mm[1] - x_mm[0]) / speed_mm_s, 200)
    xy = profile.to_machine(np.column_stack([x_mm[0] + speed_mm_s * t, np.full(200, y_mm)]))
    return Recording(t, xy, np.full(200, pen))


def width_mm(sheet, x_mm=20.0):
    """Equivalent width of the line across a column."""
    column = sheet[:, int(x_mm * PX_PER_MM)]
    return float(column.sum() / column.max() / PX_PER_MM)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 1.0), st.sampled_from([5.0, 20.0, 80.0]), st.floats(0, 0.2), st.floats(0, 1))
def test_a_line_is_as_wide_and_as_dark_as_the_pen_says(pressure, speed, bleed, ink_speed):
    profile = Profile.load("grbl-z")
    profile = Profile(profile.machine, profile.pen, Paper((40.0, 30.0), (5.0, 5.0)))
    pen = TruePen(0.1, -1.4, bleed_mm2_mm_s=bleed, ink_speed=ink_speed)
    value = pen.touch + pressure * (pen.full - pen.touch)
    sheet = draw_sheet(line(profile, value, speed_mm_s=speed), profile, pen, px_per_mm=PX_PER_MM)
    assert width_mm(sheet) == pytest.approx(float(pen.width_mm(value, speed)), abs=0.02)
    assert sheet[:, 400].max() == pytest.approx(float(pen.darkness(value, speed)), abs=0.01)


def test_above_the_touch_point_there_is_no_ink(profile):
    pen = TruePen(0.1, -1.4)
    assert not draw_sheet(line(profile, 0.11), profile, pen, px_per_mm=PX_PER_MM).any()
    assert draw_sheet(line(profile, 0.09), profile, pen, px_per_mm=PX_PER_MM).any()


def test_a_tilted_sheet_is_touched_where_it_is_high(profile):
    tilted = TrueMachine(tilt=(0.01, 0.0), level_at_mm=(25.0, 0.0))  # level at paper x = 20
    sheet = draw_sheet(line(profile, 0.0), profile, TruePen(0.0, -1.5), tilted, PX_PER_MM)
    inked = np.flatnonzero(sheet.any(axis=0)) / PX_PER_MM
    assert inked.min() == pytest.approx(20.0, abs=0.3)
    assert inked.max() > 29.5


def test_play_keeps_the_tip_inside_the_dead_band_and_lag_behind():
    t = np.linspace(0, 1, 501)
    value = np.sin(6 * t)
    tip = TruePen(0, -1, play=0.2).follow(t, value)
    assert np.abs(tip - value).max() == pytest.approx(0.1, abs=1e-9)
    ramp = TruePen(0, -1, lag_s=0.05).follow(t, t)
    assert ramp[-1] == pytest.approx(t[-1] - 0.05, abs=0.002)
    np.testing.assert_array_equal(TruePen(0, -1).follow(t, value), value)


def test_a_resting_pen_leaves_a_blot_that_grows(profile):
    t = np.array([0.0, 0.5])
    place = profile.to_machine(np.array([[20.0, 15.0]] * 2))
    pen = TruePen(0.0, -1.5, blot_mm2_s=0.5)
    for rest_s in (0.1, 1.0):
        spot = Recording(t * rest_s / 0.5, place, np.full(2, -0.5))
        sheet = draw_sheet(spot, profile, pen, px_per_mm=PX_PER_MM)
        area = (sheet / sheet.max()).sum() / PX_PER_MM**2
        assert area == pytest.approx(np.pi * ((pen.width_mm(-0.5) / 2) ** 2 + 0.5 * rest_s), rel=0.05)


def test_play_of_an_axis_shifts_a_line_by_the_way_it_was_reached(profile):
    machine = TrueMachine(play_mm=(0.0, 0.4))
    t = np.linspace(0, 2, 400)
    for sign in (1.0, -1.0):
        y = np.where(t < 1, 15.0 - sign * 5 * (1 - t), 15.0)
        x = 10.0 + 20.0 * np.maximum(t - 1, 0)
        pen = np.where(t < 1, 3.0, -0.5)
        recorded = Recording(t, profile.to_machine(np.column_stack([x, y])), pen)
        sheet = draw_sheet(recorded, profile, TruePen(0, -1.5), machine, PX_PER_MM)
        rows = sheet[:, 400] @ (np.arange(len(sheet)) + 0.5) / sheet[:, 400].sum()
        assert 30.0 - rows / PX_PER_MM == pytest.approx(15.0 - sign * 0.2, abs=0.02)


def test_the_waver_has_the_size_that_was_asked_for(profile):
    pen = TruePen(0, -1.5, noise=0.05)
    sheet = draw_sheet(line(profile, -0.8, x_mm=(2.0, 38.0)), profile, pen, px_per_mm=40.0, seed=3)
    widths = (sheet / sheet.max(axis=0).clip(1e-6)).sum(axis=0)[160:1440] / 40.0
    assert widths.std() / widths.mean() == pytest.approx(0.05, rel=0.4)


def test_scans_and_photos_are_repeatable_and_show_the_ink(profile):
    sheet = draw_sheet(line(profile, -1.0), profile, TruePen(0, -1.5), px_per_mm=PX_PER_MM)
    flat = scan(sheet, PX_PER_MM, 254.0, rotation_deg=0.0, margin_mm=2.0, noise=0.0)
    assert flat.shape == (340, 440)
    light = Picture.of_pixels(flat).grey
    paper, ink = light[60, 60], light[20 + 150, 20 + 200]  # 10 px a mm, and the margin
    assert paper > 0.88
    assert ink < 0.23
    for make in (scan, photo):
        np.testing.assert_array_equal(
            make(sheet, PX_PER_MM, 200.0, seed=1), make(sheet, PX_PER_MM, 200.0, seed=1)
        )
        assert (make(sheet, PX_PER_MM, 200.0, seed=1) != make(sheet, PX_PER_MM, 200.0, seed=2)).any()


def test_a_turned_scan_is_the_turned_sheet(profile):
    sheet = draw_sheet(line(profile, -1.0), profile, TruePen(0, -1.5), px_per_mm=PX_PER_MM)
    turned = scan(sheet, PX_PER_MM, 254.0, rotation_deg=90.0, margin_mm=0.0, noise=0.0)
    flat = scan(sheet, PX_PER_MM, 254.0, rotation_deg=0.0, margin_mm=0.0, noise=0.0)
    np.testing.assert_allclose(turned.astype(int), np.rot90(flat).astype(int), atol=3)
