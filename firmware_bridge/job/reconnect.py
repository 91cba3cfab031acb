"""One drawing on one machine, through a pulled cable if that is wanted.

Nouns:
    wait      for so long the port is waited for, once it went away
    kept      the machine has not restarted since, is the same with the same settings, and stands on the
              way of the lines that it was sent: only then the drawing goes on by itself

A board that restarts when its port is opened has lost its place, and an arm that measures its joints
never does. Where the place is not surely known nothing is drawn: the pen is lifted by a distance, and
the drawing waits for ``strokebot resume``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.dialects.base import Facts
from firmware_bridge.errors import BridgeError, PlaceLost, PortError, ProtocolError, ResponseTimeout
from firmware_bridge.events import Replugged, Unplugged
from firmware_bridge.gcode.words import Line
from firmware_bridge.job.device import Device, KeepJournal, open_device
from firmware_bridge.journal import Journal, read_journal
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Listener
from firmware_bridge.stream.streamer import StreamReport

_RETRY_S = 0.5
# A cable that falls out again and again is no cable to draw with.
_MOST_TIMES = 20

Start = Callable[[Device, Listener | None, KeepJournal | None], StreamReport]
Open = Callable[[MachineProfile, str | None, Path | None], Device]


def draw_on(
    machine: MachineProfile,
    url: str | None,
    start: Start,
    listener_of: Callable[[Device], Listener] | None = None,
    *,
    ready: Callable[[Device], None] | None = None,
    keep: KeepJournal | None = None,
    journal: Path | None = None,
    log: Path | None = None,
    wait_s: float = 0.0,
    opener: Open | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> StreamReport:
    """Opens a port, draws, and closes it; goes on after the port went away, if it comes back within the wait.

    Args:
        machine: the profile.
        url: the port; None for the profile's.
        start: draws on a device; is given the listener and what begins its journal.
        listener_of: makes the listener of a device.
        ready: brings the machine into the state that is wanted, in the same connection; None for nothing.
        keep: begins the journal; without one, nothing goes on.
        journal: the journal that ``start`` goes on with, if it does.
        log: keeps what passes; each further connection has a file of its own, FILE.2 and so on.
        wait_s: how long to wait for the port; 0 to end at once, as any other error does.
        opener: opens a device; by default ``open_device``.
        clock: tells the time in s.
        sleep: lets time pass.

    Raises:
        PlaceLost: if the machine is back, but not surely at its place.
        PortError: if the port does not come back in time.
        StrokebotError: as ``Device.run``.
    """
    kept = [] if journal is None else [journal]

    def keeping(lines: Sequence[Line]) -> Journal:
        assert keep is not None
        begun = keep(lines)
        kept.append(begun.path)
        return begun

    connect = opener or open_device
    with pen_told(journal):
        device = connect(machine, url, log)
    facts = device.facts
    listen = listener_of(device) if listener_of is not None else None
    times = 1
    while True:
        try:
            with device:
                if times == 1:
                    if ready is not None:
                        ready(device)
                    return start(device, listen, keeping if keep is not None else None)
                _require_kept(device, facts, kept[-1])
                state = read_journal(kept[-1])
                with Journal.reopen(state) as again:
                    return device.run_rest(state, again, listen, "ask")
        except PlaceLost as error:
            if times == 1:
                raise
            raise PlaceLost(_lost(kept[-1])) from error
        except PortError:
            if not (wait_s > 0.0 and kept and times < _MOST_TIMES):
                raise
        times += 1
        if listen is not None:
            listen(Unplugged(wait_s))
        gone_s = clock()
        further = None if log is None else Path(f"{log}.{times}")
        device = _await(lambda to=further: connect(machine, url, to), wait_s, clock, sleep)  # type: ignore[misc]
        listen = listener_of(device) if listener_of is not None else None
        if listen is not None:
            listen(Replugged(clock() - gone_s))


@contextmanager
def pen_told(journal: Path | None) -> Iterator[None]:
    """A machine that cannot be met was not lifted: what is raised meanwhile says so, if a job was under way.

    Args:
        journal: of the job that is to be gone on with; None where there is none.
    """
    try:
        yield
    except BridgeError as error:
        if journal is None or read_journal(journal).lifted:
            raise
        raise type(error)(f"{error} The pen may be down: lift it by hand.") from error


def _await(
    open_again: Callable[[], Device],
    wait_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Device:
    give_up_s = clock() + wait_s
    while True:
        try:
            return open_again()
        except (PortError, ProtocolError, ResponseTimeout) as error:
            if clock() >= give_up_s:
                raise PortError(
                    f"The port did not come back within {wait_s:.0f} s ({str(error).rstrip('.')}): "
                    "lift the pen, then strokebot resume goes on."
                ) from error
            sleep(_RETRY_S)


def _require_kept(device: Device, before: Facts, journal: Path) -> None:
    """Passes a machine that is the same and has not restarted.

    Raises:
        PlaceLost: otherwise; its pen was lifted as far as that can be done.
    """
    now = device.facts
    # A machine that draws what it had taken is too busy to say what it is; its place will tell.
    other = bool(now.firmware) and (now.firmware != before.firmware or now.settings != before.settings)
    if other:
        raise PlaceLost(
            f"Another machine, or one with other settings, answers now ({now.firmware}): nothing was drawn."
        )
    if device.restarted and not device.measures_itself:
        try:
            device.lift_after_restart(read_journal(journal).lines)
        except BridgeError as error:
            raise PlaceLost(f"{_lost(journal)} The pen could not be lifted: {error}") from error
        raise PlaceLost(_lost(journal))


def _lost(journal: Path) -> str:
    number = journal.name.partition("-")[0].lstrip("0")
    return (
        f"The machine is back but has lost its place: home it with strokebot resume {number} --home, "
        "or put the pen where it believes to be and use --here."
    )
