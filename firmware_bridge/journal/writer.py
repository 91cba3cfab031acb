"""Writes a journal while a machine draws, at a cost that a small computer does not feel.

Three promises:
    before   a line goes out only after the journal says that it may (in chunks of lines)
    rate     progress is written at most 20 times a second, and when the state changes
    disk     twice a second the system is told to put it on the disk, in a thread of its own,
             since that may take a slow card longer than a planner lasts

A killed process loses nothing that was written; a power cut of the computer up to half a
second. A journal that cannot be written any more says so once and lets the drawing go on.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from firmware_bridge.gcode.words import file_line
from firmware_bridge.journal import reader as disk
from firmware_bridge.journal.reader import JournalError, JournalState, sha256_of
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.progress_tracker import ProgressPoint

# Lines that one permission covers: few, since the doubt after a power cut grows with them.
LINES_AHEAD = 32
WRITE_EVERY_S = 0.05
SYNC_EVERY_S = 0.5


class Journal:
    """An open journal.

    Attributes:
        path: the file.
        failed: why it cannot be written any more, or empty.
        written_bytes: so far, the program included.
    """

    def __init__(self, path: Path, descriptor: int, may_sent: int = 0) -> None:
        """Use ``create`` or ``reopen``."""
        self.path = path
        self.failed = ""
        self.written_bytes = 0
        self._descriptor = descriptor
        self._may_sent = may_sent
        self._last: disk.JournalProgress | None = None
        self._written_s = -math.inf
        self._synced_s = -math.inf
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._sync: Future[None] | None = None

    @classmethod
    def create(
        cls, path: Path, lines: Sequence[str], machine: MachineProfile, url: str, name: str, started: str = ""
    ) -> Journal:
        """Begins a journal in a new file and puts it on the disk before anything is drawn.

        Raises:
            JournalError: if the file exists or cannot be written.
        """
        program = list(lines)
        header: dict[str, object] = {
            "format": disk.FORMAT,
            "name": name,
            "url": url,
            "started": started,
            "machine": machine.to_table(),
            "lines": len(program),
            "sha256": sha256_of(program),
        }
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            journal = cls(path, os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600))
            journal._lock()
            journal._put(disk.MAGIC + disk.json_record(disk.HEADER, header))
            for at in range(0, len(program), disk.LINES_PER_RECORD):
                part = program[at : at + disk.LINES_PER_RECORD]
                journal._put(disk.lines_record(part))
                numbers = [file_line(line, i) for i, line in enumerate(part, start=at)]
                if numbers != list(range(at + 1, at + 1 + len(part))):
                    journal._put(disk.numbers_record(numbers))
            os.fsync(journal._descriptor)
        except OSError as error:
            raise JournalError(f"Cannot write the journal {path}: {error.strerror or error}.") from error
        return journal

    @classmethod
    def reopen(cls, state: JournalState) -> Journal:
        """Goes on with a journal; what is torn at its end is cut off.

        Raises:
            JournalError: if it cannot be written, or a drawing is writing to it.
        """
        try:
            flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            journal = cls(state.path, os.open(state.path, flags), state.may_sent)
            journal._lock()
            os.ftruncate(journal._descriptor, state.sound_bytes)
            os.lseek(journal._descriptor, 0, os.SEEK_END)
        except OSError as error:
            raise JournalError(
                f"Cannot write the journal {state.path.name}: {error.strerror or error}."
            ) from error
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def may_send(self, count: int, total: int) -> None:
        """Must be called before the line with number ``count`` (from 1) is sent."""
        if count > self._may_sent:
            self._may_sent = min(count + LINES_AHEAD - 1, total)
            self._try(disk.may_send_record(self._may_sent))

    def progress(
        self,
        now_s: float,
        taken: int,
        bound: ProgressPoint,
        position: tuple[float, float, float] | None = None,
    ) -> None:
        """Tells how far the drawing is; written only now and then."""
        if now_s - self._written_s < WRITE_EVERY_S:
            return
        self._progress(now_s, taken, bound, position)

    def event(
        self,
        event: str,
        now_s: float,
        taken: int,
        bound: ProgressPoint,
        position: tuple[float, float, float] | None = None,
        **more: object,
    ) -> None:
        """Tells a change of state: on the disk before this returns."""
        self._progress(now_s, taken, bound, position)
        self._try(disk.json_record(disk.EVENT, {"event": event, **more}))
        self._await_sync()
        if not self.failed:
            with self._failing():
                os.fsync(self._descriptor)

    def trim(self, line: int, trim: float) -> None:
        """Tells that the pen is trimmed from a line on; must be called before that line is sent."""
        self._try(disk.json_record(disk.EVENT, {"event": "trim", "line": line, "trim": trim}))

    def frame(self, offset_mm: Sequence[float] | None, chosen: str) -> None:
        """Tells the work frame that the lines count from; see ``JournalState``."""
        offset = None if offset_mm is None else list(offset_mm)
        self._try(disk.json_record(disk.EVENT, {"event": "frame", "offset": offset, "chosen": chosen}))

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self._await_sync()
        self._pool.shutdown()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    # -- inside ----------------------------------------------------------------------------------

    def _progress(
        self, now_s: float, taken: int, bound: ProgressPoint, position: tuple[float, float, float] | None
    ) -> None:
        x, y, pen = position or (math.nan, math.nan, math.nan)
        now = disk.JournalProgress(taken, bound.line, bound.share, x, y, pen)
        if now != self._last:
            self._last = now
            self._try(disk.progress_record(now))
        self._written_s = now_s
        if now_s - self._synced_s >= SYNC_EVERY_S and (self._sync is None or self._sync.done()):
            self._await_sync()
            self._synced_s = now_s
            self._sync = self._pool.submit(os.fsync, self._descriptor)

    def _await_sync(self) -> None:
        if self._sync is not None:
            with self._failing():
                self._sync.result()
            self._sync = None

    def _lock(self) -> None:
        if os.name != "posix":
            return
        import fcntl

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise JournalError(
                f"The journal {self.path.name} belongs to a drawing that still runs: stop that first."
            ) from None

    def _put(self, data: bytes) -> None:
        self.written_bytes += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _try(self, data: bytes) -> None:
        if not self.failed:
            with self._failing():
                self._put(data)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failed = error.strerror or str(error)
