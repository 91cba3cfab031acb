"""A port that goes away while nothing is drawn, and comes back."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from calibration.profile import Profile
from firmware_bridge.errors import PortError
from firmware_bridge.simulator import VirtualGrbl
from strokebot.studio.machine import Machine
from tests.support.boards import on_a_pty

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys"),
]
PATIENCE_S = 60.0


class Kept:
    """Keeps what pages are told."""

    def __init__(self) -> None:
        self.machine: list[dict[str, Any]] = []
        self.lines: list[str] = []

    def newest(self, kind: str, value: Any) -> None:
        if kind == "machine":
            self.machine.append(value)

    def line(self, text: str) -> None:
        self.lines.append(text)


def until(found: Any, what: str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.02)


def test_it_is_connected_again_by_itself(tmp_path: Path) -> None:
    profile = Profile.load("grbl-z")
    port, board, said = tmp_path / "plotter", VirtualGrbl(profile.machine), Kept()
    ours, theirs = multiprocessing.Pipe()
    machine = Machine(theirs, said)  # type: ignore[arg-type]
    try:
        with on_a_pty(board, port, restarts=False) as unplug:
            machine.do_connect(str(port), profile)
            assert machine._told()["connected"]
            unplug()
            until(lambda: machine._look() or machine._device is None, "nobody noticed")  # type: ignore[func-returns-value]
        assert not said.machine[-1]["connected"]
        assert said.machine[-1]["sentence"].endswith("connected again as soon as it is back.")
        machine._connect_again()
        assert machine._device is None  # not yet
        with on_a_pty(board, port, restarts=False):
            until(lambda: machine._connect_again() or machine._device is not None, "not connected")  # type: ignore[func-returns-value]
            assert said.machine[-1]["connected"]
            assert said.lines[-1].startswith("connected: ")
            machine.do_disconnect()
        assert machine._lost is None  # whoever gives a port back does not want it
    finally:
        machine.disconnect()
        ours.close()
        theirs.close()


def test_a_port_that_was_never_there_is_not_waited_for(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    machine = Machine(theirs, Kept())  # type: ignore[arg-type]
    with pytest.raises(PortError):
        machine.do_connect(str(tmp_path / "none"), Profile.load("grbl-z"))
    assert machine._lost is None
    ours.close()
    theirs.close()
