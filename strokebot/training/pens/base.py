"""What all differentiable pens share.

Symbols: B gestures, N points, H x W pixels, L = max(H, W).
    p_0 = start,  p_k = p_0 + v_0 + ... + v_{k-1}     (the last velocity moves nothing)
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from strokebot.errors import ShapeError

# Columns of ``steps``.
VX, VY, SIZE, INTENSITY = 0, 1, 2, 3


class Pen(Protocol):
    """Renders a batch of gestures."""

    def __call__(self, start: Tensor, steps: Tensor) -> Tensor:
        """Start (B, 2) and steps (B, N, 4) in canvas units to ink (B, 1, H, W) in [0, 1]."""
        ...


def positions(start: Tensor, steps: Tensor) -> Tensor:
    """Pen positions (B, N, 2) of a batch of gestures, canvas units."""
    moved = torch.cumsum(steps[:, :-1, :2], dim=1)
    return torch.cat([start[:, None], start[:, None] + moved], dim=1)


def steps_of(points: Tensor, size: Tensor, intensity: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of ``positions``: points (B, N, 2), size and intensity (B, N) to start and steps.

    The last velocity, which moves nothing, is 0.
    """
    velocity = torch.diff(points, dim=1)
    velocity = torch.cat([velocity, torch.zeros_like(velocity[:, :1])], dim=1)
    if points.shape[1] == 1:
        velocity = torch.zeros_like(points)
    return points[:, 0], torch.cat([velocity, size[..., None], intensity[..., None]], dim=2)


def check_gestures(start: Tensor, steps: Tensor) -> None:
    """Asserts the shapes of a batch of gestures at the border of a pen.

    Raises:
        ShapeError: for shapes other than (B, 2) and (B, N, 4) with N at least 1.
    """
    if start.ndim != 2 or start.shape[1] != 2:
        raise ShapeError(f"start must be (B, 2), not {tuple(start.shape)}.")
    if steps.ndim != 3 or steps.shape[0] != start.shape[0] or steps.shape[1] < 1 or steps.shape[2] != 4:
        raise ShapeError(
            f"steps must be (B, N, 4) with B = {start.shape[0]} and N at least 1, not {tuple(steps.shape)}."
        )


def pixel_centres(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel-centre coordinates in pixels, x and y, each (H*W,)."""
    y = torch.arange(height, device=like.device, dtype=like.dtype) + 0.5
    x = torch.arange(width, device=like.device, dtype=like.dtype) + 0.5
    return x.repeat(height), y.repeat_interleave(width)
