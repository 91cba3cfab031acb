"""One drawing under way: how far it is, and what somebody wants of it meanwhile.

Nouns:
    segment   lines that are streamed in one go: the whole program, or what is left after a stop
    request   pause, or cancel; the stream ends at once, and the device stops and lifts the pen
    stopping  the machine slows down; the place where it comes to rest is where it goes on

A pause in the middle of a stroke: no further line is sent, the machine slows down on its path
(GRBL: feed hold; others draw the few lines that they have taken), its place is noted, a reset
forgets what was under way, the pen is lifted straight up. To go on is ``resume_program``
from that place, as after any other stop.
"""

from __future__ import annotations

from collections.abc import Sequence

from firmware_bridge.course import steps
from firmware_bridge.dialects.base import Framing, Status
from firmware_bridge.errors import Cancelled
from firmware_bridge.events import Warning
from firmware_bridge.journal import Journal, Place, Tracker
from firmware_bridge.kinematics.joints import controller_words
from firmware_bridge.link import Link
from firmware_bridge.machine import MachineProfile
from firmware_bridge.resume import OVERLAP_MM, Restart, resume_program

_MOVING = ("Run", "Hold", "Door")


class PauseRequest(Exception):
    """Ends a stream, since somebody wants a pause; never leaves the device."""


class Drawing:
    """Follows one drawing and its requests.

    Attributes:
        lines: the program.
        tracker: how far the machine surely is.
        paused: whether a pause is wanted or under way.
        cancelled: whether the end is wanted.
        restart: how the segment under way began, or None for the whole program.
        on_the_way: whether the machine was ever reported on the way of the lines that were sent.
    """

    def __init__(
        self, link: Link, lines: Sequence[str], machine: MachineProfile, journal: Journal | None = None
    ) -> None:
        self.lines = lines
        self.paused = False
        self.cancelled = False
        self.restart: Restart | None = None
        self.on_the_way = False
        self._link = link
        self._machine = machine
        self._journal = journal
        self.tracker = Tracker(machine.as_controller(), link.facts.planner_blocks)
        self._dry = False
        self._stopping = False
        self._stood = False
        self._journal_told = False
        self._head = 0  # lines of the segment that are not the program's own
        self._first = 0  # index of the program's line that follows them

    # -- segments --------------------------------------------------------------------------------

    def segment(self) -> list[str]:
        """The lines to stream, after the approach."""
        if self.restart is None:
            return list(self.lines)
        return [*self.restart.entry, *self.restart.tail(self.lines)]

    def begin(self, restart: Restart) -> None:
        """Prepares to go on from a place."""
        self.restart = restart
        self.tracker.start_at(restart.begin, self.lines, restart.pen)
        self._head, self._first = len(restart.entry), restart.rest
        if restart.begin.share > 0.0:  # what is left of that line is in the entry
            self.tracker.sent(self.lines[restart.begin.line])

    def go_on_from(self, overlap_mm: float = OVERLAP_MM) -> Restart:
        """How to go on from where everything is surely drawn."""
        return resume_program(
            self.lines, self._machine, self.tracker.bound, overlap_mm, self.tracker.sent_lines
        )

    def sent_before(self, bound: Place, may_sent: int) -> None:
        """An earlier stream sent the lines below ``may_sent``, of which those before ``bound`` are drawn."""
        self.tracker.start_at(bound, self.lines, None)
        for line in self.lines[bound.line : may_sent]:
            self.tracker.sent(line)

    # -- what the streamer tells -----------------------------------------------------------------

    def before(self, index: int) -> None:
        """Line ``index`` of the segment will be sent."""
        if self._journal is not None and not self._dry:
            self._journal.may_send(self._program_index(index) + 1, len(self.lines))

    def sent(self, index: int) -> None:
        """Line ``index`` of the segment was sent; one that is sent again counts once."""
        at = self._program_index(index)
        if not self._dry and index >= self._head and at == self.tracker.sent_lines:
            self.tracker.sent(self.lines[at])

    def taken(self, count: int) -> None:
        """So many lines of the segment were answered."""
        if not self._dry and count >= self._head:
            self.tracker.taken(self._program_index(count))
            self._note()

    def reported(self, status: Status) -> None:
        """The machine told where it is."""
        link = self._link
        if self._dry or self._stood or link.position is None:
            return
        if self._stopping and link.dialect.framing is Framing.PLAIN and status.state not in _MOVING:
            return  # after the reset: it is being lifted
        if not self._stopping and link.dialect.framing is Framing.NUMBERED:
            return  # where it will be, not where it is
        self._stood = self._stopping and link.dialect.framing is not Framing.PLAIN
        self.on_the_way = self.tracker.reported(*self.here()) or self.on_the_way
        self._note()

    def check(self) -> None:
        """Ends the stream if somebody wants it.

        Raises:
            PauseRequest: for a pause.
            Cancelled: for the end.
        """
        if self.cancelled:
            raise Cancelled("The drawing was cancelled and the pen is up: strokebot resume goes on with it.")
        if self.paused:
            raise PauseRequest

    def dry(self, dry: bool) -> None:
        """Whether the machine is on its way to the place, with the pen up."""
        self._dry = dry

    def stop(self) -> None:
        """From now on the machine slows down."""
        self._stopping, self._stood = True, False

    def stopped(self) -> None:
        """The machine stands with the pen up."""
        self._stopping = False

    def lowest_pen(self) -> float | None:
        """The lowest that the pen of the program goes, or None if it never says."""
        pens = [step.points[-1][2] for step in steps(self.lines, self._machine.as_controller())]
        return min((pen for pen in pens if pen == pen), default=None)

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()

    def here(self) -> tuple[float, float, float]:
        """Where the machine says it is, in words of its controller."""
        position = self._link.position
        if position is None:
            return (float("nan"),) * 3
        x, y = position.x_mm, position.y_mm
        if self._machine.raw_joints:
            x, y = (float(v) for v in controller_words([[x, y]], self._machine)[0])  # type: ignore[arg-type]
        return x, y, position.pen

    # -- the journal -----------------------------------------------------------------------------

    def event(self, event: str, **more: object) -> None:
        """Writes a change of state."""
        if self._journal is not None:
            t = self.tracker
            self._journal.event(event, self._link.now_s(), t.taken_lines, t.bound, self._known(), **more)
            self._warn_once()

    def _note(self) -> None:
        if self._journal is not None:
            t = self.tracker
            self._journal.progress(self._link.now_s(), t.taken_lines, t.bound, self._known())
            self._warn_once()

    def _known(self) -> tuple[float, float, float] | None:
        p = self._link.position
        return None if p is None else (p.x_mm, p.y_mm, p.pen)

    def _warn_once(self) -> None:
        if self._journal is not None and self._journal.failed and not self._journal_told:
            self._journal_told = True
            self._link.listener(
                Warning(
                    f"The journal cannot be written ({self._journal.failed}): this drawing cannot be resumed."
                )
            )

    def _program_index(self, index: int) -> int:
        return self._first + index - self._head if index >= self._head else max(self._first - 1, 0)
