"""A pause within a stroke lifts the pen where the tool came to rest, and the line goes on there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import Cancelled
from firmware_bridge.events import Event, Paused, Position, Progress, Resumed
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.job.resume import OVERLAP_MM
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.ink_cases import UP, dense, drawn_mm, farthest_mm, ink, ink_mm, plotter, program_of

# One endless stroke: a spiral of short lines.
T = np.linspace(0.0, 8 * np.pi, 600)
SPIRAL = [[(160 + (5 + 1.2 * t) * np.cos(t), (5 + 1.2 * t) * np.sin(t)) for t in T]]
KINDS = [("grbl", "z"), ("grbl", "servo"), ("marlin", "z"), ("uarm", "z")]


class Presses:
    """Presses keys at some moments of the drawing."""

    def __init__(self, device: Device, at: list[int], cancel: bool = False) -> None:
        self.device, self.at, self.cancel = device, at, cancel
        self.seen = 0
        self.waited = 0
        self.asked_s: list[float] = []
        self.up_s: list[float] = []
        self.resumed: list[Resumed] = []

    def __call__(self, event: Event) -> None:
        now = self.device.transport.now_s()
        if isinstance(event, Paused):
            self.up_s.append(now)
            self.waited = 0
        if isinstance(event, Resumed):
            self.resumed.append(event)
        if len(self.up_s) < len(self.asked_s):
            return  # stopping
        if len(self.up_s) > len(self.resumed):
            self.waited += isinstance(event, Progress)
            if self.waited > 20:
                self.device.cancel() if self.cancel else self.device.go_on()
            return
        self.seen += isinstance(event, Progress | Position)
        if self.at and self.seen >= self.at[0]:
            self.at.pop(0)
            self.asked_s.append(now)
            self.device.pause()


def sim(device: Device) -> SimulatedTransport:
    assert isinstance(device.transport, SimulatedTransport)
    return device.transport


@pytest.mark.parametrize(("dialect", "pen"), KINDS)
@settings(max_examples=8)
@given(first=st.integers(1, 60), more=st.integers(5, 40))
def test_a_pause_leaves_no_gap_and_little_overlap(dialect: str, pen: str, first: int, more: int) -> None:
    machine = plotter(dialect, pen)
    with open_device(machine, f"sim://{dialect}") as device:
        begin = first + (10 if dialect == "uarm" else 0)  # its arm cannot be lifted to 4 mm at its start
        presses = Presses(device, [begin, begin + more])
        report = device.run(program_of(SPIRAL, 40.0, pen), presses)
        recording = sim(device).recording()
    pieces = ink(recording, pen)
    assert report.errors == 0
    assert farthest_mm(dense(SPIRAL), pieces) < 0.1
    allowed = sum(e.overlap_mm + e.doubt_mm for e in presses.resumed)
    rounding = 2.0 if dialect == "uarm" else 0.3  # two digits make its short lines longer
    assert ink_mm(pieces) - drawn_mm(SPIRAL) < allowed + rounding
    assert all(e.overlap_mm <= OVERLAP_MM for e in presses.resumed)
    assert len(presses.resumed) == len(presses.up_s)
    # The doubt is what lies between the reported place and where the rest had been sent.
    longest = max((up - asked for asked, up in zip(presses.asked_s, presses.up_s, strict=False)), default=0.0)
    assert longest < 3.0
    assert len(pieces) <= 1 + len(presses.up_s)


def test_at_rest_in_a_pause_the_pen_is_straight_above_the_line(machine: MachineProfile) -> None:
    machine = plotter("grbl")
    with open_device(machine, "sim://grbl") as device:
        places = []

        def look(event: Event) -> None:
            presses(event)
            if len(presses.up_s) > len(presses.resumed):
                places.append(sim(device).controller.position_mm())

        presses = Presses(device, [50])
        device.run(program_of(SPIRAL, 40.0), look)
        assert len({p[:2] for p in places}) == 1
        assert {p[2] for p in places} == {UP}
        assert farthest_mm(np.array([places[0][:2]]), [np.array(SPIRAL[0])]) < 0.02
        # From the order to the pen up: slow down, reset, rise; nothing else.
        assert presses.up_s[0] - presses.asked_s[0] < 1.0


@pytest.mark.parametrize(("dialect", "pen"), KINDS)
def test_a_cancelled_drawing_can_be_gone_on_with(dialect: str, pen: str, tmp_path: Path) -> None:
    machine = plotter(dialect, pen)
    journals: list[Journal] = []

    def keep(lines: list[str]) -> Journal:
        journals.append(begin_job(lines, machine, "sim://", "spiral", tmp_path))
        return journals[-1]

    with open_device(machine, f"sim://{dialect}") as device:
        presses = Presses(device, [12], cancel=True)
        with pytest.raises(Cancelled, match="strokebot resume"):
            device.run(program_of(SPIRAL, 40.0, pen), presses, keep)
        state = find_job(None, tmp_path)
        assert state.last_event == "stopped"
        device.run_rest(state, Journal.reopen(state))
        assert find_job("1", tmp_path).done
        pieces = ink(sim(device).recording(), pen)
    assert farthest_mm(dense(SPIRAL), pieces) < 0.1
    assert ink_mm(pieces) - drawn_mm(SPIRAL) < OVERLAP_MM + (0.3 if dialect == "grbl" else 60.0)
