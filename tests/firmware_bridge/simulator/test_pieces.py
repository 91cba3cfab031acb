"""A run told in pieces is the run as a whole, and its memory does not grow."""

from __future__ import annotations

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.checks import preflight
from firmware_bridge.errors import DeviceRejected, PreflightError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import run, simulate_lines, simulate_pieces
from firmware_bridge.simulator.recording import SAMPLE_S

WORDS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: f"G1 X{p[0]} Y{p[1]} F3000"),
        st.sampled_from(["G0 X5", "G4 P0.1", "M3 S500", "M3 S100", "M5", "G0 Z2", "M0", "G2 X9 Y9 R30 F900"]),
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize("pen", ["z", "servo"])
@settings(max_examples=60, deadline=None)
@given(lines=WORDS, size=st.integers(1, 4), sample_s=st.sampled_from([SAMPLE_S, np.inf]))
def test_pieces_follow_each_other(
    machine: MachineProfile, pen: str, lines: list[str], size: int, sample_s: float
) -> None:
    if pen == "servo":
        machine = dataclasses.replace(machine, pen_actuator="servo", pen_max_speed=2000.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_PIECE_LINES", size)
        try:
            whole = simulate_lines(lines, machine)
        except DeviceRejected:
            with pytest.raises(DeviceRejected):
                list(simulate_pieces(lines, machine))
            return
        pieces = list(simulate_pieces(lines, machine, sample_s=sample_s))
    for before, after in itertools.pairwise(pieces):
        assert after.t_s[0] == before.t_s[-1]
        np.testing.assert_allclose(after.xy_mm[0], before.xy_mm[-1], atol=1e-9)
        assert after.pen[0] == pytest.approx(before.pen[-1], abs=1e-6)
    assert pieces[0].t_s[0] == 0.0
    assert pieces[-1].t_s[-1] == pytest.approx(whole.duration_s)
    t = np.concatenate([piece.t_s for piece in pieces])
    # Where a servo turns in a coarse piece, its sample is on the way, but not at its time.
    for i in range(2) if pen == "z" or sample_s == SAMPLE_S else ():
        there = np.interp(t, whole.t_s, whole.xy_mm[:, i])
        np.testing.assert_allclose(np.concatenate([p.xy_mm[:, i] for p in pieces]), there, atol=0.002)
    there = np.interp(t, whole.t_s, whole.pen)
    np.testing.assert_allclose(np.concatenate([p.pen for p in pieces]), there, atol=0.5)
    for i in range(2):  # the corners are among the samples, however far apart they are
        ends = [piece.xy_mm[:, i].max() for piece in pieces]
        assert max(ends) == pytest.approx(whole.xy_mm[:, i].max(), abs=1e-6)


def _peak_bytes(machine: MachineProfile, count: int) -> int:
    lines = (f"G1 X{i % 190}.5 Y{i % 7} F3000" for i in range(count))
    tracemalloc.start()
    try:
        assert preflight.require_lines(lines, machine) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_check_of_a_long_file_takes_no_more_memory(machine: MachineProfile) -> None:
    _peak_bytes(machine, 100)  # what is imported on the way
    assert _peak_bytes(machine, 6000) < 1.2 * _peak_bytes(machine, 2000) + 100_000


def test_what_lies_outside_is_found_in_any_piece(machine: MachineProfile) -> None:
    lines = [f"G1 X{i % 100} F6000" for i in range(2500)]
    assert preflight.check_lines(lines, machine) == []
    lines[2200] = "G1 X211"
    with pytest.raises(PreflightError, match=r"x goes to 211.00 mm, 1.00 mm beyond"):
        preflight.require_lines(lines, machine)
    told: list[int] = []
    preflight.check_lines(lines[:2100], machine, told.append)
    assert told == [999, 1999, 2100]
