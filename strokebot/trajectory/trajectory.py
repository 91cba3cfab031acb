"""The trajectory: where the pen is at each moment.

Nouns:
    sample    one moment: time, position, width, ink
    hold      samples at one place while the pen axis lifts or lowers

The fields are those of ``Path`` with the time added: ``pen_down[k]`` tells whether the
pen draws from sample k-1 to sample k. A hold is not drawn.

Between samples. Velocity and acceleration are difference quotients of the samples,

    v_{k+1/2} = (p_{k+1} - p_k) / (t_{k+1} - t_k)           at the middle of each step
    a_k       = (v_{k+1/2} - v_{k-1/2}) / (middle to middle)  between two middles

with v linear between middles. Both are weighted means of the true ones, so samples
of a motion within its limits show values within the limits. The position is the cubic
Hermite curve through the samples with the v of above at them.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebot.arrays import frozen_array
from strokebot.errors import TrajectoryError

# What numpy raises for files that are missing, cut, or something else.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
_NAMES = ("t_s", "x_mm", "y_mm", "width_mm", "intensity", "pen_down")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A timed path, paper mm and seconds.

    Attributes:
        t_s: (M,) strictly increasing times, M at least 2.
        xy_mm: (M, 2) positions.
        width_mm: (M,) wanted full line width, at least 0.
        intensity: (M,) wanted ink in [0, 1].
        pen_down: (M,) True where the pen draws on the way to the sample.

    Raises:
        TrajectoryError: for a wrong shape, a value out of range, or times that do not increase.
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    pen_down: NDArray[np.bool_]

    def __post_init__(self) -> None:
        def put(name: str, value: NDArray[np.generic]) -> None:
            object.__setattr__(self, name, value)

        put("t_s", frozen_array("t_s", self.t_s, (None,), TrajectoryError))
        n = len(self.t_s)
        if n < 2:
            raise TrajectoryError("A trajectory needs at least two samples.")
        if not (np.diff(self.t_s) > 0).all():
            raise TrajectoryError("t_s must increase from each sample to the next.")
        put("xy_mm", frozen_array("xy_mm", self.xy_mm, (n, 2), TrajectoryError))
        put("width_mm", frozen_array("width_mm", self.width_mm, (n,), TrajectoryError, low=0.0))
        put("intensity", frozen_array("intensity", self.intensity, (n,), TrajectoryError, low=0.0, high=1.0))
        down = np.array(self.pen_down, dtype=np.bool_)
        if down.shape == (n,):
            down[0] = down[1]
        put("pen_down", frozen_array("pen_down", down, (n,), TrajectoryError, dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample."""
        return float(self.t_s[-1] - self.t_s[0])

    @property
    def drawn_mm(self) -> float:
        """Length that is drawn."""
        return float(self._lengths()[self.pen_down[1:]].sum())

    @property
    def travel_mm(self) -> float:
        """Length over which the pen travels above the paper."""
        return float(self._lengths()[~self.pen_down[1:]].sum())

    def at(self, t_s: ArrayLike, order: int = 0) -> NDArray[np.float64]:
        """Position, velocity or acceleration at any moments.

        Args:
            t_s: (K,) times, clamped to the trajectory's.
            order: 0 for position in mm, 1 for velocity in mm/s, 2 for acceleration in mm/s^2.

        Returns:
            (K, 2) values, paper frame.

        Raises:
            TrajectoryError: for another order.
        """
        if order not in (0, 1, 2):
            raise TrajectoryError(f"A trajectory has derivatives of order 0, 1 and 2, not {order}.")
        when = np.clip(np.asarray(t_s, dtype=np.float64), self.t_s[0], self.t_s[-1])
        step = np.diff(self.t_s)
        velocity = np.diff(self.xy_mm, axis=0) / step[:, None]
        if len(step) == 1:
            slope = np.zeros((1, 2))
        else:
            slope = np.diff(velocity, axis=0) / (0.5 * (step[1:] + step[:-1]))[:, None]
        if order == 0:
            k = np.clip(np.searchsorted(self.t_s, when, side="right") - 1, 0, len(step) - 1)
            return self._hermite(when, k, step, velocity, slope)
        middle = 0.5 * (self.t_s[1:] + self.t_s[:-1])
        k = np.clip(np.searchsorted(middle, when, side="right") - 1, 0, len(slope) - 1)
        if order == 2:
            return np.asarray(slope[k])
        return np.asarray(velocity[k] + slope[k] * (when - middle[k])[:, None])

    def save(self, path: FilePath) -> None:
        """Writes the trajectory as ``.npz``: the same trajectory gives the same bytes.

        The file appears complete or not at all.

        Raises:
            TrajectoryError: if it cannot be written.
        """
        columns = (self.t_s, self.xy_mm[:, 0], self.xy_mm[:, 1], self.width_mm, self.intensity, self.pen_down)
        draft = path.with_name(path.name + ".part")
        try:
            with draft.open("wb") as file:
                np.savez(file, **dict(zip(_NAMES, columns, strict=True)))  # type: ignore[arg-type]
            draft.replace(path)
        except OSError as cause:
            draft.unlink(missing_ok=True)
            raise TrajectoryError(f"Cannot write the trajectory {path}: {cause}.") from cause

    @classmethod
    def load(cls, path: FilePath) -> Trajectory:
        """Reads what ``save`` wrote.

        Raises:
            TrajectoryError: if the file is missing or not a trajectory.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                t_s, x, y, width, ink, down = (data[name] for name in _NAMES)
        except _UNREADABLE as cause:
            raise TrajectoryError(f"Cannot read the trajectory {path}: {cause}.") from cause
        if x.ndim != 1 or x.shape != y.shape:
            raise TrajectoryError(f"The trajectory {path} is damaged: x_mm and y_mm are not two equal lists.")
        return cls(t_s, np.column_stack([x, y]), width, ink, down)

    def _lengths(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(np.diff(self.xy_mm, axis=0), axis=1))

    def _hermite(
        self,
        when: NDArray[np.float64],
        k: NDArray[np.intp],
        step: NDArray[np.float64],
        velocity: NDArray[np.float64],
        slope: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Positions at times ``when``, which lie in steps ``k``."""
        # Velocity at the samples: linear from middle to middle, the outermost slopes carried on.
        rate = np.concatenate([slope[:1], slope, slope[-1:]])
        first = velocity[0] - 0.5 * step[0] * rate[0]
        later = velocity + 0.5 * step[:, None] * rate[1 : len(step) + 1]
        at_sample = np.concatenate([first[None], later])
        h = step[k][:, None]
        u = ((when - self.t_s[k]) / step[k])[:, None]
        p, q = self.xy_mm[k], self.xy_mm[k + 1]
        v, w = at_sample[k] * h, at_sample[k + 1] * h
        rise = q - p
        return np.asarray(p + u * (v + u * ((3 * rise - 2 * v - w) + u * (v + w - 2 * rise))))
