from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.machine import MachineProfile, kinematics_of

COORDINATE = st.floats(-1000.0, 1000.0, allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(points=st.lists(st.tuples(COORDINATE, COORDINATE), max_size=8))
def test_inverse_then_forward_is_the_point_and_reach_is_the_envelope(
    machine: MachineProfile, points: list[tuple[float, float]]
) -> None:
    kinematics = kinematics_of(machine)
    xy = np.array(points, dtype=np.float64).reshape(-1, 2)
    np.testing.assert_array_equal(kinematics.forward(kinematics.inverse(xy)), xy)
    box = machine.envelope
    slow = [box.x_min_mm <= x <= box.x_max_mm and box.y_min_mm <= y <= box.y_max_mm for x, y in points]
    assert kinematics.reachable(xy).tolist() == slow


def test_edges_can_be_reached(machine: MachineProfile) -> None:
    box = machine.envelope
    corners = np.array([[box.x_min_mm, box.y_min_mm], [box.x_max_mm, box.y_max_mm]])
    assert kinematics_of(machine).reachable(corners).all()
    assert not kinematics_of(machine).reachable(np.add(corners, [[-0.001, 0], [0.001, 0]])).any()
