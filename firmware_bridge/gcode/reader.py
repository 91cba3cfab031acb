"""Where G-code lines lead: read back, one line after the other, with what is in force.

Nouns:
    step     what one line makes the tool do: a chain of straight lines, or nothing
    reader   the reader: it knows where the tool stands, and which words are in force
    place    coordinates as the controller takes them: mm, or joint values of a raw machine
    trouble  why the places of a file cannot be known from its lines alone

A coordinate that no line has given yet is nan, and nothing is ever found at it. The pen is
the z word of a z pen, else what the servo was told last.

Sources: the words of GRBL 1.1, Marlin 2 and the uArm as ``dialects`` writes them; arcs as chords
(``arcs``), as the firmware cuts them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.arcs import chords
from firmware_bridge.gcode.grbl_grammar import MM_PER_INCH, GcodeError, LineOrder, Modal
from firmware_bridge.gcode.pen_words import LAST_SHARED_M, PenWords, pen_words_of
from firmware_bridge.gcode.words import DWELL, Line, dwell_s, file_line
from firmware_bridge.machine import MachineProfile

Point = tuple[float, float, float]

_NAN = math.nan
_AXES = "XYZ"
# Chords bulge less than a motor step.
_ARC_TOLERANCE_MM = 0.002
_MOTIONS = {0.0: "G0", 1.0: "G1", 2.0: "G2", 3.0: "G3"}
# Words after which the places of a file depend on what the controller remembers.
_TROUBLE = {
    92.0: "shifts its origin (G92)",
    92.1: "shifts its origin (G92)",
    53.0: "moves in the machine's own frame (G53)",
    93.0: "gives times in place of feeds (G93)",
    10.0: "writes a stored origin (G10)",
    28.0: "goes to a stored position (G28)",
    30.0: "goes to a stored position (G30)",
    18.0: "draws arcs outside the page (G18)",
    19.0: "draws arcs outside the page (G19)",
}
# Of these, the words after which nobody knows where the tool stands.
_ELSEWHERE = (92.0, 92.1, 53.0, 28.0, 30.0, 10.0)
_FRAMES = (54.0, 55.0, 56.0, 57.0, 58.0, 59.0)
# M words whose answer comes when all motion before them has ended, as that of a dwell does.
_WAITS_M = (0.0, 400.0)


@dataclass(frozen=True, slots=True)
class ToolpathStep:
    """What one line makes the tool do.

    Attributes:
        index: of the line.
        points: corners of the way; one point if nothing moves.
        feed: units per second along the way; infinite for a rapid.
        waits: whether its answer says that all motion before it has ended.
        dwell_s: how long it rests.
    """

    index: int
    points: tuple[Point, ...]
    feed: float
    waits: bool = False
    dwell_s: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether the line asks for motion."""
        return len(self.points) > 1


class ToolpathReader:
    """Reads lines in order.

    Attributes:
        place: where the tool stands after the lines so far; nan where no line has told.
        motion: ``G0`` to ``G3``, the motion in force.
        feed_per_s: the feed in force, units per second; 0 if none was given.
        absolute: whether coordinates are places, not steps.
        inches: whether they are in inches.
        count: lines read.
        frame: 54 to 59 if a line has chosen a work frame, else 0.
        trouble: why the places cannot be known, or empty.
    """

    def __init__(self, machine: MachineProfile) -> None:
        self.servo = machine.pen_actuator == "servo"
        words = dialect_of(machine.dialect).words
        self._feed_unit_s = words.feed_unit_s
        self._dwell_units_s = words.dwell_units_s
        self._servo_word_is_m280 = pen_words_of(machine) is PenWords.M280
        self._rapid = words.rapid_without_feed
        self.place: Point = (_NAN, _NAN, _NAN)
        self.motion = "G0"
        self.feed_per_s = 0.0
        self.absolute = True
        self.inches = False
        self.count = 0
        self.trouble = ""
        self.frame = 0.0
        self._spinning = False
        self._s_value = _NAN
        self._moved = False

    def copy(self) -> ToolpathReader:
        """The same, apart from what comes."""
        other = ToolpathReader.__new__(ToolpathReader)
        other.__dict__.update(self.__dict__)
        return other

    def take(self, line: Line) -> ToolpathStep:
        """Reads the next line."""
        index = self.count
        self.count += 1
        axes: list[float | None] = [None, None, None]
        values: dict[str, float] = {}
        waits = dwells = turns = one_shot = parameters = False
        for letter, value, _ in line.words:
            if letter == "G":
                if value in _MOTIONS:
                    self.motion = _MOTIONS[value]
                elif value == DWELL:
                    waits = dwells = True
                elif value in (90.0, 91.0):
                    self.absolute = value == 90.0
                elif value in (20.0, 21.0):
                    self.inches = value == 20.0
                elif value in _TROUBLE:
                    self.trouble = self.trouble or _TROUBLE[value]
                    one_shot = one_shot or value in _ELSEWHERE
                elif value in _FRAMES:
                    if self._moved and value != self.frame:
                        self.trouble = self.trouble or "changes its frame in the middle (G54 to G59)"
                    self.frame = value
            elif letter == "M":
                waits = waits or value in _WAITS_M
                parameters = parameters or value > LAST_SHARED_M
                if value == 280.0:
                    turns = True
                elif value in (3.0, 4.0, 5.0):
                    self._spinning = value != 5.0
                    turns = not self._servo_word_is_m280
            elif value != value:
                continue  # a letter without a number asks for nothing here
            elif letter in _AXES:
                axes[_AXES.index(letter)] = value
            else:
                values[letter] = value
        scale = MM_PER_INCH if self.inches else 1.0
        if "F" in values and not parameters:
            self.feed_per_s = values["F"] * scale / self._feed_unit_s
        if self.servo:
            self._turn(values, turns)
        if dwells:
            rest_s = dwell_s(line, self._dwell_units_s) or 0.0
            return ToolpathStep(index, (self.place,), 0.0, True, rest_s)
        if one_shot:
            self.place = (_NAN, _NAN, self.place[2] if self.servo else _NAN)
            return ToolpathStep(index, (self.place,), 0.0, waits)
        if parameters or axes == [None, None, None]:
            return ToolpathStep(index, (self.place,), 0.0, waits)
        return self._move(line, axes, values, scale, waits)

    def _turn(self, values: dict[str, float], turns: bool) -> None:
        """The servo's value after the words of a line."""
        if self._servo_word_is_m280:
            if turns and "S" in values:
                self.place = (self.place[0], self.place[1], values["S"])
            return
        if "S" in values:
            self._s_value = values["S"]
        if turns or "S" in values:
            pen = self._s_value if self._spinning else 0.0
            self.place = (self.place[0], self.place[1], pen)

    def _move(
        self, line: Line, axes: list[float | None], values: dict[str, float], scale: float, waits: bool
    ) -> ToolpathStep:
        index = self.count - 1
        self._moved = True
        goal = list(self.place)
        for i, word in enumerate(axes):
            if word is None or (self.servo and i == 2):
                continue
            goal[i] = word * scale if self.absolute else self.place[i] + word * scale
        start, end = self.place, (goal[0], goal[1], goal[2])
        self.place = end
        feed = math.inf if self.motion == "G0" and self._rapid else self.feed_per_s
        if self.motion in ("G0", "G1"):
            return ToolpathStep(index, (start, end), feed, waits)
        way = (start, *self._arc(line, start, end, values, scale))
        return ToolpathStep(index, way, feed, waits)

    def _arc(
        self, line: Line, start: Point, end: Point, values: dict[str, float], scale: float
    ) -> list[Point]:
        order = LineOrder(Modal(motion=self.motion))
        order.offsets = {a: values[a] * scale for a in "IJ" if a in values}
        order.radius_mm = values["R"] * scale if "R" in values else None
        if not all(math.isfinite(v) for v in (*start[:2], *end[:2])):
            return [end]
        try:
            return chords(order, start, end, _ARC_TOLERANCE_MM)
        except GcodeError:
            raise ProgramError(
                f"Line {file_line(line, self.count - 1)} is an arc whose end, centre and radius do not fit: "
                "correct it."
            ) from None


def steps(lines: Iterable[Line], machine: MachineProfile) -> Iterator[ToolpathStep]:
    """The steps of some lines, in order."""
    reader = ToolpathReader(machine)
    for line in lines:
        yield reader.take(line)


def length_xy(points: tuple[Point, ...]) -> float:
    """Length of a way in x and y; what is not known counts as nothing."""
    total = 0.0
    for a, b in pairwise(points):
        d = math.hypot(b[0] - a[0], b[1] - a[1])
        if d == d:
            total += d
    return total


def seconds(step: ToolpathStep, machine: MachineProfile) -> float:
    """About how long a step takes by itself: its length over its feed, and a rapid from rest to rest.

    Only ratios of such times are ever used, to weigh lines against each other.
    """
    if not step.moves:
        return step.dwell_s
    length = 0.0
    for a, b in pairwise(step.points):
        d = math.dist(a, b)
        if d == d:
            length += d
    if math.isfinite(step.feed) and step.feed > 0:
        return length / step.feed + step.dwell_s
    speed, acceleration = min(machine.max_speed_mm_s), min(machine.max_acceleration_mm_s2)
    return length / speed + min(speed / acceleration, math.sqrt(4.0 * length / acceleration)) + step.dwell_s
