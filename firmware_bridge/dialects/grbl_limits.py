"""What the stored settings of GRBL 1.1, grblHAL and FluidNC say of the machine.

GRBL's travel runs from 0 at its switches down to -``$130``: homing ends at one of both ends, and
the frame is that of the switches in either case. A build with the option Z makes the homed end
the origin, so an axis homed at its negative end (``$23``) then runs up to +``$130``. FluidNC says in
its configuration where the switch is and which way it lies.

Sources: GRBL 1.1 settings and interface documentation (gnea/grbl, doc/markdown) and its travel
check (grbl/system.c, read for facts); FluidNC's configuration items (wiki.fluidnc.com) and what it
prints for ``$$`` (FluidNC/src/ProcessSettings.cpp, read for facts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from firmware_bridge.dialects.limits import Frame, MachineLimits, Reader, Span
from firmware_bridge.machine import MachineProfile

if TYPE_CHECKING:
    from firmware_bridge.dialects.base import Facts

_MINUTES_PER_S = 1.0 / 60.0
_FORCED_ORIGIN = "Z"  # option letter
_MOTORS_STAY_ON = 255.0  # of $1
_NUMBERS = {
    "steps": ("$100", "$101", "$102"),
    "speed": ("$110", "$111", "$112"),
    "acceleration": ("$120", "$121", "$122"),
    "travel": ("$130", "$131", "$132"),
}
# FluidNC: item of an axis, and the number that it has in GRBL.
_ITEMS = {
    "steps_per_mm": "steps",
    "max_rate_mm_per_min": "speed",
    "acceleration_mm_per_sec2": "acceleration",
    "max_travel_mm": "travel",
}
_SOFT, _SWITCH_MM, _POSITIVE = "soft_limits", "homing/mpos_mm", "homing/positive_direction"
_AXES = "xyz"
# What FluidNC is asked for, one line each.
FLUIDNC_PATHS = tuple(f"/axes/{axis}/{item}" for axis in _AXES for item in (*_ITEMS, _SOFT)) + tuple(
    f"/axes/{axis}/{item}" for axis in _AXES for item in (_SWITCH_MM, _POSITIVE)
)


def limits_of(machine: MachineProfile, facts: Facts) -> MachineLimits:
    """What the machine told; see ``MachineLimits``."""
    settings, names = facts.settings, dict(_NUMBERS)
    fluid = any(key.startswith("/axes/") for key in settings)
    if fluid:
        settings, names = _as_numbers(settings)
    told = Reader(settings, facts.notes)
    travel = told.travel(_NUMBERS["travel"])
    soft = told.flag("$20")
    reach: list[Span | None] = [None, None, None]
    for axis in range(3):
        length = travel[axis]
        if length is None:
            continue
        if fluid:
            reach[axis] = _fluid_span(facts.settings, _AXES[axis], length)
        elif soft:
            # A build with a forced origin lies the other way where the switch is at the low end.
            mask = int(told.one("$23", 0.0, 255.0) or 0.0)
            up = _FORCED_ORIGIN in facts.options and mask >> axis & 1
            reach[axis] = (0.0, length) if up else (-length, 0.0)
    idle = told.one("$1", 0.0, _MOTORS_STAY_ON)
    least, greatest = told.one("$31"), told.one("$30")
    return MachineLimits(
        speed=told.speed(_NUMBERS["speed"], _MINUTES_PER_S),
        acceleration=told.acceleration(_NUMBERS["acceleration"]),
        steps_per_mm=told.steps(_NUMBERS["steps"]),
        # The idle z axis of a servo machine moves no pen.
        travel_mm=(*travel[:2], None) if machine.pen_actuator == "servo" else travel,
        reach=(reach[0], reach[1], None if machine.pen_actuator == "servo" else reach[2]),
        frame=Frame.MACHINE,
        soft_limits=any(span is not None for span in reach) if fluid else soft,
        homing=told.flag("$22"),
        s_range=None if greatest is None else (least or 0.0, greatest),
        laser=told.flag("$32"),
        junction_deviation_mm=told.one("$11", 1e-5, 10.0),
        idle_ms=math.inf if idle == _MOTORS_STAY_ON else idle,
        names=MappingProxyType(names),
        notes=tuple(told.notes),
    )


def _as_numbers(settings: Mapping[str, float]) -> tuple[dict[str, float], dict[str, tuple[str, str, str]]]:
    """FluidNC's configuration under the numbers that GRBL gives, and what to call them in words."""
    numbers = {key: value for key, value in settings.items() if key.startswith("$")}
    names: dict[str, tuple[str, str, str]] = {}
    for item, limit in _ITEMS.items():
        paths = tuple(f"/axes/{axis}/{item}" for axis in _AXES)
        names[limit] = (f"${paths[0]}", f"${paths[1]}", f"${paths[2]}")
        for path, number in zip(paths, _NUMBERS[limit], strict=True):
            if path in settings:
                numbers[number] = settings[path]
    return numbers, names


def _fluid_span(settings: Mapping[str, float], axis: str, length: float) -> Span | None:
    """Where FluidNC's soft limits let an axis go, if they are on and the switch's place was told."""
    switch, positive = settings.get(f"/axes/{axis}/{_SWITCH_MM}"), settings.get(f"/axes/{axis}/{_POSITIVE}")
    if not settings.get(f"/axes/{axis}/{_SOFT}") or switch is None or positive is None:
        return None
    return (switch - length, switch) if positive else (switch, switch + length)
