"""What a training run is: one TOML file, validated where it is read."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


_BOUNDS: dict[str, tuple[float, float]] = {
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


def load_config(path: Path) -> TrainConfig:
    """Reads a training configuration.

    Raises:
        ConfigError: if the file is missing, not TOML, or has an unknown key or a value out of bounds.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigError(f"Cannot read the configuration {path}: {cause}.") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ConfigError(f"{path} is not valid TOML: {cause}.") from cause
    return config_of(table)


def config_of(table: dict[str, Any]) -> TrainConfig:
    """Validates a configuration table.

    Raises:
        ConfigError: naming the offending key.
    """
    top = dict(table)
    train, model, data, loss, pen = (_section(top, key) for key in ("train", "model", "data", "loss", "pen"))
    if pen:
        model["pen"] = _pen(pen)
    values: dict[str, Any] = {
        "name": _take(top, "name", str, "gesture", lambda v: re.fullmatch(_NAME, v) is not None),
        "seed": _take(top, "seed", int, 0, lambda v: 0 <= v <= _MOST_SEED),
    }
    if top:
        raise ConfigError(f"{sorted(top)[0]} is not a known key of a training configuration.")
    defaults = TrainConfig()
    for key in list(train):
        if key not in TrainConfig.__dataclass_fields__ or key in ("name", "seed", "model", "data", "loss"):
            raise ConfigError(f"train.{key} is not a known key.")
        default = getattr(defaults, key)
        kind: type | tuple[type, ...] = (int, float) if isinstance(default, float) else type(default)
        value = train[key]
        fits = isinstance(value, kind) and (isinstance(default, bool) or not isinstance(value, bool))
        if not fits:
            raise ConfigError(f"train.{key} is {value!r}; a value like {default!r} is needed.")
        if key in _BOUNDS and not _BOUNDS[key][0] <= value <= _BOUNDS[key][1]:
            raise ConfigError(
                f"train.{key} is {value}; it must lie in {_BOUNDS[key][0]:g} to {_BOUNDS[key][1]:g}."
            )
        values[key] = value
    if values.get("precision", "bf16") not in ("bf16", "fp32"):
        raise ConfigError(f"train.precision is {values['precision']!r}; use bf16 or fp32.")
    return TrainConfig(model=model, data=_data(data), loss=LossWeights.from_table(loss), **values)


def _section(table: dict[str, Any], key: str) -> dict[str, Any]:
    section = table.pop(key, {})
    if not isinstance(section, dict):
        raise ConfigError(f"{key} is {section!r}, but a section [{key}] is needed.")
    return dict(section)


def _data(table: dict[str, Any]) -> DataConfig:
    share = _take(table, "mnist_share", float, DataConfig().mnist_share, lambda v: 0 <= v <= 1, "data.")
    augment = _take(table, "augment", bool, True, where="data.")
    sets = table.pop("stroke_sets", DataConfig().stroke_sets)
    if not isinstance(sets, dict) or any(
        k not in STROKE_SETS or isinstance(v, bool) or not isinstance(v, int | float) or not 0 <= v < math.inf
        for k, v in sets.items()
    ):
        raise ConfigError(
            f"data.stroke_sets needs weights of at least 0 for some of {', '.join(STROKE_SETS)}."
        )
    if table:
        raise ConfigError(f"data.{sorted(table)[0]} is not a known key.")
    return DataConfig(share, {k: float(v) for k, v in sets.items()}, augment)


def _pen(table: dict[str, Any]) -> dict[str, Any]:
    """Section [pen]: the pen of a profile, and how large a glyph is drawn with it."""
    from calibration.errors import ProfileError
    from calibration.profile import Profile
    from strokebot.pen.response import response_table

    name = _take(table, "profile", str, "", bool, "pen.")
    low, high = _GLYPH_MM
    glyph_mm = _take(table, "glyph_mm", float, 0.0, lambda v: low <= v <= high, "pen.")
    if table:
        raise ConfigError(f"pen.{sorted(table)[0]} is not a known key.")
    try:
        pen = Profile.load(name).pen
    except ProfileError as cause:
        raise ConfigError(f"pen.profile cannot be used: {cause}") from None
    return {"mm_per_canvas": float(glyph_mm), "response": response_table(pen)}


def _take(
    table: dict[str, Any],
    key: str,
    kind: type,
    default: Any,
    allowed: Callable[[Any], bool] = lambda _: True,
    where: str = "",
) -> Any:
    value = table.pop(key, default)
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool) or not allowed(value):
        raise ConfigError(f"{where}{key} is {value!r}, which is not a possible value.")
    return value


def round_weights(count: int) -> list[float]:
    """The weight of the likeness terms after the head and after each round; the last is 1."""
    return list(_ROUND_WEIGHTS[-count:]) if count <= len(_ROUND_WEIGHTS) else [0.4] * (count - 2) + [0.7, 1.0]
