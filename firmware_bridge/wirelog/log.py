"""A log of everything that passes between host and machine, with times, from which a session is replayed.

    first line  strokebot log 1 part N
    then        <seconds> <kind> <text>, one record a line, nothing changed once it is written

    kind  text
    >     bytes that were sent, escaped as in Python
    <     a line that was heard
    t     nothing was heard in time
    x     why the port failed: class of the error and its words
    !     what somebody wanted: pause, go on, cancel, hold, resume, speed N, pen N
    =     JSON: profile, the lines of a program (packed), how a job begins
    .     how it ended

Every record is given to the system at once, so a killed process loses nothing. A file that reaches
half of the limit is kept as it is, and the newest quarter or two go to FILE.tail and FILE.tail.old:
the beginning and the end of a long session are there, and never more than the limit.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.errors import HostError

_MAGIC = "strokebot log 1 part "
LIMIT_BYTES = 256 * 1024 * 1024
# Lines of a program in one record.
_CHUNK_LINES = 4096
_MOST_PROGRAM_BYTES = 64 * 1024 * 1024
_RECORD = re.compile(r"([0-9]{1,12}\.[0-9]{1,30}) ([><tx!=.]) (.*)")
_TAIL, _OLD = ".tail", ".tail.old"


class LogError(HostError):
    """A log cannot be written or read."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: time in s on the clock of the port, kind, and text (escapes undone)."""

    t_s: float
    kind: str
    text: str


class WireLog:
    """A log that is being written.

    Attributes:
        path: its first file.
        failed: why it cannot be written any more, or empty.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """Begins a log; one that is there already is replaced.

        Raises:
            LogError: if it cannot be written, or something else is in its place.
        """
        self.path = path
        self.failed = ""
        self._limit = limit_bytes
        self._part = 0
        self._size = 0
        self._descriptor = -1
        if path.exists() and not _is_log(path):
            raise LogError(f"{path} is there already and is no log: choose another name.")
        try:
            for end in (_TAIL, _OLD):
                Path(f"{path}{end}").unlink(missing_ok=True)
            self._open(path)
        except OSError as error:
            raise LogError(f"Cannot write the log {path}: {error.strerror or error}.") from error

    def write(self, now_s: float, kind: str, text: str) -> None:
        """Adds a record; a log that cannot be written notes that and is silent from then on."""
        if self.failed or self._descriptor < 0:
            return
        escaped = text.encode("unicode_escape").decode("ascii")
        # To the last digit, so that a replay decides by the same times.
        digits = repr(now_s) if now_s >= 1e-3 and now_s < 1e12 else f"{now_s:.17f}"
        data = f"{digits} {kind} {escaped}\n".encode("ascii")
        try:
            if self._size + len(data) > self._limit // (2 if self._part == 1 else 4):
                self._next_part()
            self._put(data)
        except OSError as error:
            self.failed = error.strerror or str(error)

    def table(self, now_s: float, table: Mapping[str, object]) -> None:
        """Adds facts."""
        self.write(now_s, "=", json.dumps(table, sort_keys=True))

    def program(self, now_s: float, lines: Sequence[str]) -> None:
        """Adds the lines of a program."""
        self.table(now_s, {"program": len(lines)})
        for at in range(0, len(lines), _CHUNK_LINES):
            packed = zlib.compress("\n".join(lines[at : at + _CHUNK_LINES]).encode("ascii"))
            self.table(now_s, {"lines": base64.b64encode(packed).decode("ascii")})

    def close(self) -> None:
        """Ends the log; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, path: Path) -> None:
        self.close()
        self._part += 1
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o600)
        self._put(f"{_MAGIC}{self._part}\n".encode("ascii"))

    def _next_part(self) -> None:
        tail = Path(f"{self.path}{_TAIL}")
        if tail.exists():
            tail.replace(f"{self.path}{_OLD}")
        self._open(tail)

    def _put(self, data: bytes) -> None:
        self._size += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]


def _is_log(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError:
        return False
    return not head or head == _MAGIC.encode("ascii")


def read_log(path: Path) -> tuple[list[Record], bool]:
    """The records of a log, and whether some are missing in its middle.

    A record that is torn, as the last one of a crash may be, is left out.

    Raises:
        LogError: if it is no log, or too large.
    """
    records: list[Record] = []
    gap, last = False, 0
    for part in (path, Path(f"{path}{_OLD}"), Path(f"{path}{_TAIL}")):
        if part != path and not part.is_file():
            continue
        try:
            if part.stat().st_size > LIMIT_BYTES:
                raise LogError(f"{part.name} is larger than any log of this program.")
            text = part.read_bytes().decode("ascii")
        except OSError as error:
            raise LogError(f"Cannot read the log {part}: {error.strerror or error}.") from None
        except UnicodeDecodeError:
            raise LogError(f"{part.name} is no log of this program: give the file of --log.") from None
        head, _, body = text.partition("\n")
        number = head.removeprefix(_MAGIC)
        if number == head or not number.isdigit():
            raise LogError(f"{part.name} is no log of this program: give the file of --log.")
        gap = gap or int(number) != last + 1
        last = int(number)
        records += _records(body)
    return records, gap


def _records(body: str) -> Iterator[Record]:
    for line in body.split("\n")[:-1]:  # what follows the last line end was torn
        match = _RECORD.fullmatch(line)
        if match is None:
            continue
        try:
            text = match[3].encode("ascii").decode("unicode_escape")
        except UnicodeDecodeError:
            continue
        yield Record(float(match[1]), match[2], text)


def table_of(record: Record) -> Mapping[str, object]:
    """The facts of a record of that kind; empty where they cannot be read."""
    try:
        table = json.loads(record.text)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def lines_of(tables: Sequence[Mapping[str, object]]) -> list[str]:
    """The lines that were packed into some records.

    Raises:
        LogError: if they cannot be unpacked.
    """
    lines: list[str] = []
    room = _MOST_PROGRAM_BYTES
    for table in tables:
        unpack = zlib.decompressobj()
        try:
            text = unpack.decompress(base64.b64decode(str(table["lines"])), room + 1)
            if len(text) > room or not unpack.eof:
                raise LogError("The program in this log is too large.")
            lines += text.decode("ascii").split("\n")
        except (zlib.error, ValueError, KeyError):
            raise LogError("The program in this log is damaged: it cannot be replayed.") from None
        room -= len(text)
    return lines
