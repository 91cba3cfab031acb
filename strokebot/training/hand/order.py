"""Learns in which order and direction people draw strokes: the network ``hand-order``.

Two kinds of examples, in turn:
    true strokes     of stroke sets, each turned round by chance, in any order, some cut in two; cheap
                     and many, and the network is told that order and direction say nothing
    drawn strokes    of ``drawings``: as the hand cuts lines into strokes, in the order and direction of
                     the hand, which are often right; the network is told that they say something

    python -m strokebot.training.hand.order --data DIR --out DIR [--minutes M] [--seed N]

The folder of the data must hold ``drawings.npz`` (``strokebot.training.hand.drawings``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strokebot.errors import StrokebotError
from strokebot.geometry.polyline import arc_length
from strokebot.hand.order import MOST_STROKES, POINTS, TOLD, order_inputs, spaced
from strokebot.hand.policy import ORDER_NAME
from strokebot.hand.retina import WORK_PX
from strokebot.model.card import Card
from strokebot.training.data.strokes import STROKE_FILES, StrokeSet, load_strokes
from strokebot.training.hand.corpus import training_part
from strokebot.training.hand.drawings import VALIDATION_FILE, Drawings, load_drawings
from strokebot.training.hand.export import export_order
from strokebot.training.hand.learn import licences_of
from strokebot.training.hand.order_network import (
    SURE,
    OrderConfig,
    OrderNet,
    architecture_of_order,
    order_loss,
    ordered_pairs,
)
from strokebot.training.networks.checkpoint import save_weights

# How often each set is drawn from.
SOURCES: dict[str, float] = {
    "unipen_words": 3.0, "unipen_upper": 3.0, "kanjivg": 4.0, "hanzi": 1.0,
    "unipen_lower": 0.5, "unipen_digits": 0.3, "omniglot": 1.0,
}  # fmt: skip
# Share of true strokes that are cut in two.
_CUT = 0.08
# Examples that are sorted by their strokes, so that batches need little padding.
_POOL = 2048
# Strokes a batch; share of examples that are drawn ones.
_STROKES, _DRAWN = 1024, 0.5
_LEARNING_RATE = 1.5e-3
_WEIGHT_DECAY = 0.02
# The learning rate rises in the first steps, and falls from this share of the training on.
_WARMUP_STEPS, _DECAY_FROM = 200, 0.4
# Decay of the averaged weights, which are kept.
_AVERAGED = 0.999
_SAVE_EVERY_S = 60.0

# -- examples -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Example:
    """One drawing: the network's inputs, and when, forward and whole (n,) of ``Drawings``."""

    points: NDArray[np.float32]
    told: NDArray[np.float32]
    when: NDArray[np.float32]
    forward: NDArray[np.float32]
    whole: NDArray[np.float32]


class TrueStrokes:
    """Examples of stroke sets.

    Args:
        sets: the sets.
        weights: how often each is drawn from.
    """

    def __init__(self, sets: Sequence[StrokeSet], weights: Sequence[float]) -> None:
        self._sets = list(sets)
        self._share = np.array(weights, np.float64) / sum(weights)

    def example(self, rng: np.random.Generator) -> Example:
        """The next example."""
        chosen = self._sets[int(rng.choice(len(self._sets), p=self._share))]
        strokes = [np.asarray(s, np.float64) for s in chosen.strokes(int(rng.integers(len(chosen))))]
        pieces, when = list[NDArray[np.float64]](), list[float]()
        for k, stroke in enumerate(strokes):
            at = spaced(stroke, 2 * POINTS)
            if rng.random() < _CUT:
                cut = int(rng.integers(3, 2 * POINTS - 3))
                pieces += [spaced(at[: cut + 1]), spaced(at[cut:])]
                when += [float(k), k + 0.5]
            else:
                pieces.append(spaced(at))
                when.append(float(k))
        order = rng.permutation(len(pieces))[:MOST_STROKES]
        points = np.array(pieces)[order]
        points = points @ _warp(rng)
        length = np.array([float(arc_length(p)[-1]) for p in points])
        forward = np.where(rng.random(len(order)) < 0.5, 1.0, -1.0)
        points = np.where(forward[:, None, None] > 0, points, points[:, ::-1])
        # A dot has no direction.
        own = np.where(length > 0, forward, 0.0).astype(np.float32)
        box = float(np.ptp(points[..., 1])) or 1.0
        points = points + rng.normal(0.0, 0.01 * box, points.shape)
        found, told = order_inputs(points, length, 0.0, 0.0, drawn=False)
        # Whole strokes are easy to tell from these cuts, not so from those of the hand.
        whole = np.full(len(own), np.nan, np.float32)
        return Example(found, told, np.array(when, np.float32)[order], own, whole)


def _warp(rng: np.random.Generator) -> NDArray[np.float64]:
    turn, shear, aspect = rng.normal(0.0, 0.05), rng.uniform(-0.2, 0.2), np.exp(rng.uniform(-0.2, 0.2))
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(np.array([[cos, sin], [-sin, cos]]) @ np.array([[aspect, 0.0], [shear, 1.0]]))


def drawn_example(found: Drawings, picture: int, rng: np.random.Generator | None = None) -> Example:
    """An example of what the hand drew; warped, and some strokes turned round, if a generator is given."""
    own = slice(int(found.start[picture]), int(found.start[picture + 1]))
    own = slice(own.start, min(own.stop, own.start + MOST_STROKES))
    points = found.points[own].astype(np.float64)
    length, when, forward, whole = (v[own] for v in (found.length, found.when, found.forward, found.whole))
    drawn = True
    if rng is not None:
        points = points @ _warp(rng) + rng.normal(0.0, 0.1 * WORK_PX, points.shape)
        drawn = bool(rng.random() < 0.8)
        if not drawn:
            order, turned = rng.permutation(len(points)), rng.random(len(points)) < 0.5
            points = np.where(turned[:, None, None], points[:, ::-1], points)[order]
            length, when, whole = length[order], when[order], whole[order]
            forward = np.where(turned, -forward, forward)[order]
    given, told = order_inputs(points, length, WORK_PX, float(found.style[picture]), drawn=drawn)
    return Example(given, told, when, forward.astype(np.float32), whole)


def collate(examples: Sequence[Example]) -> list[Tensor]:
    """points, told, there, when, forward, whole of a batch, padded to the longest."""
    n, b = max(len(e.when) for e in examples), len(examples)
    points, told = np.zeros((b, n, POINTS, 2), np.float32), np.zeros((b, n, TOLD), np.float32)
    there, when, forward, whole = (np.zeros((b, n), np.float32) for _ in range(4))
    for k, e in enumerate(examples):
        m = len(e.when)
        points[k, :m], told[k, :m], there[k, :m] = e.points, e.told, 1.0
        when[k, :m], forward[k, :m], whole[k, :m] = e.when, e.forward, e.whole
    return [torch.from_numpy(v) for v in (points, told, there, when, forward, whole)]


def figures(network: OrderNet, examples: Sequence[Example]) -> tuple[float, float]:
    """Mean of Kendall's tau over pictures, and share of strokes in the true direction."""
    network.eval()
    tau, right = list[float](), list[bool]()
    with torch.inference_mode():
        for first in range(0, len(examples), 64):
            points, told, there, when, forward, _ = collate(examples[first : first + 64])
            before, way, _ = network(points, told, there)
            counted = ordered_pairs(there, when)
            good = torch.sign(before) * torch.sign(when[:, None] - when[:, :, None]) * counted
            some = counted.sum(dim=(1, 2))
            tau += (good.nan_to_num().sum(dim=(1, 2))[some > 0] / some[some > 0]).tolist()
            directed = (there > 0) & (forward.abs() > SURE)
            right += ((way > 0) == (forward > 0))[directed].tolist()
    network.train()
    return float(np.mean(tau)), float(np.mean(right))


def batches(
    true: TrueStrokes, drawn: Drawings | None, rng: np.random.Generator, strokes: int, share: float
) -> Iterator[list[Tensor]]:
    """Batches without end, of about so many strokes each; ``share`` of the examples are drawn ones."""
    while True:
        made = []
        for _ in range(_POOL):
            if drawn is not None and rng.random() < share:
                made.append(drawn_example(drawn, int(rng.integers(len(drawn))), rng))
            else:
                made.append(true.example(rng))
        # One stroke alone has no order, but a direction.
        made = sorted((e for e in made if len(e.when)), key=lambda e: len(e.when))
        groups = list[list[Example]]()
        at = 0
        while at < len(made):
            count = max(1, min(strokes // len(made[at].when), _POOL))
            groups.append(made[at : at + count])
            at += count
        for k in rng.permutation(len(groups)):
            yield collate(groups[int(k)])


# -- training -------------------------------------------------------------------------------------


class OrderTrainer:
    """One training run; it lasts so many processor seconds, or steps.

    Args:
        config: size of the network.
        data: folder of the stroke sets and of the drawings.
        seed: of weights and examples.

    Raises:
        DataError: if a set is missing or damaged.
    """

    def __init__(self, config: OrderConfig, data: Path, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.seed = seed
        self.network, self.averaged = OrderNet(config), OrderNet(config).requires_grad_(False)
        self.averaged.load_state_dict(self.network.state_dict())
        names = [name for name in SOURCES if (data / STROKE_FILES[name]).exists()]
        sets = [training_part(load_strokes(data, name)) for name in names]
        true = TrueStrokes(sets, [SOURCES[name] for name in names])
        drawn = load_drawings(data)
        self._batches = batches(true, drawn, np.random.default_rng(seed), _STROKES, _DRAWN)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY, betas=(0.9, 0.98)
        )
        self.sources = names
        self.steps = 0

    def step(self, progress: float) -> dict[str, float]:
        """One step of training; returns its losses. ``progress`` is in [0, 1]."""
        warm = min(1.0, (self.steps + 1) / _WARMUP_STEPS)
        left = min(1.0, (1.0 - progress) / (1.0 - _DECAY_FROM))
        for group in self._optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * warm * max(left, 0.01)
        points, told, there, *true = next(self._batches)
        terms = order_loss(self.network(points, told, there), there, *true)
        self._optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.steps += 1
        # A short memory at first, as in ``learn``.
        decay = min(_AVERAGED, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            ours = list(self.averaged.state_dict().values())
            torch._foreach_lerp_(ours, list(self.network.state_dict().values()), 1 - decay)
        return {name: float(value.detach()) for name, value in terms.items()}

    def run(self, out: Path, seconds: float) -> Iterator[tuple[float, dict[str, float]]]:
        """Trains for so many processor seconds; yields progress and mean losses about every minute."""
        began = saved = time.process_time()
        sums: list[dict[str, float]] = []
        while (progress := (time.process_time() - began) / seconds) < 1.0:
            sums.append(self.step(progress))
            if time.process_time() - saved > _SAVE_EVERY_S:
                saved = time.process_time()
                self.save(out)
                yield progress, {name: float(np.mean([s[name] for s in sums])) for name in sums[0]}
                sums = []
        self.save(out)

    def save(self, out: Path) -> None:
        """Writes the averaged weights with their card."""
        sources = {name: SOURCES[name] for name in self.sources}
        training = {"steps_done": self.steps, "seed": self.seed, "sources": sources}
        card = Card(architecture_of_order(self.averaged), licences_of(sources), training)
        save_weights(out / f"{ORDER_NAME}.safetensors", self.averaged, card)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m strokebot.training.hand.order", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--minutes", type=float, default=20.0, help="processor minutes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        trainer = OrderTrainer(OrderConfig(), options.data, options.seed)
        chosen = load_drawings(options.data, VALIDATION_FILE)
        kept = [drawn_example(chosen, k) for k in range(len(chosen)) if chosen.start[k] < chosen.start[k + 1]]
        options.out.mkdir(parents=True, exist_ok=True)
        for progress, losses in trainer.run(options.out, 60.0 * options.minutes):
            tau, right = figures(trainer.averaged, kept)
            told = " ".join(f"{name} {value:.4f}" for name, value in losses.items())
            sys.stdout.write(f"{progress:.2f} {trainer.steps} {told} tau {tau:.3f} right way {right:.3f}\n")
            sys.stdout.flush()
        export_order(options.out)
    except (StrokebotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
