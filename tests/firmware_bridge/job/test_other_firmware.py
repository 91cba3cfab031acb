"""The same drawing by Marlin and uArm, in process, over a pty and over TCP."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.errors import PortError, PreflightError, ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Progress, StateChange
from firmware_bridge.job.device import open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope, Move, MoveKind, Program
from firmware_bridge.simulator import (
    FreeRunning,
    RealTime,
    VirtualController,
    VirtualMarlin,
    VirtualUarm,
    serve_pty,
    serve_tcp,
    virtual_controller,
)
from firmware_bridge.simulator.marlin.controller import MarlinOptions
from firmware_bridge.transports.simulated import SimulatedTransport

pytestmark = pytest.mark.timeout(60)
UP = 8.0


@pytest.fixture(params=["marlin", "uarm"])
def arm(request: pytest.FixtureRequest, machine: MachineProfile) -> MachineProfile:
    """A machine of each dialect whose envelope the uArm can reach."""
    return dataclasses.replace(
        machine,
        dialect=request.param,
        url=f"sim://{request.param}",
        envelope=Envelope(130.0, 350.0, -80.0, 80.0, -2.0, 25.0),
        max_speed_mm_s=(50.0, 50.0),
        pen_max_speed=50.0,
        pen_safe=20.0,
    )


def drawing(count: int = 40) -> Program:
    points = [(200.0 + 1.5 * i, 10.0 if i % 2 else 12.0) for i in range(count)]
    return Program.of(
        [
            Move(*points[0], UP, 50.0, MoveKind.TRAVEL),
            Move(*points[0], 0.0, 50.0, MoveKind.LOWER, 0.1),
            *(Move(*p, 0.0, 40.0, MoveKind.DRAW) for p in points),
            Move(*points[-1], UP, 50.0, MoveKind.LIFT),
        ],
        ["a header with ! and ; in it"],
    )


@contextmanager
def served(
    machine: MachineProfile, folder: Path | None, clock: RealTime | FreeRunning
) -> Iterator[tuple[VirtualController, str]]:
    """A virtual machine behind a pty in ``folder``, or on TCP if that is None."""
    controller = virtual_controller(machine.dialect, machine)
    stop, ready = threading.Event(), threading.Event()
    where: list[str] = []

    def on_ready(place: Path | int) -> None:
        where.append(f"socket://127.0.0.1:{place}" if isinstance(place, int) else str(place))
        ready.set()

    def run() -> None:
        if folder is None:
            serve_tcp(controller, stop, clock=clock, on_ready=on_ready)
        else:
            serve_pty(folder / "port", controller, stop, clock, on_ready, reset_on_open=True)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(5.0)
        yield controller, where[0]
    finally:
        stop.set()
        thread.join()


def check_drawn(controller: VirtualController) -> None:
    """Every corner was visited with the pen down, in order, and the pen is up."""
    recording = controller.recording()
    at = 0
    for move in drawing().moves[2:-1]:
        near = np.flatnonzero(
            (np.abs(recording.xy_mm[at:] - (move.x_mm, move.y_mm)).max(axis=1) < 0.05)
            & (recording.pen[at:] < 0.05)
        )
        assert len(near), f"({move.x_mm}, {move.y_mm}) was not drawn after sample {at}"
        at += int(near[0])
    down = recording.pen < 0.05
    assert np.count_nonzero(np.diff(down.astype(int)) == 1) == 1
    assert recording.pen[-1] == pytest.approx(UP)


def test_a_program_is_drawn_in_process(arm: MachineProfile) -> None:
    states: list[Event] = []
    with open_device(arm) as device:
        report = device.run(drawing(), states.append)
        assert isinstance(device.transport, SimulatedTransport)
        check_drawn(device.transport.controller)
        assert (report.errors, report.resends) == (0, 0)
        assert device.facts.firmware.startswith({"marlin": "Marlin 2", "uarm": "uArm V4"}[arm.dialect])
        device.run(drawing())
    assert [e.after for e in states if isinstance(e, StateChange)] == ["Run", "Idle"]
    last = [e for e in states if isinstance(e, Progress)][-1]
    assert last.lines_done == last.lines_total == report.lines
    assert (last.eta_s, last.share) == (0.0, 1.0)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")
@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_a_program_is_drawn_over_a_port(arm: MachineProfile, tmp_path: Path, kind: str) -> None:
    with served(arm, tmp_path if kind == "pty" else None, FreeRunning()) as (controller, url):
        with open_device(arm, url) as device:
            device.run(drawing())
        check_drawn(controller)
        if isinstance(controller, VirtualMarlin):
            assert controller.input.rx.overruns == 0
        elif isinstance(controller, VirtualUarm):
            assert (controller.rx.overruns, controller.lost_answers, controller.overlong) == (0, 0, 0)


def test_an_interrupt_ends_on_the_line_with_the_pen_up(arm: MachineProfile) -> None:
    """Neither firmware has a hold: what was taken is drawn, and no straight line beside the path."""

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.lines_done > 15 and event.lines_total > 5:
            raise KeyboardInterrupt

    with open_device(arm) as device:
        with pytest.raises(KeyboardInterrupt):
            device.run(drawing(100), stop)
        assert isinstance(device.transport, SimulatedTransport)
        recording = device.transport.recording()
        assert recording.pen[-1] == pytest.approx(UP)
        drawn = recording.xy_mm[recording.pen < 0.05]
        assert 205.0 < drawn[:, 0].max() < 330.0
        # On the zigzag, y follows from x.
        phase = np.mod((drawn[:, 0] - 200.0) / 1.5, 2.0)
        expected = 12.0 - 2.0 * np.where(phase < 1.0, phase, 2.0 - phase)
        assert np.abs(drawn[:, 1] - expected).max() < 0.1
        device.run(drawing())
        assert device.state == "Idle"


def test_hold_and_resume(arm: MachineProfile) -> None:
    held: list[float] = []

    with open_device(arm) as device:
        now = device.transport.now_s

        def pause(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > 10 and not held:
                held.append(now())
                device.hold()
            elif isinstance(event, Progress) and held and now() > held[0] + 30.0:
                device.resume()

        report = device.run(drawing(), pause)
        assert report.duration_s > 30.0
        assert isinstance(device.transport, SimulatedTransport)
        check_drawn(device.transport.controller)


def test_by_hand(arm: MachineProfile) -> None:
    with open_device(arm) as device:
        assert isinstance(device.transport, SimulatedTransport)
        controller = device.transport.controller
        if arm.dialect == "uarm":
            with pytest.raises(PreflightError, match="homing is not needed"):
                device.home()
        else:
            device.home()
            assert controller.position_mm()[:2] == (130.0, -80.0)
        x, y, _ = controller.position_mm()
        device.jog(dx_mm=3.0, dy_mm=2.0, dpen=-1.0)
        assert controller.position_mm() == pytest.approx((x + 3.0, y + 2.0, 19.0), abs=0.03)
        device.move_pen(5.0)
        assert controller.position_mm()[2] == pytest.approx(5.0, abs=0.03)
        device.abort_lift()
        assert controller.position_mm()[2] == pytest.approx(20.0, abs=0.03)
        device.reset()
        device.unlock()
        device.run(drawing())
        check_drawn(controller)


@pytest.mark.parametrize("expected", ["grbl", "marlin", "uarm"])
@pytest.mark.parametrize("found", ["grbl", "marlin", "uarm"])
def test_the_wrong_machine_is_named(machine: MachineProfile, expected: str, found: str) -> None:
    if expected == found:
        return
    profile = dataclasses.replace(machine, dialect=expected, pen_safe=5.0)
    with pytest.raises(
        ProtocolError, match=rf"does not speak {expected} .*looks like {found}\).*dialect = "
    ) as caught:
        open_device(profile, f"sim://{found}")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_wrong_machine_that_was_on_before_is_named(machine: MachineProfile, tmp_path: Path) -> None:
    """No greeting then: over TCP nothing restarts."""
    for expected, found in (("grbl", "marlin"), ("marlin", "grbl"), ("uarm", "grbl"), ("uarm", "marlin")):
        profile = dataclasses.replace(machine, dialect=expected, pen_safe=5.0)
        with served(dataclasses.replace(profile, dialect=found), None, FreeRunning()) as (controller, url):
            controller.take_output()
            with pytest.raises(ProtocolError, match=rf"looks like {found}"):
                open_device(profile, url)


def test_a_killed_board_is_an_alarm(machine: MachineProfile) -> None:
    marlin = dataclasses.replace(machine, dialect="marlin", url="sim://marlin")

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and event.lines_done > 10:
            controller.receive(b"\nM112\n")

    with open_device(marlin) as device:
        assert isinstance(device.transport, SimulatedTransport)
        controller = device.transport.controller
        program = Program.of([dataclasses.replace(m, x_mm=m.x_mm - 150.0) for m in drawing()])
        with pytest.raises(
            ResponseTimeout, match=r"was halted .*switch it off and on.*lift it by hand"
        ) as caught:
            device.run(program, kill)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resend_ok", [True, False])
def test_the_answer_to_a_resend_is_learned(
    machine: MachineProfile, resend_ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firmware_bridge.simulator import registry

    monkeypatch.setitem(
        registry.CONTROLLERS,
        "marlin",
        lambda machine, start: VirtualMarlin(machine, start, MarlinOptions(resend_ok)),
    )
    with open_device(dataclasses.replace(machine, dialect="marlin"), "sim://marlin") as device:
        assert device.facts.ok_after_resend == resend_ok
        assert device.facts.keepalive
        assert device.facts.settings["M203 X"] == 100.0


def test_an_unknown_simulator_is_named(machine: MachineProfile) -> None:
    with pytest.raises(
        PortError, match=r"sim://fluidnc, sim://grbl, sim://grblhal, sim://marlin, sim://uarm"
    ):
        open_device(machine, "sim://toaster")
