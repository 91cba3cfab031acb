"""The polish improves drawings and never makes one worse, glyph by glyph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.errors import GestureError
from strokebot.gesture import Gesture
from strokebot.pen import LinePen
from strokebot.pen.response import OnPaper, PenResponse, response_table
from strokebot.polish.glyphs import _lifts, polish_arrays, polish_glyphs

Floats = NDArray[np.float32]
DIGITS = Path(__file__).parents[2] / "data" / "mnist_20.npz"
POINTS = 12
# The same sums in another order differ in the last bits of 32-bit floats.
ROUNDING = 1e-7


def waves(count: int) -> tuple[Floats, Floats]:
    """Gestures like a written wave, each a little other: start (B, 2), steps (B, N, 4)."""
    rng = np.random.default_rng(5)
    x = np.linspace(0.2, 0.8, POINTS)
    y = 0.5 + 0.2 * np.sin(6 * x[None] + rng.uniform(0, 6, (count, 1)))
    points = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)
    steps = np.zeros((count, POINTS, 4), np.float32)
    steps[:, :-1, :2] = np.diff(points, axis=1)
    steps[..., 2], steps[..., 3] = 2.5 / 28, 0.97
    return points[:, 0].astype(np.float32), steps


def draw(start: Floats, steps: Floats, side: int = 28) -> Floats:
    with torch.no_grad():
        return LinePen(side, side)(torch.from_numpy(start), torch.from_numpy(steps))[:, 0].numpy()


def figures(images: Floats, start: Floats, steps: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Squared error, IoU at half ink, and lifts of each gesture."""
    drawn = draw(start, steps, images.shape[1])
    have, want = drawn >= 0.5, images >= 0.5
    either = np.maximum((have | want).sum(axis=(1, 2)), 1)
    gestures = [Gesture(s, v[:-1, :2], v[:, 2], v[:, 3]) for s, v in zip(start, steps, strict=True)]
    return (
        ((drawn - images) ** 2).mean(axis=(1, 2)),
        (have & want).sum(axis=(1, 2)) / either,
        np.array([g.lifts for g in gestures]),
    )


def perturbed(seed: int, spread_px: float, count: int = 3) -> tuple[Floats, Floats, Floats]:
    """Images of waves, and gestures that are off by noise in every number, with a few lifts."""
    rng = np.random.default_rng(seed)
    start, steps = waves(count)
    images = draw(start, steps)
    bad = steps.copy()
    bad[..., :2] += rng.normal(0, spread_px / 28, bad[..., :2].shape)
    bad[..., 2] *= np.exp(rng.normal(0, 0.3, bad.shape[:2]))
    bad[..., 3] = np.where(rng.random(bad.shape[:2]) < 0.15, rng.random(bad.shape[:2]), bad[..., 3])
    return images, (start + rng.normal(0, spread_px / 28, start.shape)).astype(np.float32), bad


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), spread_px=st.sampled_from([0.1, 0.7, 3.0]), iterations=st.integers(1, 25))
def test_no_glyph_gets_worse(seed: int, spread_px: float, iterations: int) -> None:
    images, start, steps = perturbed(seed, spread_px)
    error0, iou0, lifts0 = figures(images, start, steps)
    done = polish_arrays(images, start, steps, iterations=iterations)
    error, iou, lifts = figures(images, *done)
    assert (error <= error0 + ROUNDING).all()
    assert (iou >= iou0 - ROUNDING).all()
    assert (lifts <= lifts0).all()
    assert np.isfinite(done[1]).all()
    assert ((done[1][..., 3] >= 0) & (done[1][..., 3] <= 1)).all()
    assert (done[1][..., 2] >= 0).all()


def test_a_shorter_movement_is_not_bought_with_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strokebot.polish.glyphs._LENGTH", 1e-2)  # as if length were all that counts
    start, steps = waves(3)
    steps[..., 3] = 0.4  # too light to count as ink: overlap has no say
    images = draw(start, steps)  # and a perfect drawing already
    error, _, _ = figures(images, *polish_arrays(images, start, steps, iterations=5))
    assert (error <= ROUNDING).all()


def test_a_smaller_error_is_not_bought_with_overlap() -> None:
    start, steps = waves(3)
    images = np.where(draw(start, steps) >= 0.5, np.float32(0.5), np.float32(0))  # grey that counts as ink
    _, iou, _ = figures(images, *polish_arrays(images, start, steps, iterations=60))
    assert (iou == 1).all()


def test_a_perturbed_gesture_is_mended() -> None:
    images, start, steps = perturbed(1, 0.5, count=6)
    error0, iou0, _ = figures(images, start, steps)
    error, iou, _ = figures(images, *polish_arrays(images, start, steps, iterations=60))
    assert error.mean() < 0.2 * error0.mean()
    assert iou.mean() > iou0.mean() + 0.05


def test_a_pen_of_few_widths_draws_closer_when_it_is_known() -> None:
    pen = replace(
        Profile.load("grbl-servo").pen, widths_mm=(0.5, 0.8), values=(400.0, 700.0), darkness=(0.9, 0.95),
        touch=400.0, full=700.0, up=200.0,
    )  # fmt: skip
    images, start, steps = perturbed(1, 0.5, count=6)
    on_paper = OnPaper(PenResponse(response_table(pen)), np.full(6, 14.0), np.zeros(6))
    rows = torch.arange(6)

    def error_on_paper(done: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        drawn = on_paper.drawn(torch.from_numpy(done[1]), rows).numpy()
        return figures(images, done[0], drawn)[0]

    blind = error_on_paper(polish_arrays(images, start, steps, iterations=60))
    seeing = error_on_paper(polish_arrays(images, start, steps, iterations=60, on_paper=on_paper))
    assert (seeing <= error_on_paper((start, steps)) + ROUNDING).all()
    assert seeing.mean() < 0.9 * blind.mean()


def test_real_digits_from_the_network_get_better() -> None:
    from strokebot.model.predictor import load_predictor

    with np.load(DIGITS) as file:
        images = file["images"].astype(np.float32) / 255
    predictor = load_predictor()
    start, steps = predictor.predict_arrays(images)
    softness = predictor.softness_px

    def error(start: Floats, steps: Floats) -> Floats:
        return ((predictor.render(start, steps) - images) ** 2).mean(axis=(1, 2))

    before, after = error(start, steps), error(*polish_arrays(images, start, steps, softness, 20))
    assert (after <= before + ROUNDING).all()
    assert after.mean() < 0.9 * before.mean()


def test_zero_iterations_change_nothing() -> None:
    images, start, steps = perturbed(2, 1.0)
    done_start, done = polish_arrays(images, start, steps, iterations=0)
    np.testing.assert_array_equal(done_start, start)
    np.testing.assert_array_equal(done, steps)


def test_the_input_is_left_alone() -> None:
    images, start, steps = perturbed(3, 1.0)
    copies = images.copy(), start.copy(), steps.copy()
    polish_arrays(images, start, steps, iterations=5)
    for ours, copy in zip((images, start, steps), copies, strict=True):
        np.testing.assert_array_equal(ours, copy)


def test_nothing_to_polish() -> None:
    none = np.zeros((0, 28, 28), np.float32), np.zeros((0, 2), np.float32), np.zeros((0, 9, 4), np.float32)
    start, steps = polish_arrays(*none)
    assert start.shape == (0, 2)
    assert steps.shape == (0, 9, 4)
    assert polish_glyphs(none[0], []) == []


@pytest.mark.parametrize("short", [0, 1, 2], ids=["images", "starts", "steps"])
def test_numbers_that_differ_are_refused(short: int) -> None:
    arrays = [*perturbed(4, 0.5)]
    arrays[short] = arrays[short][:-1]
    with pytest.raises(GestureError, match="do not fit"):
        polish_arrays(*arrays)  # type: ignore[arg-type]


def test_gestures_go_in_and_come_out() -> None:
    images, start, steps = perturbed(6, 0.5)
    gestures = [Gesture(s, v[:-1, :2], v[:, 2], v[:, 3]) for s, v in zip(start, steps, strict=True)]
    done = polish_glyphs(images, gestures, iterations=10)
    _, arrays = polish_arrays(images, start, steps, iterations=10)
    assert [len(g) for g in done] == [POINTS] * 3
    np.testing.assert_allclose([g.size for g in done], arrays[..., 2], atol=1e-6)
    with pytest.raises(GestureError, match="do not fit"):
        polish_glyphs(images[:1], gestures)


def test_glyphs_do_not_touch_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    images, start, steps = perturbed(7, 0.5, count=5)
    together = polish_arrays(images, start, steps, iterations=30)
    monkeypatch.setattr("strokebot.polish.glyphs._BATCH", 2)
    apart = polish_arrays(images, start, steps, iterations=30)
    np.testing.assert_allclose(apart[0], together[0], atol=1e-4)
    np.testing.assert_allclose(apart[1], together[1], atol=1e-4)


def test_the_same_twice() -> None:
    images, start, steps = perturbed(8, 0.5)
    first, second = (polish_arrays(images, start, steps, iterations=12) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("points", [1, 2, 3])
def test_the_shortest_gestures(points: int) -> None:
    start, steps = waves(2)
    images = draw(start, steps[:, :3])
    done = polish_arrays(images, start + np.float32(0.02), steps[:, :points], iterations=10)
    assert done[1].shape == (2, points, 4)
    assert np.isfinite(done[1]).all()
    before, _, _ = figures(images, start + np.float32(0.02), steps[:, :points])
    after, _, _ = figures(images, *done)
    assert (after < before).all()


def test_any_size_of_image() -> None:
    start, steps = waves(1)
    images = draw(start, steps, 40)[:, :, :]
    moved = start + np.float32(0.5 / 28)
    after, _, _ = figures(images, *polish_arrays(images, moved, steps, iterations=30))
    before, _, _ = figures(images, moved, steps)
    assert after[0] < 0.5 * before[0]


def test_an_empty_image_stays_possible() -> None:
    start, steps = waves(1)
    blank = np.zeros((1, 28, 28), np.float32)
    done = polish_arrays(blank, start, steps, iterations=20)
    error0, _, _ = figures(blank, start, steps)
    error, _, lifts = figures(blank, *done)
    assert error[0] < error0[0]
    assert lifts[0] == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0.1, 0.49, 0.5, 0.9]), min_size=1, max_size=9))
def test_lifts_are_counted_as_the_gesture_counts_them(ink: list[float]) -> None:
    gesture = Gesture.from_positions(np.zeros((len(ink), 2)), np.ones(len(ink)), np.array(ink))
    assert int(_lifts(torch.tensor([ink], dtype=torch.float64))[0]) == gesture.lifts
