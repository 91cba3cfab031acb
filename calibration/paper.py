"""The sheet of a profile: its size, where it lies on the machine, and how level it is."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.errors import ProfileError
from firmware_bridge.toml_table import Table

# Bounds wide enough for any desk machine, narrow enough to catch a wrong unit.
_POSITION_LIMIT_MM = 10000.0
_PAPER_RANGE_MM = (5.0, 5000.0)
_HEIGHT_LIMIT = 100000.0
# A correction larger than this is no correction: the machine's steps per mm are wrong.
_CORRECTION_LIMIT = 0.2
NO_CORRECTION = (1.0, 0.0, 0.0, 1.0)


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
    correction: tuple[float, float, float, float] = NO_CORRECTION
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
            ("correction", NO_CORRECTION, _CORRECTION_LIMIT),
            ("height", (0.0, 0.0, 0.0), _HEIGHT_LIMIT),
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


def read_paper(table: Table) -> Paper:
    """The ``[paper]`` table of a profile.

    Raises:
        ProfileError: for a missing, unknown or impossible value; names the key.
    """
    return Paper(**table.fields(Paper))
