"""What a training run learns from: the training part of the data, on its device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.batches import Sources
from strokebot.training.config import TrainConfig
from strokebot.training.data.idx import load_mnist
from strokebot.training.data.packs import UNITS, build_pack, load_pack

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
