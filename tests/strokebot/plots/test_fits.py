"""The figures of a calibration: every measured point and every error is there, at its true length."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from strokebot.plots.figure import Line, Marks
from strokebot.plots.fits import geometry_fit_figure, pen_fit_figure
from strokebot.plots.paint import png_bytes
from tests.support.figures import assert_nothing_overlaps


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("with_darkness", [True, False])
def test_a_pen_fit_shows_every_point_with_more_pressure_to_the_right(sign, with_darkness):
    values = sign * np.linspace(0.0, 1.0, 9)
    width = np.linspace(0.2, 1.0, 9)
    used = np.arange(9) != 4
    fit = SimpleNamespace(
        touch=0.0, values=values, widths_mm=width, low_mm=width - 0.01, high_mm=width + 0.01,
        darkness=width if with_darkness else None, residual_mm=0.006, data_values=values,
        data_widths_mm=width, data_darkness=width, data_steady=np.arange(9) % 2 == 0, data_used=used,
    )  # fmt: skip
    figure = pen_fit_figure(fit, "a pen")
    assert_nothing_overlaps(figure)
    marks = [item for item in figure.panels[0].items if isinstance(item, Marks)]
    shown = np.concatenate([mark.xy for mark in marks])
    np.testing.assert_allclose(np.sort(shown[:, 0]), np.sort(values))
    x = figure.panels[0].x
    assert (x.high - x.low) * sign > 0
    assert png_bytes(figure, 40)


def test_the_arrows_are_the_errors_all_enlarged_alike():
    planned = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]])
    errors = np.array([[0.1, 0.0], [0.0, 0.3], [-0.2, 0.1], [0.3, 0.4]])
    fit = SimpleNamespace(
        planned_mm=planned, measured_mm=planned + errors, fitted_mm=planned + 0.5 * errors,
        before_mm=(0.3, 0.5), after_mm=(0.1, 0.25), used=np.array([True, True, False, True]),
    )  # fmt: skip
    figure = geometry_fit_figure(fit, "a machine")
    assert_nothing_overlaps(figure)
    lengths = []
    for panel in figure.panels:
        lines = np.concatenate([item.xy for item in panel.items if isinstance(item, Line)])
        starts = np.flatnonzero((lines[:, None] == planned).all(axis=2).any(axis=1))
        ways = lines[starts + 1] - lines[starts]
        lengths.append(np.sort(np.hypot(*ways.T)))
        assert len(ways) == 4
    np.testing.assert_allclose(lengths[0], 24.0 * np.sort(np.hypot(*errors.T)))
    np.testing.assert_allclose(lengths[1], 0.5 * lengths[0])
