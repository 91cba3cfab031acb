"""Light of the values in picture files, which are no measure of it themselves.

Symbols:
    v   value of a pixel in the file, 0 to 1;  I  light, 0 to 1
    I = v / 12.92                            for v at most 0.04045
    I = ((v + 0.055) / 1.055) ** 2.4         above

Scanners and cameras write the former. Edges of ink lie where the light, not the value, is half-way between
paper and ink; by values, lines come out too thin.

Sources: IEC 61966-2-1 (sRGB) for the curve, ITU-R BT.709 for the shares of the colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Shares of red, green and blue in the light that is seen.
LUMINANCE = (0.2126, 0.7152, 0.0722)


def encoded(light: NDArray[Any]) -> NDArray[np.uint8]:
    """The values (...) of light (...), which is cut to 0 to 1; the inverse of reading a file."""
    cut = np.clip(light, 0.0, 1.0)
    values = np.where(cut <= 0.0031308, 12.92 * cut, 1.055 * np.power(cut, 1 / 2.4) - 0.055)
    return np.asarray(np.round(255.0 * values), dtype=np.uint8)


def light_of(values: NDArray[Any]) -> NDArray[np.float32]:
    """The light (...) of values (...) in [0, 1]."""
    high = np.power((np.maximum(values, 0.0) + 0.055) / 1.055, 2.4)
    return np.where(values <= 0.04045, values / 12.92, high).astype(np.float32)


# The same for all values of a byte.
LIGHT_OF_BYTE = light_of(np.arange(256) / 255.0)
