"""Any G-code file, made ready for the virtual machine: what it runs, and what it leaves out and says so.

Nouns:
    dry run   a file carried out where nothing can break, so that what ``sanitize`` refuses to send may pass
    note      what of the file is not carried out as it stands, and why, by word, with the file's own lines
    end mark  M2 or M30: what follows is not run

A file is written for one machine and tried on another. Words that this firmware would refuse and that
draw nothing (temperatures, tool changes, path modes) are left out with a note; homing and stored places
are left out too, since where they lead is known only on the real machine. Everything else is carried out
as the firmware does, and what it refuses then is an error of the file, told with its line.

Sources: what slicers, CAM programs and plotter tools write (Cura, PrusaSlicer, Fusion 360, F-Engrave,
LightBurn, GRBL-Plotter, vpype-gcode, the Unicorn extension of Inkscape); GRBL 1.1's list of commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Words
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.grbl_grammar import M_CODES
from firmware_bridge.gcode.sanitize import file_lines, require_plain, shown
from firmware_bridge.gcode.words import LONG_DWELL_S, Line, Word, dwell_s, long_dwell, parse
from firmware_bridge.machine import MachineProfile

# Lines that a note names one by one.
_MOST_PLACES = 4
_END_OF_PROGRAM = (2.0, 30.0)
_WAITS = (0.0, 1.0)

_HOMES = "homing and stored places are known to the real machine alone"
_STORES = "writes what the real machine keeps"
_PROBES = "probes, and here is nothing to touch"
_STOPS = "stops or restarts the real machine"
_SYSTEM = "settings and system commands are for the real machine"
_HEATS = "for heaters, fans and extruders"
_MODE = "how closely a path is followed; here it always is exactly"
_CUTTER = "for the radius or length of a cutter, and a pen has none"
_SERVO = "a servo's words of another firmware (see --pen-words)"
_HEADLESS = "not carried out: this firmware wants a G or M word at the head of each line"
# Left out whatever the firmware. Of those in the first table, axis words of the line belong to them.
_WITH_AXES = {
    **dict.fromkeys(("G28", "G30"), _HOMES),
    **dict.fromkeys(("G28.1", "G30.1"), _STORES),
    **dict.fromkeys(("G38.2", "G38.3", "G38.4", "G38.5"), _PROBES),
    "G43.1": _CUTTER,
}
_LEFT_OUT = {
    **dict.fromkeys(("M112", "M410", "M997", "M999"), _STOPS),
    **dict.fromkeys(("M428", "M500", "M501", "M502", "M504"), _STORES),
    **dict.fromkeys(("M82", "M83", "M104", "M105", "M106", "M107", "M109", "M140", "M141", "M190"), _HEATS),
    **dict.fromkeys(("G61", "G61.1", "G64"), _MODE),
    **dict.fromkeys(("G41", "G42", "G43", "G49"), _CUTTER),
    **dict.fromkeys(("M73", "M117", "M118"), "shows something"),
    "M6": "waits for another tool: change the pen there",
    "M300": "beeps, or turns the servo of a board made for it (see --pen-words)",
}
# Of other firmware: left out where the firmware does not know them.
_OF_OTHERS = {
    **dict.fromkeys(("M17", "M18", "M84"), "switches the motors"),
    **dict.fromkeys(("M92", "M201", "M203", "M204", "M205", "M220"), "settings of another firmware"),
    "M280": _SERVO,
    "M400": "waits for the end of the motion",
}
_LETTERS = {
    "E": _HEATS,
    **dict.fromkeys("ABCUVW", "an axis that this machine has not"),
    "O": "the name of a program",
    **dict.fromkeys("HD", _CUTTER),
}
# Words that go with a G word which is left out, apart from axis words.
_PARAMETERS = "PQHLDEKR"
_AXES = "XYZABCUVWE"


@dataclass
class DryRun:
    """The lines to run, and what is said of the others.

    Attributes:
        lines: for the virtual machine; each knows its number in the file.
        notes: by what they say, the lines of the file that they are about, and the words.
    """

    lines: list[Line] = field(default_factory=list)
    notes: dict[str, tuple[list[int], list[str]]] = field(default_factory=dict)

    def note(self, text: str, file_line: int, word: str = "") -> None:
        """Says something of a line, or why a word of it is left out."""
        lines, words = self.notes.setdefault(text, ([], []))
        if file_line not in lines[-1:]:
            lines.append(file_line)
        if word and word not in words:
            words.append(word)

    def told(self) -> list[str]:
        """The notes with their lines."""
        return [
            f"{_places(lines)}: {', '.join(words)}{' left out: ' if words else ''}{text}"
            for text, (lines, words) in self.notes.items()
        ]


def read_dry_run(path: Path, machine: MachineProfile) -> DryRun:
    """Reads any G-code file for the virtual machine of a profile.

    Raises:
        ProgramError: if the file cannot be read, or a line is no G-code; names its line.
    """
    return prepare(file_lines(path), machine, path.name)


def prepare(lines: Iterable[Line], machine: MachineProfile, where: str = "the program") -> DryRun:
    """The same for lines that were read already; their numbers name them.

    Raises:
        ProgramError: if a line is no G-code.
    """
    dialect = dialect_of(machine.dialect)
    found = DryRun()
    known = _KNOWN.get(dialect.manners.simulator)
    left = iter(lines)
    for raw in left:
        line = _cleaned(raw, found, where)
        if line is None:
            continue
        ends = any(w.letter == "M" and w.number in _END_OF_PROGRAM for w in line.words)
        number = line.file_line
        if known is not None:
            line = known(line, found)
        if line is not None and line.words:
            _judge(line, found, dialect.words)
            found.lines.append(line)
        if ends:
            if any(more.words for more in left):
                found.note("the program ends here, and what follows is not run", number)
            break
    return found


def _judge(line: Line, found: DryRun, words: Words) -> None:
    """Notes what a line does that its writer may not have meant."""
    rest_s = dwell_s(line, words.dwell_units_s)
    if rest_s is not None and rest_s > LONG_DWELL_S:
        found.note(": ".join(long_dwell(line, rest_s)), line.file_line)
    if any(w.letter == "M" and w.number in _WAITS for w in line.words):
        found.note("waits until somebody lets it go on; the dry run goes on at once", line.file_line)


def _places(lines: list[int]) -> str:
    if len(lines) <= _MOST_PLACES:
        return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
    return f"line {lines[0]} and {len(lines) - 1} more"


def _cleaned(raw: Line, found: DryRun, where: str) -> Line | None:
    """A line without what no virtual machine is given; None if nothing is left.

    Raises:
        ProgramError: if it is no G-code.
    """
    number, margin = raw.file_line, raw.margin
    if margin.tape_mark:
        return None
    if margin.system:
        found.note(_HOMES if margin.system == "$H" else _SYSTEM, number, shown(margin.system))
        return None
    place = f"{where}, line {number}"
    require_plain(raw, place, closed=False)
    for char in margin.realtime if not margin.message else "":
        found.note("the machine takes such a character at once, wherever it stands", number, f"'{char}'")
    unread = "".join(c for c in margin.unread if c not in "!?~")
    if unread:
        raise ProgramError(f"{place}: '{shown(unread)}' is not G-code: correct or remove it.")
    words = _without(raw, _WITH_AXES, _LEFT_OUT, found)
    return parse(" ".join(map(str, words)), number) if words else None


def _without(
    line: Line, with_axes: dict[str, str], left_out: dict[str, str], found: DryRun
) -> tuple[Word, ...]:
    """The words of a line but some G and M words, and those that belong to them."""
    kept: list[Word] = []
    parameters = ""
    axes_gone = False
    for i, word in enumerate(line.words):
        if word.letter in "GM":
            parameters = ""
            code = word.code
            reason = with_axes.get(code) or left_out.get(code)
            if reason is not None:
                found.note(reason, line.file_line, code)
                axes_gone = axes_gone or code in with_axes
                # What follows an M word at the head of its line is all its own.
                all_own = word.letter == "M" and i == 0
                parameters = _ALL if all_own else _PARAMETERS + "S" * (word.letter == "M")
                continue
        elif word.letter in parameters:
            continue
        kept.append(word)
    if axes_gone:
        kept = [word for word in kept if word.letter not in _AXES]
    return tuple(kept)


_ALL = "".join(map(chr, range(ord("A"), ord("Z") + 1)))


def _for_grbl(line: Line, found: DryRun) -> Line | None:
    """Without the words that GRBL refuses and that draw nothing."""
    unknown: dict[str, str] = {}
    for word in line.words:
        if word.letter == "M" and int(word.number if word.number == word.number else -1) not in M_CODES:
            unknown[word.code] = _OF_OTHERS.get(word.code, "not known to this firmware")
    words = _without(line, {}, unknown, found)
    kept = []
    for word in words:
        reason = _LETTERS.get(word.letter)
        if reason is None:
            kept.append(word)
        else:
            found.note(reason, line.file_line, word.letter)
    if len(kept) < len(words) and all(word.code == "G92" for word in kept):
        return None  # it was about those words alone
    return parse(" ".join(map(str, kept)), line.file_line)


def _for_marlin(line: Line, found: DryRun) -> Line | None:
    """One command a line, as Marlin reads it."""
    first = line.words[0]
    if first.letter == "M" and first.number in _END_OF_PROGRAM:
        return None  # known to neither
    if first.letter == "T":
        found.note("the machine has one tool", line.file_line, str(first))
        return None
    if first.letter in _LETTERS:
        found.note(_LETTERS[first.letter], line.file_line, first.letter)
        return None
    if first.letter not in "GM":
        found.note(_HEADLESS, line.file_line)
        return None
    for word in line.words[1:]:
        if word.letter in "GM":
            found.note("this firmware reads one command a line", line.file_line, word.code)
    return line


def _for_arm(line: Line, found: DryRun) -> Line | None:
    """Lines that begin with G, M or P; the arm does not even answer others."""
    if line.words[0].letter == "M" and line.words[0].number in _END_OF_PROGRAM:
        return None
    if line.words[0].letter in "GMP":
        unknown = {w.code: _OF_OTHERS[w.code] for w in line.words if w.code in _OF_OTHERS}
        words = _without(line, {}, unknown, found)
        return parse(" ".join(map(str, words)), line.file_line) if words else None
    found.note(_HEADLESS, line.file_line)
    return None


_KNOWN = {"grbl": _for_grbl, "marlin": _for_marlin, "uarm": _for_arm}
