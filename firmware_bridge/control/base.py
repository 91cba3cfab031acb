"""What leading a conversation with a machine takes, whatever its firmware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol

from firmware_bridge.dialects import DIALECTS
from firmware_bridge.dialects.base import Facts, WindowSize
from firmware_bridge.errors import ProtocolError
from firmware_bridge.gcode.reader import Point
from firmware_bridge.gcode.words import Line
from firmware_bridge.stream.link import Link

# So many characters that no firmware sends mean that the bits are read at the wrong speed.
_NOISE_SHARE = 0.2


class Control(Protocol):
    """The plug point of a firmware's manners."""

    def greet(self, link: Link) -> Facts:
        """Waits for the machine after the port was opened, and asks what it is.

        Raises:
            ProtocolError: if nothing answers, or something else does.
            PortError: if the port goes away.
        """
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

    def work_offset_mm(self, link: Link) -> tuple[float, ...] | None:
        """Machine minus work position of each axis as the machine has it stored, or None if it has none.

        Raises:
            DeviceRejected: if it is busy.
            ProtocolError: if it does not tell it understandably.
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


def rise_mm(link: Link, pen: float, lowest_pen: float | None) -> float:
    """How far to lift a z pen whose place was lost, so that it ends at least at a value.

    Counted from the lowest place of the drawing, but not beyond the end of the axis.
    """
    box, state = link.machine.envelope, link.state
    place = state.place_before_restart or state.position
    last = pen if place is None else place.pen
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
