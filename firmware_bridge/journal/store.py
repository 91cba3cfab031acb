"""Where journals live: one file for each job, the newest has the greatest number.

The folder is ``$XDG_STATE_HOME/strokebot/journals``, by default under ``~/.local/state``. A
name never leaves it: it is a number and letters of the job's name, and whoever names one is
held to the same form.
"""

from __future__ import annotations

import datetime
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware_bridge.journal.reader import JournalError, JournalState, is_done, is_locked, read_journal
from firmware_bridge.journal.writer import Journal
from firmware_bridge.machine import MachineProfile

KEPT_DONE = 5
KEPT_OPEN = 20
_NAME = re.compile(r"([0-9]{6,9})-[A-Za-z0-9_.-]{0,60}\.journal")
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")
_TRIES = 100


def default_folder() -> Path:
    """The folder of this user's journals."""
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    return root / "strokebot" / "journals"


def require_folder(folder: Path | None = None) -> None:
    """Passes a folder that journals can be written to; makes it.

    Raises:
        JournalError: if it cannot be made or written to.
    """
    folder = folder or default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise JournalError(
            f"No journal can be kept in {folder} ({error.strerror or error}): make it writable, or name "
            "another place with XDG_STATE_HOME."
        ) from error


def begin_job(
    lines: Sequence[str],
    machine: MachineProfile,
    url: str,
    name: str,
    folder: Path | None = None,
    started: str = "",
) -> Journal:
    """Begins the journal of a new job, and clears away old ones.

    Raises:
        JournalError: if it cannot be written.
    """
    folder = folder or default_folder()
    require_folder(folder)
    prune(folder)
    stem = _STRANGE.sub("_", name)[:40].strip("_") or "job"
    shown = "".join(c if c.isprintable() else "_" for c in name)[:200] or "job"
    for _ in range(_TRIES):
        found = job_paths(folder)
        number = int(found[-1].name.partition("-")[0]) + 1 if found else 1
        path = folder / f"{number:06d}-{stem}.journal"
        if not os.path.lexists(path):
            return Journal.create(path, lines, machine, url, shown, started)
    raise JournalError(f"Cannot find a free name in {folder}: clear it.")


def keeper(
    machine: MachineProfile, url: str, name: str, folder: Path | None = None
) -> Callable[[Sequence[str]], Journal]:
    """What begins the journal of a job that starts when it is called; see ``begin_job``.

    Raises:
        JournalError: if no journal can be kept; at once, since a drawing must not find it out late.
    """
    require_folder(folder)

    def begin(lines: Sequence[str]) -> Journal:
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return begin_job(lines, machine, url, name, folder, started)

    return begin


def job_paths(folder: Path | None = None) -> list[Path]:
    """All journals in a folder, the oldest first."""
    folder = folder or default_folder()
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if _NAME.fullmatch(p.name) and not p.is_symlink()]
    return sorted(found, key=lambda p: (int(p.name.partition("-")[0]), p.name))


def find_job(which: str | None = None, folder: Path | None = None, url: str | None = None) -> JournalState:
    """The newest job that is not done, or the one that is named.

    Args:
        which: a journal's name in the folder or its number, or a path of a file; None for the newest.
        folder: where to look.
        url: take the newest one of this port; None for any port.

    Raises:
        JournalError: if there is none, or it cannot be used.
    """
    folder = folder or default_folder()
    if which is None:
        others = 0
        for path in reversed(job_paths(folder)):
            if not is_done(path):
                state = read_journal(path)
                if url in (None, state.url):
                    return state
                others += 1
        if others:
            raise JournalError(
                f"No drawing on {url} is left to go on with, {others} on other ports are: name one by its "
                "number, see strokebot resume --list."
            )
        raise JournalError("There is no drawing to go on with: every job is done.")
    if which.isdigit():
        for path in job_paths(folder):
            if int(path.name.partition("-")[0]) == int(which):
                return read_journal(path)
        raise JournalError(f"There is no job {int(which)}: see strokebot resume --list.")
    if _NAME.fullmatch(which):
        return read_journal(folder / which)
    path = Path(which)
    if not path.is_file():
        raise JournalError(f"There is no journal {which[:200]!r}: see strokebot resume --list.")
    return read_journal(path)


def prune(folder: Path, kept_done: int = KEPT_DONE, kept_open: int = KEPT_OPEN) -> list[Path]:
    """Removes old journals: all but the last few that are done, and all but more that are not.

    Returns:
        What was removed.
    """
    removed: list[Path] = []
    room = {True: kept_done, False: kept_open}
    for path in reversed(job_paths(folder)):
        if is_locked(path):
            continue
        done = is_done(path)
        room[done] -= 1
        if room[done] < 0:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed
