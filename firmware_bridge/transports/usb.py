"""Serial ports of USB adapters by what they are, not by the name that the system happens to give.

    usb:VID:PID[:SERIAL]     vendor and product in hexadecimal digits, and the adapter's own number

A port's name changes with the order in which things are plugged in; its USB id does not. Cheap
adapters carry no serial number, and then two alike can only be told apart by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware_bridge.errors import PortError

SCHEME = "usb:"
_URL = re.compile(r"usb:([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4})(?::(.{1,128}))?")


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port of this computer.

    Attributes:
        device: its name.
        description: what the system says about it.
        usb: its address as ``usb:VID:PID[:SERIAL]``; empty if it is no USB adapter.
    """

    device: str
    description: str
    usb: str = ""


def list_ports() -> list[PortInfo]:
    """The serial ports of this computer, by name."""
    from serial.tools import list_ports as tools

    found = [
        PortInfo(p.device, _plain(p.description), usb_address(p.vid, p.pid, p.serial_number))
        for p in tools.comports()
    ]
    return sorted(found, key=lambda port: port.device)


def usb_address(vid: int | None, pid: int | None, serial: str | None) -> str:
    """``usb:VID:PID[:SERIAL]``; empty if it is no USB adapter."""
    if vid is None or pid is None:
        return ""
    number = _plain(serial)
    return f"usb:{vid:04x}:{pid:04x}" + (f":{number}" if number else "")


def find_usb(url: str) -> str:
    """The name of the one port that has this USB address.

    Raises:
        PortError: if the address cannot be read, or none or several ports have it.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise PortError(
            f"The address {url[:60]} is not usb:VID:PID or usb:VID:PID:SERIAL (hexadecimal): "
            "strokebot ports lists those that are plugged in."
        )
    wanted = usb_address(int(match[1], 16), int(match[2], 16), match[3])
    ports = list_ports()
    if match[3] is None:
        found = [p for p in ports if p.usb == wanted or p.usb.startswith(wanted + ":")]
    else:
        found = [p for p in ports if p.usb == wanted]
    if not found:
        there = ", ".join(port.usb for port in ports if port.usb) or "none"
        raise PortError(
            f"No port has the USB address {url}: plug the machine in, or choose one of those found ({there})."
        )
    if len(found) > 1:
        each = ", ".join(f"{port.device} ({port.usb})" for port in found)
        raise PortError(f"Several ports have the USB address {url}: choose one of {each}.")
    return found[0].device


def _plain(text: str | None) -> str:
    """A text of a device as one printable line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
