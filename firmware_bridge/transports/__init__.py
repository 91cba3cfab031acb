"""Transports: bytes out, lines in, chosen by URL.

``sim://grbl`` is a virtual controller in this process (``sim://grbl?speed=1``: in step with the
clock), ``socket://host:port`` a TCP connection, ``usb:VID:PID[:SERIAL]`` the serial port of a USB
adapter, and anything else the name of a serial port.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware_bridge.errors import PortError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.base import Transport
from firmware_bridge.transports.paced import PacedTransport, split_speed
from firmware_bridge.transports.serial_port import SerialTransport, require_serial
from firmware_bridge.transports.simulated import SimulatedTransport
from firmware_bridge.transports.tcp import TcpTransport
from firmware_bridge.transports.usb import SCHEME, PortInfo, find_usb, list_ports

__all__ = ["TRANSPORTS", "PortInfo", "Transport", "list_ports", "open_transport", "require_port"]


def _simulated(name: str, machine: MachineProfile) -> Transport:
    plain, speed = split_speed(name)
    return SimulatedTransport(plain, machine) if speed is None else PacedTransport(plain, machine, speed)


TRANSPORTS: dict[str, Callable[[str, MachineProfile], Transport]] = {
    "serial": SerialTransport,
    "socket": TcpTransport,
    "sim": _simulated,
}


def require_port(url: str, machine: MachineProfile) -> None:
    """Passes a port that seems to be there, without opening a serial one, which restarts many boards.

    Raises:
        PortError: if the scheme is not known, or there is nothing to open.
    """
    scheme, rest = _parts(url)
    if scheme == "serial":
        require_serial(rest)
    else:
        TRANSPORTS[scheme](rest, machine).close()


def open_transport(url: str, machine: MachineProfile) -> Transport:
    """Opens the transport that a URL names.

    Args:
        url: ``sim://grbl``, ``socket://host:port``, ``usb:1a86:7523``, ``serial:///dev/ttyUSB0`` or a
            bare port name.
        machine: baud rate of a serial port; the whole profile for a simulator.

    Raises:
        PortError: if the scheme is not known, or the port cannot be opened.
    """
    scheme, rest = _parts(url)
    return TRANSPORTS[scheme](rest, machine)


def _parts(url: str) -> tuple[str, str]:
    """The scheme of a URL, a key of ``TRANSPORTS``, and what comes after it."""
    if url.lower().startswith(SCHEME):
        url = find_usb(SCHEME + url[len(SCHEME) :])
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "serial", url
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}://" for name in sorted(TRANSPORTS))
        raise PortError(f"The port {url} begins with an unknown scheme: use a port name or one of {known}.")
    return scheme, rest
