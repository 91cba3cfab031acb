"""The article's two networks, as its notebooks have them, for comparison.

    dots-10   784-300-200 sigmoid units -> 10 x (y, x, size): static points, each its own place
    dots-25   784-600-500-400-300 sigmoid units -> 25 x (vy, vx, size, intensity): a gesture that
              starts at (x, y) = (0.1, 0.5); v = tanh * 3/28 an axis

Both render with the dot pen. In dots-25 the velocity of the last step moves nothing and
is never trained, as in the notebook (there it still entered the clustering).
Source: A. Bosyi, "Differentiable Programming: Inverse Graphics AutoEncoder", 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from strokebot.training.pens.base import steps_of
from strokebot.training.pens.dots import DotPen

_PIXELS = 28 * 28
_MAX_VELOCITY = 3 / 28
_START_X, _START_Y = 0.1, 0.5


# Gain of the initial weights for sigmoid units: Glorot and Bengio 2010. Without it (and with unit
# normal weights) our dots-25 stayed at the blank image for 36,000 steps.
_SIGMOID_GAIN = 4.0


def _dense(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in zip((_PIXELS, *widths[:-1]), widths, strict=True):
        linear = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(linear.weight, gain=_SIGMOID_GAIN)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(*layers)


def _output(n_in: int, n_out: int) -> nn.Linear:
    linear = nn.Linear(n_in, n_out)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


class Dots10(nn.Module):
    """Static points: image (B, 1, 28, 28) to 10 places and sizes, full ink."""

    def __init__(self) -> None:
        super().__init__()
        self.pen = DotPen()
        self.body = _dense((300, 200))
        self.out = _output(200, 30)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image to start (B, 2) and steps (B, 10, 4)."""
        place_y, place_x, size = torch.sigmoid(self.out(self.body(image))).view(-1, 10, 3).unbind(-1)
        return steps_of(torch.stack([place_x, place_y], -1), size, torch.ones_like(size))

    def proposals(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The one gesture, as a list like that of ``GestureNetwork``."""
        return [self(image)]


class Dots25(nn.Module):
    """The article's gesture: image (B, 1, 28, 28) to 25 velocities, sizes and intensities."""

    origin: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.pen = DotPen()
        self.body = _dense((600, 500, 400, 300))
        self.out = _output(300, 100)
        self.register_buffer("origin", torch.tensor([_START_X, _START_Y]), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image to start (B, 2) and steps (B, 25, 4)."""
        raw = self.out(self.body(image)).view(-1, 25, 4)
        vy, vx = torch.tanh(raw[..., 0]), torch.tanh(raw[..., 1])
        velocity = torch.stack([vx, vy], -1) * _MAX_VELOCITY
        start = self.origin.expand(len(image), 2)
        return start, torch.cat([velocity, torch.sigmoid(raw[..., 2:])], dim=-1)

    def proposals(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The one gesture, as a list like that of ``GestureNetwork``."""
        return [self(image)]
