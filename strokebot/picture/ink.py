"""Finds the ink in the luminance of a picture: polarity, paper, levels.

Nouns and symbols, all (H, W) or scalar, in [0, 1]:
    L    luminance; after the polarity is known, flipped so that ink is dark
    A    alpha (opacity)
    P    luminance of the bare paper at each pixel: constant for a clean file,
         a smooth surface for a scan or a photo (light falls off, shadows)
    D    darkness relative to the paper, D = 1 - L / P    (reflectance model: the
         light that falls on the sheet multiplies paper and ink alike)
    f    noise floor, the darkness that bare paper reaches by noise
    g    darkness of full ink
    ink  clip((D - f) / (g - f), 0, 1); f = 0 and g = 1 for a clean file, whose
         grey levels come through unchanged

Full ink. g is a high percentile over the cores of lines, the pixels that are darkest in
their neighbourhood. Edges are grey anyway and do not count; nor do a few black dots in a
drawing in pencil, which is light all over and comes out as full ink.

Faint lines. Where lines of several greys are in one picture, they keep their order, but a
line that is clearly there must be drawn, and half ink is what counts as drawn. So a core
of c < ``_CLEAR``, with nothing darker nearby, is lifted to
``_HALF`` + (c - ``FAINTEST_INK``) (``_CLEAR`` - ``_HALF``) / (``_CLEAR`` - ``FAINTEST_INK``),
and the edge of its line, c / 2, to half ink, so that the line keeps its width. Towards ``_CLEAR``
that goes over into plain scaling, which leaves ink of ``_CLEAR`` as it is.

Polarity. A robust quadratic surface is fitted to a small copy of L in which the
border counts more, since paper reaches the border of nearly every picture; ink
are the outliers, and the side on which they lie gives the polarity.

Paper. If the border of the picture has one value, P is that value. Otherwise P
is a masked Gaussian mean (normalised convolution: Knutsson and Westin, 1993) over
those pixels that belong to the paper, so that a large filled area, which a
morphological closing would take for dark paper, leaves no dent in P.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from strokebot.picture.parts import FAINTEST_INK, REACH_PX, find_parts

Polarity = Literal["dark-on-light", "light-on-dark", "transparent"]
Field = NDArray[np.float32]

# Paper is estimated on a copy with at most this many pixels on the longer side.
_COPY_SIDE_PX = 256
# The border ring, as a share of the side, and how much more its pixels count for the paper.
_BORDER_SHARE = 0.03
_BORDER_WEIGHT = 8.0
# A border of one value: so many of its pixels within this distance (1.5 of 255 levels).
_FLAT_SHARE = 0.9
_LEVEL = 1.5 / 255.0
# Least contrast, relative to the paper, that is called ink (12 of 255 levels).
_LEAST_CONTRAST = 12.0 / 255.0
# Ink at least this dark counts as full black: files are taken as they are.
_FULL_ENOUGH = 0.9
# Darkness of full ink: this percentile over the cores of lines, robust to specks. Cores are darkest
# among the pixels so far around, and darker than this share of the darkest of all.
_FULL_PERCENTILE = 95.0
_CORE_REACH_PX = 1
_CORE_SHARE = 0.15
# Faint lines are scaled to between these; a little over half, so that rounding leaves them there.
_HALF, _CLEAR = 0.52, 0.6
# How late the one goes over into the other.
_EASE = 4
# Where something darker lies within so many px, faint ink is the soft edge of that.
_SKIRT_PX = 6
# Noise floor in standard deviations of the paper, and its greatest value.
_FLOOR_SIGMAS = 4.0
_FLOOR_MAX = 0.25
# Standard deviation of a normal distribution over its median absolute deviation.
_MAD_TO_SIGMA = 1.4826
# Scale of the paper surface, as shares of the longer side: coarse, then fine.
_PAPER_SIGMAS = (0.12, 0.05)
# Transparency counts when this share of the pixels is less than half opaque.
_TRANSPARENT_SHARE = 0.002
# Opaque pixels of one colour: standard deviation of their luminance at most this.
_ONE_COLOUR = 0.08
# Opaque luminance under _DARK is dark ink, if this share of the opaque pixels has it.
_DARK = 0.4
_DARK_SHARE = 0.02


def ink_from_luminance(luminance: Field, alpha: Field | None) -> tuple[Field, Polarity] | None:
    """Finds the ink of a picture.

    Args:
        luminance: (H, W) float32 in [0, 1], 0 = black; at least one pixel.
        alpha: (H, W) float32 in [0, 1], or None for an opaque picture.

    Returns:
        The ink (H, W) float32 in [0, 1] and the polarity, or None if no ink
        stands out from the paper.
    """
    if alpha is not None and float((alpha < 0.5).mean()) >= _TRANSPARENT_SHARE:
        drawn = _ink_on_transparency(luminance, alpha)
        if drawn is not None:
            if drawn.max() <= _LEAST_CONTRAST:
                return None
            return raised(_levels(drawn, noise=0.0)), "transparent"
    if alpha is not None:
        luminance = _composite(luminance, alpha)
    light_on_dark = _is_light_on_dark(luminance)
    if light_on_dark is None:
        return None
    flipped = np.float32(1.0) - luminance if light_on_dark else luminance
    level = _flat_paper(flipped)
    if level is not None:
        # Clean files: the darkness is taken against this one level, without a noise floor.
        ink = _levels(_darkness(flipped, np.float32(level)), noise=0.0)
    else:
        darkness, noise = _flattened(flipped)
        ink = _levels(darkness, noise)
    if ink.max() < _LEAST_CONTRAST:
        return None
    return raised(ink), "light-on-dark" if light_on_dark else "dark-on-light"


def _ink_on_transparency(luminance: Field, alpha: Field) -> Field | None:
    """Darkness (H, W) of a drawing on transparent paper, or None if it is an ordinary picture.

    One colour on transparency: the alpha shape is the ink, whatever the colour.
    Otherwise dark ink is looked for among the opaque pixels (a figure with a
    white body and dark lines), and if there is none the ink is light. A picture
    that is mostly opaque and of several colours is a sheet with cut corners.
    """
    weight = alpha.astype(np.float64)
    total = weight.sum()
    if total <= 0:
        return np.zeros_like(alpha)
    mean = (weight * luminance).sum() / total
    spread = np.sqrt((weight * (luminance - mean) ** 2).sum() / total)
    if spread <= _ONE_COLOUR:
        return alpha
    opaque = alpha >= 0.5
    if opaque.mean() > 0.5:
        return None
    dark_share = (weight * (luminance < _DARK)).sum() / total
    if dark_share >= _DARK_SHARE:
        return alpha * (np.float32(1.0) - luminance)
    return alpha * luminance


def _composite(luminance: Field, alpha: Field) -> Field:
    """Lays the picture on paper of its own most common shade, light or dark."""
    opaque = luminance[alpha >= 0.5]
    paper = np.float32(1.0 if opaque.size == 0 or np.median(opaque) >= 0.5 else 0.0)
    return luminance * alpha + paper * (np.float32(1.0) - alpha)


def _small_copy(field: Field) -> Field:
    """An area-averaged copy with at most ``_COPY_SIDE_PX`` pixels on the longer side."""
    height, width = field.shape
    factor = max(height, width) / _COPY_SIDE_PX
    if factor <= 1.0:
        return field
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return _resize(field, size, Image.Resampling.BOX)


def _resize(field: Field, size: tuple[int, int], how: Image.Resampling) -> Field:
    """Resamples a field to size = (width, height); pixel edges stay aligned."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(field)).resize(size, how), dtype=np.float32)


def _border_mask(shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.ones(shape, dtype=bool)
    ring = max(1, round(_BORDER_SHARE * max(shape)))
    if min(shape) > 2 * ring:
        mask[ring:-ring, ring:-ring] = False
    return mask


def _quadratic_paper(small: Field) -> Field:
    """A robust quadratic surface (h, w) through the paper: reweighted least squares, L1-like."""
    height, width = small.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = small.reshape(-1).astype(np.float64)
    base = np.where(_border_mask((height, width)).reshape(-1), _BORDER_WEIGHT, 1.0)
    # The first guess is a constant, the weighted median: a surface fitted to paper and ink
    # together would lie between them and never leave.
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(base[order])
    surface = np.full_like(values, values[order][np.searchsorted(cumulative, cumulative[-1] / 2)])
    if min(height, width) < 8:
        return surface.reshape(height, width).astype(np.float32)
    for _ in range(8):
        residual = values - surface
        scale = max(float(np.median(np.abs(residual))) * 1.5, 2.0 / 255.0)
        weight = base / (1.0 + (residual / (3.0 * scale)) ** 2) ** 2
        gram = terms.T @ (weight[:, None] * terms) + 1e-6 * np.eye(6)
        surface = terms @ np.linalg.solve(gram, terms.T @ (weight * values))
    return surface.reshape(height, width).astype(np.float32)


def _is_light_on_dark(luminance: Field) -> bool | None:
    """Whether the ink is lighter than the paper; None if nothing stands out."""
    small = _small_copy(luminance)
    residual = (small - _quadratic_paper(small)).astype(np.float64)
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(residual)))
    # Paper noise reaches 4 sigma; with much ink the median itself lies in the ink, hence the cap.
    limit = max(_LEAST_CONTRAST / 2, min(4.0 * noise, 0.15))
    light = float(np.clip(residual - limit, 0, None).sum())
    dark = float(np.clip(-residual - limit, 0, None).sum())
    if light == 0.0 and dark == 0.0:
        # A line thinner than a pixel of the small copy may be lost in it.
        paper = float(np.median(luminance))
        light, dark = float(luminance.max()) - paper, paper - float(luminance.min())
        if max(light, dark) < _LEAST_CONTRAST:
            return None
    return light > dark


def _flat_paper(luminance: Field) -> float | None:
    """The one luminance of the paper of a clean file, or None if the paper is uneven."""
    border = luminance[_border_mask(luminance.shape)]
    level = float(np.median(border))
    if level < _LEAST_CONTRAST:
        return None
    if float((np.abs(border - level) <= _LEVEL).mean()) >= _FLAT_SHARE:
        return level
    # Ink may reach the border, yet files without noise have few shades right beside the paper.
    same = float((np.abs(luminance - level) <= _LEVEL / 3).mean())
    near = float((np.abs(luminance - level) <= 8 * _LEVEL).mean())
    return level if same > 0.2 and same > 0.9 * near else None


def _darkness(luminance: Field, paper: Field | np.float32) -> Field:
    ratio = luminance / np.maximum(paper, np.float32(1e-3))
    return np.clip(np.float32(1.0) - ratio, 0.0, 1.0).astype(np.float32)


def _flattened(luminance: Field) -> tuple[Field, float]:
    """Darkness (H, W) relative to an uneven paper, and the standard deviation of its noise."""
    small = _small_copy(luminance)
    paper = np.maximum(_quadratic_paper(small), np.float32(0.05))
    side = max(small.shape)
    for share in _PAPER_SIGMAS:
        darkness = np.clip(1.0 - small / paper, -1.0, 1.0)
        cut = _paper_cut(darkness)
        # Pixels beside ink hold some of it: they are no paper either.
        ink = ndimage.binary_dilation(np.abs(darkness) > cut, iterations=1)
        known = (~ink).astype(np.float32)
        sigma = share * side
        mass = ndimage.gaussian_filter(known, sigma, mode="nearest")
        mean = ndimage.gaussian_filter(known * small, sigma, mode="nearest")
        # Where no paper is near, the surface so far stands in.
        trust = np.float32(0.02)
        paper = (mean + trust * paper) / (mass + trust)
    height, width = luminance.shape
    full = _resize(paper, (width, height), Image.Resampling.BICUBIC)
    deep = np.float32(1.0) - luminance / np.maximum(full, np.float32(0.02))
    # The noise of single pixels is measured at full size: averaging into the copy removes it.
    sparse = deep[:: max(1, height // _COPY_SIDE_PX), :: max(1, width // _COPY_SIDE_PX)]
    bare = deep[np.abs(deep) <= _paper_cut(sparse)]
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(bare - np.median(bare)))) if bare.size else 0.0
    return np.clip(deep, 0.0, 1.0).astype(np.float32), noise


def _paper_cut(darkness: NDArray[np.floating]) -> float:
    """The darkness that parts paper from ink: Otsu's threshold, at most half the way."""
    clipped = np.clip(darkness, 0.0, 1.0)
    if clipped.max() - clipped.min() < 1e-3:
        return 1.0
    return float(np.clip(0.7 * float(threshold_otsu(clipped)), 0.06, 0.35))  # type: ignore[no-untyped-call]


def _levels(darkness: Field, noise: float) -> Field:
    """Stretches darkness (H, W) between noise floor and full ink."""
    floor = min(_FLOOR_SIGMAS * noise, _FLOOR_MAX)
    top = float(darkness.max())
    if top <= max(floor, 1e-6):
        return np.zeros_like(darkness)
    core = darkness[
        (darkness > floor + _CORE_SHARE * (top - floor))
        & (darkness >= ndimage.maximum_filter(darkness, size=2 * _CORE_REACH_PX + 1))
    ]
    full = float(np.percentile(core, _FULL_PERCENTILE))
    if full >= _FULL_ENOUGH:
        full = 1.0
    if floor == 0.0 and full == 1.0:
        return darkness
    stretched: Field = np.clip((darkness - floor) / max(full - floor, 1e-6), 0.0, 1.0).astype(np.float32)
    return stretched


def raised(ink: Field) -> Field:
    """The ink (H, W) with faint lines lifted over half ink; see "Faint lines" above."""
    core = ndimage.maximum_filter(ink, size=2 * REACH_PX + 1)
    faint = (core >= FAINTEST_INK) & (core < _CLEAR)
    if not faint.any():
        return ink
    faint &= ndimage.maximum_filter(ink, size=2 * _SKIRT_PX + 1) < _CLEAR
    if not faint.any():
        return ink
    # Specks of noise stay what they are.
    labels = find_parts(ink).labels
    faint &= ndimage.maximum_filter(labels, size=2 * REACH_PX + 1) > 0
    core = np.clip(core, FAINTEST_INK, _CLEAR)
    clearness = (core - FAINTEST_INK) / (_CLEAR - FAINTEST_INK)
    wanted = _HALF + (_CLEAR - _HALF) * clearness
    share = np.clip(ink / core, 0.0, 1.0)
    lifted = np.where(share < 0.5, share, 0.5 + (2.0 * share - 1.0) * (wanted - 0.5))
    ease = clearness**_EASE
    return np.where(faint, (1.0 - ease) * lifted + ease * wanted * share, ink).astype(np.float32)
