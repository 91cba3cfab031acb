"""The hand through the whole program: what is asked for, what the report says, and what is missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from strokebot import pipeline
from strokebot.cli import app
from strokebot.errors import WeightsError
from strokebot.hand import policy
from strokebot.pipeline import DrawOptions
from strokebot.report import build_report
from tests.support.writing_cases import written


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hand") / "hitok.png"
    Image.fromarray(np.round(255 * (1 - written("hitok")[0].ink)).astype(np.uint8)).save(path)
    return path


def test_the_hand_draws_all_ink_and_the_report_says_so(picture: Path) -> None:
    hand = pipeline.draw(picture, DrawOptions(method="hand", stroke_style="hand", polish_seconds=0.2))
    sketch = hand.plan.sketch
    assert sketch.method == "hand"
    assert "networks decide" in sketch.reason
    assert hand.fidelity["ink_recall"] > 0.99
    report = build_report(hand)
    assert 0.3 < report["network_ink_share"] <= 1.0
    assert report["gesture"]["hand_lifts"] == sketch.hand_lifts > 0
    assert len(report["weights_sha256"]) == 3 * 64 + 2
    assert report["hand_ink_shares"]["followed"] == report["network_ink_share"]
    assert sum(report["hand_ink_shares"].values()) == pytest.approx(1.0)


def test_one_line_lifts_no_more_often_than_the_tour_and_the_same_call_draws_the_same(picture: Path) -> None:
    options = DrawOptions(method="hand", polish=False)
    one, again = pipeline.plan(picture, options).sketch, pipeline.plan(picture, options).sketch
    tour = pipeline.plan(picture, DrawOptions(method="tour", polish=False)).sketch
    assert one.gesture.lifts <= tour.gesture.lifts
    assert one.hand_lifts == 0
    np.testing.assert_array_equal(one.gesture.positions, again.gesture.positions)


def test_the_hand_draws_by_itself_and_lifts_no_more_often_than_the_tour(picture: Path) -> None:
    sketch = pipeline.plan(picture, DrawOptions(polish=False)).sketch
    tour = pipeline.plan(picture, DrawOptions(method="tour", polish=False)).sketch
    own = next(c for c in sketch.candidates if c.method != "model")
    assert own.method == "hand"
    assert own.gesture.lifts <= tour.gesture.lifts
    assert own.iou == pytest.approx(tour.candidates[0].iou, abs=0.01)


def test_without_its_networks_the_tour_draws_and_that_is_told_once(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "shipped_policy", lambda: tmp_path)
    sketch = pipeline.plan(picture, DrawOptions(polish=False)).sketch
    tour = pipeline.plan(picture, DrawOptions(method="tour", polish=False)).sketch
    own = next(c for c in sketch.candidates if c.method != "model")
    assert own.method == "tour"
    np.testing.assert_array_equal(own.gesture.positions, tour.gesture.positions)
    assert sketch.reason.count("The hand's networks cannot be used") == 1


def test_missing_networks_are_told_in_one_line(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        pipeline.plan(picture, DrawOptions(method="hand", weights=tmp_path))
    told = CliRunner().invoke(
        app, ["draw", str(picture), "--method", "hand", "--weights", str(tmp_path), "-o", str(tmp_path / "o")]
    )
    assert told.exit_code == 1


def test_explain_writes_a_sheet_where_the_hand_drew(picture: Path, tmp_path: Path) -> None:
    common = ["draw", str(picture), "--no-polish", "--explain", "--quiet"]
    done = CliRunner().invoke(app, [*common, "--method", "hand", "-o", str(tmp_path / "hand")])
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "hand" / "hand.png") as sheet:
        assert sheet.width > 800
    done = CliRunner().invoke(app, [*common, "--method", "tour", "-o", str(tmp_path / "tour")])
    assert done.exit_code == 0
    assert not (tmp_path / "tour" / "hand.png").exists()
