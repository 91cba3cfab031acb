"""The looks of the drawing networks against slow, obvious ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.hand import retina
from strokebot.raster import draw_ink

SHAPE = (40, 61)


def line_picture(seed: int, width_px: float = 3.0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.uniform([4, 4], [shape[1] - 4, shape[0] - 4], (5, 2))
    return draw_ink(points, np.full(5, width_px), np.ones(5), [True, True, True, False, True], shape)


def counts(values: np.ndarray, level: int, column: int, row: int) -> float:
    """Sum of a block of 2^level pixels; nothing outside."""
    size = 2**level
    if column < 0 or row < 0:
        return 0.0
    return float(values[row * size : (row + 1) * size, column * size : (column + 1) * size].sum())


def slow_look(picture, drawn, xy, heading, scale, rings):
    look = np.zeros((3, rings, 24))
    for i in range(rings):
        radius = scale * 0.5 * 1.5**i
        level = min(7, max(0, round(np.log2(radius * 2 * np.pi / 24))))
        for j in range(24):
            angle = heading + 2 * np.pi * j / 24
            x = xy[0] + radius * np.cos(angle)
            y = xy[1] + radius * np.sin(angle)
            column, row = int(np.floor(x / 2**level)), int(np.floor(y / 2**level))
            look[0, i, j] = int(counts(picture.ink.astype(int), level, column, row)) // 4**level / 255
            line = 2**level * max(scale / 3.0, 1.0)
            look[1, i, j] = min(1, counts(picture.ridge & ~drawn, level, column, row) / line)
            look[2, i, j] = min(1, counts(picture.ridge & drawn, level, column, row) / line)
    return look


def slow_mark(picture, drawn, start, end, radius):
    fresh = 0
    for row, column in np.argwhere(picture.ridge & ~drawn):
        at = np.array([column + 0.5, row + 0.5])
        along = end - start
        share = np.clip((at - start) @ along / max(along @ along, 1e-12), 0, 1)
        if np.hypot(*(at - start - share * along)) <= radius + 0.35:
            drawn[row, column] = True
            fresh += 1
    return fresh


@given(
    seed=st.integers(0, 1000),
    x=st.floats(-8, 70),
    y=st.floats(-8, 50),
    heading=st.floats(-4, 4),
    scale=st.floats(2, 9),
    radius=st.floats(0.3, 4),
)
@settings(max_examples=25)
def test_looks_and_marks_are_those_of_a_slow_retina(seed, x, y, heading, scale, radius):
    pictures = [retina.prepare(line_picture(seed), 3.0), retina.prepare(line_picture(seed + 1), 3.0)]
    canvases = retina.Canvases(pictures)
    drawn = [np.zeros(p.ridge.shape, bool) for p in pictures]
    rng = np.random.default_rng(seed)
    ends = rng.uniform(0, 40, (4, 2, 2))
    which = np.array([0, 1, 1, 0])
    fresh = canvases.mark(which[:2], ends[:2, 0], ends[:2, 1], np.full(2, radius))
    for k in range(2):
        assert fresh[k] == slow_mark(pictures[k], drawn[k], *ends[k], radius)
    canvases.mark(which[2:], ends[2:, 0], ends[2:, 1], np.full(2, radius))
    for k in (2, 3):
        slow_mark(pictures[which[k]], drawn[which[k]], *ends[k], radius)
    xy = np.array([x, y])
    look = canvases.look(np.array([1, 0]), np.array([xy, xy]), np.full(2, heading), np.full(2, scale), 14)
    for row, k in enumerate((1, 0)):
        slow = slow_look(pictures[k], drawn[k], xy, heading, scale, 14)
        # A place on the border of two pixels may fall to either side.
        assert np.mean(np.abs(look[row] - slow) > 1e-6) < 0.002
    for k in (0, 1):
        left = np.argwhere(pictures[k].ridge & ~drawn[k])[:, ::-1] + 0.5
        assert np.array_equal(canvases.undrawn_places(k), left)
        assert canvases.undrawn[k] == len(left)
        near, distance = canvases.nearest_undrawn(np.array([k]), xy[None])
        if len(left):
            assert distance[0] == pytest.approx(np.hypot(*(left - xy).T).min())
            assert near[0] in left
        within = np.hypot(*(left - xy).T) <= 4.5
        assert canvases.undrawn_near(np.array([k]), xy[None], 4.5)[0] == within.sum()


def test_pieces_of_one_call_in_one_picture_count_each_pixel_once():
    picture = retina.prepare(line_picture(3), 3.0)
    canvases = retina.Canvases([picture])
    start, end = np.array([[0.0, 20.0]] * 2), np.array([[61.0, 20.0]] * 2)
    fresh = canvases.mark(np.zeros(2, int), start, end, np.full(2, 3.0))
    assert fresh.sum() > 0
    assert canvases.undrawn[0] == picture.ridge.sum() - fresh.sum()
    assert (
        canvases.look(np.zeros(1, int), np.array([[30.0, 20.0]]), np.zeros(1), np.full(1, 3.0), 14).min() >= 0
    )


@pytest.mark.parametrize("width_px", [1.2, 2.0, 3.0, 4.0, 6.0, 11.0])
def test_lines_of_any_width_become_three_pixels_wide(width_px):
    picture = retina.prepare(line_picture(7, width_px, (160, 240)))
    assert retina.line_width_px(line_picture(7, width_px, (160, 240))) == pytest.approx(
        width_px, rel=0.35, abs=0.5
    )
    assert 0.55 * 3 < width_px * picture.unit < 1.5 * 3
    # The ridge is about a pixel wide, and nothing of it is outside the ink.
    assert not (picture.ridge & (picture.ink < 128)).any()


def test_the_wide_line_tells_its_width_and_paper_the_usual_one():
    canvases = retina.Canvases([retina.prepare(line_picture(7, 7.0, (160, 240)), 3.0)])
    places = canvases.undrawn_places(0)
    assert np.median(canvases.scale_at(np.zeros(len(places), int), places)) == pytest.approx(7.0, abs=1.0)
    assert canvases.scale_at(np.zeros(1, int), np.array([[-50.0, 3.0]]))[0] == retina.WORK_PX
    assert canvases.ink_at(np.zeros(1, int), places[:1])[0] == 1.0


def test_an_empty_picture_has_nothing_to_draw():
    picture = retina.prepare(np.zeros((12, 9), np.float32))
    canvases = retina.Canvases([picture])
    assert picture.box.tolist() == [0, 0, 0, 0]
    assert canvases.undrawn[0] == 0
    assert np.isinf(canvases.nearest_undrawn(np.zeros(1, int), np.zeros((1, 2)))[1][0])
    assert canvases.mark(np.zeros(1, int), np.zeros((1, 2)), np.ones((1, 2)), np.ones(1))[0] == 0
