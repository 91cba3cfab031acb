"""Makes docs/images/words.png: words of held-out writers, apart and joined, by the shipped network.

``python scripts/make_words_picture.py --data DIR`` with a folder that holds ``unipen_words.npz``
(pen strokes of UNIPEN train_r01_v07, Zenodo 10.5281/zenodo.1195803, CC BY 4.0). The data itself
can be made with ``strokebot data``. Each word is shown three times: as it was written, as drawn
with ``--join lift``, and with ``--join ink``, where the joins are red. Everything is
deterministic.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from strokebot.gesture import Gesture
from strokebot.model.predictor import load_predictor
from strokebot.picture.image import InkImage
from strokebot.polish import polish_glyphs
from strokebot.raster import draw_ink
from strokebot.training.data.strokes import StrokeSet, load_strokes
from strokebot.trajectory.path.place import Placement, place
from strokebot.writing.ligatures import join_page
from strokebot.writing.page import find_glyphs, on_page

OUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "words.png"
# Words by their writers.
WORDS = (
    ("after", "unipen/371"),
    ("tenner", "unipen/141"),
    ("Bangkok", "unipen/186"),
    ("dock", "unipen/318"),
    ("fruit", "unipen/186"),
    ("with", "unipen/373"),
)
_COLUMNS = 3
# Width of a letter's cell, of the pen that wrote, and of the margin around a word, px.
_LETTER_PX = 62
_PEN_PX = 6.0
_MARGIN_PX = 16
# Size of one word's panel, px.
_PANEL = (330, 130)
_RED = np.array([0.86, 0.16, 0.16])

Ink = NDArray[np.float32]


def written(strokes: list[NDArray[np.int16]], letters: int) -> Ink:
    """Ink (H, W) of a word's pen strokes, drawn with a round pen."""
    every = np.concatenate(strokes).astype(np.float64)
    low, extent = every.min(axis=0), np.ptp(every, axis=0)
    scale = _LETTER_PX * letters / extent.max()
    width, height = (int(v) for v in extent * scale + 2 * _MARGIN_PX)
    ink = np.zeros((height, width), np.float32)
    for stroke in strokes:
        points = (stroke - low) * scale + _MARGIN_PX
        n = len(points)
        drawn = draw_ink(points, np.full(n, _PEN_PX), np.ones(n), np.ones(n, dtype=bool), ink.shape)
        ink = np.maximum(ink, drawn)
    return ink


def drawn(gesture: Gesture, shape: tuple[int, int]) -> Ink:
    """Ink (H, W) that a pen leaves which is lifted where the intensity is low."""
    height, width = shape
    path = place(gesture, Placement(max(shape), 0.0, height), (width, height))
    xy = path.xy_mm * [1, -1] + [0, height]
    return draw_ink(xy, path.width_mm, path.intensity, path.pen_down, shape)


def panels(strokes: list[NDArray[np.int16]], letters: int) -> list[NDArray[np.float64]]:
    """The word as written, lifted and joined: three pictures (H, W, 3)."""
    ink = InkImage(written(strokes, letters))
    glyphs = find_glyphs(ink)
    predictor = load_predictor()
    images = np.array(glyphs.images)  # the network wants an array that may be written to
    gestures = polish_glyphs(images, predictor.gestures(images), predictor.softness_px)
    placed = on_page(gestures, glyphs, ink)
    boxes = glyphs.box_px / ink.longer_side
    lift, joined = (join_page(placed, boxes, glyphs.line, mode) for mode in ("lift", "ink"))
    shape = (ink.height, ink.width)
    apart, whole = drawn(lift, shape), drawn(joined, shape)
    new = np.clip(whole - apart, 0, 1)[..., None]
    red = (1 - np.maximum(whole, apart))[..., None] * np.ones(3) + new * _RED
    return [np.repeat(1.0 - v[..., None], 3, axis=2) for v in (ink.ink, apart)] + [red]


def find(words: StrokeSet, label: str, writer: str) -> int:
    """The first sample of a word by a writer."""
    return int(np.flatnonzero((words.label == label) & (words.writer == writer))[0])


def panel(picture: NDArray[np.float64]) -> Image.Image:
    """A picture (H, W, 3) scaled into the middle of a panel."""
    image = Image.fromarray(np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8))
    image.thumbnail((_PANEL[0] - 16, _PANEL[1] - 8), Image.Resampling.LANCZOS)
    out = Image.new("RGB", _PANEL, "white")
    out.paste(image, ((_PANEL[0] - image.width) // 2, (_PANEL[1] - image.height) // 2))
    return out


def main() -> None:
    """Makes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with unipen_words.npz")
    words = load_strokes(parser.parse_args().data, "unipen_words").split()[1]
    rows = -(-len(WORDS) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _PANEL[0], 3 * rows * _PANEL[1]), "white")
    for k, (label, writer) in enumerate(WORDS):
        row, column = divmod(k, _COLUMNS)
        for line, picture in enumerate(panels(words.strokes(find(words, label, writer)), len(label))):
            sheet.paste(panel(picture), (column * _PANEL[0], (3 * row + line) * _PANEL[1]))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(OUT, optimize=True)
    print(OUT.name, sheet.size, OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
