"""Measures a network on test sets: one flat table of figures, and sheets, worst cases first.

Names of the figures: <set>_<figure> for one forward pass of the network,
<set>_polished_<figure> after the polish. Sets: ``mnist`` (all test digits), ``letters``
(capitals of NIST and letters of UNIPEN's held-out writers together; also each alone as
``letters_nist``, ``letters_unipen``), ``unipen`` and ``omniglot`` (true pen paths).
Pixel figures without a suffix are of the model's own pen, as the article measured; those
ending in ``_raster`` are of the independent rasteriser. ``recognised`` is the judge's
verdict on the independent rasteriser's drawing. All are means over glyphs, but
``length_ratio``, which is the median. An original set left out for want of its file is
named in the result's ``skipped``. ``hand_<set>_<figure>`` are those of ``training.hand.measure``.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import strokebot
from strokebot.errors import DataError
from strokebot.files import write_atomic
from strokebot.gesture import arrays_of, gestures_of
from strokebot.hand.policy import load_policy
from strokebot.picture.image import InkImage
from strokebot.polish import refine_gesture
from strokebot.tour import tour_gesture
from strokebot.training import metrics, testsets, truth
from strokebot.training.hand.measure import SETS as HAND_SETS
from strokebot.training.hand.measure import measure_hand
from strokebot.training.judges import Judge, shipped_judge
from strokebot.training.networks.predictor import load_torch_predictor
from strokebot.training.sheets import drawing_sheet, save_picture
from strokebot.training.testsets import TestSet


def tour_paths(images: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Tours of images (B, H, W) as padded paths.

    Returns:
        Pen positions (B, N, 2), canvas units, N of the longest tour (shorter ones stay at
        their end), and drawn segments (B, N - 1).
    """
    gestures = [tour_gesture(InkImage(image)) for image in images]
    longest = max((len(g) for g in gestures), default=1)
    points = np.zeros((len(gestures), longest, 2))
    drawn = np.zeros((len(gestures), longest - 1), dtype=bool)
    for i, gesture in enumerate(gestures):
        n = len(gesture)
        points[i, :n] = gesture.positions
        points[i, n:] = points[i, n - 1]
        drawn[i, : n - 1] = gesture.pen_down[1:] & gesture.pen_down[:-1]
    return points, drawn


Array = NDArray[np.float32]
Polish = Callable[[Array, Array, Array], tuple[Array, Array]]
Report = Callable[[str], None]

# Digits that are polished, unless the limit is lower: the size of the published table.
POLISH_LIMIT = 2000
# Samples of each set compared with their true pen paths, evenly spread: a tour takes its time.
TRUTH_LIMIT = 2000
_SHEET_GLYPHS = 48
# Glyphs and repeats of the timings.
_TIMED_BATCH = 256
_TIMED_POLISH = 64
_TIMED_SINGLE = 25
_TIMED_REPEATS = 3
_CHANCE_SEED = 0
# The article's networks, trained here. They are no part of the package: a checkout has them.
ARTICLE_FOLDER = Path(strokebot.__file__).parents[1] / "weights" / "article"
ARTICLE_NETWORKS = {
    "article_dots10": ("dots-10.safetensors", "mnist"),
    "article_dots25": ("dots-25.safetensors", "mnist"),
    "article_dots25_letters": ("dots-25-letters.safetensors", "letters"),
}


class Drawer(Protocol):
    """What is measured: the part of ``Predictor`` that the evaluation needs."""

    def predict_arrays(self, images: Array) -> tuple[Array, Array]:
        """Images (B, 28, 28) to start (B, 2) and steps (B, N, 4)."""

    def render(self, start: Array, steps: Array) -> Array:
        """Gestures to ink (B, 28, 28) by the model's own pen."""


@dataclass(frozen=True)
class Judges:
    """Who reads the drawings; letters may have no judge."""

    digits: tuple[Judge, Judge]
    letters: Judge | None = None


@dataclass
class Evaluation:
    """The figures, and the sets that were left out.

    Attributes:
        metrics: name to number.
        skipped: names of sets whose files the data folder lacks.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def polish_arrays(images: Array, start: Array, steps: Array) -> tuple[Array, Array]:
    """Gestures (B, 2), (B, N, 4) of images (B, H, W), each refined on its image, as arrays."""
    return arrays_of(
        [
            refine_gesture(g, InkImage(i)).gesture
            for g, i in zip(gestures_of(start, steps), images, strict=True)
        ]
    )


def evaluate(
    weights: Path | None,
    data: Path,
    out_dir: Path,
    limit: int | None = None,
    *,
    polish: bool = True,
    report: Report | None = None,
) -> Evaluation:
    """Measures weights and writes ``metrics.json``, ``metrics.csv`` and the sheets.

    Args:
        weights: the weights, or None for the shipped ones.
        data: the data folder; MNIST's test set must be there.
        out_dir: where the files go.
        limit: images of each set at most, evenly spread; None for all.
        polish: whether to measure the polish too.
        report: called with a line of text as each stage begins.

    Raises:
        StrokebotError: for missing or damaged weights or data.
    """
    # Threads that wait for each other on arrays this small cost more than they bring.
    torch.set_num_threads(1)
    judges = Judges((shipped_judge("judge-a"), shipped_judge("judge-b")), shipped_judge("judge-letters"))
    article = {
        name: (load_torch_predictor(ARTICLE_FOLDER / file), where)
        for name, (file, where) in ARTICLE_NETWORKS.items()
        if (ARTICLE_FOLDER / file).is_file()
    }
    result = evaluate_drawer(
        load_torch_predictor(weights),
        data,
        out_dir,
        limit,
        judges=judges,
        polish=polish_arrays if polish else None,
        article=article,
        report=report,
    )
    (report or (lambda _: None))("drawing words and kanji by the hand")
    found, missing = measure_hand(load_policy(), data, limit)
    result.metrics |= found
    result.skipped += missing
    save_table(result.metrics, out_dir)
    if not article:
        result.skipped.append("the article's networks (weights/article of the repository, not installed)")
    return result


def evaluate_drawer(
    drawer: Drawer,
    data: Path,
    out_dir: Path,
    limit: int | None = None,
    *,
    judges: Judges,
    polish: Polish | None = None,
    article: Mapping[str, tuple[Drawer, str]] | None = None,
    report: Report | None = None,
) -> Evaluation:
    """Measures any drawer; see ``evaluate``, which loads one from a file."""
    say = report or (lambda _: None)
    result = Evaluation()
    mnist = testsets.mnist_test(data, limit)
    sets = {"mnist": mnist}
    for name, load in (
        ("letters_nist", testsets.nist_letters),
        ("unipen", testsets.unipen),
        ("omniglot", testsets.omniglot),
    ):
        say(f"loading {name}")
        try:
            sets[name] = load(data, limit)
        except DataError:
            result.skipped.append(f"{name} (its file is not in {data})")
    if "unipen" in sets:
        letters = np.flatnonzero(np.char.isalpha(sets["unipen"].label))
        sets["letters_unipen"] = sets["unipen"].select(letters)
    for name in ("mnist", "letters_nist", "letters_unipen"):
        if name in sets:
            say(f"drawing {name}: {len(sets[name])} images")
            _measure_set(result, name, sets[name], drawer, judges, polish, out_dir, say)
    _pool_letters(result, sets)
    for name in ("unipen", "omniglot"):
        if name in sets:
            part = sets[name].select(testsets.spread(len(sets[name]), TRUTH_LIMIT))
            say(f"comparing {name} with the true pen paths: {len(part)} samples")
            result.metrics.update(_trajectory_figures(name, part, drawer))
    for name, (network, where) in (article or {}).items():
        for known in (
            [where] if where in sets else [s for s in ("letters_nist", "letters_unipen") if s in sets]
        ):
            say(f"measuring {name} on {known}")
            start, steps = network.predict_arrays(sets[known].images)
            figures = metrics.pixel_metrics(sets[known].images, network.render(start, steps))
            prefix = name if where == "mnist" else f"{name}_{known.removeprefix('letters_')}"
            result.metrics |= {f"{prefix}_{k}": float(figures[k].mean()) for k in ("mse", "accuracy", "iou")}
    say("timing")
    result.metrics.update(_timings(drawer, polish, mnist.images))
    save_table(result.metrics, out_dir)
    return result


def _measure_set(
    result: Evaluation,
    name: str,
    test: TestSet,
    drawer: Drawer,
    judges: Judges,
    polish: Polish | None,
    out_dir: Path,
    say: Report,
) -> None:
    """Adds the figures of one set, before and after the polish, and writes its sheets."""
    skeleton = metrics.skeleton_lengths(test.images)
    start, steps = drawer.predict_arrays(test.images)
    readers = judges.digits if name == "mnist" else (judges.letters,)
    original = _read(readers, test.images, test)
    result.metrics |= {
        f"{name}_{k.replace('recognised', 'recognised_original')}": v for k, v in original.items()
    }
    result.metrics |= _figures(name, test, start, steps, drawer, skeleton, readers, out_dir)
    if polish is None:
        return
    chosen = testsets.spread(len(test), POLISH_LIMIT)
    say(f"polishing {name}: {len(chosen)} drawings")
    part = test.select(chosen)
    fine = polish(part.images, start[chosen], steps[chosen])
    result.metrics |= _figures(f"{name}_polished", part, *fine, drawer, skeleton[chosen], readers, out_dir)


def _figures(
    name: str,
    test: TestSet,
    start: Array,
    steps: Array,
    drawer: Drawer,
    skeleton: NDArray[np.float64],
    readers: tuple[Judge | None, ...],
    out_dir: Path,
) -> dict[str, float]:
    drawn = drawer.render(start, steps)
    raster = metrics.raster(start, steps)
    by_pen = metrics.pixel_metrics(test.images, drawn)
    by_raster = metrics.pixel_metrics(test.images, raster)
    moved = metrics.gesture_metrics(steps, skeleton)
    table = {k: float(v.mean()) for k, v in by_pen.items()}
    table |= {f"{k}_raster": float(v.mean()) for k, v in by_raster.items()}
    table |= {k: float(moved[k].mean()) for k in ("travel", "lifts")}
    ratio = moved["length_ratio"][np.isfinite(moved["length_ratio"])]
    table["length_ratio"] = float(np.median(ratio)) if len(ratio) else float("nan")
    table["glyphs"] = float(len(test))
    table |= _read(readers, raster, test)
    order = np.argsort(-by_pen["mse"])
    for title, index in (
        ("worst", order[:_SHEET_GLYPHS]),
        ("sample", testsets.spread(len(test), _SHEET_GLYPHS)),
    ):
        captions = [f"{test.label[i]}  mse {by_pen['mse'][i]:.4f}  iou {by_pen['iou'][i]:.2f}" for i in index]
        sheet = drawing_sheet(
            test.images[index], raster[index], gestures_of(start[index], steps[index]), captions
        )
        save_picture(sheet, out_dir / f"{name}_{title}.png")
    return {f"{name}_{k}": v for k, v in table.items() if np.isfinite(v)}


def _read(readers: tuple[Judge | None, ...], images: Array, test: TestSet) -> dict[str, float]:
    """Shares of the judged images that each judge reads right, and their agreement."""
    index = np.flatnonzero(test.judged)
    if readers[0] is None or not len(index):
        return {}
    verdicts = [reader.read(images[index]) for reader in readers if reader is not None]
    wanted = np.char.upper(test.label[index])
    table = {"recognised": float((verdicts[0] == wanted).mean())}
    if len(verdicts) > 1:
        table["recognised_second"] = float((verdicts[1] == wanted).mean())
        table["recognised_agreement"] = float((verdicts[0] == verdicts[1]).mean())
    return table


def _pool_letters(result: Evaluation, sets: dict[str, TestSet]) -> None:
    """Adds ``letters_*``: the mean over all letters of both sets."""
    found = result.metrics
    parts = [name for name in ("letters_nist", "letters_unipen") if name in sets]
    for stem in ("", "polished_"):
        counts = [found.get(f"{name}_{stem}glyphs", 0.0) for name in parts]
        names = (
            [k.removeprefix(f"{parts[0]}_{stem}") for k in found if k.startswith(f"{parts[0]}_{stem}")]
            if parts
            else []
        )
        for key in names:
            values = [found.get(f"{name}_{stem}{key}") for name in parts]
            if not stem and key.startswith("polished_"):
                continue
            if all(v is not None for v in values):
                known = np.array(values, dtype=np.float64)
                total = known.sum() if key == "glyphs" else np.average(known, weights=counts)
                found[f"letters_{stem}{key}"] = float(total)


def _trajectory_figures(name: str, test: TestSet, drawer: Drawer) -> dict[str, float]:
    """Distance to the true pen path: of the network, of the plain tour, and of chance."""
    if test.truth is None or test.truth_drawn is None:
        raise DataError(f"The set {name} has no true pen paths.")
    start, steps = drawer.predict_arrays(test.images)
    down = metrics.pen_down(steps)
    chance = truth.shuffled(test.truth, test.truth_drawn, np.random.default_rng(_CHANCE_SEED))
    compared = {
        "": (metrics.positions(start, steps), down[:, 1:] & down[:, :-1]),
        "_tour": tour_paths(test.images),
        "_chance": chance,
    }
    table: dict[str, float] = {}
    for suffix, path in compared.items():
        agreement = truth.compare(*path, test.truth, test.truth_drawn)
        table |= {f"{name}_{k}{suffix}": float(v.mean()) for k, v in agreement._asdict().items()}
    return table


def _timings(drawer: Drawer, polish: Polish | None, images: Array) -> dict[str, float]:
    """Milliseconds a glyph: alone, in a batch, and of the polish in a batch; the median of repeats."""
    batch = images[np.arange(_TIMED_BATCH) % len(images)]

    def median_ms(work: Callable[[], object], repeats: int) -> float:
        work()  # the first call pays for memory and caches
        spans = []
        for _ in range(repeats):
            begin = time.perf_counter()
            work()
            spans.append(time.perf_counter() - begin)
        return float(np.median(spans)) * 1000

    table = {
        "ms_per_glyph_single": median_ms(lambda: drawer.predict_arrays(batch[:1]), _TIMED_SINGLE),
        "ms_per_glyph_batch": median_ms(lambda: drawer.predict_arrays(batch), _TIMED_REPEATS) / len(batch),
    }
    if polish is not None:
        part = batch[:_TIMED_POLISH]
        start, steps = drawer.predict_arrays(part)
        table["ms_per_glyph_polish"] = median_ms(lambda: polish(part, start, steps), 1) / len(part)
    return table


# Columns of the summary: name, figure, format.
_SET_COLUMNS = (
    ("glyphs", "glyphs", ".0f"),
    ("MSE", "mse", ".5f"),
    ("accuracy", "accuracy", ".5f"),
    ("IoU", "iou", ".3f"),
    ("SSIM", "ssim", ".3f"),
    ("IoU, raster", "iou_raster", ".3f"),
    ("recognised", "recognised", ".2%"),
    ("path/skeleton", "length_ratio", ".2f"),
    ("lifts", "lifts", ".3f"),
)
_PATH_COLUMNS = (("DTW", "dtw", ".3f"), ("direction", "direction", ".3f"), ("order", "order", ".3f"))
_SETS = ("mnist", "letters_nist", "letters_unipen")


_HAND_COLUMNS = (
    ("direction", "direction", ".3f"),
    ("order", "order", ".3f"),
    ("ink recall", "ink_recall", ".3f"),
    ("lifts over people's", "lifts", ".2f"),
)


def summary(table: Mapping[str, float]) -> str:
    """The figures that matter, as text; ``metrics.json`` has all of them.

    Args:
        table: of ``Evaluation.metrics``.
    """
    rows = [(name, f"{name}_") for name in _SETS]
    rows = [row for name, stem in rows for row in ((name, stem), ("  polished", f"{stem}polished_"))]
    rows += [(name, f"{name}_") for name in table_stems(table, "article_", "_mse")]
    paths = [
        (f"{name}, {who}", name, suffix)
        for name in ("unipen", "omniglot")
        for who, suffix in (("network", ""), ("tour", "_tour"), ("chance", "_chance"))
    ]
    parts = [
        text_table(
            "drawings",
            _SET_COLUMNS,
            [(n, {k: table.get(f"{s}{k}") for _, k, _ in _SET_COLUMNS}) for n, s in rows],
        ),
        text_table(
            "true pen paths",
            _PATH_COLUMNS,
            [(n, {k: table.get(f"{s}_{k}{x}") for _, k, _ in _PATH_COLUMNS}) for n, s, x in paths],
        ),
        text_table(
            "by the hand",
            _HAND_COLUMNS,
            [
                (f"{name}, {who}", {k: table.get(f"hand_{name}_{suffix}{k}") for _, k, _ in _HAND_COLUMNS})
                for name, *_ in HAND_SETS
                for who, suffix in (("hand", ""), ("tour", "tour_"))
            ],
        ),
        text_table(
            "milliseconds a glyph",
            (("alone", "single", ".1f"), ("in a batch", "batch", ".1f"), ("polish", "polish", ".1f")),
            [("", {k: table.get(f"ms_per_glyph_{k}") for k in ("single", "batch", "polish")})],
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def table_stems(table: Mapping[str, float], begin: str, end: str) -> list[str]:
    """What stands between ``begin`` and ``end`` in the names of a table, with ``begin``."""
    return [name.removesuffix(end) for name in table if name.startswith(begin) and name.endswith(end)]


def text_table(
    title: str,
    columns: Sequence[tuple[str, str, str]],
    rows: Sequence[tuple[str, Mapping[str, float | None]]],
) -> str:
    """Rows of numbers under each other; rows and columns without any number are left out.

    Args:
        title: above the names of the rows.
        columns: heading, key and format of each.
        rows: name and numbers of each.
    """
    rows = [row for row in rows if any(v is not None for v in row[1].values())]
    columns = [c for c in columns if any(values.get(c[1]) is not None for _, values in rows)]
    if not rows:
        return ""
    cells = [[title, *(heading for heading, _, _ in columns)]]
    for name, values in rows:
        numbers = [(values.get(key), form) for _, key, form in columns]
        cells.append([name, *("" if v is None else format(v, form) for v, form in numbers)])
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in cells
    )


def save_table(table: dict[str, float], out_dir: Path) -> None:
    """Writes a flat table as ``metrics.json`` and ``metrics.csv``."""
    write_atomic(out_dir / "metrics.json", (json.dumps(table, indent=2) + "\n").encode())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "value"])
    writer.writerows([name, f"{value:.8g}"] for name, value in table.items())
    write_atomic(out_dir / "metrics.csv", text.getvalue().encode())
