"""The measures against cases counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.line_metrics import (
    Drawing,
    Target,
    drawing_of,
    ink_f1,
    iou,
    line_f1,
    score,
)


def line(*points: tuple[float, float], width: float = 3.0) -> np.ndarray:
    return np.array([(x, y, width, 1.0) for x, y in points])


def bar(rows: slice, columns: slice, shape: tuple[int, int] = (20, 40)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[rows, columns] = True
    return mask


def test_iou_counts_pixels() -> None:
    a, b = bar(slice(5, 8), slice(0, 10)), bar(slice(5, 8), slice(5, 15))
    assert iou(a, b) == pytest.approx(15 / 45)
    empty = np.zeros_like(a)
    assert iou(empty, empty) == 1.0
    assert iou(a, empty) == 0.0


def test_ink_f1_forgives_a_pixel_and_a_half() -> None:
    a = bar(slice(5, 8), slice(0, 10))
    assert ink_f1(a, np.roll(a, 1, axis=0)) == 1.0
    # Moved by 3 rows: of three rows the nearest one lies 1 px off, the others 2 and 3.
    assert ink_f1(a, np.roll(a, 3, axis=0)) == pytest.approx(1 / 3)
    # Half of it drawn, 5 of 10 columns: the sixth lies 1 px off. Recall 6/10, precision 1.
    assert ink_f1(a, bar(slice(5, 8), slice(0, 5))) == pytest.approx(2 * 0.6 / 1.6)
    assert ink_f1(np.zeros_like(a), np.zeros_like(a)) == 1.0
    assert ink_f1(a, np.zeros_like(a)) == 0.0


def test_line_f1_of_a_line_on_off_and_beside_its_skeleton() -> None:
    skeleton = bar(slice(10, 11), slice(5, 35))  # 30 pixel centres, x 5.5 to 34.5, y 10.5
    assert line_f1(skeleton, Drawing((line((5.5, 10.5), (34.5, 10.5)),))) == 1.0
    assert line_f1(skeleton, Drawing((line((5.5, 12.4), (34.5, 12.4)),))) == 1.0
    assert line_f1(skeleton, Drawing((line((5.5, 12.6), (34.5, 12.6)),))) == 0.0
    # Half the skeleton: x 5.5 to 20.5, whose last sample at 20.25 reaches 22.25: 17 of 30.
    recall = 17 / 30
    half = line_f1(skeleton, Drawing((line((5.5, 10.5), (20.5, 10.5)),)))
    assert half == pytest.approx(2 * recall / (1 + recall))
    # Twice as long, half of it beyond: precision is the share within 2 px of the end.
    precision = (29 + 2) / 58
    longer = line_f1(skeleton, Drawing((line((5.5, 10.5), (63.5, 10.5)),)))
    assert longer == pytest.approx(2 * precision / (1 + precision), abs=0.01)


def test_line_f1_weighs_by_length_and_not_by_points() -> None:
    skeleton = bar(slice(10, 11), slice(5, 35))
    good = [(5.5 + 29 * k / 400, 10.5) for k in range(401)]
    bad = [(5.5, 19.0), (34.5, 19.0)]
    found = line_f1(skeleton, Drawing((line(*good), line(*bad))))
    assert found == pytest.approx(2 * 0.5 / 1.5, abs=1e-6)


def test_line_f1_of_nothing() -> None:
    skeleton = bar(slice(10, 11), slice(5, 35))
    assert line_f1(skeleton, Drawing(())) == 0.0
    assert line_f1(np.zeros_like(skeleton), Drawing(())) == 1.0


def test_length_lifts_and_travel() -> None:
    drawing = Drawing((line((0, 0), (3, 4)), line((3, 8), (3, 10)), line((0, 10))))
    assert drawing.length_px == 7.0
    assert drawing.lifts == 2
    assert drawing.travel_px == 4.0 + 3.0
    assert Drawing(()).lifts == 0


def test_the_width_is_the_median_by_length() -> None:
    thin, thick = line((0, 0), (10, 0), width=2.0), line((0, 5), (30, 5), width=6.0)
    assert Drawing((thin, thick)).width_px == 6.0
    assert Drawing((line((0, 0), width=4.0),)).width_px == 4.0


def test_clamped_widths() -> None:
    drawing = Drawing((line((0, 0), (10, 0), width=2.0), line((0, 5), (30, 5), width=9.0)))
    clamped = drawing.clamped(3.0, 5.0)
    assert [stroke[0, 2] for stroke in clamped.strokes] == [3.0, 5.0]
    assert clamped.strokes[1][1, 0] == 30.0


def test_a_chain_is_cut_where_the_pen_is_up() -> None:
    xy = np.array([(0, 0), (5, 0), (9, 9), (5, 5), (8, 5)], dtype=float)
    drawn = np.array([True, True, False, False, True])
    drawing = drawing_of(xy, np.full(5, 2.0), np.ones(5), drawn)
    assert [stroke[:, :2].tolist() for stroke in drawing.strokes] == [[[0, 0], [5, 0]], [[5, 5], [8, 5]]]
    points, down = drawing.chained()
    assert down.tolist() == [False, True, False, True]
    assert len(points) == 4


def test_a_score_of_a_drawn_bar() -> None:
    ink = bar(slice(9, 12), slice(5, 35)).astype(np.float32)
    target = Target.of(ink)
    assert target.parts == 1
    found = score(target, Drawing((line((6.5, 10.5), (33.5, 10.5)),)))
    assert found.iou > 0.95  # the round ends lack the corners
    assert found.ink_f1 == 1.0
    assert found.line_f1 == 1.0
    assert found.length_ratio == pytest.approx(27 / target.skeleton_px)
    assert found.extra_lifts == 0


def test_extra_lifts_are_those_above_the_parts() -> None:
    ink = (bar(slice(3, 6), slice(5, 35)) | bar(slice(12, 15), slice(5, 35))).astype(np.float32)
    target = Target.of(ink)
    upper = (line((6, 4.5), (15, 4.5)), line((15, 4.5), (34, 4.5)))
    lower = (line((6, 13.5), (34, 13.5)),)
    assert score(target, Drawing(upper + lower)).extra_lifts == 1
    assert score(target, Drawing(lower)).extra_lifts == 0


@given(st.integers(0, 10_000))
def test_measures_are_symmetric_and_between_0_and_1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.random((12, 12)) < rng.random() for _ in range(2))
    for measure in (iou, ink_f1):
        assert 0.0 <= measure(a, b) <= 1.0
        assert measure(a, b) == measure(b, a)
        assert measure(a, a) == 1.0
    assert ink_f1(a, b) >= 2 * iou(a, b) / (1 + iou(a, b)) - 1e-12  # forgiving is never stricter
