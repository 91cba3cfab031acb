"""A transport that writes down what passes through it.

Its clock stands still between two records, so that whoever decides by it decides in the same way
when the log is played again; no wait is without a record.
"""

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
        self._now_s = inner.now_s()

    def write(self, data: bytes) -> None:
        """Sends all bytes; see ``Transport.write``."""
        self._note(">", data.decode("latin-1"))
        try:
            self.inner.write(data)
        except (PortError, ResponseTimeout) as error:
            self._note("x", f"{type(error).__name__} {error}")
            raise

    def read_line(self, timeout_s: float) -> str:
        """The next line; see ``Transport.read_line``."""
        try:
            line = self.inner.read_line(timeout_s)
        except ResponseTimeout:
            self._note("t", "")
            raise
        except PortError as error:
            self._note("x", f"{type(error).__name__} {error}")
            raise
        self._note("<", line)
        return line

    def now_s(self) -> float:
        """The time of the last record."""
        return self._now_s

    def close(self) -> None:
        """Gives the port back and ends the log."""
        self.inner.close()
        self.log.close()

    def _note(self, kind: str, text: str) -> None:
        self._now_s = self.inner.now_s()
        self.log.write(self._now_s, kind, text)
