"""Carries out checked lines: frames, targets, dwells, spindle, motion.

Nouns:
    work frame   G54 to G59, each an offset to the machine frame
    shift        G92, a further offset that a reset forgets
    wait         what a line needs before it goes on: a time, room in the ring, standstill

A line is carried out by a generator that yields waits, so that the controller's
clock decides when it goes on, as the real firmware's main loop would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from typing import Protocol

from firmware_bridge.gcode import arcs
from firmware_bridge.gcode.grbl_grammar import LineOrder, Modal, check_line
from firmware_bridge.gcode.words import Line, parse
from firmware_bridge.simulator.grbl.settings import Settings
from firmware_bridge.simulator.motion import MotionExecutor
from firmware_bridge.simulator.planner import Planner, Vector

_SECONDS_PER_MINUTE = 60.0
_FRAMES = 6
_AXES = "XYZ"


class Need(Enum):
    """What a line waits for, besides a time."""

    DATA = "a byte to read"
    ROOM = "room in the ring"
    STILL = "the ring to run empty"
    NEVER = "a reset"


Wait = float | Need


class SoftLimit(Exception):
    """A target lies outside the travel while soft limits are on."""


class Host(Protocol):
    """What the interpreter needs from the controller."""

    now_s: float
    offset_changed: bool

    def checking(self) -> bool:
        """True in check mode, where nothing moves."""
        ...

    def say(self, line: str) -> None:
        """Sends a line to the other side."""
        ...

    def pause(self) -> None:
        """Enters a hold, as M0 does."""
        ...

    def turn_servo(self, at_s: float, value: float) -> None:
        """Gives the spindle output a new S."""
        ...


class Interpreter:
    """Modal state and frames; ``carry_out`` runs one line."""

    def __init__(self, host: Host, settings: Settings, planner: Planner, motion: MotionExecutor) -> None:
        self.host = host
        self.settings = settings
        self.planner = planner
        self.motion = motion
        self.frames: list[Vector] = [(0.0, 0.0, 0.0)] * _FRAMES
        self.stored: list[Vector] = [(0.0, 0.0, 0.0)] * 2
        self.reset()

    def reset(self) -> None:
        """What a soft reset does to the parser: defaults in force, the shift forgotten."""
        self.modal = Modal()
        self.shift: Vector = (0.0, 0.0, 0.0)
        self.sync()

    def sync(self) -> None:
        """Takes the planner's position as the parser's."""
        self.position = self.planner.position_mm

    @property
    def offset_mm(self) -> Vector:
        """Machine minus work position (WCO)."""
        f, s = self.frames[self.modal.frame], self.shift
        return f[0] + s[0], f[1] + s[1], f[2] + s[2]

    def carry_out(self, line: Line) -> Iterator[Wait]:
        """Runs one line of G-code.

        Raises:
            GcodeError: if the line is refused; nothing has changed then.
            SoftLimit: if a target lies outside the travel.
        """
        order = check_line(line, self.modal)
        points = self._points(order)
        before = self.modal
        yield from self._spindle(order, before)
        if order.one_shot == "dwell":
            yield from self._still()
            if not self.host.checking():
                yield self.host.now_s + order.dwell_s
        frame_changes = order.modal.frame != before.frame
        if frame_changes or order.one_shot in ("set frame", "shift frame", "unshift frame"):
            yield from self._still()
        self._move_frames(order)
        if order.one_shot.startswith("store position"):
            self.stored[int(order.one_shot[-1])] = self.position
        elif order.one_shot.startswith("home position"):
            if order.moves or order.axes:
                yield from self.line_to(self._target(order), 0.0, True)
            yield from self.line_to(self.stored[int(order.one_shot[-1])], 0.0, True)
        for point in points:
            yield from self.line_to(point, self._feed(), order.modal.motion == "G0")
        if order.program:
            yield from self._still()
            self._end_or_pause(order.program)
            yield self.host.now_s  # a pause holds the answer back until the resume

    def jog(self, words: str) -> Vector:
        """Checks what follows ``$J=`` and returns its target; the feed stays out of the modal state.

        Raises:
            GcodeError: if the line is refused.
        """
        order = check_line(parse(words), self.modal, jog=True)
        self._jog_feed = order.modal.feed / _SECONDS_PER_MINUTE
        return self._target(order)

    def jog_to(self, target: Vector) -> Iterator[Wait]:
        """Queues the jog that ``jog`` checked."""
        yield from self._queue(target, self._jog_feed, False)

    def line_to(self, target: Vector, feed: float, rapid: bool) -> Iterator[Wait]:
        """Queues one straight move, waiting for room.

        Raises:
            SoftLimit: if the target lies outside the travel.
        """
        if self.outside(target):
            raise SoftLimit
        yield from self._queue(target, feed, rapid)

    def outside(self, target: Vector) -> bool:
        """Whether soft limits are on and forbid a target (travel is 0 down to -$130..)."""
        if not self.settings.values[20]:
            return False
        return any(not -t <= p <= 0.0 for p, t in zip(target, self.settings.travel_mm, strict=True))

    def _queue(self, target: Vector, feed: float, rapid: bool) -> Iterator[Wait]:
        self.position = target
        if self.host.checking():
            return
        yield Need.ROOM
        spindle: float | None = None
        if self.settings.values[32]:
            spindle = 0.0 if rapid or self.modal.spindle == "M5" else self.modal.spindle_speed
        inverse = self.modal.feed_mode == "G93" and not rapid
        if self.planner.add(target, feed, rapid, spindle, inverse):
            self.motion.plan_changed()

    def _feed(self) -> float:
        return self.modal.feed / _SECONDS_PER_MINUTE

    def _still(self) -> Iterator[Wait]:
        if not self.host.checking():
            yield Need.STILL

    def _points(self, order: LineOrder) -> list[Vector]:
        """End points of the line's own motion; parser position is not changed."""
        if not order.moves or order.modal.motion == "G80":
            return []
        target = self._target(order)
        if order.modal.motion in ("G2", "G3"):
            return arcs.chords(order, self.position, target, self.settings.arc_tolerance_mm)
        return [target]

    def _target(self, order: LineOrder) -> Vector:
        """Where the axis words point, machine frame."""
        frame = self.frames[order.modal.frame]
        goal: list[float] = []
        for i, axis in enumerate(_AXES):
            word = order.axes.get(axis)
            if word is None:
                goal.append(self.position[i])
            elif order.one_shot == "machine frame":
                goal.append(word)
            elif order.modal.distance == "G91":
                goal.append(self.position[i] + word)
            else:
                goal.append(word + frame[i] + self.shift[i])
        return goal[0], goal[1], goal[2]

    def _move_frames(self, order: LineOrder) -> None:
        before = self.offset_mm
        self.modal = order.modal
        self._set_frames(order)
        if self.offset_mm != before:
            self.host.offset_changed = True

    def _set_frames(self, order: LineOrder) -> None:
        if order.one_shot == "unshift frame":
            self.shift = (0.0, 0.0, 0.0)
        elif order.one_shot == "shift frame":
            frame = self.frames[self.modal.frame]
            self.shift = self._merged(self.shift, order, lambda i, w: self.position[i] - frame[i] - w)
        elif order.one_shot == "set frame":
            old = self.frames[order.frame_index]
            if order.frame_mode == 2:
                new = self._merged(old, order, lambda i, w: w)
            else:
                new = self._merged(old, order, lambda i, w: self.position[i] - self.shift[i] - w)
            self.frames[order.frame_index] = new

    @staticmethod
    def _merged(old: Vector, order: LineOrder, value: _AxisValue) -> Vector:
        new = [
            value(i, order.axes[a]) if a in order.axes else was
            for i, (a, was) in enumerate(zip(_AXES, old, strict=True))
        ]
        return new[0], new[1], new[2]

    def _spindle(self, order: LineOrder, before: Modal) -> Iterator[Wait]:
        now = order.modal
        if now.spindle == before.spindle and now.spindle_speed == before.spindle_speed:
            return
        follows = bool(self.settings.values[32])
        if follows and order.moves and now.spindle == before.spindle:
            return  # S travels with the block
        if now.spindle == "M5" and before.spindle == "M5":
            return
        yield from self._still()
        off = now.spindle == "M5" or (follows and now.motion in ("G0", "G80"))
        if not self.host.checking():
            self.host.turn_servo(self.host.now_s, 0.0 if off else self._clamped(now.spindle_speed))

    def _clamped(self, speed: float) -> float:
        low, high = self.settings.values[31], self.settings.values[30]
        return 0.0 if speed == 0.0 else math.floor(min(max(speed, low), high) * 1000) / 1000

    def _end_or_pause(self, what: str) -> None:
        if self.host.checking():
            return
        if what == "pause":
            self.host.pause()
            return
        old = self.modal
        self.modal = Modal(motion="G1", units=old.units, feed=old.feed, tool=old.tool)
        self.host.turn_servo(self.host.now_s, 0.0)
        self.host.say("[MSG:Pgm End]")


class _AxisValue(Protocol):
    def __call__(self, index: int, word: float, /) -> float: ...
