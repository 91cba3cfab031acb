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
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.course import Course
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.numbers import SECONDS_PER_MINUTE, decimal
from firmware_bridge.errors import ProgramError
from firmware_bridge.journal.tracker import Place
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.retrace import part_of, surroundings, walk_back

# Long enough to hide the end of the ink in the next beginning, short enough not to show.
OVERLAP_MM = 2.0
# The pen comes down on a line at half its greatest speed: gently, on ink that may be wet.
_LOWER_SHARE = 0.5
_MOTION_WORD = re.compile(r"G0*[0-3](?![0-9.])")
_AXIS_WORD = re.compile(r"[XYZ]")


@dataclass(frozen=True, slots=True)
class Restart:
    """How a drawing goes on.

    Attributes:
        begin: where it goes on.
        approach: lines that end with the pen up above that place, at rest.
        entry: lines from there to the end of the line in which the place lies.
        rest: index of the first line of the program that is sent as it is, apart from ``fixed``.
        fixed: index and new text of the one line that needs its motion word, or None.
        pen: the pen's value at the beginning, or None where it stays up.
        pen_up: the value that it travels at.
        overlap_mm: line that is drawn again though it was surely drawn.
        doubt_mm: line beyond the bound that may have been drawn.
    """

    begin: Place
    approach: tuple[str, ...]
    entry: tuple[str, ...]
    rest: int
    fixed: tuple[int, str] | None
    pen: float | None
    pen_up: float
    overlap_mm: float
    doubt_mm: float

    def tail(self, program: Sequence[str]) -> list[str]:
        """The lines of the program that are left."""
        left = list(program[self.rest :])
        if self.fixed is not None:
            left[self.fixed[0] - self.rest] = self.fixed[1]
        return left

    def lines(self, program: Sequence[str]) -> list[str]:
        """Everything that is left, as one program."""
        return [*self.approach, *self.entry, *self.tail(program)]


def resume_program(
    lines: Sequence[str],
    machine: MachineProfile,
    bound: Place,
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
        return Restart(Place(0), (), (), 0, None, None, scan.pen_up, 0.0, scan.doubt_mm)
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
        approach=(*_frame_lines(after), *written[:head], dialect_of(machine.dialect).commands["sync"]),
        entry=(*written[head:], *_modal_lines(after, machine)),
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


def _frame_lines(course: Course) -> list[str]:
    return [f"G{course.frame:g}"] if course.frame else []


def _modal_lines(course: Course, machine: MachineProfile) -> list[str]:
    """Lines that put back in force what was: feed, unit and kind of coordinates, on lines of their own."""
    if machine.dialect == "uarm":  # each of its lines says all that it needs
        return []
    found = []
    if course.feed_per_s > 0.0:
        found.append(f"G1 F{decimal(course.feed_per_s * SECONDS_PER_MINUTE)}")
    if course.inches:
        found.append("G20")
    if not course.absolute:
        found.append("G91")
    return found


def _with_motion(lines: Sequence[str], rest: int, course: Course) -> tuple[int, str] | None:
    """The first line of motion from ``rest`` on, if it has no motion word of its own, with that word."""
    for index in range(rest, len(lines)):
        line = lines[index]
        if _MOTION_WORD.search(line):
            return None
        if _AXIS_WORD.search(line):
            return index, f"{course.motion} {line}"
    return None
