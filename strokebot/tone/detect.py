"""Is it lines or tone? A drawing has ink and bare paper; a photograph has greys between.

Nouns:
    paper      pixels with next to no ink; scans have light that changes slowly over them
    broad grey a grey pixel whose whole neighbourhood is grey: no edge, no thin or faint line
    flat grey  broad grey of a few levels only: the fills of a cartoon, which have outlines
    structure  darkness of the paper that changes within a few pixels, as no light does
    speckle    a pixel unlike all its four neighbours; a dithered picture is made of them

The rules, the first that holds decides:
    1. speckles all over                        tone: a dithered photograph
    2. no broad grey, and paper mostly even     line: scanned or photographed writing
    3. broad grey (but flat) plus structure     tone from ``_TONE_SHARE`` of the picture on
    4. otherwise                                line; flat greys are fills of line art

The figures were chosen on 19 photographs in sizes of 100 to 900 px (dithered, JPEG, 16 levels)
and 27 drawings, words and scans (shaded, faint, blurred, JPEG, 1 bit). The narrowest place
between the kinds: shaded clip art with grey fills reaches 0.07, photographs of even things begin
at 0.09. A picture of nothing but a texture of little contrast (a brick wall: 0.03) is missed, and so
is one so small and soft that its shapes look like strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.image import InkImage

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
