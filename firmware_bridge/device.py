"""One machine on one port: connect, draw, pause, stop, and never leave the pen on the paper.

    with open_device(profile) as device:
        report = device.run(program)

The safe stop (``control``) runs on every way out of a drawing but a lost port.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from firmware_bridge import by_hand, preflight, ready, session
from firmware_bridge.control import control_of
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Facts, Framing, Realtime, Status
from firmware_bridge.errors import (
    PlaceLost,
    PreflightError,
)
from firmware_bridge.events import Event, Position
from firmware_bridge.following import StreamReport
from firmware_bridge.gcode import ReadyLines, validate_lines
from firmware_bridge.job import Job
from firmware_bridge.journal import Journal, JournalState
from firmware_bridge.link import Link, Listener
from firmware_bridge.machine import MachineProfile
from firmware_bridge.pause import Drawing
from firmware_bridge.program import MoveKind, Program
from firmware_bridge.resume import OVERLAP_MM
from firmware_bridge.speed import STEP
from firmware_bridge.transports import PortInfo, Transport, list_ports, open_transport

__all__ = ["Device", "PortInfo", "StreamReport", "open_device", "ports"]

# The real one does nothing but home for up to this long, and answers only at the end.
_HOME_TIMEOUT_S = 180.0
_COMMENT = ";"

# A place that is reported twice, with the digits of a report and a motor step between.
_SAME_PLACE_MM = 0.05

KeepJournal = Callable[[Sequence[str]], Journal]
PlaceOption = Literal["ask", "home", "here"]


def ports() -> list[PortInfo]:
    """The serial ports of this computer with their descriptions."""
    return list_ports()


def open_device(machine: MachineProfile, url: str | None = None, log: Path | None = None) -> Device:
    """Connects to a machine.

    Args:
        machine: the profile; its ``url`` is used unless another is given.
        url: ``/dev/ttyUSB0``, ``COM3``, ``socket://host:port`` or ``sim://grbl``.
        log: a file that keeps all that passes, for ``strokebot replay``; None for none.

    Raises:
        LogError: if the log cannot be written.
        PortError: if the port cannot be opened.
        ProtocolError: if what answers is not this dialect, or nothing does.
        ProgramError: if the profile names an unknown dialect.
    """
    dialect = dialect_of(machine.dialect)
    transport = open_transport(url or machine.url, machine)
    try:
        if log is not None:
            transport = session.logged(transport, log, machine)
        return Device(machine, Link(transport, dialect, machine))
    except BaseException:
        transport.close()
        raise


class Device:
    """A connected machine.

    ``hold``, ``resume`` and ``reset`` may be called from the ``on_event`` callback of
    a running drawing, which is called a few times a second.

    Attributes:
        machine: the profile.
        window: what may be under way while it draws.
        restarted: whether it greeted as after a restart when the port was opened, so that its counters
            have begun anew, until it is homed or draws.
    """

    def __init__(self, machine: MachineProfile, link: Link) -> None:
        """Greets the machine on an open link; see ``open_device``."""
        self.machine = machine
        self._link = link
        self._control = control_of(machine.dialect)
        link.facts = self._control.greet(link)
        self.restarted = link.restarted
        link.restarted = False  # it may have, when the port was opened
        self.window = link.dialect.window(machine, link.facts)
        self._under_way: Drawing | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def transport(self) -> Transport:
        """The wire; that of ``sim://grbl`` also has ``recording()`` and ``controller``."""
        return self._link.transport

    @property
    def state(self) -> str:
        """The last state that the machine reported, such as ``Idle`` or ``Hold:0``."""
        return self._link.state

    @property
    def facts(self) -> Facts:
        """What the machine told about itself at the start: firmware, sizes, stored settings."""
        return self._link.facts

    @property
    def measures_itself(self) -> bool:
        """Whether the machine knows its place after any restart."""
        return self._link.dialect.framing is Framing.NAMED

    def close(self) -> None:
        """Gives the port back."""
        self._link.transport.close()

    # -- drawing ---------------------------------------------------------------------------------

    def run(
        self,
        program: Program,
        on_event: Listener | None = None,
        keep: KeepJournal | None = None,
        encoded: Sequence[str] | None = None,
    ) -> StreamReport:
        """Draws a program and returns when the machine stands still.

        Args:
            program: moves in machine mm.
            on_event: is told progress, position, state changes and warnings.
            keep: begins the journal of the lines that are about to be sent; None for none.
            encoded: what the dialect made of the program, where it was asked already.

        Raises:
            PreflightError: if the program must not be started on this machine.
            DeviceError: if the machine refuses a line, raises an alarm or restarts.
            ResponseTimeout: if it stops answering.
            ProtocolError: if it gave more answers than it got lines.
            PortError: if the port goes away; then the pen may be left down.
            Cancelled: after ``cancel``; the pen is up.
            KeyboardInterrupt: passed on after the pen was lifted, as any other error.
        """
        findings = preflight.require(program, self.machine)
        if encoded is None:
            encoded = self._link.dialect.encode(program, self.machine)
        lines = _without_comments(encoded)
        up = [m.pen for m in program.moves if m.kind in (MoveKind.TRAVEL, MoveKind.LIFT)]
        lowest = min((m.pen for m in program.moves), default=None)
        pen_up = up[-1] if up else self.machine.safe_pen
        return self.draw_lines(lines, on_event, pen_up, lowest, findings, keep)

    def run_gcode(
        self, lines: Iterable[str], on_event: Listener | None = None, keep: KeepJournal | None = None
    ) -> StreamReport:
        """Draws G-code lines (checked as ``gcode.read_gcode`` does); otherwise as ``run``.

        Where the lines lead is found by running them on the virtual machine first.

        Raises:
            ProgramError: if a line is not G-code or does not belong in a drawing.
        """
        checked = lines if isinstance(lines, ReadyLines) else validate_lines(lines)
        findings = preflight.require_lines(checked, self.machine)
        return self.draw_lines(checked, on_event, self.machine.safe_pen, None, findings, keep)

    def draw_lines(
        self,
        lines: Sequence[str],
        on_event: Listener | None,
        pen_up: float,
        lowest_pen: float | None = None,
        findings: Sequence[preflight.Finding] = (),
        keep: KeepJournal | None = None,
    ) -> StreamReport:
        """Draws lines that the profile allows, if the machine's own limits do too; otherwise as ``run``.

        Args:
            lines: as the dialect writes them.
            on_event: see ``run``.
            pen_up: pen value to lift to.
            lowest_pen: the lowest value of the pen in them, or None if that is not known.
            findings: told as warnings.
            keep: see ``run``.
        """
        session.note_draw(self._link, lines, pen_up, lowest_pen)
        findings = [*findings, *self.judge(lines)]
        drawing = Drawing(self._link, lines, self.machine, None if keep is None else keep(lines))
        return self._draw(drawing, findings, on_event, pen_up, lowest_pen)

    def run_rest(
        self,
        state: JournalState,
        journal: Journal | None,
        on_event: Listener | None = None,
        place: PlaceOption = "ask",
        overlap_mm: float = OVERLAP_MM,
    ) -> StreamReport:
        """Goes on with a drawing that was stopped by anything, from its journal.

        The machine is stopped and its pen lifted first, if it still moves. It has kept its place if it
        did not restart and stands on the way of the drawing, or if it measures its place itself.

        Args:
            state: what the journal says.
            journal: the same, open for writing; None to keep none.
            on_event: as for ``run``.
            place: what to do if the machine has not kept its place: "home" runs the homing cycle,
                "here" believes the controller as it stands, "ask" raises.
            overlap_mm: how much of the drawn line is drawn again.

        Raises:
            PlaceLost: if the place was lost and ``place`` is "ask".
            StrokebotError: as ``run``.
        """
        findings = preflight.require_lines(state.lines, self.machine)
        session.note_rest(self._link, state, place, overlap_mm)
        drawing = Drawing(self._link, state.lines, self.machine, journal)
        drawing.adjust.restore(state.trims)
        drawing.sent_before(state.bound, state.may_sent)
        link = self._link
        lowest = link.lowest_pen = drawing.lowest_pen()
        measures = self.measures_itself
        link.restarted = link.restarted or self.restarted
        kept = measures or not link.restarted
        if kept:  # otherwise what it reports is from another frame
            drawing.stop()
            link.on_status = drawing.reported
        try:
            if kept or place != "home" or not self._control.homing_lifts(link):
                self.abort_lift()
        finally:
            link.on_status = _no_status
            drawing.stopped()
        kept = kept and (measures or drawing.on_the_way or _still_there(link.position, state))
        if not kept and place == "ask":
            raise PlaceLost(
                "The machine has lost its place, or was moved: home it (--home), or put the pen where the "
                "controller believes it to be and say so (--here)."
            )
        if not kept and place == "home":
            self.home(pen=True)
        if not self.facts.firmware:  # it was too busy to tell when the port was opened
            link.facts = self._control.greet(link)
            self.window = link.dialect.window(self.machine, link.facts)
        findings += self.judge(state.lines)
        drawing.begin(drawing.go_on_from(overlap_mm))
        return self._draw(drawing, findings, on_event, self.machine.safe_pen, lowest)

    def judge(self, lines: Sequence[str]) -> list[preflight.Finding]:
        """What the machine's own limits mean for some lines; the machine must stand still.

        Raises:
            PreflightError: for the first finding that forbids the start.
        """
        return ready.judge(self._link, self._control, self.machine, lines)

    def check(self, drawn: Program | Sequence[str], on_event: Listener | None = None) -> bool:
        """Lets the machine read a whole drawing in its check mode, without moving; then it stands as before.

        Args:
            drawn: a program, or lines as ``gcode.read_gcode`` gives them.
            on_event: is told progress.

        Returns:
            False if the firmware has no check mode.

        Raises:
            DeviceError: for a line that it refuses or that its soft limits forbid.
            StrokebotError: as ``run``.
        """
        lines = self._link.dialect.encode(drawn, self.machine) if isinstance(drawn, Program) else drawn
        lines = _without_comments(lines)
        self._control.require_idle(self._link)
        if on_event is not None:
            self._link.listener = on_event
        try:
            return self._control.check_mode(self._link, lines, self.window)
        finally:
            self._link.listener = _no_event

    def _draw(
        self,
        drawing: Drawing,
        findings: Sequence[preflight.Finding],
        on_event: Listener | None,
        pen_up: float,
        lowest_pen: float | None = None,
    ) -> StreamReport:
        job = Job(self._link, self._control, self.machine, self.window, drawing, pen_up, self.abort_lift)
        self._under_way = drawing
        self.restarted = False  # whoever draws has seen to its place
        try:
            report = job.draw(findings, on_event, lowest_pen)
            session.note_end(self._link, None)
            return report
        except BaseException as error:
            session.note_end(self._link, error)
            raise
        finally:
            self._under_way = None

    def abort_lift(self, pen: float | None = None) -> None:
        """Stops whatever runs and lifts the pen straight up.

        Args:
            pen: pen value to lift to; by default the one that is surely off the paper.

        Raises:
            ResponseTimeout: if the machine does not answer.
            DeviceError: if it refuses to lift.
            PortError: if the port goes away.
        """
        self._control.stop_and_lift(self._link, self.machine.safe_pen if pen is None else pen)

    def lift_after_restart(self, lines: Sequence[str]) -> None:
        """Lifts the pen of a machine that lost its place while it drew some lines: by a distance.

        Raises:
            BridgeError: as ``abort_lift``.
        """
        link = self._link
        link.lowest_pen = Drawing(link, lines, self.machine).lowest_pen()
        link.restarted = True
        try:
            self.abort_lift()
        finally:
            link.restarted = False

    # -- requests while it draws -----------------------------------------------------------------

    def pause(self) -> None:
        """Stops the running drawing on its path and lifts the pen; ``go_on`` goes on.

        To be called from the ``on_event`` callback, which is called all through a pause.
        """
        if self._under_way is not None:
            session.note_wish(self._link, "pause")
            self._under_way.paused = True

    def go_on(self) -> None:
        """Goes on after ``pause``: dry to the place, down on the line, with a short overlap."""
        if self._under_way is not None:
            session.note_wish(self._link, "go-on")
            self._under_way.paused = False

    def cancel(self) -> None:
        """Ends the running drawing as ``pause`` does; ``run`` then raises ``Cancelled``."""
        if self._under_way is not None:
            session.note_wish(self._link, "cancel")
            self._under_way.cancelled = True

    def set_speed(self, percent: int) -> None:
        """Draws at another speed, 10 to 200 % of what is planned; from the same callback as ``pause``.

        GRBL does so at once, other firmware from the lines on that are not sent yet.
        """
        if self._under_way is not None:
            session.note_wish(self._link, f"speed {percent}")
            self._under_way.set_speed(percent)

    def change_speed(self, steps: int) -> None:
        """Draws faster or slower by so many steps of 10 %."""
        if self._under_way is not None:
            self.set_speed(self._under_way.adjust.speed.percent + STEP * steps)

    def trim_pen(self, steps: int) -> None:
        """Draws with the pen so many small steps higher, from the lines on that are not sent yet.

        Travels stay as high as they are. The journal keeps it, and ``StreamReport.trim`` tells it.
        """
        if self._under_way is not None:
            session.note_wish(self._link, f"pen {steps}")
            self._under_way.trim_pen(steps)

    # -- realtime --------------------------------------------------------------------------------

    def hold(self) -> None:
        """Slows down to a stop; ``resume`` goes on. The pen stays where it is.

        A firmware without a hold draws to the end what it has taken already.
        """
        session.note_wish(self._link, "hold")
        self._link.feeding = False
        if self._link.hears(Realtime.HOLD):
            self._link.send_realtime(Realtime.HOLD)

    def resume(self) -> None:
        """Goes on after ``hold``."""
        session.note_wish(self._link, "resume")
        self._link.feeding = True
        if self._link.hears(Realtime.RESUME):
            self._link.send_realtime(Realtime.RESUME)

    def reset(self) -> None:
        """Starts the controller's counters anew; GRBL drops what was under way, Marlin draws it first.

        Raises:
            ResponseTimeout: if it does not come back.
        """
        self._control.reset(self._link)

    # -- by hand ---------------------------------------------------------------------------------

    def home(self, pen: bool = False) -> None:
        """Runs the homing cycle and returns when it is done.

        Args:
            pen: also homes the z axis of a pen where the cycle leaves it out (Marlin), which brings the
                pen down to its switch.

        Raises:
            DeviceError: if the machine has no homing, or a switch is not found.
        """
        if "home" not in self._link.dialect.commands:
            raise PreflightError("This machine measures its own place: homing is not needed.")
        commands = self._link.dialect.commands
        self._link.command(commands["home"], _HOME_TIMEOUT_S)
        if pen and self.machine.pen_actuator == "z" and "home pen" in commands:
            self._link.command(commands["home pen"], _HOME_TIMEOUT_S)
        self.wait_idle()
        self.restarted = False

    def unlock(self) -> None:
        """Leaves an alarm without homing; the position may be wrong then."""
        if "unlock" in self._link.dialect.commands:
            self._link.command(self._link.dialect.commands["unlock"])
        self._link.poll()

    def jog(self, dx_mm: float = 0.0, dy_mm: float = 0.0, dpen: float = 0.0, feed_mm_s: float = 20.0) -> None:
        """Moves by a small step and returns when it is done.

        Raises:
            PreflightError: if the step would leave the envelope.
            ReachError: if a machine that takes joint values cannot reach its end.
            ProgramError: if there is no step.
        """
        by_hand.jog(self._link, self.machine, (dx_mm, dy_mm, dpen), feed_mm_s)
        self.wait_idle()

    def move_pen(self, value: float) -> None:
        """Moves only the pen, to a value of its axis.

        Raises:
            PreflightError: if the value is outside the envelope.
        """
        by_hand.move_pen(self._link, self.machine, value)
        self.wait_idle()

    def wait_idle(self) -> None:
        """Waits until the machine stands still.

        Raises:
            DeviceAlarm: if it is in an alarm.
            ResponseTimeout: if it neither moves nor becomes idle.
        """
        self._control.wait_idle(self._link)


def _without_comments(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(_COMMENT)]


def _no_event(event: Event) -> None:
    del event


def _no_status(status: Status) -> None:
    del status


def _still_there(position: Position | None, state: JournalState) -> bool:
    """Whether the tool is above the place where an orderly stop left it."""
    if position is None or state.position is None or state.last_event not in ("stopped", "paused"):
        return False
    x, y, _ = state.position
    return math.hypot(position.x_mm - x, position.y_mm - y) <= _SAME_PLACE_MM
