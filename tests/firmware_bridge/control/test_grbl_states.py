"""States that GRBL itself does not have: none is ever taken for rest."""

from __future__ import annotations

import pytest

from firmware_bridge.control import control_of
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Status
from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.errors import BridgeError, DeviceAlarm, DeviceRejected, ResponseTimeout
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import GRBLHAL, GrblOptions
from firmware_bridge.simulator.grbl.states import State
from firmware_bridge.stream.link import BUSY_LIMIT_S, Link
from tests.support.boards import BoardWire, meet


class Says(BoardWire):
    """A board whose reports name another state, from when it is told to."""

    state = ""

    def read_line(self, timeout_s: float) -> str:
        line = super().read_line(timeout_s)
        if self.state and line.startswith("<"):
            return f"<{self.state}|{line.partition('|')[2]}"
        return line


def said(machine: MachineProfile, state: str, met: bool = True) -> tuple[Says, Link]:
    board = VirtualGrbl(machine)
    wire = Says(board, machine)
    link = Link(wire, dialect_of("grbl"), machine)
    wire.state = "" if met else state
    control_of("grbl").greet(link)
    wire.state = state
    return wire, link


@pytest.mark.parametrize("state", ["Tool", "Tool:1", "Home:1", "Gone", "Feed-Hold", "Run:2", "Sleep"])
def test_only_idle_is_idle(machine: MachineProfile, state: str) -> None:
    _, link = said(machine, state)
    with pytest.raises(DeviceRejected, match="tool change" if state.startswith("Tool") else "is busy"):
        control_of("grbl").require_idle(link)
    begin_s = link.now_s()
    with pytest.raises(ResponseTimeout, match=rf"stays in state {state}"):
        control_of("grbl").wait_idle(link)
    assert link.now_s() - begin_s < BUSY_LIMIT_S + 60.0


@pytest.mark.parametrize("state", ["Alarm:3", "Alarm:11", "Alarm:103", "ConfigAlarm", "Critical"])
def test_every_alarm_is_one(machine: MachineProfile, state: str) -> None:
    _, link = said(machine, state, met=False)
    assert control_of("grbl").is_locked(link)
    assert link.state.facts.planner_blocks  # it was asked all the same
    with pytest.raises(DeviceAlarm):
        control_of("grbl").require_idle(link)
    with pytest.raises(DeviceAlarm):
        control_of("grbl").wait_idle(link)


def test_a_state_that_nobody_knows_replaces_the_one_before(machine: MachineProfile) -> None:
    wire, link = said(machine, "")
    assert link.poll().state == "Idle"
    wire.state = "Gone"
    link.poll()
    assert link.state.label == "Gone"


@pytest.mark.parametrize("state", ["Gone", "Feed-Hold"])
def test_a_stop_waits_for_what_may_still_move(machine: MachineProfile, state: str) -> None:
    wire, link = said(machine, state)
    begin_s = link.now_s()
    wire.controller.receive(b"$J=G91 X50 F600\n")
    with pytest.raises(BridgeError):
        control_of("grbl").stop_and_lift(link, 5.0)
    assert link.now_s() - begin_s > 9.0  # else it would have been reset while it moved


def test_a_tool_change_of_grblhal_is_told_and_left_to_the_person(machine: MachineProfile) -> None:
    board = VirtualGrbl(machine, options=GRBLHAL)
    device: Device = meet(board, machine)
    board.suspend(State.TOOL)
    with pytest.raises(DeviceRejected, match="tool change"):
        device.run_gcode(["G21", "G90", "G0 Z10", "X5"])
    assert board.position_mm()[:2] == (0.0, 0.0)


def test_a_locked_start_with_a_number_is_no_alarm_that_explains_it(machine: MachineProfile) -> None:
    board = VirtualGrbl(machine, options=GrblOptions(board=GrblState(locked=True, settings={22: 1})))
    wire = Says(board, machine)
    link = Link(wire, dialect_of("grbl"), machine)
    wire.state = "Alarm:11"
    control_of("grbl").greet(link)
    with pytest.raises(BridgeError, match="homed"):
        control_of("grbl").stop_and_lift(link, 5.0)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("<Tool|MPos:0.000,0.000,5.000|FS:0,0>", "Tool"),
        ("<Alarm:11|MPos:0.000,0.000,5.000|FS:0,0>", "Alarm:11"),
        ("<Door:3|WPos:0.000,0.000,5.000|FS:0,0|Ln:4>", "Door:3"),
        ("<ConfigAlarm|MPos:0.000,0.000,5.000|FS:0,0>", "Alarm"),
        ("<Gone|MPos:0,0,0|FS:0,0>", "Gone"),
    ],
)
def test_states_are_read(text: str, label: str) -> None:
    found = Grbl().parse(text)
    assert isinstance(found, Status)
    assert found.label == label
