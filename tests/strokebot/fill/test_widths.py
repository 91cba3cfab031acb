"""The lines of a picture decide its size; its areas do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from strokebot.fill.widths import MOSTLY_LINES, WORTH_A_PASS, has_areas, line_width_px

SHAPE = (160, 200)


def sheet(shape: tuple[int, int] = SHAPE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (4 * shape[1], 4 * shape[0]))
    return image, ImageDraw.Draw(image)


def ink_of(image: Image.Image) -> np.ndarray:
    size = (image.size[0] // 4, image.size[1] // 4)
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float32) / 255


def line(pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], width: float) -> None:
    pen.line([(4 * x, 4 * y) for x, y in points], fill=255, width=round(4 * width), joint="curve")


ZIGZAG = [(10, 20), (180, 30), (30, 80), (185, 130), (20, 145)]


@settings(max_examples=25)
@given(width=st.floats(2.0, 9.0))
def test_lines_have_their_width(width: float) -> None:
    image, pen = sheet()
    line(pen, ZIGZAG, width)
    found, share = line_width_px(ink_of(image))
    assert found == pytest.approx(width, abs=1.3)
    assert share > MOSTLY_LINES + 0.1


@settings(max_examples=15)
@given(width=st.floats(2.0, 5.0), radius=st.floats(16.0, 30.0))
def test_an_area_does_not_change_the_width_of_the_lines(width: float, radius: float) -> None:
    image, pen = sheet()
    line(pen, ZIGZAG, width)
    alone, _ = line_width_px(ink_of(image))
    pen.ellipse([4 * (100 - radius), 4 * (80 - radius), 4 * (100 + radius), 4 * (80 + radius)], fill=255)
    found, share = line_width_px(ink_of(image))
    assert found == pytest.approx(alone, abs=0.7)
    assert share < 1.0


@pytest.mark.parametrize("shape", ["disc", "square", "leaf", "star"])
def test_a_silhouette_has_no_lines(shape: str) -> None:
    image, pen = sheet()
    if shape == "disc":
        pen.ellipse([200, 100, 600, 500], fill=255)
    elif shape == "square":
        pen.rectangle([200, 100, 600, 500], fill=255)
    elif shape == "leaf":
        pen.polygon([(40, 320), (400, 200), (760, 320), (400, 440)], fill=255)
    else:
        angle = np.arange(12) * np.pi / 6
        far = np.where(np.arange(12) % 2, 130.0, 300.0)
        star = zip(400 + far * np.cos(angle), 320 + far * np.sin(angle), strict=True)
        pen.polygon(list(star), fill=255)
    _, share = line_width_px(ink_of(image))
    assert share < MOSTLY_LINES
    assert has_areas(ink_of(image), 6.0) > 0.9


def test_a_thick_digit_is_a_line() -> None:
    for points in ([(14, 4), (13, 24)], [(7, 7), (20, 6), (12, 13), (19, 18), (14, 24), (7, 22)]):
        image, pen = sheet((28, 28))
        line(pen, points, 3.6)
        found, share = line_width_px(ink_of(image))
        assert found == pytest.approx(3.6, abs=1.2)
        assert share >= MOSTLY_LINES


def test_bands_beside_hairlines_are_areas() -> None:
    image, pen = sheet()
    for y in (10, 20, 30):
        line(pen, [(5, y), (195, y)], 2.0)
    line(pen, [(5, 100), (195, 100)], 30.0)
    found, _ = line_width_px(ink_of(image))
    assert found == pytest.approx(2.0, abs=1.0)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), widest=st.floats(3.0, 12.0))
def test_areas_are_an_opening(seed: int, widest: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(60, 70)), 5.0)
    ink = (noise > 0.0).astype(np.float32)
    radius = WORTH_A_PASS * widest / 2
    y, x = np.mgrid[-9:10, -9:10]
    inner = np.pad(ink > 0.5, 10)
    smaller = ndimage.binary_erosion(inner, np.hypot(x, y) <= radius + 0.5)
    opened = ndimage.binary_dilation(smaller, np.hypot(x, y) < radius + 0.5) & inner
    assert has_areas(ink, widest) == pytest.approx(opened.sum() / ink.sum(), abs=0.02)


def test_all_ink_a_pixel_and_nothing() -> None:
    nothing = np.zeros((20, 30), dtype=np.float32)
    assert line_width_px(nothing) == (0.0, 0.0)
    assert has_areas(nothing, 5.0) == 0.0
    assert has_areas(nothing + 1, 5.0) > 0.95
    assert line_width_px(nothing + 1)[1] < MOSTLY_LINES
    nothing[4, 7] = 1.0
    assert line_width_px(nothing) == (0.0, 0.0)
    assert has_areas(nothing, 5.0) == 0.0


@pytest.mark.slow
def test_a_large_picture_is_reduced_first() -> None:
    image, pen = sheet()
    line(pen, ZIGZAG, 4.0)
    small = ink_of(image)
    large = np.kron(small, np.ones((15, 15), dtype=np.float32))
    assert line_width_px(large)[0] / 15 == pytest.approx(line_width_px(small)[0], rel=0.3)


@pytest.mark.parametrize(("teeth", "tall", "hole"), [(12, 25, 60), (20, 12, 60), (16, 15, 50)])
def test_the_thick_rim_of_a_gear_is_an_area_and_a_plain_ring_a_line(
    teeth: int, tall: float, hole: float
) -> None:
    """As a line a few widths long the gear would be drawn so small that its teeth are lost."""
    image, pen = sheet((300, 300))
    angle = 2 * np.pi * (np.arange(teeth)[:, None] + [-0.25, -0.2, 0.2, 0.25]) / teeth
    radius = np.broadcast_to([90, 90 + tall, 90 + tall, 90], angle.shape)
    outline = 4 * (150 + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1))
    pen.polygon([(float(x), float(y)) for x, y in outline.reshape(-1, 2)], fill=255)
    low, high = 4 * (150 - hole), 4 * (150 + hole)
    pen.ellipse([low, low, high, high], fill=0)
    _, share = line_width_px(ink_of(image))
    assert share < MOSTLY_LINES
    image, pen = sheet((300, 300))
    pen.ellipse([4 * 60, 4 * 60, 4 * 240, 4 * 240], fill=255)
    pen.ellipse([low, low, high, high], fill=0)
    found, share = line_width_px(ink_of(image))
    assert share > MOSTLY_LINES
    assert found == pytest.approx(90 - hole, rel=0.25)
