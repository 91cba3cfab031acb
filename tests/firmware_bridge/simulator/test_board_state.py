"""Boards that begin in the states of real ones tell and do what real ones would."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import ESP32_NOISE, WIFI_NOISE, Boot, GrblState, MarlinState
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GrblOptions
from firmware_bridge.simulator.marlin.controller import MarlinOptions, VirtualMarlin
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController
from tests.support.ink_cases import plotter

STAYS = GrblState(resets_on_open=False)


@pytest.fixture
def machine() -> MachineProfile:
    return plotter("grbl")


def grbl_in(machine: MachineProfile, state: GrblState, options: GrblOptions = GRBL) -> VirtualGrbl:
    board = VirtualGrbl(machine, (30.0, 20.0, 4.0), dataclasses.replace(options, board=state))
    board.opened()
    return board


def asked(board: VirtualController, data: bytes) -> list[str]:
    board.receive(data)
    board.advance(board.now_s + 0.2)
    return board.take_output().decode("latin-1").split("\r\n")[:-1]


def test_a_board_that_stays_says_nothing_when_its_port_is_opened_and_keeps_all(
    machine: MachineProfile,
) -> None:
    left = ("G20 G91", "G93", "G55", "G92 X1")
    board = grbl_in(machine, dataclasses.replace(STAYS, left=left, frames={55: (5.0, 6.0, 0.0)}))
    assert board.take_output() == b""
    assert asked(board, b"$G\n")[0].startswith("[GC:G0 G55 G17 G20 G91 G93 ")
    # Where it stands, 30 mm, is 1 inch now, whatever the frame.
    assert "[G92:-0.400,0.000,0.000]" in asked(board, b"$#\n")
    assert board.physical_mm() == (30.0, 20.0, 4.0)


def test_a_board_that_resets_has_forgotten_all_but_what_is_stored(machine: MachineProfile) -> None:
    state = GrblState(
        left=("G20 G91",),
        frames={54: (1.0, 2.0, 3.0)},
        stored=((7.0, 8.0, 9.0), (0.0, 0.0, 0.0)),
        settings={13: 0, 22: 1, 20: 1},
        power_on_mm=(0.0, 0.0, 0.0),
    )
    board = grbl_in(machine, state)
    assert board.take_output() == b"\r\nGrbl 1.1h ['$' for help]\r\n[MSG:'$H'|'$X' to unlock]\r\n"
    assert asked(board, b"?")[0].startswith("<Alarm|MPos:0.000,0.000,0.000|")
    assert board.physical_mm() == (30.0, 20.0, 4.0)
    told = asked(board, b"$#\n$G\n$$\n")
    assert {"[G54:1.000,2.000,3.000]", "[G28:7.000,8.000,9.000]", "$20=1", "$22=1"} <= set(told)
    assert any(line.startswith("[GC:G0 G54 G17 G21 G90 G94") for line in told)
    assert asked(board, b"G0X1\n") == ["error:9"]


@pytest.mark.parametrize(("busy", "every"), [(False, 10), (True, 30)])
def test_the_offset_is_told_as_seldom_as_the_real_one_tells_it(
    machine: MachineProfile, busy: bool, every: int
) -> None:
    board = grbl_in(machine, dataclasses.replace(STAYS, reports_to_offset=7))
    if busy:
        board.receive(b"G1X200F60\n")
    told = ["WCO:" in line for _ in range(100) for line in asked(board, b"?") if line.startswith("<")]
    assert told[:8] == [False] * 7 + [True]
    assert [i - 7 for i, has in enumerate(told) if has] == list(range(0, 93, every))


def test_the_offset_is_told_at_once_when_it_changes(machine: MachineProfile) -> None:
    board = grbl_in(machine, dataclasses.replace(STAYS, reports_to_offset=29))
    assert "WCO" not in asked(board, b"?")[0]
    asked(board, b"G10L2P1X5\n")
    assert "WCO:5.000,0.000,0.000" in asked(board, b"?")[0]


def test_places_in_inches(machine: MachineProfile) -> None:
    board = grbl_in(machine, dataclasses.replace(STAYS, settings={13: 1, 10: 1}))
    assert "MPos:1.1811,0.7874,0.1575|FS:0.0,0" in asked(board, b"?")[0]
    assert "[G54:0.0000,0.0000,0.0000]" in asked(board, b"$#\n")


def test_work_positions_alone(machine: MachineProfile) -> None:
    board = grbl_in(machine, dataclasses.replace(STAYS, settings={10: 0}, frames={54: (10.0, 0.0, 1.0)}))
    assert "|Bf:" not in (report := asked(board, b"?")[0])
    assert "WPos:20.000,20.000,3.000" in report


@pytest.mark.parametrize(("options", "answers"), [(GRBL, False), (FLUIDNC, True)])
def test_after_a_hard_limit_only_a_reset_is_heard(
    machine: MachineProfile, options: GrblOptions, answers: bool
) -> None:
    board = grbl_in(machine, dataclasses.replace(STAYS, alarm=1), options)
    assert board.take_output() == b""
    assert asked(board, b"$X\n$H\n") == []
    assert bool(asked(board, b"?")) == answers
    assert asked(board, b"\x18")[-1] == "[MSG:'$H'|'$X' to unlock]"
    assert asked(board, b"$X\n")[-1] == "ok"
    assert asked(board, b"?")[0].startswith("<Idle")


def test_a_late_greeting_after_noise(machine: MachineProfile) -> None:
    state = GrblState(boot=Boot(8.0, WIFI_NOISE))
    board = grbl_in(machine, state, FLUIDNC)
    loader = len(ESP32_NOISE)
    board.receive(b"?$X\n")  # nobody reads yet
    board.advance(0.2)
    said = board.take_output().split(b"\r\n")[:-1]
    assert tuple(said) == ESP32_NOISE
    assert not board.idle()
    board.advance(7.9)
    said = board.take_output().split(b"\r\n")[:-1]
    assert tuple(said) == WIFI_NOISE[loader:]
    board.advance(8.1)
    assert b"[FluidNC v3.9.9" in board.take_output()
    assert asked(board, b"?")[0].startswith("<Idle")


def test_a_power_cut_without_a_word(machine: MachineProfile) -> None:
    state = GrblState(resets_on_open=False, boot=Boot(greets=False), power_on_mm=(0.0, 0.0, 0.0))
    board = grbl_in(machine, state)
    board.receive(b"G1X100F600\n")
    board.advance(1.0)
    where = board.physical_mm()
    assert where[0] > 30.0
    board.take_output()
    board.power_cycle(off_s=3.0)
    board.receive(b"?")
    board.advance(board.now_s + 5.0)
    assert board.take_output() == b""
    assert "MPos:0.000,0.000,0.000" in asked(board, b"?")[0]
    assert board.physical_mm() == pytest.approx(where)


def test_startup_lines(machine: MachineProfile) -> None:
    board = grbl_in(machine, GrblState(startup=("G20", "G91")))
    assert board.take_output().endswith(b">G20:ok\r\n>G91:ok\r\n")
    assert " G20 G91 " in asked(board, b"$G\n")[0]
    assert "$N0=G20" in asked(board, b"$N\n")
    assert " G20 G91 " in asked(board, b"\x18$G\n")[-2]


def marlin_in(state: MarlinState) -> VirtualMarlin:
    board = VirtualMarlin(plotter("marlin"), (30.0, 20.0, 4.0), MarlinOptions(board=state))
    board.opened()
    return board


def test_marlin_that_stays() -> None:
    board = marlin_in(MarlinState(resets_on_open=False, left=("G91", "G92 X0"), last_number=17))
    assert board.take_output() == b""
    assert asked(board, b"M114\n")[0].startswith("X:0.00 Y:20.00 Z:4.00")
    assert "Last Line: 17" in asked(board, b"N1 M105*36\n")[0]


def test_marlin_clamps_homed_axes_alone() -> None:
    state = MarlinState(resets_on_open=False, endstops=True)
    for homed, x in ((True, 260.0), (False, 400.0)):
        board = marlin_in(dataclasses.replace(state, homed=homed))
        asked(board, b"G1 X400 F60000\n")
        board.advance(board.now_s + 20.0)
        assert board.physical_mm()[0] == x


def test_marlin_that_must_be_homed_first() -> None:
    board = marlin_in(MarlinState(home_first=True))
    assert "echo:Home XYZ First" in asked(board, b"G1 X40 F60000\n")
    assert board.physical_mm()[0] == 30.0


def test_marlin_with_its_own_steps() -> None:
    board = marlin_in(MarlinState(resets_on_open=False, steps_per_mm=(100.0, 100.0, 800.0)))
    assert "Count X:3000 Y:2000 Z:3200" in asked(board, b"M114\n")[0]
    assert any("M92 X100.00 Y100.00 Z800.00" in line for line in asked(board, b"M503\n"))


def test_an_arm_knows_its_place_after_a_power_cut() -> None:
    arm = VirtualUarm(plotter("uarm"), (200.0, 0.0, 20.0))
    arm.power_cycle(2.0)
    arm.advance(3.0)
    arm.take_output()
    assert asked(arm, b"P2220\n")[0].endswith("ok X200.0000 Y0.0000 Z20.0000")
