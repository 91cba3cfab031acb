"""The article's networks have the article's shapes and start."""

from __future__ import annotations

import pytest
import torch

from strokebot.training.networks.article import Dots10, Dots25
from strokebot.training.networks.blocks import parameter_count
from strokebot.training.pens import DotPen
from strokebot.training.pens.base import INTENSITY, positions


def images(batch: int = 3) -> torch.Tensor:
    return torch.rand(batch, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_dots_10_is_ten_static_points() -> None:
    torch.manual_seed(0)
    network = Dots10()
    assert isinstance(network.pen, DotPen)
    start, steps = network(images())
    assert steps.shape == (3, 10, 4)
    points = positions(start, steps)
    assert ((points > 0) & (points < 1)).all()
    assert (steps[..., INTENSITY] == 1).all()
    assert ((steps[..., 2] > 0) & (steps[..., 2] < 1)).all()
    # 784-300-200-30 with biases, as the article counts them.
    assert parameter_count(network) == 785 * 300 + 301 * 200 + 201 * 30 == 301_730


def test_dots_25_is_a_gesture_from_the_left_middle() -> None:
    torch.manual_seed(0)
    network = Dots25()
    start, steps = network(images())
    assert steps.shape == (3, 25, 4)
    torch.testing.assert_close(start, torch.tensor([[0.1, 0.5]]).expand(3, 2))
    assert (steps[..., :2].abs() <= 3 / 28).all()
    assert ((steps[..., 2:] > 0) & (steps[..., 2:] < 1)).all()
    counted = 785 * 600 + 601 * 500 + 501 * 400 + 401 * 300 + 301 * 100
    assert parameter_count(network) == counted == 1_122_300


def test_no_step_of_dots_25_is_longer_than_three_pixels_an_axis() -> None:
    torch.manual_seed(0)
    network = Dots25()
    with torch.no_grad():
        network.out.bias.fill_(1e3)
    start, steps = network(images(1))
    torch.testing.assert_close(steps[..., :2], torch.full((1, 25, 2), 3 / 28))
    torch.testing.assert_close(positions(start, steps)[0, -1], torch.tensor([0.1, 0.5]) + 24 * 3 / 28)


@pytest.mark.parametrize("kind", [Dots10, Dots25])
def test_they_answer_to_their_image_and_learn(kind: type[Dots10] | type[Dots25]) -> None:
    torch.manual_seed(0)
    network = kind()
    [(start, steps)] = network.proposals(images())
    # A deep stack of sigmoids that starts flat gives every image the same gesture.
    assert float(steps.detach().std(dim=0).max()) > 1e-3
    network.pen(start, steps).square().sum().backward()
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in network.parameters())
