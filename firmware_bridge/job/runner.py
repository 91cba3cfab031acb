"""One drawing on a connected machine: streamed, paused, gone on with, and stopped safely.

Nouns:
    drawing   the lines with what is known of how far they are executed (``pause``)
    restart   how the drawing goes on from a place inside it (``resume``)

The pen is lifted on every way out but a lost port.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Sequence

from firmware_bridge.checks.preflight import Finding
from firmware_bridge.control.base import Control, WorkFrame
from firmware_bridge.dialects.base import ONE_LINE, Realtime, WindowSize
from firmware_bridge.errors import (
    BridgeError,
    DeviceReset,
    PlaceLost,
    PortError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Asked, Notice, Paused, Progress, Resumed
from firmware_bridge.gcode.words import number_at, parse
from firmware_bridge.job.drawing import Drawing, PauseRequest
from firmware_bridge.job.resume import Restart
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import POLL_S, Link, Listener
from firmware_bridge.stream.position_monitor import PositionMonitor
from firmware_bridge.stream.streamer import Streamer, StreamReport

# An answer that is still on its way when the machine stands still comes within this time.
_LATE_ANSWER_S = 0.05
# How often Ctrl-C may be pressed during a safe stop before it is let through.
_STUBBORN_INTERRUPTS = 20
# A place that is told twice, with the digits of a report and a motor step between.
_SAME_PLACE_MM = 0.05
# At rest, one report of so many tells the offset that is in force now.
_OFFSET_REPORTS = 10
# Counters that are zero are those of a machine that has just restarted, if it was farther from there.
_ELSEWHERE_MM = 1.0
# Reports of the last place that may be damaged before it is believed.
_END_REPORTS = 3


# To a value of the pen, from the lowest one of the drawing or None, and whether the place was lost.
Lift = Callable[[float, float | None, bool], None]


class Job:
    """One drawing under way."""

    def __init__(
        self,
        link: Link,
        control: Control,
        machine: MachineProfile,
        window: WindowSize,
        drawing: Drawing,
        pen_up: float,
        lowest_pen: float | None,
        lift: Lift,
    ) -> None:
        """Prepares a drawing.

        Args:
            link: the conversation with the machine.
            control: how it is stopped and awaited.
            machine: its profile.
            window: what may be under way.
            drawing: what is drawn.
            pen_up: pen value to lift to.
            lowest_pen: the lowest that the pen goes in it, or None if that is not known.
            lift: stops whatever runs and lifts the pen.
        """
        self._link = link
        self._control = control
        self._machine = machine
        self._window = window
        self._drawing = drawing
        self._pen_up = pen_up
        self._lowest_pen = lowest_pen
        self._lift = lift
        self._frame = WorkFrame()
        self._restarts = link.state.restarts
        self._moved = False
        self._begun_mm: tuple[float, ...] | None = None  # where the machine was at first, by its counters

    def draw(self, findings: Sequence[Finding], on_event: Listener | None) -> StreamReport:
        """Draws all of it, and returns when the machine stands still; see ``Device.run``."""
        drawing, link = self._drawing, self._link
        try:
            self._control.require_idle(link)
            self._frame = self._control.frame(link)
            self._control.set_words(link)
            self._begun_mm = self._machine_place()
        except BaseException:
            drawing.close()
            raise
        drawing.keep_frame(self._frame.offset_mm, self._frame.chosen)
        drawing.at_rest()
        drawing.told_to = on_event
        with link.listening(on_event), link.watching(drawing.reported):
            return self._draw(findings)

    def _draw(self, findings: Sequence[Finding]) -> StreamReport:
        drawing, link = self._drawing, self._link
        try:
            for finding in findings:
                link.tell(Notice(f"{finding.message}: {finding.cure}."))
            self._restarts = link.state.restarts
            self._control.prepare(link, self._pen_up)
            if not link.dialect.manners.reports_state:
                link.enter("Run")
            if drawing.restart is not None:
                self._tell_restart(drawing.restart)
            report, monitor = self._stream()
            while drawing.paused or drawing.stop_reached() is not None:
                if drawing.paused:
                    self._wait_paused()
                else:
                    self._wait_asked()
                more, monitor = self._stream()
                report = report.plus(more)
            before = link.surplus
            self._control.wait_idle(link)
            link.pause(_LATE_ANSWER_S)
            if link.surplus > before and link.dialect.manners.surplus_is_loss:
                raise ProtocolError(
                    f"The machine gave {link.surplus - before} answers too many, "
                    "so lines may have been lost: check the cable and draw again."
                )
            if monitor is not None:
                _check_end(link, monitor, drawing)
            drawing.adjust.speed.finish()
            drawing.event("done")
            self._restore()
            return dataclasses.replace(report, trim=drawing.adjust.shaper.trim)
        except BaseException as error:
            in_silence = isinstance(error, DeviceReset) and link.state.restarts == self._restarts
            self._moved = self._moved or in_silence
            if not isinstance(error, PortError):
                drawing.stop()
                try:
                    self._stop_safely(error)
                except PlaceLost:
                    drawing.lost(self._moved)
                    raise
                drawing.adjust.speed.forgotten()
            ended = {"lifted": not isinstance(error, PortError), "exact": drawing.exact}
            if isinstance(error, KeyboardInterrupt):
                drawing.event("stopped", reason="stopped from the keyboard", **ended)
                if self._place_lost:
                    drawing.lost(self._moved)
                raise KeyboardInterrupt(f"the pen is up{drawing.how_to_go_on}") from error
            drawing.event("stopped", reason=str(error) or type(error).__name__, **ended)
            if self._place_lost:
                drawing.lost(self._moved)
            raise
        finally:
            drawing.close()

    def _stream(self) -> tuple[StreamReport, PositionMonitor | None]:
        """Streams what is left; ends early, with the machine still moving, if a pause is wanted."""
        link, drawing = self._link, self._drawing
        sync = link.dialect.commands["sync"]
        facts = link.state.facts
        monitor = PositionMonitor(self._machine, drawing.toolpath, facts.planner_blocks)
        streamer = Streamer(link, self._window, monitor, drawing, drawing.locator)
        try:
            if drawing.restart is not None and drawing.restart.approach:
                approach = drawing.restart.approach
                drawing.dry(True)
                Streamer(link, ONE_LINE, None, drawing).stream(approach)
            drawing.dry(False)
            streamer = Streamer(link, self._window, monitor, drawing, drawing.locator)
            streamer.stream(drawing.segment())
            # The answer to this line comes when the last move has ended.
            drawing.dry(True, drawing=True)
            waiting = Streamer(link, ONE_LINE, None, drawing, may_miss=True)
            waiting.stream([parse(sync)])
            if waiting.missed:  # so may be what was taken: a board that restarted in silence stands, too
                _check_end(link, monitor, drawing, must_tell=True)
            drawing.ended()
        except PauseRequest:
            return streamer.report(), None
        finally:
            drawing.dry(False)
        return streamer.report(), monitor

    def _wait_paused(self) -> None:
        """Stops, lifts, waits until somebody wants to go on, and finds the way back."""
        link, drawing = self._link, self._drawing
        drawing.stop()
        self._lift_pen()
        drawing.stopped()
        self._control.restore(link, self._frame)
        self._control.set_words(link)  # which the rest of the drawing counts on
        bound = drawing.tracker.bound
        drawing.event("paused", lifted=True, exact=drawing.exact)
        link.tell(Paused(number_at(drawing.lines, bound.line), bound.share))
        place = self._place()
        while drawing.paused:
            self._rest()
        self._require_unmoved(place)
        self._begin_again(drawing.go_on_from())

    def _wait_asked(self) -> None:
        """Lifts, and waits until somebody says that the program may go on behind its stop (M0)."""
        link, drawing = self._link, self._drawing
        line, word = drawing.stop_reached() or (0, "")
        pen, overlap_mm = drawing.toolpath.place[2], 0.0
        down = self._machine.pen_actuator == "servo" or not pen >= self._pen_up
        may_lift = not drawing.trouble
        drawing.stopped()
        if down and may_lift:
            for text in link.dialect.pen_lines(self._pen_up, self._machine, here=link.state.position):
                link.command(text)
        self._control.wait_idle(link)
        drawing.event("paused", lifted=may_lift, exact=True)
        drawing.asked = True
        link.tell(Asked(number_at(drawing.lines, line), word, may_lift or not down))
        place = self._place()
        while drawing.asked:
            self._rest()
        self._require_unmoved(place)
        drawing.pass_stop()
        if down and may_lift:
            self._begin_again(drawing.go_on_from(overlap_mm))
        else:
            drawing.event("resumed")
            self._control.require_idle(link)

    def _rest(self) -> None:
        """Lets a little time pass while somebody is waited for."""
        link, drawing = self._link, self._drawing
        link.pause(POLL_S)
        if link.state.restarts > self._restarts:
            raise DeviceReset("The machine restarted while it was paused: home it and resume.")
        link.tell(Progress(drawing.tracker.bound.line, len(drawing.lines), None))
        if drawing.cancelled:
            drawing.check()

    @property
    def _place_lost(self) -> bool:
        """Whether the machine counts from elsewhere than when the drawing began."""
        restarted = self._moved or self._link.state.restarts > self._restarts
        return restarted and not self._link.dialect.manners.measures_itself

    def _restarted_in_silence(self) -> bool:
        """Whether it is locked without an alarm, or its counters are zero though the tool was elsewhere."""
        link, last, frame = self._link, self._drawing.last_place, self._frame.offset_mm or (0.0, 0.0, 0.0)
        place = None
        with contextlib.suppress(BridgeError):
            place = self._machine_place()
        if self._control.is_locked(link) and link.state.alarm is None:
            return True
        if place is None or any(abs(v) > _SAME_PLACE_MM for v in place[:3]):
            return False
        was = self._begun_mm or place
        if last is not None:
            was = (last[0] + frame[0], last[1] + frame[1])
        return math.hypot(was[0], was[1]) > _ELSEWHERE_MM

    def _machine_place(self) -> tuple[float, ...] | None:
        """Where the machine is by its own counters; None if it does not tell, or measures its place."""
        link = self._link
        if link.dialect.manners.measures_itself:
            return None
        asks = link.hears(Realtime.STATUS)
        for _ in range(_OFFSET_REPORTS if asks else 1):
            if asks:
                link.poll()
            status = link.state.status
            if status is None or status.machine_mm is not None:
                break
            if not asks or status.offset_mm is not None:
                offset = status.offset_mm or (0.0, 0.0, 0.0)
                return tuple(w + o for w, o in zip(status.work_mm or (), offset, strict=False)) or None
        return None if status is None else status.machine_mm

    def _place(self) -> tuple[float, ...] | None:
        """Where the machine says that it stands, in whatever frame."""
        self._link.poll()
        return self._link.state.raw_place_mm

    def _require_unmoved(self, before: tuple[float, ...] | None) -> None:
        """Passes a machine that stands where it stood when somebody began to be waited for.

        Raises:
            DeviceReset: if it does not: it has restarted without a word, or was moved by its own keys.
        """
        now = self._place()
        if before is None or now is None:
            return
        self._moved = any(abs(a - b) > _SAME_PLACE_MM for a, b in zip(now[:3], before[:3], strict=True))
        if self._moved:
            raise DeviceReset(
                "The machine stands elsewhere than when it was paused: it has restarted without a word, or "
                "was moved. Home it and resume."
            )

    def _begin_again(self, restart: Restart) -> None:
        link, drawing = self._link, self._drawing
        drawing.begin(restart)
        drawing.event("resumed")
        self._tell_restart(restart)
        self._control.require_idle(link)
        if not link.dialect.manners.reports_state:
            link.enter("Run")

    def _tell_restart(self, restart: Restart) -> None:
        number = number_at(self._drawing.lines, restart.begin.line)
        self._link.tell(Resumed(number, restart.overlap_mm, restart.doubt_mm))

    def _lift_pen(self) -> None:
        self._lift(self._pen_up, self._lowest_pen, self._place_lost)

    def _restore(self) -> None:
        """Puts back what was in force before; the drawing is over, so a failure is no more than told."""
        try:
            self._control.restore(self._link, self._frame)
        except BridgeError as error:
            self._link.tell(Notice(str(error)))

    def _stop_safely(self, error: BaseException) -> None:
        """Lifts the pen though Ctrl-C may be pressed again."""
        for _ in range(_STUBBORN_INTERRUPTS):
            try:
                with self._link.listening(None):
                    self._moved = self._moved or self._restarted_in_silence()
                    self._lift_pen()
                    self._drawing.stopped()
                    self._restore()
            except KeyboardInterrupt:
                continue
            except BridgeError as failure:
                raise type(failure)(
                    f"The drawing stopped ({str(error) or 'interrupted'}) and the pen could not be lifted: "
                    f"lift it by hand. {failure}"
                ) from error
            return


def _check_end(link: Link, monitor: PositionMonitor, drawing: Drawing, must_tell: bool = False) -> None:
    """Raises if the tool does not stand where the last line leads; a report may be damaged once.

    Args:
        link: the conversation.
        monitor: knows where the last line leads.
        drawing: reads the places of reports.
        must_tell: whether a place that cannot be known is an error, too.
    """
    for left in reversed(range(_END_REPORTS)):
        try:
            status = link.poll()
        except (ResponseTimeout, ProtocolError):
            continue
        place = drawing.locator.place(status)
        if must_tell and (place is None or drawing.toolpath.trouble):
            break
        try:
            monitor.ended(place)
            return
        except ProtocolError:
            if not left:
                raise
    if must_tell:
        raise ResponseTimeout("The last answer was lost on the way: look whether the drawing is whole.")
    link.tell(Notice("The machine does not say where it stands: look whether the drawing is whole."))
