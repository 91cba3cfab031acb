"""Where the time of a drawing goes: every stage against the whole.

Two pictures: a scribble made here, drawn by the tour, and the word of the examples, drawn
by the network with its polish. The first run of each pays for imports and for loading
the network; it is shown apart as "cold" and is in no median.

    python -m benchmarks.draw [--quick] [--json FILE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import harness
from strokebot import pipeline, raster
from strokebot.pipeline import DrawOptions
from strokebot.report import save_drawing

_REPEATS = 5
_SEED = 7
_HELLO = Path(__file__).resolve().parent.parent / "examples" / "hello.png"


def scribble(path: Path, size_px: tuple[int, int], points: int) -> Path:
    """A smooth closed line of some points through random places, black on white, size (width, height)."""
    rng = np.random.default_rng(_SEED)
    t = np.linspace(0.0, 2 * np.pi, 40 * points)
    waves = np.arange(1, 5)
    x, y = (
        (
            rng.normal(0, 1 / waves, 4)[:, None] * np.sin(np.outer(waves, t) + rng.uniform(0, 6, 4)[:, None])
        ).sum(0)
        for _ in range(2)
    )
    xy = np.column_stack([x, y])
    xy = (xy - xy.min(0)) / (xy.max(0) - xy.min(0)) * 0.9 + 0.05
    n = len(xy)
    ink = raster.draw_ink(xy * size_px, np.full(n, 6.0), np.ones(n), np.ones(n, bool), size_px[::-1])
    Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8)).save(path)
    return path


def measure(path: Path, options: DrawOptions, folder: Path) -> dict[str, float]:
    """Seconds of each stage of one drawing, its files among them, and their total."""
    begin = time.perf_counter()
    result = pipeline.draw(path, options)
    save_begin = time.perf_counter()
    save_drawing(result, folder)
    end = time.perf_counter()
    return {"total": end - begin, **result.compute_s, "save": end - save_begin}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    chosen = harness.options("Time the stages of a drawing.", arguments)
    repeats = 1 if chosen.quick else _REPEATS
    size = (320, 200) if chosen.quick else (1200, 800)
    flat: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = scribble(folder / "scribble.png", size, 20)
        for title, path, options, prefix in (
            (f"scribble of {size[0]} x {size[1]} px, tour", picture, DrawOptions(method="tour"), "draw_"),
            ("examples/hello.png, network", _HELLO, DrawOptions(method="model"), "draw_model_"),
        ):
            cold = measure(path, options, folder / "out")
            runs = [measure(path, options, folder / "out") for _ in range(repeats)]
            seconds = {**harness.medians(runs), "cold": cold["total"]}
            flat |= harness.table(f"{title}, median of {repeats}", seconds, "total", prefix)
    harness.save(flat, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
