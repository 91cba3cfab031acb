r"""Words on a line of writing, the baseline they stand on, and where one letter hands over to the next.

Nouns:
    letter     a character that is high enough to be joined
    mark       a character that is not: a comma, a dash, an apostrophe, a lone dot
    baseline   the line that letters stand on; g, p, y reach below it, and nothing floats above it
    cell       what lies between two anchors
    anchor     the place on the baseline where one letter ends and the next begins

Symbols, canvas units (y down):
    h            height of the small letters: among the lowest of the line's letters
    b_i, x_i     bottom and middle of the box of letter i
    y = c + s x  the baseline

The baseline is the line of least cost among those through one bottom (level) and through two:

    cost = sum_i f((b_i - c - s x_i) / h) + n SKEW |s|,
    f(r) = min(r, HANG) below the line (r > 0),  min(-r, FLOAT) above it

A letter that hangs costs little, however far it hangs, and one that floats costs much: most of
a word may have descenders ("gypsy") as long as one letter stands. A word of descenders alone
stands on their feet, since boxes cannot tell.

A word ends where the gap to the next letter is wider than ``max(GAP h, GAP_RATIO m)``, m the
median gap of the line, and at the latest at ``WIDEST_GAP`` h.

The cost is a bounded absolute deviation, as in R. Koenker, G. Bassett, "Regression quantiles",
Econometrica 46, 1978, capped so that outliers do not count; the constants are measured on
words of UNIPEN writers (docs/joining.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A character is not asked for h and the baseline if it is lower than this share of the line's median
# height, or lies wholly above or below the middles of so many neighbours on either side.
_LEAST_ASKED = 0.3
_NEIGHBOURS = 3
# A mark is lower than this, or its bottom is farther above the baseline (apostrophe), or its top is
# nearer to the baseline or below it (comma), in h.
_MARK_HEIGHT = 0.5
_FLOATS = 0.7
_SINKS = 0.4
# h is the letter height with this share of the letters below it.
_SMALL_LETTERS = 0.15
# Greatest costs of hanging and floating, in h.
_HANG = 0.15
_FLOAT = 1.0
# Cost of a skew of 1 for each letter, and the greatest skew believed: 0.3 is 17°.
_SKEW = 0.25
_MOST_SKEW = 0.3
# The baseline lies at the middle of the bottoms this near to it, in h.
_STANDING = 0.2
# Gaps: in h, as a multiple of the line's median gap, and in h at most.
_GAP = 0.8
_GAP_RATIO = 2.0
_WIDEST_GAP = 1.5
# Ink this far above and below the baseline, in h, says where a letter's cell ends.
_BAND_ABOVE = 1.0
_BAND_BELOW = 0.2


@dataclass(frozen=True)
class Baseline:
    """A line y = level + slope x on the canvas, y down.

    Attributes:
        level: y at x = 0, canvas units.
        slope: y over x.
        height: h, the height of the small letters, canvas units.
    """

    level: float
    slope: float
    height: float

    def at(self, x: float) -> float:
        """The y of the baseline at x."""
        return self.level + self.slope * x

    @property
    def direction(self) -> Floats:
        """Unit vector (2,) along the baseline, to the right."""
        return np.asarray(np.array([1.0, self.slope]) / np.hypot(1.0, self.slope))


@dataclass(frozen=True, eq=False)
class Word:
    """Letters to be joined.

    Attributes:
        letters: which characters, from left to right.
        marks: which characters beside or above them stay apart.
        anchors: (k + 1, 2) places on the baseline for k letters: letter i begins at anchor i and
            ends at anchor i + 1. Empty if there is no letter.
        baseline: that of the line.
    """

    letters: tuple[int, ...]
    marks: tuple[int, ...]
    anchors: Floats
    baseline: Baseline


def find_words(boxes: Floats, line: NDArray[np.int64], drawn: list[Floats]) -> list[Word]:
    """Finds the words of a page and the anchors in them.

    Args:
        boxes: (G, 4) x0, y0, x1, y1 of the characters in reading order, canvas units.
        line: (G,) line of each, ascending from 0.
        drawn: (N_k, 2) points of the ink of each character, dense enough to tell its width.

    Returns:
        The words in reading order; every character is in one of them. Marks belong to the word
        on their left, or to the next one where there is none on the line.
    """
    words: list[Word] = []
    for number in np.unique(line):
        members = np.flatnonzero(line == number)
        heights = boxes[members, 3] - boxes[members, 1]
        baseline = find_baseline(boxes[members[_asked(boxes[members])]])
        middle = (boxes[members, 0] + boxes[members, 2]) / 2
        top, bottom = (baseline.level + baseline.slope * middle - boxes[members, k] for k in (1, 3))
        h = baseline.height
        letter = (heights >= _MARK_HEIGHT * h) & (bottom <= _FLOATS * h) & (top >= _SINKS * h)
        if not letter.any():
            words.append(Word((), tuple(members.tolist()), np.zeros((0, 2)), baseline))
            continue
        letters, marks = members[letter], members[~letter]
        groups = np.split(letters, np.flatnonzero(_word_ends(boxes[letters], baseline.height)) + 1)
        first = np.array([group[0] for group in groups])
        owner = np.maximum(np.searchsorted(first, marks, side="right") - 1, 0)
        for k, group in enumerate(groups):
            anchors = _anchors([_extent(boxes[i], drawn[i], baseline) for i in group], baseline)
            words.append(Word(tuple(group.tolist()), tuple(marks[owner == k].tolist()), anchors, baseline))
    return words


def _asked(boxes: Floats) -> NDArray[np.bool_]:
    """Which characters (n, 4) of a line tell of its baseline: neither small nor beside the line, (n,)."""
    height, middle = boxes[:, 3] - boxes[:, 1], (boxes[:, 1] + boxes[:, 3]) / 2
    around = [middle[max(0, k - _NEIGHBOURS) : k + _NEIGHBOURS + 1] for k in range(len(boxes))]
    level = np.array([np.median(part) for part in around])
    beside = (boxes[:, 3] < level) | (boxes[:, 1] > level)
    asked = (height >= _LEAST_ASKED * np.median(height)) & ~beside
    return np.asarray(asked if asked.any() else height == height.max())


def find_baseline(boxes: Floats) -> Baseline:
    """The baseline of the letters of one line, (n, 4) boxes, n at least 1; equations above."""
    heights = boxes[:, 3] - boxes[:, 1]
    h = max(float(np.quantile(heights, _SMALL_LETTERS, method="lower")), 1e-9)
    x, bottom = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
    i, j = np.triu_indices(len(x), 1)
    apart = np.abs(x[j] - x[i]) > h
    i, j = i[apart], j[apart]
    slope = (bottom[j] - bottom[i]) / (x[j] - x[i])
    near = np.abs(slope) <= _MOST_SKEW
    slopes = np.concatenate([np.zeros(len(x)), slope[near]])
    levels = np.concatenate([bottom, (bottom[i] - slope * x[i])[near]])
    r = (bottom - levels[:, None] - slopes[:, None] * x) / h  # (lines, letters)
    cost = np.where(r > 0, np.minimum(r, _HANG), np.minimum(-r, _FLOAT)).sum(axis=1)
    best = int(np.argmin(cost + len(x) * _SKEW * np.abs(slopes)))
    standing = np.abs(r[best]) <= _STANDING
    level = levels[best] + h * float(np.median(r[best][standing]))
    return Baseline(float(level), float(slopes[best]), h)


def _word_ends(boxes: Floats, height: float) -> NDArray[np.bool_]:
    """Whether a word ends after each of the letters (n, 4) but the last, (n - 1,)."""
    gaps = boxes[1:, 0] - np.maximum.accumulate(boxes[:-1, 2])
    inside = float(np.median(np.maximum(gaps, 0.0))) if len(gaps) else 0.0
    return np.asarray(gaps > min(max(_GAP * height, _GAP_RATIO * inside), _WIDEST_GAP * height))


def _extent(box: Floats, drawn: Floats, baseline: Baseline) -> tuple[float, float]:
    """Left and right end of a letter's ink near the baseline; of its box where it has none there."""
    above = baseline.level + baseline.slope * drawn[:, 0] - drawn[:, 1]
    near = drawn[(above <= _BAND_ABOVE * baseline.height) & (above >= -_BAND_BELOW * baseline.height), 0]
    return (float(near.min()), float(near.max())) if len(near) else (float(box[0]), float(box[2]))


def _anchors(extents: list[tuple[float, float]], baseline: Baseline) -> Floats:
    """Anchors (k + 1, 2), never backwards: at the ends of the word, and midway between neighbours."""
    left, right = np.array(extents).T
    x = np.maximum.accumulate(np.concatenate([left[:1], (right[:-1] + left[1:]) / 2, right[-1:]]))
    return np.column_stack([x, baseline.level + baseline.slope * x])
