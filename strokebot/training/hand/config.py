"""What a training of the drawing networks is: one TOML file with ``kind = "hand"`` under [model]."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.toml_table import Bounds, Table, check_bounds
from strokebot.errors import ConfigError
from strokebot.training.data.strokes import STROKE_FILES
from strokebot.training.hand.corpus import MADE
from strokebot.training.hand.networks import EyeConfig, PenConfig
from strokebot.training.hand.walks import WALKS_NAME

KIND = "hand"
SOURCES = (*STROKE_FILES, WALKS_NAME, MADE)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
BOUNDS: Bounds = {
    "seed": (0, 1_000_000),
    "rounds": (1, 1_000_000),
    "pictures": (1, 1_000_000),
    "swept": (0, 1),
    "own": (0, 1),
    "own_from": (0, 1_000_000),
    "pen_passes": (1, 100),
    "eye_passes": (1, 100),
    "batch": (1, 65_536),
    "learning_rate": (1e-7, 1.0),
    "weight_decay": (0, 10),
    "ema": (0, 0.99999),
    "clip": (0, 1e6),
    "workers": (0, 256),
}


@dataclass(frozen=True)
class HandConfig:
    """A whole training of the drawing networks.

    A round makes pictures, draws them, and trains on what was seen; checkpoints are made between
    rounds, and nothing in a round depends on anything but (weights, optimiser, seed, round).

    Attributes:
        name: names the output files.
        seed: seed of weights and pictures.
        pen: size of the pen.
        eye: size of the eye.
        sources: how often each source of pictures is drawn from.
        rounds: rounds in all.
        pictures: pictures a round.
        swept: share of the pictures that serve the eye alone.
        own: share of the other pictures that the networks drive.
        own_from: round from which they do.
        pen_passes: how often a round's samples of the pen are gone through.
        eye_passes: the same for the eye.
        batch: samples a step.
        learning_rate: after a round of warm-up, until ``_DECAY_FROM`` of the training; then down to nothing.
        weight_decay: AdamW's.
        ema: decay of the averaged weights that are saved and that drive.
        clip: largest gradient norm; 0 for none.
        workers: processes that make the pictures; 0 makes them in this one. Their number changes nothing
            in what they make.
    """

    name: str = "hand"
    seed: int = 0
    pen: PenConfig = field(default_factory=PenConfig)
    eye: EyeConfig = field(default_factory=EyeConfig)
    sources: dict[str, float] = field(default_factory=lambda: {"unipen_words": 1.0, MADE: 0.1})
    rounds: int = 200
    pictures: int = 512
    swept: float = 0.6
    own: float = 0.5
    own_from: int = 8
    pen_passes: int = 2
    eye_passes: int = 3
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    ema: float = 0.999
    clip: float = 1.0
    workers: int = 0

    def __post_init__(self) -> None:
        if re.fullmatch(_NAME, self.name) is None:
            raise ConfigError(f"name is {self.name!r}: it becomes a file name, of letters, digits and . _ -")
        check_bounds(self, "train", BOUNDS, ConfigError)
        check_bounds(self.pen, "model.pen", {"width": (8, 4096), "blocks": (0, 64)}, ConfigError)
        check_bounds(
            self.eye, "model.eye", {"width": (8, 4096), "blocks": (0, 64), "channels": (1, 512)}, ConfigError
        )
        if not any(self.sources.values()):
            raise ConfigError("data.sources has no source with a share over 0.")


def is_hand(table: dict[str, Any]) -> bool:
    """Whether a configuration, as ``tomllib`` gives it, is one of the drawing networks."""
    model = table.get("model")
    return isinstance(model, dict) and model.get("kind") == KIND


def hand_config_of(table: dict[str, Any], where: str = "configuration") -> HandConfig:
    """Validates a configuration table.

    Raises:
        ConfigError: naming the file and the offending key.
    """
    top = Table(table, "", where, ConfigError)
    model, data, train = (top.section(key) for key in ("model", "data", "train"))
    own = ("name", "seed", "pen", "eye", "sources")
    values: dict[str, Any] = train.fields(HandConfig, leave=own)
    train.finish()
    if model.text("kind") != KIND:
        raise model.fail("kind", f"must be {KIND}.")
    for key, kind in (("pen", PenConfig), ("eye", EyeConfig)):
        part = model.section(key)
        values[key] = kind(**part.fields(kind))
        part.finish()
    model.finish()
    if data.has("sources"):
        sources = data.section("sources")
        values["sources"] = {k: sources.number(k, 0, math.inf) for k in SOURCES if sources.has(k)}
        sources.finish()
    data.finish()
    if top.has("name"):
        values["name"] = top.text("name")
    if top.has("seed"):
        values["seed"] = top.whole("seed")
    top.finish()
    try:
        return HandConfig(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
