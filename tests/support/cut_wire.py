"""A wire to a virtual machine that is cut after so many bytes."""

from __future__ import annotations

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PortError
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport


class Killed(BaseException):
    """Ends the host at once: nothing of it may run after this."""


class CutWire(SimulatedTransport):
    """A wire that is cut after so many bytes, in the middle of a line as well."""

    def __init__(
        self, machine: MachineProfile, controller: VirtualController, cut_at: int, unplugged: bool
    ) -> None:
        super().__init__(machine.dialect, machine)
        self.controller = controller
        self.boot_s = 0.05
        self._left = cut_at
        self._unplugged = unplugged

    def write(self, data: bytes) -> None:
        """Writes, until the wire is cut: then ``Killed``, or ``PortError`` where it is unplugged."""
        if self._left < len(data):
            super().write(data[: self._left])
            self._left = 0
            raise PortError("cut") if self._unplugged else Killed
        self._left -= len(data)
        super().write(data)


def device_on(wire: SimulatedTransport, machine: MachineProfile) -> Device:
    """A machine met over a wire."""
    return Device(machine, Link(wire, dialect_of(machine.dialect), machine))
