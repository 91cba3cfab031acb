"""Order and direction of strokebot and of the plain tour against strokes that are known.

With a data folder: UNIPEN words and lower-case letters of the test writers, whom no training saw.
Without: words and letters of ``lettering``, whose order is the one that schools teach; the output
says which. A set counts by its strokes (direction) and its pictures (order), and the sets equally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import order_truth
from benchmarks.lettering import LETTERS, Floats, write
from benchmarks.line_metrics import Drawing
from benchmarks.picture_runs import plan_drawing
from benchmarks.plain_tour import plain_tour
from strokebot import pipeline
from strokebot.errors import StrokebotError
from strokebot.picture.image import InkImage
from strokebot.picture.parts import ink_mask

UNIPEN_SETS = ("unipen_words", "unipen_lower")
_WORDS = (
    "minimum", "robot", "gesture", "night", "playground", "hand", "little", "paper", "another", "spiral",
    "machine", "stroke", "point", "kitchen", "bright", "handsome",
)  # fmt: skip
_LETTER_PX, _WORD_PX = 64.0, 56.0

Specimen = tuple[InkImage, list[Floats]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Direction share and Kendall's tau of one way over all specimens, and of how many."""

    direction: float
    tau: float
    pictures: int


def measure(data: Path | None, limit: int, folder: Path) -> dict[str, Agreement]:
    """Agreement of strokebot ("") and of the plain tour ("tour"); ``limit`` specimens of each set."""
    ways: dict[str, Callable[[InkImage], Drawing]] = {
        "": lambda image: _strokebot(image, folder),
        "tour": lambda image: plain_tour(np.asarray(ink_mask(image.ink), dtype=bool)),
    }
    sets = [list(_lettered(words, limit)) for words in (True, False)]
    if data is not None:
        sets = [list(order_truth.samples(data, name, limit)) for name in UNIPEN_SETS]
    found = {}
    for key, draw in ways.items():
        each = [_agreement(specimens, draw) for specimens in sets]
        found[key] = Agreement(
            float(np.mean([a.direction for a in each])),
            float(np.mean([a.tau for a in each])),
            sum(a.pictures for a in each),
        )
    return found


def _agreement(specimens: list[Specimen], draw: Callable[[InkImage], Drawing]) -> Agreement:
    forward, tau = list[bool](), list[float]()
    for image, strokes in specimens:
        drawing = draw(image)
        if not drawing.strokes:  # a way that fails goes no way and begins nothing
            forward += [False] * len(strokes)
            tau += [0.0] if len(strokes) > 1 else []
            continue
        points, down = drawing.chained()
        ways, pairs = order_truth.judge_strokes(
            points[:, :2], strokes, drawn=down[1:], reach=order_truth.PEN_PX
        )
        forward += ways
        tau += [float(np.mean(pairs))] if pairs else []
    return Agreement(
        float(np.mean(forward)) if forward else float("nan"),
        float(np.mean(tau)) if tau else float("nan"),
        len(specimens),
    )


def _strokebot(image: InkImage, folder: Path) -> Drawing:
    """The whole way from a file, as a user goes it."""
    path = folder / "specimen.png"
    Image.fromarray(np.round(255 * (1 - image.ink)).astype(np.uint8)).save(path)
    try:
        return plan_drawing(pipeline.plan(path))
    except StrokebotError:
        return Drawing(())


def _lettered(words: bool, limit: int) -> Iterator[Specimen]:
    """Words of the list, or single letters, each time in another trembling hand."""
    texts = _WORDS if words else tuple(LETTERS)
    for k in range(min(limit, 4 * len(texts))):
        strokes = write(texts[k % len(texts)], seed=100 + k)
        units = [np.rint(1000 * stroke).astype(np.int16) for stroke in strokes]
        yield order_truth.pictured(units, _WORD_PX if words else _LETTER_PX)
