"""A whole calibration on virtual paper, coarse so that it is quick, and what goes wrong on the way."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import ChartError, FitError, MeasureError
from calibration.measurements import Measurements
from calibration.profile import Paper, Profile
from strokebot import calibrating


@pytest.fixture(autouse=True)
def coarse(monkeypatch, tmp_path):
    monkeypatch.setattr(calibrating, "_SHEET_PX_PER_MM", 13.0)
    monkeypatch.setattr(calibrating, "_SCAN_DPI", 254.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def small(tmp_path):
    """A profile file with an A5 sheet."""
    path = tmp_path / "mine.toml"
    path.write_text(replace(Profile.load("grbl-z"), paper=Paper((148.0, 210.0), (5.0, 5.0))).to_toml())
    return path


def test_a_pen_is_calibrated_from_chart_to_profile(small, tmp_path):
    folder, profile = tmp_path / "pen", Profile.load(str(small))
    sheet = calibrating.make_chart("pen", profile, folder)
    assert {f.name for f in sheet.files} == {"chart.json", "chart.png", "chart.gcode"}
    assert calibrating.load_chart(folder).checksum == sheet.chart.checksum
    scan = calibrating.virtual_scan(sheet, profile, folder, seed=2)
    reading = calibrating.measure_sheet(scan, folder)
    assert reading.measurements.source == "scan"
    assert (folder / "overlay.png").read_bytes().startswith(b"\x89PNG")
    fitted = calibrating.fit_sheet("pen", str(small), folder)
    assert fitted.name == str(folder / "profile.toml")
    assert fitted.virtual
    assert "touches at" in fitted.words[0]
    assert all(file.exists() for file in fitted.files)
    pen, _ = calibrating.hidden_truth(profile, seed=2)
    after = Profile.load(fitted.name).pen
    assert after.calibrated is not None
    wanted = np.linspace(after.min_width_mm + 0.05, after.max_width_mm - 0.05, 8)
    drawn = pen.width_mm(after.value_for(wanted))
    guessed = pen.width_mm(profile.pen.value_for(wanted))
    assert np.abs(drawn - wanted).max() < 0.05
    assert np.abs(drawn - wanted).mean() < 0.5 * np.abs(guessed - wanted).mean()


def test_a_machine_is_calibrated_on_a_printed_sheet(small, tmp_path):
    folder, profile = tmp_path / "geometry", Profile.load(str(small))
    sheet = calibrating.make_chart("geometry", profile, folder, printed=True)
    assert (folder / "fiducials.png").exists()
    calibrating.measure_sheet(calibrating.virtual_scan(sheet, profile, folder, seed=2), folder)
    fitted = calibrating.fit_sheet("geometry", str(small), folder)
    _, machine = calibrating.hidden_truth(profile, seed=2)
    after = Profile.load(fitted.name)
    points = np.random.default_rng(0).uniform([20, 20], [128, 190], (50, 2))
    straight = replace(machine, play_mm=(0.0, 0.0))

    def error(used):
        return np.linalg.norm(
            profile.from_machine(straight.position_mm(used.to_machine(points))) - points, axis=1
        )

    assert np.sqrt(np.mean(error(after) ** 2)) < 0.06
    assert np.sqrt(np.mean(error(after) ** 2)) < 0.2 * np.sqrt(np.mean(error(profile) ** 2))
    assert "Corners were" in fitted.words[0]


def test_a_second_round_meets_the_same_machine_and_leaves_less(small, tmp_path):
    folder, found = tmp_path / "geometry", []
    for name in (str(small), str(folder / "profile.toml")):
        profile = Profile.load(name)
        sheet = calibrating.make_chart("geometry", profile, folder, printed=True)
        calibrating.measure_sheet(calibrating.virtual_scan(sheet, profile, folder, seed=2), folder)
        words = calibrating.fit_sheet("geometry", name, folder).words[0]
        found.append(float(re.search(r"Corners were ([0-9.]+) mm off", words).group(1)))
    assert found[0] > 0.2
    assert found[1] < 0.4 * found[0]  # the play of the axes stays


def test_a_geometry_and_a_pen_end_in_one_profile(small, tmp_path):
    profile = Profile.load(str(small))
    for what in ("geometry", "pen"):
        folder = tmp_path / what
        sheet = calibrating.make_chart(what, profile, folder, printed=what == "geometry")
        calibrating.measure_sheet(calibrating.virtual_scan(sheet, profile, folder, seed=1), folder)
        calibrating.fit_sheet(what, str(small), folder, save_as="mine")
    after = Profile.load("mine")
    assert after.virtual
    assert after.pen.calibrated is not None
    assert after.paper.origin_mm != profile.paper.origin_mm


def test_each_step_says_what_it_lacks(tmp_path, small):
    with pytest.raises(ChartError, match=r"no chart in .*: make one first"):
        calibrating.measure_sheet(tmp_path / "scan.png", tmp_path)
    calibrating.make_chart("pen", Profile.load(str(small)), tmp_path)
    with pytest.raises(MeasureError, match="Cannot read the picture"):
        calibrating.measure_sheet(tmp_path / "scan.png", tmp_path)
    with pytest.raises(MeasureError, match="Nothing was measured"):
        calibrating.fit_sheet("pen", str(small), tmp_path)
    (tmp_path / "measurements.json").write_text("{}")
    with pytest.raises(MeasureError, match="not hold"):
        calibrating.fit_sheet("pen", str(small), tmp_path)
    (tmp_path / "chart.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ChartError, match="not a strokebot chart"):
        calibrating.load_chart(tmp_path)


def test_widths_from_a_caliper(small, tmp_path):
    profile = Profile.load(str(small))
    chart = calibrating.make_chart("pen", profile, tmp_path).chart
    pen, _ = calibrating.hidden_truth(profile, seed=4)
    marks = [m for m in chart.marks if m.name.startswith("pressure-up-")]
    lines = [f"{m.name} {float(pen.width_mm(m.pen[0], m.feed_mm_s)):.2f}  # loupe" for m in marks]
    file = tmp_path / "widths.txt"
    file.write_text("\n".join(["# mark and width in mm", "", *lines]).replace(".", ",", 1))
    assert calibrating.measure_by_hand(file, tmp_path) == len(marks)
    measured = Measurements.from_json((tmp_path / "measurements.json").read_text())
    assert measured.source == "caliper"
    calibrating.fit_sheet("pen", str(small), tmp_path)
    after = Profile.load("mine").pen
    middle = 0.5 * (after.min_width_mm + after.max_width_mm)
    assert float(pen.width_mm(after.value_for(np.array([middle])))[0]) == pytest.approx(middle, abs=0.06)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pressure-up-1", "line 1: 'pressure-up-1' is not a mark and its width"),
        ("pressure-up-1 wide", "is not a mark and its width"),
        ("nothing-like-it 0.4", "nothing-like-it"),
    ],
)
def test_bad_lists_of_widths_are_refused(small, tmp_path, text, message):
    calibrating.make_chart("pen", Profile.load(str(small)), tmp_path)
    file = tmp_path / "widths.txt"
    file.write_text(text)
    with pytest.raises((MeasureError, ChartError, FitError), match=message):
        calibrating.measure_by_hand(file, tmp_path)


def test_a_camera_needs_opencv_or_says_that_it_gives_nothing(tmp_path):
    with pytest.raises(MeasureError, match=r"opencv|gives no picture"):
        calibrating.take_photo("99", tmp_path)


@pytest.mark.parametrize("pictures", [1, 9])
def test_a_camera_may_be_a_file_of_one_picture_or_a_video(tmp_path, pictures):
    cv2 = pytest.importorskip("cv2", reason="opencv is not installed")
    last = np.full((240, 320, 3), 200, dtype=np.uint8)
    last[60:180, 80:240] = 30
    if pictures == 1:
        file = tmp_path / "one.png"
        cv2.imwrite(str(file), last)
    else:
        file = tmp_path / "video.avi"
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (320, 240))
        for k in range(pictures):  # the first ones are dark
            writer.write(last if k >= 3 else last // 4)
        writer.release()
    photo = calibrating.take_photo(str(file), tmp_path)
    grey = cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE)
    assert grey.shape == (240, 320)
    assert grey[10, 10] == pytest.approx(200, abs=8)
    assert grey[120, 160] == pytest.approx(30, abs=8)
