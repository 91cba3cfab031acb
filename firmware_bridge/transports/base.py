"""What a transport is, and the cutting of bytes into lines that all of them share."""

from __future__ import annotations

from collections import deque
from typing import Protocol

# No answer of any firmware is longer; more bytes than this without a line end are noise.
LONGEST_LINE_BYTES = 1024


class Transport(Protocol):
    """The plug point of a wire.

    Attributes:
        name: the port, for messages.
        boot_s: how long a machine behind it may need to greet after the port is opened.
    """

    name: str
    boot_s: float

    def write(self, data: bytes) -> None:
        """Sends all bytes.

        Raises:
            PortError: if the port went away.
        """
        ...

    def read_line(self, timeout_s: float) -> str:
        """The next line without its end; may be empty.

        Raises:
            ResponseTimeout: if none came in time.
            PortError: if the port went away.
        """
        ...

    def now_s(self) -> float:
        """The clock that timeouts are measured with: virtual for a simulator."""
        ...

    def close(self) -> None:
        """Gives the port back; may be called twice."""
        ...


class LineCutter:
    """Cuts a stream of bytes into lines at each LF and drops CRs and blanks around it."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[str] = deque()

    def feed(self, data: bytes) -> None:
        """Takes bytes as they come."""
        if not data:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(line.decode("latin-1").strip("\r ") for line in lines)
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._lines.append(self._rest.decode("latin-1"))
            self._rest = b""

    def __bool__(self) -> bool:
        return bool(self._lines)

    def pop(self) -> str:
        """The oldest line; there must be one."""
        return self._lines.popleft()
