"""The studio's page in a real browser: first paint, panning, planning anew, and what it costs a stream.

    python -m benchmarks.studio [--quick] [--json FILE]

    first_paint_s                 from asking for the page to its first contents, on this computer
    pan_fps_100k, zoom_fps_100k   pictures a second while a path of 100,000 points is moved, or zoomed
    scrub_fps_100k                the same while its time slider moves to and fro
    replan_drag_s                 from letting go of a dragged corner until the new drawing is on the paper
    pan_cpu_ms_100k               processor time of the whole browser for one of those pictures
    memory_growth_mb_30_min       of the page's heap, over the positions of a drawing of half an hour
    stream_with_page_vs_without   planner blocks, in the mean, of a 300-line-a-second stream over a real pty
                                  with a page that follows it / with no page; `benchmarks.studio_stream`
                                  measures it alone, and with pages that read nothing or are cut off

Needs chromium and playwright; see docs/studio.md.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

from benchmarks.harness import options, save
from benchmarks.studio_stream import stream_with_page_vs_without
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
from tests.support.studio_server import ROOT, Served, served

POINTS = 100_000
_REPEATS, _QUICK_REPEATS = 5, 2
_SECONDS, _QUICK_SECONDS = 4.0, 1.0
_STREAM_S, _QUICK_STREAM_S, _STREAM_REPEATS = 20.0, 3.0, 3
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
    seconds, count = (_QUICK_STREAM_S, 1) if chosen.quick else (_STREAM_S, _STREAM_REPEATS)
    flat |= stream_with_page_vs_without(seconds, count)
    width = max(map(len, flat))
    for name, value in flat.items():
        print(f"{name:{width}}  {value:10.3f}")
    save(flat, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
