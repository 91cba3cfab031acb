"""One conversation with a machine: lines out, replies in, and what is known of its state.

Nouns:
    Link     transport and dialect together, with the last known state and work offset
    command  one line, sent alone, whose answer is awaited (never used while streaming)
    number   of a line on the wire, where the firmware counts or names lines
    quiet    a short time without a byte, after which nothing is under way any more

Every reply passes through ``read``, so that an alarm or a restart cannot go unseen,
and only ``Ok`` and ``Rejected`` ever count as answers.

Where a report says that the tool is, in words of the program's frame.

Nouns:
    work     place in the program's frame; machine minus offset
    counts   motor steps that Marlin tells beside the place where it will be: where it is

Marlin's M114 tells where all moves that it has read will end, and after ``Count`` how many steps its
motors have made up to now. At rest both are the same place, which gives the shift between them;
from then on the steps tell where the tool is. Boards that count the motors of another mechanism (A, B)
are left out, since a motor is no axis there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import NoReturn

from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Busy,
    Dialect,
    Facts,
    Framing,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Resend,
    Status,
    Unknown,
    frame,
)
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Notice, Position, StateChange
from firmware_bridge.joint_moves import tool_of_words
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.base import Transport

WorkPosition = tuple[float, float, float]


def place_of(status: Status, offset_mm: tuple[float, ...]) -> WorkPosition | None:
    """The place in a report, or None if it has none."""
    if status.work_mm is not None:
        x, y, z = status.work_mm[:3]
        return x, y, z
    if status.machine_mm is not None:
        x, y, z = (m - o for m, o in zip(status.machine_mm[:3], offset_mm[:3], strict=True))
        return x, y, z
    return None


class Counts:
    """Motor steps as a place."""

    def __init__(self, status: Status, steps_per_mm: WorkPosition) -> None:
        """Learns the shift from a report at rest.

        Raises:
            ValueError: if it tells no steps, or no place.
        """
        self._steps_per_mm = steps_per_mm
        here, work = self._native(status), status.work_mm
        if here is None or work is None:
            raise ValueError("the report tells no steps")
        self._shift = tuple(w - h for w, h in zip(work[:3], here, strict=True))

    def place(self, status: Status) -> WorkPosition | None:
        """Where the tool is by the steps of a report; None if it tells none."""
        here = self._native(status)
        if here is None:
            return None
        x, y, z = (h + s for h, s in zip(here, self._shift, strict=True))
        return x, y, z

    def _native(self, status: Status) -> WorkPosition | None:
        text = status.fields.get("Count")
        if text is None:
            return None
        try:
            x, y, z = (float(n) / s for n, s in zip(text.split(","), self._steps_per_mm, strict=True))
        except ValueError:
            return None
        return x, y, z


def steps_per_mm(settings: Mapping[str, float]) -> WorkPosition | None:
    """Steps of each axis as the machine told them (``M92``), or None if it did not: a guess may be wrong."""
    told = [settings.get(f"M92 {axis}", 0.0) for axis in "XYZ"]
    return (told[0], told[1], told[2]) if all(n > 0.0 for n in told) else None


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
# The uArm's error of a full queue.
_QUEUE_FULL = 23
# A line that arrives damaged so often will not arrive.
MOST_RESENDS = 10

Listener = Callable[[Event], None]


def _ignore(event: Event) -> None:
    del event


def _ignore_status(status: Status) -> None:
    del status


class Link:
    """Transport and dialect together.

    Attributes:
        state: the last state the machine reported, such as ``Run`` or ``Hold:0``.
        offset_mm: machine minus work position, as last reported.
        listener: gets the events.
        surplus: answers that came while no line was under way.
        next_number: number of the next line, where lines are numbered.
        facts: what the machine told about itself.
        feeding: False while somebody wants no further line to be sent.
        restarted: whether the machine has greeted though nobody reset it: it may have lost its place.
        lowest_pen: the lowest that the pen goes in this drawing, or None if that is not known.
        on_status: is told every report, after it was noted.
        counts: reads motor steps as a place, where the machine tells them; see ``learn_counts``.
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
        self.next_number = 1
        self.facts = Facts()
        self.feeding = True
        self.restarted = False
        self.lowest_pen: float | None = None
        self.on_status: Callable[[Status], None] = _ignore_status
        self.counts: Counts | None = None
        self._last_status: Status | None = None

    def now_s(self) -> float:
        """The transport's clock."""
        return self.transport.now_s()

    def send_line(self, line: str) -> int:
        """Sends one line as it is, without number, and returns its length in bytes."""
        data = line.encode("ascii") + b"\n"
        self.transport.write(data)
        return len(data)

    def framed(self, number: int, line: str) -> bytes:
        """A line as it goes over the wire."""
        return frame(self.dialect.framing, number, line)

    def send_framed(self, number: int, line: str) -> None:
        """Sends one line under a number."""
        self.transport.write(self.framed(number, line))

    def hears(self, what: Realtime) -> bool:
        """Whether the machine takes such a request at once."""
        return what in self.dialect.realtime

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
        elif isinstance(reply, Ok):
            if reply.status is not None:
                self._note(reply.status)
        elif isinstance(reply, Banner):
            self.restarted = True
        elif isinstance(reply, Message):
            self.listener(Notice(f"The machine says: {reply.text}."))
        elif isinstance(reply, Unknown):
            self.listener(Notice(f"The machine sent a line that is not understood: {reply.text[:60]!r}."))
        return reply

    def _note(self, status: Status) -> None:
        if status.offset_mm is not None:
            self.offset_mm = status.offset_mm
        self._last_status = status
        work = place_of(status, self.offset_mm)
        if work is not None:
            servo = self.machine.pen_actuator == "servo"
            pen = (status.spindle or 0.0) if servo else work[2]
            x_mm, y_mm = tool_of_words((work[0], work[1]), self.machine)
            position = Position(x_mm, y_mm, pen)
            if position != self.position:
                self.position = position
                self.listener(position)
        if status.state and status.label != self.state:
            before, self.state = self.state, status.label
            self.listener(StateChange(before, status.label))
        self.on_status(status)

    def place_of(self, status: Status) -> WorkPosition | None:
        """Where the tool is by a report, in words of the controller: by its motor steps, if it tells them."""
        return self.counts.place(status) if self.counts else place_of(status, self.offset_mm)

    def learn_counts(self) -> None:
        """Makes use of motor steps from now on, if the last report told some; the machine must be at rest."""
        self.counts = None
        steps = steps_per_mm(self.facts.settings)
        if self._last_status is not None and steps is not None:
            with contextlib.suppress(ValueError):
                self.counts = Counts(self._last_status, steps)

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

    def quiet(self, seconds: float = QUIET_S) -> list[Reply]:
        """Reads until nothing has come for so long; answers that come belong to nobody."""
        heard: list[Reply] = []
        while True:
            try:
                heard.append(self.read(seconds))
            except ResponseTimeout:
                return heard

    def enter(self, state: str) -> None:
        """Notes a state that the machine does not report by itself."""
        if state != self.state:
            before, self.state = self.state, state
            self.listener(StateChange(before, state))

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
        number = self.next_number
        self.next_number += 1
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
        self.send_framed(last, f"M110 N{last}")
        self.quiet()

    def rise_mm(self, pen: float) -> float:
        """How far to lift a z pen whose place was lost, so that it ends at least at a value.

        Counted from the lowest place of the drawing, but not beyond the end of the axis.
        """
        box = self.machine.envelope
        last = pen if self.position is None else self.position.pen
        lowest = last if self.lowest_pen is None else min(self.lowest_pen, last)
        if not box.pen_min <= last <= box.pen_max:  # a damaged report
            last = lowest
        return max(min(pen - lowest, box.pen_max - last), 0.0)

    def _is_of_a_rest(self, reply: Rejected) -> bool:
        """Whether an error without a name is that of half a line which an earlier program left.

        Where lines have names, only a full queue is told without one.
        """
        return self.dialect.framing is Framing.NAMED and reply.code != _QUEUE_FULL

    def _after_rejection(self) -> None:
        """After an error: grblHAL repeats it until it has seen an empty line."""
        if self.facts.firmware.startswith("grblHAL"):
            self.send_line("")
            self.quiet()


def alarm(reply: Alarm) -> NoReturn:
    """Raises the alarm as an error."""
    number = f" {reply.code}" if reply.code else ""
    raise DeviceAlarm(f"Alarm{number}: {reply.words}: {reply.cure}.")
