"""Order and direction of strokes: what the network is told, and what is made of its answers."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strokebot.hand.choose import ordered
from strokebot.hand.draw import HandDrawing
from strokebot.hand.order import (
    MOST_STROKES,
    OrderAnswer,
    likeliest_order,
    order_inputs,
    order_logits,
    spaced,
)
from strokebot.hand.policy import load_policy

seeds = st.integers(0, 2**16)


class ByPlace:
    """Orders strokes by the x of their middle, and draws them to the right."""

    def order(self, points, told):
        x = points[:, :, 0].mean(axis=1)
        return OrderAnswer(5.0 * (x[None] - x[:, None]), points[:, -1, 0] - points[:, 0, 0], told[:, 0])


def strokes_of(seed, count):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 100, (int(rng.integers(1, 9)), 2)) for _ in range(count)]


def value(order, gain):
    return sum(gain[i, j] for k, i in enumerate(order) for j in order[k + 1 :])


@given(seeds, st.integers(2, 30))
def test_spaced_points_keep_both_ends_and_lie_on_the_line(seed, count):
    stroke = strokes_of(seed, 1)[0]
    at = spaced(stroke, count)
    assert at.shape == (count, 2)
    assert at[[0, -1]] == pytest.approx(stroke[[0, -1]])
    assert spaced(np.repeat(stroke[:1], 2, axis=0), count) == pytest.approx(np.tile(stroke[0], (count, 1)))
    assert spaced(stroke[::-1], count) == pytest.approx(at[::-1])


@given(seeds, st.floats(0.1, 50), st.floats(-500, 500))
def test_the_network_is_told_the_same_wherever_and_however_large_a_drawing_is(seed, scale, shift):
    points = np.array([spaced(s) for s in strokes_of(seed, 5)])
    length = np.hypot(*np.diff(points, axis=1).transpose(2, 0, 1)).sum(axis=1)
    one = order_inputs(points, length, 3.0, 0.0)
    other = order_inputs(points * scale + shift, length * scale, 3.0 * scale, 0.0)
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b, abs=1e-3)


def test_without_a_drawer_neither_order_nor_direction_are_told():
    points = np.array([spaced(s) for s in strokes_of(1, 6)])
    length = np.full(6, 10.0)
    _, told = order_inputs(points, length, 3.0, 0.0, drawn=False)
    _, turned = order_inputs(points[::-1, ::-1], length, 3.0, 0.0, drawn=False)
    assert told == pytest.approx(turned)
    assert (order_inputs(points, length, 3.0, 0.0)[1] != told).any()


@given(seeds, st.integers(1, 6))
def test_the_order_is_the_best_of_all_that_moving_one_reaches(seed, count):
    before = np.random.default_rng(seed).normal(size=(count, count))
    gain = before - before.T
    order = likeliest_order(before).tolist()
    assert sorted(order) == list(range(count))
    for item in order:
        rest = [other for other in order if other != item]
        for at in range(count):
            assert value([*rest[:at], item, *rest[at:]], gain) <= value(order, gain) + 1e-9
    best = max(value(list(p), gain) for p in permutations(range(count)))
    assert value(order, gain) >= 0.5 * best


@given(seeds, st.integers(1, 40))
def test_logits_that_agree_are_followed(seed, count):
    true = np.random.default_rng(seed).permutation(count)
    place = np.argsort(true)
    assert likeliest_order((place[None] - place[:, None]).astype(float)).tolist() == true.tolist()


@given(seeds)
def test_many_strokes_are_ordered_in_windows(seed):
    rng = np.random.default_rng(seed)
    count = 2 * MOST_STROKES + 17
    x = np.arange(count) * 4.0
    drawn = np.argsort(x + rng.uniform(-30, 30, count))
    strokes = [np.array([[x[k] + 2, 0.0], [x[k], 9.0]]) for k in drawn]
    before, forward, _ = order_logits(ByPlace(), strokes, 1.0, 0.0)
    assert np.allclose(before, -before.T)
    assert drawn[likeliest_order(before)].tolist() == list(range(count))
    assert (forward < 0).all()


@given(seeds, st.integers(0, 7))
def test_a_drawing_keeps_its_ink_and_its_confidence(seed, count):
    rng = np.random.default_rng(seed)
    strokes = tuple(np.column_stack([s, np.full(len(s), 2.0)]) for s in strokes_of(seed, count))
    sure = tuple(np.append(1.0, rng.random(len(s) - 1)) for s in strokes)
    found = ordered(HandDrawing(strokes, sure, 0.25), ByPlace(), 0.0)
    assert found.undrawn == 0.25

    def pieces(drawing):
        """Each piece of line with its confidence, whichever way it is drawn."""
        return sorted(
            (*sorted([tuple(a), tuple(b)]), c)
            for s, own in zip(drawing.strokes, drawing.confidence, strict=True)
            for a, b, c in zip(s, s[1:], own[1:], strict=False)
        )

    assert pieces(found) == pieces(HandDrawing(strokes, sure, 0.25))
    middles = [spaced(s[:, :2])[:, 0].mean() for s in found.strokes]
    assert middles == sorted(middles)
    assert all(s[-1, 0] >= s[0, 0] for s in found.strokes)
    assert all(own[0] == 1.0 for own in found.confidence)


def test_the_shipped_network_draws_three_bars_and_a_cross_as_people_do():
    bars = [np.array([[0.0, y], [60.0, y]]) for y in (0.0, 30.0, 60.0)]
    before, forward, _ = order_logits(load_policy(), [bars[2][::-1], bars[0][::-1], bars[1]], 3.0, 0.0)
    assert likeliest_order(before).tolist() == [1, 2, 0]
    assert (forward > 0).tolist() == [False, False, True]
    # A stem and its bar, as in t: the stem from above, then the bar from the left.
    stem, bar = np.array([[15.0, 0.0], [15.0, 60.0]]), np.array([[0.0, 18.0], [32.0, 18.0]])
    before, forward, _ = order_logits(load_policy(), [bar, stem[::-1]], 3.0, 0.0, drawn=False)
    assert forward[0] > 0 > forward[1]
