"""One conversation with a machine: lines out, replies in, and what is known of its state.

Nouns:
    Link     a wire with the state that its replies tell
    command  one line, sent alone, whose answer is awaited (never used while streaming)
    quiet    a short time without a byte, after which nothing is under way any more
    listener is told events, watcher every report; both only for as long as a ``with`` lasts

Every reply passes through ``read``, so that an alarm or a restart cannot go unseen,
and only ``Ok`` and ``Rejected`` ever count as answers. ``read`` alone writes the state.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Busy,
    Dialect,
    Facts,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Resend,
    Status,
    Unknown,
)
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, PlaceLost, ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Notice, StateChange
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.machine_state import MachineState, heard, with_offset
from firmware_bridge.stream.wire import Wire
from firmware_bridge.transports.base import Transport

# A machine that is alive answers a status request within milliseconds.
STATUS_TIMEOUT_S = 2.0
# Firmware authors ask for no more than five status requests a second.
POLL_S = 0.25
# How long one awaited command may take, motion apart.
COMMAND_TIMEOUT_S = 5.0
# A machine that says it is busy is believed for so long, homing a large one included.
BUSY_LIMIT_S = 600.0
# No byte for so long means that nothing is under way: at 115200 baud a full buffer takes 0.02 s.
QUIET_S = 0.1
# A line that arrives damaged so often will not arrive.
MOST_RESENDS = 10

Listener = Callable[[Event], None]
Watcher = Callable[[Status], None]


class Link(Wire):
    """A wire with the state that its replies tell.

    Attributes:
        machine: the profile.
    """

    def __init__(self, transport: Transport, dialect: Dialect, machine: MachineProfile) -> None:
        super().__init__(transport, dialect)
        self.machine = machine
        self._state = MachineState()
        self._listeners: list[Listener | None] = [None]
        self._watchers: list[Watcher | None] = [None]
        self._surplus = 0
        self._resetting = False

    @property
    def state(self) -> MachineState:
        """What the machine has told up to now."""
        return self._state

    @property
    def surplus(self) -> int:
        """How many answers came, up to now, while no line was under way."""
        return self._surplus

    # -- who is told -----------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Tells the listener."""
        if self._listeners[-1] is not None:
            self._listeners[-1](event)

    @contextmanager
    def listening(self, listener: Listener | None) -> Iterator[None]:
        """Tells events to this listener, or to nobody, for a while."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.pop()

    @contextmanager
    def watching(self, watcher: Watcher | None) -> Iterator[None]:
        """Tells every report to this watcher, after it was noted, for a while."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.pop()

    # -- what is known ---------------------------------------------------------------------------

    def learn(self, facts: Facts) -> None:
        """Notes what answers to questions said of the machine; for ``control`` alone, which asks them."""
        self._state = dataclasses.replace(self._state, facts=facts)

    def learn_offset(self, offset_mm: tuple[float, ...]) -> None:
        """Notes the work offset that answers to questions said; for ``control`` alone."""
        self._state = with_offset(self._state, offset_mm, self.machine)

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """A greeting that comes meanwhile was asked for."""
        self._resetting = True
        try:
            yield
        finally:
            self._resetting = False

    def read(self, timeout_s: float) -> Reply:
        """The next reply; notes what it tells of the machine and tells the listener.

        Raises:
            ResponseTimeout: if none came in time.
            PortError: if the port went away.
        """
        reply = self.read_reply(timeout_s)
        if isinstance(reply, Status) and self._state.facts.reports_inches:
            reply = reply.from_inches()
        before = self._state
        self._state = heard(before, reply, self.machine, self._resetting)
        if isinstance(reply, Status) or (isinstance(reply, Ok) and reply.status is not None):
            self._tell_report(before)
        elif isinstance(reply, Message):
            self.tell(Notice(f"The machine says: {reply.text}."))
        elif isinstance(reply, Unknown):
            self.tell(Notice(f"The machine sent a line that is not understood: {reply.text[:60]!r}."))
        return reply

    def _tell_report(self, before: MachineState) -> None:
        now = self._state
        if now.position is not None and now.position != before.position:
            self.tell(now.position)
        if now.label != before.label:
            self.tell(StateChange(before.label, now.label))
        if self._watchers[-1] is not None and now.status is not None:
            self._watchers[-1](now.status)

    def enter(self, label: str) -> None:
        """Notes a state that the machine does not report by itself, but has shown by its answers."""
        if label != self._state.label:
            before, self._state = self._state, dataclasses.replace(self._state, label=label)
            self.tell(StateChange(before.label, label))

    def count_surplus(self) -> None:
        """An answer came that nobody waited for."""
        self._surplus += 1

    def poll(self, timeout_s: float = STATUS_TIMEOUT_S) -> Status:
        """Asks for a status report and waits for it. Not for use while lines are under way.

        Raises:
            ResponseTimeout: if the machine stays silent.
            DeviceAlarm: if it raises an alarm meanwhile.
        """
        if not self.hears(Realtime.STATUS):
            found = [r for r in self.command(self.dialect.commands["status"]) if isinstance(r, Status)]
            if not found:
                raise ProtocolError(f"{self.transport.name} does not say where it stands: check the dialect.")
            return found[-1]
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
                self.count_surplus()

    def pause(self, seconds: float) -> None:
        """Lets time pass on the transport's clock; replies that come are noted."""
        deadline = self.now_s() + seconds
        while self.now_s() < deadline:
            try:
                reply = self.read(deadline - self.now_s())
            except ResponseTimeout:
                return
            if isinstance(reply, Ok | Rejected):
                self.count_surplus()

    def quiet(self, seconds: float = QUIET_S) -> list[Reply]:
        """Reads until nothing has come for so long; answers that come belong to nobody."""
        heard: list[Reply] = []
        while True:
            try:
                heard.append(self.read(seconds))
            except ResponseTimeout:
                return heard

    def command(self, line: str, timeout_s: float = COMMAND_TIMEOUT_S) -> list[Reply]:
        """Sends one line and waits for its answer.

        Returns:
            The replies that came before the ``ok``, and what the ``ok`` brought along.

        Raises:
            DeviceRejected: if the machine refuses the line.
            DeviceAlarm: if it raises an alarm instead.
            ProtocolError: if it restarts instead, or the line never arrives undamaged.
            ResponseTimeout: if no answer comes in time.
        """
        number = self.take_numbers()
        self.send_framed(number, line)
        begin = self.now_s()
        deadline = begin + timeout_s
        before: list[Reply] = []
        resends = 0
        while True:
            try:
                reply = self.read(deadline - self.now_s())
            except ResponseTimeout as cause:
                raise ResponseTimeout(
                    f"No answer to '{line}' within {self.now_s() - begin:.0f} s: reset the machine."
                ) from cause
            if isinstance(reply, Ok):
                if reply.number in (None, number):
                    return [*before, reply.status] if reply.status is not None else before
            elif isinstance(reply, Rejected):
                if reply.number == number or (reply.number is None and not self._is_of_a_rest(reply)):
                    self._after_rejection()
                    raise DeviceRejected(f"'{line}': error {reply.code}, {reply.words}: {reply.cure}.")
            elif isinstance(reply, Busy):
                deadline = min(self.now_s() + timeout_s, begin + BUSY_LIMIT_S)
            elif isinstance(reply, Resend):
                resends += 1
                if resends > MOST_RESENDS:
                    raise ProtocolError(
                        f"'{line}' arrives damaged each time: check the cable and the baud rate."
                    )
                self.quiet()
                if reply.number <= number:
                    if reply.number < number:  # it lost count, though nothing else is under way
                        self.renumber(number - 1)
                    self.send_framed(number, line)
            elif isinstance(reply, Alarm):
                alarm(reply)
            elif isinstance(reply, Banner):
                raise ProtocolError(f"The machine restarted instead of answering '{line}': try again.")
            else:
                before.append(reply)

    def renumber(self, last: int) -> None:
        """Tells the machine which number the last line had."""
        self.send_framed(last, f"{self.dialect.commands['number']}{last}")
        self.quiet()

    def _is_of_a_rest(self, reply: Rejected) -> bool:
        """Whether an error without a name is that of half a line which an earlier program left."""
        known = self.dialect.manners.nameless_errors
        return known is not None and reply.code not in known

    def _after_rejection(self) -> None:
        """After an error, which some firmware repeats until it has seen an empty line."""
        if self.state.facts.repeats_error:
            self.send_line("")
            self.quiet()


# What a board says that moves no axis before it was homed (Marlin's NO_MOTION_BEFORE_HOMING).
_HOME_FIRST = re.compile(r"Home [XYZ]+ First")


def require_moved(replies: Sequence[Reply]) -> None:
    """Passes the replies to a line that moves something.

    Raises:
        PlaceLost: if the machine says that it moves nothing before it is homed.
    """
    texts = [reply.text for reply in replies if isinstance(reply, Message | Unknown)]
    if any(_HOME_FIRST.search(text) for text in texts):
        raise PlaceLost(
            "The machine moves nothing before it is homed, so the pen may be down: "
            "home it, or lift it by hand."
        )


def alarm(reply: Alarm) -> NoReturn:
    """Raises the alarm as an error."""
    number = f" {reply.code}" if reply.code else ""
    raise DeviceAlarm(f"Alarm{number}: {reply.words}: {reply.cure}.")
