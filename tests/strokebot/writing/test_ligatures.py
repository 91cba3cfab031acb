"""Joined letters begin and end at their anchors, keep their own points, and lift no more than they must."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from strokebot.errors import GestureError
from strokebot.gesture import Gesture, chain
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink
from strokebot.trajectory.path.place import Placement, place
from strokebot.writing.ligatures import anchored, dense, join_page, rows_of, strokes_of, weave

EXAMPLES = Path(__file__).parents[3] / "examples"
H = 0.05
# A line's end drawn once more as a dot differs by at most 0.039 in a pixel (2,400 random words).
ROUNDING = 0.06


def random_letter(rng: np.random.Generator, x: float, strokes: int) -> Gesture:
    """A gesture in a cell of H x H, lower left corner at (x, 0.5); its first stroke is the longest."""
    pieces = []
    for k in range(strokes):
        n = int(rng.integers(6, 12)) if k == 0 else 2
        points = [x, 0.5 - H] + H * rng.uniform(0, 1, (n, 2))
        if k == 0:  # stands on the baseline, fills the box
            points[:4] = [x, 0.5 - H] + H * np.array([[0, 1], [1, 0], [0, 0], [1, 1]])
        size = H * rng.uniform(0.08, 0.15, n)
        pieces.append(np.column_stack([points, size, rng.uniform(0.6, 1.0, n)]))
    return chain(pieces)


def word_of(seed: int, strokes: list[int]) -> tuple[list[Gesture], np.ndarray]:
    rng = np.random.default_rng(seed)
    gestures = [random_letter(rng, 0.05 + 1.4 * H * k, n) for k, n in enumerate(strokes)]
    boxes = np.array(
        [[0.05 + 1.4 * H * k, 0.5 - H, 0.05 + 1.4 * H * k + H, 0.5] for k in range(len(strokes))]
    )
    return gestures, boxes


def ink_of(gesture: Gesture, side: int = 160) -> np.ndarray:
    """What a plotter draws of it, rasterised: cut where the ink falls through the threshold."""
    path = place(gesture, Placement(side, 0.0, side), (float(side), float(side)))
    xy = np.column_stack([path.xy_mm[:, 0], side - path.xy_mm[:, 1]])
    return draw_ink(xy, path.width_mm, path.intensity, path.pen_down, (side, side))


def holds(rows: np.ndarray, part: np.ndarray) -> bool:
    """Whether ``part`` occurs in ``rows`` as one stretch, forwards or backwards."""
    return any(
        np.allclose(rows[k : k + len(part)], candidate, rtol=0, atol=1e-12)
        for candidate in (part, part[::-1])
        for k in range(len(rows) - len(part) + 1)
    )


anchors = st.tuples(st.floats(-1, 2), st.floats(-1, 2)).map(np.array)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999),
    left=anchors,
    right=anchors,
    ink=st.tuples(st.booleans(), st.booleans()),
    strokes=st.integers(1, 3),
)
def test_anchors_are_hit_points_stay_and_nothing_jumps(seed, left, right, ink, strokes):
    gesture = random_letter(np.random.default_rng(seed), 0.3, strokes)
    joined = anchored(gesture, left, right, *ink, height=H)
    assert np.allclose(joined.positions[0], left, rtol=0, atol=1e-12)
    assert np.allclose(joined.positions[-1], right, rtol=0, atol=1e-12)
    rows, own = rows_of(joined), rows_of(gesture)
    spread = [np.abs(rows[k : k + len(own)] - own).max() for k in range(len(rows) - len(own) + 1)]
    at = np.flatnonzero(np.array(spread) < 1e-12)
    assert len(at)
    assert joined.lifts == gesture.lifts
    for drawn, outside in ((ink[0], rows[: at[0] + 1]), (ink[1], rows[at[0] + len(own) - 1 :])):
        if not drawn:
            assert (outside[1:-1, 3] == 0).all()
            continue
        assert (outside[:, 3] >= 0.5).all()
        # No step of a join is longer than its share of a curve that turns back at most once.
        step = np.hypot(*np.diff(outside[:, :2], axis=0).T)
        reach = max(np.hypot(*(left - own[:, :2]).T).max(), np.hypot(*(right - own[:, :2]).T).max())
        assert step.max() <= 0.5 * reach + 2 * H


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), ends=st.tuples(anchors, anchors))
def test_a_lead_in_is_the_lead_out_of_the_reversed_letter(seed, ends):
    assume((ends[0] != ends[1]).any())
    rows = rows_of(random_letter(np.random.default_rng(seed), 0.3, 1))
    turned = Gesture.from_positions(rows[::-1, :2], rows[::-1, 2], rows[::-1, 3])
    forward = rows_of(
        anchored(Gesture.from_positions(rows[:, :2], rows[:, 2], rows[:, 3]), *ends, True, True)
    )
    backward = rows_of(anchored(turned, ends[1], ends[0], True, True))
    assert np.allclose(forward, backward[::-1], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999))
def test_a_lead_goes_back_inside_the_ink_and_its_join_is_smooth(seed):
    rng = np.random.default_rng(seed)
    gesture = random_letter(rng, 0.3, 1)
    right = np.array([0.3 + 1.2 * H, 0.5])
    own = rows_of(gesture)
    joined = rows_of(anchored(gesture, np.array([0.3 - 0.2 * H, 0.5]), right, False, True, H))
    lead = joined[2 + len(own) - 1 :]
    back, join = lead[:-8], lead[-9:]
    for a, b in itertools.pairwise(back):  # middles too: the way, not only its points
        for point in (b[:2], (a[:2] + b[:2]) / 2):
            near = dense(own)
            over = np.hypot(*(near[:, :2] - point).T) - near[:, 2] / 2
            assert over.min() <= 0.1 * H * 0.15
    step = np.diff(join[:, :2], axis=0)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0]))))
    assert turn.max() < math.radians(60)
    assert abs(math.atan2(step[-1, 1], step[-1, 0])) < math.radians(45)  # along the baseline at the anchor
    # Never longer than the straight way from the letter's end, turning aside.
    assert np.hypot(*step.T).sum() <= 1.3 * (np.hypot(*(right - own[-1, :2])) + H)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), strokes=st.lists(st.integers(1, 3), min_size=1, max_size=6))
def test_an_inked_word_lifts_only_for_what_its_letters_lift_for(seed, strokes):
    gestures, boxes = word_of(seed, strokes)
    whole = join_page(gestures, boxes, np.zeros(len(boxes), int), "ink")
    assert whole.lifts <= sum(gesture.lifts for gesture in gestures) == sum(strokes) - len(strokes)
    rows = rows_of(whole)
    for gesture in gestures:
        for stroke in strokes_of(gesture):
            assert holds(rows, stroke)
    # Each letter's cell ends on the shared baseline, where the next begins.
    for k in range(len(boxes) - 1):
        anchor = [(boxes[k, 2] + boxes[k + 1, 0]) / 2, 0.5]
        assert np.isclose(rows[:, :2], anchor, rtol=0, atol=1e-9).all(axis=1).sum() == 1
    assert (ink_of(whole) >= ink_of(join_page(gestures, boxes, np.zeros(len(boxes), int))) - ROUNDING).all()


@settings(max_examples=20, deadline=None)
@example(seed=2221, strokes=[1, 1, 3, 3])
@given(seed=st.integers(0, 9999), strokes=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_lifted_letters_leave_the_ink_of_a_plain_chain(seed, strokes):
    gestures, boxes = word_of(seed, strokes)
    lifted = join_page(gestures, boxes, np.zeros(len(boxes), int))
    plain = chain([rows_of(gesture) for gesture in gestures])
    assert np.allclose(ink_of(lifted), ink_of(plain), atol=ROUNDING)
    assert lifted.lifts == plain.lifts
    for gesture in gestures:
        assert holds(rows_of(lifted), rows_of(gesture))


def test_words_and_lines_stay_apart():
    gestures, boxes = word_of(3, [1, 1, 1])
    right, below = np.array([0.4, 0.0]), np.array([0.4, 0.2])
    beside = [Gesture(g.start + right, g.velocity, g.size, g.intensity) for g in gestures]
    far = [Gesture(g.start + below, g.velocity, g.size, g.intensity) for g in gestures]
    places = np.concatenate([boxes, boxes + np.tile(right, 2), boxes + np.tile(below, 2)])
    every = join_page(gestures + beside + far, places, np.repeat([0, 0, 1], 3), "ink")
    assert every.lifts == 2


def test_a_dot_follows_the_word():
    gestures, boxes = word_of(5, [1, 1, 1])
    dot = np.array([[boxes[0, 0] + H / 2, 0.5 - 1.5 * H, 0.1 * H, 1.0]] * 2)
    gestures[0] = chain([dot, rows_of(gestures[0])])
    word = join_page(gestures, boxes, np.zeros(3, int), "ink")
    assert word.lifts == 1
    assert word.positions[-1] == pytest.approx(dot[0, :2])


def test_a_bar_that_touches_is_drawn_with_its_letter():
    gestures, boxes = word_of(5, [1, 1, 1])
    stem = np.array([[boxes[1, 0] + H / 2, 0.5 - H, 0.1 * H, 1.0], [boxes[1, 0] + H / 2, 0.5, 0.1 * H, 1.0]])
    bar = np.array([[boxes[1, 0], 0.5 - H / 2, 0.1 * H, 1.0], [boxes[1, 2], 0.5 - H / 2, 0.1 * H, 1.0]])
    for above, lifts in ((0.0, 0), (0.8 * H, 1)):
        gestures[1] = chain([stem, bar - [0.0, above, 0.0, 0.0]])
        word = join_page(gestures, boxes, np.zeros(3, int), "ink")
        assert word.lifts == lifts
        assert holds(rows_of(word), stem)
        assert holds(rows_of(word), bar - [0.0, above, 0.0, 0.0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), count=st.integers(1, 4))
def test_weaving_keeps_every_stroke_and_stays_in_the_ink(seed, count):
    strokes = strokes_of(random_letter(np.random.default_rng(seed), 0.3, count))
    whole, rest = weave(strokes, 0)
    inside = [s for s in strokes if not any(s is other for other in rest)]
    assert all(holds(whole, stroke) for stroke in inside)
    ink = np.concatenate([dense(stroke) for stroke in inside])
    for point in dense(whole):
        assert (np.hypot(*(ink[:, :2] - point[:2]).T) - 0.55 * ink[:, 2]).min() <= 0
    for stroke in rest:  # apart from all that was woven
        apart = np.hypot(*(ink[:, None, :2] - dense(stroke)[None, :, :2]).transpose(2, 0, 1))
        assert (apart > np.minimum(ink[:, None, 2], dense(stroke)[None, :, 2])).all()


def test_strokes_end_where_the_ink_falls_through_the_threshold():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    (stroke,) = strokes_of(Gesture.from_positions(points, np.ones(4), np.array([0.0, 1.0, 1.0, 0.25])))
    assert stroke[:, 0].tolist() == pytest.approx([0.5, 1.0, 2.0, 2 + 2 / 3])
    assert strokes_of(Gesture.from_positions(points, np.ones(4), np.zeros(4))) == []


def test_what_cannot_be_joined_is_refused():
    up = Gesture.from_positions(np.zeros((2, 2)), np.ones(2), np.array([1.0, 0.0]))
    with pytest.raises(GestureError, match="pen is up"):
        anchored(up, np.zeros(2), np.ones(2), False, True)
    gestures, boxes = word_of(0, [1, 1])
    with pytest.raises(GestureError, match="2 gestures for 1"):
        join_page(gestures, boxes[:1], np.zeros(1, int))
    with pytest.raises(GestureError, match="nothing to join"):
        join_page([], np.zeros((0, 4)), np.zeros(0, int))
    nothing = Gesture.from_positions(np.zeros((2, 2)), np.ones(2), np.zeros(2))
    with pytest.raises(GestureError, match="draw nothing"):
        join_page([nothing], boxes[:1], np.zeros(1, int), "ink")


@pytest.mark.slow
def test_hello_is_one_movement_by_the_shipped_network():
    from strokebot.pipeline import DrawOptions, plan

    apart = plan(EXAMPLES / "hello.png", DrawOptions(method="model"))
    joined = plan(EXAMPLES / "hello.png", DrawOptions(method="model", join="ink"))
    assert (apart.sketch.join, joined.sketch.join) == ("lift", "ink")
    assert apart.path.lifts >= 4
    assert joined.path.lifts == joined.sketch.gesture.lifts == apart.path.lifts - 4
    assert isinstance(joined.ink, InkImage)
    # The joins are short against the word, and the pen goes back over its own ink for the rest.
    assert joined.trajectory.drawn_mm < 2 * apart.trajectory.drawn_mm
