"""The path of the pen on the paper: where it goes, how wide it draws, where it is lifted.

Nouns:
    Path    points in paper mm (origin lower left, y up) with width and intensity
    run     a longest stretch of segments in which the pen stays down, or stays up
    dot     a drawn run of no length

``pen_down[k]`` tells whether the segment from point k-1 to point k is drawn. The
first entry has no segment of its own and repeats the second; a path of one point is
a dot.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.pen import PenModel
from strokebot.arrays import frozen_array
from strokebot.errors import TrajectoryError
from strokebot.geometry.polyline import drawn_and_travelled

# Larger drawings than this are a wrong unit, not a plotter's job.
_POSITION_LIMIT_MM = 20000.0
# Points closer than this are one point: a twentieth of a motor step.
LEAST_STEP_MM = 5e-4
# A smooth point turns by no more than this. Smoothing leaves turns of at most half of it.
SMOOTH_TURN_RAD = 0.2


class Run(NamedTuple):
    """Points ``start`` to ``stop``, both included, between which the pen is down or up."""

    start: int
    stop: int
    down: bool


@dataclass(frozen=True, eq=False)
class Path:
    """What the pen is to draw, paper mm.

    Attributes:
        xy_mm: (K, 2) points, K at least 1.
        width_mm: (K,) wanted full line width, at least 0; the pen may not reach it.
        intensity: (K,) wanted ink in [0, 1].
        pen_down: (K,) True where the segment that ends at the point is drawn.

    Raises:
        TrajectoryError: for a wrong shape, a value that is not finite or out of range.
    """

    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    pen_down: NDArray[np.bool_]

    def __post_init__(self) -> None:
        xy = frozen_array(
            "xy_mm",
            self.xy_mm,
            (None, 2),
            TrajectoryError,
            low=-_POSITION_LIMIT_MM,
            high=_POSITION_LIMIT_MM,
        )
        n = len(xy)
        if n == 0:
            raise TrajectoryError("A path needs at least one point.")
        down = np.array(self.pen_down, dtype=np.bool_)
        if down.shape == (n,):
            down[0] = down[1] if n > 1 else True
        object.__setattr__(self, "xy_mm", xy)
        for name, value, high, dtype in (
            ("width_mm", self.width_mm, None, np.float64),
            ("intensity", self.intensity, 1.0, np.float64),
            ("pen_down", down, None, np.bool_),
        ):
            checked = frozen_array(name, value, (n,), TrajectoryError, dtype=dtype, low=0.0, high=high)
            object.__setattr__(self, name, checked)

    def __len__(self) -> int:
        return len(self.xy_mm)

    def runs(self) -> Iterator[Run]:
        """The runs in order; neighbouring runs share a point."""
        last = len(self) - 1
        if last == 0:
            yield Run(0, 0, True)
            return
        changes = np.flatnonzero(np.diff(self.pen_down[1:].astype(np.int8))) + 1
        bounds = [0, *changes.tolist(), last]
        for start, stop in itertools.pairwise(bounds):
            yield Run(start, stop, bool(self.pen_down[stop]))

    @property
    def drawn_mm(self) -> float:
        """Length that is drawn."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[0]

    @property
    def travel_mm(self) -> float:
        """Length over which the pen travels above the paper."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[1]

    @property
    def lifts(self) -> int:
        """How often the pen is lifted between its first and its last line."""
        return max(0, sum(run.down for run in self.runs()) - 1)

    def clamped_points(self, pen: PenModel) -> int:
        """How many points of drawn lines want a width that the pen cannot draw."""
        drawn = self.pen_down.copy()
        drawn[:-1] |= self.pen_down[1:]
        return int(np.count_nonzero(pen.out_of_range(self.width_mm, self.intensity) & drawn))
