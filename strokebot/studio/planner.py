"""The server's end of the process that plans: the newest order of each kind waits, older ones are given up.

A look at a picture comes before a plan, a plan before a rehearsal, and all of them before the styles. What
is under way is stopped by an order of its own rank or a higher one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strokebot.errors import PlanningStopped, StrokebotError
from strokebot.options import DrawOptions
from strokebot.studio.planning import Kind, Order, serve
from strokebot.studio.worker import CONTEXT, Worker

_RANKS: dict[Kind, int] = {"look": 0, "plan": 1, "rehearse": 2, "calibrate": 2, "styles": 3}
_ENDED = "The planning ended by itself; the picture may be too large for this computer's memory."


class Planner:
    """Plans, in a process of its own; for the event loop."""

    def __init__(self, heard: Callable[[str, Any], None]) -> None:
        """Begins the process.

        Args:
            heard: is told words meanwhile: "planning" and "style", and their values.
        """
        self._heard = heard
        self._number = self._epoch = 0
        self._stopped = CONTEXT.Value("Q", 0, lock=False)
        self._waiting: dict[Kind, tuple[Order, asyncio.Future[Any]]] = {}
        self._under_way: tuple[Order, asyncio.Future[Any]] | None = None
        self._worker: Worker | None = self._begin()

    def _begin(self) -> Worker:
        return Worker(serve, (self._stopped,), self._hear, self._end)

    async def ask(
        self,
        kind: Kind,
        picture: Path,
        options: DrawOptions | None = None,
        values: dict[str, Any] | None = None,
    ) -> Any:
        """The result of an order; its arguments are those of ``Order``.

        Raises:
            PlanningStopped: if a newer one took its place.
            StrokebotError: for what is wrong with picture or options.
        """
        self._number += 1
        order = Order(self._number, kind, picture, options or DrawOptions(), values or {}, self._epoch)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # What waits is of an older picture or an older recipe.
        above = _RANKS[kind] if kind in ("look", "plan") else max(_RANKS.values())
        for other in [k for k in self._waiting if k == kind or (_RANKS[k] > above and k != "calibrate")]:
            self._give_up(self._waiting.pop(other)[1])
        self._waiting[kind] = (order, future)
        now = None if self._under_way is None else self._under_way[0]
        if now is not None and now.kind != "calibrate" and _RANKS[kind] <= _RANKS[now.kind]:
            self._stopped.value = now.number
        self._next()
        return await future

    def forget(self) -> None:
        """Profiles may have changed: the next plan begins anew."""
        self._epoch += 1

    def _next(self) -> None:
        if self._under_way is None and self._waiting:
            kind = min(self._waiting, key=lambda k: _RANKS[k])
            self._under_way = self._waiting.pop(kind)
            if self._worker is None:
                self._worker = self._begin()
            self._worker.send(self._under_way[0])

    def _hear(self, said: tuple[int, str, Any]) -> None:
        number, word, value = said
        if self._under_way is None or self._under_way[0].number != number:
            return
        order, future = self._under_way
        if word not in ("done", "failed"):
            if self._stopped.value < number:
                self._heard(word, value)
            return
        self._under_way = None
        if not future.done():
            # A plan that was finished all the same is of an older recipe.
            if word == "done" and self._stopped.value < order.number:
                future.set_result(value)
            elif value is None or word == "done":
                self._give_up(future)
            else:
                future.set_exception(StrokebotError(value))
        self._next()

    def _end(self) -> None:
        """The process has ended by itself."""
        if self._under_way is not None and not self._under_way[1].done():
            self._under_way[1].set_exception(StrokebotError(_ENDED))
        self._under_way = self._worker = None
        self._next()

    @staticmethod
    def _give_up(future: asyncio.Future[Any]) -> None:
        if not future.done():
            future.set_exception(PlanningStopped("The planning was stopped; nothing was drawn."))

    def close(self) -> None:
        """Ends the process."""
        self._stopped.value = self._number
        if self._worker is not None:
            self._worker.close(1.0)
