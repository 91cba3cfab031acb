"""Photographs are tone, drawings are lines, however they were stored or scanned."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter
from skimage import data

from strokebot.picture.image import InkImage, load_ink_image
from strokebot.tone import choose_style

EXAMPLES = Path(__file__).parents[3] / "examples"
Degrade = Callable[[Image.Image], Image.Image]


def style_of(picture: Image.Image, folder: Path) -> str:
    picture.save(folder / "picture.png")
    choice = choose_style(load_ink_image(folder / "picture.png"))
    assert 0.0 <= choice.tone_share <= 1.0
    assert choice.reason.endswith(".")
    assert "\n" not in choice.reason
    return choice.style


def jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("L")


def dithered(picture: Image.Image) -> Image.Image:
    return picture.convert("1").convert("L")


def ordered(picture: Image.Image) -> Image.Image:
    """Dithered by a 4 x 4 Bayer matrix."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 + 1 / 32
    grey = np.asarray(picture) / 255
    y, x = np.indices(grey.shape)
    return Image.fromarray(np.where(grey > bayer[y % 4, x % 4], 255, 0).astype(np.uint8))


def few_levels(picture: Image.Image) -> Image.Image:
    return picture.quantize(16).convert("L")


def same(picture: Image.Image) -> Image.Image:
    return picture


def noisy(grey: np.ndarray, sigma: float) -> Image.Image:
    grey = grey + np.random.default_rng(1).normal(0, sigma, grey.shape)
    return Image.fromarray(np.clip(np.round(255 * grey), 0, 255).astype(np.uint8))


def shaded(picture: Image.Image) -> Image.Image:
    """As scanned under light that falls off to the left."""
    grey = np.asarray(picture.convert("L")) / 255
    return noisy(grey * np.linspace(0.45, 0.95, grey.shape[1]), 0.012)


def pencil(picture: Image.Image) -> Image.Image:
    return noisy(1 - 0.25 * (1 - np.asarray(picture.convert("L")) / 255), 0.015)


def soft(picture: Image.Image) -> Image.Image:
    return picture.convert("L").filter(ImageFilter.GaussianBlur(1.5))


def photograph(name: str, side: int) -> Image.Image:
    if name == "landscape":  # sky, hills with texture, sun: nothing but arithmetic
        rng = np.random.default_rng(5)
        y, x = np.mgrid[0:side, 0 : side * 3 // 2] / side
        field = 0.9 - 0.5 * y + 0.3 * np.exp(-((x - 1.0) ** 2 + (y - 0.2) ** 2) / 0.01)
        hills = y > 0.6 + 0.1 * np.sin(5 * x)
        rough = gaussian_filter(rng.normal(0, 1, x.shape), 2)
        return noisy(np.where(hills, 0.35 + 0.4 * rough, field), 0.01)
    picture = Image.fromarray(getattr(data, name)()).convert("L")
    picture.thumbnail((side, side))
    return picture


@pytest.mark.parametrize("degrade", [same, jpeg, dithered, ordered, few_levels])
@pytest.mark.parametrize("side", [150, 400])
@pytest.mark.parametrize("name", ["camera", "coins", "astronaut", "coffee", "landscape"])
def test_photographs_are_tone(tmp_path: Path, name: str, side: int, degrade: Degrade) -> None:
    assert style_of(degrade(photograph(name, side)), tmp_path) == "tone"


def test_gradients_are_tone(tmp_path: Path) -> None:
    y, x = np.mgrid[0:200, 0:300]
    for grey in (x / 299, np.clip(1 - np.hypot(x - 150, y - 100) / 170, 0, 1)):
        assert style_of(Image.fromarray(np.round(255 * grey).astype(np.uint8)), tmp_path) == "tone"


@pytest.mark.parametrize("degrade", [same, jpeg, shaded, pencil, soft])
@pytest.mark.parametrize("name", ["digits.png", "drawing.png", "flourish.png", "hello.png", "scan.jpg"])
def test_drawings_are_lines(tmp_path: Path, name: str, degrade: Degrade) -> None:
    assert style_of(degrade(Image.open(EXAMPLES / name)), tmp_path) == "line"


@pytest.mark.parametrize("name", ["page", "text", "horse", "checkerboard"])
def test_writing_and_filled_shapes_are_lines(tmp_path: Path, name: str) -> None:
    grey = np.asarray(getattr(data, name)(), dtype=np.float64)
    assert style_of(Image.fromarray((grey / grey.max() * 255).astype(np.uint8)), tmp_path) == "line"


def cartoon(greys: tuple[int, int]) -> Image.Image:
    picture = Image.new("L", (1200, 900), 255)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((200, 100, 900, 800), fill=greys[0], outline=0, width=14)
    draw.rectangle((500, 300, 1100, 700), fill=greys[1], outline=0, width=14)
    return picture.resize((400, 300), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("degrade", [same, jpeg])
def test_a_cartoon_with_flat_greys_is_lines(tmp_path: Path, degrade: Degrade) -> None:
    """Its outlines carry it; the greys are fills."""
    picture = degrade(cartoon((180, 110)))
    assert style_of(picture, tmp_path) == "line"
    assert "flat fills" in choose_style(load_ink_image(tmp_path / "picture.png")).reason


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 3), (40, 1024)])
def test_small_and_narrow_pictures(shape: tuple[int, int]) -> None:
    for value in (0.0, 0.5, 1.0):
        assert choose_style(InkImage(np.full(shape, value))).style in ("line", "tone")


def test_large_pictures_are_looked_at_from_afar(tmp_path: Path) -> None:
    picture = Image.open(EXAMPLES / "drawing.png").convert("L")
    large = picture.resize((picture.width * 5, picture.height * 5), Image.Resampling.BICUBIC)
    assert style_of(large, tmp_path) == "line"
    camera = photograph("camera", 512).resize((2100, 2100), Image.Resampling.BICUBIC)
    assert style_of(camera, tmp_path) == "tone"
