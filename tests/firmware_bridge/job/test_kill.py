"""A drawing that is cut off at any moment goes on from its journal: all is drawn, little of it twice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PortError
from firmware_bridge.events import Event, Resumed
from firmware_bridge.job.resume import OVERLAP_MM
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.cut_wire import CutWire, Killed, device_on
from tests.support.ink_cases import Points, dense, drawn_mm, farthest_mm, ink, ink_mm, plotter, program_of


def scribble(rng: random.Random, shift: float) -> list[Points]:
    """Strokes of long and short lines that turn back on themselves."""
    strokes = []
    for _ in range(rng.randint(1, 2)):
        x, y = rng.uniform(60, 120) + shift, rng.uniform(-40, 60)
        points = [(x, y)]
        for _ in range(rng.randint(3, 60)):
            size = rng.choice([0.4, 1.0, 20.0])
            if rng.random() < 0.1 and len(points) > 1:
                points.append(points[-2])
                continue
            x = min(max(points[-1][0] + rng.uniform(-size, size), 60 + shift), 120 + shift)
            y = min(max(points[-1][1] + rng.uniform(-size, size), -40), 60)
            points.append((x, y))
        strokes.append(points)
    return strokes


CASES = [
    (d, p, how)
    for d, p in [("grbl", "z"), ("grbl", "servo"), ("marlin", "z"), ("uarm", "z")]
    for how in ("power cut", "host killed", "unplugged")
]


def trial(dialect: str, pen: str, how: str, seed: int, folder: Path) -> tuple[float, float, float]:
    """Cuts a drawing off, maybe twice, and goes on; how far the ink misses, what is doubled, the doubt."""
    rng = random.Random(f"{dialect} {pen} {how} {seed}")
    machine = plotter(dialect, pen)
    strokes = scribble(rng, 80.0 if dialect == "uarm" else 0.0)
    program = program_of(strokes, rng.choice([10.0, 40.0, 90.0]), pen)
    controller = SimulatedTransport(dialect, machine).controller
    sizes = sum(len(line) + 8 for line in dialect_of(dialect).encode(program, machine))
    told: list[Resumed] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Resumed):
            told.append(event)

    journals: list[Journal] = []

    def keep(lines: list[str]) -> Journal:
        journals.append(begin_job(lines, machine, f"sim://{dialect}", "job", folder))
        return journals[-1]

    cuts = [rng.uniform(0.05, 1.3) * sizes + 150.0] + (
        [rng.uniform(0.1, 0.8) * sizes] if seed % 3 == 0 else []
    )
    for turn in range(len(cuts) + 1):
        cut = int(cuts[turn]) if turn < len(cuts) else 10**9
        wire = CutWire(machine, controller, cut, how == "unplugged")
        try:
            device = device_on(wire, machine)
            if not turn:
                device.run(program, on_event, keep)
            else:
                state = find_job("1", folder)
                if state.done:
                    break
                journals.append(Journal.reopen(state))
                device.run_rest(state, journals[-1], on_event, "here")
            break
        except (PortError, Killed):
            journals[-1].close()
        if how == "power cut":
            where = controller.physical_mm()
            controller.power_cycle()
            # The user homes it: it knows its place again, and nothing of what was under way.
            controller._believe(where)
            if dialect == "marlin":
                controller.commands.sync()
        else:
            controller.advance(controller.now_s + rng.choice([0.0, 0.05, 0.5, 30.0]))
            controller.take_output()
    controller.advance(controller.now_s + 1.0)
    pieces = ink(controller.recording(), pen)
    if pieces:  # nothing is ever drawn beside the strokes, as half a line could
        assert farthest_mm(np.concatenate(pieces), [np.array(stroke) for stroke in strokes]) < 0.15
    doubled = ink_mm(pieces) - drawn_mm(strokes)
    doubt = sum(e.doubt_mm for e in told)
    return farthest_mm(dense(strokes, 0.3), pieces), doubled - len(told) * OVERLAP_MM, doubt


@pytest.mark.parametrize(("dialect", "pen", "how"), CASES)
def test_killed_at_any_moment(dialect: str, pen: str, how: str, tmp_path: Path) -> None:
    for seed in range(17):
        missing, doubled, doubt = trial(dialect, pen, how, seed, tmp_path / str(seed))
        # Marlin drops moves of under six steps, and the uArm takes two digits.
        assert missing < (0.05 if dialect == "grbl" else 0.1), seed
        assert doubled < doubt + 0.3, seed
