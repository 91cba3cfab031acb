"""The composition end to end on small pictures, and the report and files it leaves."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firmware_bridge.errors import PreflightError
from firmware_bridge.gcode.sanitize import read_gcode
from firmware_bridge.simulator import simulate_lines
from strokebot import pipeline, raster, report
from strokebot.errors import PlacementError, StrokebotError, WeightsError
from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.pipeline import DrawOptions
from strokebot.recipe import from_text
from strokebot.sketch import solid
from strokebot.tour import tour_gesture
from strokebot.trajectory.timing.trajectory import Trajectory

DOCS = Path(__file__).parents[2] / "docs"


def save_lines(path, lines, shape=(90, 140), width=5.0):
    """A picture of black polylines on white paper."""
    ink = np.zeros(shape, dtype=np.float32)
    for line in lines:
        n = len(line)
        drawn = raster.draw_ink(line, np.full(n, width), np.ones(n), np.ones(n, bool), shape)
        ink = np.maximum(ink, drawn)
    Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    lines = [[[15, 20], [40, 70], [65, 20]], [[90, 20], [90, 70], [125, 70]]]
    return save_lines(tmp_path_factory.mktemp("picture") / "two lines.png", lines)


@pytest.fixture(scope="module")
def result(picture):
    return pipeline.draw(picture, DrawOptions(method="tour"))


def test_a_drawing_covers_the_ink_with_one_lift_less_than_parts(result):
    assert result.fidelity["ink_recall"] > 0.99
    assert result.fidelity["ink_precision"] > 0.99
    assert result.fidelity["iou"] > 0.85
    assert result.plan.sketch.parts == 2
    assert result.trace.lifts == result.plan.path.lifts == result.plan.sketch.gesture.lifts == 1


def test_the_machine_does_what_was_planned(result):
    plan = result.plan
    assert result.trace.drawn_mm == pytest.approx(plan.trajectory.drawn_mm, rel=0.01)
    assert result.stream.acknowledged == result.stream.lines
    assert result.stream.errors == 0
    # The plan begins above the first point; the machine travels there first.
    assert plan.trajectory.duration_s < result.trace.duration_s < plan.trajectory.duration_s + 4


def test_fidelity_is_judged_on_the_recorded_ink_at_real_width(result):
    trace, plan = result.trace, result.plan
    area_mm2 = result.drawn.sum() * (plan.placement.scale_mm / plan.ink.longer_side) ** 2
    mean_width = np.average(
        trace.width_mm[1:], weights=np.hypot(*np.diff(trace.xy_mm, axis=0).T) * trace.pen_down[1:]
    )
    assert area_mm2 == pytest.approx(trace.drawn_mm * mean_width, rel=0.15)
    assert raster.fidelity(plan.ink.ink, result.drawn) == result.fidelity


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_any_scribble_stays_on_the_paper_and_finds_its_ink(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    line = rng.uniform([10, 10], [130, 80], (int(rng.integers(2, 6)), 2))
    path = save_lines(tmp_path_factory.mktemp("scribble") / "s.png", [line])
    result = pipeline.draw(path, DrawOptions(method="tour"))
    drawn = result.trace.xy_mm[result.trace.width_mm > 0]
    assert (drawn >= 0).all()
    assert (drawn <= result.plan.profile.paper.size_mm).all()
    assert result.fidelity["ink_recall"] > 0.9
    assert result.fidelity["ink_precision"] > 0.9


def test_fit_and_at_place_the_picture(picture):
    options = DrawOptions(method="tour", fit_mm=(28.0, 50.0), at_mm=(30.0, 40.0))
    placement = pipeline.plan(picture, options).placement
    assert (placement.scale_mm, placement.x0_mm, placement.y0_mm) == pytest.approx(
        (28, 30, 40 + 28 * 90 / 140)
    )


def test_what_does_not_fit_is_refused_before_it_is_drawn(picture, monkeypatch):
    monkeypatch.setattr(pipeline, "simulate_lines", lambda *a: pytest.fail("it was drawn"))
    with pytest.raises(PlacementError, match="does not fit"):
        pipeline.draw(picture, DrawOptions(method="tour", fit_mm=(2000.0, 2000.0)))
    with pytest.raises(PreflightError, match="beyond the machine"):
        pipeline.draw(picture, DrawOptions(method="tour", paper_mm=(841.0, 1189.0)))


def test_stages_are_timed_and_told_in_order(picture):
    told = []
    result = pipeline.draw(picture, DrawOptions(method="tour"), lambda stage, share: told.append(stage))
    stages = ["read", "gesture", "polish", "compare", "path", "timing", "compile", "simulate", "fidelity"]
    assert list(dict.fromkeys(told)) == stages
    assert list(result.compute_s) == stages
    assert all(seconds >= 0 for seconds in result.compute_s.values())


class FakePredictor:
    """Draws a character by the tour over its field, as a trained network would."""

    weights_hash = "f" * 64

    def __init__(self):
        self.seen = []

    def gestures(self, images):
        self.seen.append(len(images))
        return [tour_gesture(InkImage(image)) for image in images]


def test_the_network_draws_characters_and_its_hash_is_kept(picture, monkeypatch):
    predictor = FakePredictor()
    monkeypatch.setattr("strokebot.sketch.load_predictor", lambda weights=None: predictor)
    result = pipeline.draw(picture, DrawOptions(method="model", polish=False))
    sketch = result.plan.sketch
    assert predictor.seen == [2]
    assert (sketch.method, sketch.weights_sha256, sketch.polished) == ("model", "f" * 64, False)
    assert result.fidelity["ink_recall"] > 0.9
    assert any("f" * 64 in line for line in result.plan.gcode)


def test_characters_are_fitted_to_their_fields_in_widths_of_the_pen(picture, monkeypatch):
    from strokebot import sketch

    calls = []

    def refine(gesture, ink, **options):
        calls.append((ink.ink.shape, options))
        return type("R", (), {"gesture": gesture, "iou_after": 1.0})

    monkeypatch.setattr(sketch, "refine_gesture", refine)
    monkeypatch.setattr(sketch, "load_predictor", lambda weights=None: FakePredictor())
    plan = pipeline.plan(picture, DrawOptions(method="model"))
    assert plan.sketch.polished
    *fields, (page, options) = calls
    assert [shape for shape, _ in fields] == [(28, 28)] * 2
    assert page == plan.ink.ink.shape
    for _, chosen in fields:
        # The placement has seen to it that the pen can draw the letters.
        assert chosen["min_width_px"] < 4.0
        ratio = options["max_width_px"] / options["min_width_px"]
        assert chosen["max_width_px"] / chosen["min_width_px"] <= ratio + 1e-9  # thickened by as much


def test_without_weights_the_tour_draws_and_says_why(picture, monkeypatch):
    def missing(weights=None):
        raise WeightsError("There are no weights here.")

    monkeypatch.setattr("strokebot.sketch.load_predictor", missing)
    monkeypatch.setattr(
        "strokebot.sketch.choose_method",
        lambda ink, glyphs: type("C", (), {"method": "model", "reason": "Two."}),
    )
    sketch = pipeline.plan(picture).sketch
    assert sketch.method in ("hand", "tour")
    assert sketch.reason.startswith("Two. The network cannot be used: There are no weights here.")
    with pytest.raises(WeightsError):
        pipeline.plan(picture, DrawOptions(method="model"))
    with pytest.raises(WeightsError):
        pipeline.plan(picture, DrawOptions(weights=Path("mine.safetensors")))


def test_performing_reports_the_machine_and_keeps_the_rehearsal(result):
    events = []
    performed = pipeline.perform(result, "sim://grbl", lambda device: events.append)
    assert performed.performed_s is not None
    assert performed.stream.acknowledged == result.stream.lines
    assert performed.trace is result.trace
    assert events
    assert report.build_report(performed)["stream"]["target"] == "machine"


# -- the report and the files ---------------------------------------------------------------------


def paths(value, prefix=""):
    """Dotted names of all fields."""
    for key, part in value.items():
        yield prefix + key
        if isinstance(part, dict):
            yield from paths(part, f"{prefix}{key}.")


def test_the_report_has_the_documented_fields_and_no_other(result):
    described = set(re.findall(r"^\| `([a-z0-9_.]+)` \|", (DOCS / "report.md").read_text(), re.MULTILINE))
    have = {p for p in paths(report.build_report(result)) if not p.startswith("time.compute_s.")}
    assert have == described


def test_the_report_begins_with_its_version_and_holds_finite_numbers(result):
    data = report.build_report(result)
    assert next(iter(data.items())) == ("version", report.REPORT_VERSION)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    numbers = [
        v for part in data.values() if isinstance(part, dict) for v in part.values() if isinstance(v, float)
    ]
    assert len(numbers) > 15
    assert all(map(math.isfinite, numbers))


def test_the_report_tells_lengths_and_limits_as_they_are(result):
    data = report.build_report(result)
    assert data["path"]["drawn_mm"] == pytest.approx(result.trace.drawn_mm, rel=0.02)
    # Two lines drawn once each are as long as their skeleton, but for what it lacks at the ends.
    assert data["path"]["skeleton_mm"] == pytest.approx(data["path"]["drawn_mm"], rel=0.15)
    use = data["limits"]["axis_use"]
    assert 0 < max(use.values()) <= 1.02
    assert data["limits"]["peak_draw_speed_mm_s"] <= result.plan.profile.pen.draw_speed_mm_s * 1.01
    assert data["image"]["size"] == [140, 90]


def test_saved_files_are_complete_and_read_back(result, tmp_path):
    files = report.save_drawing(result, tmp_path / "new" / "folder")
    assert [f.name for f in files] == [
        "gesture.json", "trajectory.npz", "drawing.gcode", "drawing.svg", "dry_run.png", "recipe.txt",
        "report.json",
    ]  # fmt: skip
    assert sorted(f.name for f in files[0].parent.iterdir()) == sorted(f.name for f in files)
    gesture = Gesture.load(files[0])
    np.testing.assert_allclose(gesture.positions, result.plan.sketch.gesture.positions, atol=1e-5)
    np.testing.assert_array_equal(Trajectory.load(files[1]).xy_mm, result.plan.trajectory.xy_mm)
    recording = simulate_lines(read_gcode(files[2]), result.plan.profile.machine)
    assert len(recording.t_s) > 100
    assert files[3].read_text().startswith("<?xml")
    assert files[4].read_bytes().startswith(b"\x89PNG")
    assert from_text(files[5].read_text()) == result.plan.options
    assert json.loads(files[6].read_text())["version"] == report.REPORT_VERSION


def test_equal_drawings_give_equal_files_but_for_the_computing_time(picture, tmp_path):
    first, second = (
        report.save_drawing(pipeline.draw(picture, DrawOptions(method="tour")), tmp_path / name)
        for name in ("a", "b")
    )
    for one, other in zip(first[:-1], second[:-1], strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    one, other = (json.loads(files[-1].read_text()) for files in (first, second))
    del one["time"]["compute_s"], other["time"]["compute_s"]
    assert one == other


def test_a_folder_that_cannot_be_written_to_is_one_line_and_leaves_nothing(result, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StrokebotError, match="Cannot write"):
        report.save_drawing(result, tmp_path / "file" / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_nearly_full_ink_is_full_and_paler_lines_stay_paler():
    ink = np.array([1.0, 0.8, 0.75, 0.6, 0.5, 0.2, 0.0])
    gesture = Gesture.from_positions(np.arange(14.0).reshape(7, 2), np.full(7, 0.1), ink)
    raised = solid(gesture)
    np.testing.assert_allclose(raised.intensity, [1, 1, 1, 0.8, 2 / 3, 0.2, 0.0])
    np.testing.assert_array_equal(raised.pen_down, gesture.pen_down)
    np.testing.assert_array_equal(raised.positions, gesture.positions)
