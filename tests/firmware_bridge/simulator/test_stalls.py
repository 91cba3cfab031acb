"""What the real boards do beside the protocol: stores that make them deaf, errors that stand."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import simulate_lines
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import GRBLHAL
from firmware_bridge.simulator.wire import Wire


def settings_and_moves(machine: MachineProfile, wait: bool) -> VirtualGrbl:
    """Eight settings and three moves over a wire of 115200 baud, all at once or one by one."""
    grbl = VirtualGrbl(machine)
    grbl.take_output()
    wire = Wire(grbl, 115200.0)
    lines = [
        f"${n}={v}" for n, v in zip((110, 111, 112, 120, 122, 130, 131, 121), range(91, 99), strict=True)
    ]
    for line in [*lines, "G1 X1 F600", "X2", "X3"]:
        wire.receive(line.encode() + b"\n")
        if wait:
            wire.advance(wire.now_s + 1.0, stop_at_output=True)
            assert wire.take_output() == b"ok\r\n"
    wire.advance(wire.now_s + 5.0)
    return grbl


def test_settings_that_are_streamed_lose_bytes(machine: MachineProfile) -> None:
    blind, patient = settings_and_moves(machine, False), settings_and_moves(machine, True)
    assert blind.deafness.unheard > 30
    assert patient.deafness.unheard == 0
    assert patient.settings.values[121] == 98.0
    assert patient.position_mm()[0] == pytest.approx(3.0)
    assert blind.settings.values[121] != 98.0


def test_a_setting_that_stays_the_same_costs_nothing(machine: MachineProfile) -> None:
    grbl = VirtualGrbl(machine)
    assert grbl.settings.write(100, grbl.settings.values[100]) == 0
    assert grbl.settings.write(13, 1.0) == 2
    assert 2 <= grbl.settings.write(100, 123.4) <= 5


def test_grblhal_repeats_an_error_until_an_empty_line(machine: MachineProfile) -> None:
    grbl = VirtualGrbl(machine, None, GRBLHAL)

    def said(line: str) -> bytes:
        grbl.take_output()
        grbl.receive(line.encode() + b"\n")
        grbl.advance(grbl.now_s + 0.1)
        return grbl.take_output()

    assert said("G1 X1") == b"error:22\r\n"
    assert said("G1 X1 F600") == b"error:22\r\n"
    assert said("") == b"ok\r\n"
    assert said("G1 X1 F600") == b"ok\r\n"


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
def test_comments_and_empty_lines_need_no_answer(machine: MachineProfile, dialect: str) -> None:
    found = simulate_lines(["; a comment", "", "  ; another"], dataclasses.replace(machine, dialect=dialect))
    assert found.duration_s < 1.0
