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

The ``$`` commands of the virtual controller.

Homing: first z, then x and y together; each axis runs to its switch at the seek rate
($25), touches it again at the locate rate ($24) and pulls off by $27. The switches stand
just outside the envelope, at the end that $23 names. After it the machine frame starts at
the switches, as in GRBL: a positive end is -pull-off, a negative end is -travel + pull-off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator

from firmware_bridge.gcode.grbl_grammar import LINE_CHARS, GcodeError
from firmware_bridge.gcode.words import parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import GrblState
from firmware_bridge.simulator.grbl.buffer import Deafness, ReceiveBuffer
from firmware_bridge.simulator.grbl.flavours import GRBL, GrblOptions, config_line, setting_lines
from firmware_bridge.simulator.grbl.interpreter import Interpreter, Need, SoftLimit, Wait
from firmware_bridge.simulator.grbl.settings import SettingError, Settings
from firmware_bridge.simulator.grbl.states import (
    ALARM_ABORT,
    ALARM_HOMING_APPROACH,
    ALARM_HOMING_RESET,
    ALARM_SOFT_LIMIT,
    CRITICAL_ALARMS,
    DOOR,
    FIRST_HIGH_BYTE,
    HOLD,
    JOG_CANCEL,
    RESET,
    RESUME,
    STATUS,
    SUSPENDED,
    State,
)
from firmware_bridge.simulator.planner import Planner, Vector
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController, usual_start

_SECONDS_PER_MINUTE = 60.0
_MM_PER_INCH = 25.4
_SHOW_MACHINE, _SHOW_BUFFERS = 1, 2
# Offset and overrides come only now and then, to keep reports short: one report in so many while the
# machine is busy, and while it is not (REPORT_WCO_REFRESH_*, REPORT_OVR_REFRESH_*).
_OFFSET_EVERY = (30, 10)
_OVERRIDES_EVERY = (20, 10)
_BUSY = ("Run", "Jog", "Home", "Hold", "Door")
# Digits of places and of speeds, in mm and in inches.
_PLACE_DIGITS = (3, 4)
_RATE_DIGITS = (0, 1)


def status_report(controller: VirtualGrbl) -> str:
    """The answer to ``?``: state, position, buffers, feed and, now and then, offset and overrides."""
    values = controller.settings.values
    mask, inches = int(values[10]), bool(values[13])
    unit = 1.0 / _MM_PER_INCH if inches else 1.0
    position, speed = controller.motion.state()
    offset = controller.interpreter.offset_mm
    if mask & _SHOW_MACHINE:
        parts = [f"MPos:{vector_text(position, inches)}"]
    else:
        work = (position[0] - offset[0], position[1] - offset[1], position[2] - offset[2])
        parts = [f"WPos:{vector_text(work, inches)}"]
    if mask & _SHOW_BUFFERS:
        parts.append(f"Bf:{controller.planner.free},{controller.rx.free}")
    rate = f"{speed * _SECONDS_PER_MINUTE * unit:.{_RATE_DIGITS[inches]}f}"
    parts.append(f"FS:{rate},{controller.spindle_speed:.0f}")
    idle = int(controller.state.value not in _BUSY)
    if controller.offset_changed:
        controller.offset_changed, controller.reports_to_offset = False, 0
    if controller.reports_to_offset:
        controller.reports_to_offset -= 1
    else:
        controller.reports_to_offset = _OFFSET_EVERY[idle] - 1
        controller.reports_to_overrides = max(controller.reports_to_overrides, 1)  # in the next report
        parts.append(f"WCO:{vector_text(offset, inches)}")
    if controller.reports_to_overrides:
        controller.reports_to_overrides -= 1
    else:
        controller.reports_to_overrides = _OVERRIDES_EVERY[idle] - 1
        planner = controller.planner
        parts.append(f"Ov:{planner.feed_override * 100:.0f},{planner.rapid_override * 100:.0f},100")
    return f"<{state_label(controller)}|{'|'.join(parts)}>"


def state_label(controller: VirtualGrbl) -> str:
    """The state with its substate: Hold:0 stands still, Hold:1 is slowing down; doors likewise."""
    state = controller.state.value
    moving = controller.motion.running
    if state == "Hold":
        return "Hold:1" if moving else "Hold:0"
    if state == "Door":
        return "Door:2" if moving else "Door:0"
    return state


def vector_text(mm: Vector, inches: bool) -> str:
    """A place as reports write it."""
    unit = 1.0 / _MM_PER_INCH if inches else 1.0
    return ",".join(f"{v * unit + 0.0:.{_PLACE_DIGITS[inches]}f}" for v in mm)


_FIRST_FRAME = 54
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
            parser.frames[number - _FIRST_FRAME] = offset
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


ERROR_STATEMENT = 3
ERROR_HOMING_OFF = 5
ERROR_NOT_IDLE = 8
ERROR_JOG_TRAVEL = 15
ERROR_JOG = 16

# How far beyond its travel the firmware searches for a switch.
_SEARCH_SHARE = 1.5
# Which axes run together, in turn (HOMING_CYCLE_0 and _1).
_CYCLES = ((2,), (0, 1))

_SETTING = re.compile(r"\$([0-9]+)=([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")

System = Generator[Wait, None, bool]


def run_system_line(grbl: VirtualGrbl, line: str) -> System:
    """Carries out one line that starts with ``$``.

    Returns:
        True if it is to be answered with ``ok``; False if a reset has answered already.

    Raises:
        GcodeError: with the firmware's error number.
        SettingError: if a setting is refused.
    """
    idle = grbl.state in ("Idle", "Alarm")
    if line == "$":
        grbl.say("[HLP:$$ $# $G $I $N $x=val $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
    elif line == "$G":
        grbl.say(f"[{grbl.interpreter.modal.words()}]")
    elif line == "$C":
        return _toggle_check(grbl)
    elif line == "$X":
        if grbl.state == "Alarm":
            grbl.say("[MSG:Caution: Unlocked]")
            grbl.unlock()
    elif line.startswith("$J="):
        yield from _jog(grbl, line[3:])
    elif not idle:
        raise GcodeError(ERROR_NOT_IDLE)
    elif line == "$$":
        for text in setting_lines(grbl.options, grbl.settings):
            grbl.say(text)
    elif line == "$#":
        _say_frames(grbl)
    elif line == "$I":
        blocks = grbl.planner.capacity
        for text in grbl.options.build:
            grbl.say(text.format(planner=blocks, rx=grbl.rx.size))
    elif line == "$N":
        for number, startup in enumerate(grbl.options.board.startup):
            grbl.say(f"$N{number}={startup.replace(' ', '')}")
    elif line == "$H":
        yield from _home(grbl)
    elif line == "$SLP":
        grbl.sleep()
    elif line in ("$RST=$", "$RST=#", "$RST=*"):
        _restore(grbl, line[-1])
        return False
    elif grbl.options.fluid and (found := config_line(grbl.settings, line[1:].lower())) is not None:
        grbl.say(found)
    elif match := _SETTING.fullmatch(line):
        yield Need.STILL
        changed = grbl.settings.write(int(match[1]), float(match[2]))
        yield grbl.now_s + grbl.store(changed)
    else:
        raise GcodeError(ERROR_STATEMENT)
    return True


def _toggle_check(grbl: VirtualGrbl) -> bool:
    if grbl.state == "Check":
        grbl.say("[MSG:Disabled]")
        grbl.answer(0)
        grbl.soft_reset()
        return False
    if grbl.state != "Idle":
        raise GcodeError(ERROR_NOT_IDLE)
    grbl.enter_check()
    grbl.say("[MSG:Enabled]")
    return True


def _jog(grbl: VirtualGrbl, words: str) -> Generator[Wait, None, None]:
    if grbl.state not in ("Idle", "Jog"):
        raise GcodeError(ERROR_NOT_IDLE)
    if not words:
        raise GcodeError(ERROR_JOG)
    target = grbl.interpreter.jog(words)
    if grbl.interpreter.outside(target):
        raise GcodeError(ERROR_JOG_TRAVEL)
    yield from grbl.interpreter.jog_to(target)
    grbl.begin_jog()


def _say_frames(grbl: VirtualGrbl) -> None:
    parser, inches = grbl.interpreter, bool(grbl.settings.values[13])
    for i, frame in enumerate(parser.frames):
        grbl.say(f"[G{_FIRST_FRAME + i}:{vector_text(frame, inches)}]")
    for code, place in zip((28, 30), parser.stored, strict=True):
        grbl.say(f"[G{code}:{vector_text(place, inches)}]")
    grbl.say(f"[G92:{vector_text(parser.shift, inches)}]")
    grbl.say(f"[TLO:{0.0:.{_PLACE_DIGITS[inches]}f}]")
    grbl.say(f"[PRB:{vector_text((0.0, 0.0, 0.0), inches)}:0]")


def _restore(grbl: VirtualGrbl, what: str) -> None:
    if what in "$*":
        grbl.settings.reset()
    if what in "#*":
        grbl.interpreter.frames = [(0.0, 0.0, 0.0)] * len(grbl.interpreter.frames)
        grbl.interpreter.stored = [(0.0, 0.0, 0.0)] * len(grbl.interpreter.stored)
    grbl.say("[MSG:Restoring defaults]")
    grbl.answer(0)
    grbl.soft_reset()


def _home(grbl: VirtualGrbl) -> Generator[Wait, None, None]:
    values = grbl.settings.values
    if not values[22]:
        raise GcodeError(ERROR_HOMING_OFF)
    yield Need.STILL
    box = grbl.machine.envelope
    pull_off, travel, mask = values[27], grbl.settings.travel_mm, int(values[23])
    low_z, high_z = (-travel[2], 0.0) if grbl.servo else (box.pen_min, box.pen_max)
    ends = ((box.x_min_mm, box.x_max_mm), (box.y_min_mm, box.y_max_mm), (low_z, high_z))
    here = grbl.physical_mm()
    place: list[float] = []
    homed: list[float] = []
    for axis, (low, high) in enumerate(ends):
        negative = bool(mask >> axis & 1)
        place.append(low if negative else high)
        homed.append(-travel[axis] + pull_off if negative else -pull_off)
        if abs(place[axis] - here[axis]) > _SEARCH_SHARE * travel[axis]:
            grbl.raise_alarm(ALARM_HOMING_APPROACH)
            yield Need.NEVER
    grbl.begin_home()
    for axes in _CYCLES:
        now = grbl.physical_mm()
        way_mm = max(abs(place[axis] - now[axis]) for axis in axes) + pull_off
        touch_s = 2.0 * pull_off / (values[24] / _SECONDS_PER_MINUTE)
        duration_s = way_mm / (values[25] / _SECONDS_PER_MINUTE) + touch_s
        if not math.isfinite(duration_s):
            duration_s = 0.0
        yield grbl.now_s + duration_s
        goal = [place[i] if i in axes else now[i] for i in range(3)]
        grbl.carry_home((goal[0], goal[1], goal[2]), (homed[0], homed[1], homed[2]), duration_s)
    grbl.finish_home()
