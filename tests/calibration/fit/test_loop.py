"""The whole way: chart, virtual machine, virtual sheet, scan, measures, fit."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from calibration.chart.layout import chart_program, geometry_chart, pen_chart
from calibration.fit.geometry import fit_geometry
from calibration.fit.pen import fit_pen
from calibration.profile import Paper, Profile
from calibration.scan.measure import measure
from calibration.scan.picture import Picture
from calibration.virtual.camera import photo, scan
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from calibration.virtual.sheet import draw_sheet, print_fiducials
from firmware_bridge.dialects import dialect_of
from firmware_bridge.simulator import simulate_lines

from .test_geometry import misplaced, wrong_arm
from .test_pen import GRID, width_errors

PX_PER_MM = 16.0
PEN = TruePen(
    touch=-0.12, full=-1.55, thinnest_mm=0.24, widest_mm=1.1, bleed_mm2_mm_s=0.04, ink_speed=0.4,
    blot_mm2_s=0.15, play=0.07, lag_s=0.02, noise=0.015, line_noise=0.005,
)  # fmt: skip
TILTED = TrueMachine(tilt=(0.0004, -0.0005), level_at_mm=(80.0, 110.0))


def recorded(chart, profile):
    lines = dialect_of(profile.machine.dialect).encode(chart_program(chart, profile), profile.machine)
    return simulate_lines(lines, profile.machine)


def seen(image, dpi=None):
    return Picture.of_pixels(image, dpi)


@pytest.fixture(scope="module")
def sheet(chart, profile):
    return draw_sheet(recorded(chart, profile), profile, PEN, TILTED, PX_PER_MM, seed=3)


@pytest.mark.parametrize(("source", "limit_mm"), [("scan", 0.010), ("photo", 0.020)])
def test_the_hidden_pen_comes_out_of_a_picture(sheet, chart, profile, source, limit_mm):
    if source == "scan":
        picture = seen(scan(sheet, PX_PER_MM, 300.0, rotation_deg=-2.0), 300.0)
    else:
        picture = seen(photo(sheet, PX_PER_MM, 200.0))
    fit = fit_pen(chart, measure(picture, chart).measurements, profile)
    errors, touch = width_errors(fit, profile, PEN, TILTED)
    assert np.sqrt(np.mean(errors**2)) < limit_mm
    assert np.abs(touch).mean() < 0.02
    assert fit.play == pytest.approx(PEN.play, abs=0.03)
    assert fit.darkness_speed_exponent == pytest.approx(PEN.ink_speed, abs=0.1)
    done = fit.apply(profile, date(2026, 1, 1))
    assert Profile.from_toml(done.to_toml()) == done


@pytest.mark.parametrize("name", ["grbl-z", "scara", "fivebar"])
def test_a_machine_two_millimetres_off_is_put_right(name):
    profile = Profile.load(name)
    if name == "grbl-z":
        profile = replace(profile, paper=Paper((120.0, 105.0), (5.0, 5.0)))
        machine = TrueMachine(((1.008, 0.006), (-0.004, 0.993)), (1.2, -0.9), play_mm=(0.05, 0.05))
    else:
        machine = wrong_arm(profile, np.random.default_rng(8))
    pen = replace(PEN, touch=profile.pen.touch, full=profile.pen.full, play=0.0, lag_s=0.0)
    chart = geometry_chart(profile, printed=True)
    ink = draw_sheet(recorded(chart, profile), profile, pen, machine, 12.0)
    picture = seen(scan(print_fiducials(ink, chart, 12.0), 12.0, 250.0, rotation_deg=1.5), 250.0)
    fit = fit_geometry(chart, measure(picture, chart).measurements, profile)
    before, after = misplaced(profile, fit.apply(profile), machine)
    assert before > 0.5
    assert after < 0.05


@pytest.mark.slow
def test_a_calibrated_chart_fits_the_same_pen_again(sheet, chart, profile):
    picture = seen(scan(sheet, PX_PER_MM, 300.0), 300.0)
    first = fit_pen(chart, measure(picture, chart).measurements, profile).apply(profile, date(2026, 1, 1))
    again = pen_chart(first, seed=2)
    ink = draw_sheet(recorded(again, first), first, PEN, TILTED, PX_PER_MM, seed=4)
    picture = seen(scan(ink, PX_PER_MM, 300.0), 300.0)
    second = fit_pen(again, measure(picture, again).measurements, first).apply(first, date(2026, 1, 2))
    # The second chart presses less hard by the play, so its range ends earlier.
    value = np.linspace(first.pen.touch, first.pen.full, 30)[2:-4]
    off = (second.height(GRID) - first.height(GRID)).mean()
    np.testing.assert_allclose(
        second.pen.drawn_width_mm(value - off), first.pen.drawn_width_mm(value), atol=0.02
    )
