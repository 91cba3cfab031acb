"""Strokes that begin and end without pressure: nothing beside the ink, no rest, no limit broken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import ProfileError
from calibration.profile import Paper, Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.program import MoveKind
from firmware_bridge.simulator.run import simulate_lines
from strokebot.geometry.polyline import distinct
from strokebot.trajectory.compile.compile import compile_program
from strokebot.trajectory.path.path import LEAST_STEP_MM
from strokebot.trajectory.path.pen_ramp import with_pen_ramps
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support.motion_check import violation
from tests.support.trajectory_shapes import cursive, path_of, scribbles, spiral


def soft(profile):
    return replace(profile, pen=replace(profile.pen, soft_landing=True))


PROFILE = soft(Profile.load("grbl-z"))
PEN = PROFILE.pen


def discs(path, step_mm=0.02):
    """Places (N, 2) and drawn widths (N,) close to each other along the drawn lines of a path."""
    places, widths = [], []
    wide = np.clip(PEN.effective_width_mm(path.width_mm, path.intensity), PEN.min_width_mm, PEN.max_width_mm)
    for run in path.runs():
        if run.down:
            xy, w = path.xy_mm[run.start : run.stop + 1], wide[run.start : run.stop + 1]
            apart = distinct(xy, LEAST_STEP_MM)
            xy, w = xy[apart], w[apart]
            s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
            at = np.linspace(0.0, s[-1], max(2, int(s[-1] / step_mm)))
            places.append(np.column_stack([np.interp(at, s, column) for column in xy.T]))
            widths.append(np.interp(at, s, w))
    return np.concatenate(places), np.concatenate(widths)


drawable = scribbles(most_points=8).filter(lambda path: path.pen_down.any())


@settings(max_examples=30, deadline=None)
@given(scribbles(most_points=4, size=5.0).filter(lambda path: path.pen_down.any()), st.booleans())
def test_no_ink_lies_beside_that_of_the_plain_path_and_little_is_missing(path, smoothed):
    path = smooth(path, 0.05) if smoothed else path
    led = with_pen_ramps(path, PROFILE)
    plain_xy, plain_w = discs(path)
    xy, w = discs(led)
    away = np.linalg.norm(xy[:, None] - plain_xy, axis=2)
    # Each disc of the new line lies within one of the old line, as far as those stand close enough.
    outside = (away + 0.5 * w[:, None] - 0.5 * plain_w).min(axis=1)
    assert outside.max() <= 0.012
    # And the old line is missing nothing but its edge near ends.
    back = np.linalg.norm(plain_xy[:, None] - xy, axis=2)
    missing = (back + 0.5 * plain_w[:, None] - 0.5 * w).min(axis=1)
    assert missing.max() <= 0.125 * (PEN.max_width_mm - PEN.min_width_mm) + 0.02


@settings(max_examples=40, deadline=None)
@given(drawable)
def test_strokes_lifts_and_ends_of_the_pen_stay(path):
    led = with_pen_ramps(path, PROFILE)
    assert led.lifts == path.lifts
    assert [run.down for run in led.runs()] == [run.down for run in path.runs()]
    assert led.clamped_points(PEN) <= path.clamped_points(PEN)
    for before, after in zip(path.runs(), led.runs(), strict=True):
        if after.down:
            ends = path.xy_mm[[before.start, before.stop]], led.xy_mm[[after.start, after.stop]]
            assert np.linalg.norm(ends[1] - ends[0], axis=1).max() <= 0.5 * PEN.max_width_mm


@settings(max_examples=15, deadline=None)
@given(drawable)
def test_the_limits_hold_on_leads_too(path):
    assert violation(with_pen_ramps(smooth(path, 0.05), PROFILE), PROFILE) <= 1.01


def test_the_pen_comes_down_to_where_it_just_touches_and_goes_up_from_there():
    path = with_pen_ramps(path_of(cursive(600), width=0.9), PROFILE)
    program = compile_program(parametrise(path, PROFILE), PROFILE)
    lowered = [k for k, move in enumerate(program) if move.kind is MoveKind.LOWER]
    lifted = [k for k, move in enumerate(program) if move.kind is MoveKind.LIFT]
    for k in lowered:
        assert program.moves[k].pen == pytest.approx(PEN.touch, abs=1e-6)
    for k in lifted:
        assert program.moves[k - 1].pen == pytest.approx(PEN.touch, abs=1e-6)


@pytest.mark.parametrize("name", ["grbl-z", "marlin-printer"])
def test_no_pen_rests_on_the_paper_with_pressure(name):
    profile = Profile.load(name)
    row = np.concatenate([cursive(300, loops=3, at=(20.0, 20.0 + 12 * k), size=3.0) for k in range(3)])
    path = path_of(row, width=0.9, down=np.tile(np.arange(300) > 0, 3))
    rest = {}
    for chosen in (profile, soft(profile)):
        program = compile_program(parametrise(with_pen_ramps(path, chosen), chosen), chosen)
        lines = dialect_of(profile.machine.dialect).encode(program, profile.machine)
        recording = simulate_lines(lines, profile.machine)
        step_s = np.diff(recording.t_s)
        speed = np.hypot(*np.diff(recording.xy_mm, axis=0).T) / step_s
        pressed = profile.drawn_width_mm(recording.pen[1:]) > profile.pen.min_width_mm + 0.05
        rest[chosen.pen.soft_landing] = step_s[pressed & (speed < 0.5)].sum()
    assert rest[False] > 0.1
    assert rest[True] < 0.003


def test_what_has_no_room_for_a_lead_stays():
    dot = path_of([[10, 20]], width=0.9)
    assert with_pen_ramps(dot, PROFILE) is not dot
    assert len(with_pen_ramps(dot, PROFILE)) == 1
    thin = path_of([[10, 20], [30, 20]], width=PEN.min_width_mm)
    assert with_pen_ramps(thin, PROFILE).xy_mm.tolist() == thin.xy_mm.tolist()
    edge = path_of([[0.05, 20], [30, 20]], width=0.9)
    assert with_pen_ramps(edge, PROFILE).xy_mm[0].tolist() == [0.05, 20.0]
    assert with_pen_ramps(edge, PROFILE).xy_mm[-1][0] == pytest.approx(30.3)
    joined = path_of([[10, 20], [20, 20], [20.3, 20], [30, 20]], width=0.9, down=[1, 1, 0, 1])
    led = with_pen_ramps(joined, PROFILE)
    assert [20.0, 20.0] in led.xy_mm.tolist() and [20.3, 20.0] in led.xy_mm.tolist()  # noqa: PT018


def test_without_the_option_nothing_changes_and_a_servo_has_none():
    path = path_of(spiral(300), width=0.9)
    assert with_pen_ramps(path, Profile.load("grbl-z")) is path
    with pytest.raises(ProfileError, match=r"pen\.soft_landing is for a z axis"):
        soft(Profile.load("grbl-servo"))


def test_a_profile_keeps_the_option():
    assert Profile.from_toml(PROFILE.to_toml()) == PROFILE
    text = PROFILE.to_toml().replace("soft_landing = true", 'soft_landing = "yes"')
    with pytest.raises(ProfileError, match=r"pen\.soft_landing is 'yes': it must be true or false"):
        Profile.from_toml(text)


def test_leads_follow_the_paper_and_the_bend():
    turned = replace(PROFILE, paper=Paper((210, 297), (150, 20), 30.0))
    path = path_of(cursive(600, at=(40.0, 80.0)), width=0.9)
    led = with_pen_ramps(path, turned)
    first = led.xy_mm[:5] - led.xy_mm[0]
    angle = np.unwrap(np.arctan2(first[1:, 1], first[1:, 0]))
    assert np.ptp(angle) < 0.05
