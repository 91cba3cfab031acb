"""A pen chart on a small virtual sheet, drawn once."""

from dataclasses import replace

import pytest

from calibration.chart.layout import chart_program, pen_chart
from calibration.profile import Paper, Profile
from calibration.scan.picture import Picture
from calibration.virtual.camera import scan
from calibration.virtual.pen import TruePen
from calibration.virtual.sheet import draw_sheet
from firmware_bridge.dialects import dialect_of
from firmware_bridge.simulator import simulate_lines

PX_PER_MM = 16.0
PEN = TruePen(
    touch=-0.1, full=-1.6, thinnest_mm=0.25, widest_mm=1.1, bleed_mm2_mm_s=0.05, ink_speed=0.4, blot_mm2_s=0.2
)


def recorded(chart, profile):
    return simulate_lines(
        dialect_of(profile.machine.dialect).encode(chart_program(chart, profile), profile.machine),
        profile.machine,
    )


@pytest.fixture(scope="session")
def profile():
    return replace(Profile.load("grbl-z"), paper=Paper((148.0, 210.0), (5.0, 5.0)))


@pytest.fixture(scope="session")
def chart(profile):
    return pen_chart(profile, seed=1)


@pytest.fixture(scope="session")
def sheet(chart, profile):
    return draw_sheet(recorded(chart, profile), profile, PEN, px_per_mm=PX_PER_MM)


@pytest.fixture(scope="session")
def scanned(sheet):
    return as_picture(scan(sheet, PX_PER_MM, 250.0, rotation_deg=2.0), 250.0)


def as_picture(image, dpi=None):
    return Picture.of_pixels(image, dpi)
