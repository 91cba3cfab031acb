from dataclasses import replace

import pytest

from calibration.profile import Profile
from strokebot.errors import TrajectoryError
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.presets import apply_presets
from tests.support.trajectory_shapes import cursive, path_of


def test_normal_is_the_profile_itself(profile):
    planned, tolerances = apply_presets(profile)
    assert planned.machine == profile.machine
    assert replace(planned.pen, reference_speed_mm_s=None) == profile.pen
    assert (tolerances.smooth_mm, tolerances.chord_mm) == (0.02, 0.005)


def test_speeds_drive_machine_and_pen_as_they_say(profile):
    path = smooth(path_of(cursive()))
    times = {}
    for speed in ("careful", "normal", "fast"):
        planned, _ = apply_presets(profile, speed)
        times[speed] = parametrise(path, planned).duration_s
    assert times["careful"] > 1.2 * times["normal"]
    assert times["normal"] > 1.02 * times["fast"]
    careful, _ = apply_presets(profile, "careful")
    assert careful.machine.max_acceleration_mm_s2 == (400.0, 400.0)
    assert careful.machine.max_speed_mm_s == (72.0, 72.0)
    assert careful.pen.draw_speed_mm_s == pytest.approx(30.0)
    fast, _ = apply_presets(profile, "fast")
    assert fast.machine == profile.machine
    assert fast.pen.draw_speed_mm_s == 75.0
    assert fast.pen.reference_speed_mm_s == 50.0


def test_the_joints_of_an_arm_are_driven_alike():
    arm = Profile.load("scara")
    careful, _ = apply_presets(arm, "careful")
    acceleration, speed = arm.machine.joint_max_acceleration, arm.machine.joint_max_speed
    assert careful.machine.joint_max_acceleration == pytest.approx([0.4 * v for v in acceleration])
    assert careful.machine.joint_max_speed == pytest.approx([0.6 * v for v in speed])


def test_finer_quality_follows_closer(profile):
    every = [apply_presets(profile, "normal", quality) for quality in ("draft", "normal", "fine")]
    for key in ("smooth_mm", "smooth_px", "chord_mm"):
        values = [getattr(tolerances, key) for _, tolerances in every]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 3
    assert every[2][0].machine.junction_deviation_mm == 0.005
    assert every[0][1].smoothing_mm(0.01) == 0.1
    assert every[0][1].smoothing_mm(1.0) == 0.5


@pytest.mark.parametrize("words", [("quick", "normal"), ("normal", "best")])
def test_unknown_words_are_named(profile, words):
    with pytest.raises(TrajectoryError, match="choose one of"):
        apply_presets(profile, *words)
