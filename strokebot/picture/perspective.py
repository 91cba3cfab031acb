"""Straightens a sheet that was photographed at an angle.

Nouns and symbols:
    corners      of the sheet in the photo: m1 upper left, m2 upper right, m3 lower left, m4 lower right, as
                 (x, y, 1), px from the middle of the photo
    f            focal length of the camera, px
    r            width over height of the sheet
    homography   the map of the straight sheet onto the photo, straight lines to straight lines

A camera with square pixels looks along the middle of its photo. Then the corners of a rectangle tell f and r
(Z. Zhang and L.-W. He, Whiteboard scanning and image enhancement, Digital Signal Processing 17, 2007):

    k2 = (m1 x m4) . m3 / (m2 x m4) . m3        n2 = k2 m2 - m1
    k3 = (m1 x m4) . m2 / (m3 x m4) . m2        n3 = k3 m3 - m1
    f^2 = -(n2x n3x + n2y n3y) / (n2z n3z)
    r^2 = ((n2x^2 + n2y^2) / f^2 + n2z^2) / ((n3x^2 + n3y^2) / f^2 + n3z^2)

f hangs on small differences where the sheet is tilted about one axis of the photo alone. So its logarithm is
weighed with that of a usual camera, each by its variance; that of the corners' f follows from an error of
``_CORNER_ERROR`` in each coordinate. Sheets nearly as long as those of a paper size are of that size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from strokebot.picture.channels import Channels, MadeChannels

Field = NDArray[np.float32]
Floats = NDArray[np.float64]

# A sheet is seen at an angle where a corner is off a right angle by so many degrees, or opposite sides differ
# by this factor: what is less is a hardly visible slant, or the edge that was found, not the sheet.
_CLEAR_DEGREES, _CLEAR_RATIO = 8.0, 1.15
# Beyond this the far side shows too little, or it is no sheet.
_MOST_DEGREES, _MOST_RATIO = 50.0, 4.0
# A corner this near to the border of the photo may lie outside it, px.
_BORDER_PX = 2.0
# Error of a corner's coordinate, and focal length of a usual camera with the deviation of its logarithm; both
# lengths are shares of the photo's longer side.
_CORNER_ERROR, _USUAL_FOCAL, _FOCAL_DEVIATION = 0.0015, 0.8, 0.25
# Paper sizes by the ratio of their sides, and how far off a sheet may be, relative.
_PAPERS = {"A4": 2**0.5, "Letter": 11 / 8.5}
_PAPER_TOLERANCE = 0.04


@dataclass(frozen=True, eq=False)
class Perspective:
    """How a sheet lay in a photo that it was straightened from.

    Attributes:
        corners_px: (4, 2) x, y in the photo from the upper left one clockwise, edges at 0.
        size_px: width and height of the straight sheet.
        paper: the paper size whose sides have its ratio (A4 stands for all of series A); None for another.
    """

    corners_px: Floats
    size_px: tuple[int, int]
    paper: str | None

    @property
    def aspect(self) -> float:
        """Width over height of the straight sheet."""
        return self.size_px[0] / self.size_px[1]

    def straightened(self, field: Field) -> Field:
        """A field (H, W) in [0, 1] of the photo as it is on the straight sheet, to 1/255."""
        return np.divide(self._bytes(field), np.float32(255), dtype=np.float32)

    def straightened_channels(self, channels: Channels) -> Channels:
        """The same for each channel."""
        planes = [self._bytes(channel) for channel in channels]
        return MadeChannels(len(planes), lambda k: np.divide(planes[k], np.float32(255), dtype=np.float32))

    def _bytes(self, field: Field) -> NDArray[np.uint8]:
        values = Image.fromarray(np.rint(field * np.float32(255)).astype(np.uint8))
        shown = values.transform(
            self.size_px, Image.Transform.PERSPECTIVE, self._coefficients(), Image.Resampling.BICUBIC
        )
        return np.asarray(shown)

    def _coefficients(self) -> list[float]:
        """A ... h of x' = (a x + b y + c) / (g x + h y + 1), y' = (d x + e y + f) / (g x + h y + 1)."""
        width, height = self.size_px
        straight = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        rows, right = [], []
        for (x, y), (u, v) in zip(straight, self.corners_px, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
            right += [u, v]
        return [float(value) for value in np.linalg.solve(np.array(rows), np.array(right))]


def is_oblique(corners: Floats) -> bool:
    """Whether the corners (4, 2) of a sheet are clearly not those of a rectangle."""
    degrees, ratio = _slant(corners)
    return degrees > _CLEAR_DEGREES or ratio > _CLEAR_RATIO


def perspective_of(corners: Floats, shape: tuple[int, int]) -> Perspective | None:
    """How a sheet lies in a photo, or None where it is not seen at an angle, or too little of it is seen.

    Args:
        corners: (4, 2) x, y from the upper left one clockwise, px.
        shape: height and width of the photo.
    """
    height, width = shape
    inside = (corners > _BORDER_PX) & (corners < [width - _BORDER_PX, height - _BORDER_PX])
    degrees, ratio = _slant(corners)
    if not inside.all() or not is_oblique(corners) or degrees > _MOST_DEGREES or ratio > _MOST_RATIO:
        return None
    aspect, paper = _on_paper(aspect_of(corners, shape))
    top, right, bottom, left = _sides(corners)
    wide, high = max(top, bottom), max(left, right)
    wide, high = (high * aspect, high) if wide < high * aspect else (wide, wide / aspect)
    less = min(1.0, (width * height / (wide * high)) ** 0.5)
    return Perspective(corners, (max(1, round(less * wide)), max(1, round(less * high))), paper)


def aspect_of(corners: Floats, shape: tuple[int, int]) -> float:
    """R of a rectangle from its corners (4, 2) in a photo (H, W); see the top of the file."""
    longer = float(max(shape))
    middle = np.array([shape[1], shape[0]]) / 2
    at = (corners - middle) / longer
    usual = float(np.log(_USUAL_FOCAL))
    found = _log_focal(at)
    if found is None:
        focal = usual
    else:
        slope = []
        for k in range(8):
            moved = at.copy()
            moved.reshape(-1)[k] += _CORNER_ERROR
            other = _log_focal(moved)
            slope.append(np.inf if other is None else other - found)
        weight, prior = 1 / max(float(np.sum(np.square(slope))), 1e-9), _FOCAL_DEVIATION**-2
        focal = (weight * found + prior * usual) / (weight + prior)
    n2, n3 = _directions(at)
    square = np.exp(2 * focal)
    lengths = [(n[0] ** 2 + n[1] ** 2) / square + n[2] ** 2 for n in (n2, n3)]
    return float(np.sqrt(lengths[0] / lengths[1]))


def _directions(at: Floats) -> tuple[Floats, Floats]:
    """n2, n3 of corners (4, 2) clockwise from the upper left."""
    m1, m2, m4, m3 = np.column_stack([at, np.ones(4)])
    k2 = np.dot(np.cross(m1, m4), m3) / np.dot(np.cross(m2, m4), m3)
    k3 = np.dot(np.cross(m1, m4), m2) / np.dot(np.cross(m3, m4), m2)
    return k2 * m2 - m1, k3 * m3 - m1


def _log_focal(at: Floats) -> float | None:
    """Logarithm of f, or None where the corners tell none."""
    n2, n3 = _directions(at)
    below = n2[2] * n3[2]
    square = -(n2[0] * n3[0] + n2[1] * n3[1]) / below if below != 0 else 0.0
    return float(np.log(square)) / 2 if square > 0 else None


def _on_paper(aspect: float) -> tuple[float, str | None]:
    """The ratio of the paper size nearest to a ratio, and its name; the ratio itself where none is near."""
    long = max(aspect, 1 / aspect)
    name = min(_PAPERS, key=lambda paper: abs(np.log(long / _PAPERS[paper])))
    if abs(np.log(long / _PAPERS[name])) > _PAPER_TOLERANCE:
        return aspect, None
    return (_PAPERS[name] if aspect >= 1 else 1 / _PAPERS[name]), name


def _sides(corners: Floats) -> list[float]:
    """Lengths of the upper, right, lower and left side, px."""
    return [float(side) for side in np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)]


def _slant(corners: Floats) -> tuple[float, float]:
    """How far the worst corner is off a right angle, degrees, and the greatest ratio of opposite sides."""
    after, before = np.roll(corners, -1, axis=0) - corners, np.roll(corners, 1, axis=0) - corners
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    angles = np.degrees(np.arctan2(np.abs(cross), (before * after).sum(axis=1)))
    top, right, bottom, left = (max(side, 1e-6) for side in _sides(corners))
    return float(np.abs(angles - 90).max()), max(top / bottom, bottom / top, left / right, right / left)
