"""The pen of the article: one soft dot a point, the darkest dot wins.

    I(x) = max_k  a_k * exp(-|x - p_k|^2 / (0.01 * s_k + 0.0001))

in unit coordinates, where pixel i lies at i / L: at its corner, not its centre.
``size`` here is the article's own number in [0, 1]: the half-maximum radius is
2.34 px at size 1 and 0.23 px at size 0 on 28 pixels. It is not a line width.

Source: A. Bosyi, "Differentiable Programming: Inverse Graphics AutoEncoder", 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from strokebot.training.pens.base import INTENSITY, SIZE, check_gestures, positions

# The two constants of the article's notebook: spread per unit of size, and its floor.
_SPREAD_PER_SIZE = 0.01
_SPREAD_FLOOR = 0.0001


class DotPen(nn.Module):
    """The article's pen, in its own broadcast formulation.

    Args:
        height: pixels of the rendering, vertically.
        width: pixels of the rendering, horizontally.
    """

    def __init__(self, height: int = 28, width: int = 28) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, start: Tensor, steps: Tensor) -> Tensor:
        """Renders start (B, 2) and steps (B, N, 4) to ink (B, 1, H, W)."""
        check_gestures(start, steps)
        points = positions(start, steps)
        longer = max(self.height, self.width)
        x = torch.arange(self.width, device=steps.device, dtype=steps.dtype) / longer
        y = torch.arange(self.height, device=steps.device, dtype=steps.dtype) / longer
        dx2 = (x - points[..., 0:1]) ** 2  # (B, N, W)
        dy2 = (y - points[..., 1:2]) ** 2  # (B, N, H)
        spread = (steps[..., SIZE] * _SPREAD_PER_SIZE + _SPREAD_FLOOR)[..., None, None]
        dots = torch.exp(-(dx2[:, :, None, :] + dy2[:, :, :, None]) / spread)
        ink: Tensor = (steps[..., INTENSITY, None, None] * dots).amax(dim=1)
        return ink[:, None]
