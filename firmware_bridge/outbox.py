"""The books of a stream: which lines are under way, which were taken, which go next.

Nouns:
    pending  lines that were sent and not yet answered, oldest first
    window   how many lines and bytes may be pending
    rewind   going back to a line that the machine asks for again

The invariant: what is pending never exceeds the window. A rewind forgets what is pending
from that line on, so nothing may be sent after it until the wire is quiet: the streamer
sees to that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware_bridge.dialects.base import Window


@dataclass(frozen=True, slots=True)
class Sent:
    """One line under way: its index in the program and its bytes on the wire."""

    index: int
    size: int


class Outbox:
    """The lines of one program and what became of them.

    Attributes:
        lines: the program.
        pending: lines under way, oldest first. pending_bytes: their bytes.
        next: index of the line that goes next.
        sent: how many different lines were sent. sent_bytes: bytes sent, repetitions included.
        acknowledged: lines that the machine took.
        peak_bytes: the most bytes that ever were pending.
    """

    def __init__(self, window: Window, size_of: Callable[[int, str], int]) -> None:
        self.window = window
        self._size_of = size_of
        self.lines: Sequence[str] = ()
        self.pending: deque[Sent] = deque()
        self.pending_bytes = 0
        self.next = 0
        self.sent = 0
        self.sent_bytes = 0
        self.acknowledged = 0
        self.peak_bytes = 0

    def done(self) -> bool:
        """Whether every line was sent and answered."""
        return self.next >= len(self.lines) and not self.pending

    def size(self, index: int) -> int:
        """Bytes of a line on the wire."""
        return self._size_of(index, self.lines[index])

    def fits(self) -> bool:
        """Whether the next line may be sent now; False after the last one."""
        if self.next >= len(self.lines):
            return False
        lines, size = self.window.lines, self.window.bytes
        if lines is not None and len(self.pending) >= lines:
            return False
        return size is None or self.pending_bytes + self.size(self.next) <= size

    def take_next(self) -> int:
        """Books the next line as sent and returns its index."""
        index = self.next
        size = self.size(index)
        self.pending.append(Sent(index, size))
        self.pending_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.pending_bytes)
        self.next += 1
        self.sent = max(self.sent, self.next)
        self.sent_bytes += size
        return index

    def answered(self, index: int | None = None) -> int | None:
        """Books the oldest pending line, or the one of this index, as answered.

        Returns:
            Its index, or None if no such line is pending.
        """
        found = next((s for s in self.pending if index is None or s.index == index), None)
        if found is None:
            return None
        self.pending.remove(found)
        self.pending_bytes -= found.size
        self.acknowledged += 1
        return found.index

    def all_answered(self) -> None:
        """Books all that is pending as answered."""
        while self.pending:
            self.answered()

    def rewind(self, index: int) -> None:
        """Makes a line the next one: what is pending from it on was not taken, all before it was."""
        kept = [s for s in self.pending if s.index < index]
        self.pending = deque(kept)
        self.pending_bytes = sum(s.size for s in kept)
        self.next = index
        self.acknowledged = index - len(kept)
