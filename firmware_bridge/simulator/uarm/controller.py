"""A virtual uArm Swift Pro (firmware 4), byte for byte, in virtual time.

Nouns:
    order     a line with G or M: it waits in a queue of 20 and is carried out in turn
    query     a line with P: it is carried out and answered at once, past the queue
    answer    of an order: held back until the arm stands still

A G1 becomes at least ten blocks, 30 for each second that it takes; a G0 is one. While the
planner is full, the firmware reads nothing: bytes wait in a buffer of 128. An answer is kept
in the order's slot of the queue, so that of more than 20 unanswered orders the oldest answers
are lost. Lines that begin with none of ``$ # G M P`` get no reply. The planner is that of GRBL,
here over x, y and z in mm instead of joint steps, and G0 is a straight line.

Source: uArm-Developer/SwiftProForArduino at 51cff04 (protocol.c, uarm_protocol.c,
motion_control.c), read for facts; the maker's manual of the protocol.

Where a uArm Swift Pro with its pen holder can stand: legality of its joint angles.

Symbols (mm, degrees): r distance from the base axis, z height; the shoulder stands at
(13.2, 106.1); lower arm l = 142.07 to the elbow, upper arm u = 158.81 to the wrist; the
pen's tip is 69.5 in front of the wrist and 43 below it; d shoulder to wrist.

    cos(gamma) = (l^2 + u^2 - d^2) / (2 l u)                     between the arms
    theta_l    = atan2(dz, dr) + acos((l^2 + d^2 - u^2) / (2 l d))
    theta_r    = 180 - gamma - theta_l                           upper arm below the horizontal

Legal are gamma in 10 to 151, theta_l in 1 to 135.6, theta_r in 1 to 119.9, and the base
within 90 degrees to either side. At the paper this is a ring of 126 to 366 mm.

Source: the firmware's published figures (uArm-Developer/SwiftProForArduino, uarm_common.h and
uarm_coord_convert.c).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from random import Random

from firmware_bridge.dialects.uarm import Uarm
from firmware_bridge.gcode.words import Line, dwell_s, parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.board_state import UarmState
from firmware_bridge.simulator.grbl.buffer import ReceiveBuffer
from firmware_bridge.simulator.grbl.interpreter import Need, Wait
from firmware_bridge.simulator.planner import Planner, Vector
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController

_SHOULDER_MM = (13.2, 106.1)
_LOWER_MM, _UPPER_MM = 142.07, 158.81
_PEN_FRONT_MM, _PEN_BELOW_MM = 69.5, 43.0
_BETWEEN_DEG = (10.0, 151.0)
_LOWER_DEG = (1.0, 135.6)
_UPPER_DEG = (1.0, 119.9)
_BASE_DEG = (-90.0, 90.0)


def reachable(x_mm: float, y_mm: float, z_mm: float) -> bool:
    """Whether the pen's tip can stand at a point of the arm's frame."""
    dr = math.hypot(x_mm, y_mm) - _PEN_FRONT_MM - _SHOULDER_MM[0]
    dz = z_mm + _PEN_BELOW_MM - _SHOULDER_MM[1]
    d = math.hypot(dr, dz)
    if not abs(_LOWER_MM - _UPPER_MM) < d < _LOWER_MM + _UPPER_MM:
        return False
    between = _angle_deg(_LOWER_MM, _UPPER_MM, d)
    lower = math.degrees(math.atan2(dz, dr)) + _angle_deg(_LOWER_MM, d, _UPPER_MM)
    angles = (
        (between, _BETWEEN_DEG),
        (lower, _LOWER_DEG),
        (180.0 - between - lower, _UPPER_DEG),
        (math.degrees(math.atan2(y_mm, x_mm)), _BASE_DEG),
    )
    return all(low <= angle <= high for angle, (low, high) in angles)


def _angle_deg(a: float, b: float, opposite: float) -> float:
    """Angle between two sides of a triangle."""
    return math.degrees(math.acos((a * a + b * b - opposite * opposite) / (2.0 * a * b)))


VERSION = "V4.2.0"
QUEUE_ORDERS = 20  # PACK_MAX_SIZE
LINE_CHARS = 49  # CMD_BUFFER_SIZE less its end mark
RX_BYTES = 128
BLOCKS_PER_S = 30.0
LEAST_BLOCKS = 10
GREATEST_SPEED_MM_S = 100.0  # a G1 is clipped to it

OK, UNKNOWN, PARAMETER, UNREACHABLE, NO_POWER = "ok", "E20", "E21", "E22", "E24"
_MS_PER_S = 1000.0
_NAMED = re.compile(r"(?:#([0-9]{0,9}))?(.*)")
_GREATEST_ORDER = 9999
# Orders that do something out of sight here, or nothing even on the real arm.
_QUIET = {17, 18, 2019, 2120, 2121, 2122, 2201, 2202, 2210, 2211, 2212, 2213, 2215, 2220, 2221}
_QUIET |= {2231, 2232, 2233, 2234, 2240, 2241, 2400, 2401, 2410, 2411}
_STUB_QUERIES = {2240, 2241}
_VALUES = {
    2201: "SwiftPro",
    2202: "3.3.0",
    2203: VERSION,
    2204: "V4.0.5",
    2205: "virtual",
    2231: "V0",
    2232: "V0",
    2233: "V0",
    2234: "V1",
    2400: "V3",
}


@dataclass(slots=True)
class MoveOrder:
    """One line of the queue: its name, or empty, what was read, and its result once carried out."""

    name: str
    line: Line
    result: str = ""


@dataclass
class ArmLimits:
    """What the planner works with."""

    steps_per_mm: Vector
    max_rate_mm_s: Vector
    acceleration_mm_s2: Vector
    junction_deviation_mm: float


class VirtualUarm(VirtualController):
    """The arm. Feed bytes with ``receive``, time with ``advance``, read with ``take_output``.

    Attributes:
        rx: the receive buffer, with its count of overruns.
        lost_answers: answers whose slot was taken by a later order.
        overlong: lines that would have overrun the firmware's line buffer.
    """

    def __init__(
        self, machine: MachineProfile, start_mm: Vector | None = None, board: UarmState | None = None
    ) -> None:
        """Switches the arm on.

        Args:
            machine: envelope and limits.
            start_mm: where the pen stands; by default in the middle of the envelope, pen up. The
                arm measures its angles, so it always knows.
            board: the state it is in.
        """
        board = board or UarmState()
        box = machine.envelope
        if start_mm is None:
            middle = (0.5 * (box.x_min_mm + box.x_max_mm), 0.5 * (box.y_min_mm + box.y_max_mm))
            start_mm = (*middle, machine.safe_pen)
        x, y = machine.max_speed_mm_s
        ax, ay = machine.max_acceleration_mm_s2
        self.limits = ArmLimits(
            machine.steps_per_mm,
            (x, y, machine.pen_max_speed),
            (ax, ay, machine.pen_max_acceleration),
            machine.junction_deviation_mm,
        )
        super().__init__(machine, Planner(self.limits, machine.planner_blocks, start_mm), start_mm, board)
        self.rx = ReceiveBuffer(RX_BYTES)
        self.lost_answers = 0
        self.overlong = 0
        self.powered = board.powered
        self._wait: Wait = Need.DATA
        self._restart()
        if not board.resets_on_open:
            self._output.clear()  # nobody heard it

    def refusal(self, random: Random, answer: bytes) -> bytes:
        """See ``VirtualController.refusal``."""
        name = answer.split()[0] if answer.startswith(b"$") else b""
        return name + b" E%d\r\n" % random.choice([20, 21, 22, 25])

    # -- outside ---------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Takes bytes that arrive now."""
        if self.booting:
            return
        for byte in data:
            self.rx.push(byte)
        self._run_main_loop()

    def _next_event_s(self) -> float:
        event = self.motion.next_event_s
        return min(event, self._wait) if isinstance(self._wait, float) else event

    def turn_servo(self, at_s: float, value: float) -> None:
        """The pen hangs on the arm itself; a servo turns nothing."""
        self.recorder.servo_to(at_s, value)

    def switch_power_off(self) -> None:
        """The motors lose their power, as by the arm's switch; the firmware runs on USB and tells."""
        self.powered = False
        self.motion.stop_dead()
        self._target = self.planner.position_mm
        self.say("@5 V0")
        self._run_main_loop()

    def power_cycle(self, off_s: float = 0.0) -> None:
        """Restarts the firmware; the arm measures where it is, so nothing is lost."""
        self.start_mm = self.position_mm()
        super().power_cycle(off_s)

    # -- inside ----------------------------------------------------------------------------------

    def _restart(self) -> None:
        self.rx.clear()
        self._chars: list[str] = []
        self._orders: deque[MoveOrder] = deque()
        self._finished: deque[MoveOrder] = deque()
        self._target = self.planner.position_mm
        self.say("@1")
        self._wait = Need.DATA
        self._loop = self._main_loop()

    def _standing(self) -> bool:
        return not self.planner.blocks

    def _main_loop(self) -> Generator[Wait, None, None]:
        """Reads a line, carries out one order, reports: once a turn, as the firmware does."""
        while True:
            while not self.rx and not self._orders:
                yield Need.DATA
            line = self._read_line()
            if line is not None:
                yield self.now_s + 1.0 / self.machine.line_rate_per_s
                self._accept(line)
            if self._orders:
                order = self._orders[0]
                order.result = yield from self._carry_out(order.line)
                self._orders.popleft()
                self._finished.append(order)

    def _read_line(self) -> str | None:
        while self.rx:
            char = chr(self.rx.pop())
            if char in "\r\n":
                line, self._chars = "".join(self._chars), []
                return line
            if char > " ":
                self._chars.append(char.upper())
        return None

    def _accept(self, text: str) -> None:
        if not text or text[0] not in "$#GMP":
            return
        if text[0] == "$":
            self.say("ok")
            return
        match = _NAMED.fullmatch(text)
        name, text = (match[1] or "", match[2]) if match else ("", text)
        if len(text) > LINE_CHARS:
            self.overlong += 1
            text = ""
        line = parse(text)
        if line.words and line.words[0].letter == "P":
            self._report(MoveOrder(name, line, self._query(line)))
        elif len(self._orders) >= QUEUE_ORDERS:
            self.say("E23 buffer full")
        else:
            if len(self._orders) + len(self._finished) >= QUEUE_ORDERS:
                self._finished.popleft()
                self.lost_answers += 1
            self._orders.append(MoveOrder(name, line))

    def _report(self, order: MoveOrder) -> None:
        self.acknowledged += 1
        self.say(f"${order.name} {order.result}" if order.name else order.result)

    def _query(self, line: Line) -> str:
        number = _number(line)
        if number == 2220:
            x, y, z = self.position_mm()
            return f"{OK} X{x + 0.0:.4f} Y{y + 0.0:.4f} Z{z + 0.0:.4f}"
        if number in _STUB_QUERIES:
            return OK
        return f"{OK} {_VALUES[number]}" if number in _VALUES else UNKNOWN

    def _carry_out(self, line: Line) -> Generator[Wait, None, str]:
        """Runs one order; returns its result."""
        number = _number(line)
        values = {letter: value for letter, value, _ in line.words[1:] if value == value}
        if not self.powered:
            return NO_POWER
        if line.words and line.words[0].letter == "G":
            if number in (0, 1):
                return (yield from self._move(number, values))
            if number == 4:
                if "P" not in values:
                    return PARAMETER
                yield Need.STILL
                yield self.now_s + (dwell_s(line, Uarm.words.dwell_units_s) or 0.0)
                return OK
            if number == 2004:
                yield self.now_s + values.get("P", 0.0) / _MS_PER_S
                return OK if "P" in values else PARAMETER
            if number == 2204:
                if not {"X", "Y", "Z", "F"} <= set(values):
                    return PARAMETER
                x, y, z = self._target
                step = {"X": x + values["X"], "Y": y + values["Y"], "Z": z + values["Z"]}
                return (yield from self._move(0, step | {"F": values["F"]}))
            return OK if number in (20, 21, 90, 94) else UNKNOWN
        if number == 204:
            if "A" not in values:
                return PARAMETER
            self.limits.acceleration_mm_s2 = (values["A"],) * 3
            return OK
        if number == 2222:
            if not {"X", "Y", "Z"} <= set(values):
                return PARAMETER
            return f"{OK} V{int(reachable(values['X'], values['Y'], values['Z']))}"
        return OK if number in _QUIET else UNKNOWN

    def _move(self, motion: int, values: dict[str, float]) -> Generator[Wait, None, str]:
        if values.get("F", 0.0) <= 0.0:
            return PARAMETER
        begin = self._target
        end = (values.get("X", begin[0]), values.get("Y", begin[1]), values.get("Z", begin[2]))
        if not reachable(*end):
            return UNREACHABLE
        speed, pieces = values["F"], 1
        if motion == 1:
            speed = min(speed, GREATEST_SPEED_MM_S)
            pieces = max(int(math.dist(begin, end) * BLOCKS_PER_S / speed), LEAST_BLOCKS)
        self._target = end
        for i in range(1, pieces + 1):
            share = i / pieces
            x, y, z = (a + (b - a) * share for a, b in zip(begin, end, strict=True))
            yield Need.ROOM
            if not self.powered:
                return NO_POWER
            if self.planner.add((x, y, z), speed, False):
                self.motion.plan_changed()
        return OK

    def _run_main_loop(self) -> None:
        while self._may_go_on():
            self._wait = next(self._loop)
            self._settle()
        self._settle()

    def _settle(self) -> None:
        """Starts what waits to move, and reports when nothing moves."""
        wait = self._wait
        full = wait is Need.ROOM and not self.planner.free
        if self.planner.blocks and (full or wait in (Need.STILL, Need.DATA)):
            self.motion.start()
        if self._standing() and wait is not Need.ROOM:
            while self._finished:
                self._report(self._finished.popleft())

    def _may_go_on(self) -> bool:
        wait = self._wait
        if isinstance(wait, float):
            return wait <= self.now_s + INSTANT_S
        if wait is Need.DATA:
            return bool(self.rx) or bool(self._orders)
        if wait is Need.ROOM:
            return self.planner.free > 0
        return wait is Need.STILL and not self.planner.blocks

    def _motion_event(self) -> None:
        """A block has ended; answers follow when the main loop comes round."""


def _number(line: Line) -> int:
    """The number of an order; -1 if it has none."""
    if not line.words or line.words[0].letter not in "GMP" or not line.words[0].number <= _GREATEST_ORDER:
        return -1
    return int(line.words[0].number)
