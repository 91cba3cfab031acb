"""Puts a virtual controller behind a pty or a TCP port, so that any program can talk to it.

Nouns:
    Clock   how virtual time follows the wall clock: in step, faster, or free
    wire    the file descriptor or socket to the other program

A free clock runs the machine as fast as lines come in: it moves on to the next
answer whenever bytes arrive, and by a small step whenever none do. Opening the pty
restarts the controller, as the DTR line restarts an Arduino.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.errors import PortError
from firmware_bridge.simulator.virtual import Endpoint

# How long the server sleeps when nothing happens; answers to bytes are not delayed by it.
_TICK_S = 0.005
# Like a boot loader: bytes that come sooner after the port was opened are lost.
_BOOT_S = 0.1
# Virtual time that a free clock lets pass in each idle tick: 200 times real time.
_FREE_STEP_S = 1.0
# Virtual time after which a free clock looks at the wire again though nothing was said.
_FREE_RUN_S = 60.0
_READ_BYTES = 4096
# Answers that nobody reads are dropped beyond this, as a UART would.
_OUT_LIMIT_BYTES = 65536
_LOOPBACK = "127.0.0.1"


@dataclass
class RealTime:
    """Virtual time runs ``speed`` times as fast as the wall clock."""

    speed: float = 1.0
    _wall_s: float | None = None

    def step(self, controller: Endpoint, had_input: bool) -> None:
        """Brings the controller up to now."""
        del had_input
        now = time.monotonic()
        if self._wall_s is not None:
            controller.advance(controller.now_s + (now - self._wall_s) * self.speed)
        self._wall_s = now


@dataclass
class FreeRunning:
    """Virtual time runs as fast as lines come in."""

    def step(self, controller: Endpoint, had_input: bool) -> None:
        """Runs to the next answer after input, else a small step."""
        end = controller.now_s + (_FREE_RUN_S if had_input else _FREE_STEP_S)
        while controller.now_s < end and not controller.idle():
            before = controller.has_output()
            controller.advance(min(end, controller.next_event_s()), stop_at_output=True)
            if before or controller.has_output():
                return


Clock = RealTime | FreeRunning


def serve_pty(
    path: Path,
    controller: Endpoint,
    stop_event: threading.Event,
    clock: Clock | None = None,
    on_ready: Callable[[Path], None] | None = None,
    reset_on_open: bool = False,
) -> None:
    """Serves the controller on a new pty until ``stop_event`` is set.

    Args:
        path: where to put a symbolic link to the pty; an old link is replaced.
        controller: the virtual machine.
        stop_event: ends the service.
        clock: real time unless given.
        on_ready: is called with ``path`` when the port can be opened.
        reset_on_open: whether opening the port restarts the controller, which then has lost its place, as
            most Arduino boards do; else it stays as it is, as boards with a USB port of their own do.

    Raises:
        PortError: if the system has no ptys, or something else than a link is at ``path``.
    """
    clock = clock or RealTime()
    with _open_pty(path) as master:
        if on_ready is not None:
            on_ready(path)
        poller = select.poll()
        poller.register(master, select.POLLIN | select.POLLHUP)
        out = bytearray()
        boot_s: float | None = None  # when the controller comes up; None: it is up
        is_open = False
        while not stop_event.is_set():
            events = poller.poll(0 if out else _TICK_S * 1000)
            flags = events[0][1] if events else 0
            data = b""
            if flags & select.POLLIN:
                data = _read(master)
            if flags & select.POLLHUP and not data:
                is_open, out = False, bytearray()
                stop_event.wait(_TICK_S)
            elif not is_open:
                is_open, boot_s = True, (time.monotonic() + _BOOT_S if reset_on_open else None)
            if boot_s is not None and is_open:
                if time.monotonic() < boot_s:
                    continue
                boot_s = None
                controller.power_cycle()
            controller.receive(data)
            clock.step(controller, bool(data))
            out += controller.take_output()
            out = _write(master, out) if is_open else bytearray()


def serve_tcp(
    controller: Endpoint,
    stop_event: threading.Event,
    port: int = 0,
    host: str = _LOOPBACK,
    clock: Clock | None = None,
    on_ready: Callable[[int], None] | None = None,
    reset_on_open: bool = False,
) -> None:
    """Serves the controller on a TCP port, one client at a time, until ``stop_event`` is set.

    Args:
        controller: the virtual machine.
        stop_event: ends the service.
        port: 0 for any free one.
        host: address to listen on; only this computer can reach the default.
        clock: real time unless given.
        on_ready: is called with the port's number when it can be connected to.
        reset_on_open: as for ``serve_pty``.

    Raises:
        PortError: if the address cannot be listened on.
    """
    clock = clock or RealTime()
    try:
        server = socket.create_server((host, port))
    except OSError as cause:
        raise PortError(f"Cannot listen on {host}:{port} ({cause.strerror}): choose another port.") from cause
    with server:
        server.settimeout(_TICK_S)
        if on_ready is not None:
            on_ready(server.getsockname()[1])
        while not stop_event.is_set():
            try:
                client, _ = server.accept()
            except TimeoutError:
                clock.step(controller, False)
                continue
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if reset_on_open:
                    controller.power_cycle()
                _serve_client(client, controller, stop_event, clock)


def _serve_client(
    client: socket.socket, controller: Endpoint, stop_event: threading.Event, clock: Clock
) -> None:
    while not stop_event.is_set():
        client.settimeout(_TICK_S)
        data = b""
        try:
            data = client.recv(_READ_BYTES)
            if not data:
                return
        except TimeoutError:
            data = b""
        except OSError:
            return  # the client broke off, which is its right
        controller.receive(data)
        clock.step(controller, bool(data))
        out = controller.take_output()
        if out:
            try:
                client.settimeout(1.0)
                client.sendall(out)
            except OSError:
                return


@contextlib.contextmanager
def _open_pty(path: Path) -> Iterator[int]:
    """A pty's master side, its slave side linked at ``path``; both go away at the end."""
    if path.exists() and not path.is_symlink():
        raise PortError(f"{path} exists and is no link: choose another path for the pty.")
    try:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
    except (ImportError, AttributeError, OSError) as cause:
        raise PortError("This system has no ptys: serve on TCP instead.") from cause
    try:
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(master, False)
        yield master
    finally:
        os.close(master)
        path.unlink(missing_ok=True)


def _read(master: int) -> bytes:
    try:
        return os.read(master, _READ_BYTES)
    except OSError:
        return b""  # nobody has the other side open


def _write(master: int, out: bytearray) -> bytearray:
    """Writes what fits and returns the rest."""
    if not out:
        return out
    try:
        done = os.write(master, out)
    except OSError:
        done = 0  # full, or nobody there
    return out[done:][-_OUT_LIMIT_BYTES:]
