"""The part of a sheet that a chart takes: all of it in reach of the machine.

Nouns:
    box    a rectangle on the sheet, paper mm
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from calibration.errors import ChartError
from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of

# Paper kept free at the edges, mm: a sheet never lies better than that.
MARGIN_MM = 8.0
# Steps in which a place for the box is sought, and points of its outline that are asked for reach.
_PLACE_STEP_MM = 5.0
_OUTLINE_STEP_MM = 5.0


@dataclass(frozen=True)
class Box:
    """A rectangle on the sheet, mm."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width, mm."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height, mm."""
        return self.y1 - self.y0

    def inset(self, by_mm: float) -> Box:
        """The box without a rim."""
        return Box(self.x0 + by_mm, self.y0 + by_mm, self.x1 - by_mm, self.y1 - by_mm)


def place_box(profile: Profile, wanted_mm: tuple[float, float]) -> Box:
    """The largest box of at most the wanted size that lies in reach, as near the middle as can be.

    Raises:
        ChartError: if there is none of half that size.
    """
    paper = Box(0.0, 0.0, *profile.paper.size_mm).inset(MARGIN_MM)
    for share in np.linspace(1.0, 0.5, 11).tolist():
        width, height = (
            min(w * share, s) for w, s in zip(wanted_mm, (paper.width, paper.height), strict=True)
        )
        if min(width, height) <= 0:
            break
        spots = [
            (abs(x - (paper.x0 + paper.x1 - width) / 2) + abs(y - (paper.y0 + paper.y1 - height) / 2), x, y)
            for x in _steps(paper.x0, paper.x1 - width)
            for y in _steps(paper.y0, paper.y1 - height)
        ]
        for _, x, y in sorted(spots):
            box = Box(x, y, x + width, y + height)
            if _reachable(profile, box):
                return box
    raise ChartError("Too little of the paper is in the machine's reach for a chart: move the paper.")


def _steps(low: float, high: float) -> list[float]:
    """Places from low to high, the middle among them."""
    middle, half = (low + high) / 2, (high - low) / 2
    count = int(half / _PLACE_STEP_MM + 1e-9)
    return sorted({low, high, *(middle + k * _PLACE_STEP_MM for k in range(-count, count + 1))})


def _reachable(profile: Profile, box: Box) -> bool:
    x = np.linspace(box.x0, box.x1, max(2, math.ceil(box.width / _OUTLINE_STEP_MM) + 1))
    y = np.linspace(box.y0, box.y1, max(2, math.ceil(box.height / _OUTLINE_STEP_MM) + 1))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    envelope, machine = profile.machine.envelope, profile.to_machine(points)
    inside = (machine[:, 0] >= envelope.x_min_mm) & (machine[:, 0] <= envelope.x_max_mm)
    inside &= (machine[:, 1] >= envelope.y_min_mm) & (machine[:, 1] <= envelope.y_max_mm)
    return bool(inside.all() and kinematics_of(profile.machine).reachable(machine).all())
