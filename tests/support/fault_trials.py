"""One drawing with one fault: how does it end?

Ends:
    drawn     every line of ink once, as without the fault
    stopped   an error of one line, the pen up (where the machine can still be told), the ink
              drawn so far a beginning of the drawing
    strayed   an error of one line, the pen up, and some ink where it does not belong
    unseen    wrong ink without an error where the firmware has no way to know: a damaged line that
              is a good line too, on GRBL and uArm, which have no checksum, or two bits turned over
              that cancel in Marlin's
    lost      wrong ink without an error, or a pen left down though the machine could be told
    hung      not ended within the bound

Two ways of ink are the same if their corners are: straight runs are joined, and what is drawn
with the pen off the paper does not count.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import BridgeError, StrokebotError
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope, Move, MoveKind, Program
from firmware_bridge.simulator.faults import fault
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.stream.link import BUSY_LIMIT_S, Link
from firmware_bridge.transports.faulty import FaultyTransport

DIALECTS = ("grbl", "marlin", "uarm")
PEN_UP, PEN_DOWN = 5.0, 0.0
# Ink is where the pen is lower than this; it is on the paper at PEN_DOWN.
_TOUCH = 0.5
# Rounding to motor steps and to the digits of a line.
_SAME_MM = 0.03
# What a fault may add to the time of a drawing: the longest belief in "busy", and the stop.
BOUND_S = BUSY_LIMIT_S + 200.0

Array = NDArray[np.float64]


class End(StrEnum):
    """How a trial ended."""

    DRAWN = "drawn"
    STOPPED = "stopped"
    STRAYED = "strayed"
    UNSEEN = "unseen"
    LOST = "lost"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one drawing with one fault.

    Attributes:
        end: how it ended. struck: how often the fault struck.
        error: the message, or empty. why: what is wrong, where it is lost or hung.
        seconds: virtual time from the first line to the end.
    """

    end: End
    struck: int
    error: str
    why: str
    seconds: float


def profile(dialect: str) -> MachineProfile:
    """A small plotter or arm that speaks a dialect."""
    arm = dialect == "uarm"
    box = Envelope(150, 260, -60, 60, -3, 40) if arm else Envelope(-5, 210, -5, 297, -3, 10)
    return MachineProfile(
        name="trial",
        dialect=dialect,
        envelope=box,
        max_speed_mm_s=(100.0, 100.0),
        max_acceleration_mm_s2=(1000.0, 1000.0),
        pen_max_speed=50.0 if arm else 15.0,
        pen_max_acceleration=300.0,
        pen_safe=PEN_UP,
    )


def drawing(machine: MachineProfile) -> Program:
    """Two strokes of short lines, so that about a hundred lines are sent."""
    box = machine.envelope
    x0, y0 = (180.0, 0.0) if machine.dialect == "uarm" else (box.x_min_mm + 20, box.y_min_mm + 20)
    moves: list[Move] = []
    for stroke in range(2):
        points = [
            (x0 + 18 * stroke + 8 * math.cos(0.2 * i), y0 + 0.4 * i + 8 * math.sin(0.2 * i))
            for i in range(40)
        ]
        moves.append(Move(*points[0], PEN_UP, 90.0, MoveKind.TRAVEL))
        moves.append(Move(*points[0], PEN_DOWN, 15.0, MoveKind.LOWER))
        moves += [Move(*point, PEN_DOWN, 30.0, MoveKind.DRAW) for point in points[1:]]
        moves.append(Move(*points[-1], PEN_UP, 15.0, MoveKind.LIFT))
    return Program.of(moves)


def ink(recording: Recording, begin_s: float) -> list[Array]:
    """Strokes on the paper after a time, each (K, 2), straight runs joined."""
    late = recording.t_s >= begin_s - 1e-9
    xy, pen = recording.xy_mm[late], recording.pen[late]
    down = pen < _TOUCH
    strokes: list[Array] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], down.astype(np.int8), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        strokes.append(_corners(xy[first:last]))
    return strokes


def _corners(xy: Array) -> Array:
    """The points at which a way turns, both ends included."""
    steps = np.diff(xy, axis=0)
    moved = np.hypot(*steps.T) > 1e-6
    points = np.concatenate([xy[:1], xy[1:][moved]])
    if len(points) < 3:
        return points
    ways = np.diff(points, axis=0)
    ways /= np.hypot(*ways.T)[:, None]
    turns = np.abs(ways[:-1] - ways[1:]).max(axis=1) > 1e-3
    return np.concatenate([points[:1], points[1:-1][turns], points[-1:]])


def same(a: list[Array], b: list[Array]) -> bool:
    """Whether two drawings are the same ink."""
    return len(a) == len(b) and all(
        _beyond(p, q) == 0 and len(p) == len(q) for p, q in zip(a, b, strict=True)
    )


def is_beginning(part: list[Array], whole: list[Array]) -> bool:
    """Whether some ink is the beginning of a drawing, its last stroke perhaps cut short."""
    if len(part) > len(whole):
        return False
    for i, (p, q) in enumerate(zip(part, whole, strict=False)):
        if i < len(part) - 1:
            if not same([p], [q]):
                return False
        elif not _begins(p, q):
            return False
    return True


def _beyond(p: Array, q: Array) -> float:
    if p.shape != q.shape:
        return math.inf
    far = float(np.abs(p - q).max(initial=0.0))
    return 0.0 if far <= _SAME_MM else far


def _begins(p: Array, q: Array) -> bool:
    """Whether the corners of p are those of q, but for its last point, which lies on q's next line."""
    if len(p) > 1 and float(np.abs(p[-1] - p[-2]).max()) <= _SAME_MM:
        p = np.delete(p, -2, axis=0)  # the last motor step of a stop
    n = len(p) - 1
    if n < 1:
        return float(np.abs(p[0] - q[0]).max()) <= _SAME_MM
    # A stop at a corner, or a rest within a line, leaves the last corner on the way.
    if n > len(q) - 1 or _beyond(p[:n], q[:n]):
        return False
    a, b, x = q[n - 1], q[min(n, len(q) - 1)], p[n]
    way = b - a
    length = float(np.hypot(*way))
    if length == 0.0:
        return float(np.abs(x - a).max()) <= _SAME_MM
    along = float(np.dot(x - a, way)) / length
    across = abs(float(way[0] * (x - a)[1] - way[1] * (x - a)[0])) / length
    return across <= _SAME_MM and -_SAME_MM <= along <= length + _SAME_MM


@functools.cache
def clean(dialect: str) -> tuple[float, list[Array]]:
    """How long the drawing takes without a fault, and its ink."""
    machine = profile(dialect)
    transport = FaultyTransport(machine)
    device = _meet(transport, machine)
    begin_s = transport.now_s()
    device.run(drawing(machine))
    return transport.now_s() - begin_s, ink(transport.recording(), begin_s)


def _meet(transport: FaultyTransport, machine: MachineProfile) -> Device:
    return Device(machine, Link(transport, dialect_of(machine.dialect), machine))


def trial(kind: str, dialect: str, seed: int) -> Trial:
    """Draws with a fault of a kind, its parameters drawn from a seed."""
    machine = profile(dialect)
    span_s, wanted = clean(dialect)
    transport = FaultyTransport(machine)
    device = _meet(transport, machine)
    chosen = fault(kind, seed)
    begin_s = transport.now_s()
    transport.arm(chosen, span_s)
    error = ""
    try:
        device.run(drawing(machine))
    except BridgeError as failure:
        error = f"{type(failure).__name__}: {failure}"
    seconds = transport.now_s() - begin_s
    unreachable = chosen.dead or transport.controller.dead
    if transport.wire.broken and kind == "replugged":
        error += _lift_after_replug(transport, machine)
    transport.wire.advance(transport.now_s() + span_s)  # what the machine has taken, it draws
    drawn = ink(transport.recording(), begin_s)
    pen = float(transport.recording().pen[-1])
    why = ""
    if seconds > span_s + BOUND_S:
        return Trial(End.HUNG, chosen.struck, error, f"took {seconds:.0f} s", seconds)
    if "\n" in error:
        why = "the message has more than one line"
    elif not error and not same(drawn, wanted):
        why = "wrong ink without an error"
        if chosen.damages_lines:
            return Trial(End.UNSEEN, chosen.struck, error, why, seconds)
    elif not unreachable and pen < _TOUCH:
        why = "the pen is down"
    if why:
        return Trial(End.LOST, chosen.struck, error, why, seconds)
    if not error:
        return Trial(End.DRAWN, chosen.struck, error, "", seconds)
    end = End.STOPPED if is_beginning(drawn, wanted) else End.STRAYED
    return Trial(end, chosen.struck, error, "", seconds)


def _lift_after_replug(transport: FaultyTransport, machine: MachineProfile) -> str:
    """Waits for the cable, connects anew and lifts the pen; returns what went wrong."""
    wire = transport.wire
    wire.advance(wire.now_s + 30.0)
    try:
        again = _meet(FaultyTransport(machine, wire), machine)
        again.abort_lift(PEN_UP)
    except StrokebotError as failure:
        return f" then {type(failure).__name__}: {failure}"
    return ""
