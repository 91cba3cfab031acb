"""What the tool of the virtual machine really did, in space and in time.

The simulator hands over ramps (straight, constant acceleration) and servo turns;
the recording samples them densely enough to be read as straight lines between
samples, with every breakpoint of the path among the samples.

Error of reading it that way: a ramp of acceleration a sampled every dt differs by at
most a dt^2 / 8 along its own line, 0.5 um for 1000 mm/s^2 and 2 ms. Across the line
there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ProgramError

# Longest time between two samples of a motion.
SAMPLE_S = 0.002
# Samples closer in time than this are one instant.
_INSTANT_S = 1e-9
# Of a servo's way, the last corners tell where it is.
_SERVO_CORNERS = 3

Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Recording:
    """The tool's way. Straight lines between samples are the true way.

    Attributes:
        t_s: (M,) times, strictly increasing, from 0.
        xy_mm: (M, 2) tool position, machine frame as it was at power-on.
        pen: (M,) pen axis in its own units (z mm or servo S).
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    pen: NDArray[np.float64]

    def __post_init__(self) -> None:
        m = len(self.t_s)
        if m == 0 or self.xy_mm.shape != (m, 2) or self.pen.shape != (m,):
            raise ProgramError("A recording needs times, positions and pen values of one length.")
        if not all(np.isfinite(a).all() for a in (self.t_s, self.xy_mm, self.pen)):
            raise ProgramError("A recording holds a value that is not a finite number.")
        if m > 1 and np.diff(self.t_s).min() <= 0:
            raise ProgramError("The times of a recording must grow.")
        for array in (self.t_s, self.xy_mm, self.pen):
            array.setflags(write=False)

    @property
    def duration_s(self) -> float:
        """Time from the first to the last sample."""
        return float(self.t_s[-1] - self.t_s[0])


class Recorder:
    """Collects ramps and servo turns and makes a ``Recording`` of them."""

    def __init__(self, start_mm: Vector, servo: float | None, servo_speed: float) -> None:
        self._start_mm = start_mm
        self._begin_s = 0.0
        self._rows: list[tuple[float, ...]] = []
        self._servo_speed = servo_speed
        # (time, value) corners of the servo's way; None for a z pen.
        self._servo: list[tuple[float, float]] | None = None if servo is None else [(0.0, servo)]
        # Added to machine positions, so that homing does not tear the record apart.
        self.offset_mm: Vector = (0.0, 0.0, 0.0)

    def ramp(
        self, t_s: float, duration_s: float, from_mm: Vector, unit: Vector, speed: float, acc: float
    ) -> None:
        """Adds one ramp: start time, duration, start point, direction, speed, acceleration."""
        if duration_s <= 0.0:
            return
        o = self.offset_mm
        start = (from_mm[0] + o[0], from_mm[1] + o[1], from_mm[2] + o[2])
        self._rows.append((t_s, duration_s, *start, *unit, speed, acc))

    def ramps(self) -> NDArray[np.float64]:
        """All ramps so far, (n, 10): start s, duration s, start mm (3), unit vector (3), mm/s, mm/s^2."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, 10)

    def servo_to(self, t_s: float, value: float) -> None:
        """Turns the servo towards a value at its greatest speed, from where it is by then."""
        if self._servo is None:
            return
        now = self.servo_at(t_s)
        while self._servo and self._servo[-1][0] >= t_s:
            self._servo.pop()
        self._servo.append((t_s, now))
        if value != now:
            self._servo.append((t_s + abs(value - now) / self._servo_speed, value))

    def servo_at(self, t_s: float) -> float:
        """Where the servo is."""
        corners = self._servo or [(0.0, 0.0)]
        times, values = zip(*corners[-_SERVO_CORNERS:], strict=True)
        return float(np.interp(t_s, times, values))

    def take(self, until_s: float, sample_s: float = SAMPLE_S) -> Recording:
        """The record since the last ``take``; it is forgotten, so that a long drawing takes no memory."""
        found = self.recording(until_s, sample_s)
        if self._rows:
            _, dt, x, y, z, ux, uy, uz, speed, acc = self._rows[-1]
            way = speed * dt + 0.5 * acc * dt**2
            self._start_mm = (x + ux * way, y + uy * way, z + uz * way)
            self._rows.clear()
        self._begin_s = until_s
        if self._servo is not None:
            past = [corner for corner in self._servo if corner[0] <= until_s]
            self._servo = past[-_SERVO_CORNERS:] + self._servo[len(past) :]
        return found

    def recording(self, until_s: float, sample_s: float = SAMPLE_S) -> Recording:
        """The record up to ``until_s``, from 0 or the last ``take``; ``sample_s``: longest step in time."""
        rows = self.ramps()
        t, dt = rows[:, 0], rows[:, 1]
        count = np.maximum(np.ceil(dt / sample_s).astype(np.int64), 1) + 1  # samples, both ends
        owner = np.repeat(np.arange(len(rows)), count)
        first = np.concatenate([[0], np.cumsum(count)[:-1]]) if len(rows) else np.zeros(0, dtype=np.int64)
        share = (np.arange(len(owner)) - first[owner]) / (count[owner] - 1)
        tau = share * dt[owner]
        way = rows[owner, 8] * tau + 0.5 * rows[owner, 9] * tau**2
        xyz = rows[owner, 2:5] + rows[owner, 5:8] * way[:, None]
        begin = np.array([self._start_mm], dtype=np.float64)
        last = xyz[-1:] if len(xyz) else begin
        times = np.concatenate([[self._begin_s], t[owner] + tau, [until_s]])
        points = np.concatenate([begin, xyz, last])
        # The end of one ramp and the start of the next are one instant: keep the later
        # sample, which is the exact start of a block. Running maximum guards rounding.
        times = np.maximum.accumulate(times)
        keep = np.append(np.diff(times) > _INSTANT_S, True)
        times, points = times[keep], points[keep]
        if self._servo is None:
            return Recording(times, points[:, :2].copy(), points[:, 2].copy())
        corner_t, corner_v = (np.array(c, dtype=np.float64) for c in zip(*self._servo, strict=True))
        inside = corner_t[(corner_t >= times[0]) & (corner_t <= times[-1])]
        union = np.unique(np.concatenate([times, inside]))
        union = union[np.append(np.diff(union) > _INSTANT_S, True)]
        xy = np.column_stack([np.interp(union, times, points[:, i]) for i in range(2)])
        return Recording(union, xy, np.interp(union, corner_t, corner_v))
