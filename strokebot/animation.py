"""A drawing as it comes into being: a GIF in which the pen moves as it will on the paper, only faster.

Nouns:
    frame   the ink that is on the paper at one moment, and the pen: filled where it draws, hollow above
    stay    the finished drawing is shown for a while, then it begins again

The pen's own times are kept: what is drawn slowly is drawn slowly here too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.raster import thin
from strokebot.trace import Trace

FRAMES_PER_S = 15
_STAY_MS = 1500
_GIF_UNIT_MS = 10  # GIF counts in hundredths of a second
# Ink is drawn this much larger and scaled down, so that its edges are smooth.
_FINER = 2
_MARGIN_SHARE = 0.06
# Radius of the pen, as a share of the picture's width.
_PEN_SHARE = 0.012
_RED = (213, 94, 0)
_TALLEST = 1.6


def replay_gif(trace: Trace, seconds: float, width_px: int) -> bytes:
    """A GIF of a drawing.

    Args:
        trace: what the pen did.
        seconds: how long it runs, however long the drawing takes.
        width_px: of the picture.
    """
    frames = list(replay_frames(trace, max(2, round(seconds * FRAMES_PER_S)), width_px))
    frame_ms = max(1, round(1000.0 * seconds / len(frames) / _GIF_UNIT_MS)) * _GIF_UNIT_MS
    palette = _palette(frames[-1])
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    buffer = io.BytesIO()
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, loop=0, optimize=False,
        duration=[frame_ms] * len(rest) + [_STAY_MS],
    )  # fmt: skip
    return buffer.getvalue()


def _palette(last: Image.Image) -> Image.Image:
    """The greys of the finished drawing, and the red of the pen, which is not in it any more."""
    shown = last.copy()
    shown.paste(_RED, (0, 0, max(1, last.width // 8), max(1, last.height // 8)))
    return shown.quantize(32)


def replay_frames(trace: Trace, count: int, width_px: int) -> Iterator[Image.Image]:
    """The frames of a drawing, equal steps of time apart; the last one shows it finished.

    Args:
        trace: what the pen did.
        count: of frames, 1 or more.
        width_px: of each.
    """
    low, high = _extent(trace)
    px_per_mm = width_px / (high[0] - low[0])
    px_per_mm = min(px_per_mm, _TALLEST * width_px / (high[1] - low[1]))
    size = tuple(max(1, round(v)) for v in (high - low) * px_per_mm)
    keep = thin(trace.xy_mm * px_per_mm * _FINER, trace.width_mm * px_per_mm * _FINER, trace.pen_down)
    xy = (trace.xy_mm[keep] - low) * px_per_mm
    xy[:, 1] = size[1] - xy[:, 1]
    moments = np.linspace(0.0, trace.duration_s, count)
    # A straight stroke has two points, and grows between them all the same: each moment is one too.
    kept_s = trace.t_s[keep] - trace.t_s[0]
    t_s = np.sort(np.concatenate([kept_s, moments]))
    down = trace.pen_down[keep][np.minimum(np.searchsorted(kept_s, t_s), len(kept_s) - 1)]
    xy = np.column_stack([np.interp(t_s, kept_s, xy[:, axis]) for axis in (0, 1)])
    width = np.interp(t_s, kept_s, trace.width_mm[keep]) * px_per_mm
    shade = np.round(255 * (1 - np.interp(t_s, kept_s, trace.darkness[keep])))
    sheet = Image.new("L", (size[0] * _FINER, size[1] * _FINER), 255)
    pencil = ImageDraw.Draw(sheet)
    done = 0
    for moment in moments:
        until = int(np.searchsorted(t_s, moment, side="right"))
        for k in range(max(done, 1), until):
            if down[k]:
                _draw_segment(pencil, xy[k - 1 : k + 1] * _FINER, width[k] * _FINER, int(shade[k]))
        done = until
        frame = sheet.resize(size, Image.Resampling.BOX).convert("RGB")
        if moment < trace.duration_s:
            place = np.array([np.interp(moment, t_s, xy[:, axis]) for axis in (0, 1)])
            _draw_pen(frame, place, bool(until < len(down) and down[until]))
        yield frame


def _extent(trace: Trace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower left and upper right of what is drawn, with some paper around it, mm."""
    touching = trace.width_mm > 0
    xy = trace.xy_mm[touching] if touching.any() else trace.xy_mm
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = _MARGIN_SHARE * float((high - low).max()) + float(trace.width_mm.max(initial=0.0)) + 1.0
    return low - room, high + room


def _draw_segment(pencil: ImageDraw.ImageDraw, ends: NDArray[np.float64], width: float, shade: int) -> None:
    pencil.line([tuple(point) for point in ends], fill=shade, width=max(1, round(width)))
    radius = width / 2
    x, y = ends[1]
    pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)


def _draw_pen(frame: Image.Image, place: NDArray[np.float64], drawing: bool) -> None:
    radius = max(2.0, _PEN_SHARE * frame.width)
    x, y = place
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(frame).ellipse(box, fill=_RED if drawing else None, outline=_RED, width=2)
