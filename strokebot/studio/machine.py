"""The process that moves a machine: it takes orders through a pipe, and waits for nobody who looks on.

Nouns:
    order      what the server wants; one at a time, but for those that change a drawing under way
    wish       such a change: hold, resume, cancel, speed, pen trim, end
    virtual    a machine in this process, in step with the clock; it stays on between two connections

If the server is gone, the pipe is closed: a drawing under way is stopped, with the pen up, and its journal
stays.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from calibration.profile import Profile
from firmware_bridge import events
from firmware_bridge.errors import BridgeError, Cancelled, HostError, PortError, StrokebotError
from firmware_bridge.job.device import Device, PlaceOption, open_device
from firmware_bridge.job.drawing import PEN_STEP_MM
from firmware_bridge.job.frame import walk_around
from firmware_bridge.journal import Journal, default_folder, keeper, read_journal
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program
from firmware_bridge.simulator import virtual_controller
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.stream.streamer import StreamReport
from firmware_bridge.transports import Transport, open_transport
from firmware_bridge.transports.paced import PacedTransport, split_speed
from strokebot.studio.outbox import Outbox
from strokebot.studio.wording import on_page
from strokebot.wording import count_text, duration_text

VIRTUAL = "sim://"
# A machine at rest is asked so often where it stands.
_LOOK_S = 0.5
_END_S = 2.0
# A port that went away is looked for so often.
_AGAIN_S = 1.0
# By hand a machine moves at most at this share of its greatest speed.
_BY_HAND_SHARE = 0.5
_MOST_TRIM_STEPS = 40


_CONDITIONS = {
    "locked": "It is locked and may have lost its place: home it, or unlock it if it stands where it says.",
    "busy": "It is busy ({state}): wait for it.",
    "unplaced": "It has restarted and does not know its place: home it, or move the pen above the paper's "
    "lower left corner and say that the corner is there.",
    "ready": "It is ready.",
}
# What pages are told of a machine, where none is connected.
NOT_CONNECTED: dict[str, Any] = {
    "connected": False,
    "port": "",
    "sentence": "No machine is connected.",
    "state": "",
    "locked": False,
    "place_lost": False,
    "at_mm": None,
    "pen": None,
    "profile": None,
    "firmware": "",
    "lines": [],
    "virtual": False,
    "job": None,
}


@dataclass(frozen=True, eq=False)
class DrawJob:
    """A drawing that was rehearsed.

    Attributes:
        name: of the picture.
        profile: that it was planned with.
        program: the moves.
        gcode: the same as its dialect writes them.
        duration_s: on the virtual machine.
        course: (K, 2) share of the time, and how much is drawn by then, mm.
    """

    name: str
    profile: Profile
    program: Program
    gcode: tuple[str, ...]
    duration_s: float
    course: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Order:
    """What the server wants of a machine: a method of ``Machine`` and its arguments."""

    number: int
    name: str
    values: dict[str, Any]


@dataclass
class Progress:
    """How far a drawing is, as pages are told it."""

    name: str
    kind: str  # draw, frame or resume
    total_s: float | None = None
    share: float = 0.0
    left_s: float | None = None
    drawn_mm: float | None = None
    paused: bool = False
    asked: bool = False
    ending: bool = False
    speed_percent: int = 100
    pen_trim: float = 0.0
    lines_done: int = 0
    lines_total: int = 0

    def told(self) -> dict[str, Any]:
        """As a page is told it."""
        told = {key: value for key, value in vars(self).items()}
        told["t_s"] = None if self.total_s is None else self.share * self.total_s
        return told


def virtual_folder() -> Path:
    """Where journals of virtual machines are: beside those of real ones, which ``strokebot resume`` lists."""
    return default_folder() / "virtual"


def serve(connection: Connection) -> None:
    """Carries out orders until the other end is closed, or says None.

    Args:
        connection: gives ``Order``s; takes (kind, value): "answer" with (number, value, error), "machine",
            "position", "log" and "jobs".
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the server says when it ends, or is gone
        signal.signal(number, signal.SIG_IGN)
    outbox = Outbox(connection)
    machine = Machine(connection, outbox)
    try:
        machine.work()
    finally:
        machine.disconnect()
        outbox.close(_END_S)


class Machine:
    """A machine on a port, or none."""

    def __init__(self, connection: Connection, outbox: Outbox) -> None:
        self._connection = connection
        self._outbox = outbox
        self._device: Device | None = None
        self._profile: Profile | None = None
        self._port = ""
        self._sentence: str = NOT_CONNECTED["sentence"]
        self._trouble = False
        self._progress: Progress | None = None
        self._course: np.ndarray[Any, np.dtype[np.float64]] | None = None
        self._virtual: dict[tuple[str, MachineProfile], VirtualController] = {}
        self._over = False
        self._lost: tuple[str, Profile] | None = None  # the port that went away by itself

    # -- orders ----------------------------------------------------------------------------------

    def work(self) -> None:
        """Carries out orders until the end is wanted."""
        last_s = 0.0
        while not self._over:
            order = self._next(_LOOK_S)
            if order is not None:
                self._carry_out(order)
            elif self._device is not None and time.monotonic() - last_s >= _LOOK_S:
                self._look()
                last_s = time.monotonic()
            elif self._lost is not None and time.monotonic() - last_s >= _AGAIN_S:
                self._connect_again()
                last_s = time.monotonic()

    def _next(self, wait_s: float) -> Order | None:
        """The next order; None if there is none in time, or the end is wanted."""
        try:
            if not self._connection.poll(wait_s):
                return None
            order: Order | None = self._connection.recv()
        except (EOFError, OSError):
            order = None
        if order is None:
            self._over = True
        return order

    def _carry_out(self, order: Order) -> None:
        value, said = None, None
        try:
            value = getattr(self, f"do_{order.name}")(**order.values)
        except Cancelled:
            pass
        except StrokebotError as error:
            said = on_page(error)
            if isinstance(error, PortError):
                self._gone(said)
            self._outbox.line(said)
        except OSError as error:
            said = f"{error.strerror or error}."
        except Exception as error:
            said = f"internal error, please report it: {type(error).__name__}: {error}"
        self._tell()  # first: whoever has the answer may ask on at once
        self._answer(order, value, said)

    def _answer(self, order: Order, value: Any, error: str | None) -> None:
        self._outbox.answer((order.number, value, error))

    def _look(self) -> None:
        """Asks a machine at rest where it stands."""
        assert self._device is not None
        before = self._told()
        try:
            self._device.look()
            self._trouble = False
        except PortError as error:
            self._gone(on_page(error))
        except BridgeError as error:
            self._trouble, self._sentence = True, on_page(error)
        self._tell_place()
        if self._told() != before:
            self._tell()

    # -- what pages are told ---------------------------------------------------------------------

    def _told(self) -> dict[str, Any]:
        device = self._device
        found = NOT_CONNECTED | {
            "connected": device is not None,
            "port": self._port,
            "sentence": self._sentence,
            "virtual": self._port.startswith(VIRTUAL),
            "job": None if self._progress is None else self._progress.told(),
        }
        if device is None:
            return found
        condition = device.condition
        if condition == "unplaced" and found["virtual"]:  # its place is where it was switched on
            condition = "ready"
        if not self._trouble:
            found["sentence"] = _CONDITIONS[condition].format(state=device.state)
        found |= {
            "state": device.state,
            "locked": condition == "locked",
            "place_lost": condition == "unplaced",
            "profile": device.machine.name,
            "firmware": device.facts.firmware,
            "lines": [on_page(line) for line in device.describe()],
        }
        place = self._place()
        if place is not None:
            found["at_mm"], found["pen"] = [place[0], place[1]], place[2]
        if self._progress is not None:
            found["sentence"] = _progress_sentence(self._progress)
        return found

    def _tell(self) -> None:
        self._outbox.newest("machine", self._told())
        self._tell_place()

    def _place(self) -> tuple[float, float, float] | None:
        """Where the tool is: paper mm, and the pen's own units."""
        if self._device is None or self._profile is None or self._device.place is None:
            return None
        place = self._device.place
        ((x_mm, y_mm),) = self._profile.from_machine([(place.x_mm, place.y_mm)])
        return round(float(x_mm), 3), round(float(y_mm), 3), round(place.pen, 4)

    def _tell_place(self) -> None:
        place = self._place()
        if place is not None:
            told = {"x_mm": place[0], "y_mm": place[1], "pen": place[2]}
            if self._progress is not None:
                told["t_s"] = self._progress.told()["t_s"]
            self._outbox.newest("position", told)

    # -- the port --------------------------------------------------------------------------------

    def do_connect(self, port: str, profile: Profile) -> None:
        """Connects to a machine; see ``open_device``."""
        self.disconnect()
        if not port.startswith(VIRTUAL):
            profile.require_real()
        self._sentence = f"Connecting to {port} ..."
        self._tell()
        try:
            self._open(port, profile)
        except StrokebotError as error:
            self._sentence = on_page(error)
            raise

    def _open(self, port: str, profile: Profile) -> None:
        self._device = open_device(profile.machine, port, transport=self._transport(port, profile.machine))
        self._lost = None
        self._profile, self._port, self._trouble = profile, port, False
        with contextlib.suppress(BridgeError):
            self._device.look()
        self._outbox.line(f"connected: {self._device.describe()[0]}")

    def _transport(self, port: str, machine: MachineProfile) -> Transport:
        if not port.startswith(VIRTUAL):
            return open_transport(port, machine)
        name, speed = split_speed(port.removeprefix(VIRTUAL))
        key = name, machine
        if key not in self._virtual:
            self._virtual[key] = virtual_controller(name, machine)
        return PacedTransport(name, machine, speed or 1.0, self._virtual[key])

    def do_disconnect(self) -> None:
        """Gives the port back."""
        self.disconnect()

    def disconnect(self) -> None:
        """Gives the port back."""
        if self._device is not None:
            with contextlib.suppress(BridgeError):
                self._device.close()
        self._device, self._port, self._lost = None, "", None
        self._sentence = NOT_CONNECTED["sentence"]

    def _gone(self, said: str) -> None:
        """The port went away."""
        lost = None
        if self._device is not None and self._profile is not None and not self._port.startswith(VIRTUAL):
            lost = self._port, self._profile
        self.disconnect()
        self._sentence, self._lost = said, lost
        if lost is not None:
            self._sentence += " It is connected again as soon as it is back."

    def _connect_again(self) -> None:
        """Connects to the port that went away, if it is back."""
        assert self._lost is not None
        port, profile = self._lost
        try:
            self._open(port, profile)
        except StrokebotError:
            return  # not yet; what the page is told stays
        self._tell()

    def _connected(self) -> tuple[Device, Profile]:
        if self._device is None or self._profile is None:
            raise HostError("No machine is connected: choose a port first.")
        return self._device, self._profile

    # -- by hand ---------------------------------------------------------------------------------

    def do_status(self) -> list[str]:
        """What is there, in what state, and what to do."""
        device, _ = self._connected()
        device.look()
        return [on_page(line) for line in device.describe()]

    def do_home(self) -> None:
        """Runs the homing cycle."""
        self._connected()[0].home()

    def do_unlock(self) -> None:
        """Leaves an alarm: the machine stands where it believes to be."""
        self._connected()[0].unlock()

    def do_jog(self, step_mm: tuple[float, float], feed_mm_s: float) -> None:
        """Moves by a step in the directions of the paper."""
        device, profile = self._connected()
        (zero, there) = profile.to_machine([(0.0, 0.0), step_mm])
        self._move(device, there - zero, feed_mm_s)

    def do_go(self, place_mm: tuple[float, float], feed_mm_s: float) -> None:
        """Moves to a place on the paper, with the pen up."""
        device, profile = self._connected()
        device.look()
        if device.place is None:
            raise HostError("The machine does not say where it stands: home it first.")
        device.lift_pen(profile.pen.up)
        here = np.array([device.place.x_mm, device.place.y_mm])
        (there,) = profile.to_machine([place_mm])
        self._move(device, there - here, feed_mm_s)

    def _move(self, device: Device, way: np.ndarray[Any, np.dtype[np.float64]], feed_mm_s: float) -> None:
        most = _BY_HAND_SHARE * min(device.machine.max_speed_mm_s)
        if float(np.hypot(*way)) > 0.0:
            device.jog(float(way[0]), float(way[1]), 0.0, min(feed_mm_s, most))

    def do_pen(self, to: float | str) -> None:
        """Moves the pen alone: up, down (where it just touches), or to a value."""
        device, profile = self._connected()
        if to == "up":
            device.lift_pen(profile.pen.up)
        else:
            device.move_pen(profile.pen.touch if to == "down" else float(to))

    def do_touch_off(self) -> None:
        """The tool stands above the lower left corner of the paper: the machine counts from there."""
        device, profile = self._connected()
        (corner,) = profile.to_machine([(0.0, 0.0)])
        device.make_ready(origin=(float(corner[0]), float(corner[1])))
        device.look()

    # -- drawings --------------------------------------------------------------------------------

    def do_frame(self, low_mm: tuple[float, float], high_mm: tuple[float, float]) -> None:
        """Walks around what a drawing will cover, with the pen up."""
        device, _ = self._connected()
        program = walk_around(low_mm, high_mm, device.machine)
        self._progress = Progress("the frame", "frame")
        self._draw(lambda: device.run(program, self._listen))

    def do_draw(self, job: bytes) -> None:
        """Draws a rehearsed drawing (a pickled ``DrawJob`` of the process that plans)."""
        wanted: DrawJob = pickle.loads(job)
        device, _ = self._connected()
        self.require_same(wanted.profile.machine)
        self._profile = wanted.profile  # the same machine, perhaps with another sheet
        self._progress = Progress(wanted.name, "draw", wanted.duration_s)
        self._course = wanted.course
        keep = self._keeper(wanted.name)
        self._draw(lambda: device.run(wanted.program, self._listen, keep, wanted.gcode))

    def do_again(self, path: Path) -> None:
        """Draws a job of the journal from its beginning."""
        device, _ = self._connected()
        state = read_journal(path)
        self.require_same(state.machine)
        self._progress = Progress(state.name, "draw")
        keep = self._keeper(state.name)
        self._draw(lambda: device.run_gcode(state.lines, self._listen, keep))

    def do_resume_job(self, path: Path, place: PlaceOption, overlap_mm: float) -> None:
        """Goes on with a job of the journal; see ``Device.run_rest``."""
        device, _ = self._connected()
        state = read_journal(path)
        self.require_same(state.machine)
        self._progress = Progress(state.name, "resume")

        def rest() -> StreamReport:
            with Journal.reopen(state) as journal:
                return device.run_rest(state, journal, self._listen, place, overlap_mm)

        self._draw(rest)

    def require_same(self, machine: MachineProfile) -> None:
        """Passes a drawing that was made for the connected machine.

        Raises:
            HostError: if it was not.
        """
        if self._connected()[0].machine != machine:
            raise HostError(
                f"This drawing is for the machine '{machine.name}', and the port was opened with other "
                "values: connect again with its profile."
            )

    def _keeper(self, name: str) -> Callable[[Sequence[str]], Journal]:
        device, _ = self._connected()
        folder = virtual_folder() if self._port.startswith(VIRTUAL) else None
        begin = keeper(device.machine, self._port, name, folder)

        def begin_and_tell(lines: Sequence[str]) -> Journal:
            journal = begin(lines)
            self._outbox.newest("jobs", True)
            return journal

        return begin_and_tell

    def _draw(self, run: Callable[[], StreamReport]) -> None:
        progress = self._progress
        assert progress is not None
        self._tell()
        try:
            report = run()
            self._outbox.line(f"{progress.name}: done in {duration_text(report.duration_s)}.")
            if report.trim:
                self._outbox.line(
                    f"The pen was trimmed by {report.trim:+.2f}: to keep that, add it to touch, full and "
                    "values under [pen] in the profile."
                )
        except Cancelled:
            go_on = "" if progress.kind == "frame" else "; the list of jobs has it, to go on with"
            self._outbox.line(f"{progress.name}: cancelled, the pen is up{go_on}.")
            raise
        finally:
            self._progress, self._course = None, None
            self._outbox.newest("jobs", True)

    # -- while it draws --------------------------------------------------------------------------

    def _listen(self, event: events.Event) -> None:
        """Is called a few times a second while it draws, also while it is paused."""
        progress = self._progress
        assert progress is not None
        if isinstance(event, events.Position):
            self._tell_place()
        else:
            self._note(event, progress)
            self._outbox.newest("machine", self._told())
        while not self._over and self._connection.poll(0):
            order = self._next(0.0)
            if order is not None:
                self._wish(order, progress)
        if self._over and not progress.ending:
            progress.ending = True
            self._connected()[0].cancel()

    def _note(self, event: events.Event, progress: Progress) -> None:
        if isinstance(event, events.Progress):
            progress.lines_done, progress.lines_total = event.lines_done, event.lines_total
            if event.share is not None:
                progress.share = event.share
            elif progress.total_s is None and event.lines_total:
                progress.share = event.lines_done / event.lines_total
            if not progress.paused:
                progress.left_s = event.eta_s
            if self._course is not None:
                progress.drawn_mm = round(float(np.interp(progress.share, *self._course.T)), 1)
        elif isinstance(event, events.Notice):
            self._outbox.line(on_page(event.message))
        elif isinstance(event, events.Paused):
            progress.paused = True
            self._outbox.line(f"Held at line {event.line}, the pen is up.")
        elif isinstance(event, events.Asked):
            progress.paused = progress.asked = True
            what = "change the pen" if event.word == "M6" else "do what the drawing stops for"
            self._outbox.line(f"{event.word} in line {event.line}: {what}, then go on.")
        elif isinstance(event, events.Resumed):
            progress.paused = progress.asked = False
            self._outbox.line(f"Goes on at line {event.line}: {event.overlap_mm:.1f} mm are drawn again.")
        elif isinstance(event, events.Adjusted):
            progress.speed_percent, progress.pen_trim = event.percent, event.trim
            later = f", felt after {count_text(event.lines_away, 'line')}" if event.lines_away else ""
            self._outbox.line(f"Speed {event.percent} %, pen trim {event.trim:+.2f}{later}.")

    def _wish(self, order: Order, progress: Progress) -> None:
        """Does what somebody wants of a drawing under way."""
        device, _ = self._connected()
        values = order.values
        if order.name == "hold":
            device.pause()
        elif order.name == "go_on":
            progress.asked = False
            device.go_on()
        elif order.name == "cancel":
            device.cancel()
        elif order.name == "speed":
            device.set_speed(int(values["percent"]))
        elif order.name == "trim":
            device.trim_pen(int(values["steps"]))
        else:
            self._answer(order, None, "The machine is drawing: hold or cancel that first.")
            return
        self._answer(order, None, None)
        self._outbox.newest("machine", self._told())

    def do_hold(self) -> None:
        """Nothing draws, so there is nothing to hold, nor to change."""
        raise HostError("Nothing is being drawn.")

    do_go_on = do_cancel = do_hold

    def do_speed(self, percent: int) -> None:
        """See ``do_hold``."""
        del percent
        self.do_hold()

    def do_trim(self, steps: int) -> None:
        """See ``do_hold``."""
        del steps
        self.do_hold()


def trim_steps(mm: float) -> int:
    """Steps of a trim, upwards, for a distance."""
    return max(-_MOST_TRIM_STEPS, min(_MOST_TRIM_STEPS, round(mm / PEN_STEP_MM)))


def _progress_sentence(progress: Progress) -> str:
    if progress.asked:
        return f"{progress.name} has stopped for you: go on when that is done."
    if progress.paused:
        return f"{progress.name} is held, the pen is up."
    if progress.kind == "frame":
        return "It walks around the drawing, with the pen up."
    left = "" if progress.left_s is None else f", about {duration_text(progress.left_s)} left"
    return f"It draws {progress.name}: {progress.share:.0%}{left}."


__all__ = ["DrawJob", "Machine", "Order", "serve", "trim_steps", "virtual_folder"]
