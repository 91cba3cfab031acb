"""Any picture file becomes an ``InkImage``: how much ink lies on each pixel.

Nouns:
    picture     a file of pixels, in one of the formats of ``FORMATS``
    luminance   (H, W) brightness in [0, 1], 0 = black
    alpha       (H, W) opacity in [0, 1], where the picture has transparency
    ink         (H, W) in [0, 1], 0 = bare paper, 1 = full ink

This file opens and decodes; ``strokebot.ink`` finds paper and ink in the
luminance. Sizes are checked before a pixel is decoded, so that a small file
that unpacks into a huge picture is refused.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from strokebot.arrays import frozen_array
from strokebot.errors import ImageError
from strokebot.ink import Polarity, ink_from_luminance

# An A4 page scanned at 600 dpi has 35 million pixels; more needs gigabytes on the way.
MAX_PIXELS = 50_000_000

# Pixel formats only (JPEG covers the MPO files of phones): others, such as EPS, would
# start a foreign program to be drawn.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM")

# Resolutions that programs write when they know none (screens of the 1980s and of Windows).
_SCREEN_DPI = (72.0, 96.0)
_SCREEN_DPI_TOLERANCE = 0.2  # dpi; PNG stores whole pixels a metre, 72 dpi comes back as 72.009
_DPI_RANGE = (40.0, 10_000.0)  # outside: not the resolution of any scan
_SQUARE_TOLERANCE = 0.02  # relative; pixels are square if x and y resolution agree this well
_MM_PER_INCH = 25.4

# ITU-R BT.601 weights, those of PIL's own conversion to grey.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class InkImage:
    """How much ink lies on each pixel of a picture.

    Attributes:
        ink: (H, W) float32 in [0, 1], 1 = full ink, y down.
        px_per_mm: resolution that the file states, or None.
        polarity: how the ink was told from the paper.

    Raises:
        ImageError: for an empty array, a value that is not finite or out of range.
    """

    ink: NDArray[np.float32]
    px_per_mm: float | None = None
    polarity: Polarity = "dark-on-light"

    def __post_init__(self) -> None:
        ink = frozen_array("ink", self.ink, (None, None), ImageError, dtype=np.float32, low=0.0, high=1.0)
        if ink.size == 0:
            raise ImageError("The picture has no pixels.")
        object.__setattr__(self, "ink", ink)
        if self.px_per_mm is not None and not 0.0 < self.px_per_mm < np.inf:
            raise ImageError(f"px_per_mm is {self.px_per_mm}; it must be a positive number.")

    @property
    def height(self) -> int:
        """Rows, px."""
        return int(self.ink.shape[0])

    @property
    def width(self) -> int:
        """Columns, px."""
        return int(self.ink.shape[1])

    @property
    def longer_side(self) -> int:
        """The longer side, px: one canvas unit."""
        return int(max(self.ink.shape))


def load_ink_image(path: Path, max_pixels: int = MAX_PIXELS) -> InkImage:
    """Reads a picture file and finds its ink.

    Args:
        path: a file in one of the formats of ``FORMATS``, of any pixel mode; the
            first frame counts.
        max_pixels: the largest picture to decode, pixels.

    Returns:
        The ink of the picture, upright as its EXIF orientation says.

    Raises:
        ImageError: if the file is missing, not a picture, cut short, too large,
            or bare of ink.
    """
    path = Path(path)
    if not path.exists():
        raise ImageError(f"There is no file {path}; check the name.")
    if path.is_dir():
        raise ImageError(f"{path} is a folder; name a picture file in it.")
    # Through an open file: given a name, Pillow maps an uncompressed TIFF into memory and reads
    # one that lies on its side with rows and columns exchanged.
    with (
        _clear_errors(path, max_pixels),
        path.open("rb") as file,
        Image.open(file, formats=FORMATS) as picture,
    ):
        width, height = picture.size
        if width < 1 or height < 1:
            raise ImageError(f"The picture {path} has no pixels ({width}x{height}).")
        if width * height > max_pixels:
            raise ImageError(_too_large(path, f"{width}x{height} pixels", max_pixels))
        px_per_mm = _px_per_mm(picture.info.get("dpi"))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        luminance, alpha = _luminance_and_alpha(upright)
    if not np.isfinite(luminance).all():
        raise ImageError(f"The picture {path} holds values that are not numbers; save it again as PNG.")
    found = ink_from_luminance(luminance, alpha)
    if found is None:
        raise ImageError(f"The picture {path} is blank: no ink stands out from the paper.")
    ink, polarity = found
    return InkImage(ink, px_per_mm, polarity)


def _too_large(path: Path, what: str, max_pixels: int) -> str:
    return (
        f"The picture {path} is too large: {what}, at most {max_pixels / 1e6:g} million are read; "
        "scale it down first."
    )


@contextmanager
def _clear_errors(path: Path, max_pixels: int) -> Iterator[None]:
    """Turns what a damaged or foreign file makes PIL raise into one clear ImageError."""
    try:
        with warnings.catch_warnings():
            # PIL warns of large pictures by its own limit; ours is checked above. Damaged
            # EXIF or TIFF tags are warned of too and do no harm here.
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as cause:
        raise ImageError(_too_large(path, "it would unpack into a huge one", max_pixels)) from cause
    except UnidentifiedImageError as cause:
        raise ImageError(
            f"{path} is not a picture that can be read; "
            "use PNG, JPEG, WebP, BMP, GIF or TIFF (turn an SVG or HEIC file into PNG first)."
        ) from cause
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error) as cause:
        if isinstance(cause, PermissionError):
            raise ImageError(f"No permission to read {path}.") from cause
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise ImageError(
            f"The picture {path} is damaged or cut short ({reason}); get the file again."
        ) from cause


def _px_per_mm(dpi: object) -> float | None:
    """The resolution in px per mm from PIL's (x, y) dots per inch, or None if it says nothing."""
    try:
        x, y = (float(value) for value in dpi)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not (_DPI_RANGE[0] <= x <= _DPI_RANGE[1] and abs(x - y) <= _SQUARE_TOLERANCE * x):
        return None
    if any(abs(x - screen) < _SCREEN_DPI_TOLERANCE for screen in _SCREEN_DPI):
        return None
    return (x + y) / 2 / _MM_PER_INCH


def _luminance_and_alpha(
    picture: Image.Image,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Luminance (H, W) float32 in [0, 1] and alpha or None, from a picture of any mode."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return _from_deep(np.asarray(picture), mode), None
    if picture.has_transparency_data:
        rgba: NDArray[np.float32] = np.asarray(picture.convert("RGBA"), dtype=np.float32) / np.float32(255)
        return _luma(rgba), rgba[..., 3]
    if mode in ("1", "L"):
        grey: NDArray[np.float32] = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
        return grey, None
    rgb: NDArray[np.float32] = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2]):
        return rgb[..., 0].copy(), None  # grey stays exact: the luma weights round
    return _luma(rgb), None


def _luma(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = rgb[..., :3] @ _LUMA
    return grey


def _from_deep(values: NDArray[np.generic], mode: str) -> NDArray[np.float32]:
    """Luminance from whole numbers of more than 8 bits, or from floats of an unstated range."""
    deep = values.astype(np.float64)
    if not np.isfinite(deep).all():
        return deep.astype(np.float32)
    low, high = float(deep.min()), float(deep.max())
    if mode.startswith("I;16"):
        return (deep / 65535.0).astype(np.float32)
    # Mode I and F state no range: take the smallest usual one that holds every value.
    for full in (1.0, 255.0, 65535.0):
        if low >= 0.0 and high <= full and not (full == 1.0 and mode == "I"):
            return (deep / full).astype(np.float32)
    return ((deep - low) / (high - low)).astype(np.float32)
