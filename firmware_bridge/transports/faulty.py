"""A virtual machine at the end of a wire that goes wrong, in process and in virtual time."""

from __future__ import annotations

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.faults.base import Fault
from firmware_bridge.simulator.virtual import Endpoint
from firmware_bridge.simulator.wire import Wire
from firmware_bridge.transports.simulated import SimulatedTransport

_GONE = "went away: check the cable and the power, and lift the pen by hand if it is down"


class FaultyTransport(SimulatedTransport):
    """``sim://`` with a wire between.

    Attributes:
        wire: what lies between the host and the machine; outlives this transport.
    """

    def __init__(self, machine: MachineProfile, wire: Wire | None = None) -> None:
        """Opens the port of a machine.

        Args:
            machine: the profile.
            wire: a wire to a machine that runs already; by default a new machine is switched on.

        Raises:
            PortError: if the wire is unplugged.
        """
        super().__init__(machine.dialect, machine)
        self.fault: Fault | None = None
        self.wire = wire or Wire(self.controller)
        self.controller = self.wire.controller
        self._check_plugged()

    def arm(self, fault: Fault, span_s: float) -> None:
        """Lets a fault strike from now on, in a drawing that would take ``span_s``."""
        self.fault = fault
        fault.arm(self.wire, span_s)

    def write(self, data: bytes) -> None:
        """Sends bytes, as far as the port takes them."""
        self._check_plugged()
        taken = len(data) if self.fault is None else self.fault.write(data)
        super().write(data[:taken])
        if taken < len(data):
            raise ResponseTimeout(f"Port {self.name} takes no bytes: check that the machine is switched on.")

    def read_line(self, timeout_s: float) -> str:
        """The next line; notices when the port goes away."""
        self._check_plugged()
        try:
            return super().read_line(timeout_s)
        finally:
            self._check_plugged()

    def _endpoint(self) -> Endpoint:
        return self.wire

    def _check_plugged(self) -> None:
        if self.wire.broken:
            raise PortError(f"Port {self.name} {_GONE}.")
