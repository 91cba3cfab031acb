"""One training run: batches, losses, optimiser, averages, checkpoints.

One step: make a batch on the device, draw it, take the gradient of the losses at the
gestures (drawability capped against likeness, see ``losses``), send it back through the
network, AdamW, average the weights. No step depends on anything but (weights, optimiser,
seed, step), so a run that resumes goes on exactly where the checkpoint was made; on
another number of processes it goes on with the same expectation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from strokebot.errors import StrokebotError
from strokebot.model.card import Card
from strokebot.training.batches import Batches
from strokebot.training.config import TrainConfig, round_weights
from strokebot.training.losses import DRAWABLE, LIKENESS, balanced_gradient, gesture_losses
from strokebot.training.networks.blocks import set_deterministic
from strokebot.training.networks.checkpoint import AnyNetwork, build_network, save_weights
from strokebot.training.state import PoliteStop, Record, load_state, save_state
from strokebot.training.testsets import licences_of, load_sources

# Images whose gestures are kept at every line of the log, for the animation of the training.
_WATCHED = 32


@dataclass(frozen=True)
class TrainingProgress:
    """What a training tells while it runs.

    Attributes:
        step: steps done.
        steps: steps in all.
        losses: running means of the terms since the last line.
        images_per_s: training speed over all processes; of the drawing networks, looks in a second.
    """

    step: int
    steps: int
    losses: dict[str, float]
    images_per_s: float


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
        self.pen: Callable[[Tensor, Tensor], Tensor] = self.network.pen
        proposals: nn.Module = _Proposals(self.network)
        if compiled:
            self.losses = torch.compile(gesture_losses)
            proposals = cast(nn.Module, torch.compile(proposals))
            self.pen = torch.compile(self.network.pen)
        if world > 1:
            # The pen's own parameter gets its gradient outside of the network's backward pass.
            nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
                proposals, [n for n, _ in proposals.named_parameters() if "network.pen." in n]
            )
            proposals = nn.parallel.DistributedDataParallel(
                proposals,
                device_ids=[device.index] if device.type == "cuda" else None,
                find_unused_parameters=False,
            )
        self.proposals = proposals
        self.step = 0
        self.time_share = 0.0
        self.watched = self.batches(0).image[:: max(1, config.batch // world // _WATCHED)][:_WATCHED]
        self.record = Record(out_dir, config.name, self.watched)
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
        learned: list[Tensor] = [p for p in self.network.pen.parameters() if p.requires_grad]
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
        self.record.watch(self.step, *self.averaged(self.watched))

    def save(self) -> None:
        """Writes the checkpoint and the averaged weights with their card; rank 0 alone does.

        Raises:
            StrokebotError: if the weights are no longer finite numbers; the checkpoint before is kept.
        """
        if self.rank:
            return
        if not all(torch.isfinite(p).all() for p in self.network.parameters()):
            raise StrokebotError(
                f"The training diverged before step {self.step}; the checkpoint before it is kept."
                " Lower train.learning_rate."
            )
        save_state(
            self.state_path, self.network, self.averaged, self.optimizer, self.step, asdict(self.config)
        )
        config = asdict(self.config)
        architecture = {"kind": "gesture", **config.pop("model")}
        kind = architecture["kind"]
        if kind == "gesture":
            architecture |= self.averaged.config.to_table()  # type: ignore[union-attr,operator]
        card = Card(architecture, licences_of(self.config), {"steps_done": self.step, **config})
        save_weights(self.weights_path, self.averaged, card)
        self.record.save()

    def resume(self) -> None:
        """Goes on from the checkpoint.

        Raises:
            WeightsError: if it is missing, damaged, or of another architecture.
        """
        self.step = load_state(self.state_path, self.network, self.averaged, self.optimizer)

    def run(
        self, on_progress: Callable[[TrainingProgress], None] | None = None, max_seconds: float | None = None
    ) -> None:
        """Trains to the end, with checkpoints and a log.

        With ``max_seconds`` the schedules end when the time is up, if the steps have not ended
        before: a trained network in a given time, at the price of an exact repetition.
        Ctrl-C waits for the end of the step, saves the checkpoint, then goes on up.
        """
        began = mark = time.monotonic()
        sums: dict[str, Tensor] = {}
        count = 0
        if self.rank == 0:
            self.record.begin(self.step)
        with PoliteStop() as stop:
            try:
                while self.step < self.config.steps:
                    if max_seconds is not None and self._time_is_up((time.monotonic() - began) / max_seconds):
                        break
                    for key, value in self.train_step().items():
                        sums[key] = sums[key] + value if key in sums else value.clone()
                    count += 1
                    stop.check()
                    if self.step % self.config.log_every == 0 or self.step == self.config.steps:
                        means = {k: float(v) / count for k, v in sums.items()}
                        now = time.monotonic()
                        rate = count * self.config.batch / (now - mark)
                        self._watch()
                        sums, count, mark = {}, 0, now
                        if self.rank == 0:
                            figures = {"balance": float(self.scale), "images_per_s": rate}
                            self.record.log(self.step, means | figures)
                            if on_progress:
                                on_progress(TrainingProgress(self.step, self.config.steps, means, rate))
                    if self.step % self.config.save_every == 0:
                        self.save()
            except RuntimeError:
                # Where the other processes have stopped first, a collective call fails.
                stop.check()
                raise
            finally:
                self.save()

    def _time_is_up(self, share: float) -> bool:
        """Notes how much of the time has gone; all processes go by the first one's clock."""
        if self.world > 1:
            shared = torch.tensor(share, device=self.device)
            dist.broadcast(shared, 0)
            share = float(shared)
        self.time_share = share
        return share >= 1


class _Proposals(nn.Module):
    """``network.proposals`` as a module's forward, which is what DDP and torch.compile wrap."""

    def __init__(self, network: AnyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        return self.network.proposals(image)
