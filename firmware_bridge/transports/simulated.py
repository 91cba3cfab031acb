"""A virtual controller in this process, in virtual time: no wait costs wall-clock time."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

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

    def __init__(
        self, name: str, machine: MachineProfile, controller: VirtualController | None = None
    ) -> None:
        """Switches a virtual machine on, or comes to one that is on.

        Args:
            name: of the simulator.
            machine: its profile.
            controller: the machine; None for a new one.

        Raises:
            PortError: if there is no simulator of this name.
        """
        self.controller: VirtualController = controller or virtual_controller(name, machine)
        self.name = f"sim://{name}"
        self.boot_s = _BOOT_S
        self._cutter = LineCutter()
        self._closed = False
        _interrupts_later.open()

    def _endpoint(self) -> Endpoint:
        """What the bytes go to: the machine, or a wire to it."""
        return self.controller

    def write(self, data: bytes) -> None:
        """Gives bytes to the virtual machine."""
        if self._closed:
            raise PortError(f"{self.name} is closed: open it again.")
        with _interrupts_later:
            self._endpoint().receive(data)

    def read_line(self, timeout_s: float) -> str:
        """Runs the virtual machine until it says a line or ``timeout_s`` of its time is over."""
        if self._closed:
            raise PortError(f"{self.name} is closed: open it again.")
        with _interrupts_later:
            deadline = self.controller.now_s + timeout_s
            self._cutter.feed(self._endpoint().take_output())
            while not self._cutter:
                if self.controller.now_s >= deadline:
                    raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.")
                self._endpoint().advance(deadline, stop_at_output=True)
                self._cutter.feed(self._endpoint().take_output())
            return self._cutter.pop()

    def _advance(self, until_s: float) -> None:
        """Lets virtual time pass; what the machine says is kept for the reader."""
        with _interrupts_later:
            self._endpoint().advance(until_s, stop_at_output=True)
            self._cutter.feed(self._endpoint().take_output())

    def now_s(self) -> float:
        """The virtual clock."""
        return self.controller.now_s

    def recording(self) -> Recording:
        """What the tool has done so far."""
        return self.controller.recording()

    def close(self) -> None:
        """Ends the use of the machine; its recording stays readable."""
        if not self._closed:
            _interrupts_later.close()
        self._closed = True


class _LateInterrupts:
    """Keeps Ctrl-C from tearing the virtual machine apart in mid-step; it is raised right after.

    A context around each step. The handler is set while any virtual machine is open: to set it for
    each step would take as long as the step.
    """

    def __init__(self) -> None:
        self._open = 0
        self._inside = self._came = False
        self._before: Any = None

    def open(self) -> None:
        """A virtual machine is opened; only the main thread may set a handler."""
        if self._open == 0:
            if threading.current_thread() is not threading.main_thread():
                return
            self._before = signal.signal(signal.SIGINT, self._note)
        self._open += 1

    def close(self) -> None:
        """A virtual machine is closed."""
        if self._open == 0 or threading.current_thread() is not threading.main_thread():
            return
        self._open -= 1
        if self._open == 0 and signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, signal.SIG_DFL if self._before is None else self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._inside:
            self._came = True
        elif callable(self._before):
            self._before(number, frame)
        elif self._before is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)

    def __enter__(self) -> None:
        # Handlers run in the main thread: a step of another one cannot be torn apart.
        self._inside = threading.get_ident() == _MAIN_THREAD

    def __exit__(self, *_: object) -> None:
        self._inside = False
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGINT)


_MAIN_THREAD = threading.main_thread().ident
_interrupts_later = _LateInterrupts()
