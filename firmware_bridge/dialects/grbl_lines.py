"""Writes a program as lines of GRBL 1.1; what each kind of pen and move becomes is told in ``grbl``."""

from __future__ import annotations

import math

from firmware_bridge.dialects.numbers import POSITION_DECIMALS, axis_words, comment_lines, decimal, feed_word
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program

# The firmware's line buffer holds 80 characters with its end mark.
MAX_LINE_CHARS = 79
# A feed within this share of the rapid speed is the rapid speed (the feed's rounding).
RAPID_SHARE = 0.995
# A hobby servo needs this long to come to rest after it has arrived.
SERVO_SETTLE_S = 0.05
# mm/min. G1 needs a feed to be in force, even in a line that only turns the servo.
SERVO_FEED = "600"
_PREAMBLE = "G21 G90 G94"  # millimetres, absolute, feed in mm/min


class Encoder:
    """Writes lines and remembers which words are in force."""

    def __init__(self, machine: MachineProfile) -> None:
        """Prepares for a machine as its controller sees it."""
        self.machine = machine
        self.servo = machine.pen_actuator == "servo"
        self.lines: list[str] = []
        self.position: list[float | None] = [None, None, None]
        self.motion = ""
        self.feed = ""
        self.servo_value: float | None = None

    def encode(self, program: Program) -> list[str]:
        """The lines of one program; see ``Grbl.encode``."""
        for text in program.header:
            self.lines += comment_lines(text, MAX_LINE_CHARS)
        self.lines.append(_PREAMBLE)
        if program.moves:
            first = program.moves[0]
            starts_up = first.kind in (MoveKind.TRAVEL, MoveKind.LIFT)
            self._raise_pen(first.pen if starts_up else self.machine.safe_pen)
        for move in program.moves:
            self._move(move)
            if move.dwell_s > 0:
                self.lines.append(f"G4 P{decimal(move.dwell_s)}")
        for line in self.lines:
            if len(line) > MAX_LINE_CHARS:
                raise ProgramError(f"The line '{line[:20]}...' is too long: a coordinate is far off.")
        return self.lines

    def _raise_pen(self, value: float) -> None:
        if self.servo:
            self._servo(value)
            return
        self.position[2] = round(value, POSITION_DECIMALS)
        self.motion = "G0"
        self.lines.append(f"G0 Z{decimal(value)}")

    def _servo(self, value: float) -> None:
        if value == self.servo_value:
            return
        box = self.machine.envelope
        way = box.pen_max - box.pen_min if self.servo_value is None else abs(value - self.servo_value)
        self.servo_value = value
        turn = f"M3 S{decimal(value)}"
        if self.motion != "G1":
            self.motion, self.feed = "G1", SERVO_FEED
            turn = f"G1 F{SERVO_FEED} {turn}"
        self.lines += [turn, dwell(way / self.machine.pen_max_speed)]

    def _move(self, move: Move) -> None:
        if self.servo and move.kind in (MoveKind.LIFT, MoveKind.LOWER):
            self._servo(move.pen)
        pen = None if self.servo else round(move.pen, POSITION_DECIMALS)
        target = [round(move.x_mm, POSITION_DECIMALS), round(move.y_mm, POSITION_DECIMALS), pen]
        words = axis_words(target, self.position)
        if not words:
            return
        if self._is_rapid(target, move.feed_mm_s):
            motion, feed = "G0", self.feed
        else:
            motion, feed = "G1", feed_word(move.feed_mm_s)
        if motion != self.motion:
            words.insert(0, motion)
        if feed != self.feed:
            words.append(f"F{feed}")
        self.motion, self.feed = motion, feed
        self.position = [
            goal if goal is not None else now for goal, now in zip(target, self.position, strict=True)
        ]
        self.lines.append(" ".join(words))

    def _is_rapid(self, target: list[float | None], feed_mm_s: float) -> bool:
        if self.servo:
            return False
        way = []
        for goal, now in zip(target, self.position, strict=True):
            if goal is None:
                way.append(0.0)
            elif now is None:
                return False  # the direction of the first move is not known
            else:
                way.append(goal - now)
        length = math.hypot(*way)
        limits = (*self.machine.max_speed_mm_s, self.machine.pen_max_speed)
        rapid = min(v * length / abs(d) for v, d in zip(limits, way, strict=True) if d != 0)
        return feed_mm_s >= RAPID_SHARE * rapid


def dwell(way_s: float) -> str:
    """A line that gives a servo its time."""
    return f"G4 P{decimal(way_s + SERVO_SETTLE_S)}"
