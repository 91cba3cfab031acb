"""What a firmware dialect is: how moves become lines and how answers are read.

Nouns:
    Dialect   writes lines for one firmware and reads its answers
    Reply     one answer line, read strictly: what is not understood is ``Unknown``
    Realtime  a request that the firmware takes at once, past its line buffer
    Framing   what is put around a line on the wire: nothing, number and checksum, or a name
    Words     how a firmware reads what differs between firmwares: feeds, waits, the servo's word
    Manners   how it answers: what an answer means, where it says that it stands, how it is asked
    WindowSize    how many lines and bytes may be under way before an answer must be awaited
    Facts     what a machine told about itself when it was connected
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from types import MappingProxyType
from typing import Protocol

from firmware_bridge.dialects.limits import MachineLimits
from firmware_bridge.events import Position
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Program

_MM_PER_INCH = 25.4


class Framing(StrEnum):
    """What is put around a line on the wire."""

    PLAIN = "plain"  # the line alone; an answer belongs to the oldest line under way
    NUMBERED = "numbered"  # N<n> <line>*<checksum>; the machine asks for lines that it missed
    NAMED = "named"  # #<n> <line>; the answer carries the same number


@dataclass(frozen=True, slots=True)
class Words:
    """How a firmware reads the words that not every firmware reads alike.

    Attributes:
        feed_unit_s: F counts mm in so many seconds.
        feed_range: F words that it takes as they are.
        dwell_units_s: what a ``G4`` counts in, by its word; where it has several, the first here counts.
        servo_word: the word that turns a servo pen: ``M3`` (the spindle) or ``M280``.
        pen_decimals: digits of a z pen's value. servo_decimals: of a servo's.
        rapid_without_feed: whether ``G0`` is as fast as the axes allow, whatever the feed.
        modal: whether feed, unit and kind of coordinates stay in force from line to line.
        guesses_arcs: whether it rounds corners by the arc that it guesses through them, and leaves out
            moves of a few steps, so that a curve is best cut evenly.
    """

    feed_unit_s: float = 60.0
    feed_range: tuple[float, float] = (0.1 / 60.0, math.inf)
    dwell_units_s: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"P": 1.0}))
    servo_word: str = "M3"
    pen_decimals: int = 3
    servo_decimals: int = 3
    rapid_without_feed: bool = False
    modal: bool = True
    guesses_arcs: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How a firmware answers.

    Attributes:
        reports_state: whether a report tells its state, such as ``Idle``.
        reports_where_it_is: whether a report tells where the tool is, not where all that was taken ends.
        place_slack_mm: how far a place that it reports may be from the true one.
        answers_at_rest: whether it answers a line when it has carried it out and stands.
        answers_while_moving: whether a status request is answered at once, whatever it does.
        query_takes_room: whether a status request is a line in the buffer of the others.
        asks_again: whether it asks for a line that arrived damaged.
        surplus_is_loss: whether an answer that nobody waits for means that lines were lost; not where
            numbers or names keep the order.
        nameless_errors: errors of a line just sent though they name none; others without a name belong
            to what an earlier program left. None: no error has a name.
        measures_itself: whether it knows its place after any restart.
        simulator: the virtual controller that runs its lines.
        reset_servo: the value to which a reset and the end of a program turn a servo; None: it stays.
    """

    simulator: str
    reports_state: bool = True
    reports_where_it_is: bool = True
    place_slack_mm: float = 0.0
    answers_at_rest: bool = False
    answers_while_moving: bool = True
    query_takes_room: bool = False
    asks_again: bool = False
    surplus_is_loss: bool = True
    nameless_errors: frozenset[int] | None = None
    measures_itself: bool = False
    reset_servo: float | None = None


@dataclass(frozen=True, slots=True)
class WindowSize:
    """What may be under way at once; None stands for no bound.

    Attributes:
        lines: lines that were sent and not answered.
        bytes: their bytes, line ends included.
    """

    lines: int | None = None
    bytes: int | None = None


# Send-response: one line under way, whatever its length.
ONE_LINE = WindowSize(lines=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a machine told about itself when it was connected.

    Attributes:
        firmware: its name, such as ``grblHAL`` or ``Marlin 2.1.2``; empty if it did not tell.
        rx_bytes: size of its receive buffer, or None.
        planner_blocks: moves that it looks ahead, or None.
        settings: stored settings by their name, such as ``$110`` or ``M203 X``.
        keepalive: whether it says that it is busy while it cannot answer.
        ok_after_resend: whether an ``ok`` follows a request to send again.
        reports_inches: whether places in its reports are inches.
        fresh: whether nothing was drawn since its last start or reset, or None if it does not tell.
        repeats_error: whether it repeats an error until it has seen an empty line.
        options: the letters of how it was built, where it tells them.
        capabilities: what it says it can do or not, by name.
        notes: what it did not tell, or not understandably.
    """

    firmware: str = ""
    rx_bytes: int | None = None
    planner_blocks: int | None = None
    settings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    keepalive: bool = False
    ok_after_resend: bool = True
    reports_inches: bool = False
    fresh: bool | None = None
    repeats_error: bool = False
    options: str = ""
    capabilities: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()


class Realtime(StrEnum):
    """What a realtime byte asks for."""

    STATUS = "status"
    HOLD = "hold"
    RESUME = "resume"
    RESET = "reset"
    JOG_CANCEL = "jog cancel"
    FEED_RESET = "feed 100 %"
    FEED_UP_10 = "feed +10 %"
    FEED_DOWN_10 = "feed -10 %"
    FEED_UP_1 = "feed +1 %"
    FEED_DOWN_1 = "feed -1 %"
    RAPID_100 = "rapid 100 %"
    RAPID_50 = "rapid 50 %"
    RAPID_25 = "rapid 25 %"


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

    def from_inches(self) -> Status:
        """The same report with its places in mm, where they were inches."""

        def mm(place: tuple[float, ...] | None) -> tuple[float, ...] | None:
            return None if place is None else tuple(_MM_PER_INCH * v for v in place)

        return dataclasses.replace(
            self, machine_mm=mm(self.machine_mm), work_mm=mm(self.work_mm), offset_mm=mm(self.offset_mm)
        )

    @property
    def label(self) -> str:
        """State and substate as the firmware writes them, such as ``Hold:0``."""
        return self.state if self.substate is None else f"{self.state}:{self.substate}"


@dataclass(frozen=True, slots=True)
class Ok:
    """A line was taken: the oldest under way, or the one with this number; may bring a report along."""

    number: int | None = None
    status: Status | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line was refused: code, what it means, what to do; the oldest, or the one with this number."""

    code: int
    words: str
    cure: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Resend:
    """The machine wants to hear again from the line with this number on."""

    number: int


@dataclass(frozen=True, slots=True)
class Busy:
    """The machine lives and cannot answer yet."""

    why: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The machine has nothing to do and says so; an answer that is missing now will not come."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One stored setting of the machine, by its name: ``$110``, ``M203 X``."""

    name: str
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


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line arrived damaged or out of turn; a request to send again follows, so this is no news."""

    why: str


Answer = Ok | Rejected | Resend | Damaged
Reply = Answer | Busy | Waiting | Alarm | Status | Setting | Message | Banner | Unknown


class Dialect(Protocol):
    """The plug point of a firmware.

    Attributes:
        name: key in the registry.
        realtime: the bytes of each request that it takes at once; those it has not are missing.
        commands: the lines for ``home``, ``sync`` (answered when all motion has ended) and others.
        framing: what is put around a line.
        words: how it reads what firmwares read differently.
        manners: how it answers.
        signs: found in a line that such a firmware says, and in no other's.
    """

    name: str
    realtime: Mapping[Realtime, bytes]
    commands: Mapping[str, str]
    framing: Framing
    words: Words
    manners: Manners
    signs: re.Pattern[str]

    def window(self, machine: MachineProfile, facts: Facts) -> WindowSize:
        """What may be under way, after what the machine told, or the profile where it did not."""
        ...

    def limits(self, machine: MachineProfile, facts: Facts) -> MachineLimits:
        """What the machine told of its limits, in mm and s, with a note for what cannot be true."""
        ...

    def encode(self, program: Program, machine: MachineProfile) -> list[str]:
        """Lines (without line ends) that draw the program."""
        ...

    def pen_lines(
        self,
        value: float,
        machine: MachineProfile,
        offset: float | None = None,
        here: Position | None = None,
    ) -> list[str]:
        """Lines that move only the pen axis.

        Args:
            value: target in pen units.
            machine: tells the kind of pen.
            offset: machine minus work position of the pen axis, mm; when given, a dialect that can
                writes the move in the machine frame, which a reset does not change.
            here: where the tool stands, for a firmware whose lines need every axis.
        """
        ...

    def jog_lines(self, dx_mm: float, dy_mm: float, dpen: float, feed_mm_s: float) -> list[str]:
        """Lines that move by a small step."""
        ...

    def parse(self, line: str) -> Reply:
        """Reads one answer line (without its line end)."""
        ...


def frame(framing: Framing, number: int, line: str) -> bytes:
    """The bytes of a line on the wire, its end included."""
    if framing is Framing.NUMBERED:
        body = f"N{number} {line}"
        return f"{body}*{checksum(body)}\n".encode("ascii")
    if framing is Framing.NAMED:
        return f"#{number} {line}\n".encode("ascii")
    return line.encode("ascii") + b"\n"


def checksum(body: str) -> int:
    """All bytes of a text combined by exclusive or."""
    return reduce(lambda a, b: a ^ b, body.encode("latin-1", "replace"), 0)
