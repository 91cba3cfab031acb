"""A TCP connection to a machine with a network interface, or to a served simulator."""

from __future__ import annotations

import socket
import time

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.base import LineCutter

_CONNECT_S = 5.0
# A network machine does not reset when it is connected to, so a greeting is rare.
_BOOT_S = 0.5
_READ_BYTES = 4096
_GONE = "was closed by the other side: check the network and the machine, and lift the pen if it is down"


class TcpTransport:
    """``socket://host:port``."""

    def __init__(self, name: str, machine: MachineProfile) -> None:
        """Connects.

        Raises:
            PortError: if the address is not ``host:port`` or nothing listens there.
        """
        del machine  # a network has no baud rate
        self.name = f"socket://{name}"
        self.boot_s = _BOOT_S
        self._cutter = LineCutter()
        host, _, number = name.rpartition(":")
        if not host or not number.isdigit() or not 0 < int(number) < 65536:
            raise PortError(f"The address {self.name} is not socket://host:port: correct it.")
        try:
            self._socket = socket.create_connection((host.strip("[]"), int(number)), timeout=_CONNECT_S)
        except OSError as cause:
            raise PortError(
                f"Cannot connect to {self.name} ({cause.strerror or cause}): "
                "check the address and that the machine is on."
            ) from cause
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        """Sends all bytes; see ``Transport.write``."""
        try:
            self._socket.settimeout(_CONNECT_S)
            self._socket.sendall(data)
        except TimeoutError as cause:
            raise ResponseTimeout(f"{self.name} takes no bytes: check the machine.") from cause
        except OSError as cause:
            raise PortError(f"{self.name} {_GONE}.") from cause

    def read_line(self, timeout_s: float) -> str:
        """The next line; see ``Transport.read_line``."""
        deadline = time.monotonic() + timeout_s
        while not self._cutter:
            try:
                # A timeout of 0 would make the socket non-blocking.
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                data = self._socket.recv(_READ_BYTES)
            except TimeoutError as cause:
                raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.") from cause
            except OSError as cause:
                raise PortError(f"{self.name} {_GONE}.") from cause
            if not data:
                raise PortError(f"{self.name} {_GONE}.")
            self._cutter.feed(data)
        return self._cutter.pop()

    def now_s(self) -> float:
        """The wall clock."""
        return time.monotonic()

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()
