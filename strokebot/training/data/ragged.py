"""Writing stroke sets: samples of any number of strokes as the flat arrays of a .npz file."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.files import write_atomic

# Units on the longer side of a sample's box, and the least distance between kept points:
# 1 % of the box, below what a pen's width hides.
BOX_UNITS = 1000
_THIN_UNITS = 10.0


class Sample(NamedTuple):
    """One character or word as written.

    Attributes:
        strokes: pen-down runs, each (K, 2), x right, y down, any unit.
        label: what it is.
        writer: who wrote it.
    """

    strokes: Sequence[NDArray[np.float64]]
    label: str
    writer: str


def box_strokes(strokes: Sequence[NDArray[np.float64]]) -> list[NDArray[np.int16]]:
    """Strokes in their common box, longer side ``BOX_UNITS``, thinned; both ends of each stay.

    Raises:
        DataError: if there is no stroke, or one without points.
    """
    if not strokes or any(len(stroke) == 0 for stroke in strokes):
        raise DataError("A sample needs at least one stroke, and a stroke one point.")
    everything = np.concatenate(list(strokes))
    low = everything.min(axis=0)
    side = float((everything.max(axis=0) - low).max())
    scale = BOX_UNITS / side if side > 0 else 0.0
    boxed = []
    for stroke in strokes:
        points = (stroke - low) * scale
        keep = [0]
        for k in range(1, len(points) - 1):
            if np.hypot(*(points[k] - points[keep[-1]])) >= _THIN_UNITS:
                keep.append(k)
        if len(points) > 1:
            keep.append(len(points) - 1)
        boxed.append(np.rint(points[keep]).astype(np.int16))
    return boxed


def ragged_arrays(samples: Sequence[Sequence[NDArray[np.int16]]]) -> dict[str, NDArray[np.generic]]:
    """Boxed samples as points (P, 2), stroke_start (S + 1,) and sample_start (M + 1,)."""
    flat = [stroke for strokes in samples for stroke in strokes]
    return {
        "points": np.concatenate(flat),
        "stroke_start": np.cumsum([0, *(len(stroke) for stroke in flat)], dtype=np.int64),
        "sample_start": np.cumsum([0, *(len(strokes) for strokes in samples)], dtype=np.int64),
    }


def save_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Writes a stroke set with labels and writers."""
    save_arrays(
        path,
        ragged_arrays([box_strokes(sample.strokes) for sample in samples])
        | {
            "label": np.array([sample.label for sample in samples]),
            "writer": np.array([sample.writer for sample in samples]),
        },
    )


def save_arrays(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Writes a compressed .npz file whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def read_npz(path: Path, keys: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """Reads the named arrays of an archive, never executing pickles.

    Raises:
        DataError: if the file is missing or damaged, or lacks one of the arrays.
    """
    if not path.is_file():
        raise DataError(
            f"There is no data file {path}; fetch it with 'strokebot data', or name another folder."
        )
    try:
        # Opened here, since numpy leaves its own handle open when the archive is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise DataError(f"{path} lacks the array '{missing[0]}'; it is another kind of file.")
            return {key: archive[key] for key in keys}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(f"Cannot read the data file {path}: it is damaged ({cause}).") from cause
