"""A process beside the server: begun anew if it ends, heard by a thread, never waited for by the page.

Nouns:
    worker   a process with a pipe to the server
    word     what it sends
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_END_S = 5.0

CONTEXT = multiprocessing.get_context("spawn")  # a fork would share the server's sockets and threads


class Worker:
    """A process whose words come to the event loop that it was begun in."""

    def __init__(
        self,
        run: Callable[..., None],
        shared: tuple[Any, ...],
        heard: Callable[[Any], None],
        ended: Callable[[], None],
        lasts: bool = False,
    ) -> None:
        """Begins the process.

        Args:
            run: its function, at the top of a module; is given a connection, and ``shared``.
            shared: what both sides have.
            heard: is called in the event loop with each word.
            ended: is called in the event loop when the process has ended by itself.
            lasts: whether it ends in its own time, however the server ends.
        """
        self._loop = asyncio.get_running_loop()
        self._heard, self._ended = heard, ended
        self._closing = False
        self._connection, other = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=run, args=(other, *shared), daemon=not lasts)
        self._process.start()
        other.close()
        self._sending = threading.Lock()
        threading.Thread(target=self._hear, name="studio-worker", daemon=True).start()

    def send(self, word: Any) -> None:
        """Sends a word; one to a process that is gone is lost."""
        with contextlib.suppress(OSError, ValueError), self._sending:
            self._connection.send(word)

    def _hear(self) -> None:
        connection: Connection = self._connection
        while True:
            try:
                word = connection.recv()
            except (EOFError, OSError):
                break
            except Exception:  # a word that was cut short by the end of the process
                continue
            if not self._call(self._heard, word):
                return
        if not self._closing:
            self._call(self._ended)

    def _call(self, what: Callable[..., None], *values: Any) -> bool:
        """Calls something in the event loop; False if that has ended."""
        try:
            self._loop.call_soon_threadsafe(what, *values)
        except RuntimeError:
            return False
        return True

    def close(self, wait_s: float = _END_S, kill: bool = True) -> bool:
        """Sends None, which ends the process, and waits for that; blocks.

        Returns:
            Whether it ended by itself in that time.
        """
        self._closing = True
        self.send(None)
        self._process.join(wait_s)
        if self._process.is_alive() and kill:
            self._process.kill()
            self._process.join(_END_S)
            return False
        return not self._process.is_alive()
