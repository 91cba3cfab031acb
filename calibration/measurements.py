"""What a scan, a photo or a caliper says about the marks of a chart.

Nouns:
    line     the measures of one mark: width, darkness, place, each with its spread
    sample   the same at one place along a mark, for marks whose pen value changes on the way
    point    the measured place of a fiducial or of a cross of the geometry chart

Frame: paper mm of the chart. Darkness is relative: 0 is the paper, 1 the solid hatch
of the same pen (or black, where the chart has no hatch); a slow line may be darker than that.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from calibration.errors import MeasureError

FORMAT = "strokebot-measurements"
FORMAT_VERSION = 1
SOURCES = ("scan", "photo", "caliper")


@dataclass(frozen=True, slots=True)
class Sample:
    """One place along a mark.

    Attributes:
        s_mm: arc length from the mark's first point, in its planned direction.
        width_mm: line width there, 0 where there is no ink.
        darkness: there, 0 where there is no ink.
    """

    s_mm: float
    width_mm: float
    darkness: float


@dataclass(frozen=True, slots=True)
class LineMeasurement:
    """The measures of one mark.

    Attributes:
        name: of the mark.
        width_mm: median width over the part of the mark that has ink; 0 without ink.
        width_sigma_mm: its standard error.
        darkness: median darkness of that part.
        darkness_sigma: its standard error.
        coverage: share of the mark's length that has ink, in [0, 1].
        offset_mm: median sideways distance of the ink's middle from the plan, left of its
            direction positive.
        samples: along the mark, or empty.
    """

    name: str
    width_mm: float
    width_sigma_mm: float
    darkness: float
    darkness_sigma: float
    coverage: float
    offset_mm: float = 0.0
    samples: tuple[Sample, ...] = ()

    def __post_init__(self) -> None:
        numbers = [getattr(self, f.name) for f in fields(self) if f.name not in ("name", "samples")]
        if not all(math.isfinite(v) for v in numbers):
            raise MeasureError(f"The measures of {self.name} hold a value that is not a finite number.")
        if self.width_mm < 0 or self.width_sigma_mm < 0 or self.darkness_sigma < 0:
            raise MeasureError(f"The measures of {self.name} hold a width below 0.")


@dataclass(frozen=True, slots=True)
class Point:
    """The measured place of a fiducial or a cross.

    Attributes:
        name: of the mark, or ``fiducial-N``.
        planned_mm: where it was to be, paper mm.
        measured_mm: where it is.
    """

    name: str
    planned_mm: tuple[float, float]
    measured_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that was read off one sheet.

    Attributes:
        chart: checksum of the chart.
        source: ``scan``, ``photo`` or ``caliper``.
        px_per_mm: resolution of the picture; 0 for a caliper.
        blur_mm: blur of its edges (standard deviation of a Gaussian), mm.
        residual_mm: root mean square of what the rectification leaves at the fiducials.
        lines: measures of marks.
        points: places, for the geometry.
        virtual: whether the sheet was a virtual one, which says nothing of any real pen.
    """

    chart: str
    source: str
    px_per_mm: float
    blur_mm: float
    residual_mm: float
    lines: tuple[LineMeasurement, ...]
    points: tuple[Point, ...] = ()
    virtual: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise MeasureError(f"The source is '{self.source}': it must be one of {', '.join(SOURCES)}.")
        if len({line.name for line in self.lines}) != len(self.lines):
            raise MeasureError("The measurements name a mark twice.")

    def line(self, name: str) -> LineMeasurement | None:
        """The measures of a mark, or None where it was not measured."""
        return next((line for line in self.lines if line.name == name), None)

    def to_json(self) -> str:
        """The measurements as JSON text that ``from_json`` reads back."""
        return json.dumps({"format": FORMAT, "version": FORMAT_VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Measurements:
        """Reads what ``to_json`` wrote.

        Raises:
            MeasureError: if the text is not a measurement of this format version, or a value is wrong.
        """
        try:
            data = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as cause:
            raise MeasureError(f"The measurements are not JSON: {cause}.") from cause
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise MeasureError("The file does not hold strokebot measurements.")
        if data.get("version") != FORMAT_VERSION:
            raise MeasureError(
                f"The measurements have format version {data.get('version')}; "
                f"this program reads {FORMAT_VERSION}."
            )
        try:
            return cls._of(data)
        except (KeyError, TypeError, ValueError, OverflowError) as cause:
            raise MeasureError(f"The measurements are damaged ({cause}): measure anew.") from cause

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Measurements:
        lines = tuple(
            LineMeasurement(
                **{
                    f.name: _plain(row[f.name], f.name)
                    for f in fields(LineMeasurement)
                    if f.name != "samples"
                },
                samples=tuple(Sample(*(float(s[f.name]) for f in fields(Sample))) for s in row["samples"]),
            )
            for row in data["lines"]
        )
        points = tuple(
            Point(str(p["name"]), _pair(p["planned_mm"]), _pair(p["measured_mm"])) for p in data["points"]
        )
        return cls(
            str(data["chart"]),
            str(data["source"]),
            float(data["px_per_mm"]),
            float(data["blur_mm"]),
            float(data["residual_mm"]),
            lines,
            points,
            bool(data.get("virtual", False)),
        )


def _plain(value: object, key: str) -> Any:
    if key == "name":
        return str(value)
    return float(value)  # type: ignore[arg-type]


def _pair(value: Any) -> tuple[float, float]:
    x, y = value
    return float(x), float(y)
