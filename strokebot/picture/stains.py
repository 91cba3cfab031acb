"""Stains: what a cup, a finger or a wet sponge left on the paper, and is no drawing.

Nouns and symbols:
    I        ink (H, W) in [0, 1], 1 = full ink
    strong   I > ``_STRONG``
    patch    a connected part of faint ink that is wider than the soft edge of a line
    h        level of a patch, a high percentile of its I
    g        steepness at its edge, a high percentile of |grad I|, 1 / px
    s        softness, px: s = h / (g sqrt(2 pi)), which of a step of height h that is blurred by a normal
             distribution is its standard deviation

The camera blurs all edges alike, so the lines of a drawing have one softness, faint ones too. A stain ran,
was wiped or lies on the back of the sheet: it is fainter than ink and ``_SOFTER`` times as soft, and no part
of a line that fades, for strong ink is nowhere beside most of it. In its place ink counts from its level on.

A shade is as dark as ink and as wide as solid ink, but fades over a good part of the widest line, and is
softer than what is drawn beside it: a blueprint that was printed unevenly, the corner of a photo.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.extrema import square_maximum, square_minimum

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

_STRONG, _FAINT = 0.6, (0.08, 0.5)
# A patch: wider than this, px, and of so many px at least.
_WIDE_PX, _LEAST_PX = 5, 90
# A stain: its level at most, its softness over that of strong ink, the share of it that is beside strong ink.
_LEVEL, _SOFTER, _BESIDE = 0.46, 1.3, 0.4
# Beside means within px; the edge of a patch is so many px round it.
_BESIDE_PX, _EDGE_PX = 4, 3
# More patches than this are the texture of a photograph.
_MOST = 60
# A shade is softer than this share of half the window that parts thin from wide.
_SHADE = 0.5
# Noise is smoothed out before slopes are taken, px.
_SMOOTH_PX = 0.7
_LEVEL_PERCENTILE, _SLOPE_PERCENTILE = 85.0, 90.0
# Least strong ink that has a softness, px.
_LEAST_STRONG = 30
_EIGHT = np.ones((3, 3), dtype=bool)


def find_stains(ink: Field) -> tuple[Mask, Field, int] | None:
    """Stains: where they are (H, W), the ink without them, and how many; None where there are none.

    Args:
        ink: (H, W) in [0, 1].
    """
    smooth = ndimage.gaussian_filter(ink, _SMOOTH_PX)
    faint = (smooth > _FAINT[0]) & (smooth < _FAINT[1])
    patches = square_maximum(square_minimum(faint, _WIDE_PX), _WIDE_PX)
    labels, count = ndimage.label(patches, structure=_EIGHT)
    if count == 0:
        return None
    strong = smooth > _STRONG
    beside = square_maximum(strong, 2 * _BESIDE_PX + 1)
    flat = labels.reshape(-1)
    area = np.bincount(flat, minlength=count + 1)
    near = np.bincount(flat, weights=beside.reshape(-1), minlength=count + 1)
    likely = (area >= _LEAST_PX) & (near < _BESIDE * area)
    likely[0] = False
    few = 0 < np.count_nonzero(likely) <= _MOST
    usual = _softness_of_ink(smooth, strong) if few else None
    if usual is None:
        return None
    gone = np.zeros(ink.shape, dtype=bool)
    level = np.zeros_like(ink)
    found = 0
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if not likely[number]:
            continue
        window = _wider(box, _EDGE_PX + 1, ink.shape)
        mine, own = labels[window] == number, smooth[window]
        h = float(np.percentile(own[mine], _LEVEL_PERCENTILE))
        round_it = square_maximum(mine, 2 * _EDGE_PX + 1)
        edge = round_it & ~beside[window]
        if h > _LEVEL or np.count_nonzero(edge) < _LEAST_STRONG:
            continue
        if _softness(own, edge, h) < _SOFTER * usual:
            continue
        found += 1
        gone[window] |= round_it
        np.maximum(level[window], np.where(round_it, np.float32(h), np.float32(0)), out=level[window])
    if not found:
        return None
    # Its fading rim goes with it as far as it is nothing else.
    rest = np.clip((ink - level) / (1 - level), 0, 1)
    gone &= ink < _FAINT[1]
    return gone, np.where(gone, np.float32(0), np.where(level > 0, rest, ink)).astype(np.float32), found


def without_shades(solid: Mask, darkness: Field, thin: Field, reach: int) -> Mask:
    """Solid ink (H, W) without what is but shade.

    Args:
        solid: (H, W) where darkness is wide and as strong as ink.
        darkness: (H, W) over the paper at large.
        thin: (H, W) darkness over the local paper, in which lines stand out.
        reach: px, see ``light``.
    """
    labels, count = ndimage.label(solid)
    area = np.bincount(labels.reshape(-1), minlength=count + 1)
    softness = np.zeros(count + 1)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if area[number] < reach * reach:  # too small to fade
            continue
        window = _wider(box, reach, solid.shape)
        mine = labels[window] == number
        edge = square_maximum(mine, 2 * (reach // 2) + 1) & ~mine
        if not edge.any():
            continue
        own = ndimage.gaussian_filter(darkness[window], _SMOOTH_PX)
        level = float(np.percentile(own[mine], _LEVEL_PERCENTILE))
        softness[number] = _softness(own, edge, level)
    if softness.max() <= _SHADE * reach:
        return solid
    # Of a blurred picture all is soft: a shade is softer than what is drawn beside it.
    sharpest = float(softness[softness > 0].min())
    lines = (thin > _STRONG) & ~square_maximum(solid, 2 * reach + 1)
    of_lines = _softness_of_ink(ndimage.gaussian_filter(thin, _SMOOTH_PX), lines)
    if of_lines is not None:
        sharpest = min(sharpest, of_lines)
    return np.asarray(solid & (softness <= max(_SHADE * reach, _SOFTER * sharpest))[labels])


def _softness_of_ink(smooth: Field, strong: Mask) -> float | None:
    """The softness of strong ink, px; None where there is too little."""
    if np.count_nonzero(strong) < _LEAST_STRONG:
        return None
    h = float(np.percentile(smooth[strong], _LEVEL_PERCENTILE))
    return _softness(smooth, square_maximum(strong, 3), h)


def _softness(smooth: Field, edge: Mask, level: float) -> float:
    """The softness s, px, of an edge (H, W) of such a level."""
    down, across = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    slope = float(np.percentile(np.hypot(down[edge], across[edge]), _SLOPE_PERCENTILE))
    return level / max(slope * float(np.sqrt(2 * np.pi)), 1e-6)


def _wider(box: tuple[slice, ...], by: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """A box with a margin of px, within the picture."""
    return tuple(
        slice(max(0, one.start - by), min(size, one.stop + by)) for one, size in zip(box, shape, strict=True)
    )
