"""grblHAL and FluidNC: known by what ``$I`` reports, driven as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import ONE_LINE, WindowSize
from firmware_bridge.errors import DeviceRejected, PreflightError
from firmware_bridge.events import Event, Progress
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program
from firmware_bridge.simulator import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBLHAL, GrblOptions
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.ink_cases import dense, drawn_mm, farthest_mm, ink, ink_mm, plotter, program_of

ZIGZAG = [[(20.0 + 0.5 * i, 40.0 + (15.0 if i % 2 else 0.0)) for i in range(40)]]
FLAVOURS = pytest.mark.parametrize("name", ["grblhal", "fluidnc"])


def connected(name: str, machine: MachineProfile) -> tuple[Device, VirtualGrbl]:
    transport = SimulatedTransport(name, machine)
    assert isinstance(transport.controller, VirtualGrbl)
    return Device(machine, Link(transport, dialect_of("grbl"), machine)), transport.controller


def device_lines(program: Program, machine: MachineProfile) -> list[str]:
    return [line for line in dialect_of("grbl").encode(program, machine) if not line.startswith(";")]


@pytest.fixture
def machine() -> MachineProfile:
    return plotter("grbl")


def test_each_is_known_by_what_it_reports(machine: MachineProfile) -> None:
    hal, _ = connected("grblhal", machine)
    assert hal.facts.firmware == "grblHAL 1.1f.20250102"
    assert (hal.facts.planner_blocks, hal.facts.rx_bytes) == (100, 1024)
    assert hal.facts.options == "VNMSL"
    assert hal.window == WindowSize(bytes=1023)
    assert hal.facts.settings["$110"] == 6000.0  # its words are no part of the number
    fluid, _ = connected("fluidnc", machine)
    assert fluid.facts.firmware == "FluidNC v3.9.9"
    assert fluid.facts.rx_bytes is None
    assert fluid.window == ONE_LINE  # it does not tell its size
    assert fluid.facts.settings["/axes/y/max_travel_mm"] == 360.0


@FLAVOURS
def test_a_program_is_drawn_once(machine: MachineProfile, name: str) -> None:
    device, grbl = connected(name, machine)
    report = device.run(program_of(ZIGZAG, 60.0))
    assert report.errors == 0
    assert grbl.rx.overruns == 0
    pieces = ink(grbl.recording())
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.05
    assert ink_mm(pieces) == pytest.approx(drawn_mm(ZIGZAG), abs=0.2)


@FLAVOURS
def test_after_an_error_the_next_drawing_is_taken(machine: MachineProfile, name: str) -> None:
    """grblHAL repeats its error to every line until it has seen an empty one, or a reset."""
    device, grbl = connected(name, machine)
    with pytest.raises(DeviceRejected, match="error 20"):
        device._link.command("G7")
    device._link.command("G21")
    with pytest.raises(DeviceRejected, match="error 22"):
        device.check(["G90", "G1 X1"])
    device.run(program_of(ZIGZAG, 60.0))
    assert grbl.standing_error == 0


@FLAVOURS
def test_pause_and_go_on(machine: MachineProfile, name: str) -> None:
    device, grbl = connected(name, machine)
    turns: list[int] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Progress):
            turns.append(event.lines_done)
            if len(turns) == 4:
                device.pause()
            elif len(turns) == 12:
                device.go_on()

    device.run(program_of(ZIGZAG, 20.0), on_event)
    pieces = ink(grbl.recording())
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.05
    assert ink_mm(pieces) - drawn_mm(ZIGZAG) < 2.2


@FLAVOURS
def test_a_resume_while_it_still_slows_down_is_not_obeyed(machine: MachineProfile, name: str) -> None:
    _, grbl = connected(name, machine)
    grbl.receive(b"G1 X80 F3000\n")
    grbl.advance(grbl.now_s + 0.5)
    grbl.receive(b"!~")  # in Hold:1
    grbl.advance(grbl.now_s + 2.0)
    assert grbl.state == "Hold"
    grbl.receive(b"~")
    grbl.advance(grbl.now_s + 5.0)
    assert grbl.state == "Idle"
    assert grbl.position_mm()[0] == 80.0


def test_line_ends_of_two_bytes(machine: MachineProfile) -> None:
    for options, answers in ((GRBLHAL, 2), (GrblOptions(), 4)):
        grbl = VirtualGrbl(machine, None, options)
        grbl.take_output()
        grbl.receive(b"G21\r\nG90\r\n")
        grbl.advance(grbl.now_s + 1.0)
        assert grbl.take_output().count(b"ok") == answers


@pytest.mark.parametrize("flavour", [GRBLHAL, FLUIDNC], ids=["grblhal", "fluidnc"])
def test_settings_are_compared_with_the_profile(
    machine: MachineProfile, flavour: GrblOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def board(**numbers: float) -> Callable[[Program], list[str]]:
        transport = SimulatedTransport("grbl", machine)
        grbl = VirtualGrbl(machine, None, flavour)
        for name, value in numbers.items():
            grbl.settings.write(int(name[1:]), value)
        transport.controller = grbl
        device = Device(machine, Link(transport, dialect_of("grbl"), machine))
        grbl.unlock()
        return lambda program: [f.message for f in device.judge(parse_lines(device_lines(program, machine)))]

    program = program_of(ZIGZAG, 60.0)
    assert board()(program) == []
    (message,) = board(s110=500)(program)
    name = "$/axes/x/max_rate_mm_per_min" if flavour is FLUIDNC else "$110"
    assert f"x 8.33333 mm/s by {name}, profile 100" in message
    with pytest.raises(PreflightError, match=r"soft limits let x go from -310 to 0 mm of its own frame"):
        board(s22=1, s20=1)(program)


def test_fluidnc_soft_limits_lie_where_its_switches_do() -> None:
    from firmware_bridge.dialects.base import Facts

    settings = {"/axes/x/max_travel_mm": 300.0, "/axes/x/soft_limits": 1.0, "/axes/x/homing/mpos_mm": 5.0}
    for positive, span in ((0.0, (5.0, 305.0)), (1.0, (-295.0, 5.0))):
        told = dialect_of("grbl").limits(
            plotter("grbl"), Facts(settings={**settings, "/axes/x/homing/positive_direction": positive})
        )
        assert told.reach == (span, None, None)
        assert told.soft_limits
    assert np.isfinite(told.reach[0]).all()  # type: ignore[arg-type]
