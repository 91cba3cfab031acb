from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_bridge.dialects.base import ONE_LINE, WindowSize
from firmware_bridge.dialects.grbl import Grbl, encode
from firmware_bridge.errors import Cancelled, PortError
from firmware_bridge.events import Event, Position, Progress
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import open_device
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.simulator import FreeRunning, RealTime, VirtualGrbl, serve_pty, serve_tcp
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.transports import open_transport

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys"),
]

UP = 10.0


def program_of(count: int, step_mm: float, feed: float) -> Program:
    points = [(10.0 + step_mm * i, 10.0 + (step_mm if i % 2 else 0.0)) for i in range(count)]
    return Program.of(
        [
            Move(*points[0], UP, 90.0, MoveKind.TRAVEL),
            Move(*points[0], 0.0, 15.0, MoveKind.LOWER),
            *(Move(*p, 0.0, feed, MoveKind.DRAW) for p in points),
            Move(*points[-1], UP, 15.0, MoveKind.LIFT),
        ]
    )


class Served:
    def __init__(self, grbl: VirtualGrbl, stop: Callable[[], None], url: str) -> None:
        self.grbl, self.stop, self.url = grbl, stop, url


@contextmanager
def served(
    machine: MachineProfile, folder: Path | None, clock: RealTime | FreeRunning, reset: bool = True
) -> Iterator[Served]:
    """A virtual machine behind a pty in ``folder``, or on TCP if that is None."""
    grbl = VirtualGrbl(machine)
    stop_event, ready = threading.Event(), threading.Event()
    where: list[str] = []

    def on_ready(place: Path | int) -> None:
        where.append(f"socket://127.0.0.1:{place}" if isinstance(place, int) else str(place))
        ready.set()

    def work() -> None:
        if folder is None:
            serve_tcp(grbl, stop_event, clock=clock, on_ready=on_ready, reset_on_open=reset)
        else:
            serve_pty(folder / "grbl", grbl, stop_event, clock, on_ready, reset)

    thread = threading.Thread(target=work)
    thread.start()

    def stop() -> None:
        stop_event.set()
        thread.join()

    try:
        assert ready.wait(10.0)
        yield Served(grbl, stop, where[0])
    finally:
        stop()


@pytest.mark.parametrize("wire", ["pty", "tcp"])
def test_a_program_is_drawn_over_a_real_wire(machine: MachineProfile, tmp_path: Path, wire: str) -> None:
    program = program_of(300, 0.3, 60.0)
    with served(machine, tmp_path if wire == "pty" else None, FreeRunning()) as place:
        with open_device(machine, place.url) as device:
            report = device.run(program)
        last = program.moves[-1]
        assert place.grbl.position_mm() == pytest.approx((last.x_mm, last.y_mm, UP), abs=0.0076)
    assert place.grbl.rx.overruns == 0
    assert report.acknowledged == report.lines
    assert report.bytes == sum(len(line) + 1 for line in encode(program, machine))
    assert not (tmp_path / "grbl").is_symlink()


@pytest.mark.parametrize("window", [None, 128])
def test_streaming_never_overflows_the_receive_buffer(
    machine: MachineProfile, tmp_path: Path, window: int | None
) -> None:
    lines = encode(program_of(300, 0.3, 60.0), machine)
    with served(machine, tmp_path, FreeRunning()) as place:
        transport = open_transport(place.url, machine)
        link = Link(transport, Grbl(), machine)
        while not transport.read_line(5.0).startswith("Grbl"):
            pass
        streamer = Streamer(link, WindowSize(bytes=window) if window else ONE_LINE)
        streamer.stream(parse_lines(lines))
        transport.close()
        assert place.grbl.rx.overruns == 0
        assert place.grbl.acknowledged == len(lines)
        # Character counting keeps more than one line under way; otherwise it would test nothing.
        assert (streamer.send_window.peak_bytes > 80) == (window is not None)


def test_the_counter_sees_an_overrun_when_bytes_are_sent_blind(
    machine: MachineProfile, tmp_path: Path
) -> None:
    lines = encode(program_of(300, 0.3, 60.0), machine)
    with served(machine, tmp_path, FreeRunning()) as place:
        transport = open_transport(place.url, machine)
        while not transport.read_line(5.0).startswith("Grbl"):
            pass
        transport.write("".join(line + "\n" for line in lines).encode())
        transport.read_line(5.0)
        transport.close()
        assert place.grbl.rx.overruns > 0


def test_ctrl_c_lifts_the_pen_over_a_pty(machine: MachineProfile, tmp_path: Path) -> None:
    """A real signal in the middle of a read, while the machine draws in real time."""
    with served(machine, tmp_path, RealTime(speed=4.0)) as place:
        fired = threading.Event()

        def fire(event: Event) -> None:
            if isinstance(event, Position) and event.pen < 0.1 and not fired.is_set():
                fired.set()
                threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

        with open_device(machine, place.url) as device:
            with pytest.raises(KeyboardInterrupt):
                device.run(program_of(40, 5.0, 20.0), fire)
            assert device.state == "Idle"
        assert fired.is_set()
        x, _, pen = place.grbl.position_mm()
        assert pen == UP
        assert x < 200.0  # it was stopped on the way


def test_an_unplugged_cable_is_a_port_error(machine: MachineProfile, tmp_path: Path) -> None:
    with served(machine, tmp_path, FreeRunning()) as place:

        def unplug(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > 20:
                place.stop()

        with (
            open_device(machine, place.url) as device,
            pytest.raises(PortError, match="went away: check the cable"),
        ):
            device.run(program_of(4000, 0.02, 60.0), unplug)


def test_a_closed_connection_is_a_port_error(machine: MachineProfile) -> None:
    with served(machine, None, FreeRunning()) as place:

        def unplug(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > 20:
                place.stop()

        with open_device(machine, place.url) as device, pytest.raises(PortError, match="closed by the other"):
            device.run(program_of(4000, 0.02, 60.0), unplug)


def test_a_busy_port_is_told(machine: MachineProfile, tmp_path: Path) -> None:
    with (
        served(machine, tmp_path, FreeRunning()) as place,
        open_device(machine, place.url),
        pytest.raises(PortError, match="another program uses it"),
    ):
        open_device(machine, place.url)


def test_opening_the_port_restarts_the_controller(machine: MachineProfile, tmp_path: Path) -> None:
    with served(machine, tmp_path, FreeRunning()) as place:
        with open_device(machine, place.url) as device:
            device.jog(dx_mm=5.0)
        assert place.grbl.position_mm()[0] == 5.0
        time.sleep(0.2)  # a port that is opened again within a tick was never seen closed
        with open_device(machine, place.url) as device:
            assert place.grbl.position_mm()[0] == 0.0  # the firmware has forgotten
            assert place.grbl.physical_mm()[0] == 5.0  # the tool has not moved


@pytest.mark.parametrize("wire", ["pty", "tcp"])
def test_the_place_is_kept_and_a_drawing_gone_on_with(
    machine: MachineProfile, tmp_path: Path, wire: str
) -> None:
    """Stopped by a key, the port closed and opened again: it stands where it stood, and draws the rest."""
    program = program_of(300, 0.3, 60.0)

    def keep(lines: Sequence[str]) -> Journal:
        return begin_job(lines, machine, "url", "job", tmp_path / "journals")

    with served(machine, tmp_path if wire == "pty" else None, FreeRunning(), reset=False) as place:
        with open_device(machine, place.url) as device:

            def press_q(event: Event) -> None:
                if isinstance(event, Progress) and event.lines_done > 100:
                    device.cancel()

            with pytest.raises(Cancelled):
                device.run(program, press_q, keep)
        stopped = place.grbl.position_mm()
        time.sleep(0.2)
        state = find_job(None, tmp_path / "journals")
        with open_device(machine, place.url) as device:
            assert place.grbl.position_mm() == stopped
            with Journal.reopen(state) as journal:
                device.run_rest(state, journal)  # "ask" would raise PlaceLost
        last = program.moves[-1]
        assert place.grbl.position_mm()[:2] == pytest.approx((last.x_mm, last.y_mm), abs=0.0076)


def test_a_path_that_is_taken_is_refused(machine: MachineProfile, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("mine")
    with pytest.raises(PortError, match="choose another path"):
        serve_pty(taken, VirtualGrbl(machine), threading.Event())
    assert taken.read_text() == "mine"


def test_a_tcp_port_that_is_taken_is_refused(machine: MachineProfile) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(PortError, match="choose another port"),
    ):
        serve_tcp(VirtualGrbl(machine), threading.Event(), port=server.getsockname()[1])
