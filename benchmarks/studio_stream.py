"""Does a page disturb the machine? The same stream through a studio with no page, with one, with a deaf one.

A program of 300 lines a second lies in a journal; a studio of its own draws it again on the board of
``senders``, served on a pty in real time. The board says how full its planner was and how long it moved:

    without     nobody looks on
    with page   a page is open, and takes all that it is sent
    deaf page   a page is open, and reads nothing
    gone page   a page is open, and its network is cut in the middle

``python -m benchmarks.studio_stream [--quick] [--json FILE]``
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness import options, save
from benchmarks.senders import STEP_MM, Run, board
from benchmarks.served import served
from calibration.profile import Profile
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.journal import begin_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.progress_tracker import ProgressPoint

LINES_PER_S = 300.0
# The board can take a little more than it is given.
_BLOCK_S = 1.0 / 350.0
_URL = re.compile(r"http://\S+")
_MIDDLE_MM, _RADIUS_MM = 200.0, 100.0
_REPEATS = 2
_PATIENCE_S = 120.0


def stream_with_page_vs_without(seconds: float, repeats: int = _REPEATS) -> dict[str, float]:
    """Ratios to the stream that nobody looks at, and the figures behind them.

    Args:
        seconds: that each stream takes.
        repeats: of each; medians are told.
    """
    machine = board(_BLOCK_S)
    lines = _circles(round(seconds * LINES_PER_S))
    runs: dict[str, list[Run]] = {name: [] for name in _PAGES}
    for _ in range(repeats):
        for name in _PAGES:  # in turn, so that whatever else the computer does is spread over all
            runs[name].append(_stream(lines, machine, _PAGES[name]))
    flat: dict[str, float] = {}
    print(f"{len(lines)} lines at {LINES_PER_S:g} a second through a studio, medians of {repeats}")
    print(f"{'':12}  {'planner, mean':>13}  {'least':>6}  {'seconds':>8}  {'lines':>6}")
    base: dict[str, float] = {}
    for name, found in runs.items():
        mean = statistics.median(run.mean_blocks for run in found)
        least = statistics.median(run.least_blocks for run in found)
        took = statistics.median(run.seconds for run in found)
        print(f"{name:12}  {mean:13.3f}  {least:6g}  {took:8.3f}  {found[0].answers:6}")
        base = base or {"mean": mean, "took": took}
        key = name.replace(" ", "_")
        flat |= {f"stream_{key}_blocks": mean, f"stream_{key}_least": least, f"stream_{key}_s": took}
        flat |= {
            f"stream_{key}_blocks_ratio": mean / base["mean"],
            f"stream_{key}_s_ratio": took / base["took"],
        }
    flat["stream_with_page_vs_without"] = flat["stream_with_page_blocks_ratio"]
    return flat


def _circles(count: int) -> list[str]:
    """Short lines around a circle in the middle of the board's field."""
    lines = ["G21 G90 G94", f"G0 X{_MIDDLE_MM + _RADIUS_MM:g} Y{_MIDDLE_MM:g}"]
    lines.append(f"G1 F{STEP_MM * LINES_PER_S * 60:.0f}")
    for k in range(1, count + 1):
        angle = k * STEP_MM / _RADIUS_MM
        x, y = _RADIUS_MM * math.cos(angle), _RADIUS_MM * math.sin(angle)
        lines.append(f"X{_MIDDLE_MM + x:.3f} Y{_MIDDLE_MM + y:.3f}")
    return lines


def _stream(lines: list[str], machine: MachineProfile, looks_on: Callable[..., Any]) -> Run:
    """One stream through a studio of its own."""
    with tempfile.TemporaryDirectory(prefix="studio-stream-") as home, served(machine) as here:
        state = Path(home) / "state"
        profile = Path(home) / "avr.toml"
        profile.write_text(replace(Profile.load("grbl-z"), machine=machine).to_toml(), encoding="utf-8")
        kept = Profile.load(str(profile)).machine
        folder = state / "strokebot" / "journals"
        with begin_job(parse_lines(lines), kept, str(here.path), "curve", folder) as journal:
            journal.event("done", 0.0, 0, ProgressPoint(0))
        with _studio(state, "--profile", str(profile), "--port", str(here.path)) as (url, process):
            _draw_again(url, looks_on)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=_PATIENCE_S)
        return here.result()


@contextlib.contextmanager
def _studio(state: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "strokebot", "studio", "--no-browser", *arguments]
    env = os.environ | {"XDG_STATE_HOME": str(state)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := _URL.search(line):
                yield found[0], process
                return
        raise RuntimeError("the studio did not start")
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()


def _draw_again(url: str, looks_on: Callable[..., Any]) -> None:
    """Draws the one job of the journal, with a page open or none, and waits for its end."""
    import httpx

    origin = url.partition("/?")[0]
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=_PATIENCE_S) as asks:
        asks.get(url)

        def state() -> Any:
            return asks.get("/api/state").json()

        _wait(lambda: state()["machine"]["connected"])
        ready = asks.post("/api/jobs/1/again").json()
        cookie = "; ".join(f"{key}={value}" for key, value in asks.cookies.items())
        ended = threading.Event()
        page = threading.Thread(target=looks_on, args=(origin, cookie, ended), daemon=True)
        page.start()
        asks.post("/api/draw/start", json=ready).raise_for_status()
        _wait(lambda: _drawn(state()), 1.0)
        ended.set()
        page.join()


def _drawn(state: Any) -> bool:
    """Whether the second job is done.

    Raises:
        RuntimeError: if it was stopped; says why.
    """
    newest = state["jobs"][0]
    if newest["event"] == "stopped":
        raise RuntimeError(f"the drawing was stopped: {newest['reason']}")
    return len(state["jobs"]) > 1 and bool(newest["done"])


def _wait(good: Callable[[], object], every_s: float = 0.2) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not good():
        if time.monotonic() > end_s:
            raise RuntimeError("the drawing does not end")
        time.sleep(every_s)


def _open(origin: str, cookie: str, **more: Any) -> Any:
    from websockets.sync.client import connect

    url = f"{origin.replace('http', 'ws', 1)}/api/live?client=page"
    headers = {"Cookie": cookie}
    return connect(
        url, origin=origin, additional_headers=headers, close_timeout=0.1, ping_interval=None, **more
    )


def _nobody(origin: str, cookie: str, ended: threading.Event) -> None:
    del origin, cookie
    ended.wait()


def _reads(origin: str, cookie: str, ended: threading.Event) -> None:
    with _open(origin, cookie) as socket:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                socket.recv(timeout=0.2)


def _reads_nothing(origin: str, cookie: str, ended: threading.Event) -> None:
    with _open(origin, cookie, max_queue=1):
        ended.wait()


def _is_cut(origin: str, cookie: str, ended: threading.Event) -> None:
    page = _open(origin, cookie)
    ended.wait(_CUT_S)
    page.socket.close()
    ended.wait()


_CUT_S = 4.0
_PAGES: dict[str, Callable[..., Any]] = {
    "without": _nobody,
    "with page": _reads,
    "deaf page": _reads_nothing,
    "gone page": _is_cut,
}


def main() -> None:
    """Runs it."""
    chosen = options(str(__doc__).splitlines()[0])
    flat = stream_with_page_vs_without(5.0 if chosen.quick else 20.0, 1 if chosen.quick else _REPEATS)
    save(flat, chosen)


if __name__ == "__main__":
    main()
