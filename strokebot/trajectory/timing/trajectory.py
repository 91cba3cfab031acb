"""The trajectory: where the pen is at each moment.

Nouns:
    sample    one moment: time, position, width, ink
    hold      samples at one place while the pen axis lifts or lowers

The fields are those of ``Path`` with the time added: ``pen_down[k]`` tells whether the
pen draws from sample k-1 to sample k. A hold is not drawn.

Between samples k and k + 1 the position is the cubic Hermite curve through both with the velocities there,
u = (t - t_k) / h, h = t_{k+1} - t_k:

    p(t) = p_k + h u v_k + u^2 (3 D - 2 h v_k - h v_{k+1}) + u^3 (h v_k + h v_{k+1} - 2 D),  D = p_{k+1} - p_k

and velocity and acceleration are its exact derivatives. ``timing`` gives the velocities of the planned
motion, so that a stretch of constant acceleration is met exactly, the blend of a corner too. For a trajectory
without them they are taken from difference quotients at the middles of the steps, linear from one middle to
the next.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebot.arrays import frozen_array
from strokebot.errors import TrajectoryError
from strokebot.files import write_atomic
from strokebot.geometry.polyline import drawn_and_travelled

# What numpy raises for files that are missing, cut, or something else.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
# How far a sample that is left out may lie from the curve without it, and its ink; no more than the coarsest.
_THIN_MM, _THIN_INK, _COARSEST_MM = 0.001, 0.02, 0.2
# A round that leaves more than this share is not worth another.
_LITTLE_GAIN = 0.9
_NAMES: tuple[str, ...] = ("t_s", "x_mm", "y_mm", "width_mm", "intensity", "pen_down")
_VELOCITY_NAMES = ("vx_mm_s", "vy_mm_s")
# Longer trajectories are packed: two thirds of the size, for a second of work each hundred thousand.
_PLAIN_SAMPLES = 100_000


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A timed path, paper mm and seconds.

    Attributes:
        t_s: (M,) strictly increasing times, M at least 2.
        xy_mm: (M, 2) positions.
        width_mm: (M,) wanted full line width, at least 0.
        intensity: (M,) wanted ink in [0, 1].
        pen_down: (M,) True where the pen draws on the way to the sample.
        velocity_mm_s: (M, 2) velocities at the samples, or None where they are to be estimated.

    Raises:
        TrajectoryError: for a wrong shape, a value out of range, or times that do not increase.
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    pen_down: NDArray[np.bool_]
    velocity_mm_s: NDArray[np.float64] | None = None

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
        if self.velocity_mm_s is not None:
            put("velocity_mm_s", frozen_array("velocity_mm_s", self.velocity_mm_s, (n, 2), TrajectoryError))

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample."""
        return float(self.t_s[-1] - self.t_s[0])

    @property
    def drawn_mm(self) -> float:
        """Length that is drawn."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[0]

    @property
    def travel_mm(self) -> float:
        """Length over which the pen travels above the paper."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[1]

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
        k = np.clip(np.searchsorted(self.t_s, when, side="right") - 1, 0, len(step) - 1)
        h = step[k][:, None]
        u = (when - self.t_s[k])[:, None] / h
        p, rise = self.xy_mm[k], self.xy_mm[k + 1] - self.xy_mm[k]
        velocity = self._estimated(step) if self.velocity_mm_s is None else self.velocity_mm_s
        v, w = velocity[k] * h, velocity[k + 1] * h
        square, cube = 3 * rise - 2 * v - w, v + w - 2 * rise
        if order == 0:
            return np.asarray(p + u * (v + u * (square + u * cube)))
        if order == 1:
            return np.asarray((v + u * (2 * square + u * 3 * cube)) / h)
        return np.asarray((2 * square + u * 6 * cube) / h**2)

    def thinned(self, most: int) -> Trajectory:
        """The same with at most so many samples, for a file.

        Samples that the curve through their neighbours meets within ``_THIN_MM`` are left out, every
        other one at a time, and within twice as much where that is not enough. Where the pen goes up or
        down stays.

        Args:
            most: how many samples; a trajectory of no more is returned as it is.
        """
        kept, allowed_mm = self, _THIN_MM
        while len(kept) > most and allowed_mm <= _COARSEST_MM:
            fewer = kept._halved(allowed_mm)
            if len(fewer) > _LITTLE_GAIN * len(kept):
                allowed_mm *= 2.0
            kept = fewer
        return kept

    def _halved(self, allowed_mm: float) -> Trajectory:
        """Without those of every other sample that the curve through their neighbours meets."""
        velocity = self._estimated(np.diff(self.t_s)) if self.velocity_mm_s is None else self.velocity_mm_s

        def part(mask: NDArray[np.bool_]) -> Trajectory:
            return Trajectory(
                self.t_s[mask], self.xy_mm[mask], self.width_mm[mask], self.intensity[mask],
                self.pen_down[mask], velocity[mask],
            )  # fmt: skip

        keep = np.ones(len(self), dtype=bool)
        keep[1:-1:2] = False
        left_out = np.flatnonzero(~keep)
        coarse, when = part(keep), self.t_s[left_out]
        away = np.hypot(*(coarse.at(when) - self.xy_mm[left_out]).T)
        wide = np.abs(np.interp(when, coarse.t_s, coarse.width_mm) - self.width_mm[left_out])
        inked = np.abs(np.interp(when, coarse.t_s, coarse.intensity) - self.intensity[left_out])
        needed = (np.maximum(away, wide) > allowed_mm) | (inked > _THIN_INK)
        needed |= self.pen_down[left_out] != self.pen_down[left_out + 1]
        keep[left_out[needed]] = True
        return part(keep)

    def to_bytes(self) -> bytes:
        """The trajectory as an ``.npz`` file: the same trajectory gives the same bytes."""
        columns = [self.t_s, self.xy_mm[:, 0], self.xy_mm[:, 1], self.width_mm, self.intensity, self.pen_down]
        names = _NAMES
        if self.velocity_mm_s is not None:
            columns += [self.velocity_mm_s[:, 0], self.velocity_mm_s[:, 1]]
            names += _VELOCITY_NAMES
        buffer = io.BytesIO()
        save = np.savez if len(self) <= _PLAIN_SAMPLES else np.savez_compressed
        save(buffer, **dict(zip(names, columns, strict=True)))  # type: ignore[arg-type]
        return buffer.getvalue()

    def save(self, path: FilePath) -> None:
        """Writes ``to_bytes``; the file appears complete or not at all.

        Raises:
            StrokebotError: if it cannot be written.
        """
        write_atomic(path, self.to_bytes())

    @classmethod
    def load(cls, path: FilePath) -> Trajectory:
        """Reads what ``save`` wrote.

        Raises:
            TrajectoryError: if the file is missing or not a trajectory.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                t_s, x, y, width, ink, down = (data[name] for name in _NAMES)
                known = all(name in data for name in _VELOCITY_NAMES)
                velocity = np.column_stack([data[name] for name in _VELOCITY_NAMES]) if known else None
        except _UNREADABLE as cause:
            raise TrajectoryError(f"Cannot read the trajectory {path}: {cause}.") from cause
        if x.ndim != 1 or x.shape != y.shape:
            raise TrajectoryError(f"The trajectory {path} is damaged: x_mm and y_mm are not two equal lists.")
        return cls(t_s, np.column_stack([x, y]), width, ink, down, velocity)

    def _estimated(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Velocities (M, 2) at the samples, from middle to middle of the steps."""
        velocity = np.diff(self.xy_mm, axis=0) / step[:, None]
        if len(step) == 1:
            return np.concatenate([velocity, velocity])
        slope = np.diff(velocity, axis=0) / (0.5 * (step[1:] + step[:-1]))[:, None]
        # The outermost slopes are carried on.
        rate = np.concatenate([slope, slope[-1:]])
        first = velocity[0] - 0.5 * step[0] * slope[0]
        return np.concatenate([first[None], velocity + 0.5 * step[:, None] * rate])
