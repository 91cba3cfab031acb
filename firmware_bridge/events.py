"""What a device tells while it works: small typed events, given to a callback."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How many lines the machine has taken, and a guess of the seconds left (None: not known yet)."""

    lines_done: int
    lines_total: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where the tool is now, in the program's frame: x and y in mm, the pen axis in its units."""

    x_mm: float
    y_mm: float
    pen: float


@dataclass(frozen=True, slots=True)
class StateChange:
    """The machine went from one state to another, such as ``Idle`` to ``Run``."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the user should know, that does not stop the work."""

    message: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The machine stands with the pen up; it goes on at this line and share of its way."""

    line: int
    share: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The drawing goes on: from which line, how much is drawn again, how much perhaps."""

    line: int
    overlap_mm: float
    doubt_mm: float


Event = Progress | Position | StateChange | Warning | Paused | Resumed
