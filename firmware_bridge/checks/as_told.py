"""A machine's profile with what the machine itself tells: the way back from ``controller_settings``.

Nouns:
    told    what the machine said when it was connected (``limits.MachineLimits``, ``Facts``)
    taken   a value of the profile that is now the machine's
    untold  a key that the machine says nothing of, so that the profile's guess stays

Speeds, accelerations, steps, the corner setting and the sizes of its buffers are taken as they are. The
envelope is the machine's own reach in the frame of its work origin where it keeps one, else its travel
from the profile's lower end. Nothing that the profile could not hold is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.dialects.base import Facts
from firmware_bridge.dialects.limits import Frame, MachineLimits, Three
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope

# Values closer than this share are the same.
_SAME_SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class Taken:
    """A value of the profile that was replaced by the machine's.

    Attributes:
        key: in the ``[machine]`` table.
        before: what the profile said.
        now: what the machine says.
        setting: what the machine calls it, or empty.
    """

    key: str
    before: str
    now: str
    setting: str


def as_told(
    machine: MachineProfile, told: MachineLimits, facts: Facts, offset_mm: Sequence[float] | None
) -> tuple[MachineProfile, list[Taken], list[str]]:
    """The profile of a connected machine.

    Args:
        machine: the profile that it was connected with.
        told: what it says of its limits.
        facts: what else it says.
        offset_mm: machine minus work position of each axis, or None if that is not known.

    Returns:
        The profile, what was taken, and the keys that the machine says nothing of.
    """
    wanted: list[tuple[str, object, str]] = []
    untold: list[str] = []

    def take(key: str, value: object | None, setting: str = "") -> None:
        if value is None:
            untold.append(key)
        else:
            wanted.append((key, value, setting))

    z_pen = machine.pen_actuator == "z"
    raw = machine.raw_joints
    take("joint_max_speed" if raw else "max_speed_mm_s", _two(told.speed), _names(told, "speed"))
    take(
        "joint_max_acceleration" if raw else "max_acceleration_mm_s2",
        _two(told.acceleration),
        _names(told, "acceleration"),
    )
    if z_pen:
        take("pen_max_speed", told.speed[2], _name(told, "speed", 2))
        take("pen_max_acceleration", told.acceleration[2], _name(told, "acceleration", 2))
    take("steps_per_mm", _steps(machine, told.steps_per_mm), _names(told, "steps"))
    take("junction_deviation_mm", told.junction_deviation_mm)
    take("rx_buffer_bytes", facts.rx_bytes)
    take("planner_blocks", facts.planner_blocks)
    if not raw:
        take("envelope", _envelope(machine.envelope, told, offset_mm, z_pen), _names(told, "travel"))

    taken: list[Taken] = []
    for key, value, setting in wanted:
        before = getattr(machine, key)
        if _same(before, value):
            continue
        try:
            machine = dataclasses.replace(machine, **{key: value})  # type: ignore[arg-type]
        except ProgramError:
            untold.append(key)
        else:
            taken.append(Taken(key, _text(before), _text(value), setting))
    return machine, taken, untold


def _two(three: Three) -> tuple[float, float] | None:
    x, y, _ = three
    return None if x is None or y is None else (x, y)


def _steps(machine: MachineProfile, three: Three) -> tuple[float, float, float] | None:
    x, y, z = three
    return None if x is None or y is None else (x, y, machine.steps_per_mm[2] if z is None else z)


def _envelope(
    box: Envelope, told: MachineLimits, offset_mm: Sequence[float] | None, z_pen: bool
) -> Envelope | None:
    """The box of the machine in the frame of its words, or None where it says nothing of it."""
    spans = [(box.x_min_mm, box.x_max_mm), (box.y_min_mm, box.y_max_mm), (box.pen_min, box.pen_max)]
    known = False
    for axis in range(3 if z_pen else 2):
        reach, length = told.reach[axis], told.travel_mm[axis]
        if reach is not None and (told.frame is Frame.WORK or offset_mm is not None):
            shift = offset_mm[axis] if told.frame is Frame.MACHINE and offset_mm is not None else 0.0
            spans[axis] = (reach[0] - shift, reach[1] - shift)
            known = True
        elif length is not None and axis < 2:
            spans[axis] = (spans[axis][0], spans[axis][0] + length)
            known = True
    (x0, x1), (y0, y1), (p0, p1) = spans
    return Envelope(x0, x1, y0, y1, p0, p1) if known else None


def _name(told: MachineLimits, limit: str, axis: int) -> str:
    return told.names[limit][axis] if limit in told.names else ""


def _names(told: MachineLimits, limit: str) -> str:
    return ", ".join(dict.fromkeys(told.names[limit][:2])) if limit in told.names else ""


def _numbers(value: object) -> tuple[float, ...]:
    if isinstance(value, Envelope):
        return tuple(dataclasses.astuple(value))
    if isinstance(value, tuple):
        return value
    return () if value is None else (float(value),)  # type: ignore[arg-type]


def _same(before: object, now: object) -> bool:
    a, b = _numbers(before), _numbers(now)
    return len(a) == len(b) and all(
        abs(x - y) <= _SAME_SHARE * max(abs(x), 1.0) for x, y in zip(a, b, strict=True)
    )


def _text(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(f"{number:g}" for number in _numbers(value))
