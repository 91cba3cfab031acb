import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.geometry import polyline
from strokebot.geometry.polyline import (
    arc_length,
    distinct,
    drawn_and_travelled,
    simplify,
    sync_deviation,
    turning_angles,
)

place = st.floats(-10, 10).map(lambda v: round(v, 3))
polylines = st.lists(st.tuples(place, place), min_size=1, max_size=40).map(np.array)


def douglas_peucker(points, tolerance):
    """The textbook recursion."""
    if len(points) < 3:
        return list(range(len(points)))
    along = points[-1] - points[0]
    square = max((along**2).sum(), 1e-300)
    share = np.clip(((points - points[0]) @ along) / square, 0, 1)
    distance = np.linalg.norm(points - points[0] - share[:, None] * along, axis=1)
    k = int(distance.argmax())
    if distance[k] <= tolerance:
        return [0, len(points) - 1]
    left = douglas_peucker(points[: k + 1], tolerance)
    return left + [k + j for j in douglas_peucker(points[k:], tolerance)[1:]]


@settings(max_examples=50, deadline=None)
@given(polylines, st.floats(0.01, 5))
def test_simplify_agrees_with_the_textbook_recursion(points, tolerance):
    assert simplify(points, tolerance).tolist() == douglas_peucker(points, tolerance)


@settings(max_examples=30, deadline=None)
@given(polylines, st.data())
def test_simplify_keeps_what_it_is_told_to_keep(points, data):
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(points), max_size=len(points))))
    kept = simplify(points, 2.0, keep)
    assert set(np.flatnonzero(keep)) <= set(kept)
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1


@settings(max_examples=40, deadline=None)
@given(polylines, st.floats(0.001, 3))
def test_distinct_leaves_no_short_step_and_both_ends(points, least):
    kept = distinct(points, least)
    steps = np.linalg.norm(np.diff(points[kept], axis=0), axis=1)
    assert (steps >= least).all()
    assert kept[0] == 0
    if len(kept) > 1:
        assert kept[-1] == len(points) - 1
    else:
        assert (
            np.linalg.norm(points - points[0], axis=1).max() < least
            or np.isclose(points[-1], points[0], atol=least).all()
        )


def test_arc_length_and_turns():
    points = np.array([[0, 0], [3, 4], [3, 4], [0, 4], [1, 4.0]])
    np.testing.assert_allclose(arc_length(points), [0, 5, 5, 8, 9])
    turns = turning_angles(np.array([[0, 0], [1, 0], [1, 1], [1, 2], [1, 0.0]]))
    np.testing.assert_allclose(turns, [np.pi / 2, 0, np.pi])


@settings(max_examples=40, deadline=None)
@given(polylines, polylines)
def test_sync_deviation_is_never_below_the_true_distance(points, line):
    line = line[distinct(line, 1e-3)]
    if len(line) < 2:
        return
    at = np.linspace(0, arc_length(line)[-1], len(points))
    found = sync_deviation(points, at, line, arc_length(line), 0.1)
    dense = np.concatenate(
        [a + (b - a) * np.linspace(0, 1, 200)[:, None] for a, b in itertools.pairwise(line)]
    )
    true = np.linalg.norm(points[:, None] - dense, axis=2).min(axis=1)
    assert (found >= true - 0.15).all()  # the dense points stand up to 0.15 apart
    np.testing.assert_allclose(
        sync_deviation(line, arc_length(line), line, arc_length(line), 0.1), 0, atol=1e-9
    )


def test_sync_deviation_searches_farther_where_it_must():
    line = np.column_stack([np.linspace(0, 10, 101), np.zeros(101)])
    wrong_place = np.array([2.0])  # the point belongs to x = 5, thirty segments on
    assert sync_deviation(np.array([[5.0, 0.0]]), wrong_place, line, line[:, 0], 0.01)[0] < 1e-9
    assert sync_deviation(np.array([[5.0, 0.0]]), wrong_place, line, line[:, 0], 99.0)[0] > 2.0


def test_a_zigzag_whose_ends_are_always_the_farthest_points_takes_few_levels(monkeypatch):
    # Equally distant points: the first of them is split off each time, one a level.
    n = 3000
    points = np.column_stack([np.arange(n) * 0.05, (np.arange(n) % 2) * 3.0])
    calls = []
    distance = polyline._distance_to_segment
    monkeypatch.setattr(
        polyline, "_distance_to_segment", lambda *args: calls.append(len(args[2])) or distance(*args)
    )
    assert simplify(points, 0.01).tolist() == list(range(n))
    assert len(calls) < 80
    assert sum(calls) < 100 * n


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
def test_every_segment_is_drawn_or_travelled(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    points, down = rng.normal(size=(count, 2)), rng.random(count) < 0.5
    drawn, travelled = drawn_and_travelled(points, down)
    lengths = [float(np.hypot(*(points[k] - points[k - 1]))) for k in range(1, count)]
    assert drawn == pytest.approx(sum(s for s, d in zip(lengths, down[1:], strict=True) if d))
    assert drawn + travelled == pytest.approx(sum(lengths))
    assert arc_length(points)[-1] == pytest.approx(sum(lengths))
