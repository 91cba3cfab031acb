"""Kinematics: from machine millimetres to the joints of the mechanism and back.

A kinematics is a small object with three vectorised methods. The registry maps the
name in a profile to a function that builds it from the profile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics.cartesian import Cartesian
from firmware_bridge.machine import MachineProfile

__all__ = ["KINEMATICS", "Cartesian", "Kinematics", "kinematics_of"]


class Kinematics(Protocol):
    """What a mechanism can do with points, all vectorised over N."""

    def forward(self, joints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Joint values (N, 2) to machine mm (N, 2)."""
        ...

    def inverse(self, xy_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Machine mm (N, 2) to joint values (N, 2)."""
        ...

    def reachable(self, xy_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """True where the tool can stand, (N,), for machine mm (N, 2)."""
        ...


KINEMATICS: dict[str, Callable[[MachineProfile], Kinematics]] = {
    "cartesian": lambda machine: Cartesian(machine.envelope),
}


def kinematics_of(machine: MachineProfile) -> Kinematics:
    """The kinematics that a profile names.

    Raises:
        ProgramError: if the registry has no such name.
    """
    if machine.kinematics not in KINEMATICS:
        raise ProgramError(
            f"machine.kinematics is {machine.kinematics!r}: choose one of {', '.join(sorted(KINEMATICS))}."
        )
    return KINEMATICS[machine.kinematics](machine)
