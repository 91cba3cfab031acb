"""Stories through the real command line, over a pty, on a board of each firmware."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from calibration.profile import Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GRBLHAL
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController
from strokebot import cli
from tests.support.boards import on_a_pty
from tests.support.ink_cases import farthest_mm, ink, program_of

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys"),
]

BOARDS = {
    "grbl": ("grbl-z", lambda machine: VirtualGrbl(machine, options=GRBL)),
    "grblhal": ("grbl-z", lambda machine: VirtualGrbl(machine, options=GRBLHAL)),
    "fluidnc": ("grbl-z", lambda machine: VirtualGrbl(machine, options=FLUIDNC)),
    "marlin": ("marlin-printer", VirtualMarlin),
    "uarm": ("uarm", VirtualUarm),
}
FIRMWARES = {"grblhal": "grblHAL", "fluidnc": "FluidNC", "grbl": "GRBL", "marlin": "Marlin", "uarm": "uArm"}
SHIFT_MM = (5.0, 3.0)


def stroke_of(machine: MachineProfile) -> list[tuple[float, float]]:
    box = machine.envelope
    x, y = (box.x_min_mm + box.x_max_mm) / 2, (box.y_min_mm + box.y_max_mm) / 2
    if machine.dialect == "uarm":
        x, y = 200.0, 0.0
    return [(x, y), (x + 15.0, y), (x + 15.0, y + 10.0), (x, y + 10.0)]


@pytest.fixture(params=BOARDS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return str(request.param)


def strokebot(port: Path, profile: str, *words: str) -> Result:
    return CliRunner().invoke(cli.app, [*words, "--port", str(port), "--profile", profile])


def ink_of(controller: VirtualController, machine: MachineProfile) -> np.ndarray:
    pen = machine.pen_actuator
    pieces = [p for p in ink(controller.recording(), pen) if np.ptp(p, axis=0).max() > 0.02]
    return np.concatenate(pieces) if pieces else np.zeros((0, 2))


def test_look_walk_around_draw_and_lift(name: str, tmp_path: Path) -> None:
    profile, make = BOARDS[name]
    machine = Profile.load(profile).machine
    controller, port = make(machine), tmp_path / "port"
    stroke = stroke_of(machine)
    file = tmp_path / "drawing.gcode"
    lines = dialect_of(machine.dialect).encode(program_of([stroke], 30.0, machine.pen_actuator), machine)
    file.write_text("\n".join(lines))

    with on_a_pty(controller, port, restarts=False):
        told = strokebot(port, profile, "status")
        assert told.exit_code == 0, told.output
        assert FIRMWARES[name] in told.output
        assert "ready" in told.output

        walked = strokebot(port, profile, "frame", str(file), "--yes")
        assert walked.exit_code == 0, walked.output
        assert "walked around 15.0 x 10.0 mm" in walked.output

        sent = strokebot(port, profile, "send", str(file), "--yes")
        assert sent.exit_code == 0, sent.output
        lifted = strokebot(port, profile, "pen", "up")
        assert lifted.exit_code == 0, lifted.output
        again = CliRunner().invoke(cli.app, ["resume", "--port", str(port), "--yes"])
        assert again.exit_code == 1
        assert len(again.output.strip().splitlines()) == 1
    drawn = ink_of(controller, machine)
    assert len(drawn)
    assert farthest_mm(drawn, [np.array(stroke)]) < 0.15
    assert farthest_mm(np.array(stroke), [drawn]) < 0.15


def test_the_origin_is_where_it_was_said_to_be(name: str, tmp_path: Path) -> None:
    profile, make = BOARDS[name]
    machine = Profile.load(profile).machine
    controller, port = make(machine), tmp_path / "port"
    stroke = stroke_of(machine)
    file = tmp_path / "drawing.gcode"
    lines = dialect_of(machine.dialect).encode(program_of([stroke], 30.0, machine.pen_actuator), machine)
    file.write_text("\n".join(lines))
    x, y, _ = controller.physical_mm()
    dx, dy = SHIFT_MM
    with on_a_pty(controller, port, restarts=False):
        sent = strokebot(port, profile, "send", str(file), "--yes", "--origin", f"{x - dx:g},{y - dy:g}")
    drawn = ink_of(controller, machine)
    if name == "uarm":  # has one frame, and says so before anything moves
        assert sent.exit_code == 1
        assert "cannot be shifted" in sent.output
        assert not len(drawn)
        return
    assert sent.exit_code == 0, sent.output
    assert farthest_mm(drawn, [np.array(stroke) + SHIFT_MM]) < 0.15
