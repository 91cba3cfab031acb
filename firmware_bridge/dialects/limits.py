"""What a machine told of its own limits when it was connected, whatever its firmware.

Nouns:
    axes     x, y and the pen axis, in this order; of a servo pen the third one moves nothing
    reach    where the firmware itself lets an axis go, in the frame that ``Frame`` names
    profile  what the host believes of the machine (``machine``); ``findings`` compares the two

Everything may be missing, since firmware differs in what it tells, and a value that cannot be
true is left out with a note: what is not known is not judged.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile

AXES = ("x", "y", "pen")
Three = tuple[float | None, float | None, float | None]
UNKNOWN: Three = (None, None, None)
Span = tuple[float, float]

# Wide enough for any machine; what lies outside was misread, or was never set.
_SPEED_RANGE = (0.01, 5000.0)
_ACCELERATION_RANGE = (0.1, 200000.0)
_STEPS_RANGE = (0.1, 200000.0)
_TRAVEL_RANGE_MM = (1.0, 20000.0)


class Frame(StrEnum):
    """In which frame a firmware counts its reach."""

    MACHINE = "machine"  # of its switches; the work offset comes between
    WORK = "work"  # that of the words it is sent


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What a machine says it can do.

    Attributes:
        speed: greatest speed of each axis, mm/s (joint units of a raw machine).
        acceleration: of each axis, mm/s^2.
        steps_per_mm: motor steps.
        travel_mm: length of each axis.
        reach: low and high end of each axis that the firmware itself keeps, or None.
        frame: frame of the reach.
        soft_limits: whether the firmware keeps its reach.
        homing: whether it can find its place.
        s_range: least and greatest S of a servo or spindle.
        laser: whether S follows the moves (GRBL's ``$32``).
        junction_deviation_mm: how far it may round a corner.
        idle_ms: how long its motors hold when it stands, infinite for ever.
        arcs: whether it knows G2 and G3.
        names: what each limit is called on the machine, for cures: ``speed`` to ``$110``.
        notes: what could not be read.
    """

    speed: Three = UNKNOWN
    acceleration: Three = UNKNOWN
    steps_per_mm: Three = UNKNOWN
    travel_mm: Three = UNKNOWN
    reach: tuple[Span | None, Span | None, Span | None] = (None, None, None)
    frame: Frame = Frame.WORK
    soft_limits: bool | None = None
    homing: bool | None = None
    s_range: Span | None = None
    laser: bool | None = None
    junction_deviation_mm: float | None = None
    idle_ms: float | None = None
    arcs: bool | None = None
    names: Mapping[str, tuple[str, str, str]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def name(self, limit: str, axis: int) -> str:
        """What a limit of an axis is called on the machine."""
        names = self.names.get(limit)
        return f"the {AXES[axis]} axis" if names is None else names[axis]


class Reader:
    """Takes values out of stored settings and notes those that cannot be true."""

    def __init__(self, settings: Mapping[str, float], notes: Iterable[str] = ()) -> None:
        self._settings = settings
        self.notes = list(notes)

    def one(self, key: str, low: float = 0.0, high: float = math.inf, scale: float = 1.0) -> float | None:
        """One value times ``scale``, or None if it is missing or outside ``low`` to ``high``."""
        value = self._settings.get(key)
        if value is None:
            return None
        if not (math.isfinite(value) and low <= value * scale <= high):
            self.notes.append(f"The machine says {key}={value:g}, which cannot be true")
            return None
        return value * scale

    def flag(self, key: str) -> bool | None:
        """A switch, or None if it is missing."""
        value = self.one(key)
        return None if value is None else bool(value)

    def speed(self, keys: tuple[str, str, str], scale: float = 1.0) -> Three:
        """Speeds of the three axes, mm/s."""
        return self._three(keys, _SPEED_RANGE, scale)

    def acceleration(self, keys: tuple[str, str, str]) -> Three:
        """Accelerations of the three axes, mm/s^2."""
        return self._three(keys, _ACCELERATION_RANGE)

    def steps(self, keys: tuple[str, str, str]) -> Three:
        """Motor steps per mm of the three axes."""
        return self._three(keys, _STEPS_RANGE)

    def travel(self, keys: tuple[str, str, str]) -> Three:
        """Lengths of the three axes, mm."""
        return self._three(keys, _TRAVEL_RANGE_MM)

    def _three(self, keys: tuple[str, str, str], low_high: Span, scale: float = 1.0) -> Three:
        x, y, z = (self.one(key, *low_high, scale) for key in keys)
        return x, y, z


def as_told(machine: MachineProfile, limits: MachineLimits) -> MachineProfile | None:
    """The machine as its controller sees it, with the speeds and accelerations that it told.

    Returns:
        None if it told nothing that a profile could hold.
    """
    controller = machine.as_controller()

    def pick(mine: tuple[float, ...], told: Three) -> list[float]:
        return [m if t is None else t for m, t in zip(mine, told, strict=False)]

    speed, acceleration = limits.speed, limits.acceleration
    if machine.pen_actuator == "servo":  # its third axis is idle, and the profile's pen is no axis
        speed, acceleration = (*speed[:2], None), (*acceleration[:2], None)
    vx, vy, vz = pick((*controller.max_speed_mm_s, controller.pen_max_speed), speed)
    ax, ay, az = pick((*controller.max_acceleration_mm_s2, controller.pen_max_acceleration), acceleration)
    try:
        return dataclasses.replace(
            controller,
            max_speed_mm_s=(vx, vy),
            max_acceleration_mm_s2=(ax, ay),
            pen_max_speed=vz,
            pen_max_acceleration=az,
            junction_deviation_mm=limits.junction_deviation_mm or controller.junction_deviation_mm,
        )
    except ProgramError:
        return None


LimitsOf = Callable[[Mapping[str, float]], MachineLimits]
