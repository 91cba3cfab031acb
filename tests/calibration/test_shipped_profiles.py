"""The shipped profiles: each can be read, written back, and its paper lies in its machine's reach."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from calibration.profile import Profile
from firmware_bridge.kinematics.reach import lost_points
from firmware_bridge.machine import kinematics_of

NAMES = sorted(
    entry.name.removesuffix(".toml")
    for entry in (resources.files("calibration") / "profiles").iterdir()
    if entry.name.endswith(".toml")
)


def test_every_kind_of_machine_has_a_profile():
    kinds = {Profile.load(name).machine.kinematics.type for name in NAMES}
    assert {"cartesian", "scara", "fivebar", "polargraph"} <= kinds
    assert {"grbl-z", "grbl-servo", "marlin-printer", "uarm", "scara", "fivebar", "polargraph"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_survives_writing_and_says_where_its_figures_come_from(name):
    profile = Profile.load(name)
    assert Profile.from_toml(profile.to_toml()) == profile
    text = (resources.files("calibration") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("#")


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_paper_is_in_reach_and_so_is_the_start_of_a_raw_machine(name):
    profile = Profile.load(name)
    width, height = profile.paper.size_mm
    sheet = np.stack(np.meshgrid(np.linspace(0, width, 80), np.linspace(0, height, 80)), -1).reshape(-1, 2)
    kinematics = kinematics_of(profile.machine)
    assert len(lost_points(profile.to_machine(sheet), kinematics)) == 0
    if profile.machine.raw_joints:
        assert kinematics.reachable(np.array([profile.machine.start_mm])).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_arm_keeps_hold_of_the_pen_all_over_the_paper(name):
    """The joints turn by at most ten times as much for one direction as for another."""
    profile = Profile.load(name)
    width, height = profile.paper.size_mm
    sheet = np.stack(np.meshgrid(np.linspace(0, width, 30), np.linspace(0, height, 30)), -1).reshape(-1, 2)
    jacobian = kinematics_of(profile.machine).jacobian(profile.to_machine(sheet))
    assert np.linalg.cond(jacobian).max() < 10.0


@pytest.mark.parametrize("name", NAMES)
def test_no_motor_needs_more_steps_than_its_board_can_make(name):
    """GRBL on an ATmega328 makes 30,000 steps a second (its wiki); Marlin boards make more."""
    machine = Profile.load(name).machine.as_controller()
    for speed, steps in zip(machine.max_speed_mm_s, machine.steps_per_mm, strict=False):
        assert speed * steps <= 30000.0
