"""A drawing as SVG in millimetres, with the width of the line in its outline.

Nouns:
    stroke    the part of a path between two lifts
    capsule   what a round pen covers on one segment: the hull of its two end discs
    outline   the discs of a stroke and the quadrilaterals that join them, as
              subpaths of ONE path; all run the same way round, so that the nonzero
              rule fills their union, which is the union of the capsules

Symbols, mm: a, b ends of a segment, L = |b - a|, r_a, r_b half widths,
    u unit vector from a to b, n its left normal.
The outer tangent of the two discs touches them in the direction
    m± = -k u ± sqrt(1 - k^2) n,     k = (r_b - r_a) / L
(the distance to the tangent changes along the segment as the radius does). For
|k| >= 1 one disc holds the other and nothing joins them.

Frame: SVG has y down, the paper has y up: y_svg = paper height - y.
The file holds no date and no random id, so equal drawings give equal files.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import simplify
from strokebot.gesture import Gesture
from strokebot.raster import segments_down

# Decimals of a coordinate: 1 micrometre.
_DECIMALS = 3
_FORMAT = f"%.{_DECIMALS}f"
# Points that move the line (or its width) by less than this are left out, mm. Far under what a pen shows.
_SIMPLIFY_MM = 0.015
# A file of more points than this has fewer, with twice the tolerance as often as it takes, but no coarser
# one than a tenth of a usual pen: some 7 MB.
_MOST_POINTS = 40_000
_COARSEST_MM = 0.12


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


@dataclass(frozen=True)
class _OnCanvas:
    """A gesture on a square of some millimetres, as a ``Drawable``."""

    gesture: Gesture
    side_mm: float

    @property
    def xy_mm(self) -> NDArray[np.float64]:
        return self.gesture.positions * [self.side_mm, -self.side_mm] + [0.0, self.side_mm]

    @property
    def width_mm(self) -> NDArray[np.float64]:
        return self.gesture.size * self.side_mm

    @property
    def intensity(self) -> NDArray[np.float64]:
        return self.gesture.intensity

    @property
    def pen_down(self) -> NDArray[np.bool_]:
        return segments_down(self.gesture.pen_down)


def gesture_svg(gesture: Gesture, side_mm: float = 100.0, title: str = "") -> str:
    """Writes a gesture alone as SVG text, the whole canvas on a square.

    Args:
        gesture: canvas units.
        side_mm: side of the square.
        title: a title, or empty.
    """
    return drawing_svg(_OnCanvas(gesture, side_mm), (side_mm, side_mm), title)


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
    parts = strokes(drawing.pen_down)
    table = np.column_stack([drawing.xy_mm, np.asarray(drawing.width_mm) / 2]).astype(np.float64)
    table[:, 1] = height - table[:, 1]
    for part, keep in zip(parts, _kept(table, parts), strict=True):
        intensity = np.asarray(drawing.intensity[part], dtype=np.float64)
        opacity = _mean_intensity(table[part, :2], intensity)
        xy, radius = table[part][keep][:, :2], table[part][keep][:, 2]
        outlines.append(f'<path d="{_outline(xy, radius)}" fill-opacity="{_number(opacity)}"/>')
        line = " ".join(f"{_number(x)},{_number(y)}" for x, y in xy.tolist())
        centres.append(f'<polyline points="{line}"/>')
    size = f'width="{_number(width)}mm" height="{_number(height)}mm"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<svg xmlns="http://www.w3.org/2000/svg" '
            'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
            f'{size} viewBox="0 0 {_number(width)} {_number(height)}">',
            f"<title>{escape(title, quote=False)}</title>",
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


def _kept(table: NDArray[np.float64], parts: list[slice]) -> list[NDArray[np.intp]]:
    """The points of each stroke (x, y, radius) that the file keeps."""
    tolerance_mm = _SIMPLIFY_MM
    while True:
        kept = [simplify(table[part], tolerance_mm) for part in parts]
        if sum(map(len, kept)) <= _MOST_POINTS or 2 * tolerance_mm > _COARSEST_MM:
            return kept
        tolerance_mm *= 2


def _mean_intensity(xy: NDArray[np.float64], intensity: NDArray[np.float64]) -> float:
    """Mean over the length of a stroke; over its points if it has no length."""
    length = np.hypot(*np.diff(xy, axis=0).T)
    if length.sum() <= 0:
        return float(intensity.mean())
    return float(np.average((intensity[1:] + intensity[:-1]) / 2, weights=length))


def _outline(xy: NDArray[np.float64], radius: NDArray[np.float64]) -> str:
    """The discs and the tangent quadrilaterals of one stroke as path data."""
    xy, radius = np.round(xy, _DECIMALS), np.round(radius, _DECIMALS)
    discs = [_disc(x, y, r) for (x, y), r in zip(xy.tolist(), radius.tolist(), strict=True)]
    parts = discs[:1]
    for quadrilateral, disc in zip(_quadrilaterals(xy, radius), discs[1:], strict=True):
        parts += (quadrilateral, disc)
    return " ".join(part for part in parts if part)


def _quadrilaterals(xy: NDArray[np.float64], radius: NDArray[np.float64]) -> list[str]:
    """For each segment what the common tangents and the contact radii of its discs enclose.

    Nothing where one disc holds the other.
    """
    a, b, ra, rb = xy[:-1], xy[1:], radius[:-1, None], radius[1:, None]
    length = np.hypot(*(b - a).T)[:, None]
    apart = np.abs(rb - ra) < length
    length = np.where(apart, length, 1.0)
    k, u = np.where(apart, (rb - ra) / length, 0.0), (b - a) / length
    across = np.sqrt(1 - k * k) * np.column_stack([u[:, 1], -u[:, 0]])
    left, right = across - k * u, -across - k * u
    corners = np.concatenate([a + ra * left, b + rb * left, b + rb * right, a + ra * right], axis=1)
    return [
        "M" + "L".join(f"{_number(x)},{_number(y)}" for x, y in zip(row[::2], row[1::2], strict=True)) + "Z"
        if fine
        else ""
        for row, fine in zip(corners.tolist(), apart[:, 0].tolist(), strict=True)
    ]


def _disc(x: float, y: float, radius: float) -> str:
    """A disc as four quarter arcs, the same way round as the quadrilaterals.

    Arcs of a half circle or nearly so are not used: there, a micrometre of rounding at an
    end moves the centre by the square root of it.
    """
    if radius <= 0:
        return ""
    r = _number(radius)
    quarter = f"{r} {r} 0 0 1 "
    ends = (f"{r} -{r}", f"{r} {r}", f"-{r} {r}", f"-{r} -{r}")
    return f"M{_number(x - radius)},{_number(y)}a" + " ".join(quarter + e for e in ends) + "z"


def _number(value: float) -> str:
    """A coordinate without needless zeros, and never "-0"."""
    text = (_FORMAT % value).rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
