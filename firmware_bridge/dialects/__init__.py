"""Firmware dialects, by the name that a profile gives."""

from __future__ import annotations

from firmware_bridge.dialects.base import Dialect
from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.dialects.marlin import Marlin
from firmware_bridge.dialects.uarm import Uarm
from firmware_bridge.errors import ProgramError

__all__ = ["DIALECTS", "Dialect", "Grbl", "Marlin", "Uarm", "dialect_of"]

DIALECTS: dict[str, Dialect] = {"grbl": Grbl(), "marlin": Marlin(), "uarm": Uarm()}


def dialect_of(name: str) -> Dialect:
    """The dialect of this name.

    Raises:
        ProgramError: if the registry has no such name.
    """
    if name not in DIALECTS:
        raise ProgramError(f"machine.dialect is {name!r}: choose one of {', '.join(sorted(DIALECTS))}.")
    return DIALECTS[name]
