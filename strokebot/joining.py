"""Letters that join: a page of gestures becomes words that are each one movement of the pen.

Nouns, besides those of ``leads.py`` and ``words.py``:
    main      the stroke of a letter that is joined; others that touch it are drawn with it, on ways
              inside the ink, and those that do not (dots, accents) follow after the word
    lifted    the pen travels between letters; this leaves the ink of the letters and no other
    inked     the joins inside a word are drawn: it is one movement, as in cursive writing

Every letter begins at the left anchor of its cell and ends at the right one, which is the left
anchor of the next letter, in both modes. A letter is written as it came, or backwards where that
makes its leads much cheaper. What follows after a word goes from right to left: that is the
shorter way wherever the pen goes next.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import GestureError
from strokebot.gesture import Gesture
from strokebot.leads import (
    INTENSITY,
    SIZE,
    Floats,
    X,
    anchored,
    anchored_rows,
    dense,
    rows_of,
    strokes_of,
    weave,
)
from strokebot.trajectory.polyline import arc_length
from strokebot.words import Word, find_words

JoinMode = Literal["lift", "ink"]

# Width of a join over the median width of the word's lines: between letters a pen is moved lightly.
_JOIN_WIDTH = 0.7
# The main stroke is the longest of those that come this near to the baseline, in h, if any does.
_STANDS = 0.5
# A letter is written backwards where that makes its leads cheaper by this much, in h.
_REVERSAL = 0.3


def join_page(
    gestures: list[Gesture], boxes: Floats, line: NDArray[np.int64], mode: JoinMode = "lift"
) -> Gesture:
    """Joins the gestures of a page's characters into one, word by word.

    Args:
        gestures: one for each character, in reading order, in canvas units of the page.
        boxes: (G, 4) x0, y0, x1, y1 of the characters' ink, canvas units.
        line: (G,) line of text of each, ascending from 0.
        mode: "lift" to travel between letters, "ink" to draw the joins inside words.

    Returns:
        One gesture. With "lift" it leaves the ink of its letters and nothing else. With "ink" a word
        has one lift for every stroke of its letters that touches no other (a dot), and for every mark.

    Raises:
        GestureError: if the numbers of gestures, boxes and lines differ, or there is nothing to draw.
    """
    if not len(gestures) == len(boxes) == len(line):
        raise GestureError(
            f"{len(gestures)} gestures for {len(boxes)} characters; there must be one for each."
        )
    if not gestures:
        raise GestureError("There is nothing to join.")
    drawn = [np.concatenate([dense(s)[:, X] for s in strokes_of(g)] or [np.zeros((0, 2))]) for g in gestures]
    page: list[Floats] = []
    for word in find_words(boxes, line, drawn):
        page += _inked_word(word, gestures) if mode == "ink" else _lifted_word(word, gestures)
    if not page:
        raise GestureError(
            "The gestures draw nothing: their intensity is under the lift threshold everywhere."
        )
    table = _travel_between(page)
    return Gesture.from_positions(table[:, X], table[:, SIZE], table[:, INTENSITY])


def _lifted_word(word: Word, gestures: list[Gesture]) -> list[Floats]:
    """The pieces of a word whose letters stand apart, in reading order."""
    pieces = {mark: rows_of(gestures[mark]) for mark in word.marks}
    for k, letter in enumerate(word.letters):
        pieces[letter] = rows_of(anchored(gestures[letter], word.anchors[k], word.anchors[k + 1]))
    return [pieces[k] for k in sorted(pieces)]


def _inked_word(word: Word, gestures: list[Gesture]) -> list[Floats]:
    """A word as one movement, then what stays apart from it, from right to left."""
    h = word.baseline.height
    rest = [stroke for mark in word.marks for stroke in strokes_of(gestures[mark])]
    mains: list[tuple[int, Floats]] = []
    for k, letter in enumerate(word.letters):
        strokes = strokes_of(gestures[letter])
        if strokes:
            main, strokes = weave(strokes, _main(strokes, word))
            mains.append((k, main))
        rest += strokes
    rest.sort(key=lambda stroke: -float(stroke[:, 0].mean()))
    if not mains:
        return rest
    line = _JOIN_WIDTH * float(np.median(np.concatenate([rows[:, SIZE] for _, rows in mains])))
    anchors = word.anchors[[k for k, _ in mains] + [mains[-1][0] + 1]]
    whole: list[Floats] = []
    for k, (_, main) in enumerate(mains):
        ends, ink = (anchors[k], anchors[k + 1]), (k > 0, k < len(mains) - 1)
        rows, cost = anchored_rows(main, ends, ink, h, line)
        turned, other = anchored_rows(main[::-1], ends, ink, h, line)
        rows = turned if other < cost - _REVERSAL * h else rows
        whole.append(rows if k == 0 else rows[1:])  # its left anchor is there already
    return [np.concatenate(whole), *rest]


def _main(strokes: list[Floats], word: Word) -> int:
    """Which of a letter's strokes is joined."""
    length = np.array([arc_length(stroke[:, X])[-1] for stroke in strokes])
    lowest = np.array(
        [
            (stroke[:, 1] - word.baseline.slope * stroke[:, 0]).max() - word.baseline.level
            for stroke in strokes
        ]
    )
    stands = lowest >= -_STANDS * word.baseline.height
    return int(np.argmax(np.where(stands | ~stands.any(), length, -1.0)))


def _travel_between(pieces: list[Floats]) -> Floats:
    """Pieces (N_k, 4) one after another, the pen lifted sharply in between (``chain.py``)."""
    table: list[Floats] = []
    for piece in pieces:
        if table and table[-1][-1, INTENSITY] > 0.0:
            table.append(_lifted(table[-1][-1:]))
        if table and piece[0, INTENSITY] > 0.0:
            table.append(_lifted(piece[:1]))
        table.append(piece)
    return np.concatenate(table)


def _lifted(row: Floats) -> Floats:
    return row * [1.0, 1.0, 1.0, 0.0]
