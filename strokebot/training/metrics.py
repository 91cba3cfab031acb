"""Figures of drawings and gestures, for whole batches. Torch-free.

Symbols: X the original image and Y the drawing, (B, H, W), ink in [0, 1];
"ink pixel" = ink of at least ``INK_THRESHOLD``.
    mse        mean (X - Y)²                       psnr = 10 log10(1 / mse)
    accuracy   share of pixels with |X - Y| < 0.5: the article's measure, and a weak one
               (an empty picture scores 0.866 on MNIST), kept for comparison
    iou        |ink(X) and ink(Y)| / |ink(X) or ink(Y)|
    recall     share of ink(X) that is in ink(Y);  precision  share of ink(Y) in ink(X)
    ssim       structural similarity, Gaussian window of 1.5 px
               (Z. Wang et al., "Image quality assessment", IEEE TIP 2004)

Gestures come as arrays start (B, 2) and steps (B, N, 4) = vx, vy, size, intensity in canvas
units; the velocity of the last step moves nothing. A segment is drawn if the pen is down
(intensity of at least ``LIFT_THRESHOLD``) at both of its ends.
    drawn      length of the drawn segments
    travel     length of the others, between the first and the last ink
    lifts      how often the pen leaves the paper between its first and its last ink
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from strokebot.gesture import LIFT_THRESHOLD
from strokebot.raster import INK_THRESHOLD, MAX_PSNR_DB, skeleton_length_px
from strokebot.training.batch_raster import draw_batch

Images = NDArray[np.float32]
Values = NDArray[np.float64]

# The article counts a pixel as right if it is off by less than this.
_RIGHT_WITHIN = 0.5
# Constants of structural similarity for values in [0, 1], and its window, from the source.
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2
_SSIM_SIGMA_PX = 1.5
_SSIM_RADIUS_PX = 5  # 3.5 sigma, rounded


def mse(images: Images, drawn: Images) -> Values:
    """Mean squared difference of each pair of images, (B,)."""
    return np.asarray(np.mean((images.astype(np.float64) - drawn) ** 2, axis=(1, 2)))


def psnr(mean_squared: Values) -> Values:
    """Peak signal-to-noise ratio in dB, at most ``MAX_PSNR_DB``."""
    floor = 10 ** (-MAX_PSNR_DB / 10)
    return np.asarray(-10 * np.log10(np.maximum(mean_squared, floor)))


def accuracy(images: Images, drawn: Images) -> Values:
    """Share of pixels off by less than a half, (B,): the article's measure."""
    return np.asarray(np.mean(np.abs(images - drawn) < _RIGHT_WITHIN, axis=(1, 2)))


def overlap(images: Images, drawn: Images) -> tuple[Values, Values, Values]:
    """Intersection over union, ink recall and ink precision of each pair, each (B,).

    An empty original is recalled fully, an empty drawing is precise, and two empty
    pictures overlap fully.
    """
    want, have = images >= INK_THRESHOLD, drawn >= INK_THRESHOLD
    both = np.count_nonzero(want & have, axis=(1, 2))
    return (
        _share(both, np.count_nonzero(want | have, axis=(1, 2))),
        _share(both, np.count_nonzero(want, axis=(1, 2))),
        _share(both, np.count_nonzero(have, axis=(1, 2))),
    )


def _share(part: NDArray[np.intp], whole: NDArray[np.intp]) -> Values:
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1), 1.0))


def ssim(images: Images, drawn: Images) -> Values:
    """Structural similarity of each pair, (B,), without the border where the window does not fit."""

    def blur(stack: Values) -> Values:
        return np.asarray(
            gaussian_filter(stack, (0, _SSIM_SIGMA_PX, _SSIM_SIGMA_PX), radius=(0, *(2 * [_SSIM_RADIUS_PX])))
        )

    x, y = images.astype(np.float64), drawn.astype(np.float64)
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    cov = blur(x * y) - mean_x * mean_y
    value = ((2 * mean_x * mean_y + _SSIM_C1) * (2 * cov + _SSIM_C2)) / (
        (mean_x**2 + mean_y**2 + _SSIM_C1) * (var_x + var_y + _SSIM_C2)
    )
    inside = slice(_SSIM_RADIUS_PX, -_SSIM_RADIUS_PX)
    return np.asarray(value[:, inside, inside].mean(axis=(1, 2)))


def pixel_metrics(images: Images, drawn: Images) -> dict[str, Values]:
    """All pixel figures of each pair: mse, psnr, accuracy, iou, ink_recall, ink_precision, ssim."""
    squared = mse(images, drawn)
    iou, recall, precision = overlap(images, drawn)
    return {
        "mse": squared,
        "psnr": psnr(squared),
        "accuracy": accuracy(images, drawn),
        "iou": iou,
        "ink_recall": recall,
        "ink_precision": precision,
        "ssim": ssim(images, drawn),
    }


def positions(start: NDArray[np.float32], steps: NDArray[np.float32]) -> Values:
    """Pen positions (B, N, 2) of gestures, canvas units."""
    moves = np.concatenate([start[:, None].astype(np.float64), steps[:, :-1, :2]], axis=1)
    return np.asarray(np.cumsum(moves, axis=1))


def pen_down(steps: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the pen is on the paper at each point, (B, N)."""
    down: NDArray[np.bool_] = steps[..., 3] >= LIFT_THRESHOLD
    return down


def gesture_metrics(steps: NDArray[np.float32], skeleton: Values) -> dict[str, Values]:
    """Figures of gestures as movements.

    Args:
        steps: (B, N, 4) canvas units.
        skeleton: (B,) skeleton length of the original images, canvas units.

    Returns:
        drawn, travel (canvas units), length_ratio (drawn length over skeleton length; NaN
        where the skeleton has no length), lifts; each (B,).
    """
    length = np.hypot(steps[:, :-1, 0], steps[:, :-1, 1]).astype(np.float64)
    down = pen_down(steps)
    inked = down[:, 1:] & down[:, :-1]
    # Between the first and the last ink: some point at or before k, and some after k, is down.
    begun = np.logical_or.accumulate(down, axis=1)[:, :-1]
    goes_on = np.logical_or.accumulate(down[:, ::-1], axis=1)[:, ::-1][:, 1:]
    drawn = (length * inked).sum(axis=1)
    ratio = np.divide(drawn, skeleton, out=np.full(len(drawn), np.nan), where=skeleton > 0)
    return {
        "drawn": drawn,
        "travel": np.asarray((length * (~inked & begun & goes_on)).sum(axis=1)),
        "length_ratio": ratio,
        "lifts": (down[:, :-1] & ~down[:, 1:] & goes_on).sum(axis=1).astype(np.float64),
    }


def skeleton_lengths(images: Images) -> Values:
    """Skeleton length of each image (B, H, W), canvas units (the longer side is 1)."""
    side = max(images.shape[1:])
    lengths: Values = np.array([skeleton_length_px(image) for image in images], dtype=np.float64) / side
    return lengths


def raster(start: NDArray[np.float32], steps: NDArray[np.float32], side_px: int = 28) -> Images:
    """Draws gestures with the independent rasteriser: (B, side, side) ink."""
    points = positions(start, steps) * side_px
    width = np.maximum(steps[..., 2].astype(np.float64), 0.0) * side_px
    ink = np.clip(steps[..., 3].astype(np.float64), 0.0, 1.0)
    down = pen_down(steps)
    drawn = np.concatenate([down[:, :1], down[:, 1:] & down[:, :-1]], axis=1)
    return draw_batch(points, width, ink, drawn, side_px)
