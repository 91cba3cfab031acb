"""The picture of the reach: what it shows is what the kinematics say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from calibration.profile import Profile
from firmware_bridge.machine import kinematics_of
from strokebot.plots import png_bytes, reach, style
from strokebot.plots.figure import Line, Picture
from strokebot.plots.shown import shows_reach
from tests.support.figures import assert_nothing_overlaps

LINE = np.array([[10.0, 10.0], [60.0, 60.0]])


def panel_of(profile, xy=LINE):
    return reach.reach_figure(profile, xy).panels[0]


@pytest.mark.parametrize("name", ["scara", "fivebar", "polargraph", "grbl-z"])
def test_the_shaded_area_is_the_reach(name):
    profile = Profile.load(name)
    figure = reach.reach_figure(profile, LINE)
    picture = figure.panels[0].items[0]
    assert isinstance(picture, Picture)
    shaded = (picture.pixels < 255).any(axis=2)
    left, right, bottom, top = picture.extent
    height, width = shaded.shape
    rows, columns = np.nonzero(shaded)
    middles = np.column_stack([(columns + 0.5) / width, 1 - (rows + 0.5) / height])
    places = middles * (right - left, top - bottom) + np.array([left, bottom])
    found = kinematics_of(profile.machine).reachable(places)
    assert found.mean() > 0.98  # but for pixels across the edge
    box = profile.machine.envelope
    share = shaded.mean() * (right - left) * (top - bottom)
    assert share <= (box.x_max_mm - box.x_min_mm) * (box.y_max_mm - box.y_min_mm) * 1.02
    assert png_bytes(figure, dpi=60)
    assert_nothing_overlaps(figure)


def test_the_path_and_the_paper_lie_in_the_machine_frame():
    profile = Profile.load("scara")
    turned = dataclasses.replace(profile, paper=dataclasses.replace(profile.paper, rotation_deg=90.0))
    lines = [item.xy for item in panel_of(turned).items if isinstance(item, Line)]
    assert any(line.shape == (2, 2) and np.allclose(line, turned.to_machine(LINE)) for line in lines)
    assert any(line.shape == (5, 2) and np.allclose(line[0], profile.paper.origin_mm) for line in lines)


def test_corners_out_of_reach_are_named():
    profile = Profile.load("scara")
    assert reach.lost_corners(profile) == []
    large = profile.with_paper((210.0, 148.0))
    assert reach.lost_corners(large) == ["upper right"]
    figure, whole = reach.reach_figure(large, LINE), reach.reach_figure(profile, LINE)
    assert figure.panels[0].title == "out of reach: upper right of the paper"
    assert len(figure.keys[0].entries) == len(whole.keys[0].entries) + 1
    assert_nothing_overlaps(figure)
    assert style.ASTRAY in {getattr(item, "colour", "") for item in figure.panels[0].items}


def test_only_arms_need_the_picture_and_no_path_is_no_harm():
    assert [shows_reach(Profile.load(n)) for n in ("scara", "polargraph", "grbl-z")] == [
        True,
        True,
        False,
    ]
    png_bytes(reach.reach_figure(Profile.load("polargraph"), np.zeros((0, 2))), dpi=60)
