"""Order and direction of a gesture against those of the hand that wrote the original.

Nouns:
    stroke     a run of the true pen on the paper, in the writer's order and direction
    place      a point of a stroke; places lie a step apart
    pass       a time at which the gesture runs over a place, roughly along the stroke there
    own place  a place that no earlier part of the true writing passed along: what a hand
               writes over itself counts where it was first written

Symbols, in the unit of the strokes:
    s_j, u_j   place j of a stroke, and the unit direction of the true pen there
    g(t), w    the gesture by its drawn length t, and its unit direction there
    d_j        distance from s_j to the nearest pass, |w . u_j| >= ``_ALONG``
    t_j        the FIRST t with |g(t) - s_j| <= min(reach, d_j + reach / 2), |w . u_j| >= ``_ALONG``

    direction  share of strokes with sum_j w(t_j) . u_j > 0 over own places j: the stroke is
               drawn the true way where it is drawn for the first time. Strokes shorter than
               ``_LEAST_STROKE`` reaches (dots) have no direction and are not counted.
    order      Kendall's tau-a over pairs of strokes: (pairs begun in the true order - pairs
               begun in the other) / pairs. A stroke is begun at the ``_BEGUN`` quantile of
               t_j over its own places (a tenth of it is on the paper).

A stroke that the gesture never passes is drawn the wrong way, and a pair with it is in no
order. A pen that guesses has direction 0.5 and tau 0.

Source: M. G. Kendall, "A new measure of rank correlation", Biometrika 1938.

    python -m benchmarks.order_truth --data DIR [--limit N] [--train] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.tour import tour_gesture
from strokebot.training import truth
from strokebot.training.data.strokes import StrokeSet, load_strokes
from strokebot.training.hand.measure import PEN_PX, pictured

Floats = NDArray[np.float64]

# Cosine of 60 degrees: what runs steeper across a stroke is a crossing and no pass.
_ALONG = 0.5
# A stroke shorter than this many reaches has no direction.
_LEAST_STROKE = 2.0
# A stroke is begun when this share of its own places is drawn.
_BEGUN = 0.1
# Reach where none is given: shares of the shorter and the longer side of the writing's box.
_REACH_SHARES = (0.06, 0.015)
# Places in a reach, and places compared at a time (bounds the memory).
_PLACES = 3.0
_CHUNK = 500
# The pictures: pixels of a letter's longer side and of a word's height.
_LETTER_PX = 64.0
_WORD_PX = 56.0
SETS = ("unipen_words", "unipen_lower", "unipen_upper")
_SEED = 5


def direction_and_order(
    gesture_xy: ArrayLike,
    strokes: Sequence[ArrayLike],
    *,
    drawn: ArrayLike | None = None,
    reach: float | None = None,
) -> tuple[float, float]:
    """How far a gesture follows the true direction and order of strokes; see the top of the file.

    Args:
        gesture_xy: (N, 2) points of the gesture, in the frame and unit of the strokes.
        strokes: the true strokes, (K, 2) each, in the true order.
        drawn: (N - 1,) whether the pen draws from each point to the next; None if it always does.
        reach: how far from a place a pass may lie, about a pen's width; None for a share of the box.

    Returns:
        Direction share in [0, 1], NaN if no stroke has a direction; and tau in [-1, 1], NaN if
        there are fewer than two strokes.
    """
    forward, concordant = judge_strokes(gesture_xy, strokes, drawn=drawn, reach=reach)
    return (
        float(np.mean(forward)) if forward else math.nan,
        float(np.mean(concordant)) if concordant else math.nan,
    )


def judge_strokes(
    gesture_xy: ArrayLike,
    strokes: Sequence[ArrayLike],
    *,
    drawn: ArrayLike | None = None,
    reach: float | None = None,
) -> tuple[list[bool], list[float]]:
    """What ``direction_and_order`` takes the means of.

    Returns:
        For each stroke with a direction whether it is drawn the true way; for each pair of strokes
        1 for the true order, -1 for the other, 0 for none.
    """
    line = np.asarray(gesture_xy, dtype=np.float64).reshape(-1, 2)
    runs = [np.asarray(stroke, dtype=np.float64).reshape(-1, 2) for stroke in strokes]
    down = np.ones(max(len(line) - 1, 0), bool) if drawn is None else np.asarray(drawn, bool)
    box = np.ptp(np.concatenate(runs), axis=0)
    if reach is None:
        reach = max(_REACH_SHARES[0] * float(box.min()), _REACH_SHARES[1] * float(box.max()), 1e-9)
    step = reach / _PLACES
    track, way = _sampled(line, down, step)
    begun, forward = [], []
    before = np.zeros((0, 4))
    for run in runs:
        place, u = _sampled(run, np.ones(len(run) - 1, bool), step)
        own = _own(place, u, before, reach)
        before = np.concatenate([before, np.column_stack([place, u])])
        if not own.any():
            own[:] = True
        at = _first_pass(place[own], u[own], track, way, reach)
        seen = at >= 0
        begun.append(float(np.quantile(at[seen], _BEGUN)) if seen.any() else math.nan)
        if float(np.hypot(*np.diff(run, axis=0).T).sum()) >= _LEAST_STROKE * reach:
            forward.append(bool(seen.any() and (way[at[seen]] * u[own][seen]).sum() > 0))
    pairs = [np.sign(later - first) for k, first in enumerate(begun) for later in begun[k + 1 :]]
    return forward, np.nan_to_num(pairs).tolist()


def _sampled(points: Floats, down: NDArray[np.bool_], step: float) -> tuple[Floats, Floats]:
    """Points about a step apart on the drawn segments of a polyline, and the unit directions there."""
    if len(points) == 1 or not down.any():
        return points[:1], np.zeros((1, 2))
    start, vector = points[:-1][down], np.diff(points, axis=0)[down]
    length = np.hypot(*vector.T)
    count = np.maximum(1, np.ceil(length / step)).astype(np.int64)
    which = np.repeat(np.arange(len(count)), count)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[which]
    unit = vector / np.maximum(length, 1e-300)[:, None]
    return start[which] + share[:, None] * vector[which], unit[which]


def _own(place: Floats, u: Floats, before: Floats, reach: float) -> NDArray[np.bool_]:
    """Which places no earlier place of the writing lies beside, along the same line."""
    beside = before[_around(before[:, :2], place, reach)]
    everything = np.concatenate([beside, np.column_stack([place, u])])
    gap = max(2, math.ceil(3 * _PLACES))  # places back along the same stroke that are the stroke itself
    own = np.ones(len(place), dtype=bool)
    for first in range(0, len(place), _CHUNK):
        k = np.arange(first, min(first + _CHUNK, len(place)))
        near = np.hypot(*(place[k, None] - everything[None, :, :2]).transpose(2, 0, 1)) <= reach
        near &= np.abs(u[k] @ everything[:, 2:].T) >= _ALONG
        near &= np.arange(len(everything)) < (len(beside) + k - gap)[:, None]
        own[k] = ~near.any(axis=1)
    return own


def _around(points: Floats, place: Floats, reach: float) -> NDArray[np.intp]:
    """The numbers of the points in the box of the places and a reach around it."""
    inside = (points >= place.min(axis=0) - reach) & (points <= place.max(axis=0) + reach)
    return np.flatnonzero(inside.all(axis=1))


def _first_pass(place: Floats, u: Floats, track: Floats, way: Floats, reach: float) -> NDArray[np.int64]:
    """The number of the first sample of the gesture that passes each place, -1 where none does."""
    found = np.full(len(place), -1, dtype=np.int64)
    number = _around(track, place, reach)
    if len(number) == 0:
        return found
    track, way = track[number], way[number]
    for first in range(0, len(place), _CHUNK):
        k = slice(first, first + _CHUNK)
        distance = np.hypot(*(place[k, None] - track[None]).transpose(2, 0, 1))
        still: NDArray[np.bool_] = np.asarray(
            ~u[k].any(axis=1)
        )  # a dot of the hand has no way to run along, nor has one of the gesture
        along = np.asarray(np.abs(u[k] @ way.T) >= _ALONG) | still[:, None] | ~way.any(axis=1)
        distance = np.where(along, distance, np.inf)
        limit = np.minimum(reach, distance.min(axis=1) + reach / 2)
        near = distance <= limit[:, None]
        found[k] = np.where(near.any(axis=1), number[near.argmax(axis=1)], -1)
    return found


def samples(
    folder: Path, name: str, limit: int, *, test: bool = True
) -> Iterator[tuple[InkImage, list[Floats]]]:
    """Pictures with their true strokes: a fixed choice of a stroke set's test or training writers."""
    strokes: StrokeSet = load_strokes(folder, name)
    chosen = np.flatnonzero(strokes.held_out == test)
    chosen = np.sort(np.random.default_rng(_SEED).permutation(chosen)[:limit])
    for k in chosen:
        runs = strokes.strokes(int(k))
        size = np.ptp(np.concatenate(runs), axis=0)
        if name == "unipen_words":
            yield pictured(runs, _WORD_PX)
        else:
            yield pictured(runs, _LETTER_PX * float(size[1]) / max(float(size.max()), 1.0))


def point_figures(gesture: Gesture, image: InkImage, strokes: Sequence[Floats]) -> truth.Agreement:
    """Direction and order point by point, as the network's evaluation measures them."""
    joined = np.concatenate(list(strokes))
    inside = np.ones(len(joined) - 1, dtype=bool)
    inside[np.cumsum([len(stroke) for stroke in strokes])[:-1] - 1] = False
    xy = gesture.positions * image.longer_side
    drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
    return truth.compare(xy[None], drawn[None], joined[None], inside[None])


def measure(
    folder: Path,
    limit: int,
    draw: Callable[[InkImage], Gesture] = tour_gesture,
    *,
    test: bool = True,
    names: Sequence[str] = SETS,
) -> dict[str, float]:
    """``<set>_<figure>`` of each set, and ``direction``, ``tau`` and ``pair_tau`` of all sets together.

    ``direction`` is the share of all strokes, ``tau`` the mean over the pictures with two strokes
    or more, ``pair_tau`` over all pairs of strokes within pictures; ``point_direction`` and
    ``point_order`` are means over the pictures.
    """
    flat: dict[str, float] = {}
    all_forward, all_tau, all_pairs = list[bool](), list[float](), list[float]()
    for name in names:
        forward, tau, points = list[bool](), list[float](), list[tuple[float, float]]()
        for image, runs in samples(folder, name, limit, test=test):
            gesture = draw(image)
            xy = gesture.positions * image.longer_side
            drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
            ways, pairs = judge_strokes(xy, runs, drawn=drawn, reach=PEN_PX)
            forward += ways
            tau += [float(np.mean(pairs))] if pairs else []
            all_pairs += pairs
            figures = point_figures(gesture, image, runs)
            points.append((float(figures.direction[0]), float(figures.order[0])))
        flat[f"{name}_direction"] = float(np.mean(forward))
        flat[f"{name}_tau"] = float(np.mean(tau))
        flat[f"{name}_point_direction"], flat[f"{name}_point_order"] = np.mean(points, axis=0).tolist()
        all_forward += forward
        all_tau += tau
    flat["direction"], flat["tau"] = float(np.mean(all_forward)), float(np.mean(all_tau))
    flat["pair_tau"] = float(np.mean(all_pairs))
    return flat


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Order and direction of the tour against real pens.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the stroke sets")
    parser.add_argument("--limit", type=int, default=300, metavar="N", help="pictures of each set")
    parser.add_argument("--train", action="store_true", help="training writers instead of test writers")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args(arguments)
    flat = measure(chosen.data, chosen.limit, test=not chosen.train)
    for name, value in flat.items():
        print(f"{name:32} {value:7.3f}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
