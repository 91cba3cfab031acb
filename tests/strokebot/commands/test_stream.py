"""Keys while a machine draws: each does what the help says, and the terminal is left as it was."""

from __future__ import annotations

import os
import sys
import time

import pytest

from firmware_bridge.events import Adjusted, Progress, StateChange, Warning
from strokebot.commands import watching
from strokebot.commands.keys import key_presses


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
        device, lambda: next(pressed), lambda done, total, text=None: advance((done, total))
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
    on_event(Warning("The paper is thin."))
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
