"""A work picture taken apart into its connected parts, which are drawn side by side.

A pen that draws a whole picture draws one part after the other, and each step of it waits for the one
before. Pens that draw one part each take their steps together, in one call of a network: a page takes as
many calls as its longest part. In which order people draw the parts is told afterwards
(``strokebot.hand.order``).

Nouns:
    part    ink that touches, pixel by pixel, also across corners
    margin  paper round a part: as far as a pen of the part looks from its edge, nothing else is seen
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from strokebot.hand.retina import INK, WorkPicture

Floats = NDArray[np.float64]

_MARGIN_PX = 2
_TOUCHING = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, eq=False)
class Part:
    """One connected part.

    Attributes:
        picture: the part alone.
        corner: (2,) x and y of its picture's upper left corner, work px of the whole.
        box: (4,) left, top, right, bottom of its ink, work px of the whole.
    """

    picture: WorkPicture
    corner: Floats
    box: Floats


def split(work: WorkPicture) -> list[Part]:
    """The parts of a work picture that have a ridge, from its top to its bottom."""
    inked = work.ink >= round(INK * 255)
    labels, count = label(inked, structure=_TOUCHING)
    if count == 1:
        return [Part(work, np.zeros(2), _box(*find_objects(labels)[0]))] if work.ridge.any() else []
    parts = list[Part]()
    for number, (rows, columns) in enumerate(find_objects(labels), 1):
        high, left = max(rows.start - _MARGIN_PX, 0), max(columns.start - _MARGIN_PX, 0)
        near = slice(high, rows.stop + _MARGIN_PX), slice(left, columns.stop + _MARGIN_PX)
        own, others = labels[near] == number, labels[near] > 0
        others &= ~own
        ridge = work.ridge[near] & own
        if not ridge.any():
            continue
        picture = WorkPicture(
            np.where(others, 0, work.ink[near]), ridge, np.where(others, 0.0, work.width[near]), work.unit
        )
        parts.append(Part(picture, np.array([left, high], np.float64), _box(rows, columns)))
    return parts


def _box(rows: slice, columns: slice) -> Floats:
    return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float64)
