"""Pen strokes drawn like MNIST digits: the test images whose true pen path is known. Torch-free.

MNIST scales a digit into a box of 20 pixels, aspect kept, and puts its centre of mass at
the centre of 28 x 28 pixels; the same is done here with the strokes of a sample, and the
independent rasteriser draws them with a pen of one width. Nothing is random.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.training.batch_raster import draw_batch
from strokebot.training.data.idx import SIDE_PX
from strokebot.training.data.strokes import Resampled

GLYPH_BOX_PX = 20.0
# Median line width of MNIST's digits (radius 1.35 px).
PEN_WIDTH_PX = 2.7


class Rendered(NamedTuple):
    """Images with the pen path that drew them.

    Attributes:
        images: (M, 28, 28) float32 ink.
        points: (M, n, 2) pen positions, canvas units.
        segment_drawn: (M, n - 1) bool.
    """

    images: NDArray[np.float32]
    points: NDArray[np.float64]
    segment_drawn: NDArray[np.bool_]


def render_samples(samples: Resampled, width_px: float = PEN_WIDTH_PX) -> Rendered:
    """Draws resampled strokes (box at (0, 0), longer side 1) into MNIST-like fields.

    Args:
        samples: the strokes.
        width_px: full line width, px.
    """
    # The line itself is part of a digit's box, so the pen's path spans the box less one width.
    points = samples.points.astype(np.float64) * (GLYPH_BOX_PX - width_px)
    middle = 0.5 * (points[:, 1:] + points[:, :-1])
    # A dot has no length but the ink of a disc: a quarter of pi widths of line.
    length = np.hypot(*np.diff(points, axis=1).transpose(2, 0, 1)) * samples.segment_drawn
    mass = length + samples.segment_drawn * (np.pi / 4 * width_px / max(points.shape[1] - 1, 1))
    centre = (middle * mass[..., None]).sum(axis=1) / mass.sum(axis=1)[:, None]
    points += SIDE_PX / 2 - centre[:, None]
    shape = points.shape[:2]
    down = np.concatenate([samples.segment_drawn[:, :1], samples.segment_drawn], axis=1)
    images = draw_batch(points, np.full(shape, width_px), np.ones(shape), down, SIDE_PX)
    return Rendered(images, points / SIDE_PX, samples.segment_drawn)
