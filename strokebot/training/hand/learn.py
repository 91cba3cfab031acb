"""Trains the drawing networks: rounds of drawing pictures and learning from what was seen.

One round r: ``pictures`` pictures are made from the seed (seed, r, batch), drawn in lock step
(``drive``: some by the truth, some by the networks as they are, some swept for the eye), and both
networks are trained on the looks, shuffled, in steps that alternate in proportion. The averaged weights
are what drives and what is saved.

A checkpoint lies between two rounds, and a round depends on nothing but (weights, optimiser, seed, r):
a training that resumes goes on exactly as one that was never stopped.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from strokebot.errors import StrokebotError
from strokebot.hand.policy import EYE_NAME, PEN_NAME
from strokebot.model.card import Card
from strokebot.training.data.strokes import CHARACTER_SETS
from strokebot.training.hand.config import HandConfig
from strokebot.training.hand.corpus import MADE, Corpus
from strokebot.training.hand.drive import (
    LOOK_UNITS,
    EyeSamples,
    PenSamples,
    cell_of,
    drive,
    join_eye,
    join_pen,
)
from strokebot.training.hand.networks import EyeNet, PenNet, architecture_of, eye_loss, pen_loss
from strokebot.training.hand.policy import TorchPolicy
from strokebot.training.hand.walks import WALKS_NAME
from strokebot.training.networks.blocks import set_deterministic
from strokebot.training.networks.checkpoint import save_weights
from strokebot.training.state import PoliteStop, load_state, save_state
from strokebot.training.trainer import TrainingProgress

# Pictures that are drawn in lock step.
_LOCK_STEP = 256
# The learning rate falls from this share of the training on, and rises in the first steps.
_DECAY_FROM = 0.6
_WARMUP_STEPS = 200
_LICENCES = {
    "unipen": "CC BY 4.0 (Zenodo 10.5281/zenodo.1195803)",
    "omniglot": "MIT",
    "kanjivg": "CC BY-SA 3.0, U. Apel",
    "hanzi": "Arphic Public License, Make Me a Hanzi",
    MADE: "generated",
    WALKS_NAME: "walks of the tour over the stroke sets",
}


class Hand(nn.Module):
    """Both networks, for one optimiser and one checkpoint.

    Args:
        config: their sizes.
    """

    def __init__(self, config: HandConfig) -> None:
        super().__init__()
        self.pen, self.eye = PenNet(config.pen), EyeNet(config.eye)


@dataclass(frozen=True)
class _Task:
    """What makes one lock step of pictures; goes to a worker."""

    seed: tuple[int, int, int]
    pictures: int
    own: float
    swept: float


_WORKER: dict[str, Any] = {}


def _start_worker(folder: Path, config: HandConfig) -> None:
    torch.set_num_threads(1)
    _WORKER.update(corpus=Corpus(folder, config.sources), hand=Hand(config))


def _work(job: tuple[_Task, Mapping[str, np.ndarray] | None]) -> tuple[PenSamples, EyeSamples]:
    task, weights = job
    hand: Hand = _WORKER["hand"]
    policy = None
    if weights is not None:
        hand.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        policy = TorchPolicy(hand.pen, hand.eye)
    return _seen(_WORKER["corpus"], task, policy)


def _seen(corpus: Corpus, task: _Task, policy: TorchPolicy | None) -> tuple[PenSamples, EyeSamples]:
    rng = np.random.default_rng(task.seed)
    drawings = [corpus.drawing(rng) for _ in range(task.pictures)]
    driven = drive(drawings, rng, policy, task.own, task.swept)
    return driven.pen, driven.eye


class HandTrainer:
    """One training run.

    Args:
        config: what to do.
        data: folder of the training data.
        out_dir: where checkpoint, log and weights go.
        device: where to train; pictures are made on the CPU.

    Raises:
        DataError: if a source is missing or damaged.
    """

    def __init__(self, config: HandConfig, data: Path, out_dir: Path, device: torch.device) -> None:
        self.config, self.data, self.out_dir, self.device = config, data, out_dir, device
        set_deterministic(config.seed)
        self.corpus = Corpus(data, config.sources)
        self.hand = Hand(config).to(device)
        self.averaged = Hand(config).to(device).requires_grad_(False)
        self.averaged.load_state_dict(self.hand.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.hand.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
        )
        self.round = 0
        self.steps_done = 0
        self.time_share = 0.0

    @property
    def state_path(self) -> Path:
        """The checkpoint that ``resume`` reads."""
        return self.out_dir / f"{self.config.name}.state.safetensors"

    @property
    def weights_paths(self) -> tuple[Path, Path]:
        """The weights that this training makes: of the pen and of the eye."""
        return self.out_dir / f"{PEN_NAME}.safetensors", self.out_dir / f"{EYE_NAME}.safetensors"

    @property
    def progress(self) -> float:
        """How far the training is, 0 to 1: by rounds, or by time where that is further."""
        return min(1.0, max(self.round / self.config.rounds, self.time_share))

    def learning_rate(self) -> float:
        """The learning rate of the current step."""
        warm = min(1.0, (self.steps_done + 1) / _WARMUP_STEPS)
        left = min(1.0, (1.0 - self.progress) / (1.0 - _DECAY_FROM))
        return self.config.learning_rate * warm * max(left, 0.01)

    def run(
        self, on_progress: Callable[[TrainingProgress], None] | None = None, max_seconds: float | None = None
    ) -> None:
        """Trains to the end, with a checkpoint after every round.

        With ``max_seconds`` the schedule ends when the time is up, at the price of an exact repetition.
        Ctrl-C ends within a step; what the round has learned until then is lost, the checkpoint
        before it is kept.
        """
        began = time.monotonic()
        log = self.out_dir / f"{self.config.name}.log.jsonl"
        pool: Pool | None = None
        with PoliteStop() as stop:
            try:
                if self.config.workers:
                    pool = multiprocessing.get_context("spawn").Pool(
                        self.config.workers, _start_worker, (self.data, self.config)
                    )
                while self.round < self.config.rounds:
                    if max_seconds is not None:
                        self.time_share = (time.monotonic() - began) / max_seconds
                        if self.time_share >= 1.0:
                            break
                    mark = time.monotonic()
                    pen, eye = self.see(pool)
                    seen = time.monotonic()
                    losses = self.learn(pen, eye, stop)
                    self.round += 1
                    self.save()
                    took = time.monotonic() - mark
                    looks = len(pen.look) * self.config.pen_passes + len(eye.look) * self.config.eye_passes
                    line = {"round": self.round, **losses, "made_s": seen - mark, "round_s": took}
                    with log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({k: round(v, 5) for k, v in line.items()}) + "\n")
                    if on_progress:
                        total = losses | {"total": sum(losses.values())}
                        on_progress(TrainingProgress(self.round, self.config.rounds, total, looks / took))
                    stop.check()
            finally:
                if pool is not None:
                    pool.terminate()

    def see(self, pool: Pool | None = None) -> tuple[PenSamples, EyeSamples]:
        """The samples of the current round."""
        c = self.config
        own = c.own if self.round >= c.own_from else 0.0
        tasks = []
        for k in range(math.ceil(c.pictures / _LOCK_STEP)):
            size = min(_LOCK_STEP, c.pictures - k * _LOCK_STEP)
            tasks.append(_Task((c.seed, self.round, k), size, own, c.swept))
        if pool is None:
            policy = TorchPolicy(self.averaged.pen, self.averaged.eye) if own else None
            parts = [_seen(self.corpus, task, policy) for task in tasks]
        else:
            weights = None
            if own:
                weights = {k: v.float().cpu().numpy() for k, v in self.averaged.state_dict().items()}
            parts = pool.map(_work, [(task, weights) for task in tasks], chunksize=1)
        return join_pen([pen for pen, _ in parts]), join_eye([eye for _, eye in parts])

    def learn(self, pen: PenSamples, eye: EyeSamples, stop: PoliteStop | None = None) -> dict[str, float]:
        """Trains on the samples of a round; returns the mean of each part of the losses."""
        c = self.config
        rng = np.random.default_rng((c.seed, self.round, 1 << 30))
        cells = cell_of(eye.target)
        columns = [torch.from_numpy(v) for v in (*pen, *eye, cells)]
        # All looks of a round fit into the memory of a GPU, and need not be moved in a CPU's.
        columns = [v.to(self.device) for v in columns]
        n_pen = len(PenSamples._fields)
        steps = [("pen", rows) for rows in _batches(rng, len(pen.look), c.batch, c.pen_passes)]
        steps += [("eye", rows) for rows in _batches(rng, len(eye.look), c.batch, c.eye_passes)]
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for k in rng.permutation(len(steps)):
            which, rows = steps[int(k)]
            index = torch.from_numpy(rows).to(self.device)
            if which == "pen":
                terms = self._pen_terms([v[index] for v in columns[:n_pen]])
            else:
                terms = self._eye_terms([v[index] for v in columns[n_pen:]])
            self._step(torch.stack(list(terms.values())).sum())
            for key, value in terms.items():
                name = f"{which}_{key}"
                sums[name] = sums.get(name, torch.zeros((), device=self.device)) + value.detach()
                counts[name] = counts.get(name, 0) + 1
            if stop is not None:
                stop.check()
        return {name: float(value) / counts[name] for name, value in sums.items()}

    def _autocast(self) -> Any:
        cuda = self.device.type == "cuda"
        return torch.autocast("cuda", dtype=torch.bfloat16) if cuda else nullcontext()

    def _pen_terms(self, batch: list[Tensor]) -> dict[str, Tensor]:
        look, extras, direction, points, lift = batch
        with self._autocast():
            answer = self.hand.pen(look.float() / LOOK_UNITS, extras)
        return pen_loss(answer, direction, points, lift.float())

    def _eye_terms(self, batch: list[Tensor]) -> dict[str, Tensor]:
        look, extras, target, direction, cells = batch
        with self._autocast():
            answer = self.hand.eye(look.float() / LOOK_UNITS, extras)
        return eye_loss(answer, cells, target, direction)

    def _step(self, loss: Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.hand.parameters(), self.config.clip)
        self.optimizer.step()
        self.steps_done += 1
        # A short memory at first: the average must not remember the untrained weights.
        decay = min(self.config.ema, (1 + self.steps_done) / (10 + self.steps_done))
        with torch.no_grad():
            ours = list(self.averaged.state_dict().values())
            torch._foreach_lerp_(ours, list(self.hand.state_dict().values()), 1 - decay)

    def save(self) -> None:
        """Writes the checkpoint, and the averaged weights with their cards.

        Raises:
            StrokebotError: if the weights are no longer finite numbers; the checkpoint before is kept.
        """
        if not all(torch.isfinite(p).all() for p in self.hand.parameters()):
            raise StrokebotError(
                f"The training diverged in round {self.round}; the checkpoint before it is kept."
                " Lower train.learning_rate."
            )
        config = asdict(self.config) | {"steps_done": self.steps_done}
        save_state(self.state_path, self.hand, self.averaged, self.optimizer, self.round, config)
        training = {"rounds_done": self.round, **config}
        networks: tuple[PenNet | EyeNet, ...] = (self.averaged.pen, self.averaged.eye)
        for path, network in zip(self.weights_paths, networks, strict=True):
            save_weights(
                path, network, Card(architecture_of(network), licences_of(self.config.sources), training)
            )

    def resume(self) -> None:
        """Goes on from the checkpoint.

        Raises:
            WeightsError: if it is missing, damaged, or of another architecture.
        """
        self.round = load_state(self.state_path, self.hand, self.averaged, self.optimizer)
        self.steps_done = _steps_of(self.optimizer, self.hand)


def _steps_of(optimizer: torch.optim.Optimizer, hand: Hand) -> int:
    """Steps of both networks, as the optimiser has counted them."""
    counts = [next((int(optimizer.state[p]["step"]) for p in n.parameters() if p in optimizer.state), 0)
              for n in (hand.pen, hand.eye)]  # fmt: skip
    return sum(counts)


def _batches(rng: np.random.Generator, n: int, size: int, passes: int) -> Iterator[np.ndarray]:
    """Indices of batches that go through n samples some times, each time in another order."""
    for _ in range(passes):
        order = rng.permutation(n)
        yield from (order[k : k + size] for k in range(0, n, size))


def licences_of(sources: Mapping[str, float]) -> dict[str, str]:
    """Licence of each source that is drawn from."""
    named = {}
    for name, share in sources.items():
        if share > 0:
            key = "unipen" if name.startswith("unipen") else name
            split = " (characters held out)" if name in CHARACTER_SETS else ""
            named[name] = _LICENCES[key] + split
    return named
