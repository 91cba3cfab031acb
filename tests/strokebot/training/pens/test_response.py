"""The measured pen against the profile that the machine is told by, and against the independent judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.pen import PenModel
from calibration.profile import Paper, Profile
from strokebot import raster
from strokebot.errors import ConfigError
from strokebot.gesture import LIFT_THRESHOLD
from strokebot.training.pens import LinePen, MeasuredPen, PenResponse, response_table
from strokebot.training.pens.base import positions
from strokebot.trajectory.timing.pressure import pen_values

MM = 14.0
Z = PenModel(
    "z", up=2.0, touch=-0.1, full=-1.6, values=(-0.1, -0.5, -1.0, -1.6), widths_mm=(0.3, 0.62, 0.8, 1.2),
    darkness=(0.5, 0.7, 0.9, 0.95), draw_speed_mm_s=40.0,
)  # fmt: skip
SPEEDY = replace(Z, darkness_speed_exponent=0.5, reference_speed_mm_s=20.0)
SERVO = PenModel(
    "servo", up=200.0, touch=400.0, full=700.0, values=(400.0, 550.0, 700.0), widths_mm=(0.3, 0.7, 1.1),
    darkness=(0.8, 0.9, 0.95), draw_speed_mm_s=30.0,
)  # fmt: skip
LEVELS = replace(SERVO, levels=5)
PENS = {"z": Z, "speed": SPEEDY, "servo": SERVO, "levels": LEVELS}


def profile_of(pen):
    shipped = Profile.load("grbl-z" if pen.actuator == "z" else "grbl-servo")
    box = shipped.machine.envelope
    box = replace(box, pen_min=min(box.pen_min, -5.0), pen_max=max(box.pen_max, 1000.0))
    machine = replace(shipped.machine, envelope=box)
    return Profile(machine, pen, Paper((100.0, 100.0)))


def steps_of_seed(seed, n=40, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    steps = np.zeros((1, n, 4))
    steps[0, :, :2] = rng.normal(0, 0.03, (n, 2))
    steps[0, :, 2] = rng.uniform(0.001, 0.12, n)
    steps[0, :, 3] = rng.choice([0.1, 0.6, 0.9, 1.0], n)
    return torch.tensor(steps, dtype=dtype)


def by_profile(steps, pen):
    """Widths, mm, and ink that the machine draws, by the profile alone."""
    profile = profile_of(pen)
    width, ink = steps[0, :, 2].numpy() * MM, steps[0, :, 3].numpy()
    down = ink >= LIFT_THRESHOLD
    xy = positions(torch.full((1, 2), 0.5, dtype=steps.dtype), steps)[0].numpy() * MM + 20.0
    drawn = down[1:] & down[:-1]
    if pen.levels is not None:
        drawn[:] = False  # a servo that turns at every point keeps the mean of none
    value = pen_values(xy, width, ink, drawn, profile)
    darkness = pen.darkness_at(pen.drawn_darkness(value), pen.speed_for(width, ink))
    blackest = float(pen.drawn_darkness([pen.full])[0])
    return pen.drawn_width_mm(value), np.where(down, np.clip(darkness / blackest, 0.0, 1.0), 0.0)


@pytest.mark.parametrize("name", PENS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_it_draws_what_the_profile_makes_the_machine_draw(name, seed):
    pen = PENS[name]
    steps = steps_of_seed(seed)
    drawn = PenResponse(response_table(pen)).double()(steps, MM)
    assert torch.equal(drawn[..., :2], steps[..., :2])
    width, ink = by_profile(steps, pen)
    down = steps[0, :, 3].numpy() >= LIFT_THRESHOLD
    np.testing.assert_allclose(drawn[0, down, 2].numpy() * MM, width[down], atol=2e-4)
    np.testing.assert_allclose(drawn[0, :, 3].numpy(), ink, atol=3e-3)


def test_the_measured_pen_lays_the_ink_that_the_judge_sees():
    steps = steps_of_seed(3, 12)
    steps[..., 3] = 1.0
    start = torch.full((1, 2), 0.4, dtype=torch.float64)
    pen = MeasuredPen(PenResponse(response_table(Z)), MM, 56, 56, 0.2).double()
    width, ink = by_profile(steps, Z)
    points = positions(start, steps)[0].numpy() * 56
    judged = raster.draw_ink(points, width / MM * 56, ink, np.ones(12, dtype=bool), (56, 56))
    drawn = pen(start, steps)[0, 0].numpy()
    plain = LinePen(56, 56, 0.2).double()(start, steps)[0, 0].numpy()
    assert np.abs(drawn - judged).mean() < 0.01
    assert np.abs(plain - judged).mean() > 3 * np.abs(drawn - judged).mean()


def test_the_canvas_of_each_gesture_has_its_own_size():
    response = PenResponse(response_table(Z)).double()
    steps = torch.cat([steps_of_seed(1), steps_of_seed(1)])
    both = response(steps, torch.tensor([[5.0], [30.0]], dtype=torch.float64))
    assert torch.equal(both[:1], response(steps[:1], 5.0))
    assert torch.equal(both[1:], response(steps[1:], 30.0))


@pytest.mark.parametrize("name", PENS)
def test_gradients_pass_where_the_pen_is_at_its_end(name):
    response = PenResponse(response_table(PENS[name])).double()
    steps = steps_of_seed(2)
    steps[..., 3] = 0.3  # lifted
    steps[..., 2] = 3.0 / MM  # far too wide
    steps.requires_grad_()
    drawn = response(steps, MM)
    (gradient,) = torch.autograd.grad((drawn[..., 2] + drawn[..., 3]).sum(), steps)
    assert torch.isfinite(gradient).all()
    assert (gradient[..., 2] > 0).any()
    assert (gradient[..., 3] > 0).all()


def test_gradients_are_those_of_the_pen_within_its_range():
    response = PenResponse(response_table(SPEEDY)).double()
    # Between rows of the table, and away from where ink and speed meet their limits.
    size = torch.tensor([[0.4012, 0.5523, 0.7534]], dtype=torch.float64) / MM
    steps = torch.zeros((1, 3, 4), dtype=torch.float64)

    def drawn(size):
        return response(torch.cat([steps[..., :2], size[..., None], steps[..., 3:] + 1.0], dim=-1), MM)[
            ..., 2:
        ]

    assert torch.autograd.gradcheck(drawn, size.requires_grad_())


def test_weights_of_the_line_pen_fit():
    measured = MeasuredPen(PenResponse(response_table(Z)), MM, learn_softness=True)
    measured.load_state_dict(LinePen(softness_px=0.5).state_dict(), strict=True)
    assert measured.softness_px == pytest.approx(0.5)


@pytest.mark.parametrize(
    "broken",
    [{"widths_mm": [1.0, 0.3]}, {"widths_mm": "wide"}, {"darkness": [0.5]}, {"pale": 0.0},
     {"exponent": float("nan")}, {"more": 1}],
)  # fmt: skip
def test_damaged_tables_are_refused(broken):
    with pytest.raises(ConfigError, match="pen's response"):
        PenResponse({**response_table(Z), **broken})


@pytest.mark.parametrize("size", [0.0, -1.0, float("inf")])
def test_a_canvas_has_a_size(size):
    with pytest.raises(ConfigError, match="size on the paper"):
        MeasuredPen(PenResponse(response_table(Z)), size)
