"""Stories: what people do with a board in some state, and whether it ended well.

Nouns:
    desk      a board, its wire, the folder of journals and the person in front of it
    step      one command, which opens the port and closes it: send, resume, pen up, jog, home
    incident  what happens in the middle of a step: a key, a kill, a power cut, a pulled cable, an alarm
    frame     paper minus work position: where the controller's zero really lies
    person    keeps to what the messages advise, and is honest: says --here only after the pen was put
              where the controller believes it to be

The judge looks at the recording alone, which is in the frame of the paper, never at the counters:

    wrong ink       ink farther from the planned line than rounding allows, in the frame that was in
                    force when the drawing was begun
    pressed         the pen below its lowest planned value
    left down       the pen on the paper at the end, and the last word did not say that it may be
    hung            no end within a day of the board's time, or no step of it
    untrue          ended well though ink is missing
"""

from __future__ import annotations

import contextlib
import functools
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import StrokebotError
from firmware_bridge.events import Event
from firmware_bridge.gcode.sanitize import validate_lines
from firmware_bridge.job.device import Device
from firmware_bridge.job.frame import box_of_program, walk_around
from firmware_bridge.job.reconnect import pen_told
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.simulator.wire import Wire
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.faulty import FaultyTransport
from tests.support.cut_wire import Killed
from tests.support.ink_cases import UP, Points, dense, farthest_mm, ink, program_of
from tests.support.story_states import Board, Chance, board_of

INCIDENTS = (
    "pause",
    "cancel",
    "ctrl-c",
    "kill",
    "power cut",
    "power cut, port gone",
    "unplugged",
    "unplugged, no power",
    "alarm",
    "pause, then power cut",
    "pause, then kill",
)
STEPS = (
    "resume", "resume", "resume", "resume home", "resume here", "pen up", "jog", "home", "other program",
    "status",
)  # fmt: skip
# Who says --origin lays the paper here, from where the work frame in force has it, mm.
ORIGIN_SHIFT_MM = (7.0, -5.0)
# Commands that answer for the pen.
_LIFTING = ("send", "draw", "resume", "resume home", "resume home lifted", "resume here", "pen up")
# A serial port waits so long for a greeting.
_BOOT_S = 2.5
# A day of the board's time, or so many looks at the port, and it will not end.
_LONGEST_S = 24 * 3600.0
_MOST_READS = 400_000
# Ink farther away than this is beside the line: a uArm takes two digits, and a stop ends within a motor step.
NEAR_MM = 0.15
_TOUCH_MM = 0.5
_SERVO_TOUCH = 135.0
_DOWN = {"z": 0.0, "servo": 170.0}
_SLACK = {"z": 0.03, "servo": 0.5}
_SAME_MM = 0.02
# What a message says that does not leave the pen to itself.
_TOLD = re.compile(
    r"lift|pen (may|might|is|was|stays|rests)[a-z ]* (down|on the paper)|pen (may|might) be down"
)


class Hung(BaseException):
    """It will not end."""


class StoryTransport(FaultyTransport):
    """One connection of a story."""

    def __init__(self, desk: Desk) -> None:
        """Opens the port, which restarts a board that resets on DTR."""
        super().__init__(desk.board.machine, desk.wire)
        self.boot_s = _BOOT_S
        self._desk = desk
        desk.wire.opened()

    def write(self, data: bytes) -> None:
        """Sends bytes, unless the host is gone."""
        self._look()
        super().write(data)

    def read_line(self, timeout_s: float) -> str:
        """The next line, unless the host is gone."""
        self._look()
        line = super().read_line(timeout_s)
        self._look()
        return line

    def _look(self) -> None:
        desk = self._desk
        desk.looks += 1
        if desk.host_gone:
            raise Killed
        if desk.looks > _MOST_READS or self.now_s() > _LONGEST_S:
            raise Hung


@dataclass(frozen=True)
class Step:
    """One command of a story.

    Attributes:
        what: see ``STEPS``; also ``send``, ``draw`` and ``frame``, which walks around the drawing.
        place: how the board is brought to its place before the drawing begins: empty, home, unlock, or
            origin, by which the paper lies elsewhere.
        incident: see ``INCIDENTS``; empty for none.
        at: when it happens, as a share of the drawing.
        bare: whether the file says nothing of units and distances.
    """

    what: str
    place: str = ""
    incident: str = ""
    at: float = 0.5
    bare: bool = False

    def __str__(self) -> str:
        parts = [self.what, self.place and f"--{self.place}", "bare" if self.bare else ""]
        if self.incident:
            parts.append(f"[{self.incident} at {self.at:.2f}]")
        return " ".join(filter(None, parts))


@dataclass(frozen=True)
class Told:
    """How a command ended: its exit code, or None if it was killed, and its last words."""

    step: Step
    exit: int | None
    words: str


@dataclass(frozen=True)
class Verdict:
    """What the judge found.

    Attributes:
        wrong_ink_mm: how far ink is beside the line, where that is too far.
        pressed: how far the pen was pressed below its lowest value.
        left_down: see the module. hung: see there. untrue: see there.
        crashed: the name of an error that is none of ours, or empty.
        told: the commands with their ends.
    """

    wrong_ink_mm: float = 0.0
    pressed: float = 0.0
    left_down: bool = False
    hung: bool = False
    untrue: bool = False
    crashed: str = ""
    told: tuple[Told, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        bad = self.wrong_ink_mm or self.pressed or self.left_down or self.hung or self.untrue or self.crashed
        return not bad


STROKES: list[Points] = [
    [(60.0, 20.0), (75.0, 20.0), (75.0, 32.0), (68.0, 36.0), (66.0, 30.0), (60.0, 28.0), (60.0, 22.0)],
    [(84.0, 24.0), (90.0, 34.0), (96.0, 24.0), (102.0, 34.0), (108.0, 24.0), (96.0, 21.0)],
]
_ARM_SHIFT_MM = (80.0, -10.0)
_FEED_MM_S = 30.0


def strokes_of(dialect: str) -> list[Points]:
    """The drawing of all stories."""
    if dialect != "uarm":
        return STROKES
    dx, dy = _ARM_SHIFT_MM
    return [[(x + dx, y + dy) for x, y in stroke] for stroke in STROKES]


@functools.cache
def _span_s(dialect: str, pen: str) -> float:
    """About how long the drawing takes."""
    length = sum(float(np.hypot(*np.diff(np.array(s), axis=0).T).sum()) for s in strokes_of(dialect))
    return length / _FEED_MM_S + 4.0


@dataclass
class Desk:
    """A board and who uses it; see the module."""

    board: Board
    folder: Path
    controller: VirtualController = field(init=False)
    wire: Wire = field(init=False)
    host_gone: bool = False
    looks: int = 0
    job_frame_mm: Vector | None = None
    told: list[Told] = field(default_factory=list)
    _here: bool = False
    _told_down: bool = False
    _note: str = ""
    _under_way: Step | None = None

    def __post_init__(self) -> None:
        self.controller = self.board.switch_on()
        self.wire = Wire(self.controller)

    # -- truth -----------------------------------------------------------------------------------

    def frame_mm(self) -> Vector:
        """Paper minus work position, as the board now has it."""
        c, o = self.controller, self.controller.recorder.offset_mm
        shift: Sequence[float] = (0.0, 0.0, 0.0)
        if isinstance(c, VirtualGrbl):
            shift = c.interpreter.frames[0] if c.booting else c.interpreter.offset_mm
        elif isinstance(c, VirtualMarlin) and not c.booting:
            shift = [-v for v in c.commands.shift]
        return o[0] + shift[0], o[1] + shift[1], o[2] + shift[2]

    def carry_to_frame(self, frame_mm: Vector) -> bool:
        """Puts the pen by hand where the controller believes it to be; False where that is in the table."""
        now = self.frame_mm()
        place = self.controller.physical_mm()
        goal = [p + w - n for p, w, n in zip(place, frame_mm, now, strict=True)]
        if all(abs(a - b) < _SAME_MM for a, b in zip(goal, place, strict=True)):
            return True
        if self.board.machine.pen_actuator == "z" and goal[2] < frame_mm[2]:
            return False
        self.controller.motion.flush()
        self.controller.recorder.servo_to(
            self.controller.now_s, self.board.machine.safe_pen
        )  # lifted by hand
        self.controller.advance(self.controller.now_s + 1.0)
        high = max(place[2], goal[2]) + UP
        believed = self.controller.position_mm()
        begin = place
        for to in ((place[0], place[1], high), (goal[0], goal[1], high), (goal[0], goal[1], goal[2])):
            way = [b - a for a, b in zip(begin, to, strict=True)]
            length = float(np.linalg.norm(way))
            if length:
                self.controller.advance(self.controller.now_s + 1.0)
                unit = (way[0] / length, way[1] / length, way[2] / length)
                self.controller.recorder.offset_mm = (0.0, 0.0, 0.0)
                self.controller.recorder.ramp(self.controller.now_s - 1.0, 1.0, begin, unit, length, 0.0)
            begin = to
        x, y, z = (g - b for g, b in zip(goal, believed, strict=True))
        self.controller.recorder.offset_mm = (x, y, z)
        return True

    def pen_is_down(self) -> bool:
        """Whether the pen is on the paper now."""
        if self.board.machine.pen_actuator == "servo":
            return self.controller.recorder.servo_at(self.controller.now_s) > _SERVO_TOUCH
        return self.controller.physical_mm()[2] < _TOUCH_MM

    # -- commands --------------------------------------------------------------------------------

    def do(self, step: Step) -> None:
        """Carries out one command as the command line does."""
        self._under_way = step
        self.wire.broken = False  # the cable is in, and there is power
        self.host_gone = False
        self.looks, self._note = 0, ""
        if step.what == "other program":
            self._other_program()
            return
        if step.what in ("jog", "home", "frame"):
            self.wire.advance(self.wire.now_s + 60.0)
            if self.pen_is_down():
                return  # nobody moves a pen that rests on the paper
        if step.what.startswith("resume") and self.job_frame_mm is None:
            return
        try:
            self._carry_out(step)
        except Killed:
            self.told.append(Told(step, None, ""))
        except KeyboardInterrupt:
            self.told.append(Told(step, 130, "interrupted; the pen is up"))
        except StrokebotError as error:
            self.told.append(Told(step, 1, str(error)))
        else:
            self.told.append(Told(step, 0, self._note))
        self._under_way = None
        self.host_gone = False
        self.wire.take_output()
        if step.what in ("send", "draw") and not self._begun():
            self.job_frame_mm = None  # it was refused: nothing was begun that could be gone on with
        self._note_pen(self.told[-1])

    def _begun(self) -> bool:
        """Whether a line of the drawing may have been sent."""
        try:
            return find_job("1", self.folder).may_sent > 0
        except StrokebotError:
            return False

    def _note_pen(self, told: Told) -> None:
        """Whether somebody who read the last words knows that the pen may be down."""
        if told.step.what in _LIFTING and not (told.step.what == "pen up" and told.exit):
            # Of a kill nobody says a word; whoever comes next must.
            self._told_down = told.exit is None or bool(_TOLD.search(told.words))

    def _carry_out(self, step: Step) -> None:
        machine = self.board.machine
        transport = StoryTransport(self)
        try:
            if step.what == "resume home lifted" and self.pen_is_down():
                x, y, z = self.frame_mm()
                self.carry_to_frame((x, y, z + UP))
            if step.what == "resume here" and self.job_frame_mm is not None and not self._job_done():
                self._here = self.carry_to_frame(self.job_frame_mm)
            with pen_told(self._journal(step)):
                device = Device(machine, Link(transport, dialect_of(machine.dialect), machine))
            if step.what in ("send", "draw"):
                self._begin(device, step)
            elif step.what.startswith("resume"):
                self._resume(device, step)
            elif step.what == "pen up":
                unsure = device.place_lost or device.counts_from_zero
                device.lift_pen(machine.safe_pen)
                if unsure:
                    self._note = "look where the pen is, and lift it by hand if it is down"
            elif step.what == "jog":
                device.jog(3.0, 2.0)
            elif step.what == "status":
                self._require_still(device.describe)
            elif step.what == "frame":
                self._make_ready(device, step.place)
                device.run(walk_around(*box_of_program(self._program()), machine))
            elif step.what == "home":
                device.home()
        finally:
            transport.close()

    def _journal(self, step: Step) -> Path | None:
        """The journal that a command goes on with."""
        return find_job("1", self.folder).path if step.what.startswith("resume") else None

    def _job_done(self) -> bool:
        try:
            return find_job("1", self.folder).done
        except StrokebotError:
            return True

    def _program(self) -> Program:
        machine = self.board.machine
        return program_of(strokes_of(machine.dialect), _FEED_MM_S, machine.pen_actuator)

    def _require_still(self, tell: Callable[[], Sequence[str]]) -> None:
        """Whoever asks for the state moves nothing, and is told one."""
        before = self.controller.physical_mm()
        assert all(tell())
        assert self.controller.physical_mm() == before, "status has moved the tool"

    def _make_ready(self, device: Device, place: str) -> Vector:
        """Brings the board to its place; returns the frame in which the drawing is meant."""
        if place == "home":
            device.home(pen=True)
        elif place == "unlock":
            device.make_ready(unlock=True)
        if place != "origin":
            return self.frame_mm()
        x, y, z = self.frame_mm()
        here_x, here_y, _ = self.controller.physical_mm()
        dx, dy = ORIGIN_SHIFT_MM
        device.make_ready(origin=(here_x - x - dx, here_y - y - dy))
        return x + dx, y + dy, z

    def _begin(self, device: Device, step: Step) -> None:
        machine = self.board.machine
        self.job_frame_mm = self._make_ready(device, step.place)
        program = self._program()
        listen = self._listener(device, step)
        if step.what == "draw":
            device.run(program, listen, self._keep)
            return
        lines = list(dialect_of(machine.dialect).encode(program, machine))
        if step.bare:
            lines = [line for line in lines if not re.fullmatch(r"(G(17|20|21|90|91|94)\s*)+", line)]
        device.run_gcode(validate_lines(lines), listen, self._keep)

    def _resume(self, device: Device, step: Step) -> None:
        state = find_job("1", self.folder)
        if state.done:
            raise StrokebotError("The job is done.")
        places = {"resume": "ask", "resume home": "home", "resume home lifted": "home"}
        place = places.get(step.what, "here" if self._here else "ask")
        listen, lifted = self._listener(device, step), step.what.endswith("lifted")
        with Journal.reopen(state) as journal:
            device.run_rest(state, journal, listen, place, lifted=lifted)  # type: ignore[arg-type]

    def _keep(self, lines: Sequence[str]) -> Journal:
        machine = self.board.machine
        return begin_job(list(lines), machine, f"sim://{self.board.name}", "story", self.folder)

    def _other_program(self) -> None:
        """Another program opens the port, looks, and closes it again."""
        self.wire.opened()
        self.wire.advance(self.wire.now_s + 20.0)
        if self.board.machine.dialect == "grbl":
            self.wire.receive(b"?\n")
        self.wire.advance(self.wire.now_s + 1.0)
        self.wire.take_output()

    # -- incidents -------------------------------------------------------------------------------

    def _listener(self, device: Device, step: Step) -> Callable[[Event], None]:
        at_s = self.wire.now_s + step.at * _span_s(device.machine.dialect, device.machine.pen_actuator)
        first, _, then = step.incident.partition(", then ")
        keys = {"pause", "cancel", "ctrl-c"}
        if first and first not in keys:
            self.wire.at(at_s, lambda: self._happen(first, step))
        paused_s: list[float] = []

        def listen(event: Event) -> None:
            del event
            now_s = self.wire.now_s
            if first in keys and now_s >= at_s and not paused_s:
                paused_s.append(now_s)
                if first == "ctrl-c":
                    raise KeyboardInterrupt
                if first == "cancel":
                    device.cancel()
                    return
                device.pause()
                if then:
                    self.wire.at(now_s + 8.0, lambda: self._happen(then, step))
            elif paused_s and first == "pause" and now_s > paused_s[0] + 15.0:
                device.go_on()

        return listen

    def _happen(self, what: str, step: Step) -> None:
        if step is not self._under_way:
            return  # the command has ended before
        if what == "kill":
            self.host_gone = True
        elif what == "unplugged":
            self.wire.broken = True
        elif what == "alarm":
            if isinstance(self.controller, VirtualGrbl) and not self.controller.booting:
                self.controller.raise_alarm(1)
        else:
            self.wire.cut()
            self.controller.power_cycle(off_s=3.0)
            self.wire.broken = what != "power cut"

    # -- the end ---------------------------------------------------------------------------------

    def judge(self) -> Verdict:
        """Lets the board come to rest and looks at what it did."""
        self.wire.advance(self.wire.now_s + 60.0)
        machine = self.board.machine
        pen = machine.pen_actuator
        recording = _beside_the_switch(self.controller.recording(), machine)
        frame = self.job_frame_mm or (0.0, 0.0, 0.0)
        pieces = [p for p in ink(recording, pen) if np.ptp(p, axis=0).max() > _SAME_MM]
        strokes = [[(x + frame[0], y + frame[1]) for x, y in s] for s in strokes_of(machine.dialect)]
        wrong = 0.0
        if pieces:
            far = np.inf
            if self.job_frame_mm is not None:
                far = farthest_mm(np.concatenate(pieces), [np.array(stroke) for stroke in strokes])
            wrong = far if far > NEAR_MM else 0.0
        sign = 1.0 if pen == "servo" else -1.0
        lowest = (recording.pen * sign).max() - sign * _DOWN[pen]
        first = sign * (recording.pen[0] - _DOWN[pen])
        pressed = max(float(lowest) - max(float(first), 0.0) - _SLACK[pen], 0.0)
        moved = bool(np.ptp(recording.pen) > 0.0 or np.ptp(recording.xy_mm) > 0.0)
        untold = moved and self.pen_is_down() and not self._told_down
        return Verdict(wrong, pressed, untold, untrue=self._untrue(pieces, strokes), told=tuple(self.told))

    def _untrue(self, pieces: list[np.ndarray], strokes: list[Points]) -> bool:
        """Whether a drawing ended with 0 though ink is missing."""
        ends = [t for t in self.told if t.exit == 0 and t.step.what.split()[0] in ("send", "draw", "resume")]
        if not ends or self.job_frame_mm is None:
            return False
        with contextlib.suppress(StrokebotError):
            if not find_job("1", self.folder).done:
                return True
        return farthest_mm(dense(strokes), pieces) > NEAR_MM


def _beside_the_switch(recording: Recording, machine: MachineProfile) -> Recording:
    """The recording without the pen's way to its switch, which Marlin makes in a corner beside the paper."""
    if machine.dialect != "marlin" or machine.pen_actuator != "z":
        return recording
    box = machine.envelope
    away = np.abs(recording.xy_mm - (box.x_min_mm, box.y_min_mm)).max(axis=1) > _SAME_MM
    return Recording(recording.t_s[away], recording.xy_mm[away], recording.pen[away])


@dataclass(frozen=True)
class Story:
    """A board and what is done with it."""

    board: Board
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        pen = self.board.machine.pen_actuator
        return f"{self.board.name} {pen}, {self.board.how}: " + "; ".join(map(str, self.steps))


def story_of(name: str, chance: Chance) -> Story:
    """A story by chance."""
    board = board_of(name, chance)
    incidents = [i for i in INCIDENTS if i != "alarm" or board.machine.dialect == "grbl"]
    place = ""
    if board.locked:
        # Who forgets to home is told so by GRBL; Marlin draws where it happens to stand.
        place = "home" if name == "marlin" else chance.pick(("home", "home", "home", ""))
    what = "draw" if board.machine.dialect == "uarm" else chance.pick(("send", "draw"))
    at = round(1.05 * chance.share(), 2)
    first = Step(what, place, chance.pick(("", *incidents)), at, chance.pick((False, True)))
    steps = [first]
    if board.how == "alarm" and chance.pick((False, True)):
        steps[0] = replace(first, place="unlock")  # it kept its place: an alarm has stopped it at rest
    elif not (board.locked or board.homes) and name != "uarm" and chance.pick((False, False, True)):
        steps[0] = replace(first, place="origin")
    if not board.restarts and chance.pick((False, False, True)):
        # Seen first; what it is told then stays in force, but for a shift, which is told once again.
        ready = steps[0].place if steps[0].place != "origin" else ""
        steps.insert(0, Step("frame", ready))
    for _ in range(chance.pick((0, 1, 2, 2, 3, 4))):
        what = chance.pick(STEPS)
        incident = chance.pick(("", "", *incidents)) if what.startswith("resume") else ""
        steps.append(Step(what, "", incident, round(1.05 * chance.share(), 2)))
    return Story(board, tuple(steps))


def tell(story: Story, folder: Path | None = None) -> Verdict:
    """Plays a story and judges it."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as temporary:
        desk = Desk(story.board, folder or Path(temporary))
        try:
            for step in story.steps:
                desk.do(step)
        except Hung:
            return Verdict(hung=True, told=tuple(desk.told))
        except Exception as error:  # the story asks whether there is one
            return Verdict(crashed=f"{type(error).__name__}: {error}", told=tuple(desk.told))
        return desk.judge()
