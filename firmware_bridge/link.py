"""One conversation with a machine: lines out, replies in, and what is known of its state.

Nouns:
    Link     transport and dialect together, with the last known state and work offset
    command  one line, sent alone, whose answer is awaited (never used while streaming)

Every reply passes through ``read``, so that an alarm or a restart cannot go unseen,
and only ``Ok`` and ``Rejected`` ever count as answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Dialect,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Status,
    Unknown,
)
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Position, StateChange, Warning
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.base import Transport

# A machine that is alive answers a status request within milliseconds.
STATUS_TIMEOUT_S = 2.0
# Firmware authors ask for no more than five status requests a second.
POLL_S = 0.25
# How long one awaited command may take, motion apart.
COMMAND_TIMEOUT_S = 5.0

Listener = Callable[[Event], None]


def _ignore(event: Event) -> None:
    del event


class Link:
    """Transport and dialect together.

    Attributes:
        state: the last state the machine reported, such as ``Run`` or ``Hold:0``.
        offset_mm: machine minus work position, as last reported.
        listener: gets the events.
        surplus: answers that came while no line was under way.
    """

    def __init__(self, transport: Transport, dialect: Dialect, machine: MachineProfile) -> None:
        self.transport = transport
        self.dialect = dialect
        self.machine = machine
        self.state = ""
        self.offset_mm: tuple[float, ...] = (0.0, 0.0, 0.0)
        self.position: Position | None = None
        self.listener: Listener = _ignore
        self.surplus = 0

    def now_s(self) -> float:
        """The transport's clock."""
        return self.transport.now_s()

    def send_line(self, line: str) -> int:
        """Sends one line and returns its length in bytes, the line end included."""
        data = line.encode("ascii") + b"\n"
        self.transport.write(data)
        return len(data)

    def send_realtime(self, what: Realtime) -> None:
        """Sends a realtime byte, which acts at once and is not answered."""
        self.transport.write(self.dialect.realtime[what])

    def read(self, timeout_s: float) -> Reply:
        """The next reply; notes states and positions and tells the listener.

        Raises:
            ResponseTimeout: if none came in time.
            PortError: if the port went away.
        """
        deadline = self.now_s() + timeout_s
        while True:
            text = self.transport.read_line(max(deadline - self.now_s(), 0.0))
            if text:  # blank lines carry nothing
                break
        reply = self.dialect.parse(text)
        if isinstance(reply, Status):
            self._note(reply)
        elif isinstance(reply, Message):
            self.listener(Warning(f"The machine says: {reply.text}."))
        elif isinstance(reply, Unknown):
            self.listener(Warning(f"The machine sent a line that is not understood: {reply.text[:60]!r}."))
        return reply

    def _note(self, status: Status) -> None:
        if status.offset_mm is not None:
            self.offset_mm = status.offset_mm
        work = status.work_mm
        if work is None and status.machine_mm is not None:
            work = tuple(m - o for m, o in zip(status.machine_mm, self.offset_mm, strict=False))
        if work is not None:
            servo = self.machine.pen_actuator == "servo"
            pen = (status.spindle or 0.0) if servo else work[2]
            position = Position(work[0], work[1], pen)
            if position != self.position:
                self.position = position
                self.listener(position)
        if status.label != self.state:
            before, self.state = self.state, status.label
            self.listener(StateChange(before, status.label))

    def poll(self, timeout_s: float = STATUS_TIMEOUT_S) -> Status:
        """Asks for a status report and waits for it. Not for use while lines are under way.

        Raises:
            ResponseTimeout: if the machine stays silent.
            DeviceAlarm: if it raises an alarm meanwhile.
        """
        self.send_realtime(Realtime.STATUS)
        deadline = self.now_s() + timeout_s
        while True:
            try:
                reply = self.read(deadline - self.now_s())
            except ResponseTimeout as cause:
                raise ResponseTimeout(
                    f"{self.transport.name} does not answer a status request: check power and cable."
                ) from cause
            if isinstance(reply, Status):
                return reply
            if isinstance(reply, Alarm):
                alarm(reply)
            if isinstance(reply, Ok | Rejected):
                self.surplus += 1

    def pause(self, seconds: float) -> None:
        """Lets time pass on the transport's clock; replies that come are noted."""
        deadline = self.now_s() + seconds
        while self.now_s() < deadline:
            try:
                reply = self.read(deadline - self.now_s())
            except ResponseTimeout:
                return
            if isinstance(reply, Ok | Rejected):
                self.surplus += 1

    def command(self, line: str, timeout_s: float = COMMAND_TIMEOUT_S) -> list[Reply]:
        """Sends one line and waits for its answer.

        Returns:
            The replies that came before the ``ok``.

        Raises:
            DeviceRejected: if the machine refuses the line.
            DeviceAlarm: if it raises an alarm instead.
            ProtocolError: if it restarts instead.
            ResponseTimeout: if no answer comes in time.
        """
        self.send_line(line)
        deadline = self.now_s() + timeout_s
        before: list[Reply] = []
        while True:
            try:
                reply = self.read(deadline - self.now_s())
            except ResponseTimeout as cause:
                raise ResponseTimeout(
                    f"No answer to '{line}' within {timeout_s:g} s: reset the machine."
                ) from cause
            if isinstance(reply, Ok):
                return before
            if isinstance(reply, Rejected):
                raise DeviceRejected(f"'{line}': error {reply.code}, {reply.words}: {reply.cure}.")
            if isinstance(reply, Alarm):
                alarm(reply)
            if isinstance(reply, Banner):
                raise ProtocolError(f"The machine restarted instead of answering '{line}': try again.")
            before.append(reply)


def alarm(reply: Alarm) -> NoReturn:
    """Raises the alarm as an error."""
    raise DeviceAlarm(f"Alarm {reply.code}: {reply.words}: {reply.cure}.")
