from __future__ import annotations

import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope


@pytest.fixture(scope="session")
def machine() -> MachineProfile:
    return MachineProfile(
        name="test plotter",
        dialect="grbl",
        envelope=Envelope(-5.0, 210.0, -5.0, 297.0, -3.0, 10.0),
        max_speed_mm_s=(100.0, 100.0),
        max_acceleration_mm_s2=(1000.0, 1000.0),
        pen_max_speed=15.0,
        pen_max_acceleration=300.0,
    )
