"""What leading a conversation with a machine takes, whatever its firmware."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from firmware_bridge.dialects import DIALECTS
from firmware_bridge.dialects.base import Facts, WindowSize
from firmware_bridge.errors import PreflightError, ProtocolError
from firmware_bridge.gcode.reader import Point
from firmware_bridge.gcode.words import Line
from firmware_bridge.stream.link import Link

# Offsets are told with three decimals.
SAME_OFFSET_MM = 0.0015
# Boards that many people have and that speak none of the dialects.
_STRANGERS = (("an EiBotBoard, as AxiDraws have", re.compile(r"^EBB|^![0-9]+ Err:")),)
# So many characters that no firmware sends mean that the bits are read at the wrong speed.
_NOISE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class WorkFrame:
    """What is in force on a controller whatever a drawing says: its words count from here.

    Attributes:
        offset_mm: machine minus work position of each axis, or None where there is but one frame, or it
            was not told.
        chosen: the stored frame that is chosen, such as ``G54``; empty if that was not told.
        words: the words in force of plane, unit, coordinates and feed, such as ``G21``.
    """

    offset_mm: tuple[float, ...] | None = None
    chosen: str = ""
    words: tuple[str, ...] = ()

    def same_place(self, other: WorkFrame) -> bool:
        """Whether both give the same place to the same words."""
        if self.offset_mm is None or other.offset_mm is None:
            return self.offset_mm is other.offset_mm
        pairs = zip(self.offset_mm[:3], other.offset_mm[:3], strict=True)
        return all(abs(a - b) <= SAME_OFFSET_MM for a, b in pairs)


class Control(Protocol):
    """The plug point of a firmware's manners."""

    def greet(self, link: Link) -> Facts:
        """Waits for the machine after the port was opened, and asks what it is.

        Raises:
            ProtocolError: if nothing answers, or something else does.
            PortError: if the port goes away.
        """
        ...

    def is_locked(self, link: Link) -> bool:
        """Whether the machine, by its last report, waits for homing or an unlock: its place may be lost."""
        ...

    def require_idle(self, link: Link) -> None:
        """Passes a machine that stands still and takes orders.

        Raises:
            DeviceError: if it is locked or busy.
        """
        ...

    def prepare(self, link: Link, pen: float) -> None:
        """What must happen before the first line of a drawing: the pen is up after it and the lines."""
        ...

    def wait_idle(self, link: Link) -> None:
        """Waits until the machine stands still.

        Raises:
            DeviceAlarm: if it is in an alarm.
            ResponseTimeout: if it neither moves nor becomes idle.
        """
        ...

    def homing_lifts(self, link: Link) -> bool:
        """Whether the homing cycle itself lifts the pen before anything else moves."""
        ...

    def stop_and_lift(
        self, link: Link, pen: float, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        """Stops whatever runs and lifts the pen to a value of its axis.

        Args:
            link: the conversation.
            pen: the value.
            lowest_pen: the lowest that the pen may be now, or None if that is not known.
            place_lost: whether the machine has lost its place: then a z pen is lifted by a distance.

        Raises:
            ResponseTimeout: if the machine does not answer.
            DeviceError: if it refuses to lift.
            PortError: if the port goes away.
        """
        ...

    def frame(self, link: Link) -> WorkFrame:
        """What is in force now; the machine stands still.

        Raises:
            DeviceRejected: if it is busy.
            ProtocolError: if it does not tell it understandably.
        """
        ...

    def set_words(self, link: Link) -> None:
        """Puts in force what every file counts on and may leave out: mm, places, mm/min, the page."""
        ...

    def restore(self, link: Link, frame: WorkFrame) -> None:
        """Puts in force again what was, after a reset or a drawing that changed it; it stands still.

        Raises:
            DeviceError: if the machine refuses.
            ProtocolError: if its work frame is another one afterwards all the same.
        """
        ...

    def set_origin(self, link: Link, x_mm: float | None, y_mm: float | None) -> None:
        """From now on the place where the tool stands has these words; None: those of the machine's frame.

        Raises:
            PreflightError: if the firmware cannot shift its frame.
            DeviceError: if the machine refuses.
        """
        ...

    def unreachable(self, link: Link, points: Sequence[Point]) -> list[Point]:
        """Those of some points that the machine says it cannot reach; none where it cannot be asked."""
        ...

    def check_mode(self, link: Link, lines: Sequence[Line], window: WindowSize) -> bool:
        """Lets the machine read all lines without moving, and leaves it as it was.

        Returns:
            False if its firmware has no such mode; then nothing was sent.

        Raises:
            DeviceError: for a line that it refuses, or that its soft limits forbid.
            PreflightError: if it cannot be brought back to where it is now.
        """
        ...

    def reset(self, link: Link) -> None:
        """Drops what the machine has queued and starts its counters anew.

        Raises:
            ResponseTimeout: if it does not come back.
        """
        ...


class OneFrame:
    """Manners of a firmware that knows one work frame, never locks itself, and has no check mode."""

    def is_locked(self, link: Link) -> bool:
        """Never; see ``Control.is_locked``."""
        del link
        return False

    def homing_lifts(self, link: Link) -> bool:
        """No; see ``Control.homing_lifts``."""
        del link
        return False

    def prepare(self, link: Link, pen: float) -> None:
        """Nothing: the lines themselves begin with a lift. See ``Control.prepare``."""

    def frame(self, link: Link) -> WorkFrame:
        """The only one; see ``Control.frame``."""
        del link
        return WorkFrame()

    def set_words(self, link: Link) -> None:
        """Nothing: each line says all that it needs. See ``Control.set_words``."""

    def restore(self, link: Link, frame: WorkFrame) -> None:
        """Nothing: nothing is ever changed. See ``Control.restore``."""

    def set_origin(self, link: Link, x_mm: float | None, y_mm: float | None) -> None:
        """Cannot be; see ``Control.set_origin``."""
        raise PreflightError(
            f"{link.dialect.name} has one origin, which cannot be shifted: move the paper, or set "
            "paper.origin_mm in the profile."
        )

    def unreachable(self, link: Link, points: Sequence[Point]) -> list[Point]:
        """None: it knows no more than its box; see ``Control.unreachable``."""
        del link, points
        return []

    def check_mode(self, link: Link, lines: Sequence[Line], window: WindowSize) -> bool:
        """False: the firmware has none; see ``Control.check_mode``."""
        del link, lines, window
        return False


def rise_mm(link: Link, pen: float, lowest_pen: float | None) -> float:
    """How far to lift a z pen whose place was lost, so that it ends at least at a value.

    Counted from the lowest place of the drawing, but not beyond the end of the axis, where its place was
    known before it was lost.
    """
    box, place = link.machine.envelope, link.state.place_before_restart
    if place is None:
        lowest = box.pen_min if lowest_pen is None else lowest_pen
        return max(min(pen - lowest, box.pen_max - box.pen_min), 0.0)
    last = place.pen
    lowest = last if lowest_pen is None else min(lowest_pen, last)
    if not box.pen_min <= last <= box.pen_max:  # a damaged report
        last = lowest
    return max(min(pen - lowest, box.pen_max - last), 0.0)


def identify(heard: list[str]) -> str | None:
    """The dialect that some answer lines look like, or None."""
    for line in heard:
        for name, dialect in DIALECTS.items():
            if dialect.signs.search(line):
                return name
    return None


def refuse(link: Link, heard: list[str]) -> NoReturn:
    """Says in one line why the other side is not what was expected.

    Raises:
        ProtocolError: always.
    """
    name, dialect, baud = link.transport.name, link.dialect.name, link.machine.baud_rate
    for what, sign in _STRANGERS:
        if any(sign.search(line) for line in heard):
            raise ProtocolError(f"{name} is {what}: strokebot does not speak to it; choose another port.")
    other = identify(heard)
    if not heard:
        raise ProtocolError(
            f"{name} does not answer as {dialect}: check the port, the power and the baud rate ({baud})."
        )
    said = next((line for line in heard if identify([line])), heard[-1])
    shown = said[:30].encode("ascii", "backslashreplace").decode("ascii")
    text = "".join(heard)
    noise = sum(not " " <= c <= "~" for c in text)
    if other is not None and other != dialect:
        raise ProtocolError(
            f"{name} does not speak {dialect} (it said '{shown}', which looks like {other}): "
            f'set dialect = "{other}" in the profile, or choose another port.'
        )
    if noise > _NOISE_SHARE * len(text):
        raise ProtocolError(
            f"{name} does not speak {dialect} (it said '{shown}'): the baud rate ({baud}) is probably wrong; "
            "check it, the port and the dialect."
        )
    raise ProtocolError(
        f"{name} does not speak {dialect} (it said '{shown}'): "
        f"check the baud rate ({baud}), the port and the dialect."
    )
