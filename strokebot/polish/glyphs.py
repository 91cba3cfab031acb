r"""Refines gestures against their images, by gradient through the pen.

Symbols, per glyph: X image, Y rendering, p points (px), w widths, a intensities
    objective   mean (Y - X)^2 + c_len sum|D p| + c_jerk sum|D^3 p|^2 + c_width sum (D w)^2
    unknowns    p as it is, log w, logit a; Adam with a cosine rate, all glyphs in one batch

The start matters: from a random gesture this fails, from the network's or the tour's it
finds the nearest good drawing. Per glyph the best gesture of all iterations is kept, among
those that are at least as good as the start in squared error, in overlap (IoU) and in
lifts; so a drawing never gets worse. Glyphs that have stopped improving leave the batch.

With a measured pen, Y is what that pen draws: widths that it cannot draw and ink that it does not
leave count as they come out.

Source of the method: fitting strokes through a differentiable rasteriser, Mihai and Hare
2021; the step sizes are measured (docs/model.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebot.errors import GestureError
from strokebot.gesture import LIFT_THRESHOLD, Gesture
from strokebot.model.predictor import arrays_of, gestures_of
from strokebot.pen.base import INTENSITY, SIZE, positions, steps_of
from strokebot.pen.line import DEFAULT_SOFTNESS_PX, LinePen
from strokebot.pen.response import OnPaper

# Step sizes of Adam: pixels for points, natural logarithm for widths, logits for intensities.
_RATE_POINTS_PX = 0.08
_RATE_LOG_WIDTH = 0.03
_RATE_LOGIT = 0.1
_MOMENTS = (0.9, 0.99)
_ADAM_EPS = 1e-10
# Weights of the drawability terms, per pixel of the 28 px field; a hundredth of the pixel loss or less.
_LENGTH = 1e-6
_JERK = 2e-6
_WIDTH = 2e-6
# Every so many iterations, glyphs that improved by less than this share leave the batch.
_CHECK_EVERY = 20
_LEAST_GAIN = 0.02
# Glyphs refined at once: bounds the memory.
_BATCH = 512
# Widths under this do not shrink further (px), and inks stay off 0 and 1, where logits end.
_LEAST_WIDTH_PX = 0.05
_LOGIT_MARGIN = 1e-4
DEFAULT_ITERATIONS = 60


@dataclass
class _Best:
    """The best gesture so far of each glyph in a batch."""

    objective: Tensor  # (B,)
    start: Tensor  # (B, 2)
    steps: Tensor  # (B, N, 4)


def polish_arrays(
    images: NDArray[np.float32],
    start: NDArray[np.float32],
    steps: NDArray[np.float32],
    softness_px: float = DEFAULT_SOFTNESS_PX,
    iterations: int = DEFAULT_ITERATIONS,
    on_paper: OnPaper | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Refines a batch of gestures.

    Args:
        images: (B, H, W) ink in [0, 1].
        start: (B, 2) canvas units.
        steps: (B, N, 4) canvas units.
        softness_px: edge softness of the pen.
        iterations: at most so many steps of the optimiser; 0 returns the input.
        on_paper: the measured pen that draws them; None for one that draws whatever is asked for.

    Returns:
        start (B, 2) and steps (B, N, 4), never worse than the input in squared error, overlap
        at half ink, and lifts.

    Raises:
        GestureError: if the numbers of images and gestures differ.
    """
    if not len(images) == len(start) == len(steps):
        raise GestureError(f"{len(images)} images do not fit {len(start)} gestures.")
    done_start, done_steps = np.array(start, np.float32), np.array(steps, np.float32)
    if iterations < 1 or len(images) == 0:
        return done_start, done_steps
    for first in range(0, len(images), _BATCH):
        part = slice(first, first + _BATCH)
        done_start[part], done_steps[part] = _polish_batch(
            torch.from_numpy(np.array(images[part], np.float32))[:, None],
            torch.from_numpy(done_start[part].copy()),
            torch.from_numpy(done_steps[part].copy()),
            softness_px,
            iterations,
            None if on_paper is None else on_paper.part(part),
        )
    return done_start, done_steps


def polish_glyphs(
    images: NDArray[np.float32],
    gestures: list[Gesture],
    softness_px: float = DEFAULT_SOFTNESS_PX,
    iterations: int = DEFAULT_ITERATIONS,
    on_paper: OnPaper | None = None,
) -> list[Gesture]:
    """``polish_arrays`` on gestures of one length; images are (B, H, W)."""
    if not gestures:
        return []
    start, steps = arrays_of(gestures)
    return gestures_of(*polish_arrays(images, start, steps, softness_px, iterations, on_paper))


def _polish_batch(
    image: Tensor,
    start: Tensor,
    steps: Tensor,
    softness_px: float,
    iterations: int,
    on_paper: OnPaper | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    _, _, height, width = image.shape
    line = LinePen(height, width, softness_px)

    def pen(start: Tensor, steps: Tensor, which: Tensor) -> Tensor:
        return line(start, steps if on_paper is None else on_paper.drawn(steps, which))  # type: ignore[no-any-return]

    longer = max(height, width)
    size_px = (steps[..., SIZE] * longer).clamp(min=_LEAST_WIDTH_PX)
    ink = steps[..., INTENSITY].clamp(_LOGIT_MARGIN, 1 - _LOGIT_MARGIN)
    unknowns = [positions(start, steps) * longer, size_px.log(), torch.logit(ink)]
    rates = (_RATE_POINTS_PX, _RATE_LOG_WIDTH, _RATE_LOGIT)
    rows = torch.arange(len(image))  # the glyphs that are still in the batch
    with torch.no_grad():
        drawn = pen(start, steps, rows)
        error0, overlap0 = _squared_error(drawn, image), _overlap(drawn, image)
        lifts0 = _lifts(steps[..., INTENSITY])
        objective0 = error0 + _drawability(unknowns[0], size_px)
    best = _Best(objective0.clone(), start.clone(), steps.clone())
    reference = objective0.clone()
    moments = [(torch.zeros_like(u), torch.zeros_like(u)) for u in unknowns]
    for i in range(1, iterations + 1):
        leaves = [u.requires_grad_() for u in unknowns]
        points, size, shade = leaves[0] / longer, leaves[1].exp(), torch.sigmoid(leaves[2])
        now_start, now_steps = steps_of(points, size / longer, shade)
        drawn = pen(now_start, now_steps, rows)
        error = _squared_error(drawn, image[rows])
        objective = error + _drawability(leaves[0], size)
        gradients = torch.autograd.grad(objective.sum(), leaves)
        with torch.no_grad():
            better = (
                (objective < best.objective[rows])
                & (error <= error0[rows])
                & (_overlap(drawn, image[rows]) >= overlap0[rows])
                & (_lifts(shade) <= lifts0[rows])
            )
            chosen = rows[better]
            best.objective[chosen] = objective[better]
            best.start[chosen], best.steps[chosen] = now_start[better], now_steps[better]
            cosine = 0.5 + 0.5 * math.cos(math.pi * (i - 1) / iterations)
            unknowns = [
                _adam(u.detach(), g, m, i, rate * cosine)
                for u, g, m, rate in zip(leaves, gradients, moments, rates, strict=True)
            ]
            if i % _CHECK_EVERY == 0 and i < iterations:
                keep = best.objective[rows] < (1 - _LEAST_GAIN) * reference[rows]
                reference[rows] = best.objective[rows]
                rows = rows[keep]
                if not len(rows):
                    break
                unknowns = [u[keep] for u in unknowns]
                moments = [(a[keep], b[keep]) for a, b in moments]
    return best.start.numpy(), best.steps.numpy()


def _adam(x: Tensor, g: Tensor, moments: tuple[Tensor, Tensor], i: int, rate: float) -> Tensor:
    """One step of Adam (Kingma and Ba 2015), every glyph for itself."""
    first, second = moments
    first.lerp_(g, 1 - _MOMENTS[0])
    second.lerp_(g * g, 1 - _MOMENTS[1])
    scale = rate / (1 - _MOMENTS[0] ** i)
    return x - scale * first / ((second / (1 - _MOMENTS[1] ** i)).sqrt() + _ADAM_EPS)


def _drawability(points_px: Tensor, size_px: Tensor) -> Tensor:
    """The terms that keep the movement short and smooth, (B,)."""
    step = torch.diff(points_px, dim=1)
    length = torch.sqrt((step * step).sum(-1) + 1e-8).sum(1)
    jerk = (torch.diff(points_px, n=3, dim=1) ** 2).sum((1, 2))
    waver = (torch.diff(size_px, dim=1) ** 2).sum(1)
    return _LENGTH * length + _JERK * jerk + _WIDTH * waver


def _squared_error(drawn: Tensor, image: Tensor) -> Tensor:
    return ((drawn - image) ** 2).mean((1, 2, 3))


def _overlap(drawn: Tensor, image: Tensor) -> Tensor:
    """Intersection over union of what is at least half ink, (B,)."""
    a, b = drawn >= LIFT_THRESHOLD, image >= LIFT_THRESHOLD
    both, either = (a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3))
    return both / either.clamp(min=1)


def _lifts(intensity: Tensor) -> Tensor:
    """How often the pen leaves the paper between its first and its last ink, (B,)."""
    down = intensity >= LIFT_THRESHOLD
    touches = down[:, 0].long() + (~down[:, :-1] & down[:, 1:]).sum(1)
    return (touches - 1).clamp(min=0)
