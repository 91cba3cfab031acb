"""Parts the flat areas of line art from its lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.ground import Channels
from strokebot.picture.light import closed, reach_px

Field = NDArray[np.float32]
# Wide structure this dark, of the darkness of the lines, is solid ink.
_SOLID = 0.75
_LEAST = 0.04
_LUMA = (0.299, 0.587, 0.114)


def find_areas(
    channels: Channels, colour: tuple[float, ...], side: str, darkness: Field
) -> tuple[Field, Field]:
    """Line ink and areas."""
    if side == "colour":
        return darkness, np.zeros_like(darkness)
    # What is light on dark is dark on light of the negative.
    flip = side == "light"
    reach = reach_px(darkness.shape)
    weights = _LUMA if len(channels) == 3 else (1.0,)
    wide = np.zeros_like(darkness)
    grey = np.zeros_like(darkness)
    papers, values = [], []
    for channel, level, weight in zip(channels, colour, weights, strict=True):
        value = np.float32(1) - channel if flip else channel
        ground = float(1 - level if flip else level)
        value = np.minimum(value, np.float32(ground))
        high = closed(value, reach)
        papers.append(high)
        values.append(value)
        wide += np.float32(weight) * np.clip(1 - high / max(ground, 0.02), 0, 1)
        grey += np.float32(weight) * np.clip(1 - value / max(ground, 0.02), 0, 1)
    line = grey[grey > 0.2]
    full = float(np.percentile(line, 97)) if line.size else 1.0
    area = (wide > _LEAST) & (wide < _SOLID * full)
    none = np.zeros_like(darkness)
    if not area.any():
        return darkness, none
    # An area has lines darker than itself on it or round it.
    area = _with_darker_lines(area, wide, grey)
    if not area.any():
        return darkness, none
    grown = ndimage.binary_dilation(area, np.ones((3, 3), dtype=bool), iterations=reach)
    thin = np.zeros_like(darkness)
    for value, high, level in zip(values, papers, colour, strict=True):
        lit = np.float32(1 - level if flip else level)
        marker = np.where(area, high, lit).astype(np.float32)
        marker = np.maximum(np.where(grown, marker, lit), value)
        paper = _regrown(marker, value, grown)
        np.maximum(thin, 1 - value / np.maximum(paper, 0.02), out=thin)
    inside = ndimage.binary_dilation(grown, iterations=2)
    return np.where(inside, np.clip(thin, 0, 1), darkness).astype(np.float32), np.where(area, wide, 0)


def _with_darker_lines(area: NDArray[np.bool_], wide: Field, grey: Field) -> NDArray[np.bool_]:
    labels, count = ndimage.label(area)
    if count == 0:
        return area
    near = ndimage.grey_dilation(np.where(area, labels, 0), size=(7, 7))
    dark = (grey > ndimage.maximum_filter(np.where(area, wide, 0), 7) + 0.2) & (near > 0)
    size = np.bincount(labels.reshape(-1), minlength=count + 1)
    touched = np.bincount(near[dark], minlength=count + 1)
    keep = touched > 0.3 * np.sqrt(size)
    keep[0] = False
    return keep[labels]


def _regrown(marker: Field, mask: Field, within: NDArray[np.bool_]) -> Field:
    """Reconstruction by erosion of the marker over the mask, in the box of ``within``."""
    from skimage.morphology import reconstruction

    boxes = ndimage.find_objects(within.astype(np.int8))
    out = marker.copy()
    for box in boxes:
        out[box] = reconstruction(marker[box], mask[box], method="erosion")  # type: ignore[no-untyped-call]
    return np.where(within, out, marker).astype(np.float32)
