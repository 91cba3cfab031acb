"""Painting: what is shown lies where its numbers say, in its colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from strokebot.plots import style
from strokebot.plots.figure import (
    Area,
    Axis,
    Entry,
    Figure,
    Key,
    Line,
    Marks,
    Picture,
    TimedLine,
    Words,
)
from strokebot.plots.paint import edges, fitting, painted, png_bytes, texts

RED = "#FF0000"


def panel_of(*items):
    figure = Figure(4.0, 3.0)
    panel = figure.panel(1.0, 0.5, 2.0, 2.0)
    panel.spanned(0.0, 10.0, 0.0, 10.0)
    panel.show(*items)
    return figure, panel


def pixels(figure, dpi=100):
    return np.asarray(painted(figure, dpi)).astype(int)


def inside(figure, dpi=100):
    left, top, right, bottom = edges(figure.panels[0], dpi)
    return pixels(figure, dpi)[top:bottom, left:right]


def is_red(colours):
    return (colours[..., 0] > 150) & (colours[..., 1] < 120)


def test_a_line_lies_where_the_axes_say_and_is_as_wide_as_it_says():
    line = Line(np.array([[0.0, 7.5], [10.0, 7.5]]), RED, 3.6)
    red = is_red(inside(panel_of(line)[0]))
    rows = np.flatnonzero(red[:, 100])
    assert rows.mean() == pytest.approx(0.25 * 200 - 0.5, abs=0.6)
    assert len(rows) == pytest.approx(5, abs=1)
    assert red.any(axis=0).all()


def test_a_line_is_parted_by_nan_and_cut_at_the_panel():
    line = Line(np.array([[-90.0, 5], [4, 5], [np.nan, np.nan], [6, 5], [90, 5]]), RED, 2.0)
    figure, panel = panel_of(line)
    red = is_red(inside(figure)).any(axis=0)
    assert red[:78].all()
    assert not red[83:117].any()
    assert red[122:].all()
    assert not is_red(pixels(figure)[:, : edges(panel, 100)[0] - 1]).any()


def test_dashes_leave_gaps():
    red = is_red(inside(panel_of(Line(np.array([[0.0, 5], [10, 5]]), RED, 1.5, dashed=True))[0])).any(axis=0)
    assert 0.4 < red.mean() < 0.85
    assert np.count_nonzero(np.diff(red.astype(int)) == 1) > 10


def test_an_area_covers_its_polygon():
    square = Area(np.array([[2.0, 2], [8, 2], [8, 8], [2, 8]]), RED)
    assert is_red(inside(panel_of(square)[0])).mean() == pytest.approx(0.36, abs=0.01)


@pytest.mark.parametrize("shape", ["circle", "square", "cross", "plus", "dot"])
def test_marks_have_their_size_and_place(shape):
    red = is_red(inside(panel_of(Marks(np.array([[5.0, 5.0]]), shape, 14.4, RED, RED))[0]))
    rows, columns = np.nonzero(red)
    assert (rows.mean(), columns.mean()) == pytest.approx((99.5, 99.5), abs=1.0)
    assert np.ptp(columns) + 1 == pytest.approx(14 if shape == "cross" else 20, abs=3)


def test_a_picture_has_its_first_row_on_top_and_its_extent():
    colours = np.full((2, 2, 3), 255, np.uint8)
    colours[0, 1] = (255, 0, 0)
    red = is_red(inside(panel_of(Picture(colours, (0.0, 10.0, 0.0, 10.0)))[0]))
    assert red[:98, 102:].all()
    assert not red[102:].any()
    turned, panel = panel_of(Picture(colours, (0.0, 10.0, 10.0, 0.0)))
    panel.spanned(0.0, 10.0, 10.0, 0.0)  # an axis that runs down
    assert is_red(inside(turned))[:98, 102:].all()


def test_a_timed_line_changes_its_colour_and_leaves_out_what_is_not_drawn():
    xy = np.column_stack([np.linspace(0, 10, 101), np.full(101, 5.0)])
    drawn = np.ones(101, bool)
    drawn[45:56] = False
    middle = inside(panel_of(TimedLine(xy, drawn, np.linspace(0, 3, 101), 3.0, 4.0))[0])[99]
    colours = style.time_colours()
    assert np.abs(middle[2] - colours[2]).max() < 12
    assert np.abs(middle[-3] - colours[-3]).max() < 12
    assert (middle[97:103] > 250).all()


def test_a_sharp_corner_of_a_wide_line_is_round():
    wedge = np.array([[2.0, 5.0], [8.0, 5.4], [2.0, 5.8]])
    red = is_red(inside(panel_of(Line(wedge, RED, 7.2))[0]))
    assert np.flatnonzero(red.any(axis=0)).max() == pytest.approx(160 + 5, abs=1.5)


def test_ticks_and_numbers_stand_at_their_values():
    figure, panel = panel_of()
    panel.x, panel.y = Axis(0.0, 10.0, "time, s", (0.0, 5.0, 10.0)), Axis(0.0, 10.0, ticks=())
    found = {text.text: text for text in texts(figure, 100) if text.role == "number"}
    assert set(found) == {"0", "5", "10"}
    left, _, right, bottom = edges(panel, 100)
    assert (found["5"].box[0] + found["5"].box[2]) / 2 == pytest.approx((left + right) / 2)
    dark = pixels(figure)[bottom + 3].sum(axis=1) < 200
    assert dark[left + 99 : left + 101].any()
    label = next(text for text in texts(figure, 100) if text.role == "label")
    assert label.box[1] >= found["5"].box[3] - 1


def test_words_are_painted_upright_and_turned():
    figure, panel = panel_of(Words(5.0, 5.0, "HHHH", RED))
    panel.x.ticks = panel.y.ticks = ()
    upright = is_red(pixels(figure))
    panel.items.clear()
    panel.y.label = "HHHH"
    dark = pixels(figure)[:, : edges(panel, 100)[0] - 2].sum(axis=2) < 300
    rows, columns = np.nonzero(dark)
    assert np.ptp(rows) > 2 * np.ptp(columns) > 0
    rows, columns = np.nonzero(upright)
    assert np.ptp(columns) > 2 * np.ptp(rows) > 0


def test_a_key_shows_samples_beside_their_words_column_by_column():
    figure = Figure(4.0, 1.0)
    nowhere = np.zeros((0, 2))
    names = ["one", "two", "three"]
    figure.keys.append(Key((0.0, 0.0, 4.0, 1.0), [Entry(Area(nowhere, RED), name) for name in names], 2))
    one, two, three = (next(t.box for t in texts(figure, 100) if t.text == name) for name in names)
    assert one[0] == two[0] < three[0]
    assert one[1] < two[1]
    red = is_red(pixels(figure))
    assert red[int((one[1] + one[3]) / 2), : int(one[0])].any()
    assert not red[:, int(three[0]) :].any()


def test_letters_of_many_alphabets_are_told_apart():
    figure, pictures = Figure(2.0, 0.5), []
    for letter in "aüßжΩłé":
        figure.title = letter
        pictures.append(pixels(figure).tobytes())
    assert len(set(pictures)) == len(pictures)


def test_the_file_is_a_png_of_the_page_that_knows_its_resolution():
    with Image.open(io.BytesIO(png_bytes(Figure(2.0, 1.0), 50))) as page:
        assert page.size == (100, 50)
        assert page.info["dpi"] == pytest.approx((50, 50), abs=0.1)


def test_long_words_are_parted_to_fit():
    parted = fitting("some words that are too long for one inch", 1.0)
    assert parted.replace("\n", " ") == "some words that are too long for one inch"
    assert parted.count("\n") >= 2
    assert fitting("short", 1.0) == "short"
