"""Other people's simulators and senders against ours: what nobody here has written.

    python -m benchmarks.peers

OctoPrint's virtual printer (``pip install OctoPrint``, without its server) stands behind a pty and
is drawn on by our driver: every move once, in order, though it loses lines and asks again as it is
set up to do by itself. A sender from PyPI (``pip install grbl-streamer``) streams to our virtual GRBL.
What is not installed is skipped with a line.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import tempfile
import threading
import tty
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.stream import on_a_pty
from firmware_bridge.dialects import dialect_of
from firmware_bridge.job.device import open_device
from tests.support.fault_trials import drawing, profile

_MOVE = re.compile(r"G[01] .*[XYZ]")
_READ_BYTES = 4096
# What it does wrong at which line, by its own defaults but for one: its "resend_with_timeout" counts a
# line as taken, asks for it again and then refuses it, so that nobody could make it execute that line.
TROUBLE = ("100:resend", "110:missing_lineno", "115:checksum_mismatch")


class _Settings:
    """The printer's own defaults, as it asks for them."""

    def __init__(self, table: Mapping[str, Any], folder: Path) -> None:
        self._table = table
        self._folder = folder

    def get(self, path: list[str], merged: bool = False) -> Any:
        found: Any = self._table
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def get_int(self, path: list[str]) -> int:
        return int(self.get(path) or 0)

    def get_float(self, path: list[str]) -> float:
        return float(self.get(path) or 0.0)

    def get_boolean(self, path: list[str]) -> bool:
        return bool(self.get(path))

    def global_get_basefolder(self, name: str, **_: object) -> str:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return str(folder)


class _Profiles:
    """A printer profile manager with one printer, large enough."""

    def get_current_or_default(self) -> dict[str, Any]:
        axes = {a: {"speed": 6000, "inverted": False} for a in "xyze"}
        volume = {"width": 300.0, "depth": 300.0, "height": 300.0, "formFactor": "rectangular", "origin": ""}
        return {"axes": axes, "volume": volume, "extruder": {"count": 1}}


@contextlib.contextmanager
def octoprint_printer(path: Path) -> Iterator[list[str]]:
    """Its virtual printer behind a pty at ``path``; yields the moves that it performs, as they come.

    Raises:
        ImportError: if OctoPrint is not installed.
    """
    from octoprint.plugins.virtual_printer import VirtualPrinterPlugin, virtual

    table = VirtualPrinterPlugin.get_settings_defaults(SimpleNamespace())
    table["simulated_errors"] = list(TROUBLE)
    folder = path.parent / "printer"
    folder.mkdir(exist_ok=True)
    moves: list[str] = []

    # Its plugins belong to the server, which is not here.
    virtual.plugin_manager = lambda: SimpleNamespace(get_hooks=lambda name: {})

    class Watched(virtual.VirtualPrinter):  # type: ignore[misc]
        def _performMove(self, line: str) -> Any:
            moves.append(line)
            return super()._performMove(line)

    printer = Watched(_Settings(table, folder), _Profiles(), str(folder), read_timeout=0.1)
    master, slave = os.openpty()
    tty.setraw(slave)
    path.symlink_to(os.ttyname(slave))
    stop = threading.Event()

    def hear() -> None:
        while not stop.is_set():
            if select.select([master], [], [], 0.05)[0]:
                # It reads one line of what it is given in one go, and takes no more than has room.
                for line in os.read(master, _READ_BYTES).splitlines(keepends=True):
                    while line:
                        line = line[printer.write(line) :]

    def speak() -> None:
        while not stop.is_set():
            line = printer.readline()
            if line:
                os.write(master, line if line.endswith(b"\n") else line + b"\n")

    threads = [threading.Thread(target=act, daemon=True) for act in (hear, speak)]
    for thread in threads:
        thread.start()
    try:
        yield moves
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        printer.close()
        os.close(slave)
        os.close(master)
        path.unlink()


def draw_on(path: Path, moves: list[str]) -> tuple[list[str], list[str], int]:
    """Draws twice; returns the moves sent, those that the printer has performed, and the resends.

    It makes trouble from line 100 on (``TROUBLE``).
    """
    machine = profile("marlin")
    program = drawing(machine)
    with open_device(machine, str(path)) as device:
        moves.clear()
        resends = sum(device.run(program).resends for _ in range(2))
        sent = [line for line in dialect_of("marlin").encode(program, machine) if _MOVE.match(line)] * 2
    return sent, [line for line in moves if _MOVE.match(line)], resends


def main() -> None:
    """Runs both and prints what came of it."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tty"
            with octoprint_printer(path) as moves:
                sent, done, resends = draw_on(path, moves)
        verdict = "each once, in order" if sent == done else "NOT the same"
        print(
            f"OctoPrint's virtual printer: {len(sent)} moves sent, {len(done)} performed: {verdict}; ", end=""
        )
        print(f"{resends} resends")
    except ImportError:
        print("OctoPrint is not installed: pip install OctoPrint")
    on_a_pty(300)


if __name__ == "__main__":
    main()
