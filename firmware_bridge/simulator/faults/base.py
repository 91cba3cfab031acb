"""What a fault is: something that meddles with a wire, or happens to a machine, at a time.

Nouns:
    kind      what goes wrong; its parameters are drawn from a seed
    begin     when it may strike first: a share of the time that the drawing would take
    struck    how often it has struck

A fault changes nothing before it is armed, so that a machine can be met in peace.
"""

from __future__ import annotations

import math
import random

from firmware_bridge.simulator.wire import Piece, Wire

# Where in a drawing faults strike: from its first moves to well before its end.
_BEGIN_SHARE = (0.02, 0.9)


class Fault:
    """The base of all kinds: lets everything pass.

    Attributes:
        random: the source of all parameters.
        struck: how often it has struck.
        begin_s: when it may strike first; infinite until it is armed.
        damages_lines: whether it may turn a good line into another good line.
        dead: whether nothing can be told to the machine any more.
    """

    damages_lines = False

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.struck = 0
        self.begin_s = math.inf
        self.dead = False
        self.wire: Wire

    def arm(self, wire: Wire, span_s: float) -> None:
        """Begins to count.

        Args:
            wire: what to meddle with.
            span_s: how long the drawing would take.
        """
        self.wire = wire
        self.begin_s = wire.now_s + self.random.uniform(*_BEGIN_SHARE) * span_s
        wire.meddler = self
        self._armed(span_s)

    def to_machine(self, data: bytes) -> list[Piece]:
        """See ``Meddler.to_machine``."""
        return self._to_machine(data)

    def to_host(self, line: bytes) -> list[Piece]:
        """See ``Meddler.to_host``."""
        return self._to_host(line)

    def write(self, data: bytes) -> int:
        """How many bytes of a write the port takes; fewer than all is a write that failed."""
        return self._write(data)

    # -- what a kind may change ------------------------------------------------------------------

    def _armed(self, span_s: float) -> None:
        del span_s

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [(0.0, data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [(0.0, line)]

    def _write(self, data: bytes) -> int:
        return len(data)

    def _due(self) -> bool:
        """Whether it may strike now."""
        return self.wire.now_s >= self.begin_s

    def _flipped(self, data: bytes, count: int) -> bytes:
        """The bytes with some bits turned over; the line end stays."""
        out = bytearray(data)
        body = len(data.rstrip(b"\r\n"))
        for _ in range(count if body else 0):
            out[self.random.randrange(body)] ^= 1 << self.random.randrange(7)
        return bytes(out)


def is_answer(line: bytes) -> bool:
    """Whether a line of a machine is an answer to one of the host's."""
    text = line.strip()
    return text.startswith((b"ok", b"$")) and b"=" not in text


def is_line(data: bytes) -> bool:
    """Whether a write of the host is a line, and no realtime byte or status request."""
    return data.endswith(b"\n") and len(data) > 2 and data != b"P2220\n"
