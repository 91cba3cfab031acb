"""The stages of a drawing: each is timed, and announced as it begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Called with the stage that begins now.
Progress = Callable[[str], None]


class Stages:
    """Times the stages and announces them.

    Attributes:
        seconds: seconds of each stage so far, in order of first appearance.
    """

    def __init__(self, progress: Progress | None, before: dict[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(before or {})
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        if self._progress is not None:
            self._progress(name)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
