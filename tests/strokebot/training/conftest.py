"""A small data folder made from nothing: real file formats, invented characters."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

# Invented writers; numbers 8 and 22 are held out by their hash, the others are not.
WRITERS = (1, 2, 8, 22)


def _idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def bars(count: int) -> NDArray[np.uint8]:
    """Upright bars, each at another place."""
    images = np.zeros((count, 28, 28), np.uint8)
    for k, image in enumerate(images):
        image[5:23, 10 + k % 6 : 13 + k % 6] = 255
    return images


def _write_strokes(path: Path, labels: str, **more: NDArray[np.generic]) -> None:
    samples = []
    for k, label in enumerate(labels):
        x = 400 + 10 * (k % 7)
        strokes = [[(x, 0), (x, 500), (x, 1000)]]
        if label in "tT4":
            strokes.append([(x - 300, 300), (x + 300, 300)])
        samples.append(strokes)
    flat = [stroke for sample in samples for stroke in sample]
    names = (
        {}
        if more
        else {"label": np.array(list(labels)), "writer": np.resize(WRITERS, len(labels)).astype(np.int32)}
    )
    np.savez(
        path,
        points=np.array([p for stroke in flat for p in stroke], np.int16),
        stroke_start=np.cumsum([0] + [len(stroke) for stroke in flat]),
        sample_start=np.cumsum([0] + [len(sample) for sample in samples]),
        **names,
        **more,
    )


@pytest.fixture(scope="session")
def measured_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars as MNIST and NIST, bars and crosses as UNIPEN and Omniglot."""
    folder = tmp_path_factory.mktemp("data")
    for stem, count in (("train", 40), ("t10k", 20)):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(_idx(bars(count)))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(_idx((np.arange(count) % 10).astype(np.uint8)))
    np.savez(folder / "az_upper.npz", images=bars(12), labels=(np.arange(12) % 26).astype(np.uint8))
    _write_strokes(folder / "unipen_digits.npz", "14171114")
    _write_strokes(folder / "unipen_lower.npz", "ltltltlt")
    _write_strokes(folder / "unipen_upper.npz", "TTIITTII")
    n = 40
    _write_strokes(
        folder / "omniglot_small1_strokes.npz",
        "It" * (n // 2),
        alphabet=np.zeros(n, np.int32),
        alphabet_names=np.array(["Greek"]),
        char=np.array(["character01"] * n),
        drawer=np.arange(n).astype(np.int16),
    )
    return folder
