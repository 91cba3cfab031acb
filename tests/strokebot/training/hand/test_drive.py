"""Drawing in lock step: what is written down is what is there, and the truth draws everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.hand.policy import LAND, EyeAnswer, PenAnswer, cell_place
from strokebot.hand.retina import ANGLES, RADII, WORK_PX
from strokebot.training.hand.corpus import MADE, Corpus
from strokebot.training.hand.drive import LANDING, cell_of, drive
from strokebot.training.hand.paths import resampled


class Wanderer:
    """Answers by chance."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def pen(self, look, extras):
        n = len(look)
        points = self._rng.normal(size=(n, ANGLES, 2, 2)).astype(np.float32)
        return PenAnswer(self._rng.normal(size=(n, ANGLES)), points, self._rng.normal(size=n))

    def eye(self, look, extras):
        n = len(look)
        return EyeAnswer(
            self._rng.normal(size=(n, LAND + 1)), self._rng.normal(size=(n, 2)), np.zeros((n, ANGLES))
        )


def drawings(folder, count, **weights):
    corpus = Corpus(folder, weights or {"unipen_words": 1.0, MADE: 1.0})
    rng = np.random.default_rng(3)
    return [corpus.drawing(rng) for _ in range(count)]


def test_the_truth_draws_every_picture(folder):
    some = drawings(folder, 12)
    driven = drive(some, np.random.default_rng(0))
    assert driven.left.max() < 0.06
    for drawing, strokes in zip(some, driven.strokes, strict=True):
        assert len(strokes) <= len(drawing.ways)
        places = np.concatenate([resampled(way) for way in drawing.ways])
        drawn = np.concatenate(strokes)
        apart = np.hypot(*(drawn[:, None] - places[None]).transpose(2, 0, 1)).min(axis=1)
        assert np.median(apart) < 2.0 * WORK_PX
    assert driven.pen.look.shape[1:] == (3, 9, 24)
    assert len(driven.pen.look) == len(driven.pen.lift) == len(driven.pen.points)
    # A lift for each stroke.
    assert driven.pen.lift.sum() == sum(len(s) for s in driven.strokes)


def test_sweeping_shows_the_eye_the_same_pictures_without_the_pen(folder):
    some = drawings(folder, 8)
    driven = drive(some, np.random.default_rng(0), swept=1.0)
    assert len(driven.pen.look) == 0
    assert len(driven.eye.look) >= 8
    assert driven.left.max() < 0.06


def test_chance_at_the_wheel_ends(folder):
    driven = drive(drawings(folder, 6), np.random.default_rng(0), Wanderer(1), own=1.0)
    assert np.isfinite(driven.pen.points).all()
    assert np.isfinite(driven.eye.target).all()
    assert len(driven.pen.look)


def test_the_same_seed_drives_the_same_way(folder):
    some = drawings(folder, 5)
    one, two = (drive(some, np.random.default_rng(7), Wanderer(2), own=0.5, swept=0.3) for _ in range(2))
    for a, b in zip((*one.pen, *one.eye), (*two.pen, *two.eye), strict=True):
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@given(st.floats(-200, 200), st.floats(-200, 200))
@settings(max_examples=60)
def test_a_jump_to_the_labelled_cell_comes_nearer(x, y):
    target = np.array([[x, y]])
    cell = cell_of(target)
    away = np.hypot(x, y)
    if away < LANDING:
        assert cell[0] == LAND
        return
    left = target - cell_place(np.zeros((1, 2)), cell) / WORK_PX
    # Half a ring and half an angle at most; beyond the last ring the gaze goes as far as it sees.
    if away < RADII[-1]:
        assert np.hypot(*left[0]) <= 0.32 * away
    else:
        assert np.hypot(*left[0]) < away


def test_made_drawings_and_words_have_ways_inside_their_pictures(folder):
    for drawing in drawings(folder, 20):
        height, width = drawing.picture.ink.shape
        for way in drawing.ways:
            assert (way > 0).all()
            assert (way < [width, height]).all()
        # Ink lies under the way.
        at = np.concatenate([resampled(way) for way in drawing.ways]).astype(int)
        assert np.mean(drawing.picture.ink[at[:, 1], at[:, 0]] > 100) > 0.95


def test_held_out_and_validation_writers_are_never_drawn_from(folder):
    from strokebot.training.data.strokes import is_held_out, load_strokes
    from strokebot.training.hand.corpus import is_validation, training_part

    kept = training_part(load_strokes(folder, "unipen_words"))
    assert len(kept)
    for writer in kept.writer:
        assert not is_held_out(str(writer))
        assert not is_validation(str(writer))
    names = [f"unipen/{k}" for k in range(2000)]
    assert np.mean([is_validation(n) for n in names]) == pytest.approx(0.05, abs=0.02)
    assert not any(is_validation(f"omniglot/{k}") for k in range(2000))
