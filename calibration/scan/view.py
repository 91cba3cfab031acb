"""Where each place of a chart lies in a picture of it.

Symbols:
    X        paper mm, y up;  u, p  picture px, y down: undistorted, and as in the file
    H        homography, u = H X
    k        lens: u = m + (p - m) (1 + k r^2), m the middle of the picture, r = |p - m| over half
             its longer side
    e        growth of the figures: a pen wider than thought makes every side this much longer on
             either end

H (8 numbers), k and e are fitted to all corners of all fiducials in sight at once, least
squares with a soft limit for outliers. Where the machine itself drew the fiducials and the
geometry is asked for, the scanner's own resolution is the measure instead: H is a turn and a
shift at that scale, so that errors of the machine stay visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.chart.spec import Chart, Fiducial
from calibration.errors import MeasureError
from calibration.scan.find import Sighting, fit_homography, project

Floats = NDArray[Any]

# Fewer fiducials do not hold a sheet and its lens.
LEAST_FIDUCIALS = 4
# Rounds of inverting the lens: each gains a factor of |k|, a few hundredths.
_LENS_ROUNDS = 8
# Corners that lie further from the fit than this count less and less, px.
_SOFT_PX = 1.0
# A pen half as wide again as thought grows a figure by less than this.
MOST_GROWTH_MM = 0.9


@dataclass(frozen=True, eq=False)
class View:
    """The change from paper to picture.

    Attributes:
        homography: (3, 3), paper mm to undistorted px.
        lens: k.
        middle_px: m.
        half_px: half the longer side of the picture.
        px_per_mm: resolution in the middle of the fiducials.
        growth_mm: e.
        residual_mm: root mean square distance of the corners from where they should be.
    """

    homography: Floats
    lens: float
    middle_px: Floats
    half_px: float
    px_per_mm: float
    growth_mm: float
    residual_mm: float

    def to_picture(self, points_mm: Floats) -> Floats:
        """Paper mm (..., 2) to picture px (..., 2)."""
        flat = np.asarray(points_mm, dtype=np.float64).reshape(-1, 2)
        placed = _distorted(project(self.homography, flat), self.lens, self.middle_px, self.half_px)
        return placed.reshape(np.shape(points_mm))

    def to_paper(self, points_px: Floats) -> Floats:
        """Picture px (..., 2) to paper mm (..., 2), the inverse of ``to_picture``."""
        flat = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        away = flat - self.middle_px
        straight = self.middle_px + away * (1 + self.lens * (away**2).sum(1, keepdims=True) / self.half_px**2)
        return project(np.linalg.inv(self.homography), straight).reshape(np.shape(points_px))


def fit_view(
    sightings: Sequence[Sighting],
    chart: Chart,
    shape: tuple[int, int],
    rigid_px_per_mm: float | None = None,
) -> View:
    """Fits the change from paper to picture.

    Args:
        sightings: fiducials in the picture, none of them mirrored.
        chart: says where they are on the paper.
        shape: height and width of the picture, px.
        rigid_px_per_mm: the scanner's resolution, to take it for the truth; None to let the
            fiducials say.

    Raises:
        MeasureError: if fewer than four of the chart's fiducials are in sight.
    """
    planned = {figure.number: figure for figure in chart.fiducials}
    known = [s for s in sightings if s.number in planned and not s.mirrored]
    if len(known) < LEAST_FIDUCIALS:
        raise MeasureError(
            f"Only {len(known)} of the chart's {len(planned)} fiducials are in sight: "
            "the whole sheet must be on the picture, flat and evenly lit."
        )
    middle, half = np.array([shape[1], shape[0]]) / 2, max(shape) / 2
    corners = np.concatenate([_corners(planned[s.number], 0.0) for s in known])
    outward = np.concatenate([_corners(planned[s.number], 1.0) for s in known]) - corners
    seen = np.concatenate([s.corners_px for s in known])
    centres = np.array([planned[s.number].centre_mm for s in known])
    start = fit_homography(corners, seen)
    start = start / start[2, 2]

    if rigid_px_per_mm is None:
        scale = np.abs(start.ravel()[:8]) + 1e-6

        def unpack(q: Floats) -> tuple[Floats, float, float]:
            return np.append(q[:8] * scale, 1.0).reshape(3, 3), float(q[8]), float(q[9])

        first = np.concatenate([start.ravel()[:8] / scale, [0.0, 0.0]])
    else:
        turn = np.arctan2(-start[1, 0], start[0, 0])
        shift = project(start, centres).mean(axis=0) - _rigid(turn, rigid_px_per_mm, 0, 0, centres).mean(
            axis=0
        )

        def unpack(q: Floats) -> tuple[Floats, float, float]:
            return _rigid_matrix(float(q[0]), rigid_px_per_mm, float(q[1]), float(q[2])), 0.0, float(q[3])

        first = np.array([turn, *shift, 0.0])

    def errors(q: Floats) -> Floats:
        h, lens, growth = unpack(q)
        placed = _distorted(project(h, corners + growth * outward), lens, middle, half)
        return np.asarray((placed - seen).ravel())

    fit = least_squares(errors, first, loss="soft_l1", f_scale=_SOFT_PX)
    h, lens, growth = unpack(fit.x)
    around = centres.mean(axis=0)
    square = project(h, around + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    area = np.linalg.det(square[1:] - square[0])
    px_per_mm = float(np.sqrt(abs(area)))
    residual = float(np.sqrt(np.mean(errors(fit.x) ** 2) * 2)) / px_per_mm
    return View(h, lens, middle, half, px_per_mm, growth, residual)


def _corners(figure: Fiducial, growth_mm: float) -> Floats:
    """Corners (4, 2) of a figure in the order of ``Sighting.corners_px``."""
    half = figure.size_mm / 2 + growth_mm
    return np.asarray(figure.centre_mm + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]))


def _distorted(straight: Floats, lens: float, middle: Floats, half: float) -> Floats:
    away = straight - middle
    out = away
    for _ in range(_LENS_ROUNDS):
        out = away / (1 + lens * (out**2).sum(axis=1, keepdims=True) / half**2)
    return np.asarray(middle + out)


def _rigid_matrix(turn: float, px_per_mm: float, x: float, y: float) -> Floats:
    cos, sin = px_per_mm * np.cos(turn), px_per_mm * np.sin(turn)
    return np.array([[cos, -sin, x], [-sin, -cos, y], [0.0, 0.0, 1.0]])


def _rigid(turn: float, px_per_mm: float, x: float, y: float, points: Floats) -> Floats:
    return project(_rigid_matrix(turn, px_per_mm, x, y), points)
