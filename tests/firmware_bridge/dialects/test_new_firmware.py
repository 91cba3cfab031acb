"""A firmware is added by one dialect, one control and their lines in the registries, and draws.

The toy firmware speaks a tongue of its own where firmwares differ: feeds in mm/s, a wait ``G4 T`` in
tenths of a second, a word ``done`` that comes when it stands, and a question ``WHERE`` for its place.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

import firmware_bridge
from firmware_bridge.control import CONTROLS
from firmware_bridge.control.base import OneFrame
from firmware_bridge.dialects import DIALECTS
from firmware_bridge.dialects.base import (
    ONE_LINE,
    Banner,
    Facts,
    Framing,
    Manners,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Status,
    Unknown,
    WindowSize,
    Words,
)
from firmware_bridge.dialects.limits import MachineLimits
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.errors import Cancelled, DeviceRejected
from firmware_bridge.events import Event, Position, Progress
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program
from firmware_bridge.simulator.board_state import BoardState
from firmware_bridge.simulator.planner import Planner, Vector
from firmware_bridge.simulator.registry import CONTROLLERS
from firmware_bridge.simulator.uarm.controller import ArmLimits
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController, usual_start
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.ink_cases import UP, dense, farthest_mm, ink, ink_mm, plotter, program_of

_AT = re.compile(r"AT (-?[0-9.]+) (-?[0-9.]+) (-?[0-9.]+)")


class Toy:
    """The dialect."""

    name = "toy"
    realtime: Mapping[Realtime, bytes] = MappingProxyType({})
    commands: Mapping[str, str] = MappingProxyType({"sync": "G4 T0", "status": "WHERE"})
    framing = Framing.PLAIN
    words = Words(feed_unit_s=1.0, dwell_units_s=MappingProxyType({"T": 0.1}), modal=False)
    manners = Manners(simulator="toy", reports_state=False, answers_at_rest=True, answers_while_moving=False)
    signs = re.compile(r"^TOY ")

    def window(self, machine: MachineProfile, facts: Facts) -> WindowSize:
        del machine, facts
        return ONE_LINE

    def limits(self, machine: MachineProfile, facts: Facts) -> MachineLimits:
        del machine, facts
        return MachineLimits()

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        del machine
        lines = []
        for move in program.moves:
            lines.append(_line(move.x_mm, move.y_mm, move.pen, move.feed_mm_s))
            if move.dwell_s:
                lines.append(f"G4 T{decimal(10.0 * move.dwell_s)}")
        return lines

    def pen_lines(
        self,
        value: float,
        machine: MachineProfile,
        offset: float | None = None,
        here: Position | None = None,
    ) -> list[str]:
        del offset
        assert here is not None
        return [_line(here.x_mm, here.y_mm, value, machine.pen_max_speed)]

    def jog_lines(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> list[str]:
        raise NotImplementedError

    def parse(self, line: str) -> Reply:
        if line == "done":
            return Ok()
        if line.startswith("bad"):
            return Rejected(1, "it is bad", "write another")
        if match := _AT.fullmatch(line):
            x, y, z = map(float, match.groups())
            return Status("", None, None, (x, y, z), None, None, None)
        return Banner("") if line.startswith("TOY") else Unknown(line)


def _line(x: float, y: float, pen: float, feed: float) -> str:
    return f"G1 X{decimal(x)} Y{decimal(y)} Z{decimal(pen)} F{decimal(feed)}"


class ToyControl(OneFrame):
    """The control."""

    def greet(self, link: Link) -> Facts:
        link.quiet()
        link.poll()
        return Facts("Toy 1")

    def require_idle(self, link: Link) -> None:
        self.wait_idle(link)

    def wait_idle(self, link: Link) -> None:
        link.command(link.dialect.commands["sync"])
        link.poll()
        link.enter("Idle")

    def stop_and_lift(
        self, link: Link, pen: float, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        del lowest_pen, place_lost
        link.quiet(1.0)
        self.wait_idle(link)
        for line in link.dialect.pen_lines(pen, link.machine, here=link.state.position):
            link.command(line)
        self.wait_idle(link)

    def reset(self, link: Link) -> None:
        self.wait_idle(link)


class VirtualToy(VirtualController):
    """The machine: one line at a time, answered when it is done."""

    def __init__(self, machine: MachineProfile, start_mm: Vector | None = None) -> None:
        start_mm = usual_start(machine, start_mm)
        limits = ArmLimits(machine.steps_per_mm, (1e3,) * 3, (1e6,) * 3, 0.01)
        super().__init__(machine, Planner(limits, 4, start_mm), start_mm, BoardState())
        self.lines: list[str] = []
        self._text = ""
        self._done_s = math.inf
        self._goal: Vector = start_mm
        self._busy_s = 0.0
        self.say("TOY 1")

    def receive(self, data: bytes) -> None:
        *lines, self._text = (self._text + data.decode("ascii")).split("\n")
        self.lines += lines
        self._run_main_loop()

    def _next_event_s(self) -> float:
        return self._done_s

    def turn_servo(self, at_s: float, value: float) -> None:
        raise NotImplementedError

    def _motion_event(self) -> None:
        return

    def _restart(self) -> None:
        self.lines.clear()
        self._done_s = math.inf
        self.say("TOY 1")

    def _run_main_loop(self) -> None:
        while True:
            if self._done_s <= self.now_s + INSTANT_S:
                self._carry_to(self._goal, self._goal, self._busy_s)
                self._done_s = math.inf
                self._answer("done")
            if self.lines and math.isinf(self._done_s):
                self._take(self.lines.pop(0))
            else:
                return

    def _answer(self, text: str) -> None:
        self.acknowledged += 1
        self.say(text)

    def _take(self, line: str) -> None:
        words = {word[0]: float(word[1:]) for word in line.split() if word != "WHERE"}
        self._goal = self.position_mm()
        if line == "WHERE":
            x, y, z = self._goal
            self.say(f"AT {x:.3f} {y:.3f} {z:.3f}")
            self._answer("done")
        elif words.get("G") == 4.0:
            self._busy_s = 0.1 * words["T"]
            self._done_s = self.now_s + self._busy_s
        elif words.get("G") == 1.0 and words["F"] > 0.0:
            goal = (words["X"], words["Y"], words["Z"])
            self._busy_s = math.dist(goal, self._goal) / words["F"]
            self._goal = goal
            self._done_s = self.now_s + self._busy_s
        else:
            self._answer("bad line")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> MachineProfile:
    """The three registries with the new firmware, and a machine that has it."""
    monkeypatch.setitem(DIALECTS, "toy", Toy())
    monkeypatch.setitem(CONTROLS, "toy", ToyControl())
    monkeypatch.setitem(CONTROLLERS, "toy", VirtualToy)
    return dataclasses.replace(plotter("grbl"), dialect="toy", url="sim://toy")


ZIGZAG = [[(20.0 + 2.0 * i, 40.0 + (9.0 if i % 2 else 0.0)) for i in range(20)]]


def pieces_of(device: Device) -> list[NDArray[np.float64]]:
    return ink(simulated(device).recording())


def simulated(device: Device) -> SimulatedTransport:
    assert isinstance(device.transport, SimulatedTransport)
    return device.transport


def test_it_draws(toy: MachineProfile) -> None:
    with open_device(toy) as device:
        report = device.run(program_of(ZIGZAG, 30.0))
        pieces = pieces_of(device)
        assert device.state == "Idle"
    assert (report.errors, report.acknowledged) == (0, report.lines)
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.02
    assert len(pieces) == 1


def test_its_lines_are_checked_paused_and_gone_on_with(toy: MachineProfile) -> None:
    """Also what counts on how its words are read: where a file leads, how it goes on after a pause."""
    program = program_of(ZIGZAG, 30.0)
    paused: list[float] = []
    with open_device(toy) as device:

        def pause(event: Event) -> None:
            if isinstance(event, Progress):
                if event.lines_done > 8 and not paused:
                    paused.append(device.transport.now_s())
                    device.pause()
                elif paused and device.transport.now_s() > paused[0] + 5.0:
                    device.go_on()

        device.run_gcode(Toy().encode(program, toy), pause)
        pieces = pieces_of(device)
    assert paused
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.02
    assert ink_mm(pieces) < ink_mm([np.array(ZIGZAG[0])]) + 2.1


def test_its_refusal_and_a_cancel_leave_the_pen_up(toy: MachineProfile) -> None:
    program = program_of(ZIGZAG, 30.0)
    with open_device(toy) as device:

        def cancel(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > 5:
                device.cancel()

        with pytest.raises(Cancelled):
            device.run(program, cancel)
        assert simulated(device).controller.position_mm()[2] == UP
        good = Toy().encode(program, toy)
        with pytest.raises(DeviceRejected, match="it is bad"):
            device.draw_lines(parse_lines([*good[:5], "G1 X1 Y1 Z0 F0"]), None, UP)
        assert simulated(device).controller.position_mm()[2] == UP


def test_no_other_room_knows_a_firmware_by_its_name() -> None:
    """Else a new one would not be known there."""
    name = re.compile(r"""["'](grbl|marlin|uarm)["']""")
    rooms = Path(firmware_bridge.__file__).parent
    found = [
        path
        for path in rooms.rglob("*.py")
        if path.relative_to(rooms).parts[0] not in ("dialects", "control", "simulator")
        and name.search(path.read_text("utf-8"))
    ]
    assert found == []
