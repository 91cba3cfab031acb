"""The path as one chain of distinct points, with the places where the pen stops.

Nouns:
    chain    the points of all runs, drawn and travelled, one after the other
    stop     a place where x and y rest while the pen axis moves: lower, dot, lift, turn
    corner   a point at which the tangent jumps; the pen rests there for an instant

A point counts as smooth if the two segments there can be two chords of one smooth
curve: the tangent turns little, and the curve would leave the chords by little. All
other points are corners. Smoothing (``smooth.py``) leaves points that are smooth in this
sense everywhere but at the corners it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import distinct, turning_angles
from strokebot.trajectory.path.path import LEAST_STEP_MM, SMOOTH_TURN_RAD, Path

# The curve through a smooth point leaves the chords by no more than this.
SMOOTH_SAGITTA_MM = 0.02


class StopKind(StrEnum):
    """What the pen axis does while x and y rest."""

    LOWER = "lower"
    DOT = "dot"
    LIFT = "lift"
    TURN = "turn"  # a servo goes to another of its levels inside a stroke


class Stop(NamedTuple):
    """A stop at point ``point`` of the chain."""

    point: int
    kind: StopKind


@dataclass(frozen=True, eq=False)
class Chain:
    """Distinct points and what happens between and at them.

    Attributes:
        xy_mm: (n, 2) points, paper mm.
        width_mm: (n,) wanted width.
        intensity: (n,) wanted ink.
        drawn: (n-1,) whether each segment is drawn.
        corner: (n,) whether the pen rests at the point.
        stops: in order; those at one point follow each other.
    """

    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    corner: NDArray[np.bool_]
    stops: tuple[Stop, ...]


def chain_of(path: Path) -> Chain:
    """Cleans a path of repeated points and finds its stops and corners.

    A travel of no length disappears: the pen stays down. A drawn run of no length is a dot.
    """
    index: list[int] = [0]
    drawn: list[bool] = []
    stops: list[Stop] = []
    down = False
    for run in path.runs():
        points = run.start + distinct(path.xy_mm[run.start : run.stop + 1], LEAST_STEP_MM)
        if not run.down and len(points) == 1:
            continue
        if run.down != down:
            stops.append(Stop(len(index) - 1, StopKind.LOWER if run.down else StopKind.LIFT))
            down = run.down
        if len(points) == 1:
            stops.append(Stop(len(index) - 1, StopKind.DOT))
        index.extend(points[1:].tolist())
        drawn.extend([run.down] * (len(points) - 1))
    if down:
        stops.append(Stop(len(index) - 1, StopKind.LIFT))
    kept = np.array(index)
    xy = path.xy_mm[kept]
    corner = np.ones(len(kept), dtype=bool)
    if len(kept) > 2:
        turn = turning_angles(xy)
        length = np.linalg.norm(np.diff(xy, axis=0), axis=1)
        sagitta = turn * np.maximum(length[1:], length[:-1]) / 8
        corner[1:-1] = (turn > SMOOTH_TURN_RAD) | (sagitta > SMOOTH_SAGITTA_MM)
    corner[[stop.point for stop in stops]] = True
    return Chain(
        xy, path.width_mm[kept], path.intensity[kept], np.array(drawn, dtype=bool), corner, tuple(stops)
    )


def with_turns(chain: Chain, turned: NDArray[np.bool_]) -> Chain:
    """The chain with a stop at each of the points ``turned`` (n,), which lie inside strokes."""
    if not turned.any():
        return chain
    turns = [Stop(int(k), StopKind.TURN) for k in np.flatnonzero(turned)]
    stops = sorted([*chain.stops, *turns], key=lambda stop: stop.point)
    return replace(chain, corner=chain.corner | turned, stops=tuple(stops))
