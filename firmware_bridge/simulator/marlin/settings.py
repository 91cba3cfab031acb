"""The settings of a virtual Marlin board: M92, M201, M203, M204, M205 and their report by M503.

Units are Marlin's own: mm, s. Defaults come from a machine profile; the travel
acceleration (``M204 T``) and the shortest segment (``M205 B``) are Marlin's defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from firmware_bridge.machine import MachineProfile

_AXES = "XYZ"
_TRAVEL_ACCELERATION = 3000.0  # DEFAULT_TRAVEL_ACCELERATION
_MIN_SEGMENT_S = 0.02  # DEFAULT_MINSEGMENTTIME
_US_PER_S = 1e6
# The z axis of a machine whose pen hangs on a servo never moves; these are Marlin's defaults.
_IDLE_Z_SPEED_MM_S = 5.0
_IDLE_Z_ACCELERATION = 100.0
_IDLE_Z_TRAVEL_MM = 200.0


class MarlinSettings:
    """What the planner works with; also the answer to ``M503``."""

    def __init__(self, machine: MachineProfile) -> None:
        servo = machine.pen_actuator == "servo"
        x, y = machine.max_speed_mm_s
        ax, ay = machine.max_acceleration_mm_s2
        self.steps_per_mm = machine.steps_per_mm
        self.max_rate_mm_s = (x, y, _IDLE_Z_SPEED_MM_S if servo else machine.pen_max_speed)
        self.acceleration_mm_s2 = (ax, ay, _IDLE_Z_ACCELERATION if servo else machine.pen_max_acceleration)
        self.print_acceleration = self.travel_acceleration = max(_TRAVEL_ACCELERATION, ax, ay)
        self.junction_deviation_mm = machine.junction_deviation_mm
        self.min_segment_s = _MIN_SEGMENT_S
        box = machine.envelope
        low, high = (0.0, _IDLE_Z_TRAVEL_MM) if servo else (box.pen_min, box.pen_max)
        # Soft endstops: a target beyond the box is moved to its edge, without a word.
        self.endstops = False
        self.box = ((box.x_min_mm, box.x_max_mm), (box.y_min_mm, box.y_max_mm), (low, high))

    def write(self, code: int, words: Mapping[str, float]) -> None:
        """Carries out M92, M201, M203, M204 or M205."""
        if code == 92:
            self.steps_per_mm = _merged(self.steps_per_mm, words)
        elif code == 201:
            self.acceleration_mm_s2 = _merged(self.acceleration_mm_s2, words)
        elif code == 203:
            self.max_rate_mm_s = _merged(self.max_rate_mm_s, words)
        elif code == 204:
            self.print_acceleration = words.get("P", words.get("S", self.print_acceleration))
            self.travel_acceleration = words.get("T", words.get("S", self.travel_acceleration))
        elif code == 205:
            self.junction_deviation_mm = words.get("J", self.junction_deviation_mm)
            self.min_segment_s = words.get("B", self.min_segment_s * _US_PER_S) / _US_PER_S

    def clamped(
        self, target: tuple[float, float, float], homed: Collection[int] = (0, 1, 2)
    ) -> tuple[float, float, float]:
        """A target, moved to the edge of the box along homed axes where soft endstops are on."""
        if not self.endstops:
            return target
        x, y, z = (
            min(max(v, low), high) if i in homed else v
            for i, (v, (low, high)) in enumerate(zip(target, self.box, strict=True))
        )
        return x, y, z

    def box_lines(self, one_line: bool = False) -> list[str]:
        """The answer to ``M211``: two lines in Marlin 2.1, one before."""
        ends = [
            "".join(f" {a}{span[i]:.2f}" for a, span in zip(_AXES, self.box, strict=True)) for i in (0, 1)
        ]
        box = f"Min: {ends[0]}   Max: {ends[1]}"
        state = "ON" if self.endstops else "OFF"
        if one_line:
            return [f"echo:Soft endstops: {state}  {box}"]
        return [f"  M211 S{int(self.endstops)} ; {state}", f"  {box}"]

    def lines(self) -> list[str]:
        """The answer to ``M503``."""
        return [
            "echo:; Linear Units:",
            "echo:  G21 ; (mm)",
            "echo:; Steps per unit:",
            f"echo:  M92{_words(self.steps_per_mm)}",
            "echo:; Max feedrates (units/s):",
            f"echo:  M203{_words(self.max_rate_mm_s)}",
            "echo:; Max Acceleration (units/s2):",
            f"echo:  M201{_words(self.acceleration_mm_s2)}",
            "echo:; Acceleration (units/s2) (P<print-accel> R<retract-accel> T<travel-accel>):",
            f"echo:  M204 P{self.print_acceleration:.2f} R3000.00 T{self.travel_acceleration:.2f}",
            "echo:; Advanced (B<min_segment_time_us> S<min_feedrate> T<min_travel_feedrate> J<junc_dev>):",
            f"echo:  M205 B{self.min_segment_s * _US_PER_S:.2f} S0.00 T0.00 J{self.junction_deviation_mm:g}",
        ]


def _merged(old: tuple[float, float, float], words: Mapping[str, float]) -> tuple[float, float, float]:
    x, y, z = (words.get(axis, was) for axis, was in zip(_AXES, old, strict=True))
    return x, y, z


def _words(values: tuple[float, float, float]) -> str:
    return "".join(f" {axis}{value:.2f}" for axis, value in zip(_AXES, values, strict=True))
