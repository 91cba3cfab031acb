"""Pictures of results: sheets of originals beside their drawings, and of pen tracks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.files import write_atomic
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.plots.style import time_colours

# Pixels of the sheet per pixel of a glyph.
ZOOM = 3
_MARGIN = 6
_CAPTION_PX = 12
_LINE_PX = 2
# Pen tracks run from dark blue to yellow; viridis keeps its order in grey and for the colour-blind.
_LIFT_COLOUR = (225, 70, 70)
_PAPER = (255, 255, 255)


def ink_panel(image: NDArray[np.float32], zoom: int = ZOOM) -> Image.Image:
    """Ink (H, W) as a dark-on-light picture."""
    grey = np.clip(255 - np.rint(np.asarray(image, dtype=np.float64) * 255), 0, 255).astype(np.uint8)
    return Image.fromarray(np.kron(grey, np.ones((zoom, zoom), np.uint8))).convert("RGB")


def track_panel(gesture: Gesture, side_px: int) -> Image.Image:
    """The pen's way: from dark to light in time, red where it is off the paper, a dot at the start."""
    panel = Image.new("RGB", (side_px, side_px), _PAPER)
    draw = ImageDraw.Draw(panel)
    points = gesture.positions * side_px
    n = len(points)
    for k in range(n - 1):
        down = min(gesture.intensity[k], gesture.intensity[k + 1]) >= LIFT_THRESHOLD
        draw.line(
            [tuple(points[k]), tuple(points[k + 1])],
            fill=colour_at(k / max(n - 2, 1)) if down else _LIFT_COLOUR,
            width=_LINE_PX if down else 1,
        )
    x, y = points[0]
    draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour_at(0.0))
    return panel


def colour_at(share: float) -> tuple[int, int, int]:
    """The colour of a moment of a gesture, share in [0, 1]."""
    colours = time_colours()
    red, green, blue = colours[round(float(np.clip(share, 0, 1)) * (len(colours) - 1))].tolist()
    return red, green, blue


def drawing_sheet(
    images: NDArray[np.float32],
    drawn: NDArray[np.float32],
    gestures: Sequence[Gesture],
    captions: Sequence[str],
    columns: int = 6,
) -> Image.Image:
    """A sheet of cells: original, drawing, pen track, and a caption.

    Args:
        images: (M, H, W) originals.
        drawn: (M, H, W) drawings.
        gestures: M gestures.
        captions: M short texts.
        columns: cells a row.
    """
    side = max(images.shape[1:]) * ZOOM
    width, height = 3 * side + 2 * _MARGIN, side + _CAPTION_PX + _MARGIN
    rows = -(-len(images) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + _MARGIN) + _MARGIN, rows * height + _MARGIN), (232, 232, 228)
    )
    draw = ImageDraw.Draw(sheet)
    for i, (image, drawing, gesture, caption) in enumerate(
        zip(images, drawn, gestures, captions, strict=True)
    ):
        x = _MARGIN + (i % columns) * (width + _MARGIN)
        y = _MARGIN + (i // columns) * height
        for k, panel in enumerate((ink_panel(image), ink_panel(drawing), track_panel(gesture, side))):
            sheet.paste(panel, (x + k * (side + _MARGIN // 2), y))
        draw.text((x, y + side), caption, fill=(20, 20, 20))
    return sheet


def save_picture(picture: Image.Image, path: Path) -> None:
    """Writes a picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    write_atomic(path, buffer.getvalue())
