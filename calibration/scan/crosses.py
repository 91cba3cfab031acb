"""Where about the crosses of a geometry chart are, on a machine that draws them beside their places.

Nouns:
    patch        a square of darkness about the planned corner
    projection   the darkness of a patch summed over its rows, or its columns: the lines of a cross are
                 its peaks

The arms are measured to hundredths of a millimetre along paths that must run on them; so the paths
have to be moved first. All crosses together say by how much the drawing is shifted (the median of
their peaks, which a fiducial beside a cross does not sway); then each says by how much it is off
from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.scan.find import sample
from calibration.scan.view import View

Floats = NDArray[np.float64]

# How far all crosses may be shifted, and each of them from the others, mm.
_SHIFT_MM = 3.2
_OWN_MM = 1.2
# Half the length of a line of a cross, so much of it is summed.
_ARM_MM = 4.0
_STEP_MM = 0.1
# A projection is smoothed over this length, about a line's width.
_SMOOTH_MM = 0.5


def cross_offsets(grey: NDArray[np.float32], view: View, corners_mm: Floats) -> Floats:
    """How far crosses (n, 2) lie from their planned corners, mm, to about a tenth; 0 where none is."""
    if not len(corners_mm):
        return np.zeros((0, 2))
    near = np.array([_peak(grey, view, corner, np.zeros(2), _SHIFT_MM) for corner in corners_mm])
    shift = np.median(near, axis=0)
    return np.array([_peak(grey, view, corner, shift, _OWN_MM) for corner in corners_mm])


def _peak(
    grey: NDArray[np.float32], view: View, corner_mm: Floats, start_mm: Floats, reach_mm: float
) -> NDArray[Any]:
    """Where, from a start and no further than a reach, the lines of a cross are darkest."""
    half = reach_mm + _ARM_MM
    u = np.arange(-half, half + _STEP_MM / 2, _STEP_MM)
    x, y = np.meshgrid(u, u)
    light = sample(grey, view.to_picture(corner_mm + start_mm + np.stack([x, y], axis=-1)))
    dark = np.clip(1.0 - light / max(float(np.quantile(light, 0.9)), 1e-3), 0.0, 1.0)
    box = np.ones(max(1, round(_SMOOTH_MM / _STEP_MM)))
    inside = np.flatnonzero(np.abs(u) <= reach_mm + 1e-9)
    found = []
    for axis in (0, 1):  # columns say x, rows say y
        sums = np.convolve(dark.sum(axis=axis), box, mode="same")[inside]
        found.append(float(u[inside][int(np.argmax(sums))]))
    return np.asarray(start_mm + np.array(found))
