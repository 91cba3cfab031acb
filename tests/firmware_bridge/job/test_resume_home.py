"""A power cut in the middle of a stroke, then home and go on, over a real pty."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.errors import PlaceLost, PortError
from firmware_bridge.events import Event, Progress
from firmware_bridge.job.device import open_device
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import FreeRunning, VirtualGrbl, serve_pty
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.simulator.virtual import VirtualController
from tests.support.ink_cases import dense, drawn_mm, farthest_mm, ink, ink_mm, plotter, program_of

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys"),
]

ZIGZAG = [[(20.0 + 0.5 * i, 40.0 + (15.0 if i % 2 else 0.0)) for i in range(60)]]


@contextmanager
def on_a_pty(controller: VirtualController, path: Path) -> Iterator[Callable[[], None]]:
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=serve_pty, args=(path, controller, stop, FreeRunning(), lambda _: ready.set())
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


def homing_grbl(machine: MachineProfile, soft_limits: bool) -> VirtualGrbl:
    """A board with switches at the upper ends, whose stored origin is that of its envelope."""
    grbl = VirtualGrbl(machine)
    box = machine.envelope
    travel = (box.x_max_mm - box.x_min_mm, box.y_max_mm - box.y_min_mm, box.pen_max - box.pen_min)
    for number, value in ((22, 1), (20, int(soft_limits)), *zip((130, 131, 132), travel, strict=True)):
        grbl.settings.write(number, value)
    pull_off = grbl.settings.values[27]
    ends = (box.x_max_mm, box.y_max_mm, box.pen_max)
    x, y, z = (-pull_off - end for end in ends)
    grbl.interpreter.frames[0] = (x, y, z)
    return grbl


def cut_and_resume(
    controller: VirtualController,
    machine: MachineProfile,
    pen: str,
    folder: Path,
    cut_line: int,
    ask_first: bool = True,
) -> None:
    """Homes, draws, loses the power at a line, homes and goes on."""
    program = program_of(ZIGZAG, 40.0, pen)

    def keep(lines: list[str]) -> Journal:
        return begin_job(lines, machine, "x", "job", folder / "jobs")

    with on_a_pty(controller, folder / "a") as unplug, open_device(machine, str(folder / "a")) as device:
        device.home()

        def cut(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > cut_line:
                unplug()

        with pytest.raises(PortError):
            device.run(program, cut, keep)
    controller.power_cycle()
    controller.take_output()
    if ask_first:
        resume(controller, machine, folder, "ask")
    resume(controller, machine, folder, "home")
    assert find_job("1", folder / "jobs").done


def resume(controller: VirtualController, machine: MachineProfile, folder: Path, place: str) -> None:
    state, path = find_job("1", folder / "jobs"), folder / place
    with (
        on_a_pty(controller, path),
        open_device(machine, str(path)) as device,
        Journal.reopen(state) as journal,
    ):
        if place == "home":
            device.run_rest(state, journal, None, "home")
            return
        with pytest.raises(PlaceLost, match=r"--home"):
            device.run_rest(state, journal, None, "ask")


@pytest.mark.parametrize("ask_first", [False, True])
@pytest.mark.parametrize("soft_limits", [False, True])
@pytest.mark.parametrize("cut_line", [12, 40])
def test_grbl_with_a_z_pen(tmp_path: Path, soft_limits: bool, cut_line: int, ask_first: bool) -> None:
    machine = plotter("grbl")
    grbl = homing_grbl(machine, soft_limits)
    cut_and_resume(grbl, machine, "z", tmp_path, cut_line, ask_first)
    check(grbl, "z", machine)


@pytest.mark.parametrize("cut_line", [12, 40])
def test_grbl_with_a_servo(tmp_path: Path, cut_line: int) -> None:
    machine = plotter("grbl", "servo")
    grbl = homing_grbl(machine, False)
    cut_and_resume(grbl, machine, "servo", tmp_path, cut_line)
    check(grbl, "servo", machine)


@pytest.mark.parametrize("ask_first", [False, True])
@pytest.mark.parametrize(("pen", "cut_line"), [("z", 12), ("z", 40), ("servo", 30)])
def test_marlin(tmp_path: Path, pen: str, cut_line: int, ask_first: bool) -> None:
    machine = plotter("marlin", pen)
    board = VirtualMarlin(machine)
    cut_and_resume(board, machine, pen, tmp_path, cut_line, ask_first)
    check(board, pen, machine)


def check(controller: VirtualController, pen: str, machine: MachineProfile) -> None:
    """All is drawn in its place, little of it twice, and the pen never goes below the paper."""
    recording = controller.recording()
    if machine.dialect == "marlin" and pen == "z":
        # Its z switch lies below the paper's height, and beside the paper.
        corner = (
            np.abs(recording.xy_mm - (machine.envelope.x_min_mm, machine.envelope.y_min_mm)) < 0.02
        ).all(1)
        assert recording.pen[corner].min() == machine.envelope.pen_min
        recording = Recording(recording.t_s[~corner], recording.xy_mm[~corner], recording.pen[~corner])
    pieces = ink(recording, pen)
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.1
    if pen == "z":
        assert recording.pen.min() > -0.05
    # Nothing is drawn beside the line.
    assert farthest_mm(np.concatenate(pieces), [np.array(stroke) for stroke in ZIGZAG]) < 0.15
    # What the machine had taken when it lost its power may have been drawn, or not.
    assert ink_mm(pieces) - drawn_mm(ZIGZAG) < 2.0 + 15.2 * (machine.planner_blocks + 6)
