"""Every format and pixel mode comes out as the same ink, and every bad file as a clear error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strokebot.errors import ImageError
from strokebot.picture.image import InkImage, load_ink_image

SHAPE = (60, 90)


def clean_ink(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """An antialiased ring and a bar, one of them grey: (H, W) in [0, 1]."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width] + 0.5
    ring = np.clip(2.5 - np.abs(np.hypot(x - 0.3 * width, y - 0.5 * height) - 0.3 * height), 0, 1)
    bar = 0.6 * np.clip(3.0 - np.hypot(x - 0.75 * width, np.maximum(np.abs(y - height / 2) - 15, 0)), 0, 1)
    return np.maximum(ring, bar)


def as_l(ink: np.ndarray) -> Image.Image:
    return Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8))


def of_mode(mode: str, ink: np.ndarray) -> Image.Image:
    grey = as_l(ink)
    if mode == "I;16":
        return Image.fromarray(np.round(65535 * (1 - ink)).astype(np.uint16))
    if mode == "I":
        return Image.fromarray(np.round(65535 * (1 - ink)).astype(np.int32))
    if mode == "F":
        return Image.fromarray((1 - ink).astype(np.float32))
    if mode == "F-255":
        return Image.fromarray((255 * (1 - ink)).astype(np.float32))
    if mode == "LA":
        return Image.merge("LA", [grey, Image.new("L", grey.size, 255)])
    if mode == "P":
        return grey.quantize(128)
    if mode == "CMYK":
        return grey.convert("RGB").convert("CMYK")
    return grey.convert(mode)


# Tolerances per pixel: exact to a grey level, but for lossy formats and few colours.
CASES = [
    ("png", "L", 0.003), ("png", "RGB", 0.003), ("png", "RGBA", 0.003), ("png", "P", 0.03),
    ("png", "1", 1.0), ("png", "I;16", 1e-4), ("png", "LA", 0.003), ("tif", "I", 1e-4),
    ("jpg", "L", 0.06), ("jpg", "RGB", 0.06), ("jpg", "CMYK", 0.06),
    ("webp", "RGB", 0.06), ("webp", "RGBA", 0.06),
    ("bmp", "L", 0.003), ("bmp", "RGB", 0.003), ("bmp", "P", 0.03), ("bmp", "1", 1.0),
    ("gif", "L", 0.003), ("gif", "P", 0.03),
    ("tif", "L", 0.003), ("tif", "RGB", 0.003), ("tif", "CMYK", 0.003), ("tif", "F", 1e-5),
    ("tif", "F-255", 1e-5), ("tif", "I;16", 1e-4), ("tif", "1", 1.0), ("tif", "P", 0.03),
    ("ppm", "RGB", 0.003),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "mode", "tolerance"), CASES)
@pytest.mark.parametrize("light", [False, True])
def test_formats_and_modes(tmp_path: Path, suffix: str, mode: str, tolerance: float, light: bool) -> None:
    ink = clean_ink()
    drawn = of_mode(mode, 1 - ink if light else ink)
    path = tmp_path / f"picture.{suffix}"
    drawn.save(path, quality=92) if suffix in ("jpg", "webp") else drawn.save(path)
    image = load_ink_image(path)
    assert image.ink.shape == SHAPE
    assert image.ink.dtype == np.float32
    assert image.polarity == ("light-on-dark" if light else "dark-on-light")
    if mode == "1":  # dithered: the share of ink is what is kept
        assert abs(image.ink.mean() - ink.mean()) < 0.02
    else:
        assert np.abs(image.ink - ink).max() <= tolerance


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("shade", [0, 90, 255])
def test_one_colour_on_transparency_is_the_alpha(tmp_path: Path, suffix: str, shade: int) -> None:
    ink = clean_ink()
    alpha = Image.fromarray(np.round(255 * ink).astype(np.uint8))
    drawn = Image.merge("RGBA", [Image.new("L", alpha.size, shade)] * 3 + [alpha])
    path = tmp_path / f"clear.{suffix}"
    drawn.save(path, lossless=True) if suffix == "webp" else drawn.save(path)
    image = load_ink_image(path)
    assert image.polarity == "transparent"
    assert np.abs(image.ink - ink).max() <= 0.003


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    ink = clean_ink() >= 0.5
    drawn = Image.fromarray(ink.astype(np.uint8))
    drawn.putpalette([255, 255, 255, 255, 255, 255])  # white on transparent white
    for suffix in ("png", "gif"):
        path = tmp_path / f"clear.{suffix}"
        drawn.save(path, transparency=0)
        assert np.array_equal(load_ink_image(path).ink, ink.astype(np.float32))


def test_dark_and_light_on_transparency(tmp_path: Path) -> None:
    """A white body with dark lines keeps the lines; two light shades are light ink."""
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[10:40, 10:50] = 255
    shade = np.full(SHAPE, 255, np.uint8)
    shade[20:24, 10:50] = 10
    Image.merge("LA", [Image.fromarray(shade), Image.fromarray(alpha)]).save(tmp_path / "body.png")
    ink = load_ink_image(tmp_path / "body.png").ink
    assert ink[21, 30] > 0.9
    assert ink[30, 30] == 0
    shade[20:24, 10:50] = 180
    Image.merge("LA", [Image.fromarray(shade), Image.fromarray(alpha)]).save(tmp_path / "light.png")
    ink = load_ink_image(tmp_path / "light.png").ink
    assert ink[30, 30] == 1.0
    assert ink[21, 30] == pytest.approx(180 / 255, abs=0.01)


def test_cut_corners_are_not_ink(tmp_path: Path) -> None:
    ink = clean_ink()
    alpha = np.full(SHAPE, 255, np.uint8)
    alpha[:4, :4] = alpha[-4:, -4:] = 0
    Image.merge("LA", [as_l(ink), Image.fromarray(alpha)]).save(tmp_path / "corners.png")
    image = load_ink_image(tmp_path / "corners.png")
    assert np.abs(image.ink - ink).max() <= 0.003
    assert image.polarity == "dark-on-light"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = as_l(clean_ink())
    # What a camera stores, so that turning it as the tag says gives the upright picture.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    stored.save(path, exif=exif, quality=95) if suffix == "jpg" else stored.save(path, exif=exif)
    ink = load_ink_image(path).ink
    assert ink.shape == SHAPE
    assert np.abs(ink - clean_ink()).mean() < 0.01


@pytest.mark.parametrize(
    ("dpi", "px_per_mm"),
    [((300, 300), 300 / 25.4), ((600, 600), 600 / 25.4), ((72, 72), None), ((96, 96), None),
     ((1, 1), None), ((204, 0.9), None), (None, None)],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_resolution(
    tmp_path: Path, suffix: str, dpi: tuple[int, int] | None, px_per_mm: float | None
) -> None:
    path = tmp_path / f"scan.{suffix}"
    as_l(clean_ink()).save(path, **({"dpi": dpi} if dpi else {}))
    found = load_ink_image(path).px_per_mm
    assert found == (pytest.approx(px_per_mm, rel=1e-3) if px_per_mm else None)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize(
    ("dpi", "shape"), [((204, 98), (125, 90)), ((100, 150), (60, 135)), ((72, 144), SHAPE)]
)
def test_oblong_pixels_are_made_square(
    tmp_path: Path, suffix: str, dpi: tuple[int, int], shape: tuple[int, int]
) -> None:
    """A fax has more dots along x than along y; 72 dpi is what files say that know nothing."""
    path = tmp_path / f"fax.{suffix}"
    as_l(clean_ink()).save(path, dpi=dpi)
    image = load_ink_image(path)
    assert image.ink.shape == image.tone.shape == shape
    if shape != SHAPE:
        assert image.px_per_mm == pytest.approx(max(dpi) / 25.4, rel=1e-3)
        # The bar of ``clean_ink``, stretched: as many pixels of it a row, or a column, as before.
        assert abs(image.ink.mean() - clean_ink().mean()) < 0.01


def test_oblong_pixels_on_their_side(tmp_path: Path) -> None:
    """The density is that of the stored rows and columns; the orientation exchanges them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    as_l(clean_ink()).save(tmp_path / "fax.png", dpi=(204, 102), exif=exif)
    # Stored 60 high, 90 wide; square at 120 by 90; upright 90 high, 120 wide.
    assert load_ink_image(tmp_path / "fax.png").ink.shape == (90, 120)


@pytest.mark.parametrize("paper", [1.0, 0.85])
def test_tone_is_the_darkness_as_it_is(tmp_path: Path, paper: float) -> None:
    """Grey paper stays grey, whatever the ink; transparent paper is white."""
    grey = np.round(255 * paper * (1 - clean_ink())).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.abs(load_ink_image(tmp_path / "a.png").tone - (1 - grey / 255)).max() < 1e-6
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[10:40] = 255
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]).save(tmp_path / "b.png")
    assert np.abs(load_ink_image(tmp_path / "b.png").tone - alpha / 255 * (1 - grey / 255)).max() < 1e-6


def test_first_frame_counts(tmp_path: Path) -> None:
    frames = [as_l(clean_ink()), as_l(np.zeros(SHAPE))]
    for suffix in ("gif", "tif", "webp"):
        path = tmp_path / f"frames.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert np.abs(load_ink_image(path).ink - clean_ink()).mean() < 0.01


def test_a_digit_comes_through_unchanged(tmp_path: Path) -> None:
    """28x28 pixels, light on dark, greys at the edges: ink is value / 255."""
    digit = np.zeros((28, 28), np.uint8)
    digit[5:24, 13:15] = 254
    digit[5:24, 12] = 87
    digit[5, 9:12] = [30, 120, 253]
    Image.fromarray(digit).save(tmp_path / "digit.png")
    image = load_ink_image(tmp_path / "digit.png")
    assert image.polarity == "light-on-dark"
    assert np.allclose(image.ink, digit / 255, atol=1e-6)


def photographed(ink: np.ndarray, light: np.ndarray, seed: int = 0) -> np.ndarray:
    """Reflectance times light, with noise, as 8-bit grey."""
    noise = np.random.default_rng(seed).normal(0, 0.012, ink.shape)
    return np.round(255 * np.clip((1 - 0.8 * ink) * light + noise, 0, 1)).astype(np.uint8)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("kind", ["slope", "vignette", "shadow"])
@pytest.mark.parametrize("filled", [False, True])
def test_uneven_paper_is_flattened(tmp_path: Path, inverted: bool, kind: str, filled: bool) -> None:
    shape = (240, 360)
    ink = clean_ink(shape)
    ink[ink > 0] = np.where(ink[ink > 0] >= 0.5, 1.0, 0.0)
    if filled:
        ink[60:200, 210:330] = 1.0  # a large black area: 20 % of the picture
    y, x = np.mgrid[0:240, 0:360]
    light = {
        "slope": 0.4 + 0.5 * x / 360,
        "vignette": 0.95 - 0.4 * (((x - 180) / 250) ** 2 + ((y - 120) / 250) ** 2),
        "shadow": 0.75 + 0.2 / (1 + np.exp((x + y - 250) / 8)),
    }[kind]
    grey = photographed(ink, light)
    Image.fromarray(255 - grey if inverted else grey).save(tmp_path / "photo.jpg", quality=75)
    image = load_ink_image(tmp_path / "photo.jpg")
    assert image.polarity == ("light-on-dark" if inverted else "dark-on-light")
    assert _iou(image.ink, ink) > 0.95
    assert image.ink[ink == 0].mean() < 0.02


def test_pencil_is_stretched_to_full_ink(tmp_path: Path) -> None:
    ink = clean_ink()
    Image.fromarray(np.round(255 * (1 - 0.4 * ink)).astype(np.uint8)).save(tmp_path / "pencil.png")
    assert np.abs(load_ink_image(tmp_path / "pencil.png").ink - ink).max() < 0.02


def test_scan_keeps_the_greys_of_ink(tmp_path: Path) -> None:
    ink = clean_ink((240, 360))
    _, x = np.mgrid[0:240, 0:360]
    Image.fromarray(photographed(ink, 0.7 + 0.2 * x / 360)).save(tmp_path / "scan.png")
    found = load_ink_image(tmp_path / "scan.png").ink
    assert np.median(found[ink > 0.99]) == pytest.approx(1.0, abs=0.08)
    assert np.median(found[np.abs(ink - 0.6) < 0.01]) == pytest.approx(0.6, abs=0.08)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    turn=st.integers(0, 3),
    mirror=st.booleans(),
    width=st.integers(9, 70),
    height=st.integers(9, 70),
)
def test_flipping_and_turning_commute_with_loading(
    tmp_path_factory: pytest.TempPathFactory, seed: int, turn: int, mirror: bool, width: int, height: int
) -> None:
    """The ink of a turned, mirrored or inverted picture is the ink, turned and mirrored."""
    rng = np.random.default_rng(seed)
    grey = np.full((height, width), 255, np.uint8)
    for _ in range(4):
        y, x = rng.integers(2, height - 4), rng.integers(2, width - 4)
        grey[y : y + 3, x : x + int(rng.integers(1, 12))] = rng.integers(0, 160)
    grey[:, -2:] = 255
    folder = tmp_path_factory.mktemp("turn")
    Image.fromarray(grey).save(folder / "a.png")
    turned = np.rot90(grey[:, ::-1] if mirror else grey, turn)
    Image.fromarray(np.ascontiguousarray(255 - turned)).save(folder / "b.png")
    first, second = load_ink_image(folder / "a.png"), load_ink_image(folder / "b.png")
    expected = np.rot90(first.ink[:, ::-1] if mirror else first.ink, turn)
    assert (first.polarity, second.polarity) == ("dark-on-light", "light-on-dark")
    assert np.abs(expected - second.ink).max() < 1e-5
    assert np.array_equal(first.ink, load_ink_image(folder / "a.png").ink)


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 80), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("missing.png", lambda p: None, "no file"),
        ("folder.png", lambda p: p.mkdir(), "folder"),
        ("text.png", lambda p: p.write_text("hello\n"), "not a picture"),
        ("empty.png", lambda p: p.write_bytes(b""), "not a picture"),
        ("drawing.svg", lambda p: p.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "SVG"),
        ("page.eps", lambda p: p.write_text("%!PS-Adobe-3.0 EPSF-3.0\n"), "not a pic"),
        ("cut.png", _truncated, "damaged or cut short"),
        ("cut.jpg", _truncated, "damaged or cut short"),
        ("cut.tif", _truncated, "damaged or cut short"),
        ("cut.webp", _truncated, "picture"),
        ("white.png", lambda p: Image.new("L", (40, 40), 255).save(p), "blank"),
        ("black.png", lambda p: Image.new("RGB", (40, 40)).save(p), "blank"),
        ("clear.png", lambda p: Image.new("RGBA", (40, 40)).save(p), "blank"),
        ("nan.tif", lambda p: Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(p), "not numbers"),
        ("large.png", lambda p: Image.new("1", (1100, 1000)).save(p), "too large"),
        ("bomb.png", lambda p: Image.new("1", (30000, 30000)).save(p), "too large"),
    ],
)  # fmt: skip
def test_bad_files_say_what_to_do(tmp_path: Path, name: str, make: object, words: str) -> None:
    path = tmp_path / name
    make(path)  # type: ignore[operator]
    with pytest.raises(ImageError, match=words) as caught:
        load_ink_image(path, max_pixels=1_000_000)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_ink_image_checks_its_fields() -> None:
    assert InkImage(np.zeros((3, 5))).longer_side == 5
    for bad in (np.zeros((0, 4)), np.zeros(4), np.full((2, 2), 1.5), np.full((2, 2), np.nan)):
        with pytest.raises(ImageError):
            InkImage(bad)
    with pytest.raises(ImageError):
        InkImage(np.ones((2, 2)), px_per_mm=0.0)
    assert np.array_equal(InkImage(np.full((3, 5), 0.5)).tone, np.full((3, 5), 0.5))
    for tone in (np.zeros((5, 3)), np.full((2, 2), 1.5)):
        with pytest.raises(ImageError):
            InkImage(np.zeros((2, 2)), tone=tone)
    with pytest.raises(ValueError, match="read-only"):
        InkImage(np.zeros((3, 5))).ink[0, 0] = 1.0
