"""Marlin 2: moves to G-code lines, answer lines to replies.

One command stands in a line, and every move repeats its G word; the feed stays in force.
G0 and G1 are the same motion, so each carries the feed that is wanted. Moves without an
extruder run at the travel acceleration (``M204 T``), which must not be lower than the
machine's acceleration in the profile.

Pen: a ``z`` pen is a Z word, in the same move as x and y. A ``servo`` pen is ``M280``, which
turns at once though moves still wait, in whole degrees. So it stands between ``M400`` and a
dwell, and only where the pen is lifted or lowered: a value that changes inside a stroke is
held until then.

Lines go out as ``N<n> <command>*<checksum>``, so that a damaged or lost line is asked for
again and a doubled one is ignored.

Sources: marlinfw.org (G-code reference); Marlin/src/gcode/queue.cpp and M280.cpp of Marlin 2.1,
read for facts; the answers of older and other firmware from OctoPrint's issue threads.

What ``M503``, ``M211`` and ``M115`` of Marlin say of the machine.

Moves without an extruder run at the travel acceleration (``M204 T``), so an axis gets the lesser
of that and its own (``M201``).

Source: marlinfw.org (G-code reference); Marlin/src/gcode/control/M211.cpp and gcode/host/M115.cpp,
read for facts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from firmware_bridge.dialects.base import (
    ONE_LINE,
    Alarm,
    Banner,
    Busy,
    Damaged,
    Facts,
    Framing,
    Manners,
    Message,
    Ok,
    Realtime,
    Reply,
    Resend,
    Setting,
    Status,
    Unknown,
    Waiting,
    WindowSize,
    Words,
)
from firmware_bridge.dialects.limits import Frame, MachineLimits, Reader, Span, Three
from firmware_bridge.dialects.numbers import axis_words, comment_lines, decimal, feed_word
from firmware_bridge.errors import ProgramError
from firmware_bridge.events import Position
from firmware_bridge.joint_moves import for_controller
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program

if TYPE_CHECKING:
    from firmware_bridge.dialects.base import Facts

_AXES = "XYZ"
_FARTHEST_MM = 20000.0
_NAMES = MappingProxyType(
    {
        "steps": ("M92 X", "M92 Y", "M92 Z"),
        "speed": ("M203 X", "M203 Y", "M203 Z"),
        "acceleration": ("M201 X and M204 T", "M201 Y and M204 T", "M201 Z and M204 T"),
        "travel": ("M211", "M211", "M211"),
    }
)


def limits_of(machine: MachineProfile, facts: Facts) -> MachineLimits:
    """What the machine told; see ``MachineLimits``."""
    told = Reader(facts.settings, facts.notes)
    travel = told.one("M204 T", 0.1, 200000.0)
    own = told.acceleration(("M201 X", "M201 Y", "M201 Z"))
    kept = told.flag("M211 S")
    spans: list[Span | None] = []
    for axis in _AXES:
        low = told.one(f"M211 {axis.lower()}", -_FARTHEST_MM, _FARTHEST_MM)
        high = told.one(f"M211 {axis}", -_FARTHEST_MM, _FARTHEST_MM)
        spans.append((low, high) if low is not None and high is not None and low < high else None)
    lengths = [None if span is None else span[1] - span[0] for span in spans]
    if machine.pen_actuator == "servo":
        spans[2] = lengths[2] = None
    reach = spans if kept else [None, None, None]
    return MachineLimits(
        speed=told.speed(("M203 X", "M203 Y", "M203 Z")),
        acceleration=_lesser(own, travel),
        steps_per_mm=told.steps(("M92 X", "M92 Y", "M92 Z")),
        travel_mm=(lengths[0], lengths[1], lengths[2]),
        reach=(reach[0], reach[1], reach[2]),
        frame=Frame.WORK,
        soft_limits=kept,
        # 0 where the board brakes by classic jerk instead.
        junction_deviation_mm=told.one("M205 J", 0.0, 10.0) or None,
        arcs=facts.capabilities.get("ARCS"),
        names=_NAMES,
        notes=tuple(told.notes),
    )


def _lesser(own: Three, travel: float | None) -> Three:
    x, y, z = (a if a is None or travel is None else min(a, travel) for a in own)
    return x, y, z


MAX_CMD_SIZE = 96  # of Marlin's line buffer, with its end mark
# Room for number and checksum: "N1234567 " and "*255".
MAX_LINE_CHARS = MAX_CMD_SIZE - 1 - 13
QUEUE_LINES = 4  # BUFSIZE, of commands that were read and are not finished
POSITION_DECIMALS = 3
SERVO_SETTLE_S = 0.05
_MS_PER_S = 1000.0

# No board writes longer numbers, and no longer ones are believed.
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{0,9})?"
_AT = rf"({_NUMBER})"
_OK = re.compile(r"ok(?: N(-?[0-9]{1,9}))?(?: P[0-9]+ B[0-9]+)?(?: .*)?")
_RESEND = re.compile(r"(?:Resend:|rs) ?N?([0-9]{1,9})")
_ERROR = re.compile(r"(?:Error:|!! ?)(.*)")
_POSITION = re.compile(rf"(?:ok )?X: ?{_AT} Y: ?{_AT} Z: ?{_AT}(?: E[0-9]?: ?{_NUMBER})*(?: Count:? ?(.*))?")
_COUNT = re.compile(rf"A?X: ?{_AT} ?B?Y: ?{_AT} ?C?Z: ?{_AT}.*")
_BUSY = re.compile(r"(?:echo:)?busy: ?(.*)")
_SETTINGS = re.compile(rf"echo: *(M92|M201|M203|M204|M205)((?: [A-Z]{_NUMBER})+) *(?:;.*)?")
# The box that the firmware keeps, on one line or, since 2.1, on two.
_BOX = rf"Min: *X{_AT} *Y{_AT} *Z{_AT} *Max: *X{_AT} *Y{_AT} *Z{_AT}"
_ENDSTOPS = re.compile(
    rf"(?:echo:)? *(?:M211 S([01])(?: *;.*)?|(?:Soft endstops: (ON|OFF) *)?(?:{_BOX})?)", re.I
)
_WORD = re.compile(rf"([A-Za-z]){_AT}")
_FIRMWARE = re.compile(r"FIRMWARE_NAME: ?(.*?)(?: \(.*| SOURCE_CODE_URL.*|$)")
_CAPABILITY = re.compile(r"Cap:([A-Z0-9_]{1,40}):([01])")
# Errors after which the board does nothing more. Any other is told as a warning: a refused line is
# asked for again, and a refused command is answered with ok.
_HALTS = re.compile(
    r"halt|kill|stopped|shut ?down|(?:MIN|MAX)TEMP|Thermal|Heating failed|Homing failed", re.I
)


# What is said before a request to send a line again.
_DAMAGED = re.compile(
    r"Line Number is not Last|checksum mismatch|No Checksum with line|No Line Number with", re.I
)


class Marlin:
    """The Marlin 2 dialect, for the registry."""

    name = "marlin"
    realtime: Mapping[Realtime, bytes] = MappingProxyType({})
    commands: Mapping[str, str] = MappingProxyType(
        {
            "home": "G28 X Y",
            "home pen": "G28 Z",
            "settings": "M503",
            "box": "M211",
            "build info": "M115",
            "sync": "M400",
            "status": "M114",
            "kill": "M112",
            "number": "M110 N",
        }
    )
    framing = Framing.NUMBERED
    words = Words(
        dwell_units_s=MappingProxyType({"S": 1.0, "P": 1.0 / _MS_PER_S}),
        servo_word="M280",
        servo_decimals=0,
        guesses_arcs=True,
    )
    manners = Manners(
        simulator="marlin",
        reports_state=False,
        reports_where_it_is=False,
        answers_while_moving=False,
        asks_again=True,
        surplus_is_loss=False,
    )
    signs = re.compile(r"^start$|^echo:|FIRMWARE_NAME:|^Error:|^Resend:|^ok T:|Unknown command")

    def window(self, machine: MachineProfile, facts: Facts) -> WindowSize:
        """The command queue of a real Marlin; one line for what only speaks like it."""
        if not facts.firmware.startswith("Marlin"):
            return ONE_LINE
        return WindowSize(lines=QUEUE_LINES, bytes=machine.rx_buffer_bytes - 1)

    def limits(self, machine: MachineProfile, facts: Facts) -> MachineLimits:
        """What ``M503``, ``M211`` and ``M115`` tell of the machine."""
        return limits_of(machine, facts)

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        """Lines (without line ends) that draw the program; the same program gives the same lines.

        The pen is raised straight up before anything else moves.

        Raises:
            ProgramError: if a coordinate is too large for a line.
            ReachError: if the machine takes joint values and a move leads out of its reach.
        """
        return _Encoder(machine.as_controller()).encode(for_controller(program, machine))

    def pen_lines(
        self,
        value: float,
        machine: MachineProfile,
        offset: float | None = None,
        here: Position | None = None,
    ) -> list[str]:
        """Lines that move only the pen axis; the work frame outlives every stop, so no offset is needed."""
        del offset, here
        if machine.pen_actuator == "servo":
            box = machine.envelope
            return _servo_lines(value, (box.pen_max - box.pen_min) / machine.pen_max_speed)
        return ["G90", f"G0 Z{decimal(value)} F{feed_word(machine.pen_max_speed)}"]

    def jog_lines(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> list[str]:
        """Lines that move by a small step.

        Raises:
            ProgramError: if nothing moves, or the feed is not positive.
        """
        words = [f"{a}{decimal(d)}" for a, d in zip("XYZ", (dx_mm, dy_mm, dpen), strict=True) if d != 0]
        if not words:
            raise ProgramError("A jog needs a distance: give x, y or the pen a step.")
        if not (math.isfinite(feed_mm_s) and feed_mm_s > 0):
            raise ProgramError(f"A jog needs a feed above 0 mm/s, not {feed_mm_s:g}.")
        return ["G21", "G91", f"G0 {' '.join(words)} F{feed_word(feed_mm_s)}", "G90"]

    def parse(self, line: str) -> Reply:
        """Reads one answer line; what does not match to the last character is ``Unknown``."""
        line = line.strip()
        if match := _POSITION.fullmatch(line):
            status = _status(match)
            return Ok(None, status) if line.startswith("ok") else status
        if match := _OK.fullmatch(line):
            return Ok(int(match[1]) if match[1] else None)
        if match := _RESEND.fullmatch(line):
            return Resend(int(match[1]))
        if match := _BUSY.fullmatch(line):
            return Busy(match[1])
        if line == "wait":
            return Waiting()
        if match := _ERROR.fullmatch(line):
            return _error(match[1])
        if line == "start":
            return Banner("")
        if match := _SETTINGS.fullmatch(line):
            return Setting(match[1] + match[2], math.nan)
        if (match := _ENDSTOPS.fullmatch(line)) and any(match.groups()):
            return _endstops(match)
        if match := _FIRMWARE.match(line):
            return Message(f"FIRMWARE {match[1]}")
        if line.startswith(("echo:", "//", "Cap:")):
            return Message(line)
        return Unknown(line)


def settings_of(setting: Setting) -> dict[str, float]:
    """The single values of one line: ``M203 X100 Y100`` is ``M203 X`` and ``M203 Y``.

    Of ``M211``, small letters are the low ends of the box and S tells whether it is kept.
    """
    code, _, words = setting.name.partition(" ")
    return {f"{code} {m[1]}": float(m[2]) for m in _WORD.finditer(words)}


def capabilities_of(replies: Iterable[Reply]) -> dict[str, bool]:
    """What the ``Cap:`` lines of ``M115`` say."""
    found = (_CAPABILITY.fullmatch(reply.text) for reply in replies if isinstance(reply, Message))
    return {match[1]: match[2] == "1" for match in found if match}


class _Encoder:
    """Writes lines and remembers place and feed."""

    def __init__(self, machine: MachineProfile) -> None:
        self.machine = machine
        self.servo = machine.pen_actuator == "servo"
        self.lines: list[str] = []
        self.position: list[float | None] = [None, None, None]
        self.feed = ""
        self.servo_value: int | None = None

    def encode(self, program: Program) -> list[str]:
        for text in program.header:
            self.lines += comment_lines(text, MAX_LINE_CHARS)
        self.lines += ["G21", "G90"]
        if program.moves:
            first = program.moves[0]
            starts_up = first.kind in (MoveKind.TRAVEL, MoveKind.LIFT)
            self._raise_pen(first.pen if starts_up else self.machine.safe_pen)
        for move in program.moves:
            self._move(move)
            if move.dwell_s > 0:
                self.lines.append(_dwell(move.dwell_s))
        for line in self.lines:
            if len(line) > MAX_LINE_CHARS:
                raise ProgramError(f"The line '{line[:20]}...' is too long: a coordinate is far off.")
        return self.lines

    def _raise_pen(self, value: float) -> None:
        if self.servo:
            self._servo(value)
            return
        self.position[2] = round(value, POSITION_DECIMALS)
        self.feed = feed_word(self.machine.pen_max_speed)
        self.lines.append(f"G0 Z{decimal(value)} F{self.feed}")

    def _servo(self, value: float) -> None:
        degrees = round(value)
        if degrees == self.servo_value:
            return
        box = self.machine.envelope
        way = box.pen_max - box.pen_min if self.servo_value is None else abs(degrees - self.servo_value)
        self.servo_value = degrees
        self.lines += _servo_lines(degrees, way / self.machine.pen_max_speed)

    def _move(self, move: Move) -> None:
        if self.servo and move.kind in (MoveKind.LIFT, MoveKind.LOWER):
            self._servo(move.pen)
        pen = None if self.servo else round(move.pen, POSITION_DECIMALS)
        target = [round(move.x_mm, POSITION_DECIMALS), round(move.y_mm, POSITION_DECIMALS), pen]
        words = axis_words(target, self.position)
        if not words:
            return
        feed = feed_word(move.feed_mm_s)
        if feed != self.feed:
            words.append(f"F{feed}")
        self.feed = feed
        self.position = [
            now if goal is None else goal for goal, now in zip(target, self.position, strict=True)
        ]
        self.lines.append(f"{'G0' if move.kind is MoveKind.TRAVEL else 'G1'} {' '.join(words)}")


def _servo_lines(value: float, way_s: float) -> list[str]:
    """All motion ends, the servo turns, and it is given its time."""
    return ["M400", f"M280 P0 S{round(value)}", _dwell(way_s + SERVO_SETTLE_S)]


def _dwell(seconds: float) -> str:
    return f"G4 P{math.ceil(seconds * _MS_PER_S - 1e-9)}"


def _status(match: re.Match[str]) -> Status:
    """M114: the projected place; the motors' steps, where they are told, are kept as a field."""
    fields = {}
    if match[4] and (count := _COUNT.fullmatch(match[4])):
        fields["Count"] = ",".join(count.groups())
    place = (float(match[1]), float(match[2]), float(match[3]))
    return Status(
        state="",
        substate=None,
        machine_mm=None,
        work_mm=place,
        offset_mm=None,
        buffers=None,
        feed_mm_s=None,
        fields=fields,
    )


def _endstops(match: re.Match[str]) -> Setting:
    words = ""
    if match[1] or match[2]:
        words += f" S{int(match[1] == '1' or (match[2] or '').upper() == 'ON')}"
    words += "".join(f" {axis}{v}" for axis, v in zip("xyzXYZ", match.groups()[2:], strict=True) if v)
    return Setting(f"M211{words}", math.nan)


def _error(text: str) -> Reply:
    words = text.strip() or "an error without words"
    if _DAMAGED.match(words):
        return Damaged(words)
    if _HALTS.search(words):
        return Alarm(0, f"the machine was halted ({words})", "switch it off and on, then home it")
    return Message(f"error: {words}")
