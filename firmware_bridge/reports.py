"""Where a report says that the tool is, in words of the program's frame.

Nouns:
    work     place in the program's frame; machine minus offset
    counts   motor steps that Marlin tells beside the place where it will be: where it is

Marlin's M114 tells where all moves that it has read will end, and after ``Count`` how many steps its
motors have made up to now. At rest both are the same place, which gives the shift between them;
from then on the steps tell where the tool is. Boards that count the motors of another mechanism (A, B)
are left out, since a motor is no axis there.
"""

from __future__ import annotations

from collections.abc import Mapping

from firmware_bridge.dialects.base import Status

Place = tuple[float, float, float]


def place_of(status: Status, offset_mm: tuple[float, ...]) -> Place | None:
    """The place in a report, or None if it has none."""
    if status.work_mm is not None:
        x, y, z = status.work_mm[:3]
        return x, y, z
    if status.machine_mm is not None:
        x, y, z = (m - o for m, o in zip(status.machine_mm[:3], offset_mm[:3], strict=True))
        return x, y, z
    return None


class Counts:
    """Motor steps as a place."""

    def __init__(self, status: Status, steps_per_mm: Place) -> None:
        """Learns the shift from a report at rest.

        Raises:
            ValueError: if it tells no steps, or no place.
        """
        self._steps_per_mm = steps_per_mm
        here, work = self._native(status), status.work_mm
        if here is None or work is None:
            raise ValueError("the report tells no steps")
        self._shift = tuple(w - h for w, h in zip(work[:3], here, strict=True))

    def place(self, status: Status) -> Place | None:
        """Where the tool is by the steps of a report; None if it tells none."""
        here = self._native(status)
        if here is None:
            return None
        x, y, z = (h + s for h, s in zip(here, self._shift, strict=True))
        return x, y, z

    def _native(self, status: Status) -> Place | None:
        text = status.fields.get("Count")
        if text is None:
            return None
        try:
            x, y, z = (float(n) / s for n, s in zip(text.split(","), self._steps_per_mm, strict=True))
        except ValueError:
            return None
        return x, y, z


def steps_per_mm(settings: Mapping[str, float]) -> Place | None:
    """Steps of each axis as the machine told them (``M92``), or None if it did not: a guess may be wrong."""
    told = [settings.get(f"M92 {axis}", 0.0) for axis in "XYZ"]
    return (told[0], told[1], told[2]) if all(n > 0.0 for n in told) else None
