"""A batch is a pure function of seed, step and rank, and its pen paths lie on its ink."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import ConfigError
from strokebot.training.batches import Batches, Sources, place_strokes, warp_digits

CPU = torch.device("cpu")
N_STROKES, PATH_POINTS = 30, 16


def sources(digits: bool = True, strokes: bool = True) -> Sources:
    """Noise as digits; waves of one stroke, and of two with a lift in the middle."""
    rng = np.random.default_rng(0)
    x = np.linspace(-0.5, 0.5, PATH_POINTS)
    waves = np.stack(
        [
            np.broadcast_to(x, (N_STROKES, PATH_POINTS)),
            0.4 * np.sin(5 * x + rng.uniform(0, 6, (N_STROKES, 1))),
        ],
        axis=-1,
    )
    drawn = np.ones((N_STROKES, PATH_POINTS - 1), bool)
    drawn[::2, PATH_POINTS // 2] = False
    return Sources.on(
        CPU,
        rng.integers(0, 256, (20, 28, 28), dtype=np.uint8) if digits else None,
        waves.astype(np.float32) if strokes else None,
        drawn if strokes else None,
        np.ones(N_STROKES, np.float32) if strokes else None,
    )


def batches(seed: int = 0, rank: int = 0, size: int = 8, share: float = 0.5, **more: bool) -> Batches:
    return Batches(sources(), size, share, 10, seed=seed, rank=rank, **more)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000), step=st.integers(0, 100_000), rank=st.integers(0, 7))
def test_a_batch_depends_on_seed_step_and_rank_alone(seed: int, step: int, rank: int) -> None:
    first, second = batches(seed, rank), batches(seed, rank)
    first(step + 1)  # what was made before must not matter
    torch.manual_seed(step)
    once, again = first(step), second(step)
    assert torch.equal(once.image, again.image)
    assert torch.equal(once.pen_points, again.pen_points)


def test_other_seeds_steps_and_ranks_give_other_batches() -> None:
    images = [
        made(step).image
        for made, step in (
            (batches(), 0),
            (batches(), 1),
            (batches(seed=1), 0),
            (batches(rank=1), 0),
            (batches(rank=2), 0),
        )
    ]
    for i, first in enumerate(images):
        for second in images[:i]:
            assert float((first - second).abs().amax((1, 2, 3)).min()) > 0.01  # not one image in common


def test_shapes_and_range() -> None:
    batch = batches(size=9, share=2 / 3)(3)
    assert batch.image.shape == (9, 1, 28, 28)
    assert batch.image.dtype == torch.float32
    assert batch.pen_points.shape == (3, 10, 2)
    assert float(batch.image.min()) >= 0
    assert float(batch.image.max()) <= 1


@pytest.mark.parametrize(("digits", "strokes"), [(True, False), (False, True)])
def test_one_kind_alone(digits: bool, strokes: bool) -> None:
    batch = Batches(sources(digits, strokes), 6, 0.5, 10)(0)
    assert batch.image.shape == (6, 1, 28, 28)
    assert len(batch.pen_points) == (6 if strokes else 0)


def test_nothing_to_train_on() -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        Sources.on(CPU, None, None, None, None)


def test_digits_without_augmentation_are_the_digits() -> None:
    made = Batches(sources(strokes=False), 5, 1.0, 10, augment=False)
    assert made.sources.digits is not None
    known = {image.numpy().tobytes() for image in made.sources.digits}
    for image in made(0).image[:, 0]:
        assert (image * 255).round().to(torch.uint8).numpy().tobytes() in known


@settings(deadline=None, max_examples=12)
@given(step=st.integers(0, 10_000))
def test_the_known_path_lies_on_the_ink(step: int) -> None:
    # One unbroken stroke each: every point of the path is under ink.
    one = sources(digits=False)
    assert one.drawn is not None
    one.drawn[:] = True
    batch = Batches(one, 6, 0.0, 12)(step)
    pixel = (batch.pen_points * 28).floor().long()
    inside = ((pixel >= 0) & (pixel < 28)).all(-1)
    assert inside.float().mean() > 0.95
    row, column = pixel[..., 1].clamp(0, 27), pixel[..., 0].clamp(0, 27)
    # The thinnest pen is 0.9 px: a pixel that the path only grazes is still grey.
    under = batch.image[torch.arange(6)[:, None], 0, row, column]
    assert float(under[inside].min()) > 0.15


def test_a_lift_leaves_no_ink() -> None:
    two = sources(digits=False)
    assert two.points is not None
    assert two.drawn is not None
    # Two dots far from each other, the way between them lifted.
    two.points[:] = torch.tensor([-0.5, 0.0])
    two.points[:, PATH_POINTS // 2 :] = torch.tensor([0.5, 0.0])
    two.drawn[:] = True
    two.drawn[:, PATH_POINTS // 2 - 1] = False
    batch = Batches(two, 8, 0.0, 10)(1)
    middle = (0.5 * (batch.pen_points[:, 0] + batch.pen_points[:, -1]) * 28).floor().long()
    assert float(batch.image[torch.arange(8), 0, middle[:, 1], middle[:, 0]].max()) < 0.05
    assert float(batch.image.amax((1, 2, 3)).min()) > 0.1


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_strokes_are_placed_like_mnist_digits(seed: int) -> None:
    made = sources(digits=False)
    assert made.points is not None
    assert made.drawn is not None
    generator = torch.Generator().manual_seed(seed)
    placed = place_strokes(made.points, made.drawn, generator)
    span = (placed.amax(1) - placed.amin(1)).amax(-1) * 28
    assert ((span > 0.77 * 20) & (span < 1.07 * 20)).all()
    middles = 0.5 * (placed[:, 1:] + placed[:, :-1])
    mass = torch.diff(placed, dim=1).norm(dim=-1) * made.drawn
    centre = (middles * mass[..., None]).sum(1) / mass.sum(1, keepdim=True)
    assert float((centre - 0.5).abs().max()) * 28 < 1.6


def test_sets_are_drawn_by_their_weight() -> None:
    made = sources(digits=False)
    assert made.points is not None
    made.set_weight = torch.zeros(N_STROKES)
    made.set_weight[4] = 1.0
    made.points[4] = 0.0  # a dot, as no other is
    batch = Batches(made, 40, 0.0, 10)(0)
    assert float((batch.pen_points.amax(1) - batch.pen_points.amin(1)).max()) < 1e-5


def test_warped_digits_stay_near_and_some_stay_whole() -> None:
    digits = torch.zeros(200, 1, 28, 28)
    digits[:, :, 9:19, 11:17] = 1.0
    warped = warp_digits(digits, torch.Generator().manual_seed(0))
    whole = (warped == digits).flatten(1).all(1).float().mean()
    assert 0.2 < float(whole) < 0.4
    overlap = (warped * digits).sum((1, 2, 3)) / digits.sum((1, 2, 3))
    assert float(overlap.mean()) > 0.7
    assert float(warped.min()) >= 0
    assert float(warped.max()) <= 1
