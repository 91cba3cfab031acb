"""SCARA: two links in a row that turn in the plane of the paper.

Symbols (angles counter-clockwise, rad inside, degrees as joint values):
    b        base, the axis of the shoulder, machine mm
    l1, l2   lengths of the upper arm and the forearm
    f1       direction of the upper arm against machine x:   f1 = zero1 + q1
    f2       turn of the forearm against the upper arm:      f2 = zero2 + q2
    r        distance of the tool from the base

Forward:   p = b + l1 (cos f1, sin f1) + l2 (cos(f1 + f2), sin(f1 + f2))
Inverse:   cos f2 = (r^2 - l1^2 - l2^2) / (2 l1 l2),  f2 > 0 for the elbow on the right
           f1 = direction of p - b, less the angle of the triangle at the base
Jacobian:  dp/df = [-(l1 s1 + l2 s12), -l2 s12;  l1 c1 + l2 c12, l2 c12],  det = l1 l2 sin f2

The elbow stays on its side, seen from the base towards the tool: the other side needs the
arm to pass through straight or folded, where det = 0, and those poses are out of reach by
``LEAST_BEND_DEG``. So no stroke can flip it. The rotation of the base is zero1: a second
number for it could not be told from the first by any measurement.

Source: J. J. Craig, "Introduction to Robotics", 3rd ed. (2005), sections 4.4 and 5.8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_bridge.kinematics.base import (
    LENGTH_RANGE_MM,
    POSITION_LIMIT_MM,
    TURN_LIMIT_DEG,
    WIDEST_TURN_DEG,
    Array,
    Pair,
    Side,
    as_points,
    check_joint_range,
    check_pair,
    check_side,
    near_middle,
    triangle,
)

# Least bend of the elbow against straight and against folded. At 10 degrees a joint turns
# six times as fast as it does at a right angle, for the same speed of the tool.
LEAST_BEND_DEG = 10.0


@dataclass(frozen=True, slots=True)
class Scara:
    """A two-link arm.

    Attributes:
        link_mm: lengths of the upper arm and the forearm.
        base_mm: machine position of the shoulder.
        zero_deg: direction of the upper arm, and turn of the forearm against it, at joint value 0.
        elbow: side of the elbow, seen from the shoulder towards the tool.
        joint_min: least joint values, deg.
        joint_max: greatest joint values, deg.

    Raises:
        ProgramError: for a value out of bounds; names the key.
    """

    type: ClassVar[str] = "scara"
    joint_unit: ClassVar[str] = "deg"
    faults: ClassVar[tuple[str, ...]] = ("the arm would be straight or folded there, or cannot get there",)

    link_mm: Pair
    base_mm: Pair = (0.0, 0.0)
    zero_deg: Pair = (0.0, 0.0)
    elbow: Side = "right"
    joint_min: Pair = (-175.0, -175.0)
    joint_max: Pair = (175.0, 175.0)

    def __post_init__(self) -> None:
        check_pair(self, "link_mm", *LENGTH_RANGE_MM)
        check_pair(self, "base_mm", -POSITION_LIMIT_MM, POSITION_LIMIT_MM)
        check_pair(self, "zero_deg", -TURN_LIMIT_DEG, TURN_LIMIT_DEG)
        check_side("elbow", self.elbow)
        check_joint_range(self, TURN_LIMIT_DEG, WIDEST_TURN_DEG)

    def forward(self, joints: Array) -> Array:
        """Joint values (N, 2) in degrees to machine mm (N, 2)."""
        angle = np.radians(as_points(joints) + self.zero_deg)
        direction = np.stack([angle[:, 0], angle[:, 0] + angle[:, 1]], axis=1)
        x = np.cos(direction) @ np.array(self.link_mm)
        y = np.sin(direction) @ np.array(self.link_mm)
        return np.column_stack([x, y]) + self.base_mm

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to joint values (N, 2) in degrees and clearances (N, 1)."""
        shoulder, bend, sine = self._angles(xy_mm)
        joints = np.degrees(np.column_stack([shoulder, bend])) - self.zero_deg
        for k in range(2):
            joints[:, k] = near_middle(joints[:, k], self.joint_min[k], self.joint_max[k])
        return joints, (sine - math.sin(math.radians(LEAST_BEND_DEG)))[:, None]

    def jacobian(self, xy_mm: Array) -> Array:
        """The derivatives (N, 2, 2) of the joint values by x and y, deg/mm; the inverse of dp/dq."""
        shoulder, bend, _ = self._angles(xy_mm)
        l1, l2 = self.link_mm
        s1, c1 = l1 * np.sin(shoulder), l1 * np.cos(shoulder)
        s12, c12 = l2 * np.sin(shoulder + bend), l2 * np.cos(shoulder + bend)
        determinant = l1 * l2 * np.sin(bend)
        rows = np.stack([c12, s12, -(c1 + c12), -(s1 + s12)], axis=1).reshape(-1, 2, 2)
        return np.asarray(np.degrees(rows / determinant[:, None, None]))

    def _angles(self, xy_mm: Array) -> tuple[Array, Array, Array]:
        """Shoulder and bend (N,), rad, and the clearance's sine of the bend (N,)."""
        l1, l2 = self.link_mm
        way = as_points(xy_mm) - self.base_mm
        reach = np.hypot(way[:, 0], way[:, 1])
        at_base, sine = triangle(l1, l2, reach)
        cos_bend = (reach**2 - l1**2 - l2**2) / (2.0 * l1 * l2)
        bend = np.arctan2(np.maximum(sine, 0.0), np.clip(cos_bend, -1.0, 1.0))
        side = 1.0 if self.elbow == "right" else -1.0
        return np.arctan2(way[:, 1], way[:, 0]) - side * at_base, side * bend, sine
