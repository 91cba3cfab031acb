"""The error and alarm numbers of GRBL 1.1 and grblHAL in plain words, each with its cure.

The numbers follow the published tables of GRBL 1.1 (``doc/csv`` in gnea/grbl) and, from error 39 and
alarm 10 on, grblHAL's (``errors.h`` and ``alarms.h`` in grblHAL/core) and FluidNC's (``Protocol.h`` in
bdring/FluidNC), read for facts; the words are our own. FluidNC's errors beyond GRBL's are others:
``$E=N`` asks it for the words.
"""

from __future__ import annotations

# number: (what is wrong, what to do)
ERRORS: dict[int, tuple[str, str]] = {
    1: ("a word does not start with a letter", "correct the line"),
    2: ("a number is missing or not readable", "correct the number"),
    3: ("the $ command is not known", "check the $ command"),
    4: ("a value is negative that must not be", "give a positive value"),
    5: ("homing is switched off", "enable it with $22=1 if the machine has limit switches"),
    6: ("the step pulse is shorter than 3 microseconds", "set $0 to 3 or more"),
    7: ("the stored settings could not be read and were reset", "check all settings with $$"),
    8: ("this command needs an idle machine", "wait until the machine stands still"),
    9: ("the machine is locked by an alarm or a jog", "home it, or unlock it with $X"),
    10: ("soft limits need homing", "enable homing with $22=1 first"),
    11: ("the line is longer than the firmware can take", "keep lines to 79 characters"),
    12: ("the step rate would be too high", "lower the steps per mm or the maximum rate"),
    13: ("the safety door is open", "close the door and resume"),
    14: ("the startup line or build text is too long", "shorten it"),
    15: ("the jog would leave the machine's travel", "jog by a smaller step"),
    16: ("the jog command is not valid", "a jog takes only distances, a feed and G20, G21, G90, G91, G53"),
    17: ("laser mode needs a PWM output", "set $32=0"),
    20: ("the command is not supported", "remove the command from the file"),
    21: ("two commands of one group stand in a line", "put them on two lines"),
    22: ("no feed is set", "give an F word before the first G1"),
    23: ("a command needs a whole number", "correct the G or M number"),
    24: ("two commands of a line both need the axis words", "put them on two lines"),
    25: ("a word is repeated in the line", "remove one of them"),
    26: ("the command needs axis words", "add X, Y or Z"),
    27: ("the line number is out of range", "remove the N word or correct it"),
    28: ("the command misses a value word such as P or L", "add the word"),
    29: ("G59.1 to G59.3 are not supported", "use G54 to G59"),
    30: ("G53 works only with G0 and G1", "add G0 or G1"),
    31: ("axis words stand in a line where no motion is active", "remove them or add G0 or G1"),
    32: ("an arc has no axis word in its plane", "add X or Y"),
    33: ("the target of the motion is not valid", "check the arc's end point and radius"),
    34: ("the arc's radius cannot be computed", "check the R word"),
    35: ("an arc has no offset word in its plane", "add I or J"),
    36: ("the line holds words that nothing uses", "remove them"),
    37: ("the tool length offset is not on the configured axis", "remove G43.1"),
    38: ("the tool number is too large", "use a smaller T number"),
    39: ("grblHAL: a value is out of range", "correct the value"),
    40: ("grblHAL: a tool change waits", "finish it, or reset"),
    41: ("grblHAL: the spindle does not run", "add M3 S before the move"),
    42: ("grblHAL: the plane is not allowed for this command", "use G17"),
    43: ("grblHAL: the feed is above what the axes can do", "lower the F word"),
    44: ("grblHAL: S is out of range", "give an S between $31 and $30"),
    45: ("grblHAL: a limit switch is closed", "free the tool, then unlock it"),
    46: ("grblHAL: homing is required first", "home the machine"),
    47: ("grblHAL: the tool is not known", "remove the T word"),
    48: ("grblHAL: two value words contradict each other", "remove one of them"),
    49: ("grblHAL: its self test failed", "look at its messages with $I, and restart it"),
    50: ("grblHAL: the emergency stop is pressed", "release it, then reset and home"),
    51: ("grblHAL: a motor driver reports a fault", "check the driver and its power"),
    52: ("grblHAL: the setting's value is out of range", "give another value"),
    53: ("grblHAL: the setting is switched off", "enable what it belongs to"),
    54: ("grblHAL: the retract position is not valid", "correct the R word"),
    55: ("grblHAL: the homing settings contradict each other", "check $22 and $44 to $47"),
    56: ("grblHAL: the work frame is locked", "choose another frame, or unlock it"),
    79: ("grblHAL: not allowed while a critical alarm stands", "reset it, and remove the alarm's cause"),
}

ALARMS: dict[int, tuple[str, str]] = {
    1: ("a limit switch was hit and the position is lost", "free the tool, reset, then home the machine"),
    2: ("a move would leave the machine's travel", "reset, unlock, and move the drawing inside"),
    3: ("the machine was reset while it moved and may have lost steps", "home it or set its origin again"),
    4: ("the probe was not in its expected state before probing", "check the probe"),
    5: ("the probe touched nothing within its travel", "check the probe and its distance"),
    6: ("homing was interrupted by a reset", "home again"),
    7: ("homing was interrupted by the safety door", "close the door and home again"),
    8: ("the limit switch stayed closed after pulling off", "raise $27 or check the wiring"),
    9: ("the limit switch was not found while homing", "check the switch, or raise $130 to $132"),
    10: (
        "the second switch of a two-motor axis was not found; grblHAL: the emergency stop is pressed; "
        "FluidNC: the spindle does not follow",
        "check both switches of that axis, or the spindle; release the stop, then reset and home",
    ),
    11: (
        "grblHAL: homing is required first; FluidNC: an input was closed at the start",
        "home the machine; free the switch or the button first",
    ),
    12: (
        "a limit switch is closed; FluidNC: and it does not tell at which end",
        "free the tool by hand, or correct the switch's polarity ($5)",
    ),
    13: ("grblHAL: the probe's protection was triggered; FluidNC: a hard stop", "free the tool, then reset"),
    14: (
        "grblHAL: the spindle does not follow; FluidNC: homing is required first",
        "home the machine; check the spindle, or its settings",
    ),
    15: (
        "grblHAL: the second switch of a squared axis was not found; FluidNC: it has just started",
        "check both switches of that axis; home the machine",
    ),
    16: (
        "grblHAL: its self test failed; FluidNC: its expander restarted",
        "look at its messages with $I, and restart it",
    ),
    17: (
        "grblHAL: a motor driver reports a fault; FluidNC: a line of a file was refused",
        "check the driver and its power, or the line",
    ),
    18: (
        "grblHAL: homing failed; FluidNC: a limit switch was hit while probing",
        "check the switches, then home again",
    ),
}

_UNKNOWN_CURE = "look it up in the firmware's manual"


def error_words(code: int) -> tuple[str, str]:
    """What an error number means and what to do about it."""
    return ERRORS.get(code, ("an error that this program does not know", _UNKNOWN_CURE))


def alarm_words(code: int) -> tuple[str, str]:
    """What an alarm number means and what to do about it."""
    return ALARMS.get(code, ("an alarm that this program does not know", _UNKNOWN_CURE))
