"""Dotted paper and the holes of a binder are told from the dots of a drawing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.picture.dots import find_dots, find_holes

SHAPE = (260, 340)


def spots(places: np.ndarray, radius: float = 1.2) -> np.ndarray:
    ink = np.zeros(SHAPE, np.float32)
    reach = int(radius) + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for px, py in places:
        column, row = round(px), round(py)
        stamp = np.clip(radius + 0.5 - np.hypot(x + column - px, y + row - py), 0, 1).astype(np.float32)
        part = ink[row - reach : row + reach + 1, column - reach : column + reach + 1]
        np.maximum(part, stamp, out=part)
    return ink


def lattice(pitch: float, turn: float, shift: float) -> np.ndarray:
    k = np.arange(-40, 41)
    at = np.stack(np.meshgrid(k, k), axis=-1).reshape(-1, 2) * pitch + shift
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    at = at @ spin + np.array(SHAPE[::-1]) / 2
    return at[((at > 4) & (at < np.array(SHAPE[::-1]) - 4)).all(axis=1)]


@settings(max_examples=20)
@given(pitch=st.floats(12, 24), turn=st.floats(-0.7, 0.7), shift=st.floats(0, 10))
def test_every_dot_of_the_paper_is_found_and_no_other(pitch: float, turn: float, shift: float) -> None:
    paper = lattice(pitch, turn, shift)
    # Two dots of the drawing, in the middle between those of the paper.
    own = paper[[len(paper) // 3, len(paper) // 2]] + pitch * 0.5 * np.array([np.cos(turn), np.sin(turn)])
    found = find_dots(spots(np.vstack([paper, own])))
    assert found is not None
    mask, gap = found
    assert gap == pytest.approx(pitch, rel=0.5)
    column, row = np.rint(paper).astype(int).T
    assert mask[row, column].mean() > 0.98
    column, row = np.rint(own).astype(int).T
    assert not mask[row, column].any()


def test_scattered_dots_and_a_stippled_patch_are_no_paper() -> None:
    rng = np.random.default_rng(4)
    assert find_dots(spots(rng.uniform(8, np.array(SHAPE[::-1]) - 8, (80, 2)))) is None
    patch = lattice(14.0, 0.0, 0.0)
    assert find_dots(spots(patch[(patch < 110).all(axis=1)])) is None


def test_holes_lie_along_one_side() -> None:
    down = np.column_stack([np.full(12, 18.0), 12 + 21.0 * np.arange(12)])
    own = np.array([[120.0, 90.0], [200.0, 30.0], [210.0, 200.0]])
    found = find_holes(spots(np.vstack([down, own]), 4.0))
    assert found is not None
    mask, count = found
    assert count == 12
    assert not mask[90, 120]
    right = down + np.array([SHAPE[1] - 36.0, 0.0])
    assert find_holes(spots(np.vstack([down, right]), 4.0)) is None, "dots on two sides are a frame"
    uneven = down + np.random.default_rng(1).uniform(-9, 9, down.shape) * [0, 1]
    assert find_holes(spots(uneven, 4.0)) is None
