"""The benchmark of pictures: what is counted where, failures included, and that it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import picture_order, picture_runs, pictures
from benchmarks.draw_cost import cost_of
from benchmarks.line_metrics import Drawing, Score
from benchmarks.picture_runs import FAILED, Outcome, Result, fill_profile, machine_time_s, plan_drawing, run
from benchmarks.picture_set import Picture
from benchmarks.picture_sheet import save_sheet
from benchmarks.plain_tour import plain_tour
from benchmarks.rivals import Rival
from calibration.profile import Profile
from strokebot import pipeline
from strokebot.errors import ImageError

INK = np.zeros((8, 8), dtype=np.float32)
TOUR = Rival("tour", "plain tour", lambda t: plain_tour(t.mask))


def result(
    kind: str, iou: float, f1: float = 1.0, seconds: float = 1.0, tour: Score | None = None, lifts: int = 0
) -> Result:
    drawing = Drawing(())
    score = Score(iou, 1.0, f1, 1.1, lifts, 0.0)
    ways = {"": Outcome(drawing, score, INK, 0.1, seconds)}
    if tour is not None:
        ways["tour"] = Outcome(drawing, tour, INK, 0.1, 2.0, 1.6)
    return Result(Picture("p", kind, INK), INK, ways, 0.5, 0.25 if kind == "photo" else float("nan"), "tour")


def plain(iou: float) -> Score:
    return Score(iou, 1.0, 0.9, 1.3, 0, 0.0)


def test_each_figure_is_taken_over_its_kinds() -> None:
    found = pictures.figures(
        [
            result("word", 0.9, 0.99, 1.0, plain(0.8)),
            result("lineart", 0.8, 0.95, 1.6, plain(0.8), lifts=2),
            result("hairline", 0.5, 0.93, 0.2, plain(0.8)),  # worse than the plain tour
            result("clipart", 0.7, 0.1),
            result("pencil", 0.6, 0.2),
            result("photo", 0.3),
            result("scan", 0.0, 0.0),
        ],
        ["tour", ""],
    )
    assert found["line_iou_median"] == pytest.approx(0.85)
    assert found["line_f1_median"] == 0.95
    assert found["line_f1_worst"] == 0.93
    assert found["fill_iou_median"] == 0.7
    assert found["hairline_iou_median"] == 0.5
    assert found["pencil_iou_median"] == 0.6
    assert found["tone_correlation_min"] == 0.25
    assert found["extra_lifts_max"] == 2
    assert found["line_iou_median_tour"] == 0.8
    # Half and four fifths of the time; the hairline's tenth does not count, it is worse.
    assert found["time_vs_plain_tour"] == pytest.approx(0.65)
    assert found["time_vs_plain_tour_one_width"] == pytest.approx(0.8125)
    assert found["time_pictures_worse"] == 1


@pytest.mark.parametrize(
    ("wrong", "said"), [(ImageError("No."), "No."), (IndexError("of what"), "IndexError: of what")]
)
def test_a_failure_counts_nothing_and_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Exception, said: str
) -> None:
    def refuse(*_: object) -> None:
        raise wrong

    monkeypatch.setattr(picture_runs.pipeline, "draw", refuse)
    grey = np.full((20, 40), 255, dtype=np.uint8)
    grey[8:11, 5:35] = 0
    failed = run(Picture("bar", "lineart", grey), [TOUR], tmp_path)
    assert failed.ways[""].score == FAILED
    assert failed.ways[""].error == said
    assert failed.ways["tour"].score.iou > 0.8  # the others are measured all the same
    assert pictures.figures([failed], [""])["line_f1_worst"] == 0.0


def test_a_picture_is_drawn_by_both(tmp_path: Path) -> None:
    grey = np.full((60, 90), 255, dtype=np.uint8)
    grey[28:33, 10:80] = 0
    found = run(Picture("bar", "lineart", grey), [TOUR], tmp_path)
    assert set(found.ways) == {"", "tour"}
    assert found.ways[""].score.iou > 0.9
    assert found.ways[""].score.line_f1 > 0.95
    assert found.ways[""].machine_s > 0
    assert found.ways["tour"].machine_s > 0
    assert 0 < found.ways["tour"].one_width_s <= found.ways["tour"].machine_s + 1e-6
    assert found.machine_iou > 0.7
    save_sheet(tmp_path / "sheet.png", [found], [("outline", "outlines"), ("", "strokebot")])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 600


def test_thin_line_art_counts_as_hairlines(tmp_path: Path) -> None:
    grey = np.full((60, 90), 255, dtype=np.uint8)
    grey[30, 10:80] = 0
    assert run(Picture("thin", "lineart", grey), [], tmp_path).picture.kind == "hairline"


def test_the_same_drawing_takes_the_same_time(tmp_path: Path) -> None:
    grey = np.full((60, 90), 255, dtype=np.uint8)
    grey[28:33, 10:80] = 0
    plan = pipeline.plan(Picture("bar", "lineart", grey).saved(tmp_path))
    again = machine_time_s(plan_drawing(plan), plan)
    assert again == pytest.approx(plan.trajectory.duration_s, rel=0.05)
    line = np.array([(10.0, 30.0, 4.0, 1.0), (80.0, 30.0, 4.0, 1.0)])
    once = machine_time_s(Drawing((line,)), plan)
    back = np.array([(10.0, 30.0, 4.0, 1.0), (80.0, 30.0, 4.0, 1.0), (10.0, 30.0, 4.0, 1.0)])
    assert machine_time_s(Drawing((back,)), plan) > 1.2 * once  # the pen goes down and up but once
    parts = (line[:1] * 0.5 + line * 0.5, line)
    assert machine_time_s(Drawing(parts), plan) > once  # a lift and a way between


def test_the_pen_of_the_fills(tmp_path: Path) -> None:
    profile = Profile.load(str(fill_profile(tmp_path)))
    assert (profile.pen.min_width_mm, profile.pen.max_width_mm) == pytest.approx((0.3, 1.0))
    assert profile.paper.size_mm == (148.0, 210.0)


def test_order_of_a_way_that_writes_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specimens = list(picture_order._lettered(True, 2))
    right = {id(image): strokes for image, strokes in specimens}

    def drawn(image: object, backwards: bool) -> Drawing:
        strokes = [np.column_stack([s, np.full((len(s), 2), 1.0)]) for s in right[id(image)]]
        return Drawing(tuple(s[::-1] for s in strokes[::-1]) if backwards else tuple(strokes))

    good = picture_order._agreement(specimens, lambda image: drawn(image, False))
    bad = picture_order._agreement(specimens, lambda image: drawn(image, True))
    assert good.direction > 0.95
    assert good.tau > 0.95
    assert bad.direction < 0.05
    assert bad.tau < -0.9
    none = picture_order._agreement(specimens, lambda _: Drawing(()))
    assert (none.direction, none.tau) == (0.0, 0.0)


def test_the_cost_of_a_process_is_its_own(tmp_path: Path) -> None:
    ballast = np.ones(30_000_000)  # 240 MB here are not in the child
    cost = cost_of([sys.executable, "-c", "x = bytearray(80_000_000)"], tmp_path)
    assert ballast.size
    assert 80 < cost.peak_mb < 200
    assert cost.wall_s > 0
    assert cost.error == ""
    assert "exit code 3" in cost_of([sys.executable, "-c", "import sys; sys.exit(3)"], tmp_path).error


def test_a_missed_target_is_called_missed(capsys: pytest.CaptureFixture[str]) -> None:
    flat = {"line_f1_median": 0.999, "line_f1_worst": 0.9, "line_f1_worst_tour": 1.0, "draw_512_s": 4.1}
    pictures.print_targets(flat | {"extra_lifts_max": 0.0, "machine_iou_median": 0.5}, ["tour", ""])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert "MISSED" not in lines["line_f1_median"] + lines["extra_lifts_max"]
    assert "MISSED" in lines["line_f1_worst"]
    assert lines["line_f1_worst"].split()[-1] == "1"
    assert "MISSED" in lines["draw_512_s"]
    assert "machine_iou_median" in lines


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert pictures.main(["--quick", "--images", "/no/such/folder"]) == 1
    assert "no folder" in capsys.readouterr().err


@pytest.mark.slow
def test_the_quick_run_writes_its_keys(tmp_path: Path) -> None:
    assert pictures.main(["--quick", "--json", str(tmp_path / "p.json")]) == 0
    found = json.loads((tmp_path / "p.json").read_text())
    for key in ("line_f1_median", "line_f1_worst", "line_iou_median", "fill_iou_median"):
        assert 0.0 <= found[key] <= 1.0
        assert 0.0 <= found[f"{key}_tour"] <= 1.0
    for key in (
        "length_ratio_median", "time_vs_plain_tour", "direction_agreement", "order_tau", "extra_lifts_max",
        "tone_correlation_min",
    ):  # fmt: skip
        assert np.isfinite(found[key])
