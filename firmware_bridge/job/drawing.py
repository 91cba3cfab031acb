"""One drawing under way: how far it is, and what somebody wants of it meanwhile.

Nouns:
    segment   lines that are streamed in one go: the whole program, or what is left after a stop
    request   pause, or cancel; the stream ends at once, and the device stops and lifts the pen
    stopping  the machine slows down; the place where it comes to rest is where it goes on

A pause in the middle of a stroke: no further line is sent, the machine slows down on its path
(GRBL: feed hold; others draw the few lines that they have taken), its place is noted, a reset
forgets what was under way, the pen is lifted straight up. To go on is ``resume_program``
from that place, as after any other stop.

What somebody changes while a machine draws: its speed, and how deep the pen goes.

Nouns:
    step   of the pen: 0.05 mm of a z axis, a fiftieth of a servo's way, up or down
    away   lines that were sent and are not drawn: a change by lines is felt after them
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property

from firmware_bridge.dialects.base import Status
from firmware_bridge.errors import Cancelled
from firmware_bridge.events import Adjusted, Notice, Progress
from firmware_bridge.gcode.reader import ToolpathReader, ToolpathStep, steps
from firmware_bridge.gcode.stops import stop_word, without_stop
from firmware_bridge.gcode.words import Line, parse
from firmware_bridge.job.eta import EtaTable, Pace
from firmware_bridge.job.feed_override import FeedOverride
from firmware_bridge.job.pen_trim import PenTrim, TrimmedLines
from firmware_bridge.job.resume import OVERLAP_MM, Restart, resume_program
from firmware_bridge.journal import Journal, ProgressPoint, ProgressTracker
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link, Listener
from firmware_bridge.stream.locator import Locator

PEN_STEP_MM = 0.05
_SERVO_STEP_SHARE = 0.02
# A trim is a correction: half of the way between paper and travel at most.
_GREATEST_SHARE = 0.5


class Adjustments:
    """The changes of one drawing.

    Attributes:
        speed: how fast it is drawn.
        shaper: how its lines go out.
    """

    def __init__(
        self, link: Link, lines: Sequence[Line], machine: MachineProfile, journal: Journal | None
    ) -> None:
        self._link = link
        self._machine = machine
        self._journal = journal
        self.speed = FeedOverride(link)
        self.shaper = PenTrim(lines, machine, lambda: self.schedule.pen_up)

    @cached_property
    def schedule(self) -> EtaTable:
        """The planned times; the program is read when somebody first asks."""
        return EtaTable(self.shaper.lines, self._machine.as_controller())

    @cached_property
    def _pace(self) -> Pace:
        return Pace(self.schedule)

    @property
    def pen_step(self) -> float:
        """One step upwards, in pen units."""
        plan = self.schedule
        up = math.copysign(1.0, plan.pen_up - plan.pen_far)
        if self._machine.pen_actuator == "z":
            return up * PEN_STEP_MM
        step = _SERVO_STEP_SHARE * abs(plan.pen_up - plan.pen_far)
        return up * max(round(step), 1)

    def restore(self, changes: Sequence[tuple[int, float]]) -> None:
        """Takes over the trims of a journal."""
        for line, trim in changes:
            self.shaper.change(line, trim)

    def set_speed(self, percent: int, tracker: ProgressTracker) -> None:
        """Draws at another speed from now on, or from the lines on that are not sent."""
        self.speed.set(percent)
        self._tell(0 if self.speed.at_once else _away(tracker))

    def move_pen(self, steps: int, tracker: ProgressTracker, resting: bool) -> None:
        """Draws with the pen so many steps higher, from the lines on that are not sent.

        Args:
            steps: upwards.
            tracker: how far the drawing is.
            resting: whether it is paused: then all that is not surely drawn will be sent anew.
        """
        plan = self.schedule
        if not plan.is_plain or plan.pen_up != plan.pen_up or plan.pen_up == plan.pen_far:
            self._link.tell(
                Notice("The pen cannot be trimmed here: this file counts in steps, in inches or never lifts.")
            )
            return
        most = _GREATEST_SHARE * abs(plan.pen_up - plan.pen_far)
        wanted = self.shaper.trim + steps * self.pen_step
        box = self._machine.envelope
        trim = min(max(wanted, -most), most)
        trim = min(max(trim, box.pen_min - plan.pen_far), box.pen_max - plan.pen_far)
        trim = round(trim, 6)
        if trim == self.shaper.trim:
            self._link.tell(Notice("The pen is trimmed as far as its range allows."))
            return
        line = tracker.bound.line if resting else tracker.sent_lines
        line = self.shaper.change(line, trim).line
        # In the journal before any line is sent in the new shape.
        if self._journal is not None:
            self._journal.trim(line, trim)
        self._tell(0 if resting else _away(tracker))

    def progress(self, done: int, total: int, tracker: ProgressTracker) -> Progress:
        """How far the drawing is, with the time left."""
        left_s, share = self._pace.look(self._link.now_s(), tracker.bound, self.speed.percent / 100)
        return Progress(done, total, left_s, share)

    def rest(self) -> None:
        """The drawing rests."""
        self._pace.rest()

    def _tell(self, away: int) -> None:
        self._link.tell(Adjusted(self.speed.percent, self.shaper.trim, away))


def _away(tracker: ProgressTracker) -> int:
    return max(tracker.sent_lines - tracker.bound.line, 0)


_MOVING = ("Run", "Hold", "Door")
_STANDING = ("Hold:0", "Door:0", "Door:1")


class PauseRequest(Exception):
    """Ends a stream, since somebody wants a pause; never leaves the device."""


class Drawing:
    """Follows one drawing and its requests.

    Attributes:
        lines: the program, as its lines go out.
        adjust: speed and trim of the pen.
        tracker: how far the machine surely is.
        paused: whether a pause is wanted or under way.
        held: whether no further line is to be sent for now.
        toolpath: what is in force after the last line sent, and where it leads.
        locator: reads places out of reports.
        cancelled: whether the end is wanted.
        restart: how the segment under way began, or None where it has no beginning of its own.
        asked: whether the program waits for a person (M0).
        trouble: why the pen cannot be lifted and put back in the middle of this program, or empty.
        exact: whether the place where it came to rest is the only one on its way that it can be.
        on_the_way: whether the machine was ever reported on the way of the lines that were sent.
    """

    def __init__(
        self, link: Link, lines: Sequence[Line], machine: MachineProfile, journal: Journal | None = None
    ) -> None:
        self.adjust = Adjustments(link, lines, machine, journal)
        self.lines: Sequence[Line] = TrimmedLines(self.adjust.shaper)
        self.paused = False
        self.held = False
        self.cancelled = False
        self.asked = False
        self.trouble = ""
        self.exact = False
        self.restart: Restart | None = None
        self.on_the_way = False
        self._link = link
        self._machine = machine
        self._journal = journal
        self.toolpath = ToolpathReader(machine.as_controller())
        self.locator = Locator(link)
        self.tracker = ProgressTracker(machine.as_controller(), link.state.facts.planner_blocks)
        self._last_sent = -1  # index in the segment
        self._dry = self._away = False
        self._resting = False
        self._stopping = False
        self._stood = False
        self._journal_told = False
        self._muted = False
        self.last_place: tuple[float, float, float] | None = None  # the last report on the way
        self._seen = ProgressPoint(0)  # the bound at that report
        self._before_was_fed = False
        self._stop = -1  # index of the line that ends the segment by a stop for a person
        self._head = 0  # lines of the segment that are not the program's own
        self._first = 0  # index of the program's line that follows them
        self.told_to: Listener | None = None  # who wants to know how far it is

    # -- segments --------------------------------------------------------------------------------

    def segment(self) -> Sequence[Line]:
        """The lines to stream, after the approach."""
        self._last_sent = -1
        entry = () if self.restart is None else self.restart.entry
        self._stop = self._next_stop(self._first)
        if self._stop < 0:
            return self.lines if not entry and not self._first else [*entry, *self.lines[self._first :]]
        end = self._stop + bool(without_stop(self.lines[self._stop]))
        return [*entry, *self.lines[self._first : end]]

    def _next_stop(self, begin: int) -> int:
        """Index of the next line that stops for a person; -1 if there is none."""
        return next((i for i in range(begin, len(self.lines)) if stop_word(self.lines[i])), -1)

    def stop_reached(self) -> tuple[int, str] | None:
        """The line that ended the segment by a stop for a person, and its word; None at the end."""
        return None if self._stop < 0 else (self._stop, stop_word(self.lines[self._stop]))

    def pass_stop(self) -> None:
        """Goes on behind that line, from where the machine stands."""
        if self.tracker.sent_lines == self._stop:  # nothing of it was sent
            step = self.toolpath.take(parse(""))
            self.tracker.sent(dataclasses.replace(step, index=self._stop))
        self._head, self._first, self.restart = 0, self._stop + 1, None
        self.tracker.taken(self._first)
        self.tracker.at_rest()
        self._resting = False

    def begin(self, restart: Restart) -> None:
        """Prepares to go on from a place."""
        self.restart = restart
        self._seen = restart.begin
        self.exact = False
        self._resting = False
        self.adjust.speed.forgotten()
        self._read_to(restart.begin.line)
        self.tracker.start_at(restart.begin, restart.pen)
        self._head, self._first = len(restart.entry), restart.rest
        if restart.begin.share > 0.0:  # what is left of that line is in the entry
            self.tracker.sent(self.toolpath.copy().take(self.lines[restart.begin.line]))
        for line in restart.approach:
            self.toolpath.take(line)

    def go_on_from(self, overlap_mm: float = OVERLAP_MM) -> Restart:
        """How to go on from where everything is surely drawn."""
        return resume_program(
            self.lines,
            self._machine,
            self.tracker.bound,
            overlap_mm,
            # Where it came to rest in one place alone, nothing beyond that was drawn.
            self.tracker.bound.line if self.exact else self.tracker.sent_lines,
        )

    def sent_before(self, bound: ProgressPoint, may_sent: int) -> None:
        """An earlier stream sent the lines below ``may_sent``, of which those before ``bound`` are drawn."""
        self._read_to(bound.line)
        self._before_was_fed = self.toolpath.feed_per_s > 0.0
        self.tracker.start_at(bound, None)
        self._seen = bound
        for line in self.lines[bound.line : may_sent]:
            self.tracker.sent(self.toolpath.take(line))

    def _read_to(self, line: int) -> None:
        """Reads all lines before one anew."""
        self.toolpath = ToolpathReader(self._machine.as_controller())
        for text in self.lines[:line]:
            self.toolpath.take(text)

    @property
    def was_fed(self) -> bool:
        """Whether a feed is surely in force on a machine that drew the lines before the bound."""
        return self._before_was_fed

    def keep_frame(self, offset_mm: tuple[float, ...] | None, chosen: str) -> None:
        """The lines count from this work frame."""
        if self._journal is not None:
            self._journal.frame(offset_mm, chosen)

    def count_from(self, offset_mm: tuple[float, ...] | None) -> None:
        """Places of reports are meant in the frame of this offset, whatever the machine has now."""
        self.locator = Locator(self._link, offset_mm=offset_mm)

    def mute(self, muted: bool) -> None:
        """While muted, nothing goes into the journal: what the machine tells may be a false place."""
        self._muted = muted

    def at_rest(self) -> None:
        """The machine stands, and has just told where."""
        self.locator = Locator(self._link, at_rest=True)
        status = self._link.state.status
        place = None if status is None else self._here(status)
        if place is not None and self.restart is None:
            self.tracker.stands_at(place)

    @property
    def how_to_go_on(self) -> str:
        """What whoever stopped the drawing can do next; empty where no journal is kept."""
        return "" if self._journal is None else "; strokebot resume goes on with it"

    # -- what the streamer tells -----------------------------------------------------------------

    def before(self, index: int) -> None:
        """Line ``index`` of the segment will be sent."""
        if self._journal is not None and not self._dry:
            self._journal.may_send(self._program_index(index) + 1, len(self.lines))

    def shaped(self, index: int, line: Line) -> Line:
        """Line ``index`` of the segment as it goes out now."""
        if self._dry:
            return line
        if index >= self._head:
            at = self._program_index(index)
            line = without_stop(self.lines[at]) if at == self._stop else self.lines[at]
            if self.restart is not None:
                line = self.restart.begins(at, line)
        return self.adjust.speed.shaped(line, self.toolpath)

    def sent(self, index: int, line: Line) -> ToolpathStep | None:
        """Line ``index`` of the segment was sent; one that is sent again counts once."""
        if self._dry:
            return None
        self.adjust.speed.sent(line)
        if index <= self._last_sent:
            return None
        self._last_sent = index
        step = self.toolpath.take(line)
        if self.toolpath.trouble:
            self.tracker.stands_at(None)
        if index >= self._head:
            at = self._program_index(index)
            self.tracker.sent(step if step.index == at else dataclasses.replace(step, index=at))
        return step

    def taken(self, count: int) -> None:
        """So many lines of the segment were answered."""
        if not self._dry and count >= self._head:
            self.tracker.taken(self._program_index(count))
            self._note()

    def reported(self, status: Status) -> None:
        """The machine told where it is."""
        manners = self._link.dialect.manners
        self.adjust.speed.reported(status)
        place = self._here(status)
        if self._away or self._stood or place is None:
            return
        if self._stopping and manners.reports_state and status.state not in _MOVING:
            return  # after the reset: it is being lifted
        if not self._stopping and not self.locator.is_current:
            return  # where it will be, not where it is
        self._stood = self._stopping and not manners.reports_state
        found = self.tracker.reported(*place)
        if found:
            self.last_place, self._seen = place, self.tracker.bound
        self.on_the_way = found or self.on_the_way
        stands = self._stopping and manners.reports_state and status.label in _STANDING
        self.exact = found and stands and self.tracker.is_only_place(place)
        self._note()

    def progress(self, done: int, total: int) -> Progress:
        """How far the whole drawing is when so many lines of the segment were answered."""
        del total
        at = self._program_index(done) if done >= self._head else self._first
        if self._dry:
            at = self.tracker.taken_lines
        if self.told_to is None:
            return Progress(at, len(self.lines), None)
        return self.adjust.progress(at, len(self.lines), self.tracker)

    def ended(self) -> None:
        """All motion has ended: everything that was taken is drawn."""
        self.tracker.at_rest()
        self._link.tell(self.progress(0, 0))

    def check(self) -> None:
        """Ends the stream if somebody wants it.

        Raises:
            PauseRequest: for a pause.
            Cancelled: for the end.
        """
        self.adjust.speed.tend()
        if self.cancelled:
            raise Cancelled(f"The drawing was cancelled and the pen is up{self.how_to_go_on}.")
        if self.paused:
            raise PauseRequest

    def set_speed(self, percent: int) -> None:
        """See ``Device.set_speed``."""
        self.adjust.set_speed(percent, self.tracker)

    def trim_pen(self, steps: int) -> None:
        """See ``Device.trim_pen``."""
        self.adjust.move_pen(steps, self.tracker, self._resting)

    def dry(self, dry: bool, drawing: bool = False) -> None:
        """Whether lines go out that are none of the program's: on the way to the place, with the pen up.

        Args:
            dry: see above.
            drawing: whether the machine still draws meanwhile, so that its reports count.
        """
        self._dry, self._away = dry, dry and not drawing

    def stop(self) -> None:
        """From now on the machine slows down."""
        self._stopping, self._stood, self.exact = True, False, False

    def stopped(self) -> None:
        """The machine stands with the pen up."""
        self._stopping = False
        self._resting = True
        self.adjust.rest()

    def lowest_pen(self) -> float | None:
        """The lowest that the pen of the program goes, or None if it never says."""
        pens = [step.points[-1][2] for step in steps(self.lines, self._machine.as_controller())]
        return min((pen for pen in pens if pen == pen), default=None)

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()

    def _here(self, status: Status) -> tuple[float, float, float] | None:
        """Where a report says that the machine is, in words of its controller."""
        place = self.locator.place(status)
        if place is None or self._machine.pen_actuator != "servo":
            return place
        return place[0], place[1], status.spindle or 0.0

    # -- the journal -----------------------------------------------------------------------------

    def event(self, event: str, **more: object) -> None:
        """Writes a change of state."""
        if self._journal is not None and not self._muted:
            t = self.tracker
            self._journal.event(event, self._link.now_s(), t.taken_lines, t.bound, self._known(), **more)
            self._warn_once()

    def lost(self, in_silence: bool = False) -> None:
        """Writes that the machine has lost its place; what it tells now is none of this drawing.

        Args:
            in_silence: whether nobody knows since when: what it has answered since it was last seen on
                the way may not be drawn.
        """
        if self._journal is not None:
            t = self.tracker
            bound = self._seen if in_silence else t.bound
            self._journal.event("lost", self._link.now_s(), t.taken_lines, bound)

    def _note(self) -> None:
        if self._journal is not None and not self._muted:
            t = self.tracker
            self._journal.progress(self._link.now_s(), t.taken_lines, t.bound, self._known())
            self._warn_once()

    def _known(self) -> tuple[float, float, float] | None:
        p = self._link.state.position
        return None if p is None else (p.x_mm, p.y_mm, p.pen)

    def _warn_once(self) -> None:
        if self._journal is not None and self._journal.failed and not self._journal_told:
            self._journal_told = True
            self._link.tell(
                Notice(
                    f"The journal cannot be written ({self._journal.failed}): this drawing cannot be resumed."
                )
            )

    def _program_index(self, index: int) -> int:
        return self._first + index - self._head if index >= self._head else max(self._first - 1, 0)
