"""Walks of the tour as a stroke set: the teacher of the style "one line".

The tour walks every part of a picture in one go and retraces where it must. Its strokes, with their
retraces, are kept as a stroke set ``one_line.npz``; the label of a sample is the set that the picture
came from, its writer the writer, so that the split by writers holds.

    python -m strokebot.training.hand.walks --data DIR [--samples N] [--seed N]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import StrokebotError
from strokebot.geometry.polyline import simplify
from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink
from strokebot.tour import tour_gesture
from strokebot.training.data.ragged import ragged_arrays, read_npz, save_arrays
from strokebot.training.data.strokes import StrokeSet, load_strokes

WALKS_NAME = "one_line"
FILE = "one_line.npz"
# Units a px of the walked picture, and how far a kept polyline may lie from the walk, px.
_UNITS = 16.0
_NEAR_PX = 0.15
_PEN_PX = 3.0
_MARGIN_PX = 6.0
# How often each set is walked, and its size: height of words, longer side of the rest, px.
_SOURCES: dict[str, tuple[float, float]] = {
    "unipen_words": (0.5, 60.0),
    "unipen_lower": (0.1, 64.0),
    "unipen_upper": (0.1, 64.0),
    "unipen_digits": (0.05, 64.0),
    "omniglot": (0.05, 80.0),
    "kanjivg": (0.2, 120.0),
}


def strokes_of(gesture: Gesture, side_px: float) -> list[NDArray[np.float64]]:
    """The pen-down runs of a gesture, (K, 2) each, px; the canvas is ``side_px`` px long."""
    down = gesture.pen_down
    edges = np.flatnonzero(np.diff(np.concatenate([[0], down.astype(np.int8), [0]])))
    xy = gesture.positions * side_px
    return [xy[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def walk(strokes: Sequence[NDArray[np.int16]], size_px: float, *, word: bool) -> list[NDArray[np.int16]]:
    """The tour's strokes through a picture of strokes, in 16ths of a px."""
    everything = np.concatenate(list(strokes)).astype(np.float64)
    low, size = everything.min(axis=0), np.ptp(everything, axis=0)
    side = max(float(size[1]), float(size.max()) / 12.0) if word else float(size.max())
    scale = size_px / max(side, 1.0)
    rows = [
        np.repeat(s, 2, axis=0) if len(s) == 1 else s
        for s in ((s - low) * scale + _MARGIN_PX for s in strokes)
    ]
    points = np.concatenate(rows)
    down = np.concatenate([np.arange(len(row)) > 0 for row in rows])
    width, height = (int(np.ceil(v * scale + 2 * _MARGIN_PX)) for v in size)
    n = len(points)
    image = InkImage(draw_ink(points, np.full(n, _PEN_PX), np.ones(n), down, (height, width)))
    runs = []
    for run in strokes_of(tour_gesture(image), image.longer_side):
        kept = run[simplify(run, _NEAR_PX)] if len(run) > 2 else run
        runs.append(np.rint(kept * _UNITS).astype(np.int16))
    return runs


def build(folder: Path, samples: int, seed: int) -> int:
    """Walks samples of the stroke sets that the folder holds and writes the set; returns its size.

    Raises:
        DataError: if a set is damaged.
    """
    rng = np.random.default_rng(seed)
    kept, labels, writers = [], [], []
    for name, (share, size_px) in _SOURCES.items():
        strokes = load_strokes(folder, name).split()[0]
        for k in np.sort(rng.choice(len(strokes), min(round(share * samples), len(strokes)), replace=False)):
            runs = walk(strokes.strokes(int(k)), size_px, word=name == "unipen_words")
            kept.append(runs)
            labels.append(name)
            writers.append(str(strokes.writer[k]))
    arrays = ragged_arrays(kept) | {"label": np.array(labels), "writer": np.array(writers)}
    save_arrays(folder / FILE, arrays)
    return len(kept)


def load_walks(folder: Path) -> StrokeSet:
    """The set of walks in a data folder.

    Raises:
        DataError: if it is missing or damaged.
    """
    arrays = read_npz(folder / FILE, ("points", "stroke_start", "sample_start", "label", "writer"))
    return StrokeSet(
        WALKS_NAME,
        arrays["points"].astype(np.int16, copy=False),
        arrays["stroke_start"].astype(np.int64),
        arrays["sample_start"].astype(np.int64),
        arrays["label"].astype(np.str_),
        arrays["writer"].astype(np.str_),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.hand.walks", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--samples", type=int, default=4000, help="pictures to walk")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        count = build(options.data, options.samples, options.seed)
    except (StrokebotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} walks: {options.data / FILE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
