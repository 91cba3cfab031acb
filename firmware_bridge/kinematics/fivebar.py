"""Five-bar: two driven arms side by side, whose forearms meet at the pen.

Symbols (angles counter-clockwise, rad inside, degrees as joint values), for arm i = 1, 2:
    m_i      its motor, machine mm; motor 1 is on the left, seen towards the paper
    l_i, d_i lengths of the driven link and of the forearm
    f_i      direction of the driven link against machine x:   f_i = zero_i + q_i
    e_i      its elbow: e_i = m_i + l_i (cos f_i, sin f_i)

Inverse:   each arm on its own is a triangle m_i, e_i, p with the elbow on its side
Forward:   p is where the circles around e_1 and e_2 with radii d_1 and d_2 cross, on the
           left of the way from e_1 to e_2 (the assembly: the pen is on the far side)
Jacobian:  |p - e_i| is constant, so (p - e_i) . (dp - l_i n_i df_i) = 0 with n_i across the
           driven link:  df_i/dp = (p - e_i) / (l_i (p - e_i) . n_i)

Singularities, all out of reach by ``LEAST_BEND_DEG``: an arm straight or folded (its motor
cannot move the pen outwards), and the two forearms in one line (the pen gives way although
both motors hold). A path within reach crosses none, so it keeps elbows and assembly.

Source: J.-P. Merlet, "Parallel Robots", 2nd ed. (2006), on five-bar mechanisms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics.base import (
    LENGTH_RANGE_MM,
    POSITION_LIMIT_MM,
    SIDES,
    TURN_LIMIT_DEG,
    WIDEST_TURN_DEG,
    Array,
    Pair,
    Side,
    as_points,
    check_joint_range,
    check_pair,
    crossing,
    near_middle,
    triangle,
)

# Least angle between two links in a row, against straight and folded.
LEAST_BEND_DEG = 10.0
_LEAST = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class FiveBar:
    """Two motors, two driven links, two forearms that meet at the pen.

    Attributes:
        left_motor_mm: machine position of motor 1.
        right_motor_mm: machine position of motor 2.
        driven_mm: lengths of the two driven links.
        forearm_mm: lengths of the two forearms.
        zero_deg: directions of the driven links at joint value 0.
        elbows: side of each elbow, seen from its motor towards the pen.
        joint_min: least joint values, deg.
        joint_max: greatest joint values, deg.

    Raises:
        ProgramError: for a value out of bounds; names the key.
    """

    type: ClassVar[str] = "fivebar"
    joint_unit: ClassVar[str] = "deg"
    faults: ClassVar[tuple[str, ...]] = (
        "the left arm would be straight or folded there, or cannot get there",
        "the right arm would be straight or folded there, or cannot get there",
        "the forearms would be in one line there or cross over",
    )

    left_motor_mm: Pair
    right_motor_mm: Pair
    driven_mm: Pair
    forearm_mm: Pair
    zero_deg: Pair = (0.0, 0.0)
    elbows: tuple[Side, Side] = ("left", "right")
    joint_min: Pair = (-175.0, -175.0)
    joint_max: Pair = (175.0, 175.0)

    def __post_init__(self) -> None:
        for key in ("driven_mm", "forearm_mm"):
            check_pair(self, key, *LENGTH_RANGE_MM)
        for key in ("left_motor_mm", "right_motor_mm"):
            check_pair(self, key, -POSITION_LIMIT_MM, POSITION_LIMIT_MM)
        check_pair(self, "zero_deg", -TURN_LIMIT_DEG, TURN_LIMIT_DEG)
        elbows = self.elbows
        if not isinstance(elbows, list | tuple) or len(elbows) != 2 or any(e not in SIDES for e in elbows):
            raise ProgramError(
                f"machine.kinematics.elbows is {elbows!r}: give two words, each left or right."
            )
        object.__setattr__(self, "elbows", tuple(elbows))
        check_joint_range(self, TURN_LIMIT_DEG, WIDEST_TURN_DEG)

    def forward(self, joints: Array) -> Array:
        """Joint values (N, 2) in degrees to machine mm (N, 2); nan where the forearms cannot meet."""
        angle = np.radians(as_points(joints) + self.zero_deg)
        first, second = (
            np.asarray(motor) + length * np.column_stack([np.cos(angle[:, k]), np.sin(angle[:, k])])
            for k, (motor, length) in enumerate(
                zip((self.left_motor_mm, self.right_motor_mm), self.driven_mm, strict=True)
            )
        )
        radii = [np.full(len(angle), length) for length in self.forearm_mm]
        return crossing(first, second, radii[0], radii[1], left=True)

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to joint values (N, 2) in degrees and clearances (N, 3)."""
        direction, sines, forearms = self._arms(xy_mm)
        joints = np.degrees(direction) - self.zero_deg
        for k in range(2):
            joints[:, k] = near_middle(joints[:, k], self.joint_min[k], self.joint_max[k])
        first, second = forearms
        # Seen from the pen, the forearms come from e_1 on the left and e_2 on the right.
        across = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
        between = across / (self.forearm_mm[0] * self.forearm_mm[1])
        clearances = np.column_stack([sines, between]) - math.sin(math.radians(LEAST_BEND_DEG))
        return joints, clearances

    def jacobian(self, xy_mm: Array) -> Array:
        """The derivatives (N, 2, 2) of the joint values by x and y, deg/mm."""
        direction, _, forearms = self._arms(xy_mm)
        rows = []
        for k, forearm in enumerate(forearms):
            normal = np.column_stack([-np.sin(direction[:, k]), np.cos(direction[:, k])])
            rows.append(forearm / (self.driven_mm[k] * (forearm * normal).sum(axis=1))[:, None])
        return np.asarray(np.degrees(np.stack(rows, axis=1)))

    def _arms(self, xy_mm: Array) -> tuple[Array, Array, tuple[Array, Array]]:
        """Directions of the driven links (N, 2), rad; sines of the bends (N, 2); forearm vectors."""
        xy = as_points(xy_mm)
        directions, sines, forearms = [], [], []
        for k, motor in enumerate((self.left_motor_mm, self.right_motor_mm)):
            way = xy - motor
            at_motor, sine = triangle(
                self.driven_mm[k], self.forearm_mm[k], np.hypot(way[:, 0], way[:, 1]) + _LEAST
            )
            side = 1.0 if self.elbows[k] == "left" else -1.0
            direction = np.arctan2(way[:, 1], way[:, 0]) + side * at_motor
            directions.append(direction)
            sines.append(sine)
            forearms.append(way - self.driven_mm[k] * np.column_stack([np.cos(direction), np.sin(direction)]))
        return np.column_stack(directions), np.column_stack(sines), (forearms[0], forearms[1])
