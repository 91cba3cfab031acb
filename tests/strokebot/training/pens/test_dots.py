"""The dot pen is the article's formula, to the letter."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from torch import Tensor

from strokebot.training.pens import DotPen
from strokebot.training.pens.base import positions
from tests.support.pen_cases import seeds, wander


def loop_oracle(start: Tensor, steps: Tensor, side: int) -> Tensor:
    """The article's rendering in plain loops: pixel i at i / side, the darkest dot wins."""
    points = positions(start, steps)
    image = torch.zeros(len(start), 1, side, side, dtype=steps.dtype)
    for b in range(len(start)):
        for row in range(side):
            for column in range(side):
                image[b, 0, row, column] = max(
                    float(steps[b, k, 3])
                    * math.exp(
                        -(
                            (column / side - float(points[b, k, 0])) ** 2
                            + (row / side - float(points[b, k, 1])) ** 2
                        )
                        / (float(steps[b, k, 2]) * 0.01 + 0.0001)
                    )
                    for k in range(steps.shape[1])
                )
    return image


@settings(deadline=None, max_examples=6)
@given(seed=seeds)
def test_it_is_the_formula_of_the_article(seed: int) -> None:
    start, steps = wander(seed, batch=1, points=4)
    steps[..., 2] = torch.rand(1, 4, generator=torch.Generator().manual_seed(seed), dtype=steps.dtype)
    torch.testing.assert_close(DotPen()(start, steps), loop_oracle(start, steps, 28), rtol=1e-9, atol=1e-12)


def test_pixels_lie_at_their_corners() -> None:
    steps = torch.tensor([[[0.0, 0.0, 0.0, 0.7]]])
    image = DotPen()(torch.tensor([[5 / 28, 9 / 28]]), steps)[0, 0]
    assert image.argmax() == 9 * 28 + 5
    torch.testing.assert_close(float(image.max()), 0.7)


def test_half_maximum_radii_of_the_article() -> None:
    # 2.34 px at size 1 and 0.23 px at size 0, where exp(-r^2 / spread) is a half.
    for size, radius_px in ((1.0, 2.34), (0.0, 0.23)):
        start = torch.tensor([[0.5 + radius_px / 28, 0.5]], dtype=torch.float64)
        steps = torch.tensor([[[0.0, 0.0, size, 1.0]]], dtype=torch.float64)
        assert abs(float(DotPen()(start, steps)[0, 0, 14, 14]) - 0.5) < 0.02


def test_gradients_are_those_of_finite_differences() -> None:
    start, steps = wander(11, batch=1, points=3)
    steps[..., 2] = 0.5
    pen = DotPen(7, 7)
    assert torch.autograd.gradcheck(pen, (start.requires_grad_(), steps.requires_grad_()))
