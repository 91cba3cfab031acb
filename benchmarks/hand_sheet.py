"""A sheet of pictures, each drawn in several ways side by side, coloured by time.

Held-out words, capitals and kanji, and line pictures. Time runs from dark to bright; the pen in the
air is a thin grey line, and a stroke begins at a dot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.plots import style

Floats = NDArray[np.float64]

_CELL_PX, _TEXT_PX, _GAP_PX = (250, 130), 14, 10
_OVERSAMPLED = 3
_PALE, _TRAVEL, _BLACK = (222, 222, 222), (150, 150, 150), (20, 20, 20)
_ACROSS = 2


def save_sheet(path: Path, drawn: Sequence[tuple[str, InkImage, Mapping[str, Gesture]]]) -> None:
    """Writes the sheet: name and picture of each, and its gestures by the names of their ways."""
    width, height = _CELL_PX
    rows = -(-len(drawn) // _ACROSS)
    own_px = max(len(ways) for _, _, ways in drawn) * (width + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (_ACROSS * own_px, rows * (height + _TEXT_PX + _GAP_PX)), "white")
    pen = ImageDraw.Draw(sheet)
    for k, (name, image, ways) in enumerate(drawn):
        x, y = k % _ACROSS * own_px, k // _ACROSS * (height + _TEXT_PX + _GAP_PX)
        for column, (title, gesture) in enumerate(ways.items()):
            left = x + column * (width + _GAP_PX)
            sheet.paste(_cell(image, gesture), (left, y))
            text = f"{name}, {title}: {gesture.lifts} lift{'' if gesture.lifts == 1 else 's'}"
            pen.text((left + 4, y + height), text, fill=_BLACK)
    sheet.save(path)


def _cell(image: InkImage, gesture: Gesture) -> Image.Image:
    """One gesture over the pale ink of its picture."""
    width, height = (_OVERSAMPLED * side for side in _CELL_PX)
    rows, columns = np.nonzero(image.ink >= 0.5)
    low = np.array([columns.min(), rows.min()]) - 3.0
    high = np.array([columns.max(), rows.max()]) + 4.0
    scale = float(min((width, height) / (high - low)))
    shift = (np.array([width, height]) - scale * (high - low)) / 2
    cell = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(cell)
    points = (gesture.positions * image.longer_side - low) * scale + shift
    down = gesture.pen_down
    drawn = down[1:] & down[:-1]
    length = np.hypot(*np.diff(points, axis=0).T) * drawn
    along = np.concatenate([[0.0], np.cumsum(length)]) / max(float(length.sum()), 1e-9)
    colours = style.time_colours()
    sizes = np.maximum(gesture.size * image.longer_side * scale, 2.0)
    for k in np.flatnonzero(drawn):
        _line(pen, points[k], points[k + 1], _PALE, float(sizes[k]))
    for k in np.flatnonzero(~drawn):
        _line(pen, points[k], points[k + 1], _TRAVEL, _OVERSAMPLED)
    for k in np.flatnonzero(drawn):
        colour = tuple(colours[int(255 * along[k])].tolist())
        _line(pen, points[k], points[k + 1], colour, max(float(sizes[k]) / 3, 2.0 * _OVERSAMPLED))
    starts = np.flatnonzero(down & ~np.concatenate([[False], down[:-1]]))
    for x, y in points[starts].tolist():
        r = 3 * _OVERSAMPLED
        pen.ellipse((x - r, y - r, x + r, y + r), fill=_BLACK)
    return cell.resize(_CELL_PX, Image.Resampling.LANCZOS)


def _line(pen: ImageDraw.ImageDraw, a: Floats, b: Floats, colour: tuple[int, ...], width: float) -> None:
    pen.line((*a.tolist(), *b.tolist()), fill=colour, width=max(1, round(width)))
    r = width / 2
    for x, y in (a.tolist(), b.tolist()):
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
