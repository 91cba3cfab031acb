"""Fills the areas of a picture: passes and the links between them.

ink -> areas (field) -> rings or hatch, strokes for the gaps (passes) -> links
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot.fill import FILL_MODES, FillMode
from strokebot.fill.field import Field, blocks, find_areas
from strokebot.fill.links import Connector, Detour, link_passes
from strokebot.fill.passes import Pass, hatching, rings, strokes_in_gaps

__all__ = ["FILL_MODES", "FillMode", "Filling", "fill_areas"]


@dataclass(frozen=True, eq=False)
class Filling:
    """What fills the areas in one rectangle of a picture.

    Attributes:
        field: the areas, on their own grid.
        passes: the lines, px of that grid.
        links: ways between the outer passes, the roots.
        detours: closed walks from the roots over all other passes.
        rows: of the picture, in the rectangle.
        columns: of the picture, in the rectangle.
    """

    field: Field
    passes: tuple[Pass, ...]
    links: tuple[Connector, ...]
    detours: tuple[Detour, ...]
    rows: slice
    columns: slice

    def in_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (K, 2) of the field's grid as px of the picture."""
        return np.asarray(points / self.field.zoom + (self.columns.start, self.rows.start))


def fill_areas(
    ink: NDArray[np.float32],
    depth: NDArray[np.floating],
    skeleton: NDArray[np.bool_],
    widest: float,
    softness: float,
    mode: FillMode,
) -> list[Filling]:
    """Fills what one line of the pen cannot cover.

    Args:
        ink: (H, W) in [0, 1].
        depth: (H, W) distance of each ink pixel's centre to the nearest paper pixel's, px; 0 on paper.
        skeleton: (H, W) its skeleton.
        widest: the pen's widest line, px.
        softness: px over which an edge of the ink rises from paper to full ink.
        mode: spiral and hatch cover the areas, outline draws their edges alone.

    Returns:
        The fillings, rectangle by rectangle; none where there is no area, or ``mode`` is none.
    """
    found = []
    for block in blocks(depth, widest) if mode != "none" else ():
        field = find_areas(ink[block], depth[block] > 0, skeleton[block], widest, softness)
        if field is not None:
            found.append(_filled(field, mode, *block))
    return found


def _filled(field: Field, mode: FillMode, rows: slice, columns: slice) -> Filling:
    """The lines that fill the areas of one rectangle."""
    passes = rings(field, None if mode == "spiral" else 1)
    longest = np.inf
    if mode == "outline":
        # A longer link would be a line across what stays white.
        longest = 2.0 * field.radius
    else:
        if mode == "hatch":
            passes += hatching(field)
        passes += strokes_in_gaps(field, passes)
    links, detours = link_passes(field, passes, longest)
    return Filling(field, tuple(passes), tuple(links), tuple(detours), rows, columns)
