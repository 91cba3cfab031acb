"""A drawing against the limits that the machine itself tells: what differs, and what to do.

Nouns:
    requirements   what the lines of a drawing ask for: extent, arcs, rapids (``requirements``)
    told     what the machine said when it was connected (``limits.MachineLimits``)
    slower   time of a drawing on the machine as told, over its time on the profile's

The profile plans the drawing; the firmware has the last word. Where the firmware would refuse in
the middle of a stroke, or would draw something else without a word (a clamped servo, an edge that
Marlin flattens), the start is refused. Where it is only slower, that is said, and by how much: the
first lines are run on the virtual machine with both sets of limits.

What the lines of a drawing ask of a controller: how far they lead, and with which words.

The lines are read once, by ``reader``, and nothing of them is kept but a few figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from firmware_bridge.checks.findings import Finding, Severity, require_none_fatal
from firmware_bridge.control.base import Control
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.limits import AXES, Frame, MachineLimits, Span, as_told
from firmware_bridge.errors import BridgeError, DeviceRejected, ProtocolError
from firmware_bridge.gcode.reader import Point, ToolpathReader
from firmware_bridge.gcode.words import Line
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link

# Furthest points are kept in so many directions, and the nearest to the origin.
_DIRECTIONS = 8
_TURNS = [
    (math.cos(2.0 * math.pi * i / _DIRECTIONS), math.sin(2.0 * math.pi * i / _DIRECTIONS))
    for i in range(_DIRECTIONS)
]


@dataclass(slots=True)
class Requirements:
    """What the lines of a drawing ask for, in words of the controller.

    Attributes:
        low: lowest x, y and pen; infinite where no line gives one.
        high: the highest.
        arcs: whether there are arcs.
        rapids: the servo's values in G0 moves while it is on.
        turns: how often a servo turns within a stroke.
        trouble: why its places are not known, or empty.
        outline: for an arm, the points furthest out and the nearest, lowest first.
    """

    low: list[float] = field(default_factory=lambda: [math.inf] * 3)
    high: list[float] = field(default_factory=lambda: [-math.inf] * 3)
    arcs: bool = False
    rapids: set[float] = field(default_factory=set)
    turns: int = 0
    trouble: str = ""
    outline: list[Point] = field(default_factory=list)


# A pen that is this share of its way down is down.
_DOWN_SHARE = 0.5
# So many different values of a servo tell enough.
_MOST_RAPIDS = 1000


def requirements(lines: Iterable[Line], machine: MachineProfile) -> Requirements:
    """Reads the lines once; the memory does not grow with them.

    Raises:
        ProgramError: if an arc does not fit its ends.
    """
    reader, found = ToolpathReader(machine.as_controller()), Requirements()
    servo, arm = machine.pen_actuator == "servo", "reach" in dialect_of(machine.dialect).commands
    low, high, outline = found.low, found.high, _Outline()
    pen, moved = math.nan, False
    for line in lines:
        step = reader.take(line)
        if not step.moves:
            moved = False
            continue
        for point in step.points:
            for i in (0, 1, 2):
                value = point[i]
                if value < low[i]:  # nan, a place not known yet, is not
                    low[i] = value
                if value > high[i]:
                    high[i] = value
            if arm:
                outline.take(point)
        found.arcs = found.arcs or len(step.points) > 2 or (reader.motion in ("G2", "G3"))
        if servo:
            now = step.points[-1][2]
            if reader.motion == "G0" and now == now and now != 0.0 and len(found.rapids) < _MOST_RAPIDS:
                found.rapids.add(now)
            found.turns += moved and now != pen
            pen, moved = now, True
    found.trouble = reader.trouble
    found.outline = sorted(set(outline.best.values()), key=lambda point: point[2])
    return found


class _Outline:
    """Keeps the points of a way that lie furthest out, and the nearest to the origin."""

    def __init__(self) -> None:
        self.best: dict[int, Point] = {}
        self._score: dict[int, float] = {}

    def take(self, point: Point) -> None:
        x, y, z = point
        if not math.isfinite(x + y + z):
            return
        radius = math.hypot(x, y)
        scores = [x * c + y * s for c, s in _TURNS]
        for key, score in enumerate((*scores, radius, -radius)):
            if score > self._score.get(key, -math.inf):
                self._score[key], self.best[key] = score, point


# Settings are stored with three decimals, and profiles are written by hand.
_SAME_SHARE = 0.01
# Steps per mm are calibrated to a fraction of a percent on the machine.
_STEPS_SHARE = 0.02
# A machine that may accelerate this much harder than the profile plans is told of.
_HARDER = 1.5
# A corner is rounded by the root of this ratio: less than 1.5 is not seen.
_JUNCTION_RATIO = 2.0
# Rounding of a place by a report and half a motor step.
_EDGE_SLACK_MM = 0.01
# Lines that are timed twice to tell how much slower a machine is.
_TIMED_LINES = 1500
# Less than this is not worth a word.
_SLOWER_SHARE = 1.02


def findings(
    machine: MachineProfile,
    told: MachineLimits,
    asked: Requirements,
    lines: Sequence[str],
    offset_mm: Sequence[float] | None,
) -> list[Finding]:
    """All that the machine's own limits mean for a drawing.

    Args:
        machine: the profile.
        told: what the machine said.
        asked: the requirements of the drawing.
        lines: the same lines, of which the first are timed.
        offset_mm: machine minus work position, or None where it is not known.
    """
    found = [_warning(note, "the profile's values are used") for note in told.notes]
    found += _reach(told, asked, offset_mm)
    found += _travel(told, asked)
    found += _servo(machine, told, asked)
    if asked.arcs and told.arcs is False:
        found.append(_fatal("The drawing has arcs (G2, G3), and this firmware knows none", "write lines"))
    found += _speed(machine, told, lines)
    found += _habits(machine, told)
    return found


def reach_known(told: MachineLimits) -> bool:
    """Whether the machine keeps a reach of its own, for which its work offset must be known."""
    return told.frame is Frame.MACHINE and any(span is not None for span in told.reach)


def _warning(message: str, cure: str) -> Finding:
    return Finding(Severity.WARNING, message, cure)


def _fatal(message: str, cure: str) -> Finding:
    return Finding(Severity.FATAL, message, cure)


def _reach(told: MachineLimits, asked: Requirements, offset_mm: Sequence[float] | None) -> list[Finding]:
    """What lies beyond the soft limits."""
    known = [(i, span) for i, span in enumerate(told.reach) if span is not None]
    if not known:
        return []
    if asked.trouble or (told.frame is Frame.MACHINE and offset_mm is None):
        why = f"the program {asked.trouble}" if asked.trouble else "it does not tell its work frame"
        return [
            _warning(
                f"Whether the drawing lies within the machine's soft limits is not known, since {why}",
                "check it with --check where the firmware can",
            )
        ]
    found = []
    for axis, (low, high) in known:
        shift = offset_mm[axis] if told.frame is Frame.MACHINE and offset_mm is not None else 0.0
        beyond = _beyond((asked.low[axis] + shift, asked.high[axis] + shift), (low, high))
        if beyond is None:
            continue
        frame = " of its own frame" if told.frame is Frame.MACHINE else ""
        end = "It would stop with an alarm" if told.frame is Frame.MACHINE else "It would flatten the edge"
        found.append(
            _fatal(
                f"The machine's soft limits let {AXES[axis]} go from {low:g} to {high:g} mm{frame} "
                f"({told.name('travel', axis)}), and the drawing goes to {beyond:.2f} mm. {end}",
                "home it and set its origin so that the drawing lies inside, or shrink the drawing",
            )
        )
    return found


def _beyond(span: Span, limits: Span) -> float | None:
    """The end of a span that lies furthest outside limits, or None."""
    below, above = limits[0] - span[0], span[1] - limits[1]
    if not max(below, above) > _EDGE_SLACK_MM:  # also where the drawing gives no such word
        return None
    return span[0] if below > above else span[1]


def _travel(told: MachineLimits, asked: Requirements) -> list[Finding]:
    """Drawings longer than the axes, where no soft limit would stop them."""
    found = []
    for axis, length in enumerate(told.travel_mm):
        if length is None or told.reach[axis] is not None:
            continue
        wanted = asked.high[axis] - asked.low[axis]
        if wanted > length + _EDGE_SLACK_MM:
            found.append(
                _warning(
                    f"The drawing needs {wanted:.1f} mm of {AXES[axis]}, the machine says that it has "
                    f"{length:g} mm ({told.name('travel', axis)})",
                    "shrink the drawing, or correct that setting; no soft limit would stop it",
                )
            )
    return found


def _servo(machine: MachineProfile, told: MachineLimits, asked: Requirements) -> list[Finding]:
    """A servo that is turned by S: its range, and when it turns."""
    if machine.pen_actuator != "servo":
        return []
    found = []
    if told.s_range is not None:
        least, greatest = told.s_range
        if asked.high[2] > greatest:
            found.append(
                _fatal(
                    f"The pen is turned to S{asked.high[2]:g}, and the machine clamps S at $30={greatest:g}",
                    f"set $30={machine.envelope.pen_max:g}, or calibrate the pen anew",
                )
            )
        if 0.0 < asked.low[2] < least:
            found.append(
                _warning(
                    f"The pen is turned to S{asked.low[2]:g}, and the machine raises that to $31={least:g}",
                    "set $31=0, or calibrate the pen anew",
                )
            )
    found += _rapids(machine, told, asked)
    if told.laser is False and asked.turns:
        keep = "keep S within a stroke"
        found.append(
            _warning(
                f"The servo turns {asked.turns} times within strokes, and with $32=0 the tool stops for each",
                keep if asked.rapids and _presses(machine, asked, 0.0) else f"set $32=1, or {keep}",
            )
        )
    return found


def _presses(machine: MachineProfile, asked: Requirements, value: float) -> bool:
    """Whether a servo at a value is nearer to the drawing's pen than to the travels' one."""
    safe = machine.safe_pen
    far = max(asked.low[2], asked.high[2], key=lambda pen: abs(pen - safe))
    return math.isfinite(far) and far != safe and (value - safe) / (far - safe) > _DOWN_SHARE


def _rapids(machine: MachineProfile, told: MachineLimits, asked: Requirements) -> list[Finding]:
    """What G0 moves do to a servo: in laser mode ($32=1) they turn it to S0, otherwise it stays."""
    down = [pen for pen in asked.rapids if _presses(machine, asked, pen)]
    zero_presses = _presses(machine, asked, 0.0)
    lift = f"let the file lift the pen (M3 S{machine.safe_pen:g}) before it travels"
    if told.laser and asked.rapids and zero_presses:
        return [
            _fatal(
                "The file moves with G0 while the servo is on, and in laser mode ($32=1) a G0 sets S to 0, "
                "which presses the pen",
                # By $32=0 S stays what it is, also where that is down.
                f"write G1 moves, and {lift}" if down else "set $32=0, or write G1 moves",
            )
        ]
    if told.laser is False and down:
        return [
            _fatal(
                f"The file is written for a laser: it travels with G0 while the servo is at S{down[0]:g}, "
                "and with $32=0 the pen stays down, so travels would be drawn",
                lift if zero_presses else f"set $32=1, or {lift}",
            )
        ]
    return []


def _speed(machine: MachineProfile, told: MachineLimits, lines: Sequence[str]) -> list[Finding]:
    """Limits below those of the profile, as one finding with the time that they cost; and above."""
    controller = machine.as_controller()
    axes = (0, 1) if machine.pen_actuator == "servo" else (0, 1, 2)
    mine = {
        "speed": (*controller.max_speed_mm_s, controller.pen_max_speed),
        "acceleration": (*controller.max_acceleration_mm_s2, controller.pen_max_acceleration),
    }
    low: list[str] = []
    found: list[Finding] = []
    for limit, unit in (("speed", "mm/s"), ("acceleration", "mm/s^2")):
        for axis in axes:
            theirs, ours = getattr(told, limit)[axis], mine[limit][axis]
            if theirs is None:
                continue
            name = told.name(limit, axis)
            if theirs < ours * (1.0 - _SAME_SHARE):
                low.append(f"{AXES[axis]} {theirs:g} {unit} by {name}, profile {ours:g}")
            elif limit == "acceleration" and theirs > ours * _HARDER:
                found.append(
                    _warning(
                        f"The machine accelerates {AXES[axis]} by {theirs:g} mm/s^2 ({name}), the profile "
                        f"plans {ours:g}: travels shake it more than planned",
                        "set one of them to what the machine can do",
                    )
                )
    if low:
        times = _slower(machine, told, lines)
        cost = (
            f"the drawing takes about {times:.1f} times as long" if times > _SLOWER_SHARE else "it is slower"
        )
        found.append(
            _warning(
                f"The machine allows less than its profile ({'; '.join(low)}): {cost}",
                "raise the machine's settings, or lower max_speed and max_acceleration in the profile",
            )
        )
    return found


def _slower(machine: MachineProfile, told: MachineLimits, lines: Sequence[str]) -> float:
    """How many times as long the first lines take with the machine's own limits."""
    from firmware_bridge.simulator import simulate_pieces

    real = as_told(machine, told)
    if real is None:
        return 1.0
    head = list(islice(lines, _TIMED_LINES))
    seconds = []
    for model in (machine.as_controller(), real):
        try:
            seconds.append(sum(piece.duration_s for piece in simulate_pieces(head, model)))
        except BridgeError:
            return 1.0  # the check of the whole program says what is wrong with it
    return seconds[1] / seconds[0] if seconds[0] > 0 else 1.0


def _habits(machine: MachineProfile, told: MachineLimits) -> list[Finding]:
    """Settings that spoil drawings, whatever is drawn."""
    controller = machine.as_controller()
    found = []
    for axis, theirs in enumerate(told.steps_per_mm):
        ours = controller.steps_per_mm[axis]
        if theirs is None or (axis == 2 and machine.pen_actuator == "servo"):
            continue
        if abs(theirs / ours - 1.0) > _STEPS_SHARE:
            found.append(
                _warning(
                    f"The machine makes {theirs:g} steps per mm of {AXES[axis]} "
                    f"({told.name('steps', axis)}), the profile says {ours:g}",
                    "if lengths come out right, set steps_per_mm in the profile; else correct the machine",
                )
            )
    ratio = (
        told.junction_deviation_mm or controller.junction_deviation_mm
    ) / controller.junction_deviation_mm
    if not 1.0 / _JUNCTION_RATIO <= ratio <= _JUNCTION_RATIO:
        what = "brakes harder for" if ratio < 1.0 else "runs faster through"
        found.append(
            _warning(
                f"The machine {what} corners than planned "
                f"(junction deviation {told.junction_deviation_mm:g} mm, "
                f"profile {controller.junction_deviation_mm:g})",
                "set junction_deviation_mm in the profile to the machine's",
            )
        )
    if told.idle_ms is not None and math.isfinite(told.idle_ms) and machine.pen_actuator == "z":
        found.append(
            _warning(
                f"The motors let go {told.idle_ms:g} ms after each stop ($1), so a raised pen may sink",
                "set $1=255",
            )
        )
    return found


def judge(
    link: Link, control: Control, machine: MachineProfile, lines: Sequence[Line]
) -> tuple[list[Finding], str]:
    """What the machine's own limits mean for some lines; it must stand still.

    Returns:
        The findings, and why the places of the lines are not known, or nothing.

    Raises:
        PreflightError: for the first finding that forbids the start.
    """
    told = link.dialect.limits(machine, link.state.facts)
    asked = requirements(lines, machine)
    offset = None
    if reach_known(told):
        try:
            offset = control.frame(link).offset_mm
        except (DeviceRejected, ProtocolError):
            offset = None  # which is told as a finding
    found = findings(machine, told, asked, lines, offset)
    lost = control.unreachable(link, asked.outline)
    if lost:
        x, y, z = lost[0]
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        found.append(
            Finding(
                Severity.FATAL,
                f"The arm says that it cannot reach ({x:.2f}, {y:.2f}, {z:.2f}) mm{more}",
                "move or shrink the drawing",
            )
        )
    return require_none_fatal(found), asked.trouble
