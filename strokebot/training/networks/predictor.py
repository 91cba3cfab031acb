"""A network in torch as numpy sees it: images in, gestures and their rendering out.

What evaluation and grouping measure. Drawing uses the same network without torch
(``strokebot.model.predictor``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from strokebot.gesture import Gesture, gestures_of
from strokebot.model.card import Card
from strokebot.model.predictor import check_images
from strokebot.training.networks.checkpoint import AnyNetwork, load_network
from strokebot.training.networks.network import IMAGE_PX

# Glyphs that go through the network at once: enough to fill two cores, little memory.
_BATCH = 256


class TorchPredictor:
    """A trained network and its pen.

    Args:
        network: in evaluation mode, on any device.
        card: what its weights are.
    """

    def __init__(self, network: AnyNetwork, card: Card) -> None:
        self.network = network.eval()
        self.card = card
        self.device = next(network.parameters()).device

    @property
    def points(self) -> int:
        """N, the points of a gesture."""
        return int(self.predict_arrays(np.zeros((1, IMAGE_PX, IMAGE_PX), np.float32))[1].shape[1])

    def predict_arrays(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 28, 28), ink in [0, 1], to start (B, 2) and steps (B, N, 4), canvas units.

        Raises:
            WeightsError: if the images do not have the size that the network was trained for.
        """
        check_images(images)
        starts, steps = [np.zeros((0, 2), np.float32)], []
        with torch.inference_mode():
            for first in range(0, max(len(images), 1), _BATCH):
                start, step = self.network(self._tensor(images[first : first + _BATCH])[:, None])
                starts.append(start.cpu().numpy())
                steps.append(step.cpu().numpy())
        return np.concatenate(starts), np.concatenate(steps)

    def render(self, start: NDArray[np.float32], steps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Gestures drawn by the pen that the network was trained with: ink (B, 28, 28)."""
        drawn = [np.zeros((0, IMAGE_PX, IMAGE_PX), np.float32)]
        with torch.inference_mode():
            for first in range(0, len(start), _BATCH):
                part = slice(first, first + _BATCH)
                ink = self.network.pen(self._tensor(start[part]), self._tensor(steps[part]))
                drawn.append(ink[:, 0].cpu().numpy())
        return np.concatenate(drawn)

    def gestures(self, images: NDArray[np.float32]) -> list[Gesture]:
        """Images (B, 28, 28), ink in [0, 1], to one gesture each on the canvas of the image."""
        return gestures_of(*self.predict_arrays(images))

    def _tensor(self, values: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(np.array(values, np.float32)).to(self.device)


def load_torch_predictor(
    weights: Path | None = None, *, device: str | torch.device = "cpu"
) -> TorchPredictor:
    """Loads weights, or those of the package, into torch.

    Raises:
        WeightsError: if they are missing, damaged, or not what their card says.
        StrokebotError: if torch does not have the device.
    """
    return TorchPredictor(*load_network(weights, device=device))
