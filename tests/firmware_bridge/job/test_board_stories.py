"""Boards in the states that real ones are in, and what may happen to them: one story each.

In each the ink is where the plan says or nothing has moved, the pen is never pressed below its lowest
planned value, and it is up in the end or the message says that it may be down.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_bridge.errors import (
    BridgeError,
    Cancelled,
    DeviceAlarm,
    PlaceLost,
    PortError,
    PreflightError,
    ProtocolError,
)
from firmware_bridge.events import Asked, Event, Notice, Paused, Progress, Resumed
from firmware_bridge.job.device import Device
from firmware_bridge.journal import Journal, JournalError, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import WIFI_NOISE, Boot, GrblState, MarlinState
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GRBLHAL, GrblOptions
from firmware_bridge.simulator.marlin.controller import MarlinOptions, VirtualMarlin
from firmware_bridge.simulator.virtual import VirtualController
from tests.support.boards import BoardWire, meet, power_cut, tell
from tests.support.cut_wire import CutWire, Killed, device_on
from tests.support.ink_cases import (
    UP,
    dense,
    drawn_mm,
    farthest_mm,
    ink,
    ink_mm,
    lines_of,
    plotter,
    program_of,
)

pytestmark = pytest.mark.timeout(120)

ZIGZAG = [[(20.0 + 0.5 * i, 40.0 + (15.0 if i % 2 else 0.0)) for i in range(60)]]
# Into the middle of the lines.
CUT_BYTES = 700
# G10 L2 P1 X30 Y20 Z15: the work frame lies elsewhere than the machine's.
SHIFT = (30.0, 20.0, 15.0)
STAYS = GrblState(resets_on_open=False, reports_to_offset=7, power_on_mm=(0.0, 0.0, 0.0))


def grbl(machine: MachineProfile, options: GrblOptions = GRBL, **state: object) -> VirtualGrbl:
    """A board that opening does not restart, with the tool above the corner of the paper."""
    board = dataclasses.replace(STAYS, **state)  # type: ignore[arg-type]
    return VirtualGrbl(machine, (0.0, 0.0, UP), dataclasses.replace(options, board=board))


def shifted(machine: MachineProfile, **state: object) -> VirtualGrbl:
    """A board whose words count from another place than its machine frame; the tool stands at 0, 0, UP."""
    counters = (SHIFT[0], SHIFT[1], SHIFT[2] + UP)
    return grbl(machine, frames={54: SHIFT}, counters_mm=counters, **state)


@pytest.fixture
def machine() -> MachineProfile:
    return plotter("grbl")


def keeper(folder: Path, machine: MachineProfile) -> Callable[[object], Journal]:
    return lambda lines: begin_job(lines, machine, "x", "job", folder)  # type: ignore[arg-type]


def at_line(line: int, act: Callable[[], None]) -> Callable[[Event], None]:
    """Does something once so many lines are done."""
    done: list[int] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Progress) and event.lines_done > line and not done:
            done.append(line)
            act()

    return on_event


def pieces_of(board: VirtualController) -> list[NDArray[np.float64]]:
    return ink(board.recording())


def check_ink(board: VirtualController, twice_mm: float = 2.3) -> None:
    """All is drawn in its place, little of it twice, and the pen was never pressed."""
    pieces = pieces_of(board)
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.1
    assert farthest_mm(np.concatenate(pieces), [np.array(stroke) for stroke in ZIGZAG]) < 0.1
    assert ink_mm(pieces) - drawn_mm(ZIGZAG) < twice_mm
    assert board.recording().pen.min() > -0.01
    assert board.physical_mm()[2] >= UP - 0.01


def cut_power_in_a_stroke(
    board: VirtualController, machine: MachineProfile, folder: Path, home: bool = False
) -> None:
    """A drawing whose board loses its power in the middle of a line, and comes back in silence."""

    class Dead(CutWire):
        def read_line(self, timeout_s: float) -> str:
            if self._left == 0:
                raise PortError("gone")
            return super().read_line(timeout_s)

    wire = Dead(machine, board, CUT_BYTES, True)
    device = device_on(wire, machine)
    if home:
        device.home()
    with pytest.raises(PortError):
        device.run(program_of(ZIGZAG, 40.0), None, keeper(folder, machine))
    assert board.recording().pen[-1] < 0.01
    power_cut(board)


def rest(board: VirtualController, machine: MachineProfile, folder: Path, place: str) -> None:
    state = find_job("1", folder)
    with Journal.reopen(state) as journal:
        meet(board, machine).run_rest(state, journal, None, place)  # type: ignore[arg-type]


# -- a place that was lost ---------------------------------------------------------------------------


@pytest.mark.parametrize("homing", [False, True])
def test_after_a_refused_resume_the_next_one_is_refused_too(
    machine: MachineProfile, tmp_path: Path, homing: bool
) -> None:
    board = grbl(machine, settings={22: int(homing)})
    cut_power_in_a_stroke(board, machine, tmp_path)
    before = ink_mm(pieces_of(board))
    for _ in range(3):
        with pytest.raises(PlaceLost, match="--home"):
            rest(board, machine, tmp_path, "ask")
    assert ink_mm(pieces_of(board)) == pytest.approx(before, abs=0.01)
    assert board.recording().pen.min() > -0.01


def test_after_a_refused_resume_homing_is_really_done(machine: MachineProfile, tmp_path: Path) -> None:
    box = machine.envelope
    travel = {130: box.x_max_mm - box.x_min_mm, 131: box.y_max_mm - box.y_min_mm, 132: 13.0}
    frame = (-1.0 - box.x_max_mm, -1.0 - box.y_max_mm, -1.0 - box.pen_max)
    board = grbl(machine, settings={22: 1, **travel}, frames={54: frame}, locked=True)
    cut_power_in_a_stroke(board, machine, tmp_path, home=True)
    with pytest.raises(PlaceLost, match="--home"):
        rest(board, machine, tmp_path, "ask")
    rest(board, machine, tmp_path, "home")
    # What it had taken when it lost its power may have been drawn, or not.
    check_ink(board, 2.0 + 15.2 * (machine.planner_blocks + 6))


def test_a_marlin_after_a_refused_resume(tmp_path: Path) -> None:
    machine = plotter("marlin")
    board = VirtualMarlin(
        machine,
        (0.0, 0.0, UP),
        MarlinOptions(board=MarlinState(resets_on_open=False, power_on_mm=(0.0, 0.0, 0.0))),
    )
    cut_power_in_a_stroke(board, machine, tmp_path)
    before = ink_mm(pieces_of(board))
    for _ in range(3):
        with pytest.raises(PlaceLost, match="--home"):
            rest(board, machine, tmp_path, "ask")
    assert ink_mm(pieces_of(board)) == pytest.approx(before, abs=0.01)
    assert board.recording().pen.min() > -0.01


def test_a_board_that_is_locked_when_it_is_met_does_not_move_before_homing(
    machine: MachineProfile, tmp_path: Path
) -> None:
    board = grbl(machine, settings={22: 1})
    cut_power_in_a_stroke(board, machine, tmp_path)
    assert board.state == "Alarm"
    place = board.physical_mm()
    with pytest.raises(PlaceLost):
        rest(board, machine, tmp_path, "ask")
    assert board.physical_mm() == place


def test_a_jog_of_a_locked_board_says_that_it_is_locked(machine: MachineProfile) -> None:
    device = meet(grbl(machine, locked=True, settings={22: 1}), machine)
    with pytest.raises(DeviceAlarm, match=r"locked.*--home.*--unlock"):
        device.jog(1.0)
    with pytest.raises(DeviceAlarm, match="locked"):
        device.move_pen(UP)
    device.make_ready(unlock=True)
    device.jog(1.0)


def test_a_board_that_resets_on_open_is_homed_and_draws_in_one_connection(
    machine: MachineProfile,
) -> None:
    box = machine.envelope
    travel = {130: box.x_max_mm - box.x_min_mm, 131: box.y_max_mm - box.y_min_mm, 132: 13.0}
    frame = (-1.0 - box.x_max_mm, -1.0 - box.y_max_mm, -1.0 - box.pen_max)
    board = grbl(machine, settings={22: 1, **travel}, frames={54: frame}, resets_on_open=True)
    with pytest.raises(DeviceAlarm, match="--home"):
        meet(board, machine).run(program_of(ZIGZAG, 40.0))
    device = meet(board, machine)
    device.make_ready(home=True)
    device.run(program_of(ZIGZAG, 40.0))
    check_ink(board)


# -- work frames -------------------------------------------------------------------------------------


def test_under_a_work_offset_a_killed_drawing_goes_on_at_its_height(
    machine: MachineProfile, tmp_path: Path
) -> None:
    board = shifted(machine)
    with pytest.raises(Killed):
        device_on(CutWire(machine, board, CUT_BYTES, False), machine).run(
            program_of(ZIGZAG, 40.0), None, keeper(tmp_path, machine)
        )
    rest(board, machine, tmp_path, "ask")
    check_ink(board)


def test_under_a_work_offset_a_drawing_is_not_taken_for_astray(machine: MachineProfile) -> None:
    board = shifted(machine)
    meet(board, machine).run(program_of(ZIGZAG, 40.0))
    check_ink(board)


def test_under_a_work_offset_with_soft_limits_the_stop_lifts_the_pen(machine: MachineProfile) -> None:
    box = machine.envelope
    travel = {130: 500.0, 131: 500.0, 132: 40.0}
    frame = (-1.0 - box.x_max_mm, -1.0 - box.y_max_mm, -1.0 - box.pen_max)
    board = grbl(machine, settings={22: 1, 20: 1, **travel}, frames={54: frame}, locked=True)
    device = meet(board, machine)
    device.make_ready(home=True)
    with pytest.raises(Cancelled):
        device.run(program_of(ZIGZAG, 40.0), at_line(20, device.cancel))
    assert board.physical_mm()[2] == pytest.approx(UP, abs=0.01)
    assert board.state == "Idle"


def test_under_a_work_offset_a_jog_is_judged_where_the_tool_is(machine: MachineProfile) -> None:
    board = shifted(machine)
    device = meet(board, machine)
    with pytest.raises(PreflightError, match="takes the pen to"):
        device.jog(dpen=-8.0)  # from 4 to -4, under the lowest value of -3
    device.jog(dx_mm=200.0)
    assert board.physical_mm()[0] == pytest.approx(200.0, abs=0.02)


def test_reports_in_inches_are_read(machine: MachineProfile) -> None:
    board = shifted(machine, settings={13: 1})
    device = meet(board, machine)
    with pytest.raises(Cancelled):
        device.run(program_of(ZIGZAG, 40.0), at_line(20, device.cancel))
    assert board.physical_mm()[2] == pytest.approx(UP, abs=0.02)
    assert board.recording().pen.min() > -0.02


@pytest.mark.parametrize("left", ["G92 X-100 Y-50", "G55", "G55 G92 X-7 Z5"])
def test_a_pause_puts_the_work_frame_back(machine: MachineProfile, left: str) -> None:
    """A reset forgets G92 and the chosen frame."""
    board = grbl(machine, left=tuple(left.split(" ", 1) if left == "G55 G92 X-7 Z5" else [left]))
    board.interpreter.frames[1] = (12.0, -6.0, 0.0)
    offset = board.interpreter.offset_mm
    place = np.array([a - o for a, o in zip(board.physical_mm(), offset, strict=True)])
    device = meet(board, machine)
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        act(event)
        if isinstance(event, Paused):
            device.go_on()

    act = at_line(20, device.pause)
    device.run(program_of(ZIGZAG, 40.0), on_event)
    assert any(isinstance(event, Resumed) for event in events)
    assert board.interpreter.offset_mm == pytest.approx(offset, abs=2e-3)
    moved = [p + np.array(offset[:2]) for p in pieces_of_at(board, offset[2])]
    del place
    wanted = [np.array(ZIGZAG[0]) + 2.0 * np.array(offset[:2])]
    assert farthest_mm(np.concatenate(moved), wanted) < 0.1
    assert len(moved) == 2


def pieces_of_at(board: VirtualController, z_mm: float) -> list[NDArray[np.float64]]:
    """The ink where the paper lies at another height of the machine."""
    recording = board.recording()
    return ink(dataclasses.replace(recording, pen=recording.pen - z_mm))


def test_a_cancel_and_a_resume_keep_a_shifted_frame(machine: MachineProfile, tmp_path: Path) -> None:
    board = grbl(machine, left=("G92 X-10 Y5",))
    offset = board.interpreter.offset_mm
    device = meet(board, machine)
    with pytest.raises(Cancelled):
        device.run(program_of(ZIGZAG, 40.0), at_line(20, device.cancel), keeper(tmp_path, machine))
    assert board.interpreter.offset_mm == pytest.approx(offset, abs=2e-3)
    tell(board, "G92.1")  # and somebody forgets it meanwhile
    rest(board, machine, tmp_path, "ask")
    pieces = [p - np.array(offset[:2]) for p in pieces_of(board)]
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.1
    assert farthest_mm(np.concatenate(pieces), [np.array(s) for s in ZIGZAG]) < 0.1


@pytest.mark.parametrize("left", ["G20", "G91", "G20 G91", "G93", "G18"])
def test_words_that_a_file_leaves_open_are_set_and_put_back(machine: MachineProfile, left: str) -> None:
    board = grbl(machine, left=(left,))
    lines = [f"G0 Z{UP:g}", "G0 X20 Y40", "G1 Z0 F900", "G1 X40 Y40 F1800", f"G0 Z{UP:g}"]
    meet(board, machine).run_gcode(lines)
    (piece,) = pieces_of(board)
    assert np.allclose(piece[[0, -1]], [(20.0, 40.0), (40.0, 40.0)], atol=0.02)
    assert board.recording().pen.min() > -0.01
    assert set(left.split()) <= set(board.interpreter.modal.words().removeprefix("GC:").split())


def test_a_marlin_left_in_relative_steps_and_inches(tmp_path: Path) -> None:
    machine = plotter("marlin")
    board = VirtualMarlin(
        machine,
        (0.0, 0.0, UP),
        MarlinOptions(board=MarlinState(resets_on_open=False, left=("G91", "G20"))),
    )
    meet(board, machine).run_gcode([f"G0 Z{UP:g}", "G0 X20 Y40", "G1 Z0 F900", "G1 X40 Y40", f"G0 Z{UP:g}"])
    (piece,) = pieces_of(board)
    assert np.allclose(piece[[0, -1]], [(20.0, 40.0), (40.0, 40.0)], atol=0.02)


def test_the_origin_is_where_the_pen_stands(machine: MachineProfile) -> None:
    board = VirtualGrbl(
        machine, (50.0, 30.0, UP), dataclasses.replace(GRBL, board=dataclasses.replace(STAYS))
    )
    device = meet(board, machine)
    device.make_ready(origin=(0.0, 0.0))
    device.run(program_of(ZIGZAG, 40.0))
    pieces = [p - np.array([50.0, 30.0]) for p in pieces_of(board)]
    assert farthest_mm(np.concatenate(pieces), [np.array(s) for s in ZIGZAG]) < 0.1
    device.make_ready(origin="machine")
    assert board.interpreter.offset_mm[:2] == pytest.approx((0.0, 0.0), abs=1e-3)


def test_p_is_refused_for_a_file_that_shifts_its_own_origin(machine: MachineProfile) -> None:
    board, notices = grbl(machine), []
    device = meet(board, machine)

    def on_event(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)
        press(event)

    press = at_line(6, device.pause)
    lines = [f"G0 Z{UP:g}", "G0 X20 Y40", "G92 X0 Y0", "G1 Z0 F900"]
    lines += [f"G1 X{i} F1800" for i in range(1, 30)]
    report = device.run_gcode([*lines, f"G0 Z{UP:g}"], on_event)
    assert report.acknowledged == report.lines
    assert any("G92" in text and "cannot go on after a pause" in text for text in notices)
    assert len(pieces_of(board)) == 1
    assert board.interpreter.offset_mm == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)


# -- boards that are hard to wake --------------------------------------------------------------------


@pytest.mark.parametrize("code", [1, 2])
def test_a_board_that_hears_nothing_but_a_reset_is_met(machine: MachineProfile, code: int) -> None:
    board = grbl(machine, alarm=code)
    device = meet(board, machine)
    assert device.state == "Alarm"
    with pytest.raises(DeviceAlarm, match="--unlock"):
        device.run(program_of(ZIGZAG, 40.0))
    device.make_ready(unlock=True)
    device.run(program_of(ZIGZAG, 40.0))
    check_ink(board)


@pytest.mark.parametrize("seconds", [4.0, 9.0, 14.0])
def test_a_board_that_says_much_and_greets_late_is_waited_for(
    machine: MachineProfile, seconds: float
) -> None:
    board = grbl(machine, FLUIDNC, resets_on_open=True, power_on_mm=None, boot=Boot(seconds, WIFI_NOISE))
    device = meet(board, machine)
    assert device.facts.firmware.startswith("FluidNC")
    device.run(program_of(ZIGZAG, 40.0))
    check_ink(board)


def test_a_marlin_that_greets_late(tmp_path: Path) -> None:
    machine = plotter("marlin")
    boot = Boot(8.0, (b"echo:SD init fail", b"echo: External Reset", b"echo:V84 stored settings"))
    board = VirtualMarlin(machine, (0.0, 0.0, UP), MarlinOptions(board=MarlinState(boot=boot)))
    assert meet(board, machine).facts.firmware.startswith("Marlin")


def test_an_ebb_is_not_called_a_marlin(machine: MachineProfile) -> None:
    class Ebb(BoardWire):
        said = 0

        def write(self, data: bytes) -> None:
            self._cutter.feed(b"!8 Err: Unknown command '?'\r\n" * data.count(b"\n"))

    for dialect in ("grbl", "marlin"):
        machine = plotter(dialect)
        with pytest.raises(ProtocolError, match="EiBotBoard"):
            device_on(Ebb(grbl(plotter("grbl")), machine), machine)


# -- a program that stops for a person ---------------------------------------------------------------

M0_FILE = [
    f"G0 Z{UP:g}",
    "G0 X20 Y40",
    "G1 Z0 F900",
    "G1 X40 Y40 F1800",
    "{stop}",
    "G1 X60",
    f"G0 Z{UP:g}",
]


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
@pytest.mark.parametrize("stop", ["M0", "M1", "T1 M6"])
def test_a_stop_for_a_person_is_a_question_with_the_pen_up(stop: str, dialect: str) -> None:
    machine = plotter(dialect)
    board: VirtualController = grbl(machine) if dialect == "grbl" else VirtualMarlin(machine, (0.0, 0.0, UP))
    device = meet(board, machine)
    asked: list[Asked] = []
    heights: list[float] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Asked):
            asked.append(event)
        elif asked and isinstance(event, Progress) and len(heights) < 8:
            heights.append(board.physical_mm()[2])
            if len(heights) == 8:
                device.go_on()

    device.run_gcode([line.format(stop=stop) for line in M0_FILE], on_event)
    assert [(event.line, event.word, event.pen_up) for event in asked] == [(5, stop.split()[-1], True)]
    assert heights == pytest.approx([UP] * 8, abs=0.01)
    pieces = pieces_of(board)
    assert len(pieces) == 2
    assert np.allclose(np.concatenate(pieces)[[0, -1]], [(20.0, 40.0), (60.0, 40.0)], atol=0.02)
    assert ink_mm(pieces) == pytest.approx(40.0, abs=0.1)


def test_a_stop_for_a_person_can_be_cancelled_and_gone_on_with(
    machine: MachineProfile, tmp_path: Path
) -> None:
    board = grbl(machine)
    lines = [line.format(stop="M0") for line in M0_FILE]
    device = meet(board, machine)

    def cancel(event: Event) -> None:
        if isinstance(event, Asked):
            device.cancel()

    with pytest.raises(Cancelled):
        device.run_gcode(lines, cancel, keeper(tmp_path, machine))
    assert board.physical_mm()[2] == pytest.approx(UP, abs=0.01)
    again = meet(board, machine)

    def go_on(event: Event) -> None:
        if isinstance(event, Asked):
            again.go_on()

    state = find_job("1", tmp_path)
    with Journal.reopen(state) as journal:
        again.run_rest(state, journal, go_on)
    pieces = pieces_of(board)
    assert np.allclose(np.concatenate(pieces)[-1], (60.0, 40.0), atol=0.02)
    assert 40.0 - 0.1 < ink_mm(pieces) < 40.0 + 2.1


# -- words that are true -----------------------------------------------------------------------------


def test_after_an_orderly_stop_nothing_is_in_doubt(machine: MachineProfile, tmp_path: Path) -> None:
    board, told = grbl(machine), []
    device = meet(board, machine)
    with pytest.raises(Cancelled):
        device.run(program_of(ZIGZAG, 40.0), at_line(30, device.cancel), keeper(tmp_path, machine))
    state = find_job("1", tmp_path)
    with Journal.reopen(state) as journal:
        meet(board, machine).run_rest(
            state, journal, lambda event: told.append(event) if isinstance(event, Resumed) else None
        )
    (resumed,) = told
    assert (resumed.overlap_mm, resumed.doubt_mm) == (pytest.approx(2.0, abs=0.01), 0.0)
    check_ink(board)


@pytest.mark.parametrize("resend_ok", [True, False])
def test_a_healthy_marlin_tells_no_error(tmp_path: Path, resend_ok: bool) -> None:
    machine = plotter("marlin")
    board = VirtualMarlin(machine, (0.0, 0.0, UP), MarlinOptions(resend_ok=resend_ok))
    notices: list[str] = []
    meet(board, machine).run(
        program_of(ZIGZAG, 40.0), lambda e: notices.append(e.message) if isinstance(e, Notice) else None
    )
    assert not [text for text in notices if "error" in text.lower()]


def test_resume_of_a_port_takes_the_job_of_that_port(machine: MachineProfile, tmp_path: Path) -> None:
    lines = lines_of(program_of(ZIGZAG, 40.0), machine)
    begin_job(lines, machine, "/dev/a", "first", tmp_path).close()
    begin_job(lines, machine, "/dev/b", "second", tmp_path).close()
    assert find_job(None, tmp_path).name == "second"
    assert find_job(None, tmp_path, "/dev/a").name == "first"
    with pytest.raises(JournalError, match="2 on other ports"):
        find_job(None, tmp_path, "/dev/c")


@pytest.mark.parametrize("options", [GRBL, GRBLHAL, FLUIDNC])
def test_what_was_in_force_is_put_back(machine: MachineProfile, options: GrblOptions) -> None:
    board = grbl(machine, options, left=("G20", "G91", "G55", "G92 X1"))
    before = (board.interpreter.offset_mm, board.interpreter.modal.words().split()[1:6])
    device = meet(board, machine)
    with pytest.raises(Cancelled):
        device.run(program_of(ZIGZAG, 40.0), at_line(20, device.cancel))
    after = (board.interpreter.offset_mm, board.interpreter.modal.words().split()[1:6])
    assert after[0] == pytest.approx(before[0], abs=2e-3)
    assert after[1] == before[1]


class DamagedAnswers(BoardWire):
    """Damages the answer to some line, by its text."""

    def __init__(self, controller: VirtualController, machine: MachineProfile, text: str) -> None:
        super().__init__(controller, machine)
        self.text = text
        self.begun = False
        self.damaged_s: float | None = None
        self._waits = False

    def write(self, data: bytes) -> None:
        if self.begun and self.damaged_s is None and self.text.encode() in data:
            self._waits = True
        super().write(data)

    def read_line(self, timeout_s: float) -> str:
        line = super().read_line(timeout_s)
        if line == "ok" and self._waits:
            self._waits, self.damaged_s = False, self.now_s()
            return "o\x80"
        return line


def damaged(board: VirtualController, machine: MachineProfile, text: str) -> tuple[DamagedAnswers, Device]:
    wire = DamagedAnswers(board, machine, text)
    return wire, device_on(wire, machine)


def test_a_lost_last_answer_is_no_loss_where_the_machine_stands_at_the_end(machine: MachineProfile) -> None:
    board = grbl(machine)
    wire, device = damaged(board, machine, "G4 P0.01")
    report = device.run(program_of(ZIGZAG, 40.0), at_line(50, lambda: setattr(wire, "begun", True)))
    assert wire.damaged_s is not None
    assert report.acknowledged == report.lines
    check_ink(board)


def test_a_damaged_answer_does_not_let_the_pen_rest_on_wet_ink(machine: MachineProfile) -> None:
    board = grbl(machine, FLUIDNC)  # one line at a time, so that the next one waits for it
    wire, device = damaged(board, machine, "X30")
    wire.begun = True
    device.run(program_of(ZIGZAG, 40.0))
    assert wire.damaged_s is not None
    check_ink(board)
    recording = board.recording()
    down = recording.pen < 0.01
    t_s, xy_mm = recording.t_s[down], recording.xy_mm[down]
    moved_s = t_s[np.concatenate([[True], np.hypot(*np.diff(xy_mm, axis=0).T) > 1e-6])]
    assert np.diff(moved_s).max() < 1.5  # it rested for 24.5 s once
    assert board.physical_mm()[2] == pytest.approx(UP, abs=0.01)


def test_a_board_that_restarts_in_silence_at_the_end_has_not_drawn_the_end(
    machine: MachineProfile, tmp_path: Path
) -> None:
    """It stands idle, as one does whose last answer was lost on the way."""

    class Cut(BoardWire):
        def write(self, data: bytes) -> None:
            if b"G4 P0.01" in data and self.controller.recording().pen.min() < 0.01:
                power_cut(self.controller)
                return
            super().write(data)

    board = grbl(machine)
    with pytest.raises(BridgeError):
        device_on(Cut(board, machine), machine).run(program_of(ZIGZAG, 40.0), None, keeper(tmp_path, machine))
    assert farthest_mm(dense(ZIGZAG), pieces_of(board)) > 1.0
    state = find_job("1", tmp_path)
    assert not state.done
    assert state.bound.line < len(state.lines) - 2
