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


Event = Progress | Position | StateChange | Warning
