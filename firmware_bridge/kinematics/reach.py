"""What of a drawing a mechanism cannot reach, and where the drawing could lie instead.

Nouns:
    lost point   a point that the mechanism cannot reach
    shift        a way to move the whole drawing so that nothing of it is lost

A straight move between two points in reach may pass points that are not: the reach of an
arm is a ring. So the lines between the points are looked at too, every ``LINE_STEP_MM``.

A shift is searched on a grid around the drawing, the shortest first; the drawing is tried by
its points that lie furthest out in many directions and by some of those that are lost, and
the found shift with all of its points.
"""

from __future__ import annotations

import numpy as np

from firmware_bridge.kinematics import Kinematics
from firmware_bridge.kinematics.base import Array

LINE_STEP_MM = 2.0
# A shift is told in whole steps of 5 mm, which anyone can lay a sheet by, up to 300 mm.
_SHIFT_STEP_MM = 5.0
_SHIFT_STEPS = 60
_TRIED_AT_ONCE = 500
_DIRECTIONS = 64
_LOST_TRIED = 64
# A bound on the work for a very long drawing: its lines are looked at more coarsely.
_MOST_LINE_POINTS = 2_000_000


def lost_points(xy_mm: Array, kinematics: Kinematics) -> Array:
    """The points (M, 2) among machine points (N, 2) that cannot be reached, in their order."""
    return np.asarray(xy_mm[~kinematics.reachable(xy_mm)])


def lost_on_lines(xy_mm: Array, kinematics: Kinematics) -> Array:
    """Points (M, 2) that cannot be reached on the straight lines between points (N, 2)."""
    length = np.hypot(*np.diff(xy_mm, axis=0).T)
    step = max(LINE_STEP_MM, float(length.sum()) / _MOST_LINE_POINTS)
    inner = np.floor(length / step).astype(np.int64)
    line = np.repeat(np.arange(len(length)), inner)
    number = np.arange(1, len(line) + 1) - np.repeat(np.cumsum(inner) - inner, inner)
    share = (number / (inner[line] + 1))[:, None]
    return lost_points(xy_mm[line] + share * (xy_mm[line + 1] - xy_mm[line]), kinematics)


def shift_into_reach(xy_mm: Array, kinematics: Kinematics) -> tuple[float, float] | None:
    """The shortest shift (dx, dy) in machine mm after which all points (N, 2) are in reach, or None."""
    few = _outline(xy_mm, kinematics)
    steps = np.arange(-_SHIFT_STEPS, _SHIFT_STEPS + 1) * _SHIFT_STEP_MM
    shifts = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    shifts = shifts[np.lexsort((shifts[:, 1], shifts[:, 0], (shifts**2).sum(axis=1)))]
    for first in range(0, len(shifts), _TRIED_AT_ONCE):
        some = shifts[first : first + _TRIED_AT_ONCE]
        moved = (few[None, :, :] + some[:, None, :]).reshape(-1, 2)
        fits = kinematics.reachable(moved).reshape(len(some), len(few)).all(axis=1)
        for shift in some[fits]:
            if kinematics.reachable(xy_mm + shift).all():
                return float(shift[0]), float(shift[1])
    return None


def _outline(xy_mm: Array, kinematics: Kinematics) -> Array:
    angle = 2.0 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    furthest = (xy_mm @ np.array([np.cos(angle), np.sin(angle)])).argmax(axis=0)
    lost = np.flatnonzero(~kinematics.reachable(xy_mm))
    some = lost[np.linspace(0, len(lost) - 1, min(len(lost), _LOST_TRIED)).astype(np.int64)]
    return np.asarray(xy_mm[np.unique(np.concatenate([furthest, some]))])


def whereabouts(point_mm: Array, xy_mm: Array) -> str:
    """Where a point lies in a drawing, in words such as ``at the upper left``."""
    low, high = xy_mm.min(axis=0), xy_mm.max(axis=0)
    size = high - low
    third = np.where(size > 0, (point_mm - low) / np.where(size > 0, size, 1.0), 0.5)
    across = "left" if third[0] < 1 / 3 else "right" if third[0] > 2 / 3 else ""
    along = "lower" if third[1] < 1 / 3 else "upper" if third[1] > 2 / 3 else ""
    if across and along:
        return f"at the {along} {across}"
    return f"at the {across or {'lower': 'bottom', 'upper': 'top', '': 'middle'}[along]}"
