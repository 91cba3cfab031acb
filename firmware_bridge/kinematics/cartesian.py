"""Gantries: each motor moves one axis, or, CoreXY-style, both motors move both.

Symbols: joints (a, b) in mm of belt.

    cartesian   a = x,      b = y
    corexy      a = x + y,  b = x - y      ->   x = (a + b) / 2,  y = (a - b) / 2

The firmware of a CoreXY machine mixes the motors itself and takes x and y, so its joints
matter for the limits of the motors alone. What a gantry can reach is its envelope.
Source of the mixing: I. E. Moyer, "CoreXY: Theory", corexy.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_bridge.kinematics.base import POSITION_LIMIT_MM, Array, Pair, as_points

_FREE_MM = 2.0 * POSITION_LIMIT_MM  # the sum of two axes; a gantry's envelope is what limits it


@dataclass(frozen=True, slots=True)
class Cartesian:
    """A gantry: x and y motors move x and y."""

    type: ClassVar[str] = "cartesian"
    joint_unit: ClassVar[str] = "mm"
    faults: ClassVar[tuple[str, ...]] = ()

    @property
    def joint_min(self) -> Pair:
        """Least joint values: no limit but the envelope."""
        return (-_FREE_MM, -_FREE_MM)

    @property
    def joint_max(self) -> Pair:
        """Greatest joint values: no limit but the envelope."""
        return (_FREE_MM, _FREE_MM)

    def forward(self, joints: Array) -> Array:
        """Joint values (N, 2) in mm to machine mm (N, 2): the same."""
        return as_points(joints).copy()

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to joint values (N, 2) in mm, the same; no clearances."""
        xy = as_points(xy_mm).copy()
        return xy, np.zeros((len(xy), 0))

    def jacobian(self, xy_mm: Array) -> Array:
        """The unit matrix, (N, 2, 2)."""
        return np.broadcast_to(np.eye(2), (len(as_points(xy_mm)), 2, 2)).copy()


_MIXING = np.array([[1.0, 1.0], [1.0, -1.0]])


@dataclass(frozen=True, slots=True)
class CoreXY:
    """A gantry whose two belts both carry the tool."""

    type: ClassVar[str] = "corexy"
    joint_unit: ClassVar[str] = "mm"
    faults: ClassVar[tuple[str, ...]] = ()

    @property
    def joint_min(self) -> Pair:
        """Least joint values: no limit but the envelope."""
        return (-_FREE_MM, -_FREE_MM)

    @property
    def joint_max(self) -> Pair:
        """Greatest joint values: no limit but the envelope."""
        return (_FREE_MM, _FREE_MM)

    def forward(self, joints: Array) -> Array:
        """Belt mm (N, 2) to machine mm (N, 2)."""
        return np.asarray(as_points(joints) @ (0.5 * _MIXING))

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to belt mm (N, 2); no clearances."""
        xy = as_points(xy_mm)
        return np.asarray(xy @ _MIXING), np.zeros((len(xy), 0))

    def jacobian(self, xy_mm: Array) -> Array:
        """The mixing of the belts, (N, 2, 2)."""
        return np.broadcast_to(_MIXING, (len(as_points(xy_mm)), 2, 2)).copy()
