"""The independent judge: what a pen leaves on a pixel grid, and how close that is to a picture.

It shares no code with the differentiable pens: the ink is laid by ``calibration.raster``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.raster import lay_ink
from strokebot.arrays import frozen_array
from strokebot.errors import GestureError
from strokebot.geometry.polyline import simplify

# Recorded paths are far denser than pixels; a point this near to the line without it is left out.
THIN_PX = 0.02

# From this ink on a pixel counts as ink.
INK_THRESHOLD = 0.5
# "At the same place" for recall and precision: the half-pixel of the grid on either side and
# half a pixel of drawing error, px.
TOLERANCE_PX = 1.5
# A drawn line thinner than a pixel never covers half of one, so for recall and precision a
# pixel counts as drawn from this share of the darkest drawn pixel on (never above INK_THRESHOLD).
_MARK_SHARE = 0.25
# From so far that lines melt into tone: blur in widths of the widest line.
TONE_SIGMA_WIDTHS = 2.0
# Equal pictures have no finite PSNR; the report says this instead, dB.
MAX_PSNR_DB = 100.0


def segments_down(point_down: ArrayLike) -> NDArray[np.bool_]:
    """Turns "the pen is down AT point k" into "the segment k-1 -> k is drawn".

    ``Gesture.pen_down`` is of the first kind, ``Path.pen_down`` and ``draw_ink`` of the
    second. A segment is drawn if the pen is down at both of its ends; a point that is
    down between two that are up is a dot, which the second kind cannot tell, so entry 0
    says whether the first point is down.

    Args:
        point_down: (N,) bool.

    Returns:
        (N,) bool.
    """
    down = np.asarray(point_down, dtype=bool)
    return np.concatenate([down[:1], down[1:] & down[:-1]])


def draw_ink(
    xy_px: ArrayLike,
    width_px: ArrayLike,
    intensity: ArrayLike,
    pen_down: ArrayLike,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Renders a polyline of changing width and intensity.

    Args:
        xy_px: (K, 2) points, px, y down.
        width_px: (K,) full line widths, px.
        intensity: (K,) ink in [0, 1].
        pen_down: (K,) bool, True where the segment k-1 -> k is drawn; entry 0 matters
            only for a single point (K = 1), which is drawn as a dot.
        shape: (height, width) of the picture, px.

    Returns:
        (height, width) float32 in [0, 1], 1 = full ink. Ink outside the picture is lost.

    Raises:
        GestureError: for a wrong shape or a value out of range.
    """
    points = np.asarray(frozen_array("xy_px", xy_px, (None, 2), GestureError), dtype=np.float64)
    n = len(points)
    width = np.asarray(frozen_array("width_px", width_px, (n,), GestureError, low=0.0))
    ink = np.asarray(frozen_array("intensity", intensity, (n,), GestureError, low=0.0, high=1.0))
    down = np.asarray(frozen_array("pen_down", pen_down, (n,), GestureError, dtype=bool))
    return lay_ink(points, width, ink, down, shape)


def thin(
    xy_px: NDArray[np.float64], width_px: NDArray[np.float64], pen_down: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Chooses the points of a dense recording that matter on a pixel grid.

    Args:
        xy_px: (K, 2) points, px.
        width_px: (K,) line widths, px.
        pen_down: (K,) whether the segment k-1 -> k is drawn.

    Returns:
        Indices into the points, ascending. The edges of the line through them stay within
        twice ``THIN_PX`` of those of the whole line; both ends of every pen change are kept.
    """
    change = np.zeros(len(pen_down), dtype=bool)
    change[:-1] = pen_down[1:] != pen_down[:-1]
    return simplify(np.column_stack([xy_px, width_px / 2]), THIN_PX, keep=change)


def fidelity(ink: ArrayLike, drawn: ArrayLike) -> dict[str, float]:
    """Compares a drawn picture with its original, pixel by pixel.

    Args:
        ink: (H, W) the original, in [0, 1].
        drawn: (H, W) what was drawn, in [0, 1].

    Returns:
        mse: mean squared difference.
        psnr: 10 log10(1 / mse) in dB, at most ``MAX_PSNR_DB``.
        iou: intersection over union of the pixels with ink from ``INK_THRESHOLD`` on;
            1 if both pictures are empty.
        ink_recall: share of the original's ink pixels with a drawn pixel within
            ``TOLERANCE_PX`` (between centres); 1 if there is no ink.
        ink_precision: share of the drawn ink that lies within ``TOLERANCE_PX`` of an ink
            pixel of the original; 1 if nothing was drawn.

    Raises:
        GestureError: if the shapes differ or a value is out of range.
    """
    single = np.float32  # half the memory of a large picture
    want = np.asarray(frozen_array("ink", ink, (None, None), GestureError, dtype=single, low=0.0, high=1.0))
    have = np.asarray(frozen_array("drawn", drawn, want.shape, GestureError, dtype=single, low=0.0, high=1.0))
    squares = sum(
        float(np.sum((row.astype(np.float64) - other) ** 2)) for row, other in zip(want, have, strict=True)
    )
    mse = squares / max(1, want.size)
    want_ink, have_ink = want >= INK_THRESHOLD, have >= INK_THRESHOLD
    union = np.count_nonzero(want_ink | have_ink)
    peak = float(have.max(initial=0.0))
    marks = (have >= min(INK_THRESHOLD, _MARK_SHARE * peak)) & (have > 0)
    total = float(have.sum(dtype=np.float64))
    return {
        "mse": mse,
        "psnr": float(min(MAX_PSNR_DB, -10 * np.log10(mse))) if mse > 0 else MAX_PSNR_DB,
        "iou": float(np.count_nonzero(want_ink & have_ink) / union) if union else 1.0,
        "ink_recall": float(_near(marks)[want_ink].mean()) if want_ink.any() else 1.0,
        "ink_precision": float(have[_near(want_ink)].sum(dtype=np.float64) / total) if total > 0 else 1.0,
    }


def tone_correlation(darkness: ArrayLike, drawn: ArrayLike, line_px: float) -> float:
    """How well a drawing of lines shows the tone of a photograph, seen from afar.

    Args:
        darkness: (H, W) of the photograph.
        drawn: (H, W) what was drawn.
        line_px: the widest line, px.

    Returns:
        Pearson's correlation of both, blurred by ``TONE_SIGMA_WIDTHS`` lines; 0 if one is even.
    """
    from scipy.ndimage import gaussian_filter  # slow to import, as below

    a, b = (
        gaussian_filter(np.asarray(v, dtype=np.float64), TONE_SIGMA_WIDTHS * line_px)
        for v in (darkness, drawn)
    )
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels within ``TOLERANCE_PX`` of the mask: itself and its eight neighbours."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    near = rows.copy()
    near[:, 1:] |= rows[:, :-1]
    near[:, :-1] |= rows[:, 1:]
    return near


def skeleton_length_px(ink: ArrayLike) -> float:
    """Length of the centre lines of a picture, px.

    Neighbouring skeleton pixels count 1, diagonal neighbours sqrt(2) unless a common
    neighbour already joins them (the usual weights of
    8-connected curves, H. Freeman, "Boundary encoding and processing", 1970).

    Args:
        ink: (H, W) in [0, 1].
    """
    from skimage.morphology import skeletonize  # slow to import, and for this number only

    skeleton = skeletonize(np.asarray(ink) >= INK_THRESHOLD)  # type: ignore[no-untyped-call]
    bone: NDArray[np.bool_] = np.zeros((skeleton.shape[0] + 2, skeleton.shape[1] + 2), dtype=np.bool_)
    bone[1:-1, 1:-1] = skeleton
    straight = np.count_nonzero(bone[1:] & bone[:-1]) + np.count_nonzero(bone[:, 1:] & bone[:, :-1])
    falling = bone[1:, 1:] & bone[:-1, :-1] & ~bone[1:, :-1] & ~bone[:-1, 1:]
    rising = bone[1:, :-1] & bone[:-1, 1:] & ~bone[1:, 1:] & ~bone[:-1, :-1]
    return float(straight + np.sqrt(2) * (np.count_nonzero(falling) + np.count_nonzero(rising)))
