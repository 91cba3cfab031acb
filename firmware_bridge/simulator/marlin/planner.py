"""Marlin's look-ahead: the junction rule of GRBL with four differences.

Symbols (mm, s): L length, a acceleration, theta turn of the path at a junction,
n blocks that wait and do not run.

1. A junction into a block shorter than 1 mm that turns by less than 45 degrees (an inner
   angle above 135) is taken for a piece of an arc: v^2 <= L a / theta', where theta' is the
   firmware's quick approximation of theta (within 0.033 rad; 0.033 for a straight line). The
   junction's acceleration is that of the block, within the axes' along the bend.
2. A move of fewer than 6 motor steps is not made: the next one starts where it would have.
3. SLOWDOWN: with 2 to N/2 - 1 blocks waiting, a block that would take less than t_min
   (``M205 B``, 20 ms) is stretched to t + 2 (t_min - t) / n, so that the queue can fill.
4. A block that runs is planned no more: what comes after it must live with its exit speed.

The acceleration of moves without an extruder is the travel acceleration (``M204 T``),
within that of each axis (``M201``).

Source: the published rules of Marlin 2 (marlinfw.org, configuration: JUNCTION_DEVIATION,
SLOWDOWN, MIN_STEPS_PER_SEGMENT); written from the equations. The approximation is the arc sine
over odd and even powers of W. R. Franklin, "Calculating asin", onlyelem.html, which Marlin takes
unless it is compiled with JD_USE_LOOKUP_TABLE.
"""

from __future__ import annotations

import math

from firmware_bridge.simulator.marlin.settings import MarlinSettings
from firmware_bridge.simulator.planner import Planner, Vector, limit_along

_SMALL_SEGMENT_MM = 1.0
_SMALL_TURN_COS = math.cos(math.radians(135.0))  # of the inner angle
# Coefficients of the arc sine of t in [0, 1], from the constant term up.
_ARC_SINE = (0.032843707, -1.451838349, 29.66153956, -131.1123477, 262.8130562, -242.7199627, 84.31466202)
_LEAST_STEPS = 6


class MarlinPlanner(Planner):
    """The ring of blocks of a Marlin board."""

    freezes = True
    settings: MarlinSettings

    def add(
        self,
        target_mm: Vector,
        feed_mm_s: float,
        is_rapid: bool,
        spindle: float | None = None,
        inverse_time: bool = False,
    ) -> bool:
        """Appends a block, stretched where the queue runs dry; see ``Planner.add``."""
        waiting = len(self.blocks) - (1 if self.exit_sqr is not None else 0)
        if not super().add(target_mm, feed_mm_s, is_rapid, spindle, inverse_time):
            return False
        block = self.blocks[-1]
        least_s = self.settings.min_segment_s
        if least_s and 2 <= waiting < self.capacity_power // 2:
            time_s = block.length_mm / block.nominal
            if time_s < least_s:
                time_s += 2.0 * (least_s - time_s) / waiting
                block.feed_speed = block.length_mm / time_s
                self._set_speeds(block, self.blocks[-2])
        return True

    @property
    def capacity_power(self) -> int:
        """BLOCK_BUFFER_SIZE, one more than the blocks that fit."""
        return self.capacity + 1

    def _too_short(self, goal: tuple[int, int, int]) -> bool:
        return max(abs(a - b) for a, b in zip(goal, self.steps, strict=True)) < _LEAST_STEPS

    def _acceleration(self, unit: Vector) -> float:
        return min(self.settings.travel_acceleration, super()._acceleration(unit))

    def _junction_sqr(self, unit: Vector, length_mm: float, acceleration: float) -> float:
        p = self._previous_unit
        cos_inner = -(p[0] * unit[0] + p[1] * unit[1] + p[2] * unit[2])
        bend = (unit[0] - p[0], unit[1] - p[1], unit[2] - p[2])
        size = math.sqrt(bend[0] ** 2 + bend[1] ** 2 + bend[2] ** 2)
        along = acceleration
        if size > 0.0:
            axes = limit_along(self.settings.acceleration_mm_s2, [b / size for b in bend])
            along = min(acceleration, axes)
        by_deviation = self._by_deviation(cos_inner, along)
        if length_mm >= _SMALL_SEGMENT_MM or cos_inner >= _SMALL_TURN_COS:
            return by_deviation
        return min(by_deviation, length_mm * along / _quick_turn_rad(-cos_inner))

    def recalculate(self) -> None:
        """Runs both passes; the running block and the speed at which it ends stay as they are."""
        blocks = self.blocks
        if self.exit_sqr is None or len(blocks) < 2:
            super().recalculate()
            return
        running = blocks.pop(0)
        blocks[0].entry_sqr = self.exit_sqr
        super().recalculate()
        blocks.insert(0, running)


def _quick_turn_rad(cos_turn: float) -> float:
    """The firmware's approximation of a turn of less than a right angle."""
    t, sine = min(max(cos_turn, 0.0), 1.0), 0.0
    for coefficient in reversed(_ARC_SINE):
        sine = sine * t + coefficient
    return math.pi / 2 - sine
