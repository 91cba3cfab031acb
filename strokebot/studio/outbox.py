"""What a process tells the server, without ever waiting for it.

    newest   of a kind: a later word takes the place of one that is not sent yet
    lines    a log of bounded length: the oldest that are not sent are forgotten
    answers  to orders: none is lost

A thread sends them, at most twenty times a second. A server that reads slowly, or no more, keeps that
thread waiting, and nobody else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

_REST_S = 0.05
_LINES = 200


class Outbox:
    """What is to be sent on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._newest: dict[str, Any] = {}
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._answers: deque[tuple[str, Any]] = deque()
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._send, name="studio-outbox", daemon=True)
        self._thread.start()

    def newest(self, kind: str, value: Any) -> None:
        """Tells the newest of a kind."""
        with self._lock:
            self._newest[kind] = value
        self._something.set()

    def line(self, text: str) -> None:
        """Tells a line."""
        self._lines.append(text)
        self._something.set()

    def answer(self, value: Any) -> None:
        """Answers an order, after all that was told before."""
        self._answers.append(("answer", value))
        self._something.set()

    def close(self, wait_s: float) -> None:
        """Sends what is left, as long as that takes no longer than so."""
        self._ended = True
        self._something.set()
        self._thread.join(wait_s)

    def _send(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                self._something.wait()
                ended = self._ended
                self._something.clear()
                # Taken before the newest: what was told before an answer is sent before it.
                answers = [self._answers.popleft() for _ in range(len(self._answers))]
                with self._lock:
                    newest, self._newest = self._newest, {}
                for kind, value in newest.items():
                    self._connection.send((kind, value))
                while self._lines:
                    self._connection.send(("log", self._lines.popleft()))
                for told in answers:
                    self._connection.send(told)
                if ended:
                    return
                time.sleep(_REST_S)
