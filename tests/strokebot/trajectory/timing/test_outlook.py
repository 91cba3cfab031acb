"""What is told of a drawing before it is planned, against what is planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.profile import Profile
from strokebot import pipeline
from strokebot.gesture import Gesture
from strokebot.trajectory.timing.outlook import Outlook, outlook

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def line(*points):
    xy = np.array(points, dtype=float)
    return Gesture(xy[0], np.diff(xy, axis=0), np.full(len(xy), 0.01), np.ones(len(xy)))


def test_a_straight_line_takes_its_length_at_the_pens_speed():
    profile = Profile.load()
    found = outlook(line((0, 0), (1, 0)), 100.0, profile)
    assert found.drawn_mm == pytest.approx(100.0)
    landing_s = 2 * (3.0 / 25.0 + 0.1)
    assert found.duration_s == pytest.approx(100.0 / 50.0 + landing_s)
    assert found.pen_share is None


def test_turns_take_time_and_ink_is_told_where_it_is_known():
    profile = Profile.load()
    zigzag = line(*((k / 100, k % 2 / 200) for k in range(101)))
    straight = line((0, 0), (float(np.hypot(1, 0.5)), 0))
    found = [outlook(g, 100.0, profile) for g in (zigzag, straight)]
    assert found[0].drawn_mm == pytest.approx(found[1].drawn_mm)
    assert found[0].duration_s > 1.3 * found[1].duration_s
    with_ink = replace(profile, pen=replace(profile.pen, ink_m=2.0))
    share = outlook(straight, 100.0, with_ink).pen_share
    assert share == pytest.approx(found[1].drawn_mm / 2000)


@pytest.mark.parametrize(
    ("picture", "options"),
    [
        ("hello.png", {}),
        ("drawing.png", {"fit_mm": (60.0, 60.0)}),
        ("flourish.png", {"speed": "fast"}),
        ("scan.jpg", {"profile": "marlin-printer"}),
    ],
)
def test_the_outlook_is_within_a_third_of_the_plan(picture, options):
    told: list[Outlook] = []
    chosen = pipeline.DrawOptions(method="tour", polish=False, **options)
    result = pipeline.draw(EXAMPLES / picture, chosen, foretell=told.append)
    (found,) = told
    planned = result.plan.trajectory
    assert found.drawn_mm == pytest.approx(planned.drawn_mm, rel=0.05)
    assert found.duration_s == pytest.approx(planned.duration_s, rel=1 / 3)
