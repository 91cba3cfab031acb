"""What is on a test chart and where: the plan that the pen draws and that a scan is read against.

Nouns:
    mark       one stroke of the pen: where it goes, at which pen values, how fast
    fiducial   a figure whose place a scan shows, so that every other place can be found
    chart      marks and fiducials on a sheet, with the pen axis for which they were made

Frame: paper mm, origin at the lower left corner of the sheet, y up. The file is JSON;
its checksum ties a measurement to the chart that it was made from.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import ChartError

FORMAT = "strokebot-chart"
FORMAT_VERSION = 1

# A longer mark than this in points, or more marks, is no chart.
_MOST_POINTS = 100_000
_MOST_MARKS = 10_000
_DECIMALS = 4


class MarkKind(StrEnum):
    """What a mark tells."""

    FIDUCIAL = "fiducial"  # a stroke of a fiducial that the pen draws itself
    RULER = "ruler"  # a bar of known length
    LANDING = "landing"  # comes down slowly along the line: where the pen touches
    PRESSURE_UP = "pressure-up"  # one pen value, after a smaller pressure
    PRESSURE_DOWN = "pressure-down"  # one pen value, after a greater pressure
    PRESSURE_RANDOM = "pressure-random"  # one pen value, in mixed order
    SPEED = "speed"  # one pen value at one speed
    RAMP = "ramp"  # pen value rises and falls along the line: the lag
    DWELL = "dwell"  # a dot where the pen rests for dwell_s: the blot
    DIRECTION = "direction"  # a line of one direction: tilt of the pen
    HATCH = "hatch"  # solid ink: the greatest darkness
    DRIFT = "drift"  # the first line again, last: drift
    GRID = "grid"  # a cross of the geometry chart


@dataclass(frozen=True, eq=False)
class Mark:
    """One stroke of the pen.

    Attributes:
        name: unique on its chart, such as ``pressure-up-3``.
        kind: what it tells.
        xy_mm: (K, 2) its points, K at least 1.
        pen: (K,) pen value at each point.
        feed_mm_s: speed along it.
        dwell_s: rest at its first point with the pen down.
        via_mm: a point over which the pen comes to its first one, so that play in the axes is
            always taken up the same way; None where that does not matter.
    """

    name: str
    kind: MarkKind
    xy_mm: NDArray[np.float64]
    pen: NDArray[np.float64]
    feed_mm_s: float
    dwell_s: float = 0.0
    via_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        xy = _frozen(f"{self.name}: points", self.xy_mm, (None, 2))
        if not 1 <= len(xy) <= _MOST_POINTS:
            raise ChartError(f"The mark {self.name} has {len(xy)} points: 1 to {_MOST_POINTS} are possible.")
        object.__setattr__(self, "xy_mm", xy)
        object.__setattr__(self, "pen", _frozen(f"{self.name}: pen", self.pen, (len(xy),)))
        if not (math.isfinite(self.feed_mm_s) and self.feed_mm_s > 0):
            raise ChartError(
                f"The mark {self.name} has a feed of {self.feed_mm_s:g} mm/s: it must be above 0."
            )
        if not (math.isfinite(self.dwell_s) and self.dwell_s >= 0):
            raise ChartError(f"The mark {self.name} rests for {self.dwell_s:g} s: that must be 0 or more.")
        if self.via_mm is not None and not all(math.isfinite(v) for v in self.via_mm):
            raise ChartError(f"The mark {self.name} comes from a place that is not finite.")

    @property
    def length_mm(self) -> float:
        """Length of its path."""
        return float(np.linalg.norm(np.diff(self.xy_mm, axis=0), axis=1).sum())


@dataclass(frozen=True, slots=True)
class Fiducial:
    """A figure whose place a scan shows.

    Attributes:
        number: which one; its figure encodes it.
        centre_mm: paper position of its centre.
        size_mm: its outer side or diameter.
    """

    number: int
    centre_mm: tuple[float, float]
    size_mm: float


@dataclass(frozen=True, eq=False)
class Chart:
    """Marks and fiducials on a sheet.

    Attributes:
        title: printed on the sheet and named in messages.
        profile: name of the machine that it was made for.
        paper_mm: width and height of the sheet.
        pen_range: pen values (up, touch, full) of the profile that it was made for.
        marks: in the order of drawing, the strokes of drawn fiducials first.
        fiducials: at least four.
        printed: whether the fiducials are printed on the sheet beforehand, so that only the other
            marks are drawn.
        seed: of the mixed order.
    """

    title: str
    profile: str
    paper_mm: tuple[float, float]
    pen_range: tuple[float, float, float]
    marks: tuple[Mark, ...]
    fiducials: tuple[Fiducial, ...]
    printed: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.marks) > _MOST_MARKS:
            raise ChartError(f"A chart of {len(self.marks)} marks is no chart of ours: take another file.")
        for what, names in (
            ("mark", [mark.name for mark in self.marks]),
            ("fiducial", [fiducial.number for fiducial in self.fiducials]),
        ):
            if len(set(names)) != len(names):
                raise ChartError(f"The chart names a {what} twice.")
        if len(self.fiducials) < 4:
            raise ChartError(f"The chart has {len(self.fiducials)} fiducials: four or more are needed.")
        if not all(math.isfinite(v) and v > 0 for v in self.paper_mm):
            raise ChartError("The chart's paper is empty: both sides must be above 0.")
        for mark in self.marks:
            low, high = mark.xy_mm.min(axis=0), mark.xy_mm.max(axis=0)
            if low.min() < 0 or (high > np.array(self.paper_mm)).any():
                raise ChartError(f"The mark {mark.name} leaves the paper.")

    def of_kind(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        """Marks of these kinds, in the order of drawing."""
        return tuple(mark for mark in self.marks if mark.kind in kinds)

    def mark(self, name: str) -> Mark:
        """The mark of this name. Raises ChartError if there is none."""
        for mark in self.marks:
            if mark.name == name:
                return mark
        raise ChartError(f"The chart has no mark named '{name}'.")

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, hexadecimal: ties a measurement to its chart."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The chart as JSON text that ``from_json`` reads back."""
        document = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "title": self.title,
            "profile": self.profile,
            "paper_mm": list(self.paper_mm),
            "pen_range": list(self.pen_range),
            "printed": self.printed,
            "seed": self.seed,
            "fiducials": [
                {"number": f.number, "centre_mm": list(f.centre_mm), "size_mm": f.size_mm}
                for f in self.fiducials
            ],
            "marks": [
                {
                    "name": mark.name,
                    "kind": mark.kind.value,
                    "feed_mm_s": round(mark.feed_mm_s, _DECIMALS),
                    "dwell_s": round(mark.dwell_s, _DECIMALS),
                    "via_mm": None if mark.via_mm is None else [round(v, _DECIMALS) for v in mark.via_mm],
                    "points": np.column_stack([mark.xy_mm, mark.pen]).round(_DECIMALS).tolist(),
                }
                for mark in self.marks
            ],
        }
        return json.dumps(document, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Chart:
        """Reads what ``to_json`` wrote.

        Raises:
            ChartError: if the text is not a chart of this format version, or a value is wrong.
        """
        try:
            data = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as cause:
            raise ChartError(f"The chart is not JSON: {cause}.") from cause
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ChartError("The file is not a strokebot chart.")
        if data.get("version") != FORMAT_VERSION:
            raise ChartError(
                f"The chart has format version {data.get('version')}; this program reads {FORMAT_VERSION}."
            )
        try:
            return cls._of(data)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as cause:
            raise ChartError(f"The chart is damaged ({cause}): make it anew.") from cause

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Chart:
        marks = []
        for row in data["marks"]:
            points = np.asarray(row["points"], dtype=np.float64).reshape(-1, 3)
            marks.append(
                Mark(
                    str(row["name"]),
                    MarkKind(row["kind"]),
                    points[:, :2],
                    points[:, 2],
                    float(row["feed_mm_s"]),
                    float(row["dwell_s"]),
                    None if row["via_mm"] is None else (float(row["via_mm"][0]), float(row["via_mm"][1])),
                )
            )
        width, height = (float(v) for v in data["paper_mm"])
        up, touch, full = (float(v) for v in data["pen_range"])
        fiducials = tuple(
            Fiducial(
                int(f["number"]), (float(f["centre_mm"][0]), float(f["centre_mm"][1])), float(f["size_mm"])
            )
            for f in data["fiducials"]
        )
        return cls(
            str(data["title"]),
            str(data["profile"]),
            (width, height),
            (up, touch, full),
            tuple(marks),
            fiducials,
            bool(data["printed"]),
            int(data["seed"]),
        )


def _frozen(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise ChartError(f"{name} are not numbers.") from cause
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        raise ChartError(f"{name} have shape {array.shape}, which is wrong.")
    if not np.isfinite(array).all():
        raise ChartError(f"{name} hold a value that is not a finite number.")
    array.setflags(write=False)
    return array
