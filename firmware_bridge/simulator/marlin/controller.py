"""A virtual Marlin 2 board, byte for byte, in virtual time.

Nouns:
    queue      up to four commands that were read and are not finished
    ok         comes when a command is finished; for a move, when the planner has taken it
    keepalive  ``echo:busy: processing``, while a command keeps the board from answering

A first move waits a tenth of a second for followers, so that it need not be planned to end
at once. ``M112`` kills the board until it is restarted. Each move costs the processor
``1 / line_rate_per_s``.

Source: marlinfw.org (configuration, G-code reference) and the facts in ``serial_input.py``.

The commands of a virtual Marlin board, each a generator of what it waits for.

One command stands in a line; the feed stays in force between lines, the motion does not.
Targets are logical: ``G92`` shifts them against the native frame in which the axes count.

Source: marlinfw.org, G-code reference.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from firmware_bridge.dialects.marlin import Marlin
from firmware_bridge.gcode.words import dwell_s, parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import MarlinState
from firmware_bridge.simulator.grbl.interpreter import Need, Wait
from firmware_bridge.simulator.marlin.planner import MarlinPlanner
from firmware_bridge.simulator.marlin.serial_input import QUEUE_LINES, Command, SerialInput
from firmware_bridge.simulator.marlin.settings import MarlinSettings
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController, usual_start

VERSION = "2.1.2"
_MM_PER_INCH = 25.4
_SECONDS_PER_MINUTE = 60.0
_HOMING_SPEED_MM_S = (50.0, 50.0, 4.0)  # HOMING_FEEDRATE_MM_M
_DEFAULT_FEED_MM_S = 25.0  # 1500 mm/min, in force after a start
_AXES = "XYZ"


class Commands:
    """Modal state of the board, and what each command does."""

    def __init__(self, board: VirtualMarlin) -> None:
        self.board = board
        self.reset()

    def reset(self) -> None:
        """What a restart does."""
        self.feed_mm_s = _DEFAULT_FEED_MM_S
        self.relative = False
        self.scale = 1.0
        self.shift: Vector = (0.0, 0.0, 0.0)  # logical minus native
        self.sync()

    def sync(self) -> None:
        """Takes the planner's position as the parser's."""
        self.native = self.board.planner.position_mm

    def carry_out(self, command: Command) -> Iterator[Wait]:
        """Runs one command; whatever it is, an ``ok`` follows."""
        line = command.line
        text = line.command
        if not line.words:  # what does not begin with a command is none
            self.board.say(f'echo:Unknown command: "{text}"')
            return
        first, *rest = line.words
        values = {letter: 0.0 if number != number else number for letter, number, _ in rest}
        name = first.code.partition(".")[0]
        if name in ("G0", "G1"):
            yield from self._move(values)
        elif name == "G4":
            yield Need.STILL
            yield self.board.now_s + (dwell_s(line, Marlin.words.dwell_units_s) or 0.0)
        elif name == "G28":
            yield from self._home(values)
        elif name == "G92":
            self._shift_to(values)
        elif name == "M400":
            yield Need.STILL
        elif name in ("M0", "M1"):
            yield Need.STILL
            self.board.say("//action:prompt_begin paused")
            yield Need.NEVER
        elif name in ("M92", "M201", "M203", "M204", "M205"):
            self.board.settings.write(int(name[1:]), values)
        elif name == "M280":
            self._servo(values)
        elif name in ("M17", "M18", "M84"):
            if name != "M17":
                yield Need.STILL
        else:
            self._simple(name, values, text)

    def _simple(self, name: str, values: dict[str, float], text: str) -> None:
        """Commands that need no time."""
        say = self.board.say
        if name in ("G90", "G91"):
            self.relative = name == "G91"
        elif name in ("G20", "G21"):
            self.scale = _MM_PER_INCH if name == "G20" else 1.0
        elif name == "M105":
            say("ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0")
            self.board.answered = True
        elif name == "M113":
            if "S" in values:
                self.board.keepalive_s = values["S"]
            else:
                say(f"echo:M113 S{self.board.keepalive_s:g}")
        elif name == "M114":
            self._say_position()
        elif name == "M115":
            self._say_firmware()
        elif name == "M211":
            if "S" in values:
                self.board.settings.endstops = bool(values["S"])
            else:
                for line in self.board.settings.box_lines(self.board.options.old_endstops):
                    say(line)
        elif name == "M503":
            for line in self.board.settings.lines():
                say(line)
        elif name not in ("M110", "M112", "M410", "M108", "M82", "M83", "M106", "M107", "M117", "M155"):
            say(f'echo:Unknown command: "{text}"')

    def _move(self, values: dict[str, float]) -> Iterator[Wait]:
        if values.get("F", 0.0) > 0.0:
            self.feed_mm_s = values["F"] * self.scale / _SECONDS_PER_MINUTE
        goal = list(self.native)
        for i, axis in enumerate(_AXES):
            if axis in values:
                word = values[axis] * self.scale
                goal[i] = self.native[i] + word if self.relative else word - self.shift[i]
        if self.board.options.board.home_first and not self.board.may_move(values):
            self.board.say("echo:Home XYZ First")
            return
        target = self.board.settings.clamped((goal[0], goal[1], goal[2]), self.board.homed)
        yield Need.ROOM
        self.native = target
        if self.board.planner.add(target, self.feed_mm_s, False):
            self.board.motion.plan_changed()
            self.board.blocks_queued()

    def _home(self, values: dict[str, float]) -> Iterator[Wait]:
        """Runs the named axes, or all, to the low end of the machine one after the other."""
        yield Need.STILL
        box = self.board.machine.envelope
        low = (box.x_min_mm, box.y_min_mm, 0.0 if self.board.servo else box.pen_min)
        here = self.board.physical_mm()
        which = [i for i, axis in enumerate(_AXES) if axis in values] or [0, 1, 2]
        place = [low[i] if i in which else here[i] for i in range(3)]
        believed = [low[i] if i in which else self.native[i] for i in range(3)]
        seconds = sum(abs(place[i] - here[i]) / _HOMING_SPEED_MM_S[i] for i in which)
        yield self.board.now_s + seconds
        self.board.carry_home(
            (place[0], place[1], place[2]), (believed[0], believed[1], believed[2]), seconds
        )
        shift = [0.0 if i in which else self.shift[i] for i in range(3)]
        self.shift = (shift[0], shift[1], shift[2])
        self.board.homed |= set(which)
        self.sync()

    def _shift_to(self, values: dict[str, float]) -> None:
        shift = [
            values[axis] * self.scale - self.native[i] if axis in values else self.shift[i]
            for i, axis in enumerate(_AXES)
        ]
        self.shift = (shift[0], shift[1], shift[2])

    def _servo(self, values: dict[str, float]) -> None:
        """Turns at once, though moves may still wait in the queue; whole degrees only."""
        if "S" not in values:
            self.board.say(f"Servo {int(values.get('P', 0.0))}: {self.board.servo_degrees}")
        elif self.board.servo:
            self.board.turn_servo(self.board.now_s, float(int(values["S"])))

    def _say_position(self) -> None:
        """The projected place, where the queued moves will end, and the steps where the motors are."""
        logical = [n + s for n, s in zip(self.native, self.shift, strict=True)]
        steps = [
            round(p * s)
            for p, s in zip(self.board.position_mm(), self.board.settings.steps_per_mm, strict=True)
        ]
        self.board.say(
            f"X:{logical[0] + 0.0:.2f} Y:{logical[1] + 0.0:.2f} Z:{logical[2] + 0.0:.2f} E:0.00 "
            f"Count X:{steps[0]} Y:{steps[1]} Z:{steps[2]}"
        )

    def _say_firmware(self) -> None:
        self.board.say(
            f"FIRMWARE_NAME:Marlin {VERSION} (virtual) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin "
            "PROTOCOL_VERSION:1.0 MACHINE_TYPE:Virtual Plotter EXTRUDER_COUNT:1 AXIS_COUNT:3"
        )
        capabilities = {
            "EEPROM": False,
            "EMERGENCY_PARSER": self.board.input.emergency_parser,
            "ARCS": False,
        }
        for capability, has in capabilities.items():
            self.board.say(f"Cap:{capability}:{int(has)}")


_KEEPALIVE_S = 2.0  # DEFAULT_KEEPALIVE_INTERVAL
_FIRST_MOVE_DELAY_S = 0.1  # BLOCK_DELAY_FOR_1ST_MOVE
_FOLLOWERS = 3  # as many waiting blocks end that delay at once


@dataclass(frozen=True, slots=True)
class MarlinOptions:
    """How the board was compiled, and the state it is in.

    Attributes:
        resend_ok: whether an ``ok`` follows a ``Resend:`` (2.1 does, some 2.0 do not).
        advanced_ok: whether an ``ok`` tells the line number and what is free (ADVANCED_OK).
        emergency_parser: whether M112, M410 and M108 are seen though the queue is full.
        old_endstops: whether M211 answers on one line, as before 2.1.
        board: the state it is in.
    """

    resend_ok: bool = True
    advanced_ok: bool = False
    emergency_parser: bool = False
    old_endstops: bool = False
    board: MarlinState = field(default_factory=MarlinState)


class VirtualMarlin(VirtualController):
    """The board. Feed bytes with ``receive``, time with ``advance``, read with ``take_output``.

    Attributes:
        input: receive buffer and command queue, with counts of overruns, resends, duplicates.
        settings: what M203 and its kind have set.
        keepalive_s: time between two busy messages; 0 switches them off.
        homed: numbers of the axes that were homed since the last restart.
    """

    def __init__(
        self, machine: MachineProfile, start_mm: Vector | None = None, options: MarlinOptions | None = None
    ) -> None:
        """Switches the board on.

        Args:
            machine: envelope, limits, buffer sizes.
            start_mm: where the tool stands, and what the firmware believes; by default
                x = y = 0 with the pen up.
            options: how it was compiled, and the state it is in.
        """
        machine = machine.as_controller()  # a raw one knows joints, and nothing of the arm behind them
        self.options = options or MarlinOptions()
        board = self.options.board
        self.settings = MarlinSettings(machine)
        self.settings.endstops = board.endstops
        if board.steps_per_mm is not None:
            self.settings.steps_per_mm = board.steps_per_mm
        start_mm = usual_start(machine, start_mm)
        planner = MarlinPlanner(self.settings, machine.planner_blocks, start_mm)
        super().__init__(machine, planner, start_mm, board)
        self.input = SerialInput(
            self, machine.rx_buffer_bytes, self.options.resend_ok, self.options.emergency_parser
        )
        self.servo_degrees = 0
        self.answered = False
        self._wait: Wait = Need.DATA
        self.commands = Commands(self)
        if board.counters_mm is not None:
            self._believe(board.counters_mm)
        self._restart()
        if board.homed:
            self.homed = {0, 1, 2}
        if not board.resets_on_open:
            for line in board.left:
                for _ in self.commands.carry_out(Command(None, parse(line, rs274=False))):
                    pass
            self.input.last_number = board.last_number
            self._output.clear()  # nobody heard it

    def refusal(self, random: Random, answer: bytes) -> bytes:
        """See ``VirtualController.refusal``."""
        del random, answer
        return b"Error:Printer stopped due to errors. Use M999 to restart.\r\nok\r\n"

    # -- outside ---------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Takes bytes that arrive now."""
        if self.dead or self.booting:
            return
        self.input.take(data)
        self._run_main_loop()

    def _next_event_s(self) -> float:
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
        if self.booting:
            return False
        return self.dead or (self._wait in (Need.DATA, Need.NEVER) and math.isinf(self.next_event_s()))

    # -- what the commands use -------------------------------------------------------------------

    def may_move(self, values: Mapping[str, float]) -> bool:
        """Whether all axes among some words are homed."""
        return all(i in self.homed for i, axis in enumerate(_AXES) if axis in values)

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
        self.homed = set[int]()
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
            if command.line.words and command.line.words[0].code in ("G0", "G1"):
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
