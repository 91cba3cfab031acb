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

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.machine import MachineProfile

# A pen within this much of the value of travels is up.
_UP_SLACK = 1e-6
# Longer lines would not fit GRBL's buffer.
_LONGEST = 79
_AXIS = re.compile(r"[XY]")
_SETTLES = re.compile(r"G0*4(?![0-9])|M")


@dataclass(frozen=True, slots=True)
class TrimChange:
    """From ``line`` on the trim holds; ``carrier`` is given ``word`` if it names no value."""

    line: int
    trim: float
    carrier: int
    word: str


class PenTrim:
    """Shapes the lines of one program.

    Attributes:
        lines: the program as it was written.
        changes: in order of lines.
    """

    def __init__(self, lines: Sequence[str], machine: MachineProfile, pen_up: Callable[[], float]) -> None:
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
        letter = "S" if self._servo else "Z"
        self._word = re.compile(rf"{letter}\s*([+-]?[0-9]*\.?[0-9]+|[+-]?[0-9]+\.)")
        self._letter = letter
        words = dialect_of(machine.dialect).words
        self._by_m280 = self._servo and words.servo_word == "M280"
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
        carrier, word = -1, ""
        if pen is not None and not self._by_m280 and not self._is_up(pen):
            carrier = next((i for i in range(line, len(self.lines)) if self._moves(self.lines[i])), -1)
            word = f" {self._letter}{self._number(self._shifted(pen, trim))}"
        found = TrimChange(line, trim, carrier, word)
        self.changes.append(found)
        self._starts.append(line)
        return found

    def shape(self, index: int) -> str:
        """A line as it goes out."""
        line = self.lines[index]
        if not self._starts:
            return line
        at = bisect_right(self._starts, index) - 1
        if at < 0:
            return line
        change = self.changes[at]
        match = self._word.search(line)
        if match is not None:
            if _SETTLES.match(line) and not self._names_pen(line):
                return line
            value = float(match[1])
            if self._is_up(value):
                return line
            written = self._number(self._shifted(value, change.trim))
            return f"{line[: match.start()]}{self._letter}{written}{line[match.end() :]}"
        if index == change.carrier:
            return _fitting(line, change.word)
        return line

    def _names_pen(self, line: str) -> bool:
        """Whether the word of a line that begins with M, or that dwells, is the pen's."""
        if not self._servo:
            return False
        return line.startswith("M280") if self._by_m280 else bool(re.match(r"M0*[34](?![0-9])", line))

    def _moves(self, line: str) -> bool:
        return bool(_AXIS.search(line)) and not _SETTLES.match(line)

    def _pen_before(self, line: int) -> float | None:
        """The pen's value, as written, after all lines before one."""
        for index in range(line - 1, -1, -1):
            text = self.lines[index]
            match = self._word.search(text)
            if match is not None and (self._names_pen(text) or not _SETTLES.match(text)):
                return float(match[1])
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


def _fitting(line: str, word: str) -> str:
    """A line with one more word, without blanks where it would be too long; as it was if it still is."""
    longer = line + word
    if len(longer) > _LONGEST:
        longer = longer.replace(" ", "")
    return longer if len(longer) <= _LONGEST else line


class TrimmedLines(Sequence[str]):
    """The program as it goes out, line by line."""

    def __init__(self, shaper: PenTrim) -> None:
        self._shaper = shaper

    def __len__(self) -> int:
        return len(self._shaper.lines)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._shaper.shape(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError("no such line")
        return self._shaper.shape(index % len(self))
