"""The dry run figure, painted by a second process while the first one still plans the drawing.

To load matplotlib and to paint take as long as a third of the planning of a small picture, and need
nothing of it but the result. So a process of its own is started at the beginning: it loads, waits
for the arguments of ``dry_run_figure`` on its standard input, and answers with the PNG. It
writes no file, and it ends with the one that started it. Where it cannot be had, or fails in any
way, the figure is painted in this process by the same code: the bytes are the same.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from types import TracebackType
from typing import Any

_PROGRAM = "from strokebot.plots.painter import serve; serve()"
# Larger pictures are painted in this process: a second copy of theirs would need too much memory.
MOST_PIXELS = 4_000_000


class Painter:
    """Paints dry runs; a context that ends the second process."""

    def __init__(self) -> None:
        """Starts the process, if there is a second core for it."""
        self._process: subprocess.Popen[bytes] | None = None
        if cores() < 2:
            return
        apart: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}  # Ctrl-C is for us
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **apart,
            )
        except OSError:
            return

    def __enter__(self) -> Painter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def begin(self, *arguments: Any) -> Painting:
        """Begins to paint what ``dry_run_figure`` makes of the arguments, the picture's ink first."""
        process = self._process
        if process is not None and arguments[0].size <= MOST_PIXELS:
            assert process.stdin is not None
            try:
                pickle.dump(arguments, process.stdin, pickle.HIGHEST_PROTOCOL)
                process.stdin.close()
            except OSError:
                self._end()
        else:
            self._end()
        return Painting(self, arguments)

    def answer(self) -> bytes:
        """What the process answers, in full; empty if there is none, or if it failed."""
        process, self._process = self._process, None
        if process is None:
            return b""
        assert process.stdout is not None
        try:
            with process.stdout:
                data = process.stdout.read()
            return data if process.wait() == 0 else b""
        finally:
            process.kill()
            process.wait()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except OSError:  # what was still to be written to it
                    continue


class Painting:
    """A dry run that is being painted."""

    def __init__(self, painter: Painter, arguments: tuple[Any, ...]) -> None:
        self._painter = painter
        self._arguments = arguments

    def png(self) -> bytes:
        """The finished figure."""
        return self._painter.answer() or paint(*self._arguments)


def paint(*arguments: Any) -> bytes:
    """The PNG of ``dry_run_figure`` of these arguments."""
    from strokebot import plots

    return plots.png_bytes(plots.dry_run_figure(*arguments))


def serve() -> None:
    """What the second process does; it ends where the first one is gone."""
    import strokebot.plots.figures  # noqa: F401  (loaded before the arguments come)

    try:
        arguments = pickle.load(sys.stdin.buffer)
    except EOFError:
        return
    sys.stdout.buffer.write(paint(*arguments))


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
