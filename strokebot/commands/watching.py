"""What drawing on a machine has in common, whether a picture or a file: keys, progress, journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from strokebot.commands.common import Advance, note
from strokebot.commands.keys import Poll

if TYPE_CHECKING:
    from firmware_bridge.device import Device, KeepJournal
    from firmware_bridge.events import Adjusted, Event, Progress
    from firmware_bridge.following import StreamReport
    from firmware_bridge.machine import MachineProfile

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


def keep_journal(machine: MachineProfile, url: str, name: str) -> KeepJournal | None:
    """How the journal of a job is begun; None for a virtual machine, which forgets all at its end."""
    if url.startswith("sim://"):
        return None
    import datetime

    from firmware_bridge.journal import begin_job

    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return lambda lines: begin_job(lines, machine, url, name, started=started)


def listener(device: Device, poll: Poll, advance: Advance) -> Callable[[Event], None]:
    """Shows progress, and does what the pressed key says."""
    from firmware_bridge.events import Adjusted, Progress, Replugged, Unplugged, Warning

    def on_event(event: Event) -> None:
        if isinstance(event, Progress):
            _show(event, advance)
        elif isinstance(event, Warning):
            note(event.message)
        elif isinstance(event, Adjusted):
            note(adjusted(event))
        elif isinstance(event, Unplugged):
            note(f"the port went away: waiting {event.patience_s:.0f} s for it (Ctrl-C ends that).")
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
        minutes, seconds = divmod(round(event.eta_s), 60)
        advance(event.share, 1.0, f"{minutes}:{seconds:02} left ({KEYS})")


def adjusted(event: Adjusted) -> str:
    """A change of speed or trim in words."""
    where = f", felt after {event.lines_away} lines" if event.lines_away else ""
    trim = f", pen trim {event.trim:+.2f}" if event.trim else ""
    return f"speed {event.percent} %{trim}{where}."


def tell_trim(report: StreamReport, quiet: bool) -> None:
    """Says how a trim of the pen is kept for the next drawing."""
    if report.trim and not quiet:
        note(
            f"the pen was trimmed by {report.trim:+.2f}: to keep that, add it to touch, full and values "
            "under [pen] in the profile."
        )
