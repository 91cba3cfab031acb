"""Pairs near edges give the plain model's image and gradient, whatever the chunks and slack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.polish import capsules, pairs
from strokebot.polish.strokes import Strokes
from strokebot.training.pens import LinePen
from tests.support.refine_cases import Floats, wander

SIDE = 40
SOFT = 0.25
seeds = st.integers(0, 10_000)


def segments(strokes: Strokes) -> capsules.Segments:
    return capsules.segments_of(strokes.points, strokes.radius, strokes.ink, strokes.segments)


def find(strokes: Strokes, target: Floats, slack: float = 0.3, shape: Any = (SIDE, SIDE)) -> pairs.Pairs:
    return pairs.find_pairs(segments(strokes), capsules.float32(target.ravel()), shape, SOFT, slack)


def image(strokes: Strokes, slack: float = 0.3, shape: tuple[int, int] = (SIDE, SIDE)) -> Floats:
    found = find(strokes, np.zeros(shape), slack, shape=shape)
    return np.asarray(pairs.render(segments(strokes), found, SOFT), np.float64).reshape(shape)


def plain(strokes: Strokes, shape: tuple[int, int] = (SIDE, SIDE)) -> Floats:
    """The model without any shortcut: discs side by side along each segment, every one at every pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    best = np.zeros(shape)
    for k in strokes.segments:
        share = np.linspace(0, 1, 201)[:, None, None]
        centre = strokes.points[k] + share * (strokes.points[k + 1] - strokes.points[k])
        radius = strokes.radius[k] + share * (strokes.radius[k + 1] - strokes.radius[k])
        inside = radius - np.hypot(x - centre[..., :1], y - centre[..., 1:])
        nearest = inside.argmax(axis=0)[None]
        inside = np.take_along_axis(inside, nearest, 0)[0]
        radius = radius.ravel()[nearest[0]]
        ink = strokes.ink[k] + share.ravel()[nearest[0]] * (strokes.ink[k + 1] - strokes.ink[k])
        cover = 1 / (1 + np.exp(-inside / SOFT)) - 1 / (1 + np.exp(-(inside - 2 * radius) / SOFT))
        best = np.maximum(best, ink * cover)
    return best


@settings(deadline=None, max_examples=12)
@given(seed=seeds, least_radius=st.sampled_from([0.1, 0.4, 1.0, 4.0]), grey=st.booleans())
def test_the_image_is_that_of_the_plain_model(seed: int, least_radius: float, grey: bool) -> None:
    strokes = wander(seed, least_radius=least_radius)
    if grey:
        strokes.ink[:] = np.random.default_rng(seed).uniform(0.5, 1.0, len(strokes.ink))
    # Pixels farther than four softnesses from an edge are left bare, or full: 2 % of the ink.
    np.testing.assert_allclose(image(strokes), plain(strokes), atol=0.02)


def test_the_image_is_that_of_the_line_pen_where_lines_are_wide() -> None:
    strokes = wander(3, least_radius=2.0)
    strokes = Strokes(strokes.points, strokes.radius, strokes.ink, np.array([0]))
    pen = LinePen(SIDE, SIDE, SOFT)
    drawn = pen.draw_segments(*_tensors(strokes), torch.ones(1, len(strokes.points) - 1))
    np.testing.assert_allclose(image(strokes), drawn[0, 0].numpy(), atol=0.02)


def _tensors(strokes: Strokes) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.tensor(strokes.points[None] / SIDE, dtype=torch.float32),
        torch.tensor(strokes.radius[None] * 2 / SIDE, dtype=torch.float32),
    )


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_the_pull_is_the_gradient_of_the_line_pen(seed: int) -> None:
    strokes = wander(seed, points=8, least_radius=2.0)
    # Segments apart from each other: at a common end two are equally dark, and either may answer.
    strokes = Strokes(strokes.points, strokes.radius, strokes.ink, np.arange(0, 8, 2))
    target = np.random.default_rng(seed).random((SIDE, SIDE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "EDGE_SOFTNESSES", 14.0)  # all pixels that a 32-bit edge reaches
        patch.setattr(pairs, "TIE_INK", 0.0)
        sums = pairs.evaluate(segments(strokes), find(strokes, target), SOFT).sums
    ours = np.stack([sums[18:21].T, sums[21:24].T], axis=1).reshape(8, 3)
    points, size = (t.double().requires_grad_() for t in _tensors(strokes))
    ink = torch.tensor([[1.0, 0, 1, 0, 1, 0, 1]], dtype=torch.float64)
    drawn = LinePen(SIDE, SIDE, SOFT).draw_segments(points, size, ink)
    error = ((drawn[0, 0] - torch.tensor(target)) ** 2).sum()
    by_points, by_size = torch.autograd.grad(error, (points, size))
    theirs = np.column_stack([by_points[0].numpy() / SIDE, by_size[0].numpy() * 2 / SIDE]) / -2
    np.testing.assert_allclose(ours, theirs, atol=5e-3 * np.abs(theirs).max())


@settings(deadline=None, max_examples=15)
@given(seed=seeds, radius=st.sampled_from([0.3, 0.8, 2.0]), contrast=st.sampled_from([1.0, 3.0]))
def test_the_squares_are_those_of_differences(seed: int, radius: float, contrast: float) -> None:
    rng = np.random.default_rng(seed)
    points = np.array([[12.0, 15.0], [24.0, 22.0]]) + rng.uniform(-3, 3, (2, 2))
    line = Strokes(points, radius + rng.uniform(0, 0.4, 2), np.array([1.0, 1.0]), np.array([0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "EDGE_SOFTNESSES", 14.0)
        patch.setattr(pairs, "_CONTRAST_MARGIN", 1e9)  # every pixel pulls, so that there is no step
        target = rng.random((SIDE, SIDE))
        sums = pairs.evaluate(segments(line), find(line, target), SOFT, contrast).sums[:, 0]
        columns = []
        for k in range(6):
            step = np.zeros((2, 3))
            step.flat[k] = 0.01
            ends = [line.moved(points + s * step[:, :2], line.radius + s * step[:, 2]) for s in (1, -1)]
            columns.append(contrast * (image(ends[0]) - image(ends[1])).ravel() / 0.02)
        here, want = (np.clip(0.5 + contrast * (v - 0.5), 0, 1).ravel() for v in (image(line), target))
    jacobian = np.column_stack(columns)
    square, pull = jacobian.T @ jacobian, jacobian.T @ (want - here)
    upper = [(i, j) for i in range(3) for j in range(i, 3)]
    ours = [[square[i + a, j + b] for i, j in upper] for a, b in ((0, 0), (0, 3), (3, 3))]
    scale = np.abs(square).max()
    np.testing.assert_allclose(sums[:18], np.concatenate(ours), atol=0.01 * scale)
    np.testing.assert_allclose(sums[18:], pull, atol=0.03 * np.abs(pull).max())


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_pairs_hold_while_edges_move_within_the_slack(seed: int) -> None:
    before = wander(seed)
    rng = np.random.default_rng(seed)
    before.ink[:] = rng.uniform(0.6, 1.0, len(before.ink))
    angle = rng.uniform(0, 2 * np.pi, len(before.points))
    shift = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    after = before.moved(before.points + shift, before.radius)
    found = find(before, np.zeros((SIDE, SIDE)), 0.5)
    kept = np.asarray(pairs.render(segments(after), found, SOFT)).reshape(SIDE, SIDE)
    np.testing.assert_allclose(kept, image(after, 0.0), atol=0.02)


@pytest.mark.parametrize("chunk", [7, 100, 500])
def test_chunks_do_not_show(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = wander(5, least_radius=3.0)
    target = np.random.default_rng(0).random((SIDE, SIDE))
    whole = pairs.evaluate(segments(strokes), find(strokes, target), SOFT).sums
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", chunk)
    found = find(strokes, target)
    assert len(found.chunks) > 3
    np.testing.assert_allclose(
        pairs.evaluate(segments(strokes), found, SOFT).sums, whole, atol=1e-4, rtol=1e-4
    )


def test_what_is_not_kept_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = wander(6)
    found = find(strokes, np.random.default_rng(0).random((SIDE, SIDE)))
    kept = pairs.evaluate(segments(strokes), found, SOFT).sums
    monkeypatch.setattr(pairs, "_KEPT_PAIRS", 0)
    np.testing.assert_array_equal(pairs.evaluate(segments(strokes), found, SOFT).sums, kept)


def test_a_line_drawn_twice_moves_as_one() -> None:
    once = Strokes(np.array([[8.0, 20.0], [30.0, 20.0]]), np.ones(2), np.ones(2), np.array([0]))
    twice = Strokes(np.array([[8.0, 20.0], [30, 20], [8, 20]]), np.ones(3), np.ones(3), np.array([0]))
    target = image(once.moved(once.points + np.array([0, 0.3]), once.radius))
    alone = pairs.evaluate(segments(once), find(once, target), SOFT).sums[:, 0]
    both = pairs.evaluate(segments(twice), find(twice, target), SOFT).sums
    np.testing.assert_allclose(both[:, 0], alone, atol=1e-3)
    np.testing.assert_allclose(both[18:21, 1], alone[21:24], atol=1e-3)


def test_only_pixels_near_edges_are_pairs() -> None:
    wide = Strokes(np.array([[10.0, 20.0], [30.0, 20.0]]), np.full(2, 8.0), np.ones(2), np.array([0]))
    found = find(wide, np.zeros((SIDE, SIDE)), 0.0)
    ring = 2 * 20 + 2 * np.pi * 8
    assert found.count < 2.2 * ring * pairs.EDGE_SOFTNESSES * SOFT
    assert found.full.reshape(SIDE, SIDE)[20, 20] == 1


@pytest.mark.parametrize(
    "points",
    [
        [[5.0, 5.0], [5.0, 5.0]],
        [[-300.0, 5.0], [-200.0, 5.0]],
        [[1e30, -1e30], [2.0, 3.0]],
        [[20.5, 20.5], [20.5, 20.5]],
    ],
    ids=["no length", "outside", "far outside", "on a pixel centre"],
)
def test_odd_lines_give_numbers(points: list[list[float]]) -> None:
    line = Strokes(np.array(points), np.array([1.0, 2.0]), np.ones(2), np.array([0]))
    found = find(line, np.zeros((SIDE, SIDE)))
    assert np.isfinite(pairs.evaluate(segments(line), found, SOFT).sums).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 2)])
def test_any_shape_of_picture(shape: tuple[int, int]) -> None:
    line = Strokes(np.array([[-3.0, 0.0], [9.0, 5.0]]), np.array([1.0, 2.0]), np.ones(2), np.array([0]))
    np.testing.assert_allclose(image(line, shape=shape), plain(line, shape), atol=0.02)
