"""Manners of the uArm Swift Pro.

The arm measures its joint angles, so it knows its place after a restart and needs no homing.
An answer means that the arm stands, so waiting for the end of all motion is waiting for one
answer. It has no hold: stopping lets the few lines that it has taken end, and lifts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from firmware_bridge.control.base import OneFrame, identify, refuse
from firmware_bridge.dialects.base import Banner, Facts, Ok, Rejected, Unknown
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.errors import ProtocolError, ResponseTimeout
from firmware_bridge.gcode.reader import Point
from firmware_bridge.stream.link import QUIET_S, Link

# How long each question is waited for. An arm that draws what an earlier program sent reads nothing
# while its planner is full, and few bytes have room in its buffer, so the later ones come seldom.
_PROBES_S = (1.0, 1.0, 1.0, 4.0, 8.0, 16.0)
# A handful of lines at the slowest usual feed; the arm is silent while it moves.
_MOTION_S = 120.0
_VERSION = re.compile(r"V?([0-9]+)\.[0-9.]+\S*")
# Names begin at another number in each conversation; three digits, since bytes are dear.
_FIRST_NAME, _NAMES, _NAME_EVERY_S = 100, 800, 0.1
_OUT_OF_REACH = "V0"  # the answer to M2222
_LEAST_MAJOR = 4  # older firmware counts feeds in mm/min


class UarmControl(OneFrame):
    """The manners, for the registry."""

    def greet(self, link: Link) -> Facts:
        """Meets the arm; see ``Control.greet``."""
        heard: list[str] = []
        # A line of an earlier program may be answered late, under its name or the half that arrived.
        link.count_from(_FIRST_NAME + int(link.now_s() / _NAME_EVERY_S) % _NAMES)
        _await_ready(link, heard)
        version = _ask_version(link, heard)
        match = _VERSION.fullmatch(version)
        if match and int(match[1]) < _LEAST_MAJOR:
            raise ProtocolError(
                f"{link.transport.name} runs version {version} of its firmware: update it to 4 or later."
            )
        link.poll()
        return Facts(f"uArm {version}".strip())

    def require_idle(self, link: Link) -> None:
        """Waits for the moves of an earlier program; see ``Control.require_idle``."""
        self.wait_idle(link)

    def prepare(self, link: Link, pen: float) -> None:
        """Lifts straight up from wherever the arm stands, since its lines know no such move."""
        link.poll()
        if link.state.position is not None and link.state.position.pen < pen:
            self.lift(link, pen)

    def lift(self, link: Link, pen: float) -> None:
        """Moves only the pen, from where the arm says that it is."""
        for line in link.dialect.pen_lines(pen, link.machine, here=link.state.position):
            link.command(line, _MOTION_S)

    def wait_idle(self, link: Link) -> None:
        """Waits until the arm stands still; see ``Control.wait_idle``."""
        link.command(link.dialect.commands["sync"], _MOTION_S)
        link.poll()
        link.enter("Idle")

    def stop_and_lift(
        self, link: Link, pen: float, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        """Lets the taken moves end and lifts the pen; see ``Control.stop_and_lift``."""
        del lowest_pen, place_lost  # it measures its place
        link.send_line("")  # ends a line that was cut short
        link.quiet()
        self.wait_idle(link)
        self.lift(link, pen)
        self.wait_idle(link)

    def unreachable(self, link: Link, points: Sequence[Point]) -> list[Point]:
        """Asks the arm with ``M2222``; see ``Control.unreachable``. A strange answer says nothing."""
        line = link.dialect.commands["reach"]
        lost = []
        for point in points:
            x, y, z = (decimal(v, 2) for v in point)
            if _asked(link, f"{line}X{x}Y{y}Z{z}P0", _MOTION_S) == _OUT_OF_REACH:
                lost.append(point)
        return lost

    def reset(self, link: Link) -> None:
        """Lets the taken moves end; see ``Control.reset``."""
        self.wait_idle(link)
        link.quiet()


def _await_ready(link: Link, heard: list[str]) -> None:
    deadline = link.now_s() + link.transport.boot_s
    while link.now_s() < deadline:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            return
        if isinstance(reply, Unknown):
            heard.append(reply.text)
        elif isinstance(reply, Banner):
            link.quiet(2 * QUIET_S)
            return


def _ask_version(link: Link, heard: list[str]) -> str:
    for probe_s in _PROBES_S:
        if identify(heard) not in (None, link.dialect.name):
            break
        link.send_line("")  # ends a half line that an earlier program may have left
        number = link.take_numbers()
        link.send_framed(number, link.dialect.commands["build info"])
        deadline = link.now_s() + probe_s
        while link.now_s() < deadline:
            try:
                reply = link.read(deadline - link.now_s())
            except ResponseTimeout:
                break
            if isinstance(reply, Ok) and reply.number == number:
                return reply.text
            if isinstance(reply, Unknown):
                heard.append(reply.text)
    refuse(link, heard)


def _asked(link: Link, line: str, timeout_s: float) -> str:
    """What stands behind the ``ok`` of one order; empty if the arm refuses it.

    Raises:
        ResponseTimeout: if no answer comes in time.
    """
    number = link.take_numbers()
    link.send_framed(number, line)
    deadline = link.now_s() + timeout_s
    while True:
        reply = link.read(deadline - link.now_s())
        if isinstance(reply, Ok) and reply.number == number:
            return reply.text.strip()
        if isinstance(reply, Rejected) and reply.number in (None, number):
            return ""
