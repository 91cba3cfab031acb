"""From darkness to ink: levels, faint lines, and drawings on a transparent ground.

Nouns and symbols, all (H, W) or scalar, in [0, 1]:
    D    darkness relative to the paper
    A    alpha (opacity)
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
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.extrema import square_maximum
from strokebot.picture.parts import FAINTEST_INK, REACH_PX

Polarity = Literal["dark-on-light", "light-on-dark", "transparent"]
Field = NDArray[np.float32]

# Ink at least this dark counts as full black: files are taken as they are.
_FULL_ENOUGH = 0.9
# Darkness of full ink: this percentile over the cores of lines, robust to specks. Cores are darkest
# among the pixels so far around, and darker than this share of the darkest of all.
_FULL_PERCENTILE = 95.0
_CORE_REACH_PX = 1
_CORE_SHARE = 0.15
# Faint lines are scaled to between these; over half, so that pixels are inked which a line covers nearly.
_HALF, _CLEAR = 0.58, 0.6
# How late the one goes over into the other.
_EASE = 4
# Where something darker lies within so many px, faint ink is the soft edge of that.
_SKIRT_PX = 6
# In a clean file faint crests of so much ink, in runs of so many px, are lines, and reach so far.
LEAST_CREST, CREST_RUN_PX, _CREST_REACH_PX = 0.3, 8, 3
_FAR = 255
# Noise floor in standard deviations of the paper, and its greatest value.
_FLOOR_SIGMAS = 4.0
_FLOOR_MAX = 0.25
# Transparency counts when this share of the pixels is less than half opaque.
TRANSPARENT_SHARE = 0.002
# Opaque pixels of one colour: standard deviation of their luminance at most this.
_ONE_COLOUR = 0.08
# Opaque luminance under _DARK is dark ink, if this share of the opaque pixels has it.
_DARK = 0.4
_DARK_SHARE = 0.02


def ink_on_transparency(luminance: Field, alpha: Field) -> Field | None:
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


def levels(darkness: Field, noise: float) -> Field:
    """Stretches darkness (H, W) between noise floor and full ink."""
    floor = min(_FLOOR_SIGMAS * noise, _FLOOR_MAX)
    top = float(darkness.max())
    if top <= max(floor, 1e-6):
        return np.zeros_like(darkness)
    core = darkness[
        (darkness > floor + _CORE_SHARE * (top - floor))
        & (darkness >= square_maximum(darkness, 2 * _CORE_REACH_PX + 1))
    ]
    full = float(np.percentile(core, _FULL_PERCENTILE))
    if full >= _FULL_ENOUGH:
        full = 1.0
    if floor == 0.0 and full == 1.0:
        return darkness
    stretched: Field = (darkness - np.float32(floor)) / np.float32(max(full - floor, 1e-6))
    return np.clip(stretched, 0.0, 1.0, out=stretched)


def raised(ink: Field, clean: bool = False) -> Field:
    """The ink (H, W) with faint lines lifted over half ink; see "Faint lines" above.

    Args:
        ink: (H, W) in [0, 1].
        clean: whether there is no noise, so that a crest beside a darker line is a line and not its skirt.
    """
    core = square_maximum(ink, 2 * REACH_PX + 1)
    faint = (core >= FAINTEST_INK) & (core < _CLEAR)
    faint &= square_maximum(ink, 2 * _SKIRT_PX + 1) < _CLEAR
    if clean:
        own, beside = _own_crest(ink)
        core = np.where(beside & ~faint, own, core)
        faint |= beside
    if not faint.any():
        return ink
    core = np.clip(core[faint], FAINTEST_INK, _CLEAR)
    clearness = (core - FAINTEST_INK) / (_CLEAR - FAINTEST_INK)
    wanted = _HALF + (_CLEAR - _HALF) * clearness
    share = np.clip(ink[faint] / core, 0.0, 1.0)
    lifted = np.where(share < 0.5, share, 0.5 + (2.0 * share - 1.0) * (wanted - 0.5))
    ease = clearness**_EASE
    raised_ink = ink.copy()
    raised_ink[faint] = (1.0 - ease) * lifted + ease * wanted * share
    return raised_ink


def _own_crest(ink: Field) -> tuple[Field, NDArray[np.bool_]]:
    """For each pixel the darkness of the crest nearest to it, and whether that is a faint line's.

    Crests are the pixels that none of their neighbours exceeds. A faint one counts from ``LEAST_CREST`` on,
    in a run of some pixels: the ripples beside the lines of a JPEG file are fainter or shorter.
    """
    none = np.zeros(ink.shape, dtype=bool)
    crest = (ink >= FAINTEST_INK) & (ink >= square_maximum(ink, 3))
    faint = crest & (ink >= LEAST_CREST) & (ink < _CLEAR)
    if not faint.any() or not (crest & (ink >= _CLEAR)).any():
        return ink, none
    labels, count = ndimage.label(faint, structure=np.ones((3, 3), dtype=bool))
    length = np.bincount(labels.reshape(-1), minlength=count + 1)
    length[0] = 0
    kept = (length >= CREST_RUN_PX)[labels]
    if not kept.any():
        return ink, none
    # By distances and a maximum, not by the nearest place: ties must not depend on how the picture lies.
    to_faint = _squared_distance(kept)
    beside = (to_faint <= _CREST_REACH_PX**2) & (to_faint < _squared_distance(crest & (ink >= _CLEAR)))
    beside &= ink < _CLEAR
    own = square_maximum(np.where(kept, ink, np.float32(0)), 2 * _CREST_REACH_PX + 1)
    return np.asarray(own, dtype=np.float32), np.asarray(beside)


def _squared_distance(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Squared distance (H, W) of each pixel to the mask, px; more than ``_CREST_REACH_PX`` is ``_FAR``."""
    reach = _CREST_REACH_PX
    found = np.where(mask, np.uint8(0), np.uint8(_FAR))
    away = np.pad(mask, reach)
    height, width = mask.shape
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if 0 < (squared := dy * dy + dx * dx) <= reach * reach:
                there = away[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
                np.minimum(found, np.where(there, np.uint8(squared), np.uint8(_FAR)), out=found)
    return found
