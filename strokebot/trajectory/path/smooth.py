"""Smooths a path within a tolerance: jitter goes, corners stay, travel becomes straight.

Nouns:
    run        a drawn stretch of the path, from one lowering of the pen to the next lift
    corner     a point where the line turns by more than ``CORNER_RAD``; it stays exactly
    piece      the part of a run between two corners
    span       the part of a piece under one cubic polynomial of the spline

Symbols: t = length along the input polyline P, C(t) = cubic B-spline, e = tolerance.

The steps, for one run:
    1. Corners. A point is one if the line turns sharply there in the polyline simplified to e
       (so jitter is none), between the directions to the points 4 e before and after it (so
       steps of the pixel grid are none) and to those 1 e away (so small loops are none).
    2. Least squares: C minimises the integral of |C - P|^2 over t, with few spans. All
       pieces are one spline, whose knots are threefold at corners: there it is continuous
       and no more. Chord length is the parameter, since the centripetal one follows jitter.
    3. Where C leaves P by more than e, or P leaves C, the span is halved and step 2 is
       done again. The tolerance therefore holds against the input, and only there, where
       it must, the curve is smoothed less. A piece that does not get there even with
       the shortest spans stays as it was.
    4. Points on C, so dense that the tangent turns little from one to the next and the
       chords leave the curve by next to nothing; ``timing.py`` takes them for one smooth curve.
    5. Width and ink are carried along by t, as means over ``PRESSURE_WINDOW_MM``, which the
       pen axis can follow; the window shrinks towards the ends of a run, whose values stay.

Sources: least-squares splines with knots put where the error is: de Boor, "A Practical
Guide to Splines", 1978, chapter XIV, and Dierckx, "Curve and Surface Fitting with
Splines", 1993, chapter 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import TrajectoryError
from strokebot.geometry.polyline import arc_length, distinct, simplify, turning_angles
from strokebot.trajectory.path.fit import fit_run
from strokebot.trajectory.path.path import LEAST_STEP_MM, Path

DEFAULT_TOLERANCE_MM = 0.05
CORNER_RAD = math.radians(60.0)
# Length over which width and ink are averaged: half of a usual pen's widest line, under
# which a change of pressure cannot be seen.
PRESSURE_WINDOW_MM = 0.5
_TOLERANCE_RANGE_MM = (0.001, 10.0)
# Distances before and after a corner over which directions are compared, in tolerances.
_CORNER_REACHES = (4.0, 1.0)
# Points looked at to find that distance: a bound on the work where points lie very dense.
_MOST_WINDOW_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A smoothed path and how far it went.

    Attributes:
        path: the result.
        deviation_mm: greatest distance between the drawn lines of input and result, either way.
        corners: corners kept inside drawn runs.
        rough_pieces: pieces that stayed as they were.
    """

    path: Path
    deviation_mm: float
    corners: int
    rough_pieces: int


def smooth(path: Path, tolerance_mm: float = DEFAULT_TOLERANCE_MM) -> Path:
    """Smooths the drawn runs of a path and straightens its travel.

    Args:
        path: what to draw.
        tolerance_mm: greatest distance between the lines of input and result, either way.
            Half a pixel of the picture, in mm, takes away the steps of the pixel grid.

    Raises:
        TrajectoryError: for a tolerance out of bounds.
    """
    return smooth_and_report(path, tolerance_mm).path


def smooth_and_report(path: Path, tolerance_mm: float = DEFAULT_TOLERANCE_MM) -> Smoothed:
    """Does what ``smooth`` does and tells how far the result is from the input."""
    low, high = _TOLERANCE_RANGE_MM
    if not low <= tolerance_mm <= high:
        raise TrajectoryError(
            f"A smoothing tolerance of {tolerance_mm:g} mm is out of bounds: {low:g} to {high:g}."
        )
    if len(path) == 1:
        return Smoothed(path, 0.0, 0, 0)
    first = np.concatenate([path.xy_mm[0], [path.width_mm[0], path.intensity[0]]])
    rows, flags = [first[None]], [np.zeros(1, dtype=bool)]
    deviation, corners, rough = 0.0, 0, 0
    for run in path.runs():
        part = slice(run.start, run.stop + 1)
        table = np.column_stack([path.xy_mm[part], path.width_mm[part], path.intensity[part]])
        kept = distinct(table[:, :2], LEAST_STEP_MM)
        if not run.down:
            result = table[[0, -1]]
        elif len(kept) == 1:
            result = np.stack([table[0], np.concatenate([table[0, :2], table[:, 2:].mean(axis=0)])])
        else:
            table = table[kept]
            corner = find_corners(table[:, :2], tolerance_mm)
            line = fit_run(table[:, :2], corner, tolerance_mm)
            ink = _window_mean(arc_length(table[:, :2]), table[:, 2:], line.t)
            result = np.column_stack([line.xy_mm, ink])
            deviation = max(deviation, line.deviation_mm)
            corners += int(corner[1:-1].sum())
            rough += line.rough_pieces
        rows.append(result[1:])
        flags.append(np.full(len(result) - 1, run.down))
    everything = np.concatenate(rows)
    smoothed = Path(
        everything[:, :2],
        np.maximum(everything[:, 2], 0.0),
        np.clip(everything[:, 3], 0.0, 1.0),
        np.concatenate(flags),
    )
    return Smoothed(smoothed, deviation, corners, rough)


def find_corners(points: NDArray[np.float64], tolerance_mm: float) -> NDArray[np.bool_]:
    """Corners of a polyline of distinct points (K, 2), both ends among them, shape (K,)."""
    corner = np.zeros(len(points), dtype=bool)
    corner[[0, -1]] = True
    rough = simplify(points, tolerance_mm)
    if len(rough) < 3:
        return corner
    candidates = rough[1:-1][turning_angles(points[rough]) > CORNER_RAD]
    for reach in _CORNER_REACHES:
        before = points[candidates] - points[_first_outside(points, candidates, reach * tolerance_mm, -1)]
        after = points[_first_outside(points, candidates, reach * tolerance_mm, 1)] - points[candidates]
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        turn = np.abs(np.arctan2(cross, (before * after).sum(axis=1)))
        candidates = candidates[turn > CORNER_RAD]
    corner[candidates] = True
    return corner


def _first_outside(
    points: NDArray[np.float64], centres: NDArray[np.intp], radius: float, direction: int
) -> NDArray[np.intp]:
    """The first point of the polyline outside a circle around each centre, or its end."""
    found = centres + direction
    open_ones = np.arange(len(centres))
    for _ in range(_MOST_WINDOW_POINTS):
        at = found[open_ones]
        inside = np.linalg.norm(points[at] - points[centres[open_ones]], axis=1) < radius
        open_ones = open_ones[inside & (at > 0) & (at < len(points) - 1)]
        if len(open_ones) == 0:
            break
        found[open_ones] += direction
    return found


def _window_mean(
    t: NDArray[np.float64], values: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Means of piecewise linear values over a window around each wanted place.

    Args:
        t: (K,) places of the values, increasing.
        values: (K, D) values, linear between the places.
        wanted: (M,) places of the means, within those of ``t``.

    Returns:
        (M, D) means; at the ends of ``t`` the window has no width and the value itself comes out.
    """
    step = np.diff(t)[:, None]
    slope = np.diff(values, axis=0) / step
    area = np.concatenate([np.zeros((1, 2)), np.cumsum(0.5 * step * (values[1:] + values[:-1]), axis=0)])

    def integral(at: NDArray[np.float64]) -> NDArray[np.float64]:
        k = np.clip(np.searchsorted(t, at, side="right") - 1, 0, len(t) - 2)
        x = (at - t[k])[:, None]
        return np.asarray(area[k] + x * (values[k] + 0.5 * x * slope[k]))

    half = np.minimum(PRESSURE_WINDOW_MM / 2, np.minimum(wanted - t[0], t[-1] - wanted))
    narrow = half < LEAST_STEP_MM
    half = np.where(narrow, LEAST_STEP_MM, half)
    mean = (integral(wanted + half) - integral(wanted - half)) / (2 * half[:, None])
    exact = np.column_stack([np.interp(wanted, t, values[:, d]) for d in range(values.shape[1])])
    return np.where(narrow[:, None], exact, mean)
