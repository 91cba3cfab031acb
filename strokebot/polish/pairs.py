"""Which segments may ink which pixels, and what the pixels ask of the segments.

Only pixels near an edge say where a line should go, so only those are looked at; the model
and its symbols are those of ``capsules.py``.

Nouns:
    pair   a segment and a pixel that it may be the darkest on; pairs are kept in the order of
           segments, so that sums over a segment are sums over neighbours
    slack  how far (px) edges may move before the pairs must be found anew: a pair is left out
           only if no such movement can make it the darkest, or if the pixel is bare or full
           whatever moves
    box    the pixels near one segment, of which its pairs are chosen

Memory: a few floats a pixel of the picture and a few numbers a pair, which are as many as
pixels near edges; boxes are looked at in chunks of bounded size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.polish.capsules import Array, Segments, contact, coverage, edge, float32

# An edge is bare or full this many softnesses away from its middle: within 2 % of the ink.
EDGE_SOFTNESSES = 4.0
# Inks this near to each other count as the same.
TIE_INK = 0.02
# Rows of ``Normal.sums``.
SUMS = 24
# Beyond bare and full ink by so much a pixel no longer pulls at an edge of stretched contrast.
_CONTRAST_MARGIN = 0.5
# Pairs worked on at once: a dozen arrays of this many 32-bit floats fit into a cache of 2 MB.
CHUNK_PAIRS = 40_000
# Up to so many pairs are kept from one pass to the next; more are computed twice, to save memory.
_KEPT_PAIRS = 3_000_000


class Drawn(NamedTuple):
    """Ink of pairs and its derivatives by place and half width of the line there, each (P,)."""

    ink: Array
    x: Array
    y: Array
    radius: Array
    share: Array


class _Boxes(NamedTuple):
    """Rectangles of pixels, each (B,): columns left to right, rows top to bottom, ends excluded."""

    segment: Array
    left: Array
    right: Array
    top: Array
    bottom: Array


@dataclass(frozen=True, eq=False)
class Chunk:
    """Pairs of neighbouring segments.

    Attributes:
        segment: (G,) segments with at least one pair, ascending.
        pairs: (G,) pairs of each.
        pixel: (P,) index of the pixel in the picture, row by row.
        target: (P,) the picture's ink there.
        width: pixels in a row of the picture.
    """

    segment: Array
    pairs: Array
    pixel: Array
    target: Array
    width: int


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs.

    Attributes:
        chunks: of bounded size.
        full: (H * W,) ink of pixels deep inside a line, 0 elsewhere.
        count: number of pairs.
        looked_at: number of pairs that were looked at to find them.
    """

    chunks: list[Chunk]
    full: Array
    count: int
    looked_at: int


@dataclass(frozen=True, eq=False)
class Normal:
    """What the pixels ask of each segment.

    Attributes:
        sums: (24, S) per segment, with c = (A n_x, A n_y, B), g = 1 - f, e = target - Y:
            sums of g g c c^T (upper triangle), g f c c^T, f f c c^T, then g e c and f e c.
    """

    sums: NDArray[np.float64]


def find_pairs(seg: Segments, target: Array, shape: tuple[int, int], softness: float, slack: float) -> Pairs:
    """Finds the pairs that matter while no edge moves by more than ``slack``.

    Args:
        seg: the drawn segments.
        target: (H * W,) ink of the picture.
        shape: H and W.
        softness: of the edge, px.
        slack: px.
    """
    width = shape[1]
    reach = EDGE_SOFTNESSES * softness + slack
    box = _boxes(seg, shape, reach)
    count = (box.right - box.left) * (box.bottom - box.top)
    # The least ink of each pixel, and that of pixels deep inside a line, whatever moves.
    floor, full = np.zeros_like(target), np.zeros_like(target)
    loose = []
    for part in _parts(count, CHUNK_PAIRS):
        of_box = np.repeat(np.arange(len(count))[part], count[part])
        place = np.arange(len(of_box)) - np.repeat(np.cumsum(count[part], 0) - count[part], count[part])
        columns = (box.right - box.left)[of_box]
        row = place // columns
        column = box.left[of_box] + place - row * columns
        row += box.top[of_box]
        segment = box.segment[of_box]
        touch = contact(Segments(*(v[segment] for v in seg)), float32(column) + 0.5, float32(row) + 0.5)
        pixel = row * width + column
        deep = touch.inside >= reach
        np.maximum.at(full, pixel[deep], touch.ink[deep])
        keep = (touch.inside > -reach) & ~deep
        segment, pixel = segment[keep], pixel[keep]
        inside, radius, ink = touch.inside[keep], touch.radius[keep], touch.ink[keep]
        np.maximum.at(floor, pixel, ink * coverage(inside - slack, radius - slack, softness))
        loose.append((segment, pixel, ink * coverage(inside + slack, radius + slack, softness)))
    floor = np.maximum(floor, full)
    chunks = []
    for segment, pixel, upper in loose:
        keep = upper >= floor[pixel]
        segment, pixel = segment[keep], pixel[keep]
        if len(segment):
            which, pairs = _runs(segment)
            chunks.append(Chunk(which, pairs, pixel, target[pixel], width))
    return Pairs(chunks, full, sum(len(c.pixel) for c in chunks), int(count.sum()))


def evaluate(seg: Segments, pairs: Pairs, softness: float, contrast: float = 1.0) -> Normal:
    """Sums that a least-squares step needs.

    A pixel is inked by its darkest segment; where two are as dark to ``TIE_INK``, as along a
    line drawn twice, both answer for it in full, so that both move as the one line they are.

    Args:
        seg: the segments, moved by at most the slack since ``find_pairs``.
        pairs: from ``find_pairs``.
        softness: of the edge, px.
        contrast: ink values v are compared as 0.5 + contrast (v - 0.5), held inside [0, 1].
    """
    small = pairs.count <= _KEPT_PAIRS
    best = np.clip(pairs.full, 0.0, None)
    kept = []
    for chunk in pairs.chunks:
        touch = _drawn(seg, chunk, softness)
        np.maximum.at(best, chunk.pixel, touch.ink)
        kept.append(touch if small else None)
    total = np.zeros((SUMS, len(seg.x0)))
    for chunk, ready in zip(pairs.chunks, kept, strict=True):
        touch = _drawn(seg, chunk, softness) if ready is None else ready
        rows = _rows(touch, best[chunk.pixel], chunk.target, contrast)
        total[:, chunk.segment] += _group_sums(rows, chunk.pairs)
    return Normal(total)


def render(seg: Segments, pairs: Pairs, softness: float) -> Array:
    """Ink of the picture's pixels, (H * W,), right near edges and deep inside lines."""
    ink = np.clip(pairs.full, 0.0, None)
    for chunk in pairs.chunks:
        np.maximum.at(ink, chunk.pixel, _drawn(seg, chunk, softness).ink)
    return ink


def _drawn(seg: Segments, chunk: Chunk, softness: float) -> Drawn:
    near = Segments(*(np.repeat(v[chunk.segment], chunk.pairs) for v in seg))
    row = chunk.pixel // chunk.width
    column = chunk.pixel - row * chunk.width
    touch = contact(near, float32(column) + 0.5, float32(row) + 0.5)
    upper = edge(touch.inside, softness)
    lower = edge(touch.inside - 2.0 * touch.radius, softness)
    scale = touch.ink * (1.0 / softness)
    rise, fall = scale * upper * (1.0 - upper), scale * lower * (1.0 - lower)
    a = rise - fall
    return Drawn(touch.ink * (upper - lower), a * touch.nx, a * touch.ny, rise + fall, touch.share)


def _rows(drawn: Drawn, top: Array, target: Array, contrast: float) -> list[Array]:
    """The 24 products of each pair that ``Normal`` sums."""
    answers = float32(top - drawn.ink <= TIE_INK)
    if contrast == 1.0:
        residual, gain = target - top, answers
    else:
        wanted, have = 0.5 + contrast * (target - 0.5), 0.5 + contrast * (top - 0.5)
        gain = answers * float32(np.abs(have - 0.5) < 0.5 + _CONTRAST_MARGIN) * contrast
        residual = np.clip(wanted, 0.0, 1.0) - np.clip(have, 0.0, 1.0)
    column = (drawn.x * gain, drawn.y * gain, drawn.radius * gain)
    f, g = drawn.share, 1.0 - drawn.share
    products = [u * v for k, u in enumerate(column) for v in column[k:]]
    rows = [m * v for m in (g * g, g * f, f * f) for v in products]
    pulls = [residual * u for u in column]
    return rows + [m * v for m in (g, f) for v in pulls]


def _boxes(seg: Segments, shape: tuple[int, int], reach: float) -> _Boxes:
    """The pixels within ``reach`` of each segment's ends' discs; tall boxes come in several bands."""
    height, width = shape
    x1, y1 = seg.x0 + seg.ux * seg.length, seg.y0 + seg.uy * seg.length
    widest = np.maximum(seg.radius0, seg.radius0 - seg.taper * seg.length) + reach

    def clipped(value: Array, most: int) -> Array:
        return np.asarray(np.floor(np.clip(value, 0.0, float(most))), dtype=np.int64)

    left = clipped(np.minimum(seg.x0, x1) - widest, width)
    right = clipped(np.maximum(seg.x0, x1) + widest + 1.0, width)
    top = clipped(np.minimum(seg.y0, y1) - widest, height)
    bottom = clipped(np.maximum(seg.y0, y1) + widest + 1.0, height)
    rows = np.clip(CHUNK_PAIRS // np.clip(right - left, 1, None), 1, None)
    bands = (bottom - top + rows - 1) // rows
    bands = bands * (right > left)
    segment = np.repeat(np.arange(len(bands)), bands)
    band = np.arange(len(segment)) - np.repeat(np.cumsum(bands, 0) - bands, bands)
    first = top[segment] + band * rows[segment]
    return _Boxes(
        segment, left[segment], right[segment], first, np.minimum(first + rows[segment], bottom[segment])
    )


def _parts(count: NDArray[np.intp], most: int) -> list[slice]:
    """Neighbouring segments with about ``most`` pairs together, one at least."""
    total = np.cumsum(count)
    parts, first = [], 0
    while first < len(count):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + most, side="right")))
        parts.append(slice(first, last))
        first = last
    return parts


def _runs(values: Array) -> tuple[Array, Array]:
    """The distinct values of ascending ones, and how often each comes."""
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return values[starts], np.diff(starts, append=len(values))


def _group_sums(rows: list[Array], counts: Array) -> NDArray[np.float64]:
    """Sums of each row (P,) over groups of so many neighbours, in a fixed order, (R, G); none is empty."""
    starts = np.cumsum(counts) - counts
    return np.stack([np.add.reduceat(row, starts) for row in rows]).astype(np.float64)
