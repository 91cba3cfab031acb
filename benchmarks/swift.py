"""How long a drawing takes: from a cold start, after a change, with the size of the picture.

    python -m benchmarks.swift [--quick] [--json FILE] [--install] [--before COMMIT]

Cold: ``strokebot draw`` in a process of its own, files and figure included, in turn with the same by an
older commit, which is laid out in a temporary folder. Both import the same libraries, and each has been
started once before, so that no bytecode is compiled. The medians of the ratios of neighbouring runs are
given, since other work on the machine slows both alike: of the seconds on the wall, and of the
processor's (all processes of a drawing together), which depend less on that work.

Warm: a session that has planned once, after the change of one option. Growth: processor seconds
against pixels and against ink, as the slope of a line through their logarithms. ``--install`` also
times a clean clone up to its first drawing, packages downloaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import harness
from strokebot import pipeline
from strokebot.options import DrawOptions

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
# The last commit before drawings were made swift.
BEFORE = "8324e5f"
_DRAW = "from strokebot.cli import main; main()"
_REPEATS = 5
_SIDES = (256, 512, 1024, 2048, 4096, 6000)
_QUICK_SIDES = (256, 512)
# Tiles of one drawing on a sheet of so many px: the ink grows, the sheet does not.
_TILES, _QUICK_TILES, _SHEET_PX = (1, 2, 4, 6), (1, 2), 2048
# The longer side of 25 megapixels in the shape of the example.
_LARGE_PX = 6080
_TARGETS = {
    "cold_512_s": 3.0,
    "cold_word_s": 2.0,
    "cold_1024_s": 5.0,
    "cold_512_vs_before": 0.25,
    "cold_word_vs_before": 0.25,
    "cold_512_processor_vs_before": 0.25,
    "cold_word_processor_vs_before": 0.25,
    "warm_size_s": 0.3,
    "warm_speed_s": 0.3,
    "warm_fill_s": 1.0,
    "slope_pixels": 1.1,
    "slope_ink": 1.1,
}


@dataclass(frozen=True)
class Run:
    """One process: seconds on the wall, seconds of the processor (its children's too), greatest memory."""

    wall_s: float
    processor_s: float
    peak_mb: float


def line_art(folder: Path, side_px: int) -> Path:
    """The bicycle of the examples with this longer side."""
    path = folder / f"line_art_{side_px}.png"
    with Image.open(EXAMPLES / "drawing.png") as picture:
        grey = picture.convert("L")
        share = side_px / max(grey.size)
        size = (max(1, round(grey.width * share)), max(1, round(grey.height * share)))
        grey.resize(size, Image.Resampling.LANCZOS).save(path)
    return path


def tiled(folder: Path, tiles: int) -> Path:
    """Tiles times tiles copies of one figure of one size on a sheet of one size."""
    path = folder / f"tiles_{tiles}.png"
    cell = _SHEET_PX // max(_TILES)
    with Image.open(line_art(folder, cell - 8)) as figure:
        sheet = Image.new("L", (_SHEET_PX, _SHEET_PX), 255)
        for k in range(tiles * tiles):
            sheet.paste(figure, (k % tiles * cell, k // tiles * cell))
    sheet.save(path)
    return path


def older_tree(commit: str, folder: Path) -> Path | None:
    """A commit laid out in a folder; None where it cannot be had."""
    done = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=False)
    if done.returncode != 0:
        print(f"commit {commit} is not here ({done.stderr.decode().strip()}): no ratios to it")
        return None
    with tarfile.open(fileobj=BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def run(tree: Path, arguments: Sequence[str], folder: Path) -> Run:
    """Runs a command of the program of a tree.

    Raises:
        RuntimeError: if it fails; with what it said.
    """
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONPATH": str(tree),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    log = folder / "log.txt"
    begin = time.perf_counter()
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _DRAW, *arguments], cwd=folder, env=environment, stdout=said, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"strokebot {' '.join(arguments)}: {log.read_text(errors='replace')[-500:]}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0)


def cold(picture: Path, before: Path | None, folder: Path, repeats: int) -> tuple[Run, dict[str, float]]:
    """The median run of a drawing, and the median ratios of its times to those of the older tree."""

    def drawn(tree: Path, name: str) -> Run:
        return run(tree, ["draw", str(picture), "--out-dir", str(folder / name), "--quiet"], folder)

    drawn(ROOT, "now")
    if before is not None:
        drawn(before, "before")
    runs: list[Run] = []
    walls, processors = [], []
    for _ in range(repeats):
        runs.append(drawn(ROOT, "now"))
        if before is not None:
            older = drawn(before, "before")
            walls.append(runs[-1].wall_s / older.wall_s)
            processors.append(runs[-1].processor_s / older.processor_s)
    middle = sorted(runs, key=lambda one: one.wall_s)[len(runs) // 2]
    if before is None:
        return middle, {}
    return middle, {
        "vs_before": statistics.median(walls),
        "processor_vs_before": statistics.median(processors),
    }


def warm(picture: Path, changes: dict[str, list[DrawOptions]]) -> dict[str, float]:
    """Processor seconds of a plan after each of some changes of the options, the worst of each kind."""
    session, start = pipeline.Session(), changes["start"][0]
    found: dict[str, float] = {}
    for kind, options in changes.items():
        if kind == "start":
            continue
        taken = []
        for one in options:
            session.plan(picture, start)
            begin = time.process_time()
            session.plan(picture, one)
            taken.append(time.process_time() - begin)
        found[kind] = max(taken)
    return found


def slope(costs: Sequence[tuple[float, float]]) -> float:
    """Slope of the line through the logarithms of sizes and costs."""
    x, y = (np.log(np.array(values)) for values in zip(*costs, strict=True))
    return float(np.polyfit(x, y, 1)[0])


def plan_cost(picture: Path) -> tuple[float, float, float]:
    """Pixels, mm of ink, and processor seconds of a drawing with its rehearsal, in a process warmed up."""
    begin = time.process_time()
    result = pipeline.draw(picture)
    seconds = time.process_time() - begin
    ink = result.plan.ink
    return float(ink.width * ink.height), result.trace.drawn_mm / result.plan.pixel_mm, seconds


def install(folder: Path) -> float:
    """Seconds from a clean clone to the first drawing."""
    clone = folder / "clone"
    begin = time.perf_counter()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = ["bash", "scripts/draw", "examples/hello.png", "--quiet"]
    subprocess.run(command, cwd=clone, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


def changes_of(start: DrawOptions) -> dict[str, list[DrawOptions]]:
    """What a person changes while looking at a preview, by what is to be quick."""
    return {
        "start": [start],
        "size": [
            replace(start, fit_mm=(100.0, 100.0)),
            replace(start, fit_mm=(60.0, 60.0)),
            replace(start, paper_mm=(297.0, 420.0)),
            replace(start, fit_mm=(150.0, 150.0), at_mm=(20.0, 30.0)),
        ],
        "speed": [
            replace(start, speed="fast"),
            replace(start, speed="careful"),
            replace(start, quality="fine"),
            replace(start, quality="draft"),
        ],
        "fill": [replace(start, fill="hatch"), replace(start, fill="none"), replace(start, style="line")],
    }


def _measured(folder: Path, commit: str, quick: bool, with_install: bool) -> Iterator[dict[str, float]]:
    """All figures, a few at a time."""
    (folder / "before").mkdir()
    before = older_tree(commit, folder / "before")
    jobs = {
        "cold_512": (line_art(folder, 512), before),
        "cold_word": (EXAMPLES / "hello.png", before),
        "cold_1024": (line_art(folder, 1024), None),
    }
    for key, (picture, older) in jobs.items():
        one, ratios = cold(picture, older, folder, 1 if quick else _REPEATS)
        yield {f"{key}_s": one.wall_s, f"{key}_processor_s": one.processor_s, f"{key}_peak_mb": one.peak_mb}
        yield {f"{key}_{name}": ratio for name, ratio in ratios.items()}
    taken = warm(line_art(folder, 512), changes_of(DrawOptions()))
    yield {f"warm_{kind}_s": seconds for kind, seconds in taken.items()}

    plan_cost(line_art(folder, min(_SIDES)))  # the first drawing of a process loads what others have
    sides = _QUICK_SIDES if quick else _SIDES
    costs = [plan_cost(line_art(folder, side)) for side in sides]
    grown = {f"draw_{side}_processor_s": seconds for side, (_, _, seconds) in zip(sides, costs, strict=True)}
    yield {**grown, "slope_pixels": slope([(pixels, seconds) for pixels, _, seconds in costs])}
    sheets = [plan_cost(tiled(folder, n)) for n in (_QUICK_TILES if quick else _TILES)]
    yield {"slope_ink": slope([(ink, seconds) for _, ink, seconds in sheets])}
    large = line_art(folder, 1000 if quick else _LARGE_PX)
    out = str(folder / "large")
    yield {"peak_mb_25mpx": run(ROOT, ["draw", str(large), "--out-dir", out, "--quiet"], folder).peak_mb}
    if with_install:
        yield {"install_s": install(folder)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Time drawings: cold, warm, and as they grow.")
    parser.add_argument("--install", action="store_true", help="also time a clean clone to its first drawing")
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT", help="what the ratios are to")
    own, rest = parser.parse_known_args(arguments)
    chosen = harness.options("Time drawings: cold, warm, and as they grow.", rest)
    flat: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for found in _measured(Path(name), own.before, chosen.quick, own.install):
            for key, value in found.items():
                target = f"  (target {_TARGETS[key]:g})" if key in _TARGETS else ""
                print(f"{key:28} {value:10.3f}{target}", flush=True)
            flat |= found
    harness.save(flat, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
