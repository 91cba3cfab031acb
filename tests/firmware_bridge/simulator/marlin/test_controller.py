from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from firmware_bridge.dialects.base import Framing, frame
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.marlin.controller import MarlinOptions
from firmware_bridge.simulator.marlin.planner import MarlinPlanner
from firmware_bridge.simulator.marlin.settings import MarlinSettings


class Bench:
    """A board with the wire in hand."""

    def __init__(self, machine: MachineProfile, options: MarlinOptions | None = None) -> None:
        self.board = VirtualMarlin(machine, (0.0, 0.0, 0.0), options)
        self.greeting = self.heard()

    def heard(self) -> list[str]:
        return [line for line in self.board.take_output().decode().split("\r\n") if line]

    def send(self, text: str | bytes) -> list[str]:
        """Sends, runs until nothing more happens, and returns what was said."""
        self.board.receive(text if isinstance(text, bytes) else text.encode())
        while not self.board.idle():
            self.board.advance(self.board.next_event_s())
        return self.heard()

    def numbered(self, number: int, line: str) -> list[str]:
        return self.send(frame(Framing.NUMBERED, number, line))


@pytest.fixture
def marlin(machine: MachineProfile) -> MachineProfile:
    return dataclasses.replace(machine, dialect="marlin", url="sim://marlin")


@pytest.fixture
def bench(marlin: MachineProfile) -> Bench:
    return Bench(marlin)


def test_it_greets_and_answers(bench: Bench) -> None:
    assert bench.greeting == ["start", "echo:Marlin 2.1.2"]
    assert bench.send("G21\n") == ["ok"]
    assert bench.send("M114\r\n") == ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]
    assert bench.send("M105\n") == ["ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0"]
    assert bench.send("M999\n") == ['echo:Unknown command: "M999"', "ok"]


def test_empty_lines_and_comments_are_not_answered(bench: Bench) -> None:
    assert bench.send("\n\r\n; comment\n") == []
    assert bench.send("G21 ; comment\n") == ["ok"]


def test_line_numbers_and_checksums_as_on_the_real_board(bench: Bench) -> None:
    """The answers that Marlin 2.1 gave in an emulation of its hardware."""
    assert bench.numbered(0, "M110 N0") == ["ok"]
    for number in (1, 2, 3):
        assert bench.numbered(number, "G21") == ["ok"]
    assert bench.numbered(3, "G21") == []
    assert bench.numbered(2, "G21") == []
    order = ["Error:Line Number is not Last Line Number+1, Last Line: 3", "Resend: 4", "ok"]
    assert bench.numbered(6, "G21") == order
    assert bench.numbered(1, "G21") == order  # older than the one before the last
    assert bench.send("N4 G21*7\n") == ["Error:checksum mismatch, Last Line: 3", "Resend: 4", "ok"]
    assert bench.send("N4 G21\n") == ["Error:No Checksum with line number, Last Line: 3", "Resend: 4", "ok"]
    assert bench.numbered(4, "G21") == ["ok"]
    assert (bench.board.input.resends, bench.board.input.duplicates) == (4, 2)


def test_a_refused_line_drops_what_has_arrived_behind_it(bench: Bench) -> None:
    lines = b"".join(frame(Framing.NUMBERED, n, "G21") for n in (1, 3, 2))
    assert bench.send(lines) == [
        "Error:Line Number is not Last Line Number+1, Last Line: 1",
        "Resend: 2",
        "ok",  # of the request, before that of line 1, which is still to be carried out
        "ok",
    ]
    assert bench.board.input.last_number == 1


def test_a_resend_without_ok(marlin: MachineProfile) -> None:
    bench = Bench(marlin, MarlinOptions(resend_ok=False))
    assert bench.numbered(9, "G21")[1:] == ["Resend: 1"]


def test_advanced_ok_tells_number_and_room(marlin: MachineProfile) -> None:
    bench = Bench(marlin, MarlinOptions(advanced_ok=True))
    assert bench.numbered(1, "G21") == ["ok N1 P15 B3"]


def test_a_long_move_keeps_saying_that_it_is_busy(bench: Bench) -> None:
    said = bench.send("G1 X100 F600\nM400\n")  # 10 s
    assert said[0] == "ok"
    assert said[1:] == ["echo:busy: processing"] * 5 + ["ok"]


def test_the_position_is_the_projected_one(bench: Bench) -> None:
    bench.board.receive(b"G1 X100 F600\n")
    bench.board.advance(1.11)  # the move begins after 0.105 s and loses 0.005 s to its ramp
    bench.board.receive(b"M114\n")
    assert bench.heard() == ["ok", "X:100.00 Y:0.00 Z:0.00 E:0.00 Count X:800 Y:0 Z:0", "ok"]


def test_the_queue_holds_four_commands_and_the_rest_waits_in_the_buffer(bench: Bench) -> None:
    bench.board.receive(b"G4 S1\n" * 10)
    assert len(bench.board.input.queue) == 4
    assert len(bench.board.input.rx) == 6 * 6


def test_a_line_is_cut_at_the_command_size(bench: Bench) -> None:
    text = "M117 " + "x" * 200
    bench.board.receive(text.encode() + b"\n")
    assert bench.board.input.rx.overruns == len(text) + 1 - 128
    bench.send("\n")
    assert bench.send("M999 " + "y" * 100 + "\n") == [f'echo:Unknown command: "M999 {"y" * 90}"', "ok"]


def test_the_servo_does_not_wait_for_the_moves(marlin: MachineProfile) -> None:
    servo = dataclasses.replace(
        marlin,
        pen_actuator="servo",
        pen_max_speed=300.0,
        envelope=dataclasses.replace(marlin.envelope, pen_min=0.0, pen_max=180.0),
    )
    for lines, ahead in (("G1 X50 F600\nM280 P0 S90.7\n", True), ("G1 X50 F600\nM400\nM280 P0 S90\n", False)):
        bench = Bench(servo)
        bench.send(lines)
        bench.send("G4 S1\n")
        recording = bench.board.recording()
        turned = recording.t_s[np.flatnonzero(recording.pen > 1.0)[0]]
        assert recording.pen[-1] == 90.0  # whole degrees
        assert (turned < 1.0) == ahead


def test_shift_relative_inches_home_and_settings(bench: Bench) -> None:
    bench.send("G1 X10 Y10 F6000\nG92 X0\n")
    assert bench.send("G1 X5\nM114\n")[1].startswith("X:5.00 Y:10.00")
    assert bench.board.position_mm()[0] == 15.0
    bench.send("G91\nG1 X1\nG90\nG20\nG1 Y1\nG21\nM400\n")
    assert bench.board.position_mm()[:2] == (16.0, 25.4 * 80 // 1 / 80)
    assert bench.send("G28 X\n")[-1] == "ok"
    assert bench.board.position_mm()[0] == -5.0
    bench.send("M203 X77\nM201 Y88\nM204 T99\nM205 J0.05 B0\n")
    said = "\n".join(bench.send("M503\n"))
    assert "M203 X77.00 Y100.00" in said
    assert "T99.00" in said
    assert "J0.05" in said
    assert bench.board.settings.min_segment_s == 0.0


def test_a_kill_lasts_until_a_restart(bench: Bench) -> None:
    bench.board.receive(b"G1 X100 F6000\n")
    bench.board.advance(0.5)
    assert bench.send("M112\n")[-1] == "Error:Printer halted. kill() called!"
    here = bench.board.position_mm()[0]
    assert 0.0 < here < 100.0
    assert bench.send("M114\n") == []
    bench.board.power_cycle()
    assert bench.heard() == ["start", "echo:Marlin 2.1.2"]
    assert bench.board.physical_mm()[0] == pytest.approx(here)
    assert bench.send("M114\n")[0].startswith("X:0.00")


def test_a_quickstop_keeps_the_queue(marlin: MachineProfile) -> None:
    """Which is why no drawing is ever stopped by it: what is queued starts from the wrong place."""
    bench = Bench(marlin)
    bench.board.receive(b"G1 X100 F6000\nG4 S1\nG1 X100 Y50\n")
    bench.board.advance(0.5)
    x_mm = bench.board.position_mm()[0]
    bench.send("M410\n")
    assert 10.0 < x_mm < 90.0
    ways = np.diff(bench.board.recording().xy_mm, axis=0)
    assert ((ways[:, 0] > 0) & (ways[:, 1] > 0)).any()  # a slanted line that nobody asked for


def test_the_emergency_parser_sees_past_a_full_queue(marlin: MachineProfile) -> None:
    for parser in (False, True):
        bench = Bench(marlin, MarlinOptions(emergency_parser=parser))
        bench.board.receive(b"G4 S5\n" * 6 + b"M112\n")
        assert bench.board.dead == parser


def test_a_pause_waits_for_the_user(bench: Bench) -> None:
    bench.send("M0\n")
    assert bench.heard() == []
    assert bench.board.go_on()
    assert bench.heard() == ["ok"]
    assert not bench.board.go_on()


# -- the planner ---------------------------------------------------------------------------------


def planner_of(machine: MachineProfile) -> MarlinPlanner:
    settings = MarlinSettings(machine)
    settings.acceleration_mm_s2 = (1000.0, 1000.0, 300.0)
    settings.min_segment_s = 0.0
    return MarlinPlanner(settings, 15, (0.0, 0.0, 0.0))


@pytest.mark.parametrize("length", [0.5, 2.0])
@pytest.mark.parametrize("turn_deg", [1.0, 10.0, 44.0, 46.0, 90.0])
def test_the_small_segment_rule(marlin: MachineProfile, length: float, turn_deg: float) -> None:
    """Against the published rule, written down once more."""
    fine = dataclasses.replace(marlin, steps_per_mm=(10000.0, 10000.0, 10000.0))
    planner = planner_of(fine)
    turn = math.radians(turn_deg)
    planner.add((length, 0.0, 0.0), 1e3, False)
    planner.add((length + length * math.cos(turn), length * math.sin(turn), 0.0), 1e3, False)
    bend = (math.cos(turn) - 1.0, math.sin(turn))
    size = math.hypot(*bend)
    # The block's own acceleration bounds that of its junction too.
    block = min(1000.0 / abs(math.cos(turn)), 1000.0 / math.sin(turn))
    acceleration = min(3000.0, block, *(1000.0 * size / abs(b) for b in bend))
    half = math.sin(0.5 * (math.pi - turn))
    expected = acceleration * 0.01 * half / (1.0 - half)
    if length < 1.0 and turn_deg < 45.0:
        # W. R. Franklin's arc sine, highest power first: the turn that the firmware believes in.
        powers = (
            84.31466202,
            -242.7199627,
            262.8130562,
            -131.1123477,
            29.66153956,
            -1.451838349,
            0.032843707,
        )
        believed = math.pi / 2 - float(np.polyval(powers, math.cos(turn)))
        assert abs(believed - turn) < 0.0331
        expected = min(expected, length * acceleration / believed)
    assert planner.blocks[1].junction_sqr == pytest.approx(expected, rel=2e-3)


def test_moves_of_a_few_steps_are_merged(marlin: MachineProfile) -> None:
    planner = planner_of(marlin)
    assert not planner.add((0.06, 0.0, 0.0), 10.0, False)  # 5 steps of 1/80 mm
    assert planner.add((0.12, 0.0, 0.0), 10.0, False)
    assert planner.blocks[0].length_mm == pytest.approx(0.125)


def test_a_draining_queue_is_slowed_down(marlin: MachineProfile) -> None:
    planner = planner_of(marlin)
    planner.settings.min_segment_s = 0.02
    for i in range(1, 16):
        planner.add((0.5 * i, 0.0, 0.0), 50.0, False)  # 10 ms each
    seconds = [b.length_mm / b.nominal for b in planner.blocks]
    # 2 to 7 waiting blocks: 10 ms + 2 (20 - 10) / n ms.
    slowed = [0.01 + 0.02 / n for n in range(2, 8)]
    assert seconds == pytest.approx([0.01, 0.01, *slowed, *[0.01] * 7])


def test_a_running_block_keeps_its_exit_speed(marlin: MachineProfile) -> None:
    """The only block is planned to end at rest, and stays so though a straight follower comes."""
    board = VirtualMarlin(marlin, (0.0, 0.0, 0.0))
    board.receive(b"G1 X10 F3000\n")
    board.advance(0.15)
    assert board.motion.running
    board.receive(b"G1 X20\n")
    board.advance(5.0)
    recording = board.recording()
    speed = np.abs(np.diff(recording.xy_mm[:, 0])) / np.diff(recording.t_s)
    middle = np.abs(recording.xy_mm[:-1, 0] - 10.0) < 0.05
    assert speed[middle].min() < 12.0
    assert speed.max() == pytest.approx(50.0, rel=0.01)


def test_a_first_move_waits_for_followers(marlin: MachineProfile) -> None:
    for text, delay in ((b"G1 X10 F3000\n", 0.1), (b"G1 X10 F3000\nG1 X20\nG1 X30\n", 0.0)):
        board = VirtualMarlin(marlin, (0.0, 0.0, 0.0))
        board.receive(text)
        board.advance(5.0)
        recording = board.recording()
        begin = recording.t_s[np.flatnonzero(np.diff(recording.xy_mm[:, 0]) > 0)[0]]
        assert begin == pytest.approx(delay, abs=0.02)
