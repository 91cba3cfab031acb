"""What must be true of a program before a machine may start it.

A fatal finding (outside the envelope, the pen left down) must stop the start. A
warning (a feed above the limit, more lines than the firmware can take) tells that
the machine will be slower than planned.

A machine whose controller takes joint values is judged twice: its tool by machine mm and the
reach of its mechanism, its controller by the joint moves that it will get.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import PreflightError, ReachError
from firmware_bridge.kinematics import kinematics_of
from firmware_bridge.kinematics.joints import for_controller, tool_mm
from firmware_bridge.kinematics.reach import lost_on_lines, lost_points, shift_into_reach, whereabouts
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import MoveKind, Program

# Half a motor step of a coarse machine: less than this beyond an edge is rounding.
EDGE_SLACK_MM = 0.01
_SPEED_SLACK_SHARE = 0.01  # feeds are rounded to half a percent
# Poses of the first swing that are looked at: one a degree or two.
_APPROACH_POSES = 181
_RATE_SLACK_SHARE = 0.05  # the line rate of a board is known no better


class Severity(StrEnum):
    """How bad a finding is."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is, and what to do."""

    severity: Severity
    message: str
    cure: str


def check(program: Program, machine: MachineProfile) -> list[Finding]:
    """All findings for a program on a machine, the fatal ones first.

    Raises:
        ProgramError: if the profile names unknown kinematics.
    """
    if not program.moves:
        return [Finding(Severity.WARNING, "The program has no moves", "check the drawing")]
    xy = program.xy_mm()
    pen = np.array([m.pen for m in program.moves])
    findings = _check_place(xy, pen, machine)
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
            findings.append(_out_of_reach(str(error).rstrip("."), "move or shrink the drawing"))
    findings += _check_servo(program, machine)
    return sorted(findings, key=lambda finding: finding.severity is not Severity.FATAL)


def require(program: Program, machine: MachineProfile) -> list[Finding]:
    """Passes a program that may be started, and returns its warnings.

    Raises:
        PreflightError: for the first fatal finding.
    """
    return _require(check(program, machine))


def check_lines(lines: Iterable[str], machine: MachineProfile) -> list[Finding]:
    """All findings for raw G-code, by running it on the virtual machine and looking where it went.

    Raises:
        DeviceError: if the virtual machine refuses a line or stops with an alarm.
    """
    from firmware_bridge.simulator import simulate_lines

    recording = simulate_lines(lines, machine)
    try:
        xy = tool_mm(recording.xy_mm, machine)
    except ReachError as error:
        return [_out_of_reach(str(error).rstrip("."), "correct the file")]
    findings = _check_place(xy, recording.pen, machine)
    return sorted(findings, key=lambda finding: finding.severity is not Severity.FATAL)


def require_lines(lines: Iterable[str], machine: MachineProfile) -> list[Finding]:
    """Passes raw G-code that may be started; see ``check_lines``.

    Raises:
        PreflightError: for the first fatal finding.
        DeviceError: if the virtual machine refuses a line or stops with an alarm.
    """
    return _require(check_lines(lines, machine))


def _require(findings: list[Finding]) -> list[Finding]:
    for finding in findings:
        if finding.severity is Severity.FATAL:
            raise PreflightError(f"{finding.message}: {finding.cure}.")
    return findings


def _check_place(xy: NDArray[np.float64], pen: NDArray[np.float64], machine: MachineProfile) -> list[Finding]:
    """Envelope of x, y and pen, and what the kinematics cannot reach."""
    box = machine.envelope
    findings: list[Finding] = []
    for axis, values, low, high, unit in (
        ("x", xy[:, 0], box.x_min_mm, box.x_max_mm, " mm"),
        ("y", xy[:, 1], box.y_min_mm, box.y_max_mm, " mm"),
        ("The pen", pen, box.pen_min, box.pen_max, " mm" if machine.pen_actuator == "z" else ""),
    ):
        cure = "move or shrink the drawing" if len(axis) == 1 else "correct the pen values of the profile"
        for worst, edge, beyond in (
            (float(values.min()), low, low - float(values.min())),
            (float(values.max()), high, float(values.max()) - high),
        ):
            if beyond > EDGE_SLACK_MM:
                findings.append(
                    Finding(
                        Severity.FATAL,
                        f"{axis} goes to {worst:.2f}{unit}, {beyond:.2f}{unit} beyond "
                        f"the machine's {edge:g}{unit}",
                        cure,
                    )
                )
    return findings or _check_reach(xy, machine)


def _out_of_reach(message: str, cure: str) -> Finding:
    return Finding(Severity.FATAL, message, cure)


def _check_reach(xy: NDArray[np.float64], machine: MachineProfile) -> list[Finding]:
    """What the mechanism cannot reach: points, and lines between points that it can reach."""
    kinematics, box = kinematics_of(machine), machine.envelope
    inside = np.clip(xy, [box.x_min_mm, box.y_min_mm], [box.x_max_mm, box.y_max_mm])
    lost = lost_points(inside, kinematics)
    if len(lost):
        x, y = lost[0]
        which = f"({x:.2f}, {y:.2f}) mm" + (f" and {len(lost) - 1} more" if len(lost) > 1 else "")
        cure = "shrink the drawing, or lay the paper elsewhere"
        if (shift := shift_into_reach(inside, kinematics)) is not None:
            cure = f"move the drawing by {shift[0]:+g}, {shift[1]:+g} mm of the machine, or shrink it"
        return [
            _out_of_reach(
                f"The arm cannot reach the point {which}, {whereabouts(lost[0], xy)} of the drawing: "
                f"{kinematics.fault((float(x), float(y)))}",
                cure,
            )
        ]
    passed = lost_on_lines(inside, kinematics)
    if not len(passed):
        return []
    x, y = passed[0]
    return [
        _out_of_reach(
            f"A move passes ({x:.2f}, {y:.2f}) mm, which is out of the arm's reach: "
            f"{kinematics.fault((float(x), float(y)))}",
            "move the drawing to one side of that place, or shrink it",
        )
    ]


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
    """Whether any run of moves as long as the look-ahead is shorter than its lines take to arrive."""
    _, lengths = _ways(xy, pen, machine)
    feeds = np.array([m.feed_mm_s for m in program.moves])[1:]
    seconds = (lengths / feeds)[lengths > 0]
    window = machine.planner_blocks
    if len(seconds) < window:
        return []
    sums = np.convolve(seconds, np.ones(window), mode="valid")
    rate = window / float(sums.min())
    if rate <= machine.line_rate_per_s * (1.0 + _RATE_SLACK_SHARE):
        return []
    return [
        Finding(
            Severity.WARNING,
            f"The program asks for up to {rate:.0f} lines/s, the machine takes {machine.line_rate_per_s:g}",
            "the machine will stutter; lower the drawing speed or the number of points",
        )
    ]


def _check_servo(program: Program, machine: MachineProfile) -> list[Finding]:
    if machine.pen_actuator != "servo":
        return []
    held = program.moves[0].pen
    ignored = 0
    for move in program.moves:
        if move.kind in (MoveKind.LIFT, MoveKind.LOWER):
            held = move.pen
        elif move.kind is MoveKind.DRAW and move.pen != held:
            ignored += 1
    if not ignored:
        return []
    return [
        Finding(
            Severity.WARNING,
            f"{ignored} moves change the pen's value inside a stroke, which a servo pen holds still",
            "line width will not vary; use a pen on a z axis for that",
        )
    ]
