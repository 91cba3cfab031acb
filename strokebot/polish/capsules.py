r"""How much ink a segment lays on a pixel, and how that changes when its ends move.

The model is that of ``strokebot/training/pens/line.py``: tapered capsules with a soft edge, the darkest wins.

Symbols, per segment and pixel centre x, in pixels:
    p, q        the ends, r_p, r_q their half widths
    u, l        direction and length of q - p,  b = (r_p - r_q) / l the taper
    h, w        (x - p).u  and  |cross(u, x - p)|
    s           clip(h - w b / sqrt(1 - b^2), 0, l),  f = s / l
    d, r, n     distance of x from c = p + s u, half width r_p - b s there, and (x - c) / d
    C           coverage: E(r - d) - E(-r - d),  E(z) = sigmoid(z / softness)
    Y           ink: a C of the segment with the largest

The second term of C is what ``training/pens/line.py`` leaves out: a line thinner than its own
soft edge is paler than full ink. It is nothing for a half width of 4 softnesses and more.

s minimises d - r, therefore moving the ends changes C as if s stayed where it is:
    dC / d(p, r_p) = (1 - f) (A n, B),     dC / d(q, r_q) = f (A n, B)
    A = E'(r - d) - E'(-r - d),            B = E'(r - d) + E'(-r - d)
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Pixels and segments are 32-bit floats or integers.
Array: TypeAlias = NDArray[Any]

# Shorter segments are points: their direction has no meaning (px).
_POINT_LENGTH_PX = 1e-4
# The taper stays this far inside +-1, see ``training/pens/line.py``.
_MAX_TAPER = 0.9995
# Under a distance before it divides (px).
_LEAST_DISTANCE_PX = 1e-6
# exp of more is no 32-bit float.
_LARGEST_EXPONENT = 80.0


def float32(values: Array) -> Array:
    """Numbers or truths as 32-bit floats."""
    return np.asarray(values, dtype=np.float32)


class Segments(NamedTuple):
    """Per-segment numbers, each (S,), px."""

    x0: Array
    y0: Array
    ux: Array
    uy: Array
    length: Array
    radius0: Array
    taper: Array
    ink0: Array
    ink1: Array


class Contact(NamedTuple):
    """Segments against pixels, each (P,)."""

    inside: Array  # r - d
    radius: Array
    ink: Array
    share: Array  # f
    nx: Array
    ny: Array


def segments_of(
    points: NDArray[np.float64],
    radius: NDArray[np.float64],
    ink: NDArray[np.float64],
    first: NDArray[np.intp],
) -> Segments:
    """Segments from points ``first`` (S,) to the ones after them; points (N, 2) px, radius and ink (N,)."""
    p, m = points[first], points[first + 1] - points[first]
    length = np.hypot(m[:, 0], m[:, 1])
    is_point = length < _POINT_LENGTH_PX
    m = np.where(is_point[:, None], [_POINT_LENGTH_PX, 0.0], m)
    length = np.where(is_point, _POINT_LENGTH_PX, length)
    last_radius = radius[first + 1]
    # A first disc inside the last one is drawn as the largest that still lies inside.
    first_radius = np.maximum(radius[first], last_radius - _MAX_TAPER * length)
    taper = np.clip((first_radius - last_radius) / length, -_MAX_TAPER, _MAX_TAPER)
    columns = (p[:, 0], p[:, 1], m[:, 0] / length, m[:, 1] / length, length, first_radius, taper)
    return Segments(*(float32(c) for c in (*columns, ink[first], ink[first + 1])))


def contact(seg: Segments, x: Array, y: Array) -> Contact:
    """Where segments and pixels meet; all arrays (P,)."""
    dx, dy = x - seg.x0, y - seg.y0
    along = dx * seg.ux + dy * seg.uy
    across = dx * seg.uy - dy * seg.ux
    slope = seg.taper / np.sqrt(1.0 - seg.taper * seg.taper)
    s = np.minimum(np.clip(along - np.abs(across) * slope, 0.0, None), seg.length)
    gap = along - s
    distance = np.sqrt(gap * gap + across * across)
    share = s / seg.length
    # A point has no sides: half of each disc is its first end's, half its last end's.
    share = np.where(seg.length > _POINT_LENGTH_PX, share, 0.5)
    radius = seg.radius0 - seg.taper * s
    over = 1.0 / (distance + _LEAST_DISTANCE_PX)
    nx = (gap * seg.ux + across * seg.uy) * over
    ny = (gap * seg.uy - across * seg.ux) * over
    ink = seg.ink0 + (seg.ink1 - seg.ink0) * share
    return Contact(radius - distance, radius, ink, share, nx, ny)


def edge(z: Array, softness: float) -> Array:
    """E(z) of the header: 0 far below z = 0, 1 far above."""
    return 1.0 / (1.0 + np.exp(np.clip(z * (-1.0 / softness), None, _LARGEST_EXPONENT)))


def coverage(inside: Array, radius: Array, softness: float) -> Array:
    """C of the header."""
    return edge(inside, softness) - edge(inside - 2.0 * radius, softness)
