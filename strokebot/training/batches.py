"""Training batches, made on the device: real digits, and pen strokes rendered on the fly.

Each batch is a pure function of (seed, step, rank): nothing is kept between steps, so a
training resumes exactly, and on another number of processes.

The first part of a batch is strokes of real pens (UNIPEN, Omniglot), drawn with a random
width, slant, turn, scale and place; their pen path is known. The rest is MNIST, warped a little.

Pen strokes drawn like MNIST digits: the test images whose true pen path is known. Torch-free.

MNIST scales a digit into a box of 20 pixels, aspect kept, and puts its centre of mass at
the centre of 28 x 28 pixels; the same is done here with the strokes of a sample, and the
independent rasteriser draws them with a pen of one width. Nothing is random.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from strokebot.errors import ConfigError
from strokebot.training.batch_raster import draw_batch
from strokebot.training.data.idx import SIDE_PX
from strokebot.training.data.strokes import Resampled
from strokebot.training.pens.line import LinePen

IMAGE_PX = 28
# MNIST digits are scaled to a box of 20 pixels and put by their centre of mass into 28.
GLYPH_BOX_PX = 20.0

# Augmentation of strokes: ranges of uniform draws.
_STROKE_TURN_RAD = 0.15
_STROKE_SLANT = 0.35
_STROKE_ASPECT = 0.18  # log of width over height
_STROKE_SCALE = (0.78, 1.06)  # of the 20 px box
_STROKE_SHIFT_PX = 1.5
_STROKE_WIDTH_PX = (0.9, 4.6)
_STROKE_WAVER = 0.25  # share by which the width waves along the path
STROKE_SOFTNESS_PX = (0.15, 0.4)
_STROKE_INK = (0.8, 1.0)

# Augmentation of digits.
_DIGIT_PLAIN_SHARE = 0.3  # shown as they are
_DIGIT_TURN_RAD = 0.18
_DIGIT_SLANT = 0.2
_DIGIT_LOG_SCALE = 0.12
_DIGIT_SHIFT_PX = 2.0
# Bilinear warping blurs; this much contrast about the middle grey restores the edges.
_DIGIT_SHARPEN = 1.35


# LinePen.draw_segments, compiled or not.
DrawSegments = Callable[[Tensor, Tensor, Tensor], Tensor]


class Batch(NamedTuple):
    """Images and, for the first ones, the pen path that drew them."""

    image: Tensor  # (B, 1, 28, 28) float32 ink
    pen_points: Tensor  # (K, N, 2) canvas units, K <= B


@dataclass
class Sources:
    """The raw material on the device.

    Attributes:
        digits: (D, 28, 28) uint8 ink, or None.
        points: (M, n, 2) float32, glyph box centred at 0, longer side 1, or None.
        drawn: (M, n - 1) bool, whether the pen is down from point k to k + 1.
        set_weight: (M,) sampling weight of each stroke sample.
    """

    digits: Tensor | None
    points: Tensor | None
    drawn: Tensor | None
    set_weight: Tensor | None

    @classmethod
    def on(
        cls,
        device: torch.device,
        digits: NDArray[np.uint8] | None,
        points: NDArray[np.float32] | None,
        drawn: NDArray[np.bool_] | None,
        weight: NDArray[np.float32] | None,
    ) -> Sources:
        """Moves arrays to a device."""
        if digits is None and points is None:
            raise ConfigError("There is nothing to train on: give data.mnist_share or data.stroke_sets.")

        def move(array: NDArray[np.generic] | None) -> Tensor | None:
            return None if array is None else torch.from_numpy(np.array(array)).to(device)

        return cls(move(digits), move(points), move(drawn), move(weight))


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def _linear_maps(
    n: int, turn: float, slant: float, log_x: Tensor, log_y: Tensor, generator: torch.Generator
) -> Tensor:
    """Random maps (n, 2, 2): scale, then slant, then turn."""
    angle = _uniform((n,), -turn, turn, generator)
    shear = _uniform((n,), -slant, slant, generator)
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn_map = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    one, zero = torch.ones_like(shear), torch.zeros_like(shear)
    slant_map = torch.stack([torch.stack([one, shear], -1), torch.stack([zero, one], -1)], -2)
    scale_map = torch.diag_embed(torch.stack([log_x.exp(), log_y.exp()], -1))
    return turn_map @ slant_map @ scale_map


def place_strokes(points: Tensor, drawn: Tensor, generator: torch.Generator) -> Tensor:
    """Warps and places pen paths like MNIST digits: 20 px box, centred by mass, then moved a little.

    Args:
        points: (B, n, 2), longer side 1.
        drawn: (B, n - 1) bool.
        generator: source of randomness.

    Returns:
        (B, n, 2) canvas units of a 28 px field.
    """
    n = len(points)
    aspect = _uniform((n,), -_STROKE_ASPECT, _STROKE_ASPECT, generator)
    warped = points @ _linear_maps(
        n, _STROKE_TURN_RAD, _STROKE_SLANT, aspect / 2, -aspect / 2, generator
    ).transpose(1, 2)
    span = (warped.amax(1) - warped.amin(1)).amax(-1).clamp(min=1e-3)
    scale = _uniform((n,), *_STROKE_SCALE, generator) * (GLYPH_BOX_PX / IMAGE_PX)
    warped = warped * (scale / span)[:, None, None]
    middles = 0.5 * (warped[:, 1:] + warped[:, :-1])
    mass = (warped[:, 1:] - warped[:, :-1]).norm(dim=-1) * drawn + 1e-6 * drawn + 1e-12
    centre = (middles * mass[..., None]).sum(1) / mass.sum(1, keepdim=True)
    jitter = _STROKE_SHIFT_PX / IMAGE_PX
    placed: Tensor = warped - centre[:, None] + 0.5 + _uniform((n, 1, 2), -jitter, jitter, generator)
    return placed


def render_strokes(points: Tensor, drawn: Tensor, draw: DrawSegments, generator: torch.Generator) -> Tensor:
    """Draws placed pen paths (B, n, 2) with a waving random width; returns ink (B, 1, 28, 28)."""
    batch, n, _ = points.shape
    low, high = _STROKE_WIDTH_PX
    # Squared, so that the widths of common pens come more often than those of brushes.
    base = low + (high - low) * torch.rand((batch, 1), generator=generator, device=points.device) ** 1.5
    phase = _uniform((batch, 1), 0.0, 2 * math.pi, generator)
    waves = _uniform((batch, 1), 0.5, 2.5, generator)
    along = torch.linspace(0, 2 * math.pi, n, device=points.device)
    waver = _uniform((batch, 1), 0.0, _STROKE_WAVER, generator) * torch.sin(waves * along + phase)
    size = base * (1 + waver) / IMAGE_PX
    ink = _uniform((batch, 1), *_STROKE_INK, generator)
    with torch.no_grad():
        return draw(points, size, ink * drawn)


def warp_digits(digits: Tensor, generator: torch.Generator) -> Tensor:
    """Warps digits (B, 1, 28, 28) float ink a little; a share of them stays as it is."""
    n = len(digits)
    s = _DIGIT_LOG_SCALE
    maps = _linear_maps(
        n,
        _DIGIT_TURN_RAD,
        _DIGIT_SLANT,
        _uniform((n,), -s, s, generator),
        _uniform((n,), -s, s, generator),
        generator,
    )
    shift = _DIGIT_SHIFT_PX * 2 / IMAGE_PX
    offset = _uniform((n, 2, 1), -shift, shift, generator)
    grid = F.affine_grid(torch.cat([maps, offset], dim=2), [n, 1, IMAGE_PX, IMAGE_PX], align_corners=False)
    warped = F.grid_sample(digits, grid, align_corners=False)
    warped = ((warped - 0.5) * _DIGIT_SHARPEN + 0.5).clamp(0, 1)
    plain = torch.rand((n, 1, 1, 1), generator=generator, device=digits.device) < _DIGIT_PLAIN_SHARE
    return torch.where(plain, digits, warped)


class Batches:
    """Makes the batch of any step.

    Args:
        sources: the raw material.
        size: images in a batch of this process.
        digit_share: share of MNIST in a batch.
        points: N, points of the pen path that comes with a batch.
        augment: whether digits are warped (strokes always are).
        seed: seed of the training.
        rank: number of this process.
        compiled: whether to compile the rendering of strokes.
    """

    def __init__(
        self,
        sources: Sources,
        size: int,
        digit_share: float,
        points: int,
        *,
        augment: bool = True,
        seed: int = 0,
        rank: int = 0,
        compiled: bool = False,
    ) -> None:
        self.sources, self.points, self.augment, self.seed, self.rank = sources, points, augment, seed, rank
        if sources.points is None:
            digit_share = 1.0
        elif sources.digits is None:
            digit_share = 0.0
        self.digits = round(size * digit_share)
        self.strokes = size - self.digits
        held = sources.digits if sources.digits is not None else sources.points
        assert held is not None
        self.device = held.device
        self.pen = LinePen(IMAGE_PX, IMAGE_PX).to(self.device)
        self.draw: DrawSegments = (
            torch.compile(self.pen.draw_segments) if compiled else self.pen.draw_segments
        )

    def __call__(self, step: int) -> Batch:
        """The batch of a step."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed((self.seed * 1_000_003 + self.rank) * 1_000_003 + step)
        images, pen_points = [], torch.zeros(0, self.points, 2, device=self.device)
        if self.strokes:
            image, pen_points = self._stroke_part(generator)
            images.append(image)
        if self.digits:
            assert self.sources.digits is not None
            pick = torch.randint(
                len(self.sources.digits), (self.digits,), generator=generator, device=self.device
            )
            digits = self.sources.digits[pick, None].float() / 255
            images.append(warp_digits(digits, generator) if self.augment else digits)
        return Batch(torch.cat(images), pen_points)

    def _stroke_part(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        s = self.sources
        assert s.points is not None
        assert s.drawn is not None
        assert s.set_weight is not None
        # Inverse of the cumulated weights: multinomial() refuses more than 2^24 categories and is slower.
        edges = torch.cumsum(s.set_weight.double(), 0)
        draw = torch.rand((self.strokes,), generator=generator, device=self.device, dtype=torch.float64)
        pick = torch.searchsorted(edges, draw * edges[-1]).clamp(max=len(edges) - 1)
        drawn = s.drawn[pick]
        placed = place_strokes(s.points[pick], drawn, generator)
        self.pen.log_softness.copy_(_uniform((), *STROKE_SOFTNESS_PX, generator).log())
        image = render_strokes(placed, drawn, self.draw, generator)
        along = torch.linspace(0, placed.shape[1] - 1, self.points, device=self.device)
        left = along.floor().long().clamp(max=placed.shape[1] - 2)
        t = (along - left)[:, None]
        return image, placed[:, left] * (1 - t) + placed[:, left + 1] * t


# Median line width of MNIST's digits (radius 1.35 px).
PEN_WIDTH_PX = 2.7


class Rendered(NamedTuple):
    """Images with the pen path that drew them.

    Attributes:
        images: (M, 28, 28) float32 ink.
        points: (M, n, 2) pen positions, canvas units.
        segment_drawn: (M, n - 1) bool.
    """

    images: NDArray[np.float32]
    points: NDArray[np.float64]
    segment_drawn: NDArray[np.bool_]


def render_samples(samples: Resampled, width_px: float = PEN_WIDTH_PX) -> Rendered:
    """Draws resampled strokes (box at (0, 0), longer side 1) into MNIST-like fields.

    Args:
        samples: the strokes.
        width_px: full line width, px.
    """
    # The line itself is part of a digit's box, so the pen's path spans the box less one width.
    points = samples.points.astype(np.float64) * (GLYPH_BOX_PX - width_px)
    middle = 0.5 * (points[:, 1:] + points[:, :-1])
    # A dot has no length but the ink of a disc: a quarter of pi widths of line.
    length = np.hypot(*np.diff(points, axis=1).transpose(2, 0, 1)) * samples.segment_drawn
    mass = length + samples.segment_drawn * (np.pi / 4 * width_px / max(points.shape[1] - 1, 1))
    centre = (middle * mass[..., None]).sum(axis=1) / mass.sum(axis=1)[:, None]
    points += SIDE_PX / 2 - centre[:, None]
    shape = points.shape[:2]
    down = np.concatenate([samples.segment_drawn[:, :1], samples.segment_drawn], axis=1)
    images = draw_batch(points, np.full(shape, width_px), np.ones(shape), down, SIDE_PX)
    return Rendered(images, points / SIDE_PX, samples.segment_drawn)
