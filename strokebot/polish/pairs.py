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

from strokebot.polish.capsules import Segments, contact, coverage, edge
from strokebot.polish.engine import Array, Engine

# An edge is bare or full this many softnesses away from its middle: within 2 % of the ink.
EDGE_SOFTNESSES = 4.0
# Inks this near to each other count as the same.
TIE_INK = 0.02
# Rows of ``Normal.sums``.
SUMS = 24
# Beyond bare and full ink by so much a pixel no longer pulls at an edge of stretched contrast.
_CONTRAST_MARGIN = 0.5
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


def find_pairs(
    engine: Engine, seg: Segments, target: Array, shape: tuple[int, int], softness: float, slack: float
) -> Pairs:
    """Finds the pairs that matter while no edge moves by more than ``slack``.

    Args:
        engine: the arrays.
        seg: the drawn segments.
        target: (H * W,) ink of the picture.
        shape: H and W.
        softness: of the edge, px.
        slack: px.
    """
    xp, width = engine.xp, shape[1]
    reach = EDGE_SOFTNESSES * softness + slack
    box = _boxes(engine, seg, shape, reach)
    count = (box.right - box.left) * (box.bottom - box.top)
    # The least ink of each pixel, and that of pixels deep inside a line, whatever moves.
    floor, full = xp.zeros_like(target), xp.zeros_like(target)
    loose = []
    for part in _parts(engine.numpy(count), engine.chunk_pairs):
        of_box = engine.repeat(engine.arange(len(count))[part], count[part])
        place = engine.arange(len(of_box)) - engine.repeat(
            xp.cumsum(count[part], 0) - count[part], count[part]
        )
        columns = (box.right - box.left)[of_box]
        row = place // columns
        column = box.left[of_box] + place - row * columns
        row += box.top[of_box]
        segment = box.segment[of_box]
        touch = contact(
            engine, Segments(*(v[segment] for v in seg)), engine.reals(column) + 0.5, engine.reals(row) + 0.5
        )
        pixel = row * width + column
        deep = touch.inside >= reach
        engine.scatter_max(full, pixel[deep], touch.ink[deep])
        keep = (touch.inside > -reach) & ~deep
        segment, pixel = segment[keep], pixel[keep]
        inside, radius, ink = touch.inside[keep], touch.radius[keep], touch.ink[keep]
        engine.scatter_max(floor, pixel, ink * coverage(engine, inside - slack, radius - slack, softness))
        loose.append((segment, pixel, ink * coverage(engine, inside + slack, radius + slack, softness)))
    floor = xp.maximum(floor, full)
    chunks = []
    for segment, pixel, upper in loose:
        keep = upper >= floor[pixel]
        segment, pixel = segment[keep], pixel[keep]
        if len(segment):
            which, pairs = engine.runs(segment)
            chunks.append(Chunk(which, pairs, pixel, target[pixel], width))
    return Pairs(chunks, full, sum(len(c.pixel) for c in chunks), int(engine.numpy(count).sum()))


def evaluate(engine: Engine, seg: Segments, pairs: Pairs, softness: float, contrast: float = 1.0) -> Normal:
    """Sums that a least-squares step needs.

    A pixel is inked by its darkest segment; where two are as dark to ``TIE_INK``, as along a
    line drawn twice, both answer for it in full, so that both move as the one line they are.

    Args:
        engine: the arrays.
        seg: the segments, moved by at most the slack since ``find_pairs``.
        pairs: from ``find_pairs``.
        softness: of the edge, px.
        contrast: ink values v are compared as 0.5 + contrast (v - 0.5), held inside [0, 1].
    """
    small = pairs.count <= _KEPT_PAIRS
    best = engine.xp.clip(pairs.full, 0.0, None)
    kept = []
    for chunk in pairs.chunks:
        touch = _drawn(engine, seg, chunk, softness)
        engine.scatter_max(best, chunk.pixel, touch.ink)
        kept.append(touch if small else None)
    total = np.zeros((SUMS, len(seg.x0)))
    for chunk, ready in zip(pairs.chunks, kept, strict=True):
        touch = _drawn(engine, seg, chunk, softness) if ready is None else ready
        rows = _rows(engine, touch, best[chunk.pixel], chunk.target, contrast)
        total[:, engine.numpy(chunk.segment)] += engine.group_sums(rows, chunk.pairs)
    return Normal(total)


def render(engine: Engine, seg: Segments, pairs: Pairs, softness: float) -> Array:
    """Ink of the picture's pixels, (H * W,), right near edges and deep inside lines."""
    ink = engine.xp.clip(pairs.full, 0.0, None)
    for chunk in pairs.chunks:
        engine.scatter_max(ink, chunk.pixel, _drawn(engine, seg, chunk, softness).ink)
    return ink


def _drawn(engine: Engine, seg: Segments, chunk: Chunk, softness: float) -> Drawn:
    near = Segments(*(engine.repeat(v[chunk.segment], chunk.pairs) for v in seg))
    row = chunk.pixel // chunk.width
    column = chunk.pixel - row * chunk.width
    touch = contact(engine, near, engine.reals(column) + 0.5, engine.reals(row) + 0.5)
    upper = edge(engine, touch.inside, softness)
    lower = edge(engine, touch.inside - 2.0 * touch.radius, softness)
    scale = touch.ink * (1.0 / softness)
    rise, fall = scale * upper * (1.0 - upper), scale * lower * (1.0 - lower)
    a = rise - fall
    return Drawn(touch.ink * (upper - lower), a * touch.nx, a * touch.ny, rise + fall, touch.share)


def _rows(engine: Engine, drawn: Drawn, top: Array, target: Array, contrast: float) -> list[Array]:
    """The 24 products of each pair that ``Normal`` sums."""
    xp = engine.xp
    answers = engine.reals(top - drawn.ink <= TIE_INK)
    if contrast == 1.0:
        residual, gain = target - top, answers
    else:
        wanted, have = 0.5 + contrast * (target - 0.5), 0.5 + contrast * (top - 0.5)
        gain = answers * engine.reals(xp.abs(have - 0.5) < 0.5 + _CONTRAST_MARGIN) * contrast
        residual = xp.clip(wanted, 0.0, 1.0) - xp.clip(have, 0.0, 1.0)
    column = (drawn.x * gain, drawn.y * gain, drawn.radius * gain)
    f, g = drawn.share, 1.0 - drawn.share
    products = [u * v for k, u in enumerate(column) for v in column[k:]]
    rows = [m * v for m in (g * g, g * f, f * f) for v in products]
    pulls = [residual * u for u in column]
    return rows + [m * v for m in (g, f) for v in pulls]


def _boxes(engine: Engine, seg: Segments, shape: tuple[int, int], reach: float) -> _Boxes:
    """The pixels within ``reach`` of each segment's ends' discs; tall boxes come in several bands."""
    xp, (height, width) = engine.xp, shape
    x1, y1 = seg.x0 + seg.ux * seg.length, seg.y0 + seg.uy * seg.length
    widest = xp.maximum(seg.radius0, seg.radius0 - seg.taper * seg.length) + reach

    def clipped(value: Array, most: int) -> Array:
        return engine.whole(xp.clip(value, 0.0, float(most)))

    left = clipped(xp.minimum(seg.x0, x1) - widest, width)
    right = clipped(xp.maximum(seg.x0, x1) + widest + 1.0, width)
    top = clipped(xp.minimum(seg.y0, y1) - widest, height)
    bottom = clipped(xp.maximum(seg.y0, y1) + widest + 1.0, height)
    rows = xp.clip(engine.chunk_pairs // xp.clip(right - left, 1, None), 1, None)
    bands = (bottom - top + rows - 1) // rows
    bands = bands * (right > left)
    segment = engine.repeat(engine.arange(len(bands)), bands)
    band = engine.arange(len(segment)) - engine.repeat(xp.cumsum(bands, 0) - bands, bands)
    first = top[segment] + band * rows[segment]
    return _Boxes(
        segment, left[segment], right[segment], first, xp.minimum(first + rows[segment], bottom[segment])
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
