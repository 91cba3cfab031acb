"""The page draws: on a virtual machine behind a pty, in real time, with all that may be done meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.profile import Profile
from firmware_bridge.simulator import VirtualGrbl, serve_pty
from firmware_bridge.simulator.serve import RealTime
from tests.support.studio_page import drop_and_wait, opened, until, wait_for_plan
from tests.support.studio_server import ROOT, Served, served

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")

HELLO = ROOT / "examples" / "hello.png"
DRAWING = ROOT / "examples" / "drawing.png"


class Plotter:
    """A virtual machine behind a pty, whose tool is recorded."""

    def __init__(self, folder: Path) -> None:
        self.profile = Profile.load(None)
        self.grbl = VirtualGrbl(self.profile.machine)
        self.port = folder / "plotter"
        self._stop, ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=serve_pty, args=(self.port, self.grbl, self._stop, RealTime(), lambda _: ready.set())
        )
        self._thread.start()
        assert ready.wait(10.0)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def inked_mm(self) -> np.ndarray:
        """Places at which the pen touched the paper, paper mm, (K, 2)."""
        recording = self.grbl.recorder.recording(self.grbl.now_s)
        down = recording.pen <= self.profile.pen.touch + 0.05
        return self.profile.from_machine(recording.xy_mm[down])


@pytest.fixture(scope="module")
def plotter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plotter]:
    made = Plotter(tmp_path_factory.mktemp("plotter"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def studio(chrome: Any, plotter: Plotter) -> Iterator[Served]:
    """A studio that was told of the plotter's port: a page cannot name one."""
    with served("--port", str(plotter.port)) as running:
        yield running


@pytest.fixture
def page(chrome: Any, studio: Served) -> Iterator[Any]:
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    shown = opened(context, studio)
    if shown.is_visible("#take-control"):
        shown.click("#take-control")
    yield shown
    context.close()


def connect(page: Any, **option: str) -> None:
    """Connects to one of the list, whatever was connected before."""
    if page.get_attribute("#machine-line", "data-state") != "off":
        page.click("#connect")
        page.wait_for_selector("#machine-line[data-state=off]")
    page.focus("#port")
    page.select_option("#port", **option)
    page.click("#connect")
    page.wait_for_selector("#machine-line[data-state=ready]")


def begin_drawing(page: Any, name: str = "hello.png") -> None:
    page.click("#draw")
    page.wait_for_selector("#ask-yes, #error:visible")
    assert page.is_hidden("#error"), page.inner_text("#error")
    said = page.inner_text("#ask")
    assert name in said
    assert "plotter" in said or "virtual" in said
    page.click("#ask-yes")
    page.wait_for_selector("#hold:visible")


def share(page: Any) -> float:
    return float(page.evaluate("() => document.getElementById('progress').value"))


def until_share(page: Any, least: float) -> None:
    until(page, "(least) => document.getElementById('progress').value > least", arg=least)


def test_a_drawing_with_all_that_may_happen_meanwhile(page: Any, plotter: Plotter) -> None:
    drop_and_wait(page, HELLO)
    connect(page, value=str(plotter.port))
    begin_drawing(page)
    until_share(page, 0.08)

    # The space bar holds, also where a button has the focus that it would press.
    page.focus("#cancel")
    page.keyboard.press(" ")
    page.wait_for_selector("#resume:visible")
    assert not page.evaluate("() => document.getElementById('ask').open")
    assert plotter.grbl.recorder.recording(plotter.grbl.now_s).pen[-1] == pytest.approx(3.0, abs=0.01)
    held = share(page)

    # The pen is changed, the speed, and the drawing goes on.
    page.click("#pen-lower")
    until(page, "() => Number(document.getElementById('pen-trim-now').textContent) < 0")
    for percent in range(90, 20, -10):  # slow enough for what comes next, however busy this computer is
        page.click("#slower")
        until(page, f"() => document.getElementById('speed-now').textContent === '{percent} %'")
    page.keyboard.press("r")
    page.wait_for_selector("#hold:visible")
    until_share(page, held + 0.02)

    # A reload in mid drawing shows the same drawing, and draws on.
    page.reload()
    until(page, "() => globalThis.studio?.live && studio.stage.path")
    page.wait_for_selector("#hold:visible")
    assert page.inner_text("#speed-now") == "30 %"
    until(page, "() => studio.stage.time_s < studio.stage.path.duration_s && studio.stage.tool")
    begun = share(page)
    until_share(page, begun + 0.01)

    # It is stopped for good, and gone on with from the list.
    page.click("#cancel")
    page.wait_for_selector("#ask-yes")
    page.click("#ask-yes")
    page.wait_for_selector("#draw:visible")
    go_on = page.locator("#jobs button", has_text="Go on")
    go_on.first.wait_for()
    until(page, "() => document.querySelector('#jobs canvas')")
    stopped = len(plotter.inked_mm())
    go_on.first.click()
    page.wait_for_selector("#ask-yes")
    page.click("#ask-yes")
    page.wait_for_selector("#hold:visible")
    page.wait_for_selector("#draw:visible")  # when it is done
    until(page, "() => !document.querySelector('#jobs')?.textContent.includes('stopped')")
    assert page.is_hidden("#error"), page.inner_text("#error")

    # Judged by the tool's own way: nothing of the line is missing.
    ink = plotter.inked_mm()
    assert len(ink) > stopped
    line = np.array(
        page.evaluate(
            """() => {const {path} = studio.stage; const found = [];
               for (let k = 0; k < path.segments; k++) if (path.drawn(k)) found.push([path.x(k), path.y(k)]);
               return found}"""
        )
    )
    far = np.array([np.hypot(*(ink - point).T).min() for point in line])
    assert far.max() < 0.5


def test_steps_by_hand_and_the_paper(page: Any, plotter: Plotter) -> None:
    connect(page, value=str(plotter.port))
    page.click("#fold-hand summary")

    def tool() -> list[float]:
        found: list[float] = page.evaluate("() => [studio.stage.tool.x, studio.stage.tool.y]")
        return found

    until(page, "() => studio.stage.tool")
    x0, y0 = tool()
    page.click("#do-jog-ArrowRight")
    until(page, "(x) => Math.abs(studio.stage.tool.x - x) < 0.02", arg=x0 + 10)
    page.focus("#do-jog-ArrowRight")
    page.keyboard.press("ArrowUp")
    until(page, "(y) => Math.abs(studio.stage.tool.y - y) < 0.02", arg=y0 + 10)

    # A press on the paper takes the tool there.
    page.click("#stage-tools button")  # the whole sheet
    page.click("#do-go")
    spot = page.evaluate(
        """() => {const at = document.getElementById("moving").getBoundingClientRect();
           const [x, y] = studio.stage.camera.toScreen(40, 250); return [x + at.left, y + at.top]}"""
    )
    page.mouse.click(*spot)
    until(page, "() => Math.hypot(studio.stage.tool.x - 40, studio.stage.tool.y - 250) < 0.3")

    page.click("#do-touch-off")
    until(page, "() => Math.hypot(studio.stage.tool.x, studio.stage.tool.y) < 0.02")


def test_the_machine_of_the_program_needs_no_port(chrome: Any) -> None:
    """A newcomer presses Draw and sees a plotter draw; the page tells when it is done."""
    with served(str(HELLO)) as studio:
        context = chrome.new_context(viewport={"width": 360, "height": 740})
        page = opened(context, studio)
        wait_for_plan(page, 0)
        page.select_option("#port", label="virtual machine, ten times as fast", force=True)
        begin_drawing(page)
        hold = page.locator("#hold").bounding_box()
        assert hold["y"] + hold["height"] <= 740
        page.wait_for_selector("#draw:visible")
        page.click("#tabs [data-tab=machine]")
        page.locator("#jobs", has_text="done").wait_for()
        assert page.is_hidden("#error")
        context.close()


def test_a_watcher_may_hold_and_nothing_else(page: Any, chrome: Any, studio: Served) -> None:
    drop_and_wait(page, DRAWING)
    connect(page, label="virtual machine")
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    other = opened(context, studio)  # before it draws: the drawing must not end while a page is opened
    begin_drawing(page, "drawing.png")
    other.wait_for_selector("#hold:visible")
    assert other.is_disabled("#cancel")
    other.click("#hold")
    page.wait_for_selector("#resume:visible")
    assert other.is_disabled("#resume")
    page.click("#cancel")
    page.click("#ask-yes")
    other.wait_for_selector("#draw")
    page.wait_for_selector("#draw:visible")
    context.close()
