"""The only border between tensors and arrays: images in, gestures out.

Everything outside ``pen``, ``model``, ``polish`` and ``training`` sees numpy only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from strokebot.errors import GestureError, WeightsError
from strokebot.gesture import Gesture
from strokebot.model.checkpoint import AnyNetwork, Card, load_network, shipped_weights
from strokebot.model.network import IMAGE_PX
from strokebot.pen.line import DEFAULT_SOFTNESS_PX, LinePen

# Glyphs that go through the network at once: enough to fill two cores, little memory.
_BATCH = 256


class Predictor:
    """A trained network, ready to draw.

    Args:
        network: in evaluation mode.
        card: what its weights are.
    """

    def __init__(self, network: AnyNetwork, card: Card) -> None:
        self.network = network.eval()
        self.card = card

    @property
    def weights_hash(self) -> str:
        """sha256 of the weights file."""
        return self.card.sha256

    @property
    def softness_px(self) -> float:
        """Edge softness of the line pen that the network was trained with; the default for other pens."""
        pen = self.network.pen
        return pen.softness_px if isinstance(pen, LinePen) else DEFAULT_SOFTNESS_PX

    @property
    def points(self) -> int:
        """N, the points of a gesture."""
        return int(self.predict_arrays(np.zeros((1, IMAGE_PX, IMAGE_PX), np.float32))[1].shape[1])

    def predict_arrays(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 28, 28), ink in [0, 1], to start (B, 2) and steps (B, N, 4), canvas units.

        Raises:
            WeightsError: if the images do not have the size that the network was trained for.
        """
        if images.ndim != 3 or images.shape[1:] != (IMAGE_PX, IMAGE_PX):
            raise WeightsError(f"The network draws images of {IMAGE_PX} x {IMAGE_PX}, not {images.shape}.")
        starts, steps = [np.zeros((0, 2), np.float32)], []
        with torch.inference_mode():
            for first in range(0, max(len(images), 1), _BATCH):
                batch = torch.from_numpy(
                    np.ascontiguousarray(images[first : first + _BATCH], dtype=np.float32)
                )
                start, step = self.network(batch[:, None])
                starts.append(start.numpy())
                steps.append(step.numpy())
        return np.concatenate(starts), np.concatenate(steps)

    def render(self, start: NDArray[np.float32], steps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Gestures drawn by the pen that the network was trained with: ink (B, 28, 28)."""
        drawn = [np.zeros((0, IMAGE_PX, IMAGE_PX), np.float32)]
        with torch.inference_mode():
            for first in range(0, len(start), _BATCH):
                part = slice(first, first + _BATCH)
                ink = self.network.pen(torch.from_numpy(start[part]), torch.from_numpy(steps[part]))
                drawn.append(ink[:, 0].numpy())
        return np.concatenate(drawn)

    def gestures(self, images: NDArray[np.float32]) -> list[Gesture]:
        """Images (B, 28, 28), ink in [0, 1], to one gesture each on the canvas of the image."""
        return gestures_of(*self.predict_arrays(images))


def gestures_of(start: NDArray[np.float32], steps: NDArray[np.float32]) -> list[Gesture]:
    """Arrays start (B, 2) and steps (B, N, 4) as gestures."""
    return [Gesture(s, v[:-1, :2], v[:, 2], v[:, 3]) for s, v in zip(start, steps, strict=True)]


def arrays_of(gestures: list[Gesture]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gestures of one length N as start (B, 2) and steps (B, N, 4).

    Raises:
        GestureError: if their lengths differ.
    """
    if len({len(g) for g in gestures}) > 1:
        raise GestureError("Gestures that are handled together must have the same length.")
    start = np.array([g.start for g in gestures], np.float32).reshape(-1, 2)
    steps = np.array(
        [
            np.column_stack([np.concatenate([g.velocity, np.zeros((1, 2))]), g.size, g.intensity])
            for g in gestures
        ],
        np.float32,
    )
    return start, steps


def load_predictor(weights: Path | None = None) -> Predictor:
    """Loads weights, or those of the package.

    Raises:
        WeightsError: if they are missing, damaged, or not what their card says.
    """
    return Predictor(*load_network(shipped_weights() if weights is None else weights))
