"""Shows a training as a GIF: the drawings of one fixed batch at several moments of it.

A training writes such *snapshots* as it goes (``state.py``). ``strokebot animate`` shows a drawing.

    python -m strokebot.training.animate FILE.snapshots.npz OUT.gif
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.arrays import frozen_array
from strokebot.errors import DataError, StrokebotError
from strokebot.files import write_atomic
from strokebot.training import metrics
from strokebot.training.data.ragged import read_npz
from strokebot.training.sheets import ink_panel

# How long each moment is shown; the last one stays.
_FRAME_MS = 220
_LAST_MS = 1200
_CAPTION_PX = 16
_ZOOM = 2


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Gestures of one fixed batch of B images at E moments of a training.

    Attributes:
        images: (B, H, W) originals, ink.
        at: (E,) steps of the training, ascending.
        start: (E, B, 2) canvas units.
        steps: (E, B, N, 4) canvas units.

    Raises:
        DataError: if the shapes do not fit or a value is not finite.
    """

    images: NDArray[np.float32]
    at: NDArray[np.int64]
    start: NDArray[np.float32]
    steps: NDArray[np.float32]

    def __post_init__(self) -> None:
        images = frozen_array("images", self.images, (None, None, None), DataError, dtype=np.float32)
        at = frozen_array("at", self.at, (None,), DataError, dtype=np.int64)
        e, b = len(at), len(images)
        for name, value in (
            ("images", images),
            ("at", at),
            ("start", frozen_array("start", self.start, (e, b, 2), DataError, dtype=np.float32)),
            ("steps", frozen_array("steps", self.steps, (e, b, None, 4), DataError, dtype=np.float32)),
        ):
            object.__setattr__(self, name, value)
        if e == 0 or b == 0:
            raise DataError("Snapshots need at least one moment and one image.")

    def save(self, path: Path) -> None:
        """Writes the snapshots as .npz."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=self.images, step=self.at, start=self.start, steps=self.steps)
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Snapshots:
        """Reads snapshots.

        Raises:
            DataError: if the file is missing, damaged or not of snapshots.
        """
        arrays = read_npz(path, ("images", "step", "start", "steps"))
        return cls(arrays["images"], arrays["step"], arrays["start"], arrays["steps"])  # type: ignore[arg-type]


def training_frames(snapshots: Snapshots, columns: int = 8) -> list[Image.Image]:
    """One frame a moment: each original above its drawing, and the step of the training."""
    side = max(snapshots.images.shape[1:]) * _ZOOM
    b = len(snapshots.images)
    columns = min(columns, b)
    rows = -(-b // columns)
    frames = []
    for at, start, steps in zip(snapshots.at, snapshots.start, snapshots.steps, strict=True):
        drawn = metrics.raster(start, steps)
        frame = Image.new("RGB", (columns * side, rows * (2 * side + 4) + _CAPTION_PX), (232, 232, 228))
        for i in range(b):
            x, y = (i % columns) * side, (i // columns) * (2 * side + 4)
            frame.paste(ink_panel(snapshots.images[i], _ZOOM), (x, y))
            frame.paste(ink_panel(drawn[i], _ZOOM), (x, y + side))
        ImageDraw.Draw(frame).text((4, frame.height - _CAPTION_PX + 2), f"step {int(at)}", fill=(20, 20, 20))
        frames.append(frame)
    return frames


def save_training(snapshots: Snapshots, path: Path) -> None:
    """Writes a training as a GIF that repeats."""
    first, *rest = [frame.quantize(64) for frame in training_frames(snapshots)]
    buffer = io.BytesIO()
    durations = [_FRAME_MS] * len(rest) + [_LAST_MS]
    first.save(
        buffer, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False
    )
    write_atomic(path, buffer.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.animate")
    parser.add_argument("file", type=Path, help="the .snapshots.npz of a training")
    parser.add_argument("out", type=Path, help="the .gif to write")
    options = parser.parse_args(arguments)
    try:
        save_training(Snapshots.load(options.file), options.out)
    except (StrokebotError, OSError) as error:
        sys.stderr.write(f"strokebot: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
