"""What a log must know beyond the bytes to play a session again: who was met, what was wanted.

A transport that writes down what passes through it.

Its clock stands still between two records, so that whoever decides by it decides in the same way
when the log is played again; no wait is without a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.journal import JournalState
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link
from firmware_bridge.transports import Transport
from firmware_bridge.wirelog.log import WireLog


class LoggedTransport:
    """Another transport with a log.

    Attributes:
        inner: the other transport.
        log: what is written.
    """

    def __init__(self, inner: Transport, log: WireLog) -> None:
        self.inner = inner
        self.log = log
        self.name = inner.name
        self.boot_s = inner.boot_s
        self._now_s = inner.now_s()

    def write(self, data: bytes) -> None:
        """Sends all bytes; see ``Transport.write``."""
        self._note(">", data.decode("latin-1"))
        try:
            self.inner.write(data)
        except (PortError, ResponseTimeout) as error:
            self._note("x", f"{type(error).__name__} {error}")
            raise

    def read_line(self, timeout_s: float) -> str:
        """The next line; see ``Transport.read_line``."""
        try:
            line = self.inner.read_line(timeout_s)
        except ResponseTimeout:
            self._note("t", "")
            raise
        except PortError as error:
            self._note("x", f"{type(error).__name__} {error}")
            raise
        self._note("<", line)
        return line

    def now_s(self) -> float:
        """The time of the last record."""
        return self._now_s

    def close(self) -> None:
        """Gives the port back and ends the log."""
        self.inner.close()
        self.log.close()

    def _note(self, kind: str, text: str) -> None:
        self._now_s = self.inner.now_s()
        self.log.write(self._now_s, kind, text)


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
            "lifted": state.lifted,
            "exact": state.exact,
            "place_lost": state.place_lost,
            "offset_mm": state.offset_mm,
            "frame": state.frame,
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
