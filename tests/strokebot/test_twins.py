"""However a picture is stored, scanned or drawn, its twin gives the same ink and the same drawing."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from strokebot import raster
from strokebot.errors import ImageError
from strokebot.picture.image import InkImage, load_ink_image
from strokebot.tour import tour_gesture

SHAPE = (180, 260)
Make = Callable[[Image.Image, Path], Path]


@cache
def clean() -> Image.Image:
    """Lines of 3 to 6 px, straight, round and crossing, a dot and a filled square: black on white."""
    scale = 4
    picture = Image.new("L", (SHAPE[1] * scale, SHAPE[0] * scale), 255)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((80, 120, 400, 560), outline=0, width=20)
    draw.line((60, 640, 500, 80), fill=0, width=16)
    draw.line((480, 620, 620, 120, 760, 620, 900, 120), fill=0, width=12, joint="curve")
    draw.ellipse((900, 560, 940, 600), fill=0)
    draw.rectangle((940, 200, 1000, 260), fill=0)
    return picture.resize((SHAPE[1], SHAPE[0]), Image.Resampling.BOX)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a >= 0.5) & (b >= 0.5)).sum() / ((a >= 0.5) | (b >= 0.5)).sum())


def drawn(ink: InkImage) -> np.ndarray:
    gesture, side = tour_gesture(ink), ink.longer_side
    down = raster.segments_down(gesture.pen_down)
    return raster.draw_ink(
        gesture.positions * side, gesture.size * side, gesture.intensity, down, ink.ink.shape
    )


def saved(picture: Image.Image, folder: Path, suffix: str = "png", **options: object) -> Path:
    path = folder / f"twin.{suffix}"
    picture.save(path, **options)
    return path


def from_grey(grey: np.ndarray, folder: Path, suffix: str = "png", noise: float = 0.0) -> Path:
    grey = grey + np.random.default_rng(2).normal(0, noise, grey.shape)
    return saved(Image.fromarray(np.clip(np.round(255 * grey), 0, 255).astype(np.uint8)), folder, suffix)


def grey_of(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, dtype=np.float64) / 255


def rgba(picture: Image.Image, shade: int) -> Image.Image:
    return Image.merge("RGBA", [Image.new("L", picture.size, shade)] * 3 + [picture.point(lambda v: 255 - v)])


def turned(picture: Image.Image, folder: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture.transpose(Image.Transpose.ROTATE_90), folder, "jpg", exif=exif, quality=92)


def oblong(picture: Image.Image, folder: Path) -> Path:
    """Half as many rows as columns on the same length, as from a fax machine."""
    return saved(picture.resize((SHAPE[1], SHAPE[0] // 2), Image.Resampling.BOX), folder, dpi=(200, 100))


def shaded(picture: Image.Image, folder: Path) -> Path:
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    light = 0.9 - 0.4 * x / SHAPE[1] - 0.15 * (y / SHAPE[0]) ** 2
    return from_grey((0.15 + 0.85 * grey_of(picture)) * light, folder, "jpg", noise=0.01)


def two_greys(picture: Image.Image, folder: Path) -> Path:
    """Left half in black, right half in light grey."""
    share = np.where(np.arange(SHAPE[1]) < 118, 1.0, 0.35)
    return from_grey(1 - (1 - grey_of(picture)) * share, folder)


# Name, how the twin is made, least IoU of its ink and of its drawing with those of the clean picture.
TWINS: list[tuple[str, Make, float, float]] = [
    ("inverted", lambda p, d: from_grey(1 - grey_of(p), d), 0.999, 0.99),
    ("transparent black", lambda p, d: saved(rgba(p, 0), d), 0.999, 0.99),
    ("transparent white", lambda p, d: saved(rgba(p, 255), d), 0.999, 0.99),
    ("LA", lambda p, d: saved(rgba(p, 40).convert("LA"), d), 0.999, 0.99),
    ("opaque LA", lambda p, d: saved(p.convert("LA"), d), 0.999, 0.99),
    ("shaded scan", shaded, 0.95, 0.92),
    ("low contrast", lambda p, d: from_grey(0.6 + 0.1 * grey_of(p), d), 0.97, 0.97),
    ("light pencil", lambda p, d: from_grey(1 - 0.25 * (1 - grey_of(p)), d, noise=0.012), 0.95, 0.94),
    ("1 bit", lambda p, d: saved(p.point(lambda v: 255 if v > 127 else 0).convert("1"), d), 0.98, 0.95),
    ("palette", lambda p, d: saved(p.convert("RGB").quantize(16), d), 0.98, 0.97),
    ("16 bit", lambda p, d: saved(Image.fromarray((grey_of(p) * 65535).astype(np.uint16)), d), 0.999, 0.99),
    ("CMYK", lambda p, d: saved(p.convert("RGB").convert("CMYK"), d, "tif"), 0.999, 0.99),
    ("CMYK JPEG", lambda p, d: saved(p.convert("RGB").convert("CMYK"), d, "jpg", quality=90), 0.98, 0.95),
    ("turned by EXIF", turned, 0.98, 0.97),
    ("oblong pixels", oblong, 0.90, 0.88),
    ("JPEG of quality 40", lambda p, d: saved(p, d, "jpg", quality=40), 0.97, 0.95),
    ("two greys", two_greys, 0.95, 0.93),
]  # fmt: skip


@cache
def of_clean() -> tuple[np.ndarray, np.ndarray]:
    ink = InkImage((1 - grey_of(clean())).astype(np.float32))
    return ink.ink, drawn(ink)


@pytest.mark.parametrize(
    ("name", "make", "least_ink", "least_drawn"), TWINS, ids=[name for name, _, _, _ in TWINS]
)
def test_twins(tmp_path: Path, name: str, make: Make, least_ink: float, least_drawn: float) -> None:
    twin = load_ink_image(make(clean(), tmp_path))
    ink, drawing = of_clean()
    assert twin.ink.shape == ink.shape
    assert iou(twin.ink, ink) >= least_ink
    assert iou(drawn(twin), drawing) >= least_drawn


def test_a_light_drawing_with_a_few_black_dots_is_light_all_over(tmp_path: Path) -> None:
    """A page number or a speck of dust must not turn the pencil lines into faint ones."""
    grey = 1 - 0.4 * (1 - grey_of(clean()))
    grey[4:8, 4:8] = 0.0
    twin = load_ink_image(from_grey(grey, tmp_path))
    ink, _ = of_clean()
    assert np.median(twin.ink[ink > 0.95]) > 0.95


@pytest.mark.parametrize("darkness", [(1.0, 0.6, 0.25), (0.9, 0.45, 0.3), (0.5, 0.3, 0.15)])
def test_greys_keep_their_order_and_all_are_drawn(
    tmp_path: Path, darkness: tuple[float, float, float]
) -> None:
    grey = np.ones((120, 160))
    rows = (20, 60, 100)
    for row, dark in zip(rows, darkness, strict=True):
        grey[row : row + 5, 20:140] = 1 - dark
    ink = load_ink_image(from_grey(grey, tmp_path)).ink
    core = [float(ink[row + 2, 80]) for row in rows]
    assert core[0] > core[1] > core[2] >= 0.5
    assert core[0] > 0.89  # darker than that is left as the file has it
    result = drawn(InkImage(ink))
    for row in rows:
        assert (result[row + 1 : row + 4, 25:135] >= 0.5).mean() > 0.98
    assert iou(result, ink) > 0.9


def test_the_soft_edge_of_a_line_is_no_faint_line(tmp_path: Path) -> None:
    """A blurred black line stays as wide as it is at half ink."""
    x = np.arange(200)
    profile = 1 / (1 + np.exp((np.abs(x - 100) - 12) / 3.0))  # 24 px at half, edges 13 px from 10 % to 90 %
    ink = load_ink_image(from_grey(1 - np.tile(profile, (60, 1)), tmp_path)).ink
    assert (ink[30] >= 0.5).sum() == pytest.approx(24, abs=1)


def write(folder: Path, grey: np.ndarray) -> Path:
    return from_grey(grey, folder)


def test_a_dot_a_line_and_a_strip_are_drawn(tmp_path: Path) -> None:
    dot = np.ones((40, 40))
    dot[19:22, 19:22] = 0
    line = np.ones((40, 200))
    line[20:22, 20:180] = 0
    strip = np.ones((48, 1024))
    strip[20:25, 10:1000] = 0
    for grey in (dot, line, strip, strip.T):
        ink = load_ink_image(write(tmp_path, grey))
        assert iou(drawn(ink), 1 - grey) > 0.7


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_a_picture_of_one_shade_is_refused(tmp_path: Path, value: float) -> None:
    for shape in ((1, 1), (60, 80)):
        with pytest.raises(ImageError, match="blank"):
            load_ink_image(write(tmp_path, np.full(shape, value)))


def test_a_moving_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [clean(), clean().transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    path = saved(frames[0], tmp_path, "gif", save_all=True, append_images=frames[1:])
    assert iou(load_ink_image(path).ink, of_clean()[0]) > 0.99
