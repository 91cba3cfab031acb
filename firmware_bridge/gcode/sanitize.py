"""G-code files as data: read, checked line by line, and refused where they are dangerous.

A drawing moves a pen. It has no business to write settings, to move the stored
origins, to reset the machine or to home it, so such lines are refused with their
number before anything is sent. A file may end with M2 or M30; that end mark is
dropped, since it also switches a servo pen off.

Comments never reach the wire: a ``!`` inside one would stop the machine. Nor do the line numbers and
checksums of the file, since whoever numbers lines on the wire numbers them anew.

A file is read in pieces. What is ready for the wire waits in an unnamed file that goes away with
it, so that a day of plotting takes no memory, and a file that is changed meanwhile changes nothing.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

from firmware_bridge.dialects.base import checksum
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.words import Line, file_line, parse, parse_lines, stored

# A page of handwriting is about 1 MB; 64 MiB is a day of plotting and still fits in memory.
MAX_FILE_BYTES = 64 * 1024 * 1024
# GRBL's line buffer, without its end mark. Spaces and comments do not count: they are not sent.
MAX_LINE_CHARS = 79

# Comments and spaces included; no sender writes longer ones.
MAX_RAW_CHARS = 4096
_READ_BYTES = 65536
# A smaller file needs no disk.
_IN_MEMORY_BYTES = 1 << 20
# Lines that are read back in one go, and how many such pages are kept.
_PAGE_LINES = 256
_KEPT_PAGES = 4

_LINE_END = re.compile(r"\r\n|\r|\n")
# Written by some editors at the head of a file; as bytes that are read one by one.
_BOM = "\xef\xbb\xbf"
_WIDE_BOMS = ("\xff\xfe", "\xfe\xff")
_END_OF_PROGRAM = (2.0, 30.0)
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
# The same by letter and number, which is faster to look up for every word of a file.
_REFUSED_WORDS = {(code[0], float(code[1:])): why for code, why in _REFUSED.items()}


class ReadyLines(Sequence[Line]):
    """Checked lines on disk, as a sequence that holds the pages in memory that were used last."""

    def __init__(self, lines: Iterable[Line]) -> None:
        """Stores lines; none may hold a line end, nor anything but plain words."""
        # It lives as long as the lines do.
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
        self._starts = array("Q")
        self._count = 0
        self._pages: OrderedDict[int, list[Line]] = OrderedDict()
        at = 0
        for line in lines:
            page, row = divmod(self._count, _PAGE_LINES)
            if not row:
                self._starts.append(at)
            if page < _KEPT_PAGES:
                self._pages.setdefault(page, []).append(line)
            at += self._file.write(f"{line.file_line} {line}\n".encode("ascii"))
            self._count += 1
        self._starts.append(at)

    def __del__(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError("no such line")
        page, row = divmod(at, _PAGE_LINES)
        return self._page(page)[row]

    def __iter__(self) -> Iterator[Line]:
        for page in range(len(self._starts) - 1):
            yield from self._page(page)

    def _page(self, page: int) -> list[Line]:
        lines = self._pages.get(page)
        if lines is not None:
            self._pages.move_to_end(page)
            return lines
        begin, end = self._starts[page], self._starts[page + 1]
        self._file.seek(begin)
        rows = self._file.read(end - begin).decode("ascii").splitlines()
        lines = [stored(text, int(number)) for number, _, text in (row.partition(" ") for row in rows)]
        self._pages[page] = lines
        if len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)
        return lines

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def read_gcode(path: Path, max_bytes: int = MAX_FILE_BYTES) -> Sequence[Line]:
    """Reads a G-code file as lines that are ready for the wire.

    Args:
        path: the file.
        max_bytes: greatest size that is read.

    Returns:
        Lines in upper case, without comments, spaces between words kept to one, empty lines left out;
        each knows its number in the file.

    Raises:
        ProgramError: if the file cannot be read, is too large, or holds a line that
            is not G-code or does not belong in a drawing; names the line.
    """
    return ReadyLines(_checked(file_lines(path, max_bytes), path.name))


def _raw_lines(file: BinaryIO, where: str) -> Iterator[str]:
    """The lines of a file, whatever their ends, read in pieces; a byte order mark is left out."""
    rest, number, first = "", 0, True
    while data := file.read(_READ_BYTES):
        text = rest + data.decode("latin-1")
        if first:
            first = False
            if text.startswith(_WIDE_BOMS):
                raise ProgramError(
                    f"{where} is UTF-16 text, as its byte order mark says: save it as plain text (UTF-8)."
                )
            text = text.removeprefix(_BOM)
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


def file_lines(path: Path, max_bytes: int = MAX_FILE_BYTES) -> Iterator[Line]:
    """The lines of a file as they are, read in pieces; each knows its number.

    Raises:
        ProgramError: if the file cannot be read, is too large or is no text.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise ProgramError(f"{path} is larger than {max_bytes} bytes: split it into smaller drawings.")
        with path.open("rb") as file:
            for number, text in enumerate(_raw_lines(file, path.name), start=1):
                yield parse(text, number)
    except OSError as error:
        raise ProgramError(f"Cannot read {path}: {error.strerror or error}.") from error


def validate_lines(lines: Iterable[str], where: str = "the program") -> list[Line]:
    """Checks G-code lines and returns them ready for the wire; see ``read_gcode``.

    Raises:
        ProgramError: for the first line that is not acceptable; names its number.
    """
    return list(_checked(parse_lines(lines), where))


def _checked(lines: Iterable[Line], where: str) -> Iterator[Line]:
    ended_at: int | None = None
    for index, raw in enumerate(lines):
        number = file_line(raw, index)
        line = _clean(raw, f"{where}, line {number}")
        if not line.words:
            continue
        if ended_at is not None:
            raise ProgramError(
                f"{where}, line {ended_at}: the program ends before line {number}: cut the file."
            )
        if _ends(line):
            ended_at = number
            line = _without_end(line)
            if not line.words:
                continue
        yield line if len(line) <= MAX_LINE_CHARS else line.packed()


def _ends(line: Line) -> bool:
    """Whether a line holds the end mark of a program."""
    return any(letter == "M" and number in _END_OF_PROGRAM for letter, number, _ in line.words)


def _without_end(line: Line) -> Line:
    kept = [str(word) for word in line.words if not (word.letter == "M" and word.number in _END_OF_PROGRAM)]
    return parse(" ".join(kept), line.file_line)


def _clean(line: Line, where: str) -> Line:
    """One line without comments, line number and checksum.

    Raises:
        ProgramError: if it is no G-code, or does not belong in a drawing.
    """
    if not line.is_plain:
        require_plain(line, where)
        if line.margin.system:
            raise ProgramError(
                f"{where}: '{shown(line.margin.system)}' is a setting or system command: remove it."
            )
        for char in line.margin.realtime:
            raise ProgramError(
                f"{where}: holds '{char}', which the machine takes as a realtime order: remove it."
            )
    for letter, number, _ in line.words:
        if letter in "GM" and (letter, number) in _REFUSED_WORDS:
            code = f"{letter}{number:g}"
            raise ProgramError(f"{where}: {code} {_REFUSED[code]}: remove it from the drawing.")
    require_words(line, where)
    cleaned = line.bare()
    length = len(cleaned) - len(cleaned.words) + 1  # its blanks may be left out
    if length > MAX_LINE_CHARS:
        raise ProgramError(f"{where}: has {length} characters, the machine takes {MAX_LINE_CHARS}: split it.")
    return cleaned


def require_plain(line: Line, where: str, closed: bool = True) -> None:
    """Passes a line that is plain text, comments and messages apart, and whose checksum is right.

    Args:
        line: any line.
        where: its place, for people.
        closed: whether its comments must have closing brackets.

    Raises:
        ProgramError: otherwise.
    """
    margin = line.margin
    if margin.unclosed and closed:
        raise ProgramError(f"{where}: a comment has no closing bracket: add it.")
    if not (margin.unread + margin.system).isascii() or any(c < " " for c in margin.unread + margin.system):
        what = "a byte order mark (BOM)" if _BOM in margin.unread else "a character that is not plain text"
        raise ProgramError(f"{where}: holds {what}: save it as plain G-code.")
    if margin.checksum is not None and margin.checksum != checksum(line[: line.rindex("*")]):
        raise ProgramError(f"{where}: its checksum *{margin.checksum} does not fit: the file is damaged.")


def require_words(line: Line, where: str) -> None:
    """Passes a line of which every letter has a number, and that holds nothing else.

    Raises:
        ProgramError: otherwise.
    """
    bare = -1
    for i, word in enumerate(line.words):
        if word[1] != word[1]:
            bare = i
            break
    if bare >= 0 or line.margin.unread:
        text = "".join(map(str, line.words[bare:] if bare >= 0 else ())) + line.margin.unread
        raise ProgramError(f"{where}: '{shown(text)}' is not G-code: correct or remove it.")
    if line.margin.message:
        raise ProgramError(f"{where}: {line.words[0].code} takes a text and draws nothing: remove it.")


def shown(text: str) -> str:
    """The head of a doubtful text, safe to print in one line."""
    head = text[:20]
    return head.encode("ascii", "backslashreplace").decode("ascii")
