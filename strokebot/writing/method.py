"""Who draws a picture: the network, which knows characters, or the tour, which draws any line.

What is characters of about one size, side by side, goes to the network. Line art,
large drawings and joined writing go to the tour. The rules are ordered; the first
that holds decides and gives the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from strokebot.picture.image import InkImage
from strokebot.writing.page import FIELD, Glyphs

Method = Literal["model", "tour"]

# Least share of the ink that must lie in single characters.
_LEAST_SHARE = 0.6
# A lone character is written with a pen of at least this share of its size; a drawing's line is
# finer. (MNIST: 0.13. A letter of 20 mm drawn with a 0.7 mm pen: 0.035.)
_LONE_STROKE = 0.03
# A picture of at most this many pixels a side shows one character rather than a drawing.
_SMALL_PX = 4 * FIELD
# Greatest ratio of the tallest to the lowest tenth of the characters on a page of writing.
_HEIGHT_RATIO = 6.0
# Characters side by side overlap little; beyond this share of them, parts lie inside others.
_OVERLAPPING = 0.3


@dataclass(frozen=True)
class Choice:
    """Who draws, and why.

    Attributes:
        method: "model" or "tour".
        reason: one sentence.
        handwriting_share: share of the ink that lies in single characters, in [0, 1].
    """

    method: Method
    reason: str
    handwriting_share: float


def choose_method(ink: InkImage, glyphs: Glyphs) -> Choice:
    """Decides between the network and the tour.

    Args:
        ink: the picture.
        glyphs: its characters, of ``find_glyphs``.

    Returns:
        The method with its reason.
    """
    mass = np.bincount(glyphs.labels.ravel(), weights=ink.ink.ravel(), minlength=len(glyphs) + 1)[1:]
    share = float(mass[glyphs.is_glyph].sum() / mass.sum())
    if share < _LEAST_SHARE:
        return Choice("tour", f"Only {share:.0%} of the ink lies in single characters.", share)
    overlapping = _overlapping_share(glyphs)
    if overlapping > _OVERLAPPING:
        return Choice("tour", f"{overlapping:.0%} of the parts overlap others, as in a drawing.", share)
    width = glyphs.box_px[:, 2] - glyphs.box_px[:, 0]
    height = glyphs.box_px[:, 3] - glyphs.box_px[:, 1]
    size = np.maximum(width, height)
    large = mass >= 0.1 * mass.max()
    if large.sum() == 1:
        k = int(np.argmax(mass))
        stroke = float(glyphs.stroke_px[k] / size[k])
        if ink.longer_side > _SMALL_PX and stroke < _LONE_STROKE:
            return Choice("tour", f"One large drawing with a fine line ({stroke:.1%} of its size).", share)
        return Choice("model", "One single character.", share)
    tall, low = np.percentile(size[large], [90, 10])
    if tall > _HEIGHT_RATIO * low:
        return Choice("tour", f"The parts differ in size by {tall / low:.0f} to 1, as in a drawing.", share)
    lines = int(glyphs.line.max()) + 1
    plural = "line" if lines == 1 else "lines"
    return Choice("model", f"{len(glyphs)} characters in {lines} {plural}.", share)


def _overlapping_share(glyphs: Glyphs) -> float:
    """Share of the glyphs whose box is covered by another's for more than half."""
    box = glyphs.box_px
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    covered = 0
    for k in range(len(box)):
        wide = np.minimum(box[k, 2], box[:, 2]) - np.maximum(box[k, 0], box[:, 0])
        high = np.minimum(box[k, 3], box[:, 3]) - np.maximum(box[k, 1], box[:, 1])
        shared = np.clip(wide, 0, None) * np.clip(high, 0, None)
        shared[k] = 0.0
        covered += bool(shared.max() > 0.5 * area[k])
    return covered / len(box)
