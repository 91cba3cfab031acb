"""Draws a file with the pen of a profile though the file moves its pen by other words.

Nouns:
    stand-in  the same machine with the pen that the file was written for: a z axis or a servo
    share     where the stand-in's pen is between its up (0) and its down (1), which the profile's pen is too

The stand-in's servo is turned by the word of the profile's own firmware, so M300 and the like are written
anew. M280 turns at once though moves wait: it is put behind the end of the motion, as it was meant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.pen_survey import PenSurvey
from firmware_bridge.gcode.pen_words import PenWords, pen_word
from firmware_bridge.gcode.words import Line, parse
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.recording import Recording

# The stand-in's pen turns almost at once: how long the real one takes is waited for by the file, if at all.
_TURN_SPEED, _TURN_ACCELERATION = 1e5, 1e7  # units/s and units/s^2: the greatest that a profile may have
# Room around the values of a file, so that none lies on an end of the stand-in's axis.
_SPARE = 1.0


@dataclass(frozen=True)
class PenMapping:
    """How the pen of a file becomes that of a profile.

    Attributes:
        kind: the words that move it in the file.
        up: its value there when it is lifted. down: when it draws.
        machine: the stand-in that runs the file.
    """

    kind: PenWords
    up: float
    down: float
    machine: MachineProfile

    def lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines of the file, for the stand-in."""
        words = dialect_of(self.machine.dialect).words
        own = PenWords.SPINDLE if words.servo_word == "M3" else PenWords.M280
        if self.kind is PenWords.Z or self.kind is own is PenWords.SPINDLE:
            yield from lines
        elif own is PenWords.SPINDLE:
            for line in lines:
                at = pen_word(line, self.kind)
                yield line if at < 0 else parse(f"M3 S{line.words[at].digits}", line.file_line)
        else:
            yield from self._for_m280(lines)

    def head(self) -> list[Line]:
        """What the stand-in is told before the file: no laser mode, in which a G0 would turn the servo."""
        words = dialect_of(self.machine.dialect).words
        if self.kind is PenWords.Z or words.servo_word != "M3" or self.up == 0.0:
            return []
        lifted = [] if self.kind is PenWords.SPINDLE else [f"M3 S{self.up:g}"]
        return [parse(text) for text in ("$32=0", *lifted)]

    def _for_m280(self, lines: Iterable[Line]) -> Iterator[Line]:
        s, spinning, told = 0.0, False, None
        for line in lines:
            at = pen_word(line, self.kind)
            s = line.words[at].number if at >= 0 else s
            for letter, number, _ in line.words:
                if letter == "M" and number in (3.0, 4.0, 5.0):
                    spinning = number != 5.0
            value = s if self.kind is not PenWords.SPINDLE or spinning else 0.0
            if value != told and (at >= 0 or self.kind is PenWords.SPINDLE):
                told = value
                yield parse("M400", line.file_line)
                yield parse(f"M280 P0 S{value:g}", line.file_line)
            words = [
                str(word)
                for i, word in enumerate(line.words)
                if i != at and not (word.letter == "M" and word.number in (3.0, 4.0, 5.0, 300.0))
            ]
            if words and self.kind is PenWords.SPINDLE:
                yield parse(" ".join(words), line.file_line)
            elif at < 0:
                yield line

    def recording(self, recording: Recording, up: float, down: float) -> Recording:
        """What the stand-in drew, with the values of the profile's pen for lifted and drawing."""
        share = np.clip((recording.pen - self.up) / (self.down - self.up), 0.0, 1.0)
        return Recording(recording.t_s, recording.xy_mm, up + share * (down - up))


def pen_mapping(kind: PenWords, seen: PenSurvey, machine: MachineProfile) -> PenMapping:
    """How to draw a file whose pen is moved by such words.

    Args:
        kind: the words.
        seen: the survey of the file.
        machine: the profile's.

    Raises:
        ProgramError: if these words move no pen in the file, or the machine can have no such pen.
    """
    found = seen.up_down(kind)
    if found is None:
        others = ", ".join(seen.kinds()) or "none"
        raise ProgramError(f"No pen is moved by {kind} in this file: the words that move one are: {others}.")
    servo = kind is not PenWords.Z
    manners = dialect_of(machine.dialect).manners
    if servo and manners.measures_itself:
        raise ProgramError("The pen of an arm is its own height: choose a profile with GRBL or Marlin.")
    values = [*seen.ways_mm[kind], *found]
    low, high = min(values) - _SPARE, max(values) + _SPARE
    box = dataclasses.replace(machine.envelope, pen_min=min(low, 0.0) if servo else low, pen_max=high)
    stand_in = dataclasses.replace(
        machine,
        envelope=box,
        pen_actuator="servo" if servo else "z",
        pen_safe=found[0],
        pen_max_speed=_TURN_SPEED if servo else min(machine.max_speed_mm_s),
        pen_max_acceleration=_TURN_ACCELERATION if servo else min(machine.max_acceleration_mm_s2),
    )
    return PenMapping(kind, *found, stand_in)
