"""Lines driven straight into a virtual machine, against the whole way over the streamer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceRejected
from firmware_bridge.job.device import open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import Recording, simulate_lines
from firmware_bridge.transports.simulated import SimulatedTransport

POINTS = st.lists(st.tuples(st.integers(5, 150), st.integers(5, 150)), min_size=1, max_size=25)


def streamed(lines: list[str], machine: MachineProfile, simulator: str) -> Recording:
    """What the tool does where the streamer sends the lines."""
    with open_device(machine, f"sim://{simulator}") as device:
        device.run_gcode(lines)
        transport = device.transport
    assert isinstance(transport, SimulatedTransport)
    return transport.recording()


def way(recording: Recording) -> tuple[float, float, np.ndarray]:
    """From the first to the last movement: seconds, mm, and where it ends."""
    moved = np.flatnonzero((np.diff(recording.xy_mm, axis=0) != 0).any(axis=1))
    t, xy = recording.t_s, recording.xy_mm
    return t[moved[-1] + 1] - t[moved[0]], np.hypot(*np.diff(xy, axis=0).T).sum(), xy[-1]


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
@settings(max_examples=15, deadline=None)
@given(points=POINTS)
def test_it_takes_the_time_and_the_way_of_a_stream(
    machine: MachineProfile, dialect: str, points: list[tuple[int, int]]
) -> None:
    machine = dataclasses.replace(machine, dialect=dialect)
    head = ["G21", "G90", "G94"] if dialect == "grbl" else ["G21", "G90"]
    lines = [*head, "G0 Z3", *(f"G1 X{x} Y{y} F2400" for x, y in points), "G0 Z10"]
    direct, host = way(simulate_lines(lines, machine)), way(streamed(lines, machine, dialect))
    assert direct[0] == pytest.approx(host[0], abs=1e-9)
    assert direct[1] == pytest.approx(host[1], abs=1e-9)
    np.testing.assert_allclose(direct[2], host[2])


def test_a_refused_line_is_named_by_its_place_in_the_file(machine: MachineProfile) -> None:
    with pytest.raises(DeviceRejected, match=r"^Line 3 'G99': error 20"):
        simulate_lines(["G21", "; a remark", "G99", "G0 X1"], machine)
