"""What follows a stream and what it says at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.events import Progress


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How a stream went.

    Attributes:
        lines: lines sent. bytes: bytes sent, line ends and repetitions included.
        acknowledged: lines that the machine took. errors: lines that it refused.
        stalls: status reports that found the machine idle while lines were left.
        duration_s: from the first byte to the end of the motion, on the transport's clock.
        resends: how often the machine asked for lines again.
        trim: what was added to the pen's value on the paper at the end, in its units.
    """

    lines: int
    bytes: int
    acknowledged: int
    errors: int
    stalls: int
    duration_s: float
    resends: int = 0
    trim: float = 0.0

    def plus(self, more: StreamReport) -> StreamReport:
        """The counts of this stream and of one that followed it."""
        return StreamReport(
            self.lines + more.lines,
            self.bytes + more.bytes,
            self.acknowledged + more.acknowledged,
            self.errors + more.errors,
            self.stalls + more.stalls,
            self.duration_s + more.duration_s,
            self.resends + more.resends,
            more.trim,
        )


class Follower(Protocol):
    """Is told how a stream goes, shapes its lines as they go out, and may end it by raising."""

    def before(self, index: int) -> None:
        """This line will be sent."""
        ...

    def shaped(self, index: int, line: str) -> str:
        """What a line looks like if it is sent now."""
        ...

    def sent(self, index: int, text: str) -> None:
        """This line was sent, in this shape."""
        ...

    def taken(self, count: int) -> None:
        """So many lines were answered, none left out."""
        ...

    def check(self) -> None:
        """Time to end the stream, or to tell the machine something past its lines?"""
        ...

    def progress(self, done: int, total: int) -> Progress:
        """How far the drawing is when so many lines of this stream were answered."""
        ...
