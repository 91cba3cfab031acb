"""GRBL 1.1: moves to G-code lines, answer lines to replies.

Nouns:
    word   a letter with a number, such as X10.5
    modal  a word that stays in force, so that repeating it only costs bytes
    rapid  G0: every axis as fast as the firmware allows, no feed word

The speed limit of a rapid along the unit vector u is min over axes of v_i / |u_i|
(GRBL's own rule). A move whose feed reaches it is written as G0, since both then
move alike; every other move is G1 with a feed in mm/min, which exists only here.

Pen: a ``z`` pen is a Z word, in the same move as x and y. A ``servo`` pen is
``M3 S`` followed by a dwell, and only where the pen is lifted or lowered: with
``$32=0`` every change of S drains the planner and stops the tool, so a value that
changes inside a stroke is held until the next lift or lower. With ``$32=1`` the
firmware forces S to 0 while G0 is in force, so a servo machine is never given a
G0: its lines do the same in both modes.

A machine with ``raw_joints`` is sent joint values in the x and y words (``joint_moves.py``);
all that is said of mm here then holds for joint units.

Source: GRBL 1.1 interface and command documentation (gnea/grbl, doc/markdown).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from firmware_bridge.dialects.base import (
    ONE_LINE,
    Alarm,
    Banner,
    Facts,
    Framing,
    Manners,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Setting,
    Status,
    Unknown,
    WindowSize,
    Words,
)
from firmware_bridge.dialects.grbl_limits import limits_of
from firmware_bridge.dialects.grbl_messages import alarm_words, error_words
from firmware_bridge.dialects.limits import MachineLimits
from firmware_bridge.dialects.numbers import (
    POSITION_DECIMALS,
    SECONDS_PER_MINUTE,
    axis_words,
    comment_lines,
    decimal,
    feed_word,
)
from firmware_bridge.errors import ProgramError
from firmware_bridge.events import Position
from firmware_bridge.joint_moves import for_controller
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


# Documents give the buffer of GRBL 1.1 as 127 or 128 bytes, and some builds count one too many.
RX_RESERVE_BYTES = 1

_ERROR = re.compile(r"error:([0-9]{1,3})")
_ALARM = re.compile(r"ALARM:([0-9]{1,3})")
# No firmware writes longer numbers, and no longer ones are believed.
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SETTING = re.compile(rf"\$([0-9]{{1,3}})=({_NUMBER})(?: *\(.*\))?")
# FluidNC tells one value of its configuration where its path is asked for.
_CONFIG = re.compile(rf"\$(/[A-Za-z0-9_/]{{1,80}})=({_NUMBER}|true|false)")
_MESSAGE = re.compile(r"\[(.*)\]")
_BANNER = re.compile(r"Grbl(?:HAL)? ([0-9]+\.[0-9]+\S*)(?: \[.*\])?")
# Any word is a state: one that is not known here must be seen, so that it is not taken for the one before.
_STATUS = re.compile(r"<([A-Z][A-Za-z-]{1,15})(?::([0-9]{1,3}))?((?:\|[A-Za-z]+:[^|<>]*)+)>")
# FluidNC's names of what it reports as an alarm, too.
_ALARM_STATES = ("ConfigAlarm", "Critical")
_NUMBERS = re.compile(rf"{_NUMBER}(?:,{_NUMBER})*")


class Grbl:
    """The GRBL 1.1 dialect, for the registry."""

    name = "grbl"
    realtime: Mapping[Realtime, bytes] = MappingProxyType(
        {
            Realtime.STATUS: b"?",
            Realtime.HOLD: b"!",
            Realtime.RESUME: b"~",
            Realtime.RESET: b"\x18",
            Realtime.JOG_CANCEL: b"\x85",
            Realtime.FEED_RESET: b"\x90",
            Realtime.FEED_UP_10: b"\x91",
            Realtime.FEED_DOWN_10: b"\x92",
            Realtime.FEED_UP_1: b"\x93",
            Realtime.FEED_DOWN_1: b"\x94",
            Realtime.RAPID_100: b"\x95",
            Realtime.RAPID_50: b"\x96",
            Realtime.RAPID_25: b"\x97",
        }
    )
    commands: Mapping[str, str] = MappingProxyType(
        {
            "home": "$H",
            "unlock": "$X",
            "settings": "$$",
            "build info": "$I",
            "frames": "$#",
            "modes": "$G",
            "check": "$C",
            "sync": "G4 P0.01",
        }
    )
    framing = Framing.PLAIN
    words = Words(rapid_without_feed=True)
    manners = Manners(simulator="grbl", reset_servo=0.0)
    signs = re.compile(r"Grbl|GrblHAL|<(Idle|Run|Hold|Alarm)[|:,]|error:[0-9]|ALARM:[0-9]|\[(VER|MSG|GC):")

    def window(self, machine: MachineProfile, facts: Facts) -> WindowSize:
        """As many bytes as the receive buffer holds, if the machine told its size; else one line."""
        del machine
        return ONE_LINE if facts.rx_bytes is None else WindowSize(bytes=facts.rx_bytes - RX_RESERVE_BYTES)

    def limits(self, machine: MachineProfile, facts: Facts) -> MachineLimits:
        """What ``$$``, ``$I`` and FluidNC's configuration tell of the machine."""
        return limits_of(machine, facts)

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        """Lines (without line ends) that draw the program; the same program gives the same lines.

        The pen is raised straight up before anything else moves.

        Args:
            program: moves in machine mm.
            machine: limits, to tell a rapid, and the kind of pen.

        Raises:
            ProgramError: if a coordinate is too large for a line.
            ReachError: if the machine takes joint values and a move leads out of its reach.
        """
        return Encoder(machine.as_controller()).encode(for_controller(program, machine))

    def pen_lines(
        self,
        value: float,
        machine: MachineProfile,
        offset: float | None = None,
        here: Position | None = None,
    ) -> list[str]:
        """Lines that move only the pen axis, as fast as it can.

        Args:
            value: target in pen units.
            machine: tells the kind of pen.
            offset: machine minus work position of the pen axis, mm; when given, the
                move is written in the machine frame, which a reset does not change.
            here: not needed.
        """
        del here
        if machine.pen_actuator == "servo":
            full_turn_s = (machine.envelope.pen_max - machine.envelope.pen_min) / machine.pen_max_speed
            return [f"G1 F{SERVO_FEED} M3 S{decimal(value)}", dwell(full_turn_s)]
        if offset is None:
            return [f"G21 G90 G0 Z{decimal(value)}"]
        return [f"G21 G90 G53 G0 Z{decimal(value + offset)}"]

    def jog_lines(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> list[str]:
        """One relative move that the machine may cancel and that raises no alarm at a limit.

        Raises:
            ProgramError: if nothing moves, or the feed is not positive.
        """
        words = [f"{a}{decimal(d)}" for a, d in zip("XYZ", (dx_mm, dy_mm, dpen), strict=True) if d != 0]
        if not words:
            raise ProgramError("A jog needs a distance: give x, y or the pen a step.")
        if not (math.isfinite(feed_mm_s) and feed_mm_s > 0):
            raise ProgramError(f"A jog needs a feed above 0 mm/s, not {feed_mm_s:g}.")
        return [f"$J=G21 G91 {' '.join(words)} F{feed_word(feed_mm_s)}"]

    def parse(self, line: str) -> Reply:
        """Reads one answer line strictly; what does not match to the last character is ``Unknown``."""
        if line == "ok":
            return Ok()
        if match := _ERROR.fullmatch(line):
            code = int(match[1])
            return Rejected(code, *error_words(code))
        if match := _ALARM.fullmatch(line):
            code = int(match[1])
            return Alarm(code, *alarm_words(code))
        if match := _STATUS.fullmatch(line):
            return _status(match) or Unknown(line)
        if match := _SETTING.fullmatch(line):
            return Setting(f"${match[1]}", float(match[2]))
        if match := _CONFIG.fullmatch(line):
            value = {"true": 1.0, "false": 0.0}.get(match[2])
            return Setting(match[1], float(match[2]) if value is None else value)
        if match := _MESSAGE.fullmatch(line):
            return Message(match[1])
        if match := _BANNER.fullmatch(line):
            return Banner(match[1])
        return Unknown(line)


def _numbers(text: str) -> tuple[float, ...] | None:
    return tuple(float(n) for n in text.split(",")) if _NUMBERS.fullmatch(text) else None


def _status(match: re.Match[str]) -> Status | None:
    """A status report, or None when a field that we use is not readable."""
    fields = dict(part.split(":", 1) for part in match[3].split("|")[1:])
    values: dict[str, tuple[float, ...] | None] = {}
    for key in ("MPos", "WPos", "WCO", "Bf", "FS", "F"):
        text = fields.pop(key, None)
        values[key] = None if text is None else _numbers(text)
        if text is not None and values[key] is None:
            return None
    buffers, speed = values["Bf"], values["FS"] or values["F"]
    if (values["MPos"] is None) == (values["WPos"] is None) or (buffers is not None and len(buffers) != 2):
        return None
    if any(v is not None and len(v) < 3 for v in (values["MPos"], values["WPos"], values["WCO"])):
        return None
    return Status(
        state="Alarm" if match[1] in _ALARM_STATES else match[1],
        substate=int(match[2]) if match[2] else None,
        machine_mm=values["MPos"],
        work_mm=values["WPos"],
        offset_mm=values["WCO"],
        buffers=(int(buffers[0]), int(buffers[1])) if buffers else None,
        feed_mm_s=speed[0] / SECONDS_PER_MINUTE if speed else None,
        spindle=speed[1] if speed and len(speed) > 1 else None,
        fields=fields,
    )


def encode(program: Program, machine: MachineProfile) -> list[str]:
    """Lines (without line ends) that draw the program; see ``Grbl.encode``."""
    return Grbl().encode(program, machine)
