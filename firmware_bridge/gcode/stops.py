"""Words with which a program stops for a person: M0 and M1 wait, M6 asks for another tool.

What controllers do with them differs (GRBL holds with the pen where it is, passes M1 over and refuses
M6; Marlin waits for a button of its own), so they are never sent: the host stops there itself.
"""

from __future__ import annotations

from firmware_bridge.gcode.words import Line, parse

_STOPS = ("M0", "M1", "M6")
_CHANGE, _TOOL = "M6", "T"


def stop_word(line: Line) -> str:
    """``M0``, ``M1`` or ``M6`` if a line has it, else nothing."""
    return next((word.code for word in line.words if word.letter == "M" and word.code in _STOPS), "")


def without_stop(line: Line) -> Line:
    """What is left of a line for the wire; without words if nothing is."""
    stop = stop_word(line)
    if not stop:
        return line
    # The number of the tool goes with its change.
    kept = [
        str(word)
        for word in line.words
        if word.code != stop and not (stop == _CHANGE and word.letter == _TOOL)
    ]
    return parse(" ".join(kept), line.file_line)
