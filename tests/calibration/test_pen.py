from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import ProfileError
from calibration.pen import PenModel


@st.composite
def pens(draw):
    touch = draw(st.floats(-3, 3).map(lambda v: round(v, 3)))
    direction = draw(st.sampled_from([-1.0, 1.0]))
    rows = draw(st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.02, 0.5)), min_size=1, max_size=9))
    values = touch + direction * np.cumsum([0.0, *(step for step, _ in rows)])
    widths = np.cumsum([draw(st.floats(0.05, 0.5)), *(rise for _, rise in rows)])
    return PenModel(
        actuator="z",
        up=touch - 3 * direction,
        touch=float(values[0]),
        full=float(values[-1]),
        values=tuple(values),
        widths_mm=tuple(widths),
        darkness=tuple(np.linspace(0.5, 0.9, len(values))),
        draw_speed_mm_s=50.0,
    )


@settings(max_examples=30, deadline=None)
@given(pens(), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_value_and_width_are_exact_inverses_on_the_range(pen, shares):
    widths = pen.min_width_mm + np.array(shares) * (pen.max_width_mm - pen.min_width_mm)
    np.testing.assert_allclose(pen.drawn_width_mm(pen.value_for(widths)), widths, rtol=0, atol=1e-9)
    values = pen.touch + np.array(shares) * (pen.full - pen.touch)
    again = pen.drawn_width_mm(pen.value_for(pen.drawn_width_mm(values)))
    np.testing.assert_allclose(again, pen.drawn_width_mm(values), rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(pens())
def test_more_pressure_never_draws_thinner_or_lighter(pen):
    values = np.linspace(pen.up, pen.full + 0.5 * (pen.full - pen.touch), 800)
    assert (np.diff(pen.drawn_width_mm(values)) >= -1e-12).all()
    assert (np.diff(pen.drawn_darkness(values)) >= -1e-12).all()


@settings(max_examples=40, deadline=None)
@given(pens())
def test_clear_of_the_paper_draws_nothing_and_beyond_full_no_more(pen):
    assert pen.drawn_width_mm([pen.up])[0] == 0.0
    assert pen.drawn_darkness([pen.up])[0] == 0.0
    assert pen.drawn_width_mm([pen.touch])[0] == pytest.approx(pen.min_width_mm)
    beyond = pen.full + (pen.full - pen.touch)
    assert pen.drawn_width_mm([beyond])[0] == pytest.approx(pen.max_width_mm)


def test_grey_lines_are_narrower_and_out_of_range_ones_are_counted(pen):
    np.testing.assert_allclose(pen.effective_width_mm([1.0, 0.6], [0.5, 1.0]), [0.5, 0.6])
    # 0.1 is under the pen, 20 over it, and 1.0 at a tenth of the ink is under it again.
    flags = pen.out_of_range([0.1, 20.0, 1.0, 1.0, pen.max_width_mm], [1, 1, 0.1, 1, 1])
    np.testing.assert_array_equal(flags, [True, True, True, False, False])


def test_note_says_when_the_pen_was_measured(pen):
    assert pen.calibration_note == "not calibrated"
    measured = replace(pen, calibrated=date(2026, 1, 31), residual_mm=0.02)
    assert measured.calibration_note == "calibrated 2026-01-31, residual 0.020 mm"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"actuator": "magnet"}, "pen.actuator"),
        ({"up": -0.5}, "pen.up"),
        ({"up": float("nan")}, "pen.up"),
        ({"full": 0.0}, "pen.full"),
        ({"widths_mm": (0.3, 0.2)}, "pen.widths_mm"),
        ({"widths_mm": (0.3,)}, "pen.widths_mm"),
        ({"widths_mm": (0.3, 900.0)}, "pen.widths_mm"),
        ({"darkness": (0.9, 0.1)}, "pen.darkness"),
        ({"values": (0.0, -1.0)}, "pen.values"),
        ({"values": (0.0, 1.0, -1.5), "widths_mm": (1, 2, 3), "darkness": (0, 0, 0)}, "pen.values"),
        ({"draw_speed_mm_s": 0.0}, "pen.draw_speed_mm_s"),
        ({"draw_acceleration_mm_s2": -1.0}, "pen.draw_acceleration_mm_s2"),
        ({"residual_mm": -1.0}, "pen.residual_mm"),
        ({"lag_s": -0.1}, "pen.lag_s"),
        ({"dwell_s": float("nan")}, "pen.dwell_s"),
        ({"levels": 8}, "pen.levels is for a servo"),
        ({"levels": 1, "actuator": "servo"}, "pen.levels"),
        ({"darkness_speed_exponent": 3.0}, "pen.darkness_speed_exponent"),
        ({"reference_speed_mm_s": 0.0}, "pen.reference_speed_mm_s"),
    ],
)
def test_a_value_out_of_bounds_is_named(changes, word):
    good = {
        "actuator": "z",
        "up": 3.0,
        "touch": 0.0,
        "full": -1.5,
        "values": (0.0, -1.5),
        "widths_mm": (0.3, 1.2),
        "darkness": (0.8, 0.9),
        "draw_speed_mm_s": 50.0,
    }
    PenModel(**good)
    with pytest.raises(ProfileError, match=word):
        PenModel(**(good | changes))


def inky(pen, exponent=0.5, reference=20.0):
    return replace(pen, darkness_speed_exponent=exponent, reference_speed_mm_s=reference)


@settings(max_examples=40, deadline=None)
@given(pens(), st.floats(0.1, 2.0), st.floats(5, 50), st.floats(0.05, 1.0), st.floats(0, 1))
def test_the_speed_for_an_intensity_leaves_that_darkness(pen, exponent, reference, ink, share):
    pen = inky(pen, exponent, reference)
    width = pen.min_width_mm + share * (pen.max_width_mm - pen.min_width_mm)
    table = pen.drawn_darkness(pen.value_for([width]))
    speed = pen.speed_for([width], [ink])
    left = pen.darkness_at(table, speed)[0]
    if speed[0] < pen.draw_speed_mm_s:
        assert left == pytest.approx(ink * table[0], rel=1e-6)
        assert pen.effective_width_mm([width], [ink])[0] == pytest.approx(width)
    else:  # it cannot go faster: the rest is left to the width
        assert left >= ink * table[0] - 1e-9
        narrowed = pen.effective_width_mm([width], [ink])[0] / width
        assert narrowed * left == pytest.approx(ink * table[0], rel=1e-6)
    assert pen.speed_for([width], [1.0])[0] == pytest.approx(min(reference, pen.draw_speed_mm_s))


def test_darker_ink_is_drawn_slower_and_a_pen_without_an_exponent_does_not_care(pen):
    ink = np.linspace(0.1, 1.0, 30)
    assert (np.diff(inky(pen).speed_for(np.full(30, 0.6), ink)) <= 0).all()
    np.testing.assert_array_equal(pen.speed_for(np.full(30, 0.6), ink), pen.draw_speed_mm_s)
    assert pen.darkness_at([0.3], [500.0])[0] == pytest.approx(0.3)
    assert np.isfinite(inky(pen).darkness_at([1.0, 0.0], [0.0, 1e9])).all()
    assert np.isfinite(inky(pen).effective_width_mm([0.5, 0.0], [0.0, 1.0])).all()


def lowered(pen, t_s, values):
    """Where the tip is after the pen came down to the first of the values."""
    t = np.concatenate([[t_s[0] - 2.0, t_s[0] - 1.0], t_s])
    return pen.tip(t, np.concatenate([[pen.up, values[0]], values]))[2:]


@settings(max_examples=60, deadline=None)
@given(pens(), st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.0, 0.4))
def test_values_against_play_take_the_tip_where_it_is_wanted(pen, shares, play):
    loose = replace(pen, play=play * abs(pen.full - pen.touch))
    t = 0.1 * np.arange(len(shares))
    wanted = pen.touch + np.array(shares) * (pen.full - pen.touch)
    sent = loose.against_play(t, wanted)
    # The axis passes through the band between two samples: the tip is looked at where a sample is.
    np.testing.assert_allclose(lowered(loose, t, sent), wanted, rtol=0, atol=0.1 * loose.play + 1e-9)
    assert np.abs(sent - wanted).max() <= 0.6 * loose.play + 1e-9


def test_a_loose_pen_rests_until_its_value_moves_on(pen):
    loose = replace(pen, play=0.2)
    t, wanted = np.arange(4.0), np.array([-0.2, -0.2, -0.2, -1.0])
    sent = loose.against_play(t, wanted)
    np.testing.assert_allclose(sent, [-0.3, -0.3, -0.3, -1.1])
    np.testing.assert_allclose(lowered(loose, t, sent), wanted)


def test_without_play_and_lag_the_tip_is_the_value(pen):
    t, values = np.arange(4.0), np.array([0.0, -1.0, -0.5, -1.2])
    np.testing.assert_array_equal(pen.tip(t, values), values)
    np.testing.assert_array_equal(pen.against_play(t, values), values)


def test_a_loose_pen_draws_thinner_where_nothing_is_done_about_it(pen):
    loose = replace(pen, play=0.2)
    t, values = np.arange(3.0), np.array([-0.8, -1.0, -0.9])
    np.testing.assert_allclose(lowered(loose, t, values), [-0.7, -0.9, -0.9])
    late = replace(pen, lag_s=0.5)
    np.testing.assert_allclose(late.tip(t, values), [-0.8, -0.9, -0.95])


def test_play_beyond_the_stroke_is_refused(pen):
    with pytest.raises(ProfileError, match=r"pen\.play"):
        replace(pen, play=9.0)


@given(
    width=st.floats(0.4, 1.5),
    speed=st.floats(0.0, 200.0),
    bleed=st.floats(0.0, 0.1),
    reference=st.floats(5, 50),
)
def test_a_width_drawn_against_the_bleed_comes_out_as_asked_for(width, speed, bleed, reference):
    pen = PenModel(
        "z", up=2.0, touch=0.0, full=-1.0, values=(0.0, -1.0), widths_mm=(0.3, 1.2), darkness=(0.8, 0.9),
        draw_speed_mm_s=40.0,
    )  # fmt: skip
    pen = replace(pen, bleed_mm2_mm_s=bleed, reference_speed_mm_s=reference)
    told = pen.against_bleed([width], [speed])
    np.testing.assert_allclose(pen.bled_width_mm(told, [speed]), [width], atol=1e-9)
    assert pen.against_bleed([width], [reference])[0] == pytest.approx(width)
    assert pen.bled_width_mm([0.0], [speed])[0] == 0.0
