"""The legend of a chart: every word of it lies on the page."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from calibration.chart.layout import geometry_chart, pen_chart
from calibration.profile import Profile
from strokebot.plots.charts import legend_figure


@pytest.mark.parametrize("name", ["grbl-z", "marlin-printer", "polargraph"])
@pytest.mark.parametrize("what", ["pen", "geometry"])
def test_no_label_is_cut(name, what):
    profile = Profile.load(name)
    chart = pen_chart(profile, 0, False) if what == "pen" else geometry_chart(profile, True)
    figure = legend_figure(chart)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    page = figure.bbox
    for text in (axes.xaxis.label, axes.yaxis.label, figure._suptitle, *figure.legends):
        box = text.get_window_extent(canvas.get_renderer())
        assert box.x0 >= page.x0, text
        assert box.x1 <= page.x1, text
        assert box.y0 >= page.y0, text
        assert box.y1 <= page.y1, text
