"""G-code files as data: read, checked line by line, and refused where they are dangerous.

A drawing moves a pen. It has no business to write settings, to move the stored
origins, to reset the machine or to home it, so such lines are refused with their
number before anything is sent. A file may end with M2 or M30; that end mark is
dropped, since it also switches a servo pen off.

Comments never reach the wire: a ``!`` inside one would stop the machine.

A file is read in pieces. What is ready for the wire waits in an unnamed file that goes away with
it, so that a day of plotting takes no memory, and a file that is changed meanwhile changes nothing.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

from firmware_bridge.errors import ProgramError

# A page of handwriting is about 1 MB; 64 MiB is a day of plotting and still fits in memory.
MAX_FILE_BYTES = 64 * 1024 * 1024
# GRBL's line buffer, without its end mark. Spaces and comments do not count: they are not sent.
MAX_LINE_CHARS = 79

# Comments and spaces included; no sender writes longer ones.
MAX_RAW_CHARS = 4096
_READ_BYTES = 65536
# A smaller file needs no disk.
_IN_MEMORY_BYTES = 1 << 20
# Lines that are read back in one go.
_PAGE_LINES = 256

_WORD = re.compile(r"([A-Z])([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")
_LINE_END = re.compile(r"\r\n|\r|\n")
_END_OF_PROGRAM = {"M2", "M30"}
# word: why a drawing must not hold it
_REFUSED = {
    "G10": "writes a stored origin",
    "G28.1": "writes a stored position",
    "G30.1": "writes a stored position",
    "G28": "goes to a stored position that this program cannot check",
    "G30": "goes to a stored position that this program cannot check",
    "G38.2": "probes",
    "G38.3": "probes",
    "G38.4": "probes",
    "G38.5": "probes",
    "M112": "stops the machine at once",
    "M410": "stops the machine at once",
    "M428": "writes a stored origin",
    "M500": "writes settings",
    "M501": "reads settings anew",
    "M502": "resets settings",
    "M504": "writes settings",
    "M997": "updates the firmware",
    "M999": "restarts the machine",
}


class ReadyLines(Sequence[str]):
    """Checked lines on disk, as a sequence that holds one page of them in memory."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Stores lines; none may hold a line end."""
        # It lives as long as the lines do.
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
        self._starts = array("Q")
        self._count = 0
        self._page = -1
        self._lines: list[str] = []
        at = 0
        for line in lines:
            if self._count % _PAGE_LINES == 0:
                self._starts.append(at)
            at += self._file.write(line.encode("ascii") + b"\n")
            self._count += 1
        self._starts.append(at)

    def __del__(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError("no such line")
        page, row = divmod(at, _PAGE_LINES)
        if page != self._page:
            begin, end = self._starts[page], self._starts[min(page + 1, len(self._starts) - 1)]
            self._file.seek(begin)
            self._page, self._lines = page, self._file.read(end - begin).decode("ascii").split("\n")
        return self._lines[row]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def read_gcode(path: Path, max_bytes: int = MAX_FILE_BYTES) -> Sequence[str]:
    """Reads a G-code file as lines that are ready for the wire.

    Args:
        path: the file.
        max_bytes: greatest size that is read.

    Returns:
        Lines in upper case, without comments, spaces between words kept to one,
        empty lines left out.

    Raises:
        ProgramError: if the file cannot be read, is too large, or holds a line that
            is not G-code or does not belong in a drawing; names the line.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise ProgramError(f"{path} is larger than {max_bytes} bytes: split it into smaller drawings.")
        with path.open("rb") as file:
            return ReadyLines(_checked(_raw_lines(file, path.name), path.name))
    except OSError as error:
        raise ProgramError(f"Cannot read {path}: {error.strerror or error}.") from error


def _raw_lines(file: BinaryIO, where: str) -> Iterator[str]:
    """The lines of a file, whatever their ends, read in pieces."""
    rest, number = "", 0
    while data := file.read(_READ_BYTES):
        text = rest + data.decode("latin-1")
        held = text[-1:] if text.endswith("\r") else ""  # its LF may come with the next piece
        *lines, rest = _LINE_END.split(text[: len(text) - len(held)])
        rest += held
        for line in lines:
            number += 1
            yield line
        if len(rest) > MAX_RAW_CHARS:
            raise ProgramError(
                f"{where}, line {number + 1}: has more than {MAX_RAW_CHARS} characters: this is no G-code."
            )
    yield from _LINE_END.split(rest)


def validate_lines(lines: Iterable[str], where: str = "the program") -> list[str]:
    """Checks G-code lines and returns them ready for the wire; see ``read_gcode``.

    Raises:
        ProgramError: for the first line that is not acceptable; names its number.
    """
    return list(_checked(lines, where))


def _checked(lines: Iterable[str], where: str) -> Iterator[str]:
    ended_at: int | None = None
    for number, raw in enumerate(lines, start=1):
        words = _clean(raw, f"{where}, line {number}")
        if not words:
            continue
        if ended_at is not None:
            raise ProgramError(
                f"{where}, line {ended_at}: the program ends before line {number}: cut the file."
            )
        rest = [w for w in words if _normal(w) not in _END_OF_PROGRAM]
        if len(rest) < len(words):
            ended_at = number
        if rest:
            yield _fit(rest)


def _clean(raw: str, where: str) -> list[str]:
    """The words of one line in upper case, without comments."""
    text = _strip_comments(raw, where).strip()
    if not text or text == "%":  # a bare % only marks the ends of a tape file
        return []
    if not text.isascii() or any(c < " " and c != "\t" for c in text):
        raise ProgramError(f"{where}: holds a character that is not plain text: save it as plain G-code.")
    if text[0] == "$":
        raise ProgramError(f"{where}: '{_shown(text)}' is a setting or system command: remove it.")
    for char in "!?~":
        if char in text:
            raise ProgramError(
                f"{where}: holds '{char}', which the machine takes as a realtime order: remove it."
            )
    packed = "".join(text.split()).upper().lstrip("/")
    words: list[str] = []
    at = 0
    while at < len(packed):
        match = _WORD.match(packed, at)
        if match is None:
            raise ProgramError(f"{where}: '{_shown(packed[at:])}' is not G-code: correct or remove it.")
        words.append(match[0])
        reason = _REFUSED.get(_normal(match[0]))
        if reason is not None:
            raise ProgramError(f"{where}: {_normal(match[0])} {reason}: remove it from the drawing.")
        at = match.end()
    if len(packed) > MAX_LINE_CHARS:
        raise ProgramError(
            f"{where}: has {len(packed)} characters, the machine takes {MAX_LINE_CHARS}: split it."
        )
    return words


def _fit(words: list[str]) -> str:
    """Words with single spaces; without them where the line would become too long to send."""
    spaced = " ".join(words)
    return spaced if len(spaced) <= MAX_LINE_CHARS else "".join(words)


def _strip_comments(raw: str, where: str) -> str:
    """The line without ``(...)`` and ``;...``."""
    kept: list[str] = []
    inside = False
    for char in raw:
        if inside:
            inside = char != ")"
        elif char == "(":
            inside = True
        elif char == ";":
            break
        else:
            kept.append(char)
    if inside:
        raise ProgramError(f"{where}: a comment has no closing bracket: add it.")
    return "".join(kept)


def _normal(word: str) -> str:
    """A word with its number in the shortest form, so that G010. reads as G10."""
    letter, number = word[0], word[1:].lstrip("+")
    whole, _, part = number.partition(".")
    part = part.rstrip("0")
    return f"{letter}{whole.lstrip('0') or '0'}" + (f".{part}" if part else "")


def _shown(text: str) -> str:
    """The head of a doubtful text, safe to print in one line."""
    head = text[:20]
    return head.encode("ascii", "backslashreplace").decode("ascii")
