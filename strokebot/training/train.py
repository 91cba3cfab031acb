"""Trains a network: ``strokebot train CONFIG``, or data-parallel on several processes with

    torchrun --nproc-per-node N -m strokebot.training.train CONFIG --data DIR --out-dir DIR

One step: make a batch on the device, draw it, take the gradient of the losses at the
gestures (drawability capped against likeness, see ``losses``), send it back through the
network, AdamW, average the weights. No step depends on anything but (weights, optimiser,
seed, step), so ``--resume`` goes on exactly where the checkpoint was made; on another
number of processes it goes on with the same expectation.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from strokebot.errors import DataError, StrokebotError
from strokebot.files import write_atomic
from strokebot.model.blocks import set_deterministic
from strokebot.model.checkpoint import AnyNetwork, Card, build_network, save_weights
from strokebot.training.batches import Batches, Sources
from strokebot.training.config import TrainConfig, load_config, round_weights
from strokebot.training.data.idx import load_mnist
from strokebot.training.data.packs import UNITS, build_pack, load_pack
from strokebot.training.losses import DRAWABLE, LIKENESS, balanced_gradient, gesture_losses
from strokebot.training.state import load_state, save_state

STROKE_POINTS = 64
# Images whose gestures are kept at every line of the log, for the animation of the training.
_WATCHED = 32
PACK_NAME = f"strokes_{STROKE_POINTS}.npz"
_LICENCES = {
    "mnist": "MNIST train, 60,000 images, CC BY-SA 3.0",
    "unipen_digits": "UNIPEN train_r01_v07 digits, training writers, CC BY 4.0",
    "unipen_lower": "UNIPEN train_r01_v07 lower case, training writers, CC BY 4.0",
    "unipen_upper": "UNIPEN train_r01_v07 capitals, training writers, CC BY 4.0",
    "omniglot": "Omniglot small background set 1, training drawers, MIT",
}


@dataclass(frozen=True)
class Progress:
    """What a training tells while it runs.

    Attributes:
        step: steps done.
        steps: steps in all.
        losses: running means of the terms since the last line.
        images_per_s: training speed over all processes.
    """

    step: int
    steps: int
    losses: dict[str, float]
    images_per_s: float


def load_sources(config: TrainConfig, folder: Path, device: torch.device) -> Sources:
    """The training part of the data, on a device.

    Raises:
        DataError: if a set that the configuration names is missing or damaged.
    """
    digits = load_mnist(folder, "train")[0] if config.data.mnist_share > 0 else None
    sets = {k: v for k, v in config.data.stroke_sets.items() if v > 0}
    if config.data.mnist_share >= 1 or not sets:
        return Sources.on(device, digits, None, None, None)
    packed = folder / PACK_NAME
    pack = load_pack(packed) if packed.is_file() else build_pack(folder, list(sets), STROKE_POINTS)[0]
    missing = set(sets) - set(pack.set_names)
    if missing:
        raise DataError(f"{packed} lacks the set {sorted(missing)[0]}; delete the file to build it anew.")
    pack = pack.select(~pack.held_out)
    points = pack.points.astype(np.float32) / UNITS
    points -= 0.5 * (points.max(axis=1, keepdims=True) + points.min(axis=1, keepdims=True))
    # A set's weight is shared by its samples, so that large sets do not drown small ones.
    weight = np.zeros(len(pack), np.float32)
    for i, name in enumerate(pack.set_names):
        member = pack.set_id == i
        if member.any():
            weight[member] = sets.get(name, 0.0) / member.sum()
    return Sources.on(device, digits, points, pack.segment_drawn, weight)


class Trainer:
    """One training run in this process (one of ``world`` processes).

    Args:
        config: what to do.
        data: folder of the training data.
        out_dir: where checkpoint, log and weights go.
        device: where to compute.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Path,
        out_dir: Path,
        device: torch.device,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.config, self.out_dir, self.device, self.rank, self.world = config, out_dir, device, rank, world
        set_deterministic(config.seed)
        self.network = build_network(config.model).to(device)
        self.averaged = build_network(config.model).to(device).requires_grad_(False)
        self.averaged.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99) if config.warmup_steps else (0.9, 0.999),
            fused=True,
        )
        with torch.no_grad():
            points = self.network(torch.zeros(1, 1, 28, 28, device=device))[1].shape[1]
        compiled = config.compile and device.type == "cuda"
        self.batches = Batches(
            load_sources(config, data, device),
            max(1, config.batch // world),
            config.data.mnist_share,
            points,
            augment=config.data.augment,
            seed=config.seed,
            rank=rank,
            compiled=compiled,
        )
        self.losses: Callable[..., dict[str, Tensor]] = gesture_losses
        self.proposals: nn.Module = _Proposals(self.network)
        self.pen: nn.Module = self.network.pen
        if compiled:
            self.losses = torch.compile(gesture_losses)
            self.proposals = torch.compile(self.proposals)
            self.pen = torch.compile(self.network.pen)
        if world > 1:
            # The pen's own parameter gets its gradient outside of the network's backward pass.
            nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(
                self.proposals, [n for n, _ in self.proposals.named_parameters() if n.startswith("network.pen.")]
            )
            self.proposals = nn.parallel.DistributedDataParallel(
                self.proposals,
                device_ids=[device.index] if device.type == "cuda" else None,
                find_unused_parameters=False,
            )
        self.step = 0
        self.time_share = 0.0
        self.watched = self.batches(0).image[:: max(1, config.batch // world // _WATCHED)][:_WATCHED]
        self.snapshots: list[tuple[int, Tensor, Tensor]] = []
        self.scale = torch.ones((), device=device)

    @property
    def state_path(self) -> Path:
        """The checkpoint that ``resume`` reads."""
        return self.out_dir / f"{self.config.name}.state.safetensors"

    @property
    def weights_path(self) -> Path:
        """The weights that this training makes."""
        return self.out_dir / f"{self.config.name}.safetensors"

    def learning_rate(self) -> float:
        """The learning rate of the current step."""
        c = self.config
        if c.constant_rate:
            return c.learning_rate
        if self.step < c.warmup_steps:
            return c.learning_rate * (self.step + 1) / c.warmup_steps
        return float(c.learning_rate * (0.01 + 0.99 * (0.5 + 0.5 * np.cos(np.pi * self.progress))))

    @property
    def progress(self) -> float:
        """How far the schedules are, 0 to 1: by steps, or by time where that is further."""
        return min(1.0, max(self.step / self.config.steps, self.time_share))

    def train_step(self) -> dict[str, Tensor]:
        """One step; returns the unweighted terms of the last round, on the device."""
        c = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        batch = self.batches(self.step)
        autocast = (
            torch.autocast("cuda", dtype=torch.bfloat16)
            if self.device.type == "cuda" and c.precision == "bf16"
            else nullcontext()
        )
        with autocast:
            gestures = self.proposals(batch.image)
        outputs = [t for gesture in gestures for t in gesture]
        leaves = [t.detach().requires_grad_() for t in outputs]
        weights = c.loss.at(torch.tensor(self.progress, device=self.device))
        shares = round_weights(len(gestures))
        likeness = drawable = torch.zeros((), device=self.device)
        terms: dict[str, Tensor] = {}
        for i, share in enumerate(shares):
            start, steps = leaves[2 * i], leaves[2 * i + 1]
            drawn = self.pen(start, steps)
            terms = self.losses(start, steps, drawn, batch.image, batch.pen_points, c.loss.active)
            likeness = likeness + share * sum(weights[k] * terms[k] for k in LIKENESS)
            drawable = drawable + share * sum(weights[k] * terms[k] for k in DRAWABLE)
        learned = [p for p in self.network.pen.parameters() if p.requires_grad]
        self.optimizer.zero_grad(set_to_none=True)
        grads, self.scale = balanced_gradient(likeness, drawable, leaves, c.loss.balance, learned)
        # A start that is a constant (the article's) has no gradient to take.
        taught = [(t, g) for t, g in zip(outputs, grads, strict=True) if t.requires_grad]
        torch.autograd.backward([t for t, _ in taught], [g for _, g in taught])
        if self.world > 1:
            for parameter in learned:  # outside of what DistributedDataParallel watches
                assert parameter.grad is not None
                dist.all_reduce(parameter.grad, op=dist.ReduceOp.SUM)
                parameter.grad /= self.world
        if c.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), c.clip)
        self.optimizer.step()
        self._average()
        self.step += 1
        return {k: v.detach() for k, v in terms.items()}

    @torch.no_grad()
    def _average(self) -> None:
        # A short memory at first: the average must not remember the untrained weights.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step)) if self.config.ema else 0.0
        ours = [p for p in self.averaged.state_dict().values() if p.is_floating_point()]
        new = [p for p in self.network.state_dict().values() if p.is_floating_point()]
        torch._foreach_lerp_(ours, new, 1 - decay)

    @torch.no_grad()
    def _watch(self) -> None:
        start, steps = self.averaged(self.watched)
        self.snapshots.append((self.step, start.cpu(), steps.cpu()))

    def save(self) -> None:
        """Writes the checkpoint and the averaged weights with their card; rank 0 alone does."""
        if self.rank:
            return
        save_state(self.state_path, self.network, self.averaged, self.optimizer, self.step, asdict(self.config))
        used = {"mnist": _LICENCES["mnist"]} if self.config.data.mnist_share > 0 else {}
        if self.config.data.mnist_share < 1:
            used |= {k: _LICENCES[k] for k, v in self.config.data.stroke_sets.items() if v > 0}
        config = asdict(self.config)
        architecture = {"kind": "gesture", **config.pop("model")}
        kind = architecture["kind"]
        if kind == "gesture":
            architecture |= self.averaged.config.to_table()  # type: ignore[union-attr,operator]
        card = Card(architecture, used, {"steps_done": self.step, **config})
        save_weights(self.weights_path, self.averaged, card)
        if self.snapshots:
            done, starts, steps = zip(*self.snapshots, strict=True)
            buffer = io.BytesIO()
            np.savez_compressed(
                buffer,
                images=self.watched[:, 0].cpu().numpy(),
                step=np.array(done),
                start=torch.stack(starts).numpy(),
                steps=torch.stack(steps).numpy(),
            )
            write_atomic(self.out_dir / f"{self.config.name}.snapshots.npz", buffer.getvalue())

    def resume(self) -> None:
        """Goes on from the checkpoint.

        Raises:
            WeightsError: if it is missing, damaged, or of another architecture.
        """
        self.step = load_state(self.state_path, self.network, self.averaged, self.optimizer)

    def run(self, on_progress: Callable[[Progress], None] | None = None, max_seconds: float | None = None) -> None:
        """Trains to the end, with checkpoints and a log.

        With ``max_seconds`` the schedules end when the time is up, if the steps have not ended
        before: a trained network in a given time, at the price of an exact repetition.
        A keyboard interrupt saves the checkpoint, then goes on up.
        """
        began, sums, count, mark = time.monotonic(), {}, 0, time.monotonic()
        log = self.out_dir / f"{self.config.name}.log.jsonl"
        try:
            while self.step < self.config.steps:
                if max_seconds is not None:
                    self.time_share = (time.monotonic() - began) / max_seconds
                    if self.time_share >= 1:
                        break
                for key, value in self.train_step().items():
                    sums[key] = sums[key] + value if key in sums else value.clone()
                count += 1
                if self.step % self.config.log_every == 0 or self.step == self.config.steps:
                    means = {k: float(v) / count for k, v in sums.items()}
                    now = time.monotonic()
                    rate = count * self.config.batch / (now - mark)
                    self._watch()
                    sums, count, mark = {}, 0, now
                    if self.rank == 0:
                        line = {"step": self.step, **means, "balance": float(self.scale), "images_per_s": rate}
                        with log.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(line) + "\n")
                        if on_progress:
                            on_progress(Progress(self.step, self.config.steps, means, rate))
                if self.step % self.config.save_every == 0:
                    self.save()
        finally:
            self.save()


class _Proposals(nn.Module):
    """``network.proposals`` as a module's forward, which is what DDP and torch.compile wrap."""

    def __init__(self, network: AnyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        return self.network.proposals(image)


def train(
    config_path: Path,
    data: Path,
    out_dir: Path,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    max_seconds: float | None = None,
    device: str | None = None,
) -> Path:
    """Trains what a configuration file says; returns the weights file.

    On several processes (torchrun) each calls this; the first one saves.

    Args:
        config_path: the TOML file.
        data: folder of the training data.
        out_dir: where weights, checkpoint and log go.
        resume: whether to go on from the checkpoint in out_dir.
        on_progress: called every ``log_every`` steps.
        max_seconds: stop after this time; ``resume`` goes on.
        device: "cpu", "cuda" or None for what is there.

    Raises:
        StrokebotError: for a bad configuration, missing data, or a checkpoint that does not fit.
    """
    config = load_config(config_path)
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if world > 1:
        if chosen.type == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(chosen)
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    if chosen.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    out_dir.mkdir(parents=True, exist_ok=True)
    try:
        trainer = Trainer(config, data, out_dir, chosen, rank, world)
        if resume:
            trainer.resume()
        trainer.run(on_progress, max_seconds)
        return trainer.weights_path
    finally:
        if world > 1:
            dist.destroy_process_group()


def main(argv: list[str] | None = None) -> int:
    """Command line of ``python -m strokebot.training.train``; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train a gesture network.")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the training data")
    parser.add_argument("--out-dir", type=Path, default=Path("runs"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out-dir")
    parser.add_argument("--max-seconds", type=float, default=None)
    parser.add_argument("--device", choices=["cpu", "cuda"], default=None)
    args = parser.parse_args(argv)

    def show(progress: Progress) -> None:
        main_terms = " ".join(f"{k} {progress.losses[k]:.5f}" for k in ("pixel", "order", "length", "lifts"))
        sys.stdout.write(f"{progress.step}/{progress.steps} {main_terms} {progress.images_per_s:.0f} images/s\n")
        sys.stdout.flush()

    try:
        train(
            args.config,
            args.data,
            args.out_dir,
            resume=args.resume,
            on_progress=show,
            max_seconds=args.max_seconds,
            device=args.device,
        )
    except StrokebotError as error:
        sys.stderr.write(f"strokebot: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
