"""One open page: the newest of everything that it does not know yet, and a log of bounded length.

A page that is slow gets fewer messages, each with the newest; one that takes none for a while is let go.
Nobody ever waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

# A page that does not take a message for so long is gone.
_SEND_TIMEOUT_S = 10.0
# At most so many positions a second, and a little rest between any messages.
POSITIONS_PER_S = 20.0
_REST_S = 1.0 / POSITIONS_PER_S
_LOG_LINES = 200
# What pages say is short: they only show that they are there.
_LONGEST_WORD = 1024

Message = dict[str, Any]


class Client:
    """A page on a socket.

    Attributes:
        who: its session and the name that it gave itself.
    """

    def __init__(self, socket: WebSocket, who: tuple[str, str]) -> None:
        self.who = who
        self._socket = socket
        self._newest: dict[str, Callable[[], Message] | Message] = {}
        self._log: deque[Message] = deque(maxlen=_LOG_LINES)
        self._something = asyncio.Event()

    def tell(self, message: Message | Callable[[], Message], kind: str) -> None:
        """Notes a message that takes the place of an earlier one of its kind.

        Args:
            message: what is sent, or what makes it when it is sent.
            kind: its type.
        """
        self._newest[kind] = message
        self._something.set()

    def log(self, message: Message) -> None:
        """Notes a message that stands for itself; the oldest are forgotten."""
        self._log.append(message)
        self._something.set()

    async def serve(self) -> None:
        """Sends what is noted until the page goes away."""
        sending = asyncio.create_task(self._send())
        hearing = asyncio.create_task(self._hear())
        try:
            await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, hearing):
                task.cancel()
            await asyncio.gather(sending, hearing, return_exceptions=True)
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(self._socket.close(), 1.0)

    async def _send(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            newest, self._newest = self._newest, {}
            log = [self._log.popleft() for _ in range(len(self._log))]
            for message in (*newest.values(), *log):
                ready = message() if callable(message) else message
                text = json.dumps(ready, allow_nan=False, separators=(",", ":"))
                await asyncio.wait_for(self._socket.send_text(text), _SEND_TIMEOUT_S)
            await asyncio.sleep(_REST_S)

    async def _hear(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, KeyError):
            while len(await self._socket.receive_text()) <= _LONGEST_WORD:
                pass
