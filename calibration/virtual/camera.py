"""A scan or a photo of a sheet: resampled, lit, blurred, noisy.

A scan is flat and evenly lit; the sheet lies a little turned on the glass, whose lid is white.
A photo sees the sheet in perspective through a lens, on a table, lit from one side.

    reflectance = paper (1 - darkness)     paper is not quite white, black not quite black

The files hold sRGB values of the light, as those of scanners and cameras do.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from calibration.light import encoded

MM_PER_INCH = 25.4
_PAPER = 0.93
_BLACK = 0.04
_LID = 0.97
_TABLE = 0.35
# A pixel averages over its own area: blur of its standard deviation before sampling.
_PIXEL_SIGMA = 0.35


def scan(
    sheet: NDArray[np.float32],
    px_per_mm: float,
    dpi: float = 600.0,
    rotation_deg: float = 0.0,
    margin_mm: float = 5.0,
    blur_mm: float = 0.02,
    noise: float = 0.01,
    exposure: float = 1.0,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """A flatbed scan (h, w) of a sheet.

    Args:
        sheet: (H, W) darkness.
        px_per_mm: resolution of the sheet.
        dpi: resolution of the scan.
        rotation_deg: how the sheet lies on the glass, counter-clockwise.
        margin_mm: glass around the sheet.
        blur_mm: standard deviation of the scanner's blur.
        noise: standard deviation of its noise, white = 1.
        exposure: how much brighter than a white that just fits.
        seed: of the noise.
    """
    out_px = dpi / MM_PER_INCH
    rows, columns = sheet.shape
    size = np.array([columns, rows]) / px_per_mm
    turn = math.radians(rotation_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    wide = abs(size[0] * cos) + abs(size[1] * sin) + 2 * margin_mm
    high = abs(size[0] * sin) + abs(size[1] * cos) + 2 * margin_mm
    shape = (round(high * out_px), round(wide * out_px))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x = (x + 0.5) / out_px - wide / 2
    y = (y + 0.5) / out_px - high / 2
    # y down on both; the sheet is turned counter-clockwise as seen.
    across, along = cos * x - sin * y + size[0] / 2, sin * x + cos * y + size[1] / 2
    light = _look(sheet, px_per_mm, across, along, math.hypot(blur_mm, _PIXEL_SIGMA / out_px), _LID)
    return encoded(exposure * _sensed(light, noise, seed))


def photo(
    sheet: NDArray[np.float32],
    px_per_mm: float,
    dpi: float = 200.0,
    tilt_deg: tuple[float, float] = (12.0, -8.0),
    rotation_deg: float = 7.0,
    lens: float = 0.01,
    shading: float = 0.35,
    blur_mm: float = 0.06,
    noise: float = 0.015,
    quality: int = 90,
    exposure: float = 1.0,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """A photo (h, w, 3) of a sheet on a table.

    Args:
        sheet: (H, W) darkness.
        px_per_mm: resolution of the sheet.
        dpi: resolution in the middle of the photo.
        tilt_deg: how far the camera leans about the sheet's x and y axis.
        rotation_deg: how the sheet is turned, counter-clockwise.
        lens: share by which the lens moves points at half the longer side (barrel if below 0).
        shading: share of light that is lost from the bright to the dark corner.
        blur_mm: standard deviation of the blur on the sheet.
        noise: standard deviation of the noise, white = 1.
        quality: of the JPEG file in between.
        exposure: how much brighter than a white that just fits.
        seed: of noise and table.
    """
    rows, columns = sheet.shape
    size = np.array([columns, rows]) / px_per_mm
    out_px = dpi / MM_PER_INCH
    h = _view(size, tilt_deg, rotation_deg)
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size])
    seen = _project(h, corners)
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = 0.06 * float((high - low).max())
    low, high = low - margin, high + margin
    shape = (round((high[1] - low[1]) * out_px), round((high[0] - low[0]) * out_px))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    x, y = (x + 0.5) / out_px + low[0], (y + 0.5) / out_px + low[1]
    middle, half = (low + high) / 2, float((high - low).max()) / 2
    r2 = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / half**2
    x, y = middle[0] + (x - middle[0]) * (1 + lens * r2), middle[1] + (y - middle[1]) * (1 + lens * r2)
    place = _project(np.linalg.inv(h), np.column_stack([x.ravel(), y.ravel()]))
    across, along = place[:, 0].reshape(shape), place[:, 1].reshape(shape)
    light = _look(sheet, px_per_mm, across, along, math.hypot(blur_mm, _PIXEL_SIGMA / out_px), _TABLE)
    u, v = np.linspace(0, 1, shape[1]), np.linspace(0, 1, shape[0])[:, None]
    light = light * (1 - shading * (0.6 * u + 0.4 * v**2))
    tint = np.array([1.0, 0.97, 0.9])  # a warm lamp
    rgb = encoded(exposure * _sensed(light, noise, seed)[..., None] * tint)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _look(
    sheet: NDArray[np.float32],
    px_per_mm: float,
    across_mm: NDArray[Any],
    along_mm: NDArray[Any],
    blur_mm: float,
    beyond: float,
) -> NDArray[np.float64]:
    """Light at places of the sheet, mm from its top left corner; ``beyond`` outside it."""
    light = (_BLACK + (_PAPER - _BLACK) * (1 - sheet)).astype(np.float32)
    pad = 8
    light = np.pad(light, pad, constant_values=beyond)
    light = gaussian_filter(light, blur_mm * px_per_mm)
    rows = along_mm * px_per_mm - 0.5 + pad
    columns = across_mm * px_per_mm - 0.5 + pad
    return np.asarray(
        map_coordinates(light, [rows, columns], order=1, mode="constant", cval=beyond), dtype=np.float64
    )


def _sensed(light: NDArray[np.float64], noise: float, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.asarray(light + noise * rng.standard_normal(light.shape, dtype=np.float32))


def _view(
    size_mm: NDArray[np.float64], tilt_deg: tuple[float, float], rotation_deg: float
) -> NDArray[np.float64]:
    """The homography (3, 3) from sheet mm (y down) to picture mm, scale 1 in the middle of the sheet."""
    a, b, c = (math.radians(v) for v in (*tilt_deg, rotation_deg))
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_z = np.array([[math.cos(c), math.sin(c), 0], [-math.sin(c), math.cos(c), 0], [0, 0, 1]])
    turn = about_x @ about_y @ about_z
    distance = 2.0 * float(size_mm.max())
    to_middle = np.array([[1, 0, -size_mm[0] / 2], [0, 1, -size_mm[1] / 2], [0, 0, 1]])
    # A point (x, y, 0) of the sheet is seen at distance (X, Y) / (distance + Z).
    see = np.array([distance * turn[0], distance * turn[1], turn[2]])[:, :2]
    return np.asarray(np.column_stack([see, [0, 0, distance]]) @ to_middle)


def _project(h: NDArray[Any], points: NDArray[Any]) -> NDArray[np.float64]:
    mapped = np.column_stack([points, np.ones(len(points))]) @ h.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])
