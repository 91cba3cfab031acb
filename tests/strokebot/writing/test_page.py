"""Characters are found in reading order, become fields as MNIST's, and go back to their places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import GestureError, ImageError
from strokebot.gesture import Gesture, chain
from strokebot.picture.image import InkImage
from strokebot.picture.parts import find_parts, ink_mask
from strokebot.writing.method import choose_method
from strokebot.writing.page import FIELD, INK_SIDE, Glyphs, find_glyphs, on_page


def stroke(shape: tuple[int, int], points: list[tuple[float, float]], width: float) -> np.ndarray:
    """Ink (H, W) of a polyline of (x, y) px, antialiased: distance to the nearest segment."""
    ink = np.zeros(shape)
    reach = width / 2 + 1
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        top, left = max(0, int(min(ay, by) - reach)), max(0, int(min(ax, bx) - reach))
        window = (slice(top, int(max(ay, by) + reach) + 1), slice(left, int(max(ax, bx) + reach) + 1))
        part = ink[window]
        y, x = np.mgrid[0 : part.shape[0], 0 : part.shape[1]] + 0.5
        x, y = x + left - ax, y + top - ay
        length = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9)
        t = np.clip((x * (bx - ax) + y * (by - ay)) / length, 0, 1)
        away = np.hypot(x - t * (bx - ax), y - t * (by - ay))
        ink[window] = np.maximum(part, np.clip(width / 2 + 0.5 - away, 0, 1))
    return ink


def draw(shape: tuple[int, int], strokes: list[list[tuple[float, float]]], width: float = 5.0) -> InkImage:
    ink = np.zeros(shape)
    for points in strokes:
        ink = np.maximum(ink, stroke(shape, points, width))
    return InkImage(ink)


def letter(kind: str, x: float, y: float, h: float) -> list[list[tuple[float, float]]]:
    """Strokes of a character of height h whose top left corner is (x, y)."""
    circle = [
        (x + h / 4 + h / 4 * np.cos(a), y + 0.75 * h + h / 4 * np.sin(a))
        for a in np.linspace(0, 2 * np.pi, 24)
    ]
    low = y + h / 2
    return {
        "l": [[(x, y), (x, y + h)]],
        "o": [circle],
        "i": [[(x, low), (x, y + h)], [(x, y + h / 6), (x, y + h / 6 + 1)]],
        "ö": [circle, [(x + h / 8, y + h / 6)], [(x + 3 * h / 8, y + h / 6)]],
        "=": [[(x, low), (x + h / 2, low)], [(x, low + h / 4), (x + h / 2, low + h / 4)]],
        ".": [[(x, y + h), (x, y + h)]],
        "L": [[(x, y), (x, y + h), (x + h / 2, y + h)]],
        "g": [circle, [(x + h / 2, low), (x + h / 2, y + 1.4 * h)]],
    }[kind]


def page(lines: list[str], h: float = 60.0, skew: float = 0.0) -> InkImage:
    strokes = []
    for row, text in enumerate(lines):
        for column, kind in enumerate(text):
            if kind != " ":
                x, y = 30 + column * 0.85 * h, 30 + row * 2.0 * h
                strokes += [[(a, b + skew * a) for a, b in s] for s in letter(kind, x, y, h)]
    width = int(60 + max(map(len, lines)) * 0.85 * h)
    return draw((int(60 + len(lines) * 2.0 * h + skew * width), width), strokes)


def test_marks_join_their_letters_and_lines_are_read_in_order() -> None:
    glyphs = find_glyphs(page(["Loil=", "iö gl", "l=ioL."]))
    assert len(glyphs) == 5 + 4 + 6
    assert glyphs.line.tolist() == [0] * 5 + [1] * 4 + [2] * 6
    for line in range(3):
        assert np.all(np.diff(glyphs.box_px[glyphs.line == line, 0]) > 0)
    # A dot is no character for the network, everything else here is.
    assert glyphs.is_glyph.tolist() == [True] * 14 + [False]


@settings(max_examples=20, deadline=None)
@given(
    lines=st.lists(st.text("oLliö", min_size=5, max_size=7), min_size=1, max_size=3),
    skew=st.floats(0.0, 0.05),
)
def test_reading_order_of_any_page(lines: list[str], skew: float) -> None:
    glyphs = find_glyphs(page(lines, h=50.0, skew=skew))
    assert glyphs.line.tolist() == [row for row, text in enumerate(lines) for _ in text]
    for row in range(len(lines)):
        assert np.all(np.diff(glyphs.box_px[glyphs.line == row, 0]) > 0)


def test_a_field_of_28_px_is_its_own_glyph() -> None:
    ink = draw((28, 28), [[(9, 5), (19, 5), (12, 23)]], width=2.6)
    broken = InkImage(np.where(np.arange(28)[:, None] == 10, 0, ink.ink))
    for image in (ink, broken):
        glyphs = find_glyphs(image)
        assert len(glyphs) == 1
        assert glyphs.is_glyph.all()
        assert np.array_equal(glyphs.images[0], image.ink)
        assert (glyphs.scale_px[0], *glyphs.offset_px[0]) == (1.0, 0.0, 0.0)
        assert choose_method(image, glyphs).method == "model"


def test_digits_in_a_row_are_moved_by_whole_pixels() -> None:
    """Cells of 28 px with ink boxes of 20 px: the pixels come through, centred by mass."""
    digit = draw((28, 28), [[(9, 5), (20, 5), (13, 23.5)]], width=2.6).ink
    row = InkImage(np.concatenate([digit, digit[:, ::-1], digit], axis=1))
    glyphs = find_glyphs(row)
    assert len(glyphs) == 3
    assert np.all(glyphs.scale_px == 1.0)
    assert np.array_equal(glyphs.offset_px, np.round(glyphs.offset_px))
    for k, (x, y) in enumerate(glyphs.offset_px.astype(int)):
        padded = np.pad(row.ink, FIELD)
        cell = padded[y + FIELD : y + 2 * FIELD, x + FIELD : x + 2 * FIELD]
        assert np.array_equal(glyphs.images[k], cell)
        mass = glyphs.images[k].sum(0) @ np.arange(FIELD) / glyphs.images[k].sum()
        assert abs(mass - 14.0) <= 0.5  # as in MNIST


@settings(max_examples=20, deadline=None)
@given(h=st.floats(12, 300), pen=st.floats(0.09, 0.2), kind=st.sampled_from("loLg"))
def test_fields_are_normalised(h: float, pen: float, kind: str) -> None:
    """Whatever its size on the page, the ink's longer side becomes 20 px and keeps its mass."""
    image = draw((int(1.8 * h) + 40, int(h) + 40), letter(kind, 20 + h / 8, 20, h), pen * h)
    glyphs = find_glyphs(image)
    field, scale = glyphs.images[0], glyphs.scale_px[0]
    rows, columns = np.nonzero(field > 0.4)
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    assert INK_SIDE - 4 <= longer <= INK_SIDE + 4
    if glyphs.grown_px[0] > 0:
        assert field.max() > 0.8  # thin lines are black in the field
    elif scale >= 1:
        assert field.sum() * scale**2 == pytest.approx(image.ink.sum(), rel=0.02)
    # The field's corner and scale put its ink back where it was on the page.
    there = centroid(field) * scale + glyphs.offset_px[0]
    # Resampling a line of a pixel and a half moves its mass by up to a fifth of a cell.
    tolerance = 1.0 * scale if glyphs.grown_px[0] > 0 else 0.25 * scale
    assert np.abs(there - centroid(image.ink)).max() < tolerance


def centroid(ink: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]] + 0.5
    return np.array([(ink * x).sum(), (ink * y).sum()]) / ink.sum()


def test_joined_writing_and_drawings_go_to_the_tour() -> None:
    wave = [(40 + 3.0 * k, 100 + 40 * np.sin(k / 5)) for k in range(150)]
    ink = draw((200, 540), [wave])
    glyphs = find_glyphs(ink)
    assert not glyphs.is_glyph.any()
    choice = choose_method(ink, glyphs)
    assert (choice.method, choice.handwriting_share) == ("tour", 0.0)
    house = draw((500, 500), [[(80, 450), (80, 200), (250, 60), (420, 200), (420, 450), (80, 450)]])
    assert choose_method(house, find_glyphs(house)).method == "tour"
    nested = draw(
        (300, 300), letter("o", 20, -180, 400) + letter("o", 80, 40, 120) + letter("o", 170, 40, 120)
    )
    assert choose_method(nested, find_glyphs(nested)).method == "tour"
    text = page(["Loil", "oLgl"])
    choice = choose_method(text, find_glyphs(text))
    assert choice.method == "model"
    assert "8 characters in 2 lines" in choice.reason


def random_gesture(rng: np.random.Generator) -> Gesture:
    n = int(rng.integers(1, 12))
    return Gesture.from_positions(rng.random((n, 2)), rng.random(n) * 0.2, rng.random(n))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_gestures_go_to_their_places_on_the_page(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ink = page(["Lol", "ioL."], h=40.0)
    glyphs = find_glyphs(ink)
    gestures = [random_gesture(rng) for _ in range(len(glyphs))]
    for k, (gesture, moved) in enumerate(zip(gestures, on_page(gestures, glyphs, ink), strict=True)):
        px = moved.positions * ink.longer_side
        if glyphs.is_glyph[k]:
            expected = glyphs.offset_px[k] + gesture.positions * FIELD * glyphs.scale_px[k]
        else:
            expected = gesture.positions * ink.longer_side
        assert np.allclose(px, expected, atol=1e-9 * ink.longer_side)
        assert np.array_equal(moved.intensity, gesture.intensity)


def test_the_page_takes_the_thickening_off() -> None:
    """A thin letter is drawn bold for the network, and the pen gets its own width back."""
    ink = draw((440, 300), letter("L", 40, 20, 400), width=6.0)
    glyphs = find_glyphs(ink)
    assert glyphs.grown_px[0] > 5
    wide_px = glyphs.stroke_px[0] + glyphs.grown_px[0]
    gesture = Gesture.from_positions(
        np.array([[0.2, 0.1], [0.2, 0.8]]), np.full(2, wide_px / (FIELD * glyphs.scale_px[0])), np.ones(2)
    )
    (joined,) = on_page([gesture], glyphs, ink)
    assert joined.size * ink.longer_side == pytest.approx(6.0, abs=0.5)


def test_ink_of_parts_the_page() -> None:
    ink = page(["Lo.", "öil"])
    glyphs = find_glyphs(ink)
    alone = [glyphs.ink_of(k, ink).ink for k in range(len(glyphs))]
    assert np.array_equal(np.sum(alone, axis=0), ink.ink)


def test_page_and_chain_refuse_what_does_not_fit() -> None:
    ink = page(["Lo"])
    glyphs = find_glyphs(ink)
    with pytest.raises(GestureError, match="1 gestures for 2"):
        on_page([random_gesture(np.random.default_rng(0))], glyphs, ink)
    with pytest.raises(GestureError):
        chain([])
    with pytest.raises(ImageError):
        find_glyphs(InkImage(np.zeros((30, 30))))
    with pytest.raises(ImageError, match="images"):
        Glyphs(
            np.zeros((1, 9, 9)), np.zeros((1, 2)), np.ones(1), np.zeros((1, 4)), np.zeros(1), np.ones(1),
            np.zeros(1), np.zeros(1), np.zeros((3, 3)), 1,
        )  # fmt: skip


def test_faint_hairlines_are_ink_and_noise_is_not() -> None:
    ink = np.zeros((60, 60), np.float32)
    ink[20, 5:55] = 0.35  # a hairline between pixels
    ink[40:44, 5:55] = 1.0
    ink[39, 5:55] = 0.45  # the grey edge of a black line is not ink
    ink[50:55, 10:20] = 0.15  # noise
    mask = ink_mask(ink)
    assert mask[20, 30]
    assert mask[41, 30]
    assert not mask[39, 30]
    assert not mask[50:55].any()
    ink[5, 5] = 1.0  # a mark, however small beside the pen: noise is left out when a picture is seen
    ink[30:36, 5:55] = 1.0
    parts = find_parts(ink)
    assert len(parts) == 4
    assert parts.width[-1] == pytest.approx(4.5, abs=1.0)
    assert parts.labels[5, 5] == 1


def test_a_lone_pixel_is_a_part() -> None:
    ink = np.zeros((9, 9), np.float32)
    ink[4, 4] = 1.0
    assert len(find_parts(ink)) == 1
