"""The profile: one machine, one pen and one sheet of paper, in one TOML file.

Nouns:
    paper frame     mm, origin at the paper's lower left corner, x right, y up
    machine frame   mm, as the machine counts
    profile         [machine], [pen] and [paper] of one file

The change of frame is a rotation by ``rotation_deg`` (paper x axis against machine x
axis, counter-clockwise), then a shift to ``origin_mm``:

    q_machine = C R(angle) p_paper + origin

where the correction C, two by two, undoes what a machine's frame does to a drawing: scale and
skew, as measured. The surface of the paper may be tilted and lie higher or lower than where
the pen was measured: ``height`` is the pen value to add at a place.

``Profile.to_machine`` is the only place where paper becomes machine.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import ProfileError
from calibration.pen import PenModel
from calibration.tables import Table, dump_toml
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile

DEFAULT_PROFILE = "grbl-z"

_SUFFIX = ".toml"
# Bounds wide enough for any desk machine, narrow enough to catch a wrong unit.
_POSITION_LIMIT_MM = 10000.0
_PAPER_RANGE_MM = (5.0, 5000.0)
_PEN_LIMIT = 100000.0
# A correction larger than this is no correction: the machine's steps per mm are wrong.
_CORRECTION_LIMIT = 0.2
_NO_CORRECTION = (1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet and where it lies on the machine.

    Attributes:
        size_mm: width and height.
        origin_mm: machine position of its lower left corner.
        rotation_deg: angle of its x axis against the machine's, counter-clockwise.
        correction: the matrix C of the machine's frame, (xx, xy, yx, yy).
        height: (h, h_x, h_y): h + h_x x + h_y y is the pen value of the paper's surface at
            (x, y), against that for which the pen's table holds.

    Raises:
        ProfileError: for a value out of bounds; names the key.
    """

    size_mm: tuple[float, float]
    origin_mm: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    correction: tuple[float, float, float, float] = _NO_CORRECTION
    height: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for key, low, high in (
            ("size_mm", *_PAPER_RANGE_MM),
            ("origin_mm", -_POSITION_LIMIT_MM, _POSITION_LIMIT_MM),
        ):
            pair = tuple(float(v) for v in getattr(self, key))
            if len(pair) != 2 or not all(low <= v <= high for v in pair):
                raise ProfileError(
                    f"paper.{key} is {pair}: it must be two values between {low:g} and {high:g}."
                )
            object.__setattr__(self, key, pair)
        if not -360.0 <= self.rotation_deg <= 360.0:
            raise ProfileError(
                f"paper.rotation_deg is {self.rotation_deg:g}: it must lie between -360 and 360."
            )
        for key, neutral, limit in (
            ("correction", _NO_CORRECTION, _CORRECTION_LIMIT),
            ("height", (0.0, 0.0, 0.0), _PEN_LIMIT),
        ):
            values = tuple(float(v) for v in getattr(self, key))
            if len(values) != len(neutral) or not all(
                abs(v - n) <= limit for v, n in zip(values, neutral, strict=True)
            ):
                raise ProfileError(
                    f"paper.{key} is {values}: it must be {len(neutral)} values, each within {limit:g} of "
                    f"{neutral}."
                )
            object.__setattr__(self, key, values)


@dataclass(frozen=True)
class Profile:
    """What one machine, its pen and its paper do.

    Attributes:
        machine: axes, limits and dialect.
        pen: which pen value draws which line.
        paper: the sheet and where it lies.

    Raises:
        ProfileError: if pen and machine contradict each other.
    """

    machine: MachineProfile
    pen: PenModel
    paper: Paper

    def __post_init__(self) -> None:
        if self.pen.actuator != self.machine.pen_actuator:
            raise ProfileError(
                f"pen.actuator is '{self.pen.actuator}', but machine.pen_actuator is "
                f"'{self.machine.pen_actuator}': make them the same."
            )
        box = self.machine.envelope
        for key in ("up", "touch", "full"):
            value = getattr(self.pen, key)
            if not box.pen_min <= value <= box.pen_max:
                raise ProfileError(
                    f"pen.{key} is {value:g}: it lies outside the machine's pen axis, "
                    f"{box.pen_min:g} to {box.pen_max:g}."
                )
        width, height = self.paper.size_mm
        surface = self.height([(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)])
        free = (self.pen.up - self.pen.touch - surface) * np.sign(self.pen.up - self.pen.touch)
        if free.min() <= 0.0:
            raise ProfileError(
                "paper.height brings the paper up to pen.up at a corner of the sheet: level the paper, or "
                "move pen.up away from it."
            )

    @classmethod
    def load(cls, name_or_path: str | None = None) -> Profile:
        """Reads a profile.

        Args:
            name_or_path: a path to a TOML file, or the name of a profile in the user's
                directory or among the shipped ones (the user's own wins); None for the
                default, ``grbl-z``.

        Raises:
            ProfileError: if there is no such profile, or a value in it is wrong.
        """
        wanted = name_or_path or DEFAULT_PROFILE
        is_path = wanted.endswith(_SUFFIX) or "/" in wanted or os.sep in wanted
        where = wanted if is_path else wanted + _SUFFIX
        try:
            if is_path:
                text = Path(wanted).read_text(encoding="utf-8")
            elif (own := user_directory() / where).is_file():
                text = own.read_text(encoding="utf-8")
            else:
                text = (_shipped() / where).read_text(encoding="utf-8")
        except FileNotFoundError:
            known = ", ".join(cls.names())
            raise ProfileError(
                f"There is no profile '{wanted}': name a TOML file or one of {known}."
            ) from None
        except (OSError, UnicodeDecodeError) as cause:
            raise ProfileError(f"Cannot read the profile {wanted}: {cause}.") from cause
        return cls.from_toml(text, where)

    @classmethod
    def from_toml(cls, text: str, where: str = "profile") -> Profile:
        """Reads the TOML text of a profile; ``where`` names it in messages.

        Raises:
            ProfileError: for a missing, unknown, mistyped or impossible value; names the key.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as cause:
            raise ProfileError(f"{where} is not TOML: {cause}.") from cause
        for key in document:
            if key not in ("machine", "pen", "paper"):
                raise ProfileError(f"{where}: {key} is not a known table: remove or correct it.")
        machine = document.get("machine")
        if not isinstance(machine, Mapping):
            raise ProfileError(f"{where}: [machine] is missing: add it.")
        pen = Table(document.get("pen"), "pen", where)
        paper = Table(document.get("paper"), "paper", where)
        try:
            return cls(MachineProfile.from_table(machine, where), _read_pen(pen), _read_paper(paper))
        except ProgramError as cause:
            raise ProfileError(str(cause)) from None
        except ProfileError as cause:
            message = str(cause)
            raise ProfileError(message if message.startswith(where) else f"{where}: {message}") from None

    @staticmethod
    def names() -> list[str]:
        """Names of the shipped profiles and of those in the user's directory, sorted."""
        files = [entry.name for entry in _shipped().iterdir()]
        if user_directory().is_dir():
            files += [entry.name for entry in user_directory().iterdir()]
        return sorted({name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)})

    def to_toml(self) -> str:
        """The profile as TOML text that ``from_toml`` reads back to an equal profile."""
        document: dict[str, object] = {"machine": self.machine.to_table()}
        for name, part in (("pen", self.pen), ("paper", self.paper)):
            values = {field.name: getattr(part, field.name) for field in fields(part)}
            document[name] = {
                key: value for key, value in values.items() if value is not None and value is not False
            }
        return dump_toml(document)

    def with_paper(self, size_mm: tuple[float, float]) -> Profile:
        """The same machine and pen with a sheet of another size at the same place."""
        return replace(self, paper=replace(self.paper, size_mm=size_mm))

    def to_machine(self, xy_mm: ArrayLike) -> NDArray[np.float64]:
        """Paper mm (K, 2) to machine mm (K, 2)."""
        points = _points(xy_mm)
        return np.asarray(points @ self._turn().T + self.paper.origin_mm)

    def from_machine(self, xy_mm: ArrayLike) -> NDArray[np.float64]:
        """Machine mm (K, 2) to paper mm (K, 2), the inverse of ``to_machine``."""
        points = _points(xy_mm)
        return np.asarray(np.linalg.solve(self._turn(), (points - self.paper.origin_mm).T).T)

    def pen_value(
        self,
        width_mm: ArrayLike,
        intensity: ArrayLike,
        pen_down: ArrayLike,
        xy_mm: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """Pen axis values (K,) that draw lines of a width and an intensity; ``pen.up`` where not down.

        Args:
            width_mm: (K,) wanted widths.
            intensity: (K,) wanted ink in [0, 1]; a grey line is drawn narrower.
            pen_down: (K,) bool.
            xy_mm: (K, 2) places, paper mm; None for paper that is level.
        """
        width = self.pen.effective_width_mm(width_mm, intensity)
        value = self.pen.value_for(width)
        if xy_mm is not None:
            value = value + self.height(xy_mm)
        return np.where(np.asarray(pen_down, dtype=bool), value, self.pen.up)

    def height(self, xy_mm: ArrayLike) -> NDArray[np.float64]:
        """Pen values (K,) of the paper's surface at places (K, 2), paper mm, to add to the pen's own."""
        level, *slope = self.paper.height
        return np.asarray(level + _points(xy_mm) @ np.array(slope))

    def drawn_width_mm(self, pen_values: ArrayLike) -> NDArray[np.float64]:
        """Widths (K,) in mm that the pen draws at pen axis values; 0 where it is clear of the paper."""
        return self.pen.drawn_width_mm(pen_values)

    def _turn(self) -> NDArray[np.float64]:
        """The matrix C R."""
        angle = math.radians(self.paper.rotation_deg)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        if self.paper.correction == _NO_CORRECTION:
            return turn
        return np.asarray(np.array(self.paper.correction).reshape(2, 2) @ turn)


def user_directory() -> Path:
    """Where a user's own profiles are: ``~/.config/strokebot/profiles``, or under XDG_CONFIG_HOME."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "strokebot" / "profiles"


def _shipped() -> resources.abc.Traversable:
    return resources.files("calibration") / "profiles"


def _points(xy_mm: ArrayLike) -> NDArray[np.float64]:
    points = np.asarray(xy_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ProfileError(f"Points have shape {points.shape}, but (K, 2) is needed.")
    return points


def _read_pen(table: Table) -> PenModel:
    everything = (-math.inf, math.inf)  # PenModel holds the bounds, for any way to build one
    pen = PenModel(
        actuator=table.text("actuator"),
        up=table.number("up", -_PEN_LIMIT, _PEN_LIMIT),
        touch=table.number("touch", -_PEN_LIMIT, _PEN_LIMIT),
        full=table.number("full", -_PEN_LIMIT, _PEN_LIMIT),
        values=table.numbers("values", -_PEN_LIMIT, _PEN_LIMIT),
        widths_mm=table.numbers("widths_mm", *everything),
        darkness=table.numbers("darkness", *everything),
        draw_speed_mm_s=table.number("draw_speed_mm_s", *everything),
        draw_acceleration_mm_s2=(
            table.number("draw_acceleration_mm_s2", *everything)
            if table.has("draw_acceleration_mm_s2")
            else None
        ),
        lag_s=table.number("lag_s", *everything) if table.has("lag_s") else 0.0,
        play=table.number("play", *everything) if table.has("play") else 0.0,
        dwell_s=table.number("dwell_s", *everything) if table.has("dwell_s") else 0.0,
        soft_landing=table.flag("soft_landing") if table.has("soft_landing") else False,
        levels=_whole(table.number("levels", *everything)) if table.has("levels") else None,
        darkness_speed_exponent=(
            table.number("darkness_speed_exponent", *everything)
            if table.has("darkness_speed_exponent")
            else 0.0
        ),
        reference_speed_mm_s=(
            table.number("reference_speed_mm_s", *everything) if table.has("reference_speed_mm_s") else None
        ),
        calibrated=table.day("calibrated") if table.has("calibrated") else None,
        residual_mm=table.number("residual_mm", *everything) if table.has("residual_mm") else None,
    )
    table.finish()
    return pen


def _whole(levels: float) -> int:
    if levels != round(levels):
        raise ProfileError(f"pen.levels is {levels:g}: it must be a whole number.")
    return int(levels)


def _read_paper(table: Table) -> Paper:
    size = table.numbers("size_mm", *_PAPER_RANGE_MM, count=2)
    origin = table.numbers("origin_mm", -_POSITION_LIMIT_MM, _POSITION_LIMIT_MM, count=2)
    rotation = table.number("rotation_deg", -360.0, 360.0) if table.has("rotation_deg") else 0.0
    paper = Paper((size[0], size[1]), (origin[0], origin[1]), rotation)
    everything = (-math.inf, math.inf)  # Paper holds the bounds
    if table.has("correction"):
        xx, xy, yx, yy = table.numbers("correction", *everything, count=4)
        paper = replace(paper, correction=(xx, xy, yx, yy))
    if table.has("height"):
        level, along_x, along_y = table.numbers("height", *everything, count=3)
        paper = replace(paper, height=(level, along_x, along_y))
    table.finish()
    return paper
