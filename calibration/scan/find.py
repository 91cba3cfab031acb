"""Finds the fiducials of a chart in a picture of it.

Nouns:
    candidate   a dark connected region whose outline is nearly a square in perspective
    quad        its four corners, px, in order around it
    sighting    a candidate whose modules spell a code

The steps:
    1. Ink is what is darker than its surroundings: the picture over its local light.
    2. Connected regions of a plausible size; the hull of each is cut down to four corners, and
       must fill them nearly.
    3. The 6 x 6 modules are sampled through the homography of the corners: a dark frame, and a
       code in one of four turns. A code that fits only mirrored is a mirrored picture.
    4. Sides are refined: half-way crossings of many profiles across each side, a robust line
       through them, corners where the lines meet.

Sources: S. Garrido-Jurado et al., "Automatic generation and detection of highly reliable
fiducial markers under occlusion", Pattern Recognition 47 (2014), for the order of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, find_objects, label, map_coordinates, maximum_filter, uniform_filter
from scipy.spatial import ConvexHull, QhullError

from calibration.chart.fiducial import CODES, MODULES, code_modules

Floats = NDArray[np.float64]

# Searching is done on a picture of at most so many pixels on the longer side.
_SEARCH_PX = 1600
# Local light: the brightest within this share of the longer side, smoothed.
_LIGHT_SHARE = 0.04
# Ink is darker than this share of the local light.
_INK_SHARE = 0.65
# Sides of a candidate as a share of the picture's longer side.
_SIDE_RANGE = (0.008, 0.25)
# Corners of a hull of which the four that span the largest area are chosen.
_HULL_CORNERS = 12
# The hull of a candidate fills its four corners at least so far; and its sides differ by so much.
_FILLED = 0.88
_SIDE_RATIO = 2.0
# Dark modules of the frame, of 20; and errors of a code that are corrected.
_FRAME_DARK = 18
_CODE_ERRORS = 2
# Samples across a module when it is read, from its middle half.
_READ_SAMPLES = 5
# Profiles along a side and their reach to either side of it, in modules.
_SIDE_PROFILES = 48
_SIDE_REACH = 0.8
_PROFILE_STEP_PX = 0.25
# A crossing further than this many median deviations from the line does not count.
_OUTLIER = 3.0
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Sighting:
    """A fiducial in a picture.

    Attributes:
        number: which one.
        corners_px: (4, 2) lower left, lower right, upper right, upper left of the figure as it is
            planned, x right, y down, pixel edges at whole numbers.
        mirrored: whether its code fits only as a mirror image.
        errors: modules of the code that were read wrongly.
        edge_sigma_px: spread of its edges, a measure of blur: standard deviation of a Gaussian.
    """

    number: int
    corners_px: Floats
    mirrored: bool
    errors: int
    edge_sigma_px: float


def find_fiducials(grey: NDArray[np.float32]) -> list[Sighting]:
    """All fiducials in a picture, the best sighting of each number.

    Args:
        grey: (H, W) light in [0, 1].
    """
    scale = max(1.0, max(grey.shape) / _SEARCH_PX)
    step = int(np.ceil(scale))
    small = _shrunk(grey, step)
    ink = _ink(small)
    found: dict[tuple[int, bool], Sighting] = {}
    for quad in _candidates(ink):
        sighting = _read(grey, quad * step)
        if sighting is None:
            continue
        key = (sighting.number, sighting.mirrored)
        if key not in found or sighting.errors < found[key].errors:
            found[key] = sighting
    return sorted(found.values(), key=lambda s: (s.number, s.mirrored))


def square_to_quad(quad: Floats) -> Floats:
    """The homography (3, 3) from the unit square to four corners (4, 2): (0,0), (1,0), (1,1), (0,1)."""
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    return fit_homography(square, quad)


def fit_homography(source: Floats, target: Floats) -> Floats:
    """The homography (3, 3) that takes source (N, 2) to target (N, 2), least squares, N at least 4.

    Direct linear transform with both point sets scaled about their means: R. Hartley, "In
    defense of the eight-point algorithm", IEEE PAMI 19 (1997).
    """
    a, b = _normaliser(source), _normaliser(target)
    s, t = project(a, source), project(b, target)
    one, zero = np.ones(len(s)), np.zeros((len(s), 3))
    plain = np.column_stack([s, one])
    rows = np.concatenate(
        [
            np.hstack([plain, zero, -t[:, :1] * plain]),
            np.hstack([zero, plain, -t[:, 1:] * plain]),
        ]
    )
    h = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    return np.asarray(np.linalg.inv(b) @ h @ a)


def project(h: Floats, points: Floats) -> Floats:
    """Points (N, 2) through a homography (3, 3)."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ h.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def sample(grey: NDArray[np.float32], points: Floats) -> Floats:
    """Light at places (..., 2) of a picture, px with pixel edges at whole numbers; nearest outside."""
    rows, columns = points[..., 1] - 0.5, points[..., 0] - 0.5
    values = map_coordinates(grey, [rows.ravel(), columns.ravel()], order=1, mode="nearest")
    return np.asarray(values, dtype=np.float64).reshape(points.shape[:-1])


def _normaliser(points: Floats) -> Floats:
    mean = points.mean(axis=0)
    spread = float(np.sqrt(((points - mean) ** 2).sum(axis=1).mean())) or 1.0
    return np.array([[1 / spread, 0, -mean[0] / spread], [0, 1 / spread, -mean[1] / spread], [0, 0, 1]])


def _shrunk(grey: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    rows, columns = (n // step * step for n in grey.shape)
    cells = grey[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return np.asarray(cells.mean(axis=(1, 3)))


def _ink(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    reach = max(3, round(_LIGHT_SHARE * max(grey.shape)))
    light = uniform_filter(maximum_filter(grey, reach), reach)
    # Strokes of a thin pen that leave a gap are one region all the same.
    return np.asarray(binary_closing(np.pad(grey < _INK_SHARE * light, 1), _EIGHT))[1:-1, 1:-1]


def _candidates(ink: NDArray[np.bool_]) -> list[Floats]:
    """Quads (4, 2) of regions that may be fiducials."""
    labels, _ = label(ink, structure=_EIGHT)
    low, high = (share * max(ink.shape) for share in _SIDE_RANGE)
    quads = []
    for number, box in enumerate(find_objects(labels), start=1):
        sides = [s.stop - s.start for s in box]
        if min(sides) < max(low, 6.0) or max(sides) > high or max(sides) > 2 * _SIDE_RATIO * min(sides):
            continue
        rows, columns = np.nonzero(labels[box] == number)
        quad = _quad(np.column_stack([columns + box[1].start, rows + box[0].start]).astype(np.float64))
        if quad is not None:
            quads.append(quad)
    return quads


def _quad(pixels: Floats) -> Floats | None:
    """The four corners of a region of pixels (N, 2), or None if it is no quad."""
    edges = np.concatenate([pixels + corner for corner in ((0, 0), (1, 0), (0, 1), (1, 1))])
    try:
        hull = edges[ConvexHull(edges).vertices]
    except QhullError:
        return None
    full = _area(hull)
    while len(hull) > _HULL_CORNERS:  # leave out the corner that costs the least area
        before, after = hull - np.roll(hull, 1, axis=0), np.roll(hull, -1, axis=0) - hull
        cost = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
        hull = np.delete(hull, int(np.argmin(cost)), axis=0)
    if len(hull) < 4:
        return None
    hull = max((hull[list(four)] for four in combinations(range(len(hull)), 4)), key=_area)
    sides = np.linalg.norm(hull - np.roll(hull, 1, axis=0), axis=1)
    if sides.max() > _SIDE_RATIO * sides.min() or _area(hull) < _FILLED * full:
        return None
    # The region must be about as large as its hull would be: a thin frame or a line is none.
    return hull if len(pixels) > 0.3 * full else None


def _area(polygon: Floats) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _read(grey: NDArray[np.float32], quad: Floats) -> Sighting | None:
    """What a candidate spells, with refined corners, or None if it is no fiducial."""
    refined = _refined(grey, quad)
    if refined is None:
        return None
    corners, sigma = refined
    inner = (np.arange(_READ_SAMPLES) + 0.5) / _READ_SAMPLES * 0.5 + 0.25
    at = (np.arange(MODULES)[:, None] + inner).ravel() / MODULES
    u, v = np.meshgrid(at, at)
    light = sample(grey, project(square_to_quad(corners), np.column_stack([u.ravel(), v.ravel()])))
    cells = light.reshape(MODULES, _READ_SAMPLES, MODULES, _READ_SAMPLES).mean(axis=(1, 3))
    frame = np.ones((MODULES, MODULES), dtype=bool)
    frame[1:-1, 1:-1] = False
    middle = (float(np.median(cells[frame])) + float(cells[~frame].max())) / 2
    dark = cells < middle
    if np.count_nonzero(dark[frame]) < _FRAME_DARK:
        return None
    read = dark[1:-1, 1:-1]
    best: tuple[int, int, int, bool] | None = None
    for number in range(len(CODES)):
        code = code_modules(number)
        for mirrored in (False, True):
            for turns in range(4):
                errors = int((np.rot90(code.T if mirrored else code, turns) != read).sum())
                if errors <= _CODE_ERRORS and (best is None or errors < best[0]):
                    best = (errors, number, turns, mirrored)
    if best is None:
        return None
    errors, number, turns, mirrored = best
    # Corners in the figure's own order. Cells go (0,0) (1,0) (1,1) (0,1) = upper left, upper right, lower
    # right, lower left as read; the figure was turned counter-clockwise by ``turns`` quarters.
    own = np.roll(corners, turns, axis=0)  # now upper left, upper right, lower right, lower left
    if mirrored:
        own = own[[0, 3, 2, 1]]
    return Sighting(number, own[[3, 2, 1, 0]], mirrored, errors, sigma)


def _refined(grey: NDArray[np.float32], quad: Floats) -> tuple[Floats, float] | None:
    """Corners (4, 2) at the edges of the ink, ordered so that they turn as x to y, and the edge's sigma."""
    if np.cross(np.append(quad[1] - quad[0], 0), np.append(quad[2] - quad[1], 0))[2] < 0:
        quad = quad[::-1]
    middle = quad.mean(axis=0)
    lines, spreads = [], []
    for k in range(4):
        a, b = quad[k], quad[(k + 1) % 4]
        along = (b - a) / np.linalg.norm(b - a)
        out = np.array([along[1], -along[0]])
        if (a - middle) @ out < 0:
            out = -out
        reach = _SIDE_REACH * float(np.linalg.norm(b - a)) / MODULES
        where = np.linspace(0.1, 0.9, _SIDE_PROFILES)
        offsets = np.arange(-reach, reach + _PROFILE_STEP_PX / 2, _PROFILE_STEP_PX)
        places = a + where[:, None, None] * (b - a) + offsets[None, :, None] * out
        crossing, spread = _crossings(sample(grey, places), offsets)
        good = np.isfinite(crossing)
        if np.count_nonzero(good) < _SIDE_PROFILES // 3:
            return None
        points = a + where[good, None] * (b - a) + crossing[good, None] * out
        lines.append(_line(points))
        spreads.append(spread)
    corners = np.array([_meet(lines[k - 1], lines[k]) for k in range(4)])
    if not np.isfinite(corners).all() or np.linalg.norm(corners - quad, axis=1).max() > np.linalg.norm(
        quad[0] - quad[2]
    ):
        return None
    return corners, float(np.median(spreads))


def _crossings(light: Floats, offsets: Floats) -> tuple[Floats, float]:
    """Where each profile (P, M), dark to light, passes half-way; nan where it does not. And its sigma."""
    quarter = max(2, light.shape[1] // 4)
    dark, paper = np.median(light[:, :quarter], axis=1), np.median(light[:, -quarter:], axis=1)
    half = ((dark + paper) / 2)[:, None]
    over = light >= half
    first = np.argmax(over, axis=1)
    rows = np.arange(len(light))
    before = np.maximum(first - 1, 0)
    rise = light[rows, first] - light[rows, before]
    share = np.where(rise > 0, (half[:, 0] - light[rows, before]) / np.where(rise > 0, rise, 1.0), 0.0)
    crossing = offsets[before] + share * (offsets[1] - offsets[0])
    contrast = paper - dark
    good = over.any(axis=1) & (first > 0) & (contrast > 0.3 * max(float(np.median(contrast)), 1e-3))
    # A Gaussian edge of height c has the slope c / (sigma sqrt(2 pi)) in its middle.
    slope = np.gradient(light, offsets, axis=1).max(axis=1)
    sigma = contrast / np.maximum(slope, 1e-9) / np.sqrt(2 * np.pi)
    spread = float(np.median(sigma[good])) if good.any() else float("inf")
    return np.where(good, crossing, np.nan), spread


def _line(points: Floats) -> tuple[Floats, Floats]:
    """A robust line through points (N, 2): a point on it and its direction."""
    keep = np.ones(len(points), dtype=bool)
    for _ in range(4):
        mean = points[keep].mean(axis=0)
        along = np.linalg.svd(points[keep] - mean)[2][0]
        across = np.abs((points - mean) @ np.array([-along[1], along[0]]))
        limit = max(_OUTLIER * 1.4826 * float(np.median(across[keep])), 0.2)
        keep = across <= limit
    return mean, along


def _meet(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
    """Where two lines meet; nan if they are parallel."""
    (p, u), (q, v) = first, second
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) < 1e-9:
        return np.array([np.nan, np.nan])
    w = q - p
    return np.asarray(p + u * ((w[0] * v[1] - w[1] * v[0]) / cross))
