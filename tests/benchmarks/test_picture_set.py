"""The picture set: every kind, the same each time, and folders by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.picture_set import KINDS, Picture, dense_lines, folder_pictures, pictures


@pytest.fixture(scope="module")
def whole_set() -> list[Picture]:
    return pictures()[0]


def test_every_kind_is_there_with_ink_on_paper(whole_set: list[Picture]) -> None:
    found = whole_set
    assert {p.kind for p in found} == set(KINDS)
    assert len({p.name for p in found}) == len(found)
    for picture in found:
        if picture.grey is not None and picture.kind != "photo":
            dark = float(np.mean(picture.grey < 128))
            assert 0.001 < dark < 0.8, picture.name
            border = np.concatenate([picture.grey[0], picture.grey[-1]])
            assert np.median(border) > 128, picture.name


def test_the_quick_set_has_one_of_each_kind_and_is_made_here() -> None:
    found, _ = pictures(quick=True)
    assert [p.kind for p in found] == list(KINDS)
    assert all(p.grey is not None for p in found)


def test_the_set_is_the_same_each_time(whole_set: list[Picture]) -> None:
    one, two = whole_set, pictures()[0]
    assert all(
        a.name == b.name and (a.grey is None or np.array_equal(a.grey, b.grey))
        for a, b in zip(one, two, strict=True)
    )


def test_hairlines_are_thin_and_pencil_is_grey(whole_set: list[Picture]) -> None:
    found = {p.name: p for p in whole_set}
    house = found["hairline-house"].grey
    assert house is not None
    runs = np.diff(np.flatnonzero(np.diff(np.pad(house[len(house) // 2] < 200, 1).astype(int))))[::2]
    assert runs.max() <= 2
    pencil = found["pencil-house"].grey
    assert pencil is not None
    assert 40 < float(np.median(pencil[pencil < 200])) < 190


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    for name in ("clip_cup.png", "oneline_a.png", "dog.png", "word_x.jpg"):
        Image.new("L", (8, 8), 255).save(tmp_path / name)
    (tmp_path / "notes.md").write_text("no picture")
    kinds = {p.name.split("-")[-1]: p.kind for p in folder_pictures(tmp_path)}
    assert kinds == {"clip_cup": "clipart", "dog": "lineart", "oneline_a": "oneline", "word_x": "word"}
    assert folder_pictures(tmp_path)[0].saved(Path("/nowhere")) == tmp_path / "clip_cup.png"


def test_dense_lines_fill_the_square() -> None:
    grey = dense_lines(400)
    assert grey.shape == (400, 400)
    ink = grey < 128
    assert 0.08 < ink.mean() < 0.35
    quarters = [ink[r : r + 200, c : c + 200].mean() for r in (0, 200) for c in (0, 200)]
    assert min(quarters) > 0.05
