"""What a pen should do next, on a way and beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.hand.policy import STEP
from strokebot.hand.retina import Canvases, prepare
from strokebot.training.hand.corpus import ink_of
from strokebot.training.hand.paths import SPACING_PX, Paths, resampled

# An n: down, back up over itself, round and down; then a bar apart from it.
STEM = np.array([[10.0, 10.0], [10.0, 60.0], [10.0, 20.0], [18.0, 11.0], [28.0, 14.0], [30.0, 60.0]])
BAR = np.array([[45.0, 30.0], [75.0, 30.0]])


def scene(strokes=(STEM, BAR)):
    strokes = [np.asarray(s, float) for s in strokes]
    picture = prepare(ink_of(strokes, 3.0, (72, 86)), 3.0)
    canvases = Canvases([picture])
    return canvases, Paths([strokes], [picture], canvases)


def draw(canvases, paths, first, last):
    """Draws samples ``first`` to ``last`` of the ways."""
    way = paths.xy[first : last + 1]
    canvases.mark(np.zeros(len(way) - 1, int), way[:-1], way[1:], np.full(len(way) - 1, 1.5))


@given(st.integers(0, 500), st.floats(0.3, 2.0))
@settings(max_examples=20)
def test_resampling_keeps_ends_and_steps(seed, spacing):
    stroke = np.random.default_rng(seed).uniform(0, 40, (5, 2))
    points = resampled(stroke, spacing)
    assert points[0] == pytest.approx(stroke[0])
    assert points[-1] == pytest.approx(stroke[-1])
    # A chord is never longer than the way along the polyline.
    assert (np.hypot(*np.diff(points, axis=0).T) <= spacing * 1.5 + 1e-9).all()


def test_a_pen_on_its_way_is_told_the_way():
    _, paths = scene()
    labels = paths.follow(np.array([0, 100, int(paths.end[0]) - 2]), np.full(3, 3.0))
    assert labels.points[0] == pytest.approx(
        np.array([[10, 10 + STEP * 3], [10, 10 + 2 * STEP * 3]]), abs=0.3
    )
    assert labels.lift.tolist() == [False, False, True]
    assert labels.points[2, 1] == pytest.approx(STEM[-1])
    assert (labels.sample <= paths.end[[0, 100, 0]]).all()


def test_at_a_cusp_the_label_goes_in_and_out_again():
    canvases, paths = scene()
    cusp = int(np.argmax(paths.xy[: paths.end[0] + 1, 1] > 59.9))
    at = cusp - 4  # 2 px before the turn
    left = paths.undrawn(0)
    draw(canvases, paths, 0, at)
    label = paths.take_over(0, paths.xy[at], np.pi / 2, 3.0, left, kept=at)
    assert not label.lift[0]
    assert label.points[0, 1, 1] < label.points[0, 0, 1] or label.points[0, 1, 1] < 60
    # The way back over the own line leads to ink: no lift there either, with the pen turned round.
    draw(canvases, paths, at, cusp + 20)
    back = paths.take_over(0, paths.xy[cusp + 20], -np.pi / 2, 3.0, paths.undrawn(0), kept=cusp + 20)
    assert not back.lift[0]
    assert (np.diff(np.concatenate([[paths.xy[cusp + 20, 1]], back.points[0, :, 1]])) < 0).all()


def test_a_hand_does_not_go_back_for_nothing():
    canvases, paths = scene()
    draw(canvases, paths, 0, int(paths.end[0]))
    done = paths.undrawn(0)
    label = paths.take_over(0, np.array([10.0, 59.0]), np.pi / 2, 3.0, done)
    assert label.lift[0]
    assert not label.moves[0]


def test_the_end_of_a_stroke_is_drawn_before_the_lift():
    canvases, paths = scene()
    first = int(paths.end[0]) + 1
    end = int(paths.end[first])
    at = end - round(3.0 / SPACING_PX)
    left = paths.undrawn(0)
    draw(canvases, paths, first, at)
    label = paths.take_over(0, paths.xy[at], 0.0, 3.0, left, kept=at)
    assert label.lift[0]
    assert label.moves[0]
    assert label.points[0, -1] == pytest.approx(BAR[-1])


def test_who_draws_a_stroke_backwards_is_told_to_go_on():
    canvases, paths = scene()
    first = int(paths.end[0]) + 1
    end = int(paths.end[first])
    draw(canvases, paths, end - 20, end)
    label = paths.take_over(0, paths.xy[end - 20], np.pi, 3.0, paths.undrawn(0))
    assert not label.lift[0]
    assert label.points[0, 1, 0] < label.points[0, 0, 0] < paths.xy[end - 20, 0]
    assert label.sample[0] == -1


def test_the_truth_goes_on_where_it_was_left():
    canvases, paths = scene()
    assert paths.next_start(0, 0, 3.0) == 0
    draw(canvases, paths, 0, 120)
    # The rest of the n is undrawn from about sample 120 on, less what the way back has covered.
    again = paths.next_start(0, 0, 3.0)
    assert 100 < again <= paths.end[0]
    draw(canvases, paths, 0, int(paths.end[0]))
    bar = paths.next_start(0, 0, 3.0)
    assert bar == paths.end[0] + 1
    draw(canvases, paths, bar, int(paths.end[bar]))
    assert paths.next_start(0, 0, 3.0) == -1


@given(
    seed=st.integers(0, 1000),
    x=st.floats(0, 86),
    y=st.floats(0, 72),
    heading=st.floats(-4, 4),
    scale=st.floats(3, 8),
)
@settings(max_examples=40)
def test_labels_lie_on_the_ways_and_near_the_pen(seed, x, y, heading, scale):
    canvases, paths = scene()
    rng = np.random.default_rng(seed)
    a, b = np.sort(rng.integers(0, len(paths.xy) - 1, 2))
    draw(canvases, paths, int(a), int(b) + 1)
    label = paths.take_over(0, np.array([x, y]), heading, scale, paths.undrawn(0))
    apart = np.hypot(*(label.points[0][:, None] - paths.xy[None]).transpose(2, 0, 1)).min(axis=1)
    assert (apart < 1e-9).all()
    steps = np.hypot(*np.diff(label.points[0], axis=0).T)
    assert (steps <= STEP * scale + SPACING_PX).all()
    if not label.moves[0]:
        assert label.lift[0]
    # A pen is not told to lift where undrawn way lies just ahead of it, or to go on where nothing is left.
    if not paths.undrawn(0).any():
        assert label.lift[0]
