"""A serial port, through pyserial, which is imported only when a port is opened or listed."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.base import LineCutter
from firmware_bridge.transports.usb import list_ports

if TYPE_CHECKING:
    import serial

# Shortest sleep inside pyserial; bounds how late Ctrl-C is noticed on every platform.
_SLICE_S = 0.05
# A port that takes no byte for so long is stuck.
_WRITE_TIMEOUT_S = 5.0
# Opening the port resets an Arduino through DTR; its boot loader then waits about 1.5 s.
_BOOT_S = 2.5
# Such a board may still be starting, since somebody has just plugged it in.
_QUIET_BOOT_S = 0.5
_GONE = "went away: check the cable and the power, and lift the pen by hand if it is down"


class SerialTransport:
    """A serial port, or any path that behaves like one, such as a pty."""

    def __init__(self, name: str, machine: MachineProfile) -> None:
        """Opens the port.

        Raises:
            PortError: if it is missing, busy, not permitted or no serial port.
        """
        import serial

        self.name = name
        self.boot_s = _BOOT_S
        self._cutter = LineCutter()
        self._lost = (serial.SerialException, OSError)
        self._write_timeout = serial.SerialTimeoutException
        try:
            self._port: serial.Serial = serial.Serial(
                name,
                machine.baud_rate,
                timeout=_SLICE_S,
                write_timeout=_WRITE_TIMEOUT_S,
                exclusive=True if os.name == "posix" else None,
                # Means to pyserial that DTR is none of its business.
                dsrdtr=not machine.reset_on_open,
            )
            if not machine.reset_on_open:
                self.boot_s = _QUIET_BOOT_S
                _keep_dtr(self._port)
        except (serial.SerialException, OSError, ValueError) as cause:
            _refuse(name, cause)

    def write(self, data: bytes) -> None:
        """Sends all bytes; see ``Transport.write``."""
        try:
            self._port.write(data)
        except self._write_timeout as cause:
            raise ResponseTimeout(
                f"Port {self.name} takes no bytes: check that the machine is switched on."
            ) from cause
        except self._lost as cause:
            raise PortError(f"Port {self.name} {_GONE}.") from cause

    def read_line(self, timeout_s: float) -> str:
        """The next line; see ``Transport.read_line``."""
        deadline = time.monotonic() + timeout_s
        while not self._cutter:
            try:
                data = self._port.read(max(self._port.in_waiting, 1))
            except self._lost as cause:
                raise PortError(f"Port {self.name} {_GONE}.") from cause
            self._cutter.feed(data)
            if not self._cutter and time.monotonic() >= deadline:
                raise ResponseTimeout(f"Port {self.name} was silent for {timeout_s:g} s.")
        return self._cutter.pop()

    def now_s(self) -> float:
        """The wall clock."""
        return time.monotonic()

    def close(self) -> None:
        """Gives the port back."""
        try:
            self._port.close()
        except self._lost:
            return  # it is gone already, which is what was wanted


def require_serial(name: str) -> None:
    """Passes the name of a port that is there and may be used; does not open it.

    Raises:
        PortError: if it is missing or not permitted, as far as its name tells.
    """
    if os.name != "posix":
        return  # COM3 is no file
    try:
        Path(name).stat()
    except OSError as cause:
        _refuse(name, cause)
    if not os.access(name, os.R_OK | os.W_OK):
        _refuse(name, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _keep_dtr(port: serial.Serial) -> None:
    """Lets DTR stay up when the port is closed, so that opening it again is no pulse (HUPCL off).

    A system raises DTR when it opens a port where it was low, so the first opening after plugging in may
    restart the board all the same. Elsewhere than on POSIX nothing is done.
    """
    if os.name != "posix":
        return
    import termios

    try:
        attributes = termios.tcgetattr(port.fileno())
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)
    except termios.error:
        return  # a pty has no such line


def _refuse(name: str, cause: BaseException) -> NoReturn:
    """Says in one line why a port cannot be opened and what to do."""
    number = getattr(cause, "errno", None)
    text = str(cause)
    if number == errno.EACCES:
        cure = "you may not use it: join the group that owns it (often dialout) and log in again"
    elif number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        cure = "another program uses it: close that program"
    elif number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFound" in text:
        found = ", ".join(port.device for port in list_ports()) or "none"
        cure = f"there is no such port: plug the machine in, or choose one of those found ({found})"
    else:
        cure = "it is not a serial port that can be set up: choose another port"
    raise PortError(f"Cannot open port {name}: {cure}.") from cause
