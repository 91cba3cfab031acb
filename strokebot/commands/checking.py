"""The check of a whole drawing by the controller itself, before ink (``--check``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strokebot.commands.common import say

if TYPE_CHECKING:
    from firmware_bridge.device import Device
    from firmware_bridge.link import Listener


def check_first(device: Device, lines: Sequence[str], listener: Listener | None, quiet: bool) -> None:
    """Lets the controller read all lines in its check mode, and says what came of it.

    Raises:
        DeviceError: for a line that it refuses or that its soft limits forbid.
    """
    if device.check(lines, listener):
        say("checked: the controller takes every line", quiet)
    else:
        name = device.machine.dialect
        say(f"{name} firmware has no check mode: the file was run on the virtual machine alone", quiet)
