"""The serial receive buffer: a small ring that drops what does not fit, as the real one does."""

from __future__ import annotations

from collections import deque


class ReceiveBuffer:
    """Bytes that have arrived and that the firmware has not read yet.

    Attributes:
        size: how many bytes fit.
        overruns: how many bytes were dropped because the buffer was full.
        peak: the most bytes that ever waited.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.overruns = 0
        self.peak = 0
        self._bytes: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._bytes)

    @property
    def free(self) -> int:
        """Bytes that still fit."""
        return self.size - len(self._bytes)

    def push(self, byte: int) -> None:
        """Takes one byte, or counts an overrun and drops it."""
        if len(self._bytes) >= self.size:
            self.overruns += 1
            return
        self._bytes.append(byte)
        self.peak = max(self.peak, len(self._bytes))

    def pop(self) -> int:
        """The oldest byte; the buffer must not be empty."""
        return self._bytes.popleft()

    def clear(self) -> None:
        """Forgets what waits; the counters stay."""
        self._bytes.clear()
