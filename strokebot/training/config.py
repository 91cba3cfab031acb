"""What a training run is: one TOML file, validated where it is read."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.toml_table import Bounds, Table, check_bounds
from strokebot.errors import ConfigError
from strokebot.training.losses import LossWeights

STROKE_SETS = ("unipen_digits", "unipen_lower", "unipen_upper", "omniglot")
# Names become file names.
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
# Seed, rank and step become one 64-bit seed of each batch.
_MOST_SEED = 1_000_000
# Side of the canvas of a glyph on the paper, mm.
_GLYPH_MM = (1.0, 1000.0)
_ROUND_WEIGHTS = (0.4, 0.7, 1.0)
PRECISIONS = ("bf16", "fp32")
BOUNDS: Bounds = {
    "steps": (1, 1_000_000),
    "batch": (1, 65_536),
    "learning_rate": (1e-7, 1.0),
    "warmup_steps": (0, 1_000_000),
    "weight_decay": (0, 10),
    "ema": (0, 0.99999),
    "clip": (0, 1e6),
    "save_every": (1, 10_000_000),
    "log_every": (1, 10_000_000),
}


@dataclass(frozen=True)
class DataConfig:
    """Section [data].

    Attributes:
        mnist_share: share of MNIST digits in a batch.
        stroke_sets: sampling weight of each stroke set; empty for none.
        augment: whether digits are warped.
    """

    mnist_share: float = 0.5
    stroke_sets: dict[str, float] = field(
        default_factory=lambda: {
            "unipen_digits": 1.0,
            "unipen_lower": 2.0,
            "unipen_upper": 2.0,
            "omniglot": 1.0,
        }
    )
    augment: bool = True

    def __post_init__(self) -> None:
        check_bounds(self, "data", {"mnist_share": (0.0, 1.0)}, ConfigError)


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run.

    Attributes:
        name: names the output files.
        seed: seed of weights and batches.
        model: architecture, as ``model.checkpoint.build_network`` takes it, with the measured pen
            that section [pen] names.
        data: what to train on.
        loss: weights of the loss terms.
        steps: optimiser steps.
        batch: images a step, over all processes.
        learning_rate: peak, reached after the warm-up, then a cosine down to a hundredth.
        warmup_steps: steps of linear warm-up.
        weight_decay: AdamW's.
        ema: decay of the averaged weights that are saved; 0 for none.
        clip: largest gradient norm; 0 for none.
        constant_rate: whether the learning rate stays at its peak (the article's training).
        precision: "bf16" (autocast, on CUDA alone) or "fp32".
        compile: whether to use torch.compile where a compiler is there.
        save_every: steps between checkpoints.
        log_every: steps between lines of the log.
    """

    name: str = "gesture"
    seed: int = 0
    model: dict[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    steps: int = 10_000
    batch: int = 256
    learning_rate: float = 1e-3
    warmup_steps: int = 300
    weight_decay: float = 0.01
    ema: float = 0.999
    clip: float = 1.0
    constant_rate: bool = False
    precision: str = "bf16"
    compile: bool = False
    save_every: int = 1000
    log_every: int = 100

    def __post_init__(self) -> None:
        if re.fullmatch(_NAME, self.name) is None:
            raise ConfigError(f"name is {self.name!r}: it becomes a file name, of letters, digits and . _ -")
        check_bounds(self, "", {"seed": (0, _MOST_SEED)}, ConfigError)
        check_bounds(self, "train", BOUNDS, ConfigError)
        if self.precision not in PRECISIONS:
            raise ConfigError(f"train.precision is {self.precision!r}: use {' or '.join(PRECISIONS)}.")


def load_config(path: Path) -> TrainConfig:
    """Reads a training configuration.

    Raises:
        ConfigError: if the file is missing, not TOML, or has an unknown key or a value out of bounds.
    """
    return config_of(read_table(path), path.name)


def read_table(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        ConfigError: if the file is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigError(f"Cannot read the configuration {path}: {cause}.") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ConfigError(f"{path} is not valid TOML: {cause}.") from cause


def config_of(table: dict[str, Any], where: str = "configuration") -> TrainConfig:
    """Validates a configuration table.

    Args:
        table: as ``tomllib`` gives it.
        where: the file's name, for messages.

    Raises:
        ConfigError: naming the file and the offending key.
    """
    top = Table(table, "", where, ConfigError)
    train, model, data, loss = (top.section(key) for key in ("train", "model", "data", "loss"))
    values: dict[str, Any] = train.fields(TrainConfig, leave=("name", "seed", "model", "data", "loss"))
    train.finish()
    values["model"] = model.rest()
    if top.has("pen"):
        values["model"]["pen"] = _pen(top.section("pen"))
    if top.has("name"):
        values["name"] = top.text("name")
    if top.has("seed"):
        values["seed"] = top.whole("seed")
    top.finish()
    values["loss"] = LossWeights.from_table(loss)
    try:
        return TrainConfig(data=_data(data), **values)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from None


def _data(table: Table) -> DataConfig:
    values = table.fields(DataConfig, leave=("stroke_sets",))
    if table.has("stroke_sets"):
        sets = table.section("stroke_sets")
        values["stroke_sets"] = {k: sets.number(k, 0, math.inf) for k in STROKE_SETS if sets.has(k)}
        sets.finish()
    return DataConfig(**values)


def _pen(table: Table) -> dict[str, Any]:
    """Section [pen]: the pen of a profile, and how large a glyph is drawn with it."""
    from calibration.errors import ProfileError
    from calibration.profile import Profile
    from strokebot.training.pens.response import response_table

    name, glyph_mm = table.text("profile"), table.number("glyph_mm", *_GLYPH_MM)
    table.finish()
    try:
        pen = Profile.load(name).pen
    except ProfileError as cause:
        raise table.fail("profile", f"cannot be used: {cause}") from None
    return {"mm_per_canvas": glyph_mm, "response": response_table(pen)}


def round_weights(count: int) -> list[float]:
    """The weight of the likeness terms after the head and after each round; the last is 1."""
    return list(_ROUND_WEIGHTS[-count:]) if count <= len(_ROUND_WEIGHTS) else [0.4] * (count - 2) + [0.7, 1.0]
