"""Positions and steps are two forms of one thing, and wrong shapes are refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from strokebot.training.pens import PENS, DotPen, LinePen
from strokebot.training.pens.base import INTENSITY, SIZE, pixel_centres, positions, steps_of
from tests.support.pen_cases import seeds, wander


@settings(deadline=None, max_examples=30)
@given(seed=seeds)
def test_steps_of_inverts_positions(seed: int) -> None:
    start, steps = wander(seed, points=1 + seed % 7)
    points = positions(start, steps)
    again_start, again = steps_of(points, steps[..., SIZE], steps[..., INTENSITY])
    torch.testing.assert_close(again_start, start)
    torch.testing.assert_close(again[:, :-1], steps[:, :-1])
    torch.testing.assert_close(again[..., 2:], steps[..., 2:])
    torch.testing.assert_close(positions(again_start, again), points)


def test_the_last_velocity_moves_nothing() -> None:
    start, steps = wander(1)
    other = steps.clone()
    other[:, -1, :2] = 99.0
    assert torch.equal(positions(start, steps), positions(start, other))
    assert torch.equal(LinePen()(start, steps), LinePen()(start, other))
    _, made = steps_of(positions(start, steps), steps[..., SIZE], steps[..., INTENSITY])
    assert not made[:, -1, :2].any()


def test_positions_add_up_by_hand() -> None:
    start = torch.tensor([[0.1, 0.2]])
    steps = torch.tensor([[[0.1, 0.0, 1, 1], [0.0, 0.3, 1, 1], [5.0, 5.0, 1, 1]]])
    torch.testing.assert_close(positions(start, steps), torch.tensor([[[0.1, 0.2], [0.2, 0.2], [0.2, 0.5]]]))


def test_pixel_centres_lie_at_halves_row_by_row() -> None:
    x, y = pixel_centres(2, 3, torch.zeros(1))
    assert x.tolist() == [0.5, 1.5, 2.5, 0.5, 1.5, 2.5]
    assert y.tolist() == [0.5, 0.5, 0.5, 1.5, 1.5, 1.5]


@pytest.mark.parametrize("pen", [LinePen(), DotPen()], ids=["line", "dots"])
@pytest.mark.parametrize(
    ("start", "steps"),
    [((2, 3), (2, 5, 4)), ((2,), (2, 5, 4)), ((2, 2), (3, 5, 4)), ((2, 2), (2, 5, 3)), ((2, 2), (2, 0, 4))],
)
def test_wrong_shapes_are_refused(
    pen: torch.nn.Module, start: tuple[int, ...], steps: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="must be"):
        pen(torch.zeros(start), torch.zeros(steps))


def test_the_registry_names_both_pens() -> None:
    assert {"dots": DotPen, "line": LinePen} == PENS


@pytest.mark.parametrize("kind", sorted(PENS))
def test_pens_draw_any_size(kind: str) -> None:
    start, steps = wander(2, batch=2)
    assert PENS[kind](20, 30)(start, steps).shape == (2, 1, 20, 30)
