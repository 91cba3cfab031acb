"""What a line looks like as it goes out, when somebody has trimmed the pen.

Nouns:
    trim     what is added to the pen's values on the paper (its units); travels stay as high as they are
    change   from one line of the program on, a trim holds
    carrier  the first line that moves after a change: it is given the new value if it names none, so
             that the pen goes there on its way

A line has one shape, which follows from the program and the changes alone. So a journal that keeps
the changes knows to the byte what was sent, and a resumed drawing goes on at the same height.

A trimmed value stays within the pen's range, and below half the way up, so that what is drawn stays
drawn and what is lifted stays lifted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.gcode.pen_words import PenWords, may_move, pen_word, pen_words_of
from firmware_bridge.gcode.words import Line
from firmware_bridge.machine import MachineProfile

# A pen within this much of the value of travels is up.
_UP_SLACK = 1e-6
# Longer lines would not fit GRBL's buffer.
_LONGEST = 79


@dataclass(frozen=True, slots=True)
class TrimChange:
    """From ``line`` on the trim holds; ``carrier`` is given this value of the pen if it names none."""

    line: int
    trim: float
    carrier: int
    digits: str


class PenTrim:
    """Shapes the lines of one program.

    Attributes:
        lines: the program as it was written.
        changes: in order of lines.
    """

    def __init__(self, lines: Sequence[Line], machine: MachineProfile, pen_up: Callable[[], float]) -> None:
        """Prepares.

        Args:
            lines: the program.
            machine: the profile.
            pen_up: tells the pen's value on travels; only asked once there is a change.
        """
        self.lines = lines
        self.changes: list[TrimChange] = []
        self._starts: list[int] = []
        self._machine = machine
        self._pen_up = pen_up
        self._servo = machine.pen_actuator == "servo"
        self._kind = pen_words_of(machine)
        self._letter = "S" if self._servo else "Z"
        words = dialect_of(machine.dialect).words
        self._decimals = words.servo_decimals if self._servo else words.pen_decimals

    @property
    def trim(self) -> float:
        """The last trim."""
        return self.changes[-1].trim if self.changes else 0.0

    def change(self, line: int, trim: float) -> TrimChange:
        """Makes a trim hold from a line on; lines must not go backwards.

        A change at the same line replaces the one before it.
        """
        if self.changes and self.changes[-1].line >= line:
            line = self.changes[-1].line
            self.changes.pop()
            self._starts.pop()
        pen = self._pen_before(line)
        carrier, digits = -1, ""
        if pen is not None and self._kind is not PenWords.M280 and not self._is_up(pen):
            carrier = next((i for i in range(line, len(self.lines)) if _moves(self.lines[i])), -1)
            digits = self._number(self._shifted(pen, trim))
        found = TrimChange(line, trim, carrier, digits)
        self.changes.append(found)
        self._starts.append(line)
        return found

    def shape(self, index: int) -> Line:
        """A line as it goes out."""
        line = self.lines[index]
        if not self._starts:
            return line
        at = bisect_right(self._starts, index) - 1
        if at < 0:
            return line
        change = self.changes[at]
        word = pen_word(line, self._kind)
        if word >= 0:
            value = line.words[word].number
            if self._is_up(value):
                return line
            return line.replaced(word, self._number(self._shifted(value, change.trim)))
        if index == change.carrier:
            return _fitting(line, self._letter, change.digits)
        return line

    def _pen_before(self, line: int) -> float | None:
        """The pen's value, as written, after all lines before one."""
        for index in range(line - 1, -1, -1):
            word = pen_word(self.lines[index], self._kind)
            if word >= 0:
                return self.lines[index].words[word].number
        return None

    def _is_up(self, value: float) -> bool:
        up = self._pen_up()
        return abs(value - up) <= _UP_SLACK if self._servo else value >= up - _UP_SLACK

    def _shifted(self, value: float, trim: float) -> float:
        box, half = self._machine.envelope, 0.5 * (value + self._pen_up())
        low, high = (box.pen_min, half) if half > value else (half, box.pen_max)
        # A value that lies outside already stays where it is.
        return min(max(value + trim, min(low, value)), max(high, value))

    def _number(self, value: float) -> str:
        return decimal(value, self._decimals)


def _moves(line: Line) -> bool:
    return line.first("XY") >= 0 and may_move(line)


def _fitting(line: Line, letter: str, digits: str) -> Line:
    """A line with one more word, without blanks where it would be too long; as it was if it still is."""
    longer = line.with_word(letter, digits)
    if len(longer) > _LONGEST:
        longer = longer.packed()
    return longer if len(longer) <= _LONGEST else line


class TrimmedLines(Sequence[Line]):
    """The program as it goes out, line by line."""

    def __init__(self, shaper: PenTrim) -> None:
        self._shaper = shaper

    def __len__(self) -> int:
        return len(self._shaper.lines)

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self._shaper.shape(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError("no such line")
        return self._shaper.shape(index % len(self))
