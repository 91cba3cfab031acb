"""The drawing loop: in lock step as one by one, complete, repeatable, and as true as its policy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.hand.choose import draw_by_hand, guide_of, raw_gesture
from strokebot.hand.draw import HandDrawing, Rollout, draw_pictures
from strokebot.hand.policy import (
    LAND,
    MOST_LOOKS,
    PAST_POINTS,
    Policy,
    StrokeHistory,
    cell_place,
    eye_extras,
    first_gaze,
    heading_after,
    on_paper,
    pen_extras,
)
from strokebot.hand.retina import ANGLES, PEN_RINGS, RINGS, WORK_PX, Canvases, WorkPicture, prepare
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink, fidelity
from tests.support.hand_policies import Following, Guessing, Knowing, telling
from tests.support.writing_cases import LETTERS, followed, written

Floats = np.ndarray


def recall(drawing: HandDrawing, image: InkImage) -> float:
    gesture = raw_gesture(drawing, image)
    assert gesture is not None
    down = np.append(False, gesture.pen_down[1:] & gesture.pen_down[:-1])
    ink = draw_ink(
        gesture.positions * image.longer_side, gesture.size * image.longer_side, gesture.intensity, down,
        image.ink.shape,
    )  # fmt: skip
    return fidelity(image.ink, ink)["ink_recall"]


def plain(work: WorkPicture, policy: Policy) -> list[list[Floats]]:
    """One pen, one step after the other, as the pages of ``policy`` tell it; strokes in work px."""
    canvas, one = Canvases([work]), np.zeros(1, np.int64)
    history, gaze, last = StrokeHistory.empty(1), first_gaze(work.box)[None], np.zeros(1)
    strokes: list[list[Floats]] = []
    while canvas.undrawn[0]:
        looks, near = 0, False
        while looks < MOST_LOOKS:
            look = canvas.look(one, gaze, np.zeros(1), np.full(1, WORK_PX), RINGS)
            told = eye_extras(
                gaze, history, heading=last, looks=np.full(1, looks),
                left=canvas.undrawn / canvas.ridge, style=0.0,
            )  # fmt: skip
            answer = policy.eye(look, told)
            jump = answer.jump[0].astype(float)
            jump[:LAND][look[0, 1].ravel() <= 0] = -math.inf
            cell = int(jump.argmax())
            if cell == LAND:
                gaze = gaze + answer.offset * WORK_PX
                if near:
                    break
                near, looks = True, min(looks, 3)
                continue
            gaze, looks = cell_place(gaze, np.array([cell])), looks + 1
        xy = canvas.nearest_undrawn(one, gaze)[0]
        beside = canvas.look(one, xy, np.zeros(1), np.full(1, WORK_PX), 2)[0, 2].any()
        if canvas.undrawn_near(one, xy, WORK_PX)[0] < 0.35 * WORK_PX**2 and beside:
            canvas.mark(one, xy, xy, np.full(1, WORK_PX))
            gaze = xy
            continue
        heading = np.full(1, answer.direction[0].argmax() * 2 * np.pi / ANGLES)
        canvas.mark(one, xy, xy, canvas.scale_at(one, xy) / 2)
        stroke, length, idle, looks, begun = [xy[0]], 0.0, 0.0, 0, xy
        past = np.full((1, PAST_POINTS, 2), np.nan)
        while True:
            s = canvas.scale_at(one, xy)
            told = pen_extras(
                xy, heading, s, past=past, drawn_px=np.full(1, length), looks=np.full(1, looks), style=0.0
            )
            step = policy.pen(canvas.look(one, xy, heading, s, PEN_RINGS), told)
            chosen = step.direction[0].argmax()
            places = on_paper(xy, heading, s, step.points[:, chosen].astype(float))
            on_ink = canvas.ink_at(one, places[:, -1])[0] >= 0.2
            lift = step.lift[0] > 0 or not on_ink
            if on_ink or looks == 0:
                ends = np.concatenate([xy, places[0]])
                fresh = sum(
                    canvas.mark(one, ends[k : k + 1], ends[k + 1 : k + 2], s / 2)[0]
                    for k in range(len(places[0]))
                )
                moved = float(np.hypot(*np.diff(ends, axis=0).T).sum())
                length, idle = length + moved, 0.0 if fresh else idle + moved
                heading = heading_after(xy, heading, s, places)
                past = np.concatenate([ends[None, -2::-1], past], axis=1)[:, :PAST_POINTS]
                stroke += list(places[0])
                xy = places[:, -1]
            looks += 1
            if lift or idle > 10 * s[0] or not canvas.undrawn[0]:
                break
        strokes.append(stroke)
        history = history.added(one, begun, xy, np.full(1, length))
        gaze, last = xy, heading
    return strokes


@pytest.mark.parametrize("text", ["hock", "it"])
def test_many_pens_in_lock_step_draw_what_one_draws_alone(text: str) -> None:
    works = [prepare(written(text, seed)[0].ink) for seed in range(3)]
    together = draw_pictures(works, Following(), [Rollout()] * 3)
    for work, drawing in zip(works, together, strict=True):
        alone = plain(work, Following())
        assert len(drawing.strokes) == len(alone)
        for one, other in zip(drawing.strokes, alone, strict=True):
            assert len(one) == len(other)
            # The ends run on to the end of the ink afterwards.
            np.testing.assert_allclose(one[1:-1, :2] * work.unit, np.array(other)[1:-1], atol=1e-6)


def test_a_policy_that_knows_the_strokes_draws_them_in_their_order_and_direction() -> None:
    for text in ("hot", "kitto"):
        image, strokes = written(text)
        work = prepare(image.ink)
        policy = Knowing([stroke * work.unit for stroke in strokes])
        with telling(policy):
            drawing = draw_pictures([work], policy, [Rollout()])[0]
        gesture = raw_gesture(drawing, image)
        assert gesture is not None
        direction, tau = followed(gesture, image, strokes)
        assert direction == 1.0
        assert tau > 0.95
        assert drawing.undrawn < 0.01
        assert recall(drawing, image) > 0.99


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    work = prepare(written("hotk")[0].ink)
    runs = [
        draw_pictures([work] * 2, Following(), [Rollout(temperature=3.0)] * 2, seed) for seed in (1, 1, 2)
    ]

    def same(one: list[HandDrawing], other: list[HandDrawing]) -> bool:
        return all(
            len(a.strokes) == len(b.strokes)
            and all(np.array_equal(s, t) for s, t in zip(a.strokes, b.strokes, strict=True))
            for a, b in zip(one, other, strict=True)
        )

    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@given(st.text(sorted(LETTERS), min_size=1, max_size=4), st.integers(0, 99), st.floats(14, 60))
@settings(max_examples=15)
def test_everything_is_drawn_by_whoever_follows_lines(text: str, seed: int, height_px: float) -> None:
    image, _ = written(text, seed, height_px)
    drawing = draw_by_hand([image], Following(), tried=1)[0][0]
    assert drawing.undrawn == 0.0
    assert recall(drawing, image) > 0.97
    assert all((confidence > 0).all() and (confidence <= 1).all() for confidence in drawing.confidence)


@given(st.integers(0, 2**16))
@settings(max_examples=5)
def test_a_policy_that_guesses_comes_to_an_end(seed: int) -> None:
    image, _ = written("h", seed, 12.0)
    drawing = draw_by_hand([image], Guessing(), tried=2)[0][0]
    assert 0.0 <= drawing.undrawn <= 1.0


def test_nothing_to_draw_is_nothing_drawn() -> None:
    assert draw_pictures([], Following(), []) == []
    blank = InkImage(np.zeros((20, 30), np.float32))
    drawing = draw_by_hand([blank], Following())[0][0]
    assert drawing.strokes == ()
    assert raw_gesture(drawing, blank) is None
    assert guide_of([drawing], True).strokes == ()


def test_straight_ends_run_on_to_the_end_of_the_ink() -> None:
    points = np.array([[10.0, 30.0], [90.0, 30.0]])
    ink = draw_ink(points, np.full(2, 3.0), np.ones(2), np.ones(2, bool), (60, 100))
    drawing = draw_by_hand([InkImage(ink)], Following(), tried=1)[0][0]
    xy = np.concatenate(drawing.strokes)
    assert abs(xy[:, 0].min() - 10.0) < 1.5
    assert abs(xy[:, 0].max() - 90.0) < 1.5
