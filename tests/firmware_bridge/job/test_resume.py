"""A program that goes on from any place draws the rest, and no more than the overlap twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.gcode.reader import steps
from firmware_bridge.gcode.words import Line
from firmware_bridge.job.resume import part_of, resume_program
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import simulate_lines
from firmware_bridge.stream.progress_tracker import ProgressPoint
from tests.support.ink_cases import (
    Points,
    dense,
    drawings,
    drawn_mm,
    farthest_mm,
    ink,
    ink_mm,
    lines_of,
    plotter,
    program_of,
)

_NOD: Points = [(50.0, 0.0), (50.0, 0.5), (50.0, 0.0), (50.0, 0.5), (50.0, 0.0)]
KINDS = [("grbl", "z"), ("grbl", "servo"), ("marlin", "z"), ("marlin", "servo"), ("uarm", "z")]


def ink_before(
    lines: list[Line], machine: MachineProfile, place: ProgressPoint, pen: str
) -> list[np.ndarray]:
    """What is drawn before a place, by following the lines: slow and obvious."""
    pieces = []
    for step in steps(lines, machine):
        if step.index > place.line or (step.index == place.line and place.share == 0.0):
            break
        way = step.points
        if not step.moves or not all(np.isfinite(way).ravel()):
            continue
        if step.index == place.line:
            way = tuple(reversed(part_of(tuple(reversed(way)), 1.0 - place.share, 1.0)))
        points = np.array(way)
        down = points[:, 2] > 135.0 if pen == "servo" else points[:, 2] < 0.05
        pieces += [points[i : i + 2, :2] for i in range(len(points) - 1) if down[i] and down[i + 1]]
    return pieces


@pytest.mark.parametrize(("dialect", "pen"), KINDS)
@settings(max_examples=25)
@given(
    strokes=drawings(),
    where=st.floats(0.0, 1.0),
    share=st.floats(0.0, 0.999),
    overlap=st.sampled_from([0.0, 2.0]),
)
# Begins at the word that lowers the servo, after the line that waits for the travel before it.
@example(strokes=[_NOD, [(50.0, 0.0), (51.0, 0.0)], _NOD], where=0.5, share=0.0, overlap=0.0)
def test_from_any_place_the_rest_is_drawn(
    dialect: str, pen: str, strokes: list[Points], where: float, share: float, overlap: float
) -> None:
    machine = plotter(dialect, pen)
    if dialect == "uarm":  # its arm reaches 50 to 320 mm from its foot
        strokes = [[(x + 80.0, y) for x, y in stroke] for stroke in strokes]
    lines = lines_of(program_of(strokes, 40.0, pen), machine)
    all_steps = list(steps(lines, machine))
    index = min(int(where * len(lines)), len(lines) - 1)
    moving = all_steps[index].moves and np.isfinite(all_steps[index].points).all()
    bound = ProgressPoint(index, share if moving else 0.0)
    restart = resume_program(lines, machine, bound, overlap, index + 5)
    rest = restart.lines(lines)
    pieces = ink_before(lines, machine, bound, pen)
    recorded = simulate_lines(rest, machine)
    pieces += ink(recorded, pen)
    assert farthest_mm(dense(strokes), pieces) < 0.03
    doubled = ink_mm(pieces) - drawn_mm(strokes)
    assert doubled < restart.overlap_mm + 0.06
    assert restart.overlap_mm <= overlap + 1e-9
    # dry: nothing but the drawing is ever touched
    wet = ink(recorded, pen)
    assert not wet or farthest_mm(np.concatenate(wet), [np.array(s) for s in strokes]) < 0.03
