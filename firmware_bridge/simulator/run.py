"""Runs G-code lines on the virtual machine in process, with no wall-clock waits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from firmware_bridge.dialects import Dialect, dialect_of
from firmware_bridge.dialects.base import Alarm, Rejected
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, ProgramError, ResponseTimeout
from firmware_bridge.gcode.words import file_line
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.planner import Vector
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.registry import virtual_controller
from firmware_bridge.simulator.virtual import VirtualController

# A drawing that takes longer than a week of virtual time will not end.
_LONGEST_RUN_S = 7 * 24 * 3600.0


# The tool's way is handed on in pieces of so many lines.
_PIECE_LINES = 1000


def simulate_lines(
    lines: Iterable[str], machine: MachineProfile, start_mm: Vector | None = None
) -> Recording:
    """What the tool does for some G-code lines, sent one after the other.

    A pause in the program (M0) is resumed at once.

    Args:
        lines: without line ends.
        machine: the machine that runs them.
        start_mm: where the tool stands at first; by default x = y = 0, pen up.

    Raises:
        DeviceRejected: if the controller refuses a line; names it and its number.
        DeviceAlarm: if it raises an alarm.
        ProgramError: if a line holds a line break or a character that is not ASCII.
    """
    virtual = virtual_controller(dialect_of(machine.dialect).manners.simulator, machine, start_mm)
    for _ in _run(virtual, lines, machine):
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


def _run(virtual: VirtualController, lines: Iterable[str], machine: MachineProfile) -> Iterator[None]:
    """Runs all lines; stops by after each piece of them, and at the end."""
    virtual.take_output()
    dialect = dialect_of(machine.dialect)
    for index, line in enumerate(lines):
        if (index + 1) % _PIECE_LINES == 0:
            yield
        _send(virtual, dialect, file_line(line, index), line)
    while not virtual.idle() and virtual.now_s < _LONGEST_RUN_S:
        virtual.advance(virtual.next_event_s())
    yield


def _send(virtual: VirtualController, dialect: Dialect, number: int, line: str) -> None:
    """Sends one line and runs the machine until it answers."""
    if not line.isascii() or "\n" in line or "\r" in line:
        raise ProgramError(f"Line {number} holds a character that is not plain text: correct it.")
    if not line.partition(";")[0].strip():
        return  # nothing to do, and not every firmware answers it
    before = virtual.acknowledged
    said = b""
    virtual.receive(line.encode("ascii") + b"\n")
    while virtual.acknowledged == before and not virtual.dead:
        if virtual.idle() and virtual.go_on():
            continue
        if virtual.idle() or virtual.now_s > _LONGEST_RUN_S:
            raise ResponseTimeout(f"The virtual machine gives no answer to line {number}: '{line[:40]}'.")
        virtual.advance(virtual.next_event_s(), stop_at_output=True)
        said += virtual.take_output()  # a board that says it is busy would stop the clock otherwise
    for text in (said + virtual.take_output()).decode("ascii").splitlines():
        reply = dialect.parse(text)
        if isinstance(reply, Rejected):
            raise DeviceRejected(
                f"Line {number} '{line[:40]}': error {reply.code}, {reply.words}: {reply.cure}."
            )
        if isinstance(reply, Alarm):
            raise DeviceAlarm(
                f"Line {number} '{line[:40]}': alarm {reply.code}, {reply.words}: {reply.cure}."
            )
