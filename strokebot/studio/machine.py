"""The process that moves a machine."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.profile import Profile
from firmware_bridge.program import Program


@dataclass(frozen=True, eq=False)
class DrawJob:
    """A drawing that was rehearsed.

    Attributes:
        name: of the picture.
        profile: that it was planned with.
        program: the moves.
        gcode: the same as its dialect writes them.
        duration_s: on the virtual machine.
    """

    name: str
    profile: Profile
    program: Program
    gcode: tuple[str, ...]
    duration_s: float
