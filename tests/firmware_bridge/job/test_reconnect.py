"""A cable is pulled and put back: the drawing goes on where the place is sure, and nowhere else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PlaceLost, PortError
from firmware_bridge.events import Event, Progress, Replugged, Resumed, Unplugged
from firmware_bridge.job.device import Device
from firmware_bridge.job.reconnect import draw_on
from firmware_bridge.job.replay import replay
from firmware_bridge.job.resume import OVERLAP_MM
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import RealTime, VirtualGrbl, serve_pty
from firmware_bridge.simulator.wire import Wire
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.faulty import FaultyTransport
from firmware_bridge.wirelog.recorder import logged
from tests.support.ink_cases import dense, drawn_mm, farthest_mm, ink, ink_mm, plotter, program_of

LINE = [[(170.0 + 0.5 * i, 10.0 + 4.0 * (i % 2)) for i in range(100)]]
PROGRAM = program_of(LINE, 30.0)


class Desk:
    """A machine whose cable is pulled when so many lines were taken, and put back after some seconds."""

    def __init__(self, machine: MachineProfile, folder: Path, at_line: int, away_s: float) -> None:
        self.machine, self.folder = machine, folder
        self.at_line, self.away_s = at_line, away_s
        self.wire: Wire | None = None
        self.pulled = 0
        self.times = 1
        self.heard: list[Event] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.log: Path | None = None

    def open(self, machine: MachineProfile, url: str | None, log: Path | None) -> Device:
        del url
        transport = FaultyTransport(machine, self.wire)
        self.wire = transport.wire
        wire = transport if log is None else logged(transport, log, machine)
        return Device(machine, Link(wire, dialect_of(machine.dialect), machine))

    def watch(self, device: Device) -> Callable[[Event], None]:
        del device

        def on_event(event: Event) -> None:
            self.heard.append(event)
            if isinstance(event, Progress) and event.lines_done >= self.at_line and self.pulled < self.times:
                self.pulled += 1
                self.at_line += 40
                self.pull()

        return on_event

    def pull(self) -> None:
        wire = self.wire
        assert wire is not None
        wire.cut()
        wire.broken = True
        wire.at(wire.now_s + self.away_s, self.back)

    def back(self) -> None:
        assert self.wire is not None
        self.meanwhile()
        self.wire.cut()
        self.wire.broken = False

    def keep(self, lines: list[str]) -> Journal:
        return begin_job(lines, self.machine, "sim://", "line", self.folder)

    def clock(self) -> float:
        assert self.wire is not None
        return self.wire.now_s

    def sleep(self, seconds: float) -> None:
        assert self.wire is not None
        self.wire.advance(self.wire.now_s + seconds)

    def draw(self, wait_s: float) -> None:
        draw_on(
            self.machine,
            None,
            lambda device, listen, keeping: device.run(PROGRAM, listen, keeping),
            self.watch,
            keep=self.keep,
            log=self.log,
            wait_s=wait_s,
            opener=self.open,
            clock=self.clock,
            sleep=self.sleep,
        )

    def ink_is_whole(self) -> bool:
        assert self.wire is not None
        pieces = ink(self.wire.recording())
        told = [e for e in self.heard if isinstance(e, Resumed)]
        doubled = ink_mm(pieces) - drawn_mm(LINE)
        return farthest_mm(dense(LINE), pieces) < 0.1 and doubled < sum(
            OVERLAP_MM + e.doubt_mm + 1.0 for e in told
        )


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
@pytest.mark.parametrize(("away_s", "times"), [(0.2, 1), (3.0, 2), (25.0, 1)])
def test_a_machine_that_kept_its_place_goes_on(
    dialect: str, away_s: float, times: int, tmp_path: Path
) -> None:
    desk = Desk(plotter(dialect), tmp_path, 35, away_s)
    desk.times = times
    desk.draw(60.0)
    assert desk.pulled == times
    assert desk.ink_is_whole()
    assert [type(e) for e in desk.heard if isinstance(e, Unplugged | Replugged)] == [
        Unplugged,
        Replugged,
    ] * times
    assert find_job("1", tmp_path).done


def test_without_patience_a_pulled_cable_is_an_error(tmp_path: Path) -> None:
    desk = Desk(plotter("grbl"), tmp_path, 35, 3.0)
    with pytest.raises(PortError, match="went away"):
        desk.draw(0.0)
    assert not any(isinstance(e, Unplugged) for e in desk.heard)


def test_the_wait_for_the_port_is_bounded(tmp_path: Path) -> None:
    desk = Desk(plotter("grbl"), tmp_path, 35, 1e6)
    with pytest.raises(PortError, match=r"did not come back within 20 s .* strokebot resume"):
        desk.draw(20.0)
    assert desk.clock() < 60.0
    assert not find_job("1", tmp_path).done


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
def test_a_machine_that_restarted_draws_nothing_and_lifts(dialect: str, tmp_path: Path) -> None:
    desk = Desk(plotter(dialect), tmp_path, 35, 3.0)

    def restart() -> None:
        assert desk.wire is not None
        desk.wire.controller.power_cycle()

    desk.meanwhile = restart
    # The greeting of a restart must be heard: the port is back while the board starts.
    back = desk.back

    def late() -> None:
        back()
        restart()

    desk.back = late  # type: ignore[method-assign]
    with pytest.raises(PlaceLost, match=r"strokebot resume 1 --home"):
        desk.draw(60.0)
    assert desk.wire is not None
    recording = desk.wire.recording()
    assert recording.pen[-1] > 3.0
    assert farthest_mm(dense([LINE[0][:20]]), ink(recording)) < 0.1
    assert ink_mm(ink(recording)) < 0.7 * drawn_mm(LINE)
    assert not find_job("1", tmp_path).done


def test_a_machine_that_was_moved_draws_nothing(tmp_path: Path) -> None:
    desk = Desk(plotter("grbl"), tmp_path, 35, 3.0)

    def move() -> None:
        controller = desk.wire.controller if desk.wire else None
        assert isinstance(controller, VirtualGrbl)
        controller.receive(b"\x18")
        controller.receive(b"$X\nG0 Z8\nG0 X0 Y0\n")
        controller.advance(controller.now_s + 20.0)

    desk.meanwhile = move
    with pytest.raises(PlaceLost):
        desk.draw(60.0)
    assert desk.wire is not None
    assert ink_mm(ink(desk.wire.recording())) < 0.7 * drawn_mm(LINE)


def test_another_machine_at_the_same_port_draws_nothing(tmp_path: Path) -> None:
    desk = Desk(plotter("grbl"), tmp_path, 35, 25.0)

    def swap() -> None:
        controller = desk.wire.controller if desk.wire else None
        assert isinstance(controller, VirtualGrbl)
        controller.settings.values[110] = 1234.0

    desk.meanwhile = swap
    with pytest.raises(PlaceLost, match=r"place|Another machine"):
        desk.draw(60.0)


def test_each_connection_has_a_log_that_can_be_replayed(tmp_path: Path) -> None:
    desk = Desk(plotter("grbl"), tmp_path / "jobs", 35, 3.0)
    desk.log = tmp_path / "log"
    desk.draw(60.0)
    first, second = replay(tmp_path / "log"), replay(tmp_path / "log.2")
    assert first.same
    assert first.then.startswith("PortError")
    assert second.same
    assert second.then == "done"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("resets", [False, True])
def test_a_real_port_is_pulled_and_put_back(resets: bool, tmp_path: Path) -> None:
    class Board(VirtualGrbl):
        def power_cycle(self) -> None:
            if resets:  # as a board whose reset hangs on DTR
                super().power_cycle()

    machine = plotter("grbl")
    board, path = Board(machine), tmp_path / "tty"
    stops: list[threading.Event] = []
    threads: list[threading.Thread] = []

    def plug() -> None:
        stop, ready = threading.Event(), threading.Event()
        stops.append(stop)
        thread = threading.Thread(
            target=serve_pty,
            args=(path, board, stop, RealTime(6.0), lambda _: ready.set()),
            kwargs={"reset_on_open": resets},
        )
        threads.append(thread)
        thread.start()
        assert ready.wait(10.0)

    heard: list[Event] = []
    pulled: list[threading.Timer] = []

    def on_event(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Progress) and event.lines_done > 40 and not pulled:
            stops[-1].set()
            threads[-1].join()
            pulled.append(threading.Timer(1.0, plug))
            pulled[0].start()

    plug()
    try:

        def draw() -> None:
            draw_on(
                machine,
                str(path),
                lambda device, listen, keeping: device.run(PROGRAM, listen, keeping),
                lambda device: on_event,
                keep=lambda lines: begin_job(lines, machine, str(path), "line", tmp_path / "jobs"),
                wait_s=20.0,
            )

        if resets:
            with pytest.raises(PlaceLost, match="strokebot resume 1 --home"):
                draw()
        else:
            draw()
            assert find_job("1", tmp_path / "jobs").done
            pieces = ink(board.recording())
            assert farthest_mm(dense(LINE), pieces) < 0.1
        time.sleep(0.1)
    finally:
        for timer in pulled:
            timer.join()
        for stop, thread in zip(stops, threads, strict=True):
            stop.set()
            thread.join()
    assert any(isinstance(e, Replugged) for e in heard)
