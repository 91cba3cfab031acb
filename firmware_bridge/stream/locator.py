"""Where a report says that the tool is, in words of the controller.

Nouns:
    counts   motor steps that Marlin tells beside the place where it will be: where it is

Marlin's M114 tells where all moves that it has read will end, and after ``Count`` how many steps its
motors have made up to now. At rest both are the same place, which gives the shift between them;
from then on the steps tell where the tool is. Boards that count the motors of another mechanism (A, B)
are left out, since a motor is no axis there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping

from firmware_bridge.dialects.base import Status
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.machine_state import WorkPosition

# So many reports at rest in a row, while lines wait, and a place that is the same at rest.
_MOST_RESTS = 3
_AT_REST_MM = 0.05


class Counts:
    """Motor steps as a place."""

    def __init__(self, status: Status, steps_per_mm: WorkPosition) -> None:
        """Learns the shift from a report at rest.

        Raises:
            ValueError: if it tells no steps, or no place.
        """
        self._steps_per_mm = steps_per_mm
        here, work = self._native(status), status.work_mm
        if here is None or work is None:
            raise ValueError("the report tells no steps")
        self._shift = tuple(w - h for w, h in zip(work[:3], here, strict=True))

    def place(self, status: Status) -> WorkPosition | None:
        """Where the tool is by the steps of a report; None if it tells none."""
        here = self._native(status)
        if here is None:
            return None
        x, y, z = (h + s for h, s in zip(here, self._shift, strict=True))
        return x, y, z

    def _native(self, status: Status) -> WorkPosition | None:
        text = status.fields.get("Count")
        if text is None:
            return None
        try:
            x, y, z = (float(n) / s for n, s in zip(text.split(","), self._steps_per_mm, strict=True))
        except ValueError:
            return None
        return x, y, z


def steps_per_mm(settings: Mapping[str, float]) -> WorkPosition | None:
    """Steps of each axis as the machine told them (``M92``), or None if it did not: a guess may be wrong."""
    told = [settings.get(f"M92 {axis}", 0.0) for axis in "XYZ"]
    return (told[0], told[1], told[2]) if all(n > 0.0 for n in told) else None


class Locator:
    """Reads places out of reports, for one drawing.

    Attributes:
        is_current: whether a report while the machine moves tells where the tool is.
    """

    def __init__(self, link: Link, at_rest: bool = False, offset_mm: tuple[float, ...] | None = None) -> None:
        """Prepares.

        Args:
            link: the conversation.
            at_rest: whether the machine stands, so that motor steps of its last report may be used.
            offset_mm: machine minus work position that places are told in; None for what the machine has.
        """
        self._link = link
        self._offset_mm = offset_mm
        self._counts: Counts | None = None
        self._rests = 0
        state = link.state
        steps = steps_per_mm(state.facts.settings)
        if at_rest and state.status is not None and steps is not None:
            with contextlib.suppress(ValueError):
                self._counts = Counts(state.status, steps)

    @property
    def is_current(self) -> bool:
        """See the class."""
        return self._counts is not None or self._link.dialect.manners.reports_where_it_is

    @property
    def by_counts(self) -> bool:
        """Whether it is motor steps that tell."""
        return self._counts is not None

    def place(self, status: Status) -> WorkPosition | None:
        """Where the tool is by a report: by its motor steps, if it tells them."""
        if self._counts is not None:
            return self._counts.place(status)
        return self._link.state.work_mm(status, self._offset_mm)

    def mind_rest(self, status: Status, lines_wait: bool) -> None:
        """Gives motor steps up if the machine comes to rest for each report (M114_LEGACY of Marlin)."""
        place = None if self._counts is None else self._counts.place(status)
        if place is None or status.work_mm is None:
            return
        rests = math.dist(place, status.work_mm[:3]) < _AT_REST_MM
        self._rests = self._rests + 1 if rests and lines_wait else 0
        if self._rests >= _MOST_RESTS:
            self._counts = None
