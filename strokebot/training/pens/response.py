r"""The line pen set to a measured pen: what is asked for is drawn as that pen on its machine draws it.

Symbols, widths in mm (canvas units times ``mm_per_canvas``):
    w, a     width and intensity that a gesture asks for
    D(w)     darkness of a line of width w, from the pen's table; n, v_0, v  as in ``calibration.pen``
    e        width that carries the same ink:  e = w a                           for n = 0
                                               e = w min(a D(w) / D_v(w), 1)     for a pen that speed pales
             D_v = darkness at the greatest drawing speed
    e'       e within the pen's range; a servo of few levels takes the nearest, one without levels keeps
             the mean along a stroke
    drawn    width e', ink  1 - (1 - D(e'))^f / D(widest),  f = 1, or what the speed makes of it;
             no ink where a is under the lift threshold

That is what ``Profile.pen_value`` makes the machine do and ``Trace`` reads back, motion aside; a test holds
both together. Where the pen can do no more (the ends of its range, the steps of a servo, the lift) the
value is the machine's, but the gradient passes as if it could: otherwise nothing would move an unknown
back (the straight-through estimator, Bengio, Leonard and Courville 2013).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from calibration.pen import PenModel
from strokebot.errors import ConfigError
from strokebot.gesture import LIFT_THRESHOLD
from strokebot.training.pens.base import INTENSITY, SIZE
from strokebot.training.pens.line import DEFAULT_SOFTNESS_PX, LinePen

# Entries of the table of darkness over width: between them the pen's curve is straight to a thousandth.
_TABLE_ROWS = 129
# Darker than this is black: its logarithm stays finite.
_BLACK = 1.0 - 1e-6
# A stroke without length weighs its points alike.
_LEAST_LENGTH = 1e-6
_KEYS = ("widths_mm", "darkness", "steps_mm", "whole_strokes", "exponent", "pale")


class PenResponse(nn.Module):
    """What a pen draws where a gesture asks for a width and an intensity.

    Args:
        table: of ``response_table``.

    Raises:
        ConfigError: if the table is damaged.
    """

    darkness: Tensor
    steps_mm: Tensor

    def __init__(self, table: dict[str, Any]) -> None:
        super().__init__()
        if set(table) != set(_KEYS):
            raise ConfigError(f"A pen's response needs exactly {', '.join(_KEYS)}.")
        try:
            low, high = (float(v) for v in table["widths_mm"])
            darkness = torch.tensor([float(v) for v in table["darkness"]])
            steps = torch.tensor([float(v) for v in table["steps_mm"]])
            self.exponent, self.pale = float(table["exponent"]), float(table["pale"])
        except (TypeError, ValueError) as cause:
            raise ConfigError(f"A pen's response is damaged: {cause}.") from cause
        numbers = torch.cat([darkness, steps, torch.tensor([low, high, self.exponent, self.pale])])
        if not (torch.isfinite(numbers).all() and 0 < low < high and len(darkness) > 1 and self.pale > 0):
            raise ConfigError("A pen's response is damaged: its widths or its darkness make no sense.")
        self.low_mm, self.high_mm, self.whole_strokes = low, high, bool(table["whole_strokes"])
        self.blackest = float(darkness[-1]) or 1.0
        # Not among the weights: the table itself is kept with the architecture.
        self.register_buffer("darkness", darkness, persistent=False)
        self.register_buffer("steps_mm", steps, persistent=False)

    def forward(self, steps: Tensor, mm_per_canvas: Tensor | float, grown: Tensor | float = 0.0) -> Tensor:
        """Steps (B, N, 4) as asked for to steps as drawn, canvas units.

        Args:
            steps: velocities, sizes and intensities.
            mm_per_canvas: size of the canvas on the paper, one number or (B, 1).
            grown: by how much lines were thickened for the canvas, canvas units, one number or (B, 1).
        """
        asked, ink = (steps[..., SIZE] - grown) * mm_per_canvas, steps[..., INTENSITY]
        table = self._darkness(_held(asked, self.low_mm, self.high_mm))
        if self.exponent == 0.0:
            width, more = asked * ink, torch.ones_like(ink)
        else:
            palest = 1.0 - torch.exp(-_q(table) * self.pale)
            width = asked * torch.minimum(ink * table / palest.clamp(min=1.0 - _BLACK), torch.ones_like(ink))
            more = (_q(ink * table) / _q(table).clamp(min=1.0 - _BLACK)).clamp(min=self.pale)
        if self.whole_strokes:
            width = _stroke_means(width, steps)
        width = self._possible(width)
        drawn = 1.0 - torch.exp(-_q(self._darkness(width)) * more)
        down = (ink >= LIFT_THRESHOLD).to(ink.dtype)
        drawn = (drawn / self.blackest).clamp(0.0, 1.0) * _as_if(down, ink)
        return torch.cat(
            [steps[..., :SIZE], (width / mm_per_canvas + grown)[..., None], drawn[..., None]], dim=-1
        )

    def _possible(self, width: Tensor) -> Tensor:
        """Widths that the pen can draw, mm."""
        held = _held(width, self.low_mm, self.high_mm)
        if not len(self.steps_mm):
            return held
        nearest = self.steps_mm[(held.detach()[..., None] - self.steps_mm).abs().argmin(dim=-1)]
        return _as_if(nearest, width)

    def _darkness(self, width: Tensor) -> Tensor:
        """D(w), straight between the rows of the table."""
        rows = len(self.darkness) - 1
        at = ((width - self.low_mm) / (self.high_mm - self.low_mm) * rows).clamp(0.0, rows)
        k = at.detach().floor().clamp(max=rows - 1).long()
        return torch.lerp(self.darkness[k], self.darkness[k + 1], at - k)


class MeasuredPen(LinePen):
    """The line pen that draws as a measured pen would.

    Its parameters are those of the line pen, so that weights fit either.

    Args:
        response: of the pen.
        mm_per_canvas: size of the canvas on the paper.
        height: pixels of the rendering, vertically.
        width: pixels of the rendering, horizontally.
        softness_px: softness of the edge, px.
        learn_softness: whether the softness is a parameter that training fits.
    """

    def __init__(
        self,
        response: PenResponse,
        mm_per_canvas: float,
        height: int = 28,
        width: int = 28,
        softness_px: float = DEFAULT_SOFTNESS_PX,
        *,
        learn_softness: bool = False,
    ) -> None:
        super().__init__(height, width, softness_px, learn_softness=learn_softness)
        if not (math.isfinite(mm_per_canvas) and mm_per_canvas > 0):
            raise ConfigError(f"A canvas of {mm_per_canvas:g} mm is none: give its size on the paper.")
        self.response, self.mm_per_canvas = response, mm_per_canvas

    def forward(self, start: Tensor, steps: Tensor) -> Tensor:
        """Renders start (B, 2) and steps (B, N, 4) as asked for to ink (B, 1, H, W) as drawn."""
        return super().forward(start, self.response(steps, self.mm_per_canvas))


def response_table(pen: PenModel) -> dict[str, Any]:
    """The response of a profile's pen as plain numbers, for ``PenResponse`` and for a file."""
    width = np.linspace(pen.min_width_mm, pen.max_width_mm, _TABLE_ROWS)
    levels: list[float] = []
    if pen.levels is not None:
        values = pen.touch + np.linspace(0.0, 1.0, pen.levels) * (pen.full - pen.touch)
        levels = pen.drawn_width_mm(values).round(5).tolist()
    exponent = pen.darkness_speed_exponent
    reference = pen.reference_speed_mm_s or pen.draw_speed_mm_s
    return {
        "widths_mm": [pen.min_width_mm, pen.max_width_mm],
        "darkness": pen.drawn_darkness(pen.value_for(width)).round(5).tolist(),
        "steps_mm": levels,
        "whole_strokes": pen.actuator == "servo" and pen.levels is None,
        "exponent": exponent,
        "pale": float((reference / pen.draw_speed_mm_s) ** exponent),
    }


def _stroke_means(width: Tensor, steps: Tensor) -> Tensor:
    """Widths (B, N) of which each stroke has the mean along its length."""
    down = steps[..., INTENSITY] >= LIFT_THRESHOLD
    drawn = down[:, 1:] & down[:, :-1]
    length = torch.linalg.vector_norm(steps[:, :-1, :2].detach(), dim=-1) * drawn
    weight = nn.functional.pad(length, (0, 1)) + nn.functional.pad(length, (1, 0)) + _LEAST_LENGTH
    stroke = nn.functional.pad((~drawn).long().cumsum(dim=1), (1, 0))
    zero = torch.zeros_like(width)
    total = zero.scatter_add(1, stroke, weight)
    area = zero.scatter_add(1, stroke, weight * width)
    return (area / total.clamp(min=_LEAST_LENGTH)).gather(1, stroke)


def _q(darkness: Tensor) -> Tensor:
    """The ink -ln(1 - darkness)."""
    return -torch.log1p(-darkness.clamp(0.0, _BLACK))


def _held(value: Tensor, low: float, high: float) -> Tensor:
    """The value within bounds; the gradient passes."""
    return _as_if(value.detach().clamp(low, high), value)


def _as_if(value: Tensor, source: Tensor) -> Tensor:
    """A value with the gradient of another one."""
    return value.detach() + (source - source.detach())
