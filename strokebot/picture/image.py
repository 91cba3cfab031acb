"""Any picture file becomes an ``InkImage``: how much ink lies on each pixel.

Nouns:
    picture     a file of pixels, in one of the formats of ``FORMATS``
    luminance   (H, W) brightness in [0, 1], 0 = black
    alpha       (H, W) opacity in [0, 1], where the picture has transparency
    ink         (H, W) in [0, 1], 0 = bare paper, 1 = full ink
    tone        (H, W) in [0, 1], darkness of the picture as it is: no paper is taken away,
                nothing is stretched; where the picture is transparent it is 0

This file opens and decodes; ``strokebot.picture.see`` finds paper and ink. Sizes are checked
before a pixel is decoded, so that a small file that unpacks into a huge picture is refused.
"""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from strokebot.arrays import frozen_array
from strokebot.errors import ImageError
from strokebot.modes import Turn
from strokebot.picture.channels import Channels, MadeChannels, luminance_of
from strokebot.picture.ink import Polarity
from strokebot.picture.resize import BICUBIC, BOX, resized
from strokebot.picture.see import SeeOptions, Sight, see, see_transparent

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
# Fax machines scan with up to 2.1 times (204 x 98 dpi) the lines of one axis; more is a damaged tag.
_MOST_OBLONG = 2.2
_MM_PER_INCH = 25.4
# Frames of a moving picture that are looked at for ink.
_MOST_FRAMES = 200
# The EXIF tag of the orientation, and its values under which x and y are exchanged.
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, eq=False)
class InkImage:
    """How much ink lies on each pixel of a picture.

    Attributes:
        ink: (H, W) float32 in [0, 1], 1 = full ink, y down.
        px_per_mm: resolution that the file states, or None.
        polarity: how the ink was told from the paper.
        tone: (H, W) float32 in [0, 1], darkness of the picture as it is, which a photograph
            is drawn from; the ink itself where none is given.
        sight: what was seen in the file; None for ink that comes from no file.
        reduced: by how much the file's picture was reduced before it was seen.

    Raises:
        ImageError: for an empty array, a value that is not finite or out of range.
    """

    ink: NDArray[np.float32]
    px_per_mm: float | None = None
    polarity: Polarity = "dark-on-light"
    tone: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    sight: Sight | None = None
    reduced: int = 1

    def __post_init__(self) -> None:
        ink = frozen_array("ink", self.ink, (None, None), ImageError, dtype=np.float32, low=0.0, high=1.0)
        if ink.size == 0:
            raise ImageError("The picture has no pixels.")
        object.__setattr__(self, "ink", ink)
        if self.tone.size == 0:
            tone = ink
        else:
            tone = frozen_array("tone", self.tone, ink.shape, ImageError, dtype=np.float32, low=0.0, high=1.0)
        object.__setattr__(self, "tone", tone)
        if self.px_per_mm is not None and not 0.0 < self.px_per_mm < np.inf:
            raise ImageError(f"px_per_mm is {self.px_per_mm}; it must be a positive number.")

    def turned(self, degrees: Turn) -> InkImage:
        """The picture after quarter turns clockwise."""
        if degrees == 0:
            return self
        quarters = -degrees // 90
        sight = None if self.sight is None else self.sight.turned(quarters)
        return replace(
            self, ink=np.rot90(self.ink, quarters), tone=np.rot90(self.tone, quarters), sight=sight
        )

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


def load_upright(path: Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The first frame of a picture file as it is, upright, for a screen.

    Raises:
        ImageError: as ``load_ink_image``, but for a blank picture.
    """
    with (
        _clear_errors(path, max_pixels),
        path.open("rb") as file,
        Image.open(file, formats=FORMATS) as picture,
    ):
        if picture.size[0] * picture.size[1] > max_pixels:
            raise ImageError(_too_large(path, "{}x{} pixels".format(*picture.size), max_pixels))
        picture.load()
        return ImageOps.exif_transpose(picture).copy()


def load_ink_image(
    path: Path,
    max_pixels: int = MAX_PIXELS,
    options: SeeOptions | None = None,
    crop_px: tuple[int, int, int, int] | None = None,
    reduce_to: int | None = None,
) -> InkImage:
    """Reads a picture file and finds its ink.

    Args:
        path: a file in one of the formats of ``FORMATS``, of any pixel mode; the
            first frame with ink counts.
        max_pixels: the largest picture to decode, pixels.
        options: what the user says about what is ink; None to find it all.
        crop_px: left, top, width and height of the part that counts, px of the upright picture.
        reduce_to: pictures of more pixels are reduced by a whole factor before they are seen; None never to.

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
        density = _density(picture)
        lies_on_its_side = picture.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
        if lies_on_its_side and density is not None:
            density = (density[1], density[0])
        frames = min(getattr(picture, "n_frames", 1), _MOST_FRAMES)
        for frame in range(frames):
            if frame:
                picture.seek(frame)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            if upright.size[0] * upright.size[1] > max_pixels:
                raise ImageError(_too_large(path, "one of its frames", max_pixels))
            factor = 1
            if reduce_to is not None and crop_px is None:
                upright, factor = _fewer_bytes(upright, reduce_to)
            channels, alpha = _channels_and_alpha(upright)
            del upright  # its bytes are in the channels now
            coarse = None if density is None else (density[0] / factor, density[1] / factor)
            found = _ink_image(
                path, channels, alpha, coarse, max_pixels, options or SeeOptions(), crop_px, reduce_to
            )
            if found is not None:
                if factor > 1:
                    found = replace(found, reduced=factor * found.reduced)
                return found if frame == 0 else _of_frame(found, frame, frames)
    raise ImageError(f"The picture {path} is blank: no ink stands out from the paper.")


def _fewer_bytes(picture: Image.Image, most: int) -> tuple[Image.Image, int]:
    """A large picture of 8 bits reduced by a whole factor to at most so many pixels, and the factor.

    That is quicker than to reduce the fields that are made of its bytes.
    """
    width, height = picture.size
    factor = math.ceil(math.sqrt(width * height / most))
    if factor <= 1 or min(width, height) < factor or picture.mode not in ("L", "RGB"):
        return picture, 1
    return picture.reduce(factor, (0, 0, width // factor * factor, height // factor * factor)), factor


def _of_frame(image: InkImage, frame: int, frames: int) -> InkImage:
    """The image with a word about the frame that it was taken from."""
    sight = image.sight
    assert sight is not None
    note = f"frame {frame + 1} of {frames}, the first with ink"
    return replace(image, sight=replace(sight, notes=(note, *sight.notes)))


def _ink_image(
    path: Path,
    channels: Channels,
    alpha: NDArray[np.float32] | None,
    density: tuple[float, float] | None,
    max_pixels: int,
    options: SeeOptions,
    crop_px: tuple[int, int, int, int] | None,
    reduce_to: int | None,
) -> InkImage | None:
    """The ink of a decoded picture, or None if nothing stands out."""
    if crop_px is not None:
        window = _window(path, channels[0].shape, crop_px)
        channels = _each(channels, lambda channel: np.ascontiguousarray(channel[window]))
        alpha = None if alpha is None else np.ascontiguousarray(alpha[window])
    shape = channels[0].shape
    size = _square_size(shape, density)
    if size[0] * size[1] > max_pixels:
        raise ImageError(_too_large(path, f"{size[0]}x{size[1]} square pixels", max_pixels))
    reduced = 1 if reduce_to is None else math.ceil(math.sqrt(size[0] * size[1] / reduce_to))
    size = (max(1, size[0] // reduced), max(1, size[1] // reduced))
    if shape != (size[1], size[0]):
        channels = tuple(_resized(channel, size) for channel in channels)
    alpha = None if alpha is None else _resized(alpha, size)
    # Only files of more than 8 bits can hold such, and they have one channel.
    if len(channels) == 1 and not np.isfinite(channels[0]).all():
        raise ImageError(f"The picture {path} holds values that are not numbers; save it again as PNG.")
    tone = np.float32(1.0) - luminance_of(channels)
    np.clip(tone, 0.0, 1.0, out=tone)
    if alpha is not None:
        tone *= alpha
    sight = see(channels, options) if alpha is None else see_transparent(channels, alpha, options)
    if sight is None:
        return None
    px_per_mm = _px_per_mm(density)
    px_per_mm = None if px_per_mm is None else px_per_mm / reduced
    view = None if sight.sheet is None else sight.sheet.perspective
    if view is not None:  # the picture is the straight sheet now, in pixels of its own
        tone, px_per_mm = view.straightened(tone), None
    return InkImage(sight.ink, px_per_mm, sight.polarity, tone, sight, reduced)


def _window(path: Path, shape: tuple[int, ...], crop_px: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """The rows and columns of a crop.

    Raises:
        ImageError: if it lies outside the picture.
    """
    left, top, width, height = crop_px
    if left + width > shape[1] or top + height > shape[0]:
        raise ImageError(
            f"The part {left},{top},{width},{height} does not lie within {path}, which has "
            f"{shape[1]}x{shape[0]} pixels."
        )
    return slice(top, top + height), slice(left, left + width)


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


def _density(picture: Image.Image) -> tuple[float, float] | None:
    """Dots per inch along x and y as the file states them, or None if it says nothing of use."""
    try:
        x, y = (float(value) for value in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(_DPI_RANGE[0] <= value <= _DPI_RANGE[1] for value in (x, y)):
        return None
    if any(abs(value - screen) < _SCREEN_DPI_TOLERANCE for screen in _SCREEN_DPI for value in (x, y)):
        return None
    return x, y


def _square_size(shape: tuple[int, int], density: tuple[float, float] | None) -> tuple[int, int]:
    """Width and height at which the pixels of a picture (H, W) are square: the coarser axis grows."""
    height, width = shape
    if density is None:
        return width, height
    x, y = density
    if abs(x - y) <= _SQUARE_TOLERANCE * x or max(x, y) > _MOST_OBLONG * min(x, y):
        return width, height
    return (width, round(height * x / y)) if x > y else (round(width * y / x), height)


def _resized(field: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The field (H, W) at size = (width, height), values kept within their range."""
    if field.shape == (size[1], size[0]):
        return field
    smaller = field.shape[0] > size[1] and field.shape[1] > size[0]
    found = resized(field, size, BOX if smaller else BICUBIC)
    return np.clip(found, field.min(), field.max(), out=found)


def _px_per_mm(density: tuple[float, float] | None) -> float | None:
    """Resolution in px per mm once the pixels are square, or None if it is unknown."""
    if density is None or max(density) > _MOST_OBLONG * min(density):
        return None
    x, y = density
    return ((x + y) / 2 if abs(x - y) <= _SQUARE_TOLERANCE * x else max(x, y)) / _MM_PER_INCH


def _channels_and_alpha(picture: Image.Image) -> tuple[Channels, NDArray[np.float32] | None]:
    """One or three channels (H, W) float32 in [0, 1], and alpha or None, from a picture of any mode."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return (_from_deep(np.asarray(picture), mode),), None
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"))
        return _split(rgba), _scaled(rgba[..., 3])
    if mode in ("1", "L"):
        grey = np.asarray(picture.convert("L"))
        return MadeChannels(1, lambda _: _scaled(grey)), None
    return _split(np.asarray(picture.convert("RGB"))), None


def _scaled(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.divide(values, np.float32(255), dtype=np.float32)


def _split(rgb: NDArray[np.uint8]) -> Channels:
    """The first three channels (H, W); one where they are the same."""
    planes = [np.ascontiguousarray(rgb[..., k]) for k in range(3)]
    count = 1 if np.array_equal(planes[0], planes[1]) and np.array_equal(planes[0], planes[2]) else 3
    return MadeChannels(count, lambda k: _scaled(planes[k]))


def _each(channels: Channels, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Channels:
    """The channels after a change of each."""
    return MadeChannels(len(channels), lambda k: change(channels[k]))


def _from_deep(values: NDArray[np.generic], mode: str) -> NDArray[np.float32]:
    """Luminance from whole numbers of more than 8 bits, or from floats of an unstated range."""
    deep = values.astype(np.float64)
    if not np.isfinite(deep).all():
        return deep.astype(np.float32)
    low, high = float(deep.min()), float(deep.max())
    if mode.startswith("I;16"):
        return (deep / _full_of(high)).astype(np.float32)
    # Mode I and F state no range: take the smallest usual one that holds every value.
    for full in (1.0, 255.0, 65535.0):
        if low >= 0.0 and high <= full and not (full == 1.0 and mode == "I"):
            return (deep / full).astype(np.float32)
    return ((deep - low) / (high - low)).astype(np.float32)


def _full_of(high: float) -> float:
    """The white of 16-bit data: many cameras and scanners use 10 to 14 of the bits."""
    bits = next(bits for bits in (8, 10, 12, 14, 16) if high < 2**bits)
    return float(2**bits - 1)
