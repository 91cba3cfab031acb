"""Weights on disk: what is saved comes back, and anything else is refused in one clear line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save

from calibration.profile import Profile
from strokebot.errors import ConfigError, WeightsError
from strokebot.model.card import FORMAT_VERSION, Card, read_card
from strokebot.training.networks.article import Dots10, Dots25
from strokebot.training.networks.checkpoint import build_network, load_network, save_weights
from strokebot.training.networks.network import GestureNetwork
from strokebot.training.pens import response_table

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def saved(tmp_path: Path, shaken: GestureNetwork) -> Path:
    """A small network on disk."""
    path = tmp_path / "tiny.safetensors"
    architecture = {"kind": "gesture", **shaken.config.to_table()}
    card = Card(architecture, {"mnist": "CC BY-SA 3.0"}, {"seed": 3}, {"mnist_mse": 0.01})
    save_weights(path, shaken, card, half=False)
    return path


def test_a_measured_pen_comes_back_with_its_network(tmp_path: Path, shaken: GestureNetwork) -> None:
    pen = {"mm_per_canvas": 12.0, "response": response_table(Profile.load("grbl-z").pen)}
    architecture = {"kind": "gesture", **shaken.config.to_table(), "pen": pen}
    network = build_network(architecture)
    network.load_state_dict(shaken.state_dict())  # the pen's table is not among the weights
    path = tmp_path / "measured.safetensors"
    save_weights(path, network, Card(architecture), half=False)
    loaded, _ = load_network(path)
    image = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    drawn = [n.pen(*n(image)) for n in (network.eval(), loaded, shaken.eval())]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    "pen", [3, {}, {"mm_per_canvas": 12.0, "response": {}}, {"mm_per_canvas": "x", "response": {}}]
)
def test_a_damaged_pen_is_refused(pen: Any) -> None:
    with pytest.raises(ConfigError, match="pen"):
        build_network({"kind": "gesture", "pen": pen})


def edit_card(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    change(card)
    path.with_suffix(".json").write_text(json.dumps(card))


def edit_tensors(path: Path, change: Callable[[Tensors], object]) -> None:
    """Changes the tensors and keeps the card's hash true to them."""
    tensors = load_file(path)
    change(tensors)
    data = save(tensors)
    path.write_bytes(data)
    edit_card(path, lambda card: card.update(sha256=hashlib.sha256(data).hexdigest()))


def refused(path: Path, pattern: str) -> None:
    with pytest.raises(WeightsError, match=pattern) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


# --- round trip ---------------------------------------------------------------------------------


def test_what_is_saved_comes_back(saved: Path, shaken: GestureNetwork) -> None:
    network, card = load_network(saved)
    assert card.data == {"mnist": "CC BY-SA 3.0"}
    assert card.training == {"seed": 3}
    assert card.metrics == {"mnist_mse": 0.01}
    assert card.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert not network.training
    for name, tensor in shaken.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name


def test_half_precision_is_half_the_size_and_loads_as_single(tmp_path: Path, shaken: GestureNetwork) -> None:
    card = Card({"kind": "gesture", **shaken.config.to_table()})
    save_weights(tmp_path / "full.safetensors", shaken, card, half=False)
    save_weights(tmp_path / "half.safetensors", shaken, card)
    full, half = ((tmp_path / f"{n}.safetensors").stat().st_size for n in ("full", "half"))
    assert half < 0.6 * full
    network, _ = load_network(tmp_path / "half.safetensors")
    for name, tensor in shaken.state_dict().items():
        assert network.state_dict()[name].dtype == torch.float32
        torch.testing.assert_close(network.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "network"), [("dots-10", Dots10), ("dots-25", Dots25)])
def test_the_articles_networks_come_back(tmp_path: Path, kind: str, network: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    made = network()
    save_weights(tmp_path / "dots.safetensors", made, Card({"kind": kind}), half=False)
    again, _ = load_network(tmp_path / "dots.safetensors")
    image = torch.rand(2, 1, 28, 28)
    assert torch.equal(again(image)[1], made(image)[1])


def test_the_card_is_readable_text(saved: Path) -> None:
    text = saved.with_suffix(".json").read_text()
    assert Card.from_json(text, "here").to_json() == text
    assert json.loads(text)["version"] == FORMAT_VERSION


# --- refusal ------------------------------------------------------------------------------------


def test_missing_weights(saved: Path) -> None:
    saved.unlink()
    refused(saved, "Cannot read the weights")


def test_missing_card(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    refused(saved, "card .* must lie beside")


def test_wrong_hash(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1] + b"\x7f")
    refused(saved, "sha256")


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda c: c.update(version=FORMAT_VERSION + 1), f"format version {FORMAT_VERSION + 1}"),
        (lambda c: c.pop("version"), "format version None"),
        (lambda c: c.update(format="else"), "not the card"),
        (lambda c: c.update(architecture=[]), "damaged"),
        (lambda c: c.pop("sha256"), "damaged"),
        (lambda c: c["architecture"].update(kind="oracle"), "cannot be built.*oracle"),
        (lambda c: c["architecture"].update(head="oracle"), "cannot be built.*model.head"),
        (lambda c: c["architecture"].update(points="many"), "cannot be built.*model.points"),
        (lambda c: c["architecture"].update(colour=1), "cannot be built.*colour"),
        (lambda c: c["architecture"].update(points=9), "do not fit"),
        (lambda c: c["architecture"].update(rounds=0), "do not fit.*corrector"),
    ],
)
def test_a_wrong_card(saved: Path, change: Callable[[dict[str, Any]], object], pattern: str) -> None:
    edit_card(saved, change)
    refused(saved, pattern)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_a_card_that_is_none(saved: Path, text: str) -> None:
    saved.with_suffix(".json").write_text(text)
    refused(saved, "card")


def test_a_card_that_is_not_text(saved: Path) -> None:
    saved.with_suffix(".json").write_bytes(b"\xff\xfe\x00")
    refused(saved, "card")


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda t: t.pop("head.out.bias"), r"head\.out\.bias"),
        (lambda t: t.update(stranger=torch.zeros(1)), "stranger"),
        (lambda t: t.update({"head.out.bias": torch.zeros(5)}), r"head\.out\.bias"),
        (lambda t: t["head.out.bias"].fill_(torch.nan), "finite"),
        (lambda t: t["head.out.bias"].fill_(torch.inf), "finite"),
    ],
    ids=["missing", "too many", "wrong shape", "nan", "inf"],
)
def test_wrong_tensors(saved: Path, change: Callable[[Tensors], object], pattern: str) -> None:
    edit_tensors(saved, change)
    refused(saved, pattern)


def test_a_file_that_is_no_tensors(saved: Path) -> None:
    saved.write_bytes(b"not tensors")
    edit_card(saved, lambda c: c.update(sha256=hashlib.sha256(b"not tensors").hexdigest()))
    refused(saved, "do not fit")


@pytest.mark.parametrize("table", [{"kind": "oracle"}, {"kind": "dots-10", "points": 3}, {"kind": 7}])
def test_an_unknown_kind_is_a_bad_configuration(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=re.escape("model.kind")):
        build_network(table)


def test_reading_a_card_alone(saved: Path) -> None:
    assert read_card(saved).architecture["points"] == 8
