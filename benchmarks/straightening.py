"""Sheets photographed at an angle: how many are straightened, how true shapes come out, and the ink.

    python -m benchmarks.straightening [--quick] [--seeds 0-39] [--json FILE]

Photos come from ``tests.support.oblique_scenes``: a pinhole camera, tilts of 15 to 40 degrees, A4, Letter and
other sheets, so that the sheet's corners, its ink and a square on it are known.

Keys:
    straightened        share of the photos
    square_degrees      how far the worst corner of the true square is off a right angle, median
    square_aspect       how far the ratio of its sides is off 1, median and worst tenth
    photo_degrees, photo_aspect   the same in the photo as it was taken
    f1_straight, f1_photo   F1 of seen ink at 1.5 px on the straight sheet, and on the photo kept as it is
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import harness
from tests.support.oblique_scenes import judge, make_oblique

_QUICK = range(4)
_SEEDS = range(40)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Judge how sheets seen at an angle are straightened.")
    parser.add_argument("--quick", action="store_true", help="four photos")
    parser.add_argument("--seeds", type=harness.seed_range, metavar="A-B")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args(arguments)
    seeds = chosen.seeds or (_QUICK if chosen.quick else _SEEDS)
    with tempfile.TemporaryDirectory() as name:
        judged = []
        for seed in seeds:
            one = judge(make_oblique(seed), Path(name))
            print(f"{seed:4} " + "  ".join(f"{key} {value:.4f}" for key, value in one.items()), flush=True)
            judged.append(one)
    flat = {"straightened": float(np.mean(["f1_straight" in one for one in judged]))}
    for key in (
        "photo_degrees",
        "photo_aspect",
        "square_degrees",
        "square_aspect",
        "f1_photo",
        "f1_straight",
    ):
        values = [one[key] for one in judged if key in one]
        if values:
            flat[key] = float(np.median(values))
            flat[f"{key}_worst_tenth"] = float(np.percentile(values, 10 if key.startswith("f1") else 90))
    for key, value in flat.items():
        print(f"{key:28}{value:8.4f}")
    harness.save(flat, harness.Options(chosen.quick, chosen.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
