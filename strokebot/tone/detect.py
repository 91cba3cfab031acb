"""Is it lines or tone? A drawing has ink and bare paper; a photograph has greys between.

Nouns:
    paper      pixels with next to no ink
    broad grey a grey pixel whose whole neighbourhood is grey: no edge, no thin or faint line
    flat grey  broad grey of a few levels only: the fills of a cartoon, which have outlines
    structure  darkness of the paper that changes within a few pixels, as no light does
    speckle    a pixel unlike all its four neighbours; a dithered picture is made of them
    loose      darkness beside no ink: the texture of things, which bare paper does not have
    rough      local paper that changes faster than light falls off, away from filled ink
    entropy    of the darkness of the local paper: a shadow has few levels, a photograph has all

The rules, the first that holds decides:
    1. speckles all over                        tone: a dithered photograph
    2. a sheet on a table, or printed rules     line: a photographed page
    3. clean files (paper of one colour)
       no broad grey                            line
       broad grey (but flat) plus structure     tone from ``_TONE_SHARE`` of the picture on
    4. scans and photos
       loose / a + rough / b + (entropy - c) / d + (lines - e) / f + (g - light) / h, each from 0 on:
                                                tone from ``_TONE_SCORE`` on. Light and shadow on paper
                                                are smooth, and ink leaves nothing beside it.
                                                0 where all crests are about as dark: lines of one pen
    5. otherwise                                line; flat greys are fills of line art

The figures were chosen on 19 photographs in sizes of 100 to 900 px (dithered, JPEG, 16 levels), 27
drawings, words and scans (shaded, faint, blurred, JPEG, 1 bit) and the scenes of ``tests/support/scenes.py``
(shadows, grain, tables). A picture of nothing but a texture of little contrast (a brick wall) is missed,
and so is one so small and soft that its shapes look like strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.extrema import square_maximum
from strokebot.picture.image import InkImage
from strokebot.picture.light import lit_paper, local_paper, reach_px, smooth_closed
from strokebot.picture.see import Sight

Style = Literal["line", "tone"]
Field = NDArray[np.float32]

# Tone from this share of the picture on.
_TONE_SHARE = 0.08
# Pictures are looked at with at most so many pixels on the longer side: larger ones are averaged.
_LOOK_PX = 1000
# Ink of paper at most, and of full ink at least; greys lie between.
_PAPER, _FULL = 0.1, 0.85
# The neighbourhood of broad grey, px: wider than the soft edges of a blurred scan.
_BROAD_PX = 5
# Flat grey: this share of its pixels in the greatest few of the levels, neighbours counted in.
_LEVELS, _GREATEST, _FLAT_SHARE = 128, 4, 0.75
# The range of the picture, but for specks, percent.
_RANGE_PERCENT = (1.0, 99.0)
# Writing: broad grey is at most this share of all that is not paper, and structure covers at most
# this share of the paper (a rough wall is all structure).
_WRITING_BROAD, _WRITING_STRUCTURE = 0.02, 0.7
# Structure: darkness between two means of these standard deviations, px, is at least 2 of 255 levels,
# at least so far from any ink, px. The noise of a scan averages out at the finer one.
_STRUCTURE_PX = (1.5, 8.0)
_STRUCTURE = 2.0 / 255.0
_CLEAR_PX = 3.0
# Speckles: so dense in a neighbourhood of so many px, over this share of the picture. A thin slanting
# line has them too, but not side by side.
_SPECKLE_PX, _SPECKLE_DENSITY, _SPECKLE_SHARE = 9, 0.15, 0.3
# Scans and photos are looked at with at most so many pixels on the longer side.
_TONAL_PX = 500
# Loose: darkness over so many standard deviations of the noise, and at least so much, px from ink.
_LOOSE_SIGMAS, _LOOSE, _LOOSE_PX = 2.5, 0.05, 3
# Rough: change of the local paper's logarithm in a px, at a scale of px; what is filled, and px from it.
_ROUGH, _ROUGH_PX, _FILLED_PX, _FROM_FILLED_PX = 0.02, 2.0, 9, 8
_ENTROPY_BINS = 40
# The hard edge of a shadow is rough too, but there are few levels beside it.
_EDGE_ENTROPY = 0.6
# What of each a drawing may have.
_LOOSE_UNIT, _ROUGH_UNIT, _ENTROPY_FREE, _ENTROPY_UNIT = 0.012, 0.05, 2.0, 0.7
_INK_FREE, _INK_UNIT, _TONE_SCORE = 0.15, 0.1, 1.3
# No lamp leaves paper this dark beside its lightest place.
_LEAST_LIGHT, _LIGHT_UNIT = 0.25, 0.1
# A crest is darker than its neighbours and this, and than so many standard deviations; crests of one pen
# are so much of the picture, and a quarter of them at most is lighter than this share of the darkest.
_CREST, _CREST_SIGMAS, _CREST_SHARE, _ONE_INK = 0.08, 4.0, (0.0005, 0.03), 0.8
# No shadow leaves less of the lit paper than this.
_PAPER_LIGHT = 0.3
# Thin darkness from this share of full ink on is ink.
_INKED = 0.35


@dataclass(frozen=True)
class StyleChoice:
    """Lines or tone, and why.

    Attributes:
        style: "line" or "tone".
        reason: one sentence.
        tone_share: share of the picture that is tone rather than line or paper, in [0, 1].
    """

    style: Style
    reason: str
    tone_share: float


def choose_style(ink: InkImage) -> StyleChoice:
    """Decides whether a picture is drawn by its lines or by its tone.

    Args:
        ink: the picture, with its untouched ``tone``.
    """
    step = -(-ink.longer_side // _LOOK_PX)
    field, tone = (_averaged(values, step) for values in (ink.ink, ink.tone))
    speckled = _speckled(field)
    if speckled > _SPECKLE_SHARE:
        return StyleChoice("tone", f"{speckled:.0%} of the picture is dithered grey.", speckled)
    sight = ink.sight
    if sight is not None and (_lies_on_a_table(sight) or sight.rules is not None):
        return StyleChoice("line", "It is a page: " + ", ".join(sight.notes) + ".", 0.0)
    if sight is not None and not sight.clean:
        return _of_tonal(ink)
    if sight is not None:
        field = np.maximum(field, _averaged(sight.areas, step))
    is_paper = field < _PAPER
    grey = ~is_paper & (field < _FULL)
    broad = ndimage.binary_erosion(grey, np.ones((_BROAD_PX, _BROAD_PX), dtype=bool))
    broad_share, rest = float(broad.mean()), 1.0 - float(is_paper.mean())
    uneven, clear = _structure(tone, is_paper)
    if broad_share < _WRITING_BROAD * rest and uneven < _WRITING_STRUCTURE * clear:
        return StyleChoice("line", "All ink lies in lines or full areas.", broad_share)
    flat = _is_flat(tone[broad], np.percentile(tone, _RANGE_PERCENT))
    share = uneven if flat else broad_share + uneven
    if share < _TONE_SHARE:
        if flat and broad_share >= _TONE_SHARE:
            return StyleChoice("line", f"The greys ({broad_share:.0%}) are flat fills of line art.", share)
        return StyleChoice("line", f"Only {share:.0%} of the picture is continuous tone.", share)
    return StyleChoice("tone", f"{share:.0%} of the picture is continuous tone, as in a photograph.", share)


def _of_tonal(ink: InkImage) -> StyleChoice:
    """The choice for a scan or a photo, rule 4."""
    score = tonal_score(ink)
    share = float(np.clip(score / 4.0, 0.0, 1.0))
    if score >= _TONE_SCORE:
        return StyleChoice(
            "tone", "Its greys are those of things, not of light on paper: a photograph.", share
        )
    return StyleChoice("line", "Beside the ink there is paper, and light on it.", share)


def _lies_on_a_table(sight: Sight) -> bool:
    return sight.sheet is not None and sight.sheet.on_table


def tonal_score(ink: InkImage) -> float:
    """How much of a scan or photo is neither ink nor light on paper; see rule 4."""
    step = -(-ink.longer_side // _TONAL_PX)
    drawn, tone = (_averaged(values, step) for values in (ink.ink, ink.tone))
    if ink.sight is not None and ink.sight.sheet is not None:  # a dark border is filled as solid ink is
        drawn = np.maximum(drawn, _averaged((~ink.sight.sheet.mask).astype(np.float32), step))
    light = tone if ink.polarity == "light-on-dark" else np.float32(1.0) - tone
    reach = reach_px(light.shape)
    paper = np.maximum(local_paper(light, reach), np.float32(0.03))
    lit = lit_paper(smooth_closed(light, reach))
    thin = 1.0 - light / paper
    bare = thin[np.abs(thin) < _PAPER]
    noise = 1.4826 * float(np.median(np.abs(bare - np.median(bare)))) if bare.size else 0.0
    strong = thin[thin > max(0.2, 5 * noise)]
    inked = thin > _INKED * (float(np.percentile(strong, 80)) if strong.size else 1.0)
    near = square_maximum(inked, 2 * _LOOSE_PX + 1)
    loose = (ndimage.gaussian_filter(thin, 1.0) > max(_LOOSE_SIGMAS * noise, _LOOSE)) & ~near
    filled = ndimage.binary_opening(drawn >= 0.5, np.ones((_FILLED_PX, _FILLED_PX), dtype=bool))
    filled = square_maximum(filled, 2 * _FROM_FILLED_PX + 1)
    rough = (ndimage.gaussian_gradient_magnitude(np.log(paper), _ROUGH_PX) > _ROUGH) & ~filled
    if _is_one_ink(np.where(paper > _PAPER_LIGHT * lit, thin, 0.0), noise):
        return 0.0
    count = np.histogram(1.0 - paper / lit, _ENTROPY_BINS, (-0.5, 1.0))[0] / light.size
    count = count[count > 0]
    entropy = float(-(count * np.log(count)).sum())
    return (
        float(loose.mean()) / _LOOSE_UNIT
        + float(rough.mean()) / _ROUGH_UNIT * float(np.clip(entropy - _EDGE_ENTROPY, 0.0, 1.0))
        + max(0.0, entropy - _ENTROPY_FREE) / _ENTROPY_UNIT
        + max(0.0, _LEAST_LIGHT - float(lit.min() / lit.max())) / _LIGHT_UNIT
        + max(0.0, float((inked & ~filled).mean()) - _INK_FREE) / _INK_UNIT
    )


def _is_one_ink(thin: Field, noise: float) -> bool:
    """Whether nearly all crests of the thin darkness on paper are about as dark: lines of one pen."""
    crest = (thin >= square_maximum(thin, 3)) & (thin > max(_CREST, _CREST_SIGMAS * noise))
    if not _CREST_SHARE[0] <= crest.mean() <= _CREST_SHARE[1]:
        return False
    low, high = np.percentile(thin[crest], (25.0, 95.0))
    return bool(low >= _ONE_INK * high)


def _averaged(field: Field, step: int) -> Field:
    """Means over squares of step x step pixels; what is left over at the far edges is dropped."""
    if step == 1:
        return field
    rows, columns = (max(1, side // step) for side in field.shape)
    part = field[: rows * step, : columns * step]
    high, wide = part.shape[0] // rows, part.shape[1] // columns
    return np.asarray(
        part[: rows * high, : columns * wide].reshape(rows, high, columns, wide).mean(axis=(1, 3))
    )


def _speckled(field: Field) -> float:
    """Share of the picture with speckles all over."""
    inked = np.pad(field >= 0.5, 1, mode="edge")
    middle = inked[1:-1, 1:-1]
    alone = np.ones(middle.shape, dtype=bool)
    for other in (inked[:-2, 1:-1], inked[2:, 1:-1], inked[1:-1, :-2], inked[1:-1, 2:]):
        alone &= other != middle
    dense = ndimage.uniform_filter(alone.astype(np.float32), _SPECKLE_PX) > _SPECKLE_DENSITY
    return float(dense.mean())


def _structure(tone: Field, is_paper: NDArray[np.bool_]) -> tuple[float, float]:
    """Shares of the picture: paper with structure, and paper well away from ink."""
    clear = ndimage.distance_transform_edt(np.pad(is_paper, 1, constant_values=True))[1:-1, 1:-1] > _CLEAR_PX
    if not clear.any():
        return 0.0, 0.0
    known = clear.astype(np.float32)
    fine, coarse = (
        ndimage.gaussian_filter(known * tone, sigma) / np.maximum(ndimage.gaussian_filter(known, sigma), 1e-3)
        for sigma in _STRUCTURE_PX
    )
    uneven = (np.abs(fine - coarse) > _STRUCTURE) & clear
    return float(uneven.mean()), float(clear.mean())


def _is_flat(greys: Field, ends: NDArray[np.floating]) -> bool:
    """Whether greys are of a few levels only, levels being parts of the picture's whole range."""
    low, high = float(ends[0]), float(ends[1])
    if len(greys) == 0 or high <= low:
        return False
    count = np.pad(np.histogram(np.clip(greys, low, high), _LEVELS, (low, high))[0], 1)
    found = 0
    for _ in range(_GREATEST):
        level = int(np.argmax(count[:-2] + count[1:-1] + count[2:]))
        found += int(count[level : level + 3].sum())
        count[level : level + 3] = 0
    return found >= _FLAT_SHARE * len(greys)
