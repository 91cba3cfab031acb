"""Trains the judges of drawings.

    python -m strokebot.training.judge --data DIR --out FILE.safetensors [--kind KIND]

Every image is turned, scaled, sheared, shifted and given another contrast by a random
amount, so that the judge reads characters and not one scanner's edges; AdamW, one rise and
fall of the learning rate, and the average of the weights over the last steps (EMA). The test
set is looked at once, at the end, for the card. A judge of digits must read at least 99.2 %
of MNIST's test digits. ``judge-letters`` learns from half of the NIST capitals and from
training writers of UNIPEN, and is measured on the other half of the capitals.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from strokebot.errors import StrokebotError
from strokebot.model.card import Card
from strokebot.training.batches import render_samples
from strokebot.training.data.idx import SIDE_PX, load_letters, load_mnist
from strokebot.training.data.strokes import load_strokes, resample
from strokebot.training.judges import SYMBOLS, build_judge, load_judge
from strokebot.training.networks.checkpoint import save_weights
from strokebot.training.testsets import NIST_JUDGED_PARITY, TRUTH_POINTS

_BATCH = 128
_PEAK_RATE = 4e-3
_WEIGHT_DECAY = 0.02
_EMA = 0.998
_SMOOTHING = 0.05  # label smoothing
# Augmentation: ranges of uniform draws about "as it is".
_TURN_RAD = 0.2
_SHEAR = 0.2
_LOG_SCALE = 0.12
_SHIFT = 2.2 / (SIDE_PX / 2)  # in half canvases, the unit of affine_grid
_LOG_CONTRAST = 0.35  # of the ramp between paper and ink
_CENTRE = 0.1  # shift of the middle grey, which thins or thickens
# Below this accuracy on real test digits a judge is not fit to judge drawings.
REQUIRED_ACCURACY = 0.992
# Letters of UNIPEN: every second one, with pens of these widths in turn, is plenty.
_EVERY = 2
_WIDTHS_PX = (2.0, 2.7, 3.6)


class Characters(NamedTuple):
    """Labelled images.

    Attributes:
        images: (N, 28, 28) uint8, 255 = ink.
        labels: (N,) uint8, positions in the symbols of the judge.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turns, scales, shears, shifts and changes the contrast of images (B, 1, 28, 28) at random."""
    n = len(images)

    def draw(half: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * half

    turn, shear = draw(_TURN_RAD), draw(_SHEAR)
    scale_x, scale_y = draw(_LOG_SCALE).exp(), draw(_LOG_SCALE).exp()
    cos, sin = turn.cos(), turn.sin()
    matrix = torch.stack(
        [
            torch.stack([scale_x * cos, scale_x * (shear * cos - sin), draw(_SHIFT)], dim=1),
            torch.stack([scale_y * sin, scale_y * (shear * sin + cos), draw(_SHIFT)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, align_corners=False)
    contrast = (1.0 + draw(_LOG_CONTRAST)).view(-1, 1, 1, 1)
    return ((moved - 0.5 + draw(_CENTRE).view(-1, 1, 1, 1)) * contrast + 0.5).clamp(0, 1) * (moved > 0)


def train_judge(
    kind: str,
    data: Characters,
    *,
    epochs: int,
    seed: int,
    report: bool = False,
) -> nn.Module:
    """Trains a judge from scratch.

    Args:
        kind: a key of ``SYMBOLS``.
        data: what it learns from.
        epochs: passes over the images.
        seed: of the weights, the order and the augmentation.
        report: whether to write a line an epoch to the error stream.

    Returns:
        The network with the averaged weights, in evaluation mode.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed + 1)
    network = build_judge(kind)
    averaged = build_judge(kind).requires_grad_(False)
    averaged.load_state_dict(network.state_dict())
    inputs = torch.from_numpy(np.array(data.images)).unsqueeze(1)
    targets = torch.from_numpy(data.labels.astype(np.int64))
    per_epoch = math.ceil(len(inputs) / _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_RATE, total_steps=epochs * per_epoch, pct_start=0.2
    )
    for epoch in range(epochs):
        network.train()
        total = 0.0
        order = torch.randperm(len(inputs), generator=generator)
        for part in torch.split(order, _BATCH):
            batch = augment(inputs[part].float() / 255, generator)
            loss = F.cross_entropy(network(batch), targets[part], label_smoothing=_SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(part)
            with torch.no_grad():
                for mean, now in zip(
                    averaged.state_dict().values(), network.state_dict().values(), strict=True
                ):
                    if mean.is_floating_point():
                        mean.lerp_(now, 1 - _EMA)
                    else:
                        mean.copy_(now)
        if report:
            sys.stderr.write(f"epoch {epoch + 1}/{epochs}: loss {total / len(inputs):.4f}\n")
    return averaged.eval()


def training_data(kind: str, folder: Path) -> tuple[Characters, Characters, dict[str, str]]:
    """What a judge learns from, what it is measured on, and the sets with their licences.

    Raises:
        DataError: if a set is missing or damaged.
    """
    if kind != "judge-letters":
        licences = {"mnist": "MNIST train, 60,000 images, CC BY-SA 3.0"}
        return Characters(*load_mnist(folder, "train")), Characters(*load_mnist(folder, "test")), licences
    images, labels = load_letters(folder)
    classes = _classes(labels)
    # The evaluation judges the images that are left out here.
    unseen = np.arange(len(images)) % 2 == NIST_JUDGED_PARITY
    parts = [Characters(images[~unseen], classes[~unseen])]
    for name in ("unipen_lower", "unipen_upper"):
        written = load_strokes(folder, name).split()[0]
        written = written.subset(np.flatnonzero(2 * written.strokes_per_sample <= TRUTH_POINTS)[::_EVERY])
        for k, width_px in enumerate(_WIDTHS_PX):
            part = written.subset(np.arange(k, len(written), len(_WIDTHS_PX)))
            drawn = render_samples(resample(part, None, TRUTH_POINTS), width_px).images
            parts.append(Characters(np.rint(drawn * 255).astype(np.uint8), _classes(part.label)))
    train = Characters(np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))
    licences = {
        "nist": "capitals of NIST SD19, half of az_upper, public domain",
        "unipen": "UNIPEN train_r01_v07 letters, training writers, drawn with pens of 2 to 3.6 px, CC BY 4.0",
    }
    return train, Characters(images[unseen], classes[unseen]), licences


def _classes(labels: NDArray[np.str_]) -> NDArray[np.uint8]:
    symbols = SYMBOLS["judge-letters"]
    return np.array([symbols.index(str(label).upper()) for label in labels], dtype=np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.judge")
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument(
        "--out", type=Path, required=True, help="the .safetensors to write, with a .json beside it"
    )
    parser.add_argument("--kind", choices=tuple(SYMBOLS), default="judge-a")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="default: 1, 2, 3 in the order of the kinds")
    options = parser.parse_args(arguments)
    kind = str(options.kind)
    seed = list(SYMBOLS).index(kind) + 1 if options.seed is None else options.seed
    try:
        train, test, licences = training_data(kind, options.data)
        network = train_judge(kind, train, epochs=options.epochs, seed=seed, report=True)
        card = Card({"kind": kind}, licences, {"seed": seed, "epochs": options.epochs})
        # Saved first, measured after loading: the figure is that of the 16-bit weights that ship.
        save_weights(options.out, network, card)
        judge = load_judge(options.out)
        read = judge.read((test.images / 255).astype(np.float32))
        accuracy = float((read == judge.symbols[test.labels]).mean())
        card = save_weights(
            options.out,
            network,
            Card(card.architecture, licences, card.training, {"test_accuracy": accuracy}),
        )
    except StrokebotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if kind != "judge-letters" and accuracy < REQUIRED_ACCURACY:
        sys.stderr.write(
            f"{kind} reads {accuracy:.2%} of real digits; a judge needs {REQUIRED_ACCURACY:.1%}.\n"
        )
    sys.stdout.write(json.dumps({"kind": kind, "test_accuracy": accuracy, "sha256": card.sha256}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
