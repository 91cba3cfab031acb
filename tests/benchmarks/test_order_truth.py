"""The measure of order and direction tells the true pen from a reversed, mixed or guessing one."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import order_truth
from benchmarks.order_truth import direction_and_order
from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.training.data.ragged import Sample, save_samples
from strokebot.training.data.strokes import is_held_out

Strokes = list[np.ndarray]


def letter_h(x: float = 0.0) -> Strokes:
    """Two stems and a bar, far apart from one another but for the bar's ends."""
    return [
        np.array([[x, 0.0], [x, 100.0]]),
        np.array([[x + 60, 0.0], [x + 60, 100.0]]),
        np.array([[x, 50.0], [x + 60, 50.0]]),
    ]


def chained(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    strokes = [np.repeat(s, 2, axis=0) if len(s) == 1 else s for s in strokes]
    xy = np.concatenate(strokes)
    drawn = np.ones(len(xy) - 1, bool)
    drawn[np.cumsum([len(s) for s in strokes])[:-1] - 1] = False
    return xy, drawn


def judge(gesture: Strokes, truth: Strokes) -> tuple[float, float]:
    xy, drawn = chained(gesture)
    return direction_and_order(xy, truth, drawn=drawn)


def test_the_true_pen_agrees_and_a_reversed_one_does_not() -> None:
    truth = letter_h() + letter_h(120.0)
    assert judge(truth, truth) == (1.0, 1.0)
    assert judge([s[::-1] for s in truth[::-1]], truth) == (0.0, -1.0)
    assert judge([s[::-1] for s in truth], truth) == (0.0, 1.0)
    assert judge(truth[::-1], truth) == (1.0, -1.0)


@given(order=st.permutations(range(6)), turned=st.lists(st.booleans(), min_size=6, max_size=6))
def test_any_order_and_direction_is_counted(order: list[int], turned: list[bool]) -> None:
    truth = letter_h() + letter_h(120.0)
    gesture = [truth[k][::-1] if turned[k] else truth[k] for k in order]
    direction, tau = judge(gesture, truth)
    assert direction == pytest.approx(1 - np.mean(turned))
    rank = [order.index(k) for k in range(6)]
    signs = [np.sign(rank[j] - rank[i]) for i in range(6) for j in range(i + 1, 6)]
    assert tau == pytest.approx(np.mean(signs))


def test_the_first_pass_counts_and_a_crossing_does_not() -> None:
    down, up = np.array([[0.0, 0.0], [0.0, 100.0]]), np.array([[0.0, 100.0], [0.0, 0.0]])
    bar = np.array([[-50.0, 50.0], [50.0, 50.0]])
    # A retrace after the first pass changes nothing.
    assert judge([np.concatenate([down, up]), bar], [down, bar]) == (1.0, 1.0)
    assert judge([np.concatenate([up, down]), bar], [down, bar]) == (0.5, 1.0)
    # A hand that goes up again where it came down is judged where it came down.
    assert judge([down], [np.concatenate([down, up])])[0] == 1.0
    assert judge([up], [np.concatenate([down, up])])[0] == 0.0


def test_what_is_never_drawn_is_wrong_and_dots_have_no_direction() -> None:
    truth = letter_h()
    assert judge(truth[:2], truth) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    direction, tau = judge([truth[0]], [truth[0]])
    assert direction == 1.0
    assert math.isnan(tau)
    dot = np.array([[30.0, -20.0]])
    dots = [*truth, dot]
    assert judge(dots, dots) == (1.0, 1.0)
    assert judge([dot, *truth], dots) == (1.0, 0.0)
    assert math.isnan(judge([dot], [dot])[0])


def test_a_set_is_measured_on_the_writers_asked_for(tmp_path: Path) -> None:
    names = [f"w{k}" for k in range(60)]
    kept = [name for name in names if is_held_out(f"unipen/{name}")]
    assert 0 < len(kept) < len(names)
    save_samples(tmp_path / "unipen_upper.npz", [Sample(letter_h(), "H", name) for name in names])
    found = list(order_truth.samples(tmp_path, "unipen_upper", 100))
    assert len(found) == len(kept)
    _, runs = found[0]
    assert np.ptp(np.concatenate(runs), axis=0)[1] == pytest.approx(64.0)

    def true_pen(picture: InkImage) -> Gesture:
        xy, drawn = chained(runs)
        rows = np.repeat(xy, 2, axis=0)  # a lift on the spot: ink falls to 0 and rises again
        ink = np.ones((len(xy), 2))
        ink[:-1, 1] = ink[1:, 0] = drawn
        return Gesture.from_positions(rows / picture.longer_side, np.full(len(rows), 0.04), ink.ravel())

    flat = order_truth.measure(tmp_path, 3, true_pen, names=["unipen_upper"])
    assert flat["unipen_upper_direction"] == 1.0
    assert flat["unipen_upper_tau"] == 1.0
    assert flat["unipen_upper_point_order"] > 0.9
    assert order_truth.pictured([np.array([[0, 0]], np.int16)], 20.0)[0].ink.max() == 1.0
