"""Answers that are lost in mid stream: the drawing goes on where nothing can be missing of it."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Status, WindowSize
from firmware_bridge.errors import BridgeError
from firmware_bridge.gcode.reader import ToolpathReader
from firmware_bridge.gcode.words import Line, parse_lines
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.simulator import FreeRunning, serve_pty
from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.faults.base import Fault, is_answer, is_line
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GRBLHAL, GrblOptions
from firmware_bridge.simulator.wire import Piece, Wire
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.lost_answers import LostAnswers, Verdict, traces
from firmware_bridge.stream.send_window import SendWindow
from firmware_bridge.transports.faulty import FaultyTransport
from tests.support.fault_trials import PEN_DOWN, PEN_UP, drawing, ink, profile, same

BOARDS = {"grbl": GRBL, "grblhal": GRBLHAL, "fluidnc": FLUIDNC}
# Beyond what the stream may call the same way: the digits of lines, motor steps.
FAR_MM = 0.07


class Lost(Fault):
    """Single answers, or lines, vanish but for a rest; by their number, counted from when it is armed."""

    def __init__(self, numbers: set[int], lines: bool = False, left: bytes = b"") -> None:
        super().__init__(1)
        self.numbers, self.lines, self.left, self.count = numbers, lines, left, 0

    def _struck(self, is_one: bool) -> bool:
        self.count += is_one
        hit = is_one and self.count in self.numbers
        self.struck += hit
        return hit

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [] if self.lines and self._struck(is_line(data)) else [(0.0, data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [(0.0, self.left if not self.lines and self._struck(is_answer(line)) else line)]


def round_drawing(corner: bool = False) -> Program:
    """Two strokes so finely cut that no corner of them is seen, or with one that is."""
    moves: list[Move] = []
    for stroke in range(2):
        points = [
            (40.0 + 30 * stroke + 9 * math.cos(0.05 * i), 40.0 + 9 * math.sin(0.05 * i)) for i in range(90)
        ]
        if corner:
            points[45] = (points[45][0] + 1.0, points[45][1] + 1.0)
        moves.append(Move(*points[0], PEN_UP, 90.0, MoveKind.TRAVEL))
        moves.append(Move(*points[0], PEN_DOWN, 15.0, MoveKind.LOWER))
        moves += [Move(*point, PEN_DOWN, 30.0, MoveKind.DRAW) for point in points[1:]]
        moves.append(Move(*points[-1], PEN_UP, 15.0, MoveKind.LIFT))
    return Program.of(moves)


def draw(options: GrblOptions, fault: Fault | None, program: Program) -> tuple[str, FaultyTransport, float]:
    """Draws on a board with a fault; gives the error, or nothing."""
    machine = profile("grbl")
    transport = FaultyTransport(machine, Wire(VirtualGrbl(machine, options=options)))
    device = Device(machine, Link(transport, dialect_of("grbl"), machine))
    begin_s = transport.now_s()
    if fault is not None:
        transport.arm(fault, 0.0)
    try:
        device.run(program)
    except BridgeError as error:
        return str(error), transport, begin_s
    return "", transport, begin_s


def far_mm(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """How far any ink of two drawings, stroke by stroke, is from the other's."""
    if len(a) != len(b):
        return math.inf
    return max(max(_from(p, q), _from(q, p)) for p, q in zip(a, b, strict=True))


def _from(points: np.ndarray, way: np.ndarray) -> float:
    start, step = way[:-1], np.diff(way, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((points[:, None] - start) * step).sum(axis=2) / length, 0.0, 1.0)
    off = points[:, None] - (start + share[..., None] * step)
    return float(np.sqrt((off**2).sum(axis=2)).min(axis=1).max())


WANTED: dict[str, list[np.ndarray]] = {}


def wanted(program: Program, name: str) -> list[np.ndarray]:
    if name not in WANTED:
        error, transport, begin_s = draw(GRBL, None, program)
        assert not error
        WANTED[name] = ink(transport.recording(), begin_s)
    return WANTED[name]


@settings(deadline=None, max_examples=20)
@given(
    board=st.sampled_from(sorted(BOARDS)),
    lines=st.booleans(),
    corner=st.booleans(),
    first=st.integers(8, 190),
    more=st.sets(st.integers(0, 6), max_size=2),
)
def test_a_drawing_goes_on_only_where_its_ink_is_whole(
    board: str, lines: bool, corner: bool, first: int, more: set[int]
) -> None:
    program = round_drawing(corner)
    fault = Lost({first, *(first + n for n in more)}, lines)
    error, transport, begin_s = draw(BOARDS[board], fault, program)
    assert transport.recording().pen[-1] > PEN_UP - 0.1
    if not error:
        assert far_mm(ink(transport.recording(), begin_s), wanted(program, f"round {corner}")) < FAR_MM


@pytest.mark.parametrize("board", sorted(BOARDS))
@pytest.mark.parametrize("first", [22, 60, 125])
def test_a_round_line_goes_on_without_three_answers(board: str, first: int) -> None:
    fault = Lost({first, first + 1, first + 5})
    error, transport, begin_s = draw(BOARDS[board], fault, round_drawing())
    assert (error, fault.struck) == ("", 3)
    assert far_mm(ink(transport.recording(), begin_s), wanted(round_drawing(), "round False")) < FAR_MM
    assert transport.controller.rx.overruns == 0


def test_where_the_buffers_are_told_the_tool_does_not_even_rest() -> None:
    plain_s = draw(GRBL, None, round_drawing())[1].now_s()
    _, transport, _ = draw(GRBL, Lost({60, 61}), round_drawing())
    assert transport.now_s() == pytest.approx(plain_s, abs=0.3)


def test_without_buffers_a_lost_answer_at_a_corner_ends_the_drawing() -> None:
    options = GrblOptions(board=GrblState(settings={10: 1}))
    error, transport, _ = draw(options, Lost({60}), round_drawing(corner=True))
    assert "never answered" in error
    assert transport.recording().pen[-1] > PEN_UP - 0.1
    assert draw(options, Lost({60}), round_drawing())[0] == ""


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("number", [7, 30, 47, 48, 80])
def test_one_line_at_a_time_loses_nothing(number: int, lines: bool) -> None:
    fault = Lost({number, number + 3}, lines)
    error, transport, begin_s = draw(FLUIDNC, fault, drawing(profile("grbl")))
    assert (error, fault.struck) == ("", 2)
    assert same(ink(transport.recording(), begin_s), wanted(drawing(profile("grbl")), "coarse"))


def test_a_line_that_never_arrives_ends_the_drawing() -> None:
    error, transport, _ = draw(FLUIDNC, Lost(set(range(30, 41)), lines=True), drawing(profile("grbl")))
    assert "never answered" in error
    assert transport.recording().pen[-1] > PEN_UP - 0.1


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(("left", "corner"), [(b"", False), (b"o{\r\n", True)], ids=["vanished", "damaged"])
def test_answers_are_lost_on_a_real_wire(left: bytes, corner: bool, tmp_path: Path) -> None:
    machine, program = profile("grbl"), round_drawing(corner)
    wire = Wire(VirtualGrbl(machine))
    stop, ready, fault = threading.Event(), threading.Event(), Lost({31, 32, 120}, left=left)
    thread = threading.Thread(
        target=serve_pty, args=(tmp_path / "grbl", wire, stop, FreeRunning(), lambda _: ready.set())
    )
    thread.start()
    try:
        assert ready.wait(30.0)
        with open_device(machine, str(tmp_path / "grbl")) as device:
            begin_s = wire.now_s
            fault.arm(wire, 0.0)
            device.run(program)
    finally:
        stop.set()
        thread.join()
    assert fault.struck == 3
    assert far_mm(ink(wire.recording(), begin_s), wanted(program, f"round {corner}")) < FAR_MM


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("okok", 2),
        ("ok\x8dok", 2),
        ("o{", 1),
        ("k", 1),
        ("gc", 1),
        ("\x93\x12\x07ok", 1),
        ("ok<Run|MPos:1.000,2.000,0.000|FS:0,0>", 1),
        ("<Run|MPos:1.000,2.000,0.000|FS:0,0>ok", 1),
        ("error:9", 0),
        ("rror:20", 0),
        ("", 0),
        ("<Run|MPos:1.0", 0),
        ("!\x00", 0),
    ],
)
def test_what_is_left_of_an_answer(text: str, count: int) -> None:
    assert traces(text) == count


WORD = st.tuples(
    st.sampled_from(["", "G0 ", "G1 "]),
    st.one_of(st.none(), st.integers(0, 8)),
    st.one_of(st.none(), st.integers(0, 8)),
    st.sampled_from([None, None, None, 0, 5]),
    st.sampled_from(["", "", " F900"]),
)


def text_of(word: tuple[str, int | None, int | None, int | None, str]) -> str:
    mode, x, y, z, feed = word
    axes = [f"{a}{0.03 * v if a != 'Z' else v:.3f}" for a, v in zip("XYZ", (x, y, z)) if v is not None]  # noqa: B905
    return mode + " ".join(axes) + feed if axes else "G4 P0.1"


@settings(deadline=None, max_examples=150)
@given(words=st.lists(WORD, min_size=1, max_size=9), missing=st.integers(1, 2))
def test_the_verdict_is_that_of_drawing_it_without_each_run_of_lines(
    machine: MachineProfile, words: list, missing: int
) -> None:
    lines = parse_lines(["G1 X1 Y1 Z0 F600", *map(text_of, words)])
    lost, box, reader = streamed(machine, lines, missing)
    found = lost.judge(report(reader.place), reader.place, box)
    if found is Verdict.TAKEN:
        assert all(
            drawn_without(machine, lines, begin, count, reader.place)
            for count in range(1, missing + 1)
            for begin in range(1, len(lines) - count + 1)
        )


def streamed(
    machine: MachineProfile, lines: list[Line], missing: int
) -> tuple[LostAnswers, SendWindow, ToolpathReader]:
    """All lines sent, the first answered before the others went, and so many of them not answered."""
    reader = ToolpathReader(machine)
    lost = LostAnswers(machine, reader, None)
    box = SendWindow(WindowSize(bytes=10_000), lambda _, text: len(text) + 1)
    box.lines = lines
    for line in lines:
        assert box.fits()
        entry = box.take_next()
        lost.sent(entry, line, reader.take(line))
        if entry == 0:
            box.answered()
            lost.answered(box)
    while len(box.pending) > missing:
        box.answered()
    return lost, box, reader


def report(place: tuple[float, float, float]) -> Status:
    return Status("Idle", None, place, None, None, None, None)


def drawn_without(
    machine: MachineProfile, lines: list[Line], begin: int, count: int, end: tuple[float, float, float]
) -> bool:
    """Whether the whole way is the same without some lines, or ends elsewhere: by reading them anew."""
    whole, part = ToolpathReader(machine), ToolpathReader(machine)
    a = [p for line in lines for p in whole.take(line).points]
    b = [p for i, line in enumerate(lines) if not begin <= i < begin + count for p in part.take(line).points]
    if any(abs(p - q) > FAR_MM for p, q in zip(part.place, end, strict=True)):
        return True
    a3, b3 = (np.array([p for p in points if all(map(math.isfinite, p))] * 2) for points in (a, b))
    return max(_from(a3, b3), _from(b3, a3)) < math.sqrt(3) * FAR_MM


def test_a_machine_that_has_just_been_switched_on_has_drawn_nothing(machine: MachineProfile) -> None:
    lost, box, reader = streamed(machine, parse_lines(["G1 X0.01 Y0 Z0 F600", "X0"]), 1)
    lost.heard("okok")
    assert lost.judge(report((0.0, 0.0, 0.0)), reader.place, box) is Verdict.UNKNOWN
    assert lost.judge(report((3.0, 0.0, 0.0)), reader.place, box) is Verdict.TAKEN


def test_an_answer_that_is_only_late_is_counted_once() -> None:
    class Late(Lost):
        def _to_host(self, line: bytes) -> list[Piece]:
            return [(0.4 if self._struck(is_answer(line)) else 0.0, line)]

    error, transport, begin_s = draw(GRBL, Late({60}), round_drawing())
    assert error == ""
    assert same(ink(transport.recording(), begin_s), wanted(round_drawing(), "round False"))
