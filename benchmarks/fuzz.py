"""Whatever a machine says and whatever a file holds: an error of one line at worst.

    python -m benchmarks.fuzz [--minutes 10] [--seed 0] [--only CHECK] [--json FILE]

The checks are those of the tests (``tests/support/fuzz.py``), tried for minutes in place of one round.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from pathlib import Path

from tests.support.fault_trials import DIALECTS
from tests.support.fuzz import CHECKS, try_check


def main() -> None:
    """Runs all for a time and prints what was tried."""
    parser = argparse.ArgumentParser(description="Fuzz the bridge")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(CHECKS), default=None)
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else list(CHECKS)
    tried, failed = fuzz(names, 60.0 * chosen.minutes, chosen.seed)
    flat: dict[str, float] = {f"fuzz_{name}": float(count) for name, count in tried.items()}
    flat |= {"fuzz_failures": float(len(failed)), "fuzz_peak_mb": _peak_mb()}
    for name, value in flat.items():
        print(f"{name:24} {value:10.5g}")
    for text in failed:
        print(text)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(1 if failed else 0)


def fuzz(names: list[str], seconds: float, first_seed: int) -> tuple[dict[str, int], list[str]]:
    """Tries the checks in turn until the time is over.

    Returns:
        Examples tried by check, and the failures as text.
    """
    tried, failed = dict.fromkeys(names, 0), []
    draw, end_s = random.Random(first_seed), time.monotonic() + seconds
    while time.monotonic() < end_s:
        for name in names:
            for dialect in DIALECTS:
                try:
                    tried[name] += try_check(name, dialect, draw.getrandbits(32))
                except Exception as error:  # whatever it is, it is the finding
                    note = "; ".join(getattr(error, "__notes__", []))
                    failed.append(f"{name} {dialect}: {type(error).__name__}: {error} {note}")
                    print(failed[-1], flush=True)
                if time.monotonic() > end_s:
                    return tried, failed
    return tried, failed


def _peak_mb() -> float:
    unit = 1024.0 if sys.platform != "darwin" else 1024.0 * 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
