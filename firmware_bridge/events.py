"""What a device tells while it works: small typed events, given to a callback."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drawing is.

    Attributes:
        lines_done: lines that the machine has taken. lines_total: of how many.
        eta_s: seconds left, by the planned time of what is not drawn yet and the speed so far; None
            where that is not known.
        share: of the planned time, 0 to 1; None where that is not known.
    """

    lines_done: int
    lines_total: int
    eta_s: float | None
    share: float | None = None


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
class Notice:
    """Something the user should know, that does not stop the work."""

    message: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The machine stands with the pen up; it goes on at this line of its file and share of its way."""

    line: int
    share: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The program stops for a person, with the pen up: it goes on when somebody says so.

    Attributes:
        line: number of the line in its file.
        word: ``M0``, ``M1`` or ``M6``.
        pen_up: whether the pen could be lifted.
    """

    line: int
    word: str
    pen_up: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """The drawing goes on: from which line of its file, how much is drawn again, how much perhaps."""

    line: int
    overlap_mm: float
    doubt_mm: float


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Somebody changed the speed (percent of what is planned) or the pen's trim (its units).

    Attributes:
        percent: speed now. trim: what is added to the pen's value on the paper.
        lines_away: so many lines later it is felt, since they were sent before; 0 if it is at once.
    """

    percent: int
    trim: float
    lines_away: int


@dataclass(frozen=True, slots=True)
class Unplugged:
    """The port went away; it is waited for, for so long."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Replugged:
    """The port is back, and the machine has kept its place."""

    away_s: float


Event = (
    Progress | Position | StateChange | Notice | Paused | Asked | Resumed | Adjusted | Unplugged | Replugged
)
