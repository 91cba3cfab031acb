r"""The losses of a gesture: what it must look like, and what makes it drawable.

Symbols: X the image and Y the rendering (B, 1, H, W); p points (B, N, 2), canvas units;
a intensities, w widths (B, N); v = p_{k+1} - p_k; means over the batch throughout.

    pixel        mean (Y - X)^2
    multiscale   the same on 2x2 and 4x4 averages: sees ink that the pen does not touch yet
    coverage     mean over ink of relu(|x - nearest p| - 1 px)^2: the gesture goes to all ink
    precision    mean a_k D(p_k), D the squared distance to the nearest ink: and only there
    order        Huber distance to the points of a real pen, where one is known
    length       sum |v|                     travel    sum |v| (1 - a)
    jerk         sum |D^3 p|^2               width     sum (w_{k+1} - w_k)^2
    lifts        sum |a_{k+1} - a_k|         binary    mean a (1 - a)

Staying on the paper needs no loss: the network's positions cannot leave the canvas.

Several losses in one training are kept stable by ``balance``: at the gesture, before the
network, the gradient of all drawability terms together may be at most a stated share of
the gradient of the likeness terms (pixel to order). Idea: gradient-norm balancing, Chen
et al. 2018 (GradNorm), reduced to two groups and a cap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from firmware_bridge.toml_table import Table
from strokebot.training.pens.base import INTENSITY, SIZE, positions

LIKENESS = ("pixel", "multiscale", "coverage", "precision", "order")
DRAWABLE = ("length", "travel", "jerk", "width", "lifts", "binary")

# Ink darker than this counts as ink in coverage and precision.
_INK_THRESHOLD = 0.5
# Ink nearer than this to a point needs no coverage: half the width of a common line (px).
_COVERED_PX = 1.0
# The order loss is quadratic below, linear above (canvas units): 0.05 is 1.4 of 28 pixels.
_ORDER_HUBER = 0.05
# Stands for "no ink anywhere" in squared distances (canvas units squared).
_FAR = 4.0


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term; a pair is (at the start, at the end), moved on a cosine.

    Attributes:
        balance: largest gradient of the drawability terms as a share of that of the likeness terms.
    """

    pixel: tuple[float, float] = (1.0, 1.0)
    multiscale: tuple[float, float] = (0.5, 0.1)
    coverage: tuple[float, float] = (0.5, 0.0)
    precision: tuple[float, float] = (0.5, 0.0)
    order: tuple[float, float] = (0.5, 0.02)
    length: tuple[float, float] = (3e-4, 3e-4)
    travel: tuple[float, float] = (3e-4, 3e-4)
    jerk: tuple[float, float] = (1e-3, 1e-3)
    width: tuple[float, float] = (1e-2, 1e-2)
    lifts: tuple[float, float] = (0.0, 3e-4)
    binary: tuple[float, float] = (0.0, 2e-3)
    balance: float = 0.5

    @classmethod
    def from_table(cls, table: Table) -> LossWeights:
        """Reads a table of numbers or pairs of numbers.

        Raises:
            ConfigError: for unknown keys or values that are not weights.
        """
        values: dict[str, Any] = {}
        if table.has("balance"):
            values["balance"] = table.number("balance", 0.0, math.inf)
        for key in LIKENESS + DRAWABLE:
            if table.has(key):
                value = table.any(key)
                pair = value if isinstance(value, list) else [value, value]
                if len(pair) != 2:
                    raise table.fail(key, "must be a number or a pair of them.")
                values[key] = tuple(table.check(key, weight, 0.0, math.inf) for weight in pair)
        table.finish()
        weights = cls(**values)
        if not weights.active & set(LIKENESS):
            raise table.fail(LIKENESS[0], f"or another of {', '.join(LIKENESS)} needs a weight above 0.")
        return weights

    @property
    def active(self) -> frozenset[str]:
        """The terms that count at some time of the training."""
        return frozenset(k for k in LIKENESS + DRAWABLE if max(getattr(self, k)) > 0)

    def at(self, progress: Tensor) -> dict[str, Tensor]:
        """The weights at a progress in [0, 1] (a scalar tensor), start to end on a cosine."""
        mix = 0.5 - 0.5 * torch.cos(torch.pi * progress)
        out = {}
        for name in LIKENESS + DRAWABLE:
            first, last = getattr(self, name)
            out[name] = first + (last - first) * mix
        return out


def squared_distance_to_ink(image: Tensor) -> Tensor:
    """Squared distance of each pixel centre to the nearest ink pixel's centre, canvas units.

    Exact and separable: first along rows, then along columns (Felzenszwalb and
    Huttenlocher 2012, by brute force, since the images are small).

    Args:
        image: (B, 1, H, W) ink.

    Returns:
        (B, 1, H, W); ``_FAR`` where an image has no ink.
    """
    _, _, height, width = image.shape
    longer = max(height, width)
    at_ink = torch.where(image[:, 0] >= _INK_THRESHOLD, 0.0, _FAR)

    def gaps2(n: int) -> Tensor:
        i = torch.arange(n, device=image.device, dtype=image.dtype) / longer
        return (i[:, None] - i[None, :]) ** 2

    rows = (at_ink[:, :, None, :] + gaps2(width)).amin(dim=-1)  # (B, H, W)
    both = (rows[:, None, :, :] + gaps2(height)[:, :, None]).amin(dim=2)
    return both.clamp(max=_FAR)[:, None]


def coverage(points: Tensor, image: Tensor) -> Tensor:
    """Mean over ink pixels of relu(distance to the nearest point - 1 px)^2, canvas units squared."""
    _, _, height, width = image.shape
    longer = max(height, width)
    y = (torch.arange(height, device=image.device, dtype=points.dtype) + 0.5) / longer
    x = (torch.arange(width, device=image.device, dtype=points.dtype) + 0.5) / longer
    centres = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=-1)
    with torch.no_grad():
        gap = centres[None, :, None] - points[:, None]
        nearest = (gap * gap).sum(-1).argmin(dim=-1)  # (B, H*W)
    chosen = torch.gather(points, 1, nearest[..., None].expand(-1, -1, 2))
    distance = torch.sqrt(((centres - chosen) ** 2).sum(-1) + 1e-12)
    ink = (image.flatten(1) >= _INK_THRESHOLD).to(points.dtype)
    missed = F.relu(distance - _COVERED_PX / longer) ** 2
    return (missed * ink).sum() / ink.sum().clamp(min=1.0)


def precision(points: Tensor, intensity: Tensor, image: Tensor) -> Tensor:
    """Mean of the intensity times the squared distance from ink, canvas units squared."""
    _, _, height, width = image.shape
    longer = max(height, width)
    field = squared_distance_to_ink(image)
    scale = points.new_tensor([2 * longer / width, 2 * longer / height])
    # torch's grid_sample on a CPU crashes the process on NaN (a diverged training).
    where = torch.nan_to_num(points * scale - 1)[:, None]
    d2 = F.grid_sample(field, where, align_corners=False, padding_mode="border")[:, 0, 0]
    return (intensity * d2).mean()


def gesture_losses(
    start: Tensor,
    steps: Tensor,
    drawn: Tensor,
    image: Tensor,
    pen_points: Tensor,
    active: frozenset[str] = frozenset(LIKENESS + DRAWABLE),
) -> dict[str, Tensor]:
    """The terms of one batch, unweighted.

    Args:
        start: (B, 2) canvas units.
        steps: (B, N, 4) canvas units.
        drawn: (B, 1, H, W) the rendering of the gesture.
        image: (B, 1, H, W) the image.
        pen_points: (K, N, 2) points of the real pen for the first K images, K <= B.
        active: the terms to compute; the others are 0.

    Returns:
        One scalar a name of ``LIKENESS`` and ``DRAWABLE``.
    """
    points = positions(start, steps)
    size, ink = steps[..., SIZE], steps[..., INTENSITY]
    diff = drawn - image
    velocity = torch.diff(points, dim=1)
    speed = torch.sqrt((velocity * velocity).sum(-1) + 1e-10)
    third = torch.diff(points, n=3, dim=1)
    known = len(pen_points)
    terms: dict[str, Callable[[], Tensor]] = {
        "pixel": lambda: (diff * diff).mean(),
        "multiscale": lambda: (F.avg_pool2d(diff, 2) ** 2).mean() + (F.avg_pool2d(diff, 4) ** 2).mean(),
        "coverage": lambda: coverage(points, image),
        "precision": lambda: precision(points, ink, image),
        "order": lambda: (
            F.huber_loss(points[:known], pen_points, delta=_ORDER_HUBER) / _ORDER_HUBER
            if known
            else points.new_zeros(())
        ),
        "length": lambda: speed.sum(1).mean(),
        "travel": lambda: (speed * (1 - 0.5 * (ink[:, 1:] + ink[:, :-1]))).sum(1).mean(),
        "jerk": lambda: (third * third).sum((1, 2)).mean(),
        "width": lambda: (torch.diff(size, dim=1) ** 2).sum(1).mean(),
        "lifts": lambda: torch.diff(ink, dim=1).abs().sum(1).mean(),
        "binary": lambda: (ink * (1 - ink)).mean(),
    }
    return {k: term() if k in active else points.new_zeros(()) for k, term in terms.items()}


def balanced_gradient(
    likeness: Tensor, drawable: Tensor, outputs: list[Tensor], cap: float, learned: list[Tensor] | None = None
) -> tuple[list[Tensor], Tensor]:
    """The gradient at the network's outputs, with the drawability part capped.

    Args:
        likeness: scalar, the weighted sum of the likeness terms.
        drawable: scalar, the weighted sum of the drawability terms.
        outputs: tensors that both depend on.
        cap: largest norm of the drawability gradient as a share of the other's norm.
        learned: parameters that the likeness depends on directly (the pen's); their ``grad`` is set.

    Returns:
        One gradient an output, and the share that the drawability part was scaled by.
    """
    extra = learned or []
    both = torch.autograd.grad(likeness, [*outputs, *extra], retain_graph=True, allow_unused=True)
    side: Sequence[Tensor | None] = [None] * len(outputs)
    if drawable.requires_grad:
        side = torch.autograd.grad(drawable, outputs, allow_unused=True)
    main = [torch.zeros_like(o) if g is None else g for g, o in zip(both, outputs, strict=False)]
    rest = [torch.zeros_like(o) if g is None else g for g, o in zip(side, outputs, strict=True)]

    def norm(parts: list[Tensor]) -> Tensor:
        return torch.stack([(g.float() ** 2).sum() for g in parts]).sum().sqrt()

    scale = (cap * norm(main) / norm(rest).clamp(min=1e-20)).clamp(max=1.0)
    grads = [m + scale * s for m, s in zip(main, rest, strict=True)]
    for parameter, g in zip(extra, both[len(outputs) :], strict=True):
        parameter.grad = torch.zeros_like(parameter) if g is None else g
    return grads, scale
