"""The picture of the reach: what it shows is what the kinematics say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.plots import reach, style
from strokebot.plots.shown import shows_reach

LINE = np.array([[10.0, 10.0], [60.0, 60.0]])


def axes_of(profile, xy=LINE):
    axes = Figure(figsize=(4, 4)).add_subplot()
    reach.draw_reach(axes, profile, xy)
    return axes


@pytest.mark.parametrize("name", ["scara", "fivebar", "polargraph", "grbl-z"])
def test_the_shaded_area_is_the_reach(name):
    profile = Profile.load(name)
    axes = axes_of(profile)
    shaded = np.isfinite(np.ma.filled(axes.images[0].get_array(), np.nan))
    left, right, bottom, top = axes.images[0].get_extent()
    height, width = shaded.shape
    rows, columns = np.nonzero(shaded)
    middles = np.column_stack([columns + 0.5, rows + 0.5]) * ((right - left) / width, (top - bottom) / height)
    found = kinematics_of(profile.machine).reachable(middles + np.array([left, bottom]))
    assert found.mean() > 0.98  # but for pixels across the edge
    box = profile.machine.envelope
    share = shaded.mean() * (right - left) * (top - bottom)
    assert share <= (box.x_max_mm - box.x_min_mm) * (box.y_max_mm - box.y_min_mm) * 1.02
    assert style.png_bytes(axes.figure, dpi=60)


def test_the_path_and_the_paper_lie_in_the_machine_frame():
    profile = Profile.load("scara")
    turned = dataclasses.replace(profile, paper=dataclasses.replace(profile.paper, rotation_deg=90.0))
    lines = [line.get_xydata() for line in axes_of(turned).lines]
    assert any(line.shape == (2, 2) and np.allclose(line, turned.to_machine(LINE)) for line in lines)
    assert any(line.shape == (5, 2) and np.allclose(line[0], profile.paper.origin_mm) for line in lines)


def test_corners_out_of_reach_are_named():
    profile = Profile.load("scara")
    assert reach.lost_corners(profile) == []
    large = profile.with_paper((210.0, 148.0))
    assert reach.lost_corners(large) == ["upper right"]
    assert axes_of(large).get_title() == "out of reach: upper right of the paper"
    assert len(reach.reach_key(large)) == len(reach.reach_key(profile)) + 1


def test_only_arms_need_the_picture_and_no_path_is_no_harm():
    assert [shows_reach(Profile.load(n)) for n in ("scara", "polargraph", "grbl-z")] == [
        True,
        True,
        False,
    ]
    axes_of(Profile.load("polargraph"), np.zeros((0, 2)))
