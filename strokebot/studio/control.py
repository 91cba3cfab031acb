"""Who holds the control: one page, while all others watch.

The first page that changes something takes it. It keeps it through a reload, since a page keeps its name,
and loses it a little while after it is gone, or as soon as another page takes it over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Who = tuple[str, str]  # a session, and the name that a page gave itself

# A page that is reloaded is back sooner.
_GONE_S = 15.0


class Control:
    """The control of one studio."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._holder: Who | None = None
        self._open: dict[Who, int] = {}
        self._seen_s = 0.0

    @property
    def holder(self) -> Who | None:
        """Who has it now; None for nobody."""
        if self._holder is None:
            return None
        gone = not self._open.get(self._holder) and self._clock() - self._seen_s > _GONE_S
        return None if gone else self._holder

    def take(self, who: Who) -> None:
        """Gives it to somebody, whoever has it."""
        self._holder, self._seen_s = who, self._clock()

    def may_change(self, who: Who) -> bool:
        """Whether somebody may change something now; takes it where nobody has it."""
        holder = self.holder
        if holder not in (None, who):
            return False
        self.take(who)
        return True

    def opened(self, who: Who) -> None:
        """A page opened its socket."""
        self._open[who] = self._open.get(who, 0) + 1

    def closed(self, who: Who) -> None:
        """A page closed it."""
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]
        if who == self._holder:
            self._seen_s = self._clock()

    def told(self, who: Who) -> dict[str, Any]:
        """What a page is told of it."""
        holder = self.holder
        return {"mine": holder == who, "held": holder is not None, "pages": sum(self._open.values())}
