"""The grammar of a line of G-code: the one place where letters and numbers are told apart.

Nouns:
    word      a letter and its number, such as X10.5
    line      a text that knows its words; it is parsed once and travels as this value
    margin    what stands around the words: a line number, a checksum, comments and the like

    line     = ["/"] ["N" integer] {word} ["*" integer]   or   "$" anything   or   "%"
    word     = letter [number]                            a firmware or a check may want the number
    number   = ["+" | "-"] (digits ["." [digits]] | "." digits)
    comment  = "(" anything but ")" ")"   or   ";" anything to the end

Letters may be small, and blanks stand anywhere, even in a number. A few M words are followed by a
text (``M117 Hello``), which is no words. What a line may hold, and what it means, is said elsewhere:
``sanitize`` for a file that is sent, each virtual controller for what comes over its wire.

Source: RS274/NGC (Kramer, Proctor, Messina, NISTIR 6556, section 3), and what GRBL 1.1 and Marlin 2
add to it: ``$`` lines, realtime characters, line numbers with a checksum.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, NoReturn

# GRBL takes these out of its input wherever they stand; bytes above ASCII are realtime too.
REALTIME_CHARS = "!?~"
DWELL = 4.0
# A longer rest in a drawing is a wrong unit, or somebody is to change the paper.
LONG_DWELL_S = 30.0
_MOTIONS = (0.0, 1.0, 2.0, 3.0)
# Marlin: a name of a file, or a message, up to the end of the line.
_TEXT_CODES = (23.0, 28.0, 32.0, 117.0, 118.0, 928.0)

# What nearly every line is: capitals and numbers, at most one blank between words.
_PLAIN = re.compile(r"(?:[A-Z][+-]?[0-9.]+ ?)+")
_PLAIN_WORD = re.compile(r"([A-Z])([^A-Z ]+)")
_WORD = re.compile(r"[ \t]*([A-Z])[ \t]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))?")
_COMMENT = re.compile(r"\(([^)]*)(\)?)|;(.*)", re.DOTALL)
_NUMBERED = re.compile(r"[ \t]*N[ \t]*([+-]?[0-9]{1,18})(?:\.[0-9]*)?")
_SUMMED = re.compile(r"(.*)\*[ \t]*([0-9]{1,9})[ \t]*", re.DOTALL)
_WITH_TEXT = re.compile(r"[ \t]*M[ \t]*0*([0-9]{2,3})(?![0-9.])[ \t]*")
# A word in a text as it was written, a comment, or a checksum: to find the place of a word.
_PLACE = re.compile(r"\([^)]*\)?|;.*|\*.*|([A-Za-z](?:[ \t]*[+-])?(?:[ \t]*[0-9.])*)", re.DOTALL)
_BLANKS = str.maketrans("", "", " \t")
# Letters beyond ASCII have capitals within it, so ``str.upper`` would make words of them.
_CAPITALS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Word(NamedTuple):
    """A letter and its number.

    Attributes:
        letter: a capital.
        number: its value; nan where none is written.
        digits: the number as it is written, without blanks.
    """

    letter: str
    number: float
    digits: str

    def __str__(self) -> str:
        return self.letter + self.digits

    @property
    def code(self) -> str:
        """The word with its number in the shortest form, so that G010. reads as G10."""
        number = self.number
        if number != number:
            return self.letter
        return f"{self.letter}{int(number)}" if number.is_integer() else f"{self.letter}{number:.10g}"


@dataclass(frozen=True, slots=True)
class Margin:
    """What stands around the words of a line.

    Attributes:
        number: the line number N at its head, or None.
        checksum: the number after ``*``, or None.
        comments: the texts of its comments.
        unclosed: whether a comment has no closing bracket.
        deleted: whether it begins with a ``/``, which asks a control to leave it out where a switch says so.
        tape_mark: whether it is a bare ``%``, which marks the ends of a tape.
        system: a ``$`` line without blanks, in capitals; else empty.
        message: the text of an M word that takes one.
        realtime: the realtime characters outside of comments.
        unread: what follows the words and is none.
    """

    number: int | None = None
    checksum: int | None = None
    comments: tuple[str, ...] = ()
    unclosed: bool = False
    deleted: bool = False
    tape_mark: bool = False
    system: str = ""
    message: str = ""
    realtime: str = ""
    unread: str = ""


_NO_MARGIN = Margin()


class Line(str):
    """One line as it is written: a text that knows its words. Frozen, and equal to its text.

    It is a ``str``, so that whoever only carries, counts or sends lines needs to know nothing of words.

    Attributes:
        words: in order, without the line number at the head.
        margin: what stands around them.
        file_line: its number in the file that it came from, from 1; 0 where it came from none.
    """

    __slots__ = ("file_line", "margin", "words")
    words: tuple[Word, ...]
    margin: Margin
    file_line: int

    def __getattr__(self, name: str) -> object:
        """The words of a line that was stored, read when they are first asked for."""
        if name not in ("words", "margin"):
            raise AttributeError(name)
        found = parse(self)
        _set_words(self, found.words)
        _set_margin(self, found.margin)
        return getattr(found, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a line is frozen: its {name} cannot be set")

    def __reduce__(self) -> tuple[object, ...]:
        return _line, (str(self), self.words, self.margin, self.file_line)

    @property
    def plain(self) -> str:
        """Its words alone, one blank between them."""
        return " ".join([letter + digits for letter, _, digits in self.words])

    @property
    def is_plain(self) -> bool:
        """Whether nothing stands around its words."""
        return self.margin is _NO_MARGIN

    @property
    def command(self) -> str:
        """What is written between its line number and its checksum."""
        begin = _NUMBERED.match(self.translate(_CAPITALS)) if self.margin.number is not None else None
        end = self.rindex("*") if self.margin.checksum is not None else len(self)
        return self[0 if begin is None else begin.end() : end].strip(" \t")

    def has(self, letter: str, number: float) -> bool:
        """Whether one of its words is this."""
        return any(n == number and a == letter for a, n, _ in self.words)

    def first(self, letters: str) -> int:
        """Index of the first word with one of these letters; -1 if there is none."""
        return next((i for i, word in enumerate(self.words) if word[0] in letters), -1)

    def replaced(self, at: int, digits: str) -> Line:
        """The same with another number in one of its words; everything else stays to the character.

        A checksum is left out, since it would be wrong.
        """
        spans = [m.span(1) for m in _PLACE.finditer(self) if m[1]]
        begin, end = spans[at + (self.margin.number is not None)]
        old = self.words[at]
        word = Word(old.letter, float(digits), digits)
        text = self[:begin] + word.letter + digits + self[end:]
        margin = self.margin
        if margin.checksum is not None:
            text, margin = text[: text.rindex("*")], replace(margin, checksum=None)
        return _line(text, (*self.words[:at], word, *self.words[at + 1 :]), margin, self.file_line)

    def with_word(self, letter: str, digits: str, first: bool = False) -> Line:
        """Its words with one more at the end, or at the head."""
        word = Word(letter, float(digits), digits)
        words = (word, *self.words) if first else (*self.words, word)
        text = self if self.margin is _NO_MARGIN else self.plain
        added = f"{letter}{digits}"
        return _line(f"{added} {text}" if first else f"{text} {added}", words, _NO_MARGIN, self.file_line)

    def packed(self) -> Line:
        """Its words without blanks."""
        return _line("".join(map(str, self.words)), self.words, _NO_MARGIN, self.file_line)

    def bare(self) -> Line:
        """Its words alone, one blank between them: what stands around them is dropped."""
        plain = self.plain
        if self == plain and self.margin is _NO_MARGIN:
            return self
        return _line(plain, self.words, _NO_MARGIN, self.file_line)


_set_words = Line.words.__set__  # type: ignore[attr-defined]
_set_margin = Line.margin.__set__  # type: ignore[attr-defined]
_set_file_line = Line.file_line.__set__  # type: ignore[attr-defined]
_new_str, _new_tuple = str.__new__, tuple.__new__
# Words that come again and again, such as G1 and feeds, are kept: one object each.
_FREQUENT: dict[tuple[str, str], Word] = {}
_MOST_FREQUENT = 4096


def _word(pair: tuple[str, str]) -> Word:
    """A word that is not kept yet, of its letter and its digits."""
    letter, digits = pair
    word = _new_tuple(Word, (letter, float(digits), digits))
    if letter in "GMFSP" and len(_FREQUENT) < _MOST_FREQUENT:
        _FREQUENT[pair] = word
    return word


def _line(text: str, words: tuple[Word, ...], margin: Margin, file_line: int) -> Line:
    line = _new_str(Line, text)
    _set_words(line, words)
    _set_margin(line, margin)
    _set_file_line(line, file_line)
    return line


def parse(text: str, file_line: int = 0, rs274: bool = True) -> Line:
    """Reads one line, whatever it holds: what is no word is kept as ``margin.unread``.

    Args:
        text: without its line end.
        file_line: its number in its file, from 1; 0 if it comes from none.
        rs274: whether blanks may stand in numbers and brackets hold comments; False for Marlin.
    """
    if _PLAIN.fullmatch(text) is not None and text[0] != "N":
        try:
            words = tuple([_FREQUENT.get(pair) or _word(pair) for pair in _PLAIN_WORD.findall(text)])
        except ValueError:  # more than one point in a number
            return _read(text, file_line, rs274)
        if words[0][0] != "M" or words[0][1] not in _TEXT_CODES:
            return _line(text, words, _NO_MARGIN, file_line)
    return _read(text, file_line, rs274)


def stored(text: str, file_line: int) -> Line:
    """A line that was parsed before and kept as its text: its words are read when somebody asks for them."""
    line = _new_str(Line, text)
    _set_file_line(line, file_line)
    return line


def parse_lines(texts: Iterable[str]) -> list[Line]:
    """Lines of one program; those that were parsed already stay what they are, the others are numbered."""
    return [t if isinstance(t, Line) else parse(t, i) for i, t in enumerate(texts, start=1)]


def file_line(line: str, index: int) -> int:
    """How people know a line: its number in its file, or its place in the program if it has none."""
    return (line.file_line if isinstance(line, Line) else 0) or index + 1


def number_at(lines: Sequence[str], index: int) -> int:
    """The number in its file of the line at an index of a program; of its last line if there are no more."""
    at = min(index, len(lines) - 1)
    return file_line(lines[at], at) if at >= 0 else 1


def dwell_s(line: Line, units_s: Mapping[str, float]) -> float | None:
    """How long a line makes the machine rest; None if it is no dwell.

    Args:
        line: any line.
        units_s: the unit of each letter that tells the time, as the dialect says; the first that is
            given counts.
    """
    if not line.has("G", DWELL):
        return None
    given = {letter: number for letter, number, _ in line.words}
    told = (given[letter] * unit_s for letter, unit_s in units_s.items() if letter in given)
    return next((time_s for time_s in told if math.isfinite(time_s)), 0.0)


def long_dwell(line: Line, rest_s: float) -> tuple[str, str]:
    """What to say of a dwell that is longer than anybody means, and what to do."""
    word = next((w for w in line.words if w.letter in "PS" and w.number == rest_s), None)
    if word is None:
        return f"a rest of {rest_s:g} s (G4)", "correct it if it was not meant"
    what = f"a rest of {rest_s:g} s, since {word.letter} of G4 counts seconds here"
    return what, f"write {word.letter}{rest_s / 1000.0:g} if ms were meant"


def motion_word(line: Line) -> Word | None:
    """The word that says how a line moves (G0 to G3), or None."""
    return next((w for w in line.words if w[0] == "G" and w[1] in _MOTIONS), None)


def _read(text: str, number: int, rs274: bool) -> Line:
    """Any line, the slow and thorough way."""
    comments: list[str] = []
    unclosed = False

    def drop(match: re.Match[str]) -> str:
        nonlocal unclosed
        if match[3] is None and not rs274:
            return match[0]
        comments.append(match[1] if match[3] is None else match[3])
        unclosed = unclosed or (match[3] is None and not match[2])
        return ""

    body = _COMMENT.sub(drop, text).strip(" \t")
    told = tuple(comments)
    if body == "%":
        return _line(text, (), Margin(comments=told, unclosed=unclosed, tape_mark=True), number)
    if body.startswith("$"):
        system = body.translate(_BLANKS).translate(_CAPITALS)
        return _line(text, (), Margin(comments=told, unclosed=unclosed, system=system), number)
    realtime = "".join(c for c in body if c in REALTIME_CHARS)
    deleted = body.startswith("/")
    body = body.lstrip("/")
    summed = _SUMMED.fullmatch(body)
    if summed is not None:
        body = summed[1]
    code = body.translate(_CAPITALS)  # of the same length
    head = _NUMBERED.match(code)
    begin = 0 if head is None else head.end()
    message = ""
    texts = _WITH_TEXT.match(code, begin)
    if texts is not None and float(texts[1]) in _TEXT_CODES:
        message, code = body[texts.end() :], code[: texts.end()]
    code = code[begin:]
    words, unread = _words(code.translate(_BLANKS) if rs274 else code)
    margin = Margin(
        None if head is None else int(head[1]),
        None if summed is None else int(summed[2]),
        told,
        unclosed,
        deleted,
        False,
        "",
        message,
        realtime,
        unread,
    )
    return _line(text, words, _NO_MARGIN if margin == _NO_MARGIN else margin, number)


def _words(body: str) -> tuple[tuple[Word, ...], str]:
    """The words at the head of a text in capitals, and what follows them."""
    words: list[Word] = []
    at = 0
    while (match := _WORD.match(body, at)) is not None:
        digits = match[2] or ""
        words.append(Word(match[1], float(digits) if digits else math.nan, digits))
        at = match.end()
    return tuple(words), body[at:].strip(" \t")
