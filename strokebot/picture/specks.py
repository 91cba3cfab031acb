"""What is too small to be a mark, and strokes that rough paper broke up.

Nouns:
    speck   a connected part of ink that the paper made, or the file format
    tooth   the relief of rough paper: a soft pencil leaves its graphite on the tops alone

A speck is judged by the noise that it is among, not by how wide other lines are: a decimal point beside
a wall is a mark. Noise is faint, or it comes in numbers:
    1. a part that nowhere reaches ``_CLEAR`` of full ink and is smaller than ``_SMALL_PX`` is a speck: the
       ripples that JPEG leaves beside lines, the grain of paper. In a clean file it is a line, as for
       ``raised``, where it is ``CREST_RUN_PX`` long and no fainter than ``LEAST_CREST``: the end of a grey
       line beside a black one;
    2. where parts of at most ``_DUST_PX`` pixels outnumber all others, they are the dust of a scan.

Tooth. Smoothing by ``_TOOTH_PX`` joins the grains of a stroke and leaves separate strokes apart. Where that
leaves less than ``_JOINED`` of the parts, and more than ``_BARE`` of the inside of what it joins was bare,
the picture is a pencil's, and the ink of every stroke that was so broken is the smoothed one, over its own
greatest value nearby. Noise beside whole lines has many parts too, but its lines are not bare inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.extrema import square_maximum
from strokebot.picture.ink import CREST_RUN_PX, LEAST_CREST
from strokebot.picture.parts import ink_mask

Field = NDArray[np.float32]

_CLEAR, _SMALL_PX = 0.4, 40
_DUST_PX, _DUST_TIMES, _DUST_LEAST = 2, 4, 24
_TOOTH_PX, _JOINED, _BARE, _GRAINS, _MOST_INK = 1.5, 0.34, 0.16, 12, 0.2
# A stroke of such a picture that has less bare inside than this is whole.
_BARE_STROKE = 0.08
# Half the reach over which a pencil stroke's darkness is compared with its own, px.
_OWN_PX = 5
_EIGHT = np.ones((3, 3), dtype=bool)


def without_specks(
    ink: Field, least_px: float | None = None, clean: bool = False
) -> tuple[Field, NDArray[np.bool_] | None, int]:
    """The ink without specks, where they were (None for nowhere), and how many.

    Args:
        ink: (H, W) in [0, 1].
        least_px: parts that are smaller than this in both directions go too; None to judge by the noise.
        clean: whether there is no noise, so that a faint run is a line and not grain.
    """
    mask = ink_mask(ink)
    labels, count = ndimage.label(mask, structure=_EIGHT)
    if count == 0:
        return ink, None, 0
    area: NDArray[np.int64] = np.bincount(labels.reshape(-1), minlength=count + 1)[1:]
    peak = np.zeros(count)
    np.maximum.at(peak, labels[mask] - 1, ink[mask])  # not ndimage.maximum, which sorts every pixel
    speck = (peak < _CLEAR) & (area < _SMALL_PX)
    if clean and speck.any():
        speck &= (peak < LEAST_CREST) | (_length(labels) < CREST_RUN_PX)
    if speck.all():  # a drawing of nothing but faint small marks
        speck = np.zeros(count, dtype=bool)
    dust = (area <= _DUST_PX) & ~speck
    rest = int(np.count_nonzero(~dust & ~speck))
    if int(np.count_nonzero(dust)) >= max(_DUST_LEAST, _DUST_TIMES * rest) and rest:
        speck |= dust
    if least_px is not None:
        speck |= _length(labels) < least_px
    if not speck.any():
        return ink, None, 0
    gone = np.concatenate([[False], speck])[labels]
    # The soft edge of a speck goes with it.
    gone = square_maximum(gone, 3) & (labels == 0) | gone
    near = square_maximum(mask & ~gone, 3)
    return np.where(gone & ~near, np.float32(0), ink), gone & mask, int(np.count_nonzero(speck))


def _length(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """The longer side of the box of each part, px."""
    box = ndimage.find_objects(labels)
    return np.array([max(y.stop - y.start, x.stop - x.start) for y, x in box], dtype=np.int64)


def joined_by_tooth(ink: Field) -> Field | None:
    """The ink of a pencil drawing on rough paper, its grains joined; None where nothing is grainy.

    Args:
        ink: (H, W) in [0, 1].
    """
    mask = ink_mask(ink)
    before = _parts(mask)
    if before < _GRAINS:
        return None
    smooth = ndimage.gaussian_filter(ink, _TOOTH_PX)
    top = square_maximum(smooth, 2 * _OWN_PX + 1)
    full = float(np.percentile(smooth[smooth > 0.1], 90)) if (smooth > 0.1).any() else 0.0
    if full <= 0:
        return None
    own = ndimage.uniform_filter(top, 2 * _OWN_PX + 1)
    joined = np.clip(smooth / np.maximum(0.9 * own, 0.35 * full), 0, 1).astype(np.float32)
    if (joined >= 0.5).mean() > _MOST_INK:
        return None  # the texture of a photograph
    strokes = ink_mask(joined)
    labels, count = ndimage.label(strokes, structure=_EIGHT)
    if count > _JOINED * before:
        return None
    inside = ndimage.binary_erosion(strokes, _EIGHT)
    whole = np.bincount(labels[inside], minlength=count + 1)
    bare = np.bincount(labels[inside & ~mask], minlength=count + 1)
    if bare.sum() <= _BARE * inside.sum():
        return None
    # Without a grain of its own it is what a wet sponge left, or a shade of the paper.
    held = np.bincount(labels[mask], minlength=count + 1) > 0
    held[0] = False
    grainy = (bare > _BARE_STROKE * np.maximum(whole, 1)) & held
    # Strokes that are whole stay as they are; a dot that is too small to have an inside is like the rest.
    near = square_maximum((grainy | ((whole == 0) & held))[labels], 2 * _OWN_PX + 1)
    return np.where(near, joined, ink)


def _parts(mask: NDArray[np.bool_]) -> int:
    return int(ndimage.label(mask, structure=_EIGHT)[1])
