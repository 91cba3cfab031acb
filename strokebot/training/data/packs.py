"""Packs stroke sets, resampled to a fixed number of points, into one small .npz.

The command that writes one is ``python -m strokebot.training.data.pack``.

Arrays of a pack with M samples of n points:
    points         (M, n, 2) int16, thousandths of the longer side of the sample's box
    segment_drawn  (M, ceil((n - 1) / 8)) uint8, packed bits: point k to k + 1 is drawn
    set_id         (M,) uint8, index into set_names
    set_names      text
    label, writer  (M,) text
    held_out       (M,) bool, True for the samples of test writers
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import read_npz
from strokebot.training.data.strokes import STROKE_FILES, load_strokes, resample

# Units of a packed coordinate: 1 / 1000 of the box, finer than the thinning of the sources (1 %).
UNITS = 1000


@dataclass(frozen=True, eq=False)
class Pack:
    """Resampled samples of several sets.

    Attributes:
        points: (M, n, 2) int16, 1 / ``UNITS`` of the box's longer side, box at (0, 0), y down.
        segment_drawn: (M, n - 1) bool.
        set_id: (M,) uint8, index into ``set_names``.
        set_names: the sets, in order.
        label: (M,) text.
        writer: (M,) text.
        held_out: (M,) bool, samples of test writers.
    """

    points: NDArray[np.int16]
    segment_drawn: NDArray[np.bool_]
    set_id: NDArray[np.uint8]
    set_names: tuple[str, ...]
    label: NDArray[np.str_]
    writer: NDArray[np.str_]
    held_out: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.label)

    def select(self, mask: NDArray[np.bool_]) -> Pack:
        """The samples where the mask (M,) is True."""
        return Pack(
            self.points[mask],
            self.segment_drawn[mask],
            self.set_id[mask],
            self.set_names,
            self.label[mask],
            self.writer[mask],
            self.held_out[mask],
        )


def build_pack(folder: Path, sets: Sequence[str], n_points: int) -> tuple[Pack, int]:
    """Loads and resamples stroke sets.

    Returns:
        The pack, and how many samples were left out because they have more strokes than n / 2.

    Raises:
        DataError: if a set is unknown, missing or damaged.
    """
    if not sets:
        raise DataError(f"Name at least one stroke set of: {', '.join(STROKE_FILES)}.")
    if n_points < 2:
        raise DataError(f"A sample needs at least 2 points, not {n_points}.")
    parts = [load_strokes(folder, name) for name in sets]
    kept = [part.subset(2 * part.strokes_per_sample <= n_points) for part in parts]
    dropped = sum(len(part) - len(keep) for part, keep in zip(parts, kept, strict=True))
    resampled = [resample(part, None, n_points) for part in kept]
    pack = Pack(
        np.concatenate([np.rint(r.points * UNITS).astype(np.int16) for r in resampled]),
        np.concatenate([r.segment_drawn for r in resampled]),
        np.repeat(np.arange(len(kept), dtype=np.uint8), [len(part) for part in kept]),
        tuple(sets),
        np.concatenate([part.label for part in kept]),
        np.concatenate([part.writer for part in kept]),
        np.concatenate([part.held_out for part in kept]),
    )
    return pack, dropped


def save_pack(pack: Pack, path: Path) -> None:
    """Writes a pack, compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            points=pack.points,
            segment_drawn=np.packbits(pack.segment_drawn, axis=1),
            set_id=pack.set_id,
            set_names=np.array(pack.set_names),
            label=pack.label,
            writer=pack.writer,
            held_out=pack.held_out,
        )


def load_pack(path: Path) -> Pack:
    """Reads what ``save_pack`` wrote.

    Raises:
        DataError: if the file is missing or damaged.
    """
    keys = ("points", "segment_drawn", "set_id", "set_names", "label", "writer", "held_out")
    arrays = read_npz(path, keys)
    points = arrays["points"]
    if points.dtype != np.int16 or points.ndim != 3 or points.shape[2] != 2:
        raise DataError(f"{path} is not a pack of strokes: points are {points.dtype} {points.shape}.")
    m, n = points.shape[:2]
    packed = arrays["segment_drawn"]
    if packed.dtype != np.uint8 or packed.shape != (m, (n - 1 + 7) // 8):
        raise DataError(f"{path} is damaged: segment_drawn is {packed.dtype} {packed.shape} for {m} samples.")
    for key in ("set_id", "label", "writer", "held_out"):
        if arrays[key].shape != (m,):
            raise DataError(f"{path} is damaged: {key} has shape {arrays[key].shape}, ({m},) is needed.")
    return Pack(
        points.astype(np.int16, copy=False),
        np.unpackbits(packed.astype(np.uint8, copy=False), axis=1, count=n - 1).astype(bool),
        arrays["set_id"].astype(np.uint8),
        tuple(str(name) for name in arrays["set_names"]),
        arrays["label"].astype(np.str_),
        arrays["writer"].astype(np.str_),
        arrays["held_out"].astype(bool),
    )
