"""The server's end of the process that moves a machine: one order at a time, and what it tells.

An order that comes while another one is carried out is refused, so that no row of jogs ever waits; what
changes a drawing under way (hold, resume, cancel, speed, trim) is always passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from strokebot.errors import StrokebotError
from strokebot.studio.machine import NOT_CONNECTED, Order, serve
from strokebot.studio.worker import Worker

WISHES = ("hold", "go_on", "cancel", "speed", "trim")
_ENDED = "The process that moves the machine ended by itself: look where the pen is, and lift it by hand."
# A drawing is stopped within a few seconds, a homing cycle takes minutes and cannot be broken off.
_END_S = 60.0


class Driver:
    """A machine, in a process of its own; for the event loop.

    Attributes:
        told: the newest of its state.
    """

    def __init__(self, heard: Callable[[str, Any], None]) -> None:
        """Begins the process when it is first needed.

        Args:
            heard: is told "machine", "position", "log" and "jobs", and their values.
        """
        self.told = dict(NOT_CONNECTED)
        self._heard = heard
        self._number = 0
        self._asked: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._worker: Worker | None = None

    @property
    def busy(self) -> bool:
        """Whether an order is being carried out."""
        return any(name not in WISHES for name, _ in self._asked.values())

    async def ask(self, order: str, **values: Any) -> Any:
        """The answer to an order, once it is carried out.

        Raises:
            StrokebotError: if it cannot be, or another one is being carried out.
        """
        if order not in WISHES and self.busy:
            raise StrokebotError("The machine is moving: wait for it, or hold the drawing.")
        if self._worker is None:
            self._worker = Worker(serve, (), self._hear, self._end, lasts=True)
        self._number += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._number] = (order, future)
        self._worker.send(Order(self._number, order, values))
        return await future

    def _hear(self, said: tuple[str, Any]) -> None:
        kind, value = said
        if kind != "answer":
            if kind == "machine":
                self.told = value
            self._heard(kind, value)
            return
        number, found, error = value
        _, future = self._asked.pop(number, ("", None))
        if future is not None and not future.done():
            if error is None:
                future.set_result(found)
            else:
                future.set_exception(StrokebotError(error))

    def _end(self) -> None:
        """The process has ended by itself."""
        self._worker = None
        for _, future in self._asked.values():
            if not future.done():
                future.set_exception(StrokebotError(_ENDED))
        self._asked.clear()
        self.told = {**NOT_CONNECTED, "sentence": _ENDED}
        self._heard("machine", self.told)
        self._heard("log", _ENDED)

    def stop_soon(self) -> None:
        """Stops a drawing under way, with the pen up, and ends the process; does not wait for it."""
        if self._worker is not None:
            self._worker.send(None)

    def close(self) -> bool:
        """The same, and waits for it; blocks.

        Returns:
            Whether it ended in order, with the pen up.
        """
        return self._worker is None or self._worker.close(_END_S)
