"""A configuration is checked where it is read, and the offending key is named."""

from __future__ import annotations

import math
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from calibration.profile import Profile
from strokebot.errors import ConfigError
from strokebot.training.config import (
    DataConfig,
    TrainConfig,
    config_of,
    load_config,
    read_table,
    round_weights,
)
from strokebot.training.hand.config import hand_config_of, is_hand
from strokebot.training.hand.networks import EYE_KIND, PEN_KIND, build_hand
from strokebot.training.networks.checkpoint import build_network
from strokebot.training.pens import MeasuredPen

SHIPPED = sorted(Path(str(resources.files("strokebot.training") / "configs")).glob("*.toml"))


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("")
    assert load_config(tmp_path / "run.toml") == TrainConfig()


def test_values_arrive(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        'name = "mine"\nseed = 4\n[model]\nhead = "gru"\n[data]\nmnist_share = 1\naugment = false\n'
        "stroke_sets = { omniglot = 2 }\n[loss]\norder = [0.5, 0]\n"
        "[train]\nsteps = 7\nlearning_rate = 0.01\ncompile = true\nclip = 0\n"
    )
    config = load_config(tmp_path / "run.toml")
    assert (config.name, config.seed, config.steps, config.compile) == ("mine", 4, 7, True)
    assert config.model == {"head": "gru"}
    assert config.data == DataConfig(1, {"omniglot": 2.0}, augment=False)
    assert config.loss.order == (0.5, 0.0)
    assert config.learning_rate == 0.01


def test_a_pen_of_a_profile_becomes_that_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[pen]\nprofile = "grbl-z"\nglyph_mm = 12\n')
    network = build_network(load_config(tmp_path / "run.toml").model)
    assert isinstance(network.pen, MeasuredPen)
    assert network.pen.mm_per_canvas == 12.0
    pen = Profile.load("grbl-z").pen
    assert network.pen.response.high_mm == pen.max_width_mm
    assert network.pen.log_softness.requires_grad


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configurations_build(path: Path) -> None:
    if is_hand(read_table(path)):
        drawing = hand_config_of(read_table(path), path.name)
        build_hand({"kind": PEN_KIND, **asdict(drawing.pen)})
        build_hand({"kind": EYE_KIND, **asdict(drawing.eye)})
        return
    config = load_config(path)
    assert config.name == path.stem
    build_network(config.model)


def test_there_are_shipped_configurations() -> None:
    assert {"gesture", "dots-10", "dots-25", "dots-25-letters"} <= {p.stem for p in SHIPPED}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"colour": 1}, "colour"),
        ({"name": 3}, "name"),
        ({"name": "../elsewhere"}, "name"),
        ({"name": ""}, "name"),
        ({"seed": -1}, "seed"),
        ({"pen": {"profile": "grbl-z"}}, "pen.glyph_mm"),
        ({"pen": {"profile": "no-such-machine", "glyph_mm": 12}}, "pen.profile"),
        ({"pen": {"glyph_mm": 12}}, "pen.profile"),
        ({"pen": {"profile": "grbl-z", "glyph_mm": 12, "colour": 1}}, "pen.colour"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 10**12}, "seed"),
        ({"train": 3}, "train"),
        ({"data": []}, "data"),
        ({"model": "gru"}, "model"),
        ({"loss": 1}, "loss"),
        ({"train": {"stepz": 1}}, "train.stepz"),
        ({"train": {"model": {}}}, "train.model"),
        ({"train": {"steps": 0}}, "train.steps"),
        ({"train": {"steps": 1.5}}, "train.steps"),
        ({"train": {"steps": True}}, "train.steps"),
        ({"train": {"batch": 10**9}}, "train.batch"),
        ({"train": {"learning_rate": "fast"}}, "train.learning_rate"),
        ({"train": {"learning_rate": math.nan}}, "train.learning_rate"),
        ({"train": {"learning_rate": 0}}, "train.learning_rate"),
        ({"train": {"ema": 1}}, "train.ema"),
        ({"train": {"compile": 1}}, "train.compile"),
        ({"train": {"precision": "fp8"}}, "train.precision"),
        ({"train": {"save_every": 0}}, "train.save_every"),
        ({"data": {"mnist_share": 1.5}}, "data.mnist_share"),
        ({"data": {"mnist_share": "all"}}, "data.mnist_share"),
        ({"data": {"augment": 1}}, "data.augment"),
        ({"data": {"stroke_sets": {"klingon": 1}}}, "data.stroke_sets"),
        ({"data": {"stroke_sets": {"omniglot": -1}}}, "data.stroke_sets"),
        ({"data": {"stroke_sets": {"omniglot": math.inf}}}, "data.stroke_sets"),
        ({"data": {"stroke_sets": 1}}, "data.stroke_sets"),
        ({"data": {"colour": 1}}, "data.colour"),
        ({"loss": {"colour": 1}}, "loss.colour"),
    ],
)
def test_a_bad_value_is_named(table: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(table)
    assert str(caught.value).startswith(f"configuration: {key}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "meant"),
    [
        ({"train": {"stepz": 1}}, "steps"),
        ({"data": {"augmnt": True}}, "augment"),
        ({"data": {"stroke_sets": {"omniglt": 1}}}, "omniglot"),
        ({"loss": {"pixl": 1}}, "pixel"),
        ({"trian": {}}, "train"),
        ({"model": {"heads": "gru"}}, "head"),
    ],
)
def test_a_misspelt_key_is_answered_with_the_nearest(table: dict[str, Any], meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {meant}\\?"):
        build_network(config_of(table).model)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"steps = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.toml"):
        load_config(tmp_path / "run.toml")


@pytest.mark.parametrize("count", range(1, 7))
def test_the_last_round_counts_most(count: int) -> None:
    weights = round_weights(count)
    assert len(weights) == count
    assert weights == sorted(weights)
    assert weights[-1] == 1
