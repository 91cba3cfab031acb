from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from strokebot.gesture import Gesture
from strokebot.raster import fidelity
from strokebot.training import metrics


def steps_of(rows: list[tuple[float, float, float, float]]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([rows], np.float32)


def test_pixel_figures_by_hand() -> None:
    want = np.zeros((1, 2, 2), np.float32)
    want[0, 0] = 1  # two ink pixels above
    have = np.zeros((1, 2, 2), np.float32)
    have[0, 0, 0], have[0, 1, 0] = 0.6, 0.8  # one right, one wrong, one missed
    assert metrics.mse(want, have)[0] == pytest.approx((0.16 + 1 + 0.64) / 4)
    assert metrics.accuracy(want, have)[0] == pytest.approx(0.5)
    iou, recall, precision = metrics.overlap(want, have)
    assert (iou[0], recall[0], precision[0]) == pytest.approx((1 / 3, 1 / 2, 1 / 2))
    assert metrics.psnr(np.array([0.01, 0.0])).tolist() == pytest.approx([20.0, 100.0])


def test_empty_pictures() -> None:
    empty, full = np.zeros((1, 12, 12), np.float32), np.ones((1, 12, 12), np.float32)
    assert [v[0] for v in metrics.overlap(empty, empty)] == [1, 1, 1]
    assert [v[0] for v in metrics.overlap(full, empty)] == [0, 0, 1]
    assert [v[0] for v in metrics.overlap(empty, full)] == [0, 1, 0]


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=10)
def test_batches_agree_with_single_pictures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    want = rng.random((3, 28, 28)).astype(np.float32)
    have = np.clip(want + rng.normal(0, 0.3, want.shape), 0, 1).astype(np.float32)
    result = metrics.pixel_metrics(want, have)
    for i in range(3):
        oracle = structural_similarity(
            want[i], have[i], data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert result["ssim"][i] == pytest.approx(oracle, abs=1e-5)
        single = fidelity(want[i], have[i])
        for key in ("mse", "psnr", "iou"):
            assert result[key][i] == pytest.approx(single[key], rel=1e-5)


def test_drawn_travel_and_lifts_by_hand() -> None:
    # Down, down, up, up, down, down, up: a leading point in the air, one lift, a tail in the air.
    v = 0.1
    rows = [(v, 0, 0.1, 0), (v, 0, 0.1, 1), (v, 0, 0.1, 1), (v, 0, 0.1, 0), (v, 0, 0.1, 1), (0, v, 0.1, 1)]
    rows += [(v, 0, 0.1, 0.2), (9, 9, 0.1, 0)]
    result = metrics.gesture_metrics(steps_of(rows), np.array([0.1]))
    assert result["drawn"][0] == pytest.approx(0.2)
    assert result["travel"][0] == pytest.approx(0.2)
    assert result["lifts"][0] == 1
    assert result["length_ratio"][0] == pytest.approx(2.0)
    assert np.isnan(metrics.gesture_metrics(steps_of(rows), np.array([0.0]))["length_ratio"][0])


def test_nothing_drawn() -> None:
    result = metrics.gesture_metrics(steps_of([(0.1, 0, 0.1, 0.0)] * 4), np.array([1.0]))
    assert [result[k][0] for k in ("drawn", "travel", "lifts")] == [0, 0, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(deadline=None, max_examples=50)
def test_lifts_are_those_of_the_gesture(ink: list[float]) -> None:
    n = len(ink)
    steps = np.column_stack([np.full((n, 2), 0.1), np.full(n, 0.1), ink])[None].astype(np.float32)
    gesture = Gesture(np.zeros(2), steps[0, :-1, :2], steps[0, :, 2], steps[0, :, 3])
    result = metrics.gesture_metrics(steps, np.array([1.0]))
    assert result["lifts"][0] == gesture.lifts
    assert np.allclose(
        metrics.positions(np.zeros((1, 2), np.float32), steps)[0], gesture.positions, atol=1e-6
    )


def test_raster_draws_only_where_the_pen_is_down() -> None:
    rows = [(0.5, 0, 4 / 28, 1), (0, 0.5, 4 / 28, 1), (0, 0, 4 / 28, 0)]
    drawn = metrics.raster(np.array([[0.25, 0.25]], np.float32), steps_of(rows))
    assert drawn.shape == (1, 28, 28)
    assert drawn[0, 6, 14] == pytest.approx(1)
    assert drawn[0, 14, 21] == 0
    assert drawn[0].sum() == pytest.approx(14 * 4 + np.pi * 4, rel=0.02)


def test_skeleton_lengths_are_in_canvas_units() -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 13:16, 4:24] = 1
    assert metrics.skeleton_lengths(image)[0] == pytest.approx(18 / 28, abs=2 / 28)
