"""Moves the stairs of a skeleton to the true centre of the ink, with width and intensity.

Symbols, in working pixels; one ``unit`` is one pixel of the picture itself:
    p, n      a point of the line and the unit normal there
    c(t)      ink along the normal, c(t) = I(p + t n), sampled for |t| <= reach
    a         peak: greatest ink near the middle
    t-, t+    nearest places on either side where c falls under a / 2

    shift = (t+ + t-) / 2        width = t+ - t-

The half height of an antialiased edge lies on the edge itself, so both are exact to
a fraction of a pixel on a straight line of any width. A side that is not found, or
far from where the distance transform says it should be (crossings, fillings), is
taken from the neighbours along the line.

Near a junction the skeleton bends towards the other lines and the profile runs into
them: that piece of an edge is left out, and what is measured is its body. The pen goes
straight from body to body, or by way of the node.

A line thinner than about ``_NARROW`` units never reaches full ink on a pixel grid:
there the width is the integral of c over t, and the ink counts as full.

CentreLine ends. A round pen of width w that stops at e leaves ink up to e + w / 2, so
the end is put half a width before the place where the ink ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from strokebot.geometry.polyline import arc_length
from strokebot.tour.graph import Graph, Points

Floats = NDArray[np.float64]

# Samples on either side of the line.
_SAMPLES = 16
# How far the profile reaches, in radii and, beyond, in working px.
_REACH = 1.6
_REACH_PX = 2.5
# A measured width up to this many times the distance transform's, plus 2 px, is believed.
_BELIEVED = 1.35
# Points measured at a time: bounds the memory.
_BLOCK = 20_000
# A junction this many times as wide as the line that reaches it is a blot, drawn as such.
_BLOT = 1.6
# Standard deviation of the smoothing along the line, working px: a stair has steps of 1 px.
_SMOOTH_PX = 2.0
# Lines up to the first width are narrow, from the second on resolved; units.
_NARROW = (2.0, 3.0)
# A drawn line has at least this width, units.
_THINNEST = 0.25
# Ink from here on is full: the last tenth is antialiasing and noise.
_FULL = 0.9
# What is left out near a junction: this share of the node's radius, at most this share of the
# edge from either side.
_CUT_RADII = 0.9
_CUT_SHARE = 0.35


@dataclass(frozen=True, eq=False)
class CentreLine:
    """An edge with its measured ink, ready to be drawn from node a to node b.

    Attributes:
        body: (K, 4) x, y, width and intensity, px.
        first: (4,) the same at node a, if it is a junction; else None.
        last: (4,) the same at node b.
    """

    body: Floats
    first: Floats | None
    last: Floats | None

    def reversed(self) -> CentreLine:
        """The same line, drawn the other way."""
        return CentreLine(self.body[::-1], self.last, self.first)


def sample(field: NDArray[np.floating], points: Points) -> Floats:
    """Values (K,) of a field (H, W) at points (K, 2): linear between pixel centres, 0 outside."""
    at = np.stack([points[:, 1] - 0.5, points[:, 0] - 0.5])
    return np.asarray(map_coordinates(field, at, output=np.float64, order=1, mode="grid-constant"))


def measure(
    graph: Graph, ink: NDArray[np.float32], depth: NDArray[np.floating], unit: float
) -> dict[int, CentreLine]:
    """Measures every edge of a graph.

    Args:
        graph: cleaned skeleton graph; working px.
        ink: (H, W) in [0, 1].
        depth: (H, W) distance to the paper, px.
        unit: working px in one pixel of the picture.

    Returns:
        The measured line of each edge, from its node a to its node b.
    """
    numbers = list(graph.edges)
    if not numbers:
        return {}
    smooth = [_smoothed(_resample(_body(graph, k))) for k in numbers]
    points, normals = np.concatenate(smooth), np.concatenate([_normals(line) for line in smooth])
    blocks = [slice(at, at + _BLOCK) for at in range(0, len(points), _BLOCK)]
    columns = [_profiles(points[k], normals[k], ink, depth, unit) for k in blocks]
    table = np.concatenate(columns)
    lines, at = {}, 0
    for number, line in zip(numbers, smooth, strict=True):
        k = slice(at, at + len(line))
        at += len(line)
        lines[number] = _line(graph, number, line, normals[k], table[k], ink, unit)
    return lines


def _body(graph: Graph, number: int) -> Points:
    """The polyline (K, 2) of an edge without the pieces in its junctions' discs."""
    edge = graph.edges[number]
    along = arc_length(edge.points)
    low, high = 0.0, float(along[-1])
    if len(graph.at[edge.a]) >= 3:
        low = min(_CUT_RADII * graph.radius[edge.a], _CUT_SHARE * float(along[-1]))
    if len(graph.at[edge.b]) >= 3:
        high -= min(_CUT_RADII * graph.radius[edge.b], _CUT_SHARE * float(along[-1]))
    at = np.concatenate([[low], along[(along > low) & (along < high)], [high]])
    return np.column_stack([np.interp(at, along, column) for column in edge.points.T])


def _resample(points: Points) -> Points:
    """Points about 1 px apart along a polyline (K, 2), the ends kept."""
    along = arc_length(points)
    count = max(2, round(float(along[-1])) + 1)
    at = np.linspace(0.0, along[-1], count)
    return np.column_stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])])


def _smoothed(values: Floats, sigma: float = _SMOOTH_PX) -> Floats:
    """Gaussian along axis 0, reflected through the end points so that these stay where they are."""
    count = len(values)
    if count < 3:
        return values
    reach = min(count - 1, int(4 * sigma) + 1)
    before = 2 * values[0] - values[reach:0:-1]
    after = 2 * values[-1] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    return np.asarray(gaussian_filter1d(padded, sigma, axis=0, mode="nearest")[reach : reach + count])


def _normals(points: Points) -> Points:
    tangent = np.gradient(points, axis=0)
    length = np.hypot(*tangent.T)
    tangent = np.where(length[:, None] > 0, tangent / np.maximum(length, 1e-12)[:, None], [1.0, 0.0])
    return np.column_stack([-tangent[:, 1], tangent[:, 0]])


def _profiles(
    points: Points, normals: Points, ink: NDArray[np.float32], depth: NDArray[np.floating], unit: float
) -> Floats:
    """Shift, width, peak, integral and whether they are believed (1 or 0), (K, 5)."""
    radius = np.maximum(sample(depth, points), 0.5)
    reach = _REACH * radius + _REACH_PX
    t = np.linspace(-1.0, 1.0, 2 * _SAMPLES + 1)
    offset = reach[:, None] * t  # (K, T)
    at = points[:, None, :] + offset[..., None] * normals[:, None, :]
    profile = sample(ink, at.reshape(-1, 2)).reshape(offset.shape)
    inner = np.abs(offset) <= np.maximum(0.6 * radius, 1.0)[:, None]
    peak = np.where(inner, profile, 0.0).max(axis=1)
    low = profile < peak[:, None] / 2
    rows = np.arange(len(points))
    step = reach / _SAMPLES

    def crossing(sign: int) -> tuple[Floats, NDArray[np.bool_]]:
        side = low[:, _SAMPLES:] if sign > 0 else low[:, _SAMPLES::-1]
        values = profile[:, _SAMPLES:] if sign > 0 else profile[:, _SAMPLES::-1]
        first = np.argmax(side, axis=1)
        found = side.any(axis=1) & (first > 0)
        outer, within = values[rows, first], values[rows, np.maximum(first - 1, 0)]
        part = (within - peak / 2) / np.maximum(within - outer, 1e-9)
        return step * (first - 1 + np.clip(part, 0.0, 1.0)), found

    (right, has_right), (left, has_left) = crossing(1), crossing(-1)
    width, shift = right + left, (right - left) / 2
    inside = (offset >= -(left + unit)[:, None]) & (offset <= (right + unit)[:, None])
    integral = (profile * inside).sum(axis=1) * step
    good = has_right & has_left & (width <= _BELIEVED * 2 * radius + 2.0)
    good &= np.abs(shift) <= 0.5 * radius + 1.0
    return np.column_stack([shift, np.where(good, width, 2 * radius - 1.0), peak, integral, good])


def _line(
    graph: Graph,
    number: int,
    points: Points,
    normals: Points,
    measured: Floats,
    ink: NDArray[np.float32],
    unit: float,
) -> CentreLine:
    """Puts one edge together from its measured profiles (K, 5)."""
    shift, width, peak, integral = measured[:, :4].T
    good = measured[:, 4] > 0
    index = np.arange(len(points))
    if good.any():
        shift, width, integral, peak = (
            np.interp(index, index[good], value[good]) for value in (shift, width, integral, peak)
        )
    else:
        shift, integral = np.zeros(len(points)), width * peak
    # Ink is full where a line is too narrow to show it.
    resolved = np.clip((width / unit - _NARROW[0]) / (_NARROW[1] - _NARROW[0]), 0.0, 1.0)
    full = np.where(peak >= _FULL, 1.0, peak)
    intensity = resolved * full + (1.0 - resolved)
    width = resolved * width + (1.0 - resolved) * np.minimum(integral, width)
    drawn = np.column_stack([shift, width, intensity])
    shift, width, intensity = gaussian_filter1d(drawn, _SMOOTH_PX, axis=0, mode="nearest").T
    points = _smoothed(points + shift[:, None] * normals, 1.0)
    edge = graph.edges[number]
    degree = [len(graph.at[node]) for node in (edge.a, edge.b)]
    if edge.a == edge.b and degree[0] == 2:  # a ring closes where it started
        points[0] = points[-1] = (points[0] + points[-1]) / 2
    body = np.column_stack([points, np.maximum(width, _THINNEST * unit), np.clip(intensity, 0.0, 1.0)])
    if degree[0] == 1:
        body = _fit_end(body[::-1], ink)[::-1]
    if degree[1] == 1:
        body = _fit_end(body, ink)
    first = _at_node(graph, edge.a, body[0]) if degree[0] >= 3 else None
    last = _at_node(graph, edge.b, body[-1]) if degree[1] >= 3 else None
    return CentreLine(body, first, last)


def _at_node(graph: Graph, node: int, near: Floats) -> Floats:
    """The point (4,) at a junction for a line that reaches it as ``near`` (4,)."""
    disc = 2.0 * graph.radius[node] - 1.0
    width = disc if disc > _BLOT * near[2] else near[2]
    return np.array([*graph.place[node], width, near[3]])


def is_blot(line: Floats, node: Floats) -> bool:
    """Whether a junction's point (4,) is much wider than the line's point (4,) beside it."""
    return bool(node[2] > _BLOT * line[2])


def _fit_end(body: Floats, ink: NDArray[np.float32]) -> Floats:
    """Moves the last point of a body (K, 4) to half a width before the place where the ink ends."""
    points, width = body[:, :2], float(body[-1, 2])
    along = arc_length(points)
    back = int(np.searchsorted(along, along[-1] - max(width, 2.0)))
    direction = points[-1] - points[min(back, len(points) - 2)]
    length = float(np.hypot(*direction))
    if length == 0.0:
        return body
    direction = direction / length
    # From a place surely inside, in quarter pixels, to past the end.
    start = -min(width / 2, along[-1])
    t = np.arange(start, 1.5 * width + 3.0, 0.25)
    values = sample(ink, points[-1] + t[:, None] * direction)
    half = max(float(values[: max(2, len(values) // 4)].max()), 0.05) / 2
    under = np.flatnonzero(values < half)
    under = under[under > 0]
    if len(under) == 0:
        return body
    k = int(under[0])
    part = (values[k - 1] - half) / max(values[k - 1] - values[k], 1e-9)
    move = float(t[k - 1] + 0.25 * np.clip(part, 0.0, 1.0)) - width / 2
    if move >= 0.0:
        return np.vstack([body, [*(points[-1] + move * direction), *body[-1, 2:]]])
    stop = max(along[-1] + move, 0.2 * along[-1])
    at = np.append(along[along < stop], stop)
    return np.column_stack([np.interp(at, along, column) for column in body.T])
