"""Which head, how many rounds, which losses: short trainings of one length, side by side.

    python -m benchmarks.study --data DIR --out-dir DIR [--rows A,B] [--steps N] [--batch B] [--quick]

Each row changes the baseline (the configuration of the shipped network) in one thing, trains
for the same steps, and is measured on the MNIST test digits and on strokes of held-out
writers. The table prints each figure and its ratio to the first row of the same run. Rows
may run in several processes: each writes DIR/ROW.json, and the table shows all that are there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from strokebot.training.batches import Batches, Sources
from strokebot.training.config import TrainConfig, load_config
from strokebot.training.data.idx import load_mnist
from strokebot.training.data.packs import UNITS, load_pack
from strokebot.training.networks.blocks import parameter_count
from strokebot.training.pens.base import INTENSITY, positions
from strokebot.training.train import PACK_NAME, Trainer

BASELINE = "baseline"
_DRAWABLE = ("length", "travel", "jerk", "width", "lifts", "binary")
# A row: (changes of the model, losses that are left out, other changes).
ROWS: dict[str, tuple[dict[str, Any], tuple[str, ...], dict[str, Any]]] = {
    BASELINE: ({}, (), {}),
    "seed-1": ({}, (), {"seed": 1}),
    "seed-2": ({}, (), {"seed": 2}),
    "no-rounds": ({"rounds": 0}, (), {}),
    "one-round": ({"rounds": 1}, (), {}),
    "gru": ({"head": "gru"}, (), {}),
    "gru-no-rounds": ({"head": "gru", "rounds": 0}, (), {}),
    "mlp": ({"head": "mlp"}, (), {}),
    "mlp-no-rounds": ({"head": "mlp", "rounds": 0}, (), {}),
    "without-multiscale": ({}, ("multiscale",), {}),
    "without-coverage": ({}, ("coverage",), {}),
    "without-precision": ({}, ("precision",), {}),
    "without-order": ({}, ("order",), {}),
    "without-length": ({}, ("length", "travel"), {}),
    "without-jerk": ({}, ("jerk",), {}),
    "without-width": ({}, ("width",), {}),
    "without-lifts": ({}, ("lifts", "binary"), {}),
    "pixel-and-order-alone": ({}, ("multiscale", "coverage", "precision", *_DRAWABLE), {}),
    "pixel-alone": ({}, ("multiscale", "coverage", "precision", "order", *_DRAWABLE), {}),
}
_HELD_OUT_IMAGES = 4000
_EVALUATION_BATCH = 500
_EVALUATION_SEED = 9


def configure(row: str, base: TrainConfig) -> TrainConfig:
    """The configuration of a row."""
    model, without, other = ROWS[row]
    loss = replace(base.loss, **dict.fromkeys(without, (0.0, 0.0)))
    return replace(base, name=row, model={**base.model, **model}, loss=loss, **other)


@torch.no_grad()
def figures(network: torch.nn.Module, images: Tensor, pen_points: Tensor) -> dict[str, float]:
    """Figures of a network on images (B, 1, 28, 28), the first of which have a known pen path."""
    drawn, starts, steps = [], [], []
    for first in range(0, len(images), _EVALUATION_BATCH):
        start, step = network(images[first : first + _EVALUATION_BATCH])
        drawn.append(network.pen(start, step))  # type: ignore[operator]
        starts.append(start)
        steps.append(step)
    ink, step = torch.cat(drawn), torch.cat(steps)
    error = ink - images
    a, b = ink >= 0.5, images >= 0.5
    overlap = (a & b).sum((1, 2, 3)) / (a | b).sum((1, 2, 3)).clamp(min=1)
    points = positions(torch.cat(starts), step)
    down = step[..., INTENSITY] >= 0.5
    third = torch.diff(points * 28, n=3, dim=1)
    out = {
        "mse": (error * error).mean(),
        "accuracy": (error.abs() < 0.5).float().mean(),
        "iou": overlap.mean(),
        "iou_p5": overlap.quantile(0.05),
        "length_px": torch.diff(points, dim=1).norm(dim=-1).sum(1).mean() * 28,
        "lifts": (down[:, :-1] & ~down[:, 1:]).sum(1).float().mean(),
        "jerk_px2": (third * third).sum((1, 2)).mean(),
        "width_step_px": torch.diff(step[..., 2], dim=1).abs().mean() * 28,
    }
    if len(pen_points):
        out["order_px"] = (points[: len(pen_points)] - pen_points).norm(dim=-1).mean() * 28
    return {k: float(v) for k, v in out.items()}


def measure(
    row: str, config: TrainConfig, data: Path, device: torch.device, limit: int | None
) -> dict[str, float]:
    """Trains one row and measures it, on ``limit`` images of each test set or all."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, data, Path(folder), device)
        trainer.run()
    network = trainer.averaged
    digits = torch.from_numpy(load_mnist(data, "test")[0][:limit].astype(np.float32) / 255)[:, None].to(
        device
    )
    pack = load_pack(data / PACK_NAME)
    pack = pack.select(pack.held_out)
    points = pack.points.astype(np.float32) / UNITS
    points -= 0.5 * (points.max(axis=1, keepdims=True) + points.min(axis=1, keepdims=True))
    sources = Sources.on(device, None, points, pack.segment_drawn, np.ones(len(pack), np.float32))
    strokes = Batches(sources, limit or _HELD_OUT_IMAGES, 0.0, trainer.batches.points, seed=_EVALUATION_SEED)(
        0
    )
    result = {"parameters": float(parameter_count(network.requires_grad_(True)))}
    result |= {f"mnist_{k}": v for k, v in figures(network, digits, digits[:0]).items()}
    result |= {f"strokes_{k}": v for k, v in figures(network, strokes.image, strokes.pen_points).items()}
    return result | {"seconds": time.monotonic() - began}


def table(results: dict[str, dict[str, float]]) -> str:
    """The results as text, each with its ratio to the first row."""
    columns = (
        "mnist_mse",
        "mnist_iou",
        "mnist_iou_p5",
        "mnist_length_px",
        "mnist_lifts",
        "mnist_jerk_px2",
        "strokes_mse",
        "strokes_iou",
        "strokes_lifts",
        "strokes_order_px",
    )
    first = next(iter(results.values()))
    lines = ["| row | parameters | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for row, figure in results.items():
        cells = [
            f"{figure[c]:.4f} ({figure[c] / first[c]:.2f}x)" if first[c] else f"{figure[c]:.4f}"
            for c in columns
        ]
        lines.append(f"| {row} | {figure['parameters'] / 1e6:.2f} M | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out-dir", type=Path, required=True)
    parser.add_argument("--rows", default=",".join(ROWS), help="comma-separated names of rows")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--quick", action="store_true", help="a few steps only, to see that it runs")
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = load_config(Path(str(resources.files("strokebot.training") / "configs" / "gesture.toml")))
    steps, batch = (10, 16) if args.quick else (args.steps, args.batch)
    base = replace(
        base, steps=steps, batch=batch, warmup_steps=steps // 10, log_every=steps, save_every=steps
    )
    args.out_dir.mkdir(parents=True, exist_ok=True)
    for row in args.rows.split(","):
        result = measure(row, configure(row, base), args.data, device, 200 if args.quick else None)
        (args.out_dir / f"{row}.json").write_text(json.dumps(result, indent=2))
        print(f"{row}: {result['seconds']:.0f} s", flush=True)
    files = {row: args.out_dir / f"{row}.json" for row in ROWS}
    results = {row: json.loads(f.read_text()) for row, f in files.items() if f.is_file()}
    print(table(results))
    if args.json:
        args.json.write_text(
            json.dumps({f"{r}_{k}": v for r, d in results.items() for k, v in d.items()}, indent=2)
        )


if __name__ == "__main__":
    main()
