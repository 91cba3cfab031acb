"""The stored settings of the virtual controller, with defaults from a machine profile.

Numbers and meaning follow GRBL 1.1 (``doc/markdown/settings.md`` in gnea/grbl):
$100-$102 steps per mm, $110-$112 greatest rate in mm/min, $120-$122 acceleration
in mm/s^2, $130-$132 travel in mm. Inside the simulator everything is mm and s.
"""

from __future__ import annotations

import struct

from firmware_bridge.machine import MachineProfile

_SECONDS_PER_MINUTE = 60.0
# The z axis of a machine whose pen hangs on a servo never moves; these are GRBL's own defaults.
_IDLE_Z_RATE_MM_MIN = 500.0
_IDLE_Z_ACCELERATION = 10.0
_IDLE_Z_TRAVEL_MM = 200.0

# Numbers that hold whole values and print without decimals.
_WHOLE = {0, 1, 2, 3, 4, 5, 6, 10, 13, 20, 21, 22, 23, 26, 32}
# Rates, accelerations and steps, by which something is divided.
_DIVISORS = {11, 12, 24, 25, 100, 101, 102, 110, 111, 112, 120, 121, 122}
_SHORTEST_PULSE_US = 3

ERROR_UNKNOWN_SETTING = 3
ERROR_NEGATIVE = 4
ERROR_SHORT_PULSE = 6
ERROR_SOFT_LIMITS_NEED_HOMING = 10


class SettingError(Exception):
    """A setting was refused; ``code`` is the firmware's error number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error:{code}")
        self.code = code


class Settings:
    """Settings by number, and the same as lengths and speeds for the planner."""

    def __init__(self, machine: MachineProfile) -> None:
        self.defaults = _defaults(machine)
        self.values = dict(self.defaults)
        self._derive()

    def _derive(self) -> None:
        v = self.values
        self.steps_per_mm = (v[100], v[101], v[102])
        x, y, z = (v[number] / _SECONDS_PER_MINUTE for number in (110, 111, 112))
        self.max_rate_mm_s = (x, y, z)
        self.acceleration_mm_s2 = (v[120], v[121], v[122])
        self.travel_mm = (v[130], v[131], v[132])
        self.junction_deviation_mm = v[11]
        self.arc_tolerance_mm = v[12]

    def write(self, number: int, value: float) -> int:
        """Stores one setting.

        Returns:
            How many bytes of the EEPROM change, the checksum among them; the others are not written.

        Raises:
            SettingError: if the number or the value is refused.
        """
        if value < 0:
            raise SettingError(ERROR_NEGATIVE)
        if number not in self.values:
            raise SettingError(ERROR_UNKNOWN_SETTING)
        if number == 0 and value < _SHORTEST_PULSE_US:
            raise SettingError(ERROR_SHORT_PULSE)
        if number == 20 and value and not self.values[22]:
            raise SettingError(ERROR_SOFT_LIMITS_NEED_HOMING)
        if (number in _DIVISORS) and value == 0:
            raise SettingError(ERROR_NEGATIVE)  # the real one would divide by zero or stand still
        before = self.values[number]
        self.values[number] = float(int(value)) if number in _WHOLE else value
        if number == 22 and not value:
            self.values[20] = 0.0  # soft limits cannot hold without a known origin
        self._derive()
        return _changed_bytes(number, before, self.values[number])

    def reset(self) -> None:
        """Puts all defaults back."""
        self.values = dict(self.defaults)
        self._derive()

    def lines(self) -> list[str]:
        """The answer to ``$$``."""
        return [
            f"${n}={int(value)}" if n in _WHOLE else f"${n}={value:.3f}"
            for n, value in sorted(self.values.items())
        ]


def _changed_bytes(number: int, before: float, after: float) -> int:
    if before == after:
        return 0
    if number in _WHOLE:
        return 2
    pairs = zip(struct.pack("<f", before), struct.pack("<f", after), strict=True)
    return 1 + sum(a != b for a, b in pairs)


def _defaults(machine: MachineProfile) -> dict[int, float]:
    servo = machine.pen_actuator == "servo"
    box = machine.envelope
    z_rate = _IDLE_Z_RATE_MM_MIN if servo else machine.pen_max_speed * _SECONDS_PER_MINUTE
    return {
        0: 10.0,  # step pulse, microseconds
        1: 255.0,  # motors stay on
        2: 0.0,
        3: 0.0,
        4: 0.0,
        5: 0.0,
        6: 0.0,
        10: 3.0,  # status report: machine position and buffer state
        11: machine.junction_deviation_mm,
        12: 0.002,  # arc tolerance, mm
        13: 0.0,  # report in mm
        20: 0.0,  # soft limits
        21: 0.0,  # hard limits
        22: 0.0,  # homing
        23: 0.0,  # homing towards the positive end
        24: 25.0,  # homing locate feed, mm/min
        25: 500.0,  # homing seek rate, mm/min
        26: 250.0,  # switch debounce, ms
        27: 1.0,  # pull-off, mm
        30: box.pen_max if servo else 1000.0,  # greatest S
        31: 0.0,
        # A servo profile asks for S that changes with the moves, which is laser mode.
        32: 1.0 if servo else 0.0,
        100: machine.steps_per_mm[0],
        101: machine.steps_per_mm[1],
        102: machine.steps_per_mm[2],
        110: machine.max_speed_mm_s[0] * _SECONDS_PER_MINUTE,
        111: machine.max_speed_mm_s[1] * _SECONDS_PER_MINUTE,
        112: z_rate,
        120: machine.max_acceleration_mm_s2[0],
        121: machine.max_acceleration_mm_s2[1],
        122: _IDLE_Z_ACCELERATION if servo else machine.pen_max_acceleration,
        130: box.x_max_mm - box.x_min_mm,
        131: box.y_max_mm - box.y_min_mm,
        132: _IDLE_Z_TRAVEL_MM if servo else box.pen_max - box.pen_min,
    }
