"""Whether a connected machine is ready for a drawing, by what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_bridge.control.base import Control
from firmware_bridge.errors import DeviceRejected, ProtocolError
from firmware_bridge.findings import Finding, Severity, require_none_fatal
from firmware_bridge.link import Link
from firmware_bridge.live import findings, reach_known
from firmware_bridge.machine import MachineProfile
from firmware_bridge.survey import survey


def judge(link: Link, control: Control, machine: MachineProfile, lines: Sequence[str]) -> list[Finding]:
    """What the machine's own limits mean for some lines; it must stand still.

    Raises:
        PreflightError: for the first finding that forbids the start.
    """
    told = link.dialect.limits(machine, link.facts)
    asked = survey(lines, machine)
    offset = None
    if reach_known(told):
        try:
            offset = control.work_offset_mm(link)
        except (DeviceRejected, ProtocolError):
            offset = None  # which is told as a finding
    found = findings(machine, told, asked, lines, offset)
    lost = control.unreachable(link, asked.outline)
    if lost:
        x, y, z = lost[0]
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        found.append(
            Finding(
                Severity.FATAL,
                f"The arm says that it cannot reach ({x:.2f}, {y:.2f}, {z:.2f}) mm{more}",
                "move or shrink the drawing",
            )
        )
    return require_none_fatal(found)
