"""What all virtual controllers share: a clock that runs from event to event, motion, and a wire.

Nouns:
    event      the main loop may go on, a block ends, a time is reached
    main loop  what the firmware does with the bytes that have arrived

A controller takes bytes with ``receive``, time with ``advance``, and gives its answers
with ``take_output``. Nothing runs between events, so a drawing of an hour is as fast as
its blocks can be planned.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from random import Random
from typing import Protocol

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import BoardState
from firmware_bridge.simulator.motion import MotionExecutor
from firmware_bridge.simulator.planner import Planner, Vector
from firmware_bridge.simulator.recording import Recorder, Recording

# Times closer than this are one instant; far below the shortest step interval.
INSTANT_S = 1e-9


class Endpoint(Protocol):
    """What a transport or a server needs of a controller, or of a wire to one (``wire.Wire``)."""

    @property
    def now_s(self) -> float:
        """The virtual clock."""
        ...

    def receive(self, data: bytes) -> None:
        """Takes bytes that are sent now."""
        ...

    def advance(self, until_s: float, stop_at_output: bool = False) -> None:
        """Moves the virtual clock on."""
        ...

    def next_event_s(self) -> float:
        """When something happens next by itself; infinite if nothing will."""
        ...

    def idle(self) -> bool:
        """True when nothing more will happen without another byte."""
        ...

    def has_output(self) -> bool:
        """Whether something was said since the last ``take_output``."""
        ...

    def take_output(self) -> bytes:
        """What was said since the last call."""
        ...

    def power_cycle(self) -> None:
        """Takes its power, and gives it back."""
        ...

    def opened(self) -> None:
        """Somebody opens the port, which restarts a board that resets on DTR."""
        ...


class VirtualController(ABC):
    """One controller and the machine that hangs on it.

    Attributes:
        machine: the profile that gives the defaults of all settings.
        now_s: the virtual clock.
        acknowledged: how many lines it has answered since power-on, good or bad.
        dead: True when it hears nothing but a restart.
        board: the state that it began in, and how it restarts.
    """

    def __init__(
        self, machine: MachineProfile, planner: Planner, start_mm: Vector, board: BoardState
    ) -> None:
        self.machine = machine
        self.board = board
        self.servo = machine.pen_actuator == "servo"
        self.start_mm = start_mm
        self.planner = planner
        self.recorder = Recorder(
            planner.position_mm, machine.safe_pen if self.servo else None, machine.pen_max_speed
        )
        self.motion = MotionExecutor(planner, self.recorder, self.turn_servo)
        self.now_s = 0.0
        self.acknowledged = 0
        self.dead = False
        self._output = bytearray()
        # What is still said before the greeting, and when that comes; None: the firmware runs.
        self._noise: deque[tuple[float, bytes]] = deque()
        self._boot_end_s: float | None = None
        self._greets = True

    # -- what a firmware adds --------------------------------------------------------------------

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Takes bytes that arrive now."""

    @abstractmethod
    def _next_event_s(self) -> float:
        """When something happens next by itself while the firmware runs; infinite if nothing will."""

    @abstractmethod
    def _run_main_loop(self) -> None:
        """Does all that can be done at this instant."""

    @abstractmethod
    def _restart(self) -> None:
        """Starts the firmware anew; the motion stands still by then."""

    @abstractmethod
    def turn_servo(self, at_s: float, value: float) -> None:
        """Turns the pen of a servo machine."""

    def refusal(self, random: Random, answer: bytes) -> bytes:
        """What the firmware might have said in place of a good answer, had it refused the line."""
        del answer
        return b"error:%d\r\n" % random.choice([1, 2, 9, 20, 22, 33, 99])

    def go_on(self) -> bool:
        """Ends a pause that the program asked for; False if there is none."""
        return False

    @abstractmethod
    def _motion_event(self) -> None:
        """A block has ended, or a hold has come to rest."""

    # -- outside ---------------------------------------------------------------------------------

    def advance(self, until_s: float, stop_at_output: bool = False) -> None:
        """Moves the virtual clock on to ``until_s``.

        Args:
            until_s: the time to reach.
            stop_at_output: return at the first event that makes the controller speak.
        """
        while True:
            self._come_up()
            if not self.booting:
                self._run_main_loop()
            if (stop_at_output and self._output) or self.now_s >= until_s:
                return
            target = min(until_s, self.next_event_s())
            if self.motion.advance(target):
                self._motion_event()
            self.now_s = self.motion.now_s

    @property
    def booting(self) -> bool:
        """Whether its firmware does not run yet, or it has no power: it hears nothing."""
        return self._boot_end_s is not None

    def next_event_s(self) -> float:
        """When something happens next by itself; infinite if nothing will."""
        return self._next_boot_s() if self.booting else self._next_event_s()

    def idle(self) -> bool:
        """True when nothing more will happen without another byte."""
        return math.isinf(self.next_event_s())

    def has_output(self) -> bool:
        """Whether the controller has said something since the last ``take_output``."""
        return bool(self._output)

    def take_output(self) -> bytes:
        """What the controller has said since the last call."""
        if not self._output:
            return b""
        out = bytes(self._output)
        self._output.clear()
        return out

    def position_mm(self) -> Vector:
        """Machine position now, as the firmware believes it."""
        return self.motion.state()[0]

    def physical_mm(self) -> Vector:
        """Where the tool stands in the frame of power-on."""
        p, o = self.position_mm(), self.recorder.offset_mm
        return p[0] + o[0], p[1] + o[1], p[2] + o[2]

    def recording(self) -> Recording:
        """What the tool has done since power-on."""
        self.motion.flush()
        return self.recorder.recording(self.now_s)

    def power_cycle(self, off_s: float = 0.0) -> None:
        """Takes its power and gives it back: all is lost but what it has stored.

        The tool stays where it is, but the firmware believes that it stands elsewhere.

        Args:
            off_s: how long it has none.
        """
        self.motion.stop_dead()
        place = self.board.power_on_mm
        self._believe(self.start_mm if place is None else place)
        self._output.clear()
        self.dead = False
        boot = self.board.boot
        self._greets = boot.greets
        begin_s = self.now_s + off_s
        self._noise = deque((begin_s + at_s, line) for at_s, line in boot.spoken())
        self._boot_end_s = begin_s + boot.seconds
        self._come_up()

    def opened(self) -> None:
        """Somebody opens the port: a board that resets on DTR restarts, any other is left as it is."""
        if self.board.resets_on_open:
            self.power_cycle()
        else:
            self._output.clear()  # nobody was there to read it

    def say(self, line: str) -> None:
        """Sends a line to the other side."""
        self._output += line.encode("latin-1", "replace") + b"\r\n"  # it may repeat what it heard

    # -- inside ----------------------------------------------------------------------------------

    def _next_boot_s(self) -> float:
        """When the next thing is said of a boot, or it ends."""
        end_s = math.inf if self._boot_end_s is None else self._boot_end_s
        return min(end_s, self._noise[0][0]) if self._noise else end_s

    def _come_up(self) -> None:
        """Says what is due of a boot, and starts the firmware at its end."""
        if self._boot_end_s is None:
            return
        due_s = self.now_s + INSTANT_S
        while self._noise and self._noise[0][0] <= due_s:
            self._output += self._noise.popleft()[1] + b"\r\n"
        if self._boot_end_s <= due_s:
            self._boot_end_s = None
            said = bytes(self._output)
            self._restart()
            if not self._greets:
                self._output[:] = said

    def _believe(self, position_mm: Vector) -> None:
        """Makes the firmware take ``position_mm`` for the place where the tool now stands."""
        here = self.physical_mm()
        self.motion.place(position_mm)
        at = self.planner.position_mm
        self.recorder.offset_mm = (here[0] - at[0], here[1] - at[1], here[2] - at[2])

    def _carry_to(self, place_mm: Vector, believed_mm: Vector, duration_s: float) -> None:
        """Records a straight way to a place (frame of power-on) that ends now, as homing makes it."""
        here = self.physical_mm()
        way = (place_mm[0] - here[0], place_mm[1] - here[1], place_mm[2] - here[2])
        length = math.hypot(*way)
        self.recorder.offset_mm = (0.0, 0.0, 0.0)
        if length > 0 and duration_s > 0:
            unit = (way[0] / length, way[1] / length, way[2] / length)
            self.recorder.ramp(self.now_s - duration_s, duration_s, here, unit, length / duration_s, 0.0)
        self.motion.place(believed_mm)
        at = self.planner.position_mm
        self.recorder.offset_mm = (place_mm[0] - at[0], place_mm[1] - at[1], place_mm[2] - at[2])


def usual_start(machine: MachineProfile, start_mm: Vector | None) -> Vector:
    """``start_mm``, or x = y = 0 with the pen up where none is given."""
    if start_mm is not None:
        return start_mm
    return 0.0, 0.0, 0.0 if machine.pen_actuator == "servo" else machine.safe_pen
