"""Paths that several tests draw."""

import numpy as np
from hypothesis import strategies as st

from strokebot.trajectory.path.path import Path


def path_of(xy, width=0.6, down=True, intensity=1.0):
    """A path with one value for everything, or one value a point."""
    xy = np.asarray(xy, dtype=float).reshape(-1, 2)
    n = len(xy)
    return Path(
        xy, np.broadcast_to(width, n), np.broadcast_to(intensity, n), np.broadcast_to(down, n).astype(bool)
    )


def spiral(n=1500, turns=6, centre=(90.0, 90.0), size=40.0):
    t = np.linspace(0, 1, n)
    r = 3 + (size - 3) * t
    angle = 2 * np.pi * turns * t
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)]) + centre


def cursive(n=1200, loops=12, at=(20.0, 50.0), size=4.0):
    """A row of loops such as a hand writes."""
    t = np.linspace(0, 2 * np.pi * loops, n)
    return (
        np.column_stack([size * (0.35 * t + np.cos(t)), size * np.sin(t) * (1 + 0.3 * np.sin(0.4 * t))]) + at
    )


@st.composite
def scribbles(draw, most_points=14, size=30.0):
    """Random polylines, with repeated points, turning back and pen-up stretches now and then."""
    place = st.floats(0, size).map(lambda v: round(v, 2))
    xy = np.array(draw(st.lists(st.tuples(place, place), min_size=1, max_size=most_points)))
    again = draw(st.lists(st.integers(0, len(xy) - 1), max_size=3))
    for k in again:
        xy = np.insert(xy, k, xy[k], axis=0)
    n = len(xy)
    width = np.array(draw(st.lists(st.floats(0.0, 2.0), min_size=n, max_size=n)))
    ink = np.array(draw(st.lists(st.floats(0.3, 1.0), min_size=n, max_size=n)))
    down = np.array(draw(st.lists(st.sampled_from([True, True, True, False]), min_size=n, max_size=n)))
    return Path(xy + 5.0, width, ink, down)


def distance_to_polyline(points, line):
    """Greatest distance of points from a polyline: all against all."""
    start, end = line[:-1], line[1:]
    if len(line) == 1:
        start = end = line
    along = end - start
    square = np.maximum((along**2).sum(axis=1), 1e-300)
    worst = 0.0
    for part in np.array_split(np.asarray(points), max(1, len(points) // 200)):
        offset = part[:, None] - start
        share = np.clip((offset * along).sum(axis=2) / square, 0, 1)
        worst = max(worst, np.linalg.norm(offset - share[..., None] * along, axis=2).min(axis=1).max())
    return worst
