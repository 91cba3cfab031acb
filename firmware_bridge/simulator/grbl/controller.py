"""A virtual GRBL 1.1 controller, byte for byte, in virtual time.

Nouns:
    byte        arrives now; a realtime byte acts at once, any other goes into the buffer
    main loop   reads lines from the buffer, carries them out, answers each one
    event       the main loop may go on, a block ends, a hold comes to rest

The main loop is a generator that yields what it waits for. ``advance`` moves the
virtual clock from event to event, so a drawing of an hour runs as fast as its
blocks can be planned. An ``ok`` is withheld while the planner is full, and then the
receive buffer fills, as on the real one.

Each motion line costs the processor ``1 / line_rate_per_s``; that, and not the wire,
bounds an 8-bit board.

Source: behaviour published in GRBL 1.1's documentation (gnea/grbl, doc/markdown:
interface, commands, settings) and measured figures of users.

Realtime bytes: what acts at once, past the receive buffer.

Hold decelerates and stops the main loop; resume goes on; a reset drops everything,
and raises alarm 3 if the machine was moving. Source: GRBL 1.1 commands
documentation (``doc/markdown/commands.md`` in gnea/grbl).
"""

from __future__ import annotations

import re
from collections.abc import Generator

from firmware_bridge.gcode.grbl_grammar import LINE_CHARS, GcodeError
from firmware_bridge.gcode.words import parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.grbl.buffer import Deafness, ReceiveBuffer
from firmware_bridge.simulator.grbl.flavours import GRBL, GrblOptions
from firmware_bridge.simulator.grbl.interpreter import Interpreter, Need, SoftLimit, Wait
from firmware_bridge.simulator.grbl.report import status_report
from firmware_bridge.simulator.grbl.settings import SettingError, Settings
from firmware_bridge.simulator.grbl.states import (
    ALARM_ABORT,
    ALARM_HOMING_RESET,
    ALARM_SOFT_LIMIT,
    CRITICAL_ALARMS,
    DOOR,
    FIRST_FRAME,
    FIRST_HIGH_BYTE,
    HOLD,
    JOG_CANCEL,
    RESET,
    RESUME,
    STATUS,
    SUSPENDED,
    State,
)
from firmware_bridge.simulator.grbl.system import run_system_line
from firmware_bridge.simulator.planner import Planner, Vector
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController, usual_start

_SOFT_LIMITS = 20  # which need $22 to be set first

_FEED_RESET = 0x90
_FEED_STEPS = {0x91: 0.10, 0x92: -0.10, 0x93: 0.01, 0x94: -0.01}
_RAPID_LEVELS = {0x95: 1.0, 0x96: 0.5, 0x97: 0.25}
_FEED_OVERRIDE_RANGE = (0.1, 2.0)


def handle_realtime(grbl: VirtualGrbl, byte: int) -> None:
    """Carries out one realtime byte; unknown ones are dropped, as the firmware does."""
    if byte == RESET:
        grbl.soft_reset()
    elif grbl.dead:
        if byte == STATUS and grbl.options.answers_alarmed:
            grbl.say(status_report(grbl))
    elif byte == STATUS:
        if grbl.state is State.HOME:
            grbl.status_wanted = True  # homing listens to nothing but a reset
        else:
            grbl.say(status_report(grbl))
    elif byte in (HOLD, DOOR):
        _hold(grbl, State.DOOR if byte == DOOR else State.HOLD)
    elif byte == RESUME:
        grbl.resume()
    elif byte == JOG_CANCEL:
        if grbl.state is State.JOG:
            grbl.cancel_jog()
    else:
        _override(grbl, byte)


def _hold(grbl: VirtualGrbl, state: State) -> None:
    if grbl.state in (State.ALARM, State.CHECK, State.SLEEP, State.HOME):
        return
    if grbl.state is State.JOG:
        grbl.cancel_jog()
        return
    grbl.suspend(state)
    grbl.motion.hold()


def _override(grbl: VirtualGrbl, byte: int) -> None:
    planner = grbl.planner
    before = (planner.feed_override, planner.rapid_override)
    if byte == _FEED_RESET:
        planner.feed_override = 1.0
    elif byte in _FEED_STEPS:
        low, high = _FEED_OVERRIDE_RANGE
        planner.feed_override = min(max(planner.feed_override + _FEED_STEPS[byte], low), high)
    elif byte in _RAPID_LEVELS:
        planner.rapid_override = _RAPID_LEVELS[byte]
    if before != (planner.feed_override, planner.rapid_override):
        planner.refresh_speeds()
        grbl.motion.plan_changed()


_ERROR_LOCKED = 9
_ERROR_OVERFLOW = 11


def main_loop(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    """Runs for ever; a reset drops it and starts another."""
    while True:
        text, overflow = yield from _read_line(grbl)
        if overflow:
            grbl.answer(_ERROR_OVERFLOW)
            continue
        line = parse(text)
        try:
            if not line or line.margin.system:
                grbl.standing_error = 0
            if not line:
                grbl.answer(0)
            elif line.margin.system:
                if (yield from run_system_line(grbl, line.margin.system)):
                    grbl.answer(0)
            elif grbl.state in (State.ALARM, State.JOG):
                grbl.answer(_ERROR_LOCKED)
            elif grbl.standing_error:
                grbl.answer(grbl.standing_error)
            else:
                if not grbl.checking():
                    yield grbl.now_s + 1.0 / grbl.machine.line_rate_per_s
                yield from grbl.interpreter.carry_out(line)
                grbl.answer(0)
        except (GcodeError, SettingError) as error:
            if grbl.options.hal:
                grbl.standing_error = error.code
            grbl.answer(error.code)
        except SoftLimit:
            yield from _stop_for_soft_limit(grbl)


def _read_line(grbl: VirtualGrbl) -> Generator[Wait, None, tuple[str, bool]]:
    """Reads one line as the firmware filters it; returns it, and whether it was too long."""
    if not grbl.rx:
        yield Need.DATA
    ready = None if grbl.options.hal else grbl.rx.pop_line(LINE_CHARS)  # grblHAL looks at pairs of line ends
    if ready is not None:
        return ready, False
    chars: list[str] = []
    overflow = False
    comment = ""
    while True:
        if not grbl.rx:
            yield Need.DATA
        char = chr(grbl.rx.pop())
        if grbl.options.hal and char == "\n" and grbl.after_return:
            grbl.after_return = False  # CR LF is one line end
            continue
        grbl.after_return = char == "\r"
        if char in "\r\n":
            return "".join(chars), overflow
        if comment:
            comment = "" if comment == "(" and char == ")" else comment
        elif char in "(;":
            comment = char
        elif char > " " and (char != "/" or (grbl.options.fluid and chars[:1] == ["$"])):
            if len(chars) >= LINE_CHARS:
                overflow = True
            else:
                chars.append(char.upper())


def _stop_for_soft_limit(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    grbl.motion.hold()
    while grbl.motion.running:
        yield grbl.motion.next_event_s
    grbl.raise_alarm(ALARM_SOFT_LIMIT)
    yield Need.NEVER


_SINGLE_REALTIME = (RESET, STATUS, HOLD, RESUME)
_REALTIME_BYTE = re.compile(b"[%b%b-\xff]" % (re.escape(bytes(_SINGLE_REALTIME)), bytes([FIRST_HIGH_BYTE])))


class VirtualGrbl(VirtualController):
    """The controller. Feed bytes with ``receive``, time with ``advance``, read with ``take_output``.

    Attributes:
        state: what a status report shows.
        rx: the receive buffer, with its count of overruns.
        deafness: when it hears nothing, since it stores a setting, and what it lost then.
        standing_error: the error that grblHAL repeats, or 0.
        after_return: whether the last byte that was read is a CR.
        reports_to_offset: status reports until the offset is told again; likewise for the overrides.
    """

    def __init__(
        self, machine: MachineProfile, start_mm: Vector | None = None, options: GrblOptions | None = None
    ) -> None:
        """Switches the controller on.

        Args:
            machine: envelope, limits, buffer sizes.
            start_mm: where the tool stands, and what the firmware believes; by default
                x = y = 0 with the pen up.
            options: which build it is, and the state it is in.
        """
        self.options = options or GRBL
        board = self.options.board
        self.deafness = Deafness()
        self.standing_error = 0
        self.after_return = False
        machine = machine.as_controller()  # a raw one knows joints, and nothing of the arm behind them
        self.rx = ReceiveBuffer(self.options.rx_bytes or machine.rx_buffer_bytes)
        blocks = self.options.planner_blocks or machine.planner_blocks
        self.settings = Settings(machine)
        start_mm = usual_start(machine, start_mm)
        for number, value in sorted(board.settings.items(), key=lambda item: item[0] == _SOFT_LIMITS):
            self.settings.write(number, value)
        super().__init__(machine, Planner(self.settings, blocks, start_mm), start_mm, board)
        self.spindle_speed = 0.0
        self.reports_to_offset = self.reports_to_overrides = 0
        self.status_wanted = False
        self.offset_changed = True
        self.state = State.IDLE
        self._wait: Wait = Need.DATA
        self._loop: Generator[Wait, None, None] = main_loop(self)
        self._switch_on(locked=bool(self.settings.values[22]))
        self.interpreter = Interpreter(self, self.settings, self.planner, self.motion)
        self._take_over(board)

    # -- outside -----------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Takes bytes that arrive now."""
        if self.booting:
            return
        if self.deafness.over and not _REALTIME_BYTE.search(data):
            self.rx.extend(data)
            data = b""
        for byte in data:
            if byte in _SINGLE_REALTIME or byte >= FIRST_HIGH_BYTE:
                handle_realtime(self, byte)
            elif self.deafness.hears(self.now_s):
                self.rx.push(byte)
        self._run_main_loop()

    def store(self, changed_bytes: int) -> float:
        """A setting is written to the EEPROM: bytes that arrive meanwhile are lost; returns how long."""
        return self.deafness.begin(self.now_s, changed_bytes) if self.options.stalls else 0.0

    def go_on(self) -> bool:
        """Ends a pause that the program asked for; False if there is none."""
        if self.state is not State.HOLD:
            return False
        self.resume()
        self._run_main_loop()
        return True

    def _restart(self) -> None:
        self.turn_servo(self.now_s, 0.0)
        self._switch_on(locked=bool(self.settings.values[22]))
        self.interpreter.reset()
        self._run_startup()

    def raise_alarm(self, code: int) -> None:
        """Stops dead with an alarm, as a limit switch does (also for fault injection)."""
        self.motion.stop_dead()
        self.state = State.ALARM
        self.say(f"ALARM:{code}")
        if code in CRITICAL_ALARMS:
            self.say("[MSG:Reset to continue]")
            self.dead = True
            self._wait = Need.NEVER
        else:
            self._loop, self._wait = main_loop(self), Need.DATA

    # -- what the main loop and the commands use -------------------------------------------------

    def answer(self, code: int) -> None:
        """Acknowledges one line: ``ok`` for 0, else ``error:code``."""
        self.acknowledged += 1
        self.say("ok" if code == 0 else f"error:{code}")

    def checking(self) -> bool:
        """True in check mode, where nothing moves."""
        return self.state is State.CHECK

    def pause(self) -> None:
        """Enters a hold at rest, as M0 does."""
        self.suspend(State.HOLD)

    def suspend(self, state: State) -> None:
        """Stops the main loop for a hold or a door."""
        if self.state not in SUSPENDED:
            self._paused_s = self.now_s
        self.state = state

    def resume(self) -> None:
        """Goes on after a hold that has come to rest."""
        if self.state not in (State.HOLD, State.DOOR) or self.motion.running:
            return
        if isinstance(self._wait, float):  # a dwell goes on where it was
            self._wait += self.now_s - self._paused_s
        self.motion.release()
        self.state = State.RUN if self.planner.blocks else State.IDLE
        self.motion.start()

    def cancel_jog(self) -> None:
        """Decelerates a jog and drops what is left of it."""
        self._jog_cancelled = True
        self.motion.hold()
        self._motion_event()

    def begin_jog(self) -> None:
        """A jog has been queued: move."""
        if self.state is State.IDLE and self.planner.blocks:
            self.state = State.JOG
            self.motion.start()

    def unlock(self) -> None:
        """Leaves the alarm state."""
        self.state = State.IDLE

    def sleep(self) -> None:
        """Switches the motors off until a reset."""
        self.state = State.SLEEP
        self.say("[MSG:Sleeping]")

    def enter_check(self) -> None:
        """Enters check mode, where lines are read and nothing moves."""
        self.state = State.CHECK

    def begin_home(self) -> None:
        """The homing cycle has begun."""
        self.state = State.HOME

    def carry_home(self, place_mm: Vector, homed_mm: Vector, duration_s: float) -> None:
        """Some axes have run to their switches (frame of power-on); all of them are ``homed_mm`` at last."""
        self._carry_to(place_mm, homed_mm, duration_s)

    def finish_home(self) -> None:
        """The tool stands at its switches."""
        self.interpreter.sync()
        self.state = State.IDLE
        if self.status_wanted:
            self.status_wanted = False
            self.say(status_report(self))

    def turn_servo(self, at_s: float, value: float) -> None:
        """Gives the spindle output a new S; it turns the pen of a servo machine."""
        self.spindle_speed = value
        self.recorder.servo_to(at_s, value)

    def soft_reset(self) -> None:
        """What the reset byte does; while moving it loses steps, which is alarm 3."""
        alarm = 0
        if self.state is State.HOME:
            alarm = ALARM_HOMING_RESET
        elif self.motion.running:
            alarm = ALARM_ABORT
        locked = self.state in (State.ALARM, State.SLEEP) or alarm != 0
        self.motion.stop_dead()
        self.turn_servo(self.now_s, 0.0)
        if alarm:
            self.say(f"ALARM:{alarm}")
        self._switch_on(locked)
        self.interpreter.reset()
        self._run_startup()

    # -- inside ----------------------------------------------------------------------------------

    def _switch_on(self, locked: bool) -> None:
        self.rx.clear()
        self.dead = False
        self.status_wanted = False
        self.offset_changed = True
        self._jog_cancelled = False
        self._paused_s = 0.0
        self.standing_error = 0
        self.planner.feed_override = self.planner.rapid_override = 1.0
        self.say("")
        self.say(self.options.banner)
        self.state = State.ALARM if locked else State.IDLE
        if locked:
            self.say("[MSG:'$H'|'$X' to unlock]")
        self._loop, self._wait = main_loop(self), Need.DATA

    def _take_over(self, board: GrblState) -> None:
        """Brings a board that has just been switched on into a state."""
        parser = self.interpreter
        for number, offset in board.frames.items():
            parser.frames[number - FIRST_FRAME] = offset
        parser.stored = list(board.stored)
        if board.counters_mm is not None:
            self._believe(board.counters_mm)
            parser.sync()
        self._run_startup()
        if board.resets_on_open:
            return
        for line in board.left:
            self._carry_out_modal(line)
        self.reports_to_offset, self.offset_changed = board.reports_to_offset, False
        # It was homed or unlocked, unless the state says otherwise.
        self.state = State.ALARM if board.locked else State.HOLD if board.held else State.IDLE
        if board.alarm:
            self.raise_alarm(board.alarm)
        self._output.clear()  # nobody heard it

    def _run_startup(self) -> None:
        """Carries out the startup lines, which a locked board leaves out."""
        if self.state is not State.IDLE:
            return
        for line in self.options.board.startup:
            if line:
                self._carry_out_modal(line)
                self.say(f">{line.replace(' ', '')}:ok")

    def _carry_out_modal(self, line: str) -> None:
        """Carries out a line that moves nothing."""
        for _ in self.interpreter.carry_out(parse(line)):
            pass

    def _run_main_loop(self) -> None:
        while self._may_go_on():
            loop = self._loop
            wait = next(loop)
            if loop is self._loop and not self.dead:
                self._wait = wait  # otherwise a reset or an alarm has replaced the loop
            self._start_if_waiting()

    def _may_go_on(self) -> bool:
        if self.state in SUSPENDED or self.dead:
            return False
        wait = self._wait
        if isinstance(wait, float):
            return wait <= self.now_s + INSTANT_S
        if wait is Need.DATA:
            return len(self.rx) > 0
        if wait is Need.ROOM:
            return self.planner.free > 0
        return wait is Need.STILL and not self.planner.blocks

    def _start_if_waiting(self) -> None:
        """The firmware starts to move when its buffer is dry, the ring is full, or it must wait."""
        wait = self._wait
        full = wait is Need.ROOM and not self.planner.free
        if not (full or wait is Need.STILL or (wait is Need.DATA and not self.rx)):
            return
        if self.planner.blocks and self.state in (State.IDLE, State.RUN, State.JOG):
            if self.state is State.IDLE:
                self.state = State.RUN
            self.motion.start()

    def _next_event_s(self) -> float:
        event = self.motion.next_event_s
        if isinstance(self._wait, float) and self.state not in SUSPENDED:
            event = min(event, self._wait)
        return event

    def _motion_event(self) -> None:
        if self.motion.running:
            return
        if self._jog_cancelled:
            self._jog_cancelled = False
            self.motion.stop_dead()
            self.interpreter.sync()
            self.state = State.IDLE
        elif self.state in (State.RUN, State.JOG) and not self.planner.blocks:
            self.state = State.IDLE
