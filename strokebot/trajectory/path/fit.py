"""Fits one smooth line to the points of a drawn run, within a tolerance.

Nouns and symbols are those of ``smooth.py``: input polyline P by its length t, cubic
B-spline C, corners with threefold knots, spans halved where C and P part by too much.

C = sum c_i B_i minimises the integral of |C - P|^2: with data P(t_j) and weights w_j, the
coefficients solve (A' W A) c = A' W P with A_ji = B_i(t_j), a system of bandwidth four
whose work grows with the number of points and no faster.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from strokebot.geometry.bspline import BSpline, normal_equations
from strokebot.geometry.polyline import arc_length, sync_deviation

# Share of the tolerance that the fit may use; the rest is for the chords of the result.
_FIT_SHARE = 0.9
# Spans at first, in tolerances: long enough to take out any jitter that the tolerance lets go.
_FIRST_SPAN = 40.0
# A span shorter than this part of the tolerance cannot follow a point any better.
_LEAST_SPAN = 1.0 / 16.0
# Data in each span at the least: more than the one that a cubic spline adds unknowns for.
_SPAN_DATA = 6
# Weight of the corners against all other data: so great that the spline passes through
# them, so small that the equations keep their digits.
_FIRMNESS = 1e6
# Points of the result: at most this far apart, turning by at most this, leaving the curve
# by at most this.
_STEP_MM = 0.2
_TURN_RAD = 0.08
_SAGITTA_MM = 0.001
_MOST_PARTS = 64
# Tangents looked at in a step to find how far it turns.
_TANGENTS = 5


class FittedLine(NamedTuple):
    """Points of a smooth line.

    Attributes:
        xy_mm: (M, 2) points.
        t: (M,) their places along the input polyline.
        deviation_mm: greatest distance between input and result, either way.
        rough_pieces: pieces that could not be fitted and stayed as they were.
    """

    xy_mm: NDArray[np.float64]
    t: NDArray[np.float64]
    deviation_mm: float
    rough_pieces: int


def fit_run(points: NDArray[np.float64], corner: NDArray[np.bool_], tolerance_mm: float) -> FittedLine:
    """Fits a smooth line through a run.

    Args:
        points: (K, 2) distinct points, K at least 2.
        corner: (K,) points that the line must meet exactly; both ends are among them.
        tolerance_mm: greatest distance between points and line, either way.
    """
    t = arc_length(points)
    corners = np.flatnonzero(corner)
    allowed = _FIT_SHARE * tolerance_mm
    bounds = _first_bounds(t[corners], _FIRST_SPAN * tolerance_mm)
    while True:
        curve = _least_squares(points, t, corners, bounds)
        t_check = _spread(bounds, np.full(len(bounds) - 1, 2 * _SPAN_DATA))
        bad = _far_spans(points, t, curve(t_check), t_check, bounds, allowed)
        halves = 0.5 * np.diff(bounds)[bad]
        can = halves >= _LEAST_SPAN * tolerance_mm
        if not can.any():
            break
        bounds = np.sort(np.concatenate([bounds, bounds[bad[can]] + halves[can]]))
    t_line = _sample(curve, bounds)
    xy = curve(t_line)
    xy[np.searchsorted(t_line, t[corners])] = points[corners]
    rough = _far_spans(points, t, xy, t_line, t[corners], tolerance_mm)
    if len(rough):
        xy, t_line = _with_input(rough, points, t, corners, xy, t_line)
    deviation = max(
        float(sync_deviation(xy, t_line, points, t, tolerance_mm).max()),
        float(sync_deviation(points, t, xy, t_line, tolerance_mm).max()),
    )
    return FittedLine(xy, t_line, deviation, len(rough))


def _far_spans(
    points: NDArray[np.float64],
    t: NDArray[np.float64],
    line: NDArray[np.float64],
    line_at: NDArray[np.float64],
    bounds: NDArray[np.float64],
    allowed: float,
) -> NDArray[np.intp]:
    """The intervals between ``bounds`` in which points and line part by more than allowed."""
    away = line_at[sync_deviation(line, line_at, points, t, allowed, 0) > allowed]
    missed = t[sync_deviation(points, t, line, line_at, allowed, 0) > allowed]
    far = np.searchsorted(bounds, np.concatenate([away, missed]), side="right") - 1
    return np.unique(np.clip(far, 0, len(bounds) - 2))


def _with_input(
    rough: NDArray[np.intp],
    points: NDArray[np.float64],
    t: NDArray[np.float64],
    corners: NDArray[np.intp],
    xy: NDArray[np.float64],
    t_line: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The line with the pieces ``rough`` replaced by the input's own points."""
    is_rough = np.zeros(len(corners), dtype=bool)
    is_rough[rough] = True

    def inside(places: NDArray[np.float64]) -> NDArray[np.bool_]:
        piece = np.clip(np.searchsorted(t[corners], places, side="right") - 1, 0, len(corners) - 2)
        return np.asarray(is_rough[piece] & ~np.isin(places, t[corners]))

    fitted, own = ~inside(t_line), inside(t)
    places = np.concatenate([t_line[fitted], t[own]])
    order = np.argsort(places, kind="stable")
    return np.concatenate([xy[fitted], points[own]])[order], places[order]


def _first_bounds(corners_at: NDArray[np.float64], span_mm: float) -> NDArray[np.float64]:
    """Bounds of the first spans: equal parts of each piece, at most ``span_mm`` long."""
    parts = np.maximum(1, np.ceil(np.diff(corners_at) / span_mm)).astype(np.int64)
    return _spread(corners_at, parts)


def _spread(bounds: NDArray[np.float64], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divides each interval between neighbouring bounds into equal parts; returns all bounds."""
    k = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(len(k)) - np.repeat(np.cumsum(parts) - parts, parts)
    inside = bounds[k] + np.diff(bounds)[k] * (number / parts[k])
    return np.append(inside, bounds[-1])


def _least_squares(
    points: NDArray[np.float64],
    t: NDArray[np.float64],
    corners: NDArray[np.intp],
    bounds: NDArray[np.float64],
) -> BSpline:
    """The cubic spline nearest to the polyline in the mean, exact at the corners."""
    at_corner = np.isin(bounds, t[corners])
    times = np.where(at_corner, 3, 1)
    times[[0, -1]] = 4
    knots = np.repeat(bounds, times)
    inside = np.histogram(t, bounds)[0]
    data = _spread(bounds, np.maximum(inside, _SPAN_DATA).astype(np.int64))
    values = np.column_stack([np.interp(data, t, points[:, axis]) for axis in (0, 1)])
    # The weighted sum stands for an integral over t. Four diagonals, since four cubic B-splines share a
    # place. A corner's own coefficient, the one before the last of its knots, is the point there itself.
    bands, right = normal_equations(data, values, np.gradient(data), knots)
    own = (np.cumsum(times) - times)[at_corner] - 1
    own[0], own[-1] = 0, len(right) - 1
    firm = _FIRMNESS * bands[0].max()
    bands[0, own] += firm
    right[own] += firm * points[corners]
    coefficients = solveh_banded(bands, right, lower=True)
    coefficients[own] = points[corners]
    return BSpline(knots, coefficients)


def _sample(curve: BSpline, bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the curve for the points of the result."""
    parts = np.maximum(1, np.ceil(np.diff(bounds) / _STEP_MM)).astype(np.int64)
    coarse = _spread(bounds, parts)
    # One-sided at corners: tangents a little inside the ends of each step.
    step = np.diff(coarse)
    fractions = np.linspace(1e-6, 1 - 1e-6, _TANGENTS)
    tangent_t = (coarse[:-1, None] + step[:, None] * fractions).ravel()
    tangent = curve.derivative()(tangent_t).reshape(-1, _TANGENTS, 2)
    before, after = tangent[:, :-1], tangent[:, 1:]
    cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    turn = np.abs(np.arctan2(cross, (before * after).sum(axis=2))).sum(axis=1)
    wanted = np.maximum(turn / _TURN_RAD, np.sqrt(turn * step / (8 * _SAGITTA_MM)))
    return _spread(coarse, np.clip(np.ceil(wanted), 1, _MOST_PARTS).astype(np.int64))
