"""The studio's page in a real browser: first paint, panning, planning anew, and what it costs a stream.

    python -m benchmarks.studio [--quick] [--json FILE]

    first_paint_s                 from asking for the page to its first contents, on this computer
    pan_fps_100k, zoom_fps_100k   pictures a second while a path of 100,000 points is moved, or zoomed
    scrub_fps_100k                the same while its time slider moves to and fro
    replan_drag_s                 from letting go of a dragged corner until the new drawing is on the paper
    pan_cpu_ms_100k               processor time of the whole browser for one of those pictures
    memory_growth_mb_30_min       of the page's heap, over the positions of a drawing of half an hour
    stream_with_page_vs_without   time of the motion of a 300-line-a-second stream over a real pty: with a
                                  page that follows it and one that has stopped reading / with no page
    least_blocks_with_page        the fewest of 15 planner blocks while lines are left, with those pages,
    least_blocks_without          and with none

Needs chromium and playwright; see docs/studio.md.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import options, save
from benchmarks.senders import PLANNER_BLOCKS, Run, curve
from benchmarks.served import served as board_served
from calibration.profile import Profile
from firmware_bridge.journal import begin_job
from tests.support.studio_page import (
    box_on_screen,
    browser,
    dragged,
    follow_positions,
    heap_mb,
    opened,
    synthetic_path,
    wait_for_plan,
    why_no_browser,
)
from tests.support.studio_server import ROOT, Served, Visitor, served

POINTS = 100_000
_REPEATS, _QUICK_REPEATS = 5, 2
_SECONDS, _QUICK_SECONDS = 4.0, 1.0
_LINES, _QUICK_LINES = 6000, 900
_LINES_PER_S = 300.0
_DRAWING_S, _POSITIONS_PER_S = 1800.0, 20
_VIEW = {"width": 1280, "height": 800}

# Pictures a second while `act(k)` is done for each.
_RATE = """
const rate = (act, seconds) => new Promise((done) => {
  const times = [];
  const step = (now) => {
    times.push(now);
    act(times.length);
    if (now - times[0] < 1000 * seconds) requestAnimationFrame(step);
    else done((1000 * (times.length - 1)) / (times.at(-1) - times[0]));
  };
  requestAnimationFrame(step);
});
"""


def first_paint(chrome: Any, studio: Served, repeats: int) -> float:
    """Seconds to the first contents, the median."""
    context = chrome.new_context(viewport=_VIEW)
    page = opened(context, studio)
    found = []
    for _ in range(repeats):
        page.goto(studio.address)
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        paint = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
        found.append(page.evaluate(paint) / 1000)
    context.close()
    return statistics.median(found)


def frames(chrome: Any, studio: Served, seconds: float) -> dict[str, float]:
    """Pictures a second with a long path."""
    context = chrome.new_context(viewport=_VIEW)
    page = opened(context, studio)
    synthetic_path(page, POINTS)
    acts = {
        "pan": "(k) => {stage.camera.pan(4 * Math.cos(k / 20), 4 * Math.sin(k / 17)); stage.moved()}",
        "zoom": "(k) => stage.zoom(Math.exp(0.03 * Math.sin(k / 25)), 300, 250)",
        "scrub": "(k) => studio.timeline.put(stage.path.duration_s * (0.5 + 0.49 * Math.sin(k / 30)))",
    }
    found = {}
    tool = chrome.new_browser_cdp_session()

    def cpu_s() -> float:
        return sum(float(each["cpuTime"]) for each in tool.send("SystemInfo.getProcessInfo")["processInfo"])

    for name, act in acts.items():
        run = "async (seconds) => {const {stage} = studio;" + _RATE + f"return rate({act}, seconds)}}"
        before_s = cpu_s()
        found[f"{name}_fps_100k"] = page.evaluate(run, seconds)
        if name == "pan":
            count = max(1.0, seconds * found["pan_fps_100k"])
            found["pan_cpu_ms_100k"] = 1000 * (cpu_s() - before_s) / count
    context.close()
    return found


def replan(chrome: Any, repeats: int) -> float:
    """Seconds from the end of a drag to the new drawing, the median."""
    found = []
    with served(str(ROOT / "examples" / "drawing.png")) as studio:
        context = chrome.new_context(viewport=_VIEW)
        page = opened(context, studio)
        number = wait_for_plan(page, 0)
        for k in range(repeats):
            corner = box_on_screen(page)[2]
            way = -25 if k % 2 == 0 else 22
            page.evaluate(
                """() => {document.getElementById("moving").addEventListener("pointerup",
                  () => (globalThis.dropped = performance.now()), {once: true});
                  const {stage} = studio; const set = stage.setPath;
                  stage.setPath = function (path) {
                    set.call(this, path); stage.setPath = set;
                    requestAnimationFrame(() => (globalThis.replanned = performance.now()));
                  }}"""
            )
            dragged(page, corner, [corner[0] + way, corner[1] - way])
            number = wait_for_plan(page, number)
            found.append(page.evaluate("() => (replanned - dropped) / 1000"))
        context.close()
    return statistics.median(found)


def memory_growth(chrome: Any, studio: Served, seconds: float) -> float:
    """MB by which the page's heap grows over a drawing whose positions come as fast as they are taken."""
    context = chrome.new_context(viewport=_VIEW)
    page = opened(context, studio)
    synthetic_path(page, POINTS)
    count = int(seconds * _POSITIONS_PER_S)
    follow_positions(page, 0.0, 0.1, count // 10)  # what is made once is made now
    before = heap_mb(page)
    follow_positions(page, 0.1, 1.0, count - count // 10)
    grown = heap_mb(page) - before
    context.close()
    return grown


def stream(chrome: Any, lines: int) -> dict[str, float]:
    """A stream of short lines from the studio, with pages and with none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fast.toml"
        shipped = (ROOT / "calibration" / "profiles" / "grbl-z.toml").read_text(encoding="utf-8")
        file.write_text(shipped.replace("line_rate_per_s = 200.0", f"line_rate_per_s = {_LINES_PER_S}"))
        alone = _streamed(None, file, lines)
        watched = _streamed(chrome, file, lines)
    return {
        "stream_with_page_vs_without": watched.seconds / alone.seconds,
        "least_blocks_with_page": float(watched.least_blocks),
        "least_blocks_without": float(alone.least_blocks),
    }


def _streamed(chrome: Any | None, profile: Path, lines: int) -> Run:
    """What a board says of a stream of the studio."""
    machine = Profile.load(str(profile)).machine
    program = ["G0 Z3", *curve(lines, _LINES_PER_S * 0.2), "G0 Z3"]
    with board_served(machine) as board, served("--profile", str(profile)) as studio:
        folder = studio.home / "state" / "strokebot" / "journals"
        with begin_job(program, machine, str(board.path), "curve", folder):
            pass
        visitor = Visitor(studio)
        page = None
        if chrome is not None:
            page = opened(chrome.new_context(viewport=_VIEW), studio)
            # A second one that has come in, and takes nothing any more.
            stuck = opened(chrome.new_context(viewport=_VIEW), studio)
            stuck.context.new_cdp_session(stuck).send("Debugger.enable")
            stuck.context.new_cdp_session(stuck).send("Emulation.setScriptExecutionDisabled", {"value": True})
        visitor.do("/api/control/take")
        visitor.do("/api/machine/connect", port=str(board.path))
        jobs = visitor.get("/api/jobs")["jobs"]
        ready = visitor.do(f"/api/jobs/{jobs[0]['id']}/again")
        visitor.do("/api/draw/start", confirm=ready["confirm"])
        visitor.until(lambda state: state["machine"]["job"], "the beginning")
        end_s = time.monotonic() + 3 * lines / _LINES_PER_S + 60
        while visitor.state()["machine"]["job"] and time.monotonic() < end_s:
            time.sleep(1.0)
        if page is not None:
            page.context.close()
        return board.result()


def main(arguments: list[str] | None = None) -> int:
    """Measures all of it."""
    chosen = options(__doc__ or "", arguments)
    if why := why_no_browser():
        print(f"not measured: {why}")
        return 0
    repeats = _QUICK_REPEATS if chosen.quick else _REPEATS
    flat: dict[str, float] = {}
    with browser() as chrome:
        with served() as studio:
            flat["first_paint_s"] = first_paint(chrome, studio, repeats)
            flat |= frames(chrome, studio, _QUICK_SECONDS if chosen.quick else _SECONDS)
            drawing_s = _DRAWING_S / 20 if chosen.quick else _DRAWING_S
            flat["memory_growth_mb_30_min"] = memory_growth(chrome, studio, drawing_s)
        flat["replan_drag_s"] = replan(chrome, repeats)
        flat |= stream(chrome, _QUICK_LINES if chosen.quick else _LINES)
    width = max(map(len, flat))
    for name, value in flat.items():
        print(f"{name:{width}}  {value:10.3f}")
    print(f"(of {PLANNER_BLOCKS} blocks)")
    save(flat, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
