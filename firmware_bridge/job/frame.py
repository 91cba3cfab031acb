"""What a drawing will cover on the paper, and the walk around it with the pen up.

Nouns:
    box   the lowest and the highest x and y of what is drawn, machine mm
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.reader import steps
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.joint_moves import tool_mm
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program

Corner = tuple[float, float]
# A walk that is watched: a quarter of the greatest speed.
_SPEED_SHARE = 0.25
_UP_SLACK = 1e-6


def bounding_box(lines: Iterable[str], machine: MachineProfile) -> tuple[Corner, Corner]:
    """The box of what G-code lines draw; where the pen is never lifted or lowered, of all that they pass.

    Raises:
        ProgramError: if nothing moves, or an arc does not fit its ends.
        ReachError: if the machine takes joint values and the lines lead out of its reach.
    """
    points = [
        point
        for step in steps(parse_lines(lines), machine.as_controller())
        if step.moves
        for point in step.points
        if math.isfinite(point[0] + point[1])
    ]
    passed = np.array(points, dtype=np.float64).reshape(-1, 3)
    pen = passed[:, 2]
    known = pen[np.isfinite(pen)]
    drawn = passed[:, :2]
    if len(known):
        up = known[0] if machine.pen_actuator == "servo" else known.max()
        down = np.abs(pen - up) > _UP_SLACK  # not where it was never told
        drawn = drawn[down] if down.any() else drawn
    return _box(tool_mm(drawn, machine))


def box_of_program(program: Program) -> tuple[Corner, Corner]:
    """The box of what a program draws.

    Raises:
        ProgramError: if it draws nothing.
    """
    drawn = [(m.x_mm, m.y_mm) for m in program.moves if m.kind in (MoveKind.DRAW, MoveKind.LOWER)]
    return _box(np.array(drawn, dtype=np.float64).reshape(-1, 2))


def _box(xy_mm: NDArray[np.float64]) -> tuple[Corner, Corner]:
    if not len(xy_mm) or not np.ptp(xy_mm, axis=0).any():
        raise ProgramError("Nothing is drawn, so there is nothing to walk around.")
    (x0, y0), (x1, y1) = xy_mm.min(axis=0), xy_mm.max(axis=0)
    return (float(x0), float(y0)), (float(x1), float(y1))


def walk_around(low: Corner, high: Corner, machine: MachineProfile) -> Program:
    """Once around a box, with the pen up."""
    speed = _SPEED_SHARE * min(machine.max_speed_mm_s)
    corners = (low, (high[0], low[1]), high, (low[0], high[1]), low)
    return Program.of([Move(x, y, machine.safe_pen, speed, MoveKind.TRAVEL) for x, y in corners])
