"""Boards in the states of real ones, and what people do with them: does every story end well?

    python -m benchmarks.states [--quick] [--runs N] [--seed N] [--board NAME] [--json FILE]

Each run draws a board's state and a story by chance (``tests.support.stories``), plays it in virtual time
and judges the recording of the tool in the frame of the paper. Bad ends, all of which must be 0:

    states_wrong_ink             ink that lies beside the planned line
    states_pressed               the pen below its lowest planned value
    states_pen_left_down_untold  the pen on the paper at the end, and no word that it may be
    states_hung                  no end
    states_untrue                ended well though ink is missing, or with an error that is none of ours
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from tests.support.stories import Verdict, story_of, tell
from tests.support.story_states import BOARDS, Seeded

RUNS, QUICK_RUNS = 5000, 250


def main(arguments: list[str] | None = None) -> int:
    """Runs all of it; returns 1 if a story ends badly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs in place of {RUNS}")
    parser.add_argument("--runs", type=int, default=0, help="how many stories")
    parser.add_argument("--seed", type=int, default=0, help="number of the first story of each board")
    parser.add_argument("--board", choices=BOARDS, default=None, help="this firmware alone")
    parser.add_argument("--json", type=Path, default=None, help="write the figures to a file")
    chosen = parser.parse_args(arguments)
    names = (chosen.board,) if chosen.board else BOARDS
    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    each = -(-runs // len(names))
    found: Counter[str] = Counter()
    commands = 0
    print(f"{'board':10} {'runs':>6} {'commands':>9} {'bad ends':>9}")
    for name in names:
        bad = steps = 0
        for seed in range(chosen.seed, chosen.seed + each):
            story = story_of(name, Seeded(f"{name} {seed}"))
            verdict = tell(story)
            found.update(ends(verdict))
            steps += len(verdict.told)
            if not verdict.well:
                bad += 1
                print(f"  {seed}: {', '.join(ends(verdict))}: {story}")
                for told in verdict.told:
                    print(f"      {told.step}: {told.exit} {told.words}")
        commands += steps
        print(f"{name:10} {each:6} {steps:9} {bad:9}")
    figures = {
        "states_run": float(each * len(names)),
        "states_commands": float(commands),
        **{f"states_{key}": float(found[key]) for key in ENDS},
    }
    for key, value in figures.items():
        print(f"{key:32} {value:8.0f}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(any(found.values()))


ENDS = ("wrong_ink", "pressed", "pen_left_down_untold", "hung", "untrue")


def ends(verdict: Verdict) -> list[str]:
    """The names of what is wrong."""
    flags = (
        verdict.wrong_ink_mm > 0.0,
        verdict.pressed > 0.0,
        verdict.left_down,
        verdict.hung,
        verdict.untrue or bool(verdict.crashed),
    )
    return [name for name, is_so in zip(ENDS, flags, strict=True) if is_so]


if __name__ == "__main__":
    sys.exit(main())
