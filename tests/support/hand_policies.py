"""Policies for the drawing loop without weights: one that follows lines, one that guesses, one that knows.

``Following`` decides by its look alone, as the networks do. ``Knowing`` has the true strokes of one
picture and needs to be told where the pen is: ``telling`` makes canvases that tell it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from strokebot.hand import draw
from strokebot.hand.order import OrderAnswer
from strokebot.hand.policy import LAND, STEP, EyeAnswer, PenAnswer
from strokebot.hand.retina import ANGLES, PEN_RINGS, RINGS, WORK_PX, Canvases

Floats = NDArray[np.float64]
_ANGLE = np.arange(ANGLES) * 2 * np.pi / ANGLES
_RAYS = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


def _straight_points(n: int) -> NDArray[np.float32]:
    """(n, 24, 2, 2): two steps straight on in each direction."""
    points = np.stack([_RAYS * STEP, _RAYS * 2 * STEP], axis=1)
    return np.broadcast_to(points, (n, *points.shape)).astype(np.float32)


class AsDrawn:
    """Leaves strokes in the order and direction in which they were drawn."""

    def order(self, points: NDArray[np.float32], told: NDArray[np.float32]) -> OrderAnswer:
        """See ``strokebot.hand.order.Order``."""
        del told
        number = np.arange(len(points), dtype=np.float32)
        ones = np.ones(len(points), np.float32)
        return OrderAnswer(number[None] - number[:, None], ones, ones)


class Following(AsDrawn):
    """Goes where undrawn ridge is, rather straight on; lifts where none is; starts where it is nearest."""

    def pen(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> PenAnswer:
        """Scores directions by the undrawn ridge along them."""
        del extras
        ahead = look[:, 1, :4].sum(axis=1)
        away = np.minimum(_ANGLE, 2 * np.pi - _ANGLE).astype(np.float32)
        return PenAnswer(
            10 * ahead - 2 * away, _straight_points(len(look)), np.where(ahead.max(axis=1) < 0.3, 4.0, -4.0)
        )

    def eye(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> EyeAnswer:
        """Jumps to the nearest cell with undrawn ridge and lands there."""
        del extras
        n = len(look)
        jump = np.full((n, LAND + 1), -5.0, np.float32)
        ring = np.repeat(np.arange(RINGS, dtype=np.float32), ANGLES)
        jump[:, :LAND] = np.where(look[:, 1].reshape(n, -1) > 0, -ring, -50.0)
        jump[:, LAND] = -1.5
        return EyeAnswer(jump, np.zeros((n, 2), np.float32), look[:, 1, :3].sum(axis=1))


class Guessing(AsDrawn):
    """Answers anything, the same for the same look: a policy as bad as one can be."""

    def pen(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> PenAnswer:
        """Noise by the look."""
        rng = np.random.default_rng(int(1000 * look.sum()) % 2**32)
        n = len(look)
        return PenAnswer(
            rng.normal(size=(n, ANGLES)).astype(np.float32),
            rng.normal(size=(n, ANGLES, 2, 2)).astype(np.float32),
            rng.normal(size=n).astype(np.float32),
        )

    def eye(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> EyeAnswer:
        """Noise by the look."""
        rng = np.random.default_rng(int(1000 * look.sum()) % 2**32)
        n = len(look)
        return EyeAnswer(
            rng.normal(size=(n, LAND + 1)).astype(np.float32),
            rng.normal(size=(n, 2)).astype(np.float32),
            rng.normal(size=(n, ANGLES)).astype(np.float32),
        )


class Knowing(AsDrawn):
    """Draws the true strokes of one picture, exactly and in order, as far as the loop lets it.

    Args:
        strokes: (K, 2) each, work px.
    """

    def __init__(self, strokes: list[Floats]) -> None:
        self._strokes = [_dense(stroke) for stroke in strokes]
        self._next = 0
        self._at = 0
        self._named = False
        self.canvases: Canvases | None = None

    def pen(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> PenAnswer:
        """The next two points of the stroke, in the frame of the heading."""
        del extras
        assert self.canvases is not None
        assert len(look) == 1
        xy, heading, scale = self.canvases.last_pen
        stroke = self._strokes[self._next - 1]
        # A dense stroke has ten points a pixel; a step is two pieces of STEP line widths.
        step = round(10 * STEP * scale)
        at = [min(self._at + step, len(stroke) - 1), min(self._at + 2 * step, len(stroke) - 1)]
        self._at = at[1]
        away = (stroke[at] - xy) / scale
        cos, sin = np.cos(heading), np.sin(heading)
        points = np.stack([away[:, 0] * cos + away[:, 1] * sin, away[:, 1] * cos - away[:, 0] * sin], axis=1)
        lift = 9.0 if self._at == len(stroke) - 1 else -9.0
        direction = np.full((1, ANGLES), -9.0, np.float32)
        direction[0, 0] = 9.0
        every = np.broadcast_to(points, (1, ANGLES, 2, 2)).astype(np.float32)
        return PenAnswer(direction, every, np.array([lift], np.float32))

    def eye(self, look: NDArray[np.float32], extras: NDArray[np.float32]) -> EyeAnswer:
        """Lands at the start of the next stroke; at the last one again where all are drawn."""
        del extras
        assert self.canvases is not None
        assert len(look) == 1
        gaze = self.canvases.last_eye
        # A place is named twice, see the loop.
        self._next, self._at = min(self._next + (not self._named), len(self._strokes)), 0
        self._named = not self._named
        offset = (self._strokes[self._next - 1][0] - gaze) / WORK_PX
        jump = np.full((1, LAND + 1), -9.0, np.float32)
        jump[0, LAND] = 9.0
        return EyeAnswer(jump, offset[None].astype(np.float32), np.zeros((1, ANGLES), np.float32))


class _Telling(Canvases):
    """Canvases that remember what was looked at last."""

    told: Knowing

    def look(self, which, xy, heading, scale, rings):  # type: ignore[no-untyped-def]
        """As ``Canvases.look``."""
        if rings == RINGS:
            self.last_eye = xy[0].copy()
        elif rings == PEN_RINGS:
            self.last_pen = xy[0].copy(), float(heading[0]), float(scale[0])
        return super().look(which, xy, heading, scale, rings)


@contextmanager
def telling(policy: Knowing) -> Iterator[None]:
    """Makes the loop's canvases tell a knowing policy where the pen is."""

    def make(pictures):  # type: ignore[no-untyped-def]
        policy.canvases = _Telling(pictures)
        return policy.canvases

    before = draw.Canvases
    draw.Canvases = make  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        draw.Canvases = before  # type: ignore[misc]


def _dense(stroke: Floats) -> Floats:
    """A polyline at ten points a pixel."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0.0, length[-1], max(2, round(10 * length[-1])))
    return np.column_stack([np.interp(at, length, column) for column in stroke.T])
