"""Every shipped profile draws every example on its virtual machine, as planned."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from calibration.profile import Profile
from strokebot import pipeline
from strokebot.pipeline import DrawOptions

EXAMPLES = Path(__file__).parents[2] / "examples"
PROFILES = sorted(
    entry.name.removesuffix(".toml")
    for entry in (resources.files("calibration") / "profiles").iterdir()
    if entry.name.endswith(".toml")
)
QUICK = "digits.png"
PICTURES = sorted(p.name for p in EXAMPLES.iterdir() if p.suffix in (".png", ".jpg"))
# The executed path against the planned one: chords, and half a step of each motor at the paper's far end.
# A machine that asks for longer chords (``chord_error_mm``) is allowed those too.
PATH_ERROR_MM = 0.035
# Where the pen comes down or goes up along the path it touches a little beside it.
PATH_ERROR_AT_TOUCH_MM = 0.2
# The machine's time over the planned one, from the first touch to the last: a joint move at a wrong
# feed, or a controller that stalls, is far outside. The benchmark of the motion measures it closely.
TIME_RATIO = (0.92, 1.1)
# This arm's firmware rests after each handful of lines, whatever the plan says.
RESTING = ("uarm",)


def drawn_with(profile, picture):
    result = pipeline.draw(EXAMPLES / picture, DrawOptions(method="tour", profile=profile))
    trace, plan = result.trace, result.plan
    assert result.stream.errors == 0
    assert trace.lifts == plan.path.lifts
    assert result.fidelity["ink_recall"] > 0.8
    width, height = plan.profile.paper.size_mm
    drawn = trace.xy_mm[trace.width_mm > 0]
    assert (drawn >= -0.01).all()
    assert (drawn <= (width + 0.01, height + 0.01)).all()

    start, end = plan.trajectory.xy_mm[:-1], plan.trajectory.xy_mm[1:]
    some = np.linspace(0, len(drawn) - 1, 400).astype(int)
    apart = [distance_to_segments(point, start, end) for point in drawn[some]]
    assert np.quantile(apart, 0.98) < PATH_ERROR_MM + (plan.profile.machine.chord_error_mm or 0.0)
    assert max(apart) < PATH_ERROR_AT_TOUCH_MM

    touching = trace.t_s[trace.width_mm > 0]
    planned = plan.trajectory.t_s[plan.trajectory.pen_down]
    ratio = (touching[-1] - touching[0]) / (planned[-1] - planned[0])
    assert TIME_RATIO[0] < ratio < (4.0 if profile in RESTING else TIME_RATIO[1])


def distance_to_segments(point, start, end):
    way = end - start
    length = np.maximum((way**2).sum(axis=1), 1e-18)
    share = np.clip(((point - start) * way).sum(axis=1) / length, 0.0, 1.0)
    return float(np.hypot(*(point - start - share[:, None] * way).T).min())


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_draws_an_example(profile):
    drawn_with(profile, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("picture", [p for p in PICTURES if p != QUICK])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_draws_every_example(profile, picture):
    drawn_with(profile, picture)


def test_a_raw_machine_is_recorded_in_its_joints_and_traced_in_mm():
    result = pipeline.draw(EXAMPLES / QUICK, DrawOptions(method="tour", profile="polargraph"))
    start = Profile.load("polargraph").from_machine([result.plan.profile.machine.start_mm])
    np.testing.assert_allclose(result.trace.xy_mm[0], start[0], atol=1e-6)
    words = [line for line in result.plan.gcode if line.startswith("G1 X")]
    # The pen hangs above the middle of the sheet at 0, 0: no belt changes by more than the sheet.
    assert all(abs(float(word[1:])) < 420.0 for line in words for word in line.split() if word[0] in "XY")
