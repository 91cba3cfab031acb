"""Baselines hold against descenders, skew and marks; words end at wide gaps; anchors lie on the baseline."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.writing.words import find_baseline, find_words

# Top and bottom of letters over the baseline, in h.
SHAPES = {"x": (1.0, 0.0), "l": (2.0, 0.0), "g": (1.0, -0.8), "f": (1.9, -0.7)}


def line_of(text: str, h: float, slope: float, rng: np.random.Generator, gap: float = 0.3) -> np.ndarray:
    """Boxes (n, 4) of letters on the line y = 0.5 + slope x, jittered; a space is 1.6 h wide."""
    boxes, x = [], 0.1
    for kind in text:
        if kind == " ":
            x += (1.6 - gap) * h
            continue
        top, bottom = SHAPES[kind]
        width = h * rng.uniform(0.6, 1.0)
        y = 0.5 + slope * (x + width / 2) + h * rng.uniform(-0.06, 0.06)
        boxes.append((x, y - top * h, x + width, y - bottom * h))
        x += width + gap * h
    return np.array(boxes)


def drawn_in(boxes: np.ndarray) -> list[np.ndarray]:
    return [np.stack(np.meshgrid(np.linspace(b[0], b[2], 5), np.linspace(b[1], b[3], 9)), -1).reshape(-1, 2)
            for b in boxes]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    letters=st.lists(st.sampled_from("xlgf"), min_size=4, max_size=10),
    slope=st.floats(-0.08, 0.08),
    seed=st.integers(0, 999),
)
def test_descenders_and_tall_letters_do_not_move_the_baseline(letters, slope, seed):
    # At least two letters in five stand on the line, and two letters are small.
    text = "".join(["xx", *letters])
    standing = [k for k, kind in enumerate(text) if kind in "xl"]
    if len(standing) < 0.4 * len(text):
        text = text.replace("g", "x")
    h = 0.03
    boxes = line_of(text, h, slope, np.random.default_rng(seed))
    baseline = find_baseline(boxes)
    standing = [k for k, kind in enumerate(text) if kind in "xl"]
    middle = boxes[standing, [0]] + boxes[standing, [2]]
    off = [baseline.at(x / 2) - boxes[k, 3] for x, k in zip(middle, standing, strict=True)]
    assert abs(np.median(off)) < 0.2 * h
    assert 0.8 * h < baseline.height < 1.2 * h


def test_most_of_a_word_may_hang():
    boxes = line_of("gggxg", 0.05, 0.0, np.random.default_rng(0))
    assert find_baseline(boxes).at(0.3) == pytest.approx(0.5, abs=0.005)


def test_marks_are_no_letters():
    h = 0.05
    boxes = line_of("xlxx", h, 0.0, np.random.default_rng(1))
    x = boxes[:, 2]
    comma = [x[3] + 0.1 * h, 0.5 - 0.2 * h, x[3] + 0.3 * h, 0.5 + 0.4 * h]
    apostrophe = [x[1], 0.5 - 2.0 * h, x[1] + 0.1 * h, 0.5 - 1.4 * h]
    every = np.array([*boxes[:2], apostrophe, *boxes[2:], comma])
    (word,) = find_words(every, np.zeros(6, int), drawn_in(every))
    assert word.letters == (0, 1, 3, 4)
    assert word.marks == (2, 5)
    lone = np.array([comma])
    (word,) = find_words(lone, np.zeros(1, int), drawn_in(lone))
    assert sorted(word.letters + word.marks) == [0]


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.text("xlgf", min_size=3, max_size=6), min_size=1, max_size=4),
    seed=st.integers(0, 999),
    rows=st.integers(1, 3),
)
def test_words_end_at_gaps_and_anchors_chain_on_the_baseline(words, seed, rows):
    words = ["x" + word for word in words]
    rng = np.random.default_rng(seed)
    row = line_of(" ".join(words), 0.02, 0.0, rng)
    boxes = np.concatenate([np.add(row, [0, k * 0.1, 0, k * 0.1]) for k in range(rows)])
    found = find_words(boxes, np.repeat(np.arange(rows), len(row)), drawn_in(boxes))
    assert [len(word.letters) for word in found] == [len(word) for word in words] * rows
    assert [k for word in found for k in word.letters] == list(range(len(boxes)))
    for word in found:
        assert word.anchors.shape == (len(word.letters) + 1, 2)
        assert (np.diff(word.anchors[:, 0]) >= 0).all()
        on_line = [word.baseline.at(x) for x in word.anchors[:, 0]]
        assert np.allclose(word.anchors[:, 1], on_line)
        for k, letter in enumerate(word.letters[1:], 1):  # between the boxes of neighbours
            before = word.letters[k - 1]
            assert boxes[before, 2] - 1e-12 <= word.anchors[k, 0] <= boxes[letter, 0] + 1e-12


def test_a_character_alone_is_a_word():
    box = np.array([[0.2, 0.1, 0.7, 0.9]])
    (word,) = find_words(box, np.zeros(1, int), drawn_in(box))
    assert word.letters == (0,)
    assert word.anchors == pytest.approx(np.array([[0.2, 0.9], [0.7, 0.9]]))
