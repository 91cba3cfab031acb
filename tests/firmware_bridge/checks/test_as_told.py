"""A profile from what a machine tells: only what it says, and only what a profile can hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_bridge.checks.as_told import as_told
from firmware_bridge.dialects.base import Facts
from firmware_bridge.dialects.limits import Frame, MachineLimits
from firmware_bridge.job.device import open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope


def machine_of(**changes: object) -> MachineProfile:
    base = MachineProfile(
        "m",
        "grbl",
        Envelope(0.0, 400.0, 0.0, 300.0, -2.0, 5.0),
        (120.0, 120.0),
        (1000.0, 1000.0),
        25.0,
        500.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_machine_that_is_as_the_profile_says_changes_nothing() -> None:
    for dialect in ("grbl", "marlin"):
        machine = machine_of(dialect=dialect)
        with open_device(machine, f"sim://{dialect}") as device:
            read, taken, _ = device.as_told()
        assert read == machine
        assert taken == []


def test_what_it_says_is_taken_with_the_name_of_the_setting() -> None:
    names = {"speed": ("$110", "$111", "$112"), "acceleration": ("$120", "$121", "$122")}
    told = MachineLimits(
        speed=(80.0, 90.0, 10.0), acceleration=(500.0, 600.0, None), steps_per_mm=(100.0, 100.0, None),
        junction_deviation_mm=0.02, names=names,
    )  # fmt: skip
    read, taken, untold = as_told(machine_of(), told, Facts(rx_bytes=1024), None)
    assert read.max_speed_mm_s == (80.0, 90.0)
    assert read.pen_max_speed == 10.0
    assert read.max_acceleration_mm_s2 == (500.0, 600.0)
    assert read.steps_per_mm == (100.0, 100.0, 400.0)
    assert read.junction_deviation_mm == 0.02
    assert read.rx_buffer_bytes == 1024
    assert set(untold) == {"pen_max_acceleration", "planner_blocks", "envelope"}
    by_key = {value.key: value for value in taken}
    assert (by_key["max_speed_mm_s"].before, by_key["max_speed_mm_s"].now) == ("120, 120", "80, 90")
    assert by_key["max_speed_mm_s"].setting == "$110, $111"
    assert by_key["pen_max_speed"].setting == "$112"


@pytest.mark.parametrize(
    ("told", "offset", "envelope"),
    [
        # homed at the upper end, work origin 10 mm from the lower end of each axis
        (
            MachineLimits(reach=((-300.0, 0.0), (-200.0, 0.0), (-40.0, 0.0)), frame=Frame.MACHINE),
            (-290.0, -190.0, -35.0),
            Envelope(-10.0, 290.0, -10.0, 190.0, -5.0, 35.0),
        ),
        (
            MachineLimits(reach=((0.0, 220.0), (0.0, 210.0), None), frame=Frame.WORK),
            None,
            Envelope(0.0, 220.0, 0.0, 210.0, -2.0, 5.0),
        ),
        # no soft limits: the length of the axes, from the profile's lower end
        (
            MachineLimits(travel_mm=(250.0, 180.0, 60.0)),
            None,
            Envelope(0.0, 250.0, 0.0, 180.0, -2.0, 5.0),
        ),
        # a frame that is not known tells nothing
        (
            MachineLimits(reach=((-300.0, 0.0), None, None), frame=Frame.MACHINE),
            None,
            Envelope(0.0, 400.0, 0.0, 300.0, -2.0, 5.0),
        ),
    ],
)
def test_the_envelope_is_in_the_frame_of_the_words(
    told: MachineLimits, offset: tuple[float, ...] | None, envelope: Envelope
) -> None:
    read, _, _ = as_told(machine_of(), told, Facts(), offset)
    assert read.envelope == envelope


def test_a_controller_of_joints_tells_of_joints() -> None:
    from calibration.profile import Profile

    scara = Profile.load("scara").machine
    told = MachineLimits(speed=(100.0, 90.0, 5.0), travel_mm=(220.0, 150.0, 10.0))
    read, _, _ = as_told(scara, told, Facts(), None)
    assert read.joint_max_speed == (100.0, 90.0)
    assert read.max_speed_mm_s == scara.max_speed_mm_s
    assert read.envelope == scara.envelope  # degrees are no mm


def test_what_no_profile_can_hold_is_left() -> None:
    told = MachineLimits(speed=(4000.0, 4000.0, None))
    read, taken, untold = as_told(machine_of(), told, Facts(), None)
    assert read == machine_of()
    assert taken == []
    assert "max_speed_mm_s" in untold
