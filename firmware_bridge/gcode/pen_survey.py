"""Which words move the pen in a file, and which of their values are up and down.

Nouns:
    in force  the value that a kind of pen word has told last; S is 0 while the spindle is off
    up        the value in force at the first move in x and y, since every drawing begins with a travel; if
              none was told by then, the last one of the file
    down      of the other values, the one over whose moves the tool goes farthest

A file is written for one machine, and what its pen is moved by is nowhere said. A kind of word moves the
pen if its value in force changes between moves in x and y; a spindle that runs all the time is none.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.gcode.pen_words import PenWords, pen_word
from firmware_bridge.gcode.reader import ToolpathReader, length_xy
from firmware_bridge.gcode.words import Line
from firmware_bridge.machine import MachineProfile

_SPINNING = (3.0, 4.0)
_STILL = 5.0
_WORDS = {PenWords.Z: "Z", PenWords.SPINDLE: "S", PenWords.M280: "M280 S", PenWords.M300: "M300 S"}


@dataclass
class PenSurvey:
    """What was seen.

    Attributes:
        ways_mm: of each kind, the way in x and y at each value.
        first: of each kind, the value in force at the first move in x and y; nan if none was told.
        last: of each kind, the last value.
    """

    ways_mm: dict[PenWords, dict[float, float]] = field(default_factory=dict)
    first: dict[PenWords, float] = field(default_factory=dict)
    last: dict[PenWords, float] = field(default_factory=dict)

    def up_down(self, kind: PenWords) -> tuple[float, float] | None:
        """The values that lift and lower the pen, or None if this kind moves none."""
        ways, up = self.ways_mm.get(kind, {}), self.first.get(kind)
        if up is not None and math.isnan(up):
            up = self.last.get(kind)
        others = {value: way for value, way in ways.items() if value != up}
        if up is None or not others:
            return None
        return up, max(others, key=lambda value: (others[value], -value))

    def kinds(self) -> list[PenWords]:
        """The kinds of words that move a pen."""
        return [kind for kind in PenWords if self.up_down(kind) is not None]

    def describe(self, kind: PenWords) -> str:
        """A kind with its values, for people."""
        found = self.up_down(kind)
        if found is None:
            return str(kind)
        up, down = found
        word = _WORDS[kind]
        return f"{word}{up:g} (up) and {word}{down:g} (down)"


def survey(lines: Iterable[Line], machine: MachineProfile) -> PenSurvey:
    """Reads lines for the words of their pen.

    Args:
        lines: in order; what no reader knows is passed over.
        machine: tells the firmware that they are for.

    Raises:
        ProgramError: if an arc does not fit its ends.
    """
    found = PenSurvey()
    reader = ToolpathReader(dataclasses.replace(machine.as_controller(), pen_actuator="z"))
    now: dict[PenWords, float] = {}
    s, spinning = 0.0, False
    for line in lines:
        for kind in (PenWords.M280, PenWords.M300):
            at = pen_word(line, kind)
            if at >= 0:
                now[kind] = found.last[kind] = line.words[at].number
        at = pen_word(line, PenWords.SPINDLE)
        s = line.words[at].number if at >= 0 else s
        for letter, number, _ in line.words:
            if letter == "M" and (number in _SPINNING or number == _STILL):
                spinning = number in _SPINNING
        now[PenWords.SPINDLE] = s if spinning else 0.0
        before = reader.place[2]
        step = reader.take(line)
        after = reader.place[2]
        if not math.isnan(after):
            found.last[PenWords.Z] = after
        way_mm = _way_mm(step.points)
        if math.isnan(way_mm) or way_mm == 0.0:
            continue
        if not math.isnan(after):
            now[PenWords.Z] = after
        for kind in PenWords:
            value = now.get(kind, math.nan)
            first = before if kind is PenWords.Z and not math.isnan(before) else value
            found.first.setdefault(kind, first)
            if not math.isnan(value):
                ways = found.ways_mm.setdefault(kind, {})
                ways[value] = ways.get(value, 0.0) + way_mm
                found.last[kind] = value
    return found


def _way_mm(points: tuple[tuple[float, float, float], ...]) -> float:
    """The way in x and y; of a first move from a place that is not known, something."""
    if len(points) < 2:
        return 0.0
    if math.isnan(points[0][0] + points[0][1]) and not math.isnan(points[-1][0] + points[-1][1]):
        return 1.0
    return length_xy(points)
