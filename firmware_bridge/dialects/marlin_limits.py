"""What ``M503``, ``M211`` and ``M115`` of Marlin say of the machine.

Moves without an extruder run at the travel acceleration (``M204 T``), so an axis gets the lesser
of that and its own (``M201``).

Source: marlinfw.org (G-code reference); Marlin/src/gcode/control/M211.cpp and gcode/host/M115.cpp,
read for facts.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from firmware_bridge.limits import Frame, MachineLimits, Reader, Span, Three
from firmware_bridge.machine import MachineProfile

if TYPE_CHECKING:
    from firmware_bridge.dialects.base import Facts

_AXES = "XYZ"
_FARTHEST_MM = 20000.0
_NAMES = MappingProxyType(
    {
        "steps": ("M92 X", "M92 Y", "M92 Z"),
        "speed": ("M203 X", "M203 Y", "M203 Z"),
        "acceleration": ("M201 X and M204 T", "M201 Y and M204 T", "M201 Z and M204 T"),
        "travel": ("M211", "M211", "M211"),
    }
)


def limits_of(machine: MachineProfile, facts: Facts) -> MachineLimits:
    """What the machine told; see ``MachineLimits``."""
    told = Reader(facts.settings, facts.notes)
    travel = told.one("M204 T", 0.1, 200000.0)
    own = told.acceleration(("M201 X", "M201 Y", "M201 Z"))
    kept = told.flag("M211 S")
    spans: list[Span | None] = []
    for axis in _AXES:
        low = told.one(f"M211 {axis.lower()}", -_FARTHEST_MM, _FARTHEST_MM)
        high = told.one(f"M211 {axis}", -_FARTHEST_MM, _FARTHEST_MM)
        spans.append((low, high) if low is not None and high is not None and low < high else None)
    lengths = [None if span is None else span[1] - span[0] for span in spans]
    if machine.pen_actuator == "servo":
        spans[2] = lengths[2] = None
    reach = spans if kept else [None, None, None]
    return MachineLimits(
        speed=told.speed(("M203 X", "M203 Y", "M203 Z")),
        acceleration=_lesser(own, travel),
        steps_per_mm=told.steps(("M92 X", "M92 Y", "M92 Z")),
        travel_mm=(lengths[0], lengths[1], lengths[2]),
        reach=(reach[0], reach[1], reach[2]),
        frame=Frame.WORK,
        soft_limits=kept,
        # 0 where the board brakes by classic jerk instead.
        junction_deviation_mm=told.one("M205 J", 0.0, 10.0) or None,
        arcs=facts.capabilities.get("ARCS"),
        names=_NAMES,
        notes=tuple(told.notes),
    )


def _lesser(own: Three, travel: float | None) -> Three:
    x, y, z = (a if a is None or travel is None else min(a, travel) for a in own)
    return x, y, z
