"""A network as ONNX answers as it does in torch, whatever its head."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from strokebot.errors import WeightsError
from strokebot.model.card import Card, read_card
from strokebot.model.predictor import load_predictor
from strokebot.training.networks import export
from strokebot.training.networks.article import Dots10
from strokebot.training.networks.checkpoint import load_network, save_weights
from strokebot.training.networks.network import GestureNetwork


def saved(network: GestureNetwork, folder: Path) -> Path:
    path = folder / "tiny.safetensors"
    save_weights(path, network, Card({"kind": "gesture", **network.config.to_table()}))
    return path


@pytest.mark.slow
def test_each_head_answers_alike(tiny: GestureNetwork, tmp_path: Path) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in tiny.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
        tiny.pen.log_softness.fill_(-1.0)
    path = saved(tiny, tmp_path)
    card = export.export_onnx(path)
    assert card == read_card(path)
    assert card.onnx_sha256 == hashlib.sha256(path.with_suffix(".onnx").read_bytes()).hexdigest()
    assert str(tmp_path).encode() not in path.with_suffix(".onnx").read_bytes()
    predictor = load_predictor(path)
    assert predictor.points == 8
    for count in (1, 5):
        images = np.random.default_rng(count).random((count, 28, 28), dtype=np.float32)
        with torch.inference_mode():
            wanted = tiny(torch.from_numpy(images)[:, None])
        for ours, theirs in zip(predictor.predict_arrays(images), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


@pytest.mark.slow
def test_the_articles_network_draws_any_number_of_glyphs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "dots.safetensors"
    save_weights(path, Dots10(), Card({"kind": "dots-10"}))
    export.export_onnx(path)
    network, _ = load_network(path)
    images = np.random.default_rng(0).random((3, 28, 28), dtype=np.float32)
    start, steps = load_predictor(path).predict_arrays(images)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(images)[:, None])
    np.testing.assert_allclose(start, wanted[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(steps, wanted[1].numpy(), atol=1e-4)


def test_an_export_that_answers_otherwise_is_not_kept(
    shaken: GestureNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(shaken, tmp_path)
    other = load_predictor()  # the shipped network stands for a wrong export
    monkeypatch.setattr(export, "onnx_of", lambda network: b"")
    monkeypatch.setattr(export, "open_session", lambda data: other._session)
    with pytest.raises((WeightsError, ValueError)):
        export.export_onnx(path)
    assert not path.with_suffix(".onnx").exists()
    assert read_card(path).onnx_sha256 == ""


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main([]) == 2
    assert export.main([str(tmp_path / "none.safetensors")]) == 1
    assert capsys.readouterr().err.count("\n") == 2
