"""How close a drawing is to a picture, measured without the pen that was optimised.

Nouns:
    drawing      strokes, each a run of the pen on the paper: (K, 4) x, y, full width, ink; px
    ink          the pixels of a picture or a drawing that count as drawn (``parts.ink_mask``:
                 half of the greatest ink near by, at most half)
    skeleton     the centre lines of the picture's ink, one pixel wide (Zhang and Suen)
    centre line  the drawn polylines, sampled every ``_STEP_PX``

Symbols: A the ink of the picture, B the ink of the drawing, S the skeleton's pixel centres,
C the samples of the centre line, each weighted by the length it stands for:

    IoU            |A and B| / |A or B|
    ink F1         harmonic mean of: share of A within 1.5 px of B, share of B within 1.5 px of A
    centre-line F1 harmonic mean of: share of S within 2 px of C, share of C within 2 px of S
    length ratio   drawn length / length of the skeleton
    extra lifts    lifts - (connected parts - 1), at least 0
    tone           Pearson correlation of drawing and picture, both blurred by 2 line widths

Distances are between pixel centres. Empty against empty is a perfect match, empty against
something is 0.

Source: T. Y. Zhang, C. Y. Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from strokebot.picture.parts import ink_mask
from strokebot.raster import draw_ink, skeleton_length_px

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

INK_TOLERANCE_PX = 1.5
LINE_TOLERANCE_PX = 2.0
# Distance of samples on a drawn line: a quarter of the tolerance hides nothing.
_STEP_PX = 0.5
# Blur of the tone measure, line widths.
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a pen drew, px of the picture, y down.

    Attributes:
        strokes: runs of the pen on the paper in order, (K, 4) each: x, y, full width, ink in [0, 1];
            a single point is a dot.
    """

    strokes: tuple[Floats, ...]

    @property
    def length_px(self) -> float:
        """Drawn length."""
        return float(sum(_lengths(stroke).sum() for stroke in self.strokes))

    @property
    def travel_px(self) -> float:
        """Length of the ways between strokes."""
        pairs = zip(self.strokes[:-1], self.strokes[1:], strict=True)
        return float(sum(np.hypot(*(after[0, :2] - before[-1, :2])) for before, after in pairs))

    @property
    def lifts(self) -> int:
        """Lifts between the first and the last stroke."""
        return max(0, len(self.strokes) - 1)

    @property
    def width_px(self) -> float:
        """Median line width by length; of dots alone, by number."""
        rows = [np.column_stack([_middles(s[:, 2]), _lengths(s)]) for s in self.strokes if len(s) > 1]
        table = np.concatenate(rows) if rows else np.zeros((0, 2))
        if table[:, 1].sum() == 0:
            return float(np.median(np.concatenate([s[:, 2] for s in self.strokes]))) if self.strokes else 0.0
        order = np.argsort(table[:, 0], kind="stable")
        share = np.cumsum(table[order, 1])
        return float(table[order, 0][np.searchsorted(share, share[-1] / 2)])

    def clamped(self, low_px: float, high_px: float) -> Drawing:
        """The same lines by a pen whose width goes from ``low_px`` to ``high_px``."""
        low = np.array([-np.inf, -np.inf, low_px, -np.inf])
        high = np.array([np.inf, np.inf, high_px, np.inf])
        return Drawing(tuple(np.clip(stroke, low, high) for stroke in self.strokes))

    def chained(self) -> tuple[Floats, Mask]:
        """All points (N, 4) in order, and for each whether the way to it from the one before is drawn."""
        rows = [np.repeat(s, 2, axis=0) if len(s) == 1 else s for s in self.strokes]
        down = [np.arange(len(row)) > 0 for row in rows]
        return np.concatenate(rows), np.concatenate(down)

    def ink(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The drawing on a pixel grid (height, width)."""
        if not self.strokes:
            return np.zeros(shape, dtype=np.float32)
        points, down = self.chained()
        return draw_ink(points[:, :2], points[:, 2], points[:, 3], down, shape)


def drawing_of(xy_px: Floats, width_px: Floats, ink: Floats, drawn: Mask) -> Drawing:
    """Cuts a chain of points where the way to a point is not drawn (entry 0 of ``drawn`` says nothing)."""
    table = np.column_stack([xy_px, width_px, ink])
    cuts = [k for k in range(1, len(table)) if not drawn[k]]
    runs = np.split(table, cuts)
    # A point with the pen up before and after it is a turn in the air.
    kept = [run for run in runs if len(run) > 1 or len(table) == 1]
    return Drawing(tuple(kept))


@dataclass(frozen=True, eq=False)
class Target:
    """A picture's ink, prepared for measuring.

    Attributes:
        ink: (H, W) in [0, 1].
        mask: (H, W) what counts as ink.
        skeleton: (H, W) its centre lines.
        skeleton_px: their length.
        parts: connected parts, corners included.
    """

    ink: NDArray[np.float32]
    mask: Mask
    skeleton: Mask
    skeleton_px: float
    parts: int

    @classmethod
    def of(cls, ink: NDArray[np.float32]) -> Target:
        """Prepares a picture (H, W)."""
        mask = ink_mask(ink)
        skeleton = np.asarray(skeletonize(mask), dtype=np.bool_)  # type: ignore[no-untyped-call]
        parts = int(ndimage.label(mask, structure=_EIGHT)[1])
        return cls(ink, mask, skeleton, skeleton_length_px(mask.astype(np.float32)), parts)


@dataclass(frozen=True, slots=True)
class Score:
    """The measures of one drawing; see the top of the file."""

    iou: float
    ink_f1: float
    line_f1: float
    length_ratio: float
    extra_lifts: int
    travel_px: float


def score(target: Target, drawing: Drawing) -> Score:
    """Measures a drawing against its picture."""
    have = ink_mask(drawing.ink(target.ink.shape))
    return Score(
        iou(target.mask, have),
        ink_f1(target.mask, have),
        line_f1(target.skeleton, drawing),
        drawing.length_px / target.skeleton_px if target.skeleton_px > 0 else 1.0,
        max(0, drawing.lifts - max(0, target.parts - 1)),
        drawing.travel_px,
    )


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union; 1 if both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def ink_f1(a: Mask, b: Mask, tolerance_px: float = INK_TOLERANCE_PX) -> float:
    """Harmonic mean of the shares of each that lie within the tolerance of the other."""
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    near_a = ndimage.distance_transform_edt(~a) <= tolerance_px
    near_b = ndimage.distance_transform_edt(~b) <= tolerance_px
    return _harmonic(float(near_b[a].mean()), float(near_a[b].mean()))


def line_f1(skeleton: Mask, drawing: Drawing, tolerance_px: float = LINE_TOLERANCE_PX) -> float:
    """Centre-line F1 of a drawing against a skeleton (H, W)."""
    rows, columns = np.nonzero(skeleton)
    bones = np.column_stack([columns, rows]) + 0.5
    samples, weight = _samples(drawing.strokes)
    if len(bones) == 0 or len(samples) == 0:
        return float(len(bones) == len(samples))
    to_line = cKDTree(samples).query(bones, distance_upper_bound=tolerance_px + 1)[0]
    to_bone = cKDTree(bones).query(samples, distance_upper_bound=tolerance_px + 1)[0]
    recall = float(np.mean(to_line <= tolerance_px))
    precision = float(weight[to_bone <= tolerance_px].sum() / weight.sum())
    return _harmonic(recall, precision)


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def _lengths(stroke: Floats) -> Floats:
    return np.asarray(np.hypot(*np.diff(stroke[:, :2], axis=0).T))


def _middles(values: Floats) -> Floats:
    return np.asarray((values[1:] + values[:-1]) / 2)


def _samples(strokes: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Points about a step apart on the strokes, and the length that each stands for."""
    points, weights = [np.zeros((0, 2))], [np.zeros(0)]
    for stroke in strokes:
        if len(stroke) == 1 or _lengths(stroke).sum() == 0:
            points.append(stroke[:1, :2])
            weights.append(np.full(1, _STEP_PX))  # a dot weighs as much as a step
            continue
        start, vector, length = stroke[:-1, :2], np.diff(stroke[:, :2], axis=0), _lengths(stroke)
        count = np.maximum(1, np.ceil(length / _STEP_PX)).astype(np.int64)
        which = np.repeat(np.arange(len(count)), count)
        share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[which]
        points.append(start[which] + share[:, None] * vector[which])
        weights.append(length[which] / count[which])
    return np.concatenate(points), np.concatenate(weights)
