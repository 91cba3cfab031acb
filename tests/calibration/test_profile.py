import tomllib
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import ProfileError
from calibration.profile import Paper, Profile, find_profile
from firmware_bridge.errors import ProgramError
from firmware_bridge.toml_table import dump_toml

POINTS = [[0.0, 0.0], [210.0, 0.0], [12.5, 297.0], [-3.0, 7.0]]


@settings(max_examples=30, deadline=None)
@given(st.floats(-360, 360), st.floats(-500, 500), st.floats(-500, 500))
def test_paper_to_machine_is_a_rigid_change_with_an_inverse(angle, x0, y0):
    profile = replace(Profile.load(), paper=Paper((210, 297), (x0, y0), angle))
    there = profile.to_machine(POINTS)
    np.testing.assert_allclose(profile.from_machine(there), POINTS, rtol=0, atol=1e-9)
    distances = [np.linalg.norm(np.diff(p, axis=0), axis=1) for p in (np.array(POINTS), there)]
    np.testing.assert_allclose(distances[0], distances[1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(there[0], [x0, y0], atol=1e-9)


def test_rotation_is_counter_clockwise(profile):
    turned = replace(profile, paper=Paper((210, 297), (10, 20), 90))
    np.testing.assert_allclose(turned.to_machine([[5, 0]]), [[10, 25]], atol=1e-9)


def test_points_of_another_shape_are_refused(profile):
    with pytest.raises(ProfileError, match=r"\(K, 2\)"):
        profile.to_machine([1.0, 2.0])


def test_pen_value_is_up_where_the_pen_is_not_down(profile):
    values = profile.pen_value([0.3, 0.3, 1.2, 99.0], [1, 1, 1, 1], [False, True, True, True])
    np.testing.assert_allclose(values, [3.0, 0.0, -1.5, -1.5], atol=1e-9)
    np.testing.assert_allclose(profile.drawn_width_mm(values), [0.0, 0.3, 1.2, 1.2], atol=1e-9)


@pytest.mark.parametrize("name", ["grbl-z", "grbl-servo"])
def test_shipped_profiles_load_hold_a4_both_ways_and_survive_a_round_trip(name):
    assert name in Profile.names()
    profile = Profile.load(name)
    assert Profile.from_toml(profile.to_toml()) == profile
    assert profile.pen.calibration_note == "not calibrated"
    box = profile.machine.envelope
    for size in ((210, 297), (297, 210)):
        sheet = profile.with_paper(size)
        corners = sheet.to_machine([[0, 0], size])
        assert (corners >= [box.x_min_mm, box.y_min_mm]).all()
        assert (corners <= [box.x_max_mm, box.y_max_mm]).all()


def test_default_is_the_z_plotter():
    assert Profile.load() == Profile.load("grbl-z")


def test_round_trip_keeps_the_optional_values(profile):
    pen = replace(profile.pen, calibrated=date(2026, 1, 31), residual_mm=0.02, draw_acceleration_mm_s2=300.0)
    machine = replace(profile.machine, name='a "quoted" \\ name', pen_safe=2.0)
    full = Profile(machine, pen, Paper((100, 150), (1.5, -2.5), -12.25))
    assert Profile.from_toml(full.to_toml()) == full


def test_own_profiles_are_found_by_name_and_win(profile, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "strokebot" / "profiles"
    folder.mkdir(parents=True)
    mine = replace(profile, paper=Paper((100, 150)))
    (folder / "mine.toml").write_text(mine.to_toml(), encoding="utf-8")
    (folder / "grbl-servo.toml").write_text(mine.to_toml(), encoding="utf-8")
    names = Profile.names()
    assert names == sorted(set(names))
    assert {"grbl-servo", "grbl-z", "mine"} <= set(names)
    assert Profile.load("mine") == mine
    assert Profile.load("grbl-servo") == mine
    assert Profile.load(str(folder / "mine.toml")) == mine


def test_a_missing_profile_names_the_known_ones():
    with pytest.raises(ProfileError, match=r"no profile 'nonsense'.*grbl-z"):
        Profile.load("nonsense")
    with pytest.raises(ProfileError, match="no profile"):
        Profile.load("/does/not/exist.toml")


def test_a_profile_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="Cannot read"):
        Profile.load(str(path))
    with pytest.raises(ProfileError, match="is not TOML"):
        Profile.from_toml("[machine", "broken.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("pen"), "pen is missing"),
        (lambda d: d.pop("machine"), "machine is missing"),
        (lambda d: d.update(extra={}), "extra is not a known key"),
        (lambda d: d["pen"].pop("touch"), "pen.touch is missing"),
        (lambda d: d["pen"].update(toch=1.0), "pen.toch is not a known key: did you mean touch"),
        (lambda d: d["machine"].update(bed_rate=1), "machine.bed_rate is not .*: did you mean baud_rate"),
        (
            lambda d: d["machine"]["envelope"].update(x_mn_mm=1.0),
            "machine.envelope.x_mn_mm is not a known key: did you mean x_min_mm",
        ),
        (lambda d: d.update(papier={}), "papier is not a known key: did you mean paper"),
        (lambda d: d["pen"].update(colour="red"), "pen.colour is not a known key"),
        (lambda d: d["pen"].update(up="high"), "pen.up is 'high': it must be a number"),
        (lambda d: d["pen"].update(up=True), "pen.up"),
        (lambda d: d["pen"].update(values=3), "pen.values"),
        (lambda d: d["pen"].update(calibrated="yesterday"), "pen.calibrated"),
        (lambda d: d["pen"].update(actuator=""), "pen.actuator"),
        (lambda d: d["pen"].update(actuator="servo"), "machine.pen_actuator"),
        (lambda d: d["pen"].update(up=9.0), "pen.up is 9: it lies outside the machine's pen axis"),
        (lambda d: d["pen"].update(draw_speed_mm_s=0), "pen.draw_speed_mm_s"),
        (lambda d: d["paper"].update(size_mm=[210]), "paper.size_mm"),
        (lambda d: d["paper"].update(size_mm=[1, 2]), "paper.size_mm"),
        (lambda d: d["paper"].update(rotation_deg=999), "paper.rotation_deg"),
        (lambda d: d["paper"].update(rotate=1), "paper.rotate"),
        (lambda d: d["machine"].update(max_speed=1), "machine.max_speed"),
        (lambda d: d["machine"].update(pen_max_speed=-1), "machine.pen_max_speed"),
        (lambda d: d["machine"].pop("envelope"), "machine.envelope"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(profile, change, message):
    document = tomllib.loads(profile.to_toml())
    change(document)
    with pytest.raises(ProfileError, match="mine.toml.*" + message):
        Profile.from_toml(dump_toml(document), "mine.toml")


def test_a_text_with_a_control_character_is_not_written():
    with pytest.raises(ProgramError, match="control character"):
        dump_toml({"a": "x\ny"})
    with pytest.raises(ProgramError, match="cannot hold"):
        dump_toml({"a": object()})


@pytest.mark.parametrize("change", [{"size_mm": (1, 2, 3)}, {"origin_mm": (0, 1e9)}, {"rotation_deg": 1e3}])
def test_paper_checks_its_values(change):
    with pytest.raises(ProfileError, match=next(iter(change))):
        Paper(**({"size_mm": (100, 100)} | change))


def test_keys_of_the_pens_ink_and_lag_are_read_and_written():
    plain = Profile.load("grbl-z")
    pen = replace(plain.pen, lag_s=0.05, dwell_s=0.2, darkness_speed_exponent=0.4, reference_speed_mm_s=30.0)
    profile = replace(plain, pen=pen)
    assert Profile.from_toml(profile.to_toml()) == profile
    with pytest.raises(ProfileError, match=r"pen\.lag_s"):
        Profile.from_toml(profile.to_toml().replace("lag_s = 0.05", "lag_s = 'late'"))


@pytest.mark.parametrize(("levels", "fault"), [("2.5", "whole number"), ("'many'", "pen.levels")])
def test_levels_are_counted(levels, fault):
    text = Profile.load("grbl-servo").to_toml().replace("[pen]", f"[pen]\nlevels = {levels}")
    with pytest.raises(ProfileError, match=fault):
        Profile.from_toml(text)
    good = Profile.from_toml(text.replace(levels, "9"))
    assert good.pen.levels == 9
    assert Profile.from_toml(good.to_toml()) == good


@settings(max_examples=30)
@given(
    st.lists(st.floats(-0.1, 0.1), min_size=4, max_size=4),
    st.floats(-180, 180),
    st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=5),
)
def test_a_correction_is_undone_on_the_way_back(change, angle, points):
    plain = Profile.load("grbl-z")
    correction = tuple(np.array([1.0, 0.0, 0.0, 1.0]) + change)
    profile = replace(plain, paper=Paper((100, 150), (7.0, -3.0), angle, correction))
    np.testing.assert_allclose(profile.from_machine(profile.to_machine(points)), points, atol=1e-9)
    turned = replace(plain, paper=Paper((100, 150), (0.0, 0.0), angle))
    corrected = turned.to_machine(points) @ np.array(correction).reshape(2, 2).T + [7.0, -3.0]
    np.testing.assert_allclose(profile.to_machine(points), corrected, atol=1e-9)


def test_height_is_added_where_the_pen_is_down():
    plain = Profile.load("grbl-z")
    profile = replace(plain, paper=replace(plain.paper, height=(0.1, 0.001, -0.002)))
    xy = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 50.0]])
    down = np.array([True, True, False])
    level = plain.pen_value([0.5] * 3, [1] * 3, down)
    tilted = profile.pen_value([0.5] * 3, [1] * 3, down, xy)
    np.testing.assert_allclose(tilted - level, [0.1, 0.2, 0.0])
    np.testing.assert_array_equal(profile.pen_value([0.5] * 3, [1] * 3, down), level)


def test_correction_height_and_play_are_read_and_written():
    plain = Profile.load("grbl-z")
    paper = replace(plain.paper, correction=(1.001, 0.002, -0.003, 0.99), height=(0.1, 0.001, -0.002))
    profile = replace(plain, paper=paper, pen=replace(plain.pen, play=0.08))
    assert Profile.from_toml(profile.to_toml()) == profile


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("correction", (1.0, 0.0, 0.5, 1.0)),
        ("correction", (1.0, 0.0, 0.0)),
        ("height", (0.0, float("nan"), 0.0)),
    ],
)
def test_impossible_corrections_are_refused(key, value):
    with pytest.raises(ProfileError, match=f"paper.{key}"):
        Paper((100, 150), **{key: value})


def test_paper_that_reaches_up_to_the_lifted_pen_is_refused():
    plain = Profile.load("grbl-z")
    replace(plain, paper=replace(plain.paper, height=(0.0, 0.009, 0.0)))
    with pytest.raises(ProfileError, match=r"paper\.height brings"):
        replace(plain, paper=replace(plain.paper, height=(0.0, 0.009, 0.005)))
    flipped = replace(Profile.load("grbl-servo"))
    with pytest.raises(ProfileError, match=r"paper\.height brings"):
        replace(flipped, paper=replace(flipped.paper, height=(0.0, -3.0, 0.0)))


def test_the_pen_of_a_servo_says_which_end_is_up():
    text = find_profile("grbl-servo").text.replace("up = 0.0", "up = 50.0")
    assert "pen_safe" not in text
    assert Profile.from_toml(text).machine.safe_pen == 50.0
