"""Whatever state a board is in and whatever is done with it: ink in its place, the pen up, true words.

The whole is ``python -m benchmarks.states``; a seeded part of it runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import GrblOptions
from tests.support.ink_cases import plotter
from tests.support.stories import Desk, Step, Story, story_of, tell
from tests.support.story_states import BOARDS, Board, Seeded

T = TypeVar("T")
SEEDS = 60


class Drawn:
    """Chance by hypothesis, which looks for the shortest story that ends badly."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def pick(self, among: Sequence[T]) -> T:
        """See ``Chance``."""
        return self._draw(st.sampled_from(among))

    def share(self) -> float:
        """See ``Chance``."""
        return self._draw(st.integers(0, 1000)) / 1000


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A board of any firmware, and what is done with it."""
    return story_of(draw(st.sampled_from(BOARDS)), Drawn(draw))


@settings(deadline=None, max_examples=150)
@given(story=stories())
def test_every_story_ends_well(story: Story) -> None:
    verdict = tell(story)
    assert verdict.well, f"{story}\n{story.board.state}\n{verdict}"


@pytest.mark.parametrize("name", BOARDS)
def test_these_stories_end_well(name: str) -> None:
    for seed in range(SEEDS):
        story = story_of(name, Seeded(f"{name} {seed}"))
        verdict = tell(story)
        assert verdict.well, f"{seed}: {story}\n{story.board.state}\n{verdict}"


# -- the judge itself --------------------------------------------------------------------------------


def plain(tmp_path: Path) -> Desk:
    machine = plotter("grbl")
    state = GrblState(resets_on_open=False, power_on_mm=(0.0, 0.0, 0.0))
    board = Board(
        "grbl",
        machine,
        "plain",
        lambda: VirtualGrbl(machine, (0.0, 0.0, 4.0), GrblOptions(board=state)),
        False,
        False,
        False,
        state,
    )
    return Desk(board, tmp_path)


def spoil(desk: Desk, at_s: float, spoiler: Callable[[], None]) -> None:
    desk.wire.at(at_s, spoiler)


def slip(desk: Desk, x: float, z: float) -> Callable[[], None]:
    """A belt that jumps: the tool is elsewhere, and the controller does not know."""

    def happens() -> None:
        desk.controller.motion.flush()
        a, b, c = desk.controller.recorder.offset_mm
        desk.controller.recorder.offset_mm = (a + x, b, c + z)

    return happens


def test_a_drawing_without_any_trouble_ends_well(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    desk.do(Step("send"))
    assert desk.judge().well
    assert [told.exit for told in desk.told] == [0]


def test_the_judge_sees_ink_beside_the_line(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    spoil(desk, 8.0, slip(desk, 0.5, 0.0))
    desk.do(Step("send"))
    verdict = desk.judge()
    assert verdict.wrong_ink_mm == pytest.approx(0.5, abs=0.1)
    assert verdict.untrue


def test_the_judge_sees_a_pen_that_is_pressed(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    spoil(desk, 8.0, slip(desk, 0.0, -0.4))
    desk.do(Step("send"))
    verdict = desk.judge()
    assert verdict.pressed == pytest.approx(0.37, abs=0.05)
    assert not verdict.wrong_ink_mm


def test_the_judge_sees_a_pen_that_is_left_down(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    spoil(desk, 15.0, slip(desk, 0.0, -4.0))
    desk.do(Step("send"))
    assert desk.judge().left_down


def test_the_judge_sees_missing_ink(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    spoil(desk, 8.0, slip(desk, 0.0, 1.0))
    desk.do(Step("send"))
    verdict = desk.judge()
    assert verdict.untrue
    assert not verdict.wrong_ink_mm


def test_the_judge_sees_what_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.stories._MOST_READS", 20)
    assert tell(Story(plain(tmp_path).board, (Step("send"),)), tmp_path).hung


def test_an_honest_person_puts_the_pen_where_the_controller_believes_it_to_be(tmp_path: Path) -> None:
    desk = plain(tmp_path)
    desk.do(Step("send", incident="power cut", at=0.5))
    assert desk.told[-1].exit == 1
    desk.do(Step("resume here"))
    assert desk.told[-1].exit == 0
    assert desk.judge().well
