"""What somebody changes while a machine draws: its speed, and how deep the pen goes.

Nouns:
    step   of the pen: 0.05 mm of a z axis, a fiftieth of a servo's way, up or down
    away   lines that were sent and are not drawn: a change by lines is felt after them
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from firmware_bridge.events import Adjusted, Progress, Warning
from firmware_bridge.journal import Journal, Tracker
from firmware_bridge.link import Link
from firmware_bridge.machine import MachineProfile
from firmware_bridge.schedule import Pace, Schedule
from firmware_bridge.shape import Shaper
from firmware_bridge.speed import Speed

PEN_STEP_MM = 0.05
_SERVO_STEP_SHARE = 0.02
# A trim is a correction: half of the way between paper and travel at most.
_GREATEST_SHARE = 0.5


class Adjustments:
    """The changes of one drawing.

    Attributes:
        speed: how fast it is drawn.
        shaper: how its lines go out.
    """

    def __init__(
        self, link: Link, lines: Sequence[str], machine: MachineProfile, journal: Journal | None
    ) -> None:
        self._link = link
        self._machine = machine
        self._journal = journal
        self.speed = Speed(link)
        self.shaper = Shaper(lines, machine, lambda: self.schedule.pen_up)

    @cached_property
    def schedule(self) -> Schedule:
        """The planned times; the program is read when somebody first asks."""
        return Schedule(self.shaper.lines, self._machine.as_controller())

    @cached_property
    def _pace(self) -> Pace:
        return Pace(self.schedule)

    @property
    def pen_step(self) -> float:
        """One step upwards, in pen units."""
        plan = self.schedule
        up = math.copysign(1.0, plan.pen_up - plan.pen_far)
        if self._machine.pen_actuator == "z":
            return up * PEN_STEP_MM
        step = _SERVO_STEP_SHARE * abs(plan.pen_up - plan.pen_far)
        return up * max(round(step), 1)

    def restore(self, changes: Sequence[tuple[int, float]]) -> None:
        """Takes over the trims of a journal."""
        for line, trim in changes:
            self.shaper.change(line, trim)

    def set_speed(self, percent: int, tracker: Tracker) -> None:
        """Draws at another speed from now on, or from the lines on that are not sent."""
        self.speed.set(percent)
        self._tell(0 if self.speed.at_once else _away(tracker))

    def move_pen(self, steps: int, tracker: Tracker, resting: bool) -> None:
        """Draws with the pen so many steps higher, from the lines on that are not sent.

        Args:
            steps: upwards.
            tracker: how far the drawing is.
            resting: whether it is paused: then all that is not surely drawn will be sent anew.
        """
        plan = self.schedule
        if not plan.is_plain or plan.pen_up != plan.pen_up or plan.pen_up == plan.pen_far:
            self._link.listener(
                Warning(
                    "The pen cannot be trimmed here: this file counts in steps, in inches or never lifts."
                )
            )
            return
        most = _GREATEST_SHARE * abs(plan.pen_up - plan.pen_far)
        wanted = self.shaper.trim + steps * self.pen_step
        box = self._machine.envelope
        trim = min(max(wanted, -most), most)
        trim = min(max(trim, box.pen_min - plan.pen_far), box.pen_max - plan.pen_far)
        trim = round(trim, 6)
        if trim == self.shaper.trim:
            self._link.listener(Warning("The pen is trimmed as far as its range allows."))
            return
        line = tracker.bound.line if resting else tracker.sent_lines
        line = self.shaper.change(line, trim).line
        # In the journal before any line is sent in the new shape.
        if self._journal is not None:
            self._journal.trim(line, trim)
        self._tell(0 if resting else _away(tracker))

    def progress(self, done: int, total: int, tracker: Tracker) -> Progress:
        """How far the drawing is, with the time left."""
        left_s, share = self._pace.look(self._link.now_s(), tracker.bound, self.speed.percent / 100)
        return Progress(done, total, left_s, share)

    def rest(self) -> None:
        """The drawing rests."""
        self._pace.rest()

    def _tell(self, away: int) -> None:
        self._link.listener(Adjusted(self.speed.percent, self.shaper.trim, away))


def _away(tracker: Tracker) -> int:
    return max(tracker.sent_lines - tracker.bound.line, 0)
