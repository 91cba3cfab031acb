"""One drawing that is cut off and goes on from its journal: is all of it there?

host killed  the host is gone after so many bytes, in the middle of a line as well; the machine
             draws what it has taken
power cut    the machine loses all that was under way, and is homed before it goes on
unplugged    the cable is pulled and put back
"""

from __future__ import annotations

import itertools
import math
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PortError
from firmware_bridge.job.device import Device
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.cut_wire import CutWire, Killed, device_on
from tests.support.fault_trials import DIALECTS, drawing, ink, profile

HOW = ("host killed", "power cut", "unplugged")
# Ink further from its place than this is missing: the uArm takes two digits, Marlin drops short moves.
_NEAR_MM = 0.15
_DENSE_MM = 0.2
_BYTES = (0.05, 1.0)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a resumed drawing looks like.

    Attributes:
        missing_mm: the farthest that any wanted ink is from drawn ink. doubled_mm: ink drawn twice.
        cut: whether it was cut off before its end.
    """

    missing_mm: float
    doubled_mm: float
    cut: bool

    @property
    def complete(self) -> bool:
        """Whether no ink is missing."""
        return self.missing_mm <= _NEAR_MM


def kill(seed: int) -> Resumed:
    """Cuts one drawing off at a drawn moment and goes on with it."""
    draw = random.Random(seed)
    dialect, how = draw.choice(DIALECTS), draw.choice(HOW)
    machine = profile(dialect)
    program = drawing(machine)
    size = sum(len(line) + 8 for line in dialect_of(dialect).encode(program, machine))
    wanted = _wanted(machine)
    controller = SimulatedTransport(dialect, machine).controller
    with tempfile.TemporaryDirectory() as folder:
        journals: list[Journal] = []

        def keep(lines: list[str]) -> Journal:
            journals.append(begin_job(lines, machine, machine.url, "job", Path(folder)))
            return journals[-1]

        cut = True
        try:
            wire = CutWire(machine, controller, 200 + int(draw.uniform(*_BYTES) * size), how == "unplugged")
            device_on(wire, machine).run(program, None, keep)
            cut = False
        except (Killed, PortError):
            if journals:
                journals[-1].close()
            _afterwards(controller, how, draw)
            wire = CutWire(machine, controller, 10**9, False)
            device = device_on(wire, machine)
            state = find_job("1", Path(folder)) if journals else None
            if state is None:
                device.run(program)
            elif not state.done:
                device.run_rest(state, Journal.reopen(state), None, "here")
        controller.advance(controller.now_s + 1.0)
    drawn = ink(controller.recording(), 0.0)
    return Resumed(_farthest(wanted, drawn), _length(drawn) - _length(wanted), cut)


def _afterwards(controller: VirtualController, how: str, draw: random.Random) -> None:
    if how == "power cut":
        where = controller.physical_mm()
        controller.power_cycle()
        controller._believe(where)  # homed: it knows its place again
        return
    controller.advance(controller.now_s + draw.choice([0.0, 0.05, 0.5, 30.0]))
    controller.take_output()


def _wanted(machine: MachineProfile) -> list[Array]:
    controller = SimulatedTransport(machine.dialect, machine)
    Device(machine, Link(controller, dialect_of(machine.dialect), machine)).run(drawing(machine))
    return ink(controller.recording(), 0.0)


def _dense(strokes: list[Array]) -> Array:
    out: list[Array] = []
    for stroke in strokes:
        for a, b in itertools.pairwise(stroke):
            n = max(math.ceil(float(np.hypot(*(b - a))) / _DENSE_MM), 1)
            out.append(a + (b - a) * np.linspace(0.0, 1.0, n + 1)[:, None])
    return np.concatenate(out) if out else np.zeros((0, 2))


def _farthest(wanted: list[Array], drawn: list[Array]) -> float:
    points, there = _dense(wanted), _dense(drawn)
    if not len(there):
        return math.inf
    apart = np.hypot(*(points[:, None, :] - there[None, :, :]).transpose(2, 0, 1))
    return float(apart.min(axis=1).max())


def _length(strokes: list[Array]) -> float:
    return sum(float(np.hypot(*np.diff(s, axis=0).T).sum()) for s in strokes)
