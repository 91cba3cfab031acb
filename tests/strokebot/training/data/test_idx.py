from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data import load_emnist, load_idx, load_letters, load_mnist, load_usps


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def letter_l() -> NDArray[np.uint8]:
    """An upright L: a long bar at the left, a short one at the bottom."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 6:9] = 255
    image[21:24, 6:18] = 200
    return image


def write_emnist(folder: Path, subset: str, images: NDArray[np.uint8], labels: list[int]) -> None:
    # EMNIST's own files hold each image with rows and columns exchanged.
    stored = np.stack([image.T for image in images])
    (folder / f"emnist-{subset}-test-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(stored)))
    (folder / f"emnist-{subset}-test-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels, np.uint8)))


@pytest.mark.parametrize("compress", [False, True])
def test_reads_what_was_written_in_row_order(tmp_path: Path, compress: bool) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    raw = idx_bytes(array)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(raw) if compress else raw)
    assert np.array_equal(load_idx(path), array)
    assert not load_idx(path).flags.writeable


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda raw: raw[:-1], "header says 24"),
        (lambda raw: raw + b"\0", "header says 24"),
        (lambda raw: b"\1" + raw[1:], "not an idx file"),
        (lambda raw: raw[:2] + b"\x0d" + raw[3:], "0x0d"),
        (lambda raw: raw[:3] + b"\0" + raw[4:], "not an idx file"),
        (lambda raw: raw[:9], "inside its header"),
        (lambda raw: b"", "not an idx file"),
        (lambda raw: gzip.compress(raw)[:-9], "Cannot read"),
        (lambda raw: raw[:4] + b"\xff" * 12 + raw[16:], "header says"),
    ],
)
def test_refuses_a_damaged_file(tmp_path: Path, damage, match) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x"
    path.write_bytes(damage(idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))))
    with pytest.raises(DataError, match=match) as caught:
        load_idx(path)
    assert "\n" not in str(caught.value)


def test_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="strokebot data"):
        load_mnist(tmp_path, "test")


@pytest.mark.parametrize("prefix", ["", "mnist-"])
def test_mnist_images_stay_as_they_are(tmp_path: Path, prefix: str) -> None:
    images = np.stack([letter_l(), np.fliplr(letter_l())])
    (tmp_path / f"{prefix}t10k-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / f"{prefix}t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([3, 9], np.uint8)))
    got, labels = load_mnist(tmp_path, "test")
    assert np.array_equal(got, images)
    assert labels.tolist() == [3, 9]


def test_mnist_counts_and_labels_must_fit(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(letter_l()[None]))
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(np.array([1, 2], np.uint8)))
    with pytest.raises(DataError, match="for 1 images"):
        load_mnist(tmp_path, "test")
    labels.write_bytes(idx_bytes(np.array([10], np.uint8)))
    with pytest.raises(DataError, match="label 10"):
        load_mnist(tmp_path, "test")
    with pytest.raises(DataError, match="train, test"):
        load_mnist(tmp_path, "validation")


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", letter_l()[None], [12])
    images, labels = load_emnist(tmp_path, "letters", "test")
    assert labels.tolist() == ["L"]
    assert np.array_equal(images[0], letter_l())
    # An L that was not turned would have its long bar at the top.
    assert (images[0][:, 6] > 0).sum() == 20
    assert (images[0][4] > 0).sum() == 3


@pytest.mark.parametrize(
    ("subset", "label", "symbol"),
    [
        ("byclass", 10, "A"),
        ("byclass", 36, "a"),
        ("byclass", 61, "z"),
        ("balanced", 36, "a"),
        ("balanced", 46, "t"),
        ("bymerge", 38, "d"),
        ("letters", 1, "A"),
        ("letters", 26, "Z"),
        ("digits", 7, "7"),
    ],
)
def test_emnist_labels(tmp_path: Path, subset: str, label: int, symbol: str) -> None:
    write_emnist(tmp_path, subset, letter_l()[None], [label])
    assert load_emnist(tmp_path, subset, "test")[1].tolist() == [symbol]


def test_emnist_labels_out_of_range(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", letter_l()[None], [0])
    with pytest.raises(DataError, match="begin at 1"):
        load_emnist(tmp_path, "letters", "test")
    write_emnist(tmp_path, "digits", letter_l()[None], [10])
    with pytest.raises(DataError, match="end at 9"):
        load_emnist(tmp_path, "digits", "test")
    with pytest.raises(DataError, match="byclass"):
        load_emnist(tmp_path, "nosuch", "test")


def test_image_archives(tmp_path: Path) -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    np.savez(tmp_path / "az_upper.npz", images=images, labels=np.array([0, 25], np.uint8))
    assert load_letters(tmp_path)[1].tolist() == ["A", "Z"]
    np.savez(tmp_path / "usps_test.npz", images=images, labels=np.array([0, 9], np.uint8))
    with pytest.raises(DataError, match="16 x 16"):
        load_usps(tmp_path)
    (tmp_path / "az_upper.npz").write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(DataError, match="damaged"):
        load_letters(tmp_path)
