"""States, alarm numbers and realtime bytes of the virtual controller."""

from __future__ import annotations

from enum import StrEnum

VERSION = "1.1h"
BUILD = "20190830"

ALARM_HARD_LIMIT = 1
ALARM_SOFT_LIMIT = 2
ALARM_ABORT = 3
ALARM_HOMING_RESET = 6
ALARM_HOMING_APPROACH = 9
# After these only a reset is heard.
CRITICAL_ALARMS = (ALARM_HARD_LIMIT, ALARM_SOFT_LIMIT)

RESET, STATUS, HOLD, RESUME = 0x18, 0x3F, 0x21, 0x7E
DOOR, JOG_CANCEL = 0x84, 0x85
# Work frames are G54 to G59.
FIRST_FRAME = 54
FIRST_HIGH_BYTE = 0x80  # every byte from here on is realtime, known or not


class State(StrEnum):
    """The machine's state, as in a status report."""

    IDLE = "Idle"
    RUN = "Run"
    HOLD = "Hold"
    DOOR = "Door"
    JOG = "Jog"
    ALARM = "Alarm"
    CHECK = "Check"
    HOME = "Home"
    SLEEP = "Sleep"
    TOOL = "Tool"  # of grblHAL: a tool change waits for a person


# In these the main loop stands still.
SUSPENDED = (State.HOLD, State.DOOR, State.SLEEP, State.TOOL)
