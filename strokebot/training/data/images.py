"""Image sets kept as .npz: capitals of NIST SD19 and the digits of USPS."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.npz import read_npz


def _load(path: Path, side_px: int, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    arrays = read_npz(path, ("images", "labels"))
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (side_px, side_px):
        raise DataError(
            f"{path} holds {images.dtype} images of shape {images.shape}, not {side_px} x {side_px} bytes."
        )
    if labels.dtype != np.uint8 or labels.shape != (len(images),):
        raise DataError(f"{path} holds {labels.shape} labels for {len(images)} images.")
    if len(labels) and int(labels.max()) >= classes:
        raise DataError(f"{path} holds the label {int(labels.max())}, but labels end at {classes - 1}.")
    return images.astype(np.uint8, copy=False), labels.astype(np.uint8, copy=False)


def load_letters(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Capitals of NIST SD19 (``az_upper.npz``): images (N, 28, 28) uint8, 255 = ink; labels "A" to "Z".

    Raises:
        DataError: if the file is missing or damaged.
    """
    images, labels = _load(folder / "az_upper.npz", 28, 26)
    return images, np.array(list(string.ascii_uppercase))[labels]


def load_usps(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Test digits of USPS (``usps_test.npz``): images (N, 16, 16) uint8, 255 = ink; labels 0 to 9.

    Raises:
        DataError: if the file is missing or damaged.
    """
    return _load(folder / "usps_test.npz", 16, 10)
