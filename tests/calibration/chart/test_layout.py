import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.chart.fiducial import MODULES, QUIET_MODULES, modules
from calibration.chart.layout import LEVELS, chart_program, geometry_chart, pen_chart
from calibration.chart.spec import Chart, MarkKind
from calibration.errors import ChartError
from calibration.profile import Paper, Profile
from firmware_bridge.checks import preflight
from firmware_bridge.program import MoveKind

HELPING = (MarkKind.FIDUCIAL, MarkKind.RULER)


@pytest.fixture(scope="module")
def profile():
    return Profile.load("grbl-z")


def with_pen(profile, scale):
    widths = tuple(scale * w for w in profile.pen.widths_mm)
    return replace(profile, pen=replace(profile.pen, widths_mm=widths))


def dense(mark):
    """Points of a mark at most 0.5 mm apart."""
    if len(mark.xy_mm) == 1:
        return mark.xy_mm
    parts = [
        np.linspace(a, b, max(2, int(np.linalg.norm(b - a) / 0.5) + 2))
        for a, b in itertools.pairwise(mark.xy_mm)
    ]
    return np.concatenate(parts)


def in_ink(profile, paper_mm, place_mm):
    return replace(profile, paper=Paper(paper_mm, place_mm))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([(148.0, 210.0), (210.0, 297.0), (297.0, 210.0), (210.0, 148.0)]), st.floats(0.3, 1.3))
def test_marks_keep_clear_of_each_other_and_of_the_fiducials(paper, scale):
    profile = in_ink(with_pen(Profile.load("grbl-z"), scale), paper, (5.0, 5.0))
    chart = pen_chart(profile)
    marks = [m for m in chart.marks if m.kind not in HELPING]
    points = [dense(m) for m in marks]
    low = np.array([p.min(axis=0) for p in points])
    high = np.array([p.max(axis=0) for p in points])
    clear = profile.pen.max_width_mm + 0.5
    for i, j in itertools.combinations(range(len(marks)), 2):
        if (low[i] - high[j] < clear).all() and (low[j] - high[i] < clear).all():
            gap = np.linalg.norm(points[i][:, None] - points[j][None], axis=-1).min()
            assert gap >= clear, (marks[i].name, marks[j].name, gap)
    for figure in chart.fiducials:
        reach = figure.size_mm / 2 * (1 + 2 * QUIET_MODULES / MODULES)
        for mark, p in zip(marks, points, strict=True):
            outside = np.abs(p - figure.centre_mm).max(axis=1) + profile.pen.max_width_mm / 2 > reach
            assert outside.all(), (figure.number, mark.name)


def test_a_pen_chart_has_every_kind_and_its_repeats(profile):
    chart = pen_chart(profile, seed=3)
    kinds = {kind: len(chart.of_kind(kind)) for kind in MarkKind}
    assert kinds[MarkKind.PRESSURE_UP] == kinds[MarkKind.PRESSURE_DOWN] == LEVELS
    assert kinds[MarkKind.PRESSURE_RANDOM] == 3 * LEVELS
    assert kinds[MarkKind.SPEED] == 15
    assert all(kinds[kind] for kind in set(MarkKind) - {MarkKind.GRID})
    assert chart.marks[-1].name == "drift-1"
    first, last = (chart.mark(f"drift-{k}") for k in (0, 1))
    assert first.pen.tolist() == last.pen.tolist()
    assert first.xy_mm.tolist() != last.xy_mm.tolist()
    order = [m.name for m in chart.of_kind(MarkKind.PRESSURE_RANDOM)]
    assert order != sorted(order)
    assert chart.to_json() == pen_chart(profile, seed=3).to_json()
    assert chart.to_json() != pen_chart(profile, seed=4).to_json()
    assert Chart.from_json(chart.to_json()).checksum == chart.checksum


def test_the_strokes_of_a_drawn_fiducial_ink_its_dark_modules_alone(profile):
    chart = pen_chart(profile)
    width = float(profile.pen.drawn_width_mm(np.array([chart.marks[0].pen[0]]))[0])
    for figure in chart.fiducials:
        module = figure.size_mm / MODULES
        corner = np.array(figure.centre_mm) - figure.size_mm / 2
        strokes = [
            m for m in chart.of_kind(MarkKind.FIDUCIAL) if m.name.startswith(f"fiducial-{figure.number}-")
        ]
        points = np.concatenate([dense(m) for m in strokes])
        grid = (np.arange(6 * MODULES) + 0.5) / 6  # modules
        x, y = np.meshgrid(grid, grid)
        places = corner + module * np.stack([x, y], axis=-1).reshape(-1, 2)
        near = np.array([np.abs(points - p).max(axis=1).min() for p in places])
        dark = modules(figure.number)[::-1][(y.ravel()).astype(int), (x.ravel()).astype(int)]
        assert (near[dark] <= width / 2 + 0.26).all()  # dense points lie 0.5 mm apart
        core = (np.abs(x.ravel() % 1 - 0.5) < 0.3) & (np.abs(y.ravel() % 1 - 0.5) < 0.3)
        assert (near[~dark & core] > width / 2).all()


def test_printed_fiducials_are_not_drawn(profile):
    chart = pen_chart(profile, printed=True)
    assert chart.printed
    assert not chart.of_kind(MarkKind.FIDUCIAL)
    assert len(chart.fiducials) == 8


@pytest.mark.parametrize("name", ["grbl-z", "grbl-servo"])
@pytest.mark.parametrize("make", [pen_chart, geometry_chart])
def test_the_program_passes_the_preflight_and_draws_every_mark(name, make):
    profile = Profile.load(name)
    chart = make(profile)
    program = chart_program(chart, profile)
    preflight.require(program, profile.machine)
    lowered = [m for m in program.moves if m.kind is MoveKind.LOWER]
    assert len(lowered) == len(chart.marks) == sum(m.kind is MoveKind.LIFT for m in program.moves)
    for move, mark in zip(lowered, chart.marks, strict=True):
        np.testing.assert_allclose((move.x_mm, move.y_mm), profile.to_machine(mark.xy_mm[:1])[0])
        assert (move.pen, move.dwell_s) == (mark.pen[0], mark.dwell_s)


def test_corners_of_a_cross_meet_and_are_reached_from_opposite_sides(profile):
    chart = geometry_chart(profile)
    for a in chart.of_kind(MarkKind.GRID):
        if a.name.endswith("-a"):
            b = chart.mark(a.name[:-1] + "b")
            np.testing.assert_allclose(a.xy_mm[1], b.xy_mm[1])
            np.testing.assert_allclose(a.xy_mm[1] - a.xy_mm[0], b.xy_mm[0] - b.xy_mm[1])
            assert a.via_mm is not None
            assert (np.array(a.via_mm) < a.xy_mm[0]).all()
            assert (np.array(b.via_mm) > b.xy_mm[0]).all()


def test_a_chart_stays_in_reach_of_a_machine_smaller_than_the_paper(profile):
    far = in_ink(profile, (210.0, 297.0), (300.0, 100.0))  # the right part of the paper is out of reach
    chart = pen_chart(far)
    preflight.require(chart_program(chart, far), far.machine)
    with pytest.raises(ChartError, match="reach"):
        pen_chart(in_ink(profile, (210.0, 297.0), (400.0, 100.0)))


def test_too_small_a_sheet_is_refused(profile):
    with pytest.raises(ChartError, match="larger paper"):
        pen_chart(in_ink(profile, (105.0, 74.0), (5.0, 5.0)))
