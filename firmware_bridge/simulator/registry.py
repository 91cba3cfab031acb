"""The virtual controllers by name, as ``sim://NAME`` and ``serve-simulator`` know them."""

from __future__ import annotations

from collections.abc import Callable

from firmware_bridge.errors import PortError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBLHAL
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController

CONTROLLERS: dict[str, Callable[[MachineProfile, Vector | None], VirtualController]] = {
    "grbl": VirtualGrbl,
    "grblhal": lambda machine, start_mm: VirtualGrbl(machine, start_mm, GRBLHAL),
    "fluidnc": lambda machine, start_mm: VirtualGrbl(machine, start_mm, FLUIDNC),
    "marlin": VirtualMarlin,
    "uarm": VirtualUarm,
}


def virtual_controller(
    name: str, machine: MachineProfile, start_mm: Vector | None = None
) -> VirtualController:
    """Switches a virtual controller on.

    Args:
        name: key of the registry.
        machine: envelope, limits, buffer sizes.
        start_mm: where the tool stands at first; by default x = y = 0, pen up.

    Raises:
        PortError: if there is none of this name.
    """
    if name not in CONTROLLERS:
        known = ", ".join(f"sim://{key}" for key in sorted(CONTROLLERS))
        raise PortError(f"There is no simulator sim://{name}: use one of {known}.")
    return CONTROLLERS[name](machine, start_mm)
