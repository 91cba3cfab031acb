"""A page of writing becomes pictures of single characters, and their gestures move back to their places.

Nouns:
    field      the 28x28 picture of one character that the network reads
    crop       the square of the page that becomes a field

Symbols:
    s          scale of a character: page px for one field px
    (x0, y0)   place of the field's top left corner on the page, px
    Page and field go over into each other by  page = (x0, y0) + s * field,
    and canvas units are px over the longer side (28 for a field).

The field is made as MNIST was (LeCun, Cortes and Burges: "The MNIST database"):
the longer side of the ink's box becomes ``INK_SIDE`` px, and the centre of mass
goes to the middle. Ink is averaged over the area that each field pixel covers.
A character that has this size already is moved by whole pixels and not resampled;
a picture of 28x28 is its own field.

Lines thinner than ``LEAST_STROKE`` px in the field would come out grey where the
network was taught black: they are thickened on the page first, and ``on_page`` takes
off again what was added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import euler_number

from strokebot.arrays import frozen_array
from strokebot.errors import GestureError, ImageError
from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.picture.parts import Parts, find_parts
from strokebot.writing.reading_order import MOST_READ, characters, reading_order, union_boxes, writing_height

# Side of a field, and of the ink in it: those of MNIST, px.
FIELD = 28
INK_SIDE = 20.0
# Pixel coordinate to which MNIST moves the centre of mass (14 counted by pixel centres).
_MASS_AT = 14.5
# Least margin between the ink and the field's edge, px.
_MARGIN = 1.0
# Scales this near to 1 are 1: resampling would blur more than the size is off by.
_SNAP = 0.15
# Thinnest line that the field shows in black, field px; MNIST's lines are 2.7 px wide.
LEAST_STROKE = 1.6
# Ink belongs to the nearest part within this distance, px: the grey edges of its lines.
_FRINGE_PX = 3.0
# Taking the thickening off leaves at least this share of the width that the page's lines have.
_LEAST_LEFT = 0.25
# A character is at most this many times as wide as high, and as wide as this many heights of the
# writing: beyond, letters are joined.
_WIDEST = 2.5
_WIDEST_IN_HEIGHTS = 1.4
# Length of line in a character over the longer side of its ink, at most: 8 has 2.8, W has 4.
_LONGEST = 5.0
# A character is at most this many heights of the writing tall.
_TALLEST = 3.5
# Holes in a character, at most: B and 8 have 2, and noise may add one.
_HOLES = 3
# A line wider than this share of the size is a dot or a filled area (bold digits: 0.22).
_BLOB = 0.4


@dataclass(frozen=True, eq=False)
class Glyphs:
    """The characters of a page, in reading order.

    Attributes:
        images: (G, 28, 28) float32 ink in [0, 1], the fields; empty where there is no character.
        offset_px: (G, 2) place (x0, y0) of each field's top left corner, page px; 0 where there is none.
        scale_px: (G,) page px for one field px; 1 where there is none.
        box_px: (G, 4) x0, y0, x1, y1 of the ink on the page, px.
        line: (G,) line of text, from 0 at the top.
        is_glyph: (G,) bool, False where letters are joined or it is no character:
            the tour draws those.
        stroke_px: (G,) mean line width on the page, px.
        grown_px: (G,) by how much the lines were thickened for the field, page px.
        labels: (H, W) int32, which glyph the ink belongs to, from 1; 0 = paper.
        parts: how many connected parts the page has.

    Raises:
        ImageError: for a wrong shape or a value out of range.
    """

    images: NDArray[np.float32]
    offset_px: NDArray[np.float64]
    scale_px: NDArray[np.float64]
    box_px: NDArray[np.float64]
    line: NDArray[np.int64]
    is_glyph: NDArray[np.bool_]
    stroke_px: NDArray[np.float64]
    grown_px: NDArray[np.float64]
    labels: NDArray[np.int32]
    parts: int

    def __post_init__(self) -> None:
        n = len(self.scale_px)

        def put(
            name: str,
            shape: tuple[int | None, ...],
            dtype: type,
            low: float | None = None,
            high: float | None = None,
        ) -> None:
            value = frozen_array(
                name, getattr(self, name), shape, ImageError, dtype=dtype, low=low, high=high
            )
            object.__setattr__(self, name, value)

        put("images", (n, FIELD, FIELD), np.float32, 0.0, 1.0)
        put("offset_px", (n, 2), np.float64)
        put("scale_px", (n,), np.float64, 1e-9)
        put("box_px", (n, 4), np.float64)
        put("line", (n,), np.int64, 0)
        put("is_glyph", (n,), np.bool_)
        put("stroke_px", (n,), np.float64, 0.0)
        put("grown_px", (n,), np.float64, 0.0)
        put("labels", (None, None), np.int32, 0, n)

    def __len__(self) -> int:
        return len(self.scale_px)

    def ink_of(self, glyph: int, ink: InkImage) -> InkImage:
        """The page with the ink of one glyph alone, for the tour."""
        return InkImage(np.where(self.labels == glyph + 1, ink.ink, 0.0), ink.px_per_mm, ink.polarity)


def find_glyphs(ink: InkImage, every: bool = False) -> Glyphs:
    """Finds the characters of a page.

    Args:
        ink: the page.
        every: whether everything on it is to count as a character. Without, nothing does on a page
            of more than ``MOST_READ`` parts.

    Returns:
        Its characters in reading order.

    Raises:
        ImageError: if nothing on the page is dark enough to be ink.
    """
    parts = find_parts(ink.ink)
    if len(parts) == 0:
        raise ImageError("The picture has no ink to draw.")
    boxes = parts.box.astype(np.float64)
    alone = ink.ink.shape == (FIELD, FIELD) and _has_margin(boxes)
    if (
        len(parts) > MOST_READ and not every
    ):  # dots, hatching or a whole book: no page that is read letter by letter
        character = order = np.arange(len(parts))
        line = np.zeros(len(parts), np.int64)
    else:
        character = np.zeros(len(parts), np.int64) if alone else characters(boxes)
        order, line = reading_order(union_boxes(boxes, character))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    glyph_of_part = rank[character]
    labels = _spread(np.concatenate([[0], glyph_of_part + 1]).astype(np.int32)[parts.labels], ink.ink)
    box = union_boxes(boxes, glyph_of_part)
    writing = writing_height(box)
    length = np.bincount(glyph_of_part, weights=parts.area / parts.width)
    stroke = np.bincount(glyph_of_part, weights=parts.area) / length
    images, offsets, scales, grown, whole = [], [], [], [], []
    for k in range(len(box)):
        is_glyph = alone or every
        if not is_glyph and len(parts) <= MOST_READ:
            holes = _holes(parts, glyph_of_part == k, box[k])
            is_glyph = _is_one_character(box[k], writing, stroke[k], length[k], holes)
        image, offset, scale, grow = ink.ink, np.zeros(2), 1.0, 0.0
        if not alone:
            image = np.zeros((FIELD, FIELD), dtype=np.float32)
            if is_glyph:
                image, offset, scale, grow = _field(ink.ink, labels, k, box[k], stroke[k])
        images.append(image)
        offsets.append(offset)
        scales.append(scale)
        grown.append(grow)
        whole.append(is_glyph)
    return Glyphs(
        np.array(images), np.array(offsets), np.array(scales), box, line, np.array(whole), stroke,
        np.array(grown), labels, len(parts),
    )  # fmt: skip


def _has_margin(boxes: NDArray[np.float64]) -> bool:
    return bool(boxes.min() >= _MARGIN and boxes.max() <= FIELD - _MARGIN)


def _spread(labels: NDArray[np.int32], ink: NDArray[np.float32]) -> NDArray[np.int32]:
    """Gives the grey edge pixels around each part the part's label."""
    distance, (y, x) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    near = (distance <= _FRINGE_PX) & (ink > 0)
    return np.where(near, labels[y, x], 0).astype(np.int32)


def _field(
    ink: NDArray[np.float32], labels: NDArray[np.int32], glyph: int, box: NDArray[np.float64], stroke: float
) -> tuple[NDArray[np.float32], NDArray[np.float64], float, float]:
    """The field (28, 28) of one glyph, its offset (2,) and scale, and the thickening in page px."""
    scale = float(max(box[2] - box[0], box[3] - box[1])) / INK_SIDE
    if abs(scale - 1.0) <= _SNAP:
        scale = 1.0
    grow = max(0.0, LEAST_STROKE * scale - stroke) if scale > 1.0 else 0.0
    reach = int(np.ceil(_FRINGE_PX + grow)) + 1
    left, top = (max(0, int(v) - reach) for v in box[:2])
    right, bottom = (int(v) + reach for v in box[2:])
    window = (slice(top, bottom), slice(left, right))
    crop = np.where(labels[window] == glyph + 1, ink[window], np.float32(0)).astype(np.float32)
    if grow > 0.0:
        room = ((max(0, reach - int(box[1])), reach), (max(0, reach - int(box[0])), reach))
        crop = _thicken(np.pad(crop, room), grow)
        left, top = left - room[1][0], top - room[0][0]
    y, x = (np.arange(n) + 0.5 for n in crop.shape)
    mass = float(crop.sum())
    centre = np.array([left + float(crop.sum(0) @ x) / mass, top + float(crop.sum(1) @ y) / mass])
    offset = centre - _MASS_AT * scale
    # A very uneven character would leave the field: its box stays inside.
    room_px = (FIELD - _MARGIN) * scale
    offset = np.minimum(np.maximum(offset, box[2:] - room_px), box[:2] - _MARGIN * scale)
    if scale == 1.0:
        offset = np.round(offset)
    image = _resample(crop, offset - (left, top), scale)
    return image, offset, scale, grow


def _thicken(crop: NDArray[np.float32], grow: float) -> NDArray[np.float32]:
    """Widens the lines of a crop (h, w) by ``grow`` px, half of it on either side."""
    core = crop >= 0.5 * crop.max()
    distance, (y, x) = ndimage.distance_transform_edt(~core, return_indices=True)
    dark = ndimage.maximum_filter(crop, size=3)[y, x]
    added = dark * np.clip(grow / 2 + 1.0 - distance, 0.0, 1.0)
    return np.asarray(np.maximum(crop, added), dtype=np.float32)


def _resample(crop: NDArray[np.float32], offset: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """Area-averages a crop (h, w) into the field whose corner lies at ``offset`` in the crop, px."""
    rows = _overlap(crop.shape[0], offset[1], scale)
    columns = _overlap(crop.shape[1], offset[0], scale)
    return np.clip(rows @ crop @ columns.T, 0.0, 1.0).astype(np.float32)


def _overlap(pixels: int, offset: float, scale: float) -> NDArray[np.float64]:
    """Weights (28, pixels) of page pixels in field pixels along one axis.

    A field pixel is the mean over the page it covers; below a scale of 1 it covers less than
    a page pixel, and the mean over one whole page pixel around its middle interpolates linearly.
    """
    middle = offset + (np.arange(FIELD) + 0.5)[:, None] * scale
    half = max(scale, 1.0) / 2
    edge = np.arange(pixels)[None, :]
    covered = np.minimum(middle + half, edge + 1) - np.maximum(middle - half, edge)
    return np.asarray(np.clip(covered, 0.0, None) / (2 * half), dtype=np.float64)


def _holes(parts: Parts, chosen: NDArray[np.bool_], box: NDArray[np.float64]) -> int:
    """Holes in the chosen parts (N,), by Euler's number: parts less holes."""
    x0, y0, x1, y1 = (int(v) for v in box)
    inside = np.concatenate([[False], chosen])[parts.labels[y0:y1, x0:x1]]
    euler = int(euler_number(inside, connectivity=2))  # type: ignore[no-untyped-call]
    return int(chosen.sum()) - euler


def _is_one_character(
    box: NDArray[np.float64], writing: float, stroke: float, length: float, holes: int
) -> bool:
    """Whether a glyph is simple enough for one field: not wide, tall, long, full of holes, or a blob.

    Args:
        box: (4,) px.
        writing: height of the writing, px.
        stroke: line width, px.
        length: length of all its line, px.
        holes: how many.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    size = max(width, height)
    return bool(
        width <= _WIDEST * height
        and width <= max(_WIDEST_IN_HEIGHTS * writing, height)
        and height <= _TALLEST * writing
        and length <= _LONGEST * size
        and holes <= _HOLES
        and stroke <= _BLOB * size
    )


def on_page(gestures: list[Gesture], glyphs: Glyphs, ink: InkImage) -> list[Gesture]:
    """Moves the gestures of the characters of a page to their places on it.

    Args:
        gestures: one for each glyph. That of a glyph with ``is_glyph`` is in canvas
            units of its field (1 = 28 px), as the network answers; that of any
            other is in canvas units of the page, as ``tour_gesture`` answers for
            ``glyphs.ink_of``.
        glyphs: the characters.
        ink: the page.

    Returns:
        One gesture for each glyph, all in canvas units of the page.

    Raises:
        GestureError: if there is not one gesture for each glyph.
    """
    if len(gestures) != len(glyphs):
        raise GestureError(
            f"{len(gestures)} gestures for {len(glyphs)} characters; there must be one for each."
        )
    side = float(ink.longer_side)
    moved = []
    for k, gesture in enumerate(gestures):
        if not glyphs.is_glyph[k]:
            moved.append(gesture)
            continue
        field_px = FIELD * glyphs.scale_px[k]
        points = (glyphs.offset_px[k] + gesture.positions * field_px) / side
        drawn = gesture.size * field_px
        # Thickening came on top of every line, but no line vanishes with it.
        least = np.minimum(drawn, _LEAST_LEFT * glyphs.stroke_px[k])
        size = np.maximum(drawn - glyphs.grown_px[k], least) / side
        moved.append(Gesture.from_positions(points, size, gesture.intensity))
    return moved
