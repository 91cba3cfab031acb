"""Keys while a machine draws: each does what the help says, and the terminal is left as it was."""

from __future__ import annotations

import os
import sys
import time

import pytest
from typer.testing import CliRunner

from firmware_bridge.events import Adjusted, Notice, Progress, StateChange
from strokebot import cli
from strokebot.commands import watching
from strokebot.commands.watching import key_presses


class FakeDevice:
    def __init__(self):
        self.calls = []

    def pause(self):
        self.calls.append("pause")

    def go_on(self):
        self.calls.append("go on")

    def cancel(self):
        self.calls.append("cancel")

    def change_speed(self, steps):
        self.calls.append(f"speed {steps:+d}")

    def set_speed(self, percent):
        self.calls.append(f"speed {percent} %")

    def trim_pen(self, steps):
        self.calls.append(f"pen {steps:+d}")


def listener(keys, bar=None):
    device, pressed = FakeDevice(), iter(keys)
    advance = (bar if bar is not None else []).append
    on_event = watching.listener(
        device, lambda: next(pressed), lambda done, total, text=None: advance((done, total)), "a", [], False
    )
    return device, on_event


def test_p_pauses_and_r_goes_on():
    device, on_event = listener(["", "p", "x", "r"])
    for _ in range(4):
        on_event(StateChange("Idle", "Run"))
    assert device.calls == ["pause", "go on"]


def test_q_cancels():
    device, on_event = listener(["q"])
    on_event(Progress(1, 2, None))
    assert device.calls == ["cancel"]


def test_speed_and_pen_have_keys():
    device, on_event = listener(["+", "-", "0", "up", "down", "k", "j"])
    for _ in range(7):
        on_event(StateChange("Idle", "Run"))
    assert device.calls == ["speed +1", "speed -1", "speed 100 %", "pen +1", "pen -1", "pen +1", "pen -1"]


def test_a_change_is_told_with_when_it_is_felt(capsys):
    _, on_event = listener(["", ""])
    on_event(Adjusted(120, 0.0, 0))
    on_event(Adjusted(100, -0.1, 18))
    assert capsys.readouterr().err == (
        "strokebot: speed 120 %.\nstrokebot: speed 100 %, pen trim -0.10, felt after 18 lines.\n"
    )


def test_the_bar_follows_the_planned_time():
    bar = []
    _, on_event = listener([""], bar)
    on_event(Progress(3, 10, 61.0, 0.25))
    assert bar == [(0.25, 1.0)]


def test_progress_moves_the_bar_and_warnings_are_shown(capsys):
    bar = []
    _, on_event = listener(["", ""], bar)
    on_event(Progress(3, 10, 1.5))
    on_event(Notice("The paper is thin."))
    assert bar == [(3, 10)]
    assert capsys.readouterr().err == "strokebot: The paper is thin.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pty")
def test_keys_are_read_one_by_one_and_the_terminal_is_restored(monkeypatch):
    import termios

    master, slave = os.openpty()
    with os.fdopen(slave, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(slave)
        with key_presses() as poll:
            assert poll() == ""
            os.write(master, b"Pr\x1b[A\x1bOB+\x1b[5")
            keys, deadline = [], time.monotonic() + 5
            while len(keys) < 5 and time.monotonic() < deadline:
                keys += [key] if (key := poll()) else []
            assert keys == ["p", "r", "up", "down", "+"]
        assert termios.tcgetattr(slave) == before
    os.close(master)


def test_without_a_terminal_no_key_is_ever_pressed():
    with key_presses() as poll:
        assert poll() == ""


def test_a_file_is_sent_with_a_log_and_the_log_is_replayed(tmp_path):
    file, log = tmp_path / "a.gcode", tmp_path / "log"
    file.write_text("G21\nG90\nG0 Z3\nG0 X20 Y20\nG1 Z0 F600\nG1 X60 F1200\nG0 Z3\n")
    runner = CliRunner()
    sent = runner.invoke(cli.app, ["send", str(file), "--port", "sim://grbl", "--log", str(log)])
    assert sent.exit_code == 0, sent.output
    again = runner.invoke(cli.app, ["replay", str(log)])
    assert again.exit_code == 0, again.output
    assert "as then; it ends: done" in again.output
    shown = runner.invoke(cli.app, ["replay", str(log), "--show"])
    assert "> G1 X60 F1200" in shown.output
    log.write_text(log.read_text().replace("> G1 X60", "> G1 X61"))
    other = runner.invoke(cli.app, ["replay", str(log)])
    assert other.exit_code == 1
    assert "another way than the log" in other.output


def test_what_cannot_be_gone_on_with_is_wrong_usage(tmp_path):
    file = tmp_path / "a.gcode"
    file.write_text("G21\n")
    arguments = ["send", str(file), "--port", "sim://grbl", "--no-journal", "--reconnect", "60"]
    assert CliRunner().invoke(cli.app, arguments).exit_code == 2
