"""The gesture network: shapes, its first drawing, the canvas as a hard border, its configuration."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import ConfigError, ShapeError
from strokebot.training.networks.blocks import parameter_count
from strokebot.training.networks.network import (
    WIDTH_MAX,
    WIDTH_MIN,
    GestureNetwork,
    NetworkConfig,
    decode,
    gesture_of,
)
from strokebot.training.pens.base import INTENSITY, SIZE, positions


def noise(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_shapes_of_every_head(tiny: GestureNetwork, batch: int) -> None:
    gestures = tiny.proposals(noise(batch))
    assert len(gestures) == 1 + tiny.config.rounds
    for start, steps in gestures:
        assert start.shape == (batch, 2)
        assert steps.shape == (batch, 8, 4)
        assert steps.dtype == torch.float32


def test_no_rounds_is_the_head_alone() -> None:
    network = GestureNetwork(NetworkConfig(points=8, channels=(8, 8, 8), dim=32, layers=1, rounds=0))
    assert network.corrector is None
    assert len(network.proposals(noise(2))) == 1


def test_an_untrained_network_draws_a_sweep_to_the_right(tiny: GestureNetwork) -> None:
    start, steps = tiny(noise(3))
    points = positions(start, steps)
    torch.testing.assert_close(points[..., 0], torch.linspace(0.2, 0.8, 8).expand(3, 8))
    torch.testing.assert_close(points[..., 1], torch.full((3, 8), 0.5))
    assert (steps[..., INTENSITY] > 0.9).all()
    width_px = steps[..., SIZE] * 28
    assert ((width_px > 2) & (width_px < 3.2)).all()


def test_an_untrained_corrector_leaves_the_proposal(tiny: GestureNetwork) -> None:
    with torch.no_grad():  # a head that has learned something, a corrector that has not
        tiny.head.out.weight.normal_(std=0.3)
    first, second = tiny.proposals(noise(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert float(first[1][:, :, 1].detach().abs().max()) > 0


def test_a_round_passes_no_gradient_to_the_head(shaken: GestureNetwork) -> None:
    _, (start, steps) = shaken.proposals(noise(2))
    (start.sum() + steps.square().sum()).backward()
    assert shaken.head.out.weight.grad is None
    assert shaken.corrector is not None
    assert float(shaken.corrector.out.weight.grad.abs().max()) > 0  # type: ignore[union-attr]


def test_every_parameter_but_the_pen_is_taught(shaken: GestureNetwork) -> None:
    gestures = shaken.proposals(noise(2))
    sum(start.sum() + steps.square().sum() for start, steps in gestures).backward()  # type: ignore[union-attr]
    idle = [n for n, p in shaken.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert idle == ["pen.log_softness"]


def test_the_rounds_look_at_the_drawing(shaken: GestureNetwork) -> None:
    image = noise(1)
    _, (_, steps) = shaken.proposals(image)
    with torch.no_grad():
        shaken.pen.log_softness.fill_(1.0)
    _, (_, other) = shaken.proposals(image)
    assert float((steps - other).detach().abs().max()) > 1e-6


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.1, 1.0, 10.0, 1e3, 1e6]))
def test_no_command_leaves_the_canvas(seed: int, spread: float) -> None:
    raw = spread * torch.randn(4, 9, 4, generator=torch.Generator().manual_seed(seed))
    points, size, ink = decode(raw)
    assert ((points >= 0) & (points <= 1)).all()
    assert ((size >= WIDTH_MIN) & (size <= WIDTH_MAX)).all()
    assert ((ink >= 0) & (ink <= 1)).all()
    start, steps = gesture_of(raw)
    torch.testing.assert_close(positions(start, steps), points, rtol=0, atol=1e-5)


def test_images_are_drawn_one_by_one(shaken: GestureNetwork) -> None:
    images = noise(4)
    together = shaken(images)[1]
    alone = torch.cat([shaken(image[None])[1] for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


# --- configuration ------------------------------------------------------------------------------


def test_the_table_builds_the_same_configuration() -> None:
    config = NetworkConfig("gru", 12, (8, 16, 24), dim=64, layers=2, rounds=0, corrector_layers=1)
    assert NetworkConfig.from_table(config.to_table()) == config


def test_more_width_is_more_parameters() -> None:
    small, large = (
        GestureNetwork(NetworkConfig(channels=(8, 8, 8), dim=dim, layers=1, rounds=0)) for dim in (32, 64)
    )
    assert parameter_count(small) < parameter_count(large)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"head": "oracle"}, "model.head"),
        ({"points": 1}, "model.points"),
        ({"points": 8.5}, "model.points"),
        ({"points": "40"}, "model.points"),
        ({"rounds": True}, "model.rounds"),
        ({"rounds": -1}, "model.rounds"),
        ({"layers": 0}, "model.layers"),
        ({"corrector_layers": 0}, "model.corrector_layers"),
        ({"dim": 48}, "model.dim"),
        ({"dim": 4096}, "model.dim"),
        ({"channels": [8, 8]}, "model.channels"),
        ({"channels": [8, 8, 12]}, "model.channels"),
        ({"channels": [8, 8, "x"]}, "model.channels"),
        ({"channels": 8}, "model.channels"),
        ({"colour": 3}, "model.colour"),
    ],
)
def test_a_bad_value_is_named(table: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        NetworkConfig.from_table(table)


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (2, 3, 28, 28), (2, 1, 32, 32), (2, 28, 28, 1)])
def test_images_of_another_shape_are_refused_in_words(tiny: GestureNetwork, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\(B, 1, 28, 28\)"):
        tiny(torch.zeros(shape))
