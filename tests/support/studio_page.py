"""A real browser that looks at a studio."""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.studio_server import Served

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a busy computer may take for a step that takes a second on a quiet one, ms.
PATIENCE_MS = 240_000
# No sandbox of the browser: it does not start as root, and shows this page alone.
# A name that somebody else points at this computer.
REBOUND_HOST = "rebound.example"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {REBOUND_HOST} 127.0.0.1",
]


def chromium() -> Path | None:
    """The browser of this computer; None where there is none."""
    found = [shutil.which(name) for name in CHROMIUM_NAMES]
    return next((Path(path) for path in found if path), None)


def why_no_browser() -> str:
    """Why the tests of the page cannot run, or an empty text."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed: scripts/setup dev installs it"
    if chromium() is None:
        return "there is no chromium: apt install chromium (Debian), or another browser of that family"
    return ""


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A browser of playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        opened = tool.chromium.launch(executable_path=str(chromium()), args=_ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


def opened(context: Any, studio: Served) -> Any:
    """A page of the studio in a context of the browser, with its live line open."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(studio.url)
    page.wait_for_function("() => globalThis.studio?.live")
    return page


def until(page: Any, condition: str, arg: Any = None) -> None:
    """Waits until a function of the page is true.

    Raises:
        AssertionError: if it does not become true; with what the page says.
    """
    from playwright.sync_api import TimeoutError as TooLong

    try:
        page.wait_for_function(condition, arg=arg)
    except TooLong:
        said = [page.inner_text(part) for part in ("#head", "#notices", "#draw-bar") if page.is_visible(part)]
        tool = page.evaluate("() => studio.stage.tool")
        raise AssertionError(f"{condition} with {arg}: {said}, tool {tool}") from None


_DROP = """
([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, {type}));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.getElementById("moving").dispatchEvent(
      new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
  }
}
"""


def drop(page: Any, file: Path, kind: str = "image/png") -> None:
    """Drops a file on the paper."""
    page.evaluate(_DROP, [file.name, kind, base64.b64encode(file.read_bytes()).decode()])


def plan_number(page: Any) -> int:
    """The number of the plan whose path is on the paper; 0 for none."""
    return int(page.evaluate("Number(studio.stage.path ? studio.stage.path_id : 0)"))


_AT_REST = """() => {
  const {stage} = studio;
  const {width, height} = document.getElementById("stage").getBoundingClientRect();
  const fills = stage.width === Math.round(width) && stage.height === Math.round(height);
  return fills && stage.sharp && !stage.awake;
}"""


def at_rest(page: Any) -> None:
    """Waits until the paper fills its place in the page and nothing is left to be painted.

    The page hears of a change of its own layout (another window, a warning below the paper) only with the
    next frame, and then moves what lies on the paper.
    """
    page.wait_for_function(_AT_REST)


def wait_for_plan(page: Any, after: int) -> int:
    """Waits until a newer plan is on the paper, nothing is being planned, and the page is at rest."""
    page.wait_for_function(
        """(after) => studio.stage.path && Number(studio.stage.path_id) > after
            && !studio.stage.placing.wanted && document.getElementById("stage-say").hidden""",
        arg=after,
    )
    at_rest(page)
    return plan_number(page)


def drop_and_wait(page: Any, file: Path) -> int:
    """Drops a picture and waits until its drawing is on the paper; the number of its plan."""
    before = page.evaluate("async () => (await (await fetch('/api/state')).json()).plan?.id ?? 0")
    drop(page, file)
    return wait_for_plan(page, int(before))


def box_on_screen(page: Any) -> list[list[float]]:
    """Corners of the drawing's box in the page: lower left, lower right, upper right, upper left, px."""
    found = page.evaluate(
        """() => {const at = document.getElementById("moving").getBoundingClientRect();
           return studio.stage.placing.corners().map(([x, y]) => [x + at.left, y + at.top])}"""
    )
    return [[float(x), float(y)] for x, y in found]


def dragged(page: Any, start: list[float], end: list[float], steps: int = 8) -> None:
    """Drags with the left button."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=steps)
    page.mouse.up()


_SYNTHETIC = """async ([points, duration_s]) => {
  const {PlanPath, COLUMNS} = await import("/page/path.js");
  const rows = new Float32Array(points * COLUMNS);
  let [x, y, angle, seed] = [100, 150, 0, 1];
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let k = 0; k < points; k++) {
    angle += (random() - 0.5) * 0.8;
    x += 0.5 * Math.cos(angle);
    y += 0.5 * Math.sin(angle);
    if (x < 10 || x > 200 || y < 10 || y > 287) angle += Math.PI / 2;
    [x, y] = [Math.min(200, Math.max(10, x)), Math.min(287, Math.max(10, y))];
    const width = k % 997 < 8 ? 0 : 0.3 + 0.9 * random();
    rows.set([x, y, width, (duration_s * k) / points, 50, width ? -width : 3], COLUMNS * k);
  }
  const {stage} = studio;
  stage.setPath(new PlanPath(rows.buffer));
  stage.fit("sheet");
}"""


def synthetic_path(page: Any, points: int, duration_s: float = 1800.0) -> None:
    """Puts a winding path of changing width with lifts on the paper, and waits until it is sharp."""
    page.evaluate(_SYNTHETIC, [points, duration_s])
    at_rest(page)


_FOLLOW = """
async ([from, to, count]) => {
      const {set, state, tell} = await import("/page/store.js");
      const {stage} = studio;
      const job = {name: "long", kind: "draw", share: 0, t_s: 0, left_s: 1, drawn_mm: 0, paused: false,
                   asked: false, ending: false, speed_percent: 100, pen_trim: 0};
      for (let k = 0; k < count; k++) {
        const t_s = stage.path.duration_s * (from + ((to - from) * k) / count);
        const at = stage.path.at(t_s);
        if (k % 5 === 0) {
          const told = {...job, share: t_s / stage.path.duration_s, t_s, left_s: stage.path.duration_s - t_s};
          const machine = {...state.machine, connected: true, port: "sim://grbl", sentence: "It draws."};
          set({machine: {...machine, job: told}});
          tell("log", [`line ${k}`]);
        }
        tell("position", {x_mm: at.x_mm, y_mm: at.y_mm, pen: at.pen, t_s});
        if (k % 20 === 0) await new Promise(requestAnimationFrame);
      }}
"""


def follow_positions(page: Any, start: float, end: float, count: int) -> None:
    """Tells the page places of a tool that draws from one share of the path to another."""
    page.evaluate(_FOLLOW, [start, end, count])


def heap_mb(page: Any) -> float:
    """What the page's scripts hold, MB, once what is not needed is gone."""
    tool = page.context.new_cdp_session(page)
    tool.send("HeapProfiler.enable")
    for _ in range(2):
        tool.send("HeapProfiler.collectGarbage")
    used = tool.send("Runtime.getHeapUsage")
    tool.detach()
    return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6
