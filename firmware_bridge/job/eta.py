"""How long each line of a program takes, and how much is left of it.

Nouns:
    planned   the time of a line by its length and its feed (``reader.seconds``)
    share     of the planned time of the whole program
    ratio     time that passed over time that was planned for what was drawn in it; it takes in what
              the plan does not know, such as the corners of a foreign file

Lines differ by a factor of a thousand (a travel, a chord of a curve), so that counting them says
little about the time left. The plan takes four bytes a line, and sums for pages of lines.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from firmware_bridge.gcode.reader import ToolpathReader, seconds
from firmware_bridge.gcode.words import Line
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.progress_tracker import ProgressPoint

_PAGE_LINES = 16
# The plan is believed until so much of it was drawn.
_BELIEF_S = 30.0
_RATIOS = (0.3, 20.0)


class EtaTable:
    """The planned time of a program, and what else one reading of it tells.

    Attributes:
        total_s: of all lines.
        pen_up: the pen's value on travels; nan if it is never told.
        pen_far: the pen's value that is farthest from that.
        is_plain: whether every value is a place in mm, so that one can be changed by itself.
    """

    def __init__(self, lines: Sequence[Line], machine: MachineProfile) -> None:
        """Reads all lines.

        Args:
            lines: the program.
            machine: the profile, as its controller sees it.
        """
        reader = ToolpathReader(machine)
        self._times_s = array("f")
        self._ends = array("d", [0.0])  # of pages
        self.is_plain = True
        total, low, high, first = 0.0, math.inf, -math.inf, math.nan
        for index, line in enumerate(lines):
            step = reader.take(line)
            self._times_s.append(seconds(step, machine))
            total += self._times_s[-1]
            if (index + 1) % _PAGE_LINES == 0:
                self._ends.append(total)
            self.is_plain = self.is_plain and reader.absolute and not reader.inches
            pen = step.points[-1][2]
            if pen == pen:
                low, high = min(low, pen), max(high, pen)
                if first != first and step.moves:
                    first = step.points[0][2]
        self.is_plain = self.is_plain and not reader.trouble
        self.total_s = total
        self.pen_up = first if reader.servo else (high if high >= low else math.nan)
        self.pen_far = max((low, high), key=lambda v: abs(v - self.pen_up)) if high >= low else math.nan

    def before_s(self, place: ProgressPoint) -> float:
        """Planned time of all before a place."""
        if place.line >= len(self._times_s):
            return self.total_s
        page = place.line // _PAGE_LINES
        whole = sum(self._times_s[page * _PAGE_LINES : place.line])
        return self._ends[page] + whole + place.share * self._times_s[place.line]


class Pace:
    """Guesses the time left from the plan and from how it went."""

    def __init__(self, schedule: EtaTable) -> None:
        self._schedule = schedule
        self._passed_s = _BELIEF_S
        self._planned_s = _BELIEF_S
        self._at_s: float | None = None
        self._done_s = 0.0

    def rest(self) -> None:
        """The drawing rests: time that passes until the next look does not count."""
        self._at_s = None

    def look(self, now_s: float, place: ProgressPoint, speed: float) -> tuple[float, float]:
        """Seconds left and the share that is done.

        Args:
            now_s: the clock.
            place: what is drawn.
            speed: times as fast as planned.
        """
        done_s = self._schedule.before_s(place)
        if self._at_s is not None and done_s > self._done_s:
            self._passed_s += now_s - self._at_s
            self._planned_s += (done_s - self._done_s) / speed
        if self._at_s is None or done_s > self._done_s:
            self._at_s, self._done_s = now_s, done_s
        ratio = min(max(self._passed_s / self._planned_s, _RATIOS[0]), _RATIOS[1])
        total_s = self._schedule.total_s
        left_s = max((total_s - done_s) / speed * ratio - (now_s - self._at_s), 0.0)
        return left_s, done_s / total_s if total_s > 0.0 else 1.0
