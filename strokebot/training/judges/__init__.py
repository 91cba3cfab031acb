"""Frozen classifiers that judge whether a drawn character can be recognised, and their weights.

Small convolutional networks, trained on real characters and never on a model's drawings.
For digits there are two of different make, trained apart on MNIST: ``judge-a`` judges,
``judge-b`` tells how far the verdict depends on the judge (their agreement).
``judge-letters`` reads letters without regard to case. ``strokebot.training.judge`` trains them.
"""

from __future__ import annotations

import string
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from strokebot.errors import DataError, WeightsError
from strokebot.model.card import Card, read_card
from strokebot.training.data.idx import SIDE_PX
from strokebot.training.networks.checkpoint import fill_strictly

# What each kind of judge tells apart.
SYMBOLS = {
    "judge-a": string.digits,
    "judge-b": string.digits,
    "judge-letters": string.ascii_uppercase,
}

_EVALUATION_BATCH = 500


def build_judge(kind: str) -> nn.Sequential:
    """An untrained judge: images (B, 1, 28, 28) to logits (B, classes).

    Raises:
        WeightsError: if the kind is unknown.
    """
    classes = len(SYMBOLS.get(kind, ""))
    if kind in ("judge-a", "judge-letters"):
        return nn.Sequential(
            *_block(1, 24, 5, 2),
            *_block(24, 48, 3, 1),
            *_block(48, 64, 3, 2),
            *_block(64, 64, 3, 1),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(64 * 49, classes),
        )
    if kind == "judge-b":
        return nn.Sequential(
            *_block(1, 16, 3, 1),
            nn.MaxPool2d(2),
            *_block(16, 48, 5, 1, groups=4),
            nn.MaxPool2d(2),
            *_block(48, 96, 3, 1),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(96 * 9, 64),
            nn.ReLU(),
            nn.Linear(64, classes),
        )
    raise WeightsError(f"There is no judge '{kind}'; name one of: {', '.join(SYMBOLS)}.")


def _block(ins: int, outs: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(ins, outs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outs), nn.ReLU()]


class Judge:
    """A trained, frozen classifier of characters.

    Args:
        network: what ``build_judge`` makes, with its weights.
        card: what the weights are.
    """

    def __init__(self, network: nn.Module, card: Card) -> None:
        self.network = network.eval().requires_grad_(False)
        self.card = card
        self.symbols = np.array(list(SYMBOLS[str(card.architecture["kind"])]))

    def read(self, images: NDArray[np.float32]) -> NDArray[np.str_]:
        """Reads characters: images (B, 28, 28), ink in [0, 1], to one symbol each, (B,).

        Raises:
            DataError: if the images have another size.
        """
        if images.ndim != 3 or images.shape[1:] != (SIDE_PX, SIDE_PX):
            raise DataError(f"The judge reads images of 28 x 28 pixels, not {images.shape}.")
        labels = [np.zeros(0, np.int64)]
        with torch.inference_mode():
            for first in range(0, len(images), _EVALUATION_BATCH):
                part = np.ascontiguousarray(images[first : first + _EVALUATION_BATCH], dtype=np.float32)
                labels.append(self.network(torch.from_numpy(part)[:, None]).argmax(dim=1).numpy())
        return np.asarray(self.symbols[np.concatenate(labels)])


def load_judge(path: Path) -> Judge:
    """Loads a judge strictly.

    Raises:
        WeightsError: if a file is missing or damaged, or card and tensors disagree.
    """
    card = read_card(path)
    network = fill_strictly(path, card, lambda architecture: build_judge(str(architecture.get("kind"))))
    return Judge(network, card)


def shipped_judge(kind: str) -> Judge:
    """A judge of the package.

    Raises:
        WeightsError: if the kind is unknown or the package came without it.
    """
    if kind not in SYMBOLS:
        raise WeightsError(f"There is no judge '{kind}'; name one of: {', '.join(SYMBOLS)}.")
    return load_judge(Path(str(resources.files("strokebot.training.judges") / f"{kind}.safetensors")))
