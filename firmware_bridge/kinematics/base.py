"""What every mechanism offers, and the geometry that several of them share.

Nouns:
    joint        a driven axis; its value is what a raw controller takes: degrees or mm of cable
    zero         the angle or length of a joint at value 0; calibration moves it
    pose         joint values and a machine point that belong together
    clearance    how far a pose is from what its mechanism cannot do; negative beyond it
    singularity  a pose in which the joints lose hold of a direction, such as a straight arm

Symbols: p machine point (x, y) in mm, q joint values, J = dq/dp.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ProgramError

Array = NDArray[np.float64]
Pair = tuple[float, float]
Side = Literal["left", "right"]

SIDES = ("left", "right")
# Wide enough for any desk or wall machine, narrow enough to catch metres or micrometres.
LENGTH_RANGE_MM = (1.0, 10000.0)
POSITION_LIMIT_MM = 10000.0
TURN_LIMIT_DEG = 720.0
FULL_TURN_DEG = 360.0
# Widest range of a turning joint. Where an angle jumps by a whole turn lies in the gap that is
# left, and the gap is wider than the steps in which paths are looked at, so no path crosses it.
WIDEST_TURN_DEG = 350.0
# Rounding that is not held against a point, in the unit of its clearance.
ROUNDING = 1e-9


class Mechanism(Protocol):
    """The parameters of one machine's mechanism, and its closed-form equations.

    Every mechanism is a frozen dataclass of plain numbers, so that a fit can vary them
    with ``dataclasses.replace``. All methods are vectorised over N and never fail: what
    cannot be reached has a negative clearance.

    Attributes:
        type: its name in a profile.
        joint_unit: what a joint value counts, ``deg`` or ``mm``.
        faults: what is wrong where the clearance of that column is negative.
        joint_min: least joint values. joint_max: greatest joint values.
    """

    type: ClassVar[str]
    joint_unit: ClassVar[str]
    faults: ClassVar[tuple[str, ...]]

    @property
    def joint_min(self) -> Pair:
        """Least joint values."""
        ...

    @property
    def joint_max(self) -> Pair:
        """Greatest joint values."""
        ...

    def forward(self, joints: Array) -> Array:
        """Joint values (N, 2) to machine mm (N, 2)."""
        ...

    def joints_at(self, xy_mm: Array) -> tuple[Array, Array]:
        """Machine mm (N, 2) to joint values (N, 2) and clearances (N, len(faults))."""
        ...

    def jacobian(self, xy_mm: Array) -> Array:
        """The derivatives (N, 2, 2) of the joint values (rows) by x and y (columns)."""
        ...


def as_points(xy_mm: Array) -> Array:
    """The points as a float array (N, 2)."""
    return np.asarray(xy_mm, dtype=np.float64).reshape(-1, 2)


def near_middle(angle_deg: Array, low: float, high: float) -> Array:
    """The same angles, turned by whole turns to lie within half a turn of the middle of a range.

    So the place where an angle jumps by a turn lies as far as possible outside the range.
    """
    middle = 0.5 * (low + high)
    return np.asarray(angle_deg - FULL_TURN_DEG * np.round((angle_deg - middle) / FULL_TURN_DEG))


def triangle(near_mm: float, far_mm: float, reach_mm: Array) -> tuple[Array, Array]:
    """The angle at the first corner of triangles of three sides, and the sine of that between the links.

    Args:
        near_mm: the link at the base.
        far_mm: the link at the tool.
        reach_mm: (N,) distances from the base to the tool.

    Returns:
        (N,) angle between the near link and the way to the tool, rad; (N,) sine of the angle
        between the links, negative where they are too short or too long to meet.
    """
    reach = np.maximum(reach_mm, np.finfo(float).tiny)
    cos_bend = (reach**2 - near_mm**2 - far_mm**2) / (2.0 * near_mm * far_mm)
    sin_squared = 1.0 - cos_bend**2
    sin_bend = np.sqrt(np.maximum(sin_squared, 0.0))
    angle = np.arctan2(far_mm * sin_bend, near_mm + far_mm * np.clip(cos_bend, -1.0, 1.0))
    return angle, np.where(sin_squared >= 0.0, sin_bend, sin_squared)


def crossing(first: Array, second: Array, first_mm: Array, second_mm: Array, left: bool) -> Array:
    """Where two circles cross, on the left or right of the way from the first middle to the second.

    Args:
        first: (N, 2) middles of the first circles.
        second: (N, 2) middles of the second circles.
        first_mm: (N,) radii of the first circles.
        second_mm: (N,) radii of the second circles.
        left: which of the two crossings.

    Returns:
        (N, 2); nan where the circles do not meet.
    """
    way = second - first
    apart = np.hypot(way[:, 0], way[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (first_mm**2 - second_mm**2 + apart**2) / (2.0 * apart)
        across = np.sqrt(first_mm**2 - along**2)
        unit = way / apart[:, None]
    normal = np.column_stack([-unit[:, 1], unit[:, 0]])
    return np.asarray(first + along[:, None] * unit + (across if left else -across)[:, None] * normal)


def check_number(owner: str, key: str, value: float, low: float, high: float) -> None:
    """Refuses a parameter that is not a number in [low, high]; names its key.

    Raises:
        ProgramError: with the key ``kinematics.KEY``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProgramError(f"machine.kinematics.{key} is {value!r}: it must be a number.")
    if not low <= value <= high:
        raise ProgramError(
            f"machine.kinematics.{key} is {value:g}: for {owner} it must lie between {low:g} and {high:g}."
        )


def check_pair(owner: object, key: str, low: float, high: float) -> None:
    """Refuses a field that is not two numbers in [low, high], and makes it a tuple of floats.

    Raises:
        ProgramError: with the key ``kinematics.KEY``.
    """
    value = getattr(owner, key)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ProgramError(f"machine.kinematics.{key} is {value!r}: it must be a list of two numbers.")
    for number in value:
        check_number(getattr(type(owner), "type", "a mechanism"), key, number, low, high)
    object.__setattr__(owner, key, (float(value[0]), float(value[1])))


def check_joint_range(owner: Mechanism, limit: float, widest: float) -> None:
    """Refuses joint limits that are out of bounds, in the wrong order or too far apart.

    Raises:
        ProgramError: names ``joint_min`` or ``joint_max``.
    """
    for key in ("joint_min", "joint_max"):
        check_pair(owner, key, -limit, limit)
    for number, (low, high) in enumerate(zip(owner.joint_min, owner.joint_max, strict=True), start=1):
        if not 0.0 < high - low <= widest:
            raise ProgramError(
                f"machine.kinematics.joint_max of joint {number} is {high:g} and joint_min {low:g}: "
                f"the range must be above 0 and at most {widest:g} wide."
            )


def check_side(key: str, value: str) -> None:
    """Refuses a word that is neither ``left`` nor ``right``.

    Raises:
        ProgramError: names the key.
    """
    if value not in SIDES:
        raise ProgramError(f"machine.kinematics.{key} is {value!r}: choose left or right.")
