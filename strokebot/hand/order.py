"""In which order, and which way, people draw the strokes that are on the paper.

While it draws, the eye sees what is left and must choose. When all strokes are known, order and
direction are told better: by a small network that sees them all at once, whoever drew them.

Nouns:
    stroke     a polyline, in the direction in which it was drawn
    drawing    strokes in the order in which they were drawn

Symbols:
    n          strokes
    h          size of the writing: max(height, width / ``_MOST_ASPECT``) of the box round all points
    p_ik       point k of ``POINTS`` at equal steps along stroke i, from the middle of the box, in h
    a_ij       logit of: people begin stroke i before stroke j;  a_ji = -a_ij
    f_i        logit of: people draw stroke i in the direction that it has
    w_i        logit of: people draw stroke i in one go, no more and no less

The network answers a, f and w. The order is one with few lost logits,
    maximise  sum over i before j of a_ij,
as far as moving one stroke at a time finds it, from the order of the sums over j of a_ij (J. G. Kemeny,
"Mathematics without numbers", 1959; D. Black, "The theory of committees and elections", 1958). It is
the order of greatest likelihood if pairs were independent, and Kendall's tau is what it aims at.

Drawings of many strokes are ordered in windows of ``MOST_STROKES`` that overlap by half.

File: ``hand-order.onnx``, inputs ``points`` (B, n, 12, 2), ``told`` (B, n, 5) and ``there`` (B, n)
float32, outputs ``before`` (B, n, n), ``forward`` (B, n) and ``whole`` (B, n); with its card and its
.safetensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.int64]

POINTS = 12
# What is told of a stroke besides its points: length, place in the drawing, whether that place and the
# direction were chosen by one who draws, style, logarithm of the size in line widths.
TOLD = 5
# More strokes than this are ordered in windows.
MOST_STROKES = 64
# A word is at most so many times as wide as its height says.
_MOST_ASPECT = 12.0
# Logit of two strokes that no window holds together, for the order in which they were drawn.
_FAR = 4.0
# Place in the drawing is told as number / this.
_PLACES = 16.0


class OrderAnswer(NamedTuple):
    """Logits of n strokes; see the top of the file.

    Attributes:
        before: (n, n) a_ij.
        forward: (n,) f_i.
        whole: (n,) w_i.
    """

    before: NDArray[np.floating]
    forward: NDArray[np.floating]
    whole: NDArray[np.floating]


class Order(Protocol):
    """What orders: the network, or anything that answers like it."""

    def order(self, points: Singles, told: Singles) -> OrderAnswer:
        """Answers about one drawing: points (n, 12, 2), told (n, 5)."""
        ...


def spaced(stroke: Floats, count: int = POINTS) -> Floats:
    """Points (count, 2) of a polyline (K, 2) at equal steps along it; a dot is repeated."""
    along = arc_length(stroke)
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1)


def order_inputs(
    points: NDArray[np.floating],
    length: NDArray[np.floating],
    width: float,
    style: float,
    *,
    drawn: bool = True,
) -> tuple[Singles, Singles]:
    """What the network gets of one drawing.

    Args:
        points: (n, 12, 2) of the strokes, in any unit.
        length: (n,) their lengths.
        width: of the line; 0 if unknown.
        style: 0 = as people write and draw, 1 = one line.
        drawn: whether order and direction are someone's choice; else they say nothing.

    Returns:
        points (n, 12, 2) in h and told (n, 5).
    """
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    box = high - low
    size = max(float(box[1]), float(box[0]) / _MOST_ASPECT, 1e-6)
    n = len(points)
    told = np.zeros((n, TOLD))
    told[:, 0] = length / (length + size)
    if drawn:
        told[:, 1] = np.arange(n) / _PLACES
        told[:, 2] = 1.0
    told[:, 3] = style
    told[:, 4] = np.log2(size / width / 16.0) / 2.0 if width > 0 else 0.0
    return ((points - (low + high) / 2) / size).astype(np.float32), told.astype(np.float32)


def likeliest_order(before: NDArray[np.floating]) -> Indices:
    """An order of n items by the logits (n, n) of their pairs; see the top of the file."""
    gain = before.astype(np.float64)
    gain = (gain - gain.T) / 2
    order = np.argsort(-gain.sum(axis=1), kind="stable").tolist()
    moved = len(order) > 1
    while moved:
        moved = False
        for item in list(order):
            rest = [other for other in order if other != item]
            # Standing before the first k of the rest instead of behind them gains so much.
            sums = np.concatenate([[0.0], np.cumsum(gain[rest, item] - gain[item, rest])])
            at, best = order.index(item), int(sums.argmax())
            if sums[best] > sums[at] + 1e-9:
                order = [*rest[:best], item, *rest[best:]]
                moved = True
    return np.array(order, np.int64)


def order_logits(
    network: Order, strokes: Sequence[Floats], width: float, style: float, *, drawn: bool = True
) -> OrderAnswer:
    """What a network says of strokes (K, 2), in any unit, in the order drawn.

    Args:
        network: that orders strokes.
        strokes: n of them.
        width: of the line, in the same unit; 0 if unknown.
        style: 0 = as people write and draw, 1 = one line.
        drawn: whether order and direction are someone's choice; else they say nothing.
    """
    n = len(strokes)
    points = np.array([spaced(stroke) for stroke in strokes]).reshape(n, POINTS, 2)
    length = np.array([float(arc_length(stroke)[-1]) for stroke in strokes])
    before, forward, whole, seen = np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(n)
    counted = np.zeros((n, n))
    step = MOST_STROKES // 2
    for first in range(0, max(n - step, min(n, 1)), step):
        own = slice(first, min(first + MOST_STROKES, n))
        given = order_inputs(points[own], length[own], width, style, drawn=drawn)
        answer = network.order(*given)
        before[own, own] += answer.before
        forward[own] += answer.forward
        whole[own] += answer.whole
        counted[own, own] += 1
        seen[own] += 1
    # What no window holds together stays in the order drawn.
    far = np.sign(np.arange(n)[None] - np.arange(n)[:, None]) * _FAR
    return OrderAnswer(
        np.where(counted > 0, before / np.maximum(counted, 1), far),
        forward / np.maximum(seen, 1),
        whole / np.maximum(seen, 1),
    )
