"""What drawing on a machine has in common, whether a picture or a file: keys, progress, journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from strokebot.commands.common import Advance, note
from strokebot.commands.keys import Poll

if TYPE_CHECKING:
    from firmware_bridge.device import Device, KeepJournal
    from firmware_bridge.events import Event
    from firmware_bridge.machine import MachineProfile

_PAUSE, _GO_ON, _CANCEL = "p ", "r", "qc"
KEYS = "p pause, r go on, q stop"


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
    from firmware_bridge.events import Progress, Warning

    def on_event(event: Event) -> None:
        if isinstance(event, Progress):
            advance(event.lines_done, event.lines_total)
        elif isinstance(event, Warning):
            note(event.message)
        key = poll()
        if not key:
            return
        if key in _PAUSE:
            device.pause()
        elif key in _GO_ON:
            device.go_on()
        elif key in _CANCEL:
            device.cancel()

    return on_event
