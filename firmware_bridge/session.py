"""What a log must know beyond the bytes to play a session again: who was met, what was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.journal import JournalState
from firmware_bridge.link import Link
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports import Transport
from firmware_bridge.transports.logged import LoggedTransport
from firmware_bridge.wirelog import WireLog


def logged(transport: Transport, path: Path, machine: MachineProfile) -> LoggedTransport:
    """A transport whose traffic goes to a log as well.

    Raises:
        LogError: if that cannot be written.
    """
    log = WireLog(path)
    log.table(
        transport.now_s(),
        {"profile": machine.to_table(), "port": transport.name, "boot_s": transport.boot_s},
    )
    return LoggedTransport(transport, log)


def note_draw(link: Link, lines: Sequence[str], pen_up: float, lowest_pen: float | None) -> None:
    """A drawing begins."""
    log = _log(link)
    if log is not None:
        log.table(link.now_s(), {"job": {"how": "draw", "pen_up": pen_up, "lowest_pen": lowest_pen}})
        log.program(link.now_s(), lines)


def note_rest(link: Link, state: JournalState, place: str, overlap_mm: float) -> None:
    """A drawing goes on from a journal."""
    log = _log(link)
    if log is not None:
        job: dict[str, object] = {
            "how": "rest",
            "line": state.bound.line,
            "share": state.bound.share,
            "may_sent": state.may_sent,
            "trims": state.trims,
            "position": state.position,
            "last_event": state.last_event,
            "place": place,
            "overlap_mm": overlap_mm,
        }
        log.table(link.now_s(), {"job": job})
        log.program(link.now_s(), state.lines)


def note_wish(link: Link, what: str) -> None:
    """Somebody wants something."""
    log = _log(link)
    if log is not None:
        log.write(link.now_s(), "!", what)


def note_end(link: Link, error: BaseException | None) -> None:
    """A job has ended."""
    log = _log(link)
    if log is not None:
        log.write(link.now_s(), ".", "done" if error is None else f"{type(error).__name__} {error}")


def _log(link: Link) -> WireLog | None:
    return link.transport.log if isinstance(link.transport, LoggedTransport) else None
