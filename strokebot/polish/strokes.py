"""A gesture as strokes of evenly spread points, and back.

Nouns:
    stroke   the points from one lowering of the pen to the next lift, or a dot
    Strokes  all strokes of a gesture, in pixels, one after the other in flat arrays
    chord    the straight line between two kept points
    Detail   how closely the line may follow the ink

For the refinement the points must lie neither so far apart that the line between them
cannot follow the ink, nor so close that each sees too few pixels to be moved by: a stroke
is simplified to ``Detail.tolerance_px`` and its long chords are then divided evenly, into
pieces of about ``Detail.spacing_widths`` line widths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import simplify
from strokebot.gesture import LIFT_THRESHOLD, Gesture, chain

# Ink that differs by 1 weighs as much as edges that differ by this, px.
_INK_PX = 4.0
# A chord is divided into so many pieces at most: longer ones lie outside any picture.
_MOST_PIECES = 2000
# A drawn point has at least this intensity: under the lift threshold it would not be drawn.
_FAINTEST = LIFT_THRESHOLD + 0.01


@dataclass(frozen=True, slots=True)
class Detail:
    """How closely the line may follow the ink, px.

    Attributes:
        tolerance_px: points that lie this near to the line without them are left out at first, widths
            and inks included.
        spacing_widths: distance of points along a stroke, in line widths.
        spacing_px: bounds of that distance.
        bending: stiffness of the line, px^3; see ``solver.py``.
        width_bending: stiffness of its width, px^3.
        kept_px: points within this distance of the line without them are left out of the result.
    """

    tolerance_px: float
    spacing_widths: float
    spacing_px: tuple[float, float]
    bending: float
    width_bending: float
    kept_px: float


# Of a page or drawing: waves shorter than some pixels are those of the pixel grid.
PAGE = Detail(0.15, 1.5, (3.0, 24.0), 0.5, 10.0, 0.05)
# Of one character in a picture of few pixels, where such waves are its shape. On 300 MNIST digits IoU
# is 0.971 with this and 0.959 with PAGE.
CHARACTER = Detail(0.03, 0.4, (2.0, 24.0), 0.005, 0.3, 0.02)


@dataclass(frozen=True, eq=False)
class Strokes:
    """Strokes of a gesture.

    Attributes:
        points: (N, 2) px, y down.
        radius: (N,) half line widths, px.
        ink: (N,) intensities.
        first: (S,) index of the first point of each stroke; a stroke has two points or more.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    ink: NDArray[np.float64]
    first: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def segments(self) -> NDArray[np.intp]:
        """(N - S,) first points of the drawn segments."""
        inner = np.ones(len(self.points), dtype=bool)
        inner[self.first[1:] - 1] = False
        inner[-1:] = False
        return np.flatnonzero(inner)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """(N - S,) lengths of the drawn segments, px."""
        first = self.segments
        return np.asarray(np.hypot(*(self.points[first + 1] - self.points[first]).T))

    def moved(self, points: NDArray[np.float64], radius: NDArray[np.float64]) -> Strokes:
        """The same strokes with other places and widths."""
        return replace(self, points=points, radius=radius)


def strokes_of(gesture: Gesture, longer_px: int, detail: Detail = PAGE) -> Strokes:
    """The drawn strokes of a gesture on a picture whose longer side has so many pixels.

    A single drawn point between lifted ones becomes a stroke of twice the same point.
    """
    table = np.column_stack([gesture.positions, gesture.size / 2]) * longer_px
    table = np.column_stack([table, gesture.intensity])
    down = gesture.pen_down
    if not down.any():
        return Strokes(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp))
    lowered = down & ~np.concatenate([[False], down[:-1]])
    stroke = (np.cumsum(lowered) - 1)[down]
    times = np.where(np.bincount(stroke)[stroke] == 1, 2, 1)
    return _spread(np.repeat(table[down], times, axis=0), np.repeat(stroke, times), detail)


def gesture_of(strokes: Strokes, longer_px: int, tolerance_px: float) -> Gesture:
    """The strokes as one gesture, canvas units, without points that ``tolerance_px`` makes needless."""
    table = np.column_stack([strokes.points, strokes.radius, strokes.ink])
    stroke = np.repeat(np.arange(len(strokes)), np.diff(np.append(strokes.first, len(table))))
    kept = _needed(table, stroke, tolerance_px)
    drawn = table[kept] * [1.0 / longer_px, 1.0 / longer_px, 2.0 / longer_px, 1.0]
    drawn[:, 3] = np.clip(drawn[:, 3], _FAINTEST, 1.0)
    return chain(np.split(drawn, np.flatnonzero(np.diff(stroke[kept])) + 1))


def _needed(table: NDArray[np.float64], stroke: NDArray[np.intp], tolerance_px: float) -> NDArray[np.intp]:
    """Indices of the points (K, 4) of strokes, given the number of each one's, that the lines need."""
    ends = np.zeros(len(table), dtype=bool)
    change = np.flatnonzero(np.diff(stroke))
    ends[change] = ends[change + 1] = True
    return simplify(table * [1.0, 1.0, 1.0, _INK_PX], tolerance_px, keep=ends)


def _spread(table: NDArray[np.float64], stroke: NDArray[np.intp], detail: Detail) -> Strokes:
    """Simplifies strokes (K, 4), given the number of each point's, and divides their long chords."""
    kept = _needed(table, stroke, detail.tolerance_px)
    table, stroke = table[kept], stroke[kept]
    last = np.append(np.diff(stroke) > 0, True)
    after = np.minimum(np.arange(len(table)) + 1, len(table) - 1)
    length = np.hypot(*(table[after, :2] - table[:, :2]).T)
    spacing = np.clip(detail.spacing_widths * (table[:, 2] + table[after, 2]), *detail.spacing_px)
    # The last point of a stroke stands alone.
    pieces = np.where(last, 1, np.clip(np.ceil(length / spacing), 1, _MOST_PIECES)).astype(int)
    which = np.repeat(np.arange(len(table)), pieces)
    begin = np.cumsum(pieces) - pieces
    share = (np.arange(len(which)) - begin[which]) / pieces[which]
    flat = table[which] + (table[after[which]] - table[which]) * share[:, None]
    first = begin[np.concatenate([[True], last[:-1]])]
    return Strokes(flat[:, :2], flat[:, 2], flat[:, 3], np.asarray(first, dtype=np.intp))
