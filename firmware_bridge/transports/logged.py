"""A transport that writes down what passes through it."""

from __future__ import annotations

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.transports.base import Transport
from firmware_bridge.wirelog import WireLog


class LoggedTransport:
    """Another transport with a log.

    Attributes:
        inner: the other transport.
        log: what is written.
    """

    def __init__(self, inner: Transport, log: WireLog) -> None:
        self.inner = inner
        self.log = log
        self.name = inner.name
        self.boot_s = inner.boot_s

    def write(self, data: bytes) -> None:
        """Sends all bytes; see ``Transport.write``."""
        self.log.write(self.now_s(), ">", data.decode("latin-1"))
        try:
            self.inner.write(data)
        except (PortError, ResponseTimeout) as error:
            self._failed(error)
            raise

    def read_line(self, timeout_s: float) -> str:
        """The next line; see ``Transport.read_line``."""
        try:
            line = self.inner.read_line(timeout_s)
        except PortError as error:
            self._failed(error)
            raise
        self.log.write(self.now_s(), "<", line)
        return line

    def now_s(self) -> float:
        """The clock of the other transport."""
        return self.inner.now_s()

    def close(self) -> None:
        """Gives the port back and ends the log."""
        self.inner.close()
        self.log.close()

    def _failed(self, error: Exception) -> None:
        self.log.write(self.now_s(), "x", f"{type(error).__name__} {error}")
