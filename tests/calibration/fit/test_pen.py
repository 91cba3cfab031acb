from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.chart.layout import geometry_chart, pen_chart
from calibration.chart.spec import MarkKind
from calibration.errors import FitError, MeasureError
from calibration.fit.observe import from_caliper
from calibration.fit.pen import fit_pen
from calibration.profile import Paper, Profile
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen

from .conftest import height, readings

TODAY = date(2026, 1, 31)
PEN = TruePen(
    touch=-0.1, full=-1.6, thinnest_mm=0.25, widest_mm=1.1, bleed_mm2_mm_s=0.05, ink_speed=0.4,
    blot_mm2_s=0.2, play=0.08, lag_s=0.03, noise=0.015, line_noise=0.005,
)  # fmt: skip
GRID = np.stack(np.meshgrid(np.linspace(20, 128, 4), np.linspace(90, 185, 4)), axis=-1).reshape(-1, 2)


@st.composite
def pens(draw):
    touch = draw(st.floats(-0.25, 0.25))
    return replace(
        PEN,
        touch=touch,
        full=touch - draw(st.floats(1.2, 1.8)),
        thinnest_mm=draw(st.floats(0.2, 0.35)),
        widest_mm=draw(st.floats(0.8, 1.5)),
        exponent=draw(st.floats(0.6, 1.2)),
        bleed_mm2_mm_s=draw(st.floats(0.0, 0.1)),
        ink_speed=draw(st.sampled_from([0.0, 0.3, 0.7])),
        play=draw(st.floats(0.0, 0.12)),
        lag_s=draw(st.floats(0.0, 0.05)),
        noise=draw(st.floats(0.0, 0.02)),
    )


TILTS = st.tuples(st.floats(-0.0008, 0.0008), st.floats(-0.0008, 0.0008))


def width_errors(fit, profile, pen, machine):
    """Errors in mm of a calibrated profile over its range and the sheet, and of its touch point."""
    done = fit.apply(profile, TODAY)
    off = done.height(GRID) - height(profile, machine, GRID)
    value = np.linspace(done.pen.touch, done.pen.full, 60)
    tip = value[:, None] + off
    on = pen.pressure(tip) > 0.01
    return (done.pen.drawn_width_mm(value)[:, None] - pen.width_mm(tip))[on], done.pen.touch + off - pen.touch


@settings(max_examples=25)
@given(pens(), TILTS, st.integers(0, 1000))
def test_the_hidden_pen_comes_out(chart, profile, pen, tilt, seed):
    machine = TrueMachine(tilt=tilt, level_at_mm=(80.0, 110.0))
    fit = fit_pen(chart, readings(chart, profile, pen, machine, seed), profile)
    errors, touch = width_errors(fit, profile, pen, machine)
    assert np.sqrt(np.mean(errors**2)) < 0.010
    assert np.abs(errors).max() < 0.045
    assert np.mean(np.abs(touch)) < 0.02
    assert fit.play == pytest.approx(pen.play, abs=0.035)
    assert fit.lag_s == pytest.approx(pen.lag_s, abs=0.015)
    assert fit.darkness_speed_exponent == pytest.approx(pen.ink_speed, abs=0.1)
    assert fit.blot_mm2_s == pytest.approx(pen.blot_mm2_s, abs=0.03)
    done = fit.apply(profile, TODAY).pen
    assert done.calibrated == TODAY
    assert (np.diff(done.widths_mm) > 0).all()
    assert (np.diff(done.darkness) >= 0).all()
    share = np.linspace(0, 1, 30)
    widths = done.min_width_mm + share * (done.max_width_mm - done.min_width_mm)
    np.testing.assert_allclose(done.drawn_width_mm(done.value_for(widths)), widths, atol=1e-9)


@settings(max_examples=10)
@given(pens())
def test_without_noise_the_curve_is_exact(chart, profile, pen):
    quiet = replace(pen, noise=0.0, line_noise=0.0)
    fit = fit_pen(chart, readings(chart, profile, quiet, spread_mm=0.0), profile)
    errors, touch = width_errors(fit, profile, quiet, TrueMachine())
    assert np.sqrt(np.mean(errors**2)) < 0.006
    assert np.abs(touch).max() < 0.012


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_darkness_and_what_speed_does_to_it(chart, profile, exponent):
    pen = replace(PEN, ink_speed=exponent)
    done = fit_pen(chart, readings(chart, profile, pen), profile).apply(profile, TODAY).pen
    value = np.linspace(done.touch, done.full, 30)[2:]
    blackest = done.drawn_darkness([done.full])[0]
    hatch = float(pen.darkness(chart.pen_range[2]))
    for speed in (5.0, 20.0, 80.0):
        drawn = done.darkness_at(done.drawn_darkness(value), speed) / blackest
        assert np.abs(drawn - pen.darkness(value, speed) / hatch).max() < 0.03


def test_the_same_measures_from_another_picture_give_the_same_pen(chart, profile):
    scan = readings(chart, profile, PEN)
    photo = replace(scan, source="photo", px_per_mm=8.0, blur_mm=0.07, lines=scan.lines[::-1])
    first, second = (fit_pen(chart, m, profile) for m in (scan, photo))
    np.testing.assert_array_equal(first.widths_mm, second.widths_mm)
    assert first.apply(profile, TODAY) == second.apply(profile, TODAY)


def test_the_direction_of_the_pen_axis_does_not_matter(chart, profile):
    envelope = replace(profile.machine.envelope, pen_min=-5.0, pen_max=2.0)
    flip = {key: -getattr(profile.pen, key) for key in ("up", "touch", "full")}
    pen = replace(profile.pen, **flip, values=tuple(-v for v in profile.pen.values))
    other = replace(profile, machine=replace(profile.machine, envelope=envelope, pen_safe=-3.0), pen=pen)
    mirrored = replace(PEN, touch=-PEN.touch, full=-PEN.full)
    plain = fit_pen(chart, readings(chart, profile, PEN), profile)
    chart_there = pen_chart(other, seed=1)
    there = fit_pen(chart_there, readings(chart_there, other, mirrored), other)
    np.testing.assert_allclose(there.values, -plain.values, atol=1e-6)
    np.testing.assert_allclose(there.widths_mm, plain.widths_mm, atol=1e-6)


def test_the_band_holds_the_truth_most_of_the_time(chart, profile):
    inside = []
    for seed in range(12):
        fit = fit_pen(chart, readings(chart, profile, PEN, seed=seed), profile)
        true = PEN.width_mm(fit.values)
        inside.append(((true >= fit.low_mm) & (true <= fit.high_mm))[2:-1])
        assert (fit.high_mm >= fit.low_mm).all()
        assert (fit.high_mm - fit.low_mm).max() < 0.08
    assert np.mean(inside) > 0.85


def change(measurements, changes):
    """Measurements with some lines changed: name -> new values."""
    lines = tuple(replace(line, **changes.get(line.name, {})) for line in measurements.lines)
    return replace(measurements, lines=lines)


def test_outliers_are_named_and_left_out(chart, profile):
    plain = readings(chart, profile, PEN)
    wrong = {"pressure-up-4": {"width_mm": 1.4}, "pressure-random-7-1": {"width_mm": 0.2}}
    fit = fit_pen(chart, change(plain, wrong), profile)
    assert set(wrong) <= set(fit.outliers)
    assert len(fit.outliers) <= 4
    errors, _ = width_errors(fit, profile, PEN, TrueMachine())
    assert np.sqrt(np.mean(errors**2)) < 0.012
    assert any("pressure-up-4" in sentence for sentence in fit.words)


def test_a_dry_line_is_named(chart, profile):
    dry = {"width_mm": 0.0, "darkness": 0.0, "coverage": 0.0}
    fit = fit_pen(chart, change(readings(chart, profile, PEN), {"pressure-down-6": dry}), profile)
    assert "pressure-down-6" in fit.outliers
    assert any("dry" in sentence for sentence in fit.words)


def test_a_saturated_pen_gets_a_shorter_range(chart, profile):
    pen = replace(PEN, saturation=0.7, play=0.0)
    fit = fit_pen(chart, readings(chart, profile, pen), profile)
    assert fit.full == pytest.approx(pen.touch + 0.7 * (pen.full - pen.touch), abs=0.12)
    assert any("no wider" in sentence for sentence in fit.words)


class Slipping(TruePen):
    """A pen that is pushed up into its holder, so that its line gets thinner again."""

    def width_mm(self, value, speed_mm_s=20.0):
        beyond = np.maximum(self.pressure(value) - 0.6, 0.0)
        return super().width_mm(value, speed_mm_s) * (1 - 1.5 * beyond)


def test_a_pen_that_gets_thinner_under_pressure_is_reported(chart, profile):
    pen = Slipping(touch=-0.1, full=-1.6, noise=0.01)
    fit = fit_pen(chart, readings(chart, profile, pen), profile)
    assert any("thinner" in sentence for sentence in fit.words)
    assert (np.diff(fit.widths_mm) > 0).all()


def test_a_pen_of_one_width_is_reported(chart, profile):
    fit = fit_pen(chart, readings(chart, profile, replace(PEN, widest_mm=0.251)), profile)
    assert any("hardly changes" in sentence for sentence in fit.words)
    assert fit.apply(profile, TODAY).pen.max_width_mm < 0.33


def test_drift_is_measured_and_reported(chart, profile):
    fit = fit_pen(chart, readings(chart, profile, replace(PEN, wear_mm_per_m=0.02)), profile)
    assert fit.drift_mm_per_m == pytest.approx(0.02, abs=0.008)
    assert any("wider" in sentence and "became" in sentence for sentence in fit.words)


def test_a_leaning_pen_is_reported(chart, profile):
    plain = readings(chart, profile, PEN)
    assert not any("degrees" in sentence for sentence in fit_pen(chart, plain, profile).words)
    wide = {"direction-45": {"width_mm": plain.line("direction-45").width_mm + 0.15}}
    words = fit_pen(chart, change(plain, wide), profile).words
    assert any("towards 45 degrees" in sentence for sentence in words)


def test_a_servo_is_fitted_from_its_steady_lines():
    servo = replace(Profile.load("grbl-servo"), paper=Paper((148.0, 210.0), (5.0, 5.0)))
    chart = pen_chart(servo, seed=1)
    pen = replace(PEN, touch=620.0, full=920.0, play=10.0, lag_s=0.0)
    fit = fit_pen(chart, readings(chart, servo, pen), servo)
    done = fit.apply(servo, TODAY).pen
    assert done.play == 0.0
    assert done.lag_s == 0.0
    value = np.linspace(done.touch, done.full, 40)[4:]
    # A stroke comes from above: the tip presses by half the play less.
    np.testing.assert_allclose(done.drawn_width_mm(value), pen.width_mm(value - 5.0), atol=0.02)


# -- what must be refused ---------------------------------------------------------------------------


def blank(measurements):
    nothing = {"width_mm": 0.0, "darkness": 0.0, "coverage": 0.0, "samples": ()}
    return replace(measurements, lines=tuple(replace(line, **nothing) for line in measurements.lines))


def shuffled(measurements):
    rng = np.random.default_rng(0)
    widths = [line.width_mm for line in measurements.lines]
    lines = zip(measurements.lines, rng.permutation(widths).tolist(), strict=True)
    return replace(measurements, lines=tuple(replace(line, width_mm=w, samples=()) for line, w in lines))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (blank, "left ink"),
        (shuffled, "do not follow"),
        (lambda m: replace(m, lines=m.lines[:5]), "needed|left ink"),
        (lambda m: replace(m, lines=()), "left ink"),
        (lambda m: replace(m, chart="0" * 64), "another chart"),
    ],
)
def test_nonsense_is_refused_in_one_line(chart, profile, spoil, words):
    with pytest.raises(FitError, match=words) as caught:
        fit_pen(chart, spoil(readings(chart, profile, PEN)), profile)
    assert "\n" not in str(caught.value)


def test_charts_of_other_machines_and_other_kinds_are_refused(chart, profile):
    measured = readings(chart, profile, PEN)
    other = replace(profile, machine=replace(profile.machine, name="another"))
    with pytest.raises(FitError, match="made for"):
        fit_pen(chart, measured, other)
    grid = geometry_chart(profile)
    with pytest.raises(FitError, match=r"pressure wedge|left ink"):
        fit_pen(grid, replace(measured, chart=grid.checksum, lines=()), profile)


@pytest.mark.parametrize("touch", [-1.45, -3.0])
def test_a_pen_out_of_reach_is_refused(chart, profile, touch):
    far = replace(PEN, touch=touch, full=touch - 1.5)
    with pytest.raises(FitError):
        fit_pen(chart, readings(chart, profile, far), profile)


def test_a_pen_that_touches_before_the_chart_begins_is_put_into_words(chart, profile):
    early = replace(PEN, touch=0.9, full=-1.5)
    fit = fit_pen(chart, readings(chart, profile, early), profile)
    assert any("Every measured line left ink" in sentence for sentence in fit.words)


# -- a caliper --------------------------------------------------------------------------------------


def test_a_ladder_from_a_caliper_is_fitted(chart, profile):
    widths = {
        f"pressure-up-{k}": round(float(PEN.width_mm(chart.mark(f"pressure-up-{k}").pen[0])) / 0.05) * 0.05
        for k in (0, 1, 3, 5, 8, 10)
    }
    assert widths["pressure-up-0"] == 0.0
    measured = from_caliper(chart, widths)
    assert type(measured).from_json(measured.to_json()) == measured
    fit = fit_pen(chart, measured, profile)
    assert fit.height == (0.0, 0.0, 0.0)
    done = fit.apply(profile, TODAY).pen
    value = np.linspace(-0.2, done.full, 20)
    np.testing.assert_allclose(done.drawn_width_mm(value), PEN.width_mm(value), atol=0.05)
    assert done.darkness[0] == pytest.approx(profile.pen.darkness[0])
    assert done.darkness[-1] == pytest.approx(profile.pen.darkness[-1])


@pytest.mark.parametrize(
    ("name", "width"), [("line-7", 0.5), ("pressure-up-3", -1.0), ("drift-0", float("nan"))]
)
def test_impossible_widths_are_refused(chart, name, width):
    with pytest.raises(MeasureError):
        from_caliper(chart, {name: width})


def test_marks_of_the_chart_know_their_kinds(chart):
    assert {MarkKind.LANDING, MarkKind.RAMP, MarkKind.DWELL} <= {mark.kind for mark in chart.marks}
