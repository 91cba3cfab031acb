from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.chart.layout import geometry_chart
from calibration.errors import FitError
from calibration.fit.arms import parameters_of
from calibration.fit.crosses import best_turn
from calibration.fit.geometry import fit_geometry
from calibration.profile import Paper, Profile
from calibration.virtual.machine import TrueMachine
from firmware_bridge.kinematics import Kinematics

from .conftest import corner_readings

NOISE_MM = 0.02
GANTRY = replace(Profile.load("grbl-z"), paper=Paper((148.0, 210.0), (6.0, 7.0)))
SMALL = st.floats(-0.008, 0.008)


def misplaced(plain, corrected, machine, free=False):
    """Greatest distances of drawn places from where they should be, before and after, mm."""
    size = plain.paper.size_mm
    grid = np.meshgrid(np.linspace(15, size[0] - 15, 6), np.linspace(15, size[1] - 15, 6))
    places = np.stack(grid, axis=-1).reshape(-1, 2)
    found = []
    for profile in (plain, corrected):
        told = profile.to_machine(places)
        if machine.true_links is not None:
            joints, _ = profile.machine.kinematics.joints_at(told)
            real = machine.true_links.mechanism.forward(joints)
        else:
            real = told @ np.array(machine.matrix).T + machine.offset_mm
        drawn = plain.from_machine(real)
        if free:
            turn, shift = best_turn(drawn, places)
            drawn = drawn @ turn.T + shift
        found.append(float(np.hypot(*(drawn - places).T).max()))
    return found


def wrong_arm(profile, rng):
    """An arm whose links and zeros differ from those of the profile."""
    mechanism = profile.machine.kinematics
    changed = {}
    for key, k in parameters_of(mechanism):
        values = changed.setdefault(key, list(getattr(mechanism, key)))
        values[k] += rng.uniform(-1.2, 1.2) if key.endswith("_mm") else rng.uniform(-0.7, 0.7)
    true = replace(mechanism, **{key: tuple(v) for key, v in changed.items()})
    box = profile.machine.envelope
    return TrueMachine(profile_links=Kinematics(mechanism, box), true_links=Kinematics(true, box))


@settings(max_examples=25)
@given(
    st.tuples(SMALL, SMALL, SMALL, SMALL),
    st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    st.sampled_from([0.0, 90.0, -90.0, 4.0]),
    st.booleans(),
)
def test_a_crooked_frame_is_put_right(change, offset, rotation, printed):
    origin = {0.0: (6.0, 7.0), 90.0: (230.0, 7.0), -90.0: (7.0, 200.0), 4.0: (30.0, 7.0)}[rotation]
    profile = replace(GANTRY, paper=Paper((148.0, 210.0), origin, rotation))
    chart = geometry_chart(profile, printed=printed)
    machine = TrueMachine(
        ((1 + change[0], change[1]), (change[2], 1 + change[3])), offset, play_mm=(0.15, 0.1)
    )

    def lie_anywhere(at):
        return at @ np.array([[np.cos(0.01), -np.sin(0.01)], [np.sin(0.01), np.cos(0.01)]]) + [0.7, -0.4]

    measured = corner_readings(chart, profile, machine, NOISE_MM, turn=None if printed else lie_anywhere)
    fit = fit_geometry(chart, measured, profile)
    done = fit.apply(profile)
    before, after = misplaced(profile, done, machine, free=not printed)
    assert after < 0.05
    assert after < before or before < 0.05
    if rotation != 4.0:
        assert fit.backlash_mm == pytest.approx((0.15, 0.1), abs=0.03)
        assert done.machine.backlash_mm == pytest.approx(fit.backlash_mm, abs=1e-4)
    assert Profile.from_toml(done.to_toml()) == done
    assert done.pen == profile.pen
    if not printed:
        assert done.paper.rotation_deg == profile.paper.rotation_deg
        assert any("drew the fiducials itself" in sentence for sentence in fit.words)


def test_a_second_round_starts_from_the_first():
    chart = geometry_chart(GANTRY, printed=True)
    machine = TrueMachine(((1.01, 0.004), (-0.003, 0.992)), (1.0, -1.2))
    first = fit_geometry(chart, corner_readings(chart, GANTRY, machine), GANTRY).apply(GANTRY)
    again = geometry_chart(first, printed=True)
    # The sheet lies where it lay: its frame is that of the first profile.
    points = corner_readings(again, first, machine).points
    told = [first.paper.origin_mm, GANTRY.paper.origin_mm]
    assert told[0] != told[1]
    turn = np.radians(first.paper.rotation_deg)
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    real = [np.array(p.measured_mm) @ back + first.paper.origin_mm - GANTRY.paper.origin_mm for p in points]
    off = [np.hypot(*(r - p.planned_mm)) for r, p in zip(real, points, strict=True)]
    assert max(off) < 0.02


@pytest.mark.parametrize(("name", "target_mm"), [("scara", 0.10), ("fivebar", 0.15), ("polargraph", 0.10)])
@pytest.mark.parametrize("seed", range(4))
def test_links_and_zeros_of_an_arm_come_out(name, target_mm, seed):
    rng = np.random.default_rng(seed)
    profile = Profile.load(name)
    chart = geometry_chart(profile, printed=True)
    machine = wrong_arm(profile, rng)
    fit = fit_geometry(chart, corner_readings(chart, profile, machine, NOISE_MM, seed), profile)
    before, after = misplaced(profile, fit.apply(profile), machine)
    assert before > 0.4
    assert after < target_mm
    assert fit.after_mm[0] < 0.05
    assert fit.mechanism is not None


@pytest.mark.parametrize("name", ["scara", "fivebar"])
def test_an_arm_that_drew_its_own_fiducials_keeps_its_base(name):
    profile = Profile.load(name)
    chart = geometry_chart(profile)
    machine = wrong_arm(profile, np.random.default_rng(5))
    fit = fit_geometry(chart, corner_readings(chart, profile, machine, NOISE_MM), profile)
    before, after = misplaced(profile, fit.apply(profile), machine, free=True)
    assert after < 0.1 < before
    assert any("does not tell" in sentence for sentence in fit.words)


def test_odd_corners_are_named_and_left_out():
    chart = geometry_chart(GANTRY, printed=True)
    machine = TrueMachine(((1.01, 0.0), (0.0, 0.99)))
    measured = corner_readings(chart, GANTRY, machine, NOISE_MM)
    odd = measured.points[7]
    points = tuple(
        replace(p, measured_mm=(p.measured_mm[0] + 3.0, p.measured_mm[1])) if p is odd else p
        for p in measured.points
    )
    fit = fit_geometry(chart, replace(measured, points=points), GANTRY)
    assert fit.outliers == (odd.name,)
    assert misplaced(GANTRY, fit.apply(GANTRY), machine)[1] < 0.03


def test_what_cannot_be_fitted_is_refused():
    chart = geometry_chart(GANTRY)
    measured = corner_readings(chart, GANTRY, TrueMachine())
    rng = np.random.default_rng(0)
    wild = tuple(replace(p, measured_mm=tuple(rng.uniform(0, 148, 2))) for p in measured.points)
    line = tuple(p for p in measured.points if p.planned_mm[1] == measured.points[0].planned_mm[1])
    servo = Profile.load("grbl-servo")
    cases = [
        (replace(measured, source="photo"), GANTRY, "photo"),
        (replace(measured, chart="0" * 64), GANTRY, "another chart"),
        (replace(measured, points=measured.points[:5]), GANTRY, "Only 5"),
        (replace(measured, points=line), GANTRY, "one line"),
        (replace(measured, points=wild), GANTRY, "fit no machine|too far"),
        (measured, servo, "made for"),
    ]
    for wrong, profile, words in cases:
        with pytest.raises(FitError, match=words) as caught:
            fit_geometry(chart, wrong, profile)
        assert "\n" not in str(caught.value)


def test_a_correction_is_for_its_own_machine():
    chart = geometry_chart(GANTRY)
    fit = fit_geometry(chart, corner_readings(chart, GANTRY, TrueMachine()), GANTRY)
    with pytest.raises(FitError, match="correction is for"):
        fit.apply(Profile.load("scara"))
