"""The border between images and gestures, and the weights that ship."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from strokebot.errors import GestureError, WeightsError
from strokebot.gesture import Gesture
from strokebot.model import predictor as module
from strokebot.model.checkpoint import Card, read_card, shipped_weights
from strokebot.model.network import GestureNetwork
from strokebot.model.predictor import Predictor, arrays_of, gestures_of, load_predictor

DIGITS = Path(__file__).parents[2] / "data" / "mnist_20.npz"
# The wheel stays small: the promise is 10 MB of weights at most.
MOST_BYTES = 10_000_000


@pytest.fixture
def small(shaken: GestureNetwork) -> Predictor:
    """A predictor around a small network."""
    return Predictor(shaken, Card({"kind": "gesture"}, sha256="abc"))


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    """The predictor of the package."""
    return load_predictor()


@pytest.fixture(scope="module")
def digits() -> NDArray[np.float32]:
    """Twenty MNIST test digits, ink (20, 28, 28)."""
    with np.load(DIGITS) as file:
        return file["images"].astype(np.float32) / 255


def noise(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 28, 28), dtype=np.float32)


def test_no_images_give_no_gestures(small: Predictor) -> None:
    start, steps = small.predict_arrays(noise(0))
    assert start.shape == (0, 2)
    assert steps.shape == (0, 8, 4)
    assert small.gestures(noise(0)) == []
    assert small.render(start, steps).shape == (0, 28, 28)


@pytest.mark.parametrize("shape", [(2, 27, 28), (28, 28), (1, 1, 28, 28), (3, 32, 32)])
def test_another_size_is_refused(small: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match="28 x 28"):
        small.predict_arrays(np.zeros(shape, np.float32))


def test_gestures_are_the_arrays(small: Predictor) -> None:
    images = noise(3)
    start, steps = small.predict_arrays(images)
    gestures = small.gestures(images)
    assert [len(g) for g in gestures] == [small.points] * 3 == [8] * 3
    for k, gesture in enumerate(gestures):
        np.testing.assert_allclose(gesture.start, start[k])
        np.testing.assert_allclose(gesture.velocity, steps[k, :-1, :2])
        np.testing.assert_allclose(gesture.size, steps[k, :, 2])
        np.testing.assert_allclose(gesture.intensity, steps[k, :, 3])
    again_start, again = arrays_of(gestures)
    np.testing.assert_allclose(again_start, start)
    np.testing.assert_allclose(again[:, :, 2:], steps[:, :, 2:])
    np.testing.assert_allclose(again[:, :-1], steps[:, :-1])


def test_gestures_of_different_lengths_are_refused() -> None:
    two = [Gesture.from_positions(np.zeros((n, 2)), np.ones(n), np.ones(n)) for n in (2, 3)]
    with pytest.raises(GestureError, match="length"):
        arrays_of(two)


def test_no_gestures_are_empty_arrays() -> None:
    start, steps = arrays_of([])
    assert start.shape == (0, 2)
    assert steps.shape[0] == 0
    assert gestures_of(start, steps.reshape(0, 1, 4)) == []


def test_large_sets_go_through_in_parts(small: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(7)
    start, steps = small.predict_arrays(images)
    drawn = small.render(start, steps)
    monkeypatch.setattr(module, "_BATCH", 3)
    parts_start, parts = small.predict_arrays(images)
    np.testing.assert_allclose(parts_start, start, atol=1e-5)
    np.testing.assert_allclose(parts, steps, atol=1e-5)
    np.testing.assert_allclose(small.render(start, steps), drawn, atol=1e-5)


def test_rendering_is_the_networks_own_pen(small: Predictor, shaken: GestureNetwork) -> None:
    start, steps = small.predict_arrays(noise(2))
    with torch.no_grad():
        own = shaken.pen(torch.from_numpy(start), torch.from_numpy(steps))[:, 0].numpy()
    np.testing.assert_array_equal(small.render(start, steps), own)
    assert small.softness_px == pytest.approx(float(np.exp(-1.0)))
    assert small.weights_hash == "abc"


# --- the shipped weights ------------------------------------------------------------------------


def test_the_shipped_weights_are_small_and_true_to_their_card(shipped: Predictor) -> None:
    path = shipped_weights()
    data = path.read_bytes()
    assert len(data) <= MOST_BYTES
    assert read_card(path).sha256 == hashlib.sha256(data).hexdigest() == shipped.weights_hash
    assert shipped.card.data["mnist"].endswith("CC BY-SA 3.0")


def test_the_shipped_weights_draw_digits(shipped: Predictor, digits: NDArray[np.float32]) -> None:
    drawn = shipped.render(*shipped.predict_arrays(digits))
    error = ((drawn - digits) ** 2).mean(axis=(1, 2))
    have, want = drawn >= 0.5, digits >= 0.5
    iou = (have & want).sum(axis=(1, 2)) / (have | want).sum(axis=(1, 2))
    assert error.mean() < 0.003
    assert iou.mean() > 0.9
    assert error.max() < 0.01  # no single one is spoiled


def test_the_same_image_gives_the_same_gesture(shipped: Predictor, digits: NDArray[np.float32]) -> None:
    first, second = (load_predictor().predict_arrays(digits) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_a_package_without_weights_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strokebot.model.checkpoint.SHIPPED_NAME", "absent")
    with pytest.raises(WeightsError, match="--method tour"):
        load_predictor()
