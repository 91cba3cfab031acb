"""The check of a whole drawing by the controller itself, before ink (``--check``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strokebot.commands.common import progress_bar, say

if TYPE_CHECKING:
    from firmware_bridge.events import Event
    from firmware_bridge.machine import MachineProfile
    from firmware_bridge.program import Program


def check_first(machine: MachineProfile, port: str, drawn: Program | Sequence[str], quiet: bool) -> None:
    """Lets the controller read a whole drawing in its check mode, and says what came of it.

    It has a connection of its own: the drawing then begins as if nothing had been asked, and its log
    holds the drawing alone.

    Raises:
        DeviceError: for a line that it refuses or that its soft limits forbid.
        StrokebotError: as ``Device.run``.
    """
    from firmware_bridge.device import open_device
    from firmware_bridge.events import Progress

    with open_device(machine, port) as device, progress_bar(f"check on {port}", quiet) as advance:

        def on_event(event: Event) -> None:
            if isinstance(event, Progress):
                advance(event.lines_done, event.lines_total)

        taken = device.check(drawn, on_event)
    if taken:
        say("checked: the controller takes every line", quiet)
    else:
        say(f"{machine.dialect} firmware has no check mode: the virtual machine alone has judged", quiet)
