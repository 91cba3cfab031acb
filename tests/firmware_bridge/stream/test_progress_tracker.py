"""How far a drawing surely is, where the way of its first move crosses that of a later one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.gcode.reader import Point, ToolpathReader
from firmware_bridge.gcode.words import parse
from firmware_bridge.stream.progress_tracker import ProgressTracker
from tests.support.ink_cases import plotter

LINES = [
    "G0 Z4",
    "G0 X60 Y20",
    "G1 Z0 F900",
    "G1 X70 Y20 F1800",
    "G0 Z4",
    "G0 X60 Y40",
    "G0 X100 Y20",
    "G1 Z0",
]
STANDS: Point = (100.0, 40.0, 2.0)


def tracker_of(lines: list[str], stands: Point | None) -> ProgressTracker:
    machine = plotter("grbl")
    tracker, reader = ProgressTracker(machine), ToolpathReader(machine)
    if stands is not None:
        tracker.stands_at(stands)
    for line in lines:
        tracker.sent(reader.take(parse(line)))
    return tracker


def test_a_place_on_the_first_way_is_not_taken_for_one_of_a_later_line() -> None:
    crossing = (80.0, 30.0, 4.0)  # of the first travel, and of the last
    tracker = tracker_of(LINES, STANDS)
    assert tracker.reported(*crossing)
    assert tracker.bound.line == 1
    assert tracker.bound.share == pytest.approx(0.5, abs=0.01)


def test_where_it_stood_counts_until_a_line_tells_the_place_and_no_longer() -> None:
    half_way = (80.0, 30.0, 3.0)
    lines = ["G90", "G0 X60 Y20 Z4", "G0 X10 Y10"]
    assert tracker_of(lines, STANDS).reported(*half_way)
    assert not tracker_of(lines, None).reported(*half_way)
    assert not tracker_of(["G0 X10 Y10 Z4", *lines], STANDS).reported(*half_way)


@given(
    st.tuples(*[st.floats(0, 200)] * 2, st.floats(0, 10)),
    st.lists(st.tuples(*[st.integers(0, 200)] * 2, st.sampled_from([0, 4])), min_size=2, max_size=6),
    st.floats(0.01, 0.99),
    st.data(),
)  # fmt: skip
def test_the_bound_is_never_beyond_the_tool(stands, goals, share, data) -> None:
    """The tool is on the way of some line; what is surely done ends at or before it."""
    lines = [f"G1 X{x} Y{y} Z{z} F1800" for x, y, z in goals]
    at = data.draw(st.integers(0, len(lines) - 1))
    a = stands if at == 0 else goals[at - 1]
    x, y, pen = (p + share * (q - p) for p, q in zip(a, goals[at], strict=True))
    tracker = tracker_of(lines, stands)
    assert tracker.reported(x, y, pen)
    line, part = tracker.bound
    way = math.dist(a, goals[at])
    assert line < at or (line == at and part * way <= share * way + 1e-6) or (line == at + 1 and way == 0.0)
