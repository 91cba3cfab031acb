"""The journal on disk: records that check themselves, one after the other, never changed.

    file    = magic, header, lines..., then any of the others in order of time
    record  = kind (1 byte), length (4), crc-32 (4, of kind, length and payload), payload

    kind  payload
    H     JSON: format version, profile, port, name, number and sha-256 of the lines
    L     zlib: some lines of the program, joined by line feeds
    W     a number: lines below it may have been sent (written before they are)
    P     lines taken, the place that is surely executed, position of the tool
    E     JSON: paused, resumed, stopped with its reason, done

A record that is cut short or whose sum is wrong ends the reading: what comes before is true,
and as the bound only grows, an earlier one is merely more careful. Numbers are little-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_bridge.errors import HostError

MAGIC = b"strokebot journal\n"
FORMAT = 1
# The longest program is 64 MiB of text, which packs well; more is no journal of ours.
MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
# Lines in one record: about 100 kB of text, so that a writer never holds much.
LINES_PER_RECORD = 4096

HEADER, LINES, MAY_SEND, PROGRESS, EVENT = b"H", b"L", b"W", b"P", b"E"
_HEAD = struct.Struct("<cII")
_PROGRESS = struct.Struct("<IIdddd")
_COUNT = struct.Struct("<I")


class JournalError(HostError):
    """A journal cannot be written or read; the drawing itself may be fine."""


@dataclass(frozen=True, slots=True)
class Progress:
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


def progress_record(p: Progress) -> bytes:
    """Says how far the drawing is."""
    return record(PROGRESS, _PROGRESS.pack(p.taken, p.line, p.share, p.x, p.y, p.pen))


def read_progress(payload: bytes) -> Progress:
    """What such a record says; its place is checked against the program by the reader."""
    if len(payload) != _PROGRESS.size:
        raise JournalError("a record has a wrong length")
    return Progress(*_PROGRESS.unpack(payload))


def lines_record(lines: list[str]) -> bytes:
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
