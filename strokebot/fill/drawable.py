"""What is drawn of what was seen, once the size of the drawing and the pen are known.

Areas of line art become an even hatching, an outline, or nothing; marks that are smaller on the paper than
the user wants are left out. And how much of the lines' length is thinner than any line of the pen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from strokebot.fill.hatch import hatched
from strokebot.modes import AreaMode
from strokebot.picture.image import InkImage
from strokebot.picture.parts import ink_mask
from strokebot.picture.specks import without_specks

Field = NDArray[np.float32]

# An outline is drawn this wide at least, px, and only this far from lines that are there anyway, px.
_OUTLINE_PX, _FROM_LINES_PX = 1.5, 3.0
# A line is clearly thinner than the pen under this share of its thinnest line.
_CLEARLY = 0.75


def drawable_ink(image: InkImage, pen_px: tuple[float, float], areas: AreaMode, least_px: float) -> InkImage:
    """The picture with its areas drawn as asked, and without small marks.

    Args:
        image: what was seen.
        pen_px: thinnest and widest line of the pen, px.
        areas: what becomes of flat areas.
        least_px: parts under this in both directions are left out.
    """
    ink, sight = image.ink, image.sight
    if least_px > 0:
        ink, _, count = without_specks(ink, least_px)
        if sight is not None and count:
            sight = replace(sight, speck_count=sight.speck_count + count)
    if sight is not None and areas != "none" and (sight.areas > 0).any():
        extra = hatched(sight.areas, ink, pen_px) if areas == "tone" else _outlined(sight.areas, ink, pen_px)
        ink = np.maximum(ink, extra)
    return image if ink is image.ink else replace(image, ink=ink, sight=sight)


def _outlined(areas: Field, ink: Field, pen_px: tuple[float, float]) -> Field:
    """The edges of the areas, where no line runs along them."""
    width = max(_OUTLINE_PX, pen_px[0])
    inside = np.pad(areas > 0, 1)
    depth = np.asarray(ndimage.distance_transform_edt(inside))[1:-1, 1:-1]
    edge = np.clip(np.float32(width + 0.5) - depth, 0, 1) * (areas > 0)
    lines = ink_mask(ink)
    if lines.any():
        edge *= ndimage.distance_transform_edt(~lines) > _FROM_LINES_PX
    return np.asarray(edge, dtype=np.float32)


def too_thin_share(ink: Field, thinnest_px: float) -> float:
    """Share of the centre line's length whose ink is under ``_CLEARLY`` of the pen's thinnest line wide.

    Args:
        ink: (H, W) in [0, 1].
        thinnest_px: the pen's thinnest line, px.
    """
    if _CLEARLY * thinnest_px <= 1.0:  # nothing is thinner than a pixel
        return 0.0
    mask = np.pad(ink_mask(ink), 1)
    bone = np.asarray(skeletonize(mask), dtype=np.bool_)  # type: ignore[no-untyped-call]
    if not bone.any():
        return 0.0
    width = 2 * np.asarray(ndimage.distance_transform_edt(mask))[bone] - 1
    return float((width < _CLEARLY * thinnest_px).mean())
