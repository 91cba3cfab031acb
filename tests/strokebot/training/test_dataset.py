"""Rendered strokes as a torch Dataset: what an item is, and that it is always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from strokebot.errors import DataError
from strokebot.training.data.strokes import is_held_out, load_strokes
from strokebot.training.dataset import WrittenCharacters
from strokebot.training.pens.line import LinePen

SETS = ("unipen_digits", "omniglot")


def test_items_are_images_with_their_path(measured_folder: Path) -> None:
    data = WrittenCharacters(measured_folder, SETS, "all", points=24)
    assert isinstance(data, Dataset)
    assert len(data) > 10
    for item in (data[0], data[-1], data[len(data) - 1]):
        assert item.image.shape == (1, 28, 28)
        assert item.image.dtype == torch.float32
        assert 0 <= float(item.image.min()) <= float(item.image.max()) <= 1
        assert item.points.shape == (24, 2)
        assert item.drawn.shape == (23,)
        assert isinstance(item.label, str)
        assert float(item.image.sum()) > 10
    assert torch.equal(data[-1].image, data[len(data) - 1].image)
    with pytest.raises(IndexError):
        data[len(data)]


@pytest.mark.parametrize("augment", [False, True])
def test_the_path_draws_the_image(measured_folder: Path, augment: bool) -> None:
    data = WrittenCharacters(measured_folder, SETS, "all", points=40, augment=augment)
    pen = LinePen(28, 28, 0.2)
    for k in range(0, len(data), 5):
        item = data[k]
        size = torch.full((1, 40), 2.7 / 28)
        drawn = pen.draw_segments(item.points[None], size, item.drawn[None].float())
        have, want = drawn[0] > 0.5, item.image > 0.5
        assert float((have & want).sum()) > 0.6 * float(torch.minimum(have.sum(), want.sum()))


def test_items_depend_on_seed_epoch_and_index_alone(measured_folder: Path) -> None:
    def item(seed: int, epoch: int, before: int = 0) -> torch.Tensor:
        data = WrittenCharacters(measured_folder, SETS, augment=True, seed=seed)
        data.epoch = epoch
        for k in range(before):
            data[k]
        return data[3].image

    assert torch.equal(item(1, 0), item(1, 0, before=2))
    assert not torch.equal(item(1, 0), item(1, 1))
    assert not torch.equal(item(1, 0), item(2, 0))
    plain = WrittenCharacters(measured_folder, SETS)
    assert torch.equal(plain[3].image, plain[3].image)


def test_no_writer_is_in_both_splits(measured_folder: Path) -> None:
    train, test = (WrittenCharacters(measured_folder, ["unipen_digits"], s) for s in ("train", "test"))
    whole = load_strokes(measured_folder, "unipen_digits")
    held = np.array([is_held_out(str(w)) for w in whole.writer])
    assert (len(train), len(test)) == (int((~held).sum()), int(held.sum()))


def test_a_data_loader_stacks_them(measured_folder: Path) -> None:
    data = WrittenCharacters(measured_folder, SETS, augment=True)
    batch = next(iter(DataLoader(data, batch_size=4, shuffle=True)))
    assert batch.image.shape == (4, 1, 28, 28)
    assert batch.points.shape == (4, 40, 2)
    assert batch.drawn.dtype == torch.bool
    assert len(batch.label) == 4


def test_what_cannot_be_is_refused(measured_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="klingon"):
        WrittenCharacters(measured_folder, ["klingon"])
    with pytest.raises(DataError, match="choose train, test or all"):
        WrittenCharacters(measured_folder, SETS, "validation")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="2 or more"):
        WrittenCharacters(measured_folder, SETS, points=1)
    with pytest.raises(DataError):
        WrittenCharacters(tmp_path, SETS)
