"""Profiles on the command line: comments, defaults, shadows, and what was only simulated."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.paper import Paper
from calibration.pen import PenModel
from calibration.profile import Profile, find_profile
from firmware_bridge.machine import MachineProfile
from strokebot import calibrating, cli

DOT = "G21 G90\nG0 Z3\nG1 X5 Y5 F600\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the program in a fresh home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "dot.gcode").write_text(DOT)

    def invoke(*arguments):
        return CliRunner().invoke(cli.app, [str(a) for a in arguments])

    return invoke


def own(name):
    return Path("config/strokebot/profiles") / f"{name}.toml"


@pytest.mark.parametrize("base", [name for name in Profile.names() if not find_profile(name).own])
def test_a_new_profile_keeps_the_comments_and_has_a_name_of_its_own(run, base):
    assert run("profile", "new", "mine", "--from", base).exit_code == 0
    text = own("mine").read_text()
    assert re.findall(r"#.*", text) == re.findall(r"#.*", find_profile(base).text)
    assert Profile.load("mine").machine.name == "mine"


def test_every_key_of_a_profile_is_shown(run):
    text = run("profile", "show").stdout
    for part in (MachineProfile, PenModel, Paper):
        for field in fields(part):
            assert re.search(
                rf"^(# +)?(\w+\.)?{field.name}\b|\[machine\.{field.name}\]", text, re.MULTILINE
            ), field.name


def test_the_profile_that_others_begin_from_names_every_key():
    """In the file itself, so that a copy of it shows what can be set."""
    text = find_profile("grbl-z").text
    for part in (MachineProfile, PenModel, Paper):
        for field in fields(part):
            assert re.search(rf"\b{field.name}\b", text), field.name


def test_show_checks_values_and_names_the_key(run):
    run("profile", "new", "mine")
    file = own("mine")
    text = file.read_text()
    file.write_text(text.replace("up = 3.0", "up = 300.0"))
    done = run("profile", "show", "mine")
    assert done.exit_code == 1
    assert "pen.up is 300" in done.stderr
    assert "cannot be used: mine.toml: pen.up is 300" in run("profile", "list").stdout
    file.write_text(text.replace("pen_max_speed", "pen_max_sped"))
    assert (
        "machine.pen_max_sped is not a known key: did you mean pen_max_speed?"
        in run("profile", "show", "mine").stderr
    )
    assert "Did you mean mine?" in run("profile", "show", "mien").stderr


def test_what_takes_the_place_of_a_shipped_profile_is_said(run):
    assert "in place of" not in run("profile", "list").stdout
    done = run("profile", "new", "grbl-z")
    assert "takes the place of the shipped grbl-z" in done.stdout
    (line,) = [row for row in run("profile", "list").stdout.splitlines() if row.startswith("grbl-z")]
    assert line.endswith("(your own, in place of the shipped one)")
    assert run("profile", "show").stdout.startswith("# grbl-z: your own, in place of the shipped one\n")


# -- nothing simulated is ever used for real ------------------------------------------------------


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr(calibrating, "_SHEET_PX_PER_MM", 13.0)
    monkeypatch.setattr(calibrating, "_SCAN_DPI", 254.0)


def test_a_simulated_calibration_leaves_every_profile_alone(run, coarse):
    run("profile", "new", "small")
    own("small").write_text(own("small").read_text().replace("[210.0, 297.0]", "[148.0, 210.0]"))
    before = {file: file.read_bytes() for file in own("small").parent.iterdir()}
    done = run("calibrate", "--simulate", "--profile", "small")
    assert done.exit_code == 0, done.output
    assert {file: file.read_bytes() for file in own("small").parent.iterdir()} == before
    folder = Path("strokebot-out/calibration/small/virtual-pen")
    fitted = Profile.load(str(folder / "profile.toml"))
    assert fitted.virtual
    assert fitted.pen.calibrated is not None
    assert re.findall(r"#.*", (folder / "profile.toml").read_text()) == re.findall(
        r"#.*", own("small").read_text()
    )
    # a real calibration afterwards is not told that it is finished
    assert "Step 1 of 3" in run("calibrate", "--profile", "small").stdout

    # no name of a real profile is given to it, and under its own it is told apart
    refused = run("calibrate", "pen", "fit", "--profile", "small", "-o", folder, "--save-as", "small")
    assert refused.exit_code == 1
    assert "'small' is a profile for a real machine" in refused.stderr
    assert (
        run("calibrate", "pen", "fit", "--profile", "small", "-o", folder, "--save-as", "grbl-z").exit_code
        == 1
    )
    assert (
        run("calibrate", "pen", "fit", "--profile", "small", "-o", folder, "--save-as", "try").exit_code == 0
    )
    assert re.search(
        r"^try .*on virtual paper: not for a real machine \(your own\)", run("profile", "list").stdout, re.M
    )

    for arguments in (
        ["draw", "x.png", "--yes"],
        ["send", "dot.gcode", "--yes"],
        ["pen", "down", "--yes"],
        ["jog", "--x", "5", "--yes"],
        ["home", "--yes"],
        ["calibrate", "pen", "chart", "--yes"],
        ["calibrate", "--yes"],
    ):
        done = run(*arguments, "--profile", "try", "--port", "/dev/null")
        assert done.exit_code == 1
        assert "measured on virtual paper" in done.stderr
    assert run("pen", "down", "--profile", "try").exit_code == 0  # on the virtual machine


def test_a_real_sheet_is_not_fitted_onto_a_virtual_profile(tmp_path, monkeypatch):
    from dataclasses import replace

    from calibration.errors import ProfileError

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "v.toml"
    file.write_text(replace(Profile.load(), virtual=True).to_toml())
    folder = tmp_path / "pen"
    calibrating.make_chart("pen", Profile.load(), folder)
    (folder / "widths.txt").write_text("pressure-up-1 0.35\npressure-up-5 0.8\n")
    calibrating.measure_by_hand(folder / "widths.txt", folder)
    with pytest.raises(ProfileError, match="virtual paper"):
        calibrating.fit_sheet("pen", str(file), folder)


def test_python_refuses_it_too(tmp_path):
    from dataclasses import replace
    from types import SimpleNamespace

    from calibration.errors import ProfileError
    from strokebot import pipeline

    profile = replace(Profile.load(), virtual=True)
    result = SimpleNamespace(plan=SimpleNamespace(profile=profile))
    with pytest.raises(ProfileError, match="virtual paper"):
        pipeline.perform(result, "/dev/null")


# -- a profile read from a machine ----------------------------------------------------------------


@pytest.fixture
def served():
    """A GRBL machine of 200 x 150 mm that is slower than the shipped profile says, behind a port."""
    import threading
    from dataclasses import replace

    from firmware_bridge.program import Envelope
    from firmware_bridge.simulator import FreeRunning, virtual_controller
    from firmware_bridge.simulator.serve import serve_tcp

    machine = replace(
        Profile.load("grbl-z").machine,
        max_speed_mm_s=(60.0, 50.0),
        envelope=Envelope(0.0, 200.0, 0.0, 150.0, -2.0, 5.0),
    )
    stop, ready, where = threading.Event(), threading.Event(), []

    def on_ready(number):
        where.append(number)
        ready.set()

    work = threading.Thread(
        target=serve_tcp,
        args=(virtual_controller("grbl", machine), stop),
        kwargs={"clock": FreeRunning(), "on_ready": on_ready},
    )
    work.start()
    assert ready.wait(10.0)
    yield f"socket://127.0.0.1:{where[0]}"
    stop.set()
    work.join()


def test_a_profile_is_read_from_the_connected_machine(run, served):
    done = run("profile", "read", "mine", "--port", served)
    assert done.exit_code == 0, done.output
    assert "max_speed_mm_s: 60, 50, not 120, 120  ($110, $111)" in done.stdout
    found = Profile.load("mine").machine
    assert found.max_speed_mm_s == (60.0, 50.0)
    assert (found.envelope.x_max_mm, found.envelope.y_max_mm) == (200.0, 150.0)
    assert (found.url, found.name) == (served, "mine")
    assert re.findall(r"#.*", own("mine").read_text()) == re.findall(r"#.*", find_profile("grbl-z").text)
    assert run("profile", "read", "mine", "--port", served).exit_code == 1  # it exists


def test_a_person_tells_pen_and_paper(run, served, monkeypatch):
    from strokebot.commands import profiles

    monkeypatch.setattr(profiles, "sys", type("Sys", (), {"stdin": type("In", (), {"isatty": lambda: True})}))
    # up under touch is refused and asked once more
    wrong, right = ["1", "2", "0.5"] + [""] * 4, ["5", "2", "0.5", "148", "105", "", "7"]
    done = CliRunner().invoke(
        cli.app, ["profile", "read", "mine", "--port", served], input="\n".join([*wrong, *right]) + "\n"
    )
    assert done.exit_code == 0, done.output
    assert "Once more" in done.stderr
    found = Profile.load("mine")
    assert (found.pen.up, found.pen.touch, found.pen.full) == (5.0, 2.0, 0.5)
    assert found.pen.values == pytest.approx((2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5))
    assert (found.paper.size_mm, found.paper.origin_mm) == ((148.0, 105.0), (5.0, 7.0))
