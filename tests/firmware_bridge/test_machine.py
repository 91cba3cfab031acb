from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics import Cartesian, Scara
from firmware_bridge.machine import MachineProfile

TABLE: dict[str, object] = {
    "name": "plotter",
    "dialect": "grbl",
    "envelope": {
        "x_min_mm": 0,
        "x_max_mm": 200.0,
        "y_min_mm": 0.0,
        "y_max_mm": 280,
        "pen_min": -2.0,
        "pen_max": 6,
    },
    "max_speed_mm_s": [100, 80.0],
    "max_acceleration_mm_s2": [1000, 900.0],
    "pen_max_speed": 15.0,
    "pen_max_acceleration": 300,
}


def test_table_gives_the_profile_and_back() -> None:
    profile = MachineProfile.from_table(TABLE, "p.toml")
    assert profile.max_speed_mm_s == (100.0, 80.0)
    assert profile.envelope.y_max_mm == 280.0
    assert profile.baud_rate == 115200
    assert MachineProfile.from_table(profile.to_table(), "p.toml") == profile


def test_safe_pen_is_the_top_of_z_and_the_bottom_of_a_servo() -> None:
    profile = MachineProfile.from_table(TABLE, "p.toml")
    assert profile.safe_pen == 6.0
    assert dataclasses.replace(profile, pen_actuator="servo").safe_pen == -2.0
    assert dataclasses.replace(profile, pen_safe=3.0).safe_pen == 3.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_speed_mm_s", [6000, 6000]),
        ("max_speed_mm_s", [100]),
        ("max_speed_mm_s", "fast"),
        ("max_acceleration_mm_s2", [0, 10]),
        ("pen_max_speed", -1),
        ("pen_max_speed", float("nan")),
        ("pen_max_speed", True),
        ("junction_deviation_mm", 10),
        ("baud_rate", 115200.5),
        ("rx_buffer_bytes", 4),
        ("planner_blocks", 0),
        ("line_rate_per_s", 0),
        ("pen_actuator", "laser"),
        ("dialect", ""),
        ("name", 3),
        ("steps_per_mm", [80, 80]),
        ("pen_safe", 100.0),
        ("envelope", 7),
        ("speed", 7),
    ],
)
def test_a_wrong_value_is_refused_and_its_key_named(key: str, value: object) -> None:
    with pytest.raises(ProgramError, match=rf"p\.toml.*{key}"):
        MachineProfile.from_table({**TABLE, key: value}, "p.toml")


@pytest.mark.parametrize("key", ["name", "envelope", "pen_max_speed"])
def test_a_missing_key_is_named(key: str) -> None:
    table = {k: v for k, v in TABLE.items() if k != key}
    with pytest.raises(ProgramError, match=key):
        MachineProfile.from_table(table, "p.toml")


@pytest.mark.parametrize("change", [{"x_max_mm": -1.0}, {"depth": 1.0}, {"pen_min": "low"}])
def test_a_wrong_envelope_is_named(change: dict[str, object]) -> None:
    envelope = {**TABLE["envelope"], **change}  # type: ignore[dict-item]
    with pytest.raises(ProgramError, match="envelope"):
        MachineProfile.from_table({**TABLE, "envelope": envelope}, "p.toml")


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([*TABLE, "zzz"]),
    st.sampled_from([None, -1, 0, 7, 1e9, float("nan"), float("inf"), "", "z\ny", [], [1, "a"], {}, True]),
)
def test_any_value_gives_a_profile_or_one_line(key: str, value: object) -> None:
    caught: ProgramError | None = None
    try:
        MachineProfile.from_table({**TABLE, key: value}, "p.toml")
    except ProgramError as error:
        caught = error
    if caught is not None:
        assert "\n" not in str(caught)
        assert str(caught).startswith("p.toml: machine.")


ARM = {
    **TABLE,
    "kinematics": {"type": "scara", "link_mm": [150, 120], "zero_deg": [0, 90], "elbow": "right"},
    "raw_joints": True,
    "joint_max_speed": [150, 160],
    "joint_max_acceleration": [600.0, 650],
}


def test_an_arm_is_read_and_written_back() -> None:
    profile = MachineProfile.from_table(ARM, "p.toml")
    assert profile.kinematics == Scara((150.0, 120.0), zero_deg=(0.0, 90.0))
    assert profile.joint_max_speed == (150.0, 160.0)
    assert MachineProfile.from_table(profile.to_table(), "p.toml") == profile
    plain = MachineProfile.from_table(TABLE, "p.toml")
    assert plain.kinematics == Cartesian()
    assert plain.to_table()["kinematics"] == "cartesian"
    assert "joint_max_speed" not in plain.to_table()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kinematics", "delta", "kinematics is 'delta'"),
        ("kinematics", {"type": "scara"}, r"kinematics\.link_mm is missing"),
        ("raw_joints", 1, "raw_joints is 1: it must be true or false"),
        ("joint_max_speed", [150], "joint_max_speed has 1 entries"),
        ("joint_max_speed", [150, 0], "joint_max_speed is 0"),
        ("joint_max_acceleration", [1e9, 10], r"joint_max_acceleration is 1e\+09"),
        ("joint_max_speed", None, "joint_max_speed is missing: a machine with raw_joints"),
        ("kinematics", {"type": "scara", "link_mm": [150, 120]}, "joint values 0, 0, .* straight or folded"),
        (
            "kinematics",
            {"type": "scara", "link_mm": [150, 120], "zero_deg": [0, 90], "joint_min": [5, -90]},
            "joint 1 would stand at 0.0, beyond its 5 to 175",
        ),
        (
            "kinematics",
            {"type": "fivebar", "left_motor_mm": [0, 0], "right_motor_mm": [50, 0], "driven_mm": [80, 80],
             "forearm_mm": [90, 90], "zero_deg": [180, 0]},
            "joint values 0, 0, .* No pose",
        ),
    ],
)  # fmt: skip
def test_an_arm_that_cannot_work_is_refused(key: str, value: object, words: str) -> None:
    table = {k: v for k, v in {**ARM, key: value}.items() if v is not None}
    with pytest.raises(ProgramError, match=words) as caught:
        MachineProfile.from_table(table, "p.toml")
    assert str(caught.value).startswith("p.toml: machine.")
    assert "\n" not in str(caught.value)
