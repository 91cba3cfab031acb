"""Characters written by real pens, as a ``torch.utils.data.Dataset``: image, the pen's path, label.

Without ``augment`` a character is drawn as MNIST was made (box of 20 px, centred by mass, a pen
of one width), and every item is always the same. With it the path is warped, placed and drawn
with a random width as in training; an item is a function of (seed, epoch, index) alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from strokebot.errors import DataError
from strokebot.training.batches import (
    IMAGE_PX,
    STROKE_SOFTNESS_PX,
    place_strokes,
    render_samples,
    render_strokes,
)
from strokebot.training.data.strokes import Resampled, load_strokes, resample
from strokebot.training.pens.line import LinePen

Split = Literal["train", "test", "all"]


class WrittenCharacter(NamedTuple):
    """One item; ``torch.utils.data.default_collate`` stacks them.

    Attributes:
        image: (1, 28, 28) float32 ink in [0, 1].
        points: (N, 2) float32, the pen's path, canvas units, in the writer's order and direction.
        drawn: (N - 1,) bool, whether the pen draws from point k to k + 1.
        label: what was written.
    """

    image: Tensor
    points: Tensor
    drawn: Tensor
    label: str


class WrittenCharacters(Dataset[WrittenCharacter]):
    """Rendered strokes of one or more stroke sets.

    Args:
        folder: the data folder; ``strokebot data fetch`` fills one.
        sets: names of stroke sets, such as "unipen_digits"; see ``training.data.strokes.STROKE_FILES``.
        split: "train" or "test" writers (no writer is in both), or "all".
        points: N; characters with more than N / 2 strokes are left out.
        augment: whether characters are warped and drawn at random.
        seed: of that.

    Attributes:
        epoch: set it before each epoch, so that characters come in another form.

    Raises:
        DataError: for an unknown set or split, or a missing or damaged file.
    """

    def __init__(
        self,
        folder: Path,
        sets: Sequence[str],
        split: Split = "train",
        *,
        points: int = 40,
        augment: bool = False,
        seed: int = 0,
    ) -> None:
        if split not in ("train", "test", "all"):
            raise DataError(f"There is no split {split!r}: choose train, test or all.")
        if points < 2:
            raise DataError(f"{points} points are no path: give 2 or more.")
        parts = [load_strokes(Path(folder), name) for name in sets]
        if split != "all":
            parts = [part.split()[split == "test"] for part in parts]
        parts = [part.subset(2 * part.strokes_per_sample <= points) for part in parts]
        paths = [resample(part, None, points) for part in parts]
        self._points = np.concatenate([np.zeros((0, points, 2), np.float32), *(p.points for p in paths)])
        self._drawn = np.concatenate([np.zeros((0, points - 1), bool), *(p.segment_drawn for p in paths)])
        self.labels = [str(label) for part in parts for label in part.label]
        self.augment, self.seed, self.epoch = augment, seed, 0
        self._pen = LinePen(IMAGE_PX, IMAGE_PX)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> WrittenCharacter:
        """The character of an index in [-len, len)."""
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        drawn = torch.from_numpy(self._drawn[index].copy())
        if self.augment:
            image, points = self._at_random(index, drawn)
        else:
            one = slice(index, index + 1)
            made = render_samples(Resampled(self._points[one], self._drawn[one]))
            image, points = torch.from_numpy(made.images), torch.from_numpy(made.points[0]).float()
        return WrittenCharacter(image, points, drawn, self.labels[index])

    def _at_random(self, index: int, drawn: Tensor) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + self.epoch) * 1_000_003 + index)
        # The box lies at (0, 0), and is placed about its middle.
        points = torch.from_numpy(self._points[index].copy())
        points = (points - 0.5 * (points.amax(0) + points.amin(0)))[None]
        placed = place_strokes(points, drawn[None], generator)
        low, high = STROKE_SOFTNESS_PX
        self._pen.log_softness.fill_(float(torch.rand((), generator=generator) * (high - low) + low)).log_()
        image = render_strokes(placed, drawn[None], self._pen.draw_segments, generator)
        return image[0], placed[0]
