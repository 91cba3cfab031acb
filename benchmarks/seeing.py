"""What strokebot takes for ink, judged against what truly is ink.

    python -m benchmarks.seeing [--quick] [--drawn] [--kinds A,B] [--seeds 100-119] [--json FILE]

The scenes come from ``tests.support.scenes``: pictures made in layers, so that the ink is known before
paper, light, table, camera and file format get in its way. Two things can be judged: the ink that
``load_ink_image`` sees (fast), and with ``--drawn`` the ink that the virtual machine leaves after the whole
way through ``pipeline.draw``.

Symbols, on the picture's pixel grid:
    T   truth: pixels covered by line ink to at least half
    N   neutral: soft edges of lines and flat areas, which may be drawn or not
    S   what was seen or drawn: pixels of at least half ink

    recall = |T within 1.5 px of S| / |T|        precision = |S - N within 1.5 px of T| / |S - N|
    F1 = their harmonic mean; 0 where a picture is refused

Keys: ``truth_f1_median``, ``truth_f1_worst_tenth`` (the tenth percentile), ``truth_polarity_right``,
``truth_f1_<kind>`` (median of a kind).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import harness
from strokebot.errors import StrokebotError
from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.picture.see import SeeOptions
from tests.support.scenes import FURTHER, KINDS, MIXED, Scene, make_scene
from tests.support.truth_f1 import truth_f1

_HALF = 0.5
_SEEDS, _QUICK_SEEDS = range(100, 120), range(100, 102)


@dataclass(frozen=True)
class Judged:
    """One scene and how it went.

    Attributes:
        scene: the scene.
        f1: see the top of the file.
        polarity_right: None where the scene has none.
        note: style and trouble.
    """

    scene: Scene
    f1: float
    polarity_right: bool | None
    note: str


def judge(scene: Scene, folder: Path, drawn: bool) -> Judged:
    """Sees or draws one scene."""
    file = scene.save(folder)
    try:
        if drawn:
            from strokebot import pipeline

            result = pipeline.draw(file, pipeline.DrawOptions(polish_seconds=1.0))
            image, have = result.plan.ink, result.drawn >= _HALF
            note = result.plan.sketch.method
        else:
            # The truth lies on the grid of the photo.
            image = load_ink_image(file, options=SeeOptions(keep_perspective=True))
            have, note = find_parts(image.ink).labels > 0, ""
    except StrokebotError as error:
        return Judged(scene, 0.0, None if scene.light_on_dark is None else False, str(error))
    finally:
        file.unlink()
    right = None
    if scene.light_on_dark is not None:
        right = image.polarity == ("light-on-dark" if scene.light_on_dark else "dark-on-light")
    truth, areas = scene.truth, scene.areas
    view = None if image.sight is None or image.sight.sheet is None else image.sight.sheet.perspective
    if view is not None:  # the truth of a straightened sheet
        truth, areas = view.straightened(truth), view.straightened(areas)
    return Judged(scene, truth_f1(have, truth, areas), right, note)


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    """The flat table."""
    f1 = np.array([one.f1 for one in judged])
    right = [one.polarity_right for one in judged if one.polarity_right is not None]
    flat = {
        "truth_f1_median": float(np.median(f1)),
        "truth_f1_worst_tenth": float(np.percentile(f1, 10)),
        "truth_polarity_right": float(np.mean(right)) if right else 1.0,
    }
    for kind in dict.fromkeys(one.scene.kind for one in judged):
        flat[f"truth_f1_{kind}"] = float(np.median([one.f1 for one in judged if one.scene.kind == kind]))
    return flat


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Judge what is seen as ink against the truth.")
    parser.add_argument("--quick", action="store_true", help="two seeds of each kind")
    parser.add_argument("--drawn", action="store_true", help="judge the drawing, not what is seen")
    parser.add_argument("--kinds", default=",".join((*KINDS, *MIXED, *FURTHER)))
    parser.add_argument("--seeds", type=harness.seed_range, metavar="A-B")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args(arguments)
    seeds = chosen.seeds or (_QUICK_SEEDS if chosen.quick else _SEEDS)
    judged: list[Judged] = []
    with tempfile.TemporaryDirectory() as name:
        for kind in chosen.kinds.split(","):
            mine = [judge(make_scene(kind, seed), Path(name), chosen.drawn) for seed in seeds]
            judged += mine
            f1 = [one.f1 for one in mine]
            worst = min(mine, key=lambda one: one.f1)
            print(
                f"{kind:10} median {np.median(f1):.3f}  worst tenth {np.percentile(f1, 10):.3f}  "
                f"worst {worst.f1:.3f} (seed {worst.scene.seed} {worst.note})",
                flush=True,
            )
    flat = figures(judged)
    for key in ("truth_f1_median", "truth_f1_worst_tenth", "truth_polarity_right"):
        print(f"{key:24}{flat[key]:8.4f}")
    harness.save(flat, harness.Options(chosen.quick, chosen.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
