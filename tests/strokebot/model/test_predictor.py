"""The network as drawing runs it: the weights that ship, their card, and torch as the oracle."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from strokebot import raster
from strokebot.errors import WeightsError
from strokebot.model.card import read_card, shipped_weights
from strokebot.model.predictor import Predictor, load_predictor

DIGITS = Path(__file__).parents[2] / "data" / "mnist_20.npz"
# The wheel stays small: the promise is 10 MB of weights at most.
MOST_BYTES = 10_000_000
Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    """The predictor of the package."""
    return load_predictor()


@pytest.fixture(scope="module")
def digits() -> Array:
    """Twenty MNIST test digits, ink (20, 28, 28)."""
    with np.load(DIGITS) as file:
        return file["images"].astype(np.float32) / 255


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped weights in a folder of their own."""
    for suffix in (".safetensors", ".onnx", ".json"):
        shutil.copy(shipped_weights().with_suffix(suffix), tmp_path)
    return tmp_path / shipped_weights().name


def test_the_shipped_files_are_small_and_true_to_their_card(shipped: Predictor) -> None:
    path, card = shipped_weights(), read_card(shipped_weights())
    tensors, onnx = path.read_bytes(), path.with_suffix(".onnx").read_bytes()
    assert len(tensors) + len(onnx) <= MOST_BYTES
    assert card.sha256 == hashlib.sha256(tensors).hexdigest() == shipped.weights_hash
    assert card.onnx_sha256 == hashlib.sha256(onnx).hexdigest()
    assert card.data["mnist"].endswith("CC BY-SA 3.0")


def test_it_answers_as_torch_does(shipped: Predictor, digits: Array) -> None:
    from strokebot.training.networks.predictor import load_torch_predictor

    start, steps = shipped.predict_arrays(digits)
    torch_start, torch_steps = load_torch_predictor().predict_arrays(digits)
    np.testing.assert_allclose(start, torch_start, atol=1e-4)
    np.testing.assert_allclose(steps, torch_steps, atol=1e-4)


def test_digits_are_drawn(shipped: Predictor, digits: Array) -> None:
    for image, gesture in zip(digits, shipped.gestures(digits), strict=True):
        down = raster.segments_down(gesture.pen_down)
        drawn = raster.draw_ink(gesture.positions * 28, gesture.size * 28, gesture.intensity, down, (28, 28))
        have, want = drawn >= 0.5, image >= 0.5
        assert (have & want).sum() / (have | want).sum() > 0.8
        assert ((drawn - image) ** 2).mean() < 0.01


def test_the_same_image_gives_the_same_gesture(digits: Array) -> None:
    first, second = (load_predictor().predict_arrays(digits) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_large_sets_go_through_in_parts(
    shipped: Predictor, digits: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, steps = shipped.predict_arrays(digits)
    monkeypatch.setattr(shipped, "_batch", 3)
    parts_start, parts = shipped.predict_arrays(digits)
    np.testing.assert_allclose(parts_start, start, atol=1e-4)
    np.testing.assert_allclose(parts, steps, atol=1e-4)


def test_no_images_give_no_gestures(shipped: Predictor) -> None:
    start, steps = shipped.predict_arrays(np.zeros((0, 28, 28), np.float32))
    assert start.shape == (0, 2)
    assert steps.shape == (0, shipped.points, 4)
    assert shipped.points == 40


@pytest.mark.parametrize("shape", [(2, 27, 28), (28, 28), (1, 1, 28, 28), (3, 32, 32)])
def test_another_size_is_refused(shipped: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match=r"\(B, 28, 28\)"):
        shipped.predict_arrays(np.zeros(shape, np.float32))


def test_torch_is_not_imported() -> None:
    code = (
        "import sys; from strokebot.model.predictor import load_predictor; load_predictor();"
        " sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- refusal ------------------------------------------------------------------------------------


def test_a_package_without_weights_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strokebot.model.card.SHIPPED_NAME", "absent")
    with pytest.raises(WeightsError, match="--method tour"):
        load_predictor()


def test_another_onnx_is_refused(copied: Path) -> None:
    onnx = copied.with_suffix(".onnx")
    onnx.write_bytes(onnx.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="sha256"):
        load_predictor(copied)
    onnx.unlink()
    with pytest.raises(WeightsError, match=r"Cannot read .*\.onnx"):
        load_predictor(copied)


def test_weights_without_onnx_name_the_command_that_makes_it(copied: Path) -> None:
    card = json.loads(copied.with_suffix(".json").read_text())
    del card["onnx_sha256"]
    copied.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match=r"networks\.export"):
        load_predictor(copied)


def test_an_onnx_that_is_none_is_one_line(copied: Path) -> None:
    copied.with_suffix(".onnx").write_bytes(b"no network")
    card = json.loads(copied.with_suffix(".json").read_text())
    card["onnx_sha256"] = hashlib.sha256(b"no network").hexdigest()
    copied.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="cannot be read") as caught:
        load_predictor(copied)
    assert "\n" not in str(caught.value)
