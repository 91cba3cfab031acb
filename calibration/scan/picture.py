"""Reads the file of a scan or a photo."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from calibration.errors import MeasureError

MM_PER_INCH = 25.4
# What a virtual scan says of itself, in a text of its PNG: it must never be taken for a real sheet.
VIRTUAL_SOURCE = "strokebot virtual paper"
# An A3 sheet at 1200 dpi: larger files are no scan of a chart.
_MOST_PIXELS = 300_000_000
_LEAST_SIDE_PX = 300


@dataclass(frozen=True, eq=False)
class Picture:
    """Light and resolution of a picture.

    Attributes:
        grey: (H, W) float32 light in [0, 1].
        dpi: resolution that the file states, or None.
        virtual: whether the file says that it was scanned from virtual paper.
    """

    grey: NDArray[np.float32]
    dpi: float | None = None
    virtual: bool = False


def load_picture(path: Path) -> Picture:
    """Reads a picture file of any mode, turned upright.

    Raises:
        MeasureError: if it cannot be read, or is too small or too large for a chart.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise MeasureError(f"{path.name} is too large for a scan of a chart: scan at 600 dpi.")
                dpi = image.info.get("dpi")
                virtual = image.info.get("Source") == VIRTUAL_SOURCE
                upright = ImageOps.exif_transpose(image)
                grey = _grey(upright)
    except Image.DecompressionBombError:
        raise MeasureError(f"{path.name} is too large for a scan of a chart: scan at 600 dpi.") from None
    except (OSError, SyntaxError, ValueError) as cause:
        raise MeasureError(f"Cannot read the picture {path}: {cause}.") from cause
    if min(grey.shape) < _LEAST_SIDE_PX:
        raise MeasureError(
            f"{path.name} is only {grey.shape[1]} x {grey.shape[0]} px: scan at 300 dpi or more."
        )
    stated = float(dpi[0]) if isinstance(dpi, tuple) and len(dpi) == 2 and dpi[0] == dpi[1] else None
    return Picture(grey, stated if stated is not None and stated > 1 else None, virtual)


def _grey(image: Image.Image) -> NDArray[np.float32]:
    """Light in [0, 1] of an image of any mode, transparent places white."""
    if image.mode in ("I;16", "I;16B", "I", "F"):
        values = np.asarray(image, dtype=np.float32)
        return values / np.float32(65535.0 if values.max(initial=0.0) > 255 else 255.0)
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255.0)
