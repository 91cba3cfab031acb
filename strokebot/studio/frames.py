"""A plan as rows of numbers for a screen: where the pen is when, and what it leaves there.

    row = x_mm, y_mm, width_mm, t_s, speed_mm_s, pen      little-endian float32

x and y are those of the paper, y up; a width of 0 is a pen that is up, and a line is drawn between two rows
whose widths are both above 0. The first row is where the machine stands when it is switched on, at time 0;
the pen goes straight up and down at rest, evenly in time, which is its way but for the ramps of its speed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.timing.trajectory import Trajectory

COLUMNS = ("x_mm", "y_mm", "width_mm", "t_s", "speed_mm_s", "pen")
# What a screen can show of a drawing; a phone paints so many lines in a few frames.
SCREEN_ROWS = 50_000
_SAME_PLACE_MM = 1e-6


def rows_of(trajectory: Trajectory, profile: Profile, most: int | None = SCREEN_ROWS) -> NDArray[np.float32]:
    """Rows (K, 6) of a trajectory; see above.

    Args:
        trajectory: the timed path.
        profile: the pen.
        most: about how many rows; None for all of them. Each lift has one, however many there are.
    """
    shown = trajectory if most is None else _thinned(trajectory, most - 1)
    down = _touches(shown.pen_down)
    pen = profile.pen_value(shown.width_mm, shown.intensity, down, shown.xy_mm)
    pen = _raised(shown, down, pen)
    width = np.where(down, profile.pen.effective_width_mm(shown.width_mm, shown.intensity), 0.0)
    speed = np.hypot(*shown.at(shown.t_s, order=1).T)
    time = shown.t_s - shown.t_s[0] + approach_time_s(trajectory, profile)
    rows = _with_lifts(np.column_stack((*shown.xy_mm.T, width, time, speed, pen)), shown.pen_down, profile)
    (begin,) = profile.from_machine([profile.machine.start_mm[:2]])
    first = (*begin, 0.0, 0.0, 0.0, profile.pen.up)
    return np.concatenate([[first], rows]).astype("<f4")


def course_of(rows: NDArray[np.float32], most: int = 500) -> NDArray[np.float64]:
    """Share of the time, and how much is drawn by then in mm, (K, 2), from rows."""
    xy, down = rows[:, :2].astype(np.float64), rows[:, 2] > 0
    length = np.hypot(*np.diff(xy, axis=0).T) * (down[1:] & down[:-1])
    drawn = np.concatenate([[0.0], np.cumsum(length)])
    at = np.unique(np.linspace(0, len(rows) - 1, most).round().astype(np.int64))
    return np.column_stack([rows[at, 3] / max(float(rows[-1, 3]), 1e-9), drawn[at]])


def _raised(trajectory: Trajectory, down: NDArray[np.bool_], pen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pen values where those of a pen that is lifted or lowered at rest lie between its ends."""
    moved = np.hypot(*np.diff(trajectory.xy_mm, axis=0).T) > _SAME_PLACE_MM
    known = down.copy()
    known[1:] |= moved
    known[:-1] |= moved
    known[[0, -1]] = True
    return np.interp(trajectory.t_s, trajectory.t_s[known], pen[known])


def _with_lifts(
    rows: NDArray[np.float64], pen_down: NDArray[np.bool_], profile: Profile
) -> NDArray[np.float64]:
    """Rows with one more in the middle of each lift of which no sample is left."""
    lifted = np.flatnonzero(~pen_down[1:] & (rows[1:, 2] > 0) & (rows[:-1, 2] > 0)) + 1
    middle = 0.5 * (rows[lifted - 1] + rows[lifted])
    middle[:, 2], middle[:, 5] = 0.0, profile.pen.up
    return np.insert(rows, lifted, middle, axis=0)


def _touches(pen_down: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the pen touches the paper: at both ends of what it draws."""
    # ``pen_down[k]`` is of the way from k-1 to k.
    ahead = np.append(pen_down[1:], pen_down[-1])
    return np.asarray(pen_down | ahead)


def _thinned(trajectory: Trajectory, most: int) -> Trajectory:
    """The trajectory with at most so many samples, those where the pen goes up or down among them."""
    kept = trajectory.thinned(most)
    if len(kept) <= most:
        return kept
    turns = np.flatnonzero(np.diff(kept.pen_down.astype(np.int8)))
    needed = np.unique(np.concatenate([[0, len(kept) - 1], turns, turns + 1]))
    room = max(most - len(needed), 2)
    even = np.linspace(0, len(kept) - 1, room).round().astype(np.int64)
    at = np.unique(np.concatenate([needed, even]))
    velocity = None if kept.velocity_mm_s is None else kept.velocity_mm_s[at]
    return Trajectory(
        kept.t_s[at], kept.xy_mm[at], kept.width_mm[at], kept.intensity[at], kept.pen_down[at], velocity
    )
