"""Virtual boards as a program meets them: on a wire that does not restart them, or on a pty."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.dialects import dialect_of
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import FreeRunning, serve_pty
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport


class BoardWire(SimulatedTransport):
    """A wire to a board that is switched on already; opening it restarts those that do so."""

    def __init__(self, controller: VirtualController, machine: MachineProfile) -> None:
        super().__init__(dialect_of(machine.dialect).manners.simulator, machine)
        self.controller = controller
        self.boot_s = 0.3
        controller.opened()


def meet(controller: VirtualController, machine: MachineProfile) -> Device:
    """Connects to a board in the state that it is in."""
    return Device(machine, Link(BoardWire(controller, machine), dialect_of(machine.dialect), machine))


def tell(controller: VirtualController, *lines: str) -> None:
    """What another program, or a person at the board's own screen, has sent before."""
    for line in lines:
        controller.receive(line.encode("ascii") + b"\n")
        controller.advance(controller.now_s + 60.0)
    controller.take_output()


def power_cut(controller: VirtualController) -> None:
    """The power goes and comes back, and nobody hears the greeting."""
    controller.power_cycle()
    controller.take_output()


@contextmanager
def on_a_pty(
    controller: VirtualController, path: Path, restarts: bool = True
) -> Iterator[Callable[[], None]]:
    """Serves a board on a pty, which may restart it when it is opened; gives what unplugs it."""
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=serve_pty,
        args=(path, controller, stop, FreeRunning(), lambda _: ready.set()),
        kwargs={"reset_on_open": restarts},
    )
    thread.start()

    def unplug() -> None:
        stop.set()
        thread.join()

    try:
        assert ready.wait(10.0)
        yield unplug
    finally:
        unplug()
