"""Runs G-code lines on the virtual machine in process, with no wall-clock waits."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Alarm, Facts, Framing, Message, Ok, Rejected, Reply, frame
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, ProgramError, ResponseTimeout
from firmware_bridge.gcode.words import file_line
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.registry import virtual_controller
from firmware_bridge.simulator.virtual import VirtualController

# A drawing that takes longer than a week of virtual time will not end.
_LONGEST_RUN_S = 7 * 24 * 3600.0


OnMessage = Callable[[int, str], None]

# The tool's way is handed on in pieces of so many lines.
_PIECE_LINES = 1000


def simulate_lines(
    lines: Iterable[str],
    machine: MachineProfile,
    start_mm: Vector | None = None,
    on_message: OnMessage | None = None,
) -> Recording:
    """What the tool does for some G-code lines, sent as fast as the machine takes them, from time 0 on.

    A pause in the program (M0) is resumed at once.

    Args:
        lines: without line ends.
        machine: the machine that runs them.
        start_mm: where the tool stands at first; by default x = y = 0, pen up.
        on_message: is told what the firmware says of a line besides its answer, with the line's number.

    Raises:
        DeviceRejected: if the controller refuses a line; names it and its number.
        DeviceAlarm: if it raises an alarm.
        ProgramError: if a line holds a line break or a character that is not ASCII.
    """
    virtual = virtual_controller(dialect_of(machine.dialect).manners.simulator, machine, start_mm)
    for _ in _run(virtual, lines, machine, on_message):
        pass
    return virtual.recording()


def simulate_pieces(
    lines: Iterable[str],
    machine: MachineProfile,
    start_mm: Vector | None = None,
    sample_s: float = math.inf,
) -> Iterator[Recording]:
    """The same in pieces that follow each other, in a memory that does not grow with the lines.

    Args:
        lines: see ``simulate_lines``.
        machine: see there.
        start_mm: see there.
        sample_s: longest time between two samples; by default the corners alone are told.

    Raises:
        StrokebotError: as ``simulate_lines``, after the pieces before.
    """
    virtual = virtual_controller(dialect_of(machine.dialect).manners.simulator, machine, start_mm)
    for _ in _run(virtual, lines, machine):
        virtual.motion.flush()
        yield virtual.recorder.take(virtual.now_s, sample_s)


def _run(
    virtual: VirtualController,
    lines: Iterable[str],
    machine: MachineProfile,
    on_message: OnMessage | None = None,
) -> Iterator[None]:
    """Runs all lines; stops by after each piece of them, and at the end."""
    host = _Host(virtual, machine, on_message)
    for index, line in enumerate(lines):
        if (index + 1) % _PIECE_LINES == 0:
            yield
        host.send(file_line(line, index), line)
    host.finish()
    yield


class _Host:
    """Sends lines as fast as they are taken: as many under way as the dialect's window holds.

    It sits on the machine itself: nothing is lost, nothing takes time on the way, nothing is asked.
    """

    def __init__(
        self, virtual: VirtualController, machine: MachineProfile, on_message: OnMessage | None = None
    ) -> None:
        self._on_message = on_message
        self._virtual = virtual
        self._dialect = dialect_of(machine.dialect)
        framing = self._dialect.framing
        # Numbers that guard lines on a wire have nothing to guard here; names are what answers go by.
        self._framing = Framing.PLAIN if framing is Framing.NUMBERED else framing
        self._window = self._dialect.window(machine, Facts())
        self._pending: deque[tuple[int, str, int]] = deque()
        self._pending_bytes = 0
        self._taken = virtual.acknowledged
        self._parsed: tuple[str, Reply] = ("", self._dialect.parse(""))
        virtual.take_output()

    def send(self, number: int, line: str) -> None:
        """Sends one line and runs the machine until the window has room for as long a line again."""
        if not line.isascii() or "\n" in line or "\r" in line:
            raise ProgramError(f"Line {number} holds a character that is not plain text: correct it.")
        if not line.partition(";")[0].strip():
            return  # nothing to do, and not every firmware answers it
        data = frame(self._framing, number, line)
        size = len(data)
        while self._pending and not self._fits(size):
            self._wait()
        self._pending.append((number, line, size))
        self._pending_bytes += size
        self._virtual.receive(data)
        while self._pending and not self._fits(size) and not self._virtual.dead:
            self._wait()

    def finish(self) -> None:
        """Runs the machine until it has answered everything and stands still."""
        while self._pending and not self._virtual.dead:
            self._wait()
        while not self._virtual.idle() and self._virtual.now_s < _LONGEST_RUN_S:
            self._virtual.advance(self._virtual.next_event_s())

    def _fits(self, size: int) -> bool:
        lines, most = self._window.lines, self._window.bytes
        few = lines is None or len(self._pending) < lines
        return few and (most is None or self._pending_bytes + size <= most)

    def _wait(self) -> None:
        """Runs the machine until it says something, if it has not yet."""
        virtual = self._virtual
        if self._collect():
            return
        event_s = virtual.next_event_s()
        idle = math.isinf(event_s)
        if idle and virtual.go_on():
            return
        if idle or virtual.now_s > _LONGEST_RUN_S:
            number, line, _ = self._pending[0]
            raise ResponseTimeout(f"The virtual machine gives no answer to line {number}: '{line[:40]}'.")
        virtual.advance(event_s, stop_at_output=True)
        self._collect()

    def _collect(self) -> bool:
        """Hears what was said, and books the lines that were answered; False if there is neither."""
        virtual = self._virtual
        said = virtual.take_output()
        answered = virtual.acknowledged - self._taken
        if not said and not answered:
            return False
        at = 0  # what is said of a line comes before its own answer, and after that of the one before
        for text in said.decode("ascii").splitlines():
            at += self._hear(text, min(at, len(self._pending) - 1))
        for _ in range(min(answered, len(self._pending))):
            self._pending_bytes -= self._pending.popleft()[2]
        self._taken += answered
        return True

    def _hear(self, text: str, at: int) -> bool:
        """Takes one answer, of the line at a place among the pending; whether it is the last one of it."""
        if text != self._parsed[0]:  # most answers are the same
            self._parsed = (text, self._dialect.parse(text))
        reply = self._parsed[1]
        if isinstance(reply, Rejected | Alarm):
            number, line, _ = self._pending[at]
            kind, error = ("error", DeviceRejected) if isinstance(reply, Rejected) else ("alarm", DeviceAlarm)
            raise error(f"Line {number} '{line[:40]}': {kind} {reply.code}, {reply.words}: {reply.cure}.")
        if self._on_message is not None and isinstance(reply, Message) and self._pending:
            self._on_message(self._pending[at][0], reply.text)
        return isinstance(reply, Ok)
