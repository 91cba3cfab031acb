"""One drawing on a connected machine: streamed, paused, gone on with, and stopped safely.

Nouns:
    drawing   the lines with what is known of how far they are executed (``pause``)
    restart   how the drawing goes on from a place inside it (``resume``)

The pen is lifted on every way out but a lost port.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from firmware_bridge.checks.preflight import Finding
from firmware_bridge.control.base import Control
from firmware_bridge.dialects.base import ONE_LINE, Facts, Framing, Status, WindowSize
from firmware_bridge.errors import BridgeError, DeviceReset, PortError, ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Notice, Paused, Progress, Resumed
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
# Reports of the last place that may be damaged before it is believed.
_END_REPORTS = 3


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
        lift: Callable[[float], None],
    ) -> None:
        """Prepares a drawing.

        Args:
            link: the conversation with the machine.
            control: how it is stopped and awaited.
            machine: its profile.
            window: what may be under way.
            drawing: what is drawn.
            pen_up: pen value to lift to.
            lift: stops whatever runs and lifts the pen to a value.
        """
        self._link = link
        self._control = control
        self._machine = machine
        self._window = window
        self._drawing = drawing
        self._pen_up = pen_up
        self._lift = lift

    def draw(
        self, findings: Sequence[Finding], on_event: Listener | None, lowest_pen: float | None
    ) -> StreamReport:
        """Draws all of it, and returns when the machine stands still; see ``Device.run``."""
        drawing, pen_up = self._drawing, self._pen_up
        link = self._link
        try:
            self._control.require_idle(link)
        except BaseException:
            drawing.close()
            raise
        link.learn_counts()
        if on_event is not None:
            link.listener = drawing.told_to = on_event
        link.on_status = drawing.reported
        try:
            for finding in findings:
                link.listener(Notice(f"{finding.message}: {finding.cure}."))
            link.feeding, link.restarted, link.lowest_pen = True, False, lowest_pen
            self._control.prepare(link, pen_up)
            if link.dialect.framing is not Framing.PLAIN:  # its reports do not tell the state
                link.enter("Run")
            if drawing.restart is not None:
                self._tell_restart(drawing.restart)
            report, monitor = self._stream()
            while drawing.paused:
                self._wait_paused()
                more, monitor = self._stream()
                report = report.plus(more)
            link.surplus = 0
            self._control.wait_idle(link)
            link.pause(_LATE_ANSWER_S)
            if link.surplus and link.dialect.framing is Framing.PLAIN:
                raise ProtocolError(
                    f"The machine gave {link.surplus} answers too many, so lines may have been lost: "
                    "check the cable and draw again."
                )
            if monitor is not None:
                _check_end(link, monitor)
            drawing.adjust.speed.finish()
            drawing.event("done")
            return dataclasses.replace(report, trim=drawing.adjust.shaper.trim)
        except BaseException as error:
            if not isinstance(error, PortError):
                drawing.stop()
                self._stop_safely(error)
                drawing.adjust.speed.forgotten()
            if isinstance(error, KeyboardInterrupt):
                drawing.event("stopped", reason="stopped from the keyboard")
                raise KeyboardInterrupt(f"the pen is up{drawing.how_to_go_on}") from error
            drawing.event("stopped", reason=str(error) or type(error).__name__)
            raise
        finally:
            link.listener, link.on_status = _no_event, _no_status
            drawing.close()

    def _stream(self) -> tuple[StreamReport, PositionMonitor | None]:
        """Streams what is left; ends early, with the machine still moving, if a pause is wanted."""
        link, drawing = self._link, self._drawing
        sync = link.dialect.commands["sync"]
        monitor = None
        if not _in_inches(link.facts):
            monitor = PositionMonitor(self._machine, link.dialect.framing, link.facts.planner_blocks)
        streamer = Streamer(link, self._window, monitor, drawing)
        try:
            if drawing.restart is not None and drawing.restart.approach:
                approach = drawing.restart.approach
                drawing.dry(True)
                Streamer(link, ONE_LINE, None, drawing).stream(approach)
                if monitor is not None:
                    monitor.begin(approach)
            drawing.dry(False)
            streamer = Streamer(link, self._window, monitor, drawing)
            streamer.stream(drawing.segment())
            # The answer to this line comes when the last move has ended.
            drawing.dry(True)
            Streamer(link, ONE_LINE, None, drawing).stream([sync])
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
        self._lift(self._pen_up)
        drawing.stopped()
        bound = drawing.tracker.bound
        drawing.event("paused")
        link.listener(Paused(*bound))
        while drawing.paused:
            link.pause(POLL_S)
            if link.restarted:
                raise DeviceReset("The machine restarted while it was paused: home it and resume.")
            link.listener(Progress(bound.line, len(drawing.lines), None))
            if drawing.cancelled:
                drawing.check()
        drawing.begin(drawing.go_on_from())
        drawing.event("resumed")
        if drawing.restart is not None:
            self._tell_restart(drawing.restart)
        self._control.require_idle(link)
        if link.dialect.framing is not Framing.PLAIN:
            link.enter("Run")

    def _tell_restart(self, restart: Restart) -> None:
        self._link.listener(Resumed(restart.begin.line, restart.overlap_mm, restart.doubt_mm))

    def _stop_safely(self, error: BaseException) -> None:
        """Lifts the pen though Ctrl-C may be pressed again."""
        self._link.listener = _no_event
        for _ in range(_STUBBORN_INTERRUPTS):
            try:
                self._lift(self._pen_up)
            except KeyboardInterrupt:
                continue
            except BridgeError as failure:
                raise type(failure)(
                    f"The drawing stopped ({str(error) or 'interrupted'}) and the pen could not be lifted: "
                    f"lift it by hand. {failure}"
                ) from error
            return


def _check_end(link: Link, monitor: PositionMonitor) -> None:
    """Raises if the tool does not stand where the last line leads; a report may be damaged once."""
    for left in reversed(range(_END_REPORTS)):
        try:
            status = link.poll()
        except (ResponseTimeout, ProtocolError):
            continue
        try:
            monitor.ended(link.place_of(status))
            return
        except ProtocolError:
            if not left:
                raise
    link.listener(Notice("The machine does not say where it stands: look whether the drawing is whole."))


def _in_inches(facts: Facts) -> bool:
    """Whether GRBL reports places in inches ($13), which nothing here reads."""
    return bool(facts.settings.get("$13"))


def _no_event(event: Event) -> None:
    del event


def _no_status(status: Status) -> None:
    del status
