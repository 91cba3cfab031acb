"""How near the hand's order and direction come to those of people, on words and characters held out.

Every specimen is drawn as a picture by a round pen along its true strokes, and then by the hand and by the
tour, which walk the same lines; ``strokebot.training.truth`` compares both with the true path.

Names of the figures: ``hand_<set>_<figure>`` and ``hand_<set>_tour_<figure>``. Sets: ``words`` (UNIPEN,
writers held out) and ``kanji`` (KanjiVG, characters held out); figures: ``direction``, ``order``,
``ink_recall``, ``lifts`` over those of people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.gesture import Gesture
from strokebot.hand.choose import Hand, draw_by_hand, guide_of
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink, fidelity
from strokebot.tour import lines_of, skeleton_of, walk_lines
from strokebot.training import truth
from strokebot.training.data.strokes import load_strokes
from strokebot.training.testsets import spread

Floats = NDArray[np.float64]

# Name of the set, its file, height of the pictures, px.
SETS = (("words", "unipen_words", 56.0), ("kanji", "kanjivg", 96.0))
# Specimens of each set, at most: each takes a third of a second.
LIMIT = 100
PEN_PX = 3.0
_MARGIN_PX = 6.0
# A word is at most so many times as wide as it is taken to be high.
_MOST_ASPECT = 12.0


def measure_hand(hand: Hand, data: Path, limit: int | None = None) -> tuple[dict[str, float], list[str]]:
    """The figures, and the sets whose files the data folder lacks.

    Args:
        hand: the networks.
        data: the data folder.
        limit: specimens of each set, at most; ``LIMIT`` in any case.
    """
    flat, skipped = dict[str, float](), list[str]()
    for name, stored, height_px in SETS:
        try:
            strokes = load_strokes(data, stored)
        except DataError:
            skipped.append(f"{name} (the set {stored} is not in {data})")
            continue
        held_out = np.flatnonzero(strokes.held_out)
        rows: dict[str, list[tuple[float, ...]]] = {"": [], "tour_": []}
        for k in held_out[spread(len(held_out), min(limit or LIMIT, LIMIT))]:
            image, runs = pictured(strokes.strokes(int(k)), height_px)
            skeleton = skeleton_of(image)
            lines = lines_of(skeleton, None)
            guide = guide_of(draw_by_hand([image], hand)[0], True, hand)
            rows[""].append(_figures(walk_lines(skeleton, lines, guide=guide).gesture, image, runs))
            rows["tour_"].append(_figures(walk_lines(skeleton, lines).gesture, image, runs))
        for way, found in rows.items():
            if found:
                means = np.mean(found, axis=0).tolist()
                names = ("direction", "order", "ink_recall", "lifts")
                flat |= {f"hand_{name}_{way}{figure}": v for figure, v in zip(names, means, strict=True)}
    return flat, skipped


def pictured(strokes: list[NDArray[np.int16]], height_px: float) -> tuple[InkImage, list[Floats]]:
    """Strokes as a round pen writes them, and the same strokes in px of the picture."""
    everything = np.concatenate(strokes).astype(np.float64)
    low, size = everything.min(axis=0), np.ptp(everything, axis=0)
    scale = height_px / max(float(size[1]), float(size.max()) / _MOST_ASPECT, 1.0)
    runs = [(stroke - low) * scale + _MARGIN_PX for stroke in strokes]
    width, height = np.ceil(scale * size + 2 * _MARGIN_PX).astype(int).tolist()
    # Twice the same point is a dot.
    rows = [np.repeat(run, 2, axis=0) if len(run) == 1 else run for run in runs]
    points = np.concatenate(rows)
    down = np.concatenate([np.arange(len(row)) > 0 for row in rows])
    n = len(points)
    return InkImage(draw_ink(points, np.full(n, PEN_PX), np.ones(n), down, (height, width))), runs


def _figures(gesture: Gesture, image: InkImage, runs: list[Floats]) -> tuple[float, ...]:
    joined = np.concatenate(runs)
    inside = np.ones(len(joined) - 1, np.bool_)
    inside[np.cumsum([len(run) for run in runs])[:-1] - 1] = False
    xy = gesture.positions * image.longer_side
    drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
    same = truth.compare(xy[None], drawn[None], joined[None], inside[None])
    size = gesture.size * image.longer_side
    ink = draw_ink(xy, size, gesture.intensity, np.append(gesture.pen_down[0], drawn), image.ink.shape)
    recall = fidelity(image.ink, ink)["ink_recall"]
    return float(same.direction[0]), float(same.order[0]), recall, float(gesture.lifts - (len(runs) - 1))
