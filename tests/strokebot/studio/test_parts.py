"""The parts of the studio that nobody may wait for, each alone."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="the studio is an extra: pip install 'strokebot[studio]'")

from strokebot.errors import PlanningStopped, StrokebotError
from strokebot.studio import clients, planner
from strokebot.studio.clients import Client
from strokebot.studio.control import Control
from strokebot.studio.frames import SCREEN_ROWS, course_of, rows_of
from strokebot.studio.outbox import Outbox
from strokebot.studio.planner import Planner
from strokebot.trajectory.timing.trajectory import Trajectory
from tests.support.event_loop import run

# -- what a process tells ------------------------------------------------------------------------


def test_a_server_that_reads_nothing_holds_up_no_process():
    ours, theirs = multiprocessing.Pipe()
    outbox = Outbox(theirs)
    begin_s = time.thread_time()
    for k in range(20_000):
        outbox.newest("position", {"x_mm": k})
        outbox.line("a line of some length " * 20)
    assert time.thread_time() - begin_s < 5.0  # it has never waited, though the pipe has long been full
    assert len(outbox._lines) <= 200
    heard = []

    def read():
        while ("answer", "end") not in heard or ("position", {"x_mm": 19_999}) not in heard:
            heard.append(ours.recv())

    reader = threading.Thread(target=read)
    reader.start()
    outbox.answer("end")
    reader.join(20)
    outbox.close(5)
    assert ("answer", "end") in heard
    places = [value["x_mm"] for kind, value in heard if kind == "position"]
    assert places[-1] == 19_999  # the newest is never lost
    assert places == sorted(places)
    assert len(places) < 1000
    ours.close()
    theirs.close()


# -- pages ---------------------------------------------------------------------------------------


class DeafSocket:
    """A socket that takes one message, and then nothing."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.application_state = None
        self.closed = False

    async def send_text(self, text: str) -> None:
        if self.taken:
            await asyncio.Event().wait()
        self.taken.append(text)

    async def receive_text(self) -> str:
        await asyncio.Event().wait()
        return ""

    async def close(self) -> None:
        self.closed = True


def test_a_page_that_takes_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(clients, "_SEND_TIMEOUT_S", 0.2)
    socket = DeafSocket()
    client = Client(socket, ("session", "page"))

    async def talk():
        for k in range(10_000):
            client.log({"type": "log", "text": str(k)})
            client.tell({"type": "position", "x_mm": k}, "position")
        assert len(client._log) <= 200
        assert len(client._newest) == 1
        await asyncio.wait_for(client.serve(), 10)

    run(talk())
    assert socket.closed
    assert len(socket.taken) == 1


# -- control -------------------------------------------------------------------------------------

A, B = ("s", "a"), ("s", "b")


def test_the_control_is_taken_kept_and_lost():
    now = [0.0]
    control = Control(lambda: now[0])
    assert control.holder is None
    control.opened(A)
    assert control.may_change(A)
    assert not control.may_change(B)
    control.closed(A)
    now[0] += 5.0  # a reload
    assert not control.may_change(B)
    control.opened(A)
    now[0] += 100.0
    assert not control.may_change(B)
    control.closed(A)
    now[0] += 100.0
    assert control.holder is None
    assert control.may_change(B)
    assert not control.may_change(A)
    control.take(A)
    assert control.told(A)["mine"]
    assert not control.told(B)["mine"]


@given(
    st.lists(st.tuples(st.sampled_from(["change", "take", "open", "close", "wait"]), st.sampled_from([A, B])))
)
def test_at_most_one_page_holds_the_control(steps):
    now = [0.0]
    control = Control(lambda: now[0])
    opened = {A: 0, B: 0}
    for step, who in steps:
        if step == "change":
            before = control.holder
            assert control.may_change(who) == (before in (None, who))
        elif step == "take":
            control.take(who)
            assert control.holder == who
        elif step == "open":
            control.opened(who)
            opened[who] += 1
        elif step == "close" and opened[who]:
            control.closed(who)
            opened[who] -= 1
        elif step == "wait":
            now[0] += 20.0
        assert [control.told(page)["mine"] for page in (A, B)].count(True) <= 1
        assert control.told(A)["pages"] == sum(opened.values())


# -- rows ----------------------------------------------------------------------------------------


def long_trajectory(strokes: int, samples: int) -> Trajectory:
    """Dashes along circles, each with a lift."""
    total = strokes * samples
    angle = np.arange(total) * 0.01
    xy = np.column_stack([100 + (40 + angle / 100) * np.cos(angle), 100 + 40 * np.sin(angle)])
    down = (np.arange(total) % samples) < samples - 10
    return Trajectory(np.arange(total) * 0.004, xy, np.full(total, 0.5), np.ones(total), down)


def test_a_long_drawing_is_thinned_for_a_screen_and_no_stroke_is_lost():
    from calibration.profile import Profile

    profile, trajectory = Profile.load("grbl-z"), long_trajectory(400, 400)
    every = rows_of(trajectory, profile, None)
    few = rows_of(trajectory, profile, 5000)
    assert len(every) == len(trajectory) + 1
    assert len(few) <= 5500 < SCREEN_ROWS  # and the lifts

    def strokes(rows):
        down = rows[:, 2] > 0
        return int(np.count_nonzero(down[1:] & ~down[:-1])) + int(down[0])

    assert strokes(few) == strokes(every) == 400
    for rows in (few, every):
        assert (np.diff(rows[:, 3]) >= 0).all()
    assert few[-1, 3] == every[-1, 3]
    course = course_of(every)
    assert course[0].tolist() == [0.0, 0.0]
    assert course[-1, 0] == 1.0
    assert course[-1, 1] == pytest.approx(trajectory.drawn_mm, rel=0.01)


# -- the planner ---------------------------------------------------------------------------------


class FakeWorker:
    """A process that answers when it is told to."""

    def __init__(self, run, shared, heard, ended) -> None:
        self.heard, self.ended, (self.stopped,) = heard, ended, shared
        self.orders: list = []

    def send(self, order) -> None:
        self.orders.append(order)

    def close(self, wait_s: float) -> bool:
        return True


@pytest.fixture
def worker(monkeypatch):
    made = []

    def begin(*given):
        made.append(FakeWorker(*given))
        return made[-1]

    monkeypatch.setattr(planner, "Worker", begin)
    return made


def test_only_the_newest_change_is_planned(worker, tmp_path):
    async def go():
        words = []
        mind = Planner(lambda *word: words.append(word))
        asked = [asyncio.ensure_future(mind.ask("plan", tmp_path)) for _ in range(5)]
        await asyncio.sleep(0)
        (process,) = worker
        assert [order.number for order in process.orders] == [1]
        assert process.stopped.value == 1  # the first is told to stop
        process.heard((1, "failed", None))
        await asyncio.sleep(0)
        assert [order.number for order in process.orders] == [1, 5]  # those between are given up
        process.heard((5, "planning", {"share": 0.5}))
        process.heard((5, "done", "a plan"))
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(result, PlanningStopped) for result in results[:4])
        assert results[4] == "a plan"
        assert words == [("planning", {"share": 0.5})]

    run(go())


def test_a_plan_of_an_older_recipe_that_was_finished_all_the_same_is_not_shown(worker, tmp_path):
    async def go():
        mind = Planner(lambda *word: None)
        old = asyncio.ensure_future(mind.ask("plan", tmp_path))
        await asyncio.sleep(0)
        new = asyncio.ensure_future(mind.ask("plan", tmp_path))
        await asyncio.sleep(0)
        worker[0].heard((1, "done", "old"))
        worker[0].heard((2, "done", "new"))
        assert await new == "new"
        with pytest.raises(PlanningStopped):
            await old

    run(go())


def test_styles_give_way_to_a_plan_and_a_plan_does_not_to_styles(worker, tmp_path):
    async def go():
        mind = Planner(lambda *word: None)
        styles = asyncio.ensure_future(mind.ask("styles", tmp_path))
        await asyncio.sleep(0)
        plan = asyncio.ensure_future(mind.ask("plan", tmp_path))
        await asyncio.sleep(0)
        assert worker[0].stopped.value == 1
        worker[0].heard((1, "failed", None))
        with pytest.raises(PlanningStopped):
            await styles
        later = asyncio.ensure_future(mind.ask("styles", tmp_path))
        await asyncio.sleep(0)
        assert worker[0].stopped.value == 1
        worker[0].heard((2, "done", "plan"))
        assert await plan == "plan"
        worker[0].heard((3, "done", "styles"))
        assert await later == "styles"

    run(go())


def test_a_process_that_ends_by_itself_is_told_and_begun_anew(worker, tmp_path):
    async def go():
        mind = Planner(lambda *word: None)
        first = asyncio.ensure_future(mind.ask("look", tmp_path))
        await asyncio.sleep(0)
        worker[0].ended()
        with pytest.raises(StrokebotError, match="ended by itself"):
            await first
        again = asyncio.ensure_future(mind.ask("look", tmp_path))
        await asyncio.sleep(0)
        assert len(worker) == 2
        worker[1].heard((2, "done", "seen"))
        assert await again == "seen"

    run(go())
