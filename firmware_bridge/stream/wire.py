"""Bytes out and lines in: a transport with the framing of a dialect.

Nouns:
    framing  what is put around a line (``dialects.base.Framing``)
    number   of a line, where the firmware counts or names lines; each is used once
"""

from __future__ import annotations

from firmware_bridge.dialects.base import Dialect, Realtime, Reply, frame
from firmware_bridge.transports.base import Transport


class Wire:
    """A transport and what is put on it.

    Attributes:
        transport: the port.
        dialect: how lines are framed and answers read.
    """

    def __init__(self, transport: Transport, dialect: Dialect) -> None:
        self.transport = transport
        self.dialect = dialect
        self._next_number = 1

    @property
    def next_number(self) -> int:
        """The number of the next line."""
        return self._next_number

    def now_s(self) -> float:
        """The transport's clock."""
        return self.transport.now_s()

    def take_numbers(self, count: int = 1) -> int:
        """Takes the next few numbers, and returns the first of them."""
        first = self._next_number
        self._next_number += count
        return first

    def use_number(self, number: int) -> None:
        """A number is used, and with it all below."""
        self._next_number = max(self._next_number, number + 1)

    def count_from(self, number: int) -> None:
        """The next line has this number."""
        self._next_number = number

    def framed(self, number: int, line: str) -> bytes:
        """A line as it goes over the wire."""
        return frame(self.dialect.framing, number, line)

    def send_framed(self, number: int, line: str) -> None:
        """Sends one line under a number."""
        self.transport.write(self.framed(number, line))

    def send_line(self, line: str) -> None:
        """Sends one line as it is, without number."""
        self.transport.write(line.encode("ascii") + b"\n")

    def hears(self, what: Realtime) -> bool:
        """Whether the machine takes such a request at once."""
        return what in self.dialect.realtime

    def send_realtime(self, what: Realtime) -> None:
        """Sends a realtime request, which acts at once and is not answered as a line is."""
        self.transport.write(self.dialect.realtime[what])

    def read_reply(self, timeout_s: float) -> Reply:
        """The next reply; blank lines carry nothing and are passed over.

        Raises:
            ResponseTimeout: if none came in time.
            PortError: if the port went away.
        """
        deadline = self.now_s() + timeout_s
        while True:
            text = self.transport.read_line(max(deadline - self.now_s(), 0.0))
            if text:
                return self.dialect.parse(text)
