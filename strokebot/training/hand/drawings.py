"""Strokes that the hand draws, with what a person did there: what the order network learns from.

Nouns:
    drawing    the strokes of one picture as the networks drew them (``strokebot.hand.choose``), in their
               order and direction
    own place  a place of a drawn stroke beside a place of a true one, along it

Symbols, in line widths s of the picture (``WORK_PX`` work px):
    x_k, v_k   place k of a drawn stroke, half a line width apart, and the unit direction there
    y_j, u_j   sample j of the true ways, numbered through in their order
    j(k)       of the samples with |y_j - x_k| <= ``_NEAR`` and |u_j . v_k| >= ``_ALONG`` the first whose
               distance is at most ``_BESIDE`` more than the least

Truths of a drawn stroke:
    when       the ``_BEGUN`` quantile of j(k): when the person came there first
    forward    mean of u_j(k) . v_k, in [-1, 1]; 0 where nothing is near
    whole      whether it begins and ends within ``_ENDS`` of where a true stroke of about its length
               begins and ends, either way round

So pieces of a true stroke, several of them joined, and strokes drawn backwards all have truths. They are
kept with their points (``strokebot.hand.order.POINTS`` each), work px, as ``drawings.npz``.

    python -m strokebot.training.hand.drawings --data DIR [--weights DIR] [--pictures N] [--seed N]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from strokebot.errors import StrokebotError
from strokebot.geometry.polyline import arc_length
from strokebot.hand.choose import TRIED, draw_parts
from strokebot.hand.draw import Rollout
from strokebot.hand.order import POINTS, spaced
from strokebot.hand.policy import Policy, load_policy
from strokebot.hand.retina import WORK_PX, Floats
from strokebot.training.data.ragged import read_npz, save_arrays
from strokebot.training.hand.corpus import MADE, Corpus, training_part, validation_part
from strokebot.training.hand.paths import resampled

FILE, VALIDATION_FILE = "drawings.npz", "drawings-validation.npz"
# How often each source is drawn from.
SOURCES: dict[str, float] = {
    "unipen_words": 3.0,
    "unipen_upper": 3.0,
    "kanjivg": 3.0,
    "hanzi": 0.5,
    "unipen_lower": 0.7,
    "unipen_digits": 0.3,
    "omniglot": 0.7,
    MADE: 0.2,
}
# Sources without validation writers.
_UNSPLIT = ("omniglot", MADE)
# Share of drawings in the style "one line".
_ONE_LINE = 0.15
_LOCK_STEP = 64
_NEAR, _BESIDE, _ALONG = 1.0, 0.4, 0.5
_BEGUN = 0.1
_ENDS, _LONGER = 2.0, 1.3
_NEIGHBOURS = 24


@dataclass(frozen=True, eq=False)
class Drawings:
    """Drawn strokes of N pictures, n in all; those of picture k are ``start[k]`` to ``start[k + 1]``.

    Attributes:
        points: (n, ``POINTS``, 2) float32, work px, as drawn.
        length: (n,) float32, drawn length, work px.
        when: (n,) float32 when the person came there; NaN where nobody did.
        forward: (n,) float32 in [-1, 1], 1 = drawn as the person did.
        whole: (n,) float32, 1 where it is a whole stroke of the person.
        start: (N + 1,) int64.
        style: (N,) float32.
    """

    points: NDArray[np.float32]
    length: NDArray[np.float32]
    when: NDArray[np.float32]
    forward: NDArray[np.float32]
    whole: NDArray[np.float32]
    start: NDArray[np.int64]
    style: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.style)


class Truths(NamedTuple):
    """What a person did where n strokes were drawn; see the top of the file."""

    when: Floats
    forward: Floats
    whole: Floats


def truths(strokes: Sequence[Floats], ways: Sequence[Floats]) -> Truths:
    """Truths of drawn strokes (K, 2), given the true ones (M, 2); work px."""
    runs = [resampled(way) for way in ways]
    place = np.concatenate(runs)
    way = np.concatenate([_directions(run) for run in runs])
    tree = cKDTree(place)
    when, forward = np.full(len(strokes), np.nan), np.zeros(len(strokes))
    for k, stroke in enumerate(strokes):
        at = resampled(stroke, WORK_PX / 2)
        own = _directions(at)
        count = min(_NEIGHBOURS, len(place))
        found, index = tree.query(at, k=count)
        distance, near = np.reshape(found, (-1, count)), np.reshape(index, (-1, count))
        cosine = (way[near] * own[:, None]).sum(axis=2)
        # Dots have no direction, neither the person's nor the hand's.
        still = np.asarray(~own.any(axis=1))[:, None] | np.asarray(~way[near].any(axis=2))
        distance = np.where((np.abs(cosine) >= _ALONG) | still, distance, np.inf)
        limit = np.minimum(_NEAR * WORK_PX, distance.min(axis=1) + _BESIDE * WORK_PX)
        first = np.where(distance <= limit[:, None], near, len(place)).min(axis=1)
        seen = first < len(place)
        if seen.any():
            when[k] = np.quantile(first[seen], _BEGUN)
            forward[k] = (way[first[seen]] * own[seen]).sum(axis=1).mean()
    ends = np.array([[stroke[0], stroke[-1]] for stroke in strokes]).reshape(-1, 2, 2)
    whole = whole_strokes(ends, np.array([float(arc_length(stroke)[-1]) for stroke in strokes]), ways)
    return Truths(when, forward, whole)


def whole_strokes(ends: Floats, length: Floats, ways: Sequence[Floats]) -> Floats:
    """1 for each of n strokes, of some ends (n, 2, 2) and lengths (n,), that is a whole true one; else 0."""
    theirs = np.array([[way[0], way[-1]] for way in ways])
    long = np.array([float(arc_length(way)[-1]) for way in ways])
    apart = np.linalg.norm(ends[:, None] - theirs, axis=-1).max(axis=-1)
    turned = np.linalg.norm(ends[:, None, ::-1] - theirs, axis=-1).max(axis=-1)
    near = np.minimum(apart, turned) <= _ENDS * WORK_PX
    # Dots are short whatever their ratio.
    longer = np.maximum(length[:, None], long) + WORK_PX
    alike = longer <= _LONGER * (np.minimum(length[:, None], long) + WORK_PX)
    return np.asarray((near & alike).any(axis=1), np.float64)


def _directions(run: Floats) -> Floats:
    if len(run) == 1:
        return np.zeros((1, 2))
    step = np.gradient(run, axis=0)
    return np.asarray(step / np.maximum(np.hypot(*step.T), 1e-9)[:, None])


def draw_corpus(
    corpus: Corpus, policy: Policy, pictures: int, rng: np.random.Generator, one_line: float = _ONE_LINE
) -> Drawings:
    """Draws pictures, each by one rollout of those that are tried, and notes the truths."""
    points, length, found_truths = list[Floats](), list[float](), list[Truths]()
    counts, styles = list[int](), list[float]()
    while len(counts) < pictures:
        drawings = [corpus.drawing(rng) for _ in range(min(_LOCK_STEP, pictures - len(counts)))]
        rollouts = [
            Rollout(float(rng.random() < one_line), *TRIED[int(rng.integers(len(TRIED)))]) for _ in drawings
        ]
        drawn = draw_parts([d.picture for d in drawings], policy, rollouts, int(rng.integers(1 << 31)))
        for drawing, parts, rollout in zip(drawings, drawn, rollouts, strict=True):
            found = [stroke for part in parts for stroke in part.drawing.strokes]
            strokes = [stroke[:, :2] * drawing.picture.unit for stroke in found]
            found_truths.append(truths(strokes, drawing.ways))
            points += [spaced(stroke) for stroke in strokes]
            length += [float(arc_length(stroke)[-1]) for stroke in strokes]
            counts.append(len(strokes))
            styles.append(rollout.style)
    when, forward, whole = (np.concatenate(v).astype(np.float32) for v in zip(*found_truths, strict=True))
    return Drawings(
        np.array(points, np.float32).reshape(-1, POINTS, 2),
        np.array(length, np.float32),
        when,
        forward,
        whole,
        np.cumsum([0, *counts]).astype(np.int64),
        np.array(styles, np.float32),
    )


def save_drawings(path: Path, found: Drawings) -> None:
    """Writes the set."""
    save_arrays(path, {name: getattr(found, name) for name in Drawings.__dataclass_fields__})


def load_drawings(folder: Path, file: str = FILE) -> Drawings:
    """The set of a data folder: ``FILE``, or ``VALIDATION_FILE``.

    Raises:
        DataError: if it is missing or damaged.
    """
    arrays = read_npz(folder / file, tuple(Drawings.__dataclass_fields__))
    start = arrays.pop("start").astype(np.int64)
    singles = {name: value.astype(np.float32) for name, value in arrays.items()}
    return Drawings(start=start, **singles)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.hand.drawings", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--weights", type=Path, help="folder of the networks; the shipped ones")
    parser.add_argument("--pictures", type=int, default=6000, help="pictures to draw")
    parser.add_argument("--validation", action="store_true", help="of the writers kept for choosing settings")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        file, part = (VALIDATION_FILE, validation_part) if options.validation else (FILE, training_part)
        sources = {k: v for k, v in SOURCES.items() if not options.validation or k not in _UNSPLIT}
        corpus = Corpus(options.data, sources, part)
        rng = np.random.default_rng(options.seed)
        found = draw_corpus(corpus, load_policy(options.weights), options.pictures, rng)
        save_drawings(options.data / file, found)
    except (StrokebotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(found)} drawings: {options.data / file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
