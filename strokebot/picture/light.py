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
from PIL import Image
from scipy import ndimage

from strokebot.picture.extrema import square_maximum, square_minimum

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


def closed(channel: Field, reach: int) -> Field:
    """C of a channel (H, W): closed by a square of 2 reach + 1 px.

    Beyond the border the picture goes on as it is there, so that what darkens towards the border is no line.
    """
    size = 2 * reach + 1
    high: Field = np.pad(channel, reach, mode="edge")
    high = square_minimum(square_maximum(high, size), size)
    return np.maximum(high[reach:-reach, reach:-reach], channel)


def local_paper(channel: Field, reach: int) -> Field:
    """P of a noisy channel (H, W): the closing, without the lift that it owes to noise."""
    return without_lift(channel, smooth_closed(channel, reach), reach)


def smooth_closed(channel: Field, reach: int) -> Field:
    """C of a noisy channel (H, W), smoothed a little first: single pixels of noise are no paper."""
    return np.maximum(closed(ndimage.gaussian_filter(channel, _SMOOTH_PX, mode="nearest"), reach), _DARKEST)


def without_lift(channel: Field, high: Field, reach: int) -> Field:
    """P of a channel (H, W) from its closing ``high``: times the mean of what bare paper has of it nearby.

    That mean changes slowly, so it is taken on a copy whose pixels are a few to its scale.
    """
    height, width = channel.shape
    ratio = channel / high
    bare = (ratio > 1 - _PAPER_DARKNESS).astype(np.float32)
    sigma = 2.0 * reach
    step = max(1, int(sigma / _LIFT_COPY_SIGMA))
    size = (max(1, round(width / step)), max(1, round(height / step)))

    def blurred(field: Field) -> Field:
        small = np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BOX))
        return np.asarray(ndimage.gaussian_filter(small, sigma / step, mode="nearest"))

    mass, mean = blurred(bare), blurred(bare * ratio)
    lift = np.where(mass > 1e-3, mean / np.maximum(mass, 1e-3), 1.0).astype(np.float32)
    whole = np.asarray(Image.fromarray(lift).resize((width, height), Image.Resampling.BILINEAR))
    return np.asarray(high * whole, dtype=np.float32)


def lit_paper(closed_channel: Field, known: Mask | None = None) -> Field:
    """P0 of a closed channel (H, W): a quadratic surface that lies on its light parts.

    Args:
        closed_channel: C.
        known: (H, W) the pixels that count; None for all.
    """
    height, width = closed_channel.shape
    factor = max(1.0, max(height, width) / _SURFACE_PX)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = np.asarray(Image.fromarray(closed_channel).resize(size, Image.Resampling.BOX), dtype=np.float64)
    weight0 = np.ones(small.size)
    if known is not None:
        share = Image.fromarray(known.astype(np.float32)).resize(size, Image.Resampling.BOX)
        weight0 = (np.asarray(share).reshape(-1) > 0.99).astype(np.float64)
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
    full = Image.fromarray(surface.reshape(size[1], size[0]).astype(np.float32))
    found = np.asarray(full.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.maximum(found, np.float32(0.05))
