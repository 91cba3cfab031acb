"""Sees from position reports whether the tool is where the lines lead it.

A firmware without checksums draws a damaged number as it stands, and forgets a line that was
lost. Its reports tell: the tool must be on the way of a line that may be under execution.

Nouns:
    candidates  lines that were sent and are perhaps not ended: those not yet taken, and the last
                ones taken, as many as the planner holds and the firmware has prepared
    astray      on the way of no candidate, twice in a row, since a report may be damaged too

What it cannot see: a detour that begins and ends between two reports, and one of less than the
slack. As long as the way of a candidate is not known (before the first whole place), nothing is
astray.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import ProtocolError
from firmware_bridge.gcode.reader import Point, ToolpathReader, ToolpathStep
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.progress_tracker import SEGMENTS_AHEAD, share_at

# What no eye sees on paper, and more than a motor step and the digits of a report.
_SLACK_MM = 0.1
_SLACK_STEPS = 3.0
# Reports and answers cross on the wire, so a few lines more than the planner holds may be meant.
_SPARE_BLOCKS = 4
# Lines that move nothing are never counted as ended; they must not fill the memory.
_MOST_CANDIDATES = 4096
# A shorter move may be none for the firmware.
_BLOCK_STEPS = 1.5


class PositionMonitor:
    """Follows one stream.

    Attributes:
        reader: what read the lines whose steps are told.
        doubtful: whether the last report was astray, so that another should be asked for at once.
    """

    def __init__(
        self, machine: MachineProfile, reader: ToolpathReader, planner_blocks: int | None = None
    ) -> None:
        """Prepares.

        Args:
            machine: the profile.
            reader: what read the lines whose steps are told, for where the last of them leads.
            planner_blocks: moves that the machine looks ahead, as it told; None if it did not.
        """
        machine = machine.as_controller()
        self.reader = reader
        self._steps: deque[ToolpathStep] = deque()
        self._taken = 0
        self._blocks = max(machine.planner_blocks, planner_blocks or 0) + SEGMENTS_AHEAD + _SPARE_BLOCKS
        least = max(_SLACK_MM, dialect_of(machine.dialect).manners.place_slack_mm)
        self._least = tuple(_BLOCK_STEPS / steps for steps in machine.steps_per_mm)
        slack = [max(_SLACK_STEPS / steps, least) for steps in machine.steps_per_mm]
        if machine.pen_actuator == "servo":
            slack[2] = math.inf  # what a report says of S is not where the servo is
        self._slack = tuple(slack)
        self._servo = machine.pen_actuator == "servo"
        self.doubtful = False

    def sent(self, index: int, step: ToolpathStep) -> None:
        """The line of this index in the stream was sent, and makes the tool do this."""
        if self._servo:
            step = dataclasses.replace(step, points=tuple([(x, y, 0.0) for x, y, _ in step.points]))
        self._steps.append(step if step.index == index else dataclasses.replace(step, index=index))
        if len(self._steps) > _MOST_CANDIDATES:
            self._steps.popleft()

    def taken(self, count: int) -> None:
        """The first ``count`` lines have been answered."""
        for step in self._steps:
            if step.index >= count:
                break
            if step.index >= self._taken and self._surely_block(step):
                self._blocks -= 1
        self._taken = max(self._taken, count)
        while self._blocks < 0 and self._steps:
            if self._surely_block(self._steps.popleft()):
                self._blocks += 1

    def reported(self, place: Point | None) -> None:
        """The machine told where it is, in words of the controller.

        Raises:
            ProtocolError: if it is astray.
        """
        if place is None or self.reader.trouble or not self._steps or not self._known():
            return
        at = self._flat(place)
        if any(share_at(step.points, at, self._slack) is not None for step in self._steps):
            self.doubtful = False
        elif not self.doubtful:
            self.doubtful = True
        else:
            raise ProtocolError(
                f"The tool is at ({at[0]:.2f}, {at[1]:.2f}, {at[2]:.2f}), where no line led it: a line was "
                "damaged or lost on the way; check the cable and draw again."
            )

    def ended(self, place: Point | None) -> None:
        """The machine stands after the last line.

        Raises:
            ProtocolError: if it does not stand where that line ends.
        """
        end = self._flat(self.reader.place)
        if place is None or self.reader.trouble or not all(map(math.isfinite, end)):
            return
        at = self._flat(place)
        if share_at((end,), at, self._slack) is None:
            raise ProtocolError(
                f"The tool ended at ({at[0]:.2f}, {at[1]:.2f}, {at[2]:.2f}), not where the last line leads: "
                "a line was damaged or lost on the way; check the cable and draw again."
            )

    def _flat(self, at: Point) -> Point:
        return (at[0], at[1], 0.0) if self._servo else at

    def _known(self) -> bool:
        return all(math.isfinite(v) for step in self._steps for p in step.points for v in p)

    def _surely_block(self, step: ToolpathStep) -> bool:
        """Whether a line makes a block in the planner."""
        a, b = step.points[0], step.points[-1]
        return len(step.points) > 1 and any(
            abs(q - p) >= least for p, q, least in zip(a, b, self._least, strict=True)
        )
