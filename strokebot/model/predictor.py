"""The network as drawing runs it: images in, gestures out, by onnxruntime, without torch.

The .onnx beside the weights is the network of the .safetensors, written when it was trained
(``strokebot.training.networks.export``); a test holds both together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import WeightsError
from strokebot.gesture import Gesture, gestures_of
from strokebot.model.card import Card, read_card, read_checked, shipped_weights

# Side of the images that the network reads, px.
IMAGE_PX = 28
# Glyphs that go through the network at once: more do not fit into the cache and are slower.
_BATCH = 16


class Predictor:
    """A trained network, ready to draw.

    Args:
        session: an ``onnxruntime.InferenceSession``: image (B, 1, 28, 28) to start (B, 2) and
            steps (B, N, 4), where B may be fixed.
        card: what its weights are.
    """

    def __init__(self, session: Any, card: Card) -> None:
        self._session = session
        self.card = card
        size = session.get_inputs()[0].shape[0]
        self._batch = size if isinstance(size, int) else _BATCH

    @property
    def weights_hash(self) -> str:
        """sha256 of the weights file."""
        return self.card.sha256

    @property
    def points(self) -> int:
        """N, the points of a gesture."""
        return int(self._session.get_outputs()[1].shape[1])

    def predict_arrays(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 28, 28), ink in [0, 1], to start (B, 2) and steps (B, N, 4), canvas units.

        Raises:
            WeightsError: if the images do not have the size that the network was trained for.
        """
        check_images(images)
        starts, steps = [np.zeros((0, 2), np.float32)], [np.zeros((0, self.points, 4), np.float32)]
        for first in range(0, len(images), self._batch):
            batch = np.ascontiguousarray(images[first : first + self._batch, None], dtype=np.float32)
            start, step = self._session.run(["start", "steps"], {"image": batch})
            starts.append(start)
            steps.append(step)
        return np.concatenate(starts), np.concatenate(steps)

    def gestures(self, images: NDArray[np.float32]) -> list[Gesture]:
        """Images (B, 28, 28), ink in [0, 1], to one gesture each on the canvas of the image."""
        return gestures_of(*self.predict_arrays(images))


def check_images(images: NDArray[np.float32]) -> None:
    """Checks that images have the size that the network reads.

    Raises:
        WeightsError: if not.
    """
    if images.ndim != 3 or images.shape[1:] != (IMAGE_PX, IMAGE_PX):
        raise WeightsError(
            f"The network draws images of shape (B, {IMAGE_PX}, {IMAGE_PX}), not {images.shape}."
        )


def open_session(onnx: bytes) -> Any:
    """An onnxruntime session of one thread.

    Sums in another order end in other last digits: one thread gives the same gesture at every
    call, and for the few glyphs of a picture it is as fast as two.

    Raises:
        Exception: of onnxruntime's own kinds, if the bytes are no network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors alone: a machine without a GPU is no news
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def load_predictor(weights: Path | None = None) -> Predictor:
    """Loads weights, or those of the package, for drawing.

    Args:
        weights: the .safetensors file; its card and its .onnx lie beside it.

    Raises:
        WeightsError: if they are missing, damaged, or not what their card says.
    """
    path = shipped_weights() if weights is None else weights
    card, onnx = read_card(path), path.with_suffix(".onnx")
    if not card.onnx_sha256:
        raise WeightsError(
            f"{path} has no ONNX, which drawing reads: python -m strokebot.training.networks.export {path}"
        )
    data = read_checked(onnx, card.onnx_sha256)
    try:
        session = open_session(data)
    except Exception as cause:  # onnxruntime raises kinds of its own, without a common one
        first = str(cause).splitlines()[0]
        raise WeightsError(f"The network {onnx} cannot be read: {first}") from cause
    return Predictor(session, card)
