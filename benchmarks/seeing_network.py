"""A small network that answers what each pixel is: the rival of the rules of ``strokebot.picture.see``.

    python -m benchmarks.seeing_network --folder DIR [--minutes 60] [--scenes 6000]

Nouns:
    class    what a pixel is: bare paper, line ink, flat area, printed rule, or other (table, stain, hole)
    crop     a square of ``CROP`` px out of a scene of ``tests.support.scenes``, scaled, turned, relit
    network  a U-Net (O. Ronneberger and others, 2015) whose levels are added and not joined (A. Chaurasia
             and E. Culurciello, LinkNet, 2017), most of it at half size and less: RGB in, a logit for each
             class and pixel out

Scenes of seeds from ``FIRST_SEED`` on are made once and kept in the folder. A checkpoint is written every few
minutes, and training goes on from it; the schedule follows the steps done within ``--minutes`` of CPU time.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from tests.support.scenes import FURTHER, KINDS, MIXED, MIXTURE, Scene, encoded, make_scene

Pixels = NDArray[np.uint8]

CLASSES = ("paper", "ink", "area", "rule", "other")
INK, _EITHER = 1, 255
# Seeds of training; those of tests and benchmarks are under 1000.
FIRST_SEED = 100_000
CROP = 160
# Channels at full size and at each halving.
_FULL, _CHANNELS = 8, (24, 48, 64, 64, 64)
_BATCH, _RATE, _SEED, _SAVE_S = 12, 4e-3, 7, 120.0
# Shares of a scene's kind: mixtures, phones and the like, the rest.
_MIXTURE_SHARE, _MIXED_SHARE = 0.5, 0.1
# Least coverage of a class; what is less, but no nothing, is either.
_HALF, _TRACE = 0.5, 0.02
_INK_WEIGHT, _OVERLAP_WEIGHT = 2.0, 0.5


# -- the network -----------------------------------------------------------------------------------------


def _step(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


class SeeingNetwork(nn.Module):
    """(B, 3, H, W) RGB in [0, 1] -> (B, 5, H, W) logits of ``CLASSES``; H and W divisible by 32."""

    def __init__(self) -> None:
        super().__init__()
        self.full = _step(3, _FULL)
        befores = (_FULL, *_CHANNELS[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(_step(before, after, 2), _step(after, after))
            for before, after in zip(befores, _CHANNELS, strict=True)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(deep, flat, 1) for deep, flat in zip(_CHANNELS[:0:-1], _CHANNELS[-2::-1], strict=True)
        )
        self.up = nn.ModuleList(_step(flat, flat) for flat in _CHANNELS[-2::-1])
        self.last_narrow = nn.Conv2d(_CHANNELS[0], _FULL, 1)
        self.head = nn.Sequential(_step(2 * _FULL, _FULL), nn.Conv2d(_FULL, len(CLASSES), 1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        full = self.full(2 * x - 1)
        x, kept = full, []
        for down in self.down:
            x = down(x)
            kept.append(x)
        for narrow, up, flat in zip(self.narrow, self.up, kept[-2::-1], strict=True):
            x = up(functional.interpolate(narrow(x), scale_factor=2.0) + flat)
        x = functional.interpolate(self.last_narrow(x), scale_factor=2.0)
        return self.head(torch.cat([x, full], dim=1))


# -- scenes ----------------------------------------------------------------------------------------------


def rgb_of(scene: Scene) -> Pixels:
    """The picture of a scene as its file shows it, (H, W, 3), on white."""
    if scene.picture.ndim == 2:
        deep = scene.picture.astype(np.float64)
        return np.repeat((deep / max(deep.max(), 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    with Image.open(io.BytesIO(encoded(scene))) as file:
        if file.mode == "RGBA":
            white = Image.new("RGBA", file.size, (255, 255, 255, 255))
            white.alpha_composite(file)
            return np.asarray(white.convert("RGB"))
        return np.asarray(file.convert("RGB"))


def classes_of(scene: Scene) -> Pixels:
    """What each pixel is, (H, W): a place in ``CLASSES``, or 255 where two answers are right."""
    answer = np.zeros(scene.truth.shape, dtype=np.uint8)
    for number, cover in ((4, scene.other), (3, scene.pattern), (2, scene.areas)):
        if cover is not None:
            answer[cover > _TRACE] = _EITHER
            answer[cover >= _HALF] = number
    answer[scene.truth > _TRACE] = _EITHER
    answer[scene.truth >= _HALF] = INK
    return answer


def stored_scenes(folder: Path, count: int) -> tuple[Pixels, NDArray[np.int64]]:
    """The scenes to train on, made where they are not yet: bytes (RGB and class), and (N, 3) start, H, W."""
    store, places = folder / "scenes.npy", folder / "places.npy"
    if not places.exists():
        rng = np.random.default_rng(_SEED)
        kinds = [kind for kind in (*KINDS, *FURTHER) if kind != "alpha"]
        found, start, parts = [], 0, []
        for k in range(count):
            draw = rng.random()
            kind = MIXTURE if draw < _MIXTURE_SHARE else str(rng.choice(kinds))
            if _MIXTURE_SHARE <= draw < _MIXTURE_SHARE + _MIXED_SHARE:
                kind = str(rng.choice([*MIXED, "margin", "desk"]))
            scene = make_scene(kind, FIRST_SEED + k)
            both = np.dstack([rgb_of(scene), classes_of(scene)])
            found.append((start, *both.shape[:2]))
            parts.append(both.reshape(-1))
            start += both.size
        whole = open_memmap(store, mode="w+", dtype=np.uint8, shape=(start,))
        for (first, _, _), part in zip(found, parts, strict=True):
            whole[first : first + part.size] = part
        whole.flush()
        np.save(places, np.array(found, dtype=np.int64))
    return np.load(store, mmap_mode="r"), np.load(places)


def one_crop(rng: np.random.Generator, scene: Pixels) -> tuple[Pixels, Pixels]:
    """A crop (CROP, CROP, 3) of a scene (H, W, 4), and its classes (CROP, CROP)."""
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(1.6)))) if rng.random() < 0.5 else 1.0
    side = round(CROP / scale)
    grown = max(0, side - scene.shape[0]), max(0, side - scene.shape[1])
    if any(grown):
        scene = np.pad(
            scene,
            ((0, grown[0]), (0, grown[1]), (0, 0)),
            mode="reflect" if max(grown) < min(scene.shape[:2]) else "edge",
        )
    y, x = (int(rng.integers(0, size - side + 1)) for size in scene.shape[:2])
    part = np.rot90(scene[y : y + side, x : x + side], int(rng.integers(4)))
    if rng.random() < 0.5:
        part = part[:, ::-1]
    rgb, answer = (
        Image.fromarray(np.ascontiguousarray(part[..., :3])),
        Image.fromarray(np.ascontiguousarray(part[..., 3])),
    )
    if side != CROP:
        rgb = rgb.resize((CROP, CROP), Image.Resampling.BILINEAR)
        answer = answer.resize((CROP, CROP), Image.Resampling.NEAREST)
    if rng.random() < 0.15:
        out = io.BytesIO()
        rgb.save(out, "JPEG", quality=int(rng.integers(20, 90)))
        rgb = Image.open(out)
    value = np.asarray(rgb, dtype=np.float32)
    if rng.random() < 0.6:
        gain = rng.uniform(0.7, 1.1) * rng.uniform(0.92, 1.08, 3)
        value = 255 * np.clip(value * gain / 255, 0, 1) ** rng.uniform(0.75, 1.3)
    if rng.random() < 0.1:
        value = value[..., rng.permutation(3)]
    if rng.random() < 0.2:
        value = value + rng.normal(0, rng.uniform(1, 6), value.shape)
    return np.clip(value + 0.5, 0, 255).astype(np.uint8), np.asarray(answer)


def batch_of(rng: np.random.Generator, store: Pixels, places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """(B, 3, CROP, CROP) in [0, 1] and classes (B, CROP, CROP)."""
    rgb, answers = [], []
    for k in rng.integers(0, len(places), _BATCH):
        start, height, width = places[k]
        scene = np.asarray(store[start : start + height * width * 4]).reshape(height, width, 4)
        one, answer = one_crop(rng, scene)
        rgb.append(one)
        answers.append(answer)
    x = torch.from_numpy(np.stack(rgb)).permute(0, 3, 1, 2).float() / 255
    return x, torch.from_numpy(np.stack(answers)).long()


# -- training --------------------------------------------------------------------------------------------


def loss_of(logits: Tensor, answer: Tensor) -> Tensor:
    """Cross entropy, ink weighing more, and one less the overlap of ink (F1 over soft counts)."""
    counts = answer != _EITHER
    each = functional.cross_entropy(logits, answer, ignore_index=_EITHER, reduction="none")
    weight = torch.where(answer == INK, _INK_WEIGHT, 1.0) * counts
    entropy = (each * weight).sum() / weight.sum()
    ink = logits.softmax(dim=1)[:, INK] * counts
    true = (answer == INK).float()
    overlap = (2 * (ink * true).sum((1, 2)) + 10) / (ink.sum((1, 2)) + true.sum((1, 2)) + 10)
    return entropy + _OVERLAP_WEIGHT * (1 - overlap).mean()


def train(folder: Path, minutes: float, scenes: int) -> None:
    """Trains, or goes on with it, for so many minutes of CPU time."""
    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    store, places = stored_scenes(folder, scenes)
    network = SeeingNetwork().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-4)
    kept = folder / "network.pt"
    step, used = 0, 0.0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        step, used = state["step"], state["used"]

    def save() -> None:
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "step": step, "used": used}, kept.with_suffix(".new"))
        kept.with_suffix(".new").replace(kept)
        line = {"step": step, "cpu_minutes": round(used / 60, 2), "loss": round(mean, 4)}
        print(json.dumps(line), flush=True)

    rng = np.random.default_rng([_SEED, step])
    began, saved, mean = time.process_time() - used, time.monotonic(), 1.0
    while (used := time.process_time() - began) < 60 * minutes:
        done = used / (60 * minutes)
        rate = _RATE * min(1.0, (step + 1) / 60) * max(0.01, 0.5 + 0.5 * float(np.cos(np.pi * done)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        x, answer = batch_of(rng, store, places)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), answer)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step, mean = step + 1, (0.98 * mean + 0.02 * float(loss.detach()))
        if time.monotonic() - saved > _SAVE_S:
            saved = time.monotonic()
            save()
    save()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Train a network that sees ink.")
    parser.add_argument("--folder", type=Path, required=True, help="for scenes and weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="CPU time of the training")
    parser.add_argument("--scenes", type=int, default=6000)
    chosen = parser.parse_args(arguments)
    train(chosen.folder, chosen.minutes, chosen.scenes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
