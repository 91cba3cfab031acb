"""A mechanism in its envelope: points to joints and back, and which points it reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ReachError
from firmware_bridge.kinematics.base import ROUNDING, Array, Mechanism, Pair, as_points
from firmware_bridge.program import Envelope


@dataclass(frozen=True, slots=True)
class Kinematics:
    """What a machine's mechanism does with points, all vectorised over N.

    Attributes:
        mechanism: its equations and joint limits.
        envelope: the box that the tool may never leave.
    """

    mechanism: Mechanism
    envelope: Envelope

    @property
    def joint_unit(self) -> str:
        """What a joint value counts: ``deg`` or ``mm``."""
        return self.mechanism.joint_unit

    def forward(self, joints: Array) -> Array:
        """Joint values (N, 2) to machine mm (N, 2).

        Raises:
            ReachError: for joint values that no pose of the mechanism has; names the first.
        """
        values = as_points(joints)
        xy = self.mechanism.forward(values)
        lost = np.flatnonzero(~np.isfinite(xy).all(axis=1))
        if len(lost):
            a, b = values[lost[0]]
            unit = self.joint_unit
            raise ReachError(
                f"No pose has the joint values {a:.2f} and {b:.2f} {unit}: check the lengths and zeros "
                "of machine.kinematics."
            )
        return xy

    def inverse(self, xy_mm: Array) -> Array:
        """Machine mm (N, 2) to joint values (N, 2), continuous along any path within reach.

        Raises:
            ReachError: for a point that the mechanism cannot reach; names the first and why.
        """
        xy = as_points(xy_mm)
        joints, clearances = self.mechanism.joints_at(xy)
        self._require(xy, joints, clearances)
        return joints

    def jacobian(self, xy_mm: Array) -> Array:
        """The derivatives (N, 2, 2) of the joint values (rows) by machine x and y (columns).

        Raises:
            ReachError: as ``inverse``: in a singularity there is none.
        """
        xy = as_points(xy_mm)
        self._require(xy, *self.mechanism.joints_at(xy))
        return self.mechanism.jacobian(xy)

    def reachable(self, xy_mm: Array) -> NDArray[np.bool_]:
        """True where the tool may stand, (N,): in the envelope and within the reach of the mechanism."""
        xy, box = as_points(xy_mm), self.envelope
        low, high = [box.x_min_mm, box.y_min_mm], [box.x_max_mm, box.y_max_mm]
        inside = ((xy >= low) & (xy <= high)).all(axis=1)
        return np.asarray(inside & (self._reserves(*self.mechanism.joints_at(xy)) >= -ROUNDING).all(axis=1))

    def fault(self, xy_mm: Pair) -> str:
        """Why the mechanism cannot reach a point, in words; empty if it can."""
        joints, clearances = self.mechanism.joints_at(as_points(np.array(xy_mm)))
        return self._words(joints[0], self._reserves(joints, clearances)[0])

    def _reserves(self, joints: Array, clearances: Array) -> Array:
        """Clearances, then how far each joint is from its limits, (N, C + 2)."""
        low, high = self.mechanism.joint_min, self.mechanism.joint_max
        return np.column_stack([clearances, np.minimum(joints - low, high - joints)])

    def _require(self, xy: Array, joints: Array, clearances: Array) -> None:
        reserves = self._reserves(joints, clearances)
        lost = np.flatnonzero(~(reserves >= -ROUNDING).all(axis=1))
        if len(lost):
            x, y = xy[lost[0]]
            raise ReachError(
                f"The point ({x:.2f}, {y:.2f}) mm of the machine is out of reach: "
                f"{self._words(joints[lost[0]], reserves[lost[0]])}. Move or shrink the drawing."
            )

    def _words(self, joints: Array, reserves: Array) -> str:
        faults = self.mechanism.faults
        bad = np.flatnonzero(~(reserves >= -ROUNDING))
        if not len(bad):
            return ""
        first = int(bad[0])
        if first < len(faults):
            return faults[first]
        k = first - len(faults)
        low, high = self.mechanism.joint_min[k], self.mechanism.joint_max[k]
        return (
            f"joint {k + 1} would stand at {joints[k]:.1f}, beyond its {low:g} to {high:g} {self.joint_unit}"
        )
