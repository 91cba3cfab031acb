"""What must be true of a program before a machine may start it.

A fatal finding (outside the envelope, the pen left down) must stop the start. A
warning (a feed above the limit, more lines than the firmware can take) tells that
the machine will be slower than planned.

A machine whose controller takes joint values is judged twice: its tool by machine mm and the
reach of its mechanism, its controller by the joint moves that it will get.

Where a drawing leads, gathered piece by piece, and judged against what a machine can reach.

Nouns:
    extent  the lowest and highest x, y and pen
    lost    a point that the mechanism cannot reach

A drawing of a million lines is never held as a whole: its extent, the first lost points and, for
a mechanism with a reach of its own, one point in each square millimetre are kept.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.checks.findings import Finding, Severity, require_none_fatal, worst_first
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import ReachError
from firmware_bridge.gcode.stops import without_stop
from firmware_bridge.gcode.words import LONG_DWELL_S, Line, dwell_s, file_line, long_dwell, parse
from firmware_bridge.joint_moves import for_controller, tool_mm
from firmware_bridge.kinematics import Cartesian
from firmware_bridge.kinematics.reach import lost_on_lines, lost_points, shift_into_reach, whereabouts
from firmware_bridge.machine import MachineProfile, kinematics_of
from firmware_bridge.program import MoveKind, Program

# Half a motor step of a coarse machine: less than this beyond an edge is rounding.
EDGE_SLACK_MM = 0.01
# A pen that is this share of its way down is down, and as low as it goes.
_DOWN_SHARE, _LOWEST_SHARE = 0.5, 0.9
# More points than this are thinned to one in each square of this size.
_MOST_POINTS = 100_000
_CELL_MM = 1.0

Array = NDArray[np.float64]


class ReachCheck:
    """Takes points as they come.

    Attributes:
        low: lowest x, y and pen; infinite before the first point.
        high: highest x, y and pen.
    """

    def __init__(self, machine: MachineProfile) -> None:
        """Begins with no point."""
        self._machine = machine
        self._kinematics = kinematics_of(machine)
        self._mechanical = not isinstance(machine.kinematics, Cartesian)
        self.low: Array = np.full(3, np.inf)
        self.high: Array = np.full(3, -np.inf)
        self._lost: Array | None = None
        self._lost_count = 0
        self._passed: Array | None = None
        self._kept: list[Array] = []
        self._kept_count = 0

    def add(self, xy_mm: Array, pen: Array) -> None:
        """Takes the corners (N, 2) of a way in machine mm, and the pen's values (N,) there."""
        if not len(xy_mm):
            return
        points = np.column_stack([xy_mm, pen])
        self.low = np.minimum(self.low, points.min(axis=0))
        self.high = np.maximum(self.high, points.max(axis=0))
        if self._mechanical:
            self._look(xy_mm)

    def _look(self, xy_mm: Array) -> None:
        box = self._machine.envelope
        inside = np.clip(xy_mm, [box.x_min_mm, box.y_min_mm], [box.x_max_mm, box.y_max_mm])
        self._kept.append(inside)
        self._kept_count += len(inside)
        if self._kept_count > _MOST_POINTS:
            self._kept = [_thinned(np.concatenate(self._kept))]
            self._kept_count = len(self._kept[0])
        lost = lost_points(inside, self._kinematics)
        self._lost_count += len(lost)
        if len(lost) and self._lost is None:
            self._lost = lost[0]
        if self._lost is None and self._passed is None:
            passed = lost_on_lines(inside, self._kinematics)
            if len(passed):
                self._passed = passed[0]

    def findings(self) -> list[Finding]:
        """What lies outside the envelope, or else what the mechanism cannot reach."""
        return self._outside() or self._unreached()

    def _outside(self) -> list[Finding]:
        machine, box = self._machine, self._machine.envelope
        pen_unit = " mm" if machine.pen_actuator == "z" else ""
        found: list[Finding] = []
        for i, (axis, low, high, unit) in enumerate(
            (
                ("x", box.x_min_mm, box.x_max_mm, " mm"),
                ("y", box.y_min_mm, box.y_max_mm, " mm"),
                ("The pen", box.pen_min, box.pen_max, pen_unit),
            )
        ):
            cure = "move or shrink the drawing" if len(axis) == 1 else "correct the pen values of the profile"
            for worst, edge, beyond in (
                (float(self.low[i]), low, low - float(self.low[i])),
                (float(self.high[i]), high, float(self.high[i]) - high),
            ):
                if beyond > EDGE_SLACK_MM:
                    message = (
                        f"{axis} goes to {worst:.2f}{unit}, {beyond:.2f}{unit} beyond "
                        f"the machine's {edge:g}{unit}"
                    )
                    found.append(Finding(Severity.FATAL, message, cure))
        return found

    def _unreached(self) -> list[Finding]:
        kinematics = self._kinematics
        if self._lost is not None:
            x, y = (float(v) for v in self._lost)
            which = f"({x:.2f}, {y:.2f}) mm" + (
                f" and {self._lost_count - 1} more" if self._lost_count > 1 else ""
            )
            cure = "shrink the drawing, or lay the paper elsewhere"
            shift = shift_into_reach(np.concatenate(self._kept), kinematics)
            if shift is not None:
                cure = f"move the drawing by {shift[0]:+g}, {shift[1]:+g} mm of the machine, or shrink it"
            where = whereabouts(self._lost, np.stack([self.low[:2], self.high[:2]]))
            return [
                out_of_reach(
                    f"The arm cannot reach the point {which}, {where} of the drawing: "
                    f"{kinematics.fault((x, y))}",
                    cure,
                )
            ]
        if self._passed is None:
            return []
        x, y = (float(v) for v in self._passed)
        return [
            out_of_reach(
                f"A move passes ({x:.2f}, {y:.2f}) mm, which is out of the arm's reach: "
                f"{kinematics.fault((x, y))}",
                "move the drawing to one side of that place, or shrink it",
            )
        ]


def out_of_reach(message: str, cure: str) -> Finding:
    """A finding that stops the start."""
    return Finding(Severity.FATAL, message, cure)


def _thinned(xy_mm: Array) -> Array:
    """One of the points in each cell."""
    cells = np.floor(xy_mm / _CELL_MM).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return xy_mm[first]


__all__ = [
    "EDGE_SLACK_MM",
    "Finding",
    "Severity",
    "check",
    "check_lines",
    "require",
    "require_lines",
]

_SPEED_SLACK_SHARE = 0.01  # feeds are rounded to half a percent
# Poses of the first swing that are looked at: one a degree or two.
_APPROACH_POSES = 181
_RATE_SLACK_SHARE = 0.05  # the line rate of a board is known no better
# Less of a drawing's time than this is not seen; nor is a wait for a few lines, as at its beginning.
_DRY_SHARE = 0.005
_RATE_LINES = 5


def check(program: Program, machine: MachineProfile) -> list[Finding]:
    """All findings for a program on a machine, the fatal ones first.

    Raises:
        ProgramError: if the profile names unknown kinematics.
    """
    if not program.moves:
        return [Finding(Severity.WARNING, "The program has no moves", "check the drawing")]
    xy = program.xy_mm()
    pen = np.array([m.pen for m in program.moves])
    places = ReachCheck(machine)
    places.add(xy, pen)
    findings = places.findings()
    if program.moves[-1].kind in (MoveKind.DRAW, MoveKind.LOWER):
        findings.append(Finding(Severity.FATAL, "The program ends with the pen down", "end it with a lift"))
    if not any(finding.severity is Severity.FATAL for finding in findings):
        findings += _check_approach(xy[0], machine)
        try:
            sent, controller = for_controller(program, machine), machine.as_controller()
            xy, pen = sent.xy_mm(), np.array([m.pen for m in sent.moves])
            findings += _check_speed(sent, xy, pen, controller)
            findings += _check_line_rate(sent, xy, pen, controller)
        except ReachError as error:
            findings.append(out_of_reach(str(error).rstrip("."), "move or shrink the drawing"))
    findings += _check_servo(program, machine)
    return worst_first(findings)


def require(program: Program, machine: MachineProfile) -> list[Finding]:
    """Passes a program that may be started, and returns its warnings.

    Raises:
        PreflightError: for the first fatal finding.
    """
    return require_none_fatal(check(program, machine))


def check_lines(
    lines: Iterable[str], machine: MachineProfile, on_lines: Callable[[int], None] | None = None
) -> list[Finding]:
    """All findings for raw G-code, by running it on the virtual machine and looking where it went.

    The lines are taken one by one and the way is judged piece by piece, so that the memory does not
    grow with the file.

    Args:
        lines: ready for the wire.
        machine: the machine that will run them.
        on_lines: is told now and then how many lines have been run.

    Raises:
        DeviceError: if the virtual machine refuses a line or stops with an alarm.
    """
    from firmware_bridge.simulator import simulate_pieces
    from firmware_bridge.simulator.recording import SAMPLE_S

    places = ReachCheck(machine)
    # Between two corners of a joint move the tool goes along a bow.
    sample_s = SAMPLE_S if machine.raw_joints else math.inf
    done = 0

    units_s = dialect_of(machine.dialect).words.dwell_units_s
    rests: dict[tuple[str, str], int] = {}

    def counted() -> Iterator[str]:
        nonlocal done
        for line in lines:
            if isinstance(line, Line) and (rest_s := dwell_s(line, units_s) or 0.0) > LONG_DWELL_S:
                rests.setdefault(long_dwell(line, rest_s), file_line(line, done))
            yield without_stop(line if isinstance(line, Line) else parse(line))  # the host stops there itself
            done += 1
        if machine.pen_actuator == "servo":  # it arrives after the last line
            yield parse(dialect_of(machine.dialect).pen_lines(machine.safe_pen, machine)[-1])

    low = high = last = machine.safe_pen
    for piece in simulate_pieces(counted(), machine, sample_s=sample_s):
        low, high = min(low, float(piece.pen.min())), max(high, float(piece.pen.max()))
        last = float(piece.pen[-1])
        if on_lines is not None:
            on_lines(done)
        try:
            places.add(tool_mm(piece.xy_mm, machine), piece.pen)
        except ReachError as error:
            return [out_of_reach(str(error).rstrip("."), "correct the file")]
    warnings = [
        Finding(Severity.WARNING, f"Line {at} holds {what}", cure) for (what, cure), at in rests.items()
    ]
    return worst_first([*places.findings(), *_check_pen_way(low, high, last, machine), *warnings])


def require_lines(
    lines: Iterable[str], machine: MachineProfile, on_lines: Callable[[int], None] | None = None
) -> list[Finding]:
    """Passes raw G-code that may be started; see ``check_lines``.

    Raises:
        PreflightError: for the first fatal finding.
        DeviceError: if the virtual machine refuses a line or stops with an alarm.
    """
    return require_none_fatal(check_lines(lines, machine, on_lines))


def _check_approach(first: NDArray[np.float64], machine: MachineProfile) -> list[Finding]:
    """Whether the joints may swing straight from where the controller begins to the first point."""
    if not machine.raw_joints:
        return []
    kinematics = kinematics_of(machine)
    share = np.linspace(0.0, 1.0, _APPROACH_POSES)[:, None]
    xy = kinematics.mechanism.forward(share * kinematics.inverse(first[None, :]))
    poses = np.isfinite(xy).all(axis=1)
    if poses.all() and kinematics.reachable(xy).all():
        return []
    return [
        Finding(
            Severity.WARNING,
            "The arm leaves its envelope on its swing to the first point from where it is switched on",
            "keep clear of it, or jog the pen to the paper first",
        )
    ]


def _ways(
    xy: NDArray[np.float64], pen: NDArray[np.float64], machine: MachineProfile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per-axis way (K-1, 3) and length (K-1,) of the moves after the first."""
    axes = np.column_stack([xy, pen if machine.pen_actuator == "z" else np.zeros(len(xy))])
    ways = np.diff(axes, axis=0)
    return ways, np.linalg.norm(ways, axis=1)


def _check_speed(
    program: Program, xy: NDArray[np.float64], pen: NDArray[np.float64], machine: MachineProfile
) -> list[Finding]:
    ways, lengths = _ways(xy, pen, machine)
    moving = lengths > 0
    if not moving.any():
        return []
    feeds = np.array([m.feed_mm_s for m in program.moves])[1:]
    # A travel at the axis limits is a rapid, which may ask for any speed.
    drawing = np.array([m.kind is MoveKind.DRAW for m in program.moves])[1:]
    limits = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    speeds = np.abs(ways[moving]) / lengths[moving, None] * feeds[moving, None]
    over = (speeds / limits).max(axis=1)
    bad = (over > 1.0 + _SPEED_SLACK_SHARE) & drawing[moving]
    if not bad.any():
        return []
    worst = int(np.argmax(np.where(bad, over, 0.0)))
    axis = ("x", "y", "pen")[int(np.argmax(speeds[worst] / limits))]
    return [
        Finding(
            Severity.WARNING,
            f"{int(bad.sum())} moves ask for up to {over[worst]:.2f} times the speed limit "
            f"of the {axis} axis",
            "the machine will draw slower; lower the drawing speed",
        )
    ]


def _check_line_rate(
    program: Program, xy: NDArray[np.float64], pen: NDArray[np.float64], machine: MachineProfile
) -> list[Finding]:
    """Whether the planner runs dry because lines arrive more slowly than they are drawn.

    A line takes ``1 / line_rate_per_s`` to arrive, and no more lines wait than the planner holds: short
    moves in a row are harmless as long as it is full enough when they begin.
    """
    _, lengths = _ways(xy, pen, machine)
    feeds = np.array([m.feed_mm_s for m in program.moves])[1:]
    seconds = (lengths / feeds)[lengths > 0].tolist()
    line_s, room = 1.0 / (machine.line_rate_per_s * (1.0 + _RATE_SLACK_SHARE)), machine.planner_blocks
    begun: deque[float] = deque(maxlen=room)
    arrived_s = ended_s = dry_s = 0.0
    for took_s in seconds:
        # The next one is read when there is room for it: the oldest of those that wait has begun.
        arrived_s = max(arrived_s, begun[0] if len(begun) == room else 0.0) + line_s
        if begun:
            dry_s += max(arrived_s - ended_s, 0.0)
        begin_s = max(arrived_s, ended_s)
        begun.append(begin_s)
        ended_s = begin_s + took_s
    if dry_s <= _DRY_SHARE * sum(seconds) + _RATE_LINES * line_s:
        return []
    return [
        Finding(
            Severity.WARNING,
            f"The program waits {dry_s:.1f} s for lines, since the machine takes "
            f"{machine.line_rate_per_s:g} lines/s",
            "the machine will stutter; lower the drawing speed or the number of points",
        )
    ]


def _check_pen_way(low: float, high: float, last: float, machine: MachineProfile) -> list[Finding]:
    """Whether the pen of raw lines is up at their end, and no reset presses it.

    Args:
        low: the lowest value of the pen axis.
        high: the highest.
        last: the one at the end.
        machine: tells which value is off the paper.
    """
    servo, safe = machine.pen_actuator == "servo", machine.safe_pen
    far = high if servo and abs(high - safe) > abs(low - safe) else low
    found = _check_reset(far, machine)
    if not found and far != safe and (last - safe) / (far - safe) >= _LOWEST_SHARE:
        found.append(
            Finding(
                Severity.FATAL,
                f"The file ends with the pen down ({last:g}, and {safe:g} is off the paper)",
                "let its last line lift the pen",
            )
        )
    return found


def _check_reset(far: float, machine: MachineProfile) -> list[Finding]:
    """Whether the value to which a reset turns a servo is off the paper."""
    at, safe = dialect_of(machine.dialect).manners.reset_servo, machine.safe_pen
    if machine.pen_actuator != "servo" or at is None or far == safe:
        return []
    if (at - safe) / (far - safe) <= _DOWN_SHARE:
        return []
    return [
        Finding(
            Severity.FATAL,
            f"Each reset, each pause and M5 turn the servo to S{at:g}, which presses the pen: "
            f"S{safe:g} is up, S{far:g} is down",
            f"turn the servo's arm round, so that S{at:g} is up, and calibrate the pen anew",
        )
    ]


def _check_servo(program: Program, machine: MachineProfile) -> list[Finding]:
    if machine.pen_actuator != "servo":
        return []
    far = max((move.pen for move in program.moves), key=lambda pen: abs(pen - machine.safe_pen))
    found = _check_reset(far, machine)
    held = program.moves[0].pen
    ignored = 0
    for move in program.moves:
        if move.kind in (MoveKind.LIFT, MoveKind.LOWER):
            held = move.pen
        elif move.kind is MoveKind.DRAW and move.pen != held:
            ignored += 1
    if not ignored:
        return found
    return [
        *found,
        Finding(
            Severity.WARNING,
            f"{ignored} moves change the pen's value inside a stroke, which a servo pen holds still",
            "line width will not vary; use a pen on a z axis for that",
        ),
    ]
