"""The profile: one machine, one pen and one sheet of paper, in one TOML file.

Nouns:
    paper frame     mm, origin at the paper's lower left corner, x right, y up
    machine frame   mm, as the machine counts
    profile         [machine], [pen] and [paper] of one file
    virtual         measured on virtual paper: true for no real machine, and never used with one

The change of frame is a rotation by ``rotation_deg`` (paper x axis against machine x
axis, counter-clockwise), then a shift to ``origin_mm``:

    q_machine = C R(angle) p_paper + origin

where the correction C, two by two, undoes what a machine's frame does to a drawing: scale and
skew, as measured. The surface of the paper may be tilted and lie higher or lower than where
the pen was measured: ``height`` is the pen value to add at a place.

``Profile.to_machine`` is the only place where paper becomes machine.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import ProfileError
from calibration.paper import NO_CORRECTION, Paper, read_paper
from calibration.pen import PenModel, read_pen
from firmware_bridge.errors import ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.toml_table import Table, dump_toml, unknown_key

DEFAULT_PROFILE = "grbl-z"

_SUFFIX = ".toml"
_TABLES = ("machine", "pen", "paper")
_VIRTUAL = "virtual"


@dataclass(frozen=True)
class Profile:
    """What one machine, its pen and its paper do.

    Attributes:
        machine: axes, limits and dialect.
        pen: which pen value draws which line.
        paper: the sheet and where it lies.
        virtual: whether pen or machine were measured on virtual paper.

    Raises:
        ProfileError: if pen and machine contradict each other.
    """

    machine: MachineProfile
    pen: PenModel
    paper: Paper
    virtual: bool = False

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
        file = find_profile(name_or_path)
        return cls.from_toml(file.text, file.where)

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
            if key not in (*_TABLES, _VIRTUAL):
                raise ProfileError(f"{where}: {key} {unknown_key(key, _TABLES)}")
        virtual = document.get(_VIRTUAL, False)
        if not isinstance(virtual, bool):
            raise ProfileError(f"{where}: {_VIRTUAL} is {virtual!r}: it must be true or false.")
        pen, paper = (Table(document.get(key), key, where, ProfileError) for key in ("pen", "paper"))
        try:
            machine, model = MachineProfile.from_table(document.get("machine"), where), read_pen(pen)
            if machine.pen_actuator == "servo" and machine.pen_safe is None:
                machine = dataclasses.replace(machine, pen_safe=model.up)  # which end is up, the pen says
            return cls(machine, model, read_paper(paper), virtual)
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
        return dump_toml(self.to_document())

    def to_document(self) -> dict[str, object]:
        """The tables of the profile, values that are not set left out."""
        document: dict[str, object] = {_VIRTUAL: True} if self.virtual else {}
        document["machine"] = self.machine.to_table()
        for name, part in (("pen", self.pen), ("paper", self.paper)):
            values = {field.name: getattr(part, field.name) for field in fields(part)}
            document[name] = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in values.items()
                if value is not None and value is not False
            }
        return document

    @property
    def calibration_note(self) -> str:
        """When the pen was measured and how well it fits, and whether on virtual paper."""
        note = self.pen.calibration_note
        return f"{note}, on virtual paper: not for a real machine" if self.virtual else note

    def require_real(self) -> None:
        """Passes a profile that a real machine may be driven with.

        Raises:
            ProfileError: for one that was measured on virtual paper.
        """
        if self.virtual:
            raise ProfileError(
                "This profile was measured on virtual paper, so its pen is not yours: draw with it on the "
                "virtual machine (without --port), and calibrate the real one with --port."
            )

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
        if self.paper.correction == NO_CORRECTION:
            return turn
        return np.asarray(np.array(self.paper.correction).reshape(2, 2) @ turn)


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """The text of a profile, and where it was found.

    Attributes:
        name: of the profile, without a suffix.
        text: the TOML.
        where: what messages call it.
        own: whether it is a file of the user's, and not a shipped one.
        shadows: whether it lies in the user's directory under a shipped one's name, whose place it takes.
    """

    name: str
    text: str
    where: str
    own: bool
    shadows: bool

    @property
    def origin(self) -> str:
        """What kind of profile it is, in words."""
        if self.shadows:
            return "your own, in place of the shipped one"
        return "your own" if self.own else "shipped"


def find_profile(name_or_path: str | None = None) -> ProfileFile:
    """Finds the text of a profile; see ``Profile.load``.

    Raises:
        ProfileError: if there is none, or it cannot be read.
    """
    wanted = name_or_path or DEFAULT_PROFILE
    is_path = wanted.endswith(_SUFFIX) or "/" in wanted or os.sep in wanted
    where = wanted if is_path else wanted + _SUFFIX
    try:
        if is_path:
            return ProfileFile(
                Path(wanted).stem, Path(wanted).read_text(encoding="utf-8"), where, True, False
            )
        shipped = _shipped() / where
        if (own := user_directory() / where).is_file():
            return ProfileFile(wanted, own.read_text(encoding="utf-8"), where, True, shipped.is_file())
        return ProfileFile(wanted, shipped.read_text(encoding="utf-8"), where, False, False)
    except FileNotFoundError:
        known = Profile.names()
        near = difflib.get_close_matches(wanted, known, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ProfileError(
            f"There is no profile '{wanted}': name a TOML file or one of {', '.join(known)}.{hint}"
        ) from None
    except (OSError, UnicodeDecodeError) as cause:
        raise ProfileError(f"Cannot read the profile {wanted}: {cause}.") from cause


def is_shipped(name: str) -> bool:
    """Whether a profile of this name comes with the program."""
    return (_shipped() / (name + _SUFFIX)).is_file()


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
