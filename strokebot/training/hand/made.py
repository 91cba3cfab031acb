"""Made line drawings whose pen way is known because the way was there first.

    figures       Lissajous figures, roses, spirals, hypotrochoids: one stroke, straight through all
                  crossings of its own
    splines       Catmull-Rom curves through random points, one to four strokes
    outlines      polygons, stars and rectangles: closed, begun at the highest corner
    hatchings     parallel lines, drawn to and fro from one side to the other

Every drawing is a list of strokes (K, 2) in a box of about 1 x 1; units are arbitrary.

Sources: E. Catmull, R. Rom, "A class of local interpolating splines", 1974; J. D. Lawrence, "A
catalog of special plane curves", 1972.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_POINTS = 400


def made(rng: np.random.Generator) -> list[Floats]:
    """One drawing: the strokes in the order and direction of the pen."""
    kinds: list[Callable[[np.random.Generator], list[Floats]]] = [
        figure,
        splines,
        splines,
        outlines,
        hatching,
    ]
    return kinds[int(rng.integers(len(kinds)))](rng)


def figure(rng: np.random.Generator) -> list[Floats]:
    """One closed or open curve that crosses itself."""
    kind = rng.integers(4)
    t = np.linspace(0.0, 2 * np.pi, _POINTS)
    if kind == 0:
        a, b = [(1, 2), (2, 3), (3, 4), (1, 3), (3, 5), (2, 5)][int(rng.integers(6))]
        phase = rng.uniform(0.2, 1.4)
        xy = np.stack([np.sin(a * t + phase), np.sin(b * t)], axis=1)
    elif kind == 1:
        petals = int(rng.integers(2, 6))
        radius = np.cos(petals * t) + rng.uniform(0.0, 0.8)
        xy = np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1)
    elif kind == 2:
        turns = rng.uniform(1.5, 4.5)
        radius = np.linspace(rng.uniform(0.02, 0.15), 1.0, _POINTS)
        xy = np.stack([radius * np.cos(turns * t), radius * np.sin(turns * t)], axis=1)
    else:
        outer, inner = int(rng.integers(3, 8)), rng.uniform(0.25, 0.9)
        xy = np.stack(
            [np.cos(t) + inner * np.cos(outer * t + 1.0), np.sin(t) + inner * np.sin(outer * t + 1.0)], axis=1
        )
    shift = int(rng.integers(_POINTS))
    if np.allclose(xy[0], xy[-1], atol=1e-6):  # closed: begin anywhere
        xy = np.concatenate([np.roll(xy[:-1], shift, axis=0), np.roll(xy[:-1], shift, axis=0)[:1]])
    stretch = np.array([1.0, rng.uniform(0.5, 1.6)])
    xy = xy[::-1] if rng.random() < 0.5 else xy
    return [np.asarray(xy * stretch / 2)]


def catmull_rom(points: Floats, steps: int = 24) -> Floats:
    """A smooth curve (K, 2) through points (M, 2), M at least 2."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = ends[:-3, None], ends[1:-2, None], ends[2:-1, None], ends[3:, None]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def splines(rng: np.random.Generator) -> list[Floats]:
    """One to four smooth strokes, from left to right by where they begin."""
    strokes = []
    for _ in range(int(rng.integers(1, 5))):
        middle, size = rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.4)
        points = middle + rng.uniform(-size, size, (int(rng.integers(3, 9)), 2))
        strokes.append(catmull_rom(points))
    return sorted(strokes, key=lambda stroke: float(stroke[0, 0]))


def outlines(rng: np.random.Generator) -> list[Floats]:
    """One to three closed outlines with straight sides, side by side."""
    strokes = []
    for k in range(int(rng.integers(1, 4))):
        corners, star = int(rng.integers(3, 8)), rng.random() < 0.3
        count = 2 * corners if star else corners
        angle = np.arange(count) * (2 * np.pi / count) + rng.uniform(0.0, 2 * np.pi)
        radius = np.where(np.arange(count) % 2 == 1, 0.45, 1.0) if star else rng.uniform(0.6, 1.0, count)
        xy = 0.45 * np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        xy = xy * rng.uniform(0.5, 1.0, 2) + [k, rng.uniform(-0.2, 0.2)]
        first = int(np.lexsort((xy[:, 0], np.round(xy[:, 1], 2)))[0])
        xy = np.roll(xy, -first, axis=0)
        if rng.random() < 0.5:
            xy = np.roll(xy[::-1], 1, axis=0)
        strokes.append(np.concatenate([xy, xy[:1]]))
    return strokes


def hatching(rng: np.random.Generator) -> list[Floats]:
    """Parallel lines in a box, to and fro; the box is turned."""
    count = int(rng.integers(3, 10))
    y = np.linspace(0.0, 1.0, count) * rng.uniform(0.6, 1.4)
    left, right = rng.uniform(0.0, 0.2, count), rng.uniform(0.8, 1.0, count)
    turn = rng.choice([0.0, np.pi / 4, np.pi / 2, -np.pi / 4])
    cos, sin = np.cos(turn), np.sin(turn)
    strokes = []
    to_and_fro = rng.random() < 0.6
    for k in range(count):
        line = np.array([[left[k], y[k]], [right[k], y[k]]])
        line = line[::-1] if k % 2 == 1 and to_and_fro else line
        strokes.append(
            np.stack([line[:, 0] * cos - line[:, 1] * sin, line[:, 0] * sin + line[:, 1] * cos], 1)
        )
    return strokes
