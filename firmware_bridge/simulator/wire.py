"""A serial wire in virtual time between a host and a virtual controller, with its delays.

Nouns:
    piece     a few bytes on their way, with the time at which they arrive
    latency   of an USB adapter and an operating system, in each direction
    meddler   changes what passes: the plug point of ``faults``
    action    something that happens to the controller at a time

A wire looks like the controller behind it, so that a transport in process, a pty and a TCP port
can use either. With a baud rate b, a byte takes 10 / b seconds, and bytes never overtake.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.virtual import INSTANT_S, VirtualController

# Start bit, eight data bits, stop bit.
BITS_PER_BYTE = 10.0
# Bytes to the machine arrive in pieces so long: finer than a UART's own buffer, cheaper than bytes.
PIECE_BYTES = 3

# A delay in s and the bytes that come after it.
Piece = tuple[float, bytes]


class Meddler(Protocol):
    """What happens to the bytes on a wire."""

    def to_machine(self, data: bytes) -> list[Piece]:
        """What becomes of bytes that the host writes in one go."""
        ...

    def to_host(self, line: bytes) -> list[Piece]:
        """What becomes of one line of the machine, its end included."""
        ...


class Wire:
    """A controller at the end of a wire.

    Attributes:
        controller: the machine behind it.
        meddler: what happens to the bytes, or None.
        broken: True when the host cannot reach the port any more.
    """

    def __init__(
        self, controller: VirtualController, baud_rate: float | None = None, latency_s: float = 0.0
    ) -> None:
        """Puts a wire to a controller.

        Args:
            controller: the machine.
            baud_rate: bits per second, or None for a wire that takes no time.
            latency_s: what adapter and system add in each direction.
        """
        self.controller = controller
        self.meddler: Meddler | None = None
        self.broken = False
        self._byte_s = 0.0 if baud_rate is None else BITS_PER_BYTE / baud_rate
        self._latency_s = latency_s
        self._to_machine: deque[Piece] = deque()
        self._to_host: deque[Piece] = deque()
        self._free_s = [0.0, 0.0]
        self._line = bytearray()
        self._output = bytearray()
        self._actions: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def now_s(self) -> float:
        """The virtual clock."""
        return self.controller.now_s

    def receive(self, data: bytes) -> None:
        """Takes bytes that the host writes now."""
        pieces = [(0.0, data)] if self.meddler is None else self.meddler.to_machine(data)
        for delay_s, piece in pieces:
            self.send_to_machine(piece, delay_s)
        self._pass_on()

    def send_to_machine(self, data: bytes, delay_s: float = 0.0) -> None:
        """Puts bytes on the way to the machine."""
        step = PIECE_BYTES if self._byte_s else max(len(data), 1)
        begin = max(self.now_s + self._latency_s + delay_s, self._free_s[0])
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            begin += len(piece) * self._byte_s
            self._to_machine.append((begin, piece))
        self._free_s[0] = begin

    def send_to_host(self, data: bytes, delay_s: float = 0.0) -> None:
        """Puts bytes on the way to the host."""
        begin = max(self.now_s + delay_s, self._free_s[1]) + len(data) * self._byte_s
        self._free_s[1] = begin
        self._to_host.append((begin + self._latency_s, data))

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Does something at a time of the virtual clock."""
        heapq.heappush(self._actions, (time_s, next(self._order), action))

    def advance(self, until_s: float, stop_at_output: bool = False) -> None:
        """Moves the virtual clock on; see ``VirtualController.advance``."""
        while True:
            self._pass_on()
            if (stop_at_output and self._output) or self.now_s >= until_s:
                return
            target = min(until_s, self._next_own_s())
            self.controller.advance(target, stop_at_output=True)

    def next_event_s(self) -> float:
        """When something happens next by itself; infinite if nothing will."""
        return min(self.controller.next_event_s(), self._next_own_s())

    def idle(self) -> bool:
        """True when nothing more will happen without another byte."""
        return self.controller.idle() and math.isinf(self._next_own_s())

    def has_output(self) -> bool:
        """Whether something has arrived at the host since the last ``take_output``."""
        return bool(self._output)

    def take_output(self) -> bytes:
        """What has arrived at the host since the last call."""
        self._pass_on()
        out = bytes(self._output)
        self._output.clear()
        return out

    def power_cycle(self) -> None:
        """Restarts the controller; what was under way is lost."""
        self.cut()
        self.controller.power_cycle()

    def opened(self) -> None:
        """Somebody opens the port; see ``VirtualController.opened``."""
        if self.controller.board.resets_on_open:
            self.cut()
        self._collect()
        self._line.clear()
        self._output.clear()
        self.controller.opened()

    def cut(self) -> None:
        """Loses all that is under way."""
        self._to_machine.clear()
        self._to_host.clear()
        self._line.clear()
        self._output.clear()

    def recording(self) -> Recording:
        """What the tool has done since power-on."""
        return self.controller.recording()

    def _next_own_s(self) -> float:
        times = [queue[0][0] for queue in (self._to_machine, self._to_host) if queue]
        if self._actions:
            times.append(self._actions[0][0])
        return min(times, default=math.inf)

    def _pass_on(self) -> None:
        """Does all that is due at this instant."""
        while True:
            self._collect()
            due_s = self.now_s + INSTANT_S
            if self._actions and self._actions[0][0] <= due_s:
                heapq.heappop(self._actions)[2]()
            elif self._to_machine and self._to_machine[0][0] <= due_s:
                self.controller.receive(self._to_machine.popleft()[1])
            elif self._to_host and self._to_host[0][0] <= due_s:
                self._output += self._to_host.popleft()[1]
            else:
                return

    def _collect(self) -> None:
        """Takes what the controller has said, line by line."""
        if not self.controller.has_output():
            return
        self._line += self.controller.take_output()
        while (end := self._line.find(b"\n") + 1) > 0:
            line = bytes(self._line[:end])
            del self._line[:end]
            for delay_s, piece in [(0.0, line)] if self.meddler is None else self.meddler.to_host(line):
                self.send_to_host(piece, delay_s)
