"""What was seen, as a picture: each thing that was told apart in a colour of its own.

Drawn with Pillow alone, so that ``strokebot look`` answers at once.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from strokebot.picture.image import InkImage

Rgb = tuple[int, int, int]

PAPER: Rgb = (255, 255, 255)
INK: Rgb = (20, 20, 20)
AREA: Rgb = (245, 178, 90)
RULE: Rgb = (150, 190, 240)
SPECK: Rgb = (220, 60, 60)
BESIDE: Rgb = (150, 150, 150)
_KEY = {
    "ink": INK,
    "area": AREA,
    "printed rule": RULE,
    "speck, left out": SPECK,
    "no paper": BESIDE,
}
# Pixels of the longer side of a panel, and of the margins of the figure.
_PANEL_PX, _GAP_PX, _TEXT_PX = 760, 16, 17


def seen_picture(image: InkImage, most_px: int | None = None) -> NDArray[np.uint8]:
    """(h, w, 3): ink black, areas orange, rules blue, specks red, what is beside the sheet grey.

    Args:
        image: what was seen.
        most_px: of the longer side; None for the picture's own size.
    """
    factor = 1.0 if most_px is None else min(1.0, most_px / image.longer_side)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    shown = np.empty((size[1], size[0], 3), dtype=np.float32)
    shown[:] = PAPER

    def lay(coverage: NDArray[np.float32], colour: Rgb) -> None:
        if factor < 1.0:  # a large picture is made small layer by layer, before it has three channels
            coverage = np.asarray(Image.fromarray(coverage).resize(size, Image.Resampling.BOX))
        c = coverage[..., None]
        np.multiply(shown, 1 - c, out=shown)
        np.add(shown, c * np.asarray(colour, dtype=np.float32), out=shown)

    sight = image.sight
    if sight is not None:
        if sight.rules is not None:
            lay(np.clip(3 * sight.rules.darkness, 0, 1), RULE)
        if (sight.areas > 0).any():
            lay(np.where(sight.areas > 0, np.float32(0.35) + np.float32(0.65) * sight.areas, 0), AREA)
        if sight.sheet is not None:
            lay((~sight.sheet.mask).astype(np.float32), BESIDE)
    lay(image.ink, INK)
    if sight is not None and sight.specks is not None:
        lay(sight.specks.astype(np.float32), SPECK)
    return np.asarray(np.rint(shown), dtype=np.uint8)


def look_figure(image: InkImage, title: str, lines: list[str]) -> bytes:
    """The PNG of picture and what is seen side by side, with the findings below.

    Args:
        image: the picture.
        title: first line.
        lines: what was found, a line each.
    """
    height, width = image.ink.shape
    factor = _PANEL_PX / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST
    grey = np.rint(255 * (1 - image.tone)).astype(np.uint8)
    panels = [Image.fromarray(grey).convert("RGB"), Image.fromarray(seen_picture(image, _PANEL_PX))]
    font = ImageFont.load_default(_TEXT_PX)
    step = round(1.5 * _TEXT_PX)
    top = step + 2 * _GAP_PX
    page = Image.new(
        "RGB", (2 * size[0] + 3 * _GAP_PX, top + size[1] + _GAP_PX + step * (len(lines) + 2)), (255, 255, 255)
    )
    pen = ImageDraw.Draw(page)
    pen.text((_GAP_PX, _GAP_PX), title, fill=INK, font=font)
    for k, panel in enumerate(panels):
        at = (_GAP_PX + k * (size[0] + _GAP_PX), top)
        page.paste(panel.resize(size, how), at)
        pen.rectangle((at[0] - 1, at[1] - 1, at[0] + size[0], at[1] + size[1]), outline=BESIDE)
    y = top + size[1] + _GAP_PX
    x = _GAP_PX
    for name, colour in _KEY.items():
        pen.rectangle((x, y + 3, x + _TEXT_PX, y + 3 + _TEXT_PX), fill=colour, outline=BESIDE)
        pen.text((x + 1.4 * _TEXT_PX, y), name, fill=INK, font=font)
        x += round(1.4 * _TEXT_PX + font.getlength(name) + 2 * _GAP_PX)
    for k, line in enumerate(lines):
        pen.text((_GAP_PX, y + step * (k + 1)), line, fill=INK, font=font)
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()
