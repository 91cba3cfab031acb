"""What a firmware dialect is: how moves become lines and how answers are read.

Nouns:
    Dialect   writes lines for one firmware and reads its answers
    Reply     one answer line, read strictly: what is not understood is ``Unknown``
    Realtime  a byte that the firmware takes at once, past its line buffer
    window    how many bytes may be under way before an answer must be awaited
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program

# A window of None bytes means send-response: one line under way, whatever its length.
ONE_LINE: int | None = None


class Realtime(StrEnum):
    """What a realtime byte asks for."""

    STATUS = "status"
    HOLD = "hold"
    RESUME = "resume"
    RESET = "reset"
    JOG_CANCEL = "jog cancel"


@dataclass(frozen=True, slots=True)
class Ok:
    """The oldest line under way was taken."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The oldest line under way was refused: code, what it means, what to do."""

    code: int
    words: str
    cure: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """The machine stopped by itself (a push message, never an acknowledgement)."""

    code: int
    words: str
    cure: str


@dataclass(frozen=True, slots=True)
class Status:
    """A status report.

    Attributes:
        state: ``Idle``, ``Run``, ``Hold`` and so on.
        substate: the number after the colon, or None.
        machine_mm: machine position, or None if the report gave only the work position.
        work_mm: work position, or None if the report gave only the machine position.
        offset_mm: work offset (machine minus work position), or None if not in this report.
        buffers: free planner blocks and free receive bytes, or None.
        feed_mm_s: speed now, or None.
        spindle: S now, or None.
        fields: every other field as text.
    """

    state: str
    substate: int | None
    machine_mm: tuple[float, ...] | None
    work_mm: tuple[float, ...] | None
    offset_mm: tuple[float, ...] | None
    buffers: tuple[int, int] | None
    feed_mm_s: float | None
    spindle: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """State and substate as the firmware writes them, such as ``Hold:0``."""
        return self.state if self.substate is None else f"{self.state}:{self.substate}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One stored setting of the machine."""

    number: int
    value: float


@dataclass(frozen=True, slots=True)
class Message:
    """A bracketed message, without its brackets."""

    text: str


@dataclass(frozen=True, slots=True)
class Banner:
    """The greeting after a start or a reset."""

    version: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line that this dialect does not know; never counted as an answer."""

    text: str


Reply = Ok | Rejected | Alarm | Status | Setting | Message | Banner | Unknown


class Dialect(Protocol):
    """The plug point of a firmware.

    Attributes:
        name: key in the registry.
        realtime: the bytes it takes at once.
        commands: the lines for ``home``, ``unlock``, ``settings``, ``build info`` and ``sync``.
        window_bytes: bytes that may be under way, or ``ONE_LINE``.
        dwell: matches a line that makes the machine wait; group 1 is the time in s.
    """

    name: str
    realtime: Mapping[Realtime, bytes]
    commands: Mapping[str, str]
    window_bytes: int | None
    dwell: re.Pattern[str]

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        """Lines (without line ends) that draw the program."""
        ...

    def pen_lines(self, value: float, machine: MachineProfile, offset: float | None = None) -> list[str]:
        """Lines that move only the pen axis; with ``offset`` (machine minus work) in the machine frame."""
        ...

    def jog_line(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> str:
        """One line that moves by a small step and may be cancelled."""
        ...

    def parse(self, line: str) -> Reply:
        """Reads one answer line (without its line end)."""
        ...
