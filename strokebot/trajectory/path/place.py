"""Places a gesture on the paper: canvas units become paper millimetres, and y turns up.

Nouns:
    picture     the canvas of the gesture, a rectangle whose longer side is 1 canvas unit
    fit box     the largest rectangle that the placed picture may take
    Placement   scale and shift from canvas to paper

Symbols: s = scale in mm per canvas unit, (x0, y0) = paper position of the canvas' top
left corner, canvas y down, paper y up:

    x_paper = x0 + s x_canvas,    y_paper = y0 - s y_canvas

How large. With a fit box the picture fills it, aspect kept. Without one it fills the
paper inside the margin, but where one line of the pen for one line of the picture can be
had at a moderate size: with the width of the picture's lines and the pen's widest line
given, the scale is held down until a line fits the pen, if that leaves at least
1 / ``_MOST_SHRUNK`` of the size, or pixels of ``_FINE_PIXEL_MM`` (a small picture, such as a
digit, is no poster), and a picture of ``SMALLEST_DRAWING_MM``. A bold marker or a maze is drawn
large, its lines filled in several passes. Lines that come out too thin for the pen are no
reason to grow beyond the paper: the pen draws its thinnest there.

Nothing is rotated here: a picture that lies stays lying; --rotate turns it, --paper A4-landscape the sheet.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebot.errors import PlacementError
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.modes import MARGIN_MM
from strokebot.trajectory.path.path import Path

# Width and height in mm: ISO 216, and ANSI/ASME Y14.1 (letter, legal, tabloid).
PAPERS_MM = {
    "A0": (841.0, 1189.0),
    "A1": (594.0, 841.0),
    "A2": (420.0, 594.0),
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "A6": (105.0, 148.0),
    "LETTER": (215.9, 279.4),
    "LEGAL": (215.9, 355.6),
    "TABLOID": (279.4, 431.8),
}
# Longer side under which a picture is not shrunk for the pen's sake: the height of a
# hand-written capital. Below it the pen's own blots are as large as the details.
SMALLEST_DRAWING_MM = 10.0
# A picture whose longer side is less than so many of the pen's thinnest lines would be one blot.
_LEAST_LINES = 4.0
# What a drawing gives up of its size for lines in one pass, and what pixels it needs not.
_MOST_SHRUNK, _FINE_PIXEL_MM = 4.0, 0.2
_PAPER_RANGE_MM = (5.0, 5000.0)
# Rounding of a placed edge, in mm.
_ROUNDING_MM = 1e-6


@dataclass(frozen=True, slots=True)
class Placement:
    """The change from canvas to paper.

    Attributes:
        scale_mm: mm per canvas unit.
        x0_mm: paper x of the canvas' top left corner.
        y0_mm: paper y of the canvas' top left corner.
    """

    scale_mm: float
    x0_mm: float
    y0_mm: float

    def to_paper(self, points: ArrayLike) -> NDArray[np.float64]:
        """Canvas points (K, 2) to paper mm (K, 2)."""
        flip = np.array([self.scale_mm, -self.scale_mm])
        return np.asarray(np.asarray(points, dtype=np.float64) * flip + [self.x0_mm, self.y0_mm])

    def to_canvas(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Paper mm (K, 2) to canvas points (K, 2), the inverse of ``to_paper``."""
        flip = np.array([self.scale_mm, -self.scale_mm])
        return np.asarray((np.asarray(points_mm, dtype=np.float64) - [self.x0_mm, self.y0_mm]) / flip)


def parse_paper(text: str) -> tuple[float, float]:
    """Reads a paper size: ``A0`` to ``A6``, ``letter``, ``legal``, ``tabloid``, or ``WxH`` in mm.

    After a name, ``-landscape`` lays the sheet down.

    Raises:
        PlacementError: if the text is none of these, or the sheet is under 5 mm or over 5 m.
    """
    name = text.strip()
    series = re.fullmatch(r"([A-Z]+\d?)(-landscape|-portrait)?", name, re.IGNORECASE)
    if series and series[1].upper() in PAPERS_MM:
        width, height = PAPERS_MM[series[1].upper()]
        return (height, width) if (series[2] or "").lower() == "-landscape" else (width, height)
    free = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)", name, re.IGNORECASE)
    if not free:
        raise PlacementError(
            f"'{text}' is not a paper size: give A0 to A6, letter, legal or tabloid, such as A4-landscape, "
            "or WxH in mm such as 100x150."
        )
    size = (float(free[1]), float(free[2]))
    low, high = _PAPER_RANGE_MM
    if not all(low <= side <= high for side in size):
        raise PlacementError(
            f"A paper of {text} mm is out of range: each side must be {low:g} to {high:g} mm."
        )
    return size


def choose_placement(
    canvas_size: tuple[float, float],
    paper_mm: tuple[float, float],
    fit_mm: tuple[float, float] | None = None,
    at_mm: tuple[float, float] | None = None,
    margin_mm: float = MARGIN_MM,
    line_width: float | None = None,
    widest_mm: float = math.inf,
    thinnest_mm: float = 0.0,
    pixels: int | None = None,
) -> Placement:
    """Decides how large a picture is drawn, and where.

    Args:
        canvas_size: width and height of the picture, canvas units.
        paper_mm: width and height of the sheet.
        fit_mm: box that the picture fills, aspect kept; None for a size of its own (see above).
        at_mm: paper position of the picture's lower left corner; None for the middle of the paper.
        margin_mm: edge kept free where no fit box is given.
        line_width: width of the picture's lines, canvas units; None where it has none.
        widest_mm: widest line that the pen draws.
        thinnest_mm: its thinnest line.
        pixels: of the picture's longer side; None where it has none.

    Raises:
        PlacementError: if the picture does not fit on the paper, or would be smaller than the pen can draw.
    """
    for name, pair in (("canvas", canvas_size), ("paper", paper_mm), ("fit box", fit_mm)):
        if pair is not None and not all(math.isfinite(side) and side > 0 for side in pair):
            raise PlacementError(
                f"A {name} of {pair[0]:g} x {pair[1]:g} is empty: both sides must be above 0."
            )
    if at_mm is not None and not all(math.isfinite(v) for v in at_mm):
        raise PlacementError("The place of the drawing must be two finite numbers in mm.")
    width, height = canvas_size
    if fit_mm is not None:
        scale = min(fit_mm[0] / width, fit_mm[1] / height)
    else:
        scale = _page_scale(canvas_size, paper_mm, at_mm, margin_mm)
        if line_width is not None and line_width > 0:
            single = max(widest_mm / line_width, SMALLEST_DRAWING_MM / max(canvas_size))
            if scale <= _MOST_SHRUNK * single or (pixels and single >= _FINE_PIXEL_MM * pixels):
                scale = min(scale, single)
    size = (scale * width, scale * height)
    if max(size) < _LEAST_LINES * thinnest_mm:
        raise PlacementError(
            f"A drawing of {size[0]:.2g} x {size[1]:.2g} mm is too small for this pen, whose thinnest line "
            f"is {thinnest_mm:g} mm wide: make it {_LEAST_LINES * thinnest_mm:g} mm or larger."
        )
    left, bottom = at_mm or ((paper_mm[0] - size[0]) / 2, (paper_mm[1] - size[1]) / 2)
    if (
        min(left, bottom) < -_ROUNDING_MM
        or left + size[0] > paper_mm[0] + _ROUNDING_MM
        or bottom + size[1] > paper_mm[1] + _ROUNDING_MM
    ):
        raise PlacementError(
            f"A drawing of {size[0]:.1f} x {size[1]:.1f} mm at {left:.1f}, {bottom:.1f} does not fit on "
            f"paper of {paper_mm[0]:g} x {paper_mm[1]:g} mm: make it smaller, move it, or take larger paper."
        )
    return Placement(scale, left, bottom + size[1])


def place(gesture: Gesture, placement: Placement, paper_mm: tuple[float, float]) -> Path:
    """Puts a gesture on a sheet.

    Args:
        gesture: what to draw.
        placement: of ``choose_placement``.
        paper_mm: width and height of the sheet.

    Returns:
        The path, without travel before its first and after its last line.

    Raises:
        PlacementError: if the gesture leaves the paper, or draws nothing.
    """
    unscaled = _drawn_part(gesture)
    xy = placement.to_paper(unscaled.xy_mm)
    over = max(float((-xy).max()), float((xy - np.array(paper_mm)).max()))
    if over > _ROUNDING_MM:
        raise PlacementError(
            f"The gesture leaves its picture and the paper by {over:.1f} mm: make it smaller or move it in."
        )
    return Path(xy, placement.scale_mm * unscaled.width_mm, unscaled.intensity, unscaled.pen_down)


def _page_scale(
    canvas_size: tuple[float, float],
    paper_mm: tuple[float, float],
    at_mm: tuple[float, float] | None,
    margin_mm: float,
) -> float:
    """Scale in mm per canvas unit at which the picture fills the paper inside the margin."""
    if at_mm is None:
        room = (paper_mm[0] - 2 * margin_mm, paper_mm[1] - 2 * margin_mm)
    else:
        room = (paper_mm[0] - margin_mm - at_mm[0], paper_mm[1] - margin_mm - at_mm[1])
    if min(room) <= 0:
        raise PlacementError(
            f"There is no room on paper of {paper_mm[0]:g} x {paper_mm[1]:g} mm "
            f"with a margin of {margin_mm:g} mm"
            + ("" if at_mm is None else f" beyond {at_mm[0]:g}, {at_mm[1]:g}")
            + ": take a smaller --margin, another place, or larger paper."
        )
    return min(room[0] / canvas_size[0], room[1] / canvas_size[1])


def _drawn_part(gesture: Gesture) -> Path:
    """The gesture as a path in canvas units, cut where the ink crosses the lift threshold.

    Between two points the intensity changes linearly, so the pen leaves the paper where
    it falls through the threshold and not at the next point.
    """
    down = gesture.pen_down
    if not down.any():
        raise PlacementError(
            "The gesture draws nothing: its intensity is under the lift threshold everywhere."
        )
    points = np.column_stack([gesture.positions, gesture.size, gesture.intensity])
    crossed = np.flatnonzero(down[1:] != down[:-1])
    before, after = points[crossed], points[crossed + 1]
    share = (LIFT_THRESHOLD - before[:, 3]) / (after[:, 3] - before[:, 3])
    cuts = before + share[:, None] * (after - before)
    cuts[:, 3] = LIFT_THRESHOLD
    # A lift on the spot is sharp: the line keeps its ink up to there.
    sharp = (before[:, :2] == after[:, :2]).all(axis=1)
    cuts[sharp] = np.where(down[crossed, None], before, after)[sharp]
    table = np.insert(points, crossed + 1, cuts, axis=0)
    # A cut belongs to its drawn side: a segment is drawn if both its ends are down or cuts.
    inked = np.insert(down, crossed + 1, True)
    drawn = np.concatenate([[False], inked[1:] & inked[:-1]])
    if len(table) == 1:
        drawn[0] = True
    first, last = np.flatnonzero(drawn)[[0, -1]]
    part = slice(max(first - 1, 0), last + 1)
    return Path(table[part, :2], table[part, 2], table[part, 3], drawn[part])
