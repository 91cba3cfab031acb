from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Message,
    Ok,
    Rejected,
    Setting,
    Status,
    Unknown,
)
from firmware_bridge.dialects.grbl import Grbl, encode
from firmware_bridge.dialects.grbl_messages import ALARMS, ERRORS
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.simulator import simulate_lines

DRAW, TRAVEL, LIFT, LOWER = MoveKind.DRAW, MoveKind.TRAVEL, MoveKind.LIFT, MoveKind.LOWER

STROKE = Program.of(
    [
        Move(10.0, 20.0, 5.0, 100.0, TRAVEL),
        Move(10.0, 20.0, 0.0, 15.0, LOWER),
        Move(20.0, 20.0, 0.0, 40.0, DRAW),
        Move(20.0, 30.12345, -0.5, 40.001, DRAW),
        Move(20.0, 30.12345, 5.0, 15.0, LIFT),
        Move(0.0, 30.12345, 5.0, 100.0, TRAVEL),
    ],
    header=("strokebot 0.1",),
)


def words_of(line: str) -> dict[str, float]:
    return {w[0]: float(w[1:]) for w in line.split()}


def test_a_stroke_becomes_these_lines(machine: MachineProfile) -> None:
    assert encode(STROKE, machine) == [
        "; strokebot 0.1",
        "G21 G90 G94",
        "G0 Z5",
        "G1 X10 Y20 F6000",
        "G0 Z0",
        "G1 X20 F2400",
        "Y30.123 Z-0.5",
        "G0 Z5",
        "X0",
    ]


def test_a_rest_is_a_dwell_after_its_move(machine: MachineProfile) -> None:
    lower = Move(10.0, 10.0, -0.5, 20.0, MoveKind.LOWER, dwell_s=0.25)
    draw = Move(20.0, 10.0, -0.5, 20.0, MoveKind.DRAW)
    lines = encode(Program((lower, draw)), machine)
    assert lines[-2] == "G4 P0.25"
    plain = encode(Program((dataclasses.replace(lower, dwell_s=0.0), draw)), machine)
    assert [line for line in lines if line != "G4 P0.25"] == plain
    rested = simulate_lines(lines, machine).duration_s
    assert rested - simulate_lines(plain, machine).duration_s == pytest.approx(0.25, abs=0.05)
    for wrong in (-0.1, float("nan"), 61.0):
        with pytest.raises(ProgramError, match="rests"):
            dataclasses.replace(lower, dwell_s=wrong)


def test_a_servo_pen_turns_only_at_lifts_and_never_under_g0(machine: MachineProfile) -> None:
    servo = dataclasses.replace(machine, pen_actuator="servo", pen_max_speed=20.0)
    lines = encode(STROKE, servo)
    assert lines[1:] == [
        "G21 G90 G94",
        "G1 F600 M3 S5",
        "G4 P0.7",
        "X10 Y20 F6000",
        "M3 S0",
        "G4 P0.3",
        "X20 F2400",
        "Y30.123",
        "M3 S5",
        "G4 P0.3",
        "X0 F6000",
    ]
    assert not any(re.search(r"G0\b|Z", line) for line in lines)


@pytest.mark.parametrize("laser_mode", [0, 1])
def test_a_servo_pen_ends_up_where_the_program_says_in_both_spindle_modes(
    machine: MachineProfile, laser_mode: int
) -> None:
    servo = dataclasses.replace(
        machine,
        pen_actuator="servo",
        pen_max_speed=4000.0,
        envelope=dataclasses.replace(machine.envelope, pen_min=0.0, pen_max=1000.0),
    )
    moves = [dataclasses.replace(m, pen=0.0 if m.pen == 5.0 else 600.0) for m in STROKE]
    lines = [f"$32={laser_mode}", *encode(Program.of(moves), servo)]
    recording = simulate_lines(lines, servo)
    drawn = (recording.xy_mm[:, 0] > 10.01) & (recording.xy_mm[:, 0] < 19.9) & (recording.xy_mm[:, 1] < 20.01)
    assert set(recording.pen[drawn]) == {600.0}
    assert recording.pen[0] == recording.pen[-1] == 0.0


COORDINATE = st.floats(-4.0, 200.0, allow_nan=False)
MOVES = st.lists(
    st.builds(
        Move,
        COORDINATE,
        COORDINATE,
        st.floats(-3.0, 10.0, allow_nan=False),
        st.floats(0.01, 500.0, allow_nan=False),
        st.sampled_from(MoveKind),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(moves=MOVES)
def test_lines_lead_to_every_target_within_half_a_micrometre(
    machine: MachineProfile, moves: list[Move]
) -> None:
    program = Program.of(moves)
    lines = encode(program, machine)
    assert lines == encode(program, machine)
    assert all(len(line) <= 79 and line.isascii() for line in lines)
    place = {"X": 0.0, "Y": 0.0, "Z": 0.0}
    reached: list[tuple[float, ...]] = []
    for line in lines[1:]:
        place.update({a: v for a, v in words_of(line).items() if a in place})
        reached.append(tuple(place.values()))
    at = 1  # the first reached place is the raised pen
    for move in moves:
        goal = (move.x_mm, move.y_mm, move.pen)
        close = [
            i
            for i in range(at - 1, len(reached))
            if all(abs(a - b) <= 0.00051 for a, b in zip(reached[i], goal, strict=True))
        ]
        assert close, (move, lines)
        at = max(at, close[0])


@settings(deadline=None, max_examples=60)
@given(feed=st.floats(0.001, 400.0, allow_nan=False))
def test_feed_is_mm_per_minute_within_half_a_percent(machine: MachineProfile, feed: float) -> None:
    program = Program.of([Move(1.0, 0.0, 0.0, feed, DRAW), Move(51.0, 50.0, 0.0, feed, DRAW)])
    lines = encode(program, machine)
    written = words_of(lines[2])["F"]
    assert written > 0
    assert written == pytest.approx(feed * 60.0, rel=0.00501, abs=0.001)
    # A diagonal runs at sqrt(2) times the axis speed; from there on it is a rapid.
    assert lines[3].startswith("G0") == (feed >= 0.995 * 100.0 * 2**0.5)


def test_header_text_cannot_stop_the_machine(machine: MachineProfile) -> None:
    lines = encode(Program.of([], header=("stop! why? ~ \x18 é " + "x" * 100,)), machine)
    assert lines[0].startswith("; stop_ why_ _ _ _")
    assert len(lines) == 3
    assert all(len(line) <= 79 for line in lines)


def test_a_coordinate_that_is_far_off_is_refused(machine: MachineProfile) -> None:
    with pytest.raises(ProgramError, match="too long"):
        encode(Program.of([Move(1e60, 1e60, 0.0, 1.0, DRAW)]), machine)


def test_jog_and_pen_lines(machine: MachineProfile) -> None:
    grbl = Grbl()
    assert grbl.jog_lines(1.5, 0.0, -2.0, 10.0) == ["$J=G21 G91 X1.5 Z-2 F600"]
    assert grbl.pen_lines(4.0, machine) == ["G21 G90 G0 Z4"]
    assert grbl.pen_lines(4.0, machine, offset=-30.0) == ["G21 G90 G53 G0 Z-26"]
    with pytest.raises(ProgramError, match="distance"):
        grbl.jog_lines(0.0, 0.0, 0.0, 10.0)
    with pytest.raises(ProgramError, match="feed"):
        grbl.jog_lines(1.0, 0.0, 0.0, 0.0)


def test_unknown_dialect_is_named() -> None:
    with pytest.raises(ProgramError, match="'klingon'"):
        dialect_of("klingon")


# -- answers ---------------------------------------------------------------------------------------


def test_every_error_and_alarm_has_words_and_a_cure() -> None:
    grbl, hal = {*range(1, 18), *range(20, 39)}, {*range(39, 57), 79}
    assert set(ERRORS) == grbl | hal
    assert set(ALARMS) == set(range(1, 19))
    for words, cure in (*ERRORS.values(), *ALARMS.values()):
        assert words
        assert cure


def test_answers_are_read() -> None:
    parse = Grbl().parse
    assert parse("ok") == Ok()
    assert parse("error:22") == Rejected(22, *ERRORS[22])
    assert parse("ALARM:2") == Alarm(2, *ALARMS[2])
    assert parse("$110=500.000") == Setting("$110", 500.0)
    assert parse("$10=1 (status report mask)") == Setting("$10", 1.0)
    assert parse("[MSG:Caution: Unlocked]") == Message("MSG:Caution: Unlocked")
    assert parse("Grbl 1.1h ['$' for help]") == Banner("1.1h")
    assert parse("Grbl 3.4 [FluidNC v3.4.2 (wifi) '$' for help]") == Banner("3.4")
    unknown = parse("error:99")
    assert isinstance(unknown, Rejected)
    assert "does not know" in unknown.words


def test_a_status_report_is_read() -> None:
    status = Grbl().parse("<Hold:1|WPos:1.000,-2.5,3|Bf:15,128|FS:600,8|Ov:100,100,100|WCO:0,0,-30.5|Pn:XZ>")
    assert isinstance(status, Status)
    assert status.label == "Hold:1"
    assert status.work_mm == (1.0, -2.5, 3.0)
    assert status.machine_mm is None
    assert status.offset_mm == (0.0, 0.0, -30.5)
    assert status.buffers == (15, 128)
    assert status.feed_mm_s == 10.0
    assert status.spindle == 8.0
    assert status.fields == {"Ov": "100,100,100", "Pn": "XZ"}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "okok",
            "ok ",
            " ok",
            "OK",
            "ok\r",
            "o",
            "k",
            "error:",
            "error:1234",
            "error: 2",
            "Error:2",
            "error:2x",
        ),
        *(
            "$0=10>:ok",
            ">G54:ok",
            "ALARM:",
            "ALARM:1x",
            "<Idle>",
            "<Idle|MPos:1,2>",
            "<Idle|MPos:1,2,x|FS:0,0>",
        ),
        *(
            "<gone|MPos:0,0,0|FS:0,0>",
            "<Id1e|MPos:0,0,0|FS:0,0>",
            "<Idle|MPos:0,0,0|WPos:0,0,0>",
            "<Idle|MPos:0,0,0",
            "Grbl",
            "[MSG:x",
        ),
        *(
            "<Idle|MPos:0,0,0|Bf:1>",
            "<Idle|FS:0,0>",
            "start",
            "echo:busy: processing",
            "$1",
            "ｏｋ",
            "error:２",
        ),
    ],
)
def test_what_is_not_exactly_an_answer_is_unknown(text: str) -> None:
    assert Grbl().parse(text) == Unknown(text)


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet="oker:ALM0129 \r<>[]|$=Idle\x00é", max_size=12))
@example(text="ok")
@example(text="error:9")
def test_random_text_is_never_counted_as_an_answer(text: str) -> None:
    reply = Grbl().parse(text)
    is_answer = text == "ok" or re.fullmatch("error:[0-9]{1,3}", text) is not None
    assert isinstance(reply, Ok | Rejected) == is_answer


@settings(deadline=None, max_examples=100)
@given(
    report=st.just("<Run|MPos:1.000,2.000,3.000|Bf:15,128|FS:600,0|WCO:0.000,0.000,0.000>"),
    at=st.integers(0, 68),
    char=st.characters(max_codepoint=255),
)
def test_a_damaged_status_report_never_raises(report: str, at: int, char: str) -> None:
    reply = Grbl().parse(report[:at] + char + report[at + 1 :])
    assert isinstance(reply, Status | Unknown)
