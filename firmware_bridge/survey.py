"""What the lines of a drawing ask of a controller: how far they lead, and with which words.

The lines are read once, by ``course``, and nothing of them is kept but a few figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.course import Course, Point
from firmware_bridge.machine import MachineProfile

# Furthest points are kept in so many directions, and the nearest to the origin.
_DIRECTIONS = 8
_TURNS = [
    (math.cos(2.0 * math.pi * i / _DIRECTIONS), math.sin(2.0 * math.pi * i / _DIRECTIONS))
    for i in range(_DIRECTIONS)
]


@dataclass(slots=True)
class Survey:
    """What the lines of a drawing ask for, in words of the controller.

    Attributes:
        low: lowest x, y and pen; infinite where no line gives one.
        high: the highest.
        arcs: whether there are arcs.
        rapids: whether a servo is on in a G0.
        turns: how often a servo turns within a stroke.
        trouble: why its places are not known, or empty.
        outline: for an arm, the points furthest out and the nearest, lowest first.
    """

    low: list[float] = field(default_factory=lambda: [math.inf] * 3)
    high: list[float] = field(default_factory=lambda: [-math.inf] * 3)
    arcs: bool = False
    rapids: bool = False
    turns: int = 0
    trouble: str = ""
    outline: list[Point] = field(default_factory=list)


def survey(lines: Iterable[str], machine: MachineProfile) -> Survey:
    """Reads the lines once; the memory does not grow with them.

    Raises:
        ProgramError: if an arc does not fit its ends.
    """
    course, found = Course(machine.as_controller()), Survey()
    servo, arm = machine.pen_actuator == "servo", machine.dialect == "uarm"
    low, high, outline = found.low, found.high, _Outline()
    pen, moved = math.nan, False
    for line in lines:
        step = course.take(line)
        if not step.moves:
            moved = False
            continue
        for point in step.points:
            for i in (0, 1, 2):
                value = point[i]
                if value < low[i]:  # nan, a place not known yet, is not
                    low[i] = value
                if value > high[i]:
                    high[i] = value
            if arm:
                outline.take(point)
        found.arcs = found.arcs or len(step.points) > 2 or (course.motion in ("G2", "G3"))
        if servo:
            now = step.points[-1][2]
            found.rapids = found.rapids or (course.motion == "G0" and now == now and now != 0.0)
            found.turns += moved and now != pen
            pen, moved = now, True
    found.trouble = course.trouble
    found.outline = sorted(set(outline.best.values()), key=lambda point: point[2])
    return found


class _Outline:
    """Keeps the points of a way that lie furthest out, and the nearest to the origin."""

    def __init__(self) -> None:
        self.best: dict[int, Point] = {}
        self._score: dict[int, float] = {}

    def take(self, point: Point) -> None:
        x, y, z = point
        if not math.isfinite(x + y + z):
            return
        radius = math.hypot(x, y)
        scores = [x * c + y * s for c, s in _TURNS]
        for key, score in enumerate((*scores, radius, -radius)):
            if score > self._score.get(key, -math.inf):
                self._score[key], self.best[key] = score, point
