"""What the pen did over time, in the paper's frame: recorded by the simulator, or as planned.

Nouns:
    trace     times, positions, pen axis values and the line that they leave
    source    "simulated" (recorded by the virtual machine) or "planned" (from the
              trajectory, where a real machine drew and nothing was recorded)

A pen value becomes a line width through the profile's pen, with its play, lag and bleed and the
height of the paper; where the pen rests on the paper there is a dot that has grown. Darkness is
relative to the pen's own blackest line, as the ink of a picture is relative to its blackest ink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.pen import PenModel
from calibration.profile import Profile
from firmware_bridge.joint_moves import tool_mm
from strokebot import raster
from strokebot.arrays import frozen_array
from strokebot.errors import TrajectoryError
from strokebot.geometry.polyline import arc_length, drawn_and_travelled
from strokebot.trajectory.path.place import Placement

if TYPE_CHECKING:  # the second process, which paints, simulates nothing
    from firmware_bridge.simulator import Recording

# Slower than this the pen rests.
_REST_MM_S = 0.05

Source = Literal["simulated", "planned"]


@dataclass(frozen=True, eq=False)
class Trace:
    """What the pen did over time.

    Attributes:
        t_s: (M,) times, s, not decreasing.
        xy_mm: (M, 2) positions, paper mm, y up.
        pen: (M,) values of the pen axis.
        width_mm: (M,) width of the line left there, mm; 0 where the pen is off the paper.
        darkness: (M,) its darkness over that of the pen's widest line, in [0, 1].
        source: where it comes from.
        blot_mm: (M,) diameter of the dot where the pen rests on the paper, at one sample of each rest; 0 at
            all others; None for a pen whose ink stays where it is.

    Raises:
        TrajectoryError: for a wrong shape, a value out of range or time running back.
    """

    t_s: NDArray[np.float64]
    xy_mm: NDArray[np.float64]
    pen: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    darkness: NDArray[np.float64]
    source: Source
    blot_mm: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        time = frozen_array("t_s", self.t_s, (None,), TrajectoryError)
        m = len(time)
        if m == 0:
            raise TrajectoryError("A trace needs at least one sample.")
        if (np.diff(time) < 0).any():
            raise TrajectoryError("The times of a trace run back.")
        object.__setattr__(self, "t_s", time)
        object.__setattr__(self, "xy_mm", frozen_array("xy_mm", self.xy_mm, (m, 2), TrajectoryError))
        object.__setattr__(self, "pen", frozen_array("pen", self.pen, (m,), TrajectoryError))
        for name, high in (("width_mm", None), ("darkness", 1.0)):
            value = frozen_array(name, getattr(self, name), (m,), TrajectoryError, low=0.0, high=high)
            object.__setattr__(self, name, value)
        if self.blot_mm is not None:
            blot = frozen_array("blot_mm", self.blot_mm, (m,), TrajectoryError, low=0.0)
            object.__setattr__(self, "blot_mm", blot)

    @classmethod
    def of(cls, t_s: ArrayLike, xy_mm: ArrayLike, pen: ArrayLike, profile: Profile, source: Source) -> Trace:
        """Builds a trace from pen values, paper mm and the profile's pen."""
        values = np.asarray(pen, dtype=np.float64)
        place, time = np.asarray(xy_mm, dtype=np.float64), np.asarray(t_s, dtype=np.float64)
        blackest = float(profile.pen.drawn_darkness(np.array([profile.pen.full]))[0])
        tip = profile.pen.tip(time, values) - profile.height(place)
        darkness, width = profile.pen.drawn_darkness(tip), profile.drawn_width_mm(tip)
        speed = _speeds(time, place)
        if profile.pen.darkness_speed_exponent > 0:
            darkness = profile.pen.darkness_at(darkness, speed)
        darkness = darkness / (blackest or 1.0)
        blot = _blots(time, place, width, profile.pen) if profile.pen.blot_mm2_s > 0 else None
        return cls(
            time,
            place,
            values,
            profile.pen.bled_width_mm(width, speed),
            np.clip(darkness, 0.0, 1.0),
            source,
            blot,
        )

    @classmethod
    def recorded(cls, recording: Recording, profile: Profile) -> Trace:
        """What the virtual machine recorded, from the program's first line (time 0) to the last movement.

        A recording of a controller that takes joint values is of its joints: the tool's way follows.
        """
        moved = np.flatnonzero(np.diff(np.column_stack([recording.xy_mm, recording.pen]), axis=0).any(axis=1))
        part = slice(0, moved[-1] + 2 if len(moved) else 1)
        xy_mm = profile.from_machine(tool_mm(recording.xy_mm[part], profile.machine))
        return cls.of(recording.t_s[part], xy_mm, recording.pen[part], profile, "simulated")

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def pen_down(self) -> NDArray[np.bool_]:
        """(M,) True where the segment k-1 -> k leaves a line: the pen touches at both of its ends."""
        return raster.segments_down(self.width_mm > 0)

    @property
    def duration_s(self) -> float:
        """From the first to the last sample, s."""
        return float(self.t_s[-1] - self.t_s[0])

    @property
    def lifts(self) -> int:
        """How often the pen leaves the paper between its first and its last line."""
        touches = np.diff((self.width_mm > 0).astype(np.int8), prepend=0)
        return max(0, int(np.count_nonzero(touches == 1)) - 1)

    @property
    def drawn_mm(self) -> float:
        """Length over which the pen leaves a line, mm."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[0]

    @property
    def travel_mm(self) -> float:
        """Length over which the pen moves above the paper, mm."""
        return drawn_and_travelled(self.xy_mm, self.pen_down)[1]

    def speed_mm_s(self, bins: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean speed along the path in equal slices of time.

        Args:
            bins: number of slices.

        Returns:
            Middles of the slices, s, and speeds, mm/s, both (bins,).
        """
        way = arc_length(self.xy_mm)
        edges = np.linspace(self.t_s[0], self.t_s[-1], bins + 1)
        slice_s = max(self.duration_s / bins, np.finfo(float).tiny)
        return (edges[1:] + edges[:-1]) / 2, np.diff(np.interp(edges, self.t_s, way)) / slice_s

    def ink(self, placement: Placement, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The ink that the trace leaves, on a grid of pixels over the picture.

        Args:
            placement: where the picture lies on the paper.
            shape: (height, width) of the grid; its longer side spans one canvas unit.

        Returns:
            (height, width) float32 in [0, 1].
        """
        px_per_canvas = max(shape)
        px_per_mm = px_per_canvas / placement.scale_mm
        xy = placement.to_canvas(self.xy_mm) * px_per_canvas
        width = self.width_mm * px_per_mm
        keep = raster.thin(xy, width, self.pen_down)
        xy, width, ink, down = xy[keep], width[keep], self.darkness[keep], self.pen_down[keep]
        if self.blot_mm is not None:
            at = np.repeat(np.flatnonzero(self.blot_mm), 2)  # a dot is a segment without length
            dots = placement.to_canvas(self.xy_mm[at]) * px_per_canvas
            xy, width = np.concatenate([xy, dots]), np.concatenate([width, self.blot_mm[at] * px_per_mm])
            ink = np.concatenate([ink, self.darkness[at]])
            down = np.concatenate([down, np.arange(len(at)) % 2 == 1])
        return raster.draw_ink(xy, width, ink, down, shape)


def _blots(
    t_s: NDArray[np.float64], xy_mm: NDArray[np.float64], width_mm: NDArray[np.float64], pen: PenModel
) -> NDArray[np.float64]:
    """Diameters (M,) of the dots where the pen rests on the paper, each at the widest sample of its rest."""
    moved = np.hypot(*np.diff(xy_mm, axis=0).T) > _REST_MM_S * np.diff(t_s)
    still = ~moved & (width_mm[1:] > 0) & (width_mm[:-1] > 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    dots = np.zeros(len(t_s))
    for first, last in edges.reshape(-1, 2).tolist():
        at = first + int(np.argmax(width_mm[first : last + 1]))
        dots[at] = pen.blot_mm(width_mm[at], t_s[last] - t_s[first])
    return dots


def _speeds(t_s: NDArray[np.float64], xy_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speeds (M,) at samples, mm/s: the mean of the steps before and after, weighted with their time."""
    if len(t_s) < 2:
        return np.zeros(len(t_s))
    way, time = np.hypot(*np.diff(xy_mm, axis=0).T), np.diff(t_s)
    around = np.array([0.5, 0.5])
    way, time = (np.convolve(np.concatenate([v[:1], v, v[-1:]]), around, "valid") for v in (way, time))
    return np.asarray(way / np.maximum(time, np.finfo(float).tiny))
