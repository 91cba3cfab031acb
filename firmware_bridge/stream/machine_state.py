"""What is known of a machine from its replies, and of nothing else.

Nouns:
    work     place in the program's frame: machine minus offset
    offset   of the work frame; NOT KNOWN until the machine has told it, since reports of GRBL carry it
             only now and then. A restart may change it, so it is not known after a greeting
    restart  a greeting that nobody here asked for: the machine may have lost its place

A state is a value: ``heard`` makes the next one out of a reply, and nothing else does. So whoever
holds one can compare it with a later one, and nobody can write into it.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from firmware_bridge.dialects.base import Alarm, Banner, Facts, Ok, Reply, Status, Unknown
from firmware_bridge.events import Position
from firmware_bridge.joint_moves import tool_of_words
from firmware_bridge.machine import MachineProfile

# What the loader of an ESP32 says before its firmware runs: as good as a greeting.
_LOADER = re.compile(r"^rst:0x[0-9a-f]+ \(")

WorkPosition = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class MachineState:
    """What a machine has told.

    Attributes:
        label: its last state, such as ``Run`` or ``Hold:0``; empty if it told none.
        offset_mm: machine minus work position, or None if it is not known.
        position: where the tool is, in the program's frame, or None if that is not known.
        status: the last report, or None.
        restarts: how often it has greeted though nobody here had reset it.
        alarm: the last alarm since the last greeting, or None.
        facts: what it told about itself.
        place_before_restart: where the tool was, in the frame of then, when it last restarted unasked.
    """

    label: str = ""
    offset_mm: tuple[float, ...] | None = None
    position: Position | None = None
    status: Status | None = None
    restarts: int = 0
    alarm: Alarm | None = None
    facts: Facts = dataclasses.field(default_factory=Facts)
    place_before_restart: Position | None = None

    @property
    def raw_place_mm(self) -> tuple[float, ...] | None:
        """The place in the last report, in whatever frame it was told: good for seeing it move."""
        if self.status is None:
            return None
        return self.status.machine_mm or self.status.work_mm

    def work_mm(self, status: Status, offset_mm: tuple[float, ...] | None = None) -> WorkPosition | None:
        """The place in a report in words of the controller, or None if it cannot be known.

        Args:
            status: the report.
            offset_mm: of the frame that is meant; None for the one that the machine has now.
        """
        here = status.offset_mm or self.offset_mm
        wanted = offset_mm or here
        if status.work_mm is not None:
            if offset_mm is None:
                wanted = here = (0.0, 0.0, 0.0)
            place = status.work_mm
        elif status.machine_mm is not None:
            here, place = (0.0, 0.0, 0.0), status.machine_mm
        else:
            return None
        if wanted is None or here is None:
            return None
        x, y, z = (p + h - w for p, h, w in zip(place[:3], here[:3], wanted[:3], strict=True))
        return x, y, z


def heard(state: MachineState, reply: Reply, machine: MachineProfile, asked: bool) -> MachineState:
    """The state after a reply.

    Args:
        state: before.
        reply: what came.
        machine: the profile: the kind of pen, and the mechanism of a controller that knows joints alone.
        asked: whether a greeting that comes now was asked for by a reset.
    """
    if isinstance(reply, Status):
        return _after_report(state, reply, machine)
    if isinstance(reply, Ok) and reply.status is not None:
        return _after_report(state, reply.status, machine)
    if isinstance(reply, Alarm):
        return dataclasses.replace(state, alarm=reply)
    if isinstance(reply, Banner) or (isinstance(reply, Unknown) and _LOADER.search(reply.text)):
        return dataclasses.replace(
            state,
            restarts=state.restarts + (not asked),
            place_before_restart=state.place_before_restart if asked else state.position,
            alarm=None,
            offset_mm=None,
            position=None,
            status=None,
        )
    return state


def with_offset(state: MachineState, offset_mm: tuple[float, ...], machine: MachineProfile) -> MachineState:
    """The state when it was asked for its work offset, which the last place is then meant in."""
    known = dataclasses.replace(state, offset_mm=offset_mm)
    if state.status is None:
        return known
    return _after_report(known, dataclasses.replace(state.status, offset_mm=None), machine)


def _after_report(state: MachineState, status: Status, machine: MachineProfile) -> MachineState:
    position = state.position
    work = state.work_mm(status)
    if work is not None:
        pen = (status.spindle or 0.0) if machine.pen_actuator == "servo" else work[2]
        x_mm, y_mm = tool_of_words((work[0], work[1]), machine)
        position = Position(x_mm, y_mm, pen)
    return dataclasses.replace(
        state,
        label=status.label if status.state else state.label,
        offset_mm=status.offset_mm or state.offset_mm,
        position=position,
        status=status,
    )
