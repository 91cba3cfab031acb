"""Fills the areas of a picture: passes and the links between them.

ink -> areas (field) -> rings or hatch, strokes for the gaps (passes) -> links
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot.fill import FILL_MODES, FillMode
from strokebot.fill.field import Field, find_areas
from strokebot.fill.links import Connector, Detour, link_passes
from strokebot.fill.passes import Pass, hatching, rings, strokes_in_gaps

__all__ = ["FILL_MODES", "FillMode", "Filling", "fill_areas"]


@dataclass(frozen=True, eq=False)
class Filling:
    """What fills the areas of a picture.

    Attributes:
        field: the areas, on their own grid.
        passes: the lines, px of that grid.
        links: ways between the outer passes, the roots.
        detours: closed walks from the roots over all other passes.
    """

    field: Field
    passes: tuple[Pass, ...]
    links: tuple[Connector, ...]
    detours: tuple[Detour, ...]


def fill_areas(
    ink: NDArray[np.float32],
    is_ink: NDArray[np.bool_],
    skeleton: NDArray[np.bool_],
    widest: float,
    softness: float,
    mode: FillMode,
) -> Filling | None:
    """Fills what one line of the pen cannot cover.

    Args:
        ink: (H, W) in [0, 1].
        is_ink: (H, W) which pixels are ink.
        skeleton: (H, W) its skeleton.
        widest: the pen's widest line, px.
        softness: px over which an edge of the ink rises from paper to full ink.
        mode: spiral and hatch cover the areas, outline draws their edges alone.

    Returns:
        The filling; None if there is no area, or ``mode`` is none.
    """
    if mode == "none":
        return None
    field = find_areas(ink, is_ink, skeleton, widest, softness)
    if field is None:
        return None
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
    return Filling(field, tuple(passes), tuple(links), tuple(detours))
