"""The order in which a page is read: parts of ink become characters, characters lines.

Nouns:
    part       connected ink, given by its box x0, y0, x1, y1 in px
    mark       a part that is small against the writing: a dot, an accent, a bar, a comma
    letter     a part that is no mark
    character  a letter with its marks, or marks that stand one above another (= : ÷)
    line       characters side by side

Symbols:
    H    height of the writing: the median height of the letters
    o    how far a mark's middle lies outside a letter's box, horizontally, px
    v    vertical gap between two boxes, px, 0 where they overlap

A mark joins the letter with the least v + o that lies under it within
``_ABOVE`` H or above it within ``_BELOW`` H: the dot of an i is farther from its
stem than an exclamation mark's dot, and the letters of the line above are near.
Marks without a letter, or with another mark above or below that is nearer (the bars
of =), join each other when they stand one above another.

Lines: every character is linked to its nearest neighbour on the right that it
overlaps vertically; linked ones form runs; the median slope of the links takes
the skew of the page out; runs at one height, gaps between words included, form a
line. Lines go from top to bottom, characters in them from left to right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]

# Parts up to which a reading order is looked for: a densely written A4 page has as many
# letters, and the time grows with the square.
MOST_READ = 5000

# A part lower than this share of H is a mark.
_MARK_HEIGHT = 0.5
# Parts smaller than this share of the largest tenth are not asked for H.
_CLEARLY_SMALL = 0.3
# A mark's middle may lie this far beside the letter's box, in H: writing is slanted.
_BESIDE = 0.25
# A bar beside a letter belongs to it if it reaches into its box by this share of its width.
_CROSSING = 0.3
# Greatest vertical gap to a mark above and below its letter, in H.
_ABOVE = 1.0
_BELOW = 0.3
# A piece of a broken letter: it overlaps the other piece by this share of the narrower
# width, with a gap of at most this many H, and together they are no taller than this many H.
_BROKEN_OVERLAP = 0.3
_BROKEN_GAP = 0.15
_BROKEN_HEIGHT = 1.5
# Neighbours in a line: vertical overlap as a share of the lower height, distance between the
# middles in mean heights of the two, gap in H.
_LINE_OVERLAP = 0.3
_LINE_OFFSET = 0.8
_LINE_GAP = 4.0
# Links needed before a skew is believed.
_LEAST_LINKS = 4


def writing_height(boxes: Boxes) -> float:
    """H, the median height of those of the boxes (N, 4) that are no marks, px."""
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    large = size >= _CLEARLY_SMALL * np.percentile(size, 90)
    # Of two middle ones the higher: a dot as large as a dash does not halve the writing of an i.
    return float(np.quantile((boxes[:, 3] - boxes[:, 1])[large], 0.5, method="higher"))


def characters(boxes: Boxes) -> NDArray[np.int64]:
    """Joins parts to characters.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 of the parts, px, N >= 1.

    Returns:
        (N,) number of the character of each part, from 0, in the order of the
        first part of each.
    """
    n = len(boxes)
    writing = writing_height(boxes)
    x0, y0, x1, y1 = boxes.T
    height = y1 - y0
    mark = height < _MARK_HEIGHT * writing
    group = np.arange(n)
    taken = np.zeros(n, dtype=bool)
    letters = np.flatnonzero(~mark)
    # A mark over the only letter there is cannot be from anywhere else.
    most_above, most_beside = (_ABOVE, _BESIDE) if len(letters) > 1 else (np.inf, 1.0)
    for k in np.flatnonzero(mark):
        middle = (x0[k] + x1[k]) / 2
        outside = np.maximum(np.maximum(x0[letters] - middle, middle - x1[letters]), 0)
        above = np.maximum(y0[letters] - y1[k], 0)  # the mark stands over the letter
        below = np.maximum(y0[k] - y1[letters], 0)
        beside = (above == 0) & (below == 0)
        shared = np.minimum(x1[letters], x1[k]) - np.maximum(x0[letters], x0[k])
        crossing = (outside == 0) | (shared >= _CROSSING * (x1[k] - x0[k]))
        near = np.where(beside, crossing, outside <= most_beside * writing)
        near &= (above <= most_above * writing) & (below <= _BELOW * writing)
        if near.any() and not _nearer_mark(boxes, mark, int(k), writing, float((above + below)[near].min())):
            cost = above + below * (_ABOVE / _BELOW) + outside
            group[k] = letters[np.argmin(np.where(near, cost, np.inf))]
            taken[k] = True
    _join_stacked(boxes, np.flatnonzero(mark & ~taken), group, writing)
    _join_broken(boxes, letters, group, writing)
    _, number = np.unique(_roots(group), return_inverse=True)
    return _in_first_order(number.astype(np.int64))


def _stacked_gap(boxes: Boxes, a: int, others: NDArray[np.int64], writing: float) -> NDArray[np.float64]:
    """Vertical gaps between box a and others (K,), px; infinite where they do not stand above one another."""
    x0, y0, x1, y1 = boxes.T
    gap = np.maximum(y0[a] - y1[others], y0[others] - y1[a])
    offset = np.abs((x0[others] + x1[others]) - (x0[a] + x1[a])) / 2
    stacked = (gap >= 0) & (gap <= _ABOVE * writing) & (offset <= _BESIDE * writing)
    return np.where(stacked, gap, np.inf)


def _nearer_mark(boxes: Boxes, mark: NDArray[np.bool_], k: int, writing: float, gap: float) -> bool:
    """Whether mark k has another mark above or below it that is nearer than ``gap`` px."""
    others = np.flatnonzero(mark)
    return bool(_stacked_gap(boxes, k, others[others != k], writing).min(initial=np.inf) < gap)


def _join_stacked(boxes: Boxes, marks: NDArray[np.int64], group: NDArray[np.int64], writing: float) -> None:
    """Joins lone marks that stand one above another, in place."""
    for at, a in enumerate(marks):
        rest = marks[at + 1 :]
        for b in rest[np.isfinite(_stacked_gap(boxes, int(a), rest, writing))]:
            _join(group, int(a), int(b))


def _join_broken(boxes: Boxes, letters: NDArray[np.int64], group: NDArray[np.int64], writing: float) -> None:
    """Joins the pieces of letters that are broken across, in place."""
    x0, y0, x1, y1 = boxes.T
    for at, a in enumerate(letters):
        rest = letters[at + 1 :]
        overlap = np.minimum(x1[a], x1[rest]) - np.maximum(x0[a], x0[rest])
        narrower = np.minimum(x1[a] - x0[a], x1[rest] - x0[rest])
        gap = np.maximum(y0[rest] - y1[a], y0[a] - y1[rest])
        together = np.maximum(y1[a], y1[rest]) - np.minimum(y0[a], y0[rest])
        broken = (overlap >= _BROKEN_OVERLAP * narrower) & (np.abs(gap) <= _BROKEN_GAP * writing)
        inside = (overlap >= 0.9 * narrower) & (together <= np.maximum(y1[a] - y0[a], y1[rest] - y0[rest]))
        for b in rest[(broken | inside) & (together <= _BROKEN_HEIGHT * writing)]:
            _join(group, int(a), int(b))


def _root(group: NDArray[np.int64], k: int) -> int:
    while group[k] != k:
        k = int(group[k])
    return k


def _roots(group: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([_root(group, k) for k in range(len(group))], dtype=np.int64)


def _join(group: NDArray[np.int64], a: int, b: int) -> None:
    low, high = sorted((_root(group, a), _root(group, b)))
    group[high] = low


def _in_first_order(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Renumbers groups by the place of their first member."""
    _, first, inverse = np.unique(number, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]


def union_boxes(boxes: Boxes, number: NDArray[np.int64]) -> Boxes:
    """The box around each group: boxes (N, 4), group numbers (N,) from 0 -> (G, 4)."""
    groups = int(number.max()) + 1
    out = np.tile(np.array([np.inf, np.inf, -np.inf, -np.inf]), (groups, 1))
    for column, join in ((0, np.minimum), (1, np.minimum), (2, np.maximum), (3, np.maximum)):
        join.at(out[:, column], number, boxes[:, column])
    return out


def reading_order(boxes: Boxes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order in which characters are read.

    Args:
        boxes: (G, 4) x0, y0, x1, y1 of the characters, px, G >= 1.

    Returns:
        The order (G,), indices of the characters as read, and their lines (G,),
        numbered from 0 at the top, in that order.
    """
    n = len(boxes)
    writing = writing_height(boxes)
    x0, y0, x1, y1 = boxes.T
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    # A mark on its own (comma, dash) is given the height of writing, to overlap its line.
    half = np.maximum(y1 - y0, writing) / 2
    group = np.arange(n)
    slopes = []
    for a in range(n):
        overlap = np.minimum(y[a] + half[a], y + half) - np.maximum(y[a] - half[a], y - half)
        offset = np.abs(y - y[a])
        gap = x0 - x1[a]
        right = (x > x[a]) | ((x == x[a]) & (np.arange(n) > a))
        right &= (overlap >= _LINE_OVERLAP * 2 * np.minimum(half[a], half)) & (gap <= _LINE_GAP * writing)
        right &= offset <= _LINE_OFFSET * (half[a] + half)
        if right.any():
            b = int(np.argmin(np.where(right, x - x[a] + 2 * offset, np.inf)))
            slopes.append((y1[b] - y1[a]) / max(x[b] - x[a], 1e-9))
            _join(group, a, b)
    skew = float(np.median(slopes)) if len(slopes) >= _LEAST_LINKS else 0.0
    level = y - skew * x
    run = _in_first_order(_roots(group))
    mean = np.bincount(run, weights=level) / np.bincount(run)
    # Runs whose mean heights are near belong to one line; a new line starts after a jump.
    by_height = np.argsort(mean, kind="stable")
    line_of_run = np.empty(len(mean), dtype=np.int64)
    line, top = 0, mean[by_height[0]]
    for k in by_height:
        if mean[k] - top > _LINE_OFFSET * writing:
            line, top = line + 1, mean[k]
        line_of_run[k] = line
    lines = line_of_run[run]
    order = np.lexsort((np.arange(n), x, lines)).astype(np.int64)
    return order, lines[order]
