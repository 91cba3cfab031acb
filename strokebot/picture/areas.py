"""Parts the flat areas of line art from its lines.

Nouns and symbols, for a clean file whose ground is G:
    C      a channel closed by a square: lines are filled from their surroundings, areas stay
    W      darkness of C, 1 - C / G: what is wide
    area   where W lies between nothing and ``_SOLID`` of the lines' darkness, and darker lines run on it or
           round it; a shape without darker lines is no fill but the drawing itself
    P      the local ground: the area's own colour on an area, G elsewhere

An area's narrow tips are lost in C, so P is grown back into them by a reconstruction by erosion over
the channel (L. Vincent, 1993): from the area's inside along everything that is at least as dark. The
darkness of the lines is then 1 - I / P in every channel, and the edge of an area leaves nothing in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import reconstruction

from strokebot.modes import InkSide
from strokebot.picture.channels import LUMA, Channels
from strokebot.picture.extrema import square_maximum
from strokebot.picture.light import closed, reach_px

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Wide structure from this share of the lines' darkness on is solid ink; under the least it is ground.
_SOLID, _LEAST = 0.75, 0.04
# Darkness over which a pixel is ink for the measure of the lines, and the percentile that is the measure.
_LINE, _LINE_PERCENTILE = 0.2, 97.0
# Lines are darker than their area by this much, run within so many px of it, and along this share of the
# square root of its pixels.
_DARKER, _NEAR_PX, _ALONG = 0.2, 3, 0.3
# The largest disc inside an area has this radius at least, px: less is the soft edge of something wide.
_LEAST_DEPTH_PX = 3.0
_DARKEST = np.float32(0.02)
_EIGHT = np.ones((3, 3), dtype=bool)


def find_areas(
    channels: Channels, colour: tuple[float, ...], side: InkSide, darkness: Field
) -> tuple[Field, Field]:
    """Line ink and areas of a clean picture.

    Args:
        channels: one or three fields (H, W) in [0, 1].
        colour: of the ground, a value for each channel.
        side: on which side of the ground the ink lies.
        darkness: (H, W) in [0, 1], over the ground.

    Returns:
        The darkness (H, W) over the local ground, and the darkness of the areas (H, W), 0 beside them.
    """
    none = np.zeros_like(darkness)
    if side == "colour":
        return darkness, none
    # What is light on dark is dark on light of the negative.
    flip = side == "light"
    grounds = [float(1 - level if flip else level) for level in colour]
    weights = LUMA if len(channels) == 3 else (1.0,)

    def inked(k: int) -> tuple[Field, Field]:
        """A channel with its ink dark, and that closed; made anew each time, to hold one at a time."""
        value = np.float32(1) - channels[k] if flip else channels[k]
        value = np.minimum(value, np.float32(grounds[k]))
        return value, closed(value, reach)

    reach = reach_px(darkness.shape)
    wide, grey = none.copy(), none.copy()
    for k, weight in enumerate(weights):
        value, paper = inked(k)
        wide += np.float32(weight) * np.clip(1 - paper / max(grounds[k], 0.02), 0, 1)
        grey += np.float32(weight) * np.clip(1 - value / max(grounds[k], 0.02), 0, 1)
    line = grey[grey > _LINE]
    full = float(np.percentile(line, _LINE_PERCENTILE)) if line.size else 1.0
    area = _with_darker_lines((wide > _LEAST) & (wide < _SOLID * full), wide, grey)
    if not area.any():
        return darkness, none
    grown = square_maximum(area, 2 * reach + 1)
    thin, shade = none.copy(), none.copy()
    for k, ground in enumerate(grounds):
        value, paper = inked(k)
        start = np.where(area, paper, np.float32(ground))
        local = _regrown(np.maximum(np.where(grown, start, np.float32(ground)), value), value, grown)
        np.maximum(thin, 1 - value / np.maximum(local, _DARKEST), out=thin)
        # In black ink a saturated colour is as dark as its channels are on average: yellow is not white.
        shade += (1 - local / np.float32(max(ground, 0.02))) / np.float32(len(channels))
    inside = ndimage.binary_dilation(grown, iterations=2)
    thin = np.where(inside, np.clip(thin, 0, 1), darkness).astype(np.float32)
    whole = grown & (shade > _LEAST) & (ndimage.binary_erosion(shade > _LEAST, _EIGHT) | area)
    return thin, np.where(whole, np.clip(shade, 0, 1), 0).astype(np.float32)


def _with_darker_lines(area: Mask, wide: Field, grey: Field) -> Mask:
    """The areas that darker lines run on or round."""
    labels, count = ndimage.label(area)
    if count == 0:
        return area
    size = 2 * _NEAR_PX + 1
    near = square_maximum(labels, size)
    dark = (grey > square_maximum(np.where(area, wide, np.float32(0)), size) + _DARKER) & (near > 0)
    pixels = np.bincount(labels.reshape(-1), minlength=count + 1)
    keep = np.bincount(near[dark], minlength=count + 1) > _ALONG * np.sqrt(pixels)
    depth = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]
    deepest = np.zeros(count)
    np.maximum.at(deepest, labels[area] - 1, depth[area])  # not ndimage.maximum, which sorts every pixel
    keep[1:] &= deepest >= _LEAST_DEPTH_PX
    keep[0] = False
    return np.asarray(keep[labels])


def _regrown(marker: Field, mask: Field, within: Mask) -> Field:
    """Reconstruction by erosion of the marker over the mask, in the box of ``within``."""
    out = np.asarray(marker, dtype=np.float32).copy()
    for box in ndimage.find_objects(within.astype(np.int8)):
        out[box] = reconstruction(marker[box], mask[box], method="erosion")  # type: ignore[no-untyped-call]
    return np.where(within, out, marker).astype(np.float32)
