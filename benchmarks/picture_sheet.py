"""The contact sheet of ``benchmarks.pictures``: a row for each picture, a column for each way.

Shown is the part with ink. Ink of picture and drawing is black, ink that the drawing lacks is
blue, ink that it has too much is red; under each picture stands its IoU. Photos stand beside the
ink that the virtual machine left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.picture_runs import Result
from strokebot.picture.parts import ink_mask

_CELL_PX, _TEXT_PX, _GAP_PX = 300, 16, 6
# Paper shown around the ink, px of the picture.
_MARGIN_PX = 6
# Width of a letter of Pillow's own font, for cutting names that are too long.
_LETTER_PX = 6
_BACKGROUND = (235, 235, 235)
_LACKS, _TOO_MUCH, _BOTH = (40, 90, 230), (225, 40, 40), (25, 25, 25)


def save_sheet(path: Path, results: Sequence[Result], columns: Sequence[tuple[str, str]]) -> None:
    """Writes the sheet; ``columns`` are key and title of the ways in order."""
    rows: list[list[tuple[Image.Image | None, str]]] = []
    for result in results:
        name = f"{result.picture.name} ({result.ink.shape[1]} x {result.ink.shape[0]}) {result.method}"
        photo = result.picture.kind == "photo"
        part = (slice(None), slice(None)) if photo else _inked(result.ink)
        row: list[tuple[Image.Image | None, str]] = [(_grey(result.ink[part]), name)]
        for key, title in columns:
            outcome = result.ways.get(key)
            if outcome is None:
                row.append((None, ""))
            elif outcome.drawing is None:
                row.append((None, f"{title}: {outcome.error}"))
            elif photo:
                row.append((_grey(outcome.ink[part]), f"{title}: tone {result.tone:.2f}"))
            else:
                row.append(
                    (_compared(result.ink, outcome.ink, part), f"{title}: IoU {outcome.score.iou:.3f}")
                )
        rows.append(row)
    tall = [max(_fitted(image).height for image, _ in row if image is not None) for row in rows]
    steps = [height + _TEXT_PX + _GAP_PX for height in tall]
    sheet = Image.new("RGB", ((len(columns) + 1) * (_CELL_PX + _GAP_PX), sum(steps)), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    y = 0
    for row, height, step in zip(rows, tall, steps, strict=True):
        for c, (image, text) in enumerate(row):
            x = c * (_CELL_PX + _GAP_PX)
            if image is not None:
                sheet.paste(_fitted(image), (x, y))
            pen.text((x + 2, y + height + 2), text[: _CELL_PX // _LETTER_PX], fill=_BOTH)
        y += step
    sheet.save(path)


def _grey(ink: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8)).convert("RGB")


def _inked(ink: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of the ink, with a margin; everything where there is none."""
    mask = ink_mask(ink)
    if not mask.any():
        return slice(None), slice(None)
    ends = [np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    rows, columns = (slice(max(0, int(a) - _MARGIN_PX), int(b) + 1 + _MARGIN_PX) for a, b in ends)
    return rows, columns


def _compared(want: NDArray[np.float32], have: NDArray[np.float32], part: tuple[slice, slice]) -> Image.Image:
    a, b = ink_mask(want), ink_mask(have)
    colours = np.full((*want.shape, 3), 255, dtype=np.uint8)
    for mask, colour in ((a & b, _BOTH), (a & ~b, _LACKS), (b & ~a, _TOO_MUCH)):
        colours[mask] = colour
    return Image.fromarray(colours[part])


def _fitted(image: Image.Image) -> Image.Image:
    share = _CELL_PX / max(image.size)
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.NEAREST if share > 1 else Image.Resampling.LANCZOS)
