"""The line pen: the plain rendering's image and gradient, no NaN anywhere, and what lines must do."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from strokebot.training.pens import LinePen
from strokebot.training.pens.base import INTENSITY, SIZE, positions, steps_of
from strokebot.training.pens.line import render_reference
from tests.support.pen_cases import SIDE, rough_points, seeds, wander

PEN = LinePen()


def reference(start: Tensor, steps: Tensor) -> Tensor:
    # The pen keeps its softness in 32 bits; the reference gets the same number.
    return render_reference(start, steps, SIDE, SIDE, PEN.softness_px)


def gesture(rows: list[tuple[float, float, float, float]], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Points (x, y, size, intensity) as start (1, 2) and steps (1, N, 4)."""
    table = torch.tensor([rows], dtype=dtype)
    return steps_of(table[..., :2], table[..., 2], table[..., 3])


# --- the same as the plain rendering ------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(rows=rough_points)
def test_image_equals_the_reference(rows: list[tuple[float, float, float, float]]) -> None:
    start, steps = gesture(rows, torch.float32)
    torch.testing.assert_close(PEN(start, steps), reference(start, steps), rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_gradient_equals_the_reference(seed: int) -> None:
    start, steps = wander(seed)
    target = torch.rand(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed), dtype=start.dtype)
    plain = _contributions(start, steps)
    # At a tie of two segments the gradient of a maximum is a choice; such pixels are left out.
    top = plain.topk(2, dim=1).values
    untied = ((top[:, 0] - top[:, 1]) > 1e-9).view(3, 1, SIDE, SIDE)
    grads = []
    for render in (PEN, reference):
        leaves = (start.clone().requires_grad_(), steps.clone().requires_grad_())
        loss = (((render(*leaves) - target) ** 2) * untied).sum()
        grads.append(torch.autograd.grad(loss, leaves))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    assert float(grads[0][1].abs().max()) > 1e-3


def _contributions(start: Tensor, steps: Tensor) -> Tensor:
    """Ink of every segment alone, (B, S, P), from gestures of two points."""
    points = positions(start, steps)
    out = []
    for k in range(points.shape[1] - 1):
        pair = slice(k, k + 2)
        out.append(reference(*steps_of(points[:, pair], steps[:, pair, SIZE], steps[:, pair, INTENSITY])))
    return torch.cat(out, dim=1).flatten(2)


def test_the_image_is_the_darkest_segment() -> None:
    start, steps = wander(4)
    torch.testing.assert_close(PEN(start, steps).flatten(2)[:, 0], _contributions(start, steps).amax(1))


def test_gradcheck() -> None:
    start, steps = wander(3, batch=1, points=4)
    pen = LinePen(9, 9)
    assert torch.autograd.gradcheck(pen, (start.requires_grad_(), steps.requires_grad_()))


def test_gradient_of_the_softness() -> None:
    start, steps = wander(5, batch=1)
    pen = LinePen(learn_softness=True).double()
    target = PEN(start, steps) - 0.1
    (gradient,) = torch.autograd.grad((target - pen(start, steps)).square().sum(), [pen.log_softness])
    step = 1e-6
    values = []
    for sign in (1, -1):
        shifted = LinePen().double()
        shifted.log_softness.copy_(pen.log_softness.detach() + sign * step)
        values.append(float((target - shifted(start, steps)).square().sum()))
    assert float(gradient) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("batch", [0, 1, 40])
def test_any_batch(batch: int) -> None:
    start, steps = wander(6, batch=max(batch, 1), points=40)
    start, steps = start[:batch], steps[:batch]
    assert PEN(start, steps).shape == (batch, 1, SIDE, SIDE)
    torch.testing.assert_close(PEN(start, steps), reference(start, steps))


# --- no NaN -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(rows=rough_points)
def test_no_gesture_gives_nan(rows: list[tuple[float, float, float, float]]) -> None:
    for dtype in (torch.float32, torch.float64):
        leaves = [t.requires_grad_() for t in gesture(rows, dtype)]
        image = PEN(*leaves)
        assert torch.isfinite(image).all()
        assert float(image.detach().min()) >= 0
        assert float(image.detach().max()) <= 1
        for gradient in torch.autograd.grad(image.sum(), leaves):
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    "rows",
    [
        [(0.5, 0.5, 0.1, 1.0)],
        [(0.5, 0.5, 0.1, 1.0)] * 4,
        [(0.5, 0.5, 0.0, 1.0), (0.6, 0.5, 0.0, 1.0)],
        [(0.5, 0.5, 0.3, 1.0), (0.5, 0.5, 0.0, 1.0)],
        # on a pixel centre exactly, where the distance is 0
        [(14.5 / 28, 14.5 / 28, 0.1, 1.0), (15.5 / 28, 14.5 / 28, 0.1, 1.0)],
    ],
    ids=["single point", "identical points", "zero width", "zero length, tapered", "on a pixel centre"],
)
def test_degenerate_gestures_draw_and_learn(rows: list[tuple[float, float, float, float]]) -> None:
    start, steps = (t.requires_grad_() for t in gesture(rows, torch.float32))
    image = PEN(start, steps)
    gradients = torch.autograd.grad(((image - 0.5) ** 2).sum(), (start, steps))
    assert all(torch.isfinite(g).all() for g in gradients)
    assert float(gradients[1][..., SIZE].abs().max()) > 0
    # As dark as it is wide: pale without width, dark in a dot of more than two pixels.
    widest_px = max(size for _, _, size, _ in rows) * SIDE
    assert (float(image.detach().max()) > 0.85) == (widest_px > 2)


# --- what a line does ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(seed=seeds, right=st.integers(-6, 6), down=st.integers(-6, 6))
def test_moving_by_whole_pixels_moves_the_image(seed: int, right: int, down: int) -> None:
    start, steps = wander(seed, points=4)
    moved = PEN(start + start.new_tensor([right, down]) / SIDE, steps)
    here = PEN(start, steps)
    inside = slice(6, SIDE - 6)
    shifted = torch.roll(here, (down, right), dims=(2, 3))
    torch.testing.assert_close(moved[..., inside, inside], shifted[..., inside, inside])


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_drawing_backwards_gives_the_same_image(seed: int) -> None:
    start, steps = wander(seed)
    back = steps_of(positions(start, steps).flip(1), steps[..., SIZE].flip(1), steps[..., INTENSITY].flip(1))
    torch.testing.assert_close(PEN(*back), PEN(start, steps), rtol=0, atol=2e-4)


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_no_ink_no_image_and_more_ink_is_darker(seed: int) -> None:
    start, steps = wander(seed)
    lighter = steps * steps.new_tensor([1, 1, 1, 0.5])
    blank = steps * steps.new_tensor([1, 1, 1, 0])
    assert not PEN(start, blank).any()
    torch.testing.assert_close(PEN(start, lighter), 0.5 * PEN(start, steps))


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_a_wider_pen_leaves_no_pixel_lighter(seed: int) -> None:
    start, steps = wander(seed)
    steps[..., INTENSITY] = 1.0
    wider = steps + steps.new_tensor([0, 0, 1 / SIDE, 0])
    assert float((PEN(start, steps) - PEN(start, wider)).max()) <= 1e-12


def test_a_retraced_line_is_one_line() -> None:
    rows = [(0.3, 0.5, 0.08, 1.0), (0.7, 0.5, 0.08, 1.0)]
    once = PEN(*gesture(rows, torch.float64))
    twice = PEN(*gesture([*rows, rows[0]], torch.float64))
    torch.testing.assert_close(once, twice)


# --- the taper ----------------------------------------------------------------------------------


def signed_distance_of_discs(rows: list[tuple[float, float, float]], x: Tensor, y: Tensor) -> Tensor:
    """Distance to the union of 2,001 discs between two given ones (x, y, radius), by brute force."""
    t = torch.linspace(0, 1, 2_001, dtype=torch.float64)[:, None]
    (x0, y0, r0), (x1, y1, r1) = rows
    centre_x, centre_y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
    return (torch.sqrt((x - centre_x) ** 2 + (y - centre_y) ** 2) - (r0 + (r1 - r0) * t)).amin(dim=0)


@settings(deadline=None, max_examples=20)
@given(
    length_px=st.floats(0, 10),
    angle=st.floats(0, 2 * math.pi),
    first=st.floats(0, 3),
    last=st.floats(0, 3),
)
@example(length_px=3.0, angle=1.0, first=0.0, last=3.0)
@example(length_px=1.0, angle=0.0, first=0.5, last=3.0)
@example(length_px=1.0, angle=0.0, first=3.0, last=0.5)
@example(length_px=0.0, angle=0.0, first=0.5, last=3.0)
def test_the_edge_is_that_of_a_union_of_discs(
    length_px: float, angle: float, first: float, last: float
) -> None:
    x1, y1 = 14 + length_px * math.cos(angle), 14 + length_px * math.sin(angle)
    rows = [(14.0, 14.0, first), (x1, y1, last)]
    softness = 4.0  # so soft that the logit gives the distance back at every pixel
    start, steps = gesture([(x / SIDE, y / SIDE, 2 * r / SIDE, 1.0) for x, y, r in rows], torch.float64)
    ours = -softness * torch.logit(render_reference(start, steps, SIDE, SIDE, softness)).flatten()
    centre = torch.arange(SIDE, dtype=torch.float64) + 0.5
    truth = signed_distance_of_discs(rows, centre.repeat(SIDE), centre.repeat_interleave(SIDE))
    # A cone as steep as it is long is drawn a little blunter: by 0.0005 of its length at most.
    blunt = 5e-4 * length_px if abs(first - last) > 0.999 * length_px else 0.0
    torch.testing.assert_close(ours, truth, rtol=0, atol=1e-3 + blunt)


@pytest.mark.parametrize("radii", [(0.5, 4.0), (4.0, 0.5)], ids=["grows", "shrinks"])
def test_a_disc_inside_the_other_end_changes_nothing(radii: tuple[float, float]) -> None:
    # The centres lie closer than the radii differ: the larger disc is the whole drawing.
    rows = [(0.5, 0.5, 2 * radii[0] / SIDE, 1.0), (0.53, 0.5, 2 * radii[1] / SIDE, 1.0)]
    alone = [rows[0] if radii[0] > radii[1] else rows[1]]
    torch.testing.assert_close(
        PEN(*gesture(rows, torch.float64)), PEN(*gesture(alone, torch.float64)), rtol=0, atol=2e-3
    )


# --- segments with their own ink ----------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_draw_segments_equals_forward_where_the_ink_is_even(seed: int) -> None:
    start, steps = wander(seed)
    steps[..., INTENSITY] = steps[:, :1, INTENSITY]
    segment_ink = steps[:, :-1, INTENSITY]
    drawn = PEN.draw_segments(positions(start, steps), steps[..., SIZE], segment_ink)
    torch.testing.assert_close(drawn, PEN(start, steps))


def test_draw_segments_leaves_lifted_segments_out() -> None:
    points = torch.tensor([[[0.2, 0.3], [0.8, 0.3], [0.8, 0.7], [0.2, 0.7]]], dtype=torch.float64)
    size = torch.full((1, 4), 0.06, dtype=torch.float64)
    drawn = PEN.draw_segments(points, size, torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64))[0, 0]
    rows = [
        reference(*steps_of(points[:, k : k + 2], size[:, :2], torch.ones(1, 2, dtype=torch.float64)))[0, 0]
        for k in (0, 2)
    ]
    torch.testing.assert_close(drawn, torch.maximum(*rows))
    assert float(drawn[14, 22]) < 0.01  # half-way down the lifted segment


# --- the softness -------------------------------------------------------------------------------


@pytest.mark.parametrize("softness", [0.0, -1.0])
def test_a_pen_needs_an_edge(softness: float) -> None:
    with pytest.raises(ValueError, match="softness_px"):
        LinePen(softness_px=softness)


def test_softness_is_kept_in_the_state() -> None:
    pen = LinePen(softness_px=0.7)
    assert pen.softness_px == pytest.approx(0.7)
    assert not list(pen.parameters())
    other = LinePen(learn_softness=True)
    assert [name for name, _ in other.named_parameters()] == ["log_softness"]
    other.load_state_dict(pen.state_dict())
    assert other.softness_px == pytest.approx(0.7)
