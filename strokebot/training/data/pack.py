"""Command that packs stroke sets for training on another machine.

python -m strokebot.training.data.pack --data DIR --out FILE.npz --points 64 [--sets A,B]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from strokebot.errors import StrokebotError
from strokebot.training.data.packs import build_pack, save_pack
from strokebot.training.data.strokes import CHARACTER_SETS, STROKE_FILES

DEFAULT_POINTS = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.data.pack", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    parser.add_argument("--points", type=int, default=DEFAULT_POINTS, help="points a sample")
    usual = ",".join(name for name in STROKE_FILES if name not in CHARACTER_SETS)
    parser.add_argument("--sets", default=usual, help="comma-separated stroke sets")
    options = parser.parse_args(arguments)
    try:
        pack, dropped = build_pack(options.data, [s for s in options.sets.split(",") if s], options.points)
        save_pack(pack, options.out)
    except (StrokebotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"{len(pack)} samples of {options.points} points ({int(pack.held_out.sum())} of held-out writers),"
        f" {dropped} with too many strokes left out;"
        f" {options.out.stat().st_size / 1e6:.1f} MB: {options.out}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
