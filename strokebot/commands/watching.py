"""What drawing on a machine has in common, whether a picture or a file: keys, progress, journal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from strokebot.commands.common import Advance, clock_text, note, progress_bar, say

if TYPE_CHECKING:
    from firmware_bridge.events import Adjusted, Asked, Event, Progress, Resumed
    from firmware_bridge.job.device import Device, KeepJournal
    from firmware_bridge.machine import MachineProfile
    from firmware_bridge.program import Program
    from firmware_bridge.stream.link import Listener
    from firmware_bridge.stream.streamer import StreamReport

# Returns the key that was pressed since the last call, in lower case, or "" for none; an arrow is its name.
Poll = Callable[[], str]

# What terminals send for arrows, after an escape; and Windows, after a zero or 0xe0.
_ARROWS = {"[A": "up", "[B": "down", "OA": "up", "OB": "down"}
_WINDOWS_ARROWS = {"H": "up", "P": "down"}


@contextmanager
def key_presses() -> Iterator[Poll]:
    """Makes single keys readable for a while; where there is no terminal, no key is ever pressed."""
    if not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        import msvcrt

        def poll_console() -> str:
            if not msvcrt.kbhit():
                return ""
            key = msvcrt.getwch()
            return _WINDOWS_ARROWS.get(msvcrt.getwch(), "") if key in "\x00\xe0" else key.lower()

        yield poll_console
    else:
        import select
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def poll() -> str:
            # Past Python's buffer, which would hide keys from select.
            key = read()
            if key != "\x1b":
                return key.lower()
            return _ARROWS.get(read() + read(), "")

        def read() -> str:
            ready, _, _ = select.select([terminal], [], [], 0)
            return os.read(terminal, 1).decode("ascii", "ignore") if ready else ""

        try:
            # Ctrl-C still interrupts in this mode.
            tty.setcbreak(terminal)
            yield poll
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


KEYS = "p pause, r go on, q stop, +/- speed, arrows pen"
_KEYS: Mapping[str, Callable[[Device], None]] = {
    "p": lambda device: device.pause(),
    " ": lambda device: device.pause(),
    "r": lambda device: device.go_on(),
    "q": lambda device: device.cancel(),
    "c": lambda device: device.cancel(),
    "+": lambda device: device.change_speed(1),
    "-": lambda device: device.change_speed(-1),
    "0": lambda device: device.set_speed(100),
    "up": lambda device: device.trim_pen(1),
    "down": lambda device: device.trim_pen(-1),
    "k": lambda device: device.trim_pen(1),
    "j": lambda device: device.trim_pen(-1),
}

PAUSED_KEYS = "r goes on, q stops"


def require_log(log: Path | None) -> None:
    """Passes a log that can be begun, as far as its folder tells.

    Raises:
        StrokebotError: if there is no such folder.
    """
    from strokebot.errors import StrokebotError

    if log is not None and not log.parent.is_dir():
        raise StrokebotError(f"Cannot keep a log in {log}: there is no folder {log.parent}.")


def keep_journal(machine: MachineProfile, url: str, name: str) -> KeepJournal | None:
    """How the journal of a job is begun; None for a virtual machine, which forgets all at its end.

    Raises:
        StrokebotError: if no journal can be kept; asked at once, since a drawing must not find it out late.
    """
    if url.startswith("sim://"):
        return None
    from firmware_bridge.journal import JournalError, keeper
    from strokebot.errors import StrokebotError

    try:
        return keeper(machine, url, name)
    except JournalError as error:
        raise StrokebotError(f"{error} Or add --no-journal; then strokebot resume cannot go on.") from None


@contextmanager
def watched(title: str, quiet: bool) -> Iterator[Callable[[Device], Listener]]:
    """Keys and progress of one drawing; gives what makes the listener of a device.

    However the drawing ends, a trim that was set and that nobody else tells is told.
    """
    trims: list[float] = []
    try:
        with (
            key_presses() as poll,
            progress_bar(f"{title} ({KEYS})", quiet, guess_left=False) as advance,
        ):
            yield lambda device: listener(device, poll, advance, title, trims, quiet)
    except BaseException:
        if trims:
            _say_trim(trims[-1], quiet)
        raise


def listener(
    device: Device, poll: Poll, advance: Advance, title: str, trims: list[float], quiet: bool
) -> Listener:
    """Shows progress, and does what the pressed key says; notes each trim that is set."""
    from firmware_bridge.events import (
        Adjusted,
        Asked,
        Notice,
        Paused,
        Progress,
        Replugged,
        Resumed,
        Unplugged,
    )

    def on_event(event: Event) -> None:
        if isinstance(event, Progress):
            _show(event, advance)
        elif isinstance(event, Notice):
            note(event.message)
        elif isinstance(event, Paused):
            advance(0.0, 0.0, f"{title}: paused ({PAUSED_KEYS})")
            note(f"paused at line {event.line}, the pen is up: {PAUSED_KEYS}.")
        elif isinstance(event, Asked):
            advance(0.0, 0.0, f"{title}: {event.word} ({PAUSED_KEYS})")
            note(asked(event))
        elif isinstance(event, Resumed):
            advance(0.0, 0.0, f"{title} ({KEYS})")
            if not quiet:
                note(resumed(event))
        elif isinstance(event, Adjusted):
            note(adjusted(event, any(trims)))
            trims.append(event.trim)
        elif isinstance(event, Unplugged):
            note(f"the port went away: waiting {event.wait_s:.0f} s for it (Ctrl-C ends that).")
        elif isinstance(event, Replugged):
            note(f"the port is back after {event.away_s:.0f} s.")
        act = _KEYS.get(poll())
        if act is not None:
            act(device)

    return on_event


def _show(event: Progress, advance: Advance) -> None:
    """Moves the bar by planned time, where that is known, and tells the time left."""
    if event.share is None or event.eta_s is None:
        advance(event.lines_done, event.lines_total)
    else:
        advance(event.share, 1.0, f"about {clock_text(event.eta_s)} left ({KEYS})")


def asked(event: Asked) -> str:
    """What a program wants of the person that it stops for, in words."""
    what = "change the pen" if event.word == "M6" else "do what the drawing stops for"
    pen = "the pen is up" if event.pen_up else "the pen stays where it is, since this file shifts its origin"
    return f"{event.word} in line {event.line}, {pen}: {what}, then press r (q stops)."


def require_somebody_for_stops(lines: Sequence[str]) -> None:
    """Passes lines that stop for a person only where one can press a key.

    Raises:
        StrokebotError: if nobody can.
    """
    from firmware_bridge.gcode.stops import stop_word
    from firmware_bridge.gcode.words import file_line, parse_lines
    from strokebot.errors import StrokebotError

    if sys.stdin.isatty():
        return
    for index, line in enumerate(parse_lines(lines)):
        if word := stop_word(line):
            raise StrokebotError(
                f"Line {file_line(line, index)} stops for a person ({word}), and nobody is here to go on: "
                "run it in a terminal, or remove that word."
            )


def resumed(event: Resumed) -> str:
    """Where a drawing goes on, in words."""
    more = f", and up to {event.doubt_mm:.1f} mm more, of which nobody knows" if event.doubt_mm else ""
    return f"goes on at line {event.line}: {event.overlap_mm:.1f} mm are drawn again{more}."


def adjusted(event: Adjusted, trimmed: bool = False) -> str:
    """A change of speed or trim in words; a trim of nothing only where there was one before."""
    where = f", felt after {event.lines_away} lines" if event.lines_away else ""
    trim = f", pen trim {event.trim:+.2f}" if event.trim or trimmed else ""
    return f"speed {event.percent} %{trim}{where}."


def tell_trim(report: StreamReport, quiet: bool) -> None:
    """Says how a trim of the pen is kept for the next drawing."""
    _say_trim(report.trim, quiet)


def _say_trim(trim: float, quiet: bool) -> None:
    if trim and not quiet:
        note(
            f"the pen was trimmed by {trim:+.2f}: to keep that, add it to touch, full and values "
            "under [pen] in the profile."
        )


def check_first(machine: MachineProfile, port: str, drawn: Program | Sequence[str], quiet: bool) -> None:
    """Lets the controller read a whole drawing in its check mode, and says what came of it.

    It has a connection of its own: the drawing then begins as if nothing had been asked, and its log
    holds the drawing alone.

    Raises:
        DeviceError: for a line that it refuses or that its soft limits forbid.
        StrokebotError: as ``Device.run``.
    """
    from firmware_bridge.events import Progress
    from firmware_bridge.job.device import open_device

    with open_device(machine, port) as device, progress_bar(f"check on {port}", quiet) as advance:

        def on_event(event: Event) -> None:
            if isinstance(event, Progress):
                advance(event.lines_done, event.lines_total)

        taken = device.check(drawn, on_event)
    if taken:
        say("checked: the controller takes every line", quiet)
    else:
        say(f"{machine.dialect} firmware has no check mode: the virtual machine alone has judged", quiet)
