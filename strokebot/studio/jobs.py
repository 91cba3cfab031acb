"""The journals of this computer as a list for a page: what can be gone on with, and drawn again.

Jobs of real machines have their number for a name, as ``strokebot resume`` takes it; those of virtual ones
lie in a folder of their own and have a ``v`` before it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from firmware_bridge.gcode.reader import steps
from firmware_bridge.journal import JournalError, JournalState, job_paths, read_journal
from firmware_bridge.journal.reader import is_locked
from strokebot.studio.machine import virtual_folder
from strokebot.studio.wording import on_page

_VIRTUAL = "v"
# Points of a thumbnail.
_POINTS = 800
_KEPT = 60


def job_files() -> dict[str, Path]:
    """All journals by their names, the newest first."""
    found = {str(_number(path)): path for path in reversed(job_paths())}
    return found | {f"{_VIRTUAL}{_number(path)}": path for path in reversed(job_paths(virtual_folder()))}


def job_file(name: str) -> Path:
    """The journal of a job.

    Raises:
        JournalError: if there is none of this name.
    """
    found = job_files().get(name)
    if found is None:
        raise JournalError("There is no such job any more.")
    return found


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


class Jobs:
    """Reads journals, each once until it changes."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}

    def told(self) -> list[dict[str, Any]]:
        """All jobs, the newest of each kind first; blocks."""
        files = job_files()
        self._read = {path: read for path, read in self._read.items() if path in set(files.values())}
        return [self._told(name, path) for name, path in list(files.items())[:_KEPT]]

    def _told(self, name: str, path: Path) -> dict[str, Any]:
        drawing = is_locked(path)
        try:
            found = path.stat()
            key = (found.st_mtime_ns, found.st_size)
            kept = self._read.get(path)
            if kept is None or kept[0] != key:
                kept = self._read[path] = (key, _told_of(read_journal(path)))
            return {"id": name, "virtual": name.startswith(_VIRTUAL), "drawing": drawing, **kept[1]}
        except (JournalError, OSError) as error:
            damaged = {"id": name, "virtual": name.startswith(_VIRTUAL), "drawing": drawing}
            return {**damaged, **_NOTHING, "reason": on_page(error)}


_NOTHING: dict[str, Any] = {
    "name": "",
    "port": "",
    "started": "",
    "machine": "",
    "done": False,
    "event": "",
    "where": "",
    "share": 0.0,
    "place_lost": False,
    "damaged": True,
}


def _told_of(state: JournalState) -> dict[str, Any]:
    return {
        "name": state.name,
        "port": state.url,
        "started": state.started,
        "machine": state.machine.name,
        "done": state.done,
        "event": state.last_event,
        "where": "done" if state.done else state.where,
        "share": 1.0 if state.done else state.bound.line / max(len(state.lines), 1),
        "place_lost": state.place_lost,
        "reason": state.reason,
        "damaged": False,
    }


def thumbnail(path: Path) -> dict[str, Any]:
    """What a job draws, as strokes of a few points each, machine mm; and the place that it is at.

    Raises:
        JournalError: if the journal cannot be read.
    """
    state = read_journal(path)
    strokes: list[list[tuple[float, float]]] = []
    up = math.nan
    for step in steps(state.lines, state.machine.as_controller()):
        if not step.moves:
            continue
        pens = [point[2] for point in step.points]
        up = pens[0] if math.isnan(up) else (up if state.machine.pen_actuator == "servo" else max(up, *pens))
        if all(pen == pen and abs(pen - up) > 1e-6 for pen in pens):
            flat = [(point[0], point[1]) for point in step.points]
            if strokes and strokes[-1][-1] == flat[0]:
                strokes[-1] += flat[1:]
            elif flat[0] != flat[-1]:
                strokes.append(flat)
    count = sum(map(len, strokes))
    stride = max(1, math.ceil(count / _POINTS))
    thin = [[*stroke[:-1:stride], stroke[-1]] for stroke in strokes]
    return {"strokes": [[[round(x, 2), round(y, 2)] for x, y in stroke] for stroke in thin]}
