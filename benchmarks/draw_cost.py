"""What ``strokebot draw`` costs with its default settings, start-up included: seconds and memory.

Each run is a process of its own on at most ``CORES`` cores, so that imports count. Modules are
compiled once, by the first run, as on a computer on which the program has run before. The wall
time is the best of some runs; the processor time of the same run stands beside it, for a machine
that does other things delays the first more than the second. The memory is the peak of resident
memory that the kernel kept for the process (``ru_maxrss``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.picture_set import dense_lines

CORES = 2
RUNS = 3
_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of a program.

    Attributes:
        wall_s: from start to end.
        cpu_s: processor time of all its threads.
        peak_mb: greatest resident memory, 10^6 bytes.
        error: the last line it said on its way to a failure, or "".
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    error: str


def cost_of(command: list[str], bytecode: Path) -> Cost:
    """Runs a command on ``CORES`` cores, with nothing printed; compiled modules are kept in a folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(
        [sys.executable, str(_LAUNCH), str(CORES), *command],
        capture_output=True, check=True, text=True, env=environment,
    )  # fmt: skip
    took = json.loads(done.stdout)
    error = f"exit code {took['code']}: {took['said'][0]}" if took["code"] else ""
    return Cost(took["wall_s"], took["cpu_s"], took["peak_mb"], error)


def draw_cost(side_px: int, folder: Path, runs: int = RUNS) -> Cost:
    """The best of some drawings of a square of dense line art: a run without a failure, the fastest."""
    picture = folder / f"dense-{side_px}.png"
    Image.fromarray(dense_lines(side_px)).save(picture)
    program = [sys.executable, "-c", "from strokebot.cli import main; main()"]
    command = [*program, "draw", str(picture), "--out-dir", str(folder / "out"), "--quiet"]
    bytecode = folder / "bytecode"
    costs = (cost_of(command, bytecode) for _ in range(runs))
    return min(costs, key=lambda cost: (cost.error != "", cost.wall_s))
