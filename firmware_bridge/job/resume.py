"""Goes on with a drawing that stopped anywhere: up, over, down on the line, and on.

Nouns:
    bound     the place up to which everything is surely executed (``journal.tracker``)
    begin     where the pen comes down again: the bound, and ``overlap`` back on the drawn line
    approach  lines that lift the pen, bring it above the begin, and wait until it stands there
    entry     lines that lower it, draw the rest of the line it stands in, and put back in force what
              the rest of the program counts on
    doubt     length of the line that may have been drawn beyond the bound

The walk back ends where the pen is up, since a stroke begins there, so a lift and the way before
it are never drawn twice. Everything after the entry is the program's own text, to the byte, but
for the first motion, which is given its G word where it had none.

What is drawn twice is at most overlap + doubt, and nothing is missing, since the bound never lies
beyond the truth. The doubt is small where the controller can still be asked where it stands
(``locate``), and the line sent in the last moments where it cannot.

Where a drawing that stopped goes on: the lines around the bound, and the walk back on the line.

Nouns:
    bound     the place up to which everything is surely executed (``journal.tracker``)
    walk      back from the bound on the drawn line; it ends where the pen is up, since a stroke begins
              there
    doubt     length of the line that may have been drawn beyond the bound
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.numbers import SECONDS_PER_MINUTE, decimal
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.pen_words import may_move
from firmware_bridge.gcode.reader import Point, ToolpathReader, ToolpathStep, length_xy
from firmware_bridge.gcode.words import Line, motion_word, parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.stream.progress_tracker import ProgressPoint

# A pen within this much of the height of travels is up (units of the pen axis).
_UP_SLACK = 1e-6
# The drawn line is walked back over no more lines than this: 2 mm in steps of a micrometre.
_MOST_STEPS_BACK = 4096
# A rest of a line shorter than this is none.
_LEAST_MM = 1e-9


@dataclass(slots=True)
class Surroundings:
    """What is needed of a program around the bound.

    Attributes:
        near: the last lines up to the bound with what was in force before each, and, last, what is
            in force after them (without a step).
        pen_up: the pen's value on travels.
        servo: whether the pen is a servo's.
        doubt_mm: see above.
    """

    near: list[tuple[ToolpathReader, ToolpathStep | None]]
    pen_up: float
    servo: bool
    doubt_mm: float

    def is_up(self, at: Point) -> bool:
        """Whether the pen is off the paper at such a point."""
        return at[2] == self.pen_up if self.servo else at[2] >= self.pen_up - _UP_SLACK

    def around(self, line: int) -> tuple[ToolpathReader, ToolpathStep | None]:
        """What is in force before a line, and its step (None after the last one)."""
        return next((c, s) for c, s in self.near if s is None or s.index == line)

    def after(self, line: int) -> ToolpathReader:
        """What is in force after a line."""
        return next(c for c, s in self.near if s is None or s.index == line + 1)


def surroundings(
    lines: Sequence[Line], machine: MachineProfile, bound: ProgressPoint, end: int
) -> Surroundings:
    """Reads a program of which all before ``bound`` is executed, and nothing from line ``end`` on was sent.

    Raises:
        ProgramError: if the places of the program cannot be known from its lines.
    """
    reader = ToolpathReader(machine)
    near: deque[tuple[ToolpathReader, ToolpathStep | None]] = deque(maxlen=_MOST_STEPS_BACK)
    ahead: list[ToolpathStep] = []
    upper = bound.line + (bound.share > 0.0)
    top, first_pen = -math.inf, math.nan
    last: ToolpathReader | None = None
    for index, line in enumerate(lines):
        if index == upper:
            last = reader.copy()
        before = reader.copy() if index < upper else reader
        step = reader.take(line)
        if index < upper:
            near.append((before, step))
        if bound.line <= index < end and step.moves:
            ahead.append(step)
        pen = step.points[-1][2]
        if pen == pen:
            top = max(top, pen)
            if step.moves and first_pen != first_pen:
                first_pen = step.points[0][2]
    if reader.trouble:
        raise ProgramError(
            f"The program {reader.trouble}, so its places cannot be found again: draw it from the start."
        )
    told = first_pen if reader.servo else top
    scan = Surroundings(
        [*near, (last or reader, None)], told if math.isfinite(told) else machine.safe_pen, reader.servo, 0.0
    )
    for step in ahead:
        first = bound.share if step.index == bound.line else 0.0
        way = part_of(step.points, first, 1.0)
        if not all(map(scan.is_up, way)):
            scan.doubt_mm += length_xy(way)
    return scan


def part_of(points: tuple[Point, ...], first: float, last: float) -> tuple[Point, ...]:
    """The part of a way between two shares of its length; its inner corners stay what they are."""
    lengths = [math.dist(a, b) for a, b in pairwise(points)]
    whole = sum(lengths)
    if not whole > 0.0:  # also where its beginning is not known
        return points
    low, high = first * whole, last * whole
    found: list[Point] = []
    done = 0.0
    for a, b, length in zip(points, points[1:], lengths, strict=False):
        if length > 0.0 and done + length > low - _LEAST_MM and done < high + _LEAST_MM:
            if not found:
                found.append(_between(a, b, (low - done) / length))
            found.append(_between(a, b, (high - done) / length))
        done += length
    return tuple(found)


def _between(a: Point, b: Point, t: float) -> Point:
    if t >= 1.0:
        return b
    t = max(t, 0.0)
    return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])


def walk_back(scan: Surroundings, bound: ProgressPoint, overlap_mm: float) -> tuple[ProgressPoint, float]:
    """Where to begin, and how much of the drawn line lies between there and the bound."""
    left = overlap_mm
    place = bound
    before, step = scan.around(bound.line)
    at = before.place if step is None or bound.share == 0.0 else part_of(step.points, bound.share, 1.0)[0]
    if scan.is_up(at) or overlap_mm <= 0.0:
        return place, 0.0
    for _, step in reversed(scan.near):
        if step is None or not step.moves:
            continue
        lengths = [math.dist(a, b) for a, b in pairwise(step.points)]
        whole = sum(lengths)
        share = bound.share if step.index == bound.line else 1.0
        done = whole
        for a, b, length in reversed(list(zip(step.points, step.points[1:], lengths, strict=False))):
            done -= length
            if length == 0.0 or share * whole <= done:
                continue
            here = _between(a, b, (share * whole - done) / length)
            flat = math.hypot(here[0] - a[0], here[1] - a[1])
            if scan.is_up(here) or flat != flat:
                return place, overlap_mm - left
            if flat > left:
                back = left / flat * math.dist(a, here)
                return ProgressPoint(step.index, (done + math.dist(a, here) - back) / whole), overlap_mm
            left -= flat
            place = ProgressPoint(step.index, done / whole if whole > 0.0 else 0.0)
    return place, overlap_mm - left


# Long enough to hide the end of the ink in the next beginning, short enough not to show.
OVERLAP_MM = 2.0
# The pen comes down on a line at half its greatest speed: gently, on ink that may be wet.
_LOWER_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Restart:
    """How a drawing goes on.

    Attributes:
        begin: where it goes on.
        approach: lines that end with the pen up above that place, at rest.
        entry: lines from there to the end of the line in which the place lies.
        rest: index of the first line of the program that is sent as it is, apart from ``fixed``.
        fixed: index of the one line that needs a motion word, and that word (G0 to G3); or None.
        pen: the pen's value at the beginning, or None where it stays up.
        pen_up: the value that it travels at.
        overlap_mm: line that is drawn again though it was surely drawn.
        doubt_mm: line beyond the bound that may have been drawn.
    """

    begin: ProgressPoint
    approach: tuple[Line, ...]
    entry: tuple[Line, ...]
    rest: int
    fixed: tuple[int, str] | None
    pen: float | None
    pen_up: float
    overlap_mm: float
    doubt_mm: float

    def begins(self, index: int, line: Line) -> Line:
        """A line of the program as it goes out after this restart."""
        if self.fixed is None or index != self.fixed[0]:
            return line
        return line.with_word("G", self.fixed[1][1:], first=True)

    def tail(self, program: Sequence[Line]) -> list[Line]:
        """The lines of the program that are left."""
        return [self.begins(i, line) for i, line in enumerate(program[self.rest :], start=self.rest)]

    def lines(self, program: Sequence[Line]) -> list[Line]:
        """Everything that is left, as one program."""
        return [*self.approach, *self.entry, *self.tail(program)]


def resume_program(
    lines: Sequence[Line],
    machine: MachineProfile,
    bound: ProgressPoint,
    overlap_mm: float = OVERLAP_MM,
    may_sent: int | None = None,
) -> Restart:
    """How to go on with a program of which everything before ``bound`` is surely executed.

    Args:
        lines: the program as it was sent.
        machine: the machine.
        bound: see above.
        overlap_mm: how much of the drawn line is drawn again.
        may_sent: lines from here on were surely not sent; by default any may have been.

    Raises:
        ProgramError: if the places of the program cannot be known from its lines.
    """
    scan = surroundings(lines, machine, bound, len(lines) if may_sent is None else may_sent)
    begin, walked = walk_back(scan, bound, overlap_mm)
    before, step = scan.around(begin.line)
    at = before.place if step is None or begin.share == 0.0 else part_of(step.points, begin.share, 1.0)[0]
    if not all(map(math.isfinite, at[:2])):  # nothing has moved yet, so nothing is drawn
        return Restart(ProgressPoint(0), (), (), 0, None, None, scan.pen_up, 0.0, scan.doubt_mm)
    if not math.isfinite(at[2]):
        raise ProgramError("The program never says where the pen is: draw it from the start.")
    down = not scan.is_up(at)
    way = part_of(step.points, begin.share, 1.0) if step is not None and begin.share > 0.0 else (at,)
    moves = [Move(at[0], at[1], scan.pen_up, _greatest(machine), MoveKind.TRAVEL)]
    head = len(_encoded(moves, machine))
    if down:
        speed = _LOWER_SHARE * machine.pen_max_speed
        moves.append(Move(*at, speed, MoveKind.LOWER))
    feed = step.feed if step is not None else 0.0
    feed = feed if math.isfinite(feed) and feed > 0.0 else _greatest(machine)
    for p in way[1:]:
        moves.append(Move(*p, feed, MoveKind.TRAVEL if scan.is_up(p) else MoveKind.DRAW))
    written = _encoded(moves, machine)
    after = scan.after(begin.line) if begin.share > 0.0 else before
    rest = begin.line + (begin.share > 0.0)
    return Restart(
        begin=begin,
        # The rest may begin with a servo's word, which turns it at once though the way is not done.
        approach=_lines(_frame_lines(after), written[:head], [dialect_of(machine.dialect).commands["sync"]]),
        entry=_lines(written[head:], _modal_lines(after, machine)),
        rest=rest,
        fixed=_with_motion(lines, rest, after),
        pen=at[2] if down else None,
        pen_up=scan.pen_up,
        overlap_mm=walked,
        doubt_mm=scan.doubt_mm,
    )


# -- writing -------------------------------------------------------------------------------------


def _greatest(machine: MachineProfile) -> float:
    return min(machine.max_speed_mm_s)


def _encoded(moves: Sequence[Move], machine: MachineProfile) -> list[str]:
    """The moves, whose x and y are words of the controller, as its dialect writes them."""
    controller = machine.as_controller()
    return dialect_of(machine.dialect).encode(Program.of(moves), controller)


def _lines(*parts: Sequence[str]) -> tuple[Line, ...]:
    return tuple(parse(text) for part in parts for text in part)


def _frame_lines(reader: ToolpathReader) -> list[str]:
    return [f"G{reader.frame:g}"] if reader.frame else []


def _modal_lines(reader: ToolpathReader, machine: MachineProfile) -> list[str]:
    """Lines that put back in force what was: feed, unit and kind of coordinates, on lines of their own."""
    if not dialect_of(machine.dialect).words.modal:  # each of its lines says all that it needs
        return []
    found = []
    if reader.feed_per_s > 0.0:
        found.append(f"G1 F{decimal(reader.feed_per_s * SECONDS_PER_MINUTE)}")
    if reader.inches:
        found.append("G20")
    if not reader.absolute:
        found.append("G91")
    return found


def _with_motion(lines: Sequence[Line], rest: int, reader: ToolpathReader) -> tuple[int, str] | None:
    """The first line of motion from ``rest`` on, if it has no motion word of its own, and that word."""
    for index in range(rest, len(lines)):
        line = lines[index]
        if motion_word(line) is not None:
            return None
        if line.first("XYZ") >= 0 and may_move(line):
            return index, reader.motion
    return None
