"""A photograph as one line: width and ripple of the line follow the tone.

Symbols, lengths in px of the picture:
    D        darkness of the picture, ``InkImage.tone``
    d        D with its contrast stretched, in [0, 1]
    c        share of the paper to cover, c = c_0 + (c_1 - c_0) d
    c_0, c_1 the pen's range: coverage of its lightest and of its darkest line
    u        drive of the line, c(u) inverted (``coverage.py``)
    p        phase of the ripple, p = integral of 2 pi / l(u) along the course

The steps:
    1. The picture is averaged down to what lines at this spacing can show, and stretched.
    2. The course (``course.py``) is sampled densely; each sample takes its c from there.
       Along the line c is averaged over a spacing, which the pen axis can follow.
    3. Width and ripple from u. A sample at p is moved by A sin p to the side of the course.
    4. Places that are white stay so (``white.py``). Elsewhere the lightest tone is the thinnest line.
    5. What this looks like is compared with what was asked for, and the difference is asked for too.
    6. Points that change nothing are left out. If there are still too many, lines and waves
       go farther apart and all is done again.

Every point has full intensity: a pen has one ink, and a grey line would come out thinner
anyway (``calibration.pen``). The darkness is that of the file, not of linear light: a
drawing of lines is looked at beside print, whose greys are spaced for the eye.

Sources: P. Bosch and A. Herman, "Continuous line drawings via the traveling salesman
problem", Oper. Res. Lett. 32, 2004, for tone from one line; the engravings of C. Mellan
("Face of Christ", 1649) for a spiral whose width is the tone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from calibration.raster import lay_ink
from strokebot.errors import GestureError
from strokebot.geometry.pixels import resized
from strokebot.geometry.polyline import simplify
from strokebot.gesture import Gesture, chain
from strokebot.modes import TONE_WHITE, Pattern
from strokebot.picture.image import InkImage
from strokebot.tone.course import scan, spiral
from strokebot.tone.coverage import Response, response, swing
from strokebot.tone.white import white_regions, without_white

# More points than this are hours of drawing and minutes of planning: lines farther apart then.
MOST_POINTS = 200_000
# What a new spacing is chosen too wide, so that corrections do not exceed the bound again.
_SPARSER = 1.05
# Dense samples before simplification at the most (memory and time).
_MOST_SAMPLES = 3_000_000
# Work pixels across a spacing: more cannot be told from fewer after averaging over a spacing.
_PX_PER_SPACING = 4.0
# Dense samples: so many in a spacing, and so many in the shortest wave.
_SAMPLES_PER_SPACING = 3.0
_SAMPLES_PER_WAVE = 12.0
# Averaging over the strip of a line, and again along the line, standard deviations in spacings.
_ACROSS = 0.35
_ALONG = 0.3
# The darkest and the lightest of so many percent of the picture may lose their detail, and the
# contrast grows so many times at the most.
_CLIPPED_PERCENT = 0.5
_MOST_STRETCH = 2.5
# Local contrast: this share of the difference from the mean over so many spacings is added.
_LOCAL_SHARE = 0.15
_LOCAL_SPACINGS = 12.0
# A left out point deviates by at most this share of the thinnest line, in place and half width.
_TOLERANCE = 0.1
# The expected drawing is computed on so many pixels at most.
_SEEN_PIXELS = 4_000_000
# The drawing is compared with the wish so many times and the difference is asked for again,
# averaged over so many spacings: at the edge, in turns and beside jumps of tone the coverage of
# a line of one tone among its like does not hold.
_CORRECTIONS = 2
_LOOK_SPACINGS = 1.0


@dataclass(frozen=True, eq=False)
class _Wish:
    """What is to be drawn, see ``tone_gesture``."""

    ink: InkImage
    pattern: Pattern
    contrast: float
    white: float


@dataclass(frozen=True, eq=False)
class ToneDrawing:
    """A tone drawing and what to expect of it.

    Attributes:
        gesture: canvas units; the pen is up where the paper stays white over a long way.
        expected: (H, W) float32 in [0, 1], darkness that the pen will leave on each pixel.
        range: darkness of the lightest and of the darkest tone that the pen can draw.
        pattern: the course of the line.
        spacing_px: distance of neighbouring lines, px of the picture.
        rippled: whether the line swings where it is dark, since width alone is too little.
    """

    gesture: Gesture
    expected: NDArray[np.float32]
    range: tuple[float, float]
    pattern: Pattern
    spacing_px: float
    rippled: bool


def tone_gesture(
    ink: InkImage,
    pen_px: tuple[float, float],
    pattern: Pattern = "scan",
    *,
    spacing_px: float | None = None,
    contrast: float = 1.0,
    white: float = TONE_WHITE,
) -> ToneDrawing:
    """Draws the tone of a picture as one continuous line.

    Args:
        ink: the picture; its ``tone`` is drawn.
        pen_px: thinnest and widest line of the pen, px of the picture. They may be equal,
            as for a fineliner, or a pen that keeps its pressure within a stroke.
        pattern: the course.
        spacing_px: distance of neighbouring lines, px of the picture; None for the one that suits the
            pen. A picture with too many points for it gets lines farther apart.
        contrast: differences from middle grey are multiplied by this, after the picture's own
            range was stretched.
        white: the white point: places that are no darker, in [0, 1], stay white where they are wide enough.

    Raises:
        GestureError: if the line widths are no widths, the lines are closer than the thinnest of
            them, the contrast or the white point is none, or the picture is white all over.
    """
    thinnest, widest = pen_px
    if not (0.0 < thinnest <= widest < math.inf):
        raise GestureError(
            f"Line widths of {thinnest:g} to {widest:g} px are no pen's: give the thinnest, then the widest."
        )
    if not (0.0 < contrast < math.inf and 0.0 <= white < 1.0):
        raise GestureError(
            f"A contrast of {contrast:g} with a white point of {white:g} makes no picture: "
            "give a contrast above 0, and a white point from 0 to below 1."
        )
    pen = response(thinnest, widest) if spacing_px is None else _spaced(thinnest, widest, spacing_px)
    pen = _affordable(pen, ink.width * ink.height)
    wish = _Wish(ink, pattern, contrast, white)
    for corrections in (0, _CORRECTIONS):
        while True:
            pieces = _fitted_pieces(wish, pen, corrections)
            points = sum(len(piece) for piece in pieces)
            if points <= MOST_POINTS:
                break
            pen = _sparser(pen, math.sqrt(points / MOST_POINTS) * _SPARSER)
    if not pieces:
        raise GestureError("The picture is white all over: there is no tone to draw.")
    expected = _resized(_seen(pieces, (ink.height, ink.width)), (ink.width, ink.height))
    rows = [np.column_stack([piece / ink.longer_side, np.ones(len(piece))]) for piece in pieces]
    return ToneDrawing(chain(rows), expected, pen.range, pattern, pen.spacing, pen.ripples)


def _spaced(thinnest: float, widest: float, spacing: float) -> Response:
    """The response of a pen at a spacing; its lines are no wider than that."""
    if not thinnest <= spacing < math.inf:
        raise GestureError(
            f"Lines {spacing:g} px apart would overlap: the pen's thinnest is {thinnest:g} px wide. "
            "Give a greater spacing."
        )
    return Response(thinnest, min(widest, spacing), spacing)


def _affordable(pen: Response, area: float) -> Response:
    """The pen at a spacing that keeps the dense samples within their bound."""
    samples = area / pen.spacing / _step(pen)
    return pen if samples <= _MOST_SAMPLES else _sparser(pen, math.sqrt(samples / _MOST_SAMPLES))


def _sparser(pen: Response, factor: float) -> Response:
    return Response(pen.thinnest, pen.widest, pen.spacing * factor, pen.coarse * factor)


def _step(pen: Response) -> float:
    """Distance of dense samples along the course."""
    step = pen.spacing / _SAMPLES_PER_SPACING
    return min(step, pen.shortest_wave / _SAMPLES_PER_WAVE) if pen.ripples else step


def stretched(tone: NDArray[np.float32], spacing_px: float, contrast: float = 1.0) -> NDArray[np.float64]:
    """Darkness (H, W) with its range stretched to [0, 1] and its local contrast raised, both modestly.

    Args:
        tone: (H, W) darkness.
        spacing_px: distance of the lines that are to show it, px.
        contrast: differences from middle grey are multiplied by this at last.
    """
    dark = tone.astype(np.float64)
    low, high = np.percentile(dark, [_CLIPPED_PERCENT, 100.0 - _CLIPPED_PERCENT])
    gain = min(1.0 / max(float(high - low), 1e-6), _MOST_STRETCH)
    # A range that stays smaller than the paper's is left where it lay between white and black.
    middle = float(low + high) / 2
    room = max(0.0, (1.0 - gain * float(high - low)) / 2)
    centre = float(np.clip(middle, 0.5 - room, 0.5 + room))
    dark = centre + gain * (dark - middle)
    mean = gaussian_filter(dark, _LOCAL_SPACINGS * spacing_px, mode="nearest", truncate=3.0)
    dark += _LOCAL_SHARE * (dark - mean)
    return np.clip(0.5 + contrast * (dark - 0.5), 0.0, 1.0)


def _fitted_pieces(wish: _Wish, pen: Response, corrections: int) -> list[NDArray[np.float64]]:
    """Drawn pieces (N, 3) of x, y and width, px of the picture, corrected by what they look like."""
    ink, spacing, step = wish.ink, pen.spacing, _step(pen)
    size = (ink.width, ink.height)
    small, unit = _reduced(ink.tone, spacing / _PX_PER_SPACING)
    lightest, darkest = pen.range
    wanted = lightest + (darkest - lightest) * stretched(small, spacing / unit[0], wish.contrast)
    region = white_regions(small, spacing / unit[0], wish.white)
    course = (scan if wish.pattern == "scan" else spiral)(*size, spacing, step)
    course = without_white(course, region, unit, spacing, step)
    asked = wanted
    for _ in range(corrections if course else 0):
        pieces = _pieces(course, asked, unit, pen, size)
        seen = _resized(_seen(pieces, (ink.height, ink.width)), (small.shape[1], small.shape[0]))
        missing = np.where(region, 0.0, wanted - seen)
        missing = gaussian_filter(missing, _LOOK_SPACINGS * spacing / unit[0], mode="nearest")
        asked = np.clip(asked + missing, lightest, darkest)
    return _pieces(course, asked, unit, pen, size)


def _pieces(
    course: list[NDArray[np.float64]],
    wanted: NDArray[np.float64],
    unit: tuple[float, float],
    pen: Response,
    size: tuple[int, int],
) -> list[NDArray[np.float64]]:
    """Drawn pieces (N, 3) along a course, for coverages ``wanted`` on an averaged picture."""
    pieces = []
    # A line stands for its whole strip: it takes the mean over it, or fine textures would beat with the rows.
    across = _ACROSS * pen.spacing / np.array([unit[1], unit[0]])
    broad = gaussian_filter(wanted, across, mode="nearest")
    samples_per_spacing = pen.spacing / _step(pen)
    for way in course:
        at = (way[:, 1] / unit[1] - 0.5, way[:, 0] / unit[0] - 0.5)
        cover = map_coordinates(broad, at, order=1, mode="nearest")
        cover = gaussian_filter1d(cover, _ALONG * samples_per_spacing, mode="nearest")
        line = _line(way, pen, pen.drive_for(cover), size)
        pieces.append(line[simplify(line * [1.0, 1.0, 0.5], _TOLERANCE * pen.thinnest)])
    return pieces


def _reduced(tone: NDArray[np.float32], factor: float) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The picture averaged down by a factor, and the picture's px in one of its own, along x and y."""
    height, width = tone.shape
    if factor <= 1.0:
        return tone, (1.0, 1.0)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return _resized(tone, size), (width / size[0], height / size[1])


def _line(
    way: NDArray[np.float64], pen: Response, drive: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    """The line (N, 3) of x, y and width along a course, inside the picture."""
    width, amplitude, wave = pen.line(drive)
    xy = way[:, :2]
    if pen.ripples:
        tangent = np.gradient(xy, axis=0)
        tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
        passed = np.concatenate([[0.0], np.hypot(*np.diff(xy, axis=0).T)])
        aside = amplitude * way[:, 2] * swing(2 * np.pi * np.cumsum(passed / wave))
        xy = xy + aside[:, None] * np.column_stack([-tangent[:, 1], tangent[:, 0]])
    room = np.minimum(width / 2, min(size) / 2)[:, None]
    return np.column_stack([np.clip(xy, room, np.array(size) - room), width])


def _seen(pieces: list[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.float32]:
    """What the pen will leave, on the pixels of the picture (H, W), or on fewer if these are many."""
    height, width = shape
    scale = min(1.0, math.sqrt(_SEEN_PIXELS / (height * width)))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    points = np.concatenate(pieces)
    down = np.ones(len(points), dtype=bool)
    down[np.cumsum([len(piece) for piece in pieces])[:-1]] = False
    xy = points[:, :2] * (columns / width, rows / height)
    return lay_ink(xy, points[:, 2] * scale, np.ones(len(points)), down, (rows, columns))


def _resized(field: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The field at size = (width, height): averaged where that is smaller, interpolated where not."""
    whole = field.shape[1] % size[0] == 0 and field.shape[0] % size[1] == 0
    return resized(field, size, Image.Resampling.BOX if whole else Image.Resampling.BILINEAR)
