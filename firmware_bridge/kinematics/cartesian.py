"""Cartesian kinematics: each motor moves one axis, so joints are millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.program import Envelope


@dataclass(frozen=True, slots=True)
class Cartesian:
    """A gantry: x and y motors move x and y.

    Attributes:
        envelope: the box of reachable points.
    """

    envelope: Envelope

    def forward(self, joints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Joint values (N, 2) in mm to machine mm (N, 2): the same."""
        return np.array(joints, dtype=np.float64).reshape(-1, 2)

    def inverse(self, xy_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Machine mm (N, 2) to joint values (N, 2) in mm: the same."""
        return np.array(xy_mm, dtype=np.float64).reshape(-1, 2)

    def reachable(self, xy_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """True where a point of (N, 2) machine mm lies in the envelope, edges included; (N,)."""
        xy = np.asarray(xy_mm, dtype=np.float64).reshape(-1, 2)
        box = self.envelope
        inside_x = (xy[:, 0] >= box.x_min_mm) & (xy[:, 0] <= box.x_max_mm)
        inside_y = (xy[:, 1] >= box.y_min_mm) & (xy[:, 1] <= box.y_max_mm)
        return np.asarray(inside_x & inside_y)
