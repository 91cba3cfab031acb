"""The model of the AVR controller behind a real pty, in a process of its own, in real time.

A sender of any origin drives it; afterwards the board says how long its motion took and how
well its planner was filled.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.senders import Run, Table
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.serve import RealTime, serve_pty

_START_S = 20.0


class Board:
    """A served board.

    Attributes:
        path: its port.
    """

    def __init__(self, path: Path, pipe: Connection) -> None:
        self.path = path
        self._pipe = pipe

    def result(self) -> Run:
        """Ends the service; what the board did."""
        self._pipe.send("end")
        return Run(*self._pipe.recv())


@contextlib.contextmanager
def served(machine: MachineProfile) -> Iterator[Board]:
    """Serves a board until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tty"
        process = context.Process(target=_serve, args=(machine, path, theirs), daemon=True)
        process.start()
        try:
            if not ours.poll(_START_S):
                raise RuntimeError("the board did not start")
            ours.recv()
            yield Board(path, ours)
        finally:
            process.terminate()
            process.join()


def _serve(machine: MachineProfile, path: Path, pipe: Connection) -> None:
    table = Table(machine)
    stop = threading.Event()
    thread = threading.Thread(
        target=serve_pty,
        args=(path, table.wire, stop, RealTime(), lambda _: pipe.send("ready")),
        daemon=True,
    )
    thread.start()
    pipe.recv()
    stop.set()
    thread.join()
    pipe.send(_judge(table))


def _judge(table: Table) -> tuple[float, int, int, int, float]:
    """Time from the first to the last motion, the least planner blocks, overruns, answers, mean blocks."""
    ramps = table.controller.recorder.ramps()
    overruns, answers = table.controller.rx.overruns, table.controller.acknowledged
    if not len(ramps):
        return 0.0, 0, overruns, answers, 0.0
    seconds = float(ramps[-1, 0] + ramps[-1, 1] - ramps[0, 0])
    return seconds, table.least(), overruns, answers, table.mean()
