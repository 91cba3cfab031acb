"""The legend of a chart: every word of it lies on the page."""

from __future__ import annotations

import pytest

from calibration.chart.layout import geometry_chart, pen_chart
from calibration.profile import Profile
from strokebot.plots.charts import legend_figure
from strokebot.plots.figure import Words
from strokebot.plots.paint import PRINT_DPI, png_bytes, texts


@pytest.mark.parametrize("name", ["grbl-z", "marlin-printer", "polargraph"])
@pytest.mark.parametrize("what", ["pen", "geometry"])
def test_no_label_is_cut(name, what):
    profile = Profile.load(name)
    chart = pen_chart(profile, 0, False) if what == "pen" else geometry_chart(profile, True)
    figure = legend_figure(chart)
    placed = texts(figure)
    for text in placed:
        left, top, right, bottom = text.box
        assert left >= 0, text
        assert top >= 0, text
        assert right <= figure.width * PRINT_DPI, text
        assert bottom <= figure.height * PRINT_DPI, text
    kinds = {mark.kind for mark in chart.marks}
    assert sum(text.role == "key" for text in placed) == len(kinds)
    # A name stands left of its mark.
    (panel,) = figure.panels
    names = [item for item in panel.items if isinstance(item, Words)]
    places = [mark.xy_mm[0].tolist() for mark in chart.marks]
    assert all(any(0 < x - word.x < 5 and y == word.y for x, y in places) for word in names)
    assert png_bytes(figure, 40)
