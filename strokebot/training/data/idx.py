"""The idx format of MNIST and EMNIST, plain or gzip-compressed.

Layout of an idx file (big-endian), from the description on the MNIST page:
    byte 0, 1   zero
    byte 2      type of the values; 0x08 = unsigned byte, the only one used here
    byte 3      number of dimensions d
    4 d bytes   length of each dimension, uint32
    then        the values, the last dimension changing fastest

MNIST stores its images upright. EMNIST stores each image TRANSPOSED (rows and
columns exchanged, as its matrices were written in column order); ``load_emnist``
turns them upright, so that both loaders return images that read the same way.
"""

from __future__ import annotations

import gzip
import math
import string
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import read_npz

_UNSIGNED_BYTE = 0x08
# The side of a character image in both data sets, pixels.
SIDE_PX = 28
# A file of more values than this is not one of these data sets (EMNIST byclass has 5.5e8).
_MAX_VALUES = 2_000_000_000

_SPLITS = {"train": "train", "test": "t10k"}

_DIGITS = string.digits
_LETTERS = string.ascii_uppercase
# Lower-case letters that the "balanced" and "bymerge" sets keep apart from their capitals.
_UNMERGED = "abdefghnqrt"
# Symbol of each class, by EMNIST subset; "letters" counts its classes from 1.
EMNIST_CLASSES: dict[str, str] = {
    "byclass": _DIGITS + _LETTERS + string.ascii_lowercase,
    "bymerge": _DIGITS + _LETTERS + _UNMERGED,
    "balanced": _DIGITS + _LETTERS + _UNMERGED,
    "letters": _LETTERS,
    "digits": _DIGITS,
    "mnist": _DIGITS,
}


def load_idx(path: Path) -> NDArray[np.uint8]:
    """Reads one idx file of unsigned bytes.

    Args:
        path: the file; compressed content is recognised by its first bytes, not by its name.

    Returns:
        The array with the shape that the file states, read-only.

    Raises:
        DataError: if the file is missing, damaged, of another type, or shorter or longer
            than its header says.
    """
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as cause:
        raise DataError(f"Cannot read the data file {path}: {cause}.") from cause
    if len(raw) < 4 or raw[0] != 0 or raw[1] != 0 or raw[3] == 0:
        raise DataError(f"{path} is not an idx file; fetch it again with 'strokebot data'.")
    if raw[2] != _UNSIGNED_BYTE:
        raise DataError(f"{path} holds values of type 0x{raw[2]:02x}; only unsigned bytes (0x08) are read.")
    dimensions = raw[3]
    offset = 4 + 4 * dimensions
    if len(raw) < offset:
        raise DataError(f"{path} ends inside its header; fetch it again with 'strokebot data'.")
    shape = struct.unpack(f">{dimensions}I", raw[4:offset])
    count = math.prod(shape)
    if count > _MAX_VALUES or len(raw) - offset != count:
        raise DataError(
            f"{path} holds {len(raw) - offset} values, but its header says {count};"
            " fetch it again with 'strokebot data'."
        )
    return np.frombuffer(raw, dtype=np.uint8, offset=offset).reshape(shape)


def _find(folder: Path, *names: str) -> Path:
    """The first of the named files, plain or with .gz, that the folder holds."""
    for name in names:
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise DataError(
        f"{folder} has no file {names[0]}(.gz); fetch it with 'strokebot data', or name another folder."
    )


def _pair(images_path: Path, labels_path: Path, limit: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (N, 28, 28) and labels (N,) that belong together; labels lie in [0, limit)."""
    images, labels = load_idx(images_path), load_idx(labels_path)
    if images.ndim != 3 or images.shape[1:] != (SIDE_PX, SIDE_PX):
        raise DataError(
            f"{images_path} holds an array of shape {images.shape}, not images of 28 x 28 pixels."
        )
    if labels.ndim != 1 or len(labels) != len(images):
        raise DataError(f"{labels_path} holds {labels.shape} labels for {len(images)} images.")
    if len(labels) and int(labels.max()) >= limit:
        raise DataError(f"{labels_path} holds the label {int(labels.max())}, but labels end at {limit - 1}.")
    return images, labels


def _require_split(split: str) -> None:
    if split not in _SPLITS:
        raise DataError(f"There is no split '{split}'; name one of: train, test.")


def load_mnist(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Loads MNIST.

    Args:
        folder: holds ``train-images-idx3-ubyte`` and its three sisters, plain or .gz,
            with or without the prefix ``mnist-``.
        split: "train" (60,000) or "test" (10,000).

    Returns:
        Images (N, 28, 28) uint8, 255 = ink, upright; labels (N,) uint8, 0 to 9.

    Raises:
        DataError: if a file is missing, damaged or does not fit the other.
    """
    _require_split(split)
    stem = _SPLITS[split]
    images = _find(folder, f"mnist-{stem}-images-idx3-ubyte", f"{stem}-images-idx3-ubyte")
    labels = _find(folder, f"mnist-{stem}-labels-idx1-ubyte", f"{stem}-labels-idx1-ubyte")
    return _pair(images, labels, 10)


def load_emnist(folder: Path, subset: str, split: str) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Loads a subset of EMNIST, turned upright, with the labels as characters.

    Args:
        folder: holds ``emnist-<subset>-<split>-images-idx3-ubyte`` and the labels, plain or .gz.
        subset: byclass, bymerge, balanced, letters, digits or mnist.
        split: "train" or "test".

    Returns:
        Images (N, 28, 28) uint8, 255 = ink, upright and contiguous; labels (N,) of one
        character each (merged classes carry the capital).

    Raises:
        DataError: if the subset is unknown, or a file is missing, damaged or does not fit.
    """
    _require_split(split)
    if subset not in EMNIST_CLASSES:
        raise DataError(f"There is no EMNIST subset '{subset}'; name one of: {', '.join(EMNIST_CLASSES)}.")
    first = 1 if subset == "letters" else 0
    symbols = EMNIST_CLASSES[subset]
    stem = f"emnist-{subset}-{split}"
    images, labels = _pair(
        _find(folder, f"{stem}-images-idx3-ubyte"),
        _find(folder, f"{stem}-labels-idx1-ubyte"),
        len(symbols) + first,
    )
    if len(labels) and int(labels.min()) < first:
        raise DataError(f"The labels of {stem} hold {int(labels.min())}, but they begin at {first}.")
    upright = np.ascontiguousarray(images.transpose(0, 2, 1))
    upright.setflags(write=False)
    return upright, np.array(list(symbols))[labels.astype(np.int64) - first]


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
