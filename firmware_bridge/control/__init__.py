"""How to lead a conversation with each firmware: meet it, stop it, wait for it."""

from __future__ import annotations

from firmware_bridge.control.base import Control
from firmware_bridge.control.grbl import GrblControl
from firmware_bridge.control.marlin import MarlinControl
from firmware_bridge.control.uarm import UarmControl
from firmware_bridge.errors import ProgramError

__all__ = ["CONTROLS", "Control", "control_of"]

CONTROLS: dict[str, Control] = {"grbl": GrblControl(), "marlin": MarlinControl(), "uarm": UarmControl()}


def control_of(name: str) -> Control:
    """The control of the dialect of this name.

    Raises:
        ProgramError: if the registry has no such name.
    """
    if name not in CONTROLS:
        raise ProgramError(f"machine.dialect is {name!r}: choose one of {', '.join(sorted(CONTROLS))}.")
    return CONTROLS[name]
