"""Fields made larger or smaller as Pillow does, strip by strip.

Pillow copies a picture several times on its way in and out; so only a strip is copied at a time. A strip
reads what its filter reaches: the result is that of the whole.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]

BOX, BILINEAR, BICUBIC = Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC
NEAREST = Image.Resampling.NEAREST
# How far a filter reaches, in pixels of the coarser side.
_REACH = {NEAREST: 1.0, BOX: 0.5, BILINEAR: 1.0, BICUBIC: 2.0}
# Values of a strip, the larger of what goes in and comes out.
_STRIP = 4_000_000


def resized(field: NDArray[np.generic], size: tuple[int, int], how: Image.Resampling) -> Field:
    """A field (H, W), or a mask as 0 and 1, at another size.

    Args:
        field: of numbers or of truth values.
        size: width and height, px.
        how: the filter.
    """
    height, width = field.shape
    wide, high = size
    scale = height / high
    reach = _REACH[how] * max(scale, 1.0) + 1.0
    step = max(1, int(_STRIP / max(wide, width * scale)))
    out = np.empty((high, wide), dtype=np.float32)
    for first in range(0, high, step):
        last = min(high, first + step)
        low, end = max(0, math.floor(first * scale - reach)), min(height, math.ceil(last * scale + reach))
        strip = Image.fromarray(np.ascontiguousarray(field[low:end], dtype=np.float32))
        box = (0.0, first * scale - low, float(width), min(last * scale - low, float(end - low)))
        out[first:last] = np.asarray(strip.resize((wide, last - first), how, box))
    return out
