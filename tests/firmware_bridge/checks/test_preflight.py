from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.checks import preflight
from firmware_bridge.checks.preflight import Severity, require, require_lines
from firmware_bridge.errors import DeviceRejected, PreflightError
from firmware_bridge.gcode.words import parse, parse_lines
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from tests.support.ink_cases import plotter

DRAW, TRAVEL, LIFT, LOWER = MoveKind.DRAW, MoveKind.TRAVEL, MoveKind.LIFT, MoveKind.LOWER


def stroke(*points: tuple[float, float], feed: float = 50.0, pen: float = 0.0) -> Program:
    first, last = points[0], points[-1]
    return Program.of(
        [
            Move(*first, 5.0, 90.0, TRAVEL),
            Move(*first, pen, 15.0, LOWER),
            *(Move(*p, pen, feed, DRAW) for p in points[1:]),
            Move(*last, 5.0, 15.0, LIFT),
        ]
    )


def test_a_good_program_has_no_findings(machine: MachineProfile) -> None:
    assert preflight.require(stroke((0, 0), (100, 50)), machine) == []


def test_outside_the_envelope_says_where_and_by_how_much(machine: MachineProfile) -> None:
    with pytest.raises(
        PreflightError, match=r"x goes to 215\.50 mm, 5\.50 mm beyond .* 210 mm: move or shrink"
    ):
        preflight.require(stroke((0, 0), (215.5, 50)), machine)
    with pytest.raises(PreflightError, match=r"y goes to -6\.00 mm, 1\.00 mm beyond"):
        preflight.require(stroke((0, 0), (20, -6)), machine)
    with pytest.raises(PreflightError, match=r"The pen goes to -3\.50 mm"):
        preflight.require(stroke((0, 0), (20, 6), pen=-3.5), machine)


def test_a_pen_left_down_is_fatal(machine: MachineProfile) -> None:
    program = stroke((0, 0), (20, 0))
    with pytest.raises(PreflightError, match="pen down"):
        preflight.require(Program.of(program.moves[:-1]), machine)


def test_what_only_slows_the_machine_is_a_warning(machine: MachineProfile) -> None:
    slow = dataclasses.replace(machine, max_speed_mm_s=(100.0, 30.0))
    findings = preflight.require(stroke((0, 0), (0, 90), feed=60.0), slow)
    assert [f.severity for f in findings] == [Severity.WARNING]
    assert "2.00 times the speed limit of the y axis" in findings[0].message

    dense = stroke(*((0.1 * i, 0.0) for i in range(100)), feed=50.0)
    findings = preflight.require(dense, machine)
    assert "for lines, since the machine takes 200 lines/s" in findings[0].message

    servo = dataclasses.replace(machine, pen_actuator="servo")
    moves = [
        dataclasses.replace(m, pen=m.pen + 0.01 * i) for i, m in enumerate(stroke((0, 0), (9, 0), (20, 0)))
    ]
    findings = preflight.require(Program.of(moves), servo)
    assert "2 moves change the pen" in findings[0].message

    assert "no moves" in preflight.check(Program.of([]), machine)[0].message


@settings(deadline=None, max_examples=60)
@given(
    points=st.lists(
        st.tuples(st.floats(-50, 350, allow_nan=False), st.floats(-50, 350, allow_nan=False)),
        min_size=2,
        max_size=6,
    )
)
def test_fatal_exactly_when_a_target_is_outside(
    machine: MachineProfile, points: list[tuple[float, float]]
) -> None:
    box = machine.envelope
    slack = preflight.EDGE_SLACK_MM
    beyond = max(
        max(box.x_min_mm - x, x - box.x_max_mm, box.y_min_mm - y, y - box.y_max_mm) for x, y in points
    )
    fatal = any(f.severity is Severity.FATAL for f in preflight.check(stroke(*points), machine))
    assert fatal == (beyond > slack)


def test_raw_gcode_is_judged_by_where_it_leads(machine: MachineProfile) -> None:
    assert preflight.require_lines(["G21 G90", "G0 X10 Y10", "G91", "G0 X10"], machine) == []
    with pytest.raises(PreflightError, match=r"x goes to 220\.00 mm"):
        preflight.require_lines(["G21 G91", "G0 X200", "G0 X20"], machine)
    with pytest.raises(PreflightError, match=r"x goes to 254\.00 mm"):
        preflight.require_lines(["G20", "G0 X10"], machine)
    with pytest.raises(DeviceRejected, match="Line 1 'G1 X1': error 22"):
        preflight.require_lines(["G1 X1"], machine)


def test_a_rest_of_minutes_is_told_with_its_line(machine: MachineProfile) -> None:
    lines = [parse("G21 G90", 2), parse("G4 P0.5", 4), parse("G4 P150", 7), parse("G4 P150", 9)]
    (finding,) = preflight.require_lines(lines, machine)
    assert str(finding) == (
        "Line 7 holds a rest of 150 s, since P of G4 counts seconds here: write P0.15 if ms were meant."
    )
    marlin = dataclasses.replace(machine, dialect="marlin")
    assert preflight.require_lines(lines, marlin) == []
    (finding,) = preflight.require_lines([parse("G4 S40", 1)], marlin)
    assert "Line 1 holds a rest of 40 s, since S of G4 counts seconds" in finding.message


def test_a_burst_of_short_moves_that_the_planner_holds_is_no_warning(machine: MachineProfile) -> None:
    """15 moves at 300 lines a second are drawn from a full planner; a thousand of them are not."""

    def zigzag(short: int) -> Program:
        moves = [Move(10.0, 10.0, 6.0, 90.0, MoveKind.TRAVEL), Move(10.0, 10.0, 0.0, 15.0, MoveKind.LOWER)]
        x = 10.0
        for step_mm in [20.0] * 4 + [0.1] * short + [20.0] * 2:
            x += step_mm if x < 150.0 else -step_mm
            moves.append(Move(x, 10.0, 0.0, 30.0, MoveKind.DRAW))
        return Program.of([*moves, Move(x, 10.0, 6.0, 15.0, MoveKind.LIFT)])

    assert not [f for f in preflight.check(zigzag(14), machine) if "lines/s" in f.message]
    assert [f for f in preflight.check(zigzag(1000), machine) if "lines/s" in f.message]


def test_a_file_that_ends_with_the_pen_down_is_refused() -> None:
    down = parse_lines(["G21 G90", "G0 X20 Y20", "G1 Z-0.5 F600", "G1 X60 Y20 F3000", "G1 X60 Y60"])
    machine = plotter("grbl")
    with pytest.raises(PreflightError, match=r"ends with the pen down \(-0.5"):
        require_lines(down, machine)
    assert require_lines([*down, *parse_lines(["G0 Z2"])], machine) == []
    servo = plotter("grbl", "servo")
    lines = parse_lines(["G21 G90 F600", "M3 S100", "G1 X20 Y20", "M3 S170", "G1 X60"])
    with pytest.raises(PreflightError, match="ends with the pen down"):
        require_lines(lines, servo)
    assert require_lines([*lines, *parse_lines(["M3 S100"])], servo) == []


@pytest.mark.parametrize("up", [900.0, 100.0])
def test_a_servo_that_a_reset_presses_is_refused(up: float) -> None:
    machine = dataclasses.replace(plotter("grbl", "servo"), pen_safe=up)
    down = 300.0
    lines = parse_lines(
        ["G21 G90 F600", f"M3 S{up:g}", "G1 X20 Y20", f"M3 S{down:g}", "G1 X60", f"M3 S{up:g}"]
    )
    program = Program.of(
        [
            Move(20, 20, up, 50, MoveKind.TRAVEL),
            Move(20, 20, down, 50, MoveKind.LOWER),
            Move(60, 20, down, 50, MoveKind.DRAW),
            Move(60, 20, up, 50, MoveKind.LIFT),
        ]
    )
    if up < down:  # S0 lies beyond "up"
        assert require_lines(lines, machine) == []
        assert require(program, machine) == []
        return
    for judge in (lambda: require_lines(lines, machine), lambda: require(program, machine)):
        with pytest.raises(PreflightError, match=r"turn the servo to S0, which presses the pen: S900 is up"):
            judge()
    # A Marlin servo stays where it is.
    marlin = dataclasses.replace(plotter("marlin", "servo"), pen_safe=170.0)
    turned = [dataclasses.replace(m, pen={up: 170.0, down: 100.0}[m.pen]) for m in program.moves]
    assert require(Program.of(turned), marlin) == []
