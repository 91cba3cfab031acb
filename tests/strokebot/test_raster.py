"""The independent rasteriser against a slow oracle, and the measures against small cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from strokebot import raster
from strokebot.errors import GestureError

SHAPE = (20, 24)


def slow_oracle(xy, width, ink, down, shape, fine=16, discs=400):
    """Discs at many places of every segment, stamped on a grid 16 times finer."""
    height, columns = shape
    y, x = np.mgrid[0 : height * fine, 0 : columns * fine]
    x, y = (x + 0.5) / fine, (y + 0.5) / fine
    canvas = np.zeros_like(x)
    for k in range(1, len(xy)):
        if not down[k]:
            continue
        for t in np.linspace(0, 1, discs):
            cx, cy = xy[k - 1] + t * (xy[k] - xy[k - 1])
            r = (width[k - 1] + t * (width[k] - width[k - 1])) / 2
            inside = (x - cx) ** 2 + (y - cy) ** 2 <= r * r
            canvas[inside] = np.maximum(canvas[inside], ink[k - 1] + t * (ink[k] - ink[k - 1]))
    return canvas.reshape(height, fine, columns, fine).mean(axis=(1, 3))


polylines = st.integers(2, 4).flatmap(
    lambda n: st.tuples(
        hnp.arrays(float, (n, 2), elements=st.floats(-4, 26)),
        hnp.arrays(float, n, elements=st.floats(0.5, 8)),
        hnp.arrays(bool, n),
    )
)


@pytest.mark.parametrize(
    ("xy", "width"),
    [
        ([[3, 4], [18, 15]], [2.0, 2.0]),
        ([[3, 4], [18, 15]], [1.0, 9.0]),
        ([[9, 9], [10, 9]], [10.0, 3.0]),  # the greater end disc holds the smaller one
        ([[12, 10], [12, 10]], [6.0, 6.0]),  # a dot
        ([[-5, 3], [30, 3], [30, 17], [-5, 18]], [3.0, 1.5, 4.0, 2.0]),
    ],
)
def test_coverage_agrees_with_many_discs(xy, width):
    xy, width = np.array(xy, dtype=float), np.array(width)
    ink, down = np.ones(len(xy)), np.ones(len(xy), dtype=bool)
    drawn = raster.draw_ink(xy, width, ink, down, SHAPE)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, slow_oracle(xy, width, ink, down, SHAPE), atol=0.035)


def test_intensity_runs_linearly_between_points():
    xy, width = np.array([[2.0, 10], [22, 10]]), np.array([4.0, 4])
    drawn = raster.draw_ink(xy, width, [0.2, 1.0], [True, True], SHAPE)
    np.testing.assert_allclose(drawn[10, 4:20], 0.2 + 0.8 * (np.arange(4, 20) + 0.5 - 2) / 20, atol=1e-6)


@pytest.mark.parametrize("width", [0.05, 0.2, 0.7, 1.0, 2.3])
@pytest.mark.parametrize("offset", [0.0, 0.21, 0.5])
def test_a_straight_line_carries_exactly_its_width_however_thin(width, offset):
    xy = np.array([[-10.0, 9 + offset], [40, 9 + offset]])
    drawn = raster.draw_ink(xy, [width] * 2, [1, 1], [True, True], SHAPE)
    np.testing.assert_allclose(drawn.sum(axis=0), width, atol=1e-5)


@given(polylines)
@settings(max_examples=40, deadline=None)
def test_retracing_never_darkens(line):
    xy, width, down = line
    ink = np.ones(len(xy))
    once = raster.draw_ink(xy, width, ink, down, SHAPE)
    forth_and_back = np.concatenate([down, [False], down[:0:-1]])
    twice = raster.draw_ink(
        np.concatenate([xy, xy[::-1]]), np.concatenate([width, width[::-1]]), np.ones(2 * len(xy)),
        forth_and_back, SHAPE,
    )  # fmt: skip
    np.testing.assert_allclose(once, twice, atol=1e-5)
    assert once.min() >= 0
    assert once.max() <= 1


@given(polylines)
@settings(max_examples=30, deadline=None)
def test_cutting_a_segment_in_two_changes_nothing(line):
    xy, width, down = line
    half = np.arange(0, len(xy) - 0.5, 0.5)
    x, y, w = (np.interp(half, np.arange(len(xy)), v) for v in (*xy.T, width))
    whole = raster.draw_ink(xy, width, np.ones(len(xy)), down, SHAPE)
    fine = raster.draw_ink(
        np.column_stack([x, y]), w, np.ones(len(half)), down[np.ceil(half).astype(int)], SHAPE
    )
    np.testing.assert_allclose(whole, fine, atol=0.02)


def test_lifted_segments_leave_nothing_and_bands_join_without_a_seam(monkeypatch):
    xy = np.array([[2.0, 2], [20, 17], [3, 17], [15, 3]])
    down = [False, True, False, True]
    whole = raster.draw_ink(xy, [3.0] * 4, [1.0] * 4, down, SHAPE)
    assert whole[17, 8] == 0
    monkeypatch.setattr("calibration.raster._BAND_ROWS", 3)
    np.testing.assert_allclose(raster.draw_ink(xy, [3.0] * 4, [1.0] * 4, down, SHAPE), whole, atol=1e-6)


def test_one_point_is_a_dot_only_when_the_pen_is_down():
    dot = raster.draw_ink([[10.0, 10.0]], [6.0], [1.0], [True], SHAPE)
    assert dot.sum() == pytest.approx(np.pi * 9, rel=0.01)
    assert raster.draw_ink([[10.0, 10.0]], [6.0], [1.0], [False], SHAPE).sum() == 0


def test_segments_down_needs_the_pen_down_at_both_ends():
    assert raster.segments_down([True, True, False, True, True]).tolist() == [True, True, False, False, True]


def test_wrong_input_is_refused():
    with pytest.raises(GestureError, match="width_px"):
        raster.draw_ink([[0, 0], [1, 1]], [1.0, -1.0], [1, 1], [True, True], SHAPE)
    with pytest.raises(GestureError, match="drawn has shape"):
        raster.fidelity(np.zeros((3, 3)), np.zeros((3, 4)))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_thinning_a_dense_recording_changes_no_pixel_by_much(seed):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 6, 3000)
    phase = rng.uniform(0, 6, 4)
    xy = np.column_stack([12 + 9 * np.sin(t + phase[0]), 10 + 7 * np.sin(2.3 * t + phase[1])])
    width = 2 + np.sin(3 * t + phase[2])
    down = np.sin(1.1 * t + phase[3]) > -0.5
    keep = raster.thin(xy, width, down)
    assert len(keep) < 1000
    assert keep[0] == 0
    assert keep[-1] == len(t) - 1
    full = raster.draw_ink(xy, width, np.ones(len(t)), down, SHAPE)
    less = raster.draw_ink(xy[keep], width[keep], np.ones(len(keep)), down[keep], SHAPE)
    np.testing.assert_allclose(less, full, atol=0.05)


def test_fidelity_of_the_same_picture_and_of_its_opposite():
    ink = np.zeros((8, 8))
    ink[3] = 1
    same = raster.fidelity(ink, ink)
    assert same == {"mse": 0.0, "psnr": 100.0, "iou": 1.0, "ink_recall": 1.0, "ink_precision": 1.0}
    nothing = raster.fidelity(ink, np.zeros((8, 8)))
    assert nothing["mse"] == pytest.approx(1 / 8)
    assert nothing["psnr"] == pytest.approx(10 * np.log10(8))
    assert (nothing["iou"], nothing["ink_recall"], nothing["ink_precision"]) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("shift", "near"), [(0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0)])
def test_recall_and_precision_forgive_one_pixel_but_not_two(shift, near):
    ink, drawn = np.zeros((12, 12)), np.zeros((12, 12))
    ink[4], drawn[4 + shift] = 1, 0.05  # a line far thinner than a pixel still counts
    result = raster.fidelity(ink, drawn)
    assert result["ink_recall"] == near
    assert result["ink_precision"] == near


def test_skeleton_length_of_known_lines():
    straight, diagonal = np.zeros((40, 40)), np.zeros((40, 40))
    straight[20, 5:35] = 1
    diagonal[np.arange(5, 35), np.arange(5, 35)] = 1
    assert raster.skeleton_length_px(straight) == 29
    assert raster.skeleton_length_px(diagonal) == pytest.approx(29 * np.sqrt(2))
    assert raster.skeleton_length_px(np.zeros((9, 9))) == 0


def test_tone_follows_the_darkness_not_its_scale():
    ramp = np.tile(np.linspace(0, 1, 60), (40, 1))
    assert raster.tone_correlation(ramp, 0.5 * ramp + 0.1, 2.0) == pytest.approx(1.0)
    assert raster.tone_correlation(ramp, 1 - ramp, 2.0) == pytest.approx(-1.0)
    assert raster.tone_correlation(ramp, np.zeros_like(ramp), 2.0) == 0.0
    stripes = (np.arange(40)[:, None] % 4 < 4 * ramp).astype(float)  # wider where darker
    assert raster.tone_correlation(ramp, stripes, 2.0) > 0.98
    assert raster.tone_correlation(ramp, stripes, 0.1) < 0.8
