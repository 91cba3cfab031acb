"""Streams lines to a machine without ever sending more than it can hold.

Nouns:
    pending   lines that were sent and not yet answered, oldest first
    window    how many lines and bytes may be pending
    poll      a status request, a few times a second, to see that the machine lives
    resend    the machine asks to hear again from a line on, since one came damaged
    probe     a numbered line that is too early on purpose: the machine refuses it and names the
              line that it wants next, which is how far it has come

The invariant: what is pending never exceeds the window, so no buffer can overflow. One
line at a time (send-response) is the window of one line. An answer belongs to the oldest
pending line, or to the one that it names; anything that is not exactly an answer is never
counted as one.

After a resend nothing is sent until the wire has been quiet, since every line that was
under way makes the machine ask again. Where lines are numbered, a lost answer does no
harm either: when nothing comes any more, a probe tells what was taken. Another one ends the
stream, so that no last line can be missing because a doubled answer hid its loss.

Every wait is bounded by signs of life: an answer, a moving position, a word that the
machine is busy, a hold that somebody asked for. A machine that is silent, or that stands
idle while an answer is missing, ends the wait with an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.dialects.base import (
    ONE_LINE,
    Alarm,
    Banner,
    Busy,
    Framing,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Resend,
    Status,
    Waiting,
    Window,
)
from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    DeviceReset,
    ProgramError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Position, Progress, Warning
from firmware_bridge.link import BUSY_LIMIT_S, MOST_RESENDS, POLL_S, QUIET_S, Link, alarm
from firmware_bridge.outbox import Outbox
from firmware_bridge.watch import Watch

# No byte at all for so long, despite status requests, means that nobody is there.
SILENCE_S = 5.0
# A machine that does not say when it is busy may be silent for one long move.
LONG_SILENCE_S = 60.0
# How far the number of a probe lies beyond the last line.
_EARLY = 1000
# A probe may be damaged on the way, as any line.
MOST_PROBES = 3
# Idle or moving nowhere for so long without an answer: the answer is lost.
NO_PROGRESS_S = 10.0
# No wait is shorter, so that rounding cannot make the loop spin on a virtual clock.
_LEAST_WAIT_S = 0.001
# States in which the machine rightly does nothing until somebody resumes it.
_WAITING_STATES = ("Hold", "Door")
# States in which lines are read and nothing moves.
_UNMOVED_STATES = ("Check", "Sleep")
_NOT_SENT = "The machine answered a line that was not sent: check the line ends and the cable."


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How a stream went.

    Attributes:
        lines: lines sent. bytes: bytes sent, line ends and repetitions included.
        acknowledged: lines that the machine took. errors: lines that it refused.
        stalls: status reports that found the machine idle while lines were left.
        duration_s: from the first byte to the end of the motion, on the transport's clock.
        resends: how often the machine asked for lines again.
    """

    lines: int
    bytes: int
    acknowledged: int
    errors: int
    stalls: int
    duration_s: float
    resends: int = 0

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
        )


class Follower(Protocol):
    """Is told how a stream goes, and may end it by raising."""

    def before(self, index: int) -> None:
        """This line will be sent."""
        ...

    def sent(self, index: int) -> None:
        """This line was sent."""
        ...

    def taken(self, count: int) -> None:
        """So many lines were answered, none left out."""
        ...

    def check(self) -> None:
        """Time to end the stream?"""
        ...


class Streamer:
    """Sends the lines of one program.

    Attributes:
        outbox: which lines are under way, taken, or next.
        errors, stalls, resends: see ``StreamReport``.
    """

    def __init__(
        self, link: Link, window: Window, watch: Watch | None = None, follower: Follower | None = None
    ) -> None:
        """Prepares a stream.

        Args:
            link: the conversation; nothing may be pending in it.
            window: what may be pending.
            watch: is told lines and reports, and raises when the tool goes astray.
            follower: is told how it goes, and may end it.
        """
        self.link = link
        self._follower = follower
        self.watch = watch
        self.framing = link.dialect.framing
        self.base = link.next_number
        self.outbox = Outbox(window, lambda index, line: len(link.framed(self.base + index, line)))
        self.errors = 0
        self.stalls = 0
        self.resends = 0
        self._resent_index = -1
        self._resent_times = 0
        self._after_resend = False
        self._quiet_until_s = 0.0
        self._probing = False
        self._probe_answered = False
        self._probes = 0
        self._complete = False
        self._waiting = False
        self._poll_open = False
        self._stood_until_s = 0.0
        self._started_s = 0.0
        self._polled_s = 0.0
        self._heard_s = 0.0
        self._progress_s = 0.0
        self._answer_s = 0.0
        self._position: Position | None = None
        self._held_s: float | None = None

    def report(self) -> StreamReport:
        """Counts up to now."""
        box, duration = self.outbox, self.link.now_s() - self._started_s
        return StreamReport(
            box.sent, box.sent_bytes, box.acknowledged, self.errors, self.stalls, duration, self.resends
        )

    def stream(self, lines: Sequence[str]) -> StreamReport:
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
        box = self.outbox
        box.lines = lines
        if box.window.bytes is not None:
            for index in range(len(lines)):
                if box.size(index) > box.window.bytes:
                    raise ProgramError(f"Line {index + 1} is longer than the machine's buffer: split it.")
        now = self.link.now_s()
        self._started_s = self._polled_s = self._heard_s = self._progress_s = self._answer_s = now
        self._tell_progress()
        while not (box.done() and self._verified()):
            if self._follower is not None:
                self._follower.taken(box.pending[0].index if box.pending else box.next)
                self._follower.check()
            self._fill()
            self._poll_if_due()
            try:
                reply = self.link.read(self._patience_s())
            except ResponseTimeout:
                self._check_alive()
                continue
            self._waiting = isinstance(reply, Waiting)
            if not self._waiting:  # which is a sign of life, but not one to be patient for
                self._heard_s = self.link.now_s()
            self._take(reply)
            self._check_alive()
        self.link.next_number = self.base + len(lines)
        if self.framing is Framing.NUMBERED:
            self.link.quiet()
        if self._follower is not None:
            self._follower.taken(len(lines))
        self._tell_progress()
        return self.report()

    # -- sending ---------------------------------------------------------------------------------

    def _fill(self) -> None:
        if self.link.now_s() < self._quiet_until_s:
            return
        while self.link.feeding and self.outbox.fits():
            self._after_resend = False  # the wire was quiet: the answer to the request will not come
            if self._follower is not None:
                self._follower.before(self.outbox.next)
            # Booked before it is sent: an interrupted write may have sent it.
            index = self.outbox.take_next()
            self.link.next_number = max(self.link.next_number, self.base + index + 1)
            if self.watch is not None:
                self.watch.sent(index, self.outbox.lines[index])
            if self._follower is not None:
                self._follower.sent(index)
            self.link.send_framed(self.base + index, self.outbox.lines[index])

    def _probe(self) -> None:
        """Asks a machine that counts lines which one it wants next."""
        self._probing = True
        self._heard_s = self.link.now_s()
        early = self.base + len(self.outbox.lines) + _EARLY
        self.link.send_framed(early, self.link.dialect.commands["status"])

    def _verified(self) -> bool:
        """Whether the machine has every line; asks it once all are answered."""
        if self.framing is not Framing.NUMBERED or not self.outbox.lines:
            return True
        if not (self._complete or self._probing):
            self._probe()
        return self._complete

    def _patience_s(self) -> float:
        now = self.link.now_s()
        until = self._polled_s + POLL_S
        if now < self._quiet_until_s:
            until = min(until, self._quiet_until_s)
        return max(until - now, _LEAST_WAIT_S)

    def _poll_if_due(self) -> None:
        now = self.link.now_s()
        if now - self._polled_s < POLL_S:
            return
        self._polled_s = now
        if self.link.hears(Realtime.STATUS) and (self.framing is Framing.PLAIN or not self._poll_open):
            self._poll_open = True
            self.link.send_realtime(Realtime.STATUS)
        else:
            self._tell_progress()  # otherwise the report does

    # -- hearing ---------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        after_resend, self._after_resend = self._after_resend, False
        if isinstance(reply, Ok):
            if after_resend and self.link.facts.ok_after_resend:
                return  # it belongs to the request, not to a line
            self._take_ok(reply)
        elif isinstance(reply, Rejected):
            self._take_rejected(reply)
        elif isinstance(reply, Resend):
            self._after_resend = True
            self._take_resend(reply.number - self.base)
        elif isinstance(reply, Busy):
            self._progress_s = self.link.now_s()
        elif isinstance(reply, Alarm):
            alarm(reply)
        elif isinstance(reply, Banner):
            raise DeviceReset(
                "The machine restarted in the middle of the drawing: check its power supply and USB cable."
            )
        elif isinstance(reply, Status):
            self._poll_open = False
            self._stood_until_s = self.link.now_s()
            self._probe_answered = self._probing
            self._take_status(reply)

    def _take_ok(self, reply: Ok) -> None:
        now = self.link.now_s()
        if self._probe_answered:  # by a machine that does not count lines
            self._probe_answered = False
            self._take_probe(self.outbox.next)
            return
        index = None if reply.number is None else reply.number - self.base
        if self.outbox.answered(index) is None:
            if self.framing is Framing.PLAIN:
                raise ProtocolError(_NOT_SENT)
            self.link.surplus += 1  # numbers keep the order, so an answer too many does no harm
            return
        self._probes = 0
        self._progress_s = self._answer_s = now

    def _take_rejected(self, reply: Rejected) -> None:
        index = self.outbox.answered(None if reply.number is None else reply.number - self.base)
        if index is None:
            if self.framing is Framing.PLAIN:
                raise ProtocolError(_NOT_SENT)
            raise DeviceRejected(f"Error {reply.code}, {reply.words}: {reply.cure}.")
        self.outbox.acknowledged -= 1
        self.errors += 1
        raise DeviceRejected(
            f"Line {index + 1} '{self.outbox.lines[index][:40]}': error {reply.code}, "
            f"{reply.words}: {reply.cure}."
        )

    def _take_resend(self, index: int) -> None:
        if not 0 <= index <= self.outbox.sent:
            raise ProtocolError(
                f"The machine asks for line number {index + self.base}, which this drawing does not have: "
                "reset it and draw again."
            )
        if self._probing:
            self._take_probe(index)
            return
        now = self.link.now_s()
        again = now < self._quiet_until_s and index == self._resent_index
        if not again:  # otherwise a line that was under way already
            self.resends += 1
            self._resent_times = self._resent_times + 1 if index == self._resent_index else 1
            self._resent_index = index
            if self._resent_times > MOST_RESENDS:
                raise ProtocolError(
                    f"Line {index + 1} arrives damaged each time: check the cable and the baud rate."
                )
        self.outbox.rewind(index)
        if self.outbox.window == ONE_LINE:  # it took the one line under way, and said so in this way
            self.outbox.all_answered()
        self._quiet_until_s = now + QUIET_S
        self._progress_s = self._answer_s = now

    def _take_probe(self, index: int) -> None:
        """The machine wants the line of this index next, so it has all before it."""
        self._probing = False
        self._probes = 0
        if index < self.outbox.next:
            self.resends += 1
        self.outbox.rewind(index)
        self.outbox.all_answered()
        self._complete = self.outbox.done()
        now = self.link.now_s()
        self._quiet_until_s = now + QUIET_S
        self._progress_s = self._answer_s = now

    def _take_status(self, status: Status) -> None:
        if status.state == "Alarm":
            raise DeviceAlarm("The machine is in an alarm: find its cause, then home or unlock it.")
        if status.state in _WAITING_STATES or self.link.position != self._position:
            self._position = self.link.position
            self._progress_s = self.link.now_s()
        self._watch_hold(status)
        self._watch_place(status)
        box = self.outbox
        left = len(box.lines) - box.sent
        if status.state == "Idle" and left and box.acknowledged and not self._dwelling_s():
            self.stalls += 1
        self._tell_progress()

    def _watch_hold(self, status: Status) -> None:
        """Bounds a hold that nobody here asked for: a button, an open door, or noise on the wire."""
        if status.state not in _WAITING_STATES or not self.link.feeding:
            self._held_s = None
            return
        now = self.link.now_s()
        if self._held_s is None:
            self._held_s = now
            self.link.listener(
                Warning(f"The machine holds ({status.label}) by itself: close its door, and resume it.")
            )
        elif now - self._held_s > BUSY_LIMIT_S:
            raise ResponseTimeout(
                f"The machine held for {BUSY_LIMIT_S:.0f} s ({status.label}) by itself: find why and redraw."
            )

    def _watch_place(self, status: Status) -> None:
        """Raises if the tool is where no line leads it; a doubtful report is followed by another."""
        if self.watch is None or self.framing is Framing.NUMBERED or status.state in _UNMOVED_STATES:
            return
        self.watch.taken(self.outbox.acknowledged)
        self.watch.reported(status, self.link.offset_mm)
        if self.watch.doubtful:
            self._polled_s = self.link.now_s()
            self.link.send_realtime(Realtime.STATUS)

    def _tell_progress(self) -> None:
        done, total = self.outbox.acknowledged, len(self.outbox.lines)
        elapsed = self.link.now_s() - self._started_s
        # The first seconds say nothing: the machine only fills its look-ahead then.
        eta = elapsed * (total - done) / done if done and elapsed > 2.0 else None
        self.link.listener(Progress(done, total, eta))

    # -- patience --------------------------------------------------------------------------------

    def _dwelling_s(self) -> float:
        """Time that the pending lines make the machine wait by themselves."""
        dialect, lines = self.link.dialect, self.outbox.lines
        found = (dialect.dwell.fullmatch(lines[sent.index]) for sent in self.outbox.pending)
        return sum(float(match[1]) * dialect.dwell_unit_s for match in found if match)

    def _check_alive(self) -> None:
        now = self.link.now_s()
        polled = self.link.hears(Realtime.STATUS) and self.framing is Framing.PLAIN
        if not (self.outbox.pending or polled or self._probing):
            self._heard_s = self._progress_s = self._answer_s = now  # nothing is awaited
            return
        bound = SILENCE_S
        if not polled:
            bound += self._dwelling_s()
            if not (self.link.facts.keepalive or self._probing or self._waiting):
                bound += LONG_SILENCE_S
        if now - self._heard_s > bound:
            self._silent(bound)
        # The dwells of pending lines are looked for only where they can make a difference.
        unanswered_s = now - self._answer_s - BUSY_LIMIT_S
        if (
            self.outbox.pending
            and unanswered_s > 0.0
            and not self._held()
            and unanswered_s > self._dwelling_s()
        ):
            self._lost_answer()
        # What counts is the time up to which something was heard: a silent machine may be moving.
        stood_s = (now if polled else self._stood_until_s) - self._progress_s
        counted = self.framing is not Framing.NUMBERED  # there a probe finds what was lost
        too_long = stood_s > NO_PROGRESS_S and stood_s > NO_PROGRESS_S + self._dwelling_s()
        if counted and self.outbox.pending and too_long:
            self._lost_answer()

    def _held(self) -> bool:
        """Whether the machine rightly does nothing."""
        return self.link.state.startswith(_WAITING_STATES)

    def _silent(self, bound_s: float) -> None:
        """Nothing was heard for too long: probes where that can help, and gives up otherwise."""
        if self.framing is Framing.NUMBERED and self._probes < MOST_PROBES:
            self._probes += 1
            self.link.listener(Warning("An answer is missing: asking the machine which line it wants."))
            self._probe()
            return
        raise ResponseTimeout(
            f"{self.link.transport.name} was silent for {bound_s:g} s: check the cable and the power."
        )

    def _lost_answer(self) -> None:
        index = self.outbox.pending[0].index
        raise ResponseTimeout(
            f"Line {index + 1} was never answered though the machine stands still: "
            "an answer was lost on the way; check the cable and send again."
        )
