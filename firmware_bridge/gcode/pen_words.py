"""Which word of a line tells where the pen is.

Nouns:
    z        a Z word of a move: the height of a pen on a z axis
    spindle  S while M3 or M4 is on, 0 after M5: a servo or laser on the spindle output of GRBL
    m280     S of M280: a servo of Marlin
    m300     S of M300: a servo of boards that were made for the Unicorn extension of Inkscape

An S of a dwell (``G4 S2`` rests for two seconds on Marlin) or of any other command is no pen's.
"""

from __future__ import annotations

import math
from enum import StrEnum

from firmware_bridge.dialects import dialect_of
from firmware_bridge.gcode.words import DWELL, Line
from firmware_bridge.machine import MachineProfile

# G words whose axis words are no target of a move.
_NO_MOVES = (DWELL, 10.0, 28.0, 28.1, 30.0, 30.1, 92.0, 92.1, 92.2, 92.3)
# M words up to this one share a line with motion; the words after a higher one are its parameters.
LAST_SHARED_M = 9.0


class PenWords(StrEnum):
    """The words that move the pen in a file."""

    Z = "z"
    SPINDLE = "spindle"
    M280 = "m280"
    M300 = "m300"


_COMMANDS = {PenWords.M280: 280.0, PenWords.M300: 300.0}


def pen_words_of(machine: MachineProfile) -> PenWords:
    """The words that move the pen of a machine."""
    if machine.pen_actuator == "z":
        return PenWords.Z
    by_spindle = dialect_of(machine.dialect).words.servo_word == "M3"
    return PenWords.SPINDLE if by_spindle else PenWords.M280


def may_move(line: Line) -> bool:
    """Whether axis words of a line are the target of a move, and its F word a feed."""
    for letter, number, _ in line.words:
        if (letter == "G" and number in _NO_MOVES) or (letter == "M" and not number <= LAST_SHARED_M):
            return False
    return True


def pen_word(line: Line, kind: PenWords) -> int:
    """Index of the word that tells the pen's value in a line; -1 if none does."""
    code = _COMMANDS.get(kind)
    words = line.words
    if code is None:
        at = line.first("Z" if kind is PenWords.Z else "S")
        takes = may_move(line)
    else:
        at = line.first("S")
        takes = bool(words) and words[0][0] == "M" and words[0][1] == code
    return at if takes and at >= 0 and math.isfinite(words[at][1]) else -1
