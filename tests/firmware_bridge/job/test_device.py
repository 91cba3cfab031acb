from __future__ import annotations

import dataclasses
import os
import signal
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    PortError,
    PreflightError,
    ProgramError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Event, Position, Progress, StateChange
from firmware_bridge.job.device import Device, open_device, ports
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import GrblOptions
from firmware_bridge.transports.simulated import SimulatedTransport

UP = 6.0


def program_of(points: list[tuple[float, float]], feed: float = 30.0) -> Program:
    first, last = points[0], points[-1]
    return Program.of(
        [
            Move(*first, UP, 90.0, MoveKind.TRAVEL),
            Move(*first, 0.0, 15.0, MoveKind.LOWER),
            *(Move(*p, 0.0, feed, MoveKind.DRAW) for p in points[1:]),
            Move(*last, UP, 15.0, MoveKind.LIFT),
        ]
    )


SQUARE = program_of([(10, 10), (60, 10), (60, 60), (10, 60), (10, 10)])


def controller_of(device: Device) -> VirtualGrbl:
    assert isinstance(device.transport, SimulatedTransport)
    return device.transport.controller


@pytest.fixture
def device(machine: MachineProfile) -> Device:
    return open_device(machine, "sim://grbl")


def test_the_time_that_is_told_is_that_of_the_motion(machine: MachineProfile) -> None:
    """Neither the greeting nor the questions before, nor the answers after count as drawing."""
    with open_device(machine) as device:
        begin_s = controller_of(device).now_s
        report = device.run(SQUARE)
        recording = device.transport.recording()  # type: ignore[attr-defined]
    moved = (np.abs(np.diff(recording.xy_mm, axis=0)).sum(axis=1) + np.abs(np.diff(recording.pen))) > 0.0
    moved &= recording.t_s[1:] > begin_s
    motion_s = recording.t_s[1:][moved][-1] - recording.t_s[:-1][moved][0]
    assert motion_s > 7.0
    assert report.duration_s == pytest.approx(motion_s, abs=0.5)


def test_a_program_is_drawn_to_its_end(machine: MachineProfile) -> None:
    events: list[Event] = []
    with open_device(machine) as device:
        report = device.run(SQUARE, events.append)
        controller = controller_of(device)
        assert controller.position_mm() == (10.0, 10.0, UP)
        assert device.state == "Idle"
        assert isinstance(device.transport, SimulatedTransport)
        recording = device.transport.recording()
    assert report.lines == report.acknowledged == controller_lines(report.lines)
    assert (report.errors, report.stalls) == (0, 0)
    assert 200 / 30 < report.duration_s < 200 / 30 + 3
    drawn = recording.xy_mm[recording.pen < 0.01]
    assert drawn.min() == pytest.approx(10.0, abs=0.01)
    assert drawn.max() == pytest.approx(60.0, abs=0.01)
    assert {type(e) for e in events} >= {Progress, Position, StateChange}
    last = [e for e in events if isinstance(e, Progress)][-1]
    assert last.lines_total == last.lines_done == report.lines
    assert (last.eta_s, last.share) == (0.0, 1.0)


def controller_lines(lines: int) -> int:
    """Preamble, raised pen, and one line for each move of the square."""
    assert lines == 1 + 1 + len(SQUARE)
    return lines


def test_settings_of_the_machine_are_read(device: Device) -> None:
    assert device.facts.settings["$110"] == 6000.0
    assert device.facts.settings["$32"] == 0.0


def test_preflight_stops_a_program_before_a_byte_is_sent(device: Device) -> None:
    before = controller_of(device).acknowledged
    with pytest.raises(PreflightError, match="x goes to 900"):
        device.run(program_of([(0, 0), (900, 0)]))
    with pytest.raises(PreflightError, match="x goes to 900"):
        device.run_gcode(["G0 X900"])
    with pytest.raises(ProgramError, match=r"\$110"):
        device.run_gcode(["$110=1"])
    assert controller_of(device).acknowledged == before


def test_gcode_lines_are_drawn(device: Device) -> None:
    report = device.run_gcode(["G21 G90 (x)", "; nothing", "g0 x5y5", "M30"])
    assert report.lines == 2
    assert controller_of(device).position_mm()[:2] == (5.0, 5.0)


@settings(deadline=None, max_examples=25)
@given(at=st.integers(1, 60), error=st.sampled_from([KeyboardInterrupt, RuntimeError, ValueError]))
def test_whatever_stops_a_drawing_the_pen_ends_up_straight_above(
    machine: MachineProfile, at: int, error: type[BaseException]
) -> None:
    seen = 0

    def stop(event: Event) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise error

    with open_device(machine) as device:
        controller = controller_of(device)
        with pytest.raises(error):
            device.run(SQUARE, stop)
        assert controller.position_mm()[2] == UP
        assert device.state == "Idle"
        recording = controller.recording()
        down = np.flatnonzero(recording.pen < 0.01)
        if len(down):
            # After the last ink the tool only rises: x and y stay where the hold ended.
            after = recording.xy_mm[down[-1] :]
            assert np.ptp(after, axis=0).max() < 0.02
        device.run(SQUARE)  # and the machine is ready for the next drawing
        assert controller.position_mm() == (10.0, 10.0, UP)


def test_a_second_interrupt_during_the_stop_does_not_leave_the_pen_down(
    machine: MachineProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Position) and event.pen < 0.1:
            raise KeyboardInterrupt

    with open_device(machine) as device:
        lift = device.abort_lift
        calls: list[float | None] = []

        def interrupted(
            pen: float | None = None, lowest_pen: float | None = None, place_lost: bool = False
        ) -> None:
            calls.append(pen)
            if len(calls) < 3:
                raise KeyboardInterrupt
            lift(pen, lowest_pen, place_lost)

        monkeypatch.setattr(device, "abort_lift", interrupted)
        with pytest.raises(KeyboardInterrupt):
            device.run(SQUARE, stop)
        assert controller_of(device).position_mm()[2] == UP
        assert calls == [UP, UP, UP]


def test_a_real_signal_lifts_the_pen_of_the_virtual_machine(machine: MachineProfile) -> None:
    """Ctrl-C may come at any instruction, also inside the simulator's own machinery."""
    long = program_of([(50 + 0.5 * (i % 7), 10 + 0.01 * i) for i in range(20000)])
    fired = threading.Event()

    def fire(event: Event) -> None:
        if isinstance(event, Position) and event.pen < 0.1 and not fired.is_set():
            fired.set()
            threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT)).start()

    with open_device(machine) as device:
        with pytest.raises(KeyboardInterrupt):
            device.run(long, fire)
        assert controller_of(device).position_mm()[2] == UP
        assert controller_of(device).position_mm()[1] < 200.0  # it was stopped on the way
        device.run(SQUARE)


def test_the_lift_is_right_under_a_shifted_work_frame(machine: MachineProfile) -> None:
    """A reset forgets G92, so a lift in the work frame would go to another height."""

    def stop(event: Event) -> None:
        if isinstance(event, Position) and event.x_mm > 20:
            raise KeyboardInterrupt

    with open_device(machine) as device:
        controller = controller_of(device)
        device._link.command("G92 Z2")  # work z 2 where the machine has 10
        device._link.command("G0 Z6")
        device.wait_idle()
        with pytest.raises(KeyboardInterrupt):
            device.run(SQUARE, stop)
        assert controller.position_mm()[2] == pytest.approx(UP + 8.0)


def test_an_alarm_in_mid_drawing_is_reported_and_the_pen_lifted(machine: MachineProfile) -> None:
    with open_device(machine) as device:
        controller = controller_of(device)

        def hit(event: Event) -> None:
            if isinstance(event, Position) and event.x_mm > 20 and controller.state == "Run":
                controller.raise_alarm(1)

        with pytest.raises(DeviceAlarm, match="Alarm 1: a limit switch was hit"):
            device.run(SQUARE, hit)
        assert controller.position_mm()[2] == UP
        assert controller.state == "Idle"


def test_a_refused_line_is_reported_and_the_pen_lifted(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        device._link.dialect, "encode", lambda program, machine: ["G0 Z0", "G1 X10 F600", "G5 X1"]
    )
    with pytest.raises(DeviceRejected, match="Line 3 'G5 X1': error 20"):
        device.run(SQUARE)
    assert controller_of(device).position_mm()[2] == UP


def test_an_answer_too_many_is_noticed(device: Device) -> None:
    """A CR before the LF makes the machine answer a line twice."""
    controller = controller_of(device)
    said = False

    def stray(event: Event) -> None:
        nonlocal said
        if isinstance(event, Position) and event.x_mm > 20 and not said:
            said = True
            controller.say("ok")

    with pytest.raises(ProtocolError, match="1 answers too many"):
        device.run(SQUARE, stray)
    assert controller.position_mm()[2] == UP


def test_a_failed_lift_says_so(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    def fail(pen: float | None = None, lowest_pen: float | None = None, place_lost: bool = False) -> None:
        raise ResponseTimeout("Nobody there.")

    monkeypatch.setattr(device, "abort_lift", fail)
    with pytest.raises(ResponseTimeout, match="lift it by hand"):
        device.run(SQUARE, stop)


def test_hold_and_resume_from_the_callback(machine: MachineProfile) -> None:
    held_at: list[float] = []
    with open_device(machine) as device:
        controller = controller_of(device)

        def pause(event: Event) -> None:
            if isinstance(event, Position) and event.x_mm > 30 and not held_at:
                held_at.append(controller.now_s)
                device.hold()
            if isinstance(event, Progress) and held_at and controller.now_s > held_at[0] + 30.0:
                device.resume()

        states: list[str] = []

        def both(event: Event) -> None:
            if isinstance(event, StateChange):
                states.append(event.after)
            pause(event)

        report = device.run(SQUARE, both)
    assert controller.position_mm() == (10.0, 10.0, UP)
    assert report.duration_s > 30.0
    assert "Hold:0" in states


def test_hands_on_commands(device: Device) -> None:
    controller = controller_of(device)
    device.jog(dx_mm=3.0, dy_mm=-2.0)
    assert controller.position_mm()[:2] == (3.0, -2.0)
    device.move_pen(1.5)
    assert controller.position_mm()[2] == 1.5
    device.jog(dpen=1.0)
    assert controller.position_mm()[2] == 2.5
    device.abort_lift()
    assert controller.position_mm()[2] == 10.0
    with pytest.raises(PreflightError, match=r"x to -7\.00"):
        device.jog(dx_mm=-10.0)
    with pytest.raises(PreflightError, match="pen value 11"):
        device.move_pen(11.0)
    with pytest.raises(DeviceRejected, match="error 5, homing is switched off"):
        device.home()


def test_homing_and_unlock(machine: MachineProfile) -> None:
    device = open_device(machine)
    controller = controller_of(device)
    device._link.command("$22=1")
    device.home()
    assert controller.position_mm() == (-1.0, -1.0, -1.0)
    controller.receive(b"G0X-100\n")
    controller.advance(controller.now_s + 0.5)
    device.reset()
    with pytest.raises(DeviceAlarm, match="locked"):
        device.run(SQUARE)
    device.unlock()
    assert device.state == "Idle"


def test_a_servo_pen_is_lifted_on_an_interrupt(machine: MachineProfile) -> None:
    servo = dataclasses.replace(
        machine,
        pen_actuator="servo",
        pen_max_speed=4000.0,
        envelope=dataclasses.replace(machine.envelope, pen_min=0.0, pen_max=1000.0),
    )
    moves = [dataclasses.replace(m, pen=100.0 if m.pen == UP else 700.0) for m in SQUARE]

    def stop(event: Event) -> None:
        if isinstance(event, Position) and event.x_mm > 20:
            raise KeyboardInterrupt

    with open_device(servo) as device:
        with pytest.raises(KeyboardInterrupt):
            device.run(Program.of(moves), stop)
        recording = controller_of(device).recording()
        assert recording.pen.max() == 700.0
        assert recording.pen[-1] == 100.0
        device.move_pen(300.0)
        with pytest.raises(PreflightError, match="servo"):
            device.jog(dpen=1.0)


def test_a_busy_machine_is_refused(device: Device) -> None:
    controller = controller_of(device)
    controller.receive(b"G1X100F600\n")
    controller.advance(controller.now_s + 1.0)
    with pytest.raises(DeviceRejected, match=r"busy \(Run\)"):
        device.run(SQUARE)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (b"start\r\necho:Marlin 2.1\r\nok\r\n" * 3, "said 'start', which looks like marlin"),
        (b"\xff\xfe\x00\x81\x9dge" * 400, r"the baud rate \(115200\) is probably wrong"),
        (b"hello\r\n", r"check the baud rate \(115200\), the port and the dialect"),
    ],
)
def test_another_machine_or_baud_rate_is_noticed(
    machine: MachineProfile, monkeypatch: pytest.MonkeyPatch, said: bytes, match: str
) -> None:
    monkeypatch.setattr(VirtualGrbl, "receive", lambda self, data: self._output.extend(said))
    monkeypatch.setattr(VirtualGrbl, "_switch_on", lambda self, locked: None, raising=True)
    monkeypatch.setattr(
        VirtualGrbl, "advance", lambda self, until, stop_at_output=False: _pass_time(self, until)
    )
    with pytest.raises(ProtocolError, match=rf"does not speak grbl .*{match}"):
        open_device(machine, "sim://grbl")


def _pass_time(controller: VirtualGrbl, until_s: float) -> None:
    controller.now_s = until_s


def test_silence_is_noticed(machine: MachineProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VirtualGrbl, "say", lambda self, line: None)
    with pytest.raises(ProtocolError, match="does not answer as grbl"):
        open_device(machine, "sim://grbl")


def test_an_old_firmware_is_noticed(machine: MachineProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    old = GrblOptions(banner="Grbl 0.9j ['$' for help]")
    monkeypatch.setattr("firmware_bridge.simulator.grbl.controller.GRBL", old)
    with pytest.raises(ProtocolError, match=r"version 0\.9j"):
        open_device(machine, "sim://grbl")


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("/dev/no-such-port", "no such port: plug the machine in"),
        ("/dev/null", "not a serial port"),
        ("socket://127.0.0.1", "not socket://host:port"),
        ("socket://127.0.0.1:1", "Cannot connect"),
        ("sim://toaster", "no simulator"),
        ("ftp://x", "unknown scheme"),
    ],
)
def test_a_port_that_cannot_be_opened_is_one_line(machine: MachineProfile, url: str, match: str) -> None:
    with pytest.raises(PortError, match=match) as caught:
        open_device(machine, url)
    assert "\n" not in str(caught.value)


def test_ports_are_listed() -> None:
    assert all(port.device for port in ports())
