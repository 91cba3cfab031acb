"""Written letters whose strokes are known, and how far a gesture follows their order and direction."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink

Floats = NDArray[np.float64]
Point = tuple[float, float]

PEN_PX = 3.0
_MARGIN_PX = 6.0
# Strokes through these points, in heights of small letters; y down, baseline 0.
LETTERS: dict[str, list[list[Point]]] = {
    "l": [[(0.1, -2.0), (0.1, 0.0)]],
    "i": [[(0.1, -1.0), (0.1, 0.0)], [(0.1, -1.5)]],
    "t": [[(0.3, -1.8), (0.3, 0.0)], [(0.0, -1.0), (0.7, -1.0)]],
    "o": [[(0.4, -1.0), (0.0, -0.5), (0.4, 0.0), (0.8, -0.5), (0.4, -1.0)]],
    "h": [[(0.0, -2.0), (0.0, 0.0)], [(0.0, -0.5), (0.4, -1.0), (0.7, -0.7), (0.7, 0.0)]],
    "k": [[(0.0, -2.0), (0.0, 0.0)], [(0.7, -1.0), (0.0, -0.4)], [(0.2, -0.55), (0.7, 0.0)]],
    "x": [[(0.0, -1.0), (0.7, 0.0)], [(0.7, -1.0), (0.0, 0.0)]],
    "c": [[(0.7, -0.85), (0.35, -1.0), (0.0, -0.5), (0.35, 0.0), (0.7, -0.15)]],
}


def written(text: str, seed: int = 0, height_px: float = 28.0) -> tuple[InkImage, list[Floats]]:
    """A word as a picture, and its strokes (K, 2), px of the picture.

    Args:
        text: of the letters of ``LETTERS``.
        seed: of the tremor of the hand.
        height_px: of its small letters.
    """
    rng = np.random.default_rng(seed)
    strokes, x = list[Floats](), 0.0
    for letter in text:
        shaken = [np.array(points) + 0.04 * rng.normal(size=(len(points), 2)) for points in LETTERS[letter]]
        strokes += [_curve(points) + np.array([x, 0.0]) for points in shaken]
        x += max(p[0] for points in LETTERS[letter] for p in points) + 0.5
    strokes = [height_px * stroke for stroke in strokes]
    low = np.concatenate(strokes).min(axis=0)
    strokes = [stroke - low + _MARGIN_PX for stroke in strokes]
    width, height = np.ceil(np.concatenate(strokes).max(axis=0) + _MARGIN_PX).astype(int).tolist()
    rows = [np.repeat(s, 2, axis=0) if len(s) == 1 else s for s in strokes]
    points = np.concatenate(rows)
    down = np.concatenate([np.arange(len(row)) > 0 for row in rows])
    n = len(points)
    return InkImage(draw_ink(points, np.full(n, PEN_PX), np.ones(n), down, (height, width))), strokes


def _curve(points: Floats) -> Floats:
    if len(points) < 3:
        return points
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    curve = make_interp_spline(along, points, k=2)
    return np.asarray(curve(np.linspace(0.0, along[-1], 30)))


def followed(gesture: Gesture, image: InkImage, strokes: list[Floats]) -> tuple[float, float]:
    """Share of the strokes drawn the true way, and Kendall's tau of their order.

    Of each stroke the middle half counts, where no other stroke begins: it is drawn when the gesture
    first comes near each of its points, going along or against it.
    """
    xy = gesture.positions * image.longer_side
    drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
    start, way = xy[:-1][drawn], np.diff(xy, axis=0)[drawn]
    count = np.maximum(1, np.ceil(np.hypot(*way.T))).astype(int)
    which = np.repeat(np.arange(len(count)), count)
    part = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[which]
    track = start[which] + part[:, None] * way[which]
    heading = way[which] / np.maximum(np.hypot(*way[which].T), 1e-9)[:, None]
    times, forward = list[float](), list[bool]()
    for stroke in strokes:
        if len(stroke) == 1:
            times.append(float(np.hypot(*(track - stroke[0]).T).argmin()))
            continue
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
        at = np.linspace(0.25, 0.75, 9) * along[-1]
        places = np.column_stack([np.interp(at, along, column) for column in stroke.T])
        ahead = np.gradient(places, axis=0)
        ahead /= np.hypot(*ahead.T)[:, None]
        cosine = heading @ ahead.T
        near = np.hypot(*(track[:, None] - places).transpose(2, 0, 1)) <= PEN_PX
        first = (near & (np.abs(cosine) > 0.5)).argmax(axis=0)
        times.append(float(np.median(first)))
        forward.append(bool(cosine[first, np.arange(len(at))].sum() > 0))
    pairs = [np.sign(b - a) for a, b in combinations(times, 2)]
    return float(np.mean(forward)), float(np.mean(pairs)) if pairs else 1.0
