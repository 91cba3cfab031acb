"""Stains and shades are told from ink by how softly they end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from strokebot.picture.specks import joined_by_tooth
from strokebot.picture.stains import find_stains, without_shades

SHAPE = (150, 200)
Y, X = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float32)


def ring(radius: float, width: float, level: float, soft: float) -> np.ndarray:
    """A ring round the middle, blurred by a normal distribution of so many px."""
    far = np.abs(np.hypot(X - 100, Y - 75) - radius)
    sharp = np.clip(width / 2 + 0.5 - far, 0, 1)
    return level * ndimage.gaussian_filter(sharp.astype(np.float32), soft)


def stroke(soft: float) -> np.ndarray:
    """A strong line across the picture, as sharp as the camera shows lines."""
    sharp = np.clip(2.0 - np.abs(Y - 75 - 0.2 * (X - 100)), 0, 1) * (X > 20) * (X < 180)
    return ndimage.gaussian_filter(sharp.astype(np.float32), soft)


@settings(max_examples=15)
@given(
    radius=st.floats(35, 55), width=st.floats(8, 12), level=st.floats(0.2, 0.4), camera=st.floats(0.4, 0.8)
)
def test_a_soft_faint_ring_is_a_stain_and_the_line_over_it_stays(
    radius: float, width: float, level: float, camera: float
) -> None:
    line = stroke(camera)
    found = find_stains(np.maximum(line, ring(radius, width, level, 1.5 + camera)))
    assert found is not None
    gone, rest, count = found
    assert count >= 1
    away = ~ndimage.binary_dilation(line >= 0.05, iterations=6)
    assert rest[away].max() < 0.1
    assert (rest[line >= 0.7] >= 0.5).all()
    assert not gone[line >= 0.7].any()


@settings(max_examples=15)
@given(
    radius=st.floats(35, 55), width=st.floats(3, 12), level=st.floats(0.2, 0.45), camera=st.floats(0.4, 0.9)
)
def test_a_faint_line_as_sharp_as_the_others_is_ink(
    radius: float, width: float, level: float, camera: float
) -> None:
    assert find_stains(np.maximum(stroke(camera), ring(radius, width, level, camera))) is None


def test_without_strong_ink_nothing_is_a_stain() -> None:
    assert find_stains(ring(45, 10, 0.3, 2.0)) is None
    assert find_stains(np.zeros(SHAPE, np.float32)) is None


def soft_disc(soft: float) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter((np.hypot(X, Y - 75) < 40).astype(np.float32), soft))


@pytest.mark.parametrize(("soft", "stays"), [(0.5, True), (1.2, True), (6.0, False), (12.0, False)])
def test_solid_ink_ends_at_once_and_a_shade_does_not(soft: float, stays: bool) -> None:
    disc = soft_disc(soft)
    line = ndimage.gaussian_filter((np.abs(X - 150) < 2.5).astype(np.float32), 0.5)
    kept = without_shades(disc > 0.6, 0.9 * disc, line, 8)
    assert np.array_equal(kept, disc > 0.6) if stays else not kept.any()


def test_where_nothing_is_sharper_soft_ink_is_what_was_drawn() -> None:
    disc = soft_disc(6.0)
    assert np.array_equal(without_shades(disc > 0.6, disc, np.zeros_like(disc), 8), disc > 0.6)


def test_of_two_only_the_shade_goes() -> None:
    sharp = (np.hypot(X - 150, Y - 75) < 25).astype(np.float32)
    shade = ndimage.gaussian_filter((np.hypot(X, Y - 75) < 40).astype(np.float32), 9.0)
    both = np.maximum(sharp, shade)
    kept = without_shades(both > 0.6, both, np.zeros_like(both), 8)
    assert np.array_equal(kept, sharp > 0.6)


def test_what_has_no_grain_is_no_pencil_stroke() -> None:
    rng = np.random.default_rng(3)
    grains = (rng.random(SHAPE) < 0.45) * (np.abs(Y - 50) < 3) * (X > 20) * (X < 180)
    smear = 0.15 * ndimage.gaussian_filter(((np.abs(Y - 110) < 4) * (X < 60)).astype(np.float32), 2.0)
    joined = joined_by_tooth(np.maximum(grains, smear).astype(np.float32))
    assert joined is not None
    assert (joined[50, 25:175] >= 0.5).mean() > 0.9
    assert joined[95:].max() <= 0.15
