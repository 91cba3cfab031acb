"""Divides the light out of a picture: what the paper would be without the ink on it.

Nouns and symbols, (H, W) in [0, 1] for one channel:
    I      the picture, ink darker than paper
    C      I closed by a square of 2 r + 1 px: dark structures narrower than the square are filled from
           their surroundings, the edges of wide ones stay where they are
    P      local paper, C less what its noise lifts it
    P0     the lit paper at large: a quadratic surface through the light parts of C
    D      darkness of what is thin, D = 1 - I / P
    W      darkness of what is wide, W = 1 - C / P0: shadows, flat areas, solid ink

The light that falls on a sheet multiplies paper and ink alike, so ratios take it away. A cast shadow with a
hard edge is wide, so it is in C and leaves nothing in D (the black top-hat of mathematical morphology:
F. Meyer, 1979, here as a ratio). Square windows make it two running maxima and two running minima.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.extrema import square_maximum, square_minimum
from strokebot.picture.resize import BICUBIC, BILINEAR, BOX, resized

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

_DARKEST = np.float32(0.02)
# Half the window, px and as a share of the shorter side: lines up to twice this wide are thin.
_LEAST_REACH_PX = 6
_REACH_SHARE = 0.03
# Darkness under which a pixel is paper for the estimate of the noise's lift.
_PAPER_DARKNESS = 0.12
# Smoothing before a closing, px, and the scale of the lift in pixels of the copy on which it is taken.
_SMOOTH_PX, _LIFT_COPY_SIGMA = 0.8, 6.0
# The surface of the lit paper: side of its copy, px; steps; weight of what lies clearly under it.
_SURFACE_PX = 64
_SURFACE_STEPS = 12
_UNDER_WEIGHT = 0.02
# What holds the terms 1, x, y, x x, x y, y y down, as a share of all weights.
_STIFFNESS = (0.0, 1e-3, 1e-3, 0.02, 0.02, 0.02)


def reach_px(shape: tuple[int, ...]) -> int:
    """Half the window that parts thin from wide, px."""
    return max(_LEAST_REACH_PX, round(_REACH_SHARE * min(shape)))


def closed(channel: Field, reach: int, out: Field | None = None) -> Field:
    """C of a channel (H, W): closed by a square of 2 reach + 1 px, in ``out``, which may be the channel.

    Beyond the border the picture goes on as it is there, so that what darkens towards the border is no line.
    """
    size = 2 * reach + 1
    high: Field = np.pad(channel, reach, mode="edge")
    square_maximum(high, size, out=high)
    square_minimum(high, size, out=high)
    return np.maximum(high[reach:-reach, reach:-reach], channel, out=out)


def local_paper(channel: Field, reach: int) -> Field:
    """P of a noisy channel (H, W): the closing, without the lift that it owes to noise."""
    return without_lift(channel, smooth_closed(channel, reach), reach)


def smooth_closed(channel: Field, reach: int) -> Field:
    """C of a noisy channel (H, W), smoothed a little first: single pixels of noise are no paper."""
    smooth: Field = ndimage.gaussian_filter(channel, _SMOOTH_PX, mode="nearest")
    closed(smooth, reach, out=smooth)
    return np.maximum(smooth, _DARKEST, out=smooth)


def without_lift(channel: Field, high: Field, reach: int) -> Field:
    """P of a channel (H, W) from its closing ``high``: times the mean of what bare paper has of it nearby.

    That mean changes slowly, so it is taken on a copy whose pixels are a few to its scale.
    """
    height, width = channel.shape
    sigma = 2.0 * reach
    step = max(1, int(sigma / _LIFT_COPY_SIGMA))
    size = (max(1, round(width / step)), max(1, round(height / step)))

    def blurred(field: Field) -> Field:
        return np.asarray(ndimage.gaussian_filter(resized(field, size, BOX), sigma / step, mode="nearest"))

    ratio = channel / high
    ratio[ratio <= 1 - _PAPER_DARKNESS] = 0
    mean = blurred(ratio)
    np.sign(ratio, out=ratio)  # 1 on bare paper
    mass = blurred(ratio)
    del ratio
    lift = np.where(mass > 1e-3, mean / np.maximum(mass, 1e-3), 1.0).astype(np.float32)
    whole = resized(lift, (width, height), BILINEAR)
    return np.multiply(whole, high, out=whole)


def lit_paper(closed_channel: Field, known: Mask | None = None) -> Field:
    """P0 of a closed channel (H, W): ``lit_surface`` at its size."""
    return at_size(lit_surface(closed_channel, known), closed_channel.shape)


def at_size(surface: Field, shape: tuple[int, ...]) -> Field:
    """P0 (H, W) of a surface."""
    found = resized(surface, (shape[1], shape[0]), BICUBIC)
    return np.maximum(found, np.float32(0.05), out=found)


def lit_surface(closed_channel: Field, known: Mask | None = None) -> Field:
    """P0 on a small copy: a quadratic surface that lies on the light parts of a closed channel.

    Args:
        closed_channel: C, (H, W).
        known: (H, W) the pixels that count; None for all.
    """
    height, width = closed_channel.shape
    factor = max(1.0, max(height, width) / _SURFACE_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = resized(closed_channel, size, BOX).astype(np.float64)
    weight0 = np.ones(small.size)
    if known is not None:
        weight0 = (resized(known, size, BOX).reshape(-1) > 0.99).astype(np.float64)
        if weight0.sum() < 12:
            weight0 = np.ones(small.size)
    y, x = np.meshgrid(np.linspace(-1, 1, size[1]), np.linspace(-1, 1, size[0]), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = small.reshape(-1)
    surface = np.full_like(values, np.quantile(values[weight0 > 0], 0.8))
    for step in range(_SURFACE_STEPS):
        band = max(0.02, 0.15 * 0.75**step)
        weight = weight0 * np.where(values < surface - band, _UNDER_WEIGHT, 1.0)
        # Light changes slowly: the curved terms are held small where little speaks for them.
        gram = terms.T @ (weight[:, None] * terms) + len(values) * np.diag(_STIFFNESS)
        surface = terms @ np.linalg.solve(gram + 1e-9 * np.eye(6), terms.T @ (weight * values))
    return surface.reshape(size[1], size[0]).astype(np.float32)
