"""The program in a real shell: readers that go, names that are no text, odd moments for Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = [sys.executable, "-m", "strokebot"]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")


@pytest.fixture
def environment(tmp_path):
    names = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return {**os.environ, **names}


def test_the_module_runs(environment):
    done = subprocess.run(
        [*PROGRAM, "--version"], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.startswith("strokebot ")


@pytest.mark.parametrize("arguments", [["profile", "list"], ["profile", "show"], ["draw", "--help"]])
@pytest.mark.parametrize("more", [{}, ASCII])
def test_a_reader_that_goes_is_no_error(environment, arguments, more):
    read, write = os.pipe()
    os.close(read)  # gone before the first word
    done = subprocess.run(
        [*PROGRAM, *arguments], stdout=write, stderr=subprocess.PIPE, env={**environment, **more}, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_that_nobody_reads_keeps_its_code(environment):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "draw", "none.png"], stdout=write, stderr=write, env=environment, check=False
    )
    os.close(write)
    assert done.returncode == 1


def test_a_name_that_is_no_text_goes_out_as_it_came_in(environment, tmp_path):
    name = b"caf\xe9.png"
    for more in ({}, ASCII):
        done = subprocess.run(
            [*PROGRAM, "draw", name],
            capture_output=True,
            cwd=tmp_path,
            env={**environment, **more},
            check=False,
        )
        assert done.stderr == b"strokebot: There is no file caf\xe9.png; check the name.\n"


def test_a_picture_whose_name_is_no_text_is_drawn(environment, tmp_path):
    from PIL import Image

    picture = Image.new("L", (60, 40), 255)
    picture.paste(0, (10, 18, 50, 22))
    picture.save(tmp_path / "line.png")
    (tmp_path / "line.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    done = subprocess.run(
        [*PROGRAM, "draw", b"caf\xe9.png", "--method", "tour", "--no-polish", "-o", "out"],
        capture_output=True, cwd=tmp_path, env={**environment, **ASCII}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert '"file": "caf\ufffd.png"' in (tmp_path / "out" / "report.json").read_text(encoding="utf-8")


# Presses Ctrl-C while a module of the program is being loaded.
PRESSED = """
import sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
sys.argv = ["strokebot", "profile", "list"]
from strokebot.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "strokebot.cli", "rich.console", "numpy", "calibration.profile"])
def test_ctrl_c_while_modules_load_is_one_line(environment, name):
    done = subprocess.run(
        [sys.executable, "-c", PRESSED.format(name=name)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode == 0:  # a module that this command does not load
        assert name == "rich.console"
        return
    assert (done.returncode, done.stderr) == (130, "strokebot: stopped from the keyboard.\n")


def test_ctrl_c_ends_a_service_in_order(environment, tmp_path):
    process = subprocess.Popen(
        [*PROGRAM, "serve-simulator", "--tcp", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert "listens on" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, wrong = process.communicate(timeout=60)
    # An interrupt in the very moment of a flush lets Python write the line a second time.
    assert (process.returncode, said.splitlines()[-1], wrong) == (0, "ended", "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("strokebot ani", ["animate"]),
        ("strokebot pen --profile mar", ["marlin-printer"]),
        ("strokebot send --port sim://flu", ["sim://fluidnc"]),
        ("strokebot draw --fill hat", ["hatch"]),
    ],
)
def test_a_shell_completes_commands_profiles_and_ports(environment, words, offered):
    asked = {
        "_STROKEBOT_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "import sys; sys.argv = ['strokebot']; from strokebot.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**environment, **asked},
        check=False,
    )
    assert done.stdout.split() == offered


def test_a_stopped_drawing_says_that_the_pen_is_up_and_how_to_go_on(environment, tmp_path):
    """Ctrl-C while a served machine draws: one line, the code of an interrupt, and a job to go on with."""
    lines = [f"G1 X{20 + k % 2 * 150} Y{20 + k} F3000" for k in range(200)]
    (tmp_path / "long.gcode").write_text(
        "\n".join(["G21 G90", "G0 Z3", "G0 X20 Y20", "G1 Z-0.5 F600", *lines, "G0 Z3"])
    )
    service = subprocess.Popen(
        [*PROGRAM, "serve-simulator", "--tcp", "127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    url = service.stdout.readline().split()[5]
    sender = subprocess.Popen(
        [*PROGRAM, "send", "long.gcode", "--port", url, "--yes"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    journals = tmp_path / "strokebot" / "journals"
    for _ in range(600):  # until it draws
        if journals.is_dir() and any(p.stat().st_size > 8000 for p in journals.iterdir()):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    sender.send_signal(signal.SIGINT)
    said, wrong = sender.communicate(timeout=60)
    service.send_signal(signal.SIGINT)
    service.communicate(timeout=60)
    assert (sender.returncode, said) == (130, "")
    assert wrong.splitlines()[-1] == (
        "strokebot: stopped from the keyboard: the pen is up; strokebot resume goes on with it."
    )
    listed = subprocess.run(
        [*PROGRAM, "resume", "--list"], capture_output=True, text=True, env=environment, check=True
    ).stdout
    assert "long.gcode" in listed
    assert listed.rstrip().endswith("stopped from the keyboard")
