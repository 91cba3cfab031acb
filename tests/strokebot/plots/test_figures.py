"""The figures: nothing overlaps at any shape, the right things are shown, the file is stable."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calibration.profile import Profile
from strokebot.gesture import Gesture
from strokebot.plots import compare_figure, dry_run_figure, panels, png_bytes, simulation_figure, style
from strokebot.plots.figure import Area, Line, Marks, Picture, TimedLine
from strokebot.plots.shown import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.path.path import Path as DrawingPath
from strokebot.trajectory.path.place import Placement
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support.figures import assert_nothing_overlaps

PROFILE = Profile.load(None)
SHAPES = [(1, 1), (10, 1), (1, 10), (2, 1), (4, 1), (3, 4), (25, 1)]


def scene(width, height, longer_px=200, longer_mm=120.0):
    """A wave with one lift over a picture of the given shape; the input is a little beside it."""
    scale = longer_px / max(width, height)
    shape = (max(2, round(height * scale)), max(2, round(width * scale)))
    placement = Placement(longer_mm, 20.0, 200.0)
    t = np.linspace(0, 1, 300)
    canvas = np.array(shape[::-1]) / max(shape)
    points = np.column_stack([0.05 + 0.9 * t, 0.5 + 0.4 * np.sin(12 * t)]) * canvas
    pen = np.where((t > 0.4) & (t < 0.5), PROFILE.pen.up, -0.75 + 0.7 * np.sin(20 * t))
    pen[[0, -1]] = PROFILE.pen.up
    trace = Trace.of(20 * t, placement.to_paper(points), pen, PROFILE, "simulated")
    return np.roll(trace.ink(placement, shape), 2, axis=0), placement, trace


def items(figure, kind):
    """All items of a kind, of all panels."""
    return [item for panel in figure.panels for item in panel.items if isinstance(item, kind)]


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_nothing_overlaps_in_a_dry_run_of_any_shape(width, height):
    ink, placement, trace = scene(width, height)
    name = "a_very_long_name_with_$dollars$_and_more_than_forty_four_letters.png"
    facts = ["1234.5 s", "12345 mm drawn", "12 lifts", "method tour"]
    figure = dry_run_figure(ink, placement, trace, ShownLimits.of(PROFILE), name, facts)
    assert_nothing_overlaps(figure)
    assert "12345 mm drawn" in figure.title
    assert len(figure.title) < 120


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 1), (1, 8)])
def test_nothing_overlaps_in_the_other_figures(width, height):
    ink, placement, trace = scene(width, height)
    assert_nothing_overlaps(
        simulation_figure(trace, (210.0, 297.0), ShownLimits.of(PROFILE), "part.gcode", ["20.0 s"])
    )
    positions = placement.to_canvas(trace.xy_mm)
    gesture = Gesture.from_positions(positions, np.full(300, 0.02), (trace.width_mm > 0).astype(float))
    photo = np.repeat((255 * (1 - ink)).astype(np.uint8)[..., None], 3, axis=2)
    assert_nothing_overlaps(compare_figure(photo, gesture, ink, placement, trace))


def test_a_crowded_pen_axis_keeps_its_labels_apart():
    ink, placement, trace = scene(1, 1)
    limits = ShownLimits(50.0, (52.0, 52.0), 0.3, 0.0, -0.1, "pen height, mm", (210.0, 297.0))
    assert_nothing_overlaps(dry_run_figure(ink, placement, trace, limits, "x.png", []))


def test_the_path_panel_shows_every_drawn_piece_and_no_travel():
    ink, placement, trace = scene(1, 1)
    figure = dry_run_figure(ink, placement, trace, ShownLimits.of(PROFILE), "x.png", [])
    (path,) = items(figure, TimedLine)
    way = np.hypot(*np.diff(path.xy, axis=0).T)
    assert way[path.drawn[1:]].sum() == pytest.approx(trace.drawn_mm, rel=0.01)
    assert trace.travel_mm > 5
    assert np.diff(path.time).min() >= 0
    assert path.last == trace.duration_s


def test_a_trace_that_draws_nothing_still_gives_a_figure():
    _, placement, trace = scene(1, 1)
    idle = Trace.of(trace.t_s, trace.xy_mm, np.full(300, PROFILE.pen.up), PROFILE, "simulated")
    png_bytes(dry_run_figure(np.zeros((9, 9)), placement, idle, ShownLimits.of(PROFILE), "x.png", []), 40)
    png_bytes(simulation_figure(idle, (210.0, 297.0), ShownLimits.of(PROFILE), "x", []), 40)


def test_equal_figures_give_equal_files():
    def make():
        ink, placement, trace = scene(1, 1)
        return png_bytes(dry_run_figure(ink, placement, trace, ShownLimits.of(PROFILE), "日本.png", []), 50)

    first = make()
    assert first.startswith(b"\x89PNG")
    assert first == make()


def timed_scene(width, height):
    """A drawn wave with a lift, its picture and its trace as planned."""
    ink, placement, trace = scene(width, height)
    n = 120
    t = np.linspace(0, 1, n)
    size = np.array([width, height]) / max(width, height) * 120.0
    xy = np.column_stack([20 + size[0] * (0.05 + 0.9 * t), 200 - size[1] * (0.5 + 0.4 * np.sin(12 * t))])
    down = (t < 0.4) | (t > 0.5)
    path = smooth(DrawingPath(xy, np.full(n, 0.7), np.ones(n), down))
    return ink, placement, trace, parametrise(path, PROFILE)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (25, 1), (1, 10)])
def test_nothing_overlaps_in_a_dry_run_with_its_stages(width, height):
    ink, placement, trace, trajectory = timed_scene(width, height)
    figure = dry_run_figure(
        ink, placement, trace, ShownLimits.of(PROFILE), "wave.png", ["1.2 s"], (trajectory, PROFILE)
    )
    assert_nothing_overlaps(figure)


def test_the_bar_of_the_stages_is_as_long_as_the_plan_and_the_acceleration_within_its_limit():
    ink, placement, trace, trajectory = timed_scene(2, 1)
    figure = dry_run_figure(
        ink, placement, trace, ShownLimits.of(PROFILE), "wave.png", ["1.2 s"], (trajectory, PROFILE)
    )
    bar = next(panel for panel in figure.panels if "time goes" in panel.title)
    lengths = [float(np.ptp(item.xy[:, 0])) for item in bar.items if isinstance(item, Area)]
    # The way to the first line, the four stages, and what the rehearsal took beyond the plan.
    assert sum(lengths[1:5]) == pytest.approx(trajectory.duration_s)
    assert len(lengths) == 6 == len(figure.keys[-1].entries)
    assert sum(lengths) == pytest.approx(trace.duration_s) == bar.x.high
    time, use = panels.acceleration_use(trajectory, PROFILE, 300)
    assert 0.95 <= use.max() <= 1.01
    assert (time >= 0).all()
    assert (time <= trajectory.duration_s).all()
    # The hold while the pen is lowered accelerates nothing.
    still = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) == 0
    middle = 0.5 * (trajectory.t_s[1:] + trajectory.t_s[:-1])[still]
    assert use[np.abs(time - middle[10]).argmin()] < 1e-6


@pytest.mark.parametrize(("lifts", "crosses"), [(3, True), (30, True), (100, False)])
def test_many_lifts_do_not_hide_the_path(lifts, crosses):
    t = np.linspace(0, 1, 400 * (lifts + 1))
    pen = np.where(np.sin(np.pi * (lifts + 1) * t) ** 2 < 0.1, PROFILE.pen.up, -0.5)
    trace = Trace.of(
        20 * t, np.column_stack([30 + 100 * t, 100 + 20 * np.sin(9 * t)]), pen, PROFILE, "simulated"
    )
    assert trace.lifts == lifts
    figure = dry_run_figure(
        np.zeros((60, 60), np.float32), Placement(120.0, 20.0, 200.0), trace, ShownLimits.of(PROFILE), "x", []
    )
    assert any(mark.shape == "cross" for mark in items(figure, Marks)) == crosses
    labels = [entry.label for key in figure.keys for entry in key.entries]
    assert ("lift, lower" in labels) == crosses
    assert any(label.startswith("travel, pen up") for label in labels)
    assert (f"travel, pen up ({lifts} lifts)" in labels) != crosses


def test_overlay_tells_agreement_from_both_mismatches():
    ink, drawn = np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 1.0, 0.0]])
    want = [style.rgb(style.DRAWN), style.rgb(style.INPUT), style.rgb(style.ASTRAY), (1, 1, 1)]
    np.testing.assert_allclose(style.overlay(ink, drawn)[0], 255 * np.array(want), atol=0.5)


def test_grey_ink_that_was_drawn_is_drawn_ink_and_what_is_not_stays_missing():
    figure = dry_run_figure(
        np.full((40, 40), 0.6, np.float32), Placement(20.0, 20.0, 200.0), scene(1, 1)[2],
        ShownLimits.of(PROFILE), "x", [],
    )  # fmt: skip
    (shown,) = [item for item in figure.panels[1].items if isinstance(item, Picture)]
    colours = shown.pixels / 255.0
    assert np.linalg.norm(colours - style.rgb(style.ASTRAY), axis=2).min() > 0.3
    missing = 1 - 0.6 * (1 - style.rgb(style.INPUT))
    assert np.linalg.norm(colours - missing, axis=2).min() < 0.005


def test_the_sheet_shows_the_paper_and_the_picture_in_it():
    ink, placement, trace, trajectory = timed_scene(1, 1)
    figure = dry_run_figure(ink, placement, trace, ShownLimits.of(PROFILE), "x", [], (trajectory, PROFILE))
    sheet = next(panel for panel in figure.panels if "sheet" in panel.title)
    outline, box, _ = [item.xy for item in sheet.items if isinstance(item, Line)]
    assert tuple(outline.max(axis=0)) == PROFILE.paper.size_mm
    np.testing.assert_allclose([box.min(axis=0), box.max(axis=0)], [[20, 80], [140, 200]])
    across, up = sheet.place[2] / (sheet.x.high - sheet.x.low), sheet.place[3] / (sheet.y.high - sheet.y.low)
    assert across == pytest.approx(up)


def test_time_is_told_by_colours_that_differ_and_grow_lighter():
    colours = style.time_colours().astype(float)
    light = colours @ (0.299, 0.587, 0.114)
    assert np.diff(light).min() >= -0.5
    assert light[-1] < 200
    for a, b in itertools.pairwise(colours[::32]):
        assert np.abs(a - b).max() > 8
