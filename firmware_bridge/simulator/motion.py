"""Runs the planner's blocks in virtual time with closed-form speed ramps.

Nouns:
    ramp   a stretch of constant acceleration along one block
    hold   a feed hold: decelerate at once, through the next blocks if need be

Symbols (mm, s): v0 speed now, vn nominal, ve exit speed, a acceleration, L way left.

Equations of one block:
    v0 > vn:  slow down to vn first (an override was lowered)
    peak^2 = min(vn^2, (v0^2 + ve^2) / 2 + a L)
    accelerate (peak^2 - v0^2) / 2a,  cruise,  decelerate (peak^2 - ve^2) / 2a
A hold is one ramp with -a that ends at rest, or runs on into the next block.

When the plan ahead changes, the running block is planned anew from its present
speed and the way that is left, so the speed never jumps. A planner that ``freezes`` leaves
the running block as it was planned when it began. Nothing here steps
through time: cost is per block, not per second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.simulator.planner import Block, Planner, Vector
from firmware_bridge.simulator.recording import Recorder

# Plans closer than this in squared speed (mm^2/s^2) are the same plan.
_SAME_SPEED_SQR = 1e-9
# Ramps shorter than this (s) are rounding noise and are left out.
_SHORTEST_RAMP_S = 1e-12


@dataclass(slots=True)
class _Ramp:
    start_s: float
    duration_s: float
    done_mm: float
    speed: float
    acceleration: float


class MotionExecutor:
    """Executes blocks; ``now_s`` only ever grows."""

    def __init__(
        self, planner: Planner, recorder: Recorder, on_servo: Callable[[float, float], None]
    ) -> None:
        self.planner = planner
        self.recorder = recorder
        self.on_servo = on_servo
        self.now_s = 0.0
        self.running = False
        self.holding = False
        self._ramps: list[_Ramp] = []
        self._end_s = math.inf
        self._exit_sqr = 0.0
        self._stops_inside = False
        self._planned_nominal = 0.0
        self._rest_mm = planner.position_mm

    @property
    def next_event_s(self) -> float:
        """When the running block or the hold ends; infinite at rest."""
        return self._end_s if self.running else math.inf

    def state(self) -> tuple[Vector, float]:
        """Position (machine mm) and speed (mm/s) now."""
        if not self.running or not self.planner.blocks:
            return self._rest_mm, 0.0
        done, speed = self._at(self.now_s)
        return _along(self.planner.blocks[0], done), speed

    def start(self) -> None:
        """Begins to move if blocks wait."""
        if self.running or not self.planner.blocks:
            return
        self.running = True
        self.planner.exit_sqr = None
        block = self.planner.blocks[0]
        block.entry_sqr = 0.0
        self.planner.recalculate()
        self._begin(block)

    def plan_changed(self) -> None:
        """Takes a new block or changed speeds into account."""
        if not self.running:
            self.planner.recalculate()
            return
        if self.holding:
            return
        if self.planner.freezes:
            self.planner.recalculate()
            return
        block = self.planner.blocks[0]
        done, speed = self._at(self.now_s)
        block.left_mm = block.length_mm - done
        block.entry_sqr = speed * speed
        nominal_before = self._planned_nominal
        self.planner.recalculate()
        same = abs(self._planned_exit_sqr() - self._exit_sqr) < _SAME_SPEED_SQR
        if not same or block.nominal != nominal_before:
            self._cut(done)
            self._plan(block, speed)

    def hold(self) -> None:
        """Begins to decelerate to rest."""
        if not self.running or self.holding:
            return
        self.holding = True
        block = self.planner.blocks[0]
        done, speed = self._at(self.now_s)
        self._cut(done)
        block.left_mm = block.length_mm - done
        self._plan(block, speed)

    def release(self) -> None:
        """Ends a hold that has come to rest; ``start`` goes on from there."""
        self.holding = False

    def stop_dead(self) -> None:
        """Cuts the motion at once, as a reset does, and drops all blocks."""
        position, _ = self.state()
        if self.running:
            done, _ = self._at(self.now_s)
            self._cut(done)
        self.running = self.holding = False
        self._end_s = math.inf
        self.planner.set_position(position)
        self._rest_mm = self.planner.position_mm

    def place(self, position_mm: Vector) -> None:
        """Sets the position at rest, after homing."""
        self.planner.set_position(position_mm)
        self._rest_mm = self.planner.position_mm

    def flush(self) -> None:
        """Hands everything up to now to the recorder; the motion goes on unchanged."""
        if not self.running:
            return
        block = self.planner.blocks[0]
        done, speed = self._at(self.now_s)
        self._cut(done)
        self._plan(block, speed)

    def advance(self, until_s: float) -> bool:
        """Moves time on to ``until_s`` or to the next event, whichever is first.

        Returns:
            True if a block ended or the hold came to rest.
        """
        if not self.running or self._end_s > until_s:
            self.now_s = max(self.now_s, until_s)
            return False
        self.now_s = max(self.now_s, self._end_s)
        block = self.planner.blocks[0]
        for ramp in self._ramps:
            self._record(block, ramp, ramp.duration_s)
        if self._stops_inside:
            done, _ = self._at(self._end_s)
            self._rest_mm = _along(block, done)
            self._split(block, done)
            self.running = False
        else:
            exit_sqr = self._exit_sqr
            self.planner.blocks.pop(0)
            self._rest_mm = block.end_mm
            if self.planner.blocks and not (self.holding and exit_sqr <= _SAME_SPEED_SQR):
                following = self.planner.blocks[0]
                following.entry_sqr = exit_sqr
                self._begin(following)
            else:
                self.running = False
        if not self.running:
            self._end_s = math.inf
        return True

    def _begin(self, block: Block) -> None:
        if block.spindle is not None:
            self.on_servo(self.now_s, block.spindle)
        self._plan(block, math.sqrt(block.entry_sqr))

    def _split(self, block: Block, done: float) -> None:
        """Makes the rest of a block the block, so that it can begin again from rest."""
        block.start_mm = _along(block, done)
        block.length_mm = block.left_mm = max(block.length_mm - done, 0.0)
        block.entry_sqr = 0.0
        if block.length_mm <= 1e-9:
            self._rest_mm = block.end_mm
            self.planner.blocks.pop(0)

    def _planned_exit_sqr(self) -> float:
        blocks = self.planner.blocks
        return blocks[1].entry_sqr if len(blocks) > 1 else 0.0

    def _plan(self, block: Block, v0: float) -> None:
        """Lays ramps from now to the end of the block, or to rest."""
        self._planned_nominal = block.nominal
        a = block.acceleration
        done = block.length_mm - block.left_mm
        left = block.left_mm
        self._ramps = []
        self._stops_inside = False
        if self.holding:
            exit_sqr = v0 * v0 - 2.0 * a * left
            self._stops_inside = exit_sqr < 0.0
            self._exit_sqr = max(exit_sqr, 0.0)
            self._ramp_to(done, v0, math.sqrt(self._exit_sqr), -a)
        else:
            exit_sqr = self._planned_exit_sqr()
            vn = block.nominal
            if v0 > vn:
                slowed_sqr = max(vn * vn, v0 * v0 - 2.0 * a * left)
                done, left, v0 = self._ramp_to(done, v0, math.sqrt(slowed_sqr), -a, left)
            peak_sqr = max(min(vn * vn, 0.5 * (v0 * v0 + exit_sqr) + a * left), v0 * v0)
            # What cannot be reached in the way that is left becomes the exit speed itself.
            exit_sqr = min(exit_sqr, v0 * v0 + 2.0 * a * left)
            exit_sqr = max(exit_sqr, v0 * v0 - 2.0 * a * left, 0.0)
            peak_sqr = max(peak_sqr, exit_sqr)
            peak, ve = math.sqrt(peak_sqr), math.sqrt(exit_sqr)
            brake = min((peak_sqr - exit_sqr) / (2.0 * a), left)
            done, left, _ = self._ramp_to(done, v0, peak, a, left)
            cruise = left - brake
            if cruise > 0.0 and peak > 0.0:
                self._ramps.append(_Ramp(self._next_start(), cruise / peak, done, peak, 0.0))
                done += cruise
            self._ramp_to(done, peak, ve, -a)
            self._exit_sqr = exit_sqr
            if self.planner.freezes:
                self.planner.exit_sqr = exit_sqr
        self._end_s = self._next_start()

    def _next_start(self) -> float:
        return self._ramps[-1].start_s + self._ramps[-1].duration_s if self._ramps else self.now_s

    def _ramp_to(
        self, done: float, v0: float, v1: float, a: float, left: float = 0.0
    ) -> tuple[float, float, float]:
        """Adds a ramp from v0 to v1; returns way done, way left and speed after it."""
        duration = (v1 - v0) / a
        if duration <= _SHORTEST_RAMP_S:
            return done, left, v0
        self._ramps.append(_Ramp(self._next_start(), duration, done, v0, a))
        way = (v1 * v1 - v0 * v0) / (2.0 * a)
        return done + way, left - way, v1

    def _at(self, t_s: float) -> tuple[float, float]:
        """Way done in the running block (mm) and speed (mm/s) at a time within its ramps."""
        for ramp in self._ramps:
            if t_s <= ramp.start_s + ramp.duration_s or ramp is self._ramps[-1]:
                dt = min(max(t_s - ramp.start_s, 0.0), ramp.duration_s)
                length = self.planner.blocks[0].length_mm
                done = ramp.done_mm + ramp.speed * dt + 0.5 * ramp.acceleration * dt * dt
                return min(done, length), max(ramp.speed + ramp.acceleration * dt, 0.0)
        return self.planner.blocks[0].length_mm - self.planner.blocks[0].left_mm, 0.0

    def _cut(self, done: float) -> None:
        """Records what the ramps did until now, and forgets them."""
        block = self.planner.blocks[0]
        for ramp in self._ramps:
            if ramp.start_s < self.now_s:
                self._record(block, ramp, min(ramp.duration_s, self.now_s - ramp.start_s))
        self._ramps = []
        block.left_mm = block.length_mm - done

    def _record(self, block: Block, ramp: _Ramp, duration_s: float) -> None:
        self.recorder.ramp(
            ramp.start_s, duration_s, _along(block, ramp.done_mm), block.unit, ramp.speed, ramp.acceleration
        )


def _along(block: Block, done: float) -> Vector:
    s, u = block.start_mm, block.unit
    return s[0] + u[0] * done, s[1] + u[1] * done, s[2] + u[2] * done
