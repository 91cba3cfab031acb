"""Pictures that people really feed a plotter, each with what is right about it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from strokebot.errors import ImageError
from strokebot.picture.image import InkImage, load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.picture.see import SeeOptions
from strokebot.tone import choose_style

PAPER = (246, 245, 240)
Paint = Callable[[ImageDraw.ImageDraw], None]


def canvas(size: tuple[int, int], colour: tuple[int, int, int], paint: Paint) -> np.ndarray:
    """A picture (H, W, 3) as floats, drawn four times finer and averaged."""
    large = Image.new("RGB", (4 * size[0], 4 * size[1]), colour)
    paint(ImageDraw.Draw(large))
    return np.asarray(large.resize(size, Image.Resampling.BOX), dtype=np.float64)


def ring_and_bar(colour: tuple[int, int, int] = (25, 25, 30), width: int = 4) -> Paint:
    """A ring of radius 40 about (100, 90) and a bar through it."""

    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((240, 200, 560, 520), outline=colour, width=4 * width)
        pen.rectangle((300, 352, 500, 368), fill=colour)

    return paint


def truth() -> np.ndarray:
    return canvas((200, 180), (255, 255, 255), ring_and_bar((0, 0, 0)))[..., 0] < 128


def photographed(picture: np.ndarray, seed: int = 1, noise: float = 2.5) -> Image.Image:
    seen = ndimage.gaussian_filter(picture, (0.7, 0.7, 0))
    seen = seen + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return Image.fromarray(np.clip(np.round(seen), 0, 255).astype(np.uint8))


def seen(picture: Image.Image | np.ndarray, folder: Path, **options: object) -> InkImage:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(np.clip(np.round(picture), 0, 255).astype(np.uint8))
    picture.save(folder / "picture.png")
    return load_ink_image(folder / "picture.png", options=SeeOptions(**options))  # type: ignore[arg-type]


def is_the_drawing(image: InkImage, wanted: np.ndarray, px: float = 1.5) -> bool:
    """Whether all wanted ink is seen and nothing beside it."""
    have = find_parts(image.ink).labels > 0
    far = ndimage.distance_transform_edt(~wanted)[have] if have.any() else np.array([np.inf])
    missed = ndimage.distance_transform_edt(~have)[wanted]
    return bool((far <= px).mean() > 0.995 and (missed <= px).mean() > 0.995)


@pytest.mark.parametrize("table", [40, 110, 165])
def test_a_sheet_on_a_table_and_not_the_table(tmp_path: Path, table: int) -> None:
    picture = canvas((200, 180), PAPER, ring_and_bar())
    whole = np.full((260, 300, 3), float(table)) + np.random.default_rng(0).normal(0, 6, (260, 300, 1))
    whole[40:220, 50:250] = picture
    wanted = np.zeros((260, 300), bool)
    wanted[40:220, 50:250] = truth()
    image = seen(photographed(whole), tmp_path)
    assert image.polarity == "dark-on-light"
    assert image.sight is not None
    assert image.sight.sheet is not None
    corners = np.array([[50, 40], [250, 40], [250, 220], [50, 220]])
    assert np.abs(image.sight.sheet.corners_px - corners).max() < 2.5
    assert is_the_drawing(image, wanted)
    assert choose_style(image).style == "line"
    turned = image.turned(90)
    assert turned.sight is not None
    assert turned.sight.sheet is not None
    # The upper left corner of the turned sheet was the lower left one.
    assert np.allclose(turned.sight.sheet.corners_px[0], (260 - corners[3, 1], corners[3, 0]), atol=2.5)


def test_uneven_light_on_grainy_paper_is_no_photograph(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    picture = canvas((200, 180), PAPER, ring_and_bar())
    picture = picture * (1 + 0.05 * ndimage.gaussian_filter(rng.normal(0, 3, (180, 200)), 1.2)[..., None])
    picture = picture * np.linspace(0.5, 1.0, 200)[None, :, None]
    image = seen(photographed(picture, noise=4.0), tmp_path)
    assert choose_style(image).style == "line"
    assert is_the_drawing(image, truth())


@pytest.mark.parametrize("soft", [0.5, 3.0, 20.0])
def test_a_cast_shadow_leaves_nothing(tmp_path: Path, soft: float) -> None:
    y, x = np.mgrid[0:180, 0:200]
    shade = 1 - 0.45 / (1 + np.exp(-np.clip((0.5 * x + 0.9 * y - 140) / soft, -50, 50)))
    image = seen(photographed(canvas((200, 180), PAPER, ring_and_bar()) * shade[..., None]), tmp_path)
    assert is_the_drawing(image, truth())
    assert choose_style(image).style == "line"


def printed(squared: bool) -> np.ndarray:
    """Rules every 14 px, with a margin line where they are not squares, under the drawing."""

    def rules(pen: ImageDraw.ImageDraw) -> None:
        for at in range(20, 800, 56):
            pen.rectangle((0, at, 800, at + 3), fill=(165, 190, 230))
            if squared:
                pen.rectangle((at, 0, at + 3, 720), fill=(165, 190, 230))
        if not squared:
            pen.rectangle((70, 0, 75, 720), fill=(235, 140, 150))
        ring_and_bar((30, 35, 95))(pen)

    return canvas((200, 180), PAPER, rules)


@pytest.mark.parametrize("photo", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_ruled_and_squared_paper_is_left_out_unless_kept(tmp_path: Path, squared: bool, photo: bool) -> None:
    picture = printed(squared)
    if photo:
        picture = np.asarray(photographed(picture * np.linspace(0.7, 1.0, 200)[None, :, None]), np.float64)
    image = seen(picture, tmp_path)
    assert is_the_drawing(image, truth())
    assert image.sight is not None
    assert image.sight.rules is not None
    assert image.sight.rules.rows == 13
    assert image.sight.rules.columns == (14 if squared else 1)
    assert image.sight.rules.gap_px == pytest.approx(14, abs=0.3)
    assert image.sight.rules.name == ("squared paper" if squared else "ruled paper")
    assert choose_style(image).style == "line"
    kept = seen(picture, tmp_path, keep_rules=True)
    assert kept.sight is not None
    assert kept.sight.rules is None
    assert (kept.ink >= 0.2).sum() > 1.2 * (image.ink >= 0.2).sum()


def test_ink_is_whole_where_it_crosses_a_rule(tmp_path: Path) -> None:
    image = seen(printed(True), tmp_path)
    assert len(find_parts(image.ink)) == 2


@pytest.mark.parametrize("ink", [(250, 220, 40), (242, 140, 40), (90, 200, 230), (238, 130, 190)])
def test_light_ink_among_black_is_whole(tmp_path: Path, ink: tuple[int, int, int]) -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        ring_and_bar((0, 0, 0))(pen)
        pen.ellipse((400, 200, 720, 520), outline=ink, width=16)

    both = truth() | (
        canvas(
            (200, 180), (255, 255, 255), lambda pen: pen.ellipse((400, 200, 720, 520), outline=0, width=16)
        )[..., 0]
        < 128
    )
    image = seen(canvas((200, 180), (255, 255, 255), paint), tmp_path)
    assert is_the_drawing(image, both)
    assert image.sight is not None
    assert image.sight.inks == 2


def test_red_on_green_of_the_same_luminance(tmp_path: Path) -> None:
    image = seen(canvas((200, 180), (60, 150, 60), ring_and_bar((230, 60, 40))), tmp_path)
    assert is_the_drawing(image, truth())


@pytest.mark.parametrize("fill", [(200,) * 3, (140,) * 3, (240, 160, 60), (170, 200, 240)])
def test_flat_areas_are_told_from_lines(tmp_path: Path, fill: tuple[int, int, int]) -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((240, 200, 560, 520), fill=fill)
        ring_and_bar((0, 0, 0))(pen)

    image = seen(canvas((200, 180), (255, 255, 255), paint), tmp_path)
    assert is_the_drawing(image, truth())
    assert image.sight is not None
    areas = image.sight.areas
    assert areas[110, 100] == pytest.approx(1 - np.mean(fill) / 255, abs=0.01)
    assert areas[10, 10] == 0
    assert (areas > 0).sum() == pytest.approx(np.pi * 40**2, rel=0.1)


def test_an_area_without_an_outline_leaves_no_line(tmp_path: Path) -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.polygon(((240, 200), (700, 300), (300, 640)), fill=(170, 170, 170))
        pen.rectangle((300, 352, 500, 368), fill=(0, 0, 0))

    image = seen(canvas((200, 180), (255, 255, 255), paint), tmp_path)
    assert len(find_parts(image.ink)) == 1


def test_a_shape_of_one_grey_is_the_drawing_itself(tmp_path: Path) -> None:
    image = seen(
        canvas((200, 180), (255, 255, 255), lambda pen: pen.ellipse((240, 200, 560, 520), fill=(120,) * 3)),
        tmp_path,
    )
    assert image.ink[90, 100] > 0.9
    assert image.sight is not None
    assert image.sight.area_share == 0


def test_soft_pencil_on_rough_paper_is_two_strokes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    soft = ndimage.gaussian_filter(truth().astype(float), 1.2)
    tooth = ndimage.gaussian_filter(rng.random((180, 200)), 0.8)
    held = 1 - 0.75 * (tooth < np.median(tooth))
    grey = 238 - 150 * soft * held - 6 * rng.random((180, 200))
    image = seen(np.repeat(grey[..., None], 3, axis=2), tmp_path)
    assert len(find_parts(image.ink)) <= 3
    assert is_the_drawing(image, truth(), 2.0)


def test_dark_ink_on_the_border_is_ink_and_can_be_overruled(tmp_path: Path) -> None:
    cells = np.ones((13, 13))
    cells[1:-1:2, 1:-1] = 0
    cells[2:-1:4, 11] = cells[4:-1:4, 1] = 0
    walls = np.kron(cells, np.ones((12, 12)))
    picture = np.repeat(255 * (1 - walls)[..., None], 3, axis=2)
    image = seen(picture, tmp_path)
    assert image.polarity == "dark-on-light"
    assert np.array_equal(image.ink >= 0.5, walls > 0)
    light = seen(picture, tmp_path, ink_side="light")
    assert light.polarity == "light-on-dark" or (light.ink >= 0.5).sum() < walls.size


def test_a_decimal_point_beside_thick_walls_is_a_mark(tmp_path: Path) -> None:
    def paint(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((40, 40, 760, 680), outline=(0, 0, 0), width=56)
        pen.text((200, 240), "24.5", fill=(0, 0, 0), font=ImageFont.load_default(80))

    image = seen(canvas((200, 180), (255, 255, 255), paint), tmp_path)
    assert len(find_parts(image.ink)) == 5


def test_the_dust_of_a_scan_is_no_ink(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    picture = np.where(truth(), 0, 255).astype(np.uint8)
    picture[rng.integers(0, 180, 60), rng.integers(0, 200, 60)] = 0
    image = seen(Image.fromarray(picture), tmp_path)
    assert is_the_drawing(image, truth())
    assert image.sight is not None
    assert image.sight.speck_count > 30


def test_the_first_frame_with_ink_is_drawn_and_told(tmp_path: Path) -> None:
    frames = [Image.new("L", (60, 60), 255) for _ in range(3)]
    ImageDraw.Draw(frames[2]).line((10, 30, 50, 30), fill=0, width=4)
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=[frames[2], frames[1]])
    image = load_ink_image(tmp_path / "moving.gif")
    assert image.sight is not None
    assert "frame 2 of" in image.sight.notes[0]
    frames[0].save(tmp_path / "blank.gif", save_all=True, append_images=[frames[1]])
    with pytest.raises(ImageError, match="blank"):
        load_ink_image(tmp_path / "blank.gif")


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
def test_some_bits_of_sixteen_are_the_whole_range(tmp_path: Path, bits: int) -> None:
    levels = np.where(truth(), 0.1, 0.98) * (2**bits - 1)
    Image.fromarray(levels.astype(np.uint16)).save(tmp_path / "deep.png")
    image = load_ink_image(tmp_path / "deep.png")
    assert is_the_drawing(image, truth())
    assert image.polarity == "dark-on-light"


def test_a_crop_is_a_part_and_says_where_it_ends(tmp_path: Path) -> None:
    Image.fromarray(np.where(truth(), 0, 255).astype(np.uint8)).save(tmp_path / "whole.png")
    part = load_ink_image(tmp_path / "whole.png", crop_px=(50, 40, 100, 100))
    assert part.ink.shape == (100, 100)
    assert np.array_equal(part.ink >= 0.5, truth()[40:140, 50:150])
    with pytest.raises(ImageError, match="200x180"):
        load_ink_image(tmp_path / "whole.png", crop_px=(150, 40, 100, 100))


def test_the_threshold_is_half_ink(tmp_path: Path) -> None:
    picture = canvas((200, 180), (255, 255, 255), ring_and_bar((150, 150, 150)))
    assert (seen(picture, tmp_path, threshold=0.3).ink >= 0.5).sum() > 0.9 * truth().sum()
    faint = seen(picture, tmp_path, threshold=0.9)
    assert faint.ink[92, 100] < 0.5 or faint.ink.max() <= 0.6


def test_a_blurred_bold_marker_is_filled_ink(tmp_path: Path) -> None:
    picture = canvas((200, 180), PAPER, ring_and_bar(width=16))
    image = seen(photographed(picture * np.linspace(0.75, 1, 200)[None, :, None]), tmp_path)
    assert is_the_drawing(image, picture[..., 0] < 128)


def test_soft_focus_keeps_its_lines(tmp_path: Path) -> None:
    sharp = canvas((200, 180), PAPER, ring_and_bar())
    soft = Image.fromarray(sharp.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5))
    assert is_the_drawing(seen(soft, tmp_path), truth())
