"""How the passes of an area hang together, so that the pen need not be lifted.

Nouns:
    root     a pass of the outer walk: the first rings, along the edge of an area, and hatch
    link     a way inside the area from a vertex of one root to a vertex of another
    detour   a closed walk from a vertex of a root over passes inside it, and back
    slant    how far ahead of the nearest place a detour enters the next ring

All ink of an area is filled, so a way through it leaves no mark. A detour goes from the first ring
slantwise into the second, round it, on into the third where it entered the second, and so on
as a spiral does; from the innermost ring it comes straight back. So each ring is drawn
once, and only the short ways between rings are drawn twice.

    1. Both ends of hatch are linked to the nearest first ring.
    2. A least spanning tree (Kruskal 1956) over the Delaunay triangulation of all vertices of the
       area, which holds it, says which passes are neighbours.
    3. From all roots at once the tree is followed inwards: what is reached from a root is its
       detour. Where the tree leads from one root's detour to another's, these two are linked.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from strokebot.fill.field import Field
from strokebot.fill.passes import SPACING, Pass, Points, is_free

# Slant of a detour, in widths; tried one after the other until the way stays inside the area.
_SLANTS = (2.0, 1.0, 0.0)
# A ring is left where it was entered if the next is at most this many times farther than at its nearest.
_AS_NEAR = 1.3
# Vertices up to which all pairs are compared where there is no triangulation.
_FEW = 400


@dataclass(frozen=True, eq=False)
class Connector:
    """A way (K, 2) from vertex ``u`` of root ``a`` to vertex ``v`` of root ``b``, both included."""

    a: int
    u: int
    b: int
    v: int
    points: Points


@dataclass(frozen=True, eq=False)
class Detour:
    """A closed walk (K, 2) from vertex ``u`` of root ``a`` and back there."""

    a: int
    u: int
    points: Points


@dataclass(frozen=True)
class _Step:
    """How a pass is reached: from vertex ``u`` of another pass, at its own vertex ``v``."""

    parent: int
    u: int
    v: int


class _Clusters:
    """Which passes hang together already."""

    def __init__(self, count: int) -> None:
        self._leader = list(range(count))

    def lead(self, k: int) -> int:
        while self._leader[k] != k:
            self._leader[k] = self._leader[self._leader[k]]
            k = self._leader[k]
        return k

    def join(self, a: int, b: int) -> bool:
        a, b = self.lead(a), self.lead(b)
        self._leader[max(a, b)] = min(a, b)
        return a != b


def link_passes(
    field: Field, passes: list[Pass], longest: float = np.inf
) -> tuple[list[Connector], list[Detour]]:
    """Links the passes of every area.

    Args:
        field: the areas.
        passes: what fills them.
        longest: passes farther apart than this are left apart, px of the grid.

    Returns:
        Links between the roots and detours over all other passes, which make the passes of each
        area hang together (as far as the bound allows).
    """
    of_area: dict[int, list[int]] = {}
    for k, line in enumerate(passes):
        of_area.setdefault(line.area, []).append(k)
    links: list[Connector] = []
    detours: list[Detour] = []
    clusters = _Clusters(len(passes))
    for members in of_area.values():
        if len(members) > 1:
            steps, more = _tree(field, passes, members, clusters, longest)
            links += more
            detours += _detours(passes, members, steps)
    return links, detours


def _tree(
    field: Field, passes: list[Pass], members: list[int], clusters: _Clusters, longest: float
) -> tuple[dict[int, _Step], list[Connector]]:
    """How each pass of an area that is no root is reached, and the links between its roots."""
    points = np.concatenate([passes[k].points for k in members])
    owner = np.concatenate([np.full(len(passes[k].points), k) for k in members])
    vertex = np.concatenate([np.arange(len(passes[k].points)) for k in members])
    links = _hatch_links(passes, members, clusters)
    a, b, length = _pairs(points, owner)
    beside: dict[int, list[tuple[int, int, int]]] = {k: [] for k in members}
    for i in np.argsort(length, kind="stable"):
        if length[i] > longest:
            break
        one, two = int(owner[a[i]]), int(owner[b[i]])
        if clusters.join(one, two):
            u, v = int(vertex[a[i]]), int(vertex[b[i]])
            beside[one].append((two, u, v))
            beside[two].append((one, v, u))
    steps: dict[int, _Step] = {}
    root = {k: k for k in members if passes[k].is_root}
    queue = deque(root)
    while queue:
        outer = queue.popleft()
        entry = steps[outer].v if outer in steps else None
        for inner, u, v in beside[outer]:
            if inner not in root:
                steps[inner] = _Step(outer, *_slanted(field, passes[outer], passes[inner], u, v, entry))
                root[inner] = root[outer]
                queue.append(inner)
            elif outer < inner and root[inner] != root[outer]:
                links.append(_link(field, passes, steps, (outer, u), (inner, v)))
    return steps, links


def _hatch_links(passes: list[Pass], members: list[int], clusters: _Clusters) -> list[Connector]:
    """Links from both ends of hatch to the nearest first ring."""
    rings = [k for k in members if passes[k].is_root and passes[k].closed]
    points = np.concatenate([passes[k].points for k in rings])
    owner = np.concatenate([np.full(len(passes[k].points), k) for k in rings])
    vertex = np.concatenate([np.arange(len(passes[k].points)) for k in rings])
    tree = cKDTree(points)
    links = []
    for k in members:
        if passes[k].is_root and not passes[k].closed:
            for end in (0, len(passes[k].points) - 1):
                _, near = tree.query(passes[k].points[end])
                ring = int(owner[near])
                way = np.stack([passes[k].points[end], points[near]])
                links.append(Connector(k, end, ring, int(vertex[near]), way))
                clusters.join(k, ring)
    return links


def _pairs(
    points: Points, owner: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Pairs of vertices of different passes, the nearest of each two passes among them."""
    try:
        corners = Delaunay(points).simplices
        a, b = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]).T
    except (QhullError, ValueError):  # all on one line, or too few
        few = np.unique(np.linspace(0, len(points) - 1, _FEW).astype(int))
        a, b = (few[k] for k in np.triu_indices(len(few), 1))
    apart = owner[a] != owner[b]
    a, b = a[apart], b[apart]
    return a, b, np.hypot(*(points[a] - points[b]).T)


def _slanted(field: Field, outer: Pass, inner: Pass, u: int, v: int, entry: int | None) -> tuple[int, int]:
    """Where to leave the outer pass and where to enter the inner one."""
    nearest = float(np.hypot(*(outer.points[u] - inner.points[v])))
    if entry is not None:
        away = np.hypot(*(inner.points - outer.points[entry]).T)
        k = int(np.argmin(away))
        if away[k] <= _AS_NEAR * max(nearest, 2.0 * SPACING * field.radius):
            u, v = entry, k
    if not (outer.closed and inner.closed):
        return u, v
    count = len(inner.points)
    step = float(np.hypot(*(inner.points - np.roll(inner.points, 1, axis=0)).T).mean())
    for slant in _SLANTS:
        landing = (v + min(round(slant * 2.0 * field.radius / step), count // 4)) % count
        if is_free(field, outer.points[u], inner.points[landing]):
            return u, landing
    return u, v


def _link(
    field: Field, passes: list[Pass], steps: dict[int, _Step], one: tuple[int, int], two: tuple[int, int]
) -> Connector:
    """A link between the roots of two neighbouring passes, given with a vertex each."""
    (a, u, first), (b, v, second) = _way_out(passes, steps, *one), _way_out(passes, steps, *two)
    away, near = (np.asarray(found) for found in cKDTree(passes[a].points).query(passes[b].points))
    straight = int(np.argmin(away))
    ends = np.stack([passes[a].points[near[straight]], passes[b].points[straight]])
    if is_free(field, *ends):
        return Connector(a, int(near[straight]), b, straight, ends)
    return Connector(a, u, b, v, np.concatenate([first[::-1], second]))


def _way_out(passes: list[Pass], steps: dict[int, _Step], k: int, vertex: int) -> tuple[int, int, Points]:
    """The root of a pass, the vertex there, and the way (K, 2) to it along passes from a vertex."""
    way = [passes[k].points[[vertex]]]
    while k in steps:
        step, count = steps[k], len(passes[k].points)
        ahead = (step.v - vertex) % count if passes[k].closed else step.v - vertex
        if passes[k].closed and ahead > count // 2:
            ahead -= count
        path = vertex + np.sign(ahead) * np.arange(1, abs(ahead) + 1)
        way.append(passes[k].points[path % count])
        k, vertex = step.parent, step.u
        way.append(passes[k].points[[vertex]])
    return k, vertex, np.concatenate(way)


def _detours(passes: list[Pass], members: list[int], steps: dict[int, _Step]) -> list[Detour]:
    """The closed walks from the roots over all that is reached from them."""
    inner: dict[int, list[int]] = {k: [] for k in members}
    for k, step in steps.items():
        inner[step.parent].append(k)
    walk: dict[int, list[Points]] = {}
    # Steps come from the roots inwards, so backwards every pass comes before the one around it.
    for k in reversed(list(steps)):
        walk[k] = _around(passes[k], steps[k].v, [(steps[c].u, walk.pop(c)) for c in inner[k]])
    found = []
    for k in members:
        if k in steps:
            continue
        for c in inner[k]:
            here = passes[k].points[[steps[c].u]]
            found.append(Detour(k, steps[c].u, np.concatenate([here, *walk[c], here])))
    return found


def _around(line: Pass, start: int, visits: list[tuple[int, list[Points]]]) -> list[Points]:
    """A closed walk over one pass from one of its vertices, with visits to others on the way."""
    count = len(line.points)
    if line.closed:
        path = (start + np.arange(count + 1)) % count
    else:
        there, back = np.arange(start, -1, -1), np.arange(1, start + 1)
        path = np.concatenate([there, back, np.arange(start + 1, count), np.arange(count - 2, start - 1, -1)])
    # The next ring is visited where this one was entered after having been round this one.
    last = {int(vertex): place for place, vertex in enumerate(path)}
    walk: list[Points] = []
    done = 0
    for place, visit in sorted(((last[u], visit) for u, visit in visits), key=lambda item: item[0]):
        walk += [line.points[path[done : place + 1]], *visit, line.points[path[[place]]]]
        done = place + 1
    return [*walk, line.points[path[done:]]]
