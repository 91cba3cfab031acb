"""The hidden truth about a machine: where its tool really is.

p_true = A p + b      the frame is not square, not to scale, turned and shifted
play                  an axis follows its motor only beyond a dead band
height                the paper is not level: a plane over the machine frame, mm
links                 an arm whose links and zero angles are not those of its profile:
                      p_true = forward_true(inverse_profile(p))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.kinematics import Kinematics


@dataclass(frozen=True)
class TrueMachine:
    """One machine, and how it differs from its profile.

    Attributes:
        matrix: ((a, b), (c, d)), the matrix A.
        offset_mm: b.
        play_mm: dead band of the x and the y axis, mm.
        tilt: slope of the paper's height along machine x and y, mm/mm, about ``level_at_mm``.
        level_at_mm: machine position at which the height is 0.
        profile_links: kinematics of the profile, or None where links are no matter.
        true_links: kinematics of the machine as it is, or None.
    """

    matrix: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    offset_mm: tuple[float, float] = (0.0, 0.0)
    play_mm: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)
    level_at_mm: tuple[float, float] = (0.0, 0.0)
    profile_links: Kinematics | None = None
    true_links: Kinematics | None = None

    def position_mm(self, xy_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the tool really is, machine mm (M, 2), while it is thought to take this way (M, 2)."""
        xy = np.array(xy_mm, dtype=np.float64)
        for axis, play in enumerate(self.play_mm):
            if play > 0:
                xy[:, axis] = _dead_band(xy[:, axis], play)
        if self.profile_links is not None and self.true_links is not None:
            xy = self.true_links.forward(self.profile_links.inverse(xy))
        return np.asarray(xy @ np.array(self.matrix).T + self.offset_mm)

    def height_mm(self, xy_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the paper above its level at machine positions (M, 2), mm, shape (M,)."""
        return np.asarray((np.asarray(xy_mm) - self.level_at_mm) @ self.tilt)


def _dead_band(way: NDArray[np.float64], play: float) -> NDArray[np.float64]:
    half, here = play / 2, float(way[0])
    low, high = (way - half).tolist(), (way + half).tolist()
    out = np.empty_like(way)
    for k in range(len(way)):
        here = min(max(here, low[k]), high[k])
        out[k] = here
    return out
