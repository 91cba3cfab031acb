"""A G-code file on the virtual machine of a profile: what it draws, and what must be said of it."""

from __future__ import annotations

from pathlib import Path

from calibration.profile import Profile
from firmware_bridge.gcode.pen_survey import PenSurvey, survey
from firmware_bridge.gcode.pen_words import PenWords, pen_words_of
from firmware_bridge.gcode.sanitize import file_lines
from firmware_bridge.gcode.words import Line, parse
from firmware_bridge.simulator import simulate_lines
from firmware_bridge.simulator.dry_run import prepare
from firmware_bridge.simulator.pen_mapping import pen_mapping
from strokebot.trace import Trace
from strokebot.wording import length_text

# Shipped profiles whose pens are moved by these words.
_PROFILES = {PenWords.Z: "grbl-z", PenWords.SPINDLE: "grbl-servo"}
_UNKNOWN = "Unknown command"
# Lengths that differ by no more are the same: a servo turns a little earlier or later.
_SAME_DRAWN_MM, _SAME_DRAWN_SHARE = 2.0, 0.02


def simulate_file(
    file: Path, profile: Profile, pen_words: PenWords | None = None, laser_mode: bool = False
) -> tuple[Trace, list[str]]:
    """Runs any G-code file.

    Args:
        file: the file.
        profile: the machine and its pen.
        pen_words: what moves the pen in the file; None if that is the profile's own word.
        laser_mode: for a servo on GRBL: whether the board has ``$32=1``, by which each G0 sets S to 0, or
            ``$32=0``, by which S stays what it is.

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
    modes = mapping is None and machine.dialect == "grbl" and machine.pen_actuator == "servo"
    if modes:
        head = [_laser(laser_mode)]
    recording = simulate_lines([*head, *run.lines], machine, on_message=heard)
    if mapping is not None:
        pen = profile.pen
        down = float(pen.value_for(0.5 * (pen.min_width_mm + pen.max_width_mm)))
        recording = mapping.recording(recording, pen.up, down)
    trace = Trace.recorded(recording, profile)
    notes = run.told()
    if modes:
        other = Trace.recorded(simulate_lines([_laser(not laser_mode), *run.lines], machine), profile)
        notes += _mode_notes(trace, other, laser_mode)
    if pen_words is None:
        notes += _pen_notes(seen, pen_words_of(machine), profile)
    return trace, notes


def _laser(on: bool) -> Line:
    return parse(f"$32={int(on)}")


def _mode_notes(trace: Trace, other: Trace, laser_mode: bool) -> list[str]:
    """What to say of a file that draws something else where the board follows S in another way."""
    mine, theirs = trace.drawn_mm, other.drawn_mm
    if abs(mine - theirs) <= max(_SAME_DRAWN_MM, _SAME_DRAWN_SHARE * max(mine, theirs)):
        return []
    this, that = f"$32={int(laser_mode)}", f"$32={int(not laser_mode)}"
    see = "without --laser-mode" if laser_mode else "with --laser-mode"
    return [
        f"on a board with {this} {length_text(mine)} are drawn, with {that} {length_text(theirs)} ({see}): a "
        "G0 keeps S with $32=0, so that a pen that is down draws, and sets it to 0 with $32=1"
    ]


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
