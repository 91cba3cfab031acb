"""Small pictures drawn by the hand's networks as arrays of gestures, for what measures many at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length
from strokebot.hand.choose import Hand, ordered
from strokebot.hand.draw import HandDrawing, Rollout, draw_pictures
from strokebot.hand.policy import load_policy
from strokebot.hand.retina import prepare
from strokebot.training import metrics

Array = NDArray[np.float32]

# Points of a gesture, at equal steps along its way, travel included.
POINTS = 64
# Pictures drawn in lock step.
_TOGETHER = 500


class HandDrawer:
    """Draws batches of small pictures, each in one go by the likeliest answers.

    Args:
        hand: the networks.
    """

    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    def predict_arrays(self, images: Array) -> tuple[Array, Array]:
        """Images (B, H, W) to start (B, 2) and steps (B, ``POINTS``, 4), canvas units."""
        start, steps = np.zeros((len(images), 2)), np.zeros((len(images), POINTS, 4))
        for first in range(0, len(images), _TOGETHER):
            some = images[first : first + _TOGETHER]
            works = [prepare(np.asarray(image, np.float32)) for image in some]
            for k, drawing in enumerate(draw_pictures(works, self._hand, [Rollout()] * len(works)), first):
                start[k], steps[k] = as_arrays(ordered(drawing, self._hand, 0.0), max(images.shape[1:]))
        return start.astype(np.float32), steps.astype(np.float32)

    def render(self, start: Array, steps: Array) -> Array:
        """Gestures to ink (B, 28, 28) by the independent rasteriser."""
        return metrics.raster(start, steps)


def as_arrays(drawing: HandDrawing, side_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Start (2,) and steps (``POINTS``, 4) of a drawing, canvas units; no ink for an empty one."""
    steps = np.zeros((POINTS, 4))
    if not drawing.strokes:
        return np.zeros(2), steps
    points = np.concatenate(drawing.strokes)
    begins = np.concatenate([np.arange(len(stroke)) == 0 for stroke in drawing.strokes])
    along = arc_length(points[:, :2])
    at = np.linspace(0.0, along[-1], POINTS)
    x, y, width = (np.interp(at, along, column) / side_px for column in points.T)
    # A point of the way between two strokes is in the air.
    ahead = np.clip(np.searchsorted(along, at), 0, len(points) - 1)
    on_paper = ~begins[ahead] | (at == along[ahead])
    steps[:-1, 0], steps[:-1, 1] = np.diff(x), np.diff(y)
    steps[:, 2], steps[:, 3] = width, on_paper
    return np.array([x[0], y[0]]), steps


def load_hand_drawer(folder: Path | None = None) -> HandDrawer:
    """The drawer by the networks of a folder, or those of the package.

    Raises:
        WeightsError: if they cannot be used.
    """
    return HandDrawer(load_policy(folder))
