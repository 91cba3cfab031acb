"""Sheets photographed at an angle by a pinhole camera: with the true ink in the photo and on the sheet.

The camera has square pixels and looks along the middle of its photo; a sheet of a known size is tilted about
an axis in its own plane and turned a little. On it are a square, to judge shapes by, and a drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.picture.see import SeeOptions
from tests.support.scene_layers import (
    Canvas,
    Field,
    Points,
    View,
    camera,
    cast_shadow,
    fall_off,
    homography,
    laid,
    pen_colour,
    rules,
    scribble,
    table,
)  # fmt: skip
from tests.support.truth_f1 import truth_f1

# Width over height of sheets; the last ones are no paper size.
ASPECTS = (2**0.5, 2**-0.5, 11 / 8.5, 8.5 / 11, 1.0, 1.62)
# Pixels of the longer side of a sheet's own layers.
_SHEET_PX = 460


@dataclass(frozen=True, eq=False)
class ObliqueScene:
    """A photo and what is truly on the sheet in it.

    Attributes:
        picture: (H, W, 3) uint8.
        in_photo: (H, W) coverage by ink in the photo.
        on_sheet: (h, w) coverage by ink on the sheet itself.
        corners: (4, 2) of the sheet in the photo, from the upper left one clockwise, px.
        square: (4, 2) corners of the true square in the photo.
        aspect: width over height of the sheet.
    """

    picture: NDArray[Any]
    in_photo: Field
    on_sheet: Field
    corners: Points
    square: Points
    aspect: float

    def save(self, path: Path) -> Path:
        """Writes the photo, a PNG; returns its path."""
        Image.fromarray(self.picture).save(path)
        return path


def make_oblique(seed: int, tilt_degrees: tuple[float, float] = (15.0, 40.0)) -> ObliqueScene:
    """One scene: the same for the same arguments."""
    rng = np.random.default_rng([71, seed])
    size = (640, 480) if rng.random() < 0.5 else (480, 640)
    aspect = ASPECTS[rng.integers(len(ASPECTS))]
    w, h = (_SHEET_PX, round(_SHEET_PX / aspect)) if aspect >= 1 else (round(_SHEET_PX * aspect), _SHEET_PX)
    focal = rng.uniform(0.65, 1.1) * max(size)
    tilt, axis, roll = np.radians([rng.uniform(*tilt_degrees), rng.uniform(0, 180), rng.uniform(-8, 8)])
    spin = _turn(roll) @ _tilted(tilt, axis)
    box = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])

    def shown(points: Points, distance: float) -> Points:
        flat = np.column_stack([points - [w / 2, h / 2], np.zeros(len(points))]) @ spin.T
        depth = flat[:, 2:] + distance
        return np.asarray(flat[:, :2] * focal / depth + np.array(size) / 2)

    distance, room = 1.2 * focal, 0.06 * min(size)
    while True:  # as near as shows the whole sheet
        corners = shown(box, distance)
        if (corners > room).all() and (corners < np.array(size) - room).all():
            break
        distance *= 1.02
    side = 0.4 * min(w, h)
    square = np.array([w, h]) * 0.3 + np.array([[0, 0], [side, 0], [side, side], [0, side]])
    sheet, whole = Canvas(w, h), Canvas(w, h)
    sheet.line(np.vstack([square, square[:1]]), 3.0)
    scribble(sheet, rng, (2.6, 4.6), room=0.14)
    whole.polygon(box)
    view = View(size, corners)
    ink = view.show(sheet)
    picture = laid(table(rng, size), view.show(whole), rng.uniform(222, 250, 3))
    if rng.random() < 0.4:
        for layer, colour, strength in rules(rng, (w, h), "ruled"):
            picture = laid(picture, strength * view.show(layer), colour)
    picture = laid(picture, ink, pen_colour(rng)) * fall_off(rng, size, rng.uniform(0, 0.3))
    if rng.random() < 0.3:
        picture = picture * cast_shadow(rng, size)
    picture = camera(rng, picture, rng.uniform(0.5, 0.9), rng.uniform(1, 4))
    return ObliqueScene(
        np.clip(picture + 0.5, 0, 255).astype(np.uint8),
        ink,
        View((w, h), None).show(sheet),
        corners,
        shown(square, distance),
        aspect,
    )


def _turn(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _tilted(tilt: float, axis: float) -> NDArray[np.float64]:
    """A turn by ``tilt`` about an axis in the sheet's plane, at ``axis`` to its x."""
    c, s = np.cos(tilt), np.sin(tilt)
    return _turn(axis) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ _turn(-axis)


def shape_error(square: Points) -> tuple[float, float]:
    """How far the corners (4, 2) of a square are off right angles, degrees, and its sides' ratio off 1."""
    sides = np.roll(square, -1, axis=0) - square
    lengths = np.hypot(*sides.T)
    unit = sides / lengths[:, None]
    cosines = np.abs((unit * np.roll(unit, -1, axis=0)).sum(axis=1))
    ratio = (lengths[0] + lengths[2]) / (lengths[1] + lengths[3])
    return float(np.degrees(np.arcsin(cosines.max()))), float(max(ratio, 1 / ratio) - 1)


def straight(points: Points, corners: Points, size: tuple[int, int]) -> Points:
    """Where points (N, 2) of a photo come to lie once its corners (4, 2) are those of a sheet of a size."""
    w, h = size
    a, b, c, d, e, f, g, k = homography(corners, np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]))
    forth = np.linalg.inv(np.array([[a, b, c], [d, e, f], [g, k, 1.0]]))
    found = np.column_stack([points, np.ones(len(points))]) @ forth.T
    return np.asarray(found[:, :2] / found[:, 2:])


def judge(scene: ObliqueScene, folder: Path) -> dict[str, float]:
    """The figures of one photo; those of the straight sheet are missing where it stays as it is."""
    file = scene.save(folder / "scene.png")
    none = np.zeros_like(scene.in_photo)
    kept = load_ink_image(file, options=SeeOptions(keep_perspective=True))
    degrees, aspect = shape_error(scene.square)
    found = {
        "photo_degrees": degrees,
        "photo_aspect": aspect,
        "f1_photo": truth_f1(find_parts(kept.ink).labels > 0, scene.in_photo, none),
    }
    image = load_ink_image(file)
    assert image.sight is not None
    view = None if image.sight.sheet is None else image.sight.sheet.perspective
    if view is None:
        return found
    degrees, aspect = shape_error(straight(scene.square, view.corners_px, view.size_px))
    truth = np.asarray(Image.fromarray(scene.on_sheet).resize(view.size_px, Image.Resampling.BICUBIC))
    f1 = truth_f1(find_parts(image.ink).labels > 0, truth, np.zeros_like(truth))
    return found | {"square_degrees": degrees, "square_aspect": aspect, "f1_straight": f1}
