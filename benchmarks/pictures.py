"""Pictures of every kind, drawn by strokebot and by other ways, judged by one independent judge.

    python -m benchmarks.pictures [--quick] [--json FILE] [--images DIR] [--data DIR] [--sheet FILE.png]

Figures of ``line_metrics`` over the kinds that each speaks of (``picture_set``): centre-line F1,
length and lifts over handwriting, signatures, one-line drawings and line art; IoU of ink over those
of 3 px and more, of hairlines, of pencil and of filled shapes apart; tone over photos. A picture
that a way fails on counts 0. Then order and direction (``picture_order``), machine time against
the plain tour, and what ``strokebot draw`` costs (``draw_cost``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import harness, picture_order
from benchmarks.draw_cost import draw_cost
from benchmarks.line_metrics import Score
from benchmarks.picture_runs import Outcome, Result, run
from benchmarks.picture_set import KINDS, LINE_KINDS, folder_pictures, pictures
from benchmarks.picture_sheet import save_sheet
from benchmarks.rivals import find_rivals

TRACED_KINDS = (*LINE_KINDS, "hairline")
# "No worse" leaves this for rounding.
_NO_WORSE = 0.005
_SPECIMENS, _QUICK_SPECIMENS = 80, 3
_DENSE_PX, _QUICK_DENSE_PX = 4000, 512
_OURS = ("", "strokebot")
# What is aimed at: the figure is to be at least (True) or at most (False) the number.
TARGETS: dict[str, tuple[float, bool]] = {
    "line_f1_median": (0.995, True),
    "line_f1_worst": (0.97, True),
    "line_iou_median": (0.97, True),
    "hairline_iou_median": (0.88, True),
    "pencil_iou_median": (0.85, True),
    "fill_iou_median": (0.95, True),
    "length_ratio_median": (1.25, False),
    "time_vs_plain_tour": (0.9, False),
    "direction_agreement": (0.85, True),
    "order_tau": (0.8, True),
    "extra_lifts_max": (0, False),
    "tone_correlation_min": (0.93, True),
    "draw_512_s": (4.0, False),
    "draw_1024_s": (10.0, False),
    "peak_memory_4000_mb": (2000.0, False),
}
_WORST = 3

# What to show of each way and kind: title, value.
_COLUMNS: dict[str, Callable[[Score], float]] = {
    "IoU": lambda s: s.iou,
    "ink F1": lambda s: s.ink_f1,
    "line F1": lambda s: s.line_f1,
    "length": lambda s: s.length_ratio,
    "lifts+": lambda s: float(s.extra_lifts),
    "travel px": lambda s: s.travel_px,
}


@dataclass(frozen=True)
class Chosen:
    """The options; see ``main``."""

    quick: bool
    json: Path | None
    images: Path | None
    data: Path | None
    sheet: Path | None


def _options(arguments: Sequence[str] | None) -> Chosen:
    parser = argparse.ArgumentParser(description="Draw pictures of every kind by every way, and judge them.")
    parser.add_argument("--quick", action="store_true", help="a few small pictures, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write name -> number")
    parser.add_argument("--images", type=Path, metavar="DIR", help="also every picture of this folder")
    parser.add_argument("--data", type=Path, metavar="DIR", help="stroke sets: order against real pens")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a contact sheet")
    return Chosen(**vars(parser.parse_args(arguments)))


def figures(results: Sequence[Result], keys: Sequence[str]) -> dict[str, float]:
    """The flat table of the drawings; ``keys`` are the ways, "" for strokebot."""
    flat: dict[str, float] = {}
    for key in keys:
        end = f"_{key}" if key else ""
        traced = _scores(results, key, TRACED_KINDS)
        groups: dict[str, tuple[Callable[[list[float]], float], list[float]]] = {
            "line_f1_median": (np.median, [s.line_f1 for s in traced]),
            "line_f1_worst": (np.min, [s.line_f1 for s in traced]),
            "line_iou_median": (np.median, [s.iou for s in _scores(results, key, LINE_KINDS)]),
            "fill_iou_median": (np.median, [s.iou for s in _scores(results, key, ("clipart",))]),
            "hairline_iou_median": (np.median, [s.iou for s in _scores(results, key, ("hairline",))]),
            "pencil_iou_median": (np.median, [s.iou for s in _scores(results, key, ("pencil",))]),
            "length_ratio_median": (np.median, [s.length_ratio for s in traced]),
            "extra_lifts_max": (np.max, [s.extra_lifts for s in traced]),
        }
        flat |= {name + end: float(how(values)) for name, (how, values) in groups.items() if values}
    machine = [np.nan_to_num(r.machine_iou) for r in results if r.picture.kind in LINE_KINDS]
    if machine:
        flat["machine_iou_median"] = float(np.median(machine))
    tones = [float(np.nan_to_num(r.tone)) for r in results if r.picture.kind == "photo"]
    if tones:
        flat["tone_correlation_min"] = min(tones)
    return flat | _time_figures(results)


def _time_figures(results: Sequence[Result]) -> dict[str, float]:
    """Machine time over that of the plain tour, where fidelity is no worse, and where it is worse."""
    ratios, even, worse = list[float](), list[float](), 0
    for result in results:
        ours, plain = result.ways[""], result.ways.get("tour")
        if result.picture.kind not in TRACED_KINDS or ours.drawing is None or plain is None:
            continue
        if _no_worse(ours, plain):
            ratios.append(ours.machine_s / plain.machine_s)
            even.append(ours.machine_s / plain.one_width_s)
        else:
            worse += 1
    if not ratios:
        return {}
    return {
        "time_vs_plain_tour": float(np.median(ratios)),
        "time_vs_plain_tour_one_width": float(np.median(even)),
        "time_pictures_worse": float(worse),
    }


def _no_worse(ours: Outcome, plain: Outcome) -> bool:
    return (
        ours.score.iou >= plain.score.iou - _NO_WORSE
        and ours.score.line_f1 >= plain.score.line_f1 - _NO_WORSE
    )


def _scores(results: Sequence[Result], key: str, kinds: Sequence[str]) -> list[Score]:
    return [r.ways[key].score for r in results if r.picture.kind in kinds and key in r.ways]


def print_kinds(results: Sequence[Result], ways: Sequence[tuple[str, str]]) -> None:
    """Prints the medians of each kind and way."""
    print(f"\n{'medians':28}" + "".join(f"{title:>11}" for title in _COLUMNS) + f"{'seconds':>11}")
    for kind in KINDS:
        mine = [r for r in results if r.picture.kind == kind]
        if not mine:
            continue
        tone = f", tone {min(r.tone for r in mine):.3f} to {max(r.tone for r in mine):.3f}"
        print(f"{kind} ({len(mine)}{tone if kind == 'photo' else ''})")
        for key, title in ways:
            outcomes = [r.ways[key] for r in mine if key in r.ways]
            if not outcomes:
                continue
            cells = [np.median([value(o.score) for o in outcomes]) for value in _COLUMNS.values()]
            took = np.median([o.compute_s for o in outcomes])
            print(f"  {title:26}" + "".join(f"{cell:11.3f}" for cell in [*cells, took]))


def _run_all(chosen: Chosen, folder: Path) -> tuple[list[Result], list[tuple[str, str]]]:
    """Draws everything, a line of output for each picture."""
    rivals, missing = find_rivals()
    found, without = pictures(chosen.quick)
    if chosen.images is not None:
        found += folder_pictures(chosen.images)
    for line in (*missing, *without):
        print(line)
    ways = [*((rival.key, rival.title) for rival in rivals), _OURS]
    print(f"{len(found)} pictures; IoU of " + ", ".join(title for _, title in ways))
    results = []
    for picture in found:
        result = run(picture, rivals, folder)
        results.append(result)
        cells = [f"{result.ways[k].score.iou:6.3f}" if k in result.ways else "     -" for k, _ in ways]
        note = result.method + (f": {result.ways[''].error}" if result.ways[""].error else "")
        print(f"  {picture.name[:40]:40} {result.picture.kind:9} {' '.join(cells)}  {note}", flush=True)
    return results, ways


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    chosen = _options(arguments)
    for folder in (chosen.images, chosen.data):
        if folder is not None and not folder.is_dir():
            print(f"There is no folder {folder}.", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory() as name:
        results, ways = _run_all(chosen, Path(name))
        flat = figures(results, [key for key, _ in ways])
        print_kinds(results, ways)
        flat |= _order(chosen, Path(name))
        flat |= _cost(chosen, Path(name))
    print_worst(results)
    print_targets(flat, [key for key, _ in ways])
    if chosen.sheet is not None:
        save_sheet(chosen.sheet, results, ways)
    harness.save(flat, harness.Options(chosen.quick, chosen.json))
    return 0


def _order(chosen: Chosen, folder: Path) -> dict[str, float]:
    limit = _QUICK_SPECIMENS if chosen.quick else _SPECIMENS
    found = picture_order.measure(chosen.data, limit, folder)
    truth = "school order of made-up hands; --data measures real pens"
    if chosen.data is not None:
        truth = "UNIPEN words and letters, test writers"
    print(f"\norder and direction of {found[''].pictures} specimens ({truth})")
    flat = {}
    for key, agreement in found.items():
        end = f"_{key}" if key else ""
        flat[f"direction_agreement{end}"] = agreement.direction
        flat[f"order_tau{end}"] = agreement.tau
    return flat


def _cost(chosen: Chosen, folder: Path) -> dict[str, float]:
    """Time and memory of the command line; quick, one small picture."""
    flat: dict[str, float] = {}
    for side in () if chosen.quick else (512, 1024):
        cost = draw_cost(side, folder)
        print(f"strokebot draw, {side} px: {cost.wall_s:.1f} s, processor {cost.cpu_s:.1f} s {cost.error}")
        if not cost.error:
            flat |= {f"draw_{side}_s": cost.wall_s, f"draw_{side}_cpu_s": cost.cpu_s}
    side = _QUICK_DENSE_PX if chosen.quick else _DENSE_PX
    cost = draw_cost(side, folder, runs=1)
    print(f"strokebot draw, {side} px: {cost.peak_mb:.0f} MB, {cost.wall_s:.0f} s {cost.error}")
    if not cost.error:
        flat[f"peak_memory_{side}_mb"] = cost.peak_mb
    return flat


def print_targets(flat: Mapping[str, float], keys: Sequence[str]) -> None:
    """Prints every figure that has a target, strokebot's beside the other ways', and then the rest."""
    others = [key for key in keys if key]
    print(f"\n{'':24}{'strokebot':>11}{'target':>12}{'':8}" + "".join(f"{key:>12}" for key in others))
    for name, (bound, least) in TARGETS.items():
        if name not in flat:
            continue
        met = flat[name] >= bound if least else flat[name] <= bound
        sign, verdict = ">=" if least else "<=", "" if met else "  MISSED"
        row = f"{name:24}{flat[name]:11.4g}{sign:>4}{bound:8.4g}{verdict:8}"
        beside = [flat.get(f"{name}_{key}") for key in others]
        print(row + "".join(f"{'' if value is None else format(value, '.4g'):>12}" for value in beside))
    shown = {f"{name}{end}" for name in TARGETS for end in ("", *(f"_{key}" for key in others))}
    for name in [name for name in flat if name not in shown]:
        print(f"{name:24}{flat[name]:11.4g}")


def print_worst(results: Sequence[Result]) -> None:
    """Prints the pictures that strokebot does worst on, of each kind."""
    print("\nworst of strokebot by kind: IoU, centre-line F1")
    for kind in KINDS:
        mine = sorted((r for r in results if r.picture.kind == kind), key=lambda r: r.ways[""].score.iou)
        names = (f"{r.picture.name} {r.ways[''].score.iou:.3f} {r.ways[''].score.line_f1:.3f}" for r in mine)
        if mine:
            print(f"  {kind:10}" + ", ".join(list(names)[:_WORST]))


if __name__ == "__main__":
    sys.exit(main())
