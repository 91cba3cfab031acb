"""What all commands share: packages that are missing, questions, progress, and what is checked first."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from strokebot import cli
from strokebot.commands import common, watching
from strokebot.errors import StrokebotError
from strokebot.wording import count_text, duration_text, length_text, printable

DOT = "G21 G90\nG0 Z3\nG1 X5 Y5 F600\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, in which the program runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "dot.gcode").write_text(DOT)
    return tmp_path


# -- packages -------------------------------------------------------------------------------------

# Takes a package away, as where it was never installed, and runs the program.
WITHOUT = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {gone!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Gone())
sys.argv = ["strokebot", *{arguments!r}]
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {gone!r} else real(name, package)
from strokebot.__main__ import main
main()
"""


def run_without(gone, arguments, home):
    code = WITHOUT.format(gone=set(gone), arguments=[str(a) for a in arguments])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home, check=False)


@pytest.mark.parametrize(
    ("gone", "arguments", "install"),
    [
        ("PIL", ["draw", "x.png"], "pillow"),
        ("scipy", ["draw", "x.png"], "scipy"),
        ("scipy", ["simulate", "dot.gcode"], "scipy"),
        ("PIL", ["simulate", "dot.gcode"], "pillow"),
        ("PIL", ["calibrate", "pen", "chart"], "pillow"),
        ("torch", ["train", "x.toml"], "torch"),
        ("serial", ["ports"], "pyserial"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(home, gone, arguments, install):
    done = run_without([gone], arguments, home)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        f"strokebot: This command needs the package {install}, which is not installed: "
        f"{sys.executable} -m pip install {install}"
    )


def test_sending_needs_nothing_but_numpy_and_the_serial_port(home):
    gone = ["torch", "scipy", "skimage", "networkx", "PIL", "safetensors"]
    for arguments in (["send", "dot.gcode", "--port", "sim://grbl"], ["pen", "up"], ["profile", "list"]):
        done = run_without(gone, arguments, home)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_package_that_is_there_but_does_not_load_is_no_bug_of_ours():
    assert "libGL" in common.missing_package(ImportError("libGL.so.1: cannot open shared object file"))
    assert common.missing_package(ModuleNotFoundError("No module named 'x'", name="strokebot.x")) is None
    assert common.missing_package(ValueError("x")) is None


# -- what is known first is said first ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--port", "/dev/nothing-here", "--yes"], "/dev/nothing-here"),
        (["--port", "usb:1:2", "--yes"], "usb:1:2"),
        (["--port", "socket://127.0.0.1:1", "--yes"], r"127\.0\.0\.1:1"),
        (["--port", "klingon://x", "--yes"], "unknown scheme"),
        (["--port", "/dev/null"], "--yes"),
        (["--port", "/dev/null", "--yes", "--log", "nowhere/x.log"], "no folder nowhere"),
        (["--port", "/dev/null", "--yes", "--profile", "nobody"], "no profile 'nobody'"),
    ],
)
def test_a_drawing_that_cannot_begin_ends_before_it_is_planned(home, monkeypatch, options, match):
    monkeypatch.setattr("strokebot.pipeline.draw", lambda *a, **k: pytest.fail("it planned"))
    done = CliRunner().invoke(cli.app, ["draw", "x.png", *options])
    assert done.exit_code == 1
    assert re.search(match, done.stderr), done.stderr


def test_a_home_that_cannot_be_written_is_told_with_its_cure(home, monkeypatch):
    blocked = home / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    done = CliRunner().invoke(cli.app, ["send", "dot.gcode", "--port", "/dev/null", "--yes"])
    assert done.exit_code == 1
    assert "--no-journal" in done.stderr
    assert "XDG_STATE_HOME" in done.stderr


def test_no_kept_job_is_said(home):
    done = CliRunner().invoke(cli.app, ["resume", "--list"])
    assert (done.exit_code, done.stdout) == (
        0,
        "no job is kept: draw and send keep one while a machine draws\n",
    )


# -- questions ------------------------------------------------------------------------------------


def test_ctrl_c_at_the_question_sends_nothing(monkeypatch):
    def pressed(*arguments, **options):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None

    monkeypatch.setattr(common, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(typer, "confirm", pressed)
    with pytest.raises(KeyboardInterrupt, match="nothing was sent"):
        common.confirm("Draw?", False)


def test_the_end_of_the_input_is_a_no(monkeypatch):
    def ended(*arguments, **options):
        try:
            raise EOFError
        except EOFError:
            raise typer.Abort from None

    monkeypatch.setattr(common, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(typer, "confirm", ended)
    with pytest.raises(typer.Exit):
        common.confirm("Draw?", False)


# -- progress -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed_s", "left_s", "text"),
    [
        (27.0, 8.2, "0:27 so far, about 0:08 left"),
        (27.0, None, "0:27 so far"),
        (None, None, ""),
        (3725.0, 125.0, "1:02:05 so far, about 2:05 left"),
    ],
)
def test_each_time_of_the_progress_has_its_word(elapsed_s, left_s, text):
    assert common.times_text(elapsed_s, left_s) == text


def test_what_has_no_known_end_says_no_time_left(monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(
        "rich.console.Console", lambda stderr: Console(file=shown, force_terminal=True, width=120)
    )
    with common.progress_bar("measuring", False) as advance:
        pass
    assert "so far" in shown.getvalue()
    assert "left" not in shown.getvalue()
    del advance


def test_pause_trim_and_the_way_on_are_told(capsys):
    from firmware_bridge.events import Adjusted, Paused, Progress, Resumed

    shown = []
    listen = watching.listener(
        None, lambda: "", lambda done, total, text=None: shown.append(text), "a.gcode", [], False
    )
    for event in (
        Progress(3, 10, 125.0, 0.5),
        Adjusted(110, -0.05, 4),
        Adjusted(100, 0.0, 0),
        Paused(7, 0.5),
        Resumed(6, 2.0, 0.3),
    ):
        listen(event)
    assert shown == [
        f"about 2:05 left ({watching.KEYS})",
        "a.gcode: paused (r goes on, q stops)",
        f"a.gcode ({watching.KEYS})",
    ]
    assert capsys.readouterr().err.splitlines() == [
        "strokebot: speed 110 %, pen trim -0.05, felt after 4 lines.",
        "strokebot: speed 100 %, pen trim +0.00.",
        "strokebot: paused at line 7, the pen is up: r goes on, q stops.",
        "strokebot: goes on at line 6: 2.0 mm are drawn again, and up to 0.3 mm more, of which nobody knows.",
    ]


def test_a_trim_is_told_though_the_drawing_was_stopped(capsys):
    from firmware_bridge.events import Adjusted

    def draw_a_little():
        with watching.watched("a.gcode", False) as listener_of:
            listener_of(None)(Adjusted(100, 0.1, 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_a_little()
    assert "the pen was trimmed by +0.10: to keep that" in capsys.readouterr().err


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (10.64, "10.6 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (260.4, "4 min 20 s"),
        (3599.6, "1 h 00 min"),
        (3900.0, "1 h 05 min"),
    ],
)
def test_times_are_told_in_minutes(seconds, text):
    assert duration_text(seconds) == text


def test_lengths_counts_and_names():
    assert [length_text(v) for v in (216.4, 999.6, 12400.0)] == ["216 mm", "1.0 m", "12.4 m"]
    assert [count_text(n, "lift") for n in (0, 1, 315000)] == ["0 lifts", "1 lift", "315,000 lifts"]
    assert printable("caf\udce9.png") == "caf\ufffd.png"


def test_a_folder_in_the_way_is_said_before_the_work(tmp_path):
    from strokebot.files import require_writable

    require_writable(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StrokebotError, match="file is no folder"):
        require_writable(tmp_path / "file" / "out")
    assert isinstance(tmp_path, Path)
