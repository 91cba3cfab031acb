"""Reads a journal and believes nothing in it that was not checked.

The journal on disk: records that check themselves, one after the other, never changed.

    file    = magic, header, lines..., then any of the others in order of time
    record  = kind (1 byte), length (4), crc-32 (4, of kind, length and payload), payload

    kind  payload
    H     JSON: format version, profile, port, name, number and sha-256 of the lines
    L     zlib: some lines of the program, joined by line feeds
    N     zlib: the numbers of the lines of the L before it in the file that they came from, four bytes
          each; left out where they are those of the program itself
    W     a number: lines below it may have been sent (written before they are)
    P     lines taken, the place that is surely executed, position of the tool
    E     JSON: paused, resumed, stopped with its reason, done; the work frame; a place that was lost

A record that is cut short or whose sum is wrong ends the reading: what comes before is true,
and as the bound only grows, an earlier one is merely more careful. Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.errors import HostError, ProgramError
from firmware_bridge.gcode import sanitize
from firmware_bridge.gcode.words import Line, number_at, parse
from firmware_bridge.journal import reader as disk
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.progress_tracker import ProgressPoint

MAGIC = b"strokebot journal\n"
FORMAT = 1
# The longest program is 64 MiB of text, which packs well; more is no journal of ours.
MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
# Lines in one record: about 100 kB of text, so that a writer never holds much.
LINES_PER_RECORD = 4096

HEADER, LINES, NUMBERS, MAY_SEND, PROGRESS, EVENT = b"H", b"L", b"N", b"W", b"P", b"E"
_HEAD = struct.Struct("<cII")
_PROGRESS = struct.Struct("<IIdddd")
_COUNT = struct.Struct("<I")


class JournalError(HostError):
    """A journal cannot be written or read; the drawing itself may be fine."""


@dataclass(frozen=True, slots=True)
class JournalProgress:
    """How far a drawing was: lines taken, the place surely executed, where the tool was reported."""

    taken: int
    line: int
    share: float
    x: float
    y: float
    pen: float


def record(kind: bytes, payload: bytes) -> bytes:
    """The bytes of one record."""
    head = kind + _COUNT.pack(len(payload))
    return head + _COUNT.pack(zlib.crc32(payload, zlib.crc32(head))) + payload


def records(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Kind, payload and end of every sound record after the magic, up to the first that is not."""
    at = len(MAGIC)
    while at + _HEAD.size <= len(data):
        kind, length, crc = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        end = begin + length
        if length > MAX_RECORD_BYTES or end > len(data):
            return
        payload = data[begin:end]
        if zlib.crc32(payload, zlib.crc32(data[at : at + 5])) != crc:
            return
        yield kind, payload, end
        at = end


def json_record(kind: bytes, table: dict[str, object]) -> bytes:
    """A record that holds a table."""
    return record(kind, json.dumps(table, sort_keys=True, allow_nan=False).encode("utf-8"))


def may_send_record(count: int) -> bytes:
    """Says that the lines below ``count`` may be sent from now on."""
    return record(MAY_SEND, _COUNT.pack(count))


def read_may_send(payload: bytes) -> int:
    """The number in such a record."""
    if len(payload) != _COUNT.size:
        raise JournalError("a record has a wrong length")
    return int(_COUNT.unpack(payload)[0])


def progress_record(p: JournalProgress) -> bytes:
    """Says how far the drawing is."""
    return record(PROGRESS, _PROGRESS.pack(p.taken, p.line, p.share, p.x, p.y, p.pen))


def read_progress(payload: bytes) -> JournalProgress:
    """What such a record says; its place is checked against the program by the reader."""
    if len(payload) != _PROGRESS.size:
        raise JournalError("a record has a wrong length")
    return JournalProgress(*_PROGRESS.unpack(payload))


def lines_record(lines: Sequence[str]) -> bytes:
    """Some lines of the program."""
    return record(LINES, zlib.compress("\n".join(lines).encode("ascii"), 1))


def read_lines(payload: bytes, room: int) -> list[str]:
    """The lines of such a record, which must not unpack to more than ``room`` bytes."""
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(payload, room + 1)
        if len(text) > room or not unpack.eof:
            raise JournalError("its program is too large")
        return text.decode("ascii").split("\n")
    except (zlib.error, UnicodeDecodeError):
        raise JournalError("its program cannot be unpacked") from None


def numbers_record(numbers: Sequence[int]) -> bytes:
    """The numbers of some lines in their file."""
    return record(NUMBERS, zlib.compress(struct.pack(f"<{len(numbers)}I", *numbers), 1))


def read_numbers(payload: bytes, count: int) -> list[int]:
    """The numbers of such a record, which must be so many."""
    unpack = zlib.decompressobj()
    try:
        data = unpack.decompress(payload, _COUNT.size * count + 1)
    except zlib.error:
        raise JournalError("the numbers of its lines cannot be unpacked") from None
    if len(data) != _COUNT.size * count or not unpack.eof:
        raise JournalError("the numbers of its lines are not whole")
    return list(struct.unpack(f"<{count}I", data))


_LONGEST_TEXT = 4096
# Nobody presses a key more often in one drawing.
MOST_TRIMS = 10_000
_STATES = ("paused", "resumed", "stopped", "done", "trim", "frame", "lost")
_FRAME_AXES = (3, 9)
_FARTHEST_MM = 100_000.0


@dataclass(frozen=True, slots=True)
class JournalState:
    """What a journal says.

    Attributes:
        path: the file. name: of the job. url: the port that was used. started: when, or empty.
        machine: the profile as it was then.
        lines: the program as it was sent; each line knows its number in the file that it came from.
        bound: everything before it is surely executed.
        taken: lines that were surely taken.
        may_sent: lines from here on were surely not sent.
        position: where the tool was reported last (x, y, pen in words of the controller), or None.
        done: whether the drawing was finished.
        last_event: such as ``paused``; empty while it draws.
        reason: why it stopped, where that is known.
        lifted: whether the pen was surely lifted when it stopped or paused.
        exact: whether nothing beyond the bound was drawn by then.
        place_lost: whether the machine has lost its place since.
        offset_mm: machine minus work position of each axis while it drew, or None if that was not told.
        frame: the stored work frame that was chosen, such as ``G54``, or empty.
        trims: from which lines on the pen was trimmed, and by how much.
        torn: whether the file ends in a broken record, as after a power cut.
        sound_bytes: length of the sound part.
    """

    path: Path
    name: str
    url: str
    started: str
    machine: MachineProfile
    lines: list[Line]
    bound: ProgressPoint
    taken: int
    may_sent: int
    position: tuple[float, float, float] | None
    done: bool
    last_event: str
    reason: str
    lifted: bool
    exact: bool
    place_lost: bool
    offset_mm: tuple[float, ...] | None
    frame: str
    trims: tuple[tuple[int, float], ...]
    torn: bool
    sound_bytes: int

    @property
    def where(self) -> str:
        """The line that is drawn next, with the last one, by their numbers in the file."""
        last = number_at(self.lines, len(self.lines))
        if self.bound.line >= len(self.lines):
            return f"the end of line {last}, the last one"
        return f"line {number_at(self.lines, self.bound.line)} of {last}"


def read_journal(path: Path) -> JournalState:
    """Reads and checks a journal.

    Raises:
        JournalError: if it cannot be read, is no journal, is damaged or too large.
    """
    data = _bytes(path)
    try:
        return _read(path, data)
    except JournalError as error:
        raise JournalError(f"The journal {path.name} cannot be used: {error}. Draw from the start.") from None
    except (ProgramError, ValueError, TypeError, KeyError, RecursionError) as error:
        text = " ".join(str(error).split())[:200]
        raise JournalError(
            f"The journal {path.name} cannot be used: it is damaged ({text.rstrip('.')}). "
            "Draw from the start."
        ) from None


def _bytes(path: Path) -> bytes:
    """The file's bytes; only of a plain file, so that no pipe or device is ever waited for."""
    try:
        if not path.is_file():
            raise JournalError(f"There is no journal {path}: see strokebot resume --list.")
        if path.stat().st_size > disk.MAX_FILE_BYTES:
            raise JournalError(f"{path.name} is larger than any journal: draw from the start.")
        with path.open("rb") as file:
            return file.read(disk.MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise JournalError(f"Cannot read the journal {path.name}: {error}.") from None


def _read(path: Path, data: bytes) -> JournalState:
    if not data.startswith(disk.MAGIC):
        raise JournalError("it is no journal of this program")
    header: Mapping[str, object] | None = None
    texts: list[str] = []
    numbers: dict[int, int] = {}  # of those lines that have another than their own place
    last_lines = 0
    room = sanitize.MAX_FILE_BYTES
    last = disk.JournalProgress(0, 0, 0.0, math.nan, math.nan, math.nan)
    may_sent = 0
    event: Mapping[str, object] = {}
    trims: list[tuple[int, float]] = []
    done = lost = False
    offset: tuple[float, ...] | None = None
    frame = ""
    end = len(disk.MAGIC)
    for kind, payload, end in disk.records(data):  # noqa: B007 - the last end is the sound length
        if kind == disk.HEADER and header is None:
            header = _table(payload)
        elif header is None:
            raise JournalError("it does not begin with a header")
        elif kind == disk.LINES:
            more = disk.read_lines(payload, room)
            room -= sum(map(len, more))
            last_lines = len(more)
            texts += more
        elif kind == disk.NUMBERS:
            first = len(texts) - last_lines
            numbers.update(enumerate(disk.read_numbers(payload, last_lines), start=first))
        elif kind == disk.MAY_SEND:
            may_sent = max(may_sent, disk.read_may_send(payload))
        elif kind == disk.PROGRESS:
            last = disk.read_progress(payload)
        elif kind == disk.EVENT:
            found = _event(payload)
            done = done or found["event"] == "done"
            if found["event"] == "trim":
                trims.append(_trim(found, trims))
            elif found["event"] == "frame":
                offset, frame = _frame(found)
            elif found["event"] == "lost":
                lost = True
            else:
                event = found
                lost = lost and found["event"] != "resumed"
        else:
            raise JournalError("it holds a record that this version does not know")
    if header is None:
        raise JournalError("it ends before its header")
    if header.get("format") != disk.FORMAT:
        raise JournalError(f"its format is {header.get('format')!r}, this version reads {disk.FORMAT}")
    machine = MachineProfile.from_table(_mapping(header, "machine"), path.name)
    lines = [parse(text, numbers.get(i, i + 1)) for i, text in enumerate(texts)]
    _check_program(header, lines)
    _check_progress(last, len(lines))
    if len(trims) > MOST_TRIMS or (trims and trims[-1][0] > len(lines)):
        raise JournalError("its trims lie outside its program")
    known = all(math.isfinite(v) for v in (last.x, last.y, last.pen))
    return JournalState(
        path=path,
        name=_text(header, "name"),
        url=_text(header, "url"),
        started=_text(header, "started"),
        machine=machine,
        lines=lines,
        bound=ProgressPoint(last.line, last.share),
        taken=last.taken,
        may_sent=min(max(may_sent, last.line), len(lines)),
        position=(last.x, last.y, last.pen) if known else None,
        done=done,
        last_event=str(event.get("event", "")),
        reason=str(event.get("reason", ""))[:_LONGEST_TEXT],
        lifted=event.get("lifted") is True,
        exact=event.get("exact") is True,
        place_lost=lost,
        offset_mm=offset,
        frame=frame,
        trims=tuple(trims),
        torn=end != len(data),
        sound_bytes=end,
    )


def _check_program(header: Mapping[str, object], lines: list[Line]) -> None:
    if header.get("lines") != len(lines) or header.get("sha256") != sha256_of(lines):
        raise JournalError("its program is not whole")
    sanitize.validate_lines(lines, "its program")


def _check_progress(last: disk.JournalProgress, count: int) -> None:
    if not (last.line <= count and last.taken <= count and 0.0 <= last.share < 1.0):
        raise JournalError("its progress lies outside its program")
    if last.line == count and last.share > 0.0:
        raise JournalError("its progress lies outside its program")


def sha256_of(lines: Sequence[str]) -> str:
    """Checksum of a program."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("ascii", "replace") + b"\n")
    return digest.hexdigest()


def _table(payload: bytes) -> Mapping[str, object]:
    table = json.loads(payload.decode("utf-8"))
    if not isinstance(table, dict):
        raise JournalError("its header is damaged")
    return table


def _event(payload: bytes) -> Mapping[str, object]:
    table = _table(payload)
    if table.get("event") not in _STATES:
        raise JournalError("it holds an event that this version does not know")
    return table


def _mapping(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    if not isinstance(value, dict):
        raise JournalError(f"its header has no {key}")
    return value


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise JournalError(f"its header has no proper {key}")
    return value


def _trim(event: Mapping[str, object], before: list[tuple[int, float]]) -> tuple[int, float]:
    """Line and trim of such an event; lines never go backwards."""
    line, trim = event.get("line"), event.get("trim")
    if isinstance(line, bool) or not isinstance(line, int) or line < (before[-1][0] if before else 0):
        raise JournalError("its trim names no line")
    if isinstance(trim, bool) or not isinstance(trim, int | float) or not math.isfinite(trim):
        raise JournalError("its trim is no number")
    return line, float(trim)


def _frame(event: Mapping[str, object]) -> tuple[tuple[float, ...] | None, str]:
    """Offset and name of a work frame."""
    offset, chosen = event.get("offset"), event.get("chosen")
    if not isinstance(chosen, str) or len(chosen) > len("G59.3") or not chosen.isascii():
        raise JournalError("its work frame has no proper name")
    if offset is None:
        return None, chosen
    if not isinstance(offset, list) or not _FRAME_AXES[0] <= len(offset) <= _FRAME_AXES[1]:
        raise JournalError("its work frame is damaged")
    values = [v for v in offset if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(values) < len(offset) or not all(abs(v) <= _FARTHEST_MM for v in values):
        raise JournalError("its work frame is damaged")
    return tuple(float(v) for v in values), chosen


def is_done(path: Path) -> bool:
    """Whether a journal says that its drawing was finished; False for what cannot be read."""
    try:
        data = _bytes(path)
        events = [_event(payload) for kind, payload, _ in disk.records(data) if kind == disk.EVENT]
    except (JournalError, ValueError, RecursionError):
        return False
    return data.startswith(disk.MAGIC) and any(event["event"] == "done" for event in events)


def is_locked(path: Path) -> bool:
    """Whether a drawing is writing to a journal now."""
    if os.name != "posix":
        return False
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
