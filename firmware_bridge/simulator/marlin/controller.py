"""A virtual Marlin 2 board, byte for byte, in virtual time.

Nouns:
    queue      up to four commands that were read and are not finished
    ok         comes when a command is finished; for a move, when the planner has taken it
    keepalive  ``echo:busy: processing``, while a command keeps the board from answering

A first move waits a tenth of a second for followers, so that it need not be planned to end
at once. ``M112`` kills the board until it is restarted. Each move costs the processor
``1 / line_rate_per_s``.

Source: marlinfw.org (configuration, G-code reference) and the facts in ``serial_input.py``.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.interpreter import Need, Wait
from firmware_bridge.simulator.marlin.commands import VERSION, Commands
from firmware_bridge.simulator.marlin.planner import MarlinPlanner
from firmware_bridge.simulator.marlin.serial_input import QUEUE_LINES, SerialInput
from firmware_bridge.simulator.marlin.settings import MarlinSettings
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController, usual_start

_KEEPALIVE_S = 2.0  # DEFAULT_KEEPALIVE_INTERVAL
_FIRST_MOVE_DELAY_S = 0.1  # BLOCK_DELAY_FOR_1ST_MOVE
_FOLLOWERS = 3  # as many waiting blocks end that delay at once


@dataclass(frozen=True, slots=True)
class MarlinOptions:
    """How the board was compiled.

    Attributes:
        resend_ok: whether an ``ok`` follows a ``Resend:`` (2.1 does, some 2.0 do not).
        advanced_ok: whether an ``ok`` tells the line number and what is free (ADVANCED_OK).
        emergency_parser: whether M112, M410 and M108 are seen though the queue is full.
        old_endstops: whether M211 answers on one line, as before 2.1.
    """

    resend_ok: bool = True
    advanced_ok: bool = False
    emergency_parser: bool = False
    old_endstops: bool = False


class VirtualMarlin(VirtualController):
    """The board. Feed bytes with ``receive``, time with ``advance``, read with ``take_output``.

    Attributes:
        input: receive buffer and command queue, with counts of overruns, resends, duplicates.
        settings: what M203 and its kind have set.
        keepalive_s: time between two busy messages; 0 switches them off.
    """

    def __init__(
        self, machine: MachineProfile, start_mm: Vector | None = None, options: MarlinOptions | None = None
    ) -> None:
        """Switches the board on.

        Args:
            machine: envelope, limits, buffer sizes.
            start_mm: where the tool stands, and what the firmware believes; by default
                x = y = 0 with the pen up.
            options: how it was compiled.
        """
        machine = machine.as_controller()  # a raw one knows joints, and nothing of the arm behind them
        self.options = options or MarlinOptions()
        self.settings = MarlinSettings(machine)
        start_mm = usual_start(machine, start_mm)
        super().__init__(machine, MarlinPlanner(self.settings, machine.planner_blocks, start_mm), start_mm)
        self.input = SerialInput(
            self, machine.rx_buffer_bytes, self.options.resend_ok, self.options.emergency_parser
        )
        self.servo_degrees = 0
        self.answered = False
        self._wait: Wait = Need.DATA
        self.commands = Commands(self)
        self._restart()

    # -- outside ---------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Takes bytes that arrive now."""
        if self.dead:
            return
        self.input.take(data)
        self._run_main_loop()

    def next_event_s(self) -> float:
        """When something happens next by itself; infinite if nothing will."""
        if self.dead:
            return math.inf
        event = min(self.motion.next_event_s, self._start_s)
        if isinstance(self._wait, float):
            event = min(event, self._wait)
        if self._in_handler and self.keepalive_s and self._wait is not Need.NEVER:
            event = min(event, max(self._busy_s, self.now_s))
        return event

    def go_on(self) -> bool:
        """Ends an M0; False if there is none."""
        if self._wait is not Need.NEVER or self.dead:
            return False
        self._wait = self.now_s
        self._run_main_loop()
        return True

    def idle(self) -> bool:
        """True when nothing more will happen without another byte."""
        return self.dead or (self._wait in (Need.DATA, Need.NEVER) and math.isinf(self.next_event_s()))

    # -- what the commands use -------------------------------------------------------------------

    def turn_servo(self, at_s: float, value: float) -> None:
        """Turns the pen of a servo machine, in degrees."""
        self.servo_degrees = int(value)
        self.recorder.servo_to(at_s, value)

    def blocks_queued(self) -> None:
        """A block has been appended: start now, or soon."""
        if self.motion.running:
            return
        if len(self.planner.blocks) >= _FOLLOWERS:
            self._start_s = self.now_s
        elif math.isinf(self._start_s):
            self._start_s = self.now_s + _FIRST_MOVE_DELAY_S

    def carry_home(self, place_mm: Vector, believed_mm: Vector, duration_s: float) -> None:
        """The axes have run to their switches."""
        self._carry_to(place_mm, believed_mm, duration_s)

    def critical(self, command: str) -> None:
        """Carries out M112, M410 or M108 at once."""
        if command == "M112":
            self.motion.stop_dead()
            self.say("Error:Printer halted. kill() called!")
            self.dead = True
        elif command == "M410":
            self.motion.stop_dead()
            self._start_s = math.inf
            self.commands.sync()
        elif self._wait is Need.NEVER:
            self._wait = self.now_s

    # -- inside ----------------------------------------------------------------------------------

    def _restart(self) -> None:
        self.input.reset()
        self.keepalive_s = _KEEPALIVE_S
        self._busy_s = self.now_s + _KEEPALIVE_S
        self._start_s = math.inf
        self._in_handler = False
        self.commands.reset()
        self.say("start")
        self.say(f"echo:Marlin {VERSION}")
        self._wait = Need.DATA
        self._loop = self._main_loop()

    def _main_loop(self) -> Generator[Wait, None, None]:
        while True:
            while not self.input.queue:
                yield Need.DATA
            command = self.input.queue[0]
            self._in_handler = True
            if command.text[:2] in ("G0", "G1"):
                yield self.now_s + 1.0 / self.machine.line_rate_per_s
            self.answered = False
            yield from self.commands.carry_out(command)
            self._in_handler = False
            self.acknowledged += 1
            if not self.answered:
                self.say(self._ok(command.number))
            self.input.queue.popleft()

    def _ok(self, number: int | None) -> str:
        if not self.options.advanced_ok:
            return "ok"
        named = "" if number is None else f" N{number}"
        return f"ok{named} P{self.planner.free} B{QUEUE_LINES - len(self.input.queue)}"

    def _run_main_loop(self) -> None:
        if self.dead:
            return
        self.input.fill()
        while not self.dead and self._may_go_on():
            self._wait = next(self._loop)
            self.input.fill()
        if self.dead:
            return
        if self._start_s <= self.now_s + INSTANT_S:
            self._start_s = math.inf
            self.motion.start()
        if self._in_handler and self.keepalive_s and self.now_s + INSTANT_S >= self._busy_s:
            self._busy_s = self.now_s + self.keepalive_s
            if self._wait is not Need.NEVER:
                self.say("echo:busy: processing")

    def _may_go_on(self) -> bool:
        wait = self._wait
        if isinstance(wait, float):
            return wait <= self.now_s + INSTANT_S
        if wait is Need.DATA:
            return bool(self.input.queue)
        if wait is Need.ROOM:
            return self.planner.free > 0
        return wait is Need.STILL and not self.planner.blocks

    def _motion_event(self) -> None:
        """A block has ended; a running board needs nothing more."""
