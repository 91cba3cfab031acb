"""uArm Swift Pro, firmware 4: moves to lines, answer lines to replies.

Every line is ``#<n> <order>`` and is answered with ``$<n> ok`` or ``$<n> E2x``, but only when
the arm stands still: an answer means that the move is done. The pen hangs on the arm, so its
height is a z word of the same move. Every move is a G1, since a G0 bends on its way and may
touch the paper; every line carries all words, since the firmware keeps none that could be
relied on.

Feeds are mm/s here, as the maker's SDK counts for firmware 4, and a G1 is clipped at 100. The
firmware keeps 20 answers, its line buffer is 50 bytes and its receive buffer 128. It reads
nothing while its planner is full, so all bytes under way must fit in that buffer: about five
lines. As they are answered only together, the arm comes to rest after each such handful.

Source: uArm-Developer/SwiftProForArduino at 51cff04, read for facts; the maker's manual and SDK.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from firmware_bridge.dialects.base import (
    Banner,
    Facts,
    Framing,
    Manners,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Status,
    Unknown,
    WindowSize,
    Words,
)
from firmware_bridge.dialects.limits import MachineLimits
from firmware_bridge.dialects.numbers import comment_lines, decimal
from firmware_bridge.errors import ProgramError
from firmware_bridge.events import Position
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program

LINE_BYTES = 50  # CMD_BUFFER_SIZE, with the end mark
RX_BYTES = 128
QUEUE_ORDERS = 20
GREATEST_SPEED_MM_S = 100.0
LEAST_SPEED_MM_S = 1.0
# A hundredth of a millimetre is a twentieth of the arm's repeatability, and bytes are dear.
_DECIMALS = 2
# "#" and up to nine digits and a blank.
_NAME_CHARS = 11
_POLL = b"P2220\n"
# It measures its place by its joints, as well as it can.
_PLACE_SLACK_MM = 1.5
# Told without a name, since the line was dropped unread.
_QUEUE_FULL = 23

_ANSWER = re.compile(r"(?:\$([0-9]{1,9}) )?(ok|E2[0-9])(?: (.*))?")
_NUMBER = r"(-?[0-9]{1,9}(?:\.[0-9]{0,9})?)"
_PLACE = re.compile(rf"X{_NUMBER} Y{_NUMBER} Z{_NUMBER}")
_EVENT = re.compile(r"@([0-9]+)(?: (.*))?")

ERRORS: dict[int, tuple[str, str]] = {
    20: ("the order is not known", "check the firmware's version with P2203, and the dialect"),
    21: ("a value of the order is missing or wrong", "correct the line"),
    22: ("the arm cannot reach that point", "move or shrink the drawing; ask a point with M2222"),
    23: ("the arm's queue is full and it dropped a line", "send fewer lines at once"),
    24: ("the power is off", "switch the arm's power on"),
    25: ("the arm cannot do that now", "restart the arm"),
}
_EVENTS = {
    "3": "position",
    "4": "a key of the arm was pressed",
    "5": "the power was switched",
    "6": "the limit switch of the pen holder has changed",
    "9": "the arm has stopped",
}


_NAMES = MappingProxyType({"speed": ("the greatest speed of a G1",) * 3})


class Uarm:
    """The uArm Swift Pro dialect, for the registry."""

    name = "uarm"
    # A query is answered at once, past the queue, so it serves as a realtime request.
    realtime: Mapping[Realtime, bytes] = MappingProxyType({Realtime.STATUS: _POLL})
    commands: Mapping[str, str] = MappingProxyType(
        {
            "sync": "G4P0.01",
            "build info": "P2203",
            "status": "P2220",
            "pen mode": "M2400S3",
            "reach": "M2222",
        }
    )
    framing = Framing.NAMED
    words = Words(
        feed_unit_s=1.0,
        feed_range=(LEAST_SPEED_MM_S, GREATEST_SPEED_MM_S),
        pen_decimals=_DECIMALS,
        modal=False,
    )
    manners = Manners(
        simulator="uarm",
        reports_state=False,
        place_slack_mm=_PLACE_SLACK_MM,
        answers_at_rest=True,
        answers_while_moving=False,
        query_takes_room=True,
        surplus_is_loss=False,
        nameless_errors=frozenset({_QUEUE_FULL}),
        measures_itself=True,
    )
    signs = re.compile(r"^@[0-9]|^\$[0-9]+ (ok|E2)|^E2[0-9]|[Uu][Aa]rm")

    def window(self, machine: MachineProfile, facts: Facts) -> WindowSize:
        """As many lines as the firmware keeps answers for and its receive buffer holds."""
        del machine, facts
        return WindowSize(lines=QUEUE_ORDERS, bytes=RX_BYTES - 1 - len(_POLL))

    def limits(self, machine: MachineProfile, facts: Facts) -> MachineLimits:
        """The clip of a G1; the arm tells nothing else of itself but what it reaches, point by point."""
        del machine
        speed = GREATEST_SPEED_MM_S
        return MachineLimits(speed=(speed, speed, speed), notes=facts.notes, names=_NAMES)

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        """Lines (without names) that draw the program; the same program gives the same lines.

        Raises:
            ProgramError: if a line would overrun the firmware's line buffer.
        """
        if machine.pen_actuator != "z":
            raise ProgramError('A uArm lifts the pen by its own height: set pen_actuator = "z".')
        lines: list[str] = []
        for text in program.header:
            lines += comment_lines(text, LINE_BYTES)
        last = ""
        for move in program.moves:
            line = _move(move.x_mm, move.y_mm, move.pen, move.feed_mm_s)
            place = line.partition("F")[0]
            if place != last:
                lines.append(line)
                last = place
            if move.dwell_s > 0:
                lines.append(f"G4P{decimal(move.dwell_s)}")
        for line in lines:
            if len(line) + _NAME_CHARS >= LINE_BYTES and not line.startswith(";"):
                raise ProgramError(f"The line '{line[:20]}...' is too long: a coordinate is far off.")
        return lines

    def pen_lines(
        self,
        value: float,
        machine: MachineProfile,
        offset: float | None = None,
        here: Position | None = None,
    ) -> list[str]:
        """Lines that move only the pen; every line needs x and y, so the place must be known.

        Raises:
            ProgramError: if the arm did not say where it is.
        """
        del offset
        if here is None:
            raise ProgramError("The arm does not say where it stands: connect again.")
        return [_move(here.x_mm, here.y_mm, value, machine.pen_max_speed)]

    def jog_lines(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> list[str]:
        """One relative move.

        Raises:
            ProgramError: if nothing moves, or the feed is not positive.
        """
        if not (dx_mm or dy_mm or dpen):
            raise ProgramError("A jog needs a distance: give x, y or the pen a step.")
        if not (math.isfinite(feed_mm_s) and feed_mm_s > 0):
            raise ProgramError(f"A jog needs a feed above 0 mm/s, not {feed_mm_s:g}.")
        x, y, z = (decimal(v, _DECIMALS) for v in (dx_mm, dy_mm, dpen))
        return [f"G2204X{x}Y{y}Z{z}F{_feed(feed_mm_s)}"]

    def parse(self, line: str) -> Reply:
        """Reads one answer line strictly; what does not match to the last character is ``Unknown``."""
        line = line.strip()
        if match := _ANSWER.fullmatch(line):
            return _answer(match)
        if match := _EVENT.fullmatch(line):
            if match[1] == "1":
                return Banner("")
            return Message(
                _EVENTS.get(match[1], f"event {match[1]}") + (f" ({match[2]})" if match[2] else "")
            )
        return Unknown(line)


def _move(x_mm: float, y_mm: float, z_mm: float, feed_mm_s: float) -> str:
    x, y, z = (decimal(v, _DECIMALS) for v in (x_mm, y_mm, z_mm))
    return f"G1X{x}Y{y}Z{z}F{_feed(feed_mm_s)}"


def _feed(feed_mm_s: float) -> str:
    return decimal(min(max(feed_mm_s, LEAST_SPEED_MM_S), GREATEST_SPEED_MM_S), 1)


def _answer(match: re.Match[str]) -> Reply:
    number = int(match[1]) if match[1] else None
    if match[2] != "ok":
        code = int(match[2][1:])
        words, cure = ERRORS.get(code, ("an error that this program does not know", "see the arm's manual"))
        return Rejected(code, words, cure, number)
    status = None
    if match[3] and (place := _PLACE.fullmatch(match[3])):
        x, y, z = (float(v) for v in place.groups())
        status = Status("", None, None, (x, y, z), None, None, None)
    if number is not None:
        return Ok(number, status, match[3] or "")
    return status or Message(f"{match[2]} {match[3] or ''}".strip())
