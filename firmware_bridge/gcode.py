"""G-code files as data: read, checked line by line, and refused where they are dangerous.

A drawing moves a pen. It has no business to write settings, to move the stored
origins, to reset the machine or to home it, so such lines are refused with their
number before anything is sent. A file may end with M2 or M30; that end mark is
dropped, since it also switches a servo pen off.

Comments never reach the wire: a ``!`` inside one would stop the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from firmware_bridge.errors import ProgramError

# A page of handwriting is about 1 MB; 64 MiB is a day of plotting and still fits in memory.
MAX_FILE_BYTES = 64 * 1024 * 1024
# GRBL's line buffer, without its end mark. Spaces and comments do not count: they are not sent.
MAX_LINE_CHARS = 79

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


def read_gcode(path: Path, max_bytes: int = MAX_FILE_BYTES) -> list[str]:
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
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise ProgramError(f"Cannot read {path}: {error.strerror or error}.") from error
    return validate_lines(_LINE_END.split(text), path.name)


def validate_lines(lines: Iterable[str], where: str = "the program") -> list[str]:
    """Checks G-code lines and returns them ready for the wire; see ``read_gcode``.

    Raises:
        ProgramError: for the first line that is not acceptable; names its number.
    """
    out: list[str] = []
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
            out.append(_fit(rest))
    return out


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
