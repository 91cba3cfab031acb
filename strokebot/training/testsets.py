"""The test sets of the evaluation: images, their labels, and the true pen path where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.batches import Sources, render_samples
from strokebot.training.config import TrainConfig
from strokebot.training.data.idx import load_letters, load_mnist
from strokebot.training.data.packs import UNITS, build_pack, load_pack
from strokebot.training.data.strokes import load_strokes, resample

TRUTH_POINTS = 64
_UNIPEN = ("unipen_digits", "unipen_lower", "unipen_upper")
# The judge of letters saw the other half of this set while it was trained.
NIST_JUDGED_PARITY = 1


@dataclass(frozen=True, eq=False)
class TestSet:
    """Images to draw.

    Attributes:
        name: first part of the figures' names.
        images: (M, 28, 28) float32 ink.
        label: (M,) text, one character each.
        judged: (M,) bool, images that the set's judge never saw.
        truth: (M, n, 2) true pen positions, canvas units, or None.
        truth_drawn: (M, n - 1) bool, or None.
    """

    # pytest must not take this for a test class.
    __test__ = False

    name: str
    images: NDArray[np.float32]
    label: NDArray[np.str_]
    judged: NDArray[np.bool_]
    truth: NDArray[np.float64] | None = None
    truth_drawn: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def select(self, index: NDArray[np.intp]) -> TestSet:
        """The images of an index, in its order."""
        return TestSet(
            self.name,
            self.images[index],
            self.label[index],
            self.judged[index],
            None if self.truth is None else self.truth[index],
            None if self.truth_drawn is None else self.truth_drawn[index],
        )


def spread(count: int, limit: int | None) -> NDArray[np.intp]:
    """At most ``limit`` indices below ``count``, evenly spread (sets are often sorted by writer).

    Raises:
        DataError: if the limit is under 1.
    """
    if limit is not None and limit < 1:
        raise DataError(f"The limit is {limit}; at least 1 image is needed.")
    if limit is None or limit >= count:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, limit).round().astype(np.intp))


def mnist_test(folder: Path, limit: int | None = None) -> TestSet:
    """MNIST's test digits.

    Raises:
        DataError: if the files are missing or damaged.
    """
    images, labels = load_mnist(folder, "test")
    chosen = spread(len(images), limit)
    return TestSet(
        "mnist",
        (images[chosen] / np.float32(255)).astype(np.float32),
        labels[chosen].astype(np.str_),
        np.ones(len(chosen), dtype=bool),
    )


def nist_letters(folder: Path, limit: int | None = None) -> TestSet:
    """Capitals of NIST.

    Raises:
        DataError: if the file is missing or damaged.
    """
    images, labels = load_letters(folder)
    chosen = spread(len(images), limit)
    return TestSet(
        "letters_nist",
        (images[chosen] / np.float32(255)).astype(np.float32),
        labels[chosen],
        chosen % 2 == NIST_JUDGED_PARITY,
    )


def written(folder: Path, name: str, sets: tuple[str, ...], limit: int | None = None) -> TestSet:
    """Samples of held-out writers, drawn like MNIST digits.

    Raises:
        DataError: if a set is missing or damaged.
    """
    parts = [load_strokes(folder, each).split()[1] for each in sets]
    parts = [part.subset(2 * part.strokes_per_sample <= TRUTH_POINTS) for part in parts]
    chosen = [
        part.subset(spread(len(part), None if limit is None else -(-limit // len(parts)))) for part in parts
    ]
    drawn = [render_samples(resample(part, None, TRUTH_POINTS)) for part in chosen]
    label = np.concatenate([part.label for part in chosen])
    return TestSet(
        name,
        np.concatenate([d.images for d in drawn]),
        label,
        np.ones(len(label), dtype=bool),
        np.concatenate([d.points for d in drawn]),
        np.concatenate([d.segment_drawn for d in drawn]),
    )


def unipen(folder: Path, limit: int | None = None) -> TestSet:
    """Digits and letters of UNIPEN's held-out writers."""
    return written(folder, "unipen", _UNIPEN, limit)


def omniglot(folder: Path, limit: int | None = None) -> TestSet:
    """Characters of Omniglot's held-out drawers."""
    return written(folder, "omniglot", ("omniglot",), limit)


# Points of a stroke sample: a letter of three strokes keeps its corners.
STROKE_POINTS = 64
PACK_NAME = f"strokes_{STROKE_POINTS}.npz"
LICENCES = {
    "mnist": "MNIST train, 60,000 images, CC BY-SA 3.0",
    "unipen_digits": "UNIPEN train_r01_v07 digits, training writers, CC BY 4.0",
    "unipen_lower": "UNIPEN train_r01_v07 lower case, training writers, CC BY 4.0",
    "unipen_upper": "UNIPEN train_r01_v07 capitals, training writers, CC BY 4.0",
    "omniglot": "Omniglot small background set 1, training drawers, MIT",
}


def licences_of(config: TrainConfig) -> dict[str, str]:
    """The sets that a configuration trains on, with their licences."""
    used = {"mnist": LICENCES["mnist"]} if config.data.mnist_share > 0 else {}
    if config.data.mnist_share < 1:
        used |= {k: LICENCES[k] for k, v in config.data.stroke_sets.items() if v > 0}
    return used


def load_sources(config: TrainConfig, folder: Path, device: torch.device) -> Sources:
    """The training part of the data, on a device.

    Raises:
        DataError: if a set that the configuration names is missing or damaged.
    """
    digits = load_mnist(folder, "train")[0] if config.data.mnist_share > 0 else None
    sets = {k: v for k, v in config.data.stroke_sets.items() if v > 0}
    if config.data.mnist_share >= 1 or not sets:
        return Sources.on(device, digits, None, None, None)
    packed = folder / PACK_NAME
    pack = load_pack(packed) if packed.is_file() else build_pack(folder, list(sets), STROKE_POINTS)[0]
    missing = set(sets) - set(pack.set_names)
    if missing:
        raise DataError(f"{packed} lacks the set {sorted(missing)[0]}; delete the file to build it anew.")
    pack = pack.select(~pack.held_out)
    points: NDArray[np.float32] = pack.points.astype(np.float32) / np.float32(UNITS)
    points -= 0.5 * (points.max(axis=1, keepdims=True) + points.min(axis=1, keepdims=True))
    # A set's weight is shared by its samples, so that large sets do not drown small ones.
    weight = np.zeros(len(pack), np.float32)
    for i, name in enumerate(pack.set_names):
        member = pack.set_id == i
        if member.any():
            weight[member] = sets.get(name, 0.0) / member.sum()
    return Sources.on(device, digits, points, pack.segment_drawn, weight)
