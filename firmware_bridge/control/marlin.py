"""Manners of Marlin 2 and of firmware that speaks like it.

Meeting: wait for ``start``, which comes only where opening the port restarts the board, then
ask ``M115``; set the line number to 0; ask to hear every second that it is busy (``M113``);
send one line with a wrong number on purpose, to learn whether an ``ok`` follows a ``Resend:``
(it does in Marlin 2.1, not in some 2.0), since an answer must never be counted twice.

Waiting for the end of all motion is ``M400`` and then ``M114``: the position report is the one
answer that cannot be taken for another, so every ``ok`` before it belongs to earlier lines.

Stopping: nothing more is sent, and the moves that the board has taken are drawn to their end,
where it comes to rest on the line; then the pen is lifted. ``M410`` would stop sooner, but it
throws away the planner and keeps the command queue, whose moves would then be drawn from the
wrong place. Marlin has no hold and no status while it works.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType

from firmware_bridge.control.base import OneFrame, WorkFrame, identify, refuse, rise_mm
from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Busy,
    Facts,
    Message,
    Ok,
    Reply,
    Resend,
    Setting,
    Status,
    Unknown,
)
from firmware_bridge.dialects.marlin import capabilities_of, settings_of
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.errors import DeviceReset, PreflightError, ProtocolError, ResponseTimeout
from firmware_bridge.stream.link import (
    BUSY_LIMIT_S,
    COMMAND_TIMEOUT_S,
    MOST_RESENDS,
    QUIET_S,
    Link,
    alarm,
    require_moved,
)

_PROBES = 3
_PROBE_S = 1.0
# A board that says something while it starts is waited for so long.
_LATE_S = 20.0
# A board that says that it is busy does so at least this often.
_KEEPALIVE_S = 1
# Without that, a wait for the end of all motion may be silent for this long.
_SILENT_MOTION_S = 120.0
# A silent board is asked for so long to lift its pen: a loose plug or a fuse may come back.
_RETURN_S = 30.0
_FIRMWARE = "FIRMWARE "


class MarlinControl(OneFrame):
    """The manners, for the registry."""

    def greet(self, link: Link) -> Facts:
        """Meets the machine; see ``Control.greet``."""
        heard: list[str] = []
        _await_start(link, heard)
        firmware, capabilities = _ask_firmware(link, heard)
        _number_from_zero(link)
        ok_after_resend = _learn_resend(link)
        link.learn(Facts(firmware, ok_after_resend=ok_after_resend))
        keepalive = not any(
            isinstance(r, Message) and "Unknown command" in r.text
            for r in link.command(f"M113 S{_KEEPALIVE_S}")
        )
        settings: dict[str, float] = {}
        notes: list[str] = []
        for question in ("settings", "box"):
            line = link.dialect.commands[question]
            told = [settings_of(reply) for reply in link.command(line) if isinstance(reply, Setting)]
            settings |= {key: value for values in told for key, value in values.items()}
            if not told:
                notes.append(f"The machine tells no limits for {line}")
        link.poll()
        return Facts(
            firmware,
            settings=MappingProxyType(settings),
            keepalive=keepalive,
            ok_after_resend=ok_after_resend,
            capabilities=MappingProxyType(capabilities),
            notes=tuple(notes),
        )

    def require_idle(self, link: Link) -> None:
        """Waits for the moves of an earlier program; see ``Control.require_idle``."""
        self.wait_idle(link)

    def wait_idle(self, link: Link) -> None:
        """Waits until the machine stands still; see ``Control.wait_idle``."""
        _settle(link)
        link.enter("Idle")

    def stop_and_lift(
        self, link: Link, pen: float, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        """Lets the taken moves end and lifts the pen; see ``Control.stop_and_lift``."""
        up_mm, restarts = rise_mm(link, pen, lowest_pen), link.state.restarts
        _number_from_zero(link, _RETURN_S)
        self.wait_idle(link)
        if (place_lost or link.state.restarts > restarts) and link.machine.pen_actuator == "z":
            lines = link.dialect.jog_lines(0.0, 0.0, up_mm, link.machine.pen_max_speed) if up_mm else []
        else:
            lines = link.dialect.pen_lines(pen, link.machine)
        for line in lines:
            require_moved(link.command(line))
        self.wait_idle(link)

    def set_words(self, link: Link) -> None:
        """Millimetres and places; see ``Control.set_words``."""
        with link.listening(None):  # a board without inches knows no G21, which is as well
            link.command("G21")
            link.command("G90")

    def restore(self, link: Link, frame: WorkFrame) -> None:
        """Millimetres and places again: it cannot be asked what was in force; see ``Control.restore``."""
        del frame
        self.set_words(link)

    def set_origin(self, link: Link, x_mm: float | None, y_mm: float | None) -> None:
        """Shifts the frame; see ``Control.set_origin``."""
        if x_mm is None or y_mm is None:
            raise PreflightError("Marlin does not tell its machine frame: home it, or give --origin X,Y.")
        link.command(f"G92 X{decimal(x_mm)} Y{decimal(y_mm)}")
        self.wait_idle(link)

    def reset(self, link: Link) -> None:
        """Lets the taken moves end and starts the line numbers anew; see ``Control.reset``."""
        _number_from_zero(link)
        self.wait_idle(link)


def _await_start(link: Link, heard: list[str]) -> None:
    deadline = link.now_s() + link.transport.boot_s
    while link.now_s() < deadline:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            return
        if isinstance(reply, Unknown):
            heard.append(reply.text)
        elif isinstance(reply, Banner):
            for more in link.quiet(2 * QUIET_S):
                if isinstance(more, Unknown):
                    heard.append(more.text)
            return


def _ask_firmware(link: Link, heard: list[str]) -> tuple[str, dict[str, bool]]:
    """The name that the firmware gives itself, empty if it answers without one, and what it can do."""
    said: list[Reply] = []
    begin, probes, starting = link.now_s(), 0, False
    while probes < _PROBES or (starting and link.now_s() < begin + _LATE_S):
        probes += 1
        if identify(heard) not in (None, link.dialect.name):
            break
        # The empty line ends a half line that an earlier program may have left.
        link.send_line("")
        link.send_line(link.dialect.commands["build info"])
        deadline = link.now_s() + _PROBE_S
        name = None
        while link.now_s() < deadline:
            try:
                reply = link.read(deadline - link.now_s())
            except ResponseTimeout:
                break
            said.append(reply)
            if isinstance(reply, Busy):
                deadline = link.now_s() + 2 * _PROBE_S
            elif isinstance(reply, Message) and reply.text.startswith(_FIRMWARE):
                name = reply.text.removeprefix(_FIRMWARE)
            elif isinstance(reply, Message | Banner):
                starting = True  # it says something while it starts
            elif isinstance(reply, Unknown):
                heard.append(reply.text)
            elif isinstance(reply, Ok) and name is not None:
                break
        if name is not None:
            return name, capabilities_of(said)
    refuse(link, heard)


def _number_from_zero(link: Link, wait_s: float = COMMAND_TIMEOUT_S) -> None:
    """Makes the next line number one, and lets every answer that is under way pass by.

    Args:
        link: the conversation.
        wait_s: for so long a silent board is asked again, since it may come back.
    """
    link.send_line("")  # ends a line that was cut short
    begin = link.now_s()
    resends = 0
    while True:
        link.quiet()
        link.count_from(0)
        link.send_framed(0, "M110 N0")
        deadline = link.now_s() + COMMAND_TIMEOUT_S
        taken = False
        while not taken:
            try:
                reply = link.read(deadline - link.now_s())
            except ResponseTimeout as cause:
                if link.now_s() - begin < wait_s:
                    break
                raise ResponseTimeout(
                    f"{link.transport.name} does not take a new line number: reset the machine."
                ) from cause
            if isinstance(reply, Busy):
                deadline = min(link.now_s() + COMMAND_TIMEOUT_S, begin + BUSY_LIMIT_S)
            elif isinstance(reply, Alarm):
                alarm(reply)
            elif isinstance(reply, Banner | Resend):
                resends += 1
                if resends > MOST_RESENDS:
                    raise ProtocolError("Lines arrive damaged each time: check the cable and the baud rate.")
                break
            taken = isinstance(reply, Ok)
        if taken:
            link.quiet()
            link.count_from(1)
            return


def _settle(link: Link) -> None:
    """Waits until all that was sent is done and the machine stands."""
    lines = (link.dialect.commands["sync"], link.dialect.commands["status"])
    first = link.take_numbers(len(lines))

    def send(at: int) -> None:
        for i in range(at, len(lines)):
            link.send_framed(first + i, lines[i])

    send(0)
    watchdog = COMMAND_TIMEOUT_S if link.state.facts.keepalive else _SILENT_MOTION_S
    begin = link.now_s()
    deadline = begin + watchdog
    placed = False
    resends = 0
    while True:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout as cause:
            raise ResponseTimeout(
                f"{link.transport.name} does not say that its moves have ended: check power and cable."
            ) from cause
        if isinstance(reply, Status):
            placed = True
        elif isinstance(reply, Ok):
            if placed or reply.status is not None:
                return
        elif isinstance(reply, Busy):
            deadline = min(link.now_s() + watchdog, begin + BUSY_LIMIT_S)
        elif isinstance(reply, Alarm):
            alarm(reply)
        elif isinstance(reply, Banner):
            raise DeviceReset(f"{link.transport.name} restarted: check its power supply and USB cable.")
        elif isinstance(reply, Resend):
            resends += 1
            if resends > MOST_RESENDS:
                raise ProtocolError("Lines arrive damaged each time: check the cable and the baud rate.")
            link.quiet()
            if reply.number < first:
                link.renumber(first - 1)
            send(max(reply.number - first, 0))


def _learn_resend(link: Link) -> bool:
    """Whether an ``ok`` follows a request to send again."""
    link.send_framed(link.next_number + 1, link.dialect.commands["status"])
    replies = link.quiet(2 * QUIET_S)
    for reply, after in pairwise([*replies, None]):  # there may be none
        if isinstance(reply, Resend):
            return isinstance(after, Ok)
    # It took a line out of order: it does not count lines, so nothing is ever sent again.
    _number_from_zero(link)
    return False
