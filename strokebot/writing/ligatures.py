"""Leads: the ways from a letter's ends to its anchors, over ink that is there and one short curve.

Nouns:
    anchor    the exact place on the baseline where a letter begins or ends (``words.py``)
    stroke    a stretch of a gesture with the pen down
    lead      the way between an anchor and a stroke's end: back over ink that is there, then a join
    join      the part of a lead that is new: one smooth curve

A pen that passes twice leaves one line, so a lead-out first goes back over the letter's own
ink to a place q from which a short, low curve reaches the anchor a:

    q = argmin  |a - q| + RETRACE d(q) + h (BEND (1 - cos w) / 2)

    d(q)   length of the shortest way inside the ink from the stroke's end to q: along the stroke,
           and across it where two of its points are nearer than half the line width (E. W.
           Dijkstra, "A note on two problems in connexion with graphs", Numer. Math. 1, 1959)
    w      angle between the pen's direction at q and a - q
    h      height of the small letters

    join(t) = cubic Hermite from q to a, t in [0, 1]: the tangent at q is the pen's direction, that at
    a the baseline's, both of length PULL |a - q|; where the pen would turn by more than ``_CORNER`` it
    turns at once instead of in a loop.

A lead-in is the lead-out of the reversed stroke, reversed. A lifted lead is the straight travel to
the anchor.

Source of the curves: C. de Boor, "A Practical Guide to Splines", Springer 1978, chapter IV.

Letters that join: a page of gestures becomes words that are each one movement of the pen.

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

import math

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from strokebot.errors import GestureError
from strokebot.geometry.polyline import arc_length, simplify
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.modes import JoinMode
from strokebot.writing.words import Word, find_words

Floats = NDArray[np.float64]

# Price of going back over ink, by its length, against new ink of the same length: it takes time, leaves
# nothing. Price of turning on the spot, in h. Dearer retracing makes longer joins, and letters that a
# judge reads less often (docs/joining.md).
_RETRACE = 0.2
_BEND = 0.2
# A turn wider than this is a corner, rad.
_CORNER = math.radians(110.0)
# Length of a join's tangents over that of its chord.
_PULL = 0.6
# Segments of a join: its smoothing comes later, with that of the letters.
_SEGMENTS = 8
# Places on a stroke where a join may begin: one for every half of its line width, but at most so many.
_MOST_PLACES = 240
# A retraced way leaves the one along the stroke by at most this share of the line width.
_SLACK = 0.05

X, SIZE, INTENSITY = slice(0, 2), 2, 3


def anchored(
    gesture: Gesture,
    left: Floats,
    right: Floats,
    ink_in: bool = False,
    ink_out: bool = False,
    height: float = 0.0,
    width: float | None = None,
) -> Gesture:
    """Makes a gesture begin at one anchor and end at another.

    Args:
        gesture: of one letter, canvas units.
        left: (2,) the anchor where it shall begin.
        right: (2,) the anchor where it shall end; the baseline runs from one to the other.
        ink_in: whether the lead-in is drawn; else the pen travels to the first point.
        ink_out: whether the lead-out is drawn.
        height: h, which prices turns; 0 for turns that cost nothing.
        width: of the line at drawn anchors, canvas units; None for that of the gesture's thinner end.

    Returns:
        A gesture whose first position is ``left`` and whose last is ``right``, both exactly, and
        which has the points of the given one, unchanged and in order, in between. Without drawn
        leads it leaves the same ink, with them it has no more lifts.

    Raises:
        GestureError: if a lead is to be drawn from a gesture's end where the pen is up.
    """
    rows = rows_of(gesture)
    line = float(min(rows[0, SIZE], rows[-1, SIZE])) if width is None else width
    ends = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    table, _ = anchored_rows(rows, ends, (ink_in, ink_out), height, line)
    return Gesture.from_positions(table[:, X], table[:, SIZE], table[:, INTENSITY])


def anchored_rows(
    rows: Floats, ends: tuple[Floats, Floats], ink: tuple[bool, bool], height: float, width: float
) -> tuple[Floats, float]:
    """``anchored`` on rows (N, 4) of x, y, size, intensity.

    Args:
        rows: of one letter.
        ends: its anchors, (2,) each.
        ink: whether the lead-in and the lead-out are drawn.
        height: h.
        width: of the line at drawn anchors, canvas units.

    Returns:
        The rows with their leads, and what the leads cost, canvas units.

    Raises:
        GestureError: see ``anchored``.
    """
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    tangent = along / length if length > 0 else np.array([1.0, 0.0])
    start, cost_in = _lead(rows[::-1], ends[0], -tangent, ink[0], height, width)
    end, cost_out = _lead(rows, ends[1], tangent, ink[1], height, width)
    return np.concatenate([start[::-1], rows, end]), cost_in + cost_out


def strokes_of(gesture: Gesture) -> list[Floats]:
    """The stretches of a gesture with the pen down, each (M, 4): x, y, size, intensity.

    A stroke that fades ends where the intensity falls through the lift threshold; that place is
    added to its points.
    """
    rows, down = rows_of(gesture), gesture.pen_down
    change = np.flatnonzero(down[1:] != down[:-1]) + 1
    strokes = []
    for part in np.split(np.arange(len(rows)), change):
        first, last = int(part[0]), int(part[-1])
        if not down[first]:
            continue
        pieces = [rows[part]]
        if first > 0 and not _same_place(rows[first - 1], rows[first]):
            pieces.insert(0, _threshold(rows[first - 1], rows[first])[None])
        if last + 1 < len(rows) and not _same_place(rows[last], rows[last + 1]):
            pieces.append(_threshold(rows[last], rows[last + 1])[None])
        strokes.append(np.concatenate(pieces))
    return strokes


def rows_of(gesture: Gesture) -> Floats:
    """The points of a gesture as rows of x, y, size and intensity, (N, 4)."""
    return np.column_stack([gesture.positions, gesture.size, gesture.intensity])


def dense(rows: Floats) -> Floats:
    """Rows (N, 4) with rows between them, so that no step is longer than half the line width."""
    length = np.hypot(*np.diff(rows[:, X], axis=0).T)
    step = max(float(np.median(rows[:, SIZE])) / 2, float(length.sum()) / _MOST_PLACES, 1e-9)
    count = np.maximum(1, np.ceil(length / step)).astype(np.int64)
    at = np.concatenate([[0.0], np.cumsum(np.ones(count.sum()) / np.repeat(count, count))])
    return np.column_stack([np.interp(at, np.arange(len(rows)), column) for column in rows.T])


def _lead(
    rows: Floats, anchor: Floats, tangent: Floats, ink: bool, height: float, width: float
) -> tuple[Floats, float]:
    """The lead-out from the last of the rows to an anchor, without that row; and its cost."""
    last = rows[-1]
    up = last[INTENSITY] < LIFT_THRESHOLD
    if not ink:
        travel = np.array([[*last[X], last[SIZE], 0.0], [*anchor, last[SIZE], 0.0]])
        return travel[1:] if last[INTENSITY] == 0.0 else travel, 0.0
    if up:
        raise GestureError("A join cannot be drawn from an end where the pen is up: lift it there as well.")
    first = int(np.flatnonzero(np.append(True, rows[:, INTENSITY] < LIFT_THRESHOLD))[-1])
    places = dense(rows[first:])
    way, cost = _way_back(places, anchor, height)
    q = way[-1, X]
    chord = anchor - q
    reach = float(np.hypot(*chord))
    heading = _heading(way if len(way) > 1 else places[-2:])
    if heading @ chord < math.cos(_CORNER) * reach or not heading.any():
        heading = chord / max(reach, np.finfo(np.float64).tiny)
    t = np.linspace(0.0, 1.0, _SEGMENTS + 1)[1:, None]
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * q
        + (t**3 - 2 * t**2 + t) * _PULL * reach * heading
        + (3 * t**2 - 2 * t**3) * anchor
        + (t**3 - t**2) * _PULL * reach * tangent
    )
    curve[-1] = anchor
    size = way[-1, SIZE] + t * (width - way[-1, SIZE])
    ink_there = way[-1, INTENSITY] + t * (1.0 - way[-1, INTENSITY])
    return np.concatenate([way[1:], np.hstack([curve, size, ink_there])]), cost


def _way_back(places: Floats, anchor: Floats, height: float) -> tuple[Floats, float]:
    """The way (K, 4) from a stroke's end, its first row, to the place where the join begins, and the cost."""
    xy, n = places[:, X], len(places)
    back, before = _ways_inside(places, n - 1)
    came = xy - xy[np.where(before >= 0, before, np.arange(n))]
    came[-1] = _heading(places[-2:])
    chord = anchor - xy
    reach = np.hypot(*chord.T)
    scale = np.hypot(*came.T) * reach
    cosine = np.divide((came * chord).sum(axis=1), scale, out=np.ones(n), where=scale > 0)
    cost = reach + _RETRACE * back + height * _BEND * (1 - cosine) / 2
    k = int(np.argmin(cost))
    return _thinned(places[_trail(before, k)[::-1]], places), float(cost[k])


def weave(strokes: list[Floats], main: int) -> tuple[Floats, list[Floats]]:
    """Appends to a stroke those others that the pen reaches inside the ink.

    Args:
        strokes: of one letter, each (M, 4).
        main: which of them to begin with.

    Returns:
        One stroke that holds the points of all that touch each other, each in order or reversed, with
        the ways between them; and the strokes that the pen cannot reach without a lift.
    """
    whole, rest = strokes[main], [stroke for k, stroke in enumerate(strokes) if k != main]
    while rest:
        ways = [_way_between(whole, turned) for stroke in rest for turned in (stroke, stroke[::-1])]
        best = int(np.argmin([length for _, length in ways]))
        way, length = ways[best]
        if not math.isfinite(length):
            break
        stroke = rest.pop(best // 2)
        whole = np.concatenate([whole, way[1:-1], stroke[::-1] if best % 2 else stroke])
    return whole, rest


def _way_between(whole: Floats, stroke: Floats) -> tuple[Floats, float]:
    """The way inside the ink from the end of one stroke to the start of another, and its length."""
    here, there = dense(whole), dense(stroke)
    places = np.concatenate([here, there])
    far, before = _ways_inside(places, len(here) - 1, len(here))
    if not math.isfinite(far[len(here)]):
        return places[:0], math.inf
    return _thinned(places[_trail(before, len(here))[::-1]], places), float(far[len(here)])


def _ways_inside(places: Floats, start: int, cut: int | None = None) -> tuple[Floats, NDArray[np.int32]]:
    """Lengths of the shortest ways inside the ink from one place to all, and the places before them.

    ``cut`` is the place where a second stroke begins, which need not be reached at all. Strokes touch
    where their lines do; one stroke is crossed only within its own ink.
    """
    xy, half, n = places[:, X], places[:, SIZE] / 2, len(places)
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    near = np.minimum(half[:, None], half[None])
    index = np.arange(n)
    beside = np.abs(np.subtract.outer(index, index)) == 1
    if cut is not None:
        second = index >= cut
        apart = second[:, None] != second[None]
        near, beside = np.where(apart, 2 * near, near), beside & ~apart
    # Zero means "no edge" to the solver, so that points on one spot get the least length there is.
    edges = np.where((distance <= near) | beside, np.maximum(distance, 1e-12), 0.0)
    one = np.array([start])
    far, before = (v[0] for v in dijkstra(edges, directed=False, indices=one, return_predecessors=True))
    return far, before


def _trail(before: NDArray[np.int32], place: int) -> list[int]:
    """The places from one back to the start of all ways."""
    trail = [place]
    while before[trail[-1]] >= 0:
        trail.append(int(before[trail[-1]]))
    return trail


def _thinned(way: Floats, places: Floats) -> Floats:
    """A way without the places that it does not need."""
    return way[simplify(way[:, :3], max(_SLACK * float(np.median(places[:, SIZE])), 1e-9))]


def _heading(rows: Floats) -> Floats:
    """Unit vector (2,) of the last movement among rows, zero where there is none."""
    moves = np.diff(rows[:, X], axis=0)
    moves = moves[np.hypot(*moves.T) > 0]
    return np.asarray(moves[-1] / np.hypot(*moves[-1])) if len(moves) else np.zeros(2)


def _same_place(a: Floats, b: Floats) -> bool:
    return bool((a[X] == b[X]).all())


def _threshold(a: Floats, b: Floats) -> Floats:
    """The row between two where the intensity passes the lift threshold."""
    share = (LIFT_THRESHOLD - a[INTENSITY]) / (b[INTENSITY] - a[INTENSITY])
    row = a + share * (b - a)
    row[INTENSITY] = LIFT_THRESHOLD
    return np.asarray(row)


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
