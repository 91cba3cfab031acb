"""What the drawing networks see: log-polar looks at pictures that are being drawn, many at a time.

Nouns:
    work picture  a picture resampled so that its lines are about ``WORK_PX`` px wide
    depth         distance of an ink pixel to the nearest paper
    ridge         the ink pixels whose depth is at least ``_RIDGE`` of the largest depth near by:
                  the middle of the lines, without the slivers that a pen leaves at their edges
    drawn         a ridge pixel that the pen has passed within half a line width (of the pixel's edge)
    look          the picture round a place, in rings and angles that grow with the distance
    cell          one place of a look

Symbols:
    s             local line width at the pen, work px (for the eye: ``WORK_PX``)
    r_i           radius of ring i in line widths:  0.5 * 1.5^i,  i = 0 .. 13  (0.5 .. 97)
    phi_j         angle of cell j from the heading: 2 pi j / 24; y grows downwards, so angles turn
                  clockwise on the paper
    x_ij          place of a cell:  p + s r_i (cos(h + phi_j), sin(h + phi_j))
    k_i           level of the pyramid that ring i is read from: the spacing of its cells,
                  s r_i 2 pi / 24, is about 2^k_i px

    channel 0     ink: mean ink of the pyramid's pixel
    channel 1, 2  undrawn and drawn ridge: ridge pixels in the pyramid's pixel, over the
                  2^k s / WORK_PX that one line through it has; at most 1

Level k of the pyramid holds the counts of blocks of 2^k x 2^k px, so that a newly drawn pixel
changes one number a level, and a look costs the same in a picture of any size.

Frames: all places are work px measured from the picture's EDGE (the centre of pixel i is i + 0.5),
x right, y down. ``WorkPicture.unit`` is work px a picture px:  work = unit * picture.

Source of the arrangement: E. L. Schwartz, "Spatial mapping in the primate sensory projection",
Biological Cybernetics 25, 1977 (log-polar); L. Williams, "Pyramidal parametrics", SIGGRAPH 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, maximum_filter

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# Width of lines in a work picture, px.
WORK_PX = 3.0
ANGLES = 24
RINGS = 14
# Rings that the pen's looks have: up to 12.8 line widths.
PEN_RINGS = 9
CHANNELS = 3
# Radii of the rings, line widths.
RADII: Floats = np.array([0.5 * 1.5**i for i in range(RINGS)], np.float64)
# Unit vectors of the angles, x + iy.
_TURNED = np.exp(2j * np.pi * np.arange(ANGLES) / ANGLES)
LEVELS = 8
_EVERY_LEVEL = np.arange(LEVELS)
_SIZES: Floats = np.ldexp(1.0, -_EVERY_LEVEL)
# Spacing of cells at a radius, times the root of two: the exponent of that is its logarithm, rounded.
_SPACING = 2 * np.pi / ANGLES * np.sqrt(2.0)
INK = 0.5
_RIDGE = 0.6
# Local widths are taken within this of a place, and clipped to it, px.
_WINDOW_PX = 5
# (a line of two pixels has a depth of one: its middle is all of it, and 3 px cover that).
_WIDTHS_PX = (WORK_PX, 15.0)
# A ridge pixel is touched a little before its centre is, px.
_TOUCH_PX = 0.35
# Half the side of the window in which undrawn ridge is looked for first, px.
_NEARBY_PX = 12
# No resampling for lines that are nearly right.
_NEAR = (0.8, 1.3)
# A work picture has at most so many pixels.
_MOST_PIXELS = 12_000_000
# Fixed point of the table: ink in 255ths, widths in 16ths of a px.
_INK_UNITS = 255.0
_WIDTH_UNITS = 16.0
_INK, _UNDRAWN, _DRAWN, _WIDTH = range(4)


def _lanes(*numbers: int) -> int:
    """Four numbers of 16 bits as the one of 64 that a row of the table is too."""
    return int(np.array(numbers, np.int16).view(np.int64)[0])


_UNDRAWN_BITS = _lanes(0, -1, 0, 0)
# Added to a row, it makes one undrawn pixel a drawn one: no lane ever gets negative, so none borrows.
_DRAW_ONE = _lanes(0, 0, 1, 0) - _lanes(0, 1, 0, 0)


@dataclass(frozen=True, eq=False)
class WorkPicture:
    """A picture, ready to be looked at.

    Attributes:
        ink: (H, W) uint8, 255 = full ink.
        ridge: (H, W) bool.
        width: (H, W) float32, local line width near ink, px; 0 far from it.
        unit: work px a picture px.
    """

    ink: NDArray[np.uint8]
    ridge: NDArray[np.bool_]
    width: NDArray[np.float32]
    unit: float

    @property
    def box(self) -> Floats:
        """(4,) left, top, right, bottom of the ridge, px; zeros where there is none."""
        rows, columns = np.flatnonzero(self.ridge.any(axis=1)), np.flatnonzero(self.ridge.any(axis=0))
        if not len(rows):
            return np.zeros(4)
        return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def line_width_px(ink: NDArray[np.float32]) -> float:
    """Width of the lines of a picture (H, W) in [0, 1], px: the mean over the middle of its ink.

    Lines under 2.5 px are measured on the picture at twice the size, where they have a middle.
    """
    depth, local = _depths(ink)
    middle = (depth > 0) & (depth >= _RIDGE * local)
    if not middle.any():
        return WORK_PX
    width = float(np.median(2.0 * local[middle] - 1.0))
    if width >= 2.5:
        return width
    twice = _resized(ink, 2.0)
    depth, local = _depths(twice)
    middle = (depth > 0) & (depth >= _RIDGE * local)
    return max(0.5, float(np.mean(2.0 * local[middle] - 1.0)) / 2.0) if middle.any() else width


def prepare(ink: NDArray[np.float32], line_px: float | None = None) -> WorkPicture:
    """A work picture of a picture.

    Args:
        ink: (H, W) in [0, 1], 1 = full ink.
        line_px: width of its lines, px; None measures it.
    """
    width = line_width_px(ink) if line_px is None else line_px
    unit = WORK_PX / width
    if _NEAR[0] < unit < _NEAR[1]:
        unit = 1.0
    unit = min(unit, float(np.sqrt(_MOST_PIXELS / max(ink.size, 1))))
    work = ink if unit == 1.0 else _resized(ink, unit)
    depth, local = _depths(work)
    ridge = (depth > 0) & (depth >= _RIDGE * local)
    widths = np.where(local > 0, np.clip(2.0 * local - 1.0, *_WIDTHS_PX), 0.0).astype(np.float32)
    return WorkPicture(np.rint(work * _INK_UNITS).astype(np.uint8), ridge, widths, unit)


def _resized(ink: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """The picture at ``unit`` times the size; its edges stay edges."""
    height, width = ink.shape
    size = (int(np.ceil(width * unit)), int(np.ceil(height * unit)))
    box = (0.0, 0.0, min(size[0] / unit, width), min(size[1] / unit, height))
    image = Image.fromarray(np.ascontiguousarray(ink, dtype=np.float32))
    resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box), dtype=np.float32)
    return np.asarray(np.clip(resized, 0.0, 1.0))


def _depths(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Depth of each pixel, and the largest depth within the window round it."""
    mask = np.pad(ink >= INK, 1)
    depth = distance_transform_edt(mask)[1:-1, 1:-1].astype(np.float32)
    return depth, maximum_filter(depth, size=_WINDOW_PX, mode="constant")


class Canvases:
    """B work pictures that are drawn in lock step: where they are inked, and what is drawn of it.

    In every method ``which`` (n,) says which picture each row is about, and places ``xy`` are
    (n, 2) work px from the picture's edge; a picture may come in several rows or none. Places
    outside a picture are paper.

    Args:
        pictures: the work pictures; nothing of them is drawn yet.
    """

    def __init__(self, pictures: Sequence[WorkPicture]) -> None:
        self.unit: Floats = np.array([p.unit for p in pictures], np.float64)
        # Of each level of each picture: columns and rows, cells a row, and the first cell. Round every
        # level lies a border of paper, where all places outside are read.
        self._shape = np.zeros((len(pictures), LEVELS, 2), np.int64)
        self._stride = np.zeros((len(pictures), LEVELS), np.int64)
        self._base = np.zeros((len(pictures), LEVELS), np.int64)
        size = 0
        for b, picture in enumerate(pictures):
            for k in range(LEVELS):
                rows, columns = (-(-v >> k) for v in picture.ink.shape)
                self._shape[b, k], self._stride[b, k] = (columns, rows), columns + 2
                self._base[b, k] = size + columns + 3
                size += (rows + 2) * (columns + 2)
        # Places are clipped to this, with one added to them.
        self._most = self._shape + 1.0
        self._table = np.zeros((size, 4), np.int16)
        self._packed = self._table.view(np.int64).reshape(-1)
        places, owner = list[Indices](), list[Indices]()
        for b, picture in enumerate(pictures):
            self._fill(b, picture)
            places.append(np.argwhere(picture.ridge)[:, ::-1].astype(np.int64))
            owner.append(np.full(len(places[-1]), b, np.int64))
        self._ridge_xy = np.concatenate(places) if places else np.zeros((0, 2), np.int64)
        which = np.concatenate(owner) if owner else np.zeros(0, np.int64)
        self._ridge_cell = self._cells(which, self._ridge_xy)
        self._ridge_start = np.searchsorted(which, np.arange(len(pictures) + 1))
        # Undrawn ridge pixels of each picture.
        self.undrawn: Indices = np.diff(self._ridge_start).astype(np.int64)
        # All ridge pixels of each picture.
        self.ridge: Indices = self.undrawn.copy()

    def __len__(self) -> int:
        return len(self._shape)

    def _fill(self, b: int, picture: WorkPicture) -> None:
        ink, ridge = picture.ink.astype(np.int64), picture.ridge.astype(np.int64)
        for k in range(LEVELS):
            stride, (columns, rows) = int(self._stride[b, k]), self._shape[b, k]
            first = self._base[b, k] - stride - 1
            level = self._table[first : first + (rows + 2) * stride].reshape(rows + 2, stride, 4)
            inside = level[1 : rows + 1, 1 : columns + 1]
            inside[..., _INK] = ink >> (2 * k)
            inside[..., _UNDRAWN] = ridge
            if k == 0:
                inside[..., _WIDTH] = np.rint(picture.width * _WIDTH_UNITS)
            ink, ridge = _halved(ink), _halved(ridge)

    def _cells(self, which: Indices, xy: Indices) -> Indices:
        """Table rows at full size of pixels (n, ..., 2), x and y; of the border where they lie outside."""
        lone = (slice(None), *(None,) * (xy.ndim - 2))
        place = np.minimum(np.maximum(xy, -1), self._shape[which, 0][(*lone, slice(None))])
        cells: Indices = place[..., 1] * self._stride[which, 0][lone]
        cells += place[..., 0]
        cells += self._base[which, 0][lone]
        return cells

    def _read(self, which: Indices, xy: Floats) -> NDArray[np.int16]:
        """Table rows (n, ..., 4) at full size of places (n, ..., 2)."""
        cell = self._cells(which, np.floor(xy).astype(np.int64))
        return self._packed.take(cell).view(np.int16).reshape(*cell.shape, 4)

    def under(self, which: Indices, xy: Floats) -> tuple[Floats, Floats]:
        """Ink (n,) in [0, 1] and local line width s (n,) at some places; see ``ink_at`` and ``scale_at``."""
        read = self._read(which, xy)
        width = read[:, _WIDTH].astype(np.float64) / _WIDTH_UNITS
        width[width == 0.0] = WORK_PX
        return read[:, _INK] / _INK_UNITS, width

    def scale_at(self, which: Indices, xy: Floats) -> Floats:
        """Local line width s (n,), work px; ``WORK_PX`` where there is no ink near by."""
        return self.under(which, xy)[1]

    def ink_at(self, which: Indices, xy: Floats) -> Floats:
        """Ink (n,) in [0, 1] of the pixels at some places."""
        return self._read(which, xy)[:, _INK] / _INK_UNITS

    def look(
        self, which: Indices, xy: Floats, heading: Floats, scale: Floats, rings: int
    ) -> NDArray[np.float32]:
        """Looks at places.

        Args:
            which: (n,) pictures.
            xy: (n, 2) places, work px.
            heading: (n,) direction of angle 0, radians (0 = right, pi / 2 = down).
            scale: (n,) line width s, work px.
            rings: ``PEN_RINGS`` for the pen, ``RINGS`` for the eye.

        Returns:
            (n, 3, rings, 24) float32 in [0, 1]: ink, undrawn ridge, drawn ridge.
        """
        n = len(which)
        radius = scale[:, None] * RADII[:rings]
        level = np.minimum(np.maximum(np.frexp(radius * _SPACING)[1] - 1, 0), LEVELS - 1)
        size = _SIZES[level]
        own = which[:, None]
        away = np.exp(1j * heading)[:, None] * _TURNED
        # One more than the place: the border comes first.
        place = (radius * size)[:, :, None] * away[:, None]
        place += ((xy[:, 0] + 1j * xy[:, 1])[:, None] * size + (1.0 + 1.0j))[:, :, None]
        row = place.view(np.float64).reshape(n, rings, ANGLES, 2)
        np.maximum(row, 0.0, out=row)
        np.minimum(row, self._most[own, level][:, :, None], out=row)
        at = row.astype(np.int64)
        stride = self._stride[own, level]
        cell = at[..., 1] * stride[:, :, None]
        cell += at[..., 0]
        cell += (self._base[own, level] - stride - 1)[:, :, None]
        read = self._packed.take(cell).view(np.int16).reshape(n, rings, ANGLES, 4)
        unit = np.empty((n, CHANNELS, rings, 1), np.float32)
        unit[:, _INK] = 1.0 / _INK_UNITS
        unit[:, _UNDRAWN:, :, 0] = (size * (WORK_PX / np.maximum(scale, WORK_PX))[:, None])[:, None]
        seen = np.empty((n, CHANNELS, rings, ANGLES), np.float32)
        np.multiply(read[..., :CHANNELS].transpose(0, 3, 1, 2), unit, out=seen)
        np.minimum(seen, 1.0, out=seen)
        return seen

    def mark(self, which: Indices, start: Floats, end: Floats, radius: Floats) -> Indices:
        """Draws straight pieces of line.

        Args:
            which: (n,) pictures.
            start: (n, 2) from here, work px.
            end: (n, 2) to here, work px.
            radius: (n,) ridge pixels within this of the piece are drawn, work px; half the line width
                s / 2. A pixel is as near as ``_TOUCH_PX`` before its centre.

        Returns:
            (n,) ridge pixels that were newly drawn by each piece.
        """
        if len(which) == 0:
            return np.zeros(0, np.int64)
        reach = radius + _TOUCH_PX
        along = end - start
        length = np.hypot(along[:, 0], along[:, 1])
        window = _window(int(np.ceil(float((length / 2 + reach).max()))) + 1)
        xy = np.floor((start + end) / 2).astype(np.int64)[:, None] + window
        cell = self._cells(which, xy)
        near = np.flatnonzero(self._packed.take(cell) & _UNDRAWN_BITS)
        if len(near) == 0:
            return np.zeros(len(which), np.int64)
        piece = near // len(window)
        xy = xy.reshape(-1, 2)[near]
        way, apart = along[piece], xy + 0.5 - start[piece]
        share = (apart * way).sum(axis=1) / np.maximum(length * length, 1e-12)[piece]
        apart -= np.minimum(np.maximum(share, 0.0), 1.0)[:, None] * way
        touched = (apart * apart).sum(axis=1) <= (reach * reach)[piece]
        kept = _firsts(cell.reshape(-1)[near[touched]])
        piece, xy = piece[touched][kept], xy[touched][kept]
        picture = which[piece]
        cells = (xy[:, 1:] >> _EVERY_LEVEL) * self._stride[picture]
        cells += xy[:, :1] >> _EVERY_LEVEL
        cells += self._base[picture]
        np.add.at(self._packed, cells.reshape(-1), _DRAW_ONE)
        self.undrawn -= np.bincount(picture, minlength=len(self.undrawn))
        return np.bincount(piece, minlength=len(which))

    def undrawn_places(self, picture: int) -> Floats:
        """Centres (m, 2) of the undrawn ridge pixels of one picture, work px, row by row."""
        own = slice(self._ridge_start[picture], self._ridge_start[picture + 1])
        left = self._table[self._ridge_cell[own], _UNDRAWN] > 0
        return np.asarray(self._ridge_xy[own][left] + 0.5)

    def cell_of(self, picture: int, column: Indices, row: Indices) -> Indices:
        """Numbers (n,) of pixels of one picture that lie inside it, for ``is_undrawn``."""
        return np.asarray(self._base[picture, 0] + row * self._stride[picture, 0] + column)

    def is_undrawn(self, cells: Indices) -> NDArray[np.bool_]:
        """Whether the pixels of some numbers are ridge that is undrawn."""
        return np.asarray(self._table[cells, _UNDRAWN] > 0)

    def nearest_undrawn(self, which: Indices, xy: Floats) -> tuple[Floats, Floats]:
        """The nearest undrawn ridge pixel of each place.

        Returns:
            Its centre (n, 2), work px, and its distance (n,); the place itself and inf where
            nothing is left.
        """
        found, distance = xy.astype(np.float64), np.full(len(which), np.inf)
        if len(which) == 0:
            return found, distance
        near = np.asarray(np.floor(xy)[:, None] + _window(_NEARBY_PX) + 0.5, np.float64)
        apart = np.hypot(*np.moveaxis(near - xy[:, None], -1, 0))
        apart[self._read(which, near)[..., _UNDRAWN] == 0] = np.inf
        rows, best = np.arange(len(which)), apart.argmin(axis=1)
        # What lies beyond the window is farther than this.
        sure = apart[rows, best] <= _NEARBY_PX
        found[sure] = near[rows, best][sure]
        distance[sure] = apart[rows, best][sure]
        for k in np.flatnonzero(~sure):
            picture = which[k]
            left = self.undrawn_places(int(picture))
            if len(left):
                apart = np.hypot(left[:, 0] - xy[k, 0], left[:, 1] - xy[k, 1])
                best = int(apart.argmin())
                found[k], distance[k] = left[best], apart[best]
        return found, distance

    def undrawn_near(self, which: Indices, xy: Floats, radius_px: float) -> Indices:
        """Undrawn ridge pixels (n,) whose centres lie within a radius of places."""
        near = np.asarray(np.floor(xy)[:, None] + _window(int(np.ceil(radius_px)) + 1) + 0.5, np.float64)
        inside = np.hypot(*np.moveaxis(near - xy[:, None], -1, 0)) <= radius_px
        counts: Indices = ((self._read(which, near)[..., _UNDRAWN] > 0) & inside).sum(axis=1)
        return counts


@lru_cache(maxsize=64)
def _window(half: int) -> Indices:
    """Pixels (m, 2), x and y, of a square round the origin, row by row."""
    step = np.arange(-half, half + 1)
    return np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)


def _firsts(cells: Indices) -> Indices:
    """Where each number comes for the first time, in the order of the numbers."""
    order = cells.argsort(kind="stable")
    ranked = cells[order]
    new = np.ones(len(cells), np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=new[1:])
    return order[new]


def _halved(counts: Indices) -> Indices:
    """Sums over blocks of 2 x 2."""
    rows, columns = counts.shape
    even = np.pad(counts, ((0, rows % 2), (0, columns % 2)))
    summed: Indices = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return summed
