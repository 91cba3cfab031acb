"""Courses cover the rectangle evenly, without leaving it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from strokebot.tone.course import scan, spiral


@settings(max_examples=30)
@given(width=st.floats(5, 80), height=st.floats(5, 80), spacing=st.floats(1.0, 4.0))
@pytest.mark.parametrize("course", [scan, spiral])
def test_every_place_is_near_the_line(course: object, width: float, height: float, spacing: float) -> None:
    pieces = course(width, height, spacing, spacing / 3)  # type: ignore[operator]
    points = np.concatenate(pieces)
    assert (points[:, :2] >= -1e-9).all()
    assert (points[:, :2] <= np.array([width, height]) + 1e-9).all()
    assert points[:, 2].min() >= 0.0
    assert points[:, 2].max() <= 1.0
    x, y = np.meshgrid(np.linspace(0, width, 60), np.linspace(0, height, 60))
    away, _ = cKDTree(points[:, :2]).query(np.column_stack([x.ravel(), y.ravel()]))
    assert away.max() < 1.3 * spacing
    assert np.quantile(away, 0.95) < 0.75 * spacing
    for piece in pieces:
        assert np.hypot(*np.diff(piece[:, :2], axis=0).T).max() < 1.5 * spacing


@pytest.mark.parametrize(("width", "height"), [(60.0, 60.0), (90.0, 60.0), (40.0, 100.0)])
def test_lengths(width: float, height: float) -> None:
    """Evenly spaced lines are as long as area over spacing."""
    for course in (scan, spiral):
        pieces = course(width, height, 1.0, 0.3)
        length = sum(float(np.hypot(*np.diff(piece[:, :2], axis=0).T).sum()) for piece in pieces)
        assert length == pytest.approx(width * height, rel=0.12)
    assert len(scan(width, height, 1.0, 0.3)) == 1
    assert len(spiral(width, height, 1.0, 0.3)) <= 10
