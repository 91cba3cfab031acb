"""Polargraph: a pen that hangs on two cables, whose motors stand above the paper.

Symbols: machine y points up, against gravity.
    a_i      anchor of cable i = 1 (left), 2 (right), where it leaves its motor, machine mm
    c_i      length of the cable:  c_i = zero_i + q_i,  q_i the joint value in mm
    u_i      unit vector from the pen to the anchor
    t_i      tension of the cable over the weight of the pen

Inverse:   c_i = |p - a_i|
Forward:   where the circles around the anchors cross, below the line between them
Jacobian:  dq_i/dp = (p - a_i) / c_i
Rest:      t_1 u_1 + t_2 u_2 = (0, 1)

What limits the reach: just below the anchors the tension grows without bound; towards the
verticals through the anchors the other cable hangs loose; and where the cables are nearly in
one line, or nearly side by side, a millimetre of cable moves the pen by much more than one,
|dp/dq_i| = 1 / sin(angle between the cables). Bill Rooney, "V Plotter Design", asks for half a
weight to one and a half on each cable and for at most 1.4 mm of way: the area in which such a
machine draws well. Machines are used beyond it. A Makelangelo 5 (anchors 650 mm apart, sheets
of 420 x 594 mm) draws corners at a fifth of a weight and 1.5 mm, so that a point is only
refused beyond the limits below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics.base import (
    POSITION_LIMIT_MM,
    Array,
    Pair,
    as_points,
    check_joint_range,
    check_pair,
    crossing,
)

GREATEST_TENSION = 1.5
LEAST_TENSION = 0.2
GREATEST_WAY = 2.0  # mm of the pen for 1 mm of cable
_LEAST = np.finfo(float).tiny
_FLAT = 1e-6  # sine of the angle between cables that are as good as in one line


@dataclass(frozen=True, slots=True)
class Polargraph:
    """Two anchors and the cables that hang from them.

    Attributes:
        left_anchor_mm: machine position where cable 1 leaves its motor.
        right_anchor_mm: machine position where cable 2 leaves its motor.
        zero_mm: lengths of the cables from anchor to pen at joint value 0.
        joint_min: least joint values, mm of cable.
        joint_max: greatest joint values, mm of cable.

    Raises:
        ProgramError: for a value out of bounds; names the key.
    """

    type: ClassVar[str] = "polargraph"
    joint_unit: ClassVar[str] = "mm"
    faults: ClassVar[tuple[str, ...]] = (
        "the cables would be too near to one line or to each other there",
        "a cable would be pulled too hard there, so near the line between the anchors",
        "the left cable would hang loose there",
        "the right cable would hang loose there",
    )

    left_anchor_mm: Pair
    right_anchor_mm: Pair
    zero_mm: Pair
    joint_min: Pair
    joint_max: Pair

    def __post_init__(self) -> None:
        for key in ("left_anchor_mm", "right_anchor_mm"):
            check_pair(self, key, -POSITION_LIMIT_MM, POSITION_LIMIT_MM)
        check_pair(self, "zero_mm", 0.0, POSITION_LIMIT_MM)
        check_joint_range(self, POSITION_LIMIT_MM, POSITION_LIMIT_MM)
        if self.right_anchor_mm[0] <= self.left_anchor_mm[0]:
            raise ProgramError(
                "machine.kinematics.right_anchor_mm lies left of left_anchor_mm: exchange them."
            )

    def forward(self, joints: Array) -> Array:
        """Cable mm (N, 2) to machine mm (N, 2); nan where the cables are too short to meet."""
        cable = as_points(joints) + self.zero_mm
        anchors = [
            np.broadcast_to(np.asarray(anchor), cable.shape)
            for anchor in (self.left_anchor_mm, self.right_anchor_mm)
        ]
        return crossing(anchors[0], anchors[1], cable[:, 0], cable[:, 1], left=False)

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to joint values (N, 2) in mm and clearances (N, 4)."""
        ways, cable = self._cables(xy_mm)
        up = -ways / cable[:, :, None]
        # The area between the cables, negative below the anchors; above them nothing holds the pen.
        area = up[:, 0, 0] * up[:, 1, 1] - up[:, 1, 0] * up[:, 0, 1]
        below = area < -_FLAT
        tension = np.column_stack([up[:, 1, 0], -up[:, 0, 0]]) / np.where(below, -area, 1.0)[:, None]
        too_hard = np.where(below, GREATEST_TENSION - tension.max(axis=1), -1.0)
        loose = np.where(below[:, None], tension - LEAST_TENSION, 0.0)
        return cable - self.zero_mm, np.column_stack([-area - 1.0 / GREATEST_WAY, too_hard, loose])

    def jacobian(self, xy_mm: Array) -> Array:
        """The derivatives (N, 2, 2) of the cable lengths by x and y, mm/mm."""
        ways, cable = self._cables(xy_mm)
        return np.asarray(ways / cable[:, :, None])

    def _cables(self, xy_mm: Array) -> tuple[Array, Array]:
        """Ways from the anchors to the pen (N, 2, 2) and their lengths (N, 2)."""
        anchors = np.array([self.left_anchor_mm, self.right_anchor_mm])
        ways = as_points(xy_mm)[:, None, :] - anchors
        return ways, np.maximum(np.linalg.norm(ways, axis=2), _LEAST)
