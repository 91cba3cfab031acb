"""The first words with a machine: is it there, and does it speak the expected dialect."""

from __future__ import annotations

import re

from firmware_bridge.dialects.base import Banner, Ok, Realtime, Rejected, Setting, Status, Unknown
from firmware_bridge.errors import ProtocolError, ResponseTimeout
from firmware_bridge.link import Link

_PROBES = 3
_PROBE_S = 0.7
# An old firmware writes its status and its errors in another form.
_OLD_VERSION = re.compile(r"0\.")


def greet(link: Link) -> None:
    """Waits for the greeting of a machine that restarts when its port is opened, or asks for its status.

    Raises:
        ProtocolError: if nothing answers, or something else does.
        PortError: if the port goes away.
    """
    heard: list[str] = []
    if not _greeted(link, heard):
        _probe(link, heard)
        _finish_open_line(link)
    link.poll()


def read_settings(link: Link) -> dict[int, float]:
    """The machine's stored settings by number; empty if it is busy."""
    if link.state not in ("Idle", "Alarm"):
        return {}
    replies = link.command(link.dialect.commands["settings"])
    return {r.number: r.value for r in replies if isinstance(r, Setting)}


def _greeted(link: Link, heard: list[str]) -> bool:
    deadline = link.now_s() + link.transport.boot_s
    while link.now_s() < deadline:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            break
        if isinstance(reply, Banner):
            if _OLD_VERSION.match(reply.version):
                raise ProtocolError(
                    f"{link.transport.name} runs version {reply.version} of its firmware: update it to 1.1."
                )
            return True
        if isinstance(reply, Unknown):
            heard.append(reply.text)
    return False


def _probe(link: Link, heard: list[str]) -> None:
    for _ in range(_PROBES):
        link.send_realtime(Realtime.STATUS)
        deadline = link.now_s() + _PROBE_S
        while link.now_s() < deadline:
            try:
                reply = link.read(deadline - link.now_s())
            except ResponseTimeout:
                break
            if isinstance(reply, Status):
                return
            if isinstance(reply, Unknown):
                heard.append(reply.text)
    name, dialect = link.transport.name, link.dialect.name
    if heard:
        said = heard[-1][:30].encode("ascii", "backslashreplace").decode("ascii")
        raise ProtocolError(
            f"{name} does not speak {dialect} (it said '{said}'): "
            f"check the baud rate ({link.machine.baud_rate}), the port and the dialect."
        )
    raise ProtocolError(
        f"{name} does not answer as {dialect}: check the port, the power and "
        f"the baud rate ({link.machine.baud_rate})."
    )


def _finish_open_line(link: Link) -> None:
    """Ends a half line that an earlier program may have left, and swallows its answer."""
    link.send_line("")
    deadline = link.now_s() + _PROBE_S
    while True:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            return  # a machine in a hold answers no lines
        if isinstance(reply, Ok | Rejected):
            return
