"""A virtual controller in this process that keeps step with the clock: ``sim://grbl?speed=1``.

    virtual time = speed * time of the clock since the machine was switched on

Whoever watches it sees a plotter draw; at ten times the speed, sooner.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.transports.simulated import SimulatedTransport

SPEEDS = (0.1, 1000.0)
# The machine is looked at so often while nothing is said.
_STEP_S = 0.005
_LEAST_SLEEP_S = 1e-4
_WORD = "?speed="


def split_speed(name: str) -> tuple[str, float | None]:
    """The name of a virtual machine, and how fast it is; None for one that does not wait for the clock.

    Raises:
        PortError: for a speed that is none.
    """
    plain, mark, text = name.partition(_WORD)
    if not mark:
        return plain, None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise PortError(f"sim://{name[:60]}: the speed must be {SPEEDS[0]:g} to {SPEEDS[1]:g}.")
    return plain, speed


class PacedTransport(SimulatedTransport):
    """A virtual machine in step with the clock.

    Attributes:
        controller: the virtual machine behind the wire.
    """

    def __init__(
        self,
        name: str,
        machine: MachineProfile,
        speed: float = 1.0,
        controller: VirtualController | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Switches a virtual machine on, or comes to one that is on.

        Args:
            name: of the simulator.
            machine: its profile.
            speed: virtual seconds in one of the clock.
            controller: the machine; None for a new one.
            clock: tells the time in s.
            sleep: lets time pass.

        Raises:
            PortError: if there is no simulator of this name.
        """
        super().__init__(name, machine, controller)
        self.name = f"sim://{name}{_WORD}{speed:g}"
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._begun = (clock(), self.controller.now_s)

    def _due_s(self) -> float:
        """The virtual time that it should be now."""
        clock_s, virtual_s = self._begun
        return virtual_s + (self._clock() - clock_s) * self._speed

    def write(self, data: bytes) -> None:
        """Gives bytes to the virtual machine, as it is by now."""
        self._catch_up(self._due_s())
        super().write(data)

    def read_line(self, timeout_s: float) -> str:
        """The next line that the virtual machine says within ``timeout_s`` of its time."""
        deadline = self.controller.now_s + timeout_s
        while True:
            try:
                # What it has said by now, and what it says until the clock is there.
                left_s = min(deadline, self._due_s()) - self.controller.now_s
                return super().read_line(max(left_s, 0.0))
            except ResponseTimeout:
                if self.controller.now_s >= deadline:
                    raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.") from None
            left_s = (deadline - self.controller.now_s) / self._speed
            self._sleep(min(_STEP_S, max(left_s, _LEAST_SLEEP_S)))

    def _catch_up(self, until_s: float) -> None:
        """Lets the machine do what it had to do by now; what it says is kept for the reader."""
        while not self._closed and self.controller.now_s < until_s:
            self._advance(until_s)
