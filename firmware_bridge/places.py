"""Where a drawing leads, gathered piece by piece, and judged against what a machine can reach.

Nouns:
    extent  the lowest and highest x, y and pen
    lost    a point that the mechanism cannot reach

A drawing of a million lines is never held as a whole: its extent, the first lost points and, for
a mechanism with a reach of its own, one point in each square millimetre are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.findings import Finding, Severity
from firmware_bridge.kinematics import Cartesian, kinematics_of
from firmware_bridge.kinematics.reach import lost_on_lines, lost_points, shift_into_reach, whereabouts
from firmware_bridge.machine import MachineProfile

# Half a motor step of a coarse machine: less than this beyond an edge is rounding.
EDGE_SLACK_MM = 0.01
# More points than this are thinned to one in each square of this size.
_MOST_POINTS = 100_000
_CELL_MM = 1.0

Array = NDArray[np.float64]


class Places:
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
