"""The crosses of a geometry chart as rows of numbers, and what one frame is against another.

Symbols:
    p        where a corner was to be, paper mm;  m  where it is
    q        what the machine was told, machine mm: q = to_machine(p)
    x        where the paper lies, as the profile says: x(p) = R p + origin, without the correction
    e        1 for a corner that was reached in the positive directions of the axes, -1 for the other

Two frames with the same unit differ by a turn and a shift. Where the machine drew the fiducials
itself, its sheet has no frame of its own, and just that stays open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart, Mark, MarkKind
from calibration.errors import FitError
from calibration.measurements import Measurements
from calibration.profile import Profile

Floats = NDArray[np.float64]

# Corners that a fit needs, and the least side of the area that they cover, mm.
LEAST_CORNERS = 8
_LEAST_SPAN_MM = 20.0
# A way of an axis that takes up its play, mm.
_MOVES_MM = 0.1


@dataclass(frozen=True, eq=False)
class Corners:
    """The measured corners.

    Attributes:
        name: (n,). planned_mm: (n, 2) p. measured_mm: (n, 2) m. told_mm: (n, 2) q.
        side: (n, 2) e in the machine's axes, 1 or -1 each.
        free: whether turn and shift of the sheet are unknown, since the machine drew the fiducials.
    """

    name: NDArray[np.str_]
    planned_mm: Floats
    measured_mm: Floats
    told_mm: Floats
    side: Floats
    free: bool


def corners_of(chart: Chart, measurements: Measurements, profile: Profile) -> Corners:
    """The corners that were measured.

    Raises:
        FitError: if the measurements are of another chart, or too few, or cannot tell the geometry.
    """
    if chart.profile != profile.machine.name:
        raise FitError(
            f"The chart was made for '{chart.profile}', not for '{profile.machine.name}': "
            "name the profile that drew it."
        )
    if measurements.chart != chart.checksum:
        raise FitError("The measurements are of another chart: give the chart that was drawn.")
    if not chart.printed and measurements.source != "scan":
        raise FitError(
            "A photo of fiducials that the machine drew itself hides the machine's errors: use a flatbed "
            "scan, or a sheet with printed fiducials."
        )
    known = {mark.name: mark for mark in chart.of_kind(MarkKind.GRID)}
    points = [point for point in measurements.points if point.name in known]
    if len(points) < LEAST_CORNERS:
        raise FitError(
            f"Only {len(points)} corners were measured: {LEAST_CORNERS} are needed. Draw the geometry chart "
            "and measure all of it."
        )
    planned = np.array([point.planned_mm for point in points], dtype=np.float64)
    measured = np.array([point.measured_mm for point in points], dtype=np.float64)
    if np.ptp(planned, axis=0).min() < _LEAST_SPAN_MM:
        raise FitError("The measured corners lie on one line: measure the whole chart.")
    return Corners(
        np.array([point.name for point in points]),
        planned,
        measured,
        profile.to_machine(planned),
        _sides([point.name for point in points], known, profile),
        not chart.printed,
    )


def _sides(names: list[str], known: dict[str, Mark], profile: Profile) -> Floats:
    """The direction (n, 2) in which each machine axis came to where it shifts the corners.

    A corner is where the lines of two arms meet, and an axis shifts the line of the arm along which it
    hardly moves. There it moves a little all the same if the paper is turned; if not, it stands where
    the way before has left it.
    """
    zero = profile.to_machine(np.zeros((1, 2)))
    sides = []
    for name in names:
        mark = known[name]
        stops = np.vstack([mark.xy_mm[0] if mark.via_mm is None else mark.via_mm, mark.xy_mm])
        ways = profile.to_machine(np.diff(stops, axis=0)) - zero
        side = []
        for axis in range(2):
            arm = 1 + int(np.argmin(np.abs(ways[1:, axis])))
            before = 1 if arm == 2 and abs(ways[1, axis]) > _MOVES_MM else 0
            moving = arm if abs(ways[arm, axis]) > _MOVES_MM else before
            side.append(float(np.sign(ways[moving, axis])))
        sides.append(side)
    return np.array(sides)


def turn_of(degrees: float) -> Floats:
    """The matrix of a turn counter-clockwise."""
    angle = math.radians(degrees)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def paper_to_machine(profile: Profile, xy_mm: Floats) -> Floats:
    """x(p): machine mm of places on the paper as it lies, whatever the machine's errors."""
    return np.asarray(xy_mm @ turn_of(profile.paper.rotation_deg).T + profile.paper.origin_mm)


def best_turn(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Turn (2, 2) and shift (2,) that bring points nearest to others, least squares (W. Kabsch, 1976)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, _, v = np.linalg.svd(a.T @ b)
    flip = np.diag([1.0, float(np.sign(np.linalg.det(u @ v)))])
    turn = (u @ flip @ v).T
    return turn, target.mean(axis=0) - turn @ source.mean(axis=0)


def distances(first: Floats, second: Floats) -> tuple[float, float]:
    """Root mean square and greatest distance of points from others, mm."""
    d = np.hypot(*(first - second).T)
    return float(np.sqrt(np.mean(d**2))), float(d.max())
