"""The pen and the eye: shapes, symmetry of the eye's maps, and what their losses ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from strokebot.errors import ConfigError
from strokebot.hand.policy import EYE_EXTRAS, LAND, PEN_EXTRAS, STEP
from strokebot.training.hand.networks import (
    EyeConfig,
    EyeNet,
    PenConfig,
    PenNet,
    architecture_of,
    build_hand,
    direction_shares,
    eye_loss,
    pen_loss,
)


def test_an_untrained_pen_goes_straight_in_every_class():
    direction, points, lift = PenNet(PenConfig(16, 1))(torch.rand(3, 3, 9, 24), torch.zeros(3, PEN_EXTRAS))
    assert direction.shape == (3, 24)
    assert lift.shape == (3,)
    assert points[0, 6].tolist() == [
        pytest.approx([0, STEP], abs=1e-6),
        pytest.approx([0, 2 * STEP], abs=1e-6),
    ]


def test_turning_what_the_eye_sees_turns_the_scores_of_its_cells():
    torch.manual_seed(0)
    eye = EyeNet(EyeConfig(16, 1, 4)).eval()
    for layer in (eye.jump, eye.told):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    look = torch.rand(1, 3, 14, 24)
    with torch.no_grad():
        jump = eye(look, torch.zeros(1, EYE_EXTRAS))[0]
        turned = eye(look.roll(5, dims=-1), torch.zeros(1, EYE_EXTRAS))[0]
    assert jump.shape == (1, LAND + 1)
    cells = jump[:, :LAND].reshape(14, 24).roll(5, dims=-1)
    assert turned[0, :LAND].reshape(14, 24).numpy() == pytest.approx(cells.numpy(), abs=1e-5)


def test_directions_are_shared_by_their_two_classes():
    shares = direction_shares(torch.tensor([0.0, np.pi / 24, 2 * np.pi - np.pi / 48]))
    assert shares.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert shares[1, :2].tolist() == pytest.approx([0.5, 0.5])
    assert shares[2, [23, 0]].tolist() == pytest.approx([0.25, 0.75], abs=1e-5)


def test_the_points_of_other_classes_cost_nothing():
    told = torch.zeros(1, 24, 2, 2, requires_grad=True)
    terms = pen_loss(
        (torch.zeros(1, 24), told, torch.zeros(1)),
        torch.tensor([np.pi / 2]),
        torch.ones(1, 2, 2),
        torch.ones(1),
    )
    terms["points"].backward()
    touched = told.grad.abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist()
    assert touched == [6]


def test_a_look_without_a_step_teaches_the_lift_alone():
    logits = torch.zeros(2, 24, requires_grad=True)
    told = torch.zeros(2, 24, 2, 2, requires_grad=True)
    lift = torch.zeros(2, requires_grad=True)
    terms = pen_loss((logits, told, lift), torch.tensor([np.nan, 0.0]), torch.ones(2, 2, 2), torch.ones(2))
    sum(terms.values()).backward()
    assert not logits.grad[0].any()
    assert not told.grad[0].any()
    assert lift.grad[0] != 0
    assert torch.isfinite(logits.grad).all()


def test_right_answers_of_the_eye_cost_least():
    cell = torch.tensor([LAND, 100])
    target, direction = torch.tensor([[0.5, -0.5], [30.0, 0.0]]), torch.tensor([0.0, 1.0])
    best = torch.full((2, LAND + 1), -20.0)
    best[0, LAND] = best[1, 100] = 5.0
    way = torch.full((2, 24), -20.0)
    way[0, 0] = 5.0
    right = eye_loss((best, target, way), cell, target, direction)
    wrong = eye_loss((best.flip(0), target + 1, way.roll(3, dims=1)), cell, target, direction)
    for key, value in right.items():
        assert value < wrong[key]
    assert right["offset"] == 0


def test_cards_name_what_is_built():
    for network in (PenNet(PenConfig(16, 1)), EyeNet(EyeConfig(16, 1, 4))):
        again = build_hand(architecture_of(network))
        assert type(again) is type(network)
        assert again.config == network.config
    with pytest.raises(ConfigError, match="no drawing network"):
        build_hand({"kind": "gesture"})
    with pytest.raises(ConfigError, match="damaged"):
        build_hand({"kind": "hand-pen", "height": 3})
