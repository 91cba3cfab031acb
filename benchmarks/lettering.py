"""Hand lettering whose strokes are known: the truth for order and direction without a data set.

Nouns:
    letter     strokes in the order and direction that schools teach, each a few control points
    em         the x-height, the unit of the table below; y DOWN, baseline 0, x-height -1

A stroke is the Catmull-Rom curve through its control points (uniform
knots), with the ends mirrored:

    p(t) = 1/2 (2 b + (c - a) t + (2 a - 5 b + 4 c - d) t^2 + (3 b - a - 3 c + d) t^3)

for control points a, b, c, d and t from 0 at b to 1 at c.

Source: E. Catmull, R. Rom, "A class of local interpolating splines", 1974. The letters
are drawn for this file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Points of a curve between two control points.
_SUBDIVISIONS = 10
# Space between letters and between words, em.
_GAP_EM, _SPACE_EM = 0.35, 0.8
# Hand tremor of the control points, em, and the slant, em of x an em of height.
_TREMOR_EM, _SLANT = 0.04, 0.15

_Strokes = tuple[tuple[tuple[float, float], ...], ...]
LETTERS: dict[str, _Strokes] = {
    "a": (((0.75, -0.85), (0.4, -1), (0.05, -0.5), (0.4, 0), (0.72, -0.4), (0.78, -0.95), (0.82, 0)),),
    "b": (((0, -2), (0, 0)), ((0, -0.5), (0.4, -1), (0.8, -0.5), (0.4, 0), (0, -0.3))),
    "c": (((0.75, -0.85), (0.4, -1), (0.05, -0.5), (0.4, 0), (0.78, -0.15)),),
    "d": (((0.75, -0.7), (0.4, -1), (0.05, -0.5), (0.4, 0), (0.75, -0.4)), ((0.8, -2), (0.8, 0))),
    "e": (((0.08, -0.5), (0.72, -0.55), (0.6, -0.95), (0.3, -0.95), (0.04, -0.5), (0.35, 0), (0.75, -0.15)),),
    "g": (
        ((0.75, -0.7), (0.4, -1), (0.05, -0.5), (0.4, -0.05), (0.75, -0.4)),
        ((0.8, -1), (0.8, 0.5), (0.45, 1), (0.05, 0.8)),
    ),
    "h": (((0, -2), (0, 0)), ((0, -0.5), (0.4, -1), (0.72, -0.7), (0.75, 0))),
    "i": (((0.1, -1), (0.1, 0)), ((0.1, -1.45),)),
    "k": (((0, -2), (0, 0)), ((0.6, -1), (0.05, -0.45)), ((0.2, -0.55), (0.65, 0))),
    "l": (((0, -2), (0, -0.3), (0.2, 0)),),
    "m": (
        ((0, -1), (0, 0)),
        ((0, -0.6), (0.3, -1), (0.5, -0.7), (0.5, 0)),
        ((0.5, -0.6), (0.8, -1), (1, -0.7), (1, 0)),
    ),
    "n": (((0, -1), (0, 0)), ((0, -0.6), (0.4, -1), (0.7, -0.7), (0.72, 0))),
    "o": (((0.4, -1), (0.05, -0.5), (0.4, 0), (0.78, -0.5), (0.42, -1)),),
    "p": (((0, -1), (0, 1)), ((0, -0.6), (0.4, -1), (0.8, -0.5), (0.4, 0), (0, -0.3))),
    "r": (((0, -1), (0, 0)), ((0, -0.55), (0.3, -0.95), (0.55, -0.95))),
    "s": (((0.65, -0.85), (0.35, -1), (0.08, -0.78), (0.38, -0.5), (0.66, -0.25), (0.35, 0), (0.05, -0.15)),),
    "t": (((0.25, -1.6), (0.25, -0.3), (0.5, 0)), ((0, -1), (0.55, -1))),
    "u": (((0, -1), (0.05, -0.3), (0.35, 0), (0.7, -0.35)), ((0.75, -1), (0.75, 0))),
    "y": (((0, -1), (0.35, -0.05)), ((0.75, -1), (0.3, 0.4), (0, 0.95))),
}


def curve(points: ArrayLike, subdivisions: int = _SUBDIVISIONS) -> Floats:
    """The Catmull-Rom curve through control points (K, 2); a single point stays one."""
    p = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(p) < 3:
        return p
    around = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    a, b, c, d = (around[k : k + len(p) - 1, None] for k in range(4))
    t = (np.arange(subdivisions) / subdivisions)[None, :, None]
    between = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return np.vstack([between.reshape(-1, 2), p[-1]])


def write(text: str, seed: int = 0) -> list[Floats]:
    """Strokes of a text on one baseline, em, in writing order.

    Args:
        text: of the letters of ``LETTERS`` and spaces.
        seed: of the tremor; the same text with another seed is another specimen.

    Returns:
        Polylines (K, 2); a dot has one point.
    """
    rng = np.random.default_rng(seed)
    strokes: list[Floats] = []
    x = 0.0
    for letter in text:
        if letter == " ":
            x += _SPACE_EM
            continue
        controls = [np.array(stroke, dtype=np.float64) for stroke in LETTERS[letter]]
        for control in controls:
            moved = control + rng.normal(0.0, _TREMOR_EM, control.shape) + [x, 0.0]
            strokes.append(curve(moved - _SLANT * moved[:, 1:] * [1.0, 0.0]))
        x += max(float(control[:, 0].max()) for control in controls) + _GAP_EM
    return strokes


def fit(strokes: Sequence[Floats], scale: float, margin: float) -> tuple[list[Floats], tuple[int, int]]:
    """Strokes scaled and moved into a picture with a margin; returns them and (height, width), px."""
    everything = np.concatenate(list(strokes))
    low, high = everything.min(axis=0) * scale, everything.max(axis=0) * scale
    width, height = np.ceil(high - low + 2 * margin).astype(int)
    return [stroke * scale - low + margin for stroke in strokes], (int(height), int(width))
