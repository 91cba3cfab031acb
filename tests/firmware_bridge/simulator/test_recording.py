from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects.grbl import encode
from firmware_bridge.errors import DeviceAlarm, DeviceRejected, ProgramError
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Move, MoveKind, Program
from firmware_bridge.simulator import Recording, simulate_lines

COORDINATE = st.floats(0.0, 60.0, allow_nan=False)


def distance_to_polyline(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Distance of each point (N, 3) from a polyline (K, 3)."""
    a, d = corners[:-1], np.diff(corners, axis=0)
    size = np.maximum((d * d).sum(axis=1), 1e-12)
    share = np.clip(((points[:, None] - a) * d).sum(axis=2) / size, 0.0, 1.0)
    return np.linalg.norm(points[:, None] - a - share[..., None] * d, axis=2).min(axis=1)


@settings(deadline=None, max_examples=40)
@given(
    points=st.lists(st.tuples(COORDINATE, COORDINATE, st.floats(-1.0, 0.0)), min_size=2, max_size=10),
    feed=st.floats(5.0, 120.0),
)
def test_the_recorded_path_is_the_planned_path(
    machine: MachineProfile, points: list[tuple[float, float, float]], feed: float
) -> None:
    up = machine.safe_pen
    x0, y0, _ = points[0]
    x1, y1, _ = points[-1]
    program = Program.of(
        [
            Move(x0, y0, up, 90.0, MoveKind.TRAVEL),
            *(Move(x, y, z, feed, MoveKind.DRAW) for x, y, z in points),
            Move(x1, y1, up, 15.0, MoveKind.LIFT),
        ]
    )
    recording = simulate_lines(encode(program, machine), machine)
    corners = np.array([(0.0, 0.0, up)] + [(m.x_mm, m.y_mm, m.pen) for m in program])
    done = np.column_stack([recording.xy_mm, recording.pen])
    assert distance_to_polyline(done, corners).max() < 0.05
    assert distance_to_polyline(corners, done).max() < 0.05
    assert done[-1] == pytest.approx(corners[-1], abs=0.0076)
    steps = np.linalg.norm(np.diff(done, axis=0), axis=1)
    assert ((np.diff(recording.t_s) <= 0.0021) | (steps < 1e-9)).all()


def test_the_distance_to_the_plan_can_be_seen() -> None:
    corners = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])
    assert distance_to_polyline(np.array([[5.0, 0.06, 0.0]]), corners)[0] == pytest.approx(0.06)


def test_refusals_alarms_and_bad_text_name_the_line(machine: MachineProfile) -> None:
    with pytest.raises(DeviceRejected, match="Line 2 'G1 X2': error 22"):
        simulate_lines(["G21", "G1 X2"], machine)
    with pytest.raises(DeviceAlarm, match="Line 3 'G0 X1': alarm 2"):
        simulate_lines(["$22=1", "$20=1", "G0 X1"], machine)
    with pytest.raises(ProgramError, match="Line 1"):
        simulate_lines(["G0 X1\nG0 X2"], machine)


def test_a_pause_in_the_program_is_resumed(machine: MachineProfile) -> None:
    assert simulate_lines(["G0 X1", "M0", "G0 X2"], machine).xy_mm[-1, 0] == 2.0


def test_the_same_lines_give_the_same_record(machine: MachineProfile) -> None:
    lines = ["G0 X10", "G1 X20 Y5 F1000", "G1 X0 Y0"]
    first, second = simulate_lines(lines, machine), simulate_lines(lines, machine)
    np.testing.assert_array_equal(first.t_s, second.t_s)
    np.testing.assert_array_equal(first.xy_mm, second.xy_mm)


def test_a_recording_is_checked_and_read_only() -> None:
    with pytest.raises(ProgramError, match="grow"):
        Recording(np.array([0.0, 0.0]), np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ProgramError, match="one length"):
        Recording(np.array([0.0, 1.0]), np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ProgramError, match="finite"):
        Recording(np.array([0.0, np.nan]), np.zeros((2, 2)), np.zeros(2))
    good = Recording(np.array([0.0, 1.0]), np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="read-only"):
        good.xy_mm[0, 0] = 1.0
