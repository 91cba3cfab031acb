"""Measures of a chart straight from the formulas of the hidden pen: no pictures, so that many are cheap."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.chart.layout import pen_chart
from calibration.chart.spec import MarkKind
from calibration.measurements import LineMeasurement, Measurements, Point, Sample
from calibration.profile import Paper, Profile
from calibration.scan.measure import _corner
from calibration.virtual.machine import TrueMachine

STEP_MM = 0.5
TIMES_S = 0.002
# Before a mark the pen comes down from where it is clear.
APPROACH_S = 0.3


def readings(chart, profile, pen, machine=None, seed=0, spread_mm=0.002):
    """What a perfect reader measures on a chart drawn with this pen."""
    rng = np.random.default_rng(seed)
    machine = machine or TrueMachine()
    hatch = float(pen.darkness(chart.pen_range[2])) or 1.0
    lines, drawn_m = [], 0.0
    for mark in chart.marks:
        if mark.kind in (MarkKind.FIDUCIAL, MarkKind.HATCH):
            drawn_m += mark.length_mm / 1000
            continue
        scale = 1 + pen.line_noise * rng.standard_normal()
        s, tip = tip_along(mark, chart, profile, pen, machine)
        worn = pen.wear_mm_per_m * drawn_m
        if mark.kind is MarkKind.DWELL:
            width = float(2 * np.sqrt((pen.width_mm(tip[0]) / 2) ** 2 + pen.blot_mm2_s * mark.dwell_s))
            lines.append(LineMeasurement(mark.name, width, 0.01, 1.0, 0.0, 1.0))
            continue
        wobble = pen.noise * rng.standard_normal(len(s)) * np.sqrt(0.75 / STEP_MM)
        width = pen.width_mm(tip, mark.feed_mm_s)
        ink = width > 0
        width = np.where(ink, (width + worn) * scale * (1 + wobble), 0.0)
        width = np.where(ink, width + spread_mm * rng.standard_normal(len(s)), 0.0)
        darkness = pen.darkness(tip, mark.feed_mm_s) / hatch
        samples = ()
        if mark.kind in (MarkKind.LANDING, MarkKind.RAMP):
            samples = tuple(map(Sample, s.tolist(), width.tolist(), darkness.tolist()))
        drawn_m += mark.length_mm * ink.mean() / 1000
        if not ink.any():
            lines.append(LineMeasurement(mark.name, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, samples))
            continue
        inked = width[ink]
        sigma = float(np.std(inked)) / np.sqrt(len(inked))
        lines.append(
            LineMeasurement(
                mark.name,
                float(np.median(inked)),
                sigma,
                float(np.median(darkness[ink])),
                0.005,
                float(ink.mean()),
                0.0,
                samples,
            )
        )
    return Measurements(chart.checksum, "scan", 23.6, 0.02, 0.01, tuple(lines))


def tip_along(mark, chart, profile, pen, machine):
    """Places along a mark and where the tip is there, in pen units against the surface."""
    if mark.length_mm == 0:
        s, xy, value = np.zeros(1), mark.xy_mm[:1], mark.pen[:1]
        tip = value + np.sign(chart.pen_range[0] - chart.pen_range[1]) * pen.play / 2
        return s, tip - height(profile, machine, xy)
    ends = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(mark.xy_mm, axis=0), axis=1))])
    way = np.arange(0.0, mark.length_mm, mark.feed_mm_s * TIMES_S)
    down = np.linspace(chart.pen_range[0], mark.pen[0], round(APPROACH_S / TIMES_S))
    still = np.full(round(APPROACH_S / TIMES_S), mark.pen[0])
    value = np.concatenate([down, still, np.interp(way, ends, mark.pen)])
    tip = pen.follow(np.arange(len(value)) * TIMES_S, value)[-len(way) :]
    s = np.arange(STEP_MM / 2, mark.length_mm, STEP_MM)
    xy = np.column_stack([np.interp(s, ends, mark.xy_mm[:, k]) for k in (0, 1)])
    return s, np.interp(s, way, tip) - height(profile, machine, xy)


def height(profile, machine, xy):
    if profile.pen.actuator != "z":
        return 0.0
    return machine.height_mm(profile.to_machine(xy))


@pytest.fixture(scope="session")
def profile():
    return replace(Profile.load("grbl-z"), paper=Paper((148.0, 210.0), (5.0, 5.0)))


@pytest.fixture(scope="session")
def chart(profile):
    return pen_chart(profile, seed=1)


def corner_readings(chart, profile, machine, noise_mm=0.0, seed=0, source="scan", turn=None):
    """What a perfect reader says about the crosses of a geometry chart; ``turn`` moves the sheet's frame."""
    rng = np.random.default_rng(seed)
    parts, owner = [], []
    for mark in chart.of_kind(MarkKind.GRID):
        stops = np.vstack([mark.via_mm, mark.xy_mm])
        for k in range(3):
            parts.append(stops[k] + np.linspace(0, 1, 9)[:, None] * (stops[k + 1] - stops[k]))
            owner += [(mark.name, k)] * 9
    real = machine.position_mm(profile.to_machine(np.concatenate(parts)))
    at = real - profile.paper.origin_mm
    angle = np.radians(profile.paper.rotation_deg)
    at = at @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if turn is not None:
        at = turn(at)
    at = at + noise_mm * rng.standard_normal(at.shape)
    arms = {key: at[9 * n + 3 : 9 * n + 8] for n, key in enumerate(owner[::9])}
    points = tuple(
        Point(m.name, tuple(m.xy_mm[1]), tuple(_corner(arms[m.name, 1], arms[m.name, 2])))
        for m in chart.of_kind(MarkKind.GRID)
    )
    return Measurements(chart.checksum, source, 23.6, 0.02, 0.01, (), points)
