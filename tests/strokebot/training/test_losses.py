"""Every loss has its value by hand, its gradient by finite differences, and the cap holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from firmware_bridge.toml_table import Table
from strokebot.errors import ConfigError
from strokebot.training.losses import (
    DRAWABLE,
    LIKENESS,
    LossWeights,
    balanced_gradient,
    coverage,
    gesture_losses,
    precision,
    squared_distance_to_ink,
)
from strokebot.training.pens.base import steps_of

NO_PEN = torch.zeros(0, 4, 2, dtype=torch.float64)


def _weights(table: dict[str, Any]) -> LossWeights:
    return LossWeights.from_table(Table(table, "loss", "run.toml", ConfigError))


def image_with(*pixels: tuple[int, int], side: int = 28) -> Tensor:
    """One black image with ink at (row, column) pixels."""
    image = torch.zeros(1, 1, side, side, dtype=torch.float64)
    for row, column in pixels:
        image[0, 0, row, column] = 1.0
    return image


def centre_of(row: int, column: int, side: int = 28) -> tuple[float, float]:
    return (column + 0.5) / side, (row + 0.5) / side


def gesture(points: list[tuple[float, float]], size: list[float], ink: list[float]) -> tuple[Tensor, Tensor]:
    where = torch.tensor([points], dtype=torch.float64)
    return steps_of(
        where, torch.tensor([size], dtype=torch.float64), torch.tensor([ink], dtype=torch.float64)
    )


def by_hand() -> dict[str, Tensor]:
    """A square corner of four points with every kind of change."""
    start, steps = gesture(
        [(0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.4, 0.5)], [0.1, 0.2, 0.2, 0.5], [1.0, 1.0, 0.0, 0.5]
    )
    blank = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    drawn = blank.clone()
    drawn[0, 0, 0, 0] = 0.8
    return gesture_losses(start, steps, drawn, blank, NO_PEN)


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pixel", 0.64 / 16),
        ("multiscale", 0.04 / 4 + 0.05**2),
        ("order", 0.0),
        ("length", 0.3 + 0.4),
        # the pen is half off on the way from ink 1 to ink 0; the last segment has no length
        ("travel", 0.4 * 0.5),
        # third difference: (0 - 2 * 0 + (-0.3), 0 - 0.4 - 0.4)
        ("jerk", 0.3**2 + 0.8**2),
        ("width", 0.1**2 + 0.3**2),
        ("lifts", 1.0 + 0.5),
        ("binary", 0.25 / 4),
    ],
)
def test_values_by_hand(name: str, expected: float) -> None:
    assert float(by_hand()[name]) == pytest.approx(expected, abs=1e-4)


def test_coverage_by_hand() -> None:
    image = image_with((10, 10), (10, 14))
    points = torch.tensor([[centre_of(10, 10), centre_of(0, 0)]], dtype=torch.float64)
    # One pixel is met, the other lies 4 px from the nearest point, 3 px more than is let pass.
    assert float(coverage(points, image)) == pytest.approx((3 / 28) ** 2 / 2)
    assert float(coverage(points, torch.zeros_like(image))) == 0


def test_precision_by_hand() -> None:
    image = image_with((10, 10))
    points = torch.tensor([[centre_of(10, 10), centre_of(10, 13), centre_of(14, 10)]], dtype=torch.float64)
    ink = torch.tensor([[1.0, 1.0, 0.5]], dtype=torch.float64)
    expected = (0 + (3 / 28) ** 2 + 0.5 * (4 / 28) ** 2) / 3
    assert float(precision(points, ink, image)) == pytest.approx(expected)


def test_order_is_quadratic_then_linear() -> None:
    start, steps = gesture([(0.2, 0.2), (0.8, 0.2)], [0.1, 0.1], [1.0, 1.0])
    blank = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    for off, expected in ((0.02, 0.5 * 0.02**2 / 0.05), (0.3, 0.3 - 0.025)):
        pen = torch.tensor([[[0.2 + off, 0.2], [0.8, 0.2]]], dtype=torch.float64)
        value = float(gesture_losses(start, steps, blank, blank, pen)["order"])
        assert value == pytest.approx(expected / 4)


def test_order_looks_at_the_known_paths_alone() -> None:
    start, steps = (
        t.repeat(3, 1, 1).squeeze(1) for t in gesture([(0.2, 0.2), (0.8, 0.2)], [0.1] * 2, [1.0] * 2)
    )
    steps = steps.view(3, 2, 4)
    blank = torch.zeros(3, 1, 4, 4, dtype=torch.float64)
    pen = torch.tensor([[[0.2, 0.2], [0.8, 0.2]]], dtype=torch.float64)
    start[2] += 0.3  # the third image has no known path
    assert float(gesture_losses(start, steps, blank, blank, pen)["order"]) == pytest.approx(0, abs=1e-12)


def test_terms_that_are_not_active_are_not_computed() -> None:
    start, steps = gesture([(0.1, 0.1), (0.9, 0.9)], [0.1, 0.4], [1.0, 0.0])
    blank = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    terms = gesture_losses(start, steps, blank + 1, blank, NO_PEN, frozenset({"pixel"}))
    assert set(terms) == {*LIKENESS, *DRAWABLE}
    assert float(terms.pop("pixel")) == 1
    assert not any(float(v) for v in terms.values())


@pytest.mark.parametrize("points", [1, 2, 3])
def test_short_gestures_have_losses(points: int) -> None:
    start, steps = gesture([(0.3, 0.3)] * points, [0.1] * points, [1.0] * points)
    image = image_with((3, 3))
    terms = gesture_losses(start, steps, torch.zeros_like(image), image, NO_PEN)
    assert all(math.isfinite(float(v)) for v in terms.values())


# --- distances ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    share=st.sampled_from([0.02, 0.2, 0.7]),
)
def test_squared_distance_is_that_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    ink = np.random.default_rng(seed).random((2, height, width)) < share
    ours = squared_distance_to_ink(torch.from_numpy(ink[:, None].astype(np.float64)))[:, 0].numpy()
    for picture, field in zip(ink, ours, strict=True):
        if picture.any():
            truth = (distance_transform_edt(~picture) / max(height, width)) ** 2
            np.testing.assert_allclose(field, truth, atol=1e-12)
        else:
            assert (field == 4).all()


# --- gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LIKENESS, *DRAWABLE])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(3)

    def uniform(*shape: int) -> Tensor:
        return 0.3 + 0.4 * torch.rand(shape, generator=generator, dtype=torch.float64)

    start, steps = uniform(2, 2), uniform(2, 5, 4) * 0.3
    drawn, pen = uniform(2, 1, 4, 4), uniform(1, 5, 2)
    image = (uniform(2, 1, 4, 4) > 0.55).double()

    def loss(start: Tensor, steps: Tensor, drawn: Tensor) -> Tensor:
        return gesture_losses(start, steps, drawn, image, pen)[name]

    leaves = tuple(t.requires_grad_() for t in (start, steps, drawn))
    assert torch.autograd.gradcheck(loss, leaves, eps=1e-7, atol=1e-6)
    gradients = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True)
    assert any(g is not None and float(g.abs().max()) > 0 for g in gradients)


def test_a_point_without_movement_has_a_finite_gradient() -> None:
    start, steps = (t.requires_grad_() for t in gesture([(0.5, 0.5)] * 4, [0.1] * 4, [1.0] * 4))
    image = image_with((13, 13))
    terms = gesture_losses(start, steps, torch.zeros_like(image), image, NO_PEN)
    total = sum(v for k, v in terms.items() if v.requires_grad)
    assert isinstance(total, Tensor)
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(total, (start, steps)))


def test_coverage_pulls_the_nearest_point_to_the_ink() -> None:
    points = torch.tensor([[[0.2, 0.5], [0.5, 0.5]]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(coverage(points, image_with((13, 25))), points)
    assert not gradient[0, 0].any()
    assert float(gradient[0, 1, 0]) < 0  # downhill is to the right


# --- balance ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(main=st.floats(0.01, 100), side=st.floats(0.01, 100), cap=st.floats(0.05, 2))
def test_the_drawability_gradient_is_capped(main: float, side: float, cap: float) -> None:
    x = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    (grad_x, grad_y), scale = balanced_gradient(main * x[0], side * (x[1] + y[0]), [x, y], cap)
    assert float(grad_x[0]) == pytest.approx(main)
    rest = math.hypot(float(grad_x[1]), float(grad_y[0]))
    full = side * math.sqrt(2)
    assert rest == pytest.approx(min(full, cap * main))
    assert float(scale) == pytest.approx(min(1.0, cap * main / full))


def test_a_cap_of_zero_leaves_likeness_alone() -> None:
    x = torch.ones(3, requires_grad=True)
    (gradient,), scale = balanced_gradient(x.sum(), (x**2).sum(), [x], 0.0)
    assert gradient.tolist() == [1, 1, 1]
    assert float(scale) == 0


def test_no_drawability_is_plain_likeness() -> None:
    x = torch.ones(3, requires_grad=True)
    (gradient,), scale = balanced_gradient((2 * x).sum(), torch.zeros(()), [x], 0.5)
    assert gradient.tolist() == [2, 2, 2]
    assert float(scale) == 1


def test_the_pens_own_parameter_follows_the_likeness_alone() -> None:
    x, softness = torch.ones(2, requires_grad=True), torch.ones((), requires_grad=True)
    idle = torch.ones(2, requires_grad=True)
    balanced_gradient((x * softness).sum(), 9 * x.sum(), [x], 0.5, [softness, idle])
    assert softness.grad is not None
    assert float(softness.grad) == 2
    assert idle.grad is not None
    assert not idle.grad.any()


# --- weights ------------------------------------------------------------------------------------


def test_weights_move_on_a_cosine() -> None:
    weights = _weights({"order": [0.5, 0.1], "pixel": 2})
    for progress, expected in (
        (0.0, 0.5),
        (0.5, 0.3),
        (1.0, 0.1),
        (0.25, 0.5 - 0.4 * (0.5 - math.sqrt(0.125))),
    ):
        at = weights.at(torch.tensor(progress))
        assert float(at["order"]) == pytest.approx(expected)
        assert float(at["pixel"]) == 2


def test_active_terms_count_at_some_time() -> None:
    weights = _weights({"order": [0.5, 0.0], "pixel": 0, "lifts": [0, 1], "jerk": 0})
    assert {"order", "lifts"} <= weights.active
    assert not {"pixel", "jerk"} & weights.active


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"colour": 1}, "loss.colour"),
        ({"pixel": -1}, "loss.pixel"),
        ({"pixel": "much"}, "loss.pixel"),
        ({"pixel": True}, "loss.pixel"),
        ({"pixel": [1, 2, 3]}, "loss.pixel"),
        ({"pixel": [1, -2]}, "loss.pixel"),
        ({"jerk": math.nan}, "loss.jerk"),
        ({"jerk": math.inf}, "loss.jerk"),
        ({"balance": [1, 2]}, "loss.balance"),
        (dict.fromkeys(LIKENESS, 0), "another of .* needs a weight"),
    ],
)
def test_a_bad_weight_is_named(table: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        _weights(table)
