"""GRBL reads a whole file in its check mode; afterwards it is as it was, whatever happened."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from firmware_bridge.errors import DeviceAlarm, DeviceRejected
from firmware_bridge.events import Event, Notice, Progress
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import FreeRunning, VirtualGrbl, serve_pty
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.ink_cases import plotter, program_of

SQUARE = [[(20.0, 20.0), (80.0, 20.0), (80.0, 60.0), (20.0, 20.0)]]
LINES = parse_lines(
    ["G21 G90", "G0 X10 Y10", *(f"G1 X{10 + i % 50} Y{20 + i % 30} F900" for i in range(200))]
)


@pytest.fixture
def machine() -> MachineProfile:
    return plotter("grbl")


def board(device: Device) -> VirtualGrbl:
    transport = device.transport
    assert isinstance(transport, SimulatedTransport)
    assert isinstance(transport.controller, VirtualGrbl)
    return transport.controller


def test_nothing_moves_and_the_drawing_follows(machine: MachineProfile) -> None:
    seen: list[Event] = []
    with open_device(machine) as device:
        device.jog(dx_mm=3.0)
        place, samples = board(device).position_mm(), len(board(device).recording().t_s)
        states: list[str] = []

        def on_event(event: Event) -> None:
            seen.append(event)
            states.append(board(device).state.value)

        assert device.check(LINES, on_event)
        assert "Check" in states
        assert board(device).state == "Idle"
        assert board(device).position_mm() == place
        # One last sample tells the time, and no other was added.
        assert len(board(device).recording().t_s) <= samples + 1
        assert not [e for e in seen if isinstance(e, Notice)]  # what it is asked meanwhile is no news
        done = [e for e in seen if isinstance(e, Progress)]
        assert (done[-1].lines_done, done[-1].lines_total) == (len(LINES), len(LINES))
        report = device.run(program_of(SQUARE, 60.0))
        assert report.errors == 0
        assert report.acknowledged == report.lines


def test_a_program_is_checked_as_it_would_be_sent(machine: MachineProfile) -> None:
    with open_device(machine) as device:
        before = board(device).acknowledged
        assert device.check(program_of(SQUARE, 60.0))
        assert board(device).acknowledged > before + len(SQUARE[0])


def test_a_refused_line_is_named_and_check_mode_is_left(machine: MachineProfile) -> None:
    with open_device(machine) as device:
        with pytest.raises(DeviceRejected, match=r"Line 151 'G7 X1': error 20"):
            device.check([*LINES[:150], "G7 X1", *LINES[150:]])
        assert board(device).state == "Idle"
        device.run(program_of(SQUARE, 60.0))


def test_soft_limits_are_found_in_check_mode(machine: MachineProfile) -> None:
    with open_device(machine) as device:
        grbl = board(device)
        for number, value in ((22, 1), (20, 1), (130, 200), (131, 150)):
            grbl.settings.write(number, value)
        grbl.interpreter.frames[0] = (-200.0, -150.0, -10.0)
        assert device.check(["G21 G90", "G0 X150 Y100 Z5"])
        with pytest.raises(DeviceAlarm, match=r"Line 3 'G0 X201': Alarm 2: .*leave the machine's travel"):
            device.check(["G21 G90", "G0 X150 Y100 Z5", "G0 X201", "G0 X20"])
        assert grbl.state == "Idle"
        assert grbl.position_mm()[:2] == (0.0, 0.0)


def test_ctrl_c_leaves_check_mode(machine: MachineProfile) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with open_device(machine) as device:
        with pytest.raises(KeyboardInterrupt):
            device.check(LINES, stop)
        assert board(device).state == "Idle"
        device.run(program_of(SQUARE, 60.0))


def test_an_origin_that_check_mode_forgets_is_put_back(machine: MachineProfile) -> None:
    with open_device(machine) as device:
        parser = board(device).interpreter
        parser.frames[1] = (7.0, 0.0, 0.0)
        device._link.command("G55")
        device._link.command("G92 X5")
        before = parser.offset_mm
        assert before != (0.0, 0.0, 0.0)
        device.check(LINES)
        assert parser.offset_mm == pytest.approx(before, abs=1e-3)
        assert "G55" in parser.modal.words()


@pytest.mark.parametrize("dialect", ["marlin", "uarm"])
def test_other_firmware_has_none_and_gets_nothing(dialect: str) -> None:
    with open_device(plotter(dialect), f"sim://{dialect}") as device:
        assert isinstance(device.transport, SimulatedTransport)
        before = device.transport.controller.acknowledged
        assert not device.check(["G1X200Y0Z50F50"])
        # Only the wait for earlier moves.
        assert device.transport.controller.acknowledged <= before + 2


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")
def test_over_a_pty(machine: MachineProfile, tmp_path: Path) -> None:
    grbl, stop, ready = VirtualGrbl(machine), threading.Event(), threading.Event()
    thread = threading.Thread(
        target=serve_pty, args=(tmp_path / "p", grbl, stop, FreeRunning(), lambda _: ready.set())
    )
    thread.start()
    try:
        assert ready.wait(10.0)
        with open_device(machine, str(tmp_path / "p")) as device:
            assert device.check(LINES)
            assert grbl.rx.overruns == 0
            assert grbl.position_mm()[:2] == (0.0, 0.0)
            device.run_gcode(LINES)
    finally:
        stop.set()
        thread.join()
