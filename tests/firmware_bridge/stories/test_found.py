"""Stories that once ended badly, each with what is to be said in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import WIFI_NOISE, BoardState, Boot, GrblState, MarlinState
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GrblOptions
from firmware_bridge.simulator.marlin.controller import MarlinOptions, VirtualMarlin
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.virtual import VirtualController
from tests.support.ink_cases import UP, plotter
from tests.support.stories import Step, Story, tell
from tests.support.story_states import ORIGIN, Board, homed_offset

SILENT = Boot(greets=False)
PLACE: Vector = (120.0, 40.0, UP)
# Counters and work frames that bring the tool to the place; G54 alone would draw elsewhere.
COUNTERS: Vector = (180.0, 90.0, 7.0)
FRAMES = {54: (90.0, 10.0, 0.0), 55: (60.0, 50.0, 3.0)}


def board_of(machine: MachineProfile, switch_on: Callable[[], VirtualController], state: BoardState) -> Board:
    return Board(machine.dialect, machine, "found", switch_on, False, False, state.resets_on_open, state)


def grbl(options: GrblOptions = GRBL, pen: str = "z", left: tuple[str, ...] = (), **more: object) -> Board:
    """A board without homing that opening its port does not restart."""
    machine = plotter("grbl", pen)
    servo = pen == "servo"
    state = GrblState(
        resets_on_open=False,
        power_on_mm=ORIGIN,
        counters_mm=(*COUNTERS[:2], 0.0) if servo else COUNTERS,
        frames={k: (*v[:2], 0.0) for k, v in FRAMES.items()} if servo else FRAMES,
        left=("G55", *left),
    )
    place = more.pop("place_mm", (*PLACE[:2], 0.0) if servo else PLACE)
    state = dataclasses.replace(state, **more)  # type: ignore[arg-type]
    made = dataclasses.replace(options, board=state)
    return Board(
        "grbl", machine, "found", lambda: VirtualGrbl(machine, place, made), False, False, False, state
    )


def homing(options: GrblOptions = GRBL, place: Vector = PLACE, pen: str = "z", **more: object) -> Board:
    """A board that was homed, whose origin is stored."""
    machine = plotter("grbl", pen)
    box, offset = machine.envelope, homed_offset(machine, 3)
    travel = {130: box.x_max_mm - box.x_min_mm, 131: box.y_max_mm - box.y_min_mm, 132: 13.0}
    counters = tuple(p - o for p, o in zip(place, offset, strict=True))
    settings = {22: 1, 20: 1, 23: 3, 27: 1.0, 32: int(pen == "servo"), **travel}
    state = GrblState(
        resets_on_open=False,
        power_on_mm=ORIGIN,
        counters_mm=(counters[0], counters[1], counters[2]),
        frames={54: (-offset[0], -offset[1], -offset[2])},
        settings=settings | dict(more.pop("settings", {})),  # type: ignore[call-overload]
    )
    made = dataclasses.replace(options, board=dataclasses.replace(state, **more))  # type: ignore[arg-type]
    return Board(
        "grbl", machine, "found", lambda: VirtualGrbl(machine, place, made), True, False, False, state
    )


def marlin(pen: str = "z", **more: object) -> Board:
    """A board that restarts when its port is opened, and must be homed then."""
    machine = plotter("marlin", pen)
    state = MarlinState(power_on_mm=ORIGIN, counters_mm=PLACE, boot=SILENT, **more)  # type: ignore[arg-type]
    options = MarlinOptions(board=state)
    return Board(
        "marlin", machine, "found", lambda: VirtualMarlin(machine, PLACE, options), True, True, True, state
    )


def play(board: Board, steps: Sequence[Step], ends: Sequence[tuple[int | None, str]]) -> None:
    verdict = tell(Story(board, tuple(steps)))
    assert verdict.well, verdict
    for told, (code, words) in zip(verdict.told, ends, strict=True):
        assert told.exit == code, verdict
        assert re.search(words, told.words), told.words


LOST = "lost its place"
BY_HAND = "lift (it|the pen) by hand"


@pytest.mark.parametrize("pen", ["z", "servo"])
@pytest.mark.parametrize("mask", [0, 3])
def test_a_restart_without_a_word_in_the_middle(pen: str, mask: int) -> None:
    """Its frame is another one then (G54), and by work positions alone its counters are not plain."""
    board = grbl(pen=pen, boot=SILENT, settings={10: mask, 32: int(pen == "servo")})
    for at in (0.1, 0.4, 0.6):
        play(
            board,
            [Step("send", incident="power cut", at=at), Step("resume"), Step("resume"), Step("resume here")],
            [(1, ""), (1, LOST), (1, LOST), (0, "")],
        )


@pytest.mark.parametrize("pen", ["z", "servo"])
def test_a_restart_without_a_word_in_a_pause(pen: str) -> None:
    board = grbl(pen=pen, boot=SILENT, settings={32: int(pen == "servo")})
    play(
        board,
        [Step("draw", incident="pause, then power cut", at=0.4), Step("resume"), Step("resume here")],
        [(1, "stands elsewhere than when it was paused"), (1, LOST), (0, "")],
    )


@pytest.mark.parametrize("incident", ["power cut", "pause, then power cut"])
def test_a_board_that_comes_back_locked_is_not_moved_and_that_is_said(incident: str) -> None:
    play(
        homing(boot=SILENT),
        [Step("send", incident=incident, at=0.4), Step("resume"), Step("resume home")],
        [(1, BY_HAND), (1, f"{LOST}.*{BY_HAND}"), (0, "")],
    )


def test_a_resume_whose_homing_fails_says_that_the_pen_may_be_down() -> None:
    play(
        homing(boot=SILENT),
        [Step("send", incident="power cut", at=0.4), Step("resume home", incident="power cut", at=0.1)],
        [(1, BY_HAND), (1, BY_HAND)],
    )


@pytest.mark.parametrize("mask", [0, 3])
def test_a_killed_drawing_on_a_board_that_reports_inches(mask: int) -> None:
    """It is busy when it is met, so that its unit is not known before it was stopped."""
    settings = {10: mask, 13: 1}
    for board in (homing(settings=settings), grbl(settings=settings)):
        play(board, [Step("draw", incident="kill", at=0.5), Step("resume here")], [(None, ""), (0, "")])


@pytest.mark.parametrize("left", [("G20",), ("G91",), ("G20", "G91", "G93")])
@pytest.mark.parametrize("at", [0.02, 0.5])
def test_a_pause_keeps_the_words_that_a_file_leaves_open(left: tuple[str, ...], at: float) -> None:
    play(grbl(left=left), [Step("send", incident="pause", at=at, bare=True)], [(0, "")])


def test_an_alarm_that_a_board_tells_its_state_in_but_hears_nothing() -> None:
    board = homing(FLUIDNC, alarm=2)
    play(board, [Step("send"), Step("send", place="home")], [(1, "locked"), (0, "")])


@pytest.mark.parametrize("greets", [False, True])
def test_a_board_whose_loader_was_heard_has_restarted(greets: bool) -> None:
    board = grbl(FLUIDNC, "servo", boot=Boot(9.0, WIFI_NOISE, greets), settings={10: 2, 32: 1})
    play(
        board,
        [Step("send", incident="power cut", at=0.5), Step("resume"), Step("resume here")],
        [(1, ""), (1, LOST), (0, "")],
    )


@pytest.mark.parametrize("pen", ["z", "servo"])
def test_a_marlin_that_moves_nothing_before_homing(pen: str) -> None:
    steps = [
        Step("send", place="home", incident="unplugged", at=0.6),
        Step("resume here"),
        Step("resume home"),
        *([Step("resume home lifted")] if pen == "z" else []),
    ]
    nothing = "moves nothing before it is homed, so the pen may be down"
    # A z pen that may be down cannot be lifted, and homing x and y would draw a line.
    home = [(1, f"{nothing}.*--home --lifted"), (0, "")] if pen == "z" else [(0, "")]
    play(marlin(pen, home_first=True), steps, [(1, BY_HAND), (1, nothing), *home])


def test_a_marlin_that_counts_its_lines_anew() -> None:
    board = marlin(resets_on_open=False)
    play(
        board,
        [Step("draw", incident="power cut", at=0.5), Step("resume"), Step("resume home")],
        [(1, "counts its lines from 1 again"), (1, LOST), (0, "")],
    )


def test_a_frame_that_a_stop_has_reset_is_put_back_where_the_resume_fails() -> None:
    steps = [Step("send", incident="cancel", at=0.5), Step("resume home"), Step("resume here")]
    play(grbl(), steps, [(1, "cancelled"), (1, "homing is switched off"), (0, "")])


def test_pen_up_never_lowers_the_pen_and_says_where_that_is_unsure() -> None:
    board = grbl(boot=SILENT, counters_mm=(*COUNTERS[:2], -3.0), frames={**FRAMES, 55: (60.0, 50.0, -7.0)})
    play(
        board,
        [Step("send", incident="power cut, port gone", at=0.4), Step("pen up")],
        [(1, BY_HAND), (0, BY_HAND)],
    )


def test_a_power_cut_in_the_moment_in_which_a_resume_begins() -> None:
    board = grbl(FLUIDNC, "servo", boot=Boot(14.0, WIFI_NOISE), settings={10: 2, 32: 1})
    steps = [Step("draw", incident="pause, then kill", at=0.45), Step("resume", incident="power cut", at=0.0)]
    play(board, steps, [(None, ""), (1, LOST)])


@pytest.mark.parametrize("at", [0.22, 0.24])
def test_lines_of_a_killed_drawing_that_are_answered_late_are_no_answers_to_questions(at: float) -> None:
    board = homing(pen="servo", place=(196.7, 9.7, 0.0), boot=SILENT, settings={10: 0, 21: 0})
    play(board, [Step("draw", incident="kill", at=at), Step("resume")], [(None, ""), (0, "")])


@pytest.mark.parametrize("y", [47.4, 56.4, 72.0])
def test_the_way_to_the_first_stroke_may_cross_a_later_travel(y: float) -> None:
    """A report on it was taken for one of the later line: what lies between was never drawn."""
    board = grbl(FLUIDNC, counters_mm=(267.0, 50.0 + y, 7.0), place_mm=(207.0, y, UP))
    for at in (0.2, 0.28, 0.4):
        play(board, [Step("draw", incident="cancel", at=at), Step("resume")], [(1, "cancelled"), (0, "")])


def test_a_board_that_draws_on_without_its_cable_is_not_said_to_have_its_pen_up() -> None:
    """It was on its way to the first line when it was asked."""
    for at in (0.01, 0.02, 0.05):
        steps = [Step("send", "home", "unplugged", at), Step("pen up"), Step("pen up")]
        play(homing(FLUIDNC), steps, [(1, "cable"), (1, "busy"), (1, "busy")])
