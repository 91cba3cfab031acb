"""Plays a logged session again: the log is the machine, and this program drives it anew.

Nouns:
    poll       a status request; more or fewer of them are no difference
    divergence the first thing that this program does otherwise than it did then

The machine's lines come at their times on a clock of their own, so a session of an hour takes
seconds, and a fault that depends on what came when happens again. What somebody wanted then (pause,
speed, pen) is wanted again at the same place of the conversation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Realtime
from firmware_bridge.errors import BridgeError, HostError, PortError, ResponseTimeout
from firmware_bridge.events import Event
from firmware_bridge.gcode.words import Line, parse_lines
from firmware_bridge.job.device import Device
from firmware_bridge.journal import JournalState, ProgressPoint
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link, Listener
from firmware_bridge.wirelog.log import LogError, Record, lines_of, read_log, table_of

# The clock of then was read at other moments than the log was written.
_SLACK_S = 0.02
# Further ahead, something that was sent then is not what is sent now.
_AHEAD = 64
# If this program does nothing for so long where it did something then, it waits for ever.
_PATIENCE_S = 700.0
_ENDS_HERE = "the log ends here"


class Divergence(HostError):
    """This program does otherwise than it did when the log was written."""


class ReplayTransport:
    """The machine of a log."""

    def __init__(self, records: Sequence[Record], name: str, boot_s: float, poll: bytes | None) -> None:
        self.name = name
        self.boot_s = boot_s
        self._left = [r for r in records if r.kind in "><tx!"]
        self._at = 0
        self._now_s = records[0].t_s if records else 0.0
        self._poll = None if poll is None else poll.decode("latin-1")
        self.sent = 0

    def write(self, data: bytes) -> None:
        """Compares bytes with what was sent then.

        Raises:
            Divergence: if they are others.
        """
        text = data.decode("latin-1")
        if text == self._poll:
            record = self._peek()
            if record is not None and record.kind == ">" and record.text == text:
                self._at += 1
                self._now_s = max(self._now_s, record.t_s)
            return
        for at in range(self._at, min(self._at + _AHEAD, len(self._left))):
            record = self._left[at]
            if record.kind == "x" or (record.kind == ">" and record.text != self._poll):
                break
        else:
            if len(self._left) - self._at < _AHEAD:
                raise PortError(f"{self.name}: {_ENDS_HERE}.")
            raise Divergence(f"At {self._now_s:.3f} s it sends {text!r}, where nothing was sent then.")
        if record.kind == "x":
            self._at = at
            self._fail()
        if record.text != text:
            raise Divergence(f"At {self._now_s:.3f} s it sends {text!r}, where it sent {record.text!r} then.")
        self._now_s = max(self._now_s, record.t_s)
        del self._left[at]
        self.sent += 1
        if at < len(self._left) and self._left[at].kind == "x" and at == self._at:
            self._fail()

    def read_line(self, timeout_s: float) -> str:
        """What the machine said then, if it comes in time."""
        deadline = self._now_s + timeout_s
        while True:
            record = self._peek()
            if record is None:
                raise PortError(f"{self.name}: {_ENDS_HERE}.")
            if record.kind == "x":
                self._fail()
            if record.kind == ">" and record.text == self._poll:
                self._at += 1
                continue
            if record.kind == "!":
                self._at += 1
                continue
            if record.kind in "<t" and record.t_s <= deadline + _SLACK_S:
                self._at += 1
                self._now_s = max(self._now_s, record.t_s)
                if record.kind == "<":
                    return record.text
                raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.")
            if self._now_s > record.t_s + _PATIENCE_S:
                raise Divergence(f"It does not send {record.text!r}, as it did at {record.t_s:.3f} s.")
            self._now_s = deadline
            raise ResponseTimeout(f"{self.name} was silent for {timeout_s:g} s.")

    def wanted(self) -> str | None:
        """What somebody wanted at this place, or None."""
        record = self._peek()
        if record is None or record.kind != "!":
            return None
        self._at += 1
        return record.text

    def now_s(self) -> float:
        """The clock of the log."""
        return self._now_s

    def close(self) -> None:
        """Nothing."""

    def _peek(self) -> Record | None:
        return self._left[self._at] if self._at < len(self._left) else None

    def _fail(self) -> None:
        record = self._left[self._at]
        self._at += 1
        name, _, words = record.text.partition(" ")
        raise (PortError if name == "PortError" else ResponseTimeout)(words)


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a session went again.

    Attributes:
        then: how the job ended when the log was written; empty if the log does not say.
        now: how it ends now.
        divergence: the first difference, or empty.
        sent: lines and orders that were the same.
    """

    then: str
    now: str
    divergence: str
    sent: int

    @property
    def same(self) -> bool:
        """Whether everything went as then."""
        return not self.divergence and (self.now == self.then or not self.then)


def replay(path: Path, on_event: Callable[[Event], None] | None = None) -> Replayed:
    """Plays the first job of a log again.

    Raises:
        LogError: if the log cannot be read, has a gap, or holds no drawing.
        ProgramError: if its profile is not valid.
    """
    records, gap = read_log(path)
    if gap:
        raise LogError("The middle of this log was given up for its size: it can be shown, not replayed.")
    tables = [table_of(r) for r in records if r.kind == "="]
    profile = next((t["profile"] for t in tables if isinstance(t.get("profile"), dict)), None)
    job = next((t["job"] for t in tables if isinstance(t.get("job"), dict)), None)
    if not isinstance(profile, dict) or not isinstance(job, dict):
        raise LogError("This log holds no drawing from its start: it can be shown, not replayed.")
    machine = MachineProfile.from_table(profile, path.name)
    chunks = [t for t in tables if "lines" in t]
    count = next((t["program"] for t in tables if "program" in t), 0)
    lines = parse_lines(lines_of(chunks)[: count if isinstance(count, int) else 0])
    dialect = dialect_of(machine.dialect)
    first = next((t for t in tables if "boot_s" in t), {})
    poll = dialect.realtime.get(Realtime.STATUS)
    wire = ReplayTransport(records, str(first.get("port", "the log")), _number(first, "boot_s"), poll)
    then = next((r.text for r in records if r.kind == "."), "")
    try:
        device = Device(machine, Link(wire, dialect, machine))

        def follow(event: Event) -> None:
            if on_event is not None:
                on_event(event)
            while (what := wire.wanted()) is not None:
                _want(device, what)

        _draw(device, path, lines, job, follow)
        now = "done"
    except Divergence as error:
        return Replayed(then, "", str(error), wire.sent)
    except BridgeError as error:
        now = f"{type(error).__name__} {error}"
        if _ENDS_HERE in now:
            now = then
    return Replayed(then, now, "", wire.sent)


def _want(device: Device, what: str) -> None:
    """Does what somebody wanted then."""
    name, _, number = what.partition(" ")
    value = int(number) if number.lstrip("-").isdigit() else 0
    orders: dict[str, Callable[[], None]] = {
        "pause": device.pause,
        "go-on": device.go_on,
        "cancel": device.cancel,
        "hold": device.hold,
        "resume": device.resume,
        "speed": lambda: device.set_speed(value),
        "pen": lambda: device.trim_pen(value),
    }
    if name in orders:
        orders[name]()


def _draw(device: Device, path: Path, lines: list[Line], job: Mapping[str, object], follow: Listener) -> None:
    """Begins the job as it was begun then."""
    if job.get("how") == "draw":
        lowest = job.get("lowest_pen")
        device.draw_lines(
            lines, follow, _number(job, "pen_up"), None if lowest is None else _number(job, "lowest_pen")
        )
        return
    place = job.get("place")
    position = job.get("position")
    trims = job.get("trims")
    offset = job.get("offset_mm")
    state = JournalState(
        path=path,
        name=path.name,
        url="",
        started="",
        machine=device.machine,
        lines=lines,
        bound=ProgressPoint(int(_number(job, "line")), _number(job, "share")),
        taken=0,
        may_sent=int(_number(job, "may_sent")),
        position=tuple(position) if isinstance(position, list) and len(position) == 3 else None,
        done=False,
        last_event=str(job.get("last_event", "")),
        reason="",
        lifted=job.get("lifted") is True,
        exact=job.get("exact") is True,
        place_lost=job.get("place_lost") is True,
        offset_mm=tuple(offset) if isinstance(offset, list) else None,
        frame=str(job.get("frame", "")),
        trims=tuple((int(n), float(t)) for n, t in trims) if isinstance(trims, list) else (),
        torn=False,
        sound_bytes=0,
    )
    option = {"home": "home", "here": "here"}.get(str(place), "ask")
    device.run_rest(state, None, follow, option, _number(job, "overlap_mm"))  # type: ignore[arg-type]


def _number(job: Mapping[str, object], key: str) -> float:
    value = job.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LogError(f"The job in this log has no proper {key}: it cannot be replayed.")
    return float(value)
