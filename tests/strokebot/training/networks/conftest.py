"""Small networks."""

from __future__ import annotations

import pytest
import torch

from strokebot.training.networks.network import HEADS, GestureNetwork, NetworkConfig


def tiny_config(head: str = "transformer", rounds: int = 1) -> NetworkConfig:
    return NetworkConfig(head, 8, (8, 8, 8), dim=32, layers=1, rounds=rounds, corrector_layers=1)


@pytest.fixture(params=HEADS)
def tiny(request: pytest.FixtureRequest) -> GestureNetwork:
    """An untrained small network of each head, with one round."""
    torch.manual_seed(0)
    return GestureNetwork(tiny_config(request.param)).eval()


@pytest.fixture
def shaken() -> GestureNetwork:
    """A small network whose last layers are not 0, so that it answers to its image."""
    torch.manual_seed(1)
    network = GestureNetwork(tiny_config()).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        network.pen.log_softness.fill_(-1.0)
    return network
