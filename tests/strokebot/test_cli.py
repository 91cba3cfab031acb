"""The command line as a user meets it: output, exit codes, one-line errors, quick starts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from strokebot import __version__, cli
from strokebot.errors import StrokebotError

HEAVY = ("torch", "onnxruntime", "scipy", "matplotlib", "skimage", "networkx", "PIL")
FILES = [
    "drawing.gcode", "drawing.svg", "dry_run.png", "gesture.json", "recipe.txt", "report.json",
    "trajectory.npz",
]  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the program in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(cli.app, [str(a) for a in arguments], input=stdin)

    return invoke


@pytest.fixture
def picture(tmp_path):
    ink = np.full((60, 90), 255, np.uint8)
    ink[25:29, 15:75] = 0
    path = tmp_path / "line.png"
    Image.fromarray(ink).save(path)
    return path


def assert_one_line_error(result, match):
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("strokebot: ")
    assert re.search(match, line), line


def test_draw_leaves_all_files_and_says_so(run, picture, tmp_path):
    result = run("draw", picture, "--method", "tour")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "strokebot-out" / "line"
    assert sorted(p.name for p in folder.iterdir()) == FILES
    assert "mm drawn" in result.stdout
    assert "dry_run.png" in result.stdout


def test_quiet_prints_nothing(run, picture):
    result = run("draw", picture, "--method", "tour", "--quiet", "--out-dir", "here")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert Path("here/report.json").is_file()


def test_joining_says_where_it_has_no_effect(run, picture):
    result = run("draw", picture, "--method", "tour", "--join", "ink", "-o", "out")
    assert result.exit_code == 0, result.output
    assert "--join ink has no effect" in result.stderr
    assert json.loads(Path("out/report.json").read_text())["gesture"]["join"] is None


def test_what_was_drawn_can_be_simulated_and_sent(run, picture):
    run("draw", picture, "--method", "tour", "-o", "out")
    simulated = run("simulate", "out/drawing.gcode", "-o", "out")
    assert simulated.exit_code == 0, simulated.output
    assert "0 lifts" in simulated.stdout
    assert Path("out/simulation.png").read_bytes().startswith(b"\x89PNG")
    sent = run("send", "out/drawing.gcode", "--port", "sim://grbl")
    assert sent.exit_code == 0, sent.output
    acknowledged, lines = re.search(r"(\d+) of (\d+) lines", sent.stdout).groups()
    assert acknowledged == lines


# -- errors ---------------------------------------------------------------------------------------


def test_a_missing_picture_is_one_line(run):
    assert_one_line_error(run("draw", "nothing.png"), r"no file nothing\.png")


def test_a_text_file_named_png_is_one_line(run, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    assert_one_line_error(run("draw", "text.png"), r"text\.png is not a picture")


def test_a_blank_picture_is_one_line(run, tmp_path):
    Image.new("L", (40, 30), 255).save(tmp_path / "blank.png")
    assert_one_line_error(run("draw", "blank.png"), r"blank")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--fit", "2000x2000"], "does not fit"),
        (["--paper", "A0"], "beyond the machine"),
        (["--at", "200,290", "--fit", "50x50"], "does not fit"),
        (["--profile", "nobody"], "no profile 'nobody'"),
        (["--method", "model", "--weights", "nothing.safetensors"], r"nothing\."),
        (["--fit", "0.1x0.1"], r"too small for this pen, .* 0\.3 mm wide: make it 1\.2 mm or larger"),
        (["--out-dir", "line.png/out"], r"line\.png is no folder"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_no_files(run, picture, options, match):
    assert_one_line_error(run("draw", picture, "--method", "tour", *options), match)
    assert not Path("strokebot-out").exists()


def test_a_missing_port_is_one_line(run, picture):
    result = run("draw", picture, "--method", "tour", "--port", "/dev/nothing-here", "--yes", "--quiet")
    assert_one_line_error(result, "/dev/nothing-here")


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "nothing.gcode"],
        ["simulate", "nothing.gcode"],
        ["pen", "99"],
        ["jog"],
        ["jog", "--x", "9999"],
        ["home", "--port", "socket://127.0.0.1:1", "--yes"],
        ["profile", "show", "nobody"],
        ["train", "nothing.toml"],
        ["cluster", "--data", "nowhere"],
        ["data", "fetch", "nobody"],
        ["pen", "down", "--port", "/dev/nothing-here"],
    ],
)
def test_every_command_fails_in_one_line(run, arguments):
    assert_one_line_error(run(*arguments), ".")


@pytest.mark.parametrize(
    "arguments",
    [
        ["draw"],
        ["draw", "x.png", "--paper", "banana"],
        ["draw", "x.png", "--fit", "10"],
        ["draw", "x.png", "--fit", "-10x20"],
        ["draw", "x.png", "--fit", "0x20"],
        ["draw", "x.png", "--fit", "nanx20"],
        ["draw", "x.png", "--fit", "infx20"],
        ["draw", "x.png", "--at", "nan,3"],
        ["pen", "--sideways"],
        ["draw", "x.png", "--at", "a,b"],
        ["draw", "x.png", "--method", "magic"],
        ["nonsense"],
        ["draw", "x.png", "--nonsense"],
        ["pen", "sideways"],
        ["serve-simulator"],
        ["serve-simulator", "--dialect", "klingon", "--tcp", "127.0.0.1:0"],
        ["serve-simulator", "--tcp", "nowhere"],
        ["profile", "new", "../escape"],
    ],
)
def test_wrong_usage_is_exit_code_2_without_a_traceback(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_ctrl_c_is_one_line_and_exit_code_130(run, picture, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("strokebot.pipeline.draw", interrupted)
    result = run("draw", picture)
    assert result.exit_code == 130
    assert result.stderr == "strokebot: stopped from the keyboard.\n"


def test_a_bug_is_one_line_unless_debugging(run, picture, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr("strokebot.pipeline.draw", broken)
    assert_one_line_error(run("draw", picture), r"internal error.*ZeroDivisionError: oh no")
    monkeypatch.setenv("STROKEBOT_DEBUG", "1")
    assert isinstance(run("draw", picture).exception, ZeroDivisionError)


# -- ports ----------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Urls of the devices that a command opens; only the simulator opens for real."""
    from firmware_bridge.job import device

    urls, real = [], device.open_device

    def open_device(machine, url=None, log=None):
        urls.append(url)
        return real(machine, "sim://grbl")

    for room in ("firmware_bridge.job.device", "firmware_bridge.job.reconnect"):
        monkeypatch.setattr(f"{room}.open_device", open_device)
    monkeypatch.setattr("firmware_bridge.transports.require_port", lambda url, machine: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return urls


def test_without_a_confirmation_nothing_is_sent(run, picture, opened):
    result = run("draw", picture, "--method", "tour", "--port", "/dev/plotter")
    assert_one_line_error(result, "--yes")
    assert opened == []  # not even the rehearsal: it would have ended here all the same
    assert not Path("strokebot-out").exists()


def test_a_no_stops_and_a_yes_draws(run, picture, opened, monkeypatch):
    monkeypatch.setattr("strokebot.commands.common._somebody_is_there", lambda: True)
    result = run("draw", picture, "--method", "tour", "--port", "/dev/plotter", stdin="n\n")
    assert result.exit_code == 1
    assert opened == []
    result = run("draw", picture, "--method", "tour", "--port", "/dev/plotter", stdin="y\n")
    assert result.exit_code == 0
    assert opened == ["/dev/plotter"]


def test_yes_draws_on_the_port_and_the_report_tells(run, picture, opened):
    result = run("draw", picture, "--method", "tour", "--port", "/dev/plotter", "--yes")
    assert result.exit_code == 0, result.output
    assert opened == ["/dev/plotter"]
    assert '"target": "machine"' in Path("strokebot-out/line/report.json").read_text()


def test_a_dry_run_never_opens_the_port(run, picture, opened):
    result = run("draw", picture, "--method", "tour", "--port", "/dev/plotter", "--dry-run", "--yes")
    assert result.exit_code == 0
    assert opened == []
    assert "not opened" in result.stderr


def test_the_pen_goes_up_without_asking_and_down_only_with_consent(run, opened):
    assert run("pen", "up", "--port", "/dev/plotter").exit_code == 0
    assert_one_line_error(run("pen", "down", "--port", "/dev/plotter"), "--yes")
    assert opened == ["/dev/plotter"]
    assert run("pen", "down", "--port", "/dev/plotter", "--yes").exit_code == 0


# -- profiles, help, starting ---------------------------------------------------------------------


def test_a_new_profile_is_listed_used_and_never_overwritten(run, picture):
    assert run("profile", "new", "mine", "--from", "grbl-servo").exit_code == 0
    assert "mine" in run("profile", "list").stdout
    assert 'actuator = "servo"' in run("profile", "show", "mine").stdout
    assert run("draw", picture, "--method", "tour", "--profile", "mine").exit_code == 0
    assert_one_line_error(run("profile", "new", "mine"), "exists")


def test_version_and_help(run):
    assert run("--version").stdout == f"strokebot {__version__}\n"
    text = run("--help").stdout
    for command in (
        "draw",
        "send",
        "simulate",
        "serve-simulator",
        "ports",
        "home",
        "jog",
        "pen",
        "profile",
        "train",
    ):
        assert command in text
        assert run(command, "--help").exit_code == 0


def modules_after(code, *arguments):
    """Modules that a fresh interpreter has loaded after a command."""
    script = (
        "import sys\n"
        f"sys.argv = ['strokebot', *{list(arguments)!r}]\n"
        "try:\n"
        f"    {code}\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "print('MODULES', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["draw", "--help"], ["ports"], ["profile", "list"]])
def test_light_commands_import_nothing_heavy(arguments):
    loaded = modules_after("from strokebot.cli import main; main()", *arguments)
    assert "strokebot.cli" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_sending_and_the_pen_import_nothing_heavy(tmp_path):
    (tmp_path / "dot.gcode").write_text("G21 G90\nG0 Z3\nG1 X5 Y5 F600\n")
    for arguments in (["send", str(tmp_path / "dot.gcode"), "--port", "sim://grbl"], ["pen", "up"]):
        loaded = modules_after("from strokebot.cli import main; main()", *arguments)
        assert loaded.isdisjoint(HEAVY)


def test_drawing_with_the_tour_never_imports_torch(picture, tmp_path):
    arguments = ["draw", str(picture), "--method", "tour", "-q", "-o", str(tmp_path / "out")]
    assert "torch" not in modules_after("from strokebot.cli import main; main()", *arguments)


def test_the_installed_program_ends_with_the_right_code(tmp_path):
    program = Path(sys.executable).with_name("strokebot")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [program, "draw", "nothing.png"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "strokebot: There is no file nothing.png; check the name.\n"


def test_errors_of_several_lines_become_one(monkeypatch, run, picture):
    def broken(*arguments, **options):
        raise StrokebotError("first\n  second")

    monkeypatch.setattr("strokebot.pipeline.draw", broken)
    assert run("draw", picture).stderr == "strokebot: first second\n"
