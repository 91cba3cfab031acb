"""Streams lines to a machine without ever sending more than it can hold.

Nouns:
    pending   lines that were sent and not yet answered, oldest first
    window    how many bytes may be pending; ``None`` stands for one line at a time
    poll      a status request, a few times a second, to see that the machine lives

The invariant: pending bytes never exceed the window, so the receive buffer cannot
overflow. One line at a time (send-response) is the window of one line. An answer
belongs to the oldest pending line; anything that is not exactly an answer is never
counted as one.

Every wait is bounded by signs of life: an answer, a moving position, a hold that
somebody asked for. A machine that is silent, or that stands idle while an answer
is missing, ends the wait with an error.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.dialects.base import Alarm, Banner, Ok, Realtime, Rejected, Reply, Status
from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    DeviceReset,
    ProgramError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Position, Progress
from firmware_bridge.link import POLL_S, Link, alarm

# No byte at all for so long, despite status requests, means that nobody is there.
SILENCE_S = 5.0
# Idle or moving nowhere for so long without an answer: the answer is lost.
NO_PROGRESS_S = 10.0
# No wait is shorter, so that rounding cannot make the loop spin on a virtual clock.
_LEAST_WAIT_S = 0.001
# States in which the machine rightly does nothing until somebody resumes it.
_WAITING_STATES = ("Hold", "Door")


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How a stream went.

    Attributes:
        lines: lines sent. bytes: bytes sent, line ends included.
        acknowledged: lines that the machine took. errors: lines that it refused.
        stalls: status reports that found the machine idle while lines were left.
        duration_s: from the first byte to the end of the motion, on the transport's clock.
    """

    lines: int
    bytes: int
    acknowledged: int
    errors: int
    stalls: int
    duration_s: float


class Streamer:
    """Sends the lines of one program."""

    def __init__(self, link: Link, window_bytes: int | None) -> None:
        """Prepares a stream.

        Args:
            link: the conversation; nothing may be pending in it.
            window_bytes: bytes that may be pending, or None for one line at a time.
        """
        self.link = link
        self.window_bytes = window_bytes
        self.pending: deque[tuple[int, int]] = deque()  # (line index, bytes)
        self.pending_bytes = 0
        self.peak_pending_bytes = 0
        self.sent = 0
        self.sent_bytes = 0
        self.acknowledged = 0
        self.errors = 0
        self.stalls = 0
        self._lines: Sequence[str] = ()
        self._started_s = 0.0
        self._polled_s = 0.0
        self._heard_s = 0.0
        self._progress_s = 0.0
        self._position: Position | None = None

    def report(self) -> StreamReport:
        """Counts up to now."""
        duration = self.link.now_s() - self._started_s
        return StreamReport(self.sent, self.sent_bytes, self.acknowledged, self.errors, self.stalls, duration)

    def stream(self, lines: Sequence[str]) -> StreamReport:
        """Sends all lines and waits until each is answered (not until the motion ends).

        Raises:
            ProgramError: if a line is longer than the window.
            DeviceRejected: if the machine refuses a line; nothing more is sent then.
            DeviceAlarm: if it raises an alarm.
            DeviceReset: if it restarts.
            ProtocolError: if it answers a line that was not sent.
            ResponseTimeout: if it stays silent or an answer is lost.
            PortError: if the port goes away.
        """
        self._lines = lines
        if self.window_bytes is not None:
            for number, line in enumerate(lines, start=1):
                if len(line) + 1 > self.window_bytes:
                    raise ProgramError(f"Line {number} is longer than the machine's buffer: split it.")
        now = self.link.now_s()
        self._started_s = self._polled_s = self._heard_s = self._progress_s = now
        self._tell_progress()
        while self.sent < len(lines) or self.pending:
            self._fill()
            self._poll_if_due()
            try:
                reply = self.link.read(max(self._polled_s + POLL_S - self.link.now_s(), _LEAST_WAIT_S))
            except ResponseTimeout:
                self._check_alive()
                continue
            self._heard_s = self.link.now_s()
            self._take(reply)
            self._check_alive()
        self._tell_progress()
        return self.report()

    def fits(self, line: str) -> bool:
        """Whether a line may be sent now."""
        if self.window_bytes is None:
            return not self.pending
        return self.pending_bytes + len(line) + 1 <= self.window_bytes

    def _fill(self) -> None:
        while self.sent < len(self._lines) and self.fits(self._lines[self.sent]):
            line = self._lines[self.sent]
            size = len(line) + 1
            # Counted before it is sent: an interrupted write may have sent it.
            self.pending.append((self.sent, size))
            self.pending_bytes += size
            self.peak_pending_bytes = max(self.peak_pending_bytes, self.pending_bytes)
            self.sent += 1
            self.sent_bytes += size
            self.link.send_line(line)

    def _poll_if_due(self) -> None:
        now = self.link.now_s()
        if now - self._polled_s >= POLL_S:
            self._polled_s = now
            self.link.send_realtime(Realtime.STATUS)

    def _take(self, reply: Reply) -> None:
        if isinstance(reply, Ok):
            self._answered()
        elif isinstance(reply, Rejected):
            index = self._answered()
            self.acknowledged -= 1
            self.errors += 1
            raise DeviceRejected(
                f"Line {index + 1} '{self._lines[index][:40]}': error {reply.code}, "
                f"{reply.words}: {reply.cure}."
            )
        elif isinstance(reply, Alarm):
            alarm(reply)
        elif isinstance(reply, Banner):
            raise DeviceReset(
                "The machine restarted in the middle of the drawing: check its power supply and USB cable."
            )
        elif isinstance(reply, Status):
            self._take_status(reply)

    def _answered(self) -> int:
        """Takes the oldest pending line off the list and returns its index."""
        if not self.pending:
            raise ProtocolError(
                "The machine answered a line that was not sent: check the line ends and the cable."
            )
        index, size = self.pending.popleft()
        self.pending_bytes -= size
        self.acknowledged += 1
        self._progress_s = self.link.now_s()
        return index

    def _take_status(self, status: Status) -> None:
        if status.state == "Alarm":
            raise DeviceAlarm("The machine is in an alarm: find its cause, then home or unlock it.")
        if status.state in _WAITING_STATES or self.link.position != self._position:
            self._position = self.link.position
            self._progress_s = self.link.now_s()
        left = len(self._lines) - self.sent
        if status.state == "Idle" and left and self.acknowledged and not self._dwelling_s():
            self.stalls += 1
        self._tell_progress()

    def _tell_progress(self) -> None:
        done, total = self.acknowledged, len(self._lines)
        elapsed = self.link.now_s() - self._started_s
        # The first seconds say nothing: the machine only fills its look-ahead then.
        eta = elapsed * (total - done) / done if done and elapsed > 2.0 else None
        self.link.listener(Progress(done, total, eta))

    def _dwelling_s(self) -> float:
        """Time that the pending lines make the machine wait by themselves."""
        found = (self.link.dialect.dwell.fullmatch(self._lines[index]) for index, _ in self.pending)
        return sum(float(match[1]) for match in found if match)

    def _check_alive(self) -> None:
        now = self.link.now_s()
        if now - self._heard_s > SILENCE_S:
            raise ResponseTimeout(
                f"{self.link.transport.name} was silent for {SILENCE_S:g} s: check the cable and the power."
            )
        if self.pending and now - self._progress_s > NO_PROGRESS_S + self._dwelling_s():
            index = self.pending[0][0]
            raise ResponseTimeout(
                f"Line {index + 1} was never answered though the machine stands still: "
                "an answer was lost on the way; check the cable and send again."
            )
