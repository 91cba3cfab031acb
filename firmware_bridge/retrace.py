"""Where a drawing that stopped goes on: the lines around the bound, and the walk back on the line.

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

from firmware_bridge.course import Course, Point, Step, length_xy
from firmware_bridge.errors import ProgramError
from firmware_bridge.journal.tracker import Place
from firmware_bridge.machine import MachineProfile

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

    near: list[tuple[Course, Step | None]]
    pen_up: float
    servo: bool
    doubt_mm: float

    def is_up(self, at: Point) -> bool:
        """Whether the pen is off the paper at such a point."""
        return at[2] == self.pen_up if self.servo else at[2] >= self.pen_up - _UP_SLACK

    def around(self, line: int) -> tuple[Course, Step | None]:
        """What is in force before a line, and its step (None after the last one)."""
        return next((c, s) for c, s in self.near if s is None or s.index == line)

    def after(self, line: int) -> Course:
        """What is in force after a line."""
        return next(c for c, s in self.near if s is None or s.index == line + 1)


def surroundings(lines: Sequence[str], machine: MachineProfile, bound: Place, end: int) -> Surroundings:
    """Reads a program of which all before ``bound`` is executed, and nothing from line ``end`` on was sent.

    Raises:
        ProgramError: if the places of the program cannot be known from its lines.
    """
    course = Course(machine)
    near: deque[tuple[Course, Step | None]] = deque(maxlen=_MOST_STEPS_BACK)
    ahead: list[Step] = []
    upper = bound.line + (bound.share > 0.0)
    top, first_pen = -math.inf, math.nan
    last: Course | None = None
    for index, line in enumerate(lines):
        if index == upper:
            last = course.copy()
        before = course.copy() if index < upper else course
        step = course.take(line)
        if index < upper:
            near.append((before, step))
        if bound.line <= index < end and step.moves:
            ahead.append(step)
        pen = step.points[-1][2]
        if pen == pen:
            top = max(top, pen)
            if step.moves and first_pen != first_pen:
                first_pen = step.points[0][2]
    if course.trouble:
        raise ProgramError(
            f"The program {course.trouble}, so its places cannot be found again: draw it from the start."
        )
    told = first_pen if course.servo else top
    scan = Surroundings(
        [*near, (last or course, None)], told if math.isfinite(told) else machine.safe_pen, course.servo, 0.0
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


def walk_back(scan: Surroundings, bound: Place, overlap_mm: float) -> tuple[Place, float]:
    """Where to begin, and how much of the drawn line lies between there and the bound."""
    left = overlap_mm
    place = bound
    before, step = scan.around(bound.line)
    at = before.place if step is None or bound.share == 0.0 else part_of(step.points, bound.share, 1.0)[0]
    if scan.is_up(at):
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
                return Place(step.index, (done + math.dist(a, here) - back) / whole), overlap_mm
            left -= flat
            place = Place(step.index, done / whole if whole > 0.0 else 0.0)
    return place, overlap_mm - left
