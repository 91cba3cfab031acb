"""Runs a command and prints what it took, as JSON: a small process between a benchmark and its child.

    python benchmarks/launch.py CORES COMMAND...

The kernel counts what a process held before it became another program as that program's own
memory; a child started from a benchmark full of arrays would look as large as the benchmark.
So this file imports the standard library alone.
"""

import json
import os
import subprocess
import sys
import time

# ru_maxrss counts KiB on Linux and bytes on macOS.
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024
_MB = 1e6


def main(arguments: list[str]) -> int:
    """Runs ``arguments[1:]`` on ``arguments[0]`` cores, without its output; always returns 0."""
    if hasattr(os, "sched_setaffinity"):  # the child inherits it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(arguments[0])])
    begin = time.perf_counter()
    child = subprocess.Popen(arguments[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    took = {
        "wall_s": time.perf_counter() - begin,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss * _RSS_BYTES / _MB,
        "code": child.returncode,
        "said": said.strip().splitlines()[-1:] or [""],
    }
    print(json.dumps(took))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
