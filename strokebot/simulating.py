"""A G-code file on the virtual machine of a profile: what it draws, and what must be said of it."""

from __future__ import annotations

from pathlib import Path

from calibration.profile import Profile
from firmware_bridge.gcode.pen_survey import PenSurvey, survey
from firmware_bridge.gcode.pen_words import PenWords, pen_words_of
from firmware_bridge.gcode.sanitize import file_lines
from firmware_bridge.simulator import simulate_lines
from firmware_bridge.simulator.dry_run import prepare
from firmware_bridge.simulator.pen_mapping import pen_mapping
from strokebot.trace import Trace

# Shipped profiles whose pens are moved by these words.
_PROFILES = {PenWords.Z: "grbl-z", PenWords.SPINDLE: "grbl-servo"}
_UNKNOWN = "Unknown command"


def simulate_file(file: Path, profile: Profile, pen_words: PenWords | None = None) -> tuple[Trace, list[str]]:
    """Runs any G-code file.

    Args:
        file: the file.
        profile: the machine and its pen.
        pen_words: what moves the pen in the file; None if that is the profile's own word.

    Returns:
        What was drawn; and notes on what of the file was not carried out as it stands, each with its line.

    Raises:
        StrokebotError: if the file cannot be read, or the virtual machine refuses a line; names the line.
    """
    machine = profile.machine
    lines = list(file_lines(file))
    seen = survey(lines, machine)
    mapping = None if pen_words is None else pen_mapping(pen_words, seen, machine)
    if mapping is not None:
        lines, machine = list(mapping.lines(lines)), mapping.machine
    run = prepare(lines, machine, file.name)

    def heard(line: int, text: str) -> None:
        if _UNKNOWN in text:
            run.note(f"the firmware does not know {text.partition(_UNKNOWN)[2].strip(': ')}", line)

    head = [] if mapping is None else mapping.head()
    recording = simulate_lines([*head, *run.lines], machine, on_message=heard)
    if mapping is not None:
        pen = profile.pen
        down = float(pen.value_for(0.5 * (pen.min_width_mm + pen.max_width_mm)))
        recording = mapping.recording(recording, pen.up, down)
    trace = Trace.recorded(recording, profile)
    notes = run.told()
    if pen_words is None:
        notes += _pen_notes(seen, pen_words_of(machine), profile)
    return trace, notes


def _pen_notes(seen: PenSurvey, own: PenWords, profile: Profile) -> list[str]:
    """What to say of a pen that the file moves by other words, or the other way round, than the profile."""
    kinds = seen.kinds()
    found = seen.up_down(own)
    if found is not None:
        up_mm, down_mm = profile.pen.drawn_width_mm(found)
        if up_mm == 0.0 < down_mm:
            return []
        what = "draws on the way" if up_mm > 0.0 else "draws nothing there"
        return [
            f"its pen is moved by {seen.describe(own)}, and that of the profile {what}: "
            f"--pen-words {own} takes these values as up and down"
        ]
    if not kinds:
        return ["no word of it moves a pen"]
    told = " or ".join(seen.describe(kind) for kind in kinds)
    cures = [f"--pen-words {kinds[0]}"]
    if kinds[0] in _PROFILES:
        cures.append(f"a profile such as {_PROFILES[kinds[0]]}")
    return [f"its pen is moved by {told}, and that of the profile by {own}: use {' or '.join(cures)}"]
