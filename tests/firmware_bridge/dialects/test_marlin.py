from __future__ import annotations

import dataclasses

import pytest

from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Busy,
    Damaged,
    Message,
    Ok,
    Reply,
    Resend,
    Status,
    Unknown,
    Waiting,
)
from firmware_bridge.dialects.marlin import MAX_LINE_CHARS, Marlin, settings_of
from firmware_bridge.dialects.uarm import Uarm
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program


@pytest.fixture
def marlin(machine: MachineProfile) -> MachineProfile:
    return dataclasses.replace(machine, dialect="marlin")


PROGRAM = Program.of(
    [
        Move(10.0, 20.0, 5.0, 90.0, MoveKind.TRAVEL),
        Move(10.0, 20.0, 0.0, 15.0, MoveKind.LOWER, 0.25),
        Move(11.0, 20.0, -0.1234, 40.0, MoveKind.DRAW),
        Move(12.0, 20.0, -0.1234, 40.0, MoveKind.DRAW),
        Move(12.0, 20.0, 5.0, 15.0, MoveKind.LIFT),
    ],
    ["what! ; is this"],
)


def test_one_command_stands_in_a_line_and_every_move_repeats_its_word(marlin: MachineProfile) -> None:
    assert Marlin().encode(PROGRAM, marlin) == [
        "; what_ ; is this",
        "G21",
        "G90",
        "G0 Z5 F900",
        "G0 X10 Y20 F5400",
        "G1 Z0 F900",
        "G4 P250",
        "G1 X11 Z-0.123 F2400",
        "G1 X12",
        "G1 Z5 F900",
    ]


def test_a_servo_waits_for_the_moves_and_keeps_its_value_in_a_stroke(marlin: MachineProfile) -> None:
    servo = dataclasses.replace(
        marlin,
        pen_actuator="servo",
        pen_max_speed=300.0,
        envelope=dataclasses.replace(marlin.envelope, pen_min=0.0, pen_max=180.0),
    )
    moves = [dataclasses.replace(m, pen=30.0 if m.pen == 5.0 else 90.4 + i) for i, m in enumerate(PROGRAM)]
    lines = Marlin().encode(Program.of(moves), servo)
    assert [line for line in lines if line.startswith("M280")] == [
        "M280 P0 S30",
        "M280 P0 S91",
        "M280 P0 S30",
    ]
    for i, line in enumerate(lines):
        if line.startswith("M280"):
            assert lines[i - 1] == "M400"
            assert lines[i + 1].startswith("G4 P")


def test_a_coordinate_that_is_far_off_is_refused(marlin: MachineProfile) -> None:
    far = Program.of([Move(1e90, 0.0, 5.0, 90.0, MoveKind.TRAVEL)])
    with pytest.raises(ProgramError, match="far off"):
        Marlin().encode(far, marlin)
    with pytest.raises(ProgramError, match="far off"):
        Uarm().encode(far, marlin)
    assert MAX_LINE_CHARS + len("N1234567 *255") < 96


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("ok", Ok()),
        ("ok N12 P15 B3", Ok(12)),
        ("ok T:21.0 /0.0", Ok()),
        ("okok", Unknown("okok")),
        ("start", Banner("")),
        ("Resend: 4", Resend(4)),
        ("Resend:4", Resend(4)),
        ("rs N4", Resend(4)),
        ("echo:busy: processing", Busy("processing")),
        ("wait", Waiting()),
        ("Error:checksum mismatch, Last Line: 3", Damaged("checksum mismatch, Last Line: 3")),
        ("Error: expected line 4 got 5", Message("error: expected line 4 got 5")),
        ("echo:SD init fail", Message("echo:SD init fail")),
        ("Grbl 1.1h ['$' for help]", Unknown("Grbl 1.1h ['$' for help]")),
    ],
)
def test_answers_are_read_strictly(line: str, reply: Reply) -> None:
    assert Marlin().parse(line) == reply


def test_places_halts_and_settings() -> None:
    for line in (
        "X:10.00 Y:-2.50 Z:3.00 E:0.00 Count X:800 Y:-200 Z:1200",
        "X:10.0 Y:-2.5 Z:3.0 E0:0.0 E1:0.0 Count: A:800 B:-200 C:1200",
    ):
        status = Marlin().parse(line)
        assert isinstance(status, Status)
        assert status.work_mm == (10.0, -2.5, 3.0)
    with_ok = Marlin().parse("ok X:1.0 Y:2.0 Z:3.0 E:0.0 Count: A:1 B:2 C:3")
    assert isinstance(with_ok, Ok)
    assert with_ok.status is not None
    halted = Marlin().parse("Error:Printer halted. kill() called!")
    assert isinstance(halted, Alarm)
    assert "off and on" in halted.cure
    setting = Marlin().parse("echo:  M203 X100.00 Y90.50 Z5.00")
    assert not isinstance(setting, Unknown | Message)
    assert settings_of(setting) == {"M203 X": 100.0, "M203 Y": 90.5, "M203 Z": 5.0}  # type: ignore[arg-type]


def test_the_lines_of_a_uarm_fit_its_buffer(machine: MachineProfile) -> None:
    lines = Uarm().encode(PROGRAM, machine)
    assert lines[1:] == [
        "G1X10Y20Z5F90",
        "G1X10Y20Z0F15",
        "G4P0.25",
        "G1X11Y20Z-0.12F40",
        "G1X12Y20Z-0.12F40",
        "G1X12Y20Z5F15",
    ]
    servo = dataclasses.replace(machine, pen_actuator="servo")
    with pytest.raises(ProgramError, match="own height"):
        Uarm().encode(PROGRAM, servo)
