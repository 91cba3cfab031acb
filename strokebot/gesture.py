"""One continuous gesture: a start, then a chain of pen velocities with size and intensity.

Symbols, all in canvas units (the longer image side is 1; origin top left, y down;
the canvas spans pixel EDGES, so the centre of pixel i lies at (i + 0.5) / longer side):
    p_0 = start,  p_k = start + v_0 + ... + v_{k-1}      k = 1 .. N-1
    w_k  full line width at point k
    a_k  intensity at point k, 0 = no ink, 1 = full ink

Between two points the pen moves straight, and width and intensity change
linearly. Where the intensity lies under ``LIFT_THRESHOLD`` the pen is off the
paper. The same gesture drives the differentiable pen and the machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebot.arrays import frozen_array
from strokebot.errors import GestureError

# Under this intensity the pen is off the paper. Half ink splits "draw" from "travel" evenly
# for the networks, which learn intensities near 0 or 1.
LIFT_THRESHOLD = 0.5

FORMAT_VERSION = 1
# Decimals in gesture.json: 1e-6 of the canvas is under a micrometre on A3.
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Gesture:
    """One continuous pen gesture on the canvas.

    Attributes:
        start: (2,) first pen position, canvas units.
        velocity: (N-1, 2) movement from each point to the next, canvas units a step.
        size: (N,) full line width at each point, canvas units, at least 0.
        intensity: (N,) ink at each point, in [0, 1].

    Raises:
        GestureError: for a wrong shape, a value that is not finite or out of range.
    """

    start: NDArray[np.float64]
    velocity: NDArray[np.float64]
    size: NDArray[np.float64]
    intensity: NDArray[np.float64]

    def __post_init__(self) -> None:
        def put(name: str, value: NDArray[np.generic]) -> None:
            object.__setattr__(self, name, value)

        put("size", frozen_array("size", self.size, (None,), GestureError, low=0.0))
        n = len(self.size)
        if n == 0:
            raise GestureError("A gesture needs at least one point.")
        put("start", frozen_array("start", self.start, (2,), GestureError))
        velocity = np.asarray(self.velocity, dtype=np.float64).reshape(-1, 2)
        put("velocity", frozen_array("velocity", velocity, (n - 1, 2), GestureError))
        put("intensity", frozen_array("intensity", self.intensity, (n,), GestureError, low=0.0, high=1.0))

    def __len__(self) -> int:
        return len(self.size)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Pen positions, shape (N, 2), canvas units."""
        return np.concatenate([self.start[None], self.start + np.cumsum(self.velocity, axis=0)])

    @property
    def pen_down(self) -> NDArray[np.bool_]:
        """True where the pen is on the paper, shape (N,)."""
        return np.asarray(self.intensity >= LIFT_THRESHOLD)

    @property
    def lifts(self) -> int:
        """How often the pen leaves the paper between its first and its last ink."""
        down = np.flatnonzero(self.pen_down)
        if len(down) == 0:
            return 0
        inside = self.pen_down[down[0] : down[-1] + 1].astype(np.int8)
        return int(np.count_nonzero(np.diff(inside) == -1))

    @classmethod
    def from_positions(cls, positions: NDArray[Any], size: NDArray[Any], intensity: NDArray[Any]) -> Gesture:
        """Builds a gesture from absolute positions (N, 2), canvas units."""
        points = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
        if len(points) == 0:
            raise GestureError("A gesture needs at least one point.")
        return cls(points[0], np.diff(points, axis=0), size, intensity)

    def to_json(self) -> str:
        """The gesture as JSON text, one point a line so that two gestures can be compared."""
        points = np.column_stack([self.positions, self.size, self.intensity])
        rows = ",\n".join(
            "    [" + ", ".join(f"{value:.{_DECIMALS}f}" for value in row) + "]" for row in points
        )
        return (
            "{\n"
            f'  "format": "strokebot-gesture",\n  "version": {FORMAT_VERSION},\n'
            '  "columns": ["x", "y", "size", "intensity"],\n'
            f'  "points": [\n{rows}\n  ]\n}}\n'
        )

    @classmethod
    def from_json(cls, text: str) -> Gesture:
        """Reads what ``to_json`` wrote.

        Raises:
            GestureError: if the text is not a gesture of this format version.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as cause:
            raise GestureError(f"The gesture is not JSON: {cause}.") from cause
        if not isinstance(data, dict) or data.get("format") != "strokebot-gesture":
            raise GestureError("The file is not a strokebot gesture.")
        if data.get("version") != FORMAT_VERSION:
            raise GestureError(
                f"The gesture has format version {data.get('version')}; this program reads {FORMAT_VERSION}."
            )
        points = frozen_array("points", data.get("points"), (None, 4), GestureError)
        table = np.asarray(points, dtype=np.float64)
        return cls.from_positions(table[:, :2], table[:, 2], table[:, 3])

    def to_stroke3(self) -> NDArray[np.float64]:
        """The gesture as sketch-rnn's stroke-3 rows (dx, dy, lifted), canvas units; (K, 3).

        Each row moves the pen by (dx, dy) from the row before, the first one from the canvas's
        corner; ``lifted`` is 1 where a stroke ends. Points off the paper, widths and intensities are
        left out. Source: D. Ha and D. Eck, "A neural representation of sketch drawings", ICLR 2018.
        """
        down = self.pen_down
        points = self.positions[down]
        last = np.append(~down[1:], True)[down]
        return np.column_stack([np.diff(points, axis=0, prepend=np.zeros((1, 2))), last.astype(np.float64)])

    @classmethod
    def from_stroke3(cls, rows: NDArray[Any], size: float = 0.1, scale: float = 1.0) -> Gesture:
        """Reads stroke-3 rows (K, 3) as one gesture in full ink.

        Args:
            rows: (dx, dy, lifted) as ``to_stroke3`` has them; other data often counts in pixels.
            size: line width, canvas units.
            scale: what the rows' moves are multiplied by, to come to canvas units.

        Raises:
            GestureError: for another shape, values that are not finite, or no row.
        """
        table = frozen_array("stroke-3 rows", rows, (None, 3), GestureError)
        moves, lifted = np.asarray(table[:, :2], dtype=np.float64), np.asarray(table[:, 2], dtype=np.float64)
        points = np.cumsum(moves * scale, axis=0)
        ink = np.ones(len(points))
        whole = np.column_stack([points, np.full(len(points), size), ink])
        return chain([part for part in np.split(whole, np.flatnonzero(lifted[:-1] > 0) + 1) if len(part)])

    @classmethod
    def load(cls, path: FilePath) -> Gesture:
        """Reads a gesture file.

        Raises:
            GestureError: if the file is missing or not a gesture.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as cause:
            raise GestureError(f"Cannot read the gesture {path}: {cause}.") from cause


def chain(pieces: list[NDArray[np.float64]]) -> Gesture:
    """Chains pieces into one gesture.

    Between two points a gesture's intensity changes linearly. So that drawn ends do
    not fade, the last point before a travel and the first after it are doubled with
    intensity 0: the pen lifts and lands on the spot.

    Args:
        pieces: arrays (N_k, 4) of x, y, size and intensity, canvas units.

    Returns:
        One gesture of all the points, in order.

    Raises:
        GestureError: if there is no piece.
    """
    if not pieces:
        raise GestureError("There is nothing to join.")
    rows = [pieces[0]]
    for piece in pieces[1:]:
        lift, lower = rows[-1][-1:].copy(), piece[:1].copy()
        lift[:, 3] = lower[:, 3] = 0.0
        rows += [lift, lower, piece]
    table = np.concatenate(rows)
    return Gesture.from_positions(table[:, :2], table[:, 2], table[:, 3])


def gestures_of(start: NDArray[np.float32], steps: NDArray[np.float32]) -> list[Gesture]:
    """Arrays start (B, 2) and steps (B, N, 4), as networks and pens have them, as gestures."""
    return [Gesture(s, v[:-1, :2], v[:, 2], v[:, 3]) for s, v in zip(start, steps, strict=True)]


def arrays_of(gestures: list[Gesture]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gestures as start (B, 2) and steps (B, N, 4); shorter ones rest at their last point.

    N is the length of the longest. The velocity of the last step moves nothing and is 0.
    """
    start = np.array([g.start for g in gestures], np.float32).reshape(-1, 2)
    steps = np.zeros((len(gestures), max((len(g) for g in gestures), default=0), 4), np.float32)
    for row, gesture in zip(steps, gestures, strict=True):
        n = len(gesture)
        row[: n - 1, :2] = gesture.velocity
        row[:n, 2], row[n:, 2] = gesture.size, gesture.size[-1]
        row[:n, 3], row[n:, 3] = gesture.intensity, gesture.intensity[-1]
    return start, steps
