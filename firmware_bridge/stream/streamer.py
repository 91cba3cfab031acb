"""Streams lines to a machine without ever sending more than it can hold.

Nouns:
    pending   lines that were sent and not yet answered, oldest first (``send_window``)
    window    how many lines and bytes may be pending
    poll      a status request, a few times a second, to see that the machine lives and where it is
    aside     such a request as a line between the others, for a firmware that takes no other

The invariant: what is pending never exceeds the window, so no buffer can overflow. One
line at a time (send-response) is the window of one line. An answer belongs to the oldest
pending line, or to the one that it names; anything that is not exactly an answer is never
counted as one.

Where lines are numbered, a lost answer does no harm: when nothing comes any more, a probe tells
what was taken (``retransmit``). Elsewhere the place where the machine stands may tell it
(``lost_answers``); where nothing does, the stream ends, so that no line can be missing because a
doubled answer hid its loss.

Every wait is bounded by signs of life (``watchdog``). A machine that is silent, or that stands
idle while an answer is missing, ends the wait with an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.dialects.base import (
    ONE_LINE,
    Alarm,
    Banner,
    Busy,
    Framing,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Resend,
    Status,
    Unknown,
    Waiting,
    WindowSize,
)
from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    DeviceReset,
    ProgramError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Notice, Progress
from firmware_bridge.gcode.reader import ToolpathStep
from firmware_bridge.gcode.words import Line, file_line
from firmware_bridge.stream.link import POLL_S, Link, alarm, require_moved
from firmware_bridge.stream.locator import Locator
from firmware_bridge.stream.lost_answers import LostAnswers, Verdict
from firmware_bridge.stream.position_monitor import PositionMonitor
from firmware_bridge.stream.retransmit import Retransmission
from firmware_bridge.stream.send_window import SendWindow, as_it_is
from firmware_bridge.stream.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How a stream went.

    Attributes:
        lines: lines sent. bytes: bytes sent, line ends and repetitions included.
        acknowledged: lines that the machine took. errors: lines that it refused.
        stalls: status reports that found the machine idle while lines were left.
        duration_s: from the first byte to the end of the motion, on the transport's clock.
        resends: how often the machine asked for lines again.
        trim: what was added to the pen's value on the paper at the end, in its units.
    """

    lines: int
    bytes: int
    acknowledged: int
    errors: int
    stalls: int
    duration_s: float
    resends: int = 0
    trim: float = 0.0

    def plus(self, more: StreamReport) -> StreamReport:
        """The counts of this stream and of one that followed it."""
        return StreamReport(
            self.lines + more.lines,
            self.bytes + more.bytes,
            self.acknowledged + more.acknowledged,
            self.errors + more.errors,
            self.stalls + more.stalls,
            self.duration_s + more.duration_s,
            self.resends + more.resends,
            more.trim,
        )


class Follower(Protocol):
    """Is told how a stream goes, shapes its lines as they go out, and may end it by raising.

    Attributes:
        held: whether no further line is to be sent for now.
    """

    held: bool

    def before(self, index: int) -> None:
        """This line will be sent."""
        ...

    def shaped(self, index: int, line: Line) -> Line:
        """What a line looks like if it is sent now."""
        ...

    def sent(self, index: int, line: Line) -> ToolpathStep | None:
        """This line was sent, in this shape; what it makes the tool do, or None if it was sent before."""
        ...

    def taken(self, count: int) -> None:
        """So many lines were answered, none left out."""
        ...

    def check(self) -> None:
        """Time to end the stream, or to tell the machine something past its lines?"""
        ...

    def progress(self, done: int, total: int) -> Progress:
        """How far the drawing is when so many lines of this stream were answered."""
        ...


# The authors of GRBL allow for ten reports a second, and recommend five.
SHORT_POLL_S = 0.1
# Questions between the lines that may be under way at once; they take places of lines.
_MOST_ASIDES = 2
# A machine that stands at the end of the last line sent has read all of it: no answer follows a report.
_SURELY_IDLE_S = 0.5
# No wait is shorter, so that rounding cannot make the loop spin on a virtual clock.
_LEAST_WAIT_S = 0.001
# States in which lines are read and nothing moves.
_UNMOVED_STATES = ("Check", "Sleep")
_NOT_SENT = "The machine answered a line that was not sent: check the line ends and the cable."


class Streamer:
    """Sends the lines of one program.

    Attributes:
        send_window: which lines are under way, taken, or next.
        again: what the machine asks for again.
        watchdog: how long it waits.
        lost: what can be told where answers are missing; None where numbers or nothing tell it.
        errors, stalls: see ``StreamReport``.
        missed: whether an answer was missed, of those that may be.
    """

    def __init__(
        self,
        link: Link,
        window: WindowSize,
        monitor: PositionMonitor | None = None,
        follower: Follower | None = None,
        locator: Locator | None = None,
        may_miss: bool = False,
    ) -> None:
        """Prepares a stream.

        Args:
            link: the conversation; nothing may be pending in it.
            window: what may be pending.
            monitor: is told the steps that the follower reads, and reports; raises when the tool goes
                astray.
            follower: is told how it goes, shapes lines, and may end it.
            locator: reads places out of reports; by default without motor steps.
            may_miss: whether an answer may be lost where the machine tells that it is idle: the lines only
                wait for that.
        """
        self.link = link
        self._follower = follower
        self.monitor = monitor
        self._may_miss = may_miss
        self.missed = False
        self.manners = link.dialect.manners
        self.locator = locator or Locator(link)
        self.base = link.next_number
        shape = as_it_is if follower is None else follower.shaped
        self.send_window = SendWindow(
            window, lambda entry, text: len(link.framed(self.base + entry, text)), shape
        )
        self.again = Retransmission(link, self.base, self.send_window)
        self.watchdog = Watchdog(link, self.send_window, self._held)
        self.lost: LostAnswers | None = None
        if monitor is not None and follower is not None and link.dialect.framing is Framing.PLAIN:
            self.lost = LostAnswers(link.machine, monitor.reader, link.state.facts.rx_bytes)
        self.errors = 0
        self.stalls = 0
        # Of a firmware that takes requests in line: the entry that followed each that is not answered.
        self._polls: deque[int] = deque()
        self._started_s = 0.0
        self._polled_s = 0.0

    @property
    def resends(self) -> int:
        """How often the machine asked for lines again."""
        return self.again.count

    def report(self) -> StreamReport:
        """Counts up to now."""
        box, duration = self.send_window, self.link.now_s() - self._started_s
        return StreamReport(
            box.line_of(box.sent),
            box.sent_bytes,
            box.acknowledged,
            self.errors,
            self.stalls,
            duration,
            self.resends,
        )

    def stream(self, lines: Sequence[Line]) -> StreamReport:
        """Sends all lines and waits until each is answered (not until the motion ends).

        Raises:
            ProgramError: if a line is longer than the window.
            DeviceRejected: if the machine refuses a line; nothing more is sent then.
            DeviceAlarm: if it raises an alarm.
            DeviceReset: if it restarts.
            ProtocolError: if it answers a line that was not sent, or a line never arrives whole.
            ResponseTimeout: if it stays silent or an answer is lost.
            PortError: if the port goes away.
        """
        box = self.send_window
        box.lines = lines
        if box.window.bytes is not None:
            for index, line in enumerate(lines):
                if len(self.link.framed(self.base + index, line)) > box.window.bytes:
                    raise ProgramError(
                        f"Line {file_line(line, index)} is longer than the machine's buffer: split it."
                    )
        self._started_s = self._polled_s = self.link.now_s()
        self.watchdog.begin()
        self._tell_progress()
        while not (box.done() and self._verified()):
            if self._follower is not None:
                self._follower.taken(box.taken_lines())
                self._follower.check()
            self._fill()
            self._poll_if_due()
            try:
                reply = self.link.read(self._wait_s())
            except ResponseTimeout:
                self._check_alive()
                continue
            self.watchdog.heard(idle_word=isinstance(reply, Waiting))
            self._take(reply)
            self._check_alive()
        if self.manners.asks_again:
            self.link.quiet()
        if self._follower is not None:
            self._follower.taken(len(lines))
        self._tell_progress()
        return self.report()

    # -- sending ---------------------------------------------------------------------------------

    def _held(self) -> bool:
        return self._follower is not None and self._follower.held

    def _fill(self) -> None:
        if self.link.now_s() < self.again.quiet_until_s:
            return
        box = self.send_window
        while not self._held() and box.fits() and not self._waits_for_all():
            self.again.wire_was_quiet()
            aside = box.is_aside(box.next)
            if self._follower is not None and not aside:
                self._follower.before(box.line_of(box.next))
            # Booked before it is sent: an interrupted write may have sent it.
            entry = box.take_next()
            text = box.text(entry)
            self.link.use_number(self.base + entry)
            if not aside and self._follower is not None:
                step = self._follower.sent(box.line_of(entry), text)
                if self.monitor is not None and step is not None:
                    self.monitor.sent(box.line_of(entry), step)
                    if self.lost is not None:
                        self.lost.sent(entry, text, step)
            self.link.send_framed(self.base + entry, text)

    def _waits_for_all(self) -> bool:
        """Whether all that is under way is to be answered first, so that a missing answer is seen soon."""
        return self.lost is not None and self.lost.wants_rest and bool(self.send_window.pending)

    def _poll_named(self) -> None:
        """Asks an arm for its place, past its queue, if the bytes before leave room."""
        box, size = self.send_window, len(self.link.dialect.realtime[Realtime.STATUS])
        # The window leaves room for one.
        if box.window.bytes is None or box.pending_bytes + size * len(self._polls) > box.window.bytes:
            return
        self._polls.append(box.next)
        box.reserved_bytes = size * (len(self._polls) - 1)
        self.link.send_realtime(Realtime.STATUS)

    def _poll_answered(self, before: int | None = None) -> None:
        """The oldest request was answered, or all that went out before an entry that was."""
        while self._polls and (before is None or self._polls[0] <= before):
            self._polls.popleft()
            if before is None:
                break
        size = len(self.link.dialect.realtime.get(Realtime.STATUS, b""))
        self.send_window.reserved_bytes = size * max(len(self._polls) - 1, 0)

    def _verified(self) -> bool:
        """Whether the machine has every line; asks it once all are answered."""
        if not self.manners.asks_again or not self.send_window.lines:
            return True
        if not (self.again.complete or self.again.probing):
            self._probe()
        return self.again.complete

    def _probe(self) -> None:
        self.watchdog.asked()
        self.again.probe()

    def _wait_s(self) -> float:
        now = self.link.now_s()
        until = self._polled_s + self._poll_every_s()
        if now < self.again.quiet_until_s:
            until = min(until, self.again.quiet_until_s)
        return max(until - now, _LEAST_WAIT_S)

    def _poll_every_s(self) -> float:
        """Short lines are looked at twice as often, since a detour of theirs is soon over."""
        done = self.send_window.acknowledged
        short = done > 0 and (self.link.now_s() - self._started_s) / done < POLL_S
        return SHORT_POLL_S if short and not self.manners.query_takes_room else POLL_S

    def _poll_if_due(self) -> None:
        now = self.link.now_s()
        if now - self._polled_s < self._poll_every_s():
            return
        self._polled_s = now
        if not self.link.hears(Realtime.STATUS):
            self._ask_between()
            self._tell_progress()
        elif not self.manners.query_takes_room:
            self._ask()
        elif not self._polls:
            self._poll_named()
        else:
            self._tell_progress()  # otherwise the report does

    def _ask(self) -> None:
        """Asks for a report, past the lines."""
        if self.lost is not None:
            self.lost.asked(self.send_window)
        self.link.send_realtime(Realtime.STATUS)

    def _ask_between(self) -> None:
        """Asks where the motors are, by a line between the others, where its answer tells that."""
        box = self.send_window
        if self._follower is None or not self.locator.by_counts or box.window == ONE_LINE:
            return
        if sum(sent.aside for sent in box.pending) < _MOST_ASIDES:
            box.put_aside(self.link.dialect.commands["status"])

    # -- hearing ---------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        if isinstance(reply, Ok):
            if not self.again.swallows_ok():
                self._take_ok(reply)
            return
        self.again.other_reply()
        if isinstance(reply, Rejected):
            self._take_rejected(reply)
        elif isinstance(reply, Resend):
            self.again.asked(reply.number - self.base)
            self.watchdog.answered()
        elif isinstance(reply, Busy):
            self.watchdog.busy()
        elif isinstance(reply, Alarm):
            alarm(reply)
        elif isinstance(reply, Banner):
            raise DeviceReset(
                "The machine restarted in the middle of the drawing: check its power supply and USB cable."
            )
        elif isinstance(reply, Message | Unknown):
            require_moved([reply])
            if self.lost is not None and isinstance(reply, Unknown):
                self.lost.heard(reply.text)
        elif isinstance(reply, Status):
            self._poll_answered()
            self.again.placed()
            self._take_status(reply)

    def _take_ok(self, reply: Ok) -> None:
        if self.again.probe_answered():
            self.watchdog.answered()
            return
        entry = None if reply.number is None else reply.number - self.base
        if self.send_window.answered(entry) is None:
            if self.manners.surplus_is_loss:
                raise ProtocolError(_NOT_SENT)
            self.link.count_surplus()
            return
        if entry is not None:
            self._poll_answered(entry)
        if self.lost is not None:
            self.lost.answered(self.send_window)
        self.again.answered()
        self.watchdog.answered()

    def _take_rejected(self, reply: Rejected) -> None:
        box = self.send_window
        entry = box.answered(None if reply.number is None else reply.number - self.base)
        if entry is None:
            if self.manners.surplus_is_loss:
                raise ProtocolError(_NOT_SENT)
            raise DeviceRejected(f"Error {reply.code}, {reply.words}: {reply.cure}.")
        box.acknowledged -= 1
        self.errors += 1
        raise DeviceRejected(
            f"Line {file_line(box.text(entry), box.line_of(entry))} '{box.text(entry)[:40]}': "
            f"error {reply.code}, "
            f"{reply.words}: {reply.cure}."
        )

    def _take_status(self, status: Status) -> None:
        if status.state == "Alarm":
            raise DeviceAlarm("The machine is in an alarm: find its cause, then home or unlock it.")
        self.watchdog.reported(status)
        self.locator.mind_rest(status, len(self.send_window.pending) > 1)
        self._watch_place(status)
        box = self.send_window
        if self.lost is not None and (drawn := self.lost.reported(status, box)):
            self._book(drawn, self.lost)
        left = box.entries - box.sent
        if left and status.state == "Idle" and box.acknowledged and not self.watchdog.dwelling_s():
            self.stalls += 1
        self._tell_progress()

    def _watch_place(self, status: Status) -> None:
        """Raises if the tool is where no line leads it; a doubtful report is followed by another."""
        if self.monitor is None or status.state in _UNMOVED_STATES:
            return
        if not self.locator.is_current:
            return
        self.monitor.taken(self.send_window.taken_lines())
        self.monitor.reported(self.locator.place(status))
        if self.monitor.doubtful:
            self._polled_s = self.link.now_s()
            if self.manners.query_takes_room:
                self._poll_named()
            elif self.link.hears(Realtime.STATUS):
                self._ask()
            else:
                self._ask_between()

    def _tell_progress(self) -> None:
        done, total = self.send_window.acknowledged, len(self.send_window.lines)
        if self._follower is None:
            self.link.tell(Progress(done, total, None))
        else:
            self.link.tell(self._follower.progress(done, total))

    def _check_alive(self) -> None:
        if self.lost is not None and self.watchdog.idle(_SURELY_IDLE_S) and self._goes_on(self.lost):
            return
        if self.watchdog.idle():
            if not self._may_miss:
                self.watchdog.lost_answer()
            self.send_window.all_answered()
            self.watchdog.answered()
            self.missed = True
            return
        bound_s = self.watchdog.silent_s(self.again.probing)
        if bound_s is None:
            return
        if self.manners.asks_again and self.again.may_probe():
            self.link.tell(Notice("An answer is missing: asking the machine which line it wants."))
            self._probe()
            return
        raise ResponseTimeout(
            f"{self.link.transport.name} was silent for {bound_s:g} s: check the cable and the power."
        )

    def _goes_on(self, lost: LostAnswers) -> bool:
        """Whether it is certain what became of the lines whose answers are missing, and they are seen to."""
        box, status = self.send_window, self.link.state.status
        if status is None:
            return False
        found = lost.judge(status, self.locator.place(status), box)
        if found is Verdict.TAKEN:
            self._book(len(box.pending), lost)
        elif found is Verdict.NOT_TAKEN and self.watchdog.idle():
            entry = box.pending[0].index
            lost.sent_again(entry)
            box.rewind(entry)
            self.watchdog.answered()
            self.link.tell(Notice("A line was lost on the way: sending it again from where the tool stands."))
        else:
            return False
        return True

    def _book(self, count: int, lost: LostAnswers) -> None:
        """The oldest lines under way were drawn, though not answered."""
        for _ in range(count):
            self.send_window.answered()
        lost.answered(self.send_window)
        self.watchdog.answered()
        self.link.tell(
            Notice("An answer was lost on the way; by its report the machine has drawn all of it.")
        )
