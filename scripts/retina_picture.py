"""Writes docs/images/retina.png: what the pen of the hand sees of a word that is half drawn.

Left the word, drawn ridge dark, undrawn ridge blue, with the cells of one look; right the same look
as the network gets it: ink, undrawn ridge, drawn ridge, by ring (outwards) and angle.

    python -m scripts.retina_picture [--out FILE.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from strokebot.hand.retina import ANGLES, PEN_RINGS, RADII, Canvases, prepare
from strokebot.picture.image import load_ink_image

_ROOT = Path(__file__).resolve().parent.parent
_OUT = _ROOT / "docs/images/retina.png"
_ZOOM, _CELL, _GAP = 5, 13, 24
_INK, _UNDRAWN, _DRAWN, _MARK = (214, 214, 214), (86, 180, 233), (30, 30, 30), (213, 94, 0)


def main() -> None:
    """Draws and writes the picture."""
    parser = argparse.ArgumentParser(description="What the pen of the hand sees.")
    parser.add_argument("--out", type=Path, default=_OUT, metavar="FILE.png")
    out = parser.parse_args().out
    work = prepare(load_ink_image(_ROOT / "examples/hello.png").ink)
    canvas, one = Canvases([work]), np.zeros(1, np.int64)
    places = canvas.undrawn_places(0)
    pen = places[np.argmin(np.abs(places - places.mean(axis=0)).sum(axis=1))][None]
    # Everything left of the pen is drawn already.
    for place in places[places[:, 0] < pen[0, 0]]:
        canvas.mark(one, place[None], place[None], np.ones(1))
    scale = canvas.scale_at(one, pen)
    look = canvas.look(one, pen, np.zeros(1), scale, PEN_RINGS)[0]
    picture = _word(work.ink, work.ridge, canvas.undrawn_places(0), pen[0], float(scale[0]))
    panels = [_panel(channel) for channel in look]
    width = picture.width + _GAP + panels[0].width
    height = max(picture.height, len(panels) * (panels[0].height + _GAP))
    sheet = Image.new("RGB", (width, height), "white")
    sheet.paste(picture, (0, (height - picture.height) // 2))
    pen_of = ImageDraw.Draw(sheet)
    for k, (panel, name) in enumerate(zip(panels, ("ink", "undrawn ridge", "drawn ridge"), strict=True)):
        top = k * (panel.height + _GAP)
        pen_of.text((picture.width + _GAP, top), f"{name}: rings outwards, angles across", fill=_DRAWN)
        sheet.paste(panel, (picture.width + _GAP, top + 14))
    sheet.save(out)


def _word(
    ink: np.ndarray, ridge: np.ndarray, undrawn: np.ndarray, pen: np.ndarray, scale: float
) -> Image.Image:
    colours = np.full((*ink.shape, 3), 255, np.uint8)
    colours[ink > 127] = _INK
    colours[ridge] = _DRAWN
    rows, columns = np.floor(undrawn[:, 1]).astype(int), np.floor(undrawn[:, 0]).astype(int)
    colours[rows, columns] = _UNDRAWN
    size = (ink.shape[1] * _ZOOM, ink.shape[0] * _ZOOM)
    picture = Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)
    brush = ImageDraw.Draw(picture)
    for radius in RADII[:PEN_RINGS] * scale * _ZOOM:
        for angle in np.arange(ANGLES) * 2 * np.pi / ANGLES:
            x, y = pen * _ZOOM + radius * np.array([np.cos(angle), np.sin(angle)])
            r = max(1.5, radius / 22)
            brush.ellipse((x - r, y - r, x + r, y + r), outline=_MARK)
    return picture


def _panel(channel: np.ndarray) -> Image.Image:
    grey = np.round(255 * (1 - channel)).astype(np.uint8)
    return Image.fromarray(grey).resize((ANGLES * _CELL, PEN_RINGS * _CELL), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
