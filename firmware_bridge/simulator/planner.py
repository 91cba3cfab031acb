"""The look-ahead planner of the virtual controller: how fast each block may begin.

Nouns:
    block      one straight move, rounded to motor steps
    junction   the corner between a block and the one before it
    ring       the blocks that wait, the one that runs included

Symbols (mm, s):
    u      unit vector of a block, in 3-D        L    its length still to go
    a      its acceleration, min_i a_i / |u_i|   v_n  its nominal speed
    v_j    greatest speed through the junction   v_e  speed at which it begins
    delta  junction deviation ($11)              theta  angle between the two legs

Equations:
    cos(theta) = -u_prev . u                          1 on a reversal, -1 on a straight line
    v_j^2 = a_j delta sin(theta/2) / (1 - sin(theta/2)),  a_j along the bisector u - u_prev
    v_max^2 = min(v_j^2, v_n^2, v_n,prev^2)
    backward, from the last block (which ends at rest):  v_e^2 <= v_e,next^2 + 2 a L
    forward, from the running block at its present speed: v_e,next^2 <= v_e^2 + 2 a L

A junction sharper than cos(theta) = 0.999999 is a full stop, one flatter than
-0.999999 has no limit. The ring is so short that both passes are simply run in
full for each new block.

Source: the published junction-deviation rule of GRBL 1.1 (S. K. Jeon, "Improving
GRBL: cornering algorithm", 2011) and the look-ahead of its documentation; written
from the equations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Vector = tuple[float, float, float]

# Beyond these cosines a corner counts as a reversal or as straight.
_REVERSAL_COS = 0.999999
_STRAIGHT_COS = -0.999999
# The slowest feed that the firmware runs: 1 mm/min.
_LEAST_SPEED_MM_S = 1.0 / 60.0


class AxisLimits(Protocol):
    """What the planner needs of a firmware's settings; read anew for every block."""

    steps_per_mm: Vector
    max_rate_mm_s: Vector
    acceleration_mm_s2: Vector
    junction_deviation_mm: float


@dataclass(slots=True)
class Block:
    """One straight move in the ring; speeds squared, mm and s."""

    start_mm: Vector
    end_mm: Vector
    unit: Vector
    length_mm: float
    acceleration: float
    rapid_speed: float
    feed_speed: float
    is_rapid: bool
    spindle: float | None  # S for a machine whose spindle follows the moves ($32=1), else None
    junction_sqr: float
    left_mm: float
    nominal: float = 0.0
    max_entry_sqr: float = 0.0
    entry_sqr: float = 0.0


class Planner:
    """The ring of blocks. ``blocks[0]`` is the one that runs or runs next.

    Attributes:
        freezes: True for a firmware that plans a block no more once it runs.
        exit_sqr: squared speed at which a frozen running block will end, or None.
    """

    freezes = False

    def __init__(self, settings: AxisLimits, capacity: int, position_mm: Vector) -> None:
        self.settings = settings
        self.capacity = capacity
        self.blocks: list[Block] = []
        self.feed_override = 1.0
        self.rapid_override = 1.0
        self.exit_sqr: float | None = None
        self._previous_unit: Vector = (0.0, 0.0, 0.0)
        self.steps = (0, 0, 0)
        self.set_position(position_mm)

    @property
    def free(self) -> int:
        """Blocks that still fit."""
        return self.capacity - len(self.blocks)

    @property
    def position_mm(self) -> Vector:
        """Where the last block ends, rounded to steps."""
        return self._mm(self.steps)

    def set_position(self, position_mm: Vector) -> None:
        """Drops all blocks and starts anew from a position."""
        self.blocks.clear()
        self.exit_sqr = None
        self.steps = self._round(position_mm)

    def _round(self, mm: Vector) -> tuple[int, int, int]:
        a, b, c = (math.floor(x * s + 0.5) for x, s in zip(mm, self.settings.steps_per_mm, strict=True))
        return a, b, c

    def _mm(self, steps: Sequence[int]) -> Vector:
        a, b, c = (n / s for n, s in zip(steps, self.settings.steps_per_mm, strict=True))
        return a, b, c

    def add(
        self,
        target_mm: Vector,
        feed_mm_s: float,
        is_rapid: bool,
        spindle: float | None = None,
        inverse_time: bool = False,
    ) -> bool:
        """Appends a block; the ring must have room.

        Args:
            target_mm: end point, machine frame.
            feed_mm_s: speed, or moves per second with ``inverse_time``.
            is_rapid: True for G0.
            spindle: S to set when the block begins, or None.
            inverse_time: True under G93.

        Returns:
            False if the target is the same motor step, so that nothing moves.
        """
        start = self._mm(self.steps)
        goal = self._round(target_mm)
        if self._too_short(goal):
            return False
        end = self._mm(goal)
        delta = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
        length = math.sqrt(delta[0] ** 2 + delta[1] ** 2 + delta[2] ** 2)
        unit = (delta[0] / length, delta[1] / length, delta[2] / length)
        acceleration = self._acceleration(unit)
        block = Block(
            start_mm=start,
            end_mm=end,
            unit=unit,
            length_mm=length,
            acceleration=acceleration,
            rapid_speed=limit_along(self.settings.max_rate_mm_s, unit),
            feed_speed=feed_mm_s * length if inverse_time else feed_mm_s,
            is_rapid=is_rapid,
            spindle=spindle,
            junction_sqr=self._junction_sqr(unit, length, acceleration) if self.blocks else 0.0,
            left_mm=length,
        )
        self._set_speeds(block, self.blocks[-1] if self.blocks else None)
        self.blocks.append(block)
        self.steps = goal
        self._previous_unit = unit
        return True

    def _too_short(self, goal: tuple[int, int, int]) -> bool:
        """Whether a move to these steps is none."""
        return goal == self.steps

    def _acceleration(self, unit: Vector) -> float:
        """Acceleration along a direction, mm/s^2."""
        return limit_along(self.settings.acceleration_mm_s2, unit)

    def _junction_sqr(self, unit: Vector, length_mm: float, acceleration: float) -> float:
        """Greatest squared speed through the corner before a block."""
        p = self._previous_unit
        cos_theta = -(p[0] * unit[0] + p[1] * unit[1] + p[2] * unit[2])
        if cos_theta > _REVERSAL_COS:
            return 0.0
        if cos_theta < _STRAIGHT_COS:
            return math.inf
        bend = (unit[0] - p[0], unit[1] - p[1], unit[2] - p[2])
        size = math.sqrt(bend[0] ** 2 + bend[1] ** 2 + bend[2] ** 2)
        acceleration = limit_along(
            self.settings.acceleration_mm_s2, (bend[0] / size, bend[1] / size, bend[2] / size)
        )
        return self._by_deviation(cos_theta, acceleration)

    def _by_deviation(self, cos_theta: float, acceleration: float) -> float:
        """The junction deviation's squared speed at an angle between two legs."""
        if cos_theta > _REVERSAL_COS:
            return 0.0
        half_sin = math.sqrt(0.5 * (1.0 - max(cos_theta, _STRAIGHT_COS)))
        return acceleration * self.settings.junction_deviation_mm * half_sin / (1.0 - half_sin)

    def _set_speeds(self, block: Block, before: Block | None) -> None:
        """Nominal speed under the overrides, and the greatest entry speed."""
        if block.is_rapid:
            wanted = block.rapid_speed * self.rapid_override
        else:
            wanted = min(block.feed_speed * self.feed_override, block.rapid_speed)
        block.nominal = max(wanted, _LEAST_SPEED_MM_S)
        slower = block.nominal if before is None else min(block.nominal, before.nominal)
        block.max_entry_sqr = min(block.junction_sqr, slower * slower)

    def refresh_speeds(self) -> None:
        """Applies changed overrides to all blocks."""
        before: Block | None = None
        for block in self.blocks:
            self._set_speeds(block, before)
            before = block

    def recalculate(self) -> None:
        """Runs both passes; ``blocks[0]`` keeps its entry speed, which is the present one."""
        blocks = self.blocks
        after_sqr = 0.0
        for i in range(len(blocks) - 1, 0, -1):
            block = blocks[i]
            reach = after_sqr + 2.0 * block.acceleration * block.left_mm
            after_sqr = block.max_entry_sqr if block.max_entry_sqr < reach else reach
            block.entry_sqr = after_sqr
        for i in range(len(blocks) - 1):
            block = blocks[i]
            reach = block.entry_sqr + 2.0 * block.acceleration * block.left_mm
            if blocks[i + 1].entry_sqr > reach:
                blocks[i + 1].entry_sqr = reach


def limit_along(limits: Sequence[float], unit: Sequence[float]) -> float:
    """The greatest value along a direction whose parts keep each axis within its limit."""
    least = math.inf
    for limit, part in zip(limits, unit, strict=True):
        if part != 0.0:
            bound = limit / abs(part)
            least = bound if bound < least else least
    return least
