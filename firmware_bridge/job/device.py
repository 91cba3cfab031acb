"""One machine on one port: connect, draw, pause, stop, and never leave the pen on the paper.

    with open_device(profile) as device:
        report = device.run(program)

The safe stop (``control``) runs on every way out of a drawing but a lost port.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from firmware_bridge.checks import controller_settings, preflight
from firmware_bridge.control.base import WorkFrame
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Realtime, Status
from firmware_bridge.errors import BridgeError, DeviceError, PlaceLost, ProtocolError, ResponseTimeout
from firmware_bridge.events import Notice
from firmware_bridge.gcode.grbl_grammar import MM_PER_INCH
from firmware_bridge.gcode.sanitize import ReadyLines, validate_lines
from firmware_bridge.gcode.words import Line, parse_lines
from firmware_bridge.job.connection import Connected
from firmware_bridge.job.drawing import Drawing
from firmware_bridge.job.feed_override import STEP
from firmware_bridge.job.resume import OVERLAP_MM
from firmware_bridge.job.runner import Job
from firmware_bridge.joint_moves import tool_of_words
from firmware_bridge.journal import Journal, JournalState
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import MoveKind, Program
from firmware_bridge.stream.link import Link, Listener
from firmware_bridge.stream.locator import Locator
from firmware_bridge.stream.streamer import StreamReport
from firmware_bridge.transports import PortInfo, Transport, list_ports, open_transport
from firmware_bridge.wirelog import recorder

__all__ = ["Device", "PortInfo", "StreamReport", "open_device", "ports"]

# A place that is reported twice, with the digits of a report and a motor step between.
_SAME_PLACE_MM = 0.05
# Counters that are zero are those of a machine that has just restarted, if it was farther from there.
_ELSEWHERE_MM = 1.0

KeepJournal = Callable[[Sequence[Line]], Journal]
PlaceOption = Literal["ask", "home", "here"]


def ports() -> list[PortInfo]:
    """The serial ports of this computer with their descriptions."""
    return list_ports()


def open_device(
    machine: MachineProfile,
    url: str | None = None,
    log: Path | None = None,
    transport: Transport | None = None,
) -> Device:
    """Connects to a machine.

    Args:
        machine: the profile; its ``url`` is used unless another is given.
        url: ``/dev/ttyUSB0``, ``COM3``, ``socket://host:port`` or ``sim://grbl``.
        log: a file that keeps all that passes, for ``strokebot replay``; None for none.
        transport: a wire that is open already, in place of a port; it is closed with the device.

    Raises:
        LogError: if the log cannot be written.
        PortError: if the port cannot be opened.
        ProtocolError: if what answers is not this dialect, or nothing does.
        ProgramError: if the profile names an unknown dialect.
    """
    dialect = dialect_of(machine.dialect)
    transport = transport or open_transport(url or machine.url, machine)
    try:
        if log is not None:
            transport = recorder.logged(transport, log, machine)
        return Device(machine, Link(transport, dialect, machine))
    except BaseException:
        transport.close()
        raise


class Device(Connected):
    """A connected machine that draws.

    ``hold``, ``resume`` and ``reset`` may be called from the ``on_event`` callback of
    a running drawing, which is called a few times a second.
    """

    def __init__(self, machine: MachineProfile, link: Link) -> None:
        """Greets the machine on an open link; see ``open_device``."""
        super().__init__(machine, link)
        self._under_way: Drawing | None = None

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
        lines = _with_words(encoded)
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
        lines: Sequence[Line],
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
        recorder.note_draw(self._link, lines, pen_up, lowest_pen)
        self._control.require_idle(self._link)  # before a journal of it is begun
        judged, trouble = controller_settings.judge(self._link, self._control, self.machine, lines)
        findings = [*findings, *judged]
        drawing = Drawing(self._link, lines, self.machine, None if keep is None else keep(lines))
        drawing.trouble = trouble
        lowest = drawing.lowest_pen() if lowest_pen is None else lowest_pen
        return self._draw(drawing, findings, on_event, pen_up, lowest)

    def run_rest(
        self,
        state: JournalState,
        journal: Journal | None,
        on_event: Listener | None = None,
        place: PlaceOption = "ask",
        overlap_mm: float = OVERLAP_MM,
        lifted: bool = False,
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
            lifted: whether somebody has lifted the pen by hand, so that homing may begin at once; some
                boards move nothing before it.

        Raises:
            PlaceLost: if the place was lost and ``place`` is "ask".
            StrokebotError: as ``run``.
        """
        findings = preflight.require_lines(state.lines, self.machine)
        recorder.note_rest(self._link, state, place, overlap_mm)
        drawing = Drawing(self._link, state.lines, self.machine, journal)
        drawing.adjust.restore(state.trims)
        drawing.sent_before(state.bound, state.may_sent)
        link = self._link
        lowest = drawing.lowest_pen()
        unit_known = bool(self.facts.firmware)
        try:
            kept, lifted = self._stop_where_it_stands(drawing, state, place, lowest, lifted)
        except PlaceLost as error:
            drawing.lost()
            if place == "home" and self.machine.pen_actuator == "z" and not self._control.is_locked(link):
                raise PlaceLost(
                    f"{error} Homing would draw a line with it: lift the pen by hand, then resume with "
                    "--home --lifted."
                ) from error
            raise
        except (DeviceError, ResponseTimeout, ProtocolError) as error:
            raise type(error)(f"{error} The pen may be down: lift it by hand.") from error
        if not unit_known and self.facts.reports_inches and self.frame.offset_mm is not None:
            offset_mm = tuple(MM_PER_INCH * v for v in self.frame.offset_mm)
            self.frame = dataclasses.replace(self.frame, offset_mm=offset_mm)
        if not kept and place == "ask":
            drawing.lost()
            self._put_frame_back()
            raise PlaceLost(
                "The machine has lost its place, or was moved: home it (--home), or put the pen where the "
                "controller believes it to be and say so (--here)."
                + ("" if lifted else " Nothing was moved, so the pen may be down: lift it by hand.")
            )
        try:
            if place == "home":
                self.home(pen=True)
            elif self._control.is_locked(link):
                self.unlock()
        except BridgeError as error:
            self._put_frame_back()
            if lifted:
                raise
            raise type(error)(f"{error} The pen may be down: lift it by hand.") from error
        self._place_known()
        told = state.offset_mm is not None and (kept or place == "home")
        frame = WorkFrame(state.offset_mm, state.frame) if told else self.frame
        self._control.restore(link, frame)
        drawing.mute(False)
        drawing.event("resumed")
        if not self.facts.firmware:  # it was too busy to tell when the port was opened
            self._meet()
        findings += self.judge(state.lines)
        drawing.begin(drawing.go_on_from(overlap_mm))
        return self._draw(drawing, findings, on_event, self.machine.safe_pen, lowest)

    def _put_frame_back(self) -> None:
        """Puts in force what was when the machine was met, as far as that goes: the stop has reset it."""
        if not self._control.is_locked(self._link):
            with contextlib.suppress(BridgeError):
                self._control.restore(self._link, self.frame)

    def _stop_where_it_stands(
        self,
        drawing: Drawing,
        state: JournalState,
        place: PlaceOption,
        lowest: float | None,
        by_hand: bool = False,
    ) -> tuple[bool, bool]:
        """Stops and lifts a machine that may still be drawing.

        Returns:
            Whether it surely kept its place, and whether it was lifted. One that is locked stays where it
            is, since no motion of it can be right before it was homed.
        """
        link = self._link
        measures = self.measures_itself
        # A feed stays in force until a restart; an orderly stop ends with a reset of our own.
        restarted = bool(self.facts.fresh) and drawing.was_fed and not state.lifted
        lost = not measures and (self.place_lost or state.place_lost or restarted)
        # What a machine that lost its place reports is from another frame, and must not be kept.
        drawing.mute(True)
        drawing.count_from(state.offset_mm)
        there = not lost and _still_there(drawing.locator, link.state.status, self.machine, state)
        # An orderly stop leaves it at a place that is known: elsewhere it counts from another one. So does
        # one whose counters are zero, though it was elsewhere.
        moved = (state.lifted and not there) or self._counts_from_zero(state)
        lost = lost or (moved and not measures)
        if not lost:
            drawing.stop()
        if self._control.is_locked(link) and (place == "ask" or self.machine.pen_actuator == "z"):
            lifts = False
        else:
            up = by_hand or self._control.homing_lifts(link)
            lifts = not lost or place != "home" or not up
        if lifts:
            with link.watching(None if lost else drawing.reported):
                # Whoever wants it homed says that its place is lost: no height of its frame can be trusted.
                self.abort_lift(None, lowest, lost or place == "home")
            # It may have lost its power in this very moment.
            lost = lost or (self._counts_from_zero(state) and not measures)
        drawing.stopped()
        drawing.exact = drawing.exact or (there and state.exact)
        return not lost and (measures or drawing.on_the_way or there), lifts or by_hand

    def _counts_from_zero(self, state: JournalState) -> bool:
        """Whether its counters are those of a machine that has just restarted, though it was elsewhere."""
        report, offset = self._link.state.status, self._link.state.offset_mm or (0.0, 0.0, 0.0)
        if report is None or state.position is None:
            return False
        place = report.machine_mm
        if place is None and report.work_mm is not None:
            place = tuple(w + o for w, o in zip(report.work_mm, offset, strict=False))
        if place is None or any(abs(v) > _SAME_PLACE_MM for v in place[:2]):  # the pen may have been lifted
            return False
        zero = tool_of_words((-(state.offset_mm or offset)[0], -(state.offset_mm or offset)[1]), self.machine)
        return math.dist(zero, state.position[:2]) > _ELSEWHERE_MM

    def judge(self, lines: Sequence[Line]) -> list[preflight.Finding]:
        """What the machine's own limits mean for some lines; the machine must stand still.

        Raises:
            PreflightError: for the first finding that forbids the start.
        """
        return controller_settings.judge(self._link, self._control, self.machine, lines)[0]

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
        given = self._link.dialect.encode(drawn, self.machine) if isinstance(drawn, Program) else drawn
        lines = _with_words(given)
        self._control.require_idle(self._link)
        with self._link.listening(on_event):
            return self._control.check_mode(self._link, lines, self.window)

    def _draw(
        self,
        drawing: Drawing,
        findings: Sequence[preflight.Finding],
        on_event: Listener | None,
        pen_up: float,
        lowest_pen: float | None = None,
    ) -> StreamReport:
        self._place_known()  # whoever draws has seen to its place
        job = Job(
            self._link,
            self._control,
            self.machine,
            self.window,
            drawing,
            pen_up,
            lowest_pen,
            lambda pen, lowest, lost: self.abort_lift(pen, lowest, lost),
        )
        self._under_way = drawing
        try:
            report = job.draw(findings, on_event)
            recorder.note_end(self._link, None)
            return report
        except BaseException as error:
            recorder.note_end(self._link, error)
            raise
        finally:
            self._under_way = None

    def lift_after_restart(self, lines: Sequence[Line]) -> None:
        """Lifts the pen of a machine that lost its place while it drew some lines: by a distance.

        Raises:
            BridgeError: as ``abort_lift``.
        """
        self.abort_lift(None, Drawing(self._link, lines, self.machine).lowest_pen(), place_lost=True)

    # -- requests while it draws -----------------------------------------------------------------

    def hold(self) -> None:
        """Slows down to a stop; ``resume`` goes on. The pen stays where it is.

        A firmware without a hold draws to the end what it has taken already.
        """
        recorder.note_wish(self._link, "hold")
        self._set_held(True, Realtime.HOLD)

    def resume(self) -> None:
        """Goes on after ``hold``."""
        recorder.note_wish(self._link, "resume")
        self._set_held(False, Realtime.RESUME)

    def _set_held(self, held: bool, request: Realtime) -> None:
        if self._under_way is not None:
            self._under_way.held = held
        if self._link.hears(request):
            self._link.send_realtime(request)

    def pause(self) -> None:
        """Stops the running drawing on its path and lifts the pen; ``go_on`` goes on.

        To be called from the ``on_event`` callback, which is called all through a pause.
        """
        if self._under_way is not None:
            recorder.note_wish(self._link, "pause")
            if self._under_way.trouble:
                self._link.tell(
                    Notice(
                        f"This file {self._under_way.trouble}, so it cannot go on after a pause: q stops it."
                    )
                )
                return
            self._under_way.paused = True

    def go_on(self) -> None:
        """Goes on after ``pause``, dry to the place, down on the line, with a short overlap; or after M0."""
        if self._under_way is not None:
            recorder.note_wish(self._link, "go-on")
            self._under_way.paused = self._under_way.asked = False

    def cancel(self) -> None:
        """Ends the running drawing as ``pause`` does; ``run`` then raises ``Cancelled``."""
        if self._under_way is not None:
            recorder.note_wish(self._link, "cancel")
            self._under_way.cancelled = True

    def set_speed(self, percent: int) -> None:
        """Draws at another speed, 10 to 200 % of what is planned; from the same callback as ``pause``.

        GRBL does so at once, other firmware from the lines on that are not sent yet.
        """
        if self._under_way is not None:
            recorder.note_wish(self._link, f"speed {percent}")
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
            recorder.note_wish(self._link, f"pen {steps}")
            self._under_way.trim_pen(steps)


def _with_words(lines: Sequence[str]) -> list[Line]:
    """Those lines that are more than a comment; each knows its number among all."""
    return [line for line in parse_lines(lines) if line.words]


def _still_there(
    locator: Locator, report: Status | None, machine: MachineProfile, state: JournalState
) -> bool:
    """Whether the tool was reported at the place where an orderly stop left it."""
    place = None if report is None else locator.place(report)
    if place is None or state.position is None or not state.lifted:
        return False
    x, y, pen = state.position
    x_mm, y_mm = tool_of_words(place[:2], machine)
    same = math.hypot(x_mm - x, y_mm - y) <= _SAME_PLACE_MM
    return same and (machine.pen_actuator == "servo" or abs(place[2] - pen) <= _SAME_PLACE_MM)
