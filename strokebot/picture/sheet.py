"""Finds a sheet that lies on something, its edges in the picture.

Nouns:
    copy      a small, closed copy of the picture: thin dark lines are filled, so that ink has no edges
    step(x)   difference of log brightness across x, one way along x or y, clipped, so that a strong
              edge counts no more than a clear one
    side      a straight line through the picture, left, right, top or bottom, with a step of one sign
              along most of it
    sheet     the quadrilateral between four sides, one of which may be the picture's own border

A side is the line (offset, slope) that gathers the most of its step: an exhaustive Hough transform over the
few slopes that a photographed sheet has (P. Hough, 1962; R. Duda and P. Hart, 1972). What tells a sheet from
a cast shadow: a shadow has no four straight sides, and what is drawn goes on under it. Where brightness shows
no sheet, the ratio of blue to red takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from strokebot.picture.channels import Channels, luminance_of
from strokebot.picture.perspective import Perspective
from strokebot.picture.resize import BOX, resized

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

# The longer side of the copy, px, and its closing, as a share of the shorter side.
_COPY_PX = 240
_CLOSING_SHARE = 0.05
# Slopes of sides, as tangents: sheets lie a little askew.
_MOST_SLOPE, _SLOPES = 0.36, 73
# A step between sheet and ground, in log brightness: what one position adds at most, and what counts as seen.
_FULL_STEP, _SEEN_STEP = 0.3, 0.1
# Refining at full size: pieces of a side, and how far to either side, px of the copy.
_PIECES, _REFINE_PX = 24, 3.0
# Shares of a side's length that show the step: of each side, and of all four on average.
_LEAST_SUPPORT, _MEAN_SUPPORT = 0.55, 0.78
# One side may be the picture's border; the others then have to be clearer.
_MEAN_SUPPORT_OF_THREE = 0.9
# What is added to a channel before its hue is taken; files keep colours at half their size, so the copy is
# smaller; hues differ less than brightness.
_DARK, _HUE_COPY_PX, _HUE_GAIN = 0.05, 120, 1.5
# Such a sheet has its own hue in this share at least, and is so light beside its ground at least.
_LEAST_FILLED, _LEAST_LIGHT = 0.75, 0.5
# Of which one pixel in so many each way tells enough.
_EVERY = 3
# A sheet covers so much of the picture, at least and at most.
_LEAST_SHARE, _MOST_SHARE = 0.15, 0.97
# The edge of the sheet is a shadow and a blur: so much of the shorter side is left out along it, px at least.
_RIM_SHARE, _RIM_PX = 0.012, 3.0
# A side this near to the picture's border is the border, px.
_OFF_PX = 1.5


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet in a picture.

    Attributes:
        corners_px: (4, 2) x, y from the upper left one clockwise, px of the picture, edges at 0.
        mask: (H, W) the pixels on it, without its rim.
        on_table: whether its edges are in the picture; otherwise it is all of the picture but a dark border.
        perspective: how it lay in the photo, where the picture is the sheet alone, straightened.
    """

    corners_px: NDArray[np.float64]
    mask: Mask
    on_table: bool = True
    perspective: Perspective | None = None

    @classmethod
    def straight(cls, perspective: Perspective, shape: tuple[int, int]) -> Sheet:
        """A straightened sheet that fills a picture (H, W)."""
        height, width = shape
        rim = math.ceil(_rim_px(shape))
        mask = np.zeros(shape, dtype=np.bool_)
        mask[rim:-rim, rim:-rim] = True
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
        return cls(corners, mask, perspective=perspective)

    @property
    def share(self) -> float:
        """Share of the picture that lies on the sheet."""
        return float(self.mask.mean())

    def at(self, shape: tuple[int, int]) -> Sheet:
        """The same sheet in a picture (H, W) of another size."""
        if self.mask.shape == shape:
            return self
        if self.perspective is not None:
            return Sheet.straight(self.perspective, shape)
        corners = self.corners_px * [shape[1] / self.mask.shape[1], shape[0] / self.mask.shape[0]]
        return Sheet(corners, _inside(corners, shape), self.on_table)


def find_sheet(channels: Channels) -> Sheet | None:
    """Looks for a sheet whose edges are in the picture.

    Args:
        channels: one or three fields (H, W) in [0, 1], ink darker than the sheet.

    Returns:
        The sheet, or None if the picture shows no edges of one.
    """
    found = _sheet_of(luminance_of(channels), _log, _COPY_PX)
    if found is None and len(channels) == 3:
        # A shadow leaves colours as they are: where it hides an edge, hue may still tell sheet from table.
        hue = np.log(_lifted(channels[2])) - np.log(_lifted(channels[0]))
        found = _sheet_of(hue, _stretched, _HUE_COPY_PX)
        few = np.s_[::_EVERY, ::_EVERY]
        if found is not None and not _is_even(
            hue[few], luminance_of(tuple(channel[few] for channel in channels)), found.mask[few]
        ):
            return None
    return found


def _is_even(hue: Field, luminance: Field, mask: Mask) -> bool:
    """Whether what the mask (H, W) holds has one hue and is as light as paper may be: no broad marker."""
    inside, outside = float(np.median(hue[mask])), float(np.median(hue[~mask]))
    filled = np.mean((hue[mask] > (inside + outside) / 2) == (inside > outside))
    dark = float(np.median(luminance[mask])) < _LEAST_LIGHT * float(np.median(luminance[~mask]))
    return bool(filled >= _LEAST_FILLED) and not dark


def _log(brightness: Field) -> Field:
    return np.log(np.maximum(brightness, np.float32(0.02)))


def _stretched(hue: Field) -> Field:
    return hue * np.float32(_HUE_GAIN)


def _lifted(channel: Field) -> Field:
    """A channel with its darkest values lifted, since noise alone gives those their hue."""
    return channel + np.float32(_DARK)


def _sheet_of(brightness: Field, tone_of: Callable[[Field], Field], copy_px: int) -> Sheet | None:
    """The sheet in a field (H, W) with edges against its ground.

    Args:
        brightness: what differs between sheet and ground.
        tone_of: turns it into what steps are measured in.
        copy_px: the longer side of the copy.
    """
    height, width = brightness.shape
    factor = max(height, width) / copy_px
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    if factor <= 1.0:
        size, factor = (width, height), 1.0
    if min(size) < 24:
        return None
    small = resized(brightness, size, BOX)
    reach = 2 * max(2, round(_CLOSING_SHARE * min(size) / 2)) + 1
    closed = ndimage.grey_closing(ndimage.gaussian_filter(small, 0.7), size=(reach, reach), mode="nearest")
    tone = tone_of(closed)
    best: tuple[float, NDArray[np.float64], float] | None = None
    for sign in (1.0, -1.0):
        found = _quadrilateral(np.float32(sign) * tone)
        if found is not None and (best is None or found[0] > best[0]):
            best = (*found, sign)
    if best is None:
        return None
    corners = best[1] * [width / size[0], height / size[1]]
    corners = _refined(best[2] * ndimage.gaussian_filter(brightness, 1.0), corners, _REFINE_PX * factor)
    mask = _inside(corners, brightness.shape)
    if not _LEAST_SHARE <= mask.mean() <= _MOST_SHARE:
        return None
    return Sheet(corners, mask)


def _quadrilateral(tone: Field) -> tuple[float, NDArray[np.float64]] | None:
    """The sheet's mean support and its corners (4, 2), for a sheet of greater ``tone`` than its ground."""
    h, w = tone.shape
    across = _steps(tone)  # brighter to the right
    down = _steps(tone.T)  # brighter below, transposed
    lines = {
        "left": _best_line(across, 0.0, 0.5),
        "right": _best_line(-across, 0.5, 1.0),
        "top": _best_line(down, 0.0, 0.5),
        "bottom": _best_line(-down, 0.5, 1.0),
    }
    border = {"left": (0.0, 0.0), "right": (float(w), 0.0), "top": (0.0, 0.0), "bottom": (float(h), 0.0)}
    steps = {"left": across, "right": -across, "top": down, "bottom": -down}
    chosen = dict(lines)
    support = _supports(chosen, steps, (h, w))
    weak = [name for name in support if support[name] < _LEAST_SUPPORT]
    if len(weak) == 1:
        chosen[weak[0]] = border[weak[0]]
        support = _supports(chosen, steps, (h, w))
        support.pop(weak[0])
        needed = _MEAN_SUPPORT_OF_THREE
    elif weak:
        return None
    else:
        needed = _MEAN_SUPPORT
    mean = float(np.mean(list(support.values())))
    if mean < needed or min(support.values()) < _LEAST_SUPPORT:
        return None
    return mean, _corners(chosen, (h, w))


def _steps(tone: Field) -> Field:
    """The step of tone (H, W) towards +x, over two pixels, in units of a full one."""
    step = np.zeros_like(tone)
    step[:, 2:-1] = (tone[:, 2:-1] + tone[:, 3:] - tone[:, 1:-2] - tone[:, :-3]) / 2
    return np.asarray(np.clip(step / _FULL_STEP, -1.0, 1.0), dtype=np.float32)


def _best_line(step: Field, low: float, high: float) -> tuple[float, float]:
    """Offset at mid height and slope dx/dy of the near-vertical line with the greatest sum of steps."""
    h, w = step.shape
    wide = ndimage.maximum_filter1d(step, 3, axis=1)
    rows = np.arange(h)
    offsets = np.arange(round(low * w), max(round(high * w), 1))
    best, found = -np.inf, (0.0, 0.0)
    for slope in np.linspace(-_MOST_SLOPE, _MOST_SLOPE, _SLOPES):
        x = np.rint(offsets[:, None] + slope * (rows - (h - 1) / 2)[None]).astype(np.intp)
        inside = (x >= 0) & (x < w)
        sums = np.where(inside, wide[rows[None], np.clip(x, 0, w - 1)], 0.0).sum(axis=1)
        k = int(np.argmax(sums))
        if sums[k] > best:
            best, found = float(sums[k]), (float(offsets[k]), float(slope))
    return found


def _corners(lines: dict[str, tuple[float, float]], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Where the sides meet: (4, 2) from the upper left clockwise."""
    h, w = shape
    mid = ((w - 1) / 2, (h - 1) / 2)

    def meet(upright: str, flat: str) -> tuple[float, float]:
        a, p = lines[upright]  # x = a + p (y - mid_y)
        b, q = lines[flat]  # y = b + q (x - mid_x)
        y = (b + q * (a - p * mid[1] - mid[0])) / (1 - p * q)
        return a + p * (y - mid[1]), y

    return np.array(
        [meet("left", "top"), meet("right", "top"), meet("right", "bottom"), meet("left", "bottom")]
    )


def _supports(
    lines: dict[str, tuple[float, float]], steps: dict[str, Field], shape: tuple[int, int]
) -> dict[str, float]:
    """For each side the share of its length, between its corners, that shows the step."""
    corners = _corners(lines, shape)
    ends = {"top": (0, 1), "right": (1, 2), "bottom": (3, 2), "left": (0, 3)}
    found = {}
    for name, (i, j) in ends.items():
        axis = 1 if name in ("left", "right") else 0  # the coordinate that runs along the side
        first, last = sorted((corners[i, axis], corners[j, axis]))
        field = ndimage.maximum_filter1d(steps[name], 3, axis=1)
        h, w = field.shape
        along = np.arange(max(0, round(first)), min(h - 1, round(last)) + 1)
        if len(along) < 0.3 * h or last - first < 0.3 * h:
            found[name] = 0.0
            continue
        offset, slope = lines[name]
        x = np.rint(offset + slope * (along - (h - 1) / 2)).astype(np.intp)
        inside = (x >= 0) & (x < w)
        values = np.where(inside, field[along, np.clip(x, 0, w - 1)], 0.0)
        found[name] = float((values > _SEEN_STEP / _FULL_STEP).mean())
    return found


def _refined(brightness: Field, corners: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """The corners (4, 2) of the lines through the greatest steps within ``reach`` px of each side.

    Args:
        brightness: (H, W), greater on the sheet.
        corners: from the upper left clockwise, px.
        reach: px.
    """
    height, width = brightness.shape
    middle = corners.mean(axis=0)
    lines = []
    for first, last in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = (last - first) / max(float(np.hypot(*(last - first))), 1e-6)
        inward = np.array([-along[1], along[0]])
        inward *= np.sign(float((middle - first) @ inward)) or 1.0
        offsets = np.arange(-reach, reach + 0.5, 0.5)
        share = (np.arange(_PIECES * 8) + 0.5) / (_PIECES * 8)
        base = first + share[:, None] * (last - first)
        place = base[:, None] + offsets[None, :, None] * inward
        values = ndimage.map_coordinates(
            brightness, [place[..., 1] - 0.5, place[..., 0] - 0.5], order=1, mode="nearest"
        )
        profile = values.reshape(_PIECES, 8, -1).mean(axis=1)
        step = profile[:, 2:] - profile[:, :-2]
        at = offsets[1:-1][np.argmax(step, axis=1)]
        strength = step.max(axis=1)
        t = (np.arange(_PIECES) + 0.5) / _PIECES
        inside = ((base > 1) & (base < [width - 1, height - 1])).all(axis=1).reshape(_PIECES, 8).all(axis=1)
        weight = np.clip(strength, 0, None) * inside
        bend = np.zeros(2)
        for _ in range(6):
            if weight.sum() <= 0 or np.count_nonzero(weight) < 4:
                break
            bend = np.polynomial.polynomial.polyfit(t, at, 1, w=np.sqrt(weight))
            off = np.abs(at - np.polynomial.polynomial.polyval(t, bend))
            weight = np.clip(strength, 0, None) * inside / (1 + (off / 1.0) ** 2) ** 2
        ends = np.polynomial.polynomial.polyval(np.array([0.0, 1.0]), bend)
        lines.append((first + ends[0] * inward, last + ends[1] * inward))
    found = []
    for k in range(4):
        (a, b), (c, d) = lines[k - 1], lines[k]
        u, v = b - a, d - c
        cross = u[0] * v[1] - u[1] * v[0]
        if abs(cross) < 1e-6:
            return corners
        found.append(a + u * ((c - a)[0] * v[1] - (c - a)[1] * v[0]) / cross)
    moved = np.array(found)
    return moved if np.abs(moved - corners).max() < 6 * reach else corners


def _rim_px(shape: tuple[int, ...]) -> float:
    return max(_RIM_PX, _RIM_SHARE * min(shape))


def _inside(corners: NDArray[np.float64], shape: tuple[int, ...]) -> Mask:
    """The pixels within a quadrilateral, its rim left out."""
    height, width = shape
    rim = _rim_px(shape)
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    middle = corners.mean(axis=0)
    inside = np.ones((height, width), dtype=np.bool_)
    for first, last in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = (last - first) / max(float(np.hypot(*(last - first))), 1e-6)
        inward = np.array([-along[1], along[0]])
        inward *= np.sign(float((middle - first) @ inward)) or 1.0
        # Where the sheet runs off the picture there is no edge to leave out.
        ends = np.stack([first, last])
        off = (ends <= [_OFF_PX, _OFF_PX]) | (ends >= [width - _OFF_PX, height - _OFF_PX])
        depth = 0.0 if off.all(axis=0).any() else rim
        # The pixels at the depth and deeper, from one on in each row or column.
        if abs(inward[0]) >= abs(inward[1]):
            edge = first[0] + (depth - (y - first[1]) * inward[1]) / inward[0]
            inside &= (x > edge) if inward[0] > 0 else (x < edge)
        else:
            edge = first[1] + (depth - (x - first[0]) * inward[0]) / inward[1]
            inside &= (y > edge) if inward[1] > 0 else (y < edge)
    return inside
