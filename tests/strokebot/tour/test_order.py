"""Parts are drawn as they are read, or by little travel; never by more than as they came."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.tour import order as ordering
from strokebot.tour.order import order_pieces, short_order, travel


def random_ends(seed: int, count: int, spread: float = 15.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    starts = rng.random((count, 2)) * 100
    return np.stack([starts, starts + rng.normal(size=(count, 2)) * spread], axis=1)


def boxes_of(ends: np.ndarray) -> np.ndarray:
    return np.concatenate([ends.min(axis=1) - 1, ends.max(axis=1) + 1], axis=1)


def as_they_come(count: int) -> list[tuple[int, bool]]:
    return [(k, False) for k in range(count)]


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 60))
def test_no_order_is_worse_than_the_one_that_came(seed: int, count: int) -> None:
    ends = random_ends(seed, count)
    found = short_order(ends, seed % count)
    assert sorted(k for k, _ in found) == list(range(count))
    assert travel(ends, found) <= travel(ends, as_they_come(count)) + 1e-9
    assert found == short_order(ends, seed % count)


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 40))
def test_a_page_is_no_worse_than_it_came(seed: int, count: int) -> None:
    ends = random_ends(seed, count)
    boxes = boxes_of(ends)
    found = order_pieces(ends, boxes)
    assert sorted(k for k, _ in found) == list(range(count))
    # What is read may take the way to a dot more.
    allowed = ordering._ALLOWED * ordering.writing_height(boxes)
    assert travel(ends, found) <= travel(ends, as_they_come(count)) + allowed + 1e-9


@settings(max_examples=12)
@given(seed=st.integers(0, 100_000))
def test_few_pieces_are_near_the_best_of_all_orders(seed: int) -> None:
    """Against every order and direction that begins with the same piece: 2-opt is no proof, but near."""
    ends = random_ends(seed, 5)
    found = travel(ends, short_order(ends, 0))
    best = min(
        travel(ends, [(k, t) for k, t in zip(line, turned, strict=True)])
        for line in itertools.permutations(range(5))
        for turned in itertools.product((False, True), repeat=5)
    )
    assert best - 1e-9 <= found <= 2.0 * best + 20.0


def test_thousands_of_pieces() -> None:
    ends = random_ends(3, 3000, spread=1.0)
    found = travel(ends, short_order(ends, 0))
    # Nearest neighbours alone leave about a quarter more than the best tour, 0.7124 sqrt(n area) for points.
    assert found < 1.05 * 0.7124 * np.sqrt(3000 * 100.0**2)
    assert found < 0.92 * travel(ends, ordering._nearest(ends, 0))


def test_scattered_pieces_are_drawn_by_the_shorter_way() -> None:
    """A ring of dots: in reading order the pen would go to and fro."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    centre = np.column_stack([200 + 180 * np.cos(angle), 200 + 180 * np.sin(angle)])
    ends = np.stack([centre, centre], axis=1)
    ordered = order_pieces(ends, np.column_stack([centre - 1, centre + 1]))
    assert travel(ends, ordered) <= 1.3 * 2 * np.pi * 180


def test_more_parts_than_are_read_are_drawn_by_the_shorter_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = random_ends(1, 12)
    monkeypatch.setattr(ordering, "MOST_READ", 11)
    assert order_pieces(ends, boxes_of(ends)) == short_order(ends, 0)


def test_marks_come_after_their_letter() -> None:
    """The stem of an i, then its dot, though the dot comes first from the top and is farther away."""
    ends = np.array([[[20.0, 5.0], [22.0, 6.0]], [[20.0, 30.0], [20.0, 60.0]], [[40.0, 30.0], [40.0, 60.0]]])
    assert [k for k, _ in order_pieces(ends, boxes_of(ends))] == [1, 0, 2]
    alone = ends[:2] + np.array([[[0.0, -30.0]], [[0.0, 0.0]]])  # far above the only letter
    assert [k for k, _ in order_pieces(alone, boxes_of(alone))] == [1, 0]
