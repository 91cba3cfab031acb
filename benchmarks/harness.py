"""What all benchmarks share: options, the median of repeats, the table and the JSON file."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        quick: small work, to see that it runs.
        json: where the flat table goes, or None.
    """

    quick: bool
    json: Path | None


def options(description: str, arguments: Sequence[str] | None = None) -> Options:
    """Reads ``--quick`` and ``--json FILE``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small work, to see that it runs")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write name -> number")
    chosen = parser.parse_args(arguments)
    return Options(chosen.quick, chosen.json)


def seed_range(text: str) -> range:
    """The seeds of ``A-B``, both included, or of ``A`` alone.

    Raises:
        ValueError: if these are no numbers; argparse says so.
    """
    low, _, high = text.partition("-")
    return range(int(low), int(high or low) + 1)


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each name over all runs that have it, in the order of first appearance."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    return {name: statistics.median(run[name] for run in runs if name in run) for name in names}


def table(title: str, seconds: Mapping[str, float], baseline: str, prefix: str = "") -> dict[str, float]:
    """Prints times with their ratio to a baseline.

    Args:
        title: first line.
        seconds: name to median time.
        baseline: the name that counts as 1.
        prefix: put before every name in the flat table.

    Returns:
        The flat table: ``<prefix><name>_s`` and ``<prefix><name>_ratio``.
    """
    base = seconds[baseline]
    width = max(len(name) for name in seconds)
    print(title)
    print(f"{'':{width}}  {'seconds':>9}  {'/ ' + baseline:>9}")
    flat: dict[str, float] = {}
    for name, value in seconds.items():
        print(f"{name:{width}}  {value:9.4f}  {value / base:9.3f}")
        key = prefix + name.replace(" ", "_")
        flat[f"{key}_s"] = value
        flat[f"{key}_ratio"] = value / base
    return flat


def save(flat: Mapping[str, float], chosen: Options) -> None:
    """Writes the flat table to the file of ``--json``, if there is one."""
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
