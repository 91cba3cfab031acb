"""How fast the line pen draws and takes gradients, against the plain ways to do it.

    python -m benchmarks.pen [--quick] [--json FILE] [--device cpu|cuda]

All pens get the same batch of gestures (128 gestures of 32 points on 28 x 28 pixels) and do the
same work: an image, a squared error against a fixed picture, and the gradient back to start and
steps. They take turns in one run, and each row shows its median and its ratio to the article's
formulation of that run:

    article    soft dots, every dot at every pixel, autograd through all of them (``DotPen``)
    autograd   the line, every segment at every pixel, autograd through all (``render_reference``)
    line       the line with the gradient of the winning segment alone (``LinePen``)
    ... compiled   the same through torch.compile, where a compiler is there
"""

from __future__ import annotations

import argparse
import math
import shutil
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.harness import medians, options, save, table
from strokebot.training.pens import DotPen, LinePen
from strokebot.training.pens.line import render_reference

_BATCH, _POINTS, _SIDE_PX = 128, 32, 28
# Turns of every pen: enough for a steady median; fewer for a first look.
_TURNS, _QUICK_TURNS = 25, 5
_WARM_UP = 2
# Runs that one time is taken over on a GPU, where a single run is shorter than its launch.
_CUDA_RUNS = 20
_SEED = 7

Render = Callable[[Tensor, Tensor], Tensor]


def gestures(device: torch.device) -> tuple[Tensor, Tensor]:
    """Wandering lines of the lengths and widths of handwriting: start (B, 2), steps (B, N, 4)."""
    generator = torch.Generator().manual_seed(_SEED)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator)

    start = uniform(0.25, 0.75, _BATCH, 2)
    # Directions turn slowly; a step is about 1.3 px, so that a gesture is about 40 px long.
    angle = uniform(0, 2 * math.pi, _BATCH, 1) + torch.cumsum(uniform(-0.7, 0.7, _BATCH, _POINTS), dim=1)
    pace = uniform(0.6, 2.0, _BATCH, _POINTS) / _SIDE_PX
    size = uniform(1.0, 4.0, _BATCH, _POINTS) / _SIDE_PX
    ink = uniform(0.6, 1.0, _BATCH, _POINTS)
    steps = torch.stack([pace * angle.cos(), pace * angle.sin(), size, ink], dim=-1)
    return start.to(device), steps.to(device)


def _compiler_is_there(device: torch.device) -> bool:
    return device.type == "cuda" or any(shutil.which(name) for name in ("g++", "clang++", "cl"))


def _measure(render: Render, start: Tensor, steps: Tensor, target: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    cuda = start.is_cuda
    runs = _CUDA_RUNS if cuda else 1
    if cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(runs):
        leaves = (start.detach().requires_grad_(), steps.detach().requires_grad_())
        torch.autograd.grad(((render(*leaves) - target) ** 2).sum(), leaves)
    if cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / runs


def run(device: torch.device, turns: int) -> tuple[dict[str, float], dict[str, float]]:
    """Measures all pens in turns.

    Returns:
        Median seconds of each pen, and the figures for the JSON file.
    """
    start, steps = gestures(device)
    line = LinePen(_SIDE_PX, _SIDE_PX).to(device)
    dots = DotPen(_SIDE_PX, _SIDE_PX).to(device)

    def reference(s: Tensor, v: Tensor) -> Tensor:
        return render_reference(s, v, _SIDE_PX, _SIDE_PX)

    pens: dict[str, Render] = {"article": dots, "autograd": reference, "line": line}
    if _compiler_is_there(device):
        pens |= {f"{name} compiled": torch.compile(pen) for name, pen in list(pens.items())}
    with torch.no_grad():
        drawn, plain = line(start, steps), reference(start, steps)
    target = torch.roll(drawn, 1, dims=0)
    turns_s = [
        {name: _measure(render, start, steps, target) for name, render in pens.items()}
        for _ in range(_WARM_UP + turns)
    ]
    median = medians(turns_s[_WARM_UP:])
    figures = {
        "pen_speedup_vs_article": median["article"] / median["line"],
        "pen_speedup_vs_autograd": median["autograd"] / median["line"],
        "pen_max_abs_error": float((drawn - plain).abs().max()),
        "pen_images_per_s": _BATCH / median["line"],
    }
    if "line compiled" in pens:
        with torch.no_grad():
            compiled_error = float((pens["line compiled"](start, steps) - plain).abs().max())
        figures |= {
            "pen_compiled_speedup_vs_article": median["article"] / median["line compiled"],
            "pen_compiled_speedup_vs_article_compiled": median["article compiled"] / median["line compiled"],
            "pen_compiled_speedup_vs_autograd": median["autograd"] / median["line compiled"],
            "pen_compiled_max_abs_error": compiled_error,
            "pen_compiled_images_per_s": _BATCH / median["line compiled"],
        }
    return median, figures


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    device_parser = argparse.ArgumentParser(add_help=False)
    device_parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    device, rest = device_parser.parse_known_args(arguments)
    chosen = options("Time the pens, forward and backward.", rest)
    median, figures = run(torch.device(device.device), _QUICK_TURNS if chosen.quick else _TURNS)
    title = (
        f"{_BATCH} gestures of {_POINTS} points, {_SIDE_PX} x {_SIDE_PX} pixels, forward and backward, "
        f"{device.device}, {torch.get_num_threads()} threads"
    )
    flat = figures | table(title, median, "article", prefix="pen_")
    width = max(len(name) for name in figures)
    for name, value in figures.items():
        print(f"{name:{width}}  {value:.4g}")
    save(flat, chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
