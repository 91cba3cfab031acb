"""Reads the file of a scan or a photo: its light, since edges lie where that is half-way."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from calibration.errors import MeasureError
from calibration.light import LIGHT_OF_BYTE, LUMINANCE, light_of

MM_PER_INCH = 25.4
# What a virtual scan says of itself, in a text of its PNG: it must never be taken for a real sheet.
VIRTUAL_SOURCE = "strokebot virtual paper"
# An A3 sheet at 1200 dpi: larger files are no scan of a chart.
_MOST_PIXELS = 300_000_000
_LEAST_SIDE_PX = 300
# From here on a value is as white as a file can say; JPEG takes a step off.
_WHITE = 254
_WHITE_SHARE = 0.5
# What a file is by its first bytes, and the cure.
_OTHER_FILES = (
    (re.compile(rb"^....ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL), "is a HEIC picture",
     "save it as JPEG or PNG (iPhone: Settings, Camera, Formats, Most Compatible)"),
    (re.compile(rb"^%PDF"), "is a PDF, not a picture",
     "scan to PNG or TIFF, or export the page as PNG at 600 dpi"),
)  # fmt: skip
_HEAD_BYTES = 32


@dataclass(frozen=True, eq=False)
class Picture:
    """Light and resolution of a picture.

    Attributes:
        grey: (H, W) float32 light in [0, 1].
        dpi: resolution that the file states, or None.
        virtual: whether the file says that it was scanned from virtual paper.
        white: (H, W) where the file can say no brighter value, so that the light may be any above; None for
            nowhere.
    """

    grey: NDArray[np.float32]
    dpi: float | None = None
    virtual: bool = False
    white: NDArray[np.bool_] | None = None

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], dpi: float | None = None, virtual: bool = False) -> Picture:
        """The picture of sRGB values (H, W) or (H, W, 3)."""
        if pixels.ndim == 2:
            return cls(LIGHT_OF_BYTE[pixels], dpi, virtual, pixels >= _WHITE)
        grey = np.zeros(pixels.shape[:2], dtype=np.float32)
        white = np.zeros(pixels.shape[:2], dtype=np.float32)
        for channel, weight in enumerate(LUMINANCE):
            grey += np.float32(weight) * LIGHT_OF_BYTE[pixels[..., channel]]
            white += np.float32(weight) * (pixels[..., channel] >= _WHITE)
        return cls(grey, dpi, virtual, white >= _WHITE_SHARE)


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
                found = _read(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise MeasureError(f"{path.name} is too large for a scan of a chart: scan at 600 dpi.") from None
    except (OSError, SyntaxError, ValueError) as cause:
        raise MeasureError(_why_not(path, cause)) from cause
    grey = found.grey
    if min(grey.shape) < _LEAST_SIDE_PX:
        raise MeasureError(
            f"{path.name} is only {grey.shape[1]} x {grey.shape[0]} px: scan at 300 dpi or more."
        )
    stated = float(dpi[0]) if isinstance(dpi, tuple) and len(dpi) == 2 and dpi[0] == dpi[1] else None
    return replace(found, dpi=stated if stated is not None and stated > 1 else None, virtual=virtual)


def _why_not(path: Path, cause: Exception) -> str:
    """Why a file cannot be read, and what to do."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return f"Cannot read the picture {path}: {cause}."
    for sign, what, cure in _OTHER_FILES:
        if sign.search(head):
            return f"Cannot read the picture {path.name}: it {what}; {cure}."
    if isinstance(cause, UnidentifiedImageError):
        return f"Cannot read the picture {path.name}: it is none of a known kind; save it as PNG or JPEG."
    if "truncated" in str(cause) or "end of file" in str(cause).lower():
        return f"Cannot read the picture {path.name}: the file ends too early; copy it again, or scan anew."
    return f"Cannot read the picture {path.name}: it is damaged ({cause}); save it again as PNG or JPEG."


def _read(image: Image.Image) -> Picture:
    """Light of an image of any mode, transparent places white."""
    if image.mode in ("I;16", "I;16B", "I", "F"):
        values = np.asarray(image, dtype=np.float32)
        values = values / np.float32(65535.0 if values.max(initial=0.0) > 255 else 255.0)
        return Picture(light_of(values), white=values >= np.float32(_WHITE / 255))
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return Picture.of_pixels(np.asarray(image.convert("L" if image.mode in ("L", "1") else "RGB")))
