"""Commands that tell of a machine, or bring it into a state: what they print and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from strokebot import cli
from strokebot.commands.watching import asked

FILE = "G21 G90\nG0 Z5\nG0 X10 Y20\nG1 Z0 F600\nG1 X40 Y20 F1800\nG1 X40 Y60\nG0 Z5\n"
SIM = ["--port", "sim://grbl"]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, list(arguments))
    return done.exit_code, done.output


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "square.gcode"
    path.write_text(FILE)
    return str(path)


def test_status_tells_what_is_there_and_what_to_do() -> None:
    code, said = run("status", *SIM)
    assert code == 0
    assert "GRBL 1.1h" in said
    assert "Idle" in said
    assert "work frame: G54" in said
    assert "G21 G90" in said
    assert "--home" in said.splitlines()[-1]
    assert run("status", "--quiet", *SIM) == (0, "")


@pytest.mark.parametrize("dialect", ["marlin", "uarm"])
def test_status_of_other_firmware(dialect: str) -> None:
    profile = {"marlin": "marlin-printer", "uarm": "uarm"}[dialect]
    code, said = run("status", "--profile", profile, "--port", f"sim://{dialect}")
    assert code == 0
    assert "place: x" in said


def test_frame_walks_around_what_a_file_draws(file: str) -> None:
    code, said = run("frame", file, *SIM)
    assert (code, "30.0 x 40.0 mm from 10.0, 20.0" in said) == (0, True)


def test_frame_of_a_file_that_draws_nothing_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "dot.gcode"
    path.write_text("G21\n")
    code, said = run("frame", str(path), *SIM)
    assert code == 1
    assert said.strip() == "strokebot: Nothing is drawn, so there is nothing to walk around."


@pytest.mark.parametrize("origin", ["here", "machine", "5,7"])
def test_send_takes_an_origin(file: str, origin: str) -> None:
    code, said = run("send", file, "--origin", origin, *SIM)
    assert (code, "7 of 7 lines" in said) == (0, True)


@pytest.mark.parametrize(
    "wrong", [["--origin", "there"], ["--origin", "1"], ["--home", "--unlock"], ["--origin", "1,nan"]]
)
def test_wrong_usage_ends_with_2(file: str, wrong: list[str]) -> None:
    assert run("send", file, *wrong, *SIM)[0] == 2


def test_a_file_that_stops_for_a_person_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "two.gcode"
    path.write_text(FILE.replace("G1 X40 Y60\n", "M0\nG1 X40 Y60\n"))
    code, said = run("send", str(path), *SIM)
    assert code == 1
    assert "Line 6 stops for a person (M0)" in said


def test_the_question_says_what_to_press() -> None:
    from firmware_bridge.events import Asked

    said = asked(Asked(6, "M6", True))
    assert said == "M6 in line 6, the pen is up: change the pen, then press r (q stops)."


def test_homing_that_is_switched_off_is_one_line(file: str) -> None:
    code, said = run("send", file, "--home", *SIM)
    assert code == 1
    assert "homing is switched off" in said
