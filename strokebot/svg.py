"""A drawing as SVG in millimetres, with the width of the line in its outline.

Nouns:
    stroke    the part of a path between two lifts
    capsule   what a round pen covers on one segment: the hull of its two end discs
    outline   the capsules of a stroke as subpaths of ONE path; all run the same
              way round, so that the nonzero rule fills their union exactly

Symbols, mm: a, b ends of a segment, L = |b - a|, r_a, r_b half widths,
    u unit vector from a to b, n its left normal.
The outer tangent of the two discs touches them in the direction
    m± = -k u ± sqrt(1 - k^2) n,     k = (r_b - r_a) / L
(the distance to the tangent changes along the segment as the radius does). For
|k| >= 1 one disc holds the other and the capsule is a circle.

Frame: SVG has y down, the paper has y up: y_svg = paper height - y.
The file holds no date and no random id, so equal drawings give equal files.
"""

from __future__ import annotations

from typing import Protocol
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

# Decimals of a coordinate: 1 micrometre.
_DECIMALS = 3
# Points that move the line (or its width) by less than this are left out, mm. Far under what a pen shows.
_SIMPLIFY_MM = 0.005


class Drawable(Protocol):
    """What a path and a trajectory share: see ``strokebot.trajectory``."""

    @property
    def xy_mm(self) -> NDArray[np.float64]:
        """(K, 2) paper mm, y up."""

    @property
    def width_mm(self) -> NDArray[np.float64]:
        """(K,) full line width."""

    @property
    def intensity(self) -> NDArray[np.float64]:
        """(K,) ink in [0, 1]."""

    @property
    def pen_down(self) -> NDArray[np.bool_]:
        """(K,) whether the segment k-1 -> k is drawn."""


def strokes(pen_down: NDArray[np.bool_]) -> list[slice]:
    """The runs of drawn segments, as slices over points (each with at least two points).

    Args:
        pen_down: (K,) whether the segment k-1 -> k is drawn; K = 1 is a dot if True.
    """
    down = np.asarray(pen_down, dtype=bool)
    if len(down) == 1:
        return [slice(0, 1)] if down[0] else []
    inner = np.concatenate([[False], down[1:], [False]]).astype(np.int8)
    change = np.diff(inner)
    return [
        slice(int(first), int(last) + 1)
        for first, last in zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True)
    ]


def drawing_svg(drawing: Drawable, paper_mm: tuple[float, float], title: str = "") -> str:
    """Writes a drawing as SVG text.

    One ``<path>`` a stroke in the layer "ink" carries the width; its fill-opacity is the
    stroke's mean intensity, by length. The layer "centre lines" is hidden.

    Args:
        drawing: a path or a trajectory, paper mm.
        paper_mm: (width, height) of the paper.
        title: text for the title element.

    Returns:
        The whole file, one line a stroke.
    """
    width, height = paper_mm
    outlines, centres = [], []
    for part in strokes(drawing.pen_down):
        xy = np.array(drawing.xy_mm[part], dtype=np.float64)
        xy[:, 1] = height - xy[:, 1]
        radius = np.asarray(drawing.width_mm[part], dtype=np.float64) / 2
        opacity = _mean_intensity(xy, np.asarray(drawing.intensity[part], dtype=np.float64))
        keep = _simplified(np.column_stack([xy, radius]))
        xy, radius = xy[keep], radius[keep]
        outlines.append(f'<path d="{_outline(xy, radius)}" fill-opacity="{_number(opacity)}"/>')
        line = " ".join(f"{_number(x)},{_number(y)}" for x, y in xy)
        centres.append(f'<polyline points="{line}"/>')
    size = f'width="{_number(width)}mm" height="{_number(height)}mm"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<svg xmlns="http://www.w3.org/2000/svg" '
            'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
            f'{size} viewBox="0 0 {_number(width)} {_number(height)}">',
            f"<title>{escape(title)}</title>",
            '<g id="ink" inkscape:groupmode="layer" inkscape:label="ink" '
            'fill="#000000" fill-rule="nonzero" stroke="none">',
            *outlines,
            "</g>",
            '<g id="centre-lines" inkscape:groupmode="layer" inkscape:label="centre lines" '
            'display="none" fill="none" stroke="#d55e00" stroke-width="0.1">',
            *centres,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _mean_intensity(xy: NDArray[np.float64], intensity: NDArray[np.float64]) -> float:
    """Mean over the length of a stroke; over its points if it has no length."""
    length = np.hypot(*np.diff(xy, axis=0).T)
    if length.sum() <= 0:
        return float(intensity.mean())
    return float(np.average((intensity[1:] + intensity[:-1]) / 2, weights=length))


def _simplified(points: NDArray[np.float64]) -> list[int]:
    """Indices that keep a polyline (x, y, radius) within ``_SIMPLIFY_MM`` (Ramer, Douglas, Peucker)."""
    keep = {0, len(points) - 1}
    work = [(0, len(points) - 1)]
    while work:
        first, last = work.pop()
        if last - first < 2:
            continue
        a, step = points[first], points[last] - points[first]
        between = points[first + 1 : last] - a
        along = step @ step
        t = np.clip(between @ step / along, 0, 1) if along > 0 else np.zeros(len(between))
        error = np.linalg.norm(between - t[:, None] * step, axis=1)
        worst = int(error.argmax())
        if error[worst] > _SIMPLIFY_MM:
            keep.add(first + 1 + worst)
            work += [(first, first + 1 + worst), (first + 1 + worst, last)]
    return sorted(keep)


def _outline(xy: NDArray[np.float64], radius: NDArray[np.float64]) -> str:
    """The capsules of one stroke as path data."""
    if len(xy) == 1:
        return _circle(xy[0], radius[0])
    parts = [_capsule(xy[k], xy[k + 1], float(radius[k]), float(radius[k + 1])) for k in range(len(xy) - 1)]
    return " ".join(parts)


def _capsule(a: NDArray[np.float64], b: NDArray[np.float64], ra: float, rb: float) -> str:
    """One segment: tangent, arc round b, tangent back, arc round a."""
    length = float(np.hypot(*(b - a)))
    if abs(rb - ra) >= length:
        return _circle(b, rb) if rb > ra else _circle(a, ra)
    k = (rb - ra) / length
    ux, uy = (b - a) / length
    side = float(np.sqrt(1 - k * k))
    left = np.array([-k * ux - side * -uy, -k * uy - side * ux])
    right = np.array([-k * ux + side * -uy, -k * uy + side * ux])
    # The disc with the greater radius shows more than half of itself.
    arcs = {end: (1 if (k > 0) == (end == "b") and k != 0 else 0) for end in "ab"}
    points = [_point(a + ra * left), _point(b + rb * left), _point(b + rb * right), _point(a + ra * right)]
    return (
        f"M{points[0]}L{points[1]}A{_number(rb)} {_number(rb)} 0 {arcs['b']} 1 {points[2]}"
        f"L{points[3]}A{_number(ra)} {_number(ra)} 0 {arcs['a']} 1 {points[0]}Z"
    )


def _circle(centre: NDArray[np.float64], radius: float) -> str:
    """A disc as two half arcs, the same way round as a capsule."""
    r = _number(radius)
    side = np.array([radius, 0.0])
    west, east = _point(centre - side), _point(centre + side)
    return f"M{west}A{r} {r} 0 0 1 {east}A{r} {r} 0 0 1 {west}Z"


def _point(xy: NDArray[np.float64]) -> str:
    return f"{_number(xy[0])},{_number(xy[1])}"


def _number(value: float) -> str:
    """A coordinate without needless zeros, and never "-0"."""
    text = f"{float(value):.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
