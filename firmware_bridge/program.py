"""What a machine is asked to do: a sequence of straight moves in machine millimetres.

Nouns:
    Move      one straight move of x, y and the pen axis together
    Program   moves in order; the machine starts at rest with the pen up
    Envelope  the box that the tool may never leave

Frame: machine millimetres. ``pen`` is what the pen axis takes: the z height in
millimetres for a Z pen, the S value for a servo pen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ProgramError

# A longer rest in a drawing is a wrong unit.
LONGEST_DWELL_S = 60.0


class MoveKind(StrEnum):
    """What a move is for."""

    DRAW = "draw"  # the pen is on the paper
    TRAVEL = "travel"  # the pen is up
    LIFT = "lift"  # the pen leaves the paper
    LOWER = "lower"  # the pen comes down to the paper


@dataclass(frozen=True, slots=True)
class Move:
    """One straight move to a target.

    Attributes:
        x_mm: target x, machine mm.
        y_mm: target y, machine mm.
        pen: target of the pen axis, in its own units (z mm or servo S).
        feed_mm_s: speed along the move, mm/s, over the 3-D length for a Z pen.
        kind: what the move is for.
        dwell_s: rest at the target before the next move; it empties the planner.
    """

    x_mm: float
    y_mm: float
    pen: float
    feed_mm_s: float
    kind: MoveKind
    dwell_s: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.x_mm + self.y_mm + self.pen + self.feed_mm_s):
            raise ProgramError(f"A move has a value that is not a finite number: {self}.")
        if self.feed_mm_s <= 0:
            raise ProgramError(f"A move needs a feed above 0 mm/s, not {self.feed_mm_s:g}.")
        if not 0.0 <= self.dwell_s <= LONGEST_DWELL_S:
            raise ProgramError(f"A move rests for 0 to {LONGEST_DWELL_S:g} s, not {self.dwell_s:g}.")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The box in machine mm that the tool may never leave.

    Attributes:
        x_min_mm: lowest x. x_max_mm: highest x.
        y_min_mm: lowest y. y_max_mm: highest y.
        pen_min: lowest value of the pen axis. pen_max: highest value.
    """

    x_min_mm: float
    x_max_mm: float
    y_min_mm: float
    y_max_mm: float
    pen_min: float
    pen_max: float

    def __post_init__(self) -> None:
        for low, high, axis in (
            (self.x_min_mm, self.x_max_mm, "x"),
            (self.y_min_mm, self.y_max_mm, "y"),
            (self.pen_min, self.pen_max, "pen"),
        ):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ProgramError(f"The envelope's {axis} range {low:g} to {high:g} is empty.")


@dataclass(frozen=True, slots=True)
class Program:
    """Moves in order. The machine is at rest with the pen up before the first and after the last.

    Attributes:
        moves: the moves.
        header: comment lines for the head of the G-code file (no line breaks in them).
    """

    moves: tuple[Move, ...]
    header: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(self.moves))
        object.__setattr__(self, "header", tuple(self.header))
        if any("\n" in line or "\r" in line for line in self.header):
            raise ProgramError("A header line of a program must not hold a line break.")

    def __len__(self) -> int:
        return len(self.moves)

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)

    def xy_mm(self) -> NDArray[np.float64]:
        """Targets of all moves, shape (len, 2), machine mm."""
        return np.array([(m.x_mm, m.y_mm) for m in self.moves], dtype=np.float64).reshape(-1, 2)

    @classmethod
    def of(cls, moves: Sequence[Move], header: Sequence[str] = ()) -> Program:
        """Builds a program from any sequences."""
        return cls(tuple(moves), tuple(header))
