"""The books of a stream: which lines are under way, which were taken, which go next.

Nouns:
    entry    what goes under one number: a line of the program, or a question put between
    aside    a question that is put between the lines; numbered as they are, but none of them
    pending  entries that were sent and not yet answered, oldest first
    window   how many entries and bytes may be pending
    rewind   going back to an entry that the machine asks for again

The invariant: what is pending never exceeds the window. A rewind forgets what is pending
from that entry on, so nothing may be sent after it until the wire is quiet: the streamer
sees to that. What is sent again is the same text, though lines may be shaped as they go out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware_bridge.dialects.base import WindowSize
from firmware_bridge.gcode.words import Line, parse

# Texts that are kept for being sent again: more than any machine has under way.
_KEPT_TEXTS = 256

Shape = Callable[[int, Line], Line]


def as_it_is(index: int, line: Line) -> Line:
    """Shapes nothing."""
    del index
    return line


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry under way: its index, its bytes on the wire, and whether it is an aside."""

    index: int
    size: int
    aside: bool = False


class SendWindow:
    """The lines of one program and what became of them.

    Attributes:
        lines: the program.
        pending: entries under way, oldest first. pending_bytes: their bytes.
        reserved_bytes: of the window, for what else is under way.
        next: index of the entry that goes next.
        sent: how many different entries were sent. sent_bytes: bytes sent, repetitions included.
        acknowledged: lines that the machine took, asides left out.
        peak_bytes: the most bytes that ever were pending.
    """

    def __init__(
        self, window: WindowSize, size_of: Callable[[int, str], int], shape: Shape = as_it_is
    ) -> None:
        """Prepares the books.

        Args:
            window: what may be pending.
            size_of: bytes of an entry with some text on the wire.
            shape: what a line looks like when it goes out, by its index in the program.
        """
        self.window = window
        self._size_of = size_of
        self._shape = shape
        self.lines: Sequence[Line] = ()
        self.pending: deque[Sent] = deque()
        self.pending_bytes = 0
        self.reserved_bytes = 0
        self.next = 0
        self.sent = 0
        self.sent_bytes = 0
        self.acknowledged = 0
        self.peak_bytes = 0
        self._asides: list[int] = []
        self._measured: tuple[int, Line, int] | None = None  # the next entry as ``fits`` saw it
        self._texts: OrderedDict[int, Line] = OrderedDict()

    @property
    def entries(self) -> int:
        """How many entries there are, as far as is known now."""
        return len(self.lines) + len(self._asides)

    def done(self) -> bool:
        """Whether every line was sent and answered."""
        return self.next >= self.entries and not self.pending

    def line_of(self, entry: int) -> int:
        """How many lines of the program lie before an entry: its own index, if it is a line."""
        return entry - bisect_left(self._asides, entry)

    def is_aside(self, entry: int) -> bool:
        """Whether an entry is a question put between."""
        at = bisect_left(self._asides, entry)
        return at < len(self._asides) and self._asides[at] == entry

    def taken_lines(self) -> int:
        """Lines that were answered, none left out."""
        return self.line_of(self.pending[0].index if self.pending else self.next)

    def text(self, entry: int) -> Line:
        """What an entry is on the wire, without number and end."""
        found = self._texts.get(entry)
        if found is None:
            index = self.line_of(entry)
            found = self._shape(index, self.lines[index])
        return found

    def put_aside(self, text: str) -> bool:
        """Makes a question the next entry.

        Returns:
            False if one is next or was the last, since two at once say the same, and while lines are
            sent again or none is left.
        """
        last = self._asides[-1] if self._asides else -2
        if self.next != self.sent or self.next >= self.entries or last >= self.next - 1:
            return False
        self._asides.append(self.next)
        self._texts[self.next] = parse(text)
        return True

    def fits(self) -> bool:
        """Whether the next entry may be sent now; False after the last one."""
        if self.next >= self.entries:
            return False
        lines, size = self.window.lines, self.window.bytes
        if lines is not None and len(self.pending) >= lines:
            return False
        if size is None:
            return True
        text = self.text(self.next)
        self._measured = self.next, text, self._size_of(self.next, text)
        return self.pending_bytes + self.reserved_bytes + self._measured[2] <= size

    def take_next(self) -> int:
        """Books the next entry as sent and returns its index; ``fits`` must have said so just before."""
        entry = self.next
        if self._measured is not None and self._measured[0] == entry:
            _, text, size = self._measured
        else:
            text = self.text(entry)
            size = self._size_of(entry, text)
        self._measured = None
        self._texts[entry] = text
        while len(self._texts) > _KEPT_TEXTS:
            self._texts.popitem(last=False)
        self.pending.append(Sent(entry, size, self.is_aside(entry)))
        self.pending_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.pending_bytes)
        self.next += 1
        self.sent = max(self.sent, self.next)
        self.sent_bytes += size
        return entry

    def answered(self, entry: int | None = None) -> int | None:
        """Books the oldest pending entry, or the one of this index, as answered.

        Returns:
            Its index, or None if no such entry is pending.
        """
        found = next((s for s in self.pending if entry is None or s.index == entry), None)
        if found is None:
            return None
        self.pending.remove(found)
        self.pending_bytes -= found.size
        self.acknowledged += not found.aside
        return found.index

    def all_answered(self) -> None:
        """Books all that is pending as answered."""
        while self.pending:
            self.answered()

    def rewind(self, entry: int) -> None:
        """Makes an entry the next one: what is pending from it on was not taken, all before it was."""
        kept = [s for s in self.pending if s.index < entry]
        self.pending = deque(kept)
        self.pending_bytes = sum(s.size for s in kept)
        self.next = entry
        self.acknowledged = self.line_of(entry) - sum(not s.aside for s in kept)
