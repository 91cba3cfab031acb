"""The coverage of a line by its drive, against counting pixels of a drawing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.tone.coverage import LIGHTEST_WANTED, WIDEST_SPACING, Response, response, swing


@settings(max_examples=30)
@given(thinnest=st.floats(0.1, 3.0), ratio=st.floats(1.0, 8.0))
def test_rises_and_can_be_reversed(thinnest: float, ratio: float) -> None:
    pen = response(thinnest, thinnest * ratio)
    drive, covered = pen.table
    assert (np.diff(covered) >= 0).all()
    low, high = pen.range
    wanted = np.linspace(low, high, 50)
    assert np.interp(pen.drive_for(wanted), drive, covered) == pytest.approx(wanted, abs=1e-9)
    assert pen.widest <= pen.spacing <= WIDEST_SPACING * pen.widest + 1e-9
    assert low == pytest.approx(thinnest / pen.spacing)
    assert low <= LIGHTEST_WANTED + 1e-9 or pen.spacing == pytest.approx(WIDEST_SPACING * pen.widest)
    width, amplitude, _ = pen.line(drive)
    assert width.min() >= thinnest - 1e-9
    assert width.max() <= pen.widest + 1e-9
    # Each line stays in its strip.
    assert (2 * amplitude + width <= pen.spacing + 1e-9).all()


@pytest.mark.parametrize("drive", [0.0, 0.3, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("pen", [Response(1.0, 4.0, 4.0), Response(1.0, 1.6, 3.5), Response(1.0, 1.0, 3.5)])
def test_against_counted_pixels(pen: Response, drive: float) -> None:
    """Three lines side by side, every point of the middle strip tested against every point of a line."""
    width, amplitude, wave = (float(v[0]) for v in pen.line(np.array([drive])))
    t = np.linspace(-wave, 2 * wave, 1500)
    line = np.concatenate(
        [np.column_stack([t, amplitude * swing(2 * np.pi * t / wave) + k * pen.spacing]) for k in (-1, 0, 1)]
    )
    x, y = np.meshgrid((np.arange(60) + 0.5) / 60 * wave, ((np.arange(60) + 0.5) / 60 - 0.5) * pen.spacing)
    away = np.array([np.hypot(*(line - p).T).min() for p in np.column_stack([x.ravel(), y.ravel()])])
    counted = float((away <= width / 2).mean())
    assert np.interp(drive, *pen.table) == pytest.approx(counted, abs=0.03)
