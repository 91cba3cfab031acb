"""Travel that stays within the reach of an arm: round what a straight line would cross.

Nouns:
    reach     where the tool can stand: for an arm a ring or a part of one, so not convex
    detour    a travel of several straight lines that stays in reach
    cell      a place of a square grid over the machine's envelope, free if it is in reach with a margin

The shortest way over free cells (E. W. Dijkstra, "A note on two problems in connexion with graphs", Numer.
Math. 1, 1959), pulled straight: from each point of it on to the last one that is seen from there. A line
is seen if it and its two neighbours at ``_MARGIN_MM`` are in reach. A gantry's reach is a box, in which no
line leaves it.

Where there is no way, or an end itself is out of reach, the travel stays as it is: timing or preflight
refuse the drawing then, and say where.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from calibration.profile import Profile
from firmware_bridge.kinematics import Kinematics
from firmware_bridge.kinematics.cartesian import Cartesian
from firmware_bridge.machine import kinematics_of
from strokebot.trajectory.path.path import Path

Floats = NDArray[np.float64]

# Distance of a detour from the edge of the reach: compiling moves travel by less.
_MARGIN_MM = 0.5
# A line is looked at in steps of this length.
_STEP_MM = 0.5
# Cells along the longer side of the envelope, and their least size.
_CELLS = 100
_LEAST_CELL_MM = 1.0
# Cells nearest to an end of a travel at which the way over the grid may begin.
_GATES = 24
_RIGHT, _UP, _RISE, _FALL = (1, 0), (0, 1), (1, 1), (1, -1)


def with_travel_routed(path: Path, profile: Profile) -> Path:
    """The path with detours for those travels that a straight line would lead out of the machine's reach."""
    kinematics = kinematics_of(profile.machine)
    if isinstance(kinematics.mechanism, Cartesian):
        return path
    xy = profile.to_machine(path.xy_mm)
    grid: _Grid | None = None
    detours: dict[int, Floats] = {}
    for k in np.flatnonzero(~path.pen_down[1:]).tolist():
        a, b = xy[k], xy[k + 1]
        if _sees(a, b, kinematics, 0.0) or not kinematics.reachable(np.array([a, b])).all():
            continue
        grid = grid or _Grid(kinematics)
        way = grid.way(a, b)
        if way is not None:
            detours[k] = profile.from_machine(way)
    if not detours:
        return path
    counts = np.ones(len(path), dtype=np.int64)
    for k, way in detours.items():
        counts[k + 1] += len(way)
    source = np.repeat(np.arange(len(path)), counts)
    places = path.xy_mm[source]
    first = np.cumsum(counts) - counts
    for k, way in detours.items():
        places[first[k + 1] : first[k + 1] + len(way)] = way
    return Path(places, path.width_mm[source], path.intensity[source], path.pen_down[source])


class _Grid:
    """Free cells of a machine's envelope, and the ways between them."""

    def __init__(self, kinematics: Kinematics) -> None:
        self.kinematics = kinematics
        box = kinematics.envelope
        low = np.array([box.x_min_mm, box.y_min_mm])
        size = np.array([box.x_max_mm, box.y_max_mm]) - low
        cell = max(float(size.max()) / _CELLS, _LEAST_CELL_MM)
        shape = np.maximum(np.ceil(size / cell).astype(np.int64), 2)
        column, row = (index.ravel() for index in np.meshgrid(*map(np.arange, shape), indexing="ij"))
        places = low + (np.column_stack([column, row]) + 0.5) * size / shape
        free = np.ones(len(places), dtype=bool)
        for shift in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            free &= kinematics.reachable(places + np.array(shift) * (0.5 * cell + _MARGIN_MM))
        number = np.full(shape, -1, dtype=np.int64)
        number[column[free], row[free]] = np.arange(int(free.sum()))
        self.places = places[free]
        ends: list[NDArray[np.int64]] = []
        for dx, dy in (_RIGHT, _UP, _RISE, _FALL):
            wide, high = shape - [dx, abs(dy)]
            here = number[:wide, max(-dy, 0) : max(-dy, 0) + high]
            there = number[dx : dx + wide, max(dy, 0) : max(dy, 0) + high]
            both = (here >= 0) & (there >= 0)
            ends.append(np.stack([here[both], there[both]]))
        pair = np.concatenate(ends, axis=1)
        length = np.hypot(*(self.places[pair[0]] - self.places[pair[1]]).T)
        count = len(self.places)
        self.edges = coo_array((length, (pair[0], pair[1])), shape=(count, count)).tocsr()

    def way(self, a: Floats, b: Floats) -> Floats | None:
        """Places (M, 2) between two points in reach by which a travel gets from one to the other."""
        gates = [self._gates(a), self._gates(b)]
        if not (len(gates[0]) and len(gates[1])):
            return None
        far, before, _ = dijkstra(
            self.edges, directed=False, indices=gates[0], return_predecessors=True, min_only=True
        )
        ends = gates[1]
        total = far[ends] + np.hypot(*(self.places[ends] - b).T)
        if not np.isfinite(total).any():
            return None
        trail = [int(ends[int(np.argmin(total))])]
        while before[trail[-1]] >= 0:
            trail.append(int(before[trail[-1]]))
        return self._pulled(np.concatenate([a[None], self.places[trail[::-1]], b[None]]))

    def _gates(self, point: Floats) -> NDArray[np.intp]:
        """Cells that are seen from a point, among the nearest."""
        away = np.hypot(*(self.places - point).T)
        near = np.argsort(away, kind="stable")[:_GATES]
        return near[[_sees(point, self.places[k], self.kinematics, 0.0) for k in near]]

    def _pulled(self, way: Floats) -> Floats:
        """The corners of a way that are needed, without its ends."""
        kept = [0]
        while kept[-1] < len(way) - 1:
            here = kept[-1]
            last = here + 1
            for k in range(len(way) - 1, here + 1, -1):
                # Beside an end, which may lie at the very edge, there is no margin to ask for.
                margin = _MARGIN_MM if here > 0 and k < len(way) - 1 else 0.0
                if _sees(way[here], way[k], self.kinematics, margin):
                    last = k
                    break
            kept.append(last)
        return way[kept[1:-1]]


def _sees(a: Floats, b: Floats, kinematics: Kinematics, margin_mm: float) -> bool:
    """Whether the straight line between two points, and those beside it, are in reach."""
    length = float(np.hypot(*(b - a)))
    share = np.linspace(0.0, 1.0, max(2, int(length / _STEP_MM) + 2))[:, None]
    line = a + share * (b - a)
    if margin_mm > 0.0 and length > 0.0:
        across = margin_mm * np.array([a[1] - b[1], b[0] - a[0]]) / length
        line = np.concatenate([line, line + across, line - across])
    return bool(kinematics.reachable(line).all())
