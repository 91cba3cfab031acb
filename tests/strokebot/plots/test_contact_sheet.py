"""The contact sheet: every style has its picture in true proportions, and its words below."""

from __future__ import annotations

import numpy as np
import pytest

from strokebot.plots.contact_sheet import contact_sheet
from strokebot.plots.figure import Picture
from strokebot.plots.paint import png_bytes, texts
from tests.support.figures import assert_nothing_overlaps


def test_each_style_has_its_picture_and_its_words():
    ink = np.zeros((40, 90), np.float32)
    words = ["1 min 20 s, 3.2 m of ink, 12 lifts and many more words than one line has room for"]
    panels = [(f"style {k}", words, ink) for k in range(4)] + [("none", ["not possible"], None)]
    figure = contact_sheet("x.png", panels)
    assert len(figure.panels) == 5
    assert_nothing_overlaps(figure)
    for panel in figure.panels[:4]:
        (picture,) = panel.items
        assert isinstance(picture, Picture)
        left, right, bottom, top = picture.extent
        assert (right - left) / (top - bottom) == pytest.approx(90 / 40)
        assert (right - left) <= panel.place[2] + 1e-9
    assert not figure.panels[4].items
    assert sum("12 lifts" in text.text.replace("\n", " ") for text in texts(figure)) == 4
    assert png_bytes(figure, 40)
