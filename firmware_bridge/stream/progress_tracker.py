"""How far a machine has surely come in a program: acknowledged is not executed.

Nouns:
    place     a line and a share of its way
    taken     a line whose answer has come; its move may still wait in the planner
    block     one move in the planner
    bound     the place up to which everything is surely executed
    report    where the machine says that it stands, while it moves
    stands    where it stood before the first line, which no line tells: the way of the first move begins
              there, and may cross that of a later one

Two lower bounds, and the higher one holds:

    taken    the planner holds at most P blocks, and up to S more are being carried out
             (GRBL prepares 5 segments ahead). So of the lines that were taken, all but the last
             P + S that are surely blocks have ended. A line that waits (a dwell, M400) has seen
             the end of all before it. A uArm answers when it stands, so P + S is 0 there.
    report   the tool is on the program's way, at or after the bound, and within a motor step of
             the reported position. The earliest such point is at or before the true one.

Both only ever move forward. A move so short that a firmware may drop it (under six motor
steps, Marlin's own rule) is not counted as a block, since then more lines could be waiting.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from firmware_bridge.dialects import dialect_of
from firmware_bridge.gcode.reader import Point, ToolpathStep
from firmware_bridge.machine import MachineProfile

# GRBL 1.1 prepares this many segments beyond the planner, each of another block at worst.
SEGMENTS_AHEAD = 6
# Marlin drops moves that are shorter (MIN_STEPS_PER_SEGMENT), GRBL those without a step.
_LEAST_BLOCK_STEPS = 6.0
# A report is rounded, and a diagonal is stepped one axis after the other.
_STEP_SLACK = 1.5
_REPORT_SLACK = 0.002
_SERVO_SLACK = 1.0
# Lines as short as this are one place for a report.
_SAME_PLACE_MM = 0.05


class ProgressPoint(NamedTuple):
    """A place in a program: so many whole lines, and a share of the way of the next."""

    line: int
    share: float = 0.0


class ProgressTracker:
    """Follows one drawing.

    Attributes:
        bound: everything before it is surely executed.
        sent_lines: lines of the program that were sent.
        taken_lines: lines of the program that were taken.
    """

    def __init__(self, machine: MachineProfile, planner_blocks: int | None = None) -> None:
        self._steps: deque[ToolpathStep] = deque()  # of the lines from the bound to the last one sent
        self._blocks: deque[int] = deque()
        blocks = max(machine.planner_blocks, planner_blocks or 0)
        at_rest = dialect_of(machine.dialect).manners.answers_at_rest
        self._waiting_blocks = 0 if at_rest else blocks + SEGMENTS_AHEAD
        s = machine.steps_per_mm
        self._least = tuple(_LEAST_BLOCK_STEPS / v for v in s)
        slack = [_STEP_SLACK / v + _REPORT_SLACK for v in s]
        if machine.pen_actuator == "servo":
            slack[2] = _SERVO_SLACK
        self._slack = tuple(slack)
        self._servo = machine.pen_actuator == "servo"
        self.bound = ProgressPoint(0)
        self.sent_lines = 0
        self.taken_lines = 0
        self._part_line = -1
        self._gate: float | None = None
        self._stands: Point | None = None

    def stands_at(self, place: Point | None) -> None:
        """The tool stands here as long as no line has told a place; None where that is not known."""
        self._stands = place

    def start_at(self, place: ProgressPoint, pen: float | None) -> None:
        """Begins anew at a place: everything before it was executed.

        Args:
            place: where the tool begins.
            pen: pen value at the place where the tool is lowered to it first, else None. Reports
                count only from the first one at that height on: while the pen comes down over the
                place, the tool may be at the height of a line that comes later.
        """
        self.bound = place
        self.taken_lines = self.sent_lines = place.line
        self._part_line = place.line if place.share else -1
        self._gate = pen
        self._stands = None
        self._steps.clear()
        self._blocks.clear()

    def sent(self, step: ToolpathStep) -> None:
        """The next line was sent, and makes the tool do this; its index is that of the program's line."""
        if self._stands is not None:
            step = self._from_where_it_stands(step, self._stands)
        self._steps.append(step)
        self.sent_lines = step.index + 1

    def _from_where_it_stands(self, step: ToolpathStep, stands: Point) -> ToolpathStep:
        """The step with the places that no line has told yet."""
        if all(c == c for c in step.points[-1]):
            self._stands = None  # told from here on
        x, y, pen = stands

        def filled(point: Point) -> Point:
            a, b, c = point
            return a if a == a else x, b if b == b else y, c if c == c else pen

        return replace(step, points=tuple(map(filled, step.points)))

    def taken(self, count: int) -> None:
        """The first ``count`` lines of the program have been answered."""
        if count <= self.taken_lines:
            return
        for step in self._between(self.taken_lines, count):
            if step.waits or not self._waiting_blocks:
                self._blocks.clear()
                self._advance(ProgressPoint(step.index + 1))
            elif self._surely_block(step):
                self._blocks.append(step.index)
                if len(self._blocks) > self._waiting_blocks:
                    self._advance(ProgressPoint(self._blocks.popleft() + 1))
        self.taken_lines = count

    def at_rest(self) -> None:
        """The machine stands idle after all taken lines: they are executed."""
        self._blocks.clear()
        self._advance(ProgressPoint(self.taken_lines))

    def reported(self, x: float, y: float, pen: float) -> bool:
        """The machine told its position in words of the controller; whether it is on the way sent so far."""
        if self._gate is not None:
            if abs(pen - self._gate) > self._slack[2]:
                return False
            self._gate = None
        found = self.find((x, y, pen))
        if found is None:
            return False
        self._advance(found)
        return True

    def is_only_place(self, at: Point) -> bool:
        """Whether the tool would report ``at`` at one place of the way only, from the bound to its end."""
        found: list[tuple[ToolpathStep, float]] = []
        for step in self._steps:
            least = self.bound.share if step.index == self.bound.line else 0.0
            share = share_at(step.points, at, self._slack, least)
            if share is not None:
                found.append((step, share))
        if not found:
            return False
        (first, begin), (last, end) = found[0], found[-1]
        between = [step for step in self._steps if first.index <= step.index <= last.index]
        if any(len(step.points) > 2 for step in between):
            return False  # an arc may come back to where it began
        way = sum(math.dist(step.points[0], step.points[-1]) for step in between)
        way -= begin * math.dist(first.points[0], first.points[-1])
        way -= (1.0 - end) * math.dist(last.points[0], last.points[-1])
        return way <= _SAME_PLACE_MM

    def find(self, at: Point) -> ProgressPoint | None:
        """The earliest place, from the bound on, at which the tool would report ``at``."""
        for step in self._steps:
            least = self.bound.share if step.index == self.bound.line else 0.0
            share = share_at(step.points, at, self._slack, least)
            if share is not None:
                return ProgressPoint(step.index, share)
        return None

    def _advance(self, place: ProgressPoint) -> None:
        if place.share >= 1.0:
            place = ProgressPoint(place.line + 1)
        self.bound = max(self.bound, place)
        while self._steps and self._steps[0].index < self.bound.line:
            self._steps.popleft()

    def _between(self, first: int, end: int) -> list[ToolpathStep]:
        # An advance drops steps from the left, so the ones wanted are copied first; they are few.
        found: list[ToolpathStep] = []
        for step in reversed(self._steps):
            if step.index < first:
                break
            if step.index < end:
                found.append(step)
        return found[::-1]

    def _surely_block(self, step: ToolpathStep) -> bool:
        if not step.moves or step.index == self._part_line:  # what is left of that may be short
            return False
        a, b = step.points[0], step.points[-1]
        axes = 2 if self._servo else 3
        return any(abs(b[i] - a[i]) >= self._least[i] for i in range(axes))


def share_at(
    points: tuple[Point, ...], at: Point, slack: tuple[float, ...], least: float = 0.0
) -> float | None:
    """The least share of a way, not under ``least``, within the slack of a point on every axis; or None."""
    if len(points) == 1:
        return least if _near(points[0], at, slack) else None
    lengths = [math.dist(a, b) for a, b in pairwise(points)]
    whole = sum(lengths)
    if whole != whole or whole == 0.0:  # a way from an unknown place: only its end is known
        return 1.0 if _near(points[-1], at, slack) else None
    done = 0.0
    for a, b, length in zip(points, points[1:], lengths, strict=False):
        if length > 0.0 and (done + length) / whole >= least:
            enter = max((least * whole - done) / length, 0.0)
            leave = 1.0
            for i in range(3):
                way, off = b[i] - a[i], at[i] - a[i]
                if way == 0.0:
                    if not abs(off) <= slack[i]:
                        leave = -1.0
                    continue
                low, high = (off - slack[i]) / way, (off + slack[i]) / way
                enter, leave = max(enter, min(low, high)), min(leave, max(low, high))
            if enter <= leave:
                return min((done + enter * length) / whole, 1.0)
        done += length
    return None


def _near(a: Point, b: Point, slack: tuple[float, ...]) -> bool:
    return all(abs(p - q) <= s for p, q, s in zip(a, b, slack, strict=True))
