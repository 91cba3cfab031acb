"""The hand beside the tour: what the networks draw, in which order and direction, and how fast.

    python -m benchmarks.hand --data DIR [--words N] [--capitals N] [--characters N] [--pictures N]
                              [--weights DIR] [--json FILE] [--sheet FILE.png]

Specimens: words and capitals of UNIPEN's test writers (``order_truth``), Japanese characters of
KanjiVG that no training saw (``strokebot data fetch``; left out where the folder has none), and the
line pictures of ``benchmarks.pictures``.

Ways, each measured on the same specimens:
    raw        what the networks drew, before any line of the picture is measured
    hand       the picture's lines in the networks' order and direction, with their lifts
    one line   the same without lifts inside connected parts: what `strokebot draw` does by itself
    tour       the tour's own order and direction

Keys of the JSON are ``<figure>`` for the hand (``words_tau``), ``<figure>_<way>`` for other ways
(``words_tau_tour``, ``words_tau_one_line``, ``words_tau_raw``). Direction and order are those of
``order_truth``, AIoU and LDTW those of ``recovery_metrics``; lifts are counted over the hand's own
(``lifts_over_hand``) and over the least that the parts allow (``lifts_over_parts``), lengths over
the skeleton's. Seconds are of one processor, a picture at a time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import order_truth
from benchmarks.hand_sheet import save_sheet
from benchmarks.line_metrics import Drawing, Target, score
from benchmarks.picture_runs import plan_drawing
from benchmarks.picture_set import LINE_KINDS, pictures
from benchmarks.recovery_metrics import aiou, ldtw
from strokebot import pipeline, raster
from strokebot.errors import StrokebotError
from strokebot.gesture import Gesture
from strokebot.hand.choose import Hand, draw_by_hand, guide_of, raw_gesture
from strokebot.hand.policy import load_policy
from strokebot.picture.image import InkImage, load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.tour import lines_of, skeleton_of, walk_lines
from strokebot.training.data.strokes import load_strokes

Floats = NDArray[np.float64]
Specimen = tuple[InkImage, list[Floats]]

WAYS = ("", "one_line", "raw", "tour")
_TITLES = {"": "hand", "one_line": "one line", "raw": "raw", "tour": "tour"}
# What is aimed at: the figure is to be at least (True) or at most (False) the number.
TARGETS: dict[str, tuple[float, bool]] = {
    "words_recall_raw": (0.998, True),
    "words_iou": (0.98, True),
    "words_tau": (0.92, True),
    "words_direction": (0.92, True),
    "words_lifts_over_hand": (0.3, False),
    "words_one_line_length": (1.15, False),
    "capitals_tau": (0.7, True),
    "kanji_tau": (0.9, True),
    "kanji_direction": (0.95, True),
    "line_f1_median": (0.998, True),
    "line_iou_median": (0.986, True),
    "line_extra_lifts_max": (0.0, False),
    "network_ink_share": (0.98, True),
    "s_per_1000_px": (0.1, False),
}
_SEED = 5
_CHARACTER_PX = 96.0
# Line pictures of the sheet.
_SHOWN = ("example-hello", "example-flourish", "oneline-lissajous", "signature-0")


@dataclass
class _Sums:
    """Figures of one way over one set of specimens."""

    forward: list[bool]
    tau: list[float]
    rows: list[tuple[float, ...]]


@dataclass
class Clock:
    """Processor seconds of drawing, and the length of the lines drawn.

    Attributes:
        hand_s: of the networks' drawing.
        tour_s: of the tour: skeleton, lines and walk.
        skeleton_px: length of all skeletons.
    """

    hand_s: float = 0.0
    tour_s: float = 0.0
    skeleton_px: float = 0.0


_FIGURES = ("recall", "iou", "aiou", "ldtw", "lifts_over_hand", "lifts_over_parts", "length", "guided")


def measure_specimens(
    name: str, specimens: Iterable[Specimen], policy: Hand, clock: Clock
) -> dict[str, float]:
    """``<name>_<figure>`` and ``<name>_<figure>_<way>`` of a set of specimens."""
    sums = {way: _Sums([], [], []) for way in WAYS}
    for image, strokes in specimens:
        ways = draw_ways(image, policy, clock)
        parts, skeleton_px = len(find_parts(image.ink)), raster.skeleton_length_px(image.ink)
        for way, (gesture, guided) in ways.items():
            _add(sums[way], gesture, guided, image, strokes, parts, skeleton_px)
    flat: dict[str, float] = {}
    for way, found in sums.items():
        end = f"_{way}" if way else ""
        if not found.rows:
            continue
        flat[f"{name}_direction{end}"] = float(np.mean(found.forward)) if found.forward else float("nan")
        flat[f"{name}_tau{end}"] = float(np.mean(found.tau)) if found.tau else float("nan")
        for figure, value in zip(_FIGURES, np.mean(found.rows, axis=0), strict=True):
            flat[f"{name}_{figure}{end}"] = float(value)
    flat[f"{name}_pictures"] = float(len(sums["tour"].rows))
    return flat


def draw_ways(image: InkImage, policy: Hand, clock: Clock) -> dict[str, tuple[Gesture, float]]:
    """The gesture of each way, and the share of it that is the networks'."""
    begin = time.process_time()
    skeleton = skeleton_of(image)
    lines = lines_of(skeleton, None)
    tour = walk_lines(skeleton, lines)
    drawn = time.process_time()
    drawings = {"one_line": draw_by_hand([image], policy, together=True)[0]}
    done = time.process_time()
    drawings[""] = draw_by_hand([image], policy)[0]
    clock.tour_s += drawn - begin
    clock.hand_s += done - drawn
    clock.skeleton_px += raster.skeleton_length_px(image.ink)
    found = {"tour": (tour.gesture, 0.0)}
    for way, drawing in drawings.items():
        guided = walk_lines(skeleton, lines, guide=guide_of(drawing, not way, policy))
        found[way] = (guided.gesture, guided.guided_share)
    raw = raw_gesture(drawings[""][0], image)
    if raw is not None:
        found["raw"] = (raw, 1.0)
    return found


def _add(
    found: _Sums,
    gesture: Gesture,
    guided: float,
    image: InkImage,
    strokes: Sequence[Floats],
    parts: int,
    skeleton_px: float,
) -> None:
    xy = gesture.positions * image.longer_side
    drawn = gesture.pen_down[1:] & gesture.pen_down[:-1]
    ways, pairs = order_truth.judge_strokes(xy, strokes, drawn=drawn, reach=order_truth.PEN_PX)
    found.forward += ways
    found.tau += [float(np.mean(pairs))] if pairs else []
    down = raster.segments_down(gesture.pen_down)
    ink = raster.draw_ink(
        xy, gesture.size * image.longer_side, gesture.intensity, down, (image.height, image.width)
    )
    likeness = raster.fidelity(image.ink, ink)
    length = float(np.hypot(*np.diff(xy, axis=0).T)[drawn].sum())
    found.rows.append(
        (
            likeness["ink_recall"], likeness["iou"], aiou(gesture, image), ldtw(gesture, image, strokes),
            gesture.lifts - (len(strokes) - 1), gesture.lifts - (parts - 1), length / max(skeleton_px, 1.0),
            guided,
        )
    )  # fmt: skip


def characters(folder: Path, limit: int) -> list[Specimen]:
    """Held-out kanji as pictures with their true strokes; none where the folder has no such set."""
    try:
        stored = load_strokes(folder, "kanjivg")
    except StrokebotError as error:
        print(f"Kanji: skipped: {error}")
        return []
    chosen = np.sort(np.random.default_rng(_SEED).permutation(np.flatnonzero(stored.held_out))[:limit])
    return [order_truth.pictured(stored.strokes(int(k)), _CHARACTER_PX) for k in chosen]


def measure_pictures(limit: int, weights: Path | None) -> dict[str, float]:
    """Figures of the line pictures of ``benchmarks.pictures``, by the whole way from a file."""
    found, _ = pictures()
    lines = [picture for picture in found if picture.kind in LINE_KINDS]
    lines = lines if limit >= len(lines) else lines[:: max(1, len(lines) // max(limit, 1))][:limit]
    rows: dict[str, list[tuple[float, ...]]] = {"": [], "tour": []}
    with tempfile.TemporaryDirectory() as folder:
        for picture in lines:
            file = picture.saved(Path(folder))
            for way, method in (("", "hand"), ("tour", "tour")):
                plan = pipeline.plan(
                    file, pipeline.DrawOptions(method=method, weights=weights if not way else None)
                )
                one: Drawing = plan_drawing(plan)
                seen = score(Target.of(plan.ink.ink), one)
                rows[way].append(
                    (
                        seen.line_f1, seen.iou, seen.extra_lifts - plan.sketch.cheaper_lifts,
                        seen.length_ratio, plan.trajectory.duration_s, plan.sketch.network_share,
                    )
                )  # fmt: skip
    flat: dict[str, float] = {}
    for way, table in rows.items():
        end = f"_{way}" if way else ""
        f1, iou, lifts, length, seconds, share = np.array(table).T
        flat |= {
            f"line_f1_median{end}": float(np.median(f1)),
            f"line_f1_worst{end}": float(f1.min()),
            f"line_iou_median{end}": float(np.median(iou)),
            f"line_iou_worst{end}": float(iou.min()),
            f"line_extra_lifts_max{end}": float(lifts.max()),
            f"line_length_median{end}": float(np.median(length)),
            f"line_machine_s{end}": float(seconds.sum()),
        }
        if not way:
            flat["network_ink_share"] = float(share.mean())
    flat["line_pictures"] = float(len(lines))
    return flat


def sheet(path: Path, folder: Path, policy: Hand) -> None:
    """Twelve pictures, each by the tour, by the hand, and by the hand with people's lifts.

    Words, capitals and kanji of held-out writers, and line pictures.
    """
    found: list[tuple[str, InkImage]] = []
    for name, stored, count in (("word", "unipen_words", 4), ("capital", "unipen_upper", 2)):
        found += [(name, image) for image, _ in order_truth.samples(folder, stored, count)]
    found += [("kanji", image) for image, _ in characters(folder, 2)]
    with tempfile.TemporaryDirectory() as scratch:
        shown = [picture for picture in pictures()[0] if picture.name in _SHOWN]
        found += [(p.name, load_ink_image(p.saved(Path(scratch)))) for p in shown]
    pairs = []
    for name, image in found:
        ways = draw_ways(image, policy, Clock())
        titles = {"tour": "tour", "one_line": "hand", "": "hand with lifts"}
        pairs.append((name, image, {title: ways[way][0] for way, title in titles.items()}))
    save_sheet(path, pairs)


def report(flat: dict[str, float]) -> None:
    """Prints every figure, the ways side by side."""
    keys = [
        key
        for key in flat
        if not key.endswith(tuple(f"_{way}" for way in WAYS if way)) or key == "words_recall_raw"
    ]
    print(f"\n{'':28}" + "".join(f"{_TITLES[way]:>11}" for way in WAYS) + "     target")
    for key in keys:
        cells = [flat.get(f"{key}_{way}" if way else key) for way in WAYS]
        row = "".join(f"{'' if value is None else format(value, '.3f'):>11}" for value in cells)
        aim = ""
        if key in TARGETS:
            bound, least = TARGETS[key]
            met = flat[key] >= bound if least else flat[key] <= bound
            aim = f"  {'>=' if least else '<='} {bound:g}{'' if met else '  MISSED'}"
        print(f"{key:28}{row}{aim}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="What the hand's networks draw, beside the tour.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the stroke sets")
    parser.add_argument("--words", type=int, default=60, metavar="N", help="words")
    parser.add_argument("--capitals", type=int, default=60, metavar="N", help="capital letters")
    parser.add_argument("--characters", type=int, default=40, metavar="N", help="held-out kanji")
    parser.add_argument("--pictures", type=int, default=12, metavar="N", help="line pictures")
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="folder of the networks; the shipped ones"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write name -> number")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="write twelve pairs, tour and hand")
    chosen = parser.parse_args(arguments)
    try:
        policy = load_policy(chosen.weights)
        if chosen.sheet is not None:
            sheet(chosen.sheet, chosen.data, policy)
        clock, flat = Clock(), dict[str, float]()
        for name, stored, limit in (
            ("words", "unipen_words", chosen.words),
            ("capitals", "unipen_upper", chosen.capitals),
        ):
            if limit:
                flat |= measure_specimens(
                    name, order_truth.samples(chosen.data, stored, limit), policy, clock
                )
        if chosen.characters:
            flat |= measure_specimens("kanji", characters(chosen.data, chosen.characters), policy, clock)
        if clock.skeleton_px:
            flat["s_per_1000_px"] = 1000 * clock.hand_s / clock.skeleton_px
            flat["s_per_1000_px_tour"] = 1000 * clock.tour_s / clock.skeleton_px
        if "words_length_one_line" in flat:
            flat["words_one_line_length"] = flat["words_length_one_line"]
            flat["words_one_line_length_tour"] = flat["words_length_tour"]
        if chosen.pictures:
            flat |= measure_pictures(chosen.pictures, chosen.weights)
    except StrokebotError as error:
        print(error, file=sys.stderr)
        return 1
    report(flat)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
