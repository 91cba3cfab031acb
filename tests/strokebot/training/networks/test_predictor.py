"""The network in torch as numpy sees it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from strokebot.errors import StrokebotError, WeightsError
from strokebot.model.card import Card
from strokebot.training.networks import predictor as module
from strokebot.training.networks.checkpoint import load_network
from strokebot.training.networks.network import GestureNetwork
from strokebot.training.networks.predictor import TorchPredictor


@pytest.fixture
def small(shaken: GestureNetwork) -> TorchPredictor:
    """A predictor around a small network."""
    return TorchPredictor(shaken, Card({"kind": "gesture"}, sha256="abc"))


def noise(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 28, 28), dtype=np.float32)


def test_no_images_give_no_gestures(small: TorchPredictor) -> None:
    start, steps = small.predict_arrays(noise(0))
    assert start.shape == (0, 2)
    assert steps.shape == (0, 8, 4)
    assert small.gestures(noise(0)) == []
    assert small.render(start, steps).shape == (0, 28, 28)


@pytest.mark.parametrize("shape", [(2, 27, 28), (28, 28), (1, 1, 28, 28), (3, 32, 32)])
def test_another_size_is_refused(small: TorchPredictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match="28, 28"):
        small.predict_arrays(np.zeros(shape, np.float32))


def test_gestures_are_the_arrays(small: TorchPredictor) -> None:
    images = noise(3)
    start, steps = small.predict_arrays(images)
    gestures = small.gestures(images)
    assert [len(g) for g in gestures] == [small.points] * 3 == [8] * 3
    for k, gesture in enumerate(gestures):
        np.testing.assert_allclose(gesture.start, start[k])
        np.testing.assert_allclose(gesture.velocity, steps[k, :-1, :2])
        np.testing.assert_allclose(gesture.size, steps[k, :, 2])
        np.testing.assert_allclose(gesture.intensity, steps[k, :, 3])


def test_large_sets_go_through_in_parts(small: TorchPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(7)
    start, steps = small.predict_arrays(images)
    drawn = small.render(start, steps)
    monkeypatch.setattr(module, "_BATCH", 3)
    parts_start, parts = small.predict_arrays(images)
    np.testing.assert_allclose(parts_start, start, atol=1e-5)
    np.testing.assert_allclose(parts, steps, atol=1e-5)
    np.testing.assert_allclose(small.render(start, steps), drawn, atol=1e-5)


def test_rendering_is_the_networks_own_pen(small: TorchPredictor, shaken: GestureNetwork) -> None:
    start, steps = small.predict_arrays(noise(2))
    with torch.no_grad():
        own = shaken.pen(torch.from_numpy(start), torch.from_numpy(steps))[:, 0].numpy()
    np.testing.assert_array_equal(small.render(start, steps), own)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(StrokebotError, match="choose cpu or cuda"):
        load_network(device="abacus")
    network, _ = load_network(device="cpu")
    assert next(network.parameters()).device.type == "cpu"
