"""A virtual controller in this process, in virtual time: no wait costs wall-clock time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.registry import virtual_controller
from firmware_bridge.simulator.virtual import Endpoint, VirtualController
from firmware_bridge.transports.base import LineCutter

_BOOT_S = 0.5


class SimulatedTransport:
    """``sim://grbl``, ``sim://marlin`` and so on.

    Attributes:
        controller: the virtual machine behind the wire.
    """

    def __init__(self, name: str, machine: MachineProfile) -> None:
        """Switches a virtual machine on.

        Raises:
            PortError: if there is no simulator of this name.
        """
        self.controller: VirtualController = virtual_controller(name, machine)
        self.name = f"sim://{name}"
        self.boot_s = _BOOT_S
        self._cutter = LineCutter()
        self._closed = False

    def _endpoint(self) -> Endpoint:
        """What the bytes go to: the machine, or a wire to it."""
        return self.controller

    def write(self, data: bytes) -> None:
        """Gives bytes to the virtual machine."""
        if self._closed:
            raise PortError(f"{self.name} is closed: open it again.")
        with _interrupts_later():
            self._endpoint().receive(data)

    def read_line(self, timeout_s: float) -> str:
        """Runs the virtual machine until it says a line or ``timeout_s`` of its time is over."""
        if self._closed:
            raise PortError(f"{self.name} is closed: open it again.")
        with _interrupts_later():
            deadline = self.controller.now_s + timeout_s
            self._cutter.feed(self._endpoint().take_output())
            while not self._cutter:
                if self.controller.now_s >= deadline:
                    raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.")
                self._endpoint().advance(deadline, stop_at_output=True)
                self._cutter.feed(self._endpoint().take_output())
            return self._cutter.pop()

    def now_s(self) -> float:
        """The virtual clock."""
        return self.controller.now_s

    def recording(self) -> Recording:
        """What the tool has done so far."""
        return self.controller.recording()

    def close(self) -> None:
        """Ends the use of the machine; its recording stays readable."""
        self._closed = True


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Keeps Ctrl-C from tearing the virtual machine apart in mid-step; it is raised right after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
