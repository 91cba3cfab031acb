"""A picture on another pixel grid; pixel edges stay aligned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def resized(field: Field, size: tuple[int, int], how: Image.Resampling) -> Field:
    """A field (H, W) in [0, 1] at size = (width, height)."""
    picture = Image.fromarray(np.ascontiguousarray(field)).resize(size, how)
    return np.clip(np.asarray(picture, dtype=np.float32), 0.0, 1.0)


def reduced(field: Field, most_pixels: int) -> tuple[Field, float]:
    """A field (H, W) averaged down to at most so many pixels, and how many of those make one of its own.

    Fields that are no larger come back as they are, with 1.
    """
    height, width = field.shape
    share = float(np.sqrt(most_pixels / (height * width)))
    if share >= 1.0:
        return field, 1.0
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return resized(field, size, Image.Resampling.BOX), max(size) / max(height, width)


def repeated(values: NDArray[Any], times: int) -> NDArray[Any]:
    """Each pixel of a picture (H, W) as a square of so many pixels, (H times, W times)."""
    return np.repeat(np.repeat(values, times, axis=0), times, axis=1)
