"""The machine profile: what one machine can do, read from a TOML table and checked there.

Nouns:
    MachineProfile   dialect, port, envelope and limits of one machine
    table            the ``[machine]`` table of a profile file, as ``tomllib`` gives it

A controller is told x and y in mm, and does what its mechanism needs, or it knows no
mechanism: then ``raw_joints`` is set, and its x and y words are joint values, degrees of an
arm or mm of cable (G-code calls both mm). ``as_controller`` is the machine as such a
controller sees it. Joint values count from where the controller begins, (0, 0): the zeros of
the mechanism say which pose that is.

Every value is checked against bounds where it is read, and a message names the
key that is wrong, so that a typing error in a profile never reaches a motor.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from firmware_bridge.errors import ProgramError, ReachError
from firmware_bridge.kinematics import Cartesian, Kinematics, Mechanism, read_mechanism, write_mechanism
from firmware_bridge.program import Envelope
from firmware_bridge.toml_table import Bounds, Table, check_bounds

PEN_ACTUATORS = ("z", "servo")

# Bounds of what a profile may say: wide enough for any desk machine, narrow enough to
# catch a value in the wrong unit (mm/min for mm/s, micrometres for mm).
# Joint units are degrees or mm of cable; pen units are mm or S values, so their ranges are wide.
BOUNDS: Bounds = {
    "max_speed_mm_s": (0.1, 2000.0),
    "max_acceleration_mm_s2": (1.0, 50_000.0),
    "steps_per_mm": (1.0, 100_000.0),
    "joint_max_speed": (0.1, 5000.0),
    "joint_max_acceleration": (1.0, 100_000.0),
    "backlash_mm": (0.0, 2.0),
    "pen_max_speed": (0.01, 100_000.0),
    "pen_max_acceleration": (0.1, 10_000_000.0),
    "junction_deviation_mm": (0.0001, 1.0),
    "line_rate_per_s": (1.0, 100_000.0),
    "baud_rate": (1200, 4_000_000),
    "rx_buffer_bytes": (16, 65_536),
    "planner_blocks": (2, 1024),
    "chord_error_mm": (0.0005, 0.5),
    "max_jerk_mm_s3": (10.0, 10_000_000.0),
}
ENVELOPE_BOUNDS: Bounds = {
    **dict.fromkeys(("x_min_mm", "x_max_mm", "y_min_mm", "y_max_mm"), (-10_000.0, 10_000.0)),
    **dict.fromkeys(("pen_min", "pen_max"), (-100_000.0, 100_000.0)),
}
_GANTRY = Cartesian()


@dataclass(frozen=True, slots=True)
class MachineProfile:
    """Dialect, port, envelope and limits of one machine.

    Attributes:
        name: what the machine is called.
        dialect: key of the dialect registry, such as ``grbl``.
        url: where it is: a serial port, ``socket://host:port`` or ``sim://grbl``.
        baud_rate: bits per second of a serial port.
        envelope: the box that the tool may never leave, machine mm and pen units.
        max_speed_mm_s: greatest speed of the x and y axis.
        max_acceleration_mm_s2: greatest acceleration of the x and y axis.
        pen_max_speed: greatest speed of the pen axis, pen units per s.
        pen_max_acceleration: greatest acceleration of the pen axis, pen units per s^2.
        junction_deviation_mm: how far the firmware may round a corner when it plans speed.
        rx_buffer_bytes: size of the serial receive buffer.
        planner_blocks: moves that the firmware looks ahead.
        line_rate_per_s: motion lines that the firmware can take in a second.
        pen_actuator: ``z`` (z axis, larger is higher) or ``servo`` (S value).
        kinematics: the mechanism and its parameters.
        raw_joints: whether the controller takes joint values in place of x and y in mm.
        joint_max_speed: greatest speed of each joint, joint units per s (degrees of an arm,
            mm of a gantry's belt or of cable), or None where x and y alone are limited.
        joint_max_acceleration: greatest acceleration of each joint, joint units per s^2.
        steps_per_mm: motor steps per mm of x, y (per joint unit, if ``raw_joints``) and the z
            axis; the simulator rounds to them.
        reset_on_open: whether opening its serial port may restart the board, as DTR does to an Arduino;
            False leaves that line alone, where the system can.
        pen_safe: pen value that is surely off the paper, or None for the top of a z
            axis and the bottom of a servo's range (S0 is "up" when wired fail-safe).
        backlash_mm: play of the x and the y axis, which drawings take up, or None; not for ``raw_joints``.
        chord_error_mm: distance by which curves may at least leave their straight moves, for a machine
            that is no more exact and draws few long moves sooner; None: the drawing's own tolerance.
        max_jerk_mm_s3: greatest change of the acceleration along the path in a second, or
            None where the acceleration may jump (GRBL and stock Marlin ramp that way).
    """

    name: str
    dialect: str
    envelope: Envelope
    max_speed_mm_s: tuple[float, float]
    max_acceleration_mm_s2: tuple[float, float]
    pen_max_speed: float
    pen_max_acceleration: float
    url: str = "sim://grbl"
    baud_rate: int = 115200
    junction_deviation_mm: float = 0.01
    rx_buffer_bytes: int = 128
    planner_blocks: int = 15
    line_rate_per_s: float = 200.0
    pen_actuator: str = "z"
    kinematics: Mechanism = _GANTRY
    raw_joints: bool = False
    joint_max_speed: tuple[float, float] | None = None
    joint_max_acceleration: tuple[float, float] | None = None
    steps_per_mm: tuple[float, float, float] = (80.0, 80.0, 400.0)
    reset_on_open: bool = True
    pen_safe: float | None = None
    max_jerk_mm_s3: float | None = None
    backlash_mm: tuple[float, float] | None = None
    chord_error_mm: float | None = None

    def __post_init__(self) -> None:
        for key in ("name", "dialect", "url"):
            if not getattr(self, key).strip():
                raise ProgramError(f"machine.{key} is empty: give it a value.")
        if self.pen_actuator not in PEN_ACTUATORS:
            raise ProgramError(
                f"machine.pen_actuator is {self.pen_actuator!r}: choose one of {', '.join(PEN_ACTUATORS)}."
            )
        for key in BOUNDS:
            value = getattr(self, key)
            if isinstance(value, list | tuple):
                object.__setattr__(self, key, tuple(float(v) for v in value))
        check_bounds(self, "machine", BOUNDS)
        check_bounds(self.envelope, "machine.envelope", ENVELOPE_BOUNDS)
        check_bounds(self, "machine", {"pen_safe": (self.envelope.pen_min, self.envelope.pen_max)})
        if self.raw_joints:
            self._check_raw_joints()

    def _check_raw_joints(self) -> None:
        """A controller that takes joints needs their limits, and must begin in a pose that exists."""
        if self.backlash_mm is not None:
            raise ProgramError(
                "machine.backlash_mm is for straight axes: with raw_joints the joints have it."
            )
        for key in ("joint_max_speed", "joint_max_acceleration"):
            if getattr(self, key) is None:
                raise ProgramError(f"machine.{key} is missing: a machine with raw_joints needs it.")
        try:
            fault = kinematics_of(self).fault(self.start_mm)
        except ReachError as error:
            fault = str(error)
        if fault:
            raise ProgramError(
                "machine.kinematics: the controller begins at joint values 0, 0, which is no pose to begin "
                f"in: {fault.rstrip('.')}. Correct the zeros or the joint limits."
            )

    @property
    def start_mm(self) -> tuple[float, float]:
        """Where the tool stands when the controller is switched on and counts 0, 0; machine mm.

        Raises:
            ReachError: if the mechanism has no such pose.
        """
        if not self.raw_joints:
            return (0.0, 0.0)
        x, y = kinematics_of(self).forward(np.zeros((1, 2)))[0]
        return (float(x), float(y))

    def as_controller(self) -> MachineProfile:
        """The machine as its controller sees it: itself, or a gantry whose x and y are the joints."""
        if self.joint_max_speed is None or self.joint_max_acceleration is None or not self.raw_joints:
            return self
        box, low, high = self.envelope, self.kinematics.joint_min, self.kinematics.joint_max
        return dataclasses.replace(
            self,
            kinematics=_GANTRY,
            raw_joints=False,
            envelope=Envelope(low[0], high[0], low[1], high[1], box.pen_min, box.pen_max),
            max_speed_mm_s=self.joint_max_speed,
            max_acceleration_mm_s2=self.joint_max_acceleration,
            joint_max_speed=None,
            joint_max_acceleration=None,
            max_jerk_mm_s3=None,
        )

    @property
    def safe_pen(self) -> float:
        """The pen value that is surely off the paper, in pen units."""
        if self.pen_safe is not None:
            return self.pen_safe
        return self.envelope.pen_max if self.pen_actuator == "z" else self.envelope.pen_min

    @classmethod
    def from_table(cls, table: object, where: str) -> MachineProfile:
        """Builds a profile from the ``[machine]`` table of a TOML file.

        Args:
            table: the table; ``envelope`` is a table inside it with the six limits
                of ``Envelope``, the other keys are the attributes of this class.
            where: the file's name, for messages.

        Raises:
            ProgramError: for a missing, unknown, mistyped or impossible value; names
                the file and the key.
        """
        values = Table(table, "machine", where)
        known = values.fields(cls, leave=("envelope", "kinematics"))
        try:
            box = Table(values.any("envelope"), "machine.envelope", where).fields(Envelope)
            if values.has("kinematics"):
                known["kinematics"] = read_mechanism(values.any("kinematics"))
            return cls(envelope=Envelope(**box), **known)
        except ProgramError as error:
            text = str(error)
            if text.startswith("The envelope"):
                text = f"machine.envelope: {text}"
            raise ProgramError(text if text.startswith(where) else f"{where}: {text}") from None

    def to_table(self) -> dict[str, object]:
        """The profile as a table that ``from_table`` reads back, unset values left out."""
        table: dict[str, object] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Envelope):
                table[field.name] = dataclasses.asdict(value)
            elif field.name == "kinematics":
                table[field.name] = write_mechanism(value)
            elif value is not None:
                table[field.name] = list(value) if isinstance(value, tuple) else value
        return table


def kinematics_of(machine: MachineProfile) -> Kinematics:
    """The kinematics of a machine."""
    return Kinematics(machine.kinematics, machine.envelope)
